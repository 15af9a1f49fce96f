//! Floor 6: use cases — the only thing the faces call.
//!
//! A transaction runs on a thread of its own; whoever started it watches its journal ([`Running::poll`]),
//! exactly as another process would.
use std::sync::Arc;

use crate::{
    catalog::{Catalog, CatalogError, Numbered},
    model::{
        BenchmarkId, ControlId, Level, NodeFacts, Outcome, Plan, Record, Report, Tier,
        TransactionId, component::Target, journal::Purpose,
    },
    node::{Node, NodeError, NodeKind},
    text::diff::FileDiff,
};

/// What the user asked for globally.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `--benchmark`; else chosen by the Kubernetes version.
    pub benchmark: Option<BenchmarkId>,
    /// `--read-only`.
    pub read_only: bool,
}

/// Everything that can go wrong before a transaction exists, each with the exit code of the product's table.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum EngineError {
    /// Exit 1.
    #[error("internal error: {0}")]
    Internal(String),
    /// Exit 2: bad input given by the user.
    #[error("{0}")]
    Usage(String),
    /// Exit 3.
    #[error("{0}")]
    NothingToJudge(String),
    /// Exit 4.
    #[error("{0}")]
    NotAllowed(String),
    /// Exit 5.
    #[error("{0}")]
    Locked(String),
    /// Exit 20: refused before any write.
    #[error("refused, nothing was written: {0}")]
    Refused(String),
    /// Exit 2.
    #[error("remediations: {0}")]
    Catalog(#[from] CatalogError),
    /// Exit 1, or 4 when permission was denied.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// Narrows a scan.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// kube-bench targets; empty means all.
    pub targets: Vec<Target>,
    /// Control ids; empty means all.
    pub checks: Vec<ControlId>,
    /// Sections (`1.2`, `4`); empty means all.
    pub sections: Vec<String>,
    /// Highest CIS level.
    pub level: Option<Level>,
}

/// One scan: the facts and the verdicts on them.
#[derive(Debug, Clone)]
pub struct Scan {
    /// What was read.
    pub facts: Arc<NodeFacts>,
    /// What it means.
    pub report: Report,
    /// The controls judged, under their numbers.
    pub controls: Arc<Vec<Numbered>>,
    /// Transactions that did not end: nothing is written until they are recovered.
    pub unfinished: Vec<TransactionId>,
}

/// Which fixes to plan.
#[derive(Debug, Clone)]
pub enum Selection {
    /// These controls.
    Controls(Vec<ControlId>),
    /// Every failing control with an offered fix, up to a tier.
    UpTo(Tier),
    /// `--apply-safe`.
    Safe {
        /// `--allow-single`.
        allow_single: bool,
        /// `--max-restarts`.
        max_restarts: Option<usize>,
    },
}

/// Which earlier changes to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// One transaction, by id or unambiguous prefix.
    Transaction(String),
    /// The latest that can be undone.
    Last,
    /// What was done for one control, in every transaction.
    Control(ControlId),
    /// Everything.
    All,
}

/// A rollback as a plan against today's node, to be shown before it is run.
#[derive(Debug, Clone)]
pub struct RollbackPlan {
    /// The transactions it undoes, latest first.
    pub of: Vec<TransactionId>,
    /// The changes; `plan.controls` are the controls undone.
    pub plan: Plan,
    /// Places where later changes stand in the way; with any of these it is refused.
    pub conflicts: Vec<String>,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its name; sorts by time.
    pub id: TransactionId,
    /// What it was for.
    pub purpose: Purpose,
    /// How it ended; `None` while it runs or when it was interrupted.
    pub outcome: Option<Outcome>,
    /// Files it touched.
    pub files: Vec<String>,
    /// Later transaction that undid it, if any.
    pub undone_by: Option<TransactionId>,
    /// Its journal or backup is damaged: what is wrong.
    pub damage: Option<String>,
}

/// A transaction in full: what was planned and every journal record.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// The line of the history.
    pub summary: Summary,
    /// The plan, when it can still be read.
    pub plan: Option<Plan>,
    /// The journal.
    pub records: Vec<Record>,
}

/// The use cases.
#[derive(Debug, Clone)]
pub struct Engine {
    node: Arc<dyn Node>,
    catalog: Arc<Catalog>,
    settings: Settings,
}

/// A transaction under way on its own thread. Dropping it does not stop the transaction.
#[derive(Debug)]
pub struct Running {}

impl Running {
    /// Its name.
    pub fn id(&self) -> &TransactionId {
        todo!()
    }

    /// Journal records written since the last call. Never blocks.
    pub fn poll(&mut self) -> Result<Vec<Record>, EngineError> {
        todo!()
    }

    /// The outcome once the transaction has ended and all its records were polled.
    pub fn outcome(&self) -> Option<&Outcome> {
        todo!()
    }

    /// Waits for the end, handing every record to `each`.
    pub fn wait(self, each: &mut dyn FnMut(&Record)) -> Result<Outcome, EngineError> {
        let _ = each;
        todo!()
    }
}

impl Engine {
    /// Puts the parts together; reads nothing yet.
    pub fn new(node: Arc<dyn Node>, catalog: Arc<Catalog>, settings: Settings) -> Self {
        Self { node, catalog, settings }
    }

    /// What kind of node this is.
    pub fn kind(&self) -> NodeKind {
        self.node.kind()
    }

    /// Why nothing can be written here (`--read-only`, not root, `--root` without `--offline`); `None` when it can.
    pub fn read_only_reason(&self) -> Option<String> {
        todo!()
    }

    /// Reads the node and judges it.
    pub fn scan(&self, filter: &Filter) -> Result<Scan, EngineError> {
        let _ = filter;
        todo!()
    }

    /// Plans fixes.
    pub fn plan(&self, scan: &Scan, selection: &Selection) -> Result<Plan, EngineError> {
        let _ = (scan, selection);
        todo!()
    }

    /// What a plan would change, file by file, in order of execution.
    pub fn diff(&self, plan: &Plan, context: usize) -> Vec<FileDiff> {
        let _ = (plan, context);
        todo!()
    }

    /// Starts applying a plan. All refusals come from here, before any write.
    pub fn apply(&self, plan: &Plan) -> Result<Running, EngineError> {
        let _ = plan;
        todo!()
    }

    /// Plans an undo against today's node.
    pub fn plan_rollback(&self, undo: &Undo) -> Result<RollbackPlan, EngineError> {
        let _ = undo;
        todo!()
    }

    /// Starts an undo that was shown before.
    pub fn rollback(&self, plan: &RollbackPlan) -> Result<Running, EngineError> {
        let _ = plan;
        todo!()
    }

    /// Every transaction, latest first.
    pub fn history(&self) -> Result<Vec<Summary>, EngineError> {
        todo!()
    }

    /// One transaction in full, by id or unambiguous prefix.
    pub fn transaction(&self, id: &str) -> Result<Transaction, EngineError> {
        let _ = id;
        todo!()
    }

    /// Finishes or undoes what was interrupted.
    pub fn recover(&self) -> Result<Vec<(TransactionId, Outcome)>, EngineError> {
        todo!()
    }

    /// A control of the benchmark in force (or of `--benchmark`), by id.
    pub fn explain(&self, id: &ControlId) -> Result<Numbered, EngineError> {
        let _ = id;
        todo!()
    }
}
