//! How a node stands, as the engine tells it: what runs since when, how it answers, and what is unfinished.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::pedantic,
    unreachable_pub,
    reason = "a test stops where it cannot go on, reads its own data, and tells one story"
)]

use std::{sync::Arc, time::Duration};

use kube_temper::{
    catalog::Catalog,
    cluster::simulated::SimCluster,
    engine::{ComponentHealth, Engine, Health, Settings},
    model::{Component, ProcessFact},
    node::{
        Node, recording,
        sim::{SimNode, VirtualClock},
    },
};

fn started(recording: &'static recording::Recording) -> (Arc<SimNode>, Engine) {
    let clock = Arc::new(VirtualClock::default());
    let node = Arc::new(SimNode::new(recording, clock, 7).unwrap());
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let cluster = Arc::new(SimCluster::new(Arc::clone(&node)));
    let engine = Engine::new(node.clone(), catalog, Settings::default());
    (node, engine.in_cluster(Some(cluster)))
}

fn of(health: &Health, component: Component) -> Option<&ComponentHealth> {
    health.components.iter().find(|one| one.component == component)
}

#[test]
fn a_node_that_is_well_says_so_in_every_part() {
    let (node, engine) = started(&recording::KUBEADM_1_36_2);
    node.clock().sleep(Duration::from_secs(60));
    let health = engine.health().unwrap();
    for component in Component::STATIC_PODS.into_iter().chain([Component::Kubelet]) {
        let one = of(&health, component).unwrap();
        let pid = one.process.running().unwrap().pid;
        assert!(pid > 0, "{component}");
        assert!(one.since.is_some_and(|since| since < health.at), "{component}: {:?}", one.since);
        assert!(!one.probes.is_empty(), "{component}");
        assert!(one.probes.iter().all(|asked| asked.good), "{component}: {:?}", one.probes);
        if component != Component::Kubelet {
            assert!(one.pod.as_ref().is_some_and(|pod| pod.ready), "{component}: {:?}", one.pod);
        }
    }
    let cluster = health.cluster.unwrap().unwrap();
    assert!(cluster.node.ready && cluster.node.renewed.is_some());
    assert!(matches!(&cluster.servers[..], [server] if server.own && server.ready));
    assert_eq!((health.open, health.holder), (Vec::new(), None));
}

#[test]
fn what_is_gone_is_missed_and_what_never_was_here_is_not() {
    let (node, engine) = started(&recording::KUBEADM_1_36_2_WORKER);
    let health = engine.health().unwrap();
    assert!(of(&health, Component::KubeApiserver).is_none(), "a worker has none");
    assert!(of(&health, Component::Etcd).is_none());
    node.stop_kubelet();
    let health = engine.health().unwrap();
    let kubelet = of(&health, Component::Kubelet).unwrap();
    assert_eq!(kubelet.process, ProcessFact::Absent);
    assert!(kubelet.probes.iter().all(|asked| !asked.good), "{:?}", kubelet.probes);
}

#[test]
fn whoever_holds_the_lock_is_told() {
    let (node, engine) = started(&recording::KUBEADM_1_36_2);
    let lock = node.lock().unwrap();
    assert!(engine.health().unwrap().holder.is_some());
    drop(lock);
    assert_eq!(engine.health().unwrap().holder, None);
}
