//! Keep or put back: after the last gate a person decides, and silence puts the change back.
//!
//! The countdown lives here, in the process that owns the transaction; whoever watches leaves requests in
//! the transaction's folder and reads the answer in the journal. While it runs the change is still watched.

use std::time::Duration;

use super::{
    Site,
    verify::{CALM, POLL},
};
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
    /// Nobody answered, and putting it back would be worse: it stays, and a person is called.
    #[error("{0}")]
    Alarm(String),
    /// It does not hold any more.
    #[error("{0}")]
    Broken(String),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is waited for, and what is looked at meanwhile.
pub(super) struct Watch<'w> {
    /// How long a person may take.
    pub(super) within: Duration,
    /// Putting the change back takes this node's API server away for a while.
    pub(super) stops_api: bool,
    /// Looks whether the change still holds.
    pub(super) still: &'w mut dyn FnMut() -> Result<(), String>,
}

/// Asks, and waits for an answer.
pub(super) fn ask(
    site: Site<'_>,
    id: &TransactionId,
    journal: &mut Writer,
    watch: Watch<'_>,
) -> Result<(), NotKept> {
    let Watch { within, stops_api, still } = watch;
    let clock = site.node.clock();
    let began = clock.monotonic();
    let mut allowed = within.min(LONGEST);
    let until = |allowed: Duration| {
        let left = allowed.saturating_sub(clock.monotonic().saturating_sub(began));
        clock.now().checked_add(left).unwrap_or_else(|_| clock.now())
    };
    journal.append(site.node, RecordKind::Waiting { until: until(allowed) })?;
    failpoint::reached("waiting");
    let mut looked = None;
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
        let now = clock.monotonic();
        if looked.is_none_or(|looked| now.saturating_sub(looked) >= CALM) {
            looked = Some(now);
            still().map_err(NotKept::Broken)?;
        }
        if clock.monotonic().saturating_sub(began) >= allowed {
            if let Some(other) = others_down(site).filter(|_| stops_api) {
                return Err(NotKept::Alarm(format!(
                    "nobody confirmed it within {} s, and it was not put back: the API server {other} is down now, and putting it back would take this node's away too. The change is healthy and stays until a person decides: repair {other}, then 'kube-temper recover' puts the old state back",
                    allowed.as_secs()
                )));
            }
            return Err(NotKept::Decided {
                cause: format!("nobody confirmed it within {} s", allowed.as_secs()),
                reason: Reason::Unconfirmed,
            });
        }
        clock.sleep(POLL);
    }
}

/// Another API server that is down, where this node has one of its own.
fn others_down(site: Site<'_>) -> Option<String> {
    let servers = site.cluster?.api_servers().ok()?;
    let down = servers.iter().find(|server| !server.own && !server.ready)?;
    servers.iter().any(|server| server.own).then(|| down.address.clone())
}
