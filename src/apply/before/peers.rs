//! The other control planes: one is changed at a time, and only while the others serve.
//!
//! A Lease in the cluster keeps two nodes from being changed at once. It is sized for the whole
//! transaction, because the API server that keeps it may be away in the middle of it.

use std::time::Duration;

use super::{Standing, quorum};
use crate::{
    apply::{
        Site,
        others::{COMPONENT, takes_away},
        verify::Emit,
    },
    cluster::{ApiServer, Cluster, ClusterError},
    model::{Observation, Order, Plan, Role},
};

/// Takes the Lease when there are other API servers and this plan makes this node's own one, its kubelet or
/// etcd go away. Answers whether it is held now.
pub(super) fn hold(
    site: Site<'_>,
    plan: &Plan,
    order: &Order,
    role: Role,
    holder: &str,
    emit: &mut Emit<'_>,
) -> Result<bool, Standing> {
    let Some((cluster, others)) = others(site, plan, order, role, emit)? else { return Ok(false) };
    take(site, cluster, plan, order, holder)?;
    // Between the look and the Lease another node may have begun.
    let again = cluster.api_servers().map_err(|error| Standing(error.to_string()));
    let again = again.and_then(|servers| healthy(&servers));
    let again = again.and_then(|()| quorum::check(site, plan, order, &mut |_| Ok(())));
    if let Err(standing) = again {
        // It ends by itself when it cannot be given back.
        let _ = cluster.release(holder);
        return Err(standing);
    }
    let text =
        format!("{others} other API servers are ready; no other control plane is changed now");
    emit(Observation { component: None, text, proves: false })?;
    Ok(true)
}

/// Refuses what [`hold`] would refuse before it takes the Lease.
pub(super) fn look(site: Site<'_>, plan: &Plan, order: &Order, role: Role) -> Result<(), Standing> {
    others(site, plan, order, role, &mut |_| Ok(())).map(drop)
}

/// The cluster and how many other API servers serve in it; `None` where nobody has to be asked.
fn others<'s>(
    site: Site<'s>,
    plan: &Plan,
    order: &Order,
    role: Role,
    emit: &mut Emit<'_>,
) -> Result<Option<(&'s dyn Cluster, usize)>, Standing> {
    // A worker takes no API server away.
    if role == Role::Worker {
        return Ok(None);
    }
    if !plan.steps.iter().any(|step| takes_away(step.target)) {
        return Ok(None);
    }
    let Some(cluster) = site.cluster else { return Ok(None) };
    let servers = match cluster.api_servers() {
        Ok(servers) => servers,
        Err(error) if order.allow_single => {
            let text = format!("the other control planes are not known ({error})");
            emit(Observation { component: None, text, proves: false })?;
            return Ok(None);
        }
        Err(error) => {
            return Err(Standing(format!(
                "the other control planes cannot be asked for ({error}): repair that, or give --allow-single when there is none"
            )));
        }
    };
    // The own one is asked by its own probes.
    if servers.iter().all(|server| server.own) {
        return Ok(None);
    }
    healthy(&servers)?;
    Ok(Some((cluster, servers.iter().filter(|server| !server.own).count())))
}

fn healthy(servers: &[ApiServer]) -> Result<(), Standing> {
    let sick: Vec<&str> = servers
        .iter()
        .filter(|server| !server.own && !server.ready)
        .map(|server| server.address.as_str())
        .collect();
    if sick.is_empty() {
        return Ok(());
    }
    Err(Standing(format!(
        "another API server is not ready ({}): with this one away too the cluster could lose its last; repair that one first",
        sick.join(", ")
    )))
}

fn take(
    site: Site<'_>,
    cluster: &dyn Cluster,
    plan: &Plan,
    order: &Order,
    holder: &str,
) -> Result<(), Standing> {
    match cluster.hold(holder, budget(plan, order), site.node.clock().now()) {
        Ok(()) => Ok(()),
        Err(error @ ClusterError::Held { .. }) => {
            Err(Standing(format!("{error}: wait until it is done")))
        }
        Err(error) => Err(Standing(format!(
            "the Lease that keeps two control planes from being changed at once cannot be taken ({error})"
        ))),
    }
}

/// Longest time the transaction can take.
fn budget(plan: &Plan, order: &Order) -> Duration {
    let steps = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
    let waits = order.keep.within().map_or(Duration::ZERO, |_| crate::apply::keep::LONGEST);
    COMPONENT.saturating_mul(steps).saturating_add(waits)
}
