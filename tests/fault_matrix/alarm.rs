//! A change that nobody confirmed while another API server is down, or its own kubelet away: it stays, and only a
//! person decides.

use std::sync::Arc;

use kube_temper::{
    apply::recover::{By, Means, recover_by},
    catalog::Catalog,
    engine::{Answer, Engine, EngineError, Settings},
    model::{Component, Keep, Left, Order, Outcome, Plan, Reason, RecordKind, TransactionId},
    node::{Node, recording::KUBEADM_1_36_2, sim::Cause},
};

use crate::{
    lab::{Deed, Lab, When},
    machine::{purpose, sim::flag},
};

const OTHER: &str = "10.0.0.12:6443";
const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

fn deed(deed: impl Fn(&Lab) + Send + Sync + 'static) -> Deed {
    Arc::new(deed)
}

fn down() -> Deed {
    deed(|lab| lab.cluster.set_api_server(OTHER, false))
}

fn dies() -> Deed {
    deed(|lab| lab.faults.die())
}

/// A control plane with another one beside it.
fn lab(deeds: Vec<(When, Deed)>) -> Arc<Lab> {
    let lab = Lab::new(&KUBEADM_1_36_2, 7, deeds);
    lab.cluster.set_api_server(OTHER, true);
    lab
}

fn unconfirmed(plan: &Plan) -> Order {
    Order { keep: Keep::Confirmed { within: 120 }, ..Order::from(purpose(plan)) }
}

/// A flag of a component, which nobody confirms.
fn run(lab: &Lab, component: Component) -> Outcome {
    let plan = flag(&lab.node, component, "profiling", "false");
    lab.run(&plan, Some(unconfirmed(&plan))).unwrap().outcome
}

/// The API server's flag stays because the other one went down during the countdown.
fn alarmed() -> (Arc<Lab>, TransactionId) {
    let lab = lab(vec![(When::Waiting(60), down())]);
    let Outcome::Stuck { left: Left::New, .. } = run(&lab, Component::KubeApiserver) else {
        panic!("{:#?}", lab.records())
    };
    let id = lab.id();
    (lab, id)
}

fn recover(lab: &Lab, by: By) -> Vec<(TransactionId, Outcome)> {
    let cluster = lab.cluster.clone();
    let means = Means { prover: &|_| None, cluster: &|_| Some(cluster.clone()) };
    recover_by(&lab.node.another_process(), by, None, &means).unwrap()
}

fn engine(lab: &Lab) -> Engine {
    let node: Arc<dyn Node> = Arc::new(lab.node.another_process());
    let catalog = Arc::new(Catalog::embedded().unwrap());
    Engine::new(node, catalog, Settings::default()).in_cluster(Some(lab.cluster.clone()))
}

fn is_new(lab: &Lab) -> bool {
    lab.node.text(MANIFEST).unwrap().contains("--profiling=false")
}

fn restarts(lab: &Lab) -> usize {
    lab.node.starts(Component::KubeApiserver, &Cause::Manifest)
}

const REVERT: Answer = Answer::Revert { allow_single: false };

#[test]
fn it_stays_and_everybody_is_told() {
    let (lab, id) = alarmed();
    let told = lab.records().pop().unwrap();
    let RecordKind::Stuck { cause, by_hand, left } = told.kind else { panic!("{told:?}") };
    assert!(cause.contains(&format!("{OTHER} is down now")), "{cause}");
    assert_eq!(left, Left::New);
    let commands = [format!("kube-temper confirm {id}"), format!("kube-temper revert {id}")];
    assert_eq!(by_hand, commands);
    assert!(is_new(&lab) && restarts(&lab) == 1);
    let messages = lab.node.messages();
    let [waits, needs] = &messages[..] else { panic!("{messages:?}") };
    assert!(waits.contains("waits to be kept until") && waits.contains(&commands[0]), "{waits}");
    assert!(needs.contains("needs a decision"), "{needs}");
}

