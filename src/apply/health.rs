//! How a node stands now, for a person to look at. Nothing is decided here, and nothing written.

use jiff::Timestamp;

use super::{
    Site,
    verify::{Expected, shown, shown_answer},
};
use crate::{
    cluster::{ApiServer, Cluster, ClusterError, NodeStatus},
    model::{Component, NodeFacts, ProcessFact, TransactionId},
    node::{
        KubeletView, LOCK, Node, NodeError, PodStatus, ServiceState,
        collect::{PathCandidates, began, collect},
    },
    store::{Journal, Store},
};

/// A node at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// That moment, on the node's clock.
    pub at: Timestamp,
    /// Every component that runs or should.
    pub components: Vec<ComponentHealth>,
    /// What its API server says of the node; `None` where nobody is asked.
    pub cluster: Option<Result<ClusterHealth, String>>,
    /// Transactions without an end, oldest first.
    pub open: Vec<Open>,
    /// Who holds the lock.
    pub holder: Option<String>,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentHealth {
    /// Which.
    pub component: Component,
    /// What runs.
    pub process: ProcessFact,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// What the kubelet says of its static pod.
    pub pod: Option<PodStatus>,
    /// What the service manager says of its unit.
    pub service: Option<ServiceState>,
    /// What was asked of it, without credentials.
    pub probes: Vec<Asked>,
}

/// A question and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `https://10.0.0.1:6443/readyz`
    pub what: String,
    /// `200`
    pub answer: String,
    /// As it should be.
    pub good: bool,
}

/// What the API server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterHealth {
    /// Of this node.
    pub node: NodeStatus,
    /// Of itself and of the others.
    pub servers: Vec<ApiServer>,
}

/// A transaction without an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Its name.
    pub id: TransactionId,
    /// Until when it waits for a person; `None` when it does not.
    pub waits_until: Option<Timestamp>,
}

/// Looks at the node now. Every question has a deadline of its own.
pub fn look(site: Site<'_>) -> Result<Health, NodeError> {
    let node = site.node;
    let facts = collect(node, &PathCandidates::new())?;
    let components =
        Component::ALL.into_iter().filter_map(|component| of(node, &facts, component)).collect();
    let holder = node.is_locked()?.then(|| {
        let told = node.state().read(LOCK, 4096).unwrap_or_default();
        String::from_utf8_lossy(&told).trim().to_owned()
    });
    let mut open = Vec::new();
    for id in Store::new(node).unfinished()? {
        let waits_until = Journal::read(node, &id)?.waiting_until().filter(|_| holder.is_some());
        open.push(Open { id, waits_until });
    }
    let cluster = site.cluster.map(|cluster| told(cluster).map_err(|error| error.to_string()));
    Ok(Health { at: node.clock().now(), components, cluster, open, holder })
}

fn told(cluster: &dyn Cluster) -> Result<ClusterHealth, ClusterError> {
    Ok(ClusterHealth { node: cluster.node()?, servers: cluster.api_servers()? })
}

/// A component, unless it neither runs here nor should.
fn of(node: &dyn Node, facts: &NodeFacts, component: Component) -> Option<ComponentHealth> {
    let mut pods = facts.manifests.iter().filter_map(|manifest| manifest.pod.ok());
    let expected = pods.find_map(|pod| Expected::of(component, pod));
    let process = facts.processes.get(&component).cloned().unwrap_or(ProcessFact::Absent);
    let wanted = expected.is_some() || component == Component::Kubelet;
    if process == ProcessFact::Absent && !wanted {
        return None;
    }
    let kubelet = node.kubelet();
    let since = process.running().filter(|_| facts.live).and_then(|process| began(node, process));
    // What cannot be asked is not known, and shown as that.
    let pod = kubelet
        .filter(|_| component.is_static_pod())
        .and_then(|kubelet| kubelet.pod_status(component).ok().flatten());
    let mut service = None;
    let mut probes = Vec::new();
    match kubelet {
        Some(kubelet) if component == Component::Kubelet => {
            service = kubelet.service().ok().flatten();
            let good = kubelet.healthy();
            let answer = if good { "ok" } else { "nothing, or not ok" }.to_owned();
            probes.push(Asked { what: "its own health check".to_owned(), answer, good });
        }
        Some(kubelet) => probes = asked(kubelet, expected.as_ref()),
        None => {}
    }
    Some(ComponentHealth { component, process, since, pod, service, probes })
}

fn asked(kubelet: &dyn KubeletView, expected: Option<&Expected>) -> Vec<Asked> {
    let probes = expected.map(Expected::probes).unwrap_or_default();
    let ask = |probe| {
        let answer = kubelet.probe(probe);
        Asked { what: shown(probe), answer: shown_answer(answer), good: answer.is_success() }
    };
    probes.iter().map(ask).collect()
}
