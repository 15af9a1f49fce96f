//! Keep or put back: after the last gate a person decides, and silence puts the change back.
//!
//! The countdown lives here, in the process that owns the transaction; whoever watches leaves requests in
//! the transaction's folder and reads the answer in the journal. While it runs the change is still watched.

use std::time::Duration;

use super::{Site, verify::POLL};
use crate::{
    model::{Reason, RecordKind, TransactionId},
    node::{NodeError, failpoint},
    store::{
        StoreError, Writer,
        requests::{self, Request},
    },
};

/// Longest countdown there is, extensions included: nobody is watching any more after that.
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Why the change is not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    /// Nobody answered, or somebody said no.
    #[error("{cause}")]
    Decided { cause: String, reason: Reason },
    /// It does not hold any more.
    #[error("{0}")]
    Broken(String),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks, and waits for an answer. `still` looks whether the change still holds.
pub(super) fn ask(
    site: Site<'_>,
    id: &TransactionId,
    journal: &mut Writer,
    within: Duration,
    still: &mut dyn FnMut() -> Result<(), String>,
) -> Result<(), NotKept> {
    let clock = site.node.clock();
    let began = clock.monotonic();
    let mut allowed = within.min(LONGEST);
    let until = |allowed: Duration| {
        let left = allowed.saturating_sub(clock.monotonic().saturating_sub(began));
        clock.now().checked_add(left).unwrap_or_else(|_| clock.now())
    };
    journal.append(site.node, RecordKind::Waiting { until: until(allowed) })?;
    failpoint::reached("waiting");
    loop {
        for request in requests::take(site.node, id)? {
            match request {
                Ok(Request::Confirm { by }) => {
                    still().map_err(NotKept::Broken)?;
                    return Ok(journal.append(site.node, RecordKind::Confirmed { by })?);
                }
                Ok(Request::Revert { by }) => {
                    return Err(NotKept::Decided {
                        cause: format!("{by} asked for it"),
                        reason: Reason::Requested,
                    });
                }
                Ok(Request::Extend { seconds, .. }) => {
                    allowed = (allowed + Duration::from_secs(seconds)).min(LONGEST);
                    journal.append(site.node, RecordKind::Extended { until: until(allowed) })?;
                }
                // A file that is no request is nobody's answer.
                Err(_) => {}
            }
        }
        still().map_err(NotKept::Broken)?;
        if clock.monotonic().saturating_sub(began) >= allowed {
            return Err(NotKept::Decided {
                cause: format!("nobody confirmed it within {} s", allowed.as_secs()),
                reason: Reason::Unconfirmed,
            });
        }
        clock.sleep(POLL);
    }
}
