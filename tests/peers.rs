//! With more than one control plane: the others must serve, and only one node is changed at a time.

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

mod machine;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use kube_temper::{
    apply,
    cluster::{self, ApiServer, Cluster, ClusterError, LeaseStatus, NodeStatus},
    model::{Component, Order, Outcome, StepTarget},
    node::{
        Node, PodStatus, recording,
        sim::{Cause, SimNode, VirtualClock},
    },
};
use machine::{
    purpose,
    sim::{flag, rewritten},
};

/// What was asked of the cluster that writes there.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Hold(String, Duration),
    Release(String),
}

/// A cluster with other API servers.
#[derive(Debug)]
struct Others {
    /// Whether each is ready, at the first look and at every later one; an error when nobody answers.
    looks: [Result<Vec<bool>, ClusterError>; 2],
    looked: Mutex<usize>,
    /// Somebody else holds the Lease.
    held: Option<&'static str>,
    asked: Mutex<Vec<Asked>>,
    /// Renewals of every lease so far.
    renewals: AtomicI64,
}

impl Others {
    fn new(first: &[bool], later: &[bool]) -> Self {
        Self {
            looks: [Ok(first.to_vec()), Ok(later.to_vec())],
            looked: Mutex::default(),
            held: None,
            asked: Mutex::default(),
            renewals: AtomicI64::default(),
        }
    }
}

impl Others {
    /// Every look finds a lease that was renewed since the last one.
    fn renewed(&self) -> Option<Timestamp> {
        let renewals = self.renewals.fetch_add(1, Ordering::Relaxed);
        Some(Timestamp::from_second(4_000_000_000 + renewals).unwrap())
    }
}

impl Cluster for Others {
    fn node(&self) -> Result<NodeStatus, ClusterError> {
        Ok(NodeStatus { ready: true, renewed: self.renewed() })
    }

    fn lease(&self, _: &str, _: &str) -> Result<Option<LeaseStatus>, ClusterError> {
        let renewed = self.renewed();
        Ok(Some(LeaseStatus { holder: "cp1".to_owned(), renewed, seconds: 15 }))
    }

    fn pod_status(&self, _: Component) -> Result<Option<PodStatus>, ClusterError> {
        Ok(None)
    }

    fn api_servers(&self) -> Result<Vec<ApiServer>, ClusterError> {
        let mut looked = self.looked.lock().unwrap();
        let ready = self.looks[(*looked).min(1)].clone()?;
        *looked += 1;
        let own = ApiServer { address: "10.0.0.1:6443".to_owned(), own: true, ready: true };
        let others = ready.into_iter().enumerate().map(|(at, ready)| ApiServer {
            address: format!("10.0.0.{}:6443", at + 2),
            own: false,
            ready,
        });
        Ok(std::iter::once(own).chain(others).collect())
    }

    fn hold(&self, holder: &str, duration: Duration, _: Timestamp) -> Result<(), ClusterError> {
        if let Some(other) = self.held {
            return Err(ClusterError::Held { holder: other.to_owned() });
        }
        self.asked.lock().unwrap().push(Asked::Hold(holder.to_owned(), duration));
        Ok(())
    }

    fn release(&self, holder: &str) -> Result<(), ClusterError> {
        self.asked.lock().unwrap().push(Asked::Release(holder.to_owned()));
        Ok(())
    }
}

struct Done {
    outcome: Outcome,
    asked: Vec<Asked>,
    /// Restarts by a manifest.
    restarts: usize,
}

fn run(component: Component, others: Others, allow_single: bool) -> Done {
    let clock = Arc::new(VirtualClock::default());
    let node = Arc::new(SimNode::new(&recording::KUBEADM_1_36_2, clock, 7).unwrap());
    let plan = flag(&node, component, "profiling", "false");
    let order = Order { allow_single, ..Order::from(purpose(&plan)) };
    let others = Arc::new(others);
    let shared: Arc<dyn Node> = node.clone();
    let transaction = apply::begin(&shared, &plan, order).unwrap();
    let outcome = transaction.in_cluster(Some(others.clone())).run();
    let asked = others.asked.lock().unwrap().clone();
    Done { outcome, asked, restarts: node.starts(component, &Cause::Manifest) }
}

