//! Accepted deviations: failing here is right on this node.
use crate::model::{Component, Control, Mark, NodeFacts, control::DeviationCondition};

/// The mark of a failing control, where its deviation is accepted on this node.
pub(super) fn mark(control: &Control, facts: &NodeFacts) -> Option<Mark> {
    let deviation = control.accepted.as_ref()?;
    holds(facts, deviation.when).then(|| Mark::Accepted { reason: deviation.reason.clone() })
}

fn holds(facts: &NodeFacts, condition: DeviationCondition) -> bool {
    match condition {
        DeviationCondition::EtcdRunsAsRootInContainer => etcd_runs_as_root(facts),
    }
}

/// etcd's container asks for no other user, and the process has none.
fn etcd_runs_as_root(facts: &NodeFacts) -> bool {
    let containers: Vec<_> = facts
        .manifests_of(Component::Etcd)
        .into_iter()
        .filter_map(|manifest| manifest.pod.ok()?.container(Component::Etcd))
        .collect();
    !containers.is_empty()
        && containers.iter().all(|container| container.run_as_user.is_none_or(|user| user == 0))
        && facts.process(Component::Etcd).is_none_or(|process| process.uid == 0)
}
