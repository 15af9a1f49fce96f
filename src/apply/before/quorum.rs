//! No member of etcd is touched while another one is not healthy, nor one of two.

use super::Standing;
use crate::{
    apply::{Site, quorum, verify::Emit},
    model::{Component, Observation, Order, Plan},
    node::{Etcd, EtcdError},
};

/// Asks all members where the plan touches this node's one.
pub(super) fn check(
    site: Site<'_>,
    plan: &Plan,
    order: &Order,
    emit: &mut Emit<'_>,
) -> Result<(), Standing> {
    if !quorum::concerned(plan) {
        return Ok(());
    }
    let nobody = || EtcdError::Silent("none runs here".to_owned());
    let members = site.node.etcd().ok_or_else(nobody).and_then(Etcd::members);
    let text = match members {
        Ok(members) => quorum::before(&members).map_err(Standing)?,
        Err(error) if order.allow_single => {
            format!("whether etcd has other members is not known ({error})")
        }
        Err(error) => {
            return Err(Standing(format!(
                "whether etcd would lose quorum is not known ({error}): repair that, or give --allow-single when it has no other members"
            )));
        }
    };
    Ok(emit(Observation { component: Some(Component::Etcd), text, proves: false })?)
}