impl Done {
    /// Refused with these words, nothing restarted.
    fn refused(&self, words: &str) {
        let Outcome::Refused { cause } = &self.outcome else { panic!("{:?}", self.outcome) };
        assert!(cause.contains(words), "{cause}");
        assert_eq!(self.restarts, 0);
    }
}

#[test]
fn a_worker_takes_no_api_server_away_and_asks_for_none() {
    const CONFIG: &str = "/var/lib/kubelet/config.yaml";
    let clock = Arc::new(VirtualClock::default());
    let node = Arc::new(SimNode::new(&recording::KUBEADM_1_36_2_WORKER, clock, 7).unwrap());
    let text = node.text(CONFIG).unwrap() + "podPidsLimit: 4096\n";
    let change = rewritten(&node, CONFIG, "4.2.13", text);
    let plan = machine::plan(vec![machine::step(StepTarget::Kubelet, vec![change])]);
    let others = Arc::new(Others::new(&[], &[]));
    let shared: Arc<dyn Node> = node.clone();
    let transaction = apply::begin(&shared, &plan, purpose(&plan)).unwrap();
    assert_eq!(transaction.in_cluster(Some(others.clone())).run(), Outcome::Committed);
    assert_eq!(others.asked.lock().unwrap().clone(), Vec::<Asked>::new());
}

#[test]
fn the_lease_is_held_for_the_whole_change_and_given_back() {
    let done = run(Component::KubeApiserver, Others::new(&[true, true], &[true, true]), false);
    assert_eq!(done.outcome, Outcome::Committed);
    let [Asked::Hold(holder, duration), Asked::Release(released)] = &done.asked[..] else {
        panic!("{:?}", done.asked)
    };
    assert!(holder.starts_with("cp1/2026"), "{holder}");
    assert_eq!(holder, released);
    // Longer than any single change of the API server can take.
    assert!(*duration >= Duration::from_secs(600), "{duration:?}");
}

#[test]
fn another_one_that_is_not_ready_stops_it() {
    let done = run(Component::KubeApiserver, Others::new(&[true, false], &[true, false]), false);
    done.refused("10.0.0.3:6443");
    assert_eq!(done.asked, []);
    // The word of a person does not make it better.
    run(Component::KubeApiserver, Others::new(&[false], &[false]), true).refused("10.0.0.2:6443");
}

#[test]
fn one_that_fails_after_the_lease_was_taken_stops_it_too() {
    let done = run(Component::KubeApiserver, Others::new(&[true], &[false]), false);
    done.refused("10.0.0.2:6443");
    assert!(
        matches!(&done.asked[..], [Asked::Hold(..), Asked::Release(_)]),
        "not given back: {:?}",
        done.asked
    );
}

#[test]
fn somebody_who_changes_another_node_is_named() {
    let others =
        Others { held: Some("cp2/20261124T050000Z-1111"), ..Others::new(&[true], &[true]) };
    run(Component::KubeApiserver, others, false).refused("cp2/20261124T050000Z-1111");
}

#[test]
fn without_an_answer_only_a_person_can_know_that_there_is_no_other() {
    let silent = || {
        let error = || Err(ClusterError::Unreachable("connection refused".to_owned()));
        Others { looks: [error(), error()], ..Others::new(&[], &[]) }
    };
    run(Component::KubeApiserver, silent(), false).refused("--allow-single");
    assert_eq!(run(Component::KubeApiserver, silent(), true).outcome, Outcome::Committed);
}

