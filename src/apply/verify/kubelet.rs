//! Proof that the kubelet took its new configuration: a new process that stays and answers, and renews the
//! node's lease.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use super::{
    CALM, Evidence, POLL, Unhealthy,
    agreed::{self, Missing, Seen, Wanted},
    static_pod::running,
};
use crate::{
    apply::Site,
    model::{Component, Process},
    node::{KubeletView, collect},
};

/// How long the kubelet may take to answer after its restart.
const ANSWER: Duration = Duration::from_secs(60);

/// How long it must then stay up: systemd starts a failing kubelet again every 10 s, and two such rounds
/// fit into this.
pub(in crate::apply) const STAY: Duration = Duration::from_secs(30);

/// How long all of it may take: pods are evicted when a node is away for minutes.
const ALL: Duration = Duration::from_secs(90);

/// New processes of which the last one is too many: two ended before it.
const STARTS: usize = 3;

/// Waits until a kubelet other than `old` has answered for [`STAY`] without a break and, where the API
/// server can be asked, the node is Ready by a lease that the new one renewed after `restarted`.
pub(super) fn restarted(
    site: Site<'_>,
    view: &dyn KubeletView,
    old: Option<&Process>,
    restarted: Timestamp,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    let clock = site.node.clock();
    let began = clock.monotonic();
    let mut stays: Option<((u32, u64), Duration)> = None;
    let mut starts = BTreeSet::new();
    let mut seen = Seen::default();
    let mut wanted = Wanted { since: Some(restarted), ..Wanted::leases(&[]) };
    loop {
        let now = clock.monotonic();
        let passed = now.saturating_sub(began);
        let process = running(site.node, Component::Kubelet, |process| {
            old.is_none_or(|old| (old.pid, old.start) != (process.pid, process.start))
        });
        let id = process.as_ref().map(|process| (process.pid, process.start));
        starts.extend(id);
        let good = id.filter(|_| view.healthy());
        match (stays, good) {
            (Some((id, since)), Some(now_id)) if id == now_id => {
                let agrees = match site.cluster {
                    Some(cluster) => seen.look(site, cluster, &wanted),
                    None => Ok(Vec::new()),
                };
                match agrees {
                    Ok(told) if now.saturating_sub(since) >= STAY => {
                        let text = format!(
                            "new kubelet process {} answers its health check for {} s without a restart",
                            id.0,
                            STAY.as_secs()
                        );
                        evidence.add(Some(Component::Kubelet), true, text)?;
                        return agreed::tell(told, evidence);
                    }
                    Err(Missing { what, .. }) if passed > ALL => {
                        let seconds = ALL.as_secs();
                        return Err(Unhealthy(format!(
                            "the kubelet runs, but {seconds} s after its restart {what}"
                        )));
                    }
                    _ => {}
                }
            }
            (Some(_), _) => {
                return Err(Unhealthy(
                    "the kubelet did not stay up after its restart: 'journalctl -u kubelet' says why"
                        .to_owned(),
                ));
            }
            (None, Some(id)) => {
                stays = Some((id, now));
                // The old one may have renewed the lease once more before it ended.
                let began = process.and_then(|process| collect::began(site.node, &process));
                wanted.since = wanted.since.max(began);
                let text = format!("new kubelet process {} answers its health check", id.0);
                evidence.add(Some(Component::Kubelet), false, text)?;
            }
            (None, None) if starts.len() >= STARTS => {
                return Err(Unhealthy(
                    "the kubelet ends soon after its start, again and again: 'journalctl -u kubelet' says why"
                        .to_owned(),
                ));
            }
            (None, None) if passed > ANSWER => {
                return Err(Unhealthy(format!(
                    "the kubelet did not answer within {} s of its restart: 'journalctl -u kubelet' says why",
                    ANSWER.as_secs()
                )));
            }
            (None, None) => {}
        }
        clock.sleep(if stays.is_some() { CALM } else { POLL });
    }
}
