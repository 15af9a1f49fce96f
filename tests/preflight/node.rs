//! The node before it is touched: at rest, nobody else at work, nothing of others that waits.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use kube_temper::{
    apply::{self, Site},
    cluster::{ApiServer, Cluster, ClusterError, LeaseStatus, NodeStatus},
    model::{
        Component::{self, KubeApiserver, KubeScheduler},
        Outcome, StepTarget,
    },
    node::{Node, PodStatus},
};

use crate::{
    Bench, argument, expect,
    machine::{SCHEDULER, purpose},
};

const CONFIG: &str = "/var/lib/kubelet/config.yaml";

fn refusal(bench: &Bench, component: Component) -> Option<String> {
    bench.refusal(&bench.manifest(component, argument("--profiling=false")))
}

fn pids(bench: &Bench) -> Option<String> {
    bench.refusal(
        &bench.change(StepTarget::Kubelet, CONFIG, |text| format!("{text}podPidsLimit: 4096\n")),
    )
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

#[test]
fn what_restarted_of_late_is_not_at_rest() {
    let bench = Bench::new();
    bench.node.kill(KubeScheduler);
    bench.node.clock().sleep(minutes(4));
    for component in [KubeScheduler, KubeApiserver] {
        let why = refusal(&bench, component).unwrap();
        assert!(why.starts_with("kube-scheduler (process "), "{why}");
        assert!(why.contains("s ago, and not by a change of ours"), "{why}");
    }
    bench.node.clock().sleep(minutes(7));
    expect("later", refusal(&bench, KubeScheduler), "");
}

#[test]
fn what_we_restarted_ourselves_is_at_rest() {
    let bench = Bench::new();
    let node: Arc<dyn Node> = bench.node.clone();
    let run = |component, flag| {
        let plan = bench.manifest(component, argument(flag));
        apply::begin(&node, &plan, purpose(&plan)).unwrap().run()
    };
    // The controller-manager and the scheduler restart with it.
    assert_eq!(run(KubeApiserver, "--profiling=false"), Outcome::Committed);
    assert_eq!(run(KubeScheduler, "--profiling=false"), Outcome::Committed);
    bench.node.crash_on(KubeScheduler, "--v=3");
    assert!(matches!(run(KubeScheduler, "--v=3"), Outcome::RolledBack { .. }));
    assert_eq!(run(KubeScheduler, "--v=2"), Outcome::Committed);
    // Somebody else's restart right after is not ours.
    bench.node.clock().sleep(Duration::from_secs(10));
    bench.node.kill(KubeScheduler);
    bench.node.clock().sleep(minutes(1));
    expect("theirs", refusal(&bench, KubeApiserver), "not by a change of ours");
}

#[test]
fn a_node_that_lost_its_cluster_is_not_touched() {
    // (Ready, seconds since the Lease was renewed, of the kubelet too, wanted)
    for (name, ready, age, plan_kubelet, wanted) in [
        ("well", true, Some(9), false, ""),
        ("not Ready", false, Some(9), false, "the node is not Ready before the change"),
        (
            "out of touch",
            true,
            Some(60),
            false,
            "renewed the node's Lease 60 s ago for the last time",
        ),
        ("no answer", true, None, false, ""),
        (
            "no answer for a kubelet",
            true,
            None,
            true,
            "the kubelet must not be restarted while its API server is away",
        ),
    ] {
        let bench = Bench::new();
        let now = bench.node.clock().now();
        let renewed = age.map(|age| now.checked_sub(SignedDuration::from_secs(age)).unwrap());
        let said = Said(renewed.map(|at| NodeStatus { ready, renewed: Some(at) }));
        let plan = if plan_kubelet {
            bench.change(StepTarget::Kubelet, CONFIG, |text| format!("{text}podPidsLimit: 4096\n"))
        } else {
            bench.manifest(KubeScheduler, argument("--profiling=false"))
        };
        let site = Site { node: bench.node.as_ref(), cluster: Some(&said) };
        let answer = apply::check(site, &plan, purpose(&plan)).err().map(|why| why.to_string());
        expect(name, answer, wanted);
    }
}

/// A cluster that says this of the node, or does not answer.
#[derive(Debug)]
struct Said(Option<NodeStatus>);

impl Said {
    fn away<T>() -> Result<T, ClusterError> {
        Err(ClusterError::Unreachable("timed out".to_owned()))
    }
}

impl Cluster for Said {
    fn node(&self) -> Result<NodeStatus, ClusterError> {
        self.0.map_or_else(Self::away, Ok)
    }
    fn lease(&self, _: &str, _: &str) -> Result<Option<LeaseStatus>, ClusterError> {
        Self::away()
    }
    fn pod_status(&self, _: Component) -> Result<Option<PodStatus>, ClusterError> {
        Self::away()
    }
    fn api_servers(&self) -> Result<Vec<ApiServer>, ClusterError> {
        Self::away()
    }
    fn hold(&self, _: &str, _: Duration, _: Timestamp) -> Result<(), ClusterError> {
        Self::away()
    }
    fn release(&self, _: &str) -> Result<(), ClusterError> {
        Self::away()
    }
}

#[test]
fn kubeadm_at_work_is_waited_for() {
    let bench = Bench::new();
    bench.put("/proc/5555/comm", "kubeadm\n");
    bench.put("/proc/5555/cgroup", "0::/user.slice/session-1.scope\n");
    expect("running", refusal(&bench, KubeScheduler), "kubeadm runs (process 5555)");
    bench.put("/proc/5555/cgroup", "0::/kubepods.slice/kubepods-pod1.slice/cri-1.scope\n");
    expect("in a pod of somebody", refusal(&bench, KubeScheduler), "");
}

#[test]
fn one_file_speaks_for_a_pod() {
    let bench = Bench::new();
    bench.put(&format!("{SCHEDULER}.bak"), &bench.node.text(SCHEDULER).unwrap());
    expect(
        "two",
        refusal(&bench, KubeScheduler),
        "kube-scheduler.yaml and /etc/kubernetes/manifests/kube-scheduler.yaml.bak define the same pod kube-scheduler",
    );
    expect("of another pod", refusal(&bench, KubeApiserver), "");
    let bench = Bench::new();
    bench.put(
        "/etc/kubernetes/manifests/.kube-scheduler.yaml.bak",
        &bench.node.text(SCHEDULER).unwrap(),
    );
    expect("hidden", refusal(&bench, KubeScheduler), "");
}

#[test]
fn changes_of_others_are_not_started_unseen() {
    let bench = Bench::new();
    bench.node.replace(CONFIG, &(bench.node.text(CONFIG).unwrap() + "maxPods: 50\n")).unwrap();
    bench.node.clock().sleep(minutes(1));
    expect(
        "configuration",
        pids(&bench),
        "changes of others wait for the next restart of kubelet (/var/lib/kubelet/config.yaml was written",
    );
    expect("of another", refusal(&bench, KubeScheduler), "");

    let plan =
        bench.change(StepTarget::Kubelet, CONFIG, |text| format!("{text}podPidsLimit: 4096\n"));
    expect("with consent", bench.refusal_with_pending(&plan), "");

    let flags = "/var/lib/kubelet/kubeadm-flags.env";
    let bench = Bench::new();
    let more = bench
        .node
        .text(flags)
        .unwrap()
        .replace("KUBELET_KUBEADM_ARGS=\"", "KUBELET_KUBEADM_ARGS=\"--max-pods=50 ");
    bench.put(flags, &more);
    expect("flags", pids(&bench), "give other arguments than process 980 has");

    // Written past the kubelet, so that nothing restarted.
    let bench = Bench::new();
    bench.put(SCHEDULER, &argument("--v=4")(&bench.node.text(SCHEDULER).unwrap()));
    expect(
        "manifest",
        refusal(&bench, KubeScheduler),
        "kube-scheduler.yaml gives other arguments than process",
    );
}

#[test]
fn a_change_of_mode_waits_for_nothing() {
    let bench = Bench::new();
    bench.node.files().set_mode(CONFIG, 0o600).unwrap();
    expect("mode", pids(&bench), "");
}

#[test]
fn a_kubelet_that_would_not_start_again_is_not_our_doing() {
    let bench = Bench::new();
    let node: Arc<dyn Node> = bench.node.clone();
    // Past the kubelet, and before it began: as if the package had been upgraded since.
    bench.put(CONFIG, &(bench.node.text(CONFIG).unwrap() + "maxPods: many\n"));
    let plan =
        bench.change(StepTarget::Kubelet, CONFIG, |text| format!("{text}podPidsLimit: 4096\n"));
    let before = bench.node.snapshot();
    let outcome = apply::begin(&node, &plan, purpose(&plan)).unwrap().run();
    let Outcome::Refused { cause } = outcome else { panic!("{outcome:?}") };
    assert!(cause.contains("maxPods"), "{cause}");
    assert_eq!(before.differences(&bench.node.snapshot()), Vec::<String>::new());
    assert!(bench.node.kubelet().unwrap().healthy());
}
