//! What reaches [`super::update`] and what it asks for: messages in, effects out, both plain data.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use ratatui::crossterm::event::KeyEvent;

use crate::{
    engine::{
        Answer, EngineError, Health, LogLine, RollbackPlan, Scan, Summary, Terms, Transaction, Undo,
    },
    model::{ControlId, Outcome, Plan, Record, TransactionId},
    text::diff::FileDiff,
};

/// Everything that can happen. Times are counted from the start of the interface.
#[derive(Debug)]
pub enum Msg {
    /// A key, and when it was pressed.
    Key(KeyEvent, Duration),
    /// Text was pasted.
    Paste(String),
    /// The terminal has this size now.
    Resize(u16, u16),
    /// Time has passed.
    Tick(Duration),
    /// What the model says is on the screen since then.
    Drawn(Duration),
    /// The system asks the program to leave (SIGTERM, SIGHUP), or the terminal is gone.
    Leave(String),
    /// The system asks the program to stand still until it is called back (SIGTSTP).
    Suspend,
    /// The program stood still and goes on (SIGCONT): others may have used the terminal meanwhile.
    Resumed,
    /// What was done outside so far; it is watched.
    Logged(Vec<LogLine>),
    /// A job has a result.
    Job(JobMsg),
}

/// The result of an effect.
#[derive(Debug)]
pub enum JobMsg {
    /// Of [`Effect::Scan`].
    Scanned(Result<Arc<Scan>, EngineError>),
    /// Of [`Effect::Plan`].
    Planned {
        /// The controls that were asked for.
        controls: BTreeSet<ControlId>,
        /// The plan with its differences.
        result: Result<Planned, EngineError>,
    },
    /// Of [`Effect::Diff`].
    Diffed {
        /// The plan that was asked for.
        plan: Arc<Plan>,
        /// Lines around each hunk.
        context: usize,
        /// Its differences.
        diffs: Vec<FileDiff>,
    },
    /// Of [`Effect::PlanRollback`].
    RollbackPlanned {
        /// What was asked for.
        undo: Undo,
        /// The undo with its differences.
        result: Result<(Arc<RollbackPlan>, Vec<FileDiff>), EngineError>,
    },
    /// Of [`Effect::Check`].
    Checked {
        /// What was asked about.
        question: (Intent, Terms),
        /// Whether the node would take it.
        result: Result<(), EngineError>,
    },
    /// Of [`Effect::Apply`], [`Effect::Rollback`] and [`Effect::Decide`]: the transaction exists, or nothing was written.
    Started(Result<Begun, EngineError>),
    /// Of [`Effect::Poll`].
    Polled(Result<Polled, EngineError>),
    /// Of [`Effect::Answer`]: it was asked; the journal tells the rest.
    Answered(Result<(), EngineError>),
    /// Of [`Effect::NoteRollback`].
    Noted(Result<TransactionId, EngineError>),
    /// Of [`Effect::Recover`].
    Recovered(Result<Vec<(TransactionId, Outcome)>, EngineError>),
    /// Of [`Effect::History`].
    History(Result<Vec<Summary>, EngineError>),
    /// Of [`Effect::Health`].
    Health(Result<Box<Health>, EngineError>),
    /// Of [`Effect::Transaction`].
    Transaction(Result<Box<Transaction>, EngineError>),
    /// The job failed in a way that is a bug of this program.
    Panicked {
        /// What was being done.
        during: &'static str,
        /// What the panic said.
        message: String,
    },
}

/// A plan and what it changes.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan: what is applied is this value and no other.
    pub plan: Arc<Plan>,
    /// File by file, in order of execution.
    pub diffs: Vec<FileDiff>,
}

/// A transaction that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Its name.
    pub id: TransactionId,
    /// It goes on when this program ends.
    pub outlives_us: bool,
}

/// News of a transaction under way.
#[derive(Debug, Clone)]
pub struct Polled {
    /// The node's clock.
    pub now: Timestamp,
    /// Journal records since the last time.
    pub records: Vec<Record>,
    /// What the journal does not tell, once: whoever carries it out is dead.
    pub notice: Option<String>,
    /// How it ended; `None` while it is under way.
    pub outcome: Option<Outcome>,
}

/// What is meant to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Fixes.
    Apply(Arc<Plan>),
    /// An undo.
    Rollback(Arc<RollbackPlan>),
}

/// Something the interface wants done; the job thread does one at a time, in order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Read the node and judge it.
    Scan,
    /// Plan the fixes of these controls.
    Plan {
        /// The scan they come from.
        scan: Arc<Scan>,
        /// Which.
        controls: BTreeSet<ControlId>,
        /// Lines around each hunk.
        context: usize,
    },
    /// Show a plan's differences with more or fewer lines around each hunk.
    Diff {
        /// The plan.
        plan: Arc<Plan>,
        /// Lines around each hunk.
        context: usize,
    },
    /// Plan an undo.
    PlanRollback {
        /// Of what.
        undo: Undo,
        /// Lines around each hunk.
        context: usize,
    },
    /// Ask whether the node would take it on these terms; writes nothing.
    Check(Intent, Terms),
    /// Apply a plan that was shown and confirmed, on the terms that were shown with it.
    Apply(Arc<Plan>, Terms),
    /// Run an undo that was shown and confirmed, on the terms that were shown with it.
    Rollback(Arc<RollbackPlan>, Terms),
    /// Note an undo that finds nothing left to put back, as was confirmed.
    NoteRollback(Arc<RollbackPlan>),
    /// Ask something of the transaction that waits.
    Answer(TransactionId, Answer),
    /// Keep a change that stayed although nobody confirmed it, or put it back, as was confirmed.
    Decide(TransactionId, Answer),
    /// Finish or undo what was interrupted.
    Recover,
    /// Ask what the transaction under way has written into its journal.
    Poll,
    /// Read the list of transactions.
    History,
    /// Look how the node stands now.
    Health,
    /// Read one transaction.
    Transaction(TransactionId),
}

impl Effect {
    /// What is being done, as a person reads it.
    pub const fn doing(&self) -> &'static str {
        match self {
            Self::Scan => "reading the node",
            Self::Plan { .. } | Self::Diff { .. } => "planning",
            Self::PlanRollback { .. } => "planning the roll back",
            Self::Check(..) => "looking whether this node takes it",
            Self::Apply(..) => "starting to apply",
            Self::Rollback(..) => "starting to roll back",
            Self::NoteRollback(_) => "noting the roll back",
            Self::Answer(..) | Self::Decide(..) => "answering",
            Self::Recover => "recovering",
            Self::Poll => "reading the journal",
            Self::Health => "asking the node how it is",
            Self::History | Self::Transaction(_) => "reading the history",
        }
    }

    /// Leads to writing on the node.
    pub const fn writes(&self) -> bool {
        matches!(
            self,
            Self::Apply(..)
                | Self::Rollback(..)
                | Self::NoteRollback(_)
                | Self::Recover
                | Self::Decide(..)
        )
    }
}
