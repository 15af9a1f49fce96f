//! Fixes of the API server (R2): a rehearsal first, an outage in the middle, and a person at the end.

use kube_temper::model::{Outcome, Reason, RecordKind};

use super::{API_SERVER, rolled_back};
use crate::{
    Test,
    common::{expect_code, stderr, stdout},
    machine::{Machine, Manager},
    watching::{Watching, until},
};

pub(crate) const TESTS: &[Test] = &[
    ("apiserver::in_batch_the_gates_decide", in_batch_the_gates_decide),
    ("apiserver::kept_at_the_terminal", kept_at_the_terminal),
    ("apiserver::put_back_at_the_terminal", put_back_at_the_terminal),
    ("apiserver::nobody_confirms", nobody_confirms),
    ("apiserver::confirmed_by_another_process", confirmed_by_another_process),
    ("apiserver::the_terminal_is_closed", the_terminal_is_closed),
    ("apiserver::the_command_is_killed", the_command_is_killed),
    ("apiserver::its_probes_are_refused", its_probes_are_refused),
    ("apiserver::a_rehearsal_that_fails", a_rehearsal_that_fails),
    ("apiserver::a_rehearsal_ends_with_its_guard", a_rehearsal_ends_with_its_guard),
];

const APPLY: [&str; 3] = ["apply", "--check", "1.2.15"];

/// `apply` at a terminal, answered with yes.
fn applies(machine: &Machine, within: &str) -> Watching {
    let arguments = [&APPLY[..], &["--confirm-timeout", within]].concat();
    machine.on_terminal(&arguments, &[]).agrees()
}

fn in_batch_the_gates_decide() {
    let machine = Machine::control_plane(Manager::Systemd);
    let output = machine.run(&[&APPLY[..], &["--yes"]].concat());
    expect_code(&output, 0);
    let said = stderr(&output);
    for seen in [
        "as planned it started beside the real one, and was ended (ready after",
        "the kubelet says started and ready",
        "no restart for 90 s",
        "the lease of kube-scheduler is renewed by",
        "a new scan passes 1.2.15",
    ] {
        assert!(said.contains(seen), "{seen}:\n{said}");
    }
    assert!(!machine.has(|kind| matches!(kind, RecordKind::Waiting { .. })));
    machine.is_changed(&[API_SERVER]);
    assert_eq!(rehearsals(&machine), 0);
    expect_code(&machine.run(&["rollback", "--last", "--yes"]), 0);
    machine.is_as_before();
}

fn kept_at_the_terminal() {
    let machine = Machine::control_plane(Manager::Nobody);
    let mut watching = applies(&machine, "10m");
    watching.sees("Keep it?");
    watching.types("keep\r");
    assert_eq!(watching.ends(), 0, "{}", watching.text);
    assert!(watching.text.contains("confirmed by anna"), "{}", watching.text);
    machine.is_changed(&[API_SERVER]);
}

fn put_back_at_the_terminal() {
    let machine = Machine::control_plane(Manager::Systemd);
    let mut watching = applies(&machine, "10m");
    watching.sees("Keep it?");
    watching.types("revert\r");
    assert_eq!(watching.ends(), 21, "{}", watching.text);
    assert_eq!(rolled_back(machine.outcome()).0, Reason::Requested);
    machine.is_as_before();
    assert_eq!(machine.recovers(), "nothing to recover\n");
}

fn nobody_confirms() {
    let machine = Machine::control_plane(Manager::Systemd);
    let mut watching = applies(&machine, "20s");
    assert_eq!(watching.ends(), 22, "{}", watching.text);
    assert!(watching.text.contains("nobody confirmed it within 20 s"), "{}", watching.text);
    machine.is_as_before();
    assert_eq!(machine.recovers(), "nothing to recover\n");
}

fn confirmed_by_another_process() {
    let machine = Machine::control_plane(Manager::Systemd);
    let mut watching = applies(&machine, "10m");
    let id = machine.waits();
    for second in [&["apply", "--check", "4.1.1", "--yes"][..], &["recover"]] {
        let output = machine.run(second);
        expect_code(&output, 5);
        let said = stderr(&output);
        assert!(said.contains(&format!("transaction {id} waits until 20")), "{said}");
    }
    let output = machine.run(&["confirm", &id]);
    expect_code(&output, 0);
    assert_eq!(stdout(&output), "Committed.\n");
    assert_eq!(watching.ends(), 0, "{}", watching.text);
    machine.is_changed(&[API_SERVER]);
}

fn the_terminal_is_closed() {
    let machine = Machine::control_plane(Manager::Nobody);
    let mut watching = applies(&machine, "20s");
    until("the manifest is written", || {
        machine.has(|kind| matches!(kind, RecordKind::Applied { .. })).then_some(())
    });
    watching.closes();
    assert_eq!(rolled_back(machine.outcome()).0, Reason::Unconfirmed);
    machine.is_as_before();
}

fn the_command_is_killed() {
    let machine = Machine::control_plane(Manager::Nobody);
    let mut watching = applies(&machine, "10m");
    until("the manifest is written", || {
        machine.has(|kind| matches!(kind, RecordKind::Applied { .. })).then_some(())
    });
    machine.kill("apply");
    assert_eq!(watching.ends(), 128 + 9, "{}", watching.text);
    let output = machine.run(&["confirm", &machine.waits()]);
    expect_code(&output, 0);
    assert_eq!(machine.outcome(), Outcome::Committed);
    machine.is_changed(&[API_SERVER]);
}

/// What `--anonymous-auth=false` does: everything works but for the kubelet, which has no credentials.
fn its_probes_are_refused() {
    let machine = Machine::control_plane(Manager::Systemd);
    machine.order("kube-apiserver", "unauthorized if --profiling=false");
    let output = machine.run(&[&APPLY[..], &["--yes", "--no-rehearsal"]].concat());
    expect_code(&output, 21);
    let (_, cause) = rolled_back(machine.outcome());
    assert!(cause.contains("with 401: the kubelet asks without credentials"), "{cause}");
    machine.is_as_before();
}

fn a_rehearsal_that_fails() {
    let machine = Machine::control_plane(Manager::Systemd);
    machine.order("kube-apiserver", "unauthorized if --endpoint-reconciler-type=none");
    let (old, _) = machine.process("kube-apiserver").unwrap();
    let output = machine.run(&[&APPLY[..], &["--yes"]].concat());
    expect_code(&output, 20);
    let said = stdout(&output);
    assert!(said.contains("the planned API server failed beside the real one"), "{said}");
    assert_eq!(rehearsals(&machine), 0);
    machine.is_as_before();
    assert_eq!(machine.process("kube-apiserver").unwrap().0, old);
}

fn a_rehearsal_ends_with_its_guard() {
    let machine = Machine::control_plane(Manager::Nobody);
    machine.order("kube-apiserver", "sick if --endpoint-reconciler-type=none");
    let mut watching = applies(&machine, "10m");
    until("it is rehearsed", || (rehearsals(&machine) > 0).then_some(()));
    machine.kill("guard");
    until("it has ended", || (rehearsals(&machine) == 0).then_some(()));
    assert_eq!(watching.ends(), 30, "{}", watching.text);
    let said = machine.recovers();
    assert!(said.contains("Rolled back; the node is as before"), "{said}");
    machine.is_as_before();
}

/// API servers that are only tried.
fn rehearsals(machine: &Machine) -> usize {
    let tried =
        |argv: &[String]| argv.iter().any(|argument| argument == "--endpoint-reconciler-type=none");
    machine.processes().iter().filter(|(_, argv)| tried(argv)).count()
}
