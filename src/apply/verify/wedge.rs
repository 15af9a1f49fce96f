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
    node::{KubeletView, Node, collect},
};

/// How long the old manifest may go unnoticed before the kubelet is looked at.
const UNNOTICED: Duration = Duration::from_secs(60);

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
    collect::began(node, &process).is_some_and(|began| began > since)
}
