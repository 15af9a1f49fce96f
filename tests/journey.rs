//! The whole path on a simulated node with a virtual clock, through the use cases the faces call.

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
    engine::{Engine, Filter, Selection, Settings, Terms, Undo},
    model::{Component, ControlId, Outcome, Plan, ProcessFact, RecordKind, Status, Tier},
    node::{
        Node as _, NodeKind, collect,
        memory::{FixedNode, Snapshot},
        recording::KUBEADM_1_36_2,
        sim::{Cause, SimNode, VirtualClock},
    },
};

const SCHEDULER: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml";

struct Journey {
    clock: Arc<VirtualClock>,
    node: Arc<SimNode>,
    engine: Engine,
}

impl Journey {
    fn new() -> Self {
        let clock = Arc::new(VirtualClock::default());
        let node = Arc::new(SimNode::new(&KUBEADM_1_36_2, clock.clone(), 7).unwrap());
        let catalog = Arc::new(Catalog::embedded().unwrap());
        let engine = Engine::new(Arc::clone(&node) as _, catalog, Settings::default());
        Self { clock, node, engine }
    }

    fn failing(&self) -> Vec<String> {
        let scan = self.engine.scan(&Filter::default()).unwrap();
        let fails = scan.report.findings.iter().filter(|f| f.status == Status::Fail);
        fails.map(|f| f.control.to_string()).collect()
    }

    fn plan(&self, selection: &Selection) -> Plan {
        let scan = self.engine.scan(&Filter::default()).unwrap();
        self.engine.plan(&scan, selection).unwrap()
    }

    fn safe(&self) -> Plan {
        self.plan(&Selection::Safe { allow_single: true, max_restarts: None })
    }

    fn only(&self, id: &str) -> Plan {
        self.plan(&Selection::Controls(vec![id.parse::<ControlId>().unwrap()]))
    }

    /// The outcome, and the words of everything that was observed.
    fn apply(&self, plan: &Plan) -> (Outcome, Vec<String>) {
        let mut seen = Vec::new();
        let outcome = self.engine.apply(plan, &Terms::default()).unwrap().wait(&mut |record| {
            if let RecordKind::Observed { observation, .. } = &record.kind {
                seen.push(observation.text.clone());
            }
        });
        (outcome.unwrap(), seen)
    }

    fn roll_back(&self, undo: &Undo) -> Outcome {
        let rollback = self.engine.plan_rollback(undo).unwrap();
        assert_eq!(rollback.conflicts, Vec::<String>::new());
        self.engine.rollback(&rollback, &Terms::default()).unwrap().wait(&mut |_| {}).unwrap()
    }

    fn files(&self) -> Snapshot {
        self.node.snapshot()
    }

    /// The arguments every component runs with.
    fn arguments(&self) -> Vec<(Component, Vec<String>)> {
        collect::processes(self.node.files())
            .into_iter()
            .filter_map(|(component, fact)| match fact {
                ProcessFact::Running(process) => Some((component, process.argv)),
                _ => None,
            })
            .collect()
    }

    fn manifest_starts(&self) -> Vec<(Component, usize)> {
        Component::STATIC_PODS
            .into_iter()
            .map(|component| (component, self.node.starts(component, &Cause::Manifest)))
            .filter(|(_, starts)| *starts > 0)
            .collect()
    }
}

#[test]
fn apply_safe_restarts_each_component_once_and_rollback_all_restores_files_and_processes() {
    let journey = Journey::new();
    let (files, arguments, failing) = (journey.files(), journey.arguments(), journey.failing());
    let before = journey.manifest_starts();

    let (outcome, seen) = journey.apply(&journey.safe());
    assert_eq!(outcome, Outcome::Committed, "{seen:#?}");
    let still = journey.failing();
    let closed: Vec<&String> = failing.iter().filter(|id| !still.contains(id)).collect();
    assert_eq!(closed, ["1.1.9", "1.2.15", "1.3.2", "1.4.1", "4.1.1", "4.1.9"]);
    let once = |starts: Vec<(Component, usize)>, by: usize| {
        for component in
            [Component::KubeApiserver, Component::KubeControllerManager, Component::KubeScheduler]
        {
            let count = |list: &[(Component, usize)]| {
                list.iter().find(|(c, _)| *c == component).map_or(0, |(_, n)| *n)
            };
            assert_eq!(count(&starts), count(&before) + by, "{component}");
        }
    };
    once(journey.manifest_starts(), 1);
    assert_ne!(journey.files(), files);
    assert!(seen.iter().any(|text| text.contains("a new scan passes")), "{seen:#?}");

    assert_eq!(journey.roll_back(&Undo::All), Outcome::Committed);
    once(journey.manifest_starts(), 2);
    assert_eq!(journey.files(), files);
    assert_eq!(journey.arguments(), arguments);
    assert_eq!(journey.failing(), failing);
}

