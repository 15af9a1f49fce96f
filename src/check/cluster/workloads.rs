//! Pods under the names of those who made them: one Deployment, not its fifty pods.

use std::collections::BTreeMap;

use crate::model::{
    cluster::{ClusterFacts, Metadata, Owner, Plain, Pod},
    control::{KnownCluster, names},
};

/// A pod, under the name of its workload.
pub(super) struct Workload<'c> {
    /// `deployment/shop/web`; `pod/…` where nothing manages it.
    pub(super) object: String,
    pub(super) pod: &'c Pod,
    /// The cluster has it of itself.
    pub(super) own: bool,
}

impl Workload<'_> {
    pub(super) fn namespace(&self) -> &str {
        &self.pod.metadata.namespace
    }
}

/// Every pod with its workload.
pub(super) fn of<'c>(facts: &'c ClusterFacts, known: &KnownCluster) -> Vec<Workload<'c>> {
    let replica_sets = controllers(&facts.replica_sets);
    let jobs = controllers(&facts.jobs);
    let upper = |pod: &'c Metadata| -> Option<(&'c str, &'c str)> {
        let owner = pod.controller()?;
        let key = (pod.namespace.as_str(), owner.name.as_str());
        let above = match owner.kind.as_str() {
            "ReplicaSet" => replica_sets.get(&key),
            "Job" => jobs.get(&key),
            // A static pod belongs to its node, and is nobody's but its own.
            "Node" => return None,
            _ => None,
        };
        let owner = above.copied().unwrap_or(owner);
        Some((owner.kind.as_str(), owner.name.as_str()))
    };
    let workload = |pod: &'c Pod| {
        let metadata = &pod.metadata;
        let (kind, name) = upper(metadata).unwrap_or(("Pod", metadata.name.as_str()));
        let object = format!("{}/{}/{name}", kind.to_lowercase(), metadata.namespace);
        let own = names(&known.own.workloads, &object)
            || is_static(known, metadata)
            || is_network_plugin(known, metadata, kind, name);
        Workload { object, pod, own }
    };
    facts.pods.iter().map(workload).collect()
}

/// Who controls the things that control pods, by namespace and name.
fn controllers(list: &[Plain]) -> BTreeMap<(&str, &str), &Owner> {
    let owned = |plain: &'_ Plain| plain.metadata.controller().is_some();
    list.iter()
        .filter(|plain| owned(plain))
        .filter_map(|plain| {
            let metadata = &plain.metadata;
            Some(((metadata.namespace.as_str(), metadata.name.as_str()), metadata.controller()?))
        })
        .collect()
}

/// The mirror of a static pod of the control plane.
fn is_static(known: &KnownCluster, pod: &Metadata) -> bool {
    let node = pod.controller().filter(|owner| owner.kind == "Node");
    pod.namespace == "kube-system"
        && pod.annotations.mirror.is_some()
        && node.is_some_and(|node| {
            known.own.static_pods.iter().any(|name| pod.name == format!("{name}-{}", node.name))
        })
}

/// The `DaemonSet` of a network plugin.
fn is_network_plugin(known: &KnownCluster, pod: &Metadata, kind: &str, name: &str) -> bool {
    let name = format!("{}/{name}", pod.namespace);
    kind == "DaemonSet"
        && known.network_plugins.iter().any(|plugin| names(&plugin.daemon_sets, &name))
}
