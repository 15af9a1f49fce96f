//! A change: shown, agreed to, watched to its end.

use std::time::Duration;

use super::{Done, Session, Stop};
use crate::{
    cli::{
        prompt::Question,
        watch::{Seen, detached},
    },
    engine::{Allowance, Culprit, EngineError, Running, Selection, Terms, Transaction},
    model::{ControlId, Outcome, Plan, TransactionId},
    node::NodeKind,
    report,
};

/// How long a person has to keep what restarted a component.
const CONFIRM_WITHIN: Duration = Duration::from_secs(5 * 60);

/// Asks the engine something about the change on these terms.
type Ask<'a, T> = &'a dyn Fn(&Terms) -> Result<T, EngineError>;

impl Session<'_> {
    /// Shows what is picked, as the diff that would be written.
    pub(super) fn plan(&mut self) -> Result<Plan, Stop> {
        if self.picked.is_empty() {
            return Err(Stop::Because("nothing is picked: list, then pick 1".to_owned()));
        }
        let ids: Vec<ControlId> = self.picked.iter().cloned().collect();
        let plan = self.engine.plan(self.scanned()?, &Selection::Controls(ids))?;
        let diffs = self.engine.diff(&plan, 3);
        report::plan::write(self.console.out(), &plan, &diffs, self.look)?;
        if plan.is_empty() {
            return Err(Stop::Because("nothing of it would change a file".to_owned()));
        }
        Ok(plan)
    }

    pub(super) fn apply(&mut self) -> Done {
        self.may_write()?;
        let plan = self.plan()?;
        let engine = self.engine;
        let terms = Terms { confirm_within: Some(CONFIRM_WITHIN), ..Terms::default() };
        let id = self.carry_out(
            &plan,
            "Apply this",
            terms,
            &|terms| engine.check_apply(&plan, terms),
            &|terms| engine.apply(&plan, terms),
        )?;
        let Some(id) = id else { return Ok(()) };
        if let Some(culprit) = self.culprit(&id)? {
            return self.go_on_without(&culprit);
        }
        self.verdicts(&plan)
    }

    /// What the controls of a change are once it is done.
    pub(super) fn verdicts(&mut self, plan: &Plan) -> Done {
        if self.outcome != Some(Outcome::Committed) {
            return Ok(());
        }
        let report = &self.scanned()?.report;
        let now: Vec<String> = plan
            .controls
            .iter()
            .filter_map(|planned| report.finding(&planned.control))
            .map(|finding| format!("{} is {} now.", finding.control, finding.status))
            .collect();
        now.iter().try_for_each(|line| Ok(self.say(line)?))
    }

    /// Whom a change that was put back points at, when the others of it can be tried without them.
    fn culprit(&self, id: &TransactionId) -> Result<Option<Culprit>, Stop> {
        if !matches!(self.outcome, Some(Outcome::RolledBack { .. })) {
            return Ok(None);
        }
        let Transaction { plan, records, .. } = self.engine.transaction(&id.0)?;
        let culprit = plan.and_then(|plan| Culprit::of(&plan, &records));
        Ok(culprit.filter(|culprit| !culprit.others.is_empty()))
    }

    /// Offers the rest of a change without whom it points at.
    fn go_on_without(&mut self, Culprit { controls, others }: &Culprit) -> Done {
        let (likely, others) = (names(controls), names(others));
        self.say(&format!("Likely it was {likely}."))?;
        if !Question::Yes.ask(&format!("Plan {others} without {likely}"), self.console)? {
            let words = likely.replace(',', "");
            return Ok(self.say(&format!("Everything stays picked: drop {words} does without."))?);
        }
        for control in controls {
            self.picked.remove(control);
        }
        self.apply()
    }

    /// Asks the node, then the person; carries it out and watches. What a refusal names as the way on is asked
    /// for, each by itself. The transaction, if there was one.
    pub(super) fn carry_out(
        &mut self,
        plan: &Plan,
        what: &str,
        mut terms: Terms,
        check: Ask<'_, ()>,
        begin: Ask<'_, Running>,
    ) -> Result<Option<TransactionId>, Stop> {
        loop {
            self.say("Looking whether this node would take it; nothing is written yet.")?;
            if let Err(error) = check(&terms) {
                self.allow(&error.to_string(), &mut terms)?;
                continue;
            }
            if !Question::for_plan(plan).ask(what, self.console)? {
                self.say("Nothing was written.")?;
                return Ok(None);
            }
            let mut running = begin(&terms)?;
            let id = running.id().clone();
            self.say(&format!("Transaction {id}."))?;
            let outcome = self.watched(&mut running)?;
            if let Outcome::Refused { cause } = &outcome
                && Allowance::named_in(cause, &terms).is_some()
            {
                self.allow(cause, &mut terms)?;
                continue;
            }
            self.ended(outcome)?;
            self.rescan()?;
            if self.scanned()?.unfinished.contains(&id) {
                self.say("Say recover to put it back from here.")?;
            }
            return Ok(Some(id));
        }
    }

    /// Asks for what the refusal names; stops where it names nothing, or the person does not allow it.
    fn allow(&mut self, refusal: &str, terms: &mut Terms) -> Done {
        let Some(allowance) = Allowance::named_in(refusal, terms) else {
            return Err(Stop::Because(refusal.to_owned()));
        };
        self.say(&format!("As it is: {refusal}"))?;
        self.say(&format!("You may allow it: {}.", allowance.words()))?;
        self.say(&format!("What follows: {}.", allowance.consequence()))?;
        if !Question::Yes.ask("Allow it for this change", self.console)? {
            return Err(Stop::Because("it was not allowed; nothing was written".to_owned()));
        }
        terms.allow(allowance);
        Ok(())
    }

    /// Watches to the end, or to Ctrl-C: then what goes on without this program is said, and what it must see
    /// to its end is waited for.
    fn watched(&mut self, running: &mut Running) -> Result<Outcome, Stop> {
        let seen = match self.watch().follow(running, &|_| false) {
            Ok(seen) => seen,
            Err(error) => {
                return match error.downcast::<EngineError>() {
                    Ok(EngineError::Lost(cause)) => Ok(Outcome::lost(cause)),
                    Ok(error) => Err(error.into()),
                    Err(error) => Err(told(error)),
                };
            }
        };
        match seen {
            Seen::End(outcome) => Ok(outcome),
            Seen::Enough => Err(Stop::Left),
            Seen::Left if running.outlives_us() => {
                self.say(&format!("\n{}", detached(&running.id().0).trim_end()))?;
                Err(Stop::Left)
            }
            Seen::Left if self.engine.kind() == NodeKind::Simulated => {
                self.say(
                    "\nLeft. The simulated node ends with this program; nothing real was touched.",
                )?;
                Err(Stop::Left)
            }
            Seen::Left => {
                self.say(
                    "\nLeaving; first the change comes to its end, it is not left half done.",
                )?;
                let outcome = loop {
                    running.poll()?;
                    if let Some(outcome) = running.outcome() {
                        break outcome.clone();
                    }
                    running.rest();
                };
                self.ended(outcome)?;
                Err(Stop::Left)
            }
        }
    }

    /// Says how it ended.
    pub(super) fn ended(&mut self, outcome: Outcome) -> Done {
        report::history::write_ending(self.console.out(), &outcome, self.look)?;
        for command in report::history::by_hand(&outcome) {
            self.console.verbatim(&command)?;
        }
        self.outcome = Some(outcome);
        Ok(())
    }
}

/// `1.3.2, 1.4.1`.
fn names(controls: &[ControlId]) -> String {
    controls.iter().map(ControlId::as_str).collect::<Vec<_>>().join(", ")
}

/// What went wrong while watching, as the talk tells it.
fn told(error: anyhow::Error) -> Stop {
    match error.downcast::<std::io::Error>() {
        Ok(error) => error.into(),
        Err(error) => Stop::Because(format!("{error:#}")),
    }
}
