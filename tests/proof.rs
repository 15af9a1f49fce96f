//! What proves a change, and what does not, on a node with a simulated kubelet.

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
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use kube_temper::{
    apply::{self, recover::recover, rollback},
    cluster::simulated::SimCluster,
    model::{Component, Outcome, Plan, RecordKind, StepTarget, TransactionId},
    node::{
        Clock, Node,
        collect::processes,
        fault::{Fault, Faults},
        memory::Snapshot,
        recording,
        sim::{Cause, SimNode, VirtualClock},
    },
    store::{Journal, Store},
};
use machine::{
    MANAGER, SCHEDULER, plan, purpose,
    sim::{flag, rewritten},
    step,
};

/// How long a node is watched before it is touched.
const BASELINE: Duration = Duration::from_secs(30);

const KUBELET: &str = "/var/lib/kubelet/config.yaml";

fn sim() -> (Arc<SimNode>, VirtualClock) {
    let clock = VirtualClock::default();
    let node = SimNode::new(&recording::KUBEADM_1_36_2, Arc::new(clock.clone()), 7).unwrap();
    (Arc::new(node), clock)
}

/// A line of the kubelet's configuration.
fn kubelet(node: &SimNode, line: &str) -> Plan {
    let text = node.text(KUBELET).unwrap() + line + "\n";
    plan(vec![step(StepTarget::Kubelet, vec![rewritten(node, KUBELET, "4.2.4", text)])])
}

struct Done {
    id: TransactionId,
    outcome: Outcome,
    /// What was observed; `true` where it proves.
    seen: Vec<(bool, String)>,
    took: Duration,
}

fn run(node: &Arc<SimNode>, plan: &Plan) -> Done {
    let began = node.clock().monotonic();
    let shared: Arc<dyn Node> = node.clone();
    let cluster = SimCluster::new(node.clone());
    let transaction = apply::begin(&shared, plan, purpose(plan)).unwrap();
    let id = transaction.id().clone();
    let outcome = transaction.in_cluster(Some(Arc::new(cluster))).run();
    let journal = Journal::read(node.as_ref(), &id).unwrap();
    assert_eq!(journal.damage, None);
    assert_eq!(journal.outcome.as_ref(), Some(&outcome));
    let seen = journal.records.into_iter().filter_map(|record| match record.kind {
        RecordKind::Observed { observation, .. } => Some((observation.proves, observation.text)),
        _ => None,
    });
    Done { id, outcome, seen: seen.collect(), took: node.clock().monotonic() - began }
}

fn argv(node: &SimNode, component: Component) -> Vec<String> {
    let all = processes(node.files());
    all.get(&component).and_then(|fact| fact.running()).map(|p| p.argv.clone()).unwrap_or_default()
}

/// Rolled back, with this cause; the files and the arguments are the old ones.
fn rolled_back(node: &SimNode, done: &Done, before: &Snapshot, why: &str) {
    let Outcome::RolledBack { cause, .. } = &done.outcome else { panic!("{:?}", done.outcome) };
    assert!(cause.contains(why), "{cause}");
    assert_eq!(before.differences(&node.snapshot()), Vec::<String>::new());
    for component in Component::STATIC_PODS {
        assert!(!argv(node, component).is_empty(), "{component} does not run");
    }
}

#[test]
fn a_step_is_proved_by_the_new_process_the_kubelet_and_the_probes() {
    let (node, _) = sim();
    let plan = flag(&node, Component::KubeScheduler, "profiling", "false");
    let done = run(&node, &plan);
    assert_eq!(done.outcome, Outcome::Committed);
    assert!(argv(&node, Component::KubeScheduler).contains(&"--profiling=false".to_owned()));
    let proofs: Vec<&str> =
        done.seen.iter().filter(|(proves, _)| *proves).map(|(_, text)| text.as_str()).collect();
    for expected in [
        "runs with --profiling=false",
        "the kubelet says started and ready",
        "answers without credentials",
        "no restart for 60 s",
        "the node is Ready and its lease is renewed",
        "the lease of kube-scheduler is renewed by cp1_",
        "kube-scheduler.yaml is 0600 0:0 on disk",
    ] {
        assert!(proofs.iter().any(|proof| proof.contains(expected)), "{expected}: {proofs:#?}");
    }
    assert!(done.took > BASELINE + Duration::from_secs(70), "{:?}", done.took);
    assert!(done.took < BASELINE + Duration::from_secs(150), "{:?}", done.took);
    assert_eq!(node.starts(Component::KubeScheduler, &Cause::Manifest), 1);
}

