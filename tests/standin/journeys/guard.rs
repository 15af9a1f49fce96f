//! `kill -9` of whoever carries a change out, at named points, while components really restart.

use kube_temper::model::{Outcome, Reason, RecordKind};

use super::{API_SERVER, SCHEDULER, rolled_back};
use crate::{
    Test,
    common::{expect_code, stdout},
    machine::{Machine, Manager},
    watching::until,
};

pub(crate) const TESTS: &[Test] = &[
    ("guard::killed_after_begun", || killed_and_recovered_by_hand("after-begun")),
    ("guard::killed_after_intent", || killed_and_recovered_by_hand("after-intent")),
    ("guard::killed_after_backup", || killed_and_recovered_by_hand("after-backup")),
    ("guard::killed_mid_replace", || killed_and_recovered_by_hand("mid-replace")),
    ("guard::killed_before_it_says_applied", || {
        killed_and_recovered_by_hand("after-rename-before-record");
    }),
    ("guard::killed_while_it_watches", || killed_and_recovered_by_hand("during-verify:2")),
    ("guard::killed_before_it_says_committed", killed_before_it_says_committed),
    ("guard::killed_while_a_person_decides", killed_while_a_person_decides),
    ("guard::killed_on_the_way_back", || killed_on_the_way_back("rolling-back")),
    ("guard::killed_before_it_says_restored", || killed_on_the_way_back("put-back-before-record")),
    ("guard::systemd_starts_another", systemd_starts_another),
    ("guard::the_timer_puts_it_back", the_timer_puts_it_back),
    ("guard::the_machine_starts_again", the_machine_starts_again),
    ("guard::the_interface_is_killed", the_interface_is_killed),
];

const VARIABLE: &str = "KUBE_TEMPER_FAILPOINT";
const APPLY: [&str; 4] = ["apply", "--check", "1.4.1", "--yes"];

/// Applies until the guard dies; nobody takes its place.
#[track_caller]
fn dies_at(machine: &Machine, point: &str) {
    let output = machine.command(&APPLY).env(VARIABLE, point).output().unwrap();
    expect_code(&output, 30);
    assert_eq!(machine.journal().outcome, None, "{point}");
}

fn killed_and_recovered_by_hand(point: &str) {
    let machine = Machine::control_plane(Manager::Nobody);
    dies_at(&machine, point);
    let said = machine.recovers();
    assert!(
        said.contains("Rolled back; the node is as before. Cause: it was interrupted"),
        "{said}"
    );
    machine.is_as_before();
    assert_eq!(machine.recovers(), "nothing to recover\n");
}

fn killed_before_it_says_committed() {
    let machine = Machine::control_plane(Manager::Nobody);
    dies_at(&machine, "before-commit-record");
    let said = machine.recovers();
    assert!(said.ends_with("Committed.\n"), "{said}");
    machine.is_changed(&[SCHEDULER]);
}

fn killed_while_a_person_decides() {
    let machine = Machine::control_plane(Manager::Nobody);
    let arguments = ["apply", "--check", "1.2.15", "--confirm-timeout", "10m"];
    let mut watching = machine.on_terminal(&arguments, &[]).agrees();
    let id = machine.waits();
    machine.kill("guard");
    assert_eq!(watching.ends(), 30, "{}", watching.text);
    expect_code(&machine.run(&["confirm", &id]), 20);
    machine.is_changed(&[API_SERVER]);
    let said = machine.recovers();
    assert!(said.contains("Rolled back"), "{said}");
    assert_eq!(rolled_back(machine.outcome()).0, Reason::Unconfirmed);
    machine.is_as_before();
}

fn killed_on_the_way_back(point: &str) {
    let machine = Machine::control_plane(Manager::Nobody);
    machine.order("kube-scheduler", "refuse=it was told to if --profiling=false");
    dies_at(&machine, point);
    let said = machine.recovers();
    assert!(said.contains("Rolled back"), "{said}");
    machine.is_as_before();
}

fn systemd_starts_another() {
    let machine = Machine::control_plane(Manager::Systemd);
    let output = machine.command(&APPLY).env(VARIABLE, "during-verify:2").output().unwrap();
    expect_code(&output, 21);
    assert!(stdout(&output).contains("it was interrupted"), "{}", stdout(&output));
    machine.is_as_before();
    assert_eq!(machine.recovers(), "nothing to recover\n");
}

/// A guard that cannot be started again: the timer looks, and finds that nobody holds the lock.
fn the_timer_puts_it_back() {
    let machine = Machine::control_plane(Manager::Systemd);
    std::fs::write(machine.standin("no-restart"), "").unwrap();
    let output = machine.command(&APPLY).env(VARIABLE, "during-verify:2").output().unwrap();
    expect_code(&output, 21);
    let said = crate::common::stderr(&output);
    assert!(said.contains("the process that carried out"), "{said}");
    assert_eq!(rolled_back(machine.outcome()).0, Reason::Unproved);
    machine.is_as_before();
}

/// The power fails in the middle, and at the next start the files are put right before the kubelet runs.
fn the_machine_starts_again() {
    let machine = Machine::control_plane(Manager::Systemd);
    std::fs::write(machine.standin("no-restart"), "").unwrap();
    let point = [(VARIABLE, "during-verify")];
    let _watching = machine.on_terminal(&APPLY, &point);
    until("the guard has died", || {
        let applied = machine.has(|kind| matches!(kind, RecordKind::Applied { .. }));
        (applied && machine.running("guard").is_none()).then_some(())
    });
    expect_code(&machine.tool(&["systemctl", "stop", "kubelet.service"]), 0);
    until("the kubelet has ended", || machine.process("kubelet").is_none().then_some(()));
    let output = machine.run(&["--no-input", "recover", "--boot"]);
    expect_code(&output, 0);
    assert!(stdout(&output).contains("Rolled back"), "{}", stdout(&output));
    machine.is_changed(&[]);
    expect_code(&machine.tool(&["systemctl", "restart", "kubelet.service"]), 0);
    until("the old scheduler runs again", || {
        let (_, argv) = machine.process("kube-scheduler")?;
        (!argv.contains(&"--profiling=false".to_owned()) && machine.is_ready("kube-scheduler"))
            .then_some(())
    });
    machine.is_as_before();
}

fn the_interface_is_killed() {
    let machine = Machine::control_plane(Manager::Nobody);
    let mut interface = machine.on_terminal(&[], &[]);
    for (shown, key) in [("x FAIL", "a"), ("5 fixes of tier R0 and R1 are marked", "A")] {
        interface.shows(shown);
        interface.types(key);
    }
    interface.shows("5 fixes, 6 files, 2 restarts");
    // First it asks whether this node takes it, and until then says so.
    until("it asks", || {
        interface.types("A");
        interface.screen().contains("y yes, do it").then_some(())
    });
    // What is typed in the first moment of a question is not meant for it.
    until("the guard has begun", || {
        interface.types("y");
        machine.id()
    });
    until("a manifest is written", || {
        machine.has(|kind| matches!(kind, RecordKind::Applied { .. })).then_some(())
    });
    let pid = machine
        .processes()
        .into_iter()
        .find(|(_, argv)| argv.len() == 1 && argv[0].ends_with("/kube-temper"));
    let pid = nix::unistd::Pid::from_raw(pid.unwrap().0.try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    assert_eq!(interface.ends(), 128 + 9);
    assert_eq!(machine.outcome(), Outcome::Committed);
    assert!(machine.changed().contains(&SCHEDULER.to_owned()));
}
