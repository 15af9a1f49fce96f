//! What puts a change back when the process that carries it out is gone, armed before the first write.
//!
//! Every minute it looks whether that process lives, by its lock, and recovers when it does not. So it needs
//! to know nothing of how long a change may take, and a countdown that is extended moves nothing.

use std::time::Duration;

use super::before::Standing;
use crate::{
    model::{RecordKind, TransactionId},
    node::{Node, failpoint},
    store::Writer,
};

/// Time between two looks; the first comes after it too.
const PAUSE: Duration = Duration::from_secs(60);

/// Arms it, or says in the journal that there is none. A thread that carries out needs none: nothing
/// depends on it but what it is a part of.
pub(super) fn arm(
    node: &dyn Node,
    id: &TransactionId,
    journal: &mut Writer,
) -> Result<(), Standing> {
    let Some(keeper) = node.keeper() else { return Ok(()) };
    let now = node.clock().now();
    let record = match keeper.arm(id, PAUSE)? {
        Some(by) => RecordKind::Armed { by, until: now.checked_add(PAUSE).unwrap_or(now) },
        None => RecordKind::Unarmed,
    };
    journal.append(node, record)?;
    failpoint::reached("armed");
    Ok(())
}

/// Nothing is left for it to do. Should it not be told, it finds that out by itself.
pub(super) fn disarm(node: &dyn Node, id: &TransactionId) {
    if let Some(keeper) = node.keeper() {
        let _ = keeper.disarm(id);
    }
}
