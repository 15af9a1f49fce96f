//! What was done: the history, one change in full, putting back, recovering.

use super::{Done, Session, Stop};
use crate::{
    cli::prompt::Question,
    engine::{By, Summary, Terms, Undo},
    model::Outcome,
    report,
};

impl Session<'_> {
    pub(super) fn history(&mut self, words: &[String]) -> Done {
        if let [word] = words {
            let transaction = self.engine.transaction(&self.transaction(word))?;
            let (look, out) = (self.look, self.console.out());
            report::history::write_one(out, &transaction, look)?;
            return match &transaction.plan {
                Some(plan) => {
                    writeln!(out)?;
                    Ok(report::plan::write(out, plan, &self.engine.diff(plan, 3), look)?)
                }
                None => Ok(()),
            };
        }
        let history = self.engine.history()?;
        self.past = history.iter().map(|summary| summary.id.clone()).collect();
        if history.is_empty() {
            return Ok(self.say("Nothing was changed here yet.")?);
        }
        for (number, summary) in (1..).zip(&history) {
            let (look, out) = (self.look, self.console.out());
            write!(out, "{number:>3} ")?;
            report::history::line(out, summary, look)?;
        }
        Ok(self.say("rollback 1 puts the first back, history 1 shows it in full.")?)
    }

    /// A number of the latest history, or the beginning of an id.
    fn transaction(&self, word: &str) -> String {
        let numbered = word.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match numbered.and_then(|index| self.past.get(index)) {
            Some(id) => id.0.clone(),
            None => word.to_owned(),
        }
    }

    pub(super) fn roll_back(&mut self, words: &[String]) -> Done {
        self.may_write()?;
        let undo = match words {
            [] => Undo::Last,
            [word] if word == "all" => Undo::All,
            [word] if word == "last" => Undo::Last,
            [word] => match word.parse() {
                Ok(control) => Undo::Control(control),
                Err(_) => Undo::Transaction(self.transaction(word)),
            },
            _ => return Err(Stop::Because("say one number of the history".to_owned())),
        };
        let rollback = self.engine.plan_rollback(&undo)?;
        let plan = &rollback.plan;
        let (look, out) = (self.look, self.console.out());
        report::plan::write(out, plan, &self.engine.diff(plan, 3), look)?;
        for note in &rollback.notes {
            writeln!(out, "{note}")?;
        }
        if let Some(why) = rollback.refusal() {
            return Err(Stop::Because(why));
        }
        if plan.is_empty() {
            self.say("Nothing of it is left in place.")?;
            if Question::Yes.ask("Note it as undone", self.console)? {
                let id = self.engine.note_rollback(&rollback)?;
                self.say(&format!("Noted as undone by {id}."))?;
            }
            return Ok(());
        }
        let engine = self.engine;
        let done = self.carry_out(
            plan,
            "Put this back",
            Terms::default(),
            &|terms| engine.check_rollback(&rollback, terms),
            &|terms| engine.rollback(&rollback, terms),
        )?;
        done.map_or(Ok(()), |_| self.verdicts(plan))
    }

    pub(super) fn recover(&mut self) -> Done {
        self.may_write()?;
        self.rescan()?;
        let unfinished = self.scanned()?.unfinished.clone();
        for id in &unfinished {
            self.say(&format!("Transaction {id} did not end."))?;
        }
        let stuck = |latest: &Summary| matches!(latest.outcome, Some(Outcome::Stuck { .. }));
        let what = if !unfinished.is_empty() {
            "Recovering finishes or undoes it. Recover"
        } else if self.engine.history()?.first().is_some_and(stuck) {
            "Nothing was interrupted. Try again what is stuck"
        } else {
            return Ok(self.say("Nothing was interrupted, and nothing is stuck.")?);
        };
        if !Question::Yes.ask(what, self.console)? {
            return Ok(self.say("Nothing was written.")?);
        }
        let recovered = self.engine.recover(By::Person)?;
        if recovered.is_empty() {
            self.say("Nothing to recover.")?;
        }
        for (id, outcome) in recovered {
            self.say(&format!("Transaction {id}:"))?;
            self.ended(outcome)?;
        }
        self.rescan()
    }
}
