//! Fixes of the scheduler (R1): it restarts and nothing else does.

use kube_temper::model::{Reason, RecordKind};

use super::{SCHEDULER, rolled_back};
use crate::{
    Test,
    common::{expect_code, stderr, stdout},
    machine::{Machine, Manager},
    watching::until,
};

pub(crate) const TESTS: &[Test] = &[
    ("scheduler::kept_and_put_back", kept_and_put_back),
    ("scheduler::slow_and_healthy", slow_and_healthy),
    ("scheduler::crashes_while_it_is_watched", crashes_while_it_is_watched),
    ("scheduler::ends_at_once_again_and_again", ends_at_once),
    ("scheduler::never_becomes_ready", never_becomes_ready),
    ("scheduler::its_own_program_refuses_the_flag", refuses_the_flag),
];

const APPLY: [&str; 4] = ["apply", "--check", "1.4.1", "--yes"];

fn kept_and_put_back() {
    let machine = Machine::control_plane(Manager::Systemd);
    let (old, _) = machine.process("kube-scheduler").unwrap();
    let output = machine.run(&APPLY);
    expect_code(&output, 0);
    assert!(stdout(&output).ends_with("Committed.\n"), "{}", stdout(&output));
    machine.is_changed(&[SCHEDULER]);
    let (new, argv) = machine.process("kube-scheduler").unwrap();
    assert_ne!(old, new);
    assert!(argv.iter().any(|argument| argument == "--profiling=false"), "{argv:?}");
    assert!(machine.has(|kind| matches!(kind, RecordKind::Armed { .. })));
    for ends in ["guard", "recover"] {
        until(ends, || machine.running(ends).is_none().then_some(()));
    }
    let output = machine.run(&["rollback", "--last", "--yes"]);
    expect_code(&output, 0);
    machine.is_as_before();
    assert_eq!(machine.recovers(), "nothing to recover\n");
}

fn slow_and_healthy() {
    let machine = Machine::control_plane(Manager::Nobody);
    machine.order("kube-scheduler", "slow-start=15\nslow-stop=20");
    let output = machine.run(&APPLY);
    expect_code(&output, 0);
    assert!(stderr(&output).contains("no systemd here"), "{}", stderr(&output));
    machine.is_changed(&[SCHEDULER]);
}

fn crashes_while_it_is_watched() {
    let machine = Machine::control_plane(Manager::Systemd);
    machine.order("kube-scheduler", "crash=45 if --profiling=false");
    let output = machine.run(&APPLY);
    expect_code(&output, 21);
    let (reason, cause) = rolled_back(machine.outcome());
    assert_eq!(reason, Reason::Unproved);
    assert!(cause.contains("kube-scheduler said: panic: it was told to"), "{cause}");
    let id = machine.id().unwrap();
    let kept = machine.state().join("transactions").join(id).join("evidence/kube-scheduler-0.log");
    let kept = std::fs::read_to_string(&kept)
        .unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
    assert!(kept.contains("panic: it was told to"), "{kept}");
    machine.is_as_before();
    assert_eq!(machine.recovers(), "nothing to recover\n");
}

fn ends_at_once() {
    let machine = Machine::control_plane(Manager::Systemd);
    machine.order("kube-scheduler", "refuse=profiling has to be on if --profiling=false");
    let output = machine.run(&APPLY);
    expect_code(&output, 21);
    let (_, cause) = rolled_back(machine.outcome());
    assert!(cause.contains("Error: profiling has to be on"), "{cause}");
    assert!(cause.contains("likely because of 1.4.1"), "{cause}");
    machine.is_as_before();
}

fn never_becomes_ready() {
    let machine = Machine::control_plane(Manager::Systemd);
    machine.order("kube-scheduler", "sick if --profiling=false");
    let output = machine.run(&APPLY);
    expect_code(&output, 21);
    let (_, cause) = rolled_back(machine.outcome());
    assert!(cause.contains("/readyz answers 500"), "{cause}");
    machine.is_as_before();
}

fn refuses_the_flag() {
    let machine = Machine::control_plane(Manager::Systemd);
    machine.order("kube-scheduler", "unknown=profiling");
    let (old, _) = machine.process("kube-scheduler").unwrap();
    let output = machine.run(&APPLY);
    expect_code(&output, 20);
    let said = stderr(&output) + &stdout(&output);
    assert!(
        said.contains(
            "kube-scheduler itself refuses the planned arguments: Error: unknown flag: --profiling"
        ),
        "{said}"
    );
    machine.is_as_before();
    assert_eq!(machine.process("kube-scheduler").unwrap().0, old);
    assert_eq!(machine.recovers(), "nothing to recover\n");
}
