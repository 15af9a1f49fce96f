//! Floor 6: use cases — the only thing the faces call.
//!
//! A transaction runs on a thread or in a process of its own; whoever started it watches its journal
//! ([`Running::poll`]), exactly as anybody else would.

mod allowance;
mod change;
mod guard;
mod judge;
mod log;
mod peers;
mod running;

use std::sync::Arc;

use crate::{
    apply,
    catalog::{Catalog, CatalogError, Numbered},
    cluster::{Cluster, Reader},
    model::{
        BenchmarkId, ControlId, Level, NodeFacts, Plan, Record, Report, Target, Tier, TransactionId,
    },
    node::{Node, NodeError, NodeKind, collect::collect},
    store::{FindError, Store, StoreError},
    text::diff::{self, FileDiff},
};

pub use crate::{
    apply::{
        Culprit,
        health::{Asked, ClusterHealth, ComponentHealth, Health, Open},
        recover::By,
        rollback::RollbackPlan,
        watched::{Watched, watched},
    },
    store::Summary,
};
pub use allowance::Allowance;
pub use guard::{Answer, Terms};
pub use log::{Log, LogEnd, LogKind, LogLine, LogWho, note_of_guard};
pub use running::Running;

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
    /// Exit 30: whoever carried out a transaction is gone, and what it left is not known.
    #[error("{0}")]
    Lost(String),
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
    /// The node alone: the API server is not asked for verdicts.
    pub node_only: bool,
}

impl Filter {
    /// All that the node alone can tell, as plans and transactions need it.
    pub fn of_node() -> Self {
        Self { node_only: true, ..Self::default() }
    }
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
    /// Somebody holds the lock: one of them may be under way.
    pub busy: bool,
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
    cluster: Option<Arc<dyn Cluster>>,
    reader: Option<Arc<dyn Reader>>,
    log: Option<Log>,
}

impl Engine {
    /// Puts the parts together; reads nothing yet.
    pub fn new(node: Arc<dyn Node>, catalog: Arc<Catalog>, settings: Settings) -> Self {
        Self { node, catalog, settings, cluster: None, reader: None, log: None }
    }

    /// Asks the API server too, where a transaction needs it.
    #[must_use]
    pub fn in_cluster(mut self, cluster: Option<Arc<dyn Cluster>>) -> Self {
        self.cluster = cluster;
        self
    }

    /// Reads this cluster for its verdicts, instead of the one the node itself has credentials for.
    #[must_use]
    pub fn reading(mut self, reader: Option<Arc<dyn Reader>>) -> Self {
        self.reader = reader;
        self
    }

    /// What kind of node this is.
    pub fn kind(&self) -> NodeKind {
        self.node.kind()
    }

    /// Why nothing can be written here; `None` when it can.
    pub fn read_only_reason(&self) -> Option<String> {
        if self.settings.read_only {
            return Some("--read-only was given".to_owned());
        }
        match self.node.kind() {
            NodeKind::ReadOnlyRoot => Some(
                "another root is read only unless --offline says that it is an image or a recording"
                    .to_owned(),
            ),
            NodeKind::Simulated => None,
            NodeKind::Live | NodeKind::Offline => {
                self.lacks_rights().then(|| "changes need root: run it with sudo".to_owned())
            }
        }
    }

    /// Another user than root, where that is all that stands in the way.
    fn lacks_rights(&self) -> bool {
        !self.settings.read_only
            && matches!(self.node.kind(), NodeKind::Live | NodeKind::Offline)
            && self.node.uid() != 0
    }

    /// What a plan would change, file by file, in order of execution.
    pub fn diff(&self, plan: &Plan, context: usize) -> Vec<FileDiff> {
        plan.changes().map(|change| diff::of_change(change, context)).collect()
    }

    /// How the node stands now: what runs since when, how it answers, and what is unfinished.
    pub fn health(&self) -> Result<Health, EngineError> {
        let name = collect(self.node.as_ref(), self.catalog.path_candidates())?.profile.name;
        let cluster = self.cluster_of(&name);
        let site = apply::Site { node: self.node.as_ref(), cluster: cluster.as_deref() };
        Ok(apply::health::look(site)?)
    }

    /// Every transaction, latest first.
    pub fn history(&self) -> Result<Vec<Summary>, EngineError> {
        Ok(Store::new(self.node.as_ref()).history()?)
    }

    /// One transaction in full, by id or unambiguous prefix.
    pub fn transaction(&self, id: &str) -> Result<Transaction, EngineError> {
        let store = Store::new(self.node.as_ref());
        let id = store.find(id)?;
        let summary = store
            .history()?
            .into_iter()
            .find(|summary| summary.id == id)
            .ok_or_else(|| EngineError::Internal(format!("transaction {id} vanished")))?;
        let loaded = store.load(&id)?;
        Ok(Transaction { summary, plan: loaded.plan.ok(), records: loaded.journal.records })
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Node(error) => Self::Node(error),
            StoreError::Damage(damage) => Self::Refused(damage.to_string()),
        }
    }
}

impl From<FindError> for EngineError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Store(error) => error.into(),
            other => Self::Usage(other.to_string()),
        }
    }
}