#[test]
fn whoever_only_looks_is_told_the_same_and_takes_no_lease() {
    let clock = Arc::new(VirtualClock::default());
    let node = SimNode::new(&recording::KUBEADM_1_36_2, clock, 7).unwrap();
    let plan = flag(&node, Component::KubeApiserver, "profiling", "false");
    let look = |others: &Others, allow_single: bool| {
        let order = Order { allow_single, ..Order::from(purpose(&plan)) };
        let site = apply::Site { node: &node, cluster: Some(others) };
        apply::check(site, &plan, order).map_err(|refusal| refusal.to_string())
    };
    let ready = Others::new(&[true], &[true]);
    assert_eq!(look(&ready, false), Ok(()));
    assert_eq!(ready.asked.lock().unwrap().clone(), []);
    let sick = look(&Others::new(&[false], &[false]), false).unwrap_err();
    assert!(sick.contains("10.0.0.2:6443"), "{sick}");
    let error = || Err(ClusterError::Unreachable("connection refused".to_owned()));
    let silent = || Others { looks: [error(), error()], ..Others::new(&[], &[]) };
    let alone = look(&silent(), false).unwrap_err();
    assert!(alone.contains("--allow-single"), "{alone}");
    assert_eq!(look(&silent(), true), Ok(()));
}

#[test]
fn what_takes_nothing_away_from_the_cluster_asks_nobody() {
    let silent = Err(ClusterError::Unreachable("connection refused".to_owned()));
    let others = Others { looks: [silent.clone(), silent], ..Others::new(&[], &[]) };
    let done = run(Component::KubeScheduler, others, false);
    assert_eq!(done.outcome, Outcome::Committed);
    assert_eq!(done.asked, []);
    // A single control plane has nobody to wait for.
    let done = run(Component::KubeApiserver, Others::new(&[], &[]), false);
    assert_eq!(done.outcome, Outcome::Committed);
    assert_eq!(done.asked, []);
}

/// A node's own credentials, none of which can be used.
fn nobody_to_ask(node: &SimNode) -> Arc<dyn Cluster> {
    let cluster = cluster::of_node(node, "cp1");
    assert!(cluster.node().is_err(), "the recording holds no keys");
    cluster
}

#[test]
fn without_a_way_to_ask_the_cluster_a_static_pod_proves_itself_by_its_kubelet() {
    let clock = Arc::new(VirtualClock::default());
    let node = Arc::new(SimNode::new(&recording::KUBEADM_1_36_2, clock, 7).unwrap());
    let plan = flag(&node, Component::KubeScheduler, "profiling", "false");
    let cluster = nobody_to_ask(&node);
    let shared: Arc<dyn Node> = node.clone();
    let transaction = apply::begin(&shared, &plan, purpose(&plan)).unwrap();
    assert_eq!(transaction.in_cluster(Some(cluster)).run(), Outcome::Committed);
    assert_eq!(node.starts(Component::KubeScheduler, &Cause::Manifest), 1);
}

#[test]
fn without_a_way_to_ask_the_cluster_no_kubelet_is_restarted() {
    const CONFIG: &str = "/var/lib/kubelet/config.yaml";
    let clock = Arc::new(VirtualClock::default());
    let node = Arc::new(SimNode::new(&recording::KUBEADM_1_36_2_WORKER, clock, 7).unwrap());
    let text = node.text(CONFIG).unwrap() + "podPidsLimit: 4096\n";
    let change = rewritten(&node, CONFIG, "4.2.13", text.clone());
    let plan = machine::plan(vec![machine::step(StepTarget::Kubelet, vec![change])]);
    let cluster = nobody_to_ask(&node);
    let shared: Arc<dyn Node> = node.clone();
    let transaction = apply::begin(&shared, &plan, purpose(&plan)).unwrap();
    let outcome = transaction.in_cluster(Some(cluster)).run();
    let Outcome::Refused { cause } = &outcome else { panic!("{outcome:?}") };
    assert!(cause.contains("kubelet") && cause.contains("kubeconfig"), "{cause}");
    assert_ne!(node.text(CONFIG).unwrap(), text);
}
