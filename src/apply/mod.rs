//! Floor 5: a transaction — compare, intend, back up, replace, verify, commit or roll back, recover.
//!
//! [`begin`] refuses or returns a transaction that holds the lock; [`Transaction::run`] always ends in an
//! [`Outcome`](crate::model::Outcome). Between the two nothing is written to the node. What happens is told only by the journal:
//! whoever watches, reads it. The phases are functions of their own files; none of them knows a face.

mod before;
mod culprit;
mod decide;
mod evidence;
mod execute;
mod file;
mod keep;
mod others;
mod quorum;
mod refuse;
mod restore;
mod sealed;
mod take_up;
mod verify;
mod watchdog;
pub mod watched;

pub mod health;
pub mod recover;
pub mod rollback;

use std::{fmt, sync::Arc};

use jiff::Timestamp;

pub use culprit::Culprit;
pub use decide::{Decided, confirm, may_revert, waits_for_a_person};
pub use take_up::{Taken, take_up};

use crate::{
    cluster::Cluster,
    model::{Observation, Order, Plan, TransactionId, journal::FileIntent},
    node::{LOCK, Lock, Node, NodeError, NodeErrorKind},
    store::{Journal, Store, StoreError, Writer},
};

/// Where a transaction takes place: the node, and its cluster where the API can be asked.
#[derive(Debug, Clone, Copy)]
pub struct Site<'s> {
    /// The node.
    pub node: &'s dyn Node,
    /// The API server; `None` where there is none to ask.
    pub cluster: Option<&'s dyn Cluster>,
}

impl<'s> From<&'s dyn Node> for Site<'s> {
    fn from(node: &'s dyn Node) -> Self {
        Self { node, cluster: None }
    }
}

/// Why a transaction was refused; nothing was written to the node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another run holds the lock (exit 5).
    #[error("another run holds the lock ({0}): wait for it, or end it")]
    Locked(String),
    /// A transaction holds the lock until a person keeps it or puts it back (exit 5).
    #[error(
        "transaction {id} waits until {until:.0} for somebody to keep it: 'kube-temper confirm {id}' keeps it, 'kube-temper revert {id}' puts it back ({holder})"
    )]
    Waiting {
        /// It.
        id: TransactionId,
        /// When it is put back.
        until: Timestamp,
        /// The process that carries it out.
        holder: String,
    },
    /// Not enough rights (exit 4).
    #[error("{0}")]
    NotAllowed(String),
    /// An earlier transaction was interrupted (exit 20).
    #[error("an earlier transaction was interrupted ({0}): run 'kube-temper recover' first")]
    Unfinished(TransactionId),
    /// A file is not what the plan was made for (exit 20).
    #[error("{path} changed since the plan was made ({what}): scan and plan again")]
    Stale {
        /// The file.
        path: String,
        /// In what it differs.
        what: String,
    },
    /// Anything else that stands in the way (exit 20).
    #[error("{0}")]
    Refused(String),
    /// The node or the state directory could not be read or written (exit 1, or 4 when permission was denied).
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NodeError> for Refusal {
    fn from(error: NodeError) -> Self {
        match error.kind {
            NodeErrorKind::Locked { holder } => Self::Locked(holder),
            NodeErrorKind::Denied => Self::NotAllowed(error.to_string()),
            _ => Self::Store(error.into()),
        }
    }
}

/// Judges the node once more before the commit: what speaks for the change, or why it did not work.
pub type Prove = Box<dyn Fn(&dyn Node) -> Result<Vec<Observation>, String> + Send>;