#[test]
fn a_scheduler_goes_back_whoever_is_down() {
    let lab = lab(vec![(When::Waiting(60), down())]);
    let outcome = run(&lab, Component::KubeScheduler);
    let Outcome::RolledBack { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(reason, Reason::Unconfirmed);
}

#[test]
fn no_timer_and_no_start_of_the_machine_puts_it_back() {
    let (lab, id) = alarmed();
    // The other one is back: still nobody decided.
    lab.cluster.set_api_server(OTHER, true);
    let records = lab.records().len();
    assert_eq!(recover(&lab, By::Timer), []);
    for by in [By::Boot, By::Person] {
        let told = recover(&lab, by);
        let [(told, Outcome::Stuck { by_hand, .. })] = &told[..] else { panic!("{told:?}") };
        assert_eq!(*told, id);
        assert!(by_hand[0].starts_with("kube-temper confirm"), "{by_hand:?}");
    }
    assert_eq!(lab.records().len(), records);
    assert!(is_new(&lab) && restarts(&lab) == 1);
}

#[test]
fn a_person_confirms_it_whoever_is_down() {
    let (lab, id) = alarmed();
    let running = engine(&lab).answer(&id.0, Answer::Keep, "anna").unwrap();
    assert_eq!(running.wait(&mut |_| ()).unwrap(), Outcome::Committed);
    assert!(is_new(&lab) && restarts(&lab) == 1);
    assert_eq!(recover(&lab, By::Person), []);
}

#[test]
fn what_is_not_well_by_now_is_not_confirmed() {
    let (lab, id) = alarmed();
    lab.node.crash_on(Component::KubeApiserver, "--profiling=false");
    lab.node.kill(Component::KubeApiserver);
    let refused = engine(&lab).answer(&id.0, Answer::Keep, "anna").unwrap_err();
    assert!(matches!(&refused, EngineError::Refused(why) if why.contains("not well")), "{refused}");
    // Nothing else is known of another one then, and a broken change goes back.
    let running = engine(&lab).answer(&id.0, REVERT, "anna").unwrap();
    let outcome = running.wait(&mut |_| ()).unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(!is_new(&lab));
}

#[test]
fn a_person_puts_it_back_with_all_gates_once_the_other_one_is_up() {
    let (lab, id) = alarmed();
    let refused = engine(&lab).answer(&id.0, REVERT, "anna").unwrap_err();
    let EngineError::Refused(why) = &refused else { panic!("{refused:?}") };
    assert!(why.contains(OTHER) && why.contains("--allow-single"), "{why}");
    assert!(is_new(&lab));
    lab.cluster.set_api_server(OTHER, true);
    let running = engine(&lab).answer(&id.0, REVERT, "anna").unwrap();
    let outcome = running.wait(&mut |_| ()).unwrap();
    let Outcome::RolledBack { cause, reason: Reason::Requested } = &outcome else {
        panic!("{outcome:?}")
    };
    assert!(cause.contains("anna asked for it"), "{cause}");
    assert!(!is_new(&lab) && restarts(&lab) == 2);
    assert!(lab.records().iter().any(|record| {
        matches!(&record.kind, RecordKind::Observed { observation, .. }
            if observation.text.contains("the kubelet says started and ready"))
    }));
}

#[test]
fn a_person_may_put_it_back_all_the_same() {
    let (lab, id) = alarmed();
    let answer = Answer::Revert { allow_single: true };
    let running = engine(&lab).answer(&id.0, answer, "anna").unwrap();
    let outcome = running.wait(&mut |_| ()).unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert!(!is_new(&lab));
}

#[test]
fn it_stays_while_another_control_plane_is_changed() {
    let (lab, id) = alarmed();
    lab.cluster.set_api_server(OTHER, true);
    let hour = std::time::Duration::from_secs(3600);
    lab.cluster.give_lease("cp2/x", hour, lab.node.clock().now());
    let running = engine(&lab).answer(&id.0, REVERT, "anna").unwrap();
    let outcome = running.wait(&mut |_| ()).unwrap();
    let Outcome::Stuck { cause, left: Left::New, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(cause.contains("cp2/x"), "{cause}");
    assert!(is_new(&lab) && restarts(&lab) == 1);
}

#[test]
fn what_somebody_changed_since_is_not_decided_about() {
    let (lab, id) = alarmed();
    let text = lab.node.text(MANIFEST).unwrap() + "# theirs\n";
    lab.node.replace(MANIFEST, &text).unwrap();
    for answer in [Answer::Keep, Answer::Revert { allow_single: true }] {
        let refused = engine(&lab).answer(&id.0, answer, "anna").unwrap_err();
        assert!(refused.to_string().contains(MANIFEST), "{refused}");
    }
    assert_eq!(recover(&lab, By::Person), []);
}

#[test]
fn without_a_kubelet_nobody_decides_and_with_one_a_person_does() {
    let dead = || deed(|lab| lab.node.stop_kubelet());
    for (answer, allow_single, kept) in
        [(Answer::Keep, false, true), (REVERT, false, false), (REVERT, true, false)]
    {
        let lab = lab(vec![(When::Waiting(60), dead())]);
        let outcome = run(&lab, Component::KubeApiserver);
        let Outcome::Stuck { cause, left: Left::New, .. } = &outcome else { panic!("{outcome:?}") };
        assert!(cause.contains("the kubelet has been away"), "{cause}");
        let id = lab.id();
        let answer = match answer {
            Answer::Revert { .. } => Answer::Revert { allow_single },
            other => other,
        };
        let refused = engine(&lab).answer(&id.0, answer, "anna").unwrap_err();
        assert!(refused.to_string().contains("the kubelet does not answer"), "{refused}");
        assert!(is_new(&lab));
        lab.node.kubelet().unwrap().restart().unwrap();
        lab.pass(30);
        let running = engine(&lab).answer(&id.0, answer, "anna").unwrap();
        let outcome = running.wait(&mut |_| ()).unwrap();
        assert_eq!(outcome == Outcome::Committed, kept, "{outcome:?}");
        assert_eq!(is_new(&lab), kept);
    }
}

#[test]
fn a_timer_leaves_a_healthy_change_while_the_kubelet_is_away() {
    let dead = deed(|lab| lab.node.stop_kubelet());
    let lab = lab(vec![(When::Waiting(30), dead), (When::Waiting(31), dies())]);
    let _ = run(&lab, Component::KubeScheduler);
    assert!(lab.faults.dead());
    // By now the cluster calls the pods of this node not ready.
    lab.pass(120);
    let recovered = recover(&lab, By::Timer);
    let [(_, Outcome::Stuck { cause, left: Left::New, .. })] = &recovered[..] else {
        panic!("{recovered:?}")
    };
    assert!(cause.contains("the kubelet does not answer"), "{cause}");
}

/// The guard dies during the countdown; then the timer looks.
#[test]
fn a_timer_leaves_a_healthy_change_while_another_one_is_down() {
    let lab = lab(vec![(When::Waiting(30), down()), (When::Waiting(31), dies())]);
    let _ = run(&lab, Component::KubeApiserver);
    assert!(lab.faults.dead());
    let recovered = recover(&lab, By::Timer);
    let [(_, Outcome::Stuck { cause, left: Left::New, .. })] = &recovered[..] else {
        panic!("{recovered:?}")
    };
    assert!(cause.contains(OTHER), "{cause}");
    assert!(is_new(&lab) && restarts(&lab) == 1);
    // It looks again before it is gone.
    assert_eq!(recover(&lab, By::Timer), []);
}

#[test]
fn a_timer_puts_it_back_when_all_others_are_up_and_holds_the_lease_meanwhile() {
    let lab = lab(vec![(When::Waiting(31), dies())]);
    let _ = run(&lab, Component::KubeApiserver);
    let recovered = recover(&lab, By::Timer);
    let [(_, Outcome::RolledBack { reason: Reason::Unconfirmed, .. })] = &recovered[..] else {
        panic!("{recovered:?}")
    };
    assert!(!is_new(&lab));
    let holder = lab.cluster.holders();
    assert!(holder.last().is_some_and(|last| last.starts_with("cp1/2026")), "{holder:?}");
}

#[test]
fn a_timer_puts_a_sick_change_back_whoever_is_down() {
    let lab = lab(vec![(When::Waiting(30), down()), (When::Waiting(31), dies())]);
    let _ = run(&lab, Component::KubeApiserver);
    lab.node.crash_on(Component::KubeApiserver, "--profiling=false");
    lab.node.kill(Component::KubeApiserver);
    let recovered = recover(&lab, By::Timer);
    assert!(matches!(recovered[..], [(_, Outcome::RolledBack { .. })]), "{recovered:?}");
    assert!(!is_new(&lab));
}

#[test]
fn a_timer_puts_a_change_that_is_half_done_back_whoever_is_down() {
    let lab = lab(vec![(When::Applied(5), down()), (When::Applied(6), dies())]);
    let _ = run(&lab, Component::KubeApiserver);
    let recovered = recover(&lab, By::Timer);
    assert!(matches!(recovered[..], [(_, Outcome::RolledBack { .. })]), "{recovered:?}");
    assert!(!is_new(&lab));
}

#[test]
fn an_old_state_that_did_not_prove_itself_is_tried_again_by_a_person_only() {
    let lab = lab(vec![(When::Applied(1), deed(|lab| lab.node.stop_kubelet()))]);
    let outcome = run(&lab, Component::KubeScheduler);
    assert!(matches!(outcome, Outcome::Stuck { left: Left::Old, .. }), "{outcome:?}");
    lab.node.kubelet().unwrap().restart().unwrap();
    lab.pass(60);
    let records = lab.records().len();
    assert_eq!(recover(&lab, By::Timer), []);
    assert_eq!(recover(&lab, By::Boot), []);
    assert_eq!(lab.records().len(), records);
    let recovered = recover(&lab, By::Person);
    assert!(matches!(recovered[..], [(_, Outcome::RolledBack { .. })]), "{recovered:?}");
}

#[test]
fn what_was_not_put_back_is_tried_again_when_the_machine_starts_but_by_no_timer() {
    let lab = lab(vec![(When::Applied(5), crate::deeds::deed("spoils-backup"))]);
    lab.node.crash_on(Component::KubeScheduler, "--profiling=false");
    let outcome = run(&lab, Component::KubeScheduler);
    assert!(matches!(outcome, Outcome::Stuck { left: Left::Mixed, .. }), "{outcome:?}");
    // What stood in the way is gone.
    let (folder, state) = (format!("/transactions/{}/backup", lab.id()), lab.node.state());
    for entry in state.list(&folder).unwrap() {
        let path = format!("{folder}/{}", entry.name);
        let bytes = state.read(&path, 1 << 20).unwrap();
        if let Some(whole) = bytes.strip_suffix(b"spoilt") {
            state.truncate(&path, whole.len() as u64).unwrap();
        }
    }
    assert_eq!(recover(&lab, By::Timer), []);
    let recovered = recover(&lab, By::Boot);
    assert!(matches!(recovered[..], [(_, Outcome::RolledBack { .. })]), "{recovered:?}");
}
