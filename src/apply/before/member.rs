//! The node is a healthy member of its cluster: Ready, and its kubelet in touch with the API server.

use std::time::Duration;

use super::Standing;
use crate::{
    apply::{Site, verify::Emit},
    cluster::{Cluster, ClusterError},
    model::{Observation, Plan, StepTarget},
};

/// A node's Lease that was not renewed for so long counts as stale (`nodeLeaseDurationSeconds`).
const STALE: Duration = Duration::from_secs(40);

/// The kubelet has an API server to come back to: one that starts while it is away never again replaces a
/// static pod.
pub(in crate::apply) fn has_api(site: Site<'_>) -> Result<(), Standing> {
    match site.cluster.map(Cluster::node) {
        Some(Err(error @ ClusterError::Unreachable(_))) => Err(Standing(format!(
            "the kubelet must not be restarted while its API server is away ({error}): repair that first"
        ))),
        Some(Err(error @ ClusterError::NoAccess(_))) => Err(Standing(format!(
            "a kubelet proves itself by the node's Lease, and nobody can look at that ({error}): repair the kubeconfig first"
        ))),
        _ => Ok(()),
    }
}

/// Asks the API server where it can be asked.
pub(super) fn check(site: Site<'_>, plan: &Plan, emit: &mut Emit<'_>) -> Result<(), Standing> {
    let Some(cluster) = site.cluster else { return Ok(()) };
    if plan.steps.iter().any(|step| step.target == StepTarget::Kubelet) {
        has_api(site)?;
    }
    let status = match cluster.node() {
        Ok(status) => status,
        Err(error) => {
            let text = format!("whether the node is Ready is not known ({error})");
            return Ok(emit(Observation { component: None, text, proves: false })?);
        }
    };
    if !status.ready {
        return Err(Standing(
            "the node is not Ready before the change: repair that first, so that a failure can be told from this one"
                .to_owned(),
        ));
    }
    let now = site.node.clock().now();
    let age =
        status.renewed.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
    match age {
        Some(age) if age > STALE => Err(Standing(format!(
            "the kubelet renewed the node's Lease {} s ago for the last time: it has lost touch with its API server, and a changed static pod might never start; repair that first",
            age.as_secs()
        ))),
        Some(age) => {
            let text = format!("the node is Ready, its Lease {} s old", age.as_secs());
            Ok(emit(Observation { component: None, text, proves: false })?)
        }
        None => {
            let text = "the node is Ready; it has no Lease".to_owned();
            Ok(emit(Observation { component: None, text, proves: false })?)
        }
    }
}
