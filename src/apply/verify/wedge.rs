//! The circle of a kubelet that waits for an API server that waits for the kubelet.
//!
//! A kubelet that was restarted while its API server was away ends no pod before it has reached one, so a
//! corrected manifest of an API server (or its etcd) would wait for ever. One more restart breaks it, with
//! the good manifest on disk (kubernetes#105543).

use std::time::Duration;

use jiff::Timestamp;

use super::{Evidence, Unhealthy, static_pod::running};
use crate::{
    model::Component,
    node::{KubeletView, Node},
};

/// How long the old manifest may go unnoticed before the kubelet is looked at.
const UNNOTICED: Duration = Duration::from_secs(60);

/// Largest file of `/proc` that is read here, in bytes.
const LIMIT: u64 = 1 << 12;

/// Clock ticks per second in `/proc/PID/stat`.
const TICKS: u64 = 100;

/// What may be done about it, once.
#[derive(Debug)]
pub(super) struct Wedge {
    since: Timestamp,
    looked: bool,
}

impl Wedge {
    /// The API server may have been away since then.
    pub(super) fn since(since: Timestamp) -> Self {
        Self { since, looked: false }
    }

    /// Restarts a kubelet that was started since the change began and has taken no notice for a minute.
    pub(super) fn break_up(
        &mut self,
        node: &dyn Node,
        view: &dyn KubeletView,
        component: Component,
        unnoticed: Duration,
        evidence: &mut Evidence<'_, '_>,
    ) -> Result<(), Unhealthy> {
        let can_wedge = matches!(component, Component::KubeApiserver | Component::Etcd);
        if self.looked || !can_wedge || unnoticed < UNNOTICED {
            return Ok(());
        }
        self.looked = true;
        if !kubelet_started_since(node, self.since) {
            return Ok(());
        }
        view.restart()?;
        let text = format!(
            "restarted the kubelet once more: it was started while {component} was away and has taken no notice for {} s",
            UNNOTICED.as_secs()
        );
        evidence.add(Some(Component::Kubelet), false, text)
    }
}

/// The kubelet's process is younger than that.
fn kubelet_started_since(node: &dyn Node, since: Timestamp) -> bool {
    let Some(process) = running(node, Component::Kubelet, |_| true) else { return false };
    let uptime = node.files().read("/proc/uptime", LIMIT).ok();
    let uptime = uptime.and_then(|bytes| String::from_utf8(bytes).ok());
    let seconds = uptime.as_deref().and_then(|text| text.split('.').next()?.parse::<u64>().ok());
    let Some(age) = seconds.and_then(|uptime| uptime.checked_sub(process.start / TICKS)) else {
        return false;
    };
    let passed = Duration::try_from(node.clock().now().duration_since(since)).unwrap_or_default();
    Duration::from_secs(age) < passed
}
