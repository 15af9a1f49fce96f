//! What a change shows to somebody without credentials.

use kube_temper::{
    model::{AttributedEdit, Component, Edit, FieldValue, Outcome, Plan, StepTarget},
    node::{Node as _, recording::KUBEADM_1_36_2},
};

use crate::{
    deeds::file_of,
    lab::Lab,
    machine::{
        edit, plan,
        sim::{flag, rewritten},
        step,
    },
};

/// A kubelet whose read-only port is open, and a plan that says it closes it.
fn closing(lab: &Lab, line: &str) -> Plan {
    let path = file_of(Component::Kubelet);
    let open = lab.node.text(&path).unwrap() + "readOnlyPort: 10255\n";
    lab.node.replace(&path, &open).unwrap();
    lab.node.kubelet().unwrap().restart().unwrap();
    // Long enough ago to be told from a restart of ours.
    lab.pass(660);
    let mut change =
        rewritten(&lab.node, &path, "4.2.4", open.replace("readOnlyPort: 10255", line));
    let field = |name: &str, value| -> AttributedEdit {
        edit("4.2.4", Edit::SetField { field: name.to_owned(), value })
    };
    change.edits = vec![
        field("readOnlyPort", FieldValue::Int(0)),
        field("authentication.anonymous.enabled", FieldValue::Bool(false)),
    ];
    plan(vec![step(StepTarget::Kubelet, vec![change])])
}

#[test]
fn a_closed_port_and_a_401_are_written_down() {
    let lab = Lab::new(&KUBEADM_1_36_2, 7, Vec::new());
    let plan = closing(&lab, "readOnlyPort: 0");
    let done = lab.run(&plan, None).unwrap();
    assert_eq!(done.outcome, Outcome::Committed, "{}", done.told());
    for shown in
        ["tcp://127.0.0.1:10255 answers nothing", "https://127.0.0.1:10250/pods answers 401"]
    {
        assert!(done.told().contains(shown), "{shown}: {}", done.told());
    }
}

#[test]
fn a_port_that_is_still_open_proves_nothing() {
    let lab = Lab::new(&KUBEADM_1_36_2, 7, Vec::new());
    let plan = closing(&lab, "readOnlyPort: 10255 # closed, they say");
    let done = lab.run(&plan, None).unwrap();
    let Outcome::RolledBack { cause, .. } = &done.outcome else { panic!("{}", done.told()) };
    assert!(cause.contains("readOnlyPort has no effect"), "{cause}");
}

#[test]
fn an_answer_that_says_nothing_is_no_evidence() {
    let lab = Lab::new(&KUBEADM_1_36_2, 7, Vec::new());
    let plan = flag(&lab.node, Component::KubeScheduler, "profiling", "false");
    let done = lab.run(&plan, None).unwrap();
    assert_eq!(done.outcome, Outcome::Committed, "{}", done.told());
    assert!(!done.told().contains("/debug/pprof/"), "{}", done.told());
}
