//! Taking up what another process prepared: all that is needed is in the transaction's folder.
//!
//! Whoever watches needs nothing but its journal: a refusal too is told there. When it was begun before, its
//! process died, and it goes back.

use std::{sync::Arc, time::Duration};

use super::{
    Refusal, Transaction, compare,
    decide::{Decided, waits_for_a_person},
    execute::begun,
    refuse,
};
use crate::{
    model::{Outcome, RecordKind, TransactionId},
    node::{Lock, Node, NodeError, NodeErrorKind},
    store::{
        Journal, Store, StoreError, Writer,
        requests::{self, Request},
    },
};

/// How long the lock is waited for: the process that prepared the transaction is about to give it up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time between two tries.
const POLL: Duration = Duration::from_millis(50);

/// What became of a transaction that was prepared.
#[derive(Debug)]
pub enum Taken {
    /// It may run.
    Ready(Box<Transaction>),
    /// It has ended, perhaps just now: the node is not as it was planned for.
    Ended(Outcome),
    /// It was begun before and did not end: recover it.
    Interrupted,
    /// It stayed unconfirmed, and now somebody asked for it to be put back.
    Decided(Box<Decided>),
}

/// Takes up a transaction that another process prepared.
///
/// Errors leave no trace in the journal: somebody else holds the lock, or the transaction's own files cannot
/// be read.
pub fn take_up(node: &Arc<dyn Node>, id: &TransactionId) -> Result<Taken, Refusal> {
    let lock = wait_for_lock(node.as_ref())?;
    let journal = Journal::read(node.as_ref(), id)?;
    if let Some(outcome) = journal.outcome {
        let asked = waits_for_a_person(&outcome).then(|| revert(node.as_ref(), id)).transpose()?;
        return Ok(match asked.flatten() {
            Some(asked) => Taken::Decided(Box::new(Decided::new(node, id, asked, lock)?)),
            None => Taken::Ended(outcome),
        });
    }
    if !journal.records.is_empty() || journal.damage.is_some() {
        return Ok(Taken::Interrupted);
    }
    let store = Store::new(node.as_ref());
    let (plan, order) = (store.plan(id)?, store.order(id)?);
    let files = refuse::plan(node.as_ref(), &plan).and_then(|()| compare(node.as_ref(), &plan));
    match files {
        Ok(files) => {
            let mut transaction = Transaction::new(node, id.clone(), plan, order, files, lock);
            // Its first record may have been cut off, by the end of an earlier process.
            transaction.journal = Writer::resume(id, &journal);
            Ok(Taken::Ready(Box::new(transaction)))
        }
        Err(refusal) => {
            let mut writer = Writer::resume(id, &journal);
            let cause = refusal.to_string();
            writer.append(node.as_ref(), begun(&plan, &order))?;
            writer.append(node.as_ref(), RecordKind::Refused { cause: cause.clone() })?;
            Ok(Taken::Ended(Outcome::Refused { cause }))
        }
    }
}

/// Who asked for it to be put back, and whether while another API server is down too.
fn revert(node: &dyn Node, id: &TransactionId) -> Result<Option<(String, bool)>, StoreError> {
    let mut asked = requests::take(node, id)?.into_iter().filter_map(|request| match request {
        Ok(Request::Revert { by, allow_single }) => Some((by, allow_single)),
        _ => None,
    });
    Ok(asked.next_back())
}

fn wait_for_lock(node: &dyn Node) -> Result<Box<dyn Lock>, NodeError> {
    let end = node.clock().monotonic() + PATIENCE;
    loop {
        match node.lock() {
            Err(NodeError { kind: NodeErrorKind::Locked { .. }, .. })
                if node.clock().monotonic() < end =>
            {
                node.clock().sleep(POLL);
            }
            answer => return answer,
        }
    }
}
