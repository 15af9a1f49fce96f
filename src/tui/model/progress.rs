//! A transaction under way: what its journal says so far.

use std::time::Duration;

use super::{Countdown, Write};
use crate::{
    engine::Culprit,
    model::{Outcome, Record, TransactionId},
};

/// A transaction of this session, watched through its journal.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// What is being written.
    pub(crate) write: Write,
    /// Its name, once it exists.
    pub(crate) id: Option<TransactionId>,
    /// It goes on when this program ends.
    pub(crate) outlives_us: bool,
    /// Its journal so far.
    pub(crate) records: Vec<Record>,
    /// When the last record arrived, in the interface's time.
    pub(crate) last: Duration,
    /// A question for news is under way.
    pub(crate) polling: bool,
    /// The journal could not be read the last time, and why.
    pub(crate) trouble: Option<String>,
    /// What was said of whoever carries it out, besides the journal.
    pub(crate) notice: Option<String>,
    /// A person is asked to keep the change.
    pub(crate) countdown: Option<Countdown>,
    /// First line shown; `None` follows the end.
    pub(crate) scroll: Option<usize>,
    /// How it ended.
    pub(crate) ending: Option<Ending>,
}

/// How an attempt to write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// A transaction ran.
    Ended(Outcome),
    /// It never began: nothing was written.
    Refused(String),
    /// Interrupted transactions were finished or undone.
    Recovered(Vec<(TransactionId, Outcome)>),
    /// This program failed while it watched; the journal knows more.
    Unknown(String),
    /// Whoever carried it out is dead, and nothing put it back.
    Lost(String),
}

impl Progress {
    /// A write that was just confirmed.
    pub(crate) const fn new(write: Write, now: Duration) -> Self {
        Self {
            write,
            id: None,
            outlives_us: false,
            records: Vec::new(),
            last: now,
            polling: false,
            trouble: None,
            notice: None,
            countdown: None,
            scroll: None,
            ending: None,
        }
    }

    /// Whom a change that was put back points at, when the others of it can be tried without them.
    pub(crate) fn culprit(&self) -> Option<Culprit> {
        match (&self.write, &self.ending) {
            (Write::Apply(plan), Some(Ending::Ended(Outcome::RolledBack { .. }))) => {
                Culprit::of(plan, &self.records).filter(|culprit| !culprit.others.is_empty())
            }
            _ => None,
        }
    }

    /// The step under way: its index in the plan.
    pub(crate) fn step(&self) -> Option<usize> {
        use crate::model::RecordKind;
        self.records.iter().rev().find_map(|record| match record.kind {
            RecordKind::StepBegun { step, .. } => Some(step),
            _ => None,
        })
    }
}