#[test]
fn an_api_server_step_waits_for_those_who_lean_on_it() {
    let (node, _) = sim();
    let mut both = flag(&node, Component::KubeScheduler, "profiling", "false");
    both.steps.extend(flag(&node, Component::KubeApiserver, "profiling", "false").steps);
    let done = run(&node, &both);
    assert_eq!(done.outcome, Outcome::Committed, "{:#?}", done.seen);
    for component in [Component::KubeApiserver, Component::KubeScheduler] {
        assert!(argv(&node, component).contains(&"--profiling=false".to_owned()));
    }
    let told = |text: &str| done.seen.iter().any(|(_, seen)| seen.contains(text));
    assert!(told("no restart for 90 s"));
    assert!(told("the lease of kube-controller-manager is renewed by cp1_"), "{:#?}", done.seen);
    assert!(told("kube-scheduler restarted because kube-apiserver was away"), "{:#?}", done.seen);
    assert!(told("kube-controller-manager restarted because"), "{:#?}", done.seen);
}

#[test]
fn what_does_not_start_is_rolled_back_and_the_old_pods_run_again() {
    for component in
        [Component::KubeScheduler, Component::KubeControllerManager, Component::KubeApiserver]
    {
        let (node, _) = sim();
        // Nothing foresees it.
        node.crash_on(component, "--profiling=false");
        let before = node.snapshot();
        let old = argv(&node, component);
        let done = run(&node, &flag(&node, component, "profiling", "false"));
        rolled_back(&node, &done, &before, component.as_str());
        assert_eq!(argv(&node, component), old, "{component}");
    }
}

#[test]
fn a_second_manifest_that_wins_is_no_proof() {
    let (node, _) = sim();
    let old = node.text(SCHEDULER).unwrap();
    let plan = flag(&node, Component::KubeScheduler, "profiling", "false");
    // An older copy beside the manifest: it sorts last, so it runs after every full reading.
    node.replace(&format!("{SCHEDULER}.bak"), &old).unwrap();
    node.clock().sleep(Duration::from_secs(120));
    let done = run(&node, &plan);
    assert!(!matches!(done.outcome, Outcome::Committed), "{:#?}", done.seen);
    assert_eq!(node.text(SCHEDULER).unwrap(), old);
}

#[test]
fn a_second_manifest_that_comes_meanwhile_is_no_proof_either() {
    let node = fated(BASELINE + Duration::from_secs(2), |node| {
        let text = node.text(SCHEDULER).unwrap().replace("--profiling=false", "--profiling=true");
        node.replace(&format!("{SCHEDULER}.bak"), &text).unwrap();
    });
    let old = node.text(SCHEDULER).unwrap();
    let done = run(&node, &flag(&node, Component::KubeScheduler, "profiling", "false"));
    // The manifest is as before, but what runs is not: that is for a person.
    let Outcome::Stuck { cause, .. } = &done.outcome else { panic!("{:?}", done.outcome) };
    assert!(cause.contains("with other arguments than planned"), "{cause}");
    assert!(cause.contains("did not prove healthy again"), "{cause}");
    assert_eq!(node.text(SCHEDULER).unwrap(), old);
}

#[test]
fn the_old_process_proves_nothing_even_with_the_same_arguments() {
    let (node, _) = sim();
    let old = node.text(MANAGER).unwrap();
    let text = old
        .replace("    tier: control-plane\n", "    tier: control-plane\n    reviewed: yes-sir\n");
    assert_ne!(text, old);
    let change = rewritten(&node, MANAGER, "1.3.2", text);
    let done = run(&node, &plan(vec![step(StepTarget::KubeControllerManager, vec![change])]));
    assert_eq!(done.outcome, Outcome::Committed, "{:#?}", done.seen);
    let processes = done.seen.iter().filter(|(_, text)| text.starts_with("new process"));
    assert_eq!(processes.count(), 1, "{:#?}", done.seen);
    assert!(done.seen[0].1.contains("runs with the same arguments"), "{:#?}", done.seen);
    assert_eq!(node.starts(Component::KubeControllerManager, &Cause::Manifest), 1);
}