/// As kubeadm writes it for `--bind-address=0.0.0.0`: its probes ask the node's own address.
#[test]
fn a_component_that_moves_to_loopback_takes_its_probes_along() {
    for (id, component) in
        [("1.4.2", Component::KubeScheduler), ("1.3.7", Component::KubeControllerManager)]
    {
        let journey = Journey::new();
        let path = format!("/etc/kubernetes/manifests/{component}.yaml");
        let text = journey.node.text(&path).unwrap();
        let open = text.replace("--bind-address=127.0.0.1", "--bind-address=0.0.0.0");
        let open = open.replace("        host: 127.0.0.1\n", "");
        journey.node.replace(&path, &open).unwrap();
        journey.clock.advance(Duration::from_secs(900));
        assert!(journey.failing().contains(&id.to_owned()));
        let (files, plan) = (journey.files(), journey.only(id));
        let (outcome, seen) = journey.apply(&plan);
        assert_eq!(outcome, Outcome::Committed, "{seen:#?}");
        assert_eq!(journey.node.text(&path).unwrap(), text, "as kubeadm writes it for loopback");
        assert!(!journey.failing().contains(&id.to_owned()));
        journey.clock.advance(Duration::from_secs(900));
        assert_eq!(journey.roll_back(&Undo::All), Outcome::Committed);
        assert_eq!(files.differences(&journey.files()), Vec::<String>::new());
    }
}

#[test]
fn a_component_that_crashes_on_its_new_flag_gets_its_old_manifest_back() {
    let journey = Journey::new();
    let (files, arguments) = (journey.files(), journey.arguments());
    journey.node.crash_on(Component::KubeScheduler, "--profiling=false");
    let (outcome, seen) = journey.apply(&journey.safe());
    let Outcome::RolledBack { cause, .. } = outcome else { panic!("{outcome:?} {seen:#?}") };
    assert!(cause.contains("kube-scheduler"), "{cause}");
    assert_eq!(journey.files(), files, "the modes of the first step are back too");
    assert_eq!(journey.arguments(), arguments);
    assert_eq!(
        journey.node.starts(Component::KubeApiserver, &Cause::Manifest),
        0,
        "the API server's turn never came"
    );
}

#[test]
fn an_upgrade_in_between_keeps_its_lines_and_loses_ours() {
    let journey = Journey::new();
    let fresh = journey.node.text(SCHEDULER).unwrap();
    let (outcome, _) = journey.apply(&journey.only("1.4.1"));
    assert_eq!(outcome, Outcome::Committed);
    let upgrade = |text: &str| {
        text.replace("v1.36.2", "v1.36.4").replace("failureThreshold: 24", "failureThreshold: 30")
    };
    let applied = journey.node.text(SCHEDULER).unwrap();
    journey.node.replace(SCHEDULER, &upgrade(&applied)).unwrap();
    assert_eq!(journey.roll_back(&Undo::All), Outcome::Committed);
    assert_eq!(journey.node.text(SCHEDULER).unwrap(), upgrade(&fresh));
    let scheduler = journey.arguments().into_iter().find(|(c, _)| *c == Component::KubeScheduler);
    assert!(!scheduler.unwrap().1.contains(&"--profiling=false".to_owned()));
}

#[test]
fn kubelet_settings_take_effect_and_come_back() {
    let journey = Journey::new();
    let files = journey.files();
    let (outcome, seen) = journey.apply(&journey.only("4.2.14"));
    assert_eq!(outcome, Outcome::Committed, "{seen:#?}");
    assert!(!journey.failing().contains(&"4.2.14".to_owned()));
    assert_eq!(journey.roll_back(&Undo::Last), Outcome::Committed);
    assert_eq!(journey.files(), files);
}

#[test]
fn two_transactions_are_undone_in_any_order() {
    let journey = Journey::new();
    let files = journey.files();
    let first = {
        let running = journey.engine.apply(&journey.only("1.4.1"), &Terms::default()).unwrap();
        let id = running.id().clone();
        assert_eq!(running.wait(&mut |_| {}).unwrap(), Outcome::Committed);
        id
    };
    let (outcome, _) = journey.apply(&journey.only("1.3.2"));
    assert_eq!(outcome, Outcome::Committed);
    assert_eq!(journey.roll_back(&Undo::Transaction(first.0.clone())), Outcome::Committed);
    assert!(journey.failing().contains(&"1.4.1".to_owned()));
    assert!(!journey.failing().contains(&"1.3.2".to_owned()));
    assert_eq!(journey.roll_back(&Undo::Last), Outcome::Committed);
    assert_eq!(journey.files(), files);

    let history = journey.engine.history().unwrap();
    assert_eq!(history.len(), 4);
    let undone: Vec<bool> = history.iter().map(|line| line.undone_by.is_some()).collect();
    assert_eq!(undone, [false, false, true, true], "latest first");
}

#[test]
fn on_a_live_node_apply_safe_takes_what_restarts_a_component_too_and_says_what_it_left() {
    let node = FixedNode::new(Arc::new(KUBEADM_1_36_2.files().unwrap())).of_kind(NodeKind::Live);
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let engine = Engine::new(Arc::new(node), catalog, Settings::default());
    let scan = engine.scan(&Filter::default()).unwrap();
    let safe = Selection::Safe { allow_single: true, max_restarts: None };
    let plan = engine.plan(&scan, &safe).unwrap();

    let ids: Vec<&str> = plan.controls.iter().map(|c| c.control.as_str()).collect();
    assert_eq!(ids, ["1.1.9", "1.2.15", "1.3.2", "1.4.1", "4.1.1", "4.1.9"]);
    assert_eq!(plan.tier(), Some(Tier::R2));
    let left = plan.left.iter().find(|left| left.control.as_str() == "1.2.30").unwrap();
    assert!(left.reason.contains("risk here is R3"), "{}", left.reason);
}
