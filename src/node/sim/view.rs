//! What the API server of a simulated node would answer, for whoever plays its client, and what a test
//! lets happen in the cluster.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    super::PodStatus,
    SimNode,
    leases::LEADER_LASTS,
    world::{Pace, World},
};
use crate::{
    model::{Component, facts::Probe},
    text,
};

/// A lease as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimLease {
    /// Who has it: node name and process.
    pub holder: String,
    /// When it was renewed last.
    pub renewed: Timestamp,
    /// How long it lasts.
    pub lasts: Duration,
}

impl SimNode {
    /// The wall clock at a time since boot.
    fn wall(&self, at: Duration) -> Timestamp {
        let ago = self.clock.monotonic().saturating_sub(at);
        let now = self.clock.now();
        SignedDuration::try_from(ago).ok().and_then(|ago| now.checked_sub(ago).ok()).unwrap_or(now)
    }

    /// The node's own API server, or the one of a worker, answers requests with credentials.
    pub fn api_answers(&self) -> bool {
        self.shared.world().api.up_since.is_some()
    }

    /// Why it does not, as its clients say.
    pub fn api_silence(&self) -> &'static str {
        if self.shared.world().certificate_expired() {
            "invalid peer certificate: certificate expired"
        } else {
            "connection refused"
        }
    }

    /// Condition `Ready` of the node, and when its lease was renewed last.
    pub fn node_status(&self) -> (bool, Timestamp) {
        let world = self.shared.world();
        (world.node_ready(), self.wall(world.node_renewed()))
    }

    /// The lease of scheduler or controller-manager.
    pub fn leader(&self, component: Component) -> Option<SimLease> {
        let (holder, renewed) = self.shared.world().leader(component)?;
        Some(SimLease { holder, renewed: self.wall(renewed), lasts: LEADER_LASTS })
    }

    /// A component's mirror pod.
    pub fn mirror_pod(&self, component: Component) -> Option<PodStatus> {
        let world = self.shared.world();
        let mut status = world.api.status(component)?;
        // `MarkPodsNotReady` of the node lifecycle controller.
        status.ready &= world.node_ready();
        Some(status)
    }

    /// Address of this node's own API server, and whether it is ready.
    pub fn own_api_server(&self) -> Option<(String, bool)> {
        let world = self.shared.world();
        let argv = api_server_arguments(&world)?;
        let flag = |name: &str| text::flags::value(&argv, name);
        let host = flag("advertise-address")?;
        let port = flag("secure-port").and_then(|port| port.parse().ok()).unwrap_or(6443);
        let probe = Probe {
            path: Some("/readyz".to_owned()),
            host: Some(host.clone()),
            port,
            tls: true,
            headers: Vec::new(),
            initial_delay: 0,
            period: 1,
            timeout: 1,
            failure_threshold: 1,
        };
        Some((format!("{host}:{port}"), world.answer(&probe).is_success()))
    }

    /// The API server of a worker goes away, or comes back.
    pub fn set_remote_api(&self, answers: bool) {
        let mut world = self.shared.world();
        world.api.remote_down = !answers;
        world.api_check();
    }

    /// Somebody on another node leads now instead of this node's component.
    pub fn lead_elsewhere(&self, component: Component) {
        self.shared.world().leads_elsewhere(component);
    }

    /// Makes the machine slower or faster, from its beginning on.
    pub fn set_pace(&self, pace: Pace) {
        self.shared.world().pace = pace;
    }

    /// For so long nothing on this machine answers in time.
    pub fn stall(&self, duration: Duration) {
        let mut world = self.shared.world();
        world.stalled_until = world.now + duration;
    }

    /// The kubelet ends and nobody starts it again.
    pub fn stop_kubelet(&self) {
        self.shared.world().stop_kubelet();
    }
}

fn api_server_arguments(world: &World) -> Option<Vec<String>> {
    let wanted = world.store.wanted().values();
    let mut own = wanted.filter(|m| m.component == Some(Component::KubeApiserver));
    own.next().map(|manifest| manifest.argv.clone())
}
