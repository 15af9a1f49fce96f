//! Fixes of the kubelet: it restarts without its containers, and the node must not be lost by it.

use kube_temper::model::{Outcome, RecordKind};

use super::rolled_back;
use crate::{
    Test,
    common::{expect_code, stderr, stdout},
    machine::{Machine, Manager},
};

pub(crate) const TESTS: &[Test] = &[
    ("kubelet::of_a_worker", of_a_worker),
    ("kubelet::of_a_control_plane", of_a_control_plane),
    ("kubelet::does_not_come_back", does_not_come_back),
    ("kubelet::loses_its_api_server", loses_its_api_server),
    ("kubelet::does_not_come_back_by_any_means", not_by_any_means),
    ("kubelet::cannot_be_restarted_here", cannot_be_restarted_here),
];

const CONFIG: &str = "var/lib/kubelet/config.yaml";
const APPLY: [&str; 6] = ["apply", "--check", "4.2.14", "--max-risk", "R3", "--yes"];
const PLANNED: &str = "seccompDefault: true";

fn of_a_worker() {
    let machine = Machine::worker(Manager::Systemd);
    let (old, _) = machine.process("kubelet").unwrap();
    let output = machine.run(&APPLY);
    expect_code(&output, 0);
    let said = stderr(&output);
    assert!(said.contains("the node is Ready and its lease is renewed"), "{said}");
    machine.is_changed(&[CONFIG]);
    assert_ne!(machine.process("kubelet").unwrap().0, old);
    expect_code(&machine.run(&["rollback", "--last", "--max-risk", "R3", "--yes"]), 0);
    machine.is_as_before();
}

fn of_a_control_plane() {
    let machine = Machine::control_plane(Manager::Systemd);
    let before = machine.process("kube-apiserver").unwrap();
    let output = machine.run(&APPLY);
    expect_code(&output, 0);
    machine.is_changed(&[CONFIG]);
    assert_eq!(machine.process("kube-apiserver").unwrap(), before, "its pods are not restarted");
}

fn does_not_come_back() {
    let machine = Machine::worker(Manager::Systemd);
    machine.order("kubelet", &format!("refuse=it was told to if {PLANNED}"));
    let output = machine.run(&APPLY);
    expect_code(&output, 21);
    let (_, cause) = rolled_back(machine.outcome());
    assert!(cause.contains("it was told to"), "its last words: {cause}");
    machine.is_as_before();
}

fn loses_its_api_server() {
    let machine = Machine::worker(Manager::Systemd);
    machine.order("kubelet", &format!("silent if {PLANNED}"));
    let output = machine.run(&APPLY);
    expect_code(&output, 21);
    let (_, cause) = rolled_back(machine.outcome());
    assert!(cause.contains("the kubelet does not renew the node's lease"), "{cause}");
    machine.is_as_before();
}

fn not_by_any_means() {
    let machine = Machine::worker(Manager::Systemd);
    machine.order("kubelet", "refuse=the disk is broken");
    let output = machine.run(&APPLY);
    expect_code(&output, 30);
    assert!(stdout(&output).contains("systemctl restart kubelet"), "{}", stdout(&output));
    let outcome = machine.outcome();
    assert!(matches!(outcome, Outcome::Stuck { .. }), "{outcome:?}");
    machine.is_changed(&[]);
    // What stood in the way is gone: the same command ends it.
    machine.order("kubelet", "");
    let said = machine.recovers();
    assert!(said.contains("Rolled back"), "{said}");
    machine.is_as_before();
}

fn cannot_be_restarted_here() {
    let machine = Machine::worker(Manager::Nobody);
    let output = machine.run(&APPLY);
    expect_code(&output, 20);
    let said = stderr(&output) + &stdout(&output);
    assert!(said.contains("there is no systemctl on this node"), "{said}");
    assert!(!machine.has(|kind| matches!(kind, RecordKind::Intent { .. })));
    machine.is_as_before();
}
