//! Pods under the names of those who made them: one Deployment, not its fifty pods.

use std::collections::{BTreeMap, BTreeSet};

use super::object;
use crate::model::{
    cluster::{ClusterFacts, Metadata, Owner, Plain, Pod, PodMaker},
    control::{KnownCluster, names},
};

/// A pod, under the name of its workload; or the template of one that has no pod now.
pub(super) struct Workload<'c> {
    /// `deployment/shop/web`; `pod/…` where nothing manages it.
    pub(super) object: String,
    pub(super) namespace: &'c str,
    pub(super) pod: &'c Pod,
    /// There is this pod; else it is what a template would make.
    pub(super) runs: bool,
    /// The cluster has it of itself.
    pub(super) own: bool,
}

/// Every pod with its workload, and every workload without a pod.
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
        Workload { object, namespace: &metadata.namespace, pod, runs: true, own }
    };
    let mut workloads: Vec<Workload<'c>> = facts.pods.iter().map(workload).collect();
    let running: BTreeSet<String> = workloads.iter().map(|it| it.object.clone()).collect();
    workloads.extend(templates(facts).filter_map(|(kind, metadata, pod)| {
        let object = object(&kind.to_lowercase(), metadata);
        let own = names(&known.own.workloads, &object)
            || is_network_plugin(known, metadata, kind, &metadata.name);
        let namespace = metadata.namespace.as_str();
        let there = running.contains(&object);
        (!there).then_some(Workload { object, namespace, pod, runs: false, own })
    }));
    workloads
}

/// What would be made, by whom.
fn templates(facts: &ClusterFacts) -> impl Iterator<Item = (&'static str, &Metadata, &Pod)> {
    let cron_jobs = facts.cron_jobs.iter();
    of_kind("Deployment", &facts.deployments)
        .chain(of_kind("StatefulSet", &facts.stateful_sets))
        .chain(of_kind("DaemonSet", &facts.daemon_sets))
        .chain(cron_jobs.map(|it| ("CronJob", &it.metadata, &it.spec.job_template.spec.template)))
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

fn of_kind<'c>(
    kind: &'static str,
    makers: &'c [PodMaker],
) -> impl Iterator<Item = (&'static str, &'c Metadata, &'c Pod)> {
    makers.iter().map(move |maker| (kind, &maker.metadata, &maker.spec.template))
}
