//! Line mode: the whole journey as a talk, for screen readers, serial consoles and dumb terminals.
//!
//! Every answer is a line, and everything is appended: nothing moves the cursor, nothing is drawn again, no
//! line is wider than a terminal, and each sign comes with a word. It asks the engine what every face asks.

use std::{collections::BTreeSet, io};

use super::{
    console::{Console, Gone},
    watch::Watch,
};
use crate::{
    engine::{Engine, EngineError, Filter, Scan},
    model::{ControlId, Outcome, Score, Status, TransactionId},
    node::NodeKind,
    report::{self, Look, style::BOLD},
    text::printable::one_line,
};

mod change;
mod findings;
mod health;
mod past;
#[cfg(test)]
mod tests;
mod words;

use words::{VERBS, Verb, parse};

/// A talk about one node.
pub(super) struct Session<'s> {
    engine: &'s Engine,
    console: &'s mut dyn Console,
    look: Look,
    by: &'s str,
    scan: Option<Scan>,
    /// What the numbers of the latest list mean.
    listed: Vec<ControlId>,
    /// What the numbers of the latest history mean.
    past: Vec<TransactionId>,
    /// Fixes that are to be planned together.
    picked: BTreeSet<ControlId>,
    /// How the latest transaction of this session ended.
    outcome: Option<Outcome>,
}

/// Why something was not done to its end.
enum Stop {
    /// Nobody answers any more.
    Gone(Gone),
    /// For a reason that is told; the talk goes on.
    Because(String),
    /// The person leaves; what there is to say was said.
    Left,
}

impl From<Gone> for Stop {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Gone(Gone::Failed(error))
    }
}

impl From<EngineError> for Stop {
    fn from(error: EngineError) -> Self {
        Self::Because(error.to_string())
    }
}

type Done = Result<(), Stop>;

impl<'s> Session<'s> {
    /// A talk that has not begun.
    pub(super) fn new(
        engine: &'s Engine,
        console: &'s mut dyn Console,
        look: Look,
        by: &'s str,
    ) -> Self {
        Self {
            engine,
            console,
            look,
            by,
            scan: None,
            listed: Vec::new(),
            past: Vec::new(),
            picked: BTreeSet::new(),
            outcome: None,
        }
    }

    /// Talks until the person leaves. Says how the latest transaction ended.
    pub(super) fn run(mut self) -> anyhow::Result<Option<Outcome>> {
        let mut done = self.greet();
        loop {
            match done {
                Ok(()) => {}
                Err(Stop::Because(why)) => self.say(&format!("Not done: {}", one_line(&why)))?,
                Err(Stop::Left) => return Ok(self.outcome),
                Err(Stop::Gone(Gone::Failed(error))) => return Err(error.into()),
                Err(Stop::Gone(Gone::Interrupted | Gone::Ended)) => {
                    self.say("\nLeft. No change is under way, and nothing more is written.")?;
                    return Ok(self.outcome);
                }
            }
            done = self.turn();
        }
    }

    fn turn(&mut self) -> Done {
        let prompt = match self.picked.len() {
            0 => "What next? (help)".to_owned(),
            picked => format!("{picked} picked. What next? (help)"),
        };
        let line = self.console.ask(&prompt, &|line| parse(line).err())?;
        let (verb, rest) = parse(&line).map_err(Stop::Because)?;
        match verb {
            Verb::List => self.list(&rest),
            Verb::Pick => self.pick(&rest),
            Verb::Drop => self.drop_picked(&rest),
            Verb::Show => self.show(&rest),
            Verb::Explain => self.explain(&rest),
            Verb::Plan => self.plan().map(drop),
            Verb::Apply => self.apply(),
            Verb::History => self.history(&rest),
            Verb::Rollback => self.roll_back(&rest),
            Verb::Recover => self.recover(),
            Verb::Health => self.health(),
            Verb::Scan => self.rescan().and_then(|()| self.standing()),
            Verb::Help => self.help(),
            Verb::Quit => Err(Stop::Left),
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.console.out(), "{text}")
    }

    fn greet(&mut self) -> Done {
        let version = env!("CARGO_PKG_VERSION");
        self.say(&format!(
            "{BOLD}kube-temper {version}, line mode.{BOLD:#} Every answer is a line; nothing is drawn again."
        ))?;
        let why = self.engine.read_only_reason();
        match (self.engine.kind(), &why) {
            (NodeKind::Simulated, _) => {
                self.say("This is the demo: a recorded node, simulated. Nothing real is touched.")?;
            }
            (_, Some(_)) => {}
            (NodeKind::Live, None) => self.say("This is a live node: changes are real.")?,
            (_, None) => self.say("This is an image or a recording: its files may be changed.")?,
        }
        if let Some(why) = why {
            self.say(&format!("Read-only: {}.", one_line(&why)))?;
        }
        self.rescan()?;
        self.standing()?;
        self.say("help lists what you can say; list shows what fails; quit leaves.")?;
        Ok(())
    }

    /// Reads the node again. What passes now is no longer picked.
    fn rescan(&mut self) -> Done {
        let scan = self.engine.scan(&Filter::default())?;
        self.picked.retain(|id| {
            scan.report.finding(id).is_some_and(|finding| finding.status != Status::Pass)
        });
        self.scan = Some(scan);
        Ok(())
    }

    /// The node and its score.
    fn standing(&mut self) -> Done {
        let Some(scan) = &self.scan else { return Ok(()) };
        let report = &scan.report;
        let out = self.console.out();
        writeln!(out)?;
        report::scan::header(out, report)?;
        for notice in &report.notices {
            writeln!(out, "note: {}", one_line(notice))?;
        }
        if let Some(why) = report.distribution.refusal() {
            writeln!(out, "No fixes here: {}", one_line(why))?;
        }
        for id in &scan.unfinished {
            writeln!(out, "Transaction {id} did not end: say recover before anything else.")?;
        }
        writeln!(out, "{}", score(report.score()))?;
        Ok(report::scan::counts(out, report, self.look)?)
    }

    fn scanned(&self) -> Result<&Scan, Stop> {
        self.scan
            .as_ref()
            .ok_or_else(|| Stop::Because("the node was not read: say scan".to_owned()))
    }

    /// Says no where nothing can be written, before anything is asked.
    fn may_write(&self) -> Done {
        let why = self.engine.read_only_reason();
        why.map_or(Ok(()), |why| Err(Stop::Because(format!("read-only: {why}"))))
    }

    fn watch(&mut self) -> Watch<'_> {
        Watch {
            engine: self.engine,
            console: &mut *self.console,
            look: self.look,
            by: self.by,
            ask: true,
        }
    }

    fn help(&mut self) -> Done {
        let out = self.console.out();
        writeln!(out, "Say one of these; the first letters are enough.")?;
        for (_, words, about) in VERBS {
            writeln!(out, "  {words:<18} {about}")?;
        }
        writeln!(
            out,
            "NUMBERS are those of the latest list, such as 1 3-5. Enter alone does nothing."
        )?;
        Ok(())
    }
}

fn score(score: Score) -> String {
    let judged = score.pass + score.fail;
    score.percent().map_or_else(
        || "No score: no automated control was judged.".to_owned(),
        |percent| format!("Score {percent}%: {} of {judged} automated controls pass.", score.pass),
    )
}