/// A transaction that may run: the lock is held and every file is as the plan expects.
pub struct Transaction {
    node: Arc<dyn Node>,
    cluster: Option<Arc<dyn Cluster>>,
    id: TransactionId,
    plan: Plan,
    order: Order,
    files: Vec<FileIntent>,
    journal: Writer,
    lock: Box<dyn Lock>,
    prove: Option<Prove>,
    /// The cluster's Lease is ours.
    holds: bool,
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("id", &self.id)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Transaction {
    fn new(
        node: &Arc<dyn Node>,
        id: TransactionId,
        plan: Plan,
        order: Order,
        files: Vec<FileIntent>,
        lock: Box<dyn Lock>,
    ) -> Self {
        let journal = Writer::new(&id);
        let node = Arc::clone(node);
        Self {
            node,
            cluster: None,
            id,
            plan,
            order,
            files,
            journal,
            lock,
            prove: None,
            holds: false,
        }
    }

    /// Its name.
    pub fn id(&self) -> &TransactionId {
        &self.id
    }

    /// Asks the API server too, where a step needs it.
    #[must_use]
    pub fn in_cluster(mut self, cluster: Option<Arc<dyn Cluster>>) -> Self {
        self.cluster = cluster;
        self
    }

    /// Leaves it to another process: gives the lock up. What that process needs is on the disk.
    pub fn hand_over(self) -> TransactionId {
        drop(self.lock);
        self.id
    }

    /// What is planned.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What was asked for.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Asks this too, after every step was verified and before the commit.
    #[must_use]
    pub fn proved_by(mut self, prove: Prove) -> Self {
        self.prove = Some(prove);
        self
    }
}

/// Takes the lock and compares the node with the plan. What can be refused at once is refused here, before
/// any write to the node; the state directory then holds plan and order of the new transaction.
pub fn begin(
    node: &Arc<dyn Node>,
    plan: &Plan,
    order: impl Into<Order>,
) -> Result<Transaction, Refusal> {
    let (lock, files) = admit(node.as_ref(), plan)?;
    let order = order.into();
    let id = Store::new(node.as_ref()).create(plan, &order)?;
    Ok(Transaction::new(node, id, plan.clone(), order, files, lock))
}

/// Refuses what [`begin`] would refuse, and of what a transaction looks at before its first write all that
/// takes no time; without the lock: nothing at all is written.
pub fn check<'s>(
    site: impl Into<Site<'s>>,
    plan: &Plan,
    order: impl Into<Order>,
) -> Result<(), Refusal> {
    let site = site.into();
    refuse::plan(site.node, plan)?;
    if site.node.is_locked()? {
        let told = site.node.state().read(LOCK, 4096).unwrap_or_default();
        let holder = String::from_utf8_lossy(&told).trim().to_owned();
        let kind = NodeErrorKind::Locked { holder };
        return Err(busy(site.node, NodeError { operation: "lock", path: LOCK.to_owned(), kind }));
    }
    compare(site.node, plan)?;
    before::look(site, plan, &order.into()).map_err(|why| Refusal::Refused(why.to_string()))
}

/// The lock and the files as they are, or why this plan is not carried out here and now.
fn admit(node: &dyn Node, plan: &Plan) -> Result<(Box<dyn Lock>, Vec<FileIntent>), Refusal> {
    refuse::plan(node, plan)?;
    let lock = node.lock().map_err(|error| busy(node, error))?;
    Ok((lock, compare(node, plan)?))
}

/// The node as it is now against the plan; what each file is before and after.
fn compare(node: &dyn Node, plan: &Plan) -> Result<Vec<FileIntent>, Refusal> {
    if let Some(open) = Store::new(node).unfinished()?.into_iter().next() {
        return Err(Refusal::Unfinished(open));
    }
    let files = refuse::files(node, plan)?;
    refuse::space(node, plan)?;
    Ok(files)
}

/// Who holds the lock, and what it waits for when it is a transaction that waits for a person.
fn busy(node: &dyn Node, error: NodeError) -> Refusal {
    let NodeErrorKind::Locked { holder } = &error.kind else { return error.into() };
    // What cannot be read now is not said; the lock is held all the same.
    let open = Store::new(node).unfinished().unwrap_or_default();
    let waiting = open.into_iter().next().and_then(|id| {
        let until = Journal::read(node, &id).ok()?.waiting_until()?;
        Some(Refusal::Waiting { id, until, holder: holder.clone() })
    });
    waiting.unwrap_or_else(|| error.into())
}