#[test]
fn a_comment_restarts_nothing() {
    let (node, _) = sim();
    let text = node.text(MANAGER).unwrap() + "# reviewed\n";
    let change = rewritten(&node, MANAGER, "1.3.2", text);
    let done = run(&node, &plan(vec![step(StepTarget::KubeControllerManager, vec![change])]));
    assert_eq!(done.outcome, Outcome::Committed);
    assert!(done.seen.iter().any(|(proves, text)| *proves && text.contains("means the same")));
    assert!(done.took < BASELINE + Duration::from_secs(1), "{:?}", done.took);
    assert_eq!(node.starts(Component::KubeControllerManager, &Cause::Manifest), 0);
}

#[test]
fn a_kubelet_step_is_proved_by_a_new_kubelet_that_stays() {
    let (node, _) = sim();
    let done = run(&node, &kubelet(&node, "podPidsLimit: 4096"));
    assert_eq!(done.outcome, Outcome::Committed, "{:#?}", done.seen);
    assert!(done.seen.iter().any(|(proves, text)| *proves && text.contains("new kubelet process")));
    assert!(done.seen.iter().any(|(proves, text)| *proves && text.contains("node is Ready")));
    assert!(done.took >= BASELINE + Duration::from_secs(30), "{:?}", done.took);
}

#[test]
fn a_kubelet_that_does_not_start_gets_its_old_configuration_back() {
    let (node, _) = sim();
    node.crash_on(Component::Kubelet, "podPidsLimit: 4096");
    let before = node.snapshot();
    let done = run(&node, &kubelet(&node, "podPidsLimit: 4096"));
    rolled_back(&node, &done, &before, "kubelet");
    assert!(node.kubelet().unwrap().healthy());
}

#[test]
fn a_last_doubt_brings_everything_back_the_kubelet_too() {
    let (node, _) = sim();
    let before = node.snapshot();
    let plan = kubelet(&node, "podPidsLimit: 4096");
    let shared: Arc<dyn Node> = node.clone();
    let transaction = apply::begin(&shared, &plan, purpose(&plan)).unwrap();
    let outcome = transaction.proved_by(Box::new(|_| Err("a new scan disagrees".into()))).run();
    let Outcome::RolledBack { cause, .. } = outcome else { panic!("{outcome:?}") };
    assert!(cause.contains("a new scan disagrees"), "{cause}");
    assert_eq!(before.differences(&node.snapshot()), Vec::<String>::new());
    assert_eq!(node.starts(Component::Kubelet, &Cause::Service), 2, "once forth, once back");
}

#[test]
fn an_undo_is_proved_like_any_change() {
    let (node, _) = sim();
    let before = node.snapshot();
    let done = run(&node, &flag(&node, Component::KubeScheduler, "profiling", "false"));
    let which = rollback::Which::Transactions(vec![done.id]);
    let undo = rollback::plan(node.as_ref(), &which).unwrap();
    assert_eq!(undo.conflicts, Vec::<String>::new());
    let shared: Arc<dyn Node> = node.clone();
    let outcome = apply::begin(&shared, &undo.plan, undo.purpose()).unwrap().run();
    assert_eq!(outcome, Outcome::Committed);
    assert_eq!(before.differences(&node.snapshot()), Vec::<String>::new());
    assert!(!argv(&node, Component::KubeScheduler).contains(&"--profiling=false".to_owned()));
}

/// A clock on which something happens to the node once, at a given time.
#[derive(Debug)]
struct Fate {
    clock: VirtualClock,
    at: Duration,
    node: Mutex<Weak<SimNode>>,
    happens: fn(&SimNode),
}

impl Clock for Fate {
    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
        if self.clock.monotonic() >= self.at
            && let Some(node) = std::mem::take(&mut *self.node.lock().unwrap()).upgrade()
        {
            (self.happens)(&node);
        }
    }
}

fn fated(after: Duration, happens: fn(&SimNode)) -> Arc<SimNode> {
    let clock = VirtualClock::default();
    let at = clock.monotonic() + after;
    let fate = Arc::new(Fate { clock, at, node: Mutex::default(), happens });
    let node = Arc::new(SimNode::new(&recording::KUBEADM_1_36_2, fate.clone(), 7).unwrap());
    *fate.node.lock().unwrap() = Arc::downgrade(&node);
    node
}

