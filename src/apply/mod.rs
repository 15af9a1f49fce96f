//! Floor 5: a transaction — compare, intend, back up, replace, verify, commit or roll back, recover.
//!
//! [`begin`] refuses or returns a transaction that holds the lock; [`Transaction::run`] always ends in an
//! [`Outcome`](crate::model::Outcome). Between the two nothing is written to the node. What happens is told only by the journal:
//! whoever watches, reads it. The phases are functions of their own files; none of them knows a face.

mod execute;
mod file;
mod refuse;
mod restore;
mod verify;

pub mod recover;
pub mod rollback;

use std::{fmt, sync::Arc};

use crate::{
    model::{
        Observation, Plan, TransactionId,
        journal::{FileIntent, Purpose},
    },
    node::{Lock, Node, NodeError, NodeErrorKind},
    store::{Store, StoreError, Writer},
};

/// Why a transaction was refused; nothing was written to the node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another run holds the lock (exit 5).
    #[error("another run holds the lock ({0}): wait for it, or end it")]
    Locked(String),
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
    id: TransactionId,
    plan: Plan,
    purpose: Purpose,
    files: Vec<FileIntent>,
    journal: Writer,
    lock: Box<dyn Lock>,
    prove: Option<Prove>,
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
    /// Its name.
    pub fn id(&self) -> &TransactionId {
        &self.id
    }

    /// Asks this too, after every step was verified and before the commit.
    #[must_use]
    pub fn proved_by(mut self, prove: Prove) -> Self {
        self.prove = Some(prove);
        self
    }
}

/// Takes the lock and compares the node with the plan. All refusals come from here, before any write
/// to the node; the state directory then holds the plan of the new transaction.
pub fn begin(node: &Arc<dyn Node>, plan: &Plan, purpose: Purpose) -> Result<Transaction, Refusal> {
    refuse::plan(node.as_ref(), plan)?;
    let lock = node.lock()?;
    let store = Store::new(node.as_ref());
    if let Some(open) = store.unfinished()?.into_iter().next() {
        return Err(Refusal::Unfinished(open));
    }
    let files = refuse::files(node.as_ref(), plan)?;
    refuse::space(node.as_ref(), plan)?;
    let id = store.create(plan)?;
    let journal = Writer::new(&id);
    Ok(Transaction {
        node: Arc::clone(node),
        id,
        plan: plan.clone(),
        purpose,
        files,
        journal,
        lock,
        prove: None,
    })
}
