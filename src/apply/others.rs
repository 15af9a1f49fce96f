//! The other control planes, on the way back: looked at before this node's own goes away once more.
//!
//! A change that is half done goes back whatever they say. One that is healthy does not, while another API
//! server is down, etcd would lose quorum, or another control plane is being changed. Each question has its deadline and is asked once: where
//! nobody answers nothing waits.

use std::time::Duration;

use super::{Site, quorum, verify};
use crate::{
    cluster::{Cluster, ClusterError},
    model::{Plan, Step, StepTarget, TransactionId},
    node::Node,
};

/// Longest time one component may take, its way back included.
pub(super) const COMPONENT: Duration = Duration::from_secs(10 * 60);

/// This node's API server, its kubelet or etcd is away for a while.
pub(super) const fn takes_away(target: StepTarget) -> bool {
    matches!(target, StepTarget::KubeApiserver | StepTarget::Kubelet | StepTarget::Etcd)
}

/// Clients lose this node's API server for a while.
pub(super) fn stops_api(plan: &Plan) -> bool {
    let stops = |target| matches!(target, StepTarget::KubeApiserver | StepTarget::Etcd);
    plan.steps.iter().any(|step| stops(step.target))
}

/// This node's member of etcd goes away for a while.
pub(super) fn stops_etcd(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| step.target == StepTarget::Etcd)
}

/// Who holds the Lease for a transaction.
pub(super) fn holder(plan: &Plan, id: &TransactionId) -> String {
    format!("{}/{id}", plan.node)
}

/// Another API server that is down, where this node has one of its own.
pub(super) fn down(site: Site<'_>) -> Option<String> {
    let servers = site.cluster?.api_servers().ok()?;
    let down = servers.iter().find(|server| !server.own && !server.ready)?;
    servers.iter().any(|server| server.own).then(|| down.address.clone())
}

/// Why a change that is healthy is not put back now.
pub(super) fn in_the_way(site: Site<'_>, plan: &Plan) -> Option<String> {
    let api = || down(site).map(|other| format!("the API server {other} is down now"));
    let why = stops_api(plan).then(api).flatten();
    let why = why.or_else(|| stops_etcd(plan).then(|| quorum::lost(site.node)).flatten())?;
    Some(format!("{why}, and putting it back would take this node's away too"))
}

/// What a kubelet that is away means for whatever is put back, and what to do.
pub(super) const NO_KUBELET: &str = "without it nothing that is put back would start: start it first ('journalctl -u kubelet' says why it ended)";

/// Why a change of static pods is neither kept nor put back now: there is no kubelet that would run them. One that
/// is restarted on the way back is no reason.
pub(super) fn no_kubelet(node: &dyn Node, plan: &Plan) -> Option<String> {
    let view = node.kubelet()?;
    let restarts = |step: &Step| step.target.restarts().is_some();
    let own = plan.steps.iter().any(|step| step.target == StepTarget::Kubelet);
    let leans = plan.steps.iter().any(restarts) && !own;
    (leans && !verify::kubelet_answers(node, view))
        .then(|| format!("the kubelet does not answer, and {NO_KUBELET}"))
}

/// The Lease of the cluster, given back in the end.
#[derive(Debug)]
pub(super) struct Held<'s> {
    cluster: &'s dyn Cluster,
    holder: String,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Where it cannot be given back it ends by itself.
        let _ = self.cluster.release(&self.holder);
    }
}

/// Takes the Lease, or renews the one this transaction has, where the way back takes something away from a
/// cluster with other API servers.
///
/// An error is somebody else who has it; no answer is none.
pub(super) fn hold<'s>(
    site: Site<'s>,
    plan: &Plan,
    id: &TransactionId,
) -> Result<Option<Held<'s>>, String> {
    let Some(cluster) = site.cluster else { return Ok(None) };
    let others =
        || cluster.api_servers().is_ok_and(|servers| servers.iter().any(|server| !server.own));
    if !plan.steps.iter().any(|step| takes_away(step.target)) || !others() {
        return Ok(None);
    }
    let holder = holder(plan, id);
    let steps = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
    match cluster.hold(&holder, COMPONENT.saturating_mul(steps), site.node.clock().now()) {
        Ok(()) => Ok(Some(Held { cluster, holder })),
        Err(error @ ClusterError::Held { .. }) => Err(error.to_string()),
        Err(_) => Ok(None),
    }
}