#[test]
fn a_restart_while_it_is_watched_is_a_failure() {
    let node =
        fated(BASELINE + Duration::from_secs(55), |node| node.kill(Component::KubeScheduler));
    let before = node.snapshot();
    let done = run(&node, &flag(&node, Component::KubeScheduler, "profiling", "false"));
    rolled_back(&node, &done, &before, "ended");
    assert!(
        done.seen.iter().any(|(_, text)| text.contains("watching for 60 s")),
        "{:#?}",
        done.seen
    );
}

#[test]
fn a_file_that_changes_while_it_is_proved_stops_everything() {
    let node = fated(BASELINE + Duration::from_secs(30), |node| {
        let text = node.text(SCHEDULER).unwrap() + "# theirs\n";
        node.replace(SCHEDULER, &text).unwrap();
    });
    let done = run(&node, &flag(&node, Component::KubeScheduler, "profiling", "false"));
    let Outcome::Stuck { cause, by_hand, .. } = &done.outcome else { panic!("{:?}", done.outcome) };
    assert!(cause.contains("somebody else"), "{cause}");
    assert_eq!(by_hand.len(), 1, "{by_hand:?}");
    assert!(node.text(SCHEDULER).unwrap().ends_with("# theirs\n"));
}

#[test]
fn a_process_that_dies_leaves_a_node_that_recovers() {
    let whole = sim().0;
    let faults = Faults::new(Fault::Never);
    let plan = flag(&whole, Component::KubeScheduler, "profiling", "false");
    let node: Arc<dyn Node> = Arc::new(whole.with_faults(&faults));
    assert_eq!(apply::begin(&node, &plan, purpose(&plan)).unwrap().run(), Outcome::Committed);
    let after = whole.snapshot();
    let mut sides = [0, 0];
    for at in 1..=faults.count() {
        let (node, clock) = sim();
        let before = node.snapshot();
        let faults = Faults::new(Fault::DiesAfter { at });
        let dying: Arc<dyn Node> = Arc::new(node.with_faults(&faults));
        if let Ok(transaction) = apply::begin(&dying, &plan, purpose(&plan)) {
            transaction.run();
        }
        assert!(faults.dead(), "{at}");
        // Nobody is there for a while; the kubelet takes what it finds.
        clock.advance(Duration::from_secs(17));
        let next = node.another_process();
        let outcomes = recover(&next).unwrap();
        assert!(outcomes.iter().all(|(_, o)| !matches!(o, Outcome::Stuck { .. })), "{outcomes:?}");
        let now = node.snapshot();
        let has_flag =
            argv(&node, Component::KubeScheduler).contains(&"--profiling=false".to_owned());
        let committed = Store::new(&next)
            .history()
            .unwrap()
            .first()
            .is_some_and(|line| line.outcome == Some(Outcome::Committed));
        let (wanted, side) = if committed { (&after, 1) } else { (&before, 0) };
        assert_eq!(wanted.differences(&now), Vec::<String>::new(), "dies after {at}");
        assert_eq!(has_flag, committed, "dies after {at}: what runs is what is on disk");
        assert_eq!(recover(&next).unwrap(), [], "{at}");
        sides[side] += 1;
    }
    assert!(sides[0] > 10 && sides[1] > 1, "{sides:?}");
}

#[test]
fn a_node_that_is_sick_before_is_not_touched() {
    let (node, _) = sim();
    node.crash_on(Component::KubeControllerManager, "--bind-address");
    node.kill(Component::KubeControllerManager);
    let before = node.snapshot();
    let done = run(&node, &flag(&node, Component::KubeScheduler, "profiling", "false"));
    let Outcome::Refused { cause } = &done.outcome else { panic!("{:?}", done.outcome) };
    assert!(cause.contains("kube-controller-manager"), "{cause}");
    assert!(cause.contains("not healthy before the change"), "{cause}");
    assert_eq!(before.differences(&node.snapshot()), Vec::<String>::new());
    assert_eq!(node.starts(Component::KubeScheduler, &Cause::Manifest), 0);
}
