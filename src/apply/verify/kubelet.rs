//! Proof that the kubelet took its new configuration: a new process that stays and answers.

use std::time::Duration;

use super::{Evidence, POLL, Unhealthy, static_pod::running};
use crate::{
    model::{Component, Process},
    node::{KubeletView, Node},
};

/// How long the kubelet may take to answer after its restart.
const ANSWER: Duration = Duration::from_secs(60);

/// How long it must then stay up: systemd starts a failing kubelet again every 10 s, and two such rounds
/// fit into this.
const STAY: Duration = Duration::from_secs(30);

/// Waits until a kubelet other than `old` has answered for [`STAY`] without a break.
pub(super) fn restarted(
    node: &dyn Node,
    view: &dyn KubeletView,
    old: Option<&Process>,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    let clock = node.clock();
    let began = clock.monotonic();
    let mut stays: Option<((u32, u64), Duration)> = None;
    loop {
        let now = clock.monotonic();
        let process = running(node, Component::Kubelet, |process| {
            old.is_none_or(|old| (old.pid, old.start) != (process.pid, process.start))
        });
        let good = process.map(|process| (process.pid, process.start)).filter(|_| view.healthy());
        match (stays, good) {
            (Some((id, since)), Some(now_id)) if id == now_id => {
                if now.saturating_sub(since) >= STAY {
                    let seconds = STAY.as_secs();
                    let text = format!(
                        "new kubelet process {} answers its health check for {seconds} s without a restart",
                        id.0
                    );
                    return evidence.add(Some(Component::Kubelet), true, text);
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
                let text = format!("new kubelet process {} answers its health check", id.0);
                evidence.add(Some(Component::Kubelet), false, text)?;
            }
            (None, None) if now.saturating_sub(began) > ANSWER => {
                return Err(Unhealthy(format!(
                    "the kubelet did not answer within {} s of its restart: 'journalctl -u kubelet' says why",
                    ANSWER.as_secs()
                )));
            }
            (None, None) => {}
        }
        clock.sleep(POLL);
    }
}
