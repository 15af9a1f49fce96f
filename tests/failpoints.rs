//! `kill -9` at every named point: files are exactly before or after, and a recovery says which.
//!
//! Needs the feature `failpoints`: `cargo test --features failpoints --test failpoints`.

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

mod common;
mod real;

use common::{expect_code, stdout};
use kube_temper::model::{Outcome, Reason};
use nix::sys::signal::Signal;
use real::{Real, signal, until};

const VARIABLE: &str = "KUBE_TEMPER_FAILPOINT";

/// Points on the way forward, in order.
const FORWARD: [&str; 9] = [
    "after-begun",
    "armed",
    "after-intent",
    "after-backup",
    "mid-replace",
    "after-rename-before-record",
    "during-verify",
    "waiting",
    "before-commit-record",
];

/// Points on the way back.
const BACK: [&str; 3] = ["rolling-back", "mid-replace:2", "put-back-before-record"];

/// Whether a process stands still.
fn is_stopped(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
}

#[test]
fn a_guard_that_is_killed_on_the_way_forward_is_recovered() {
    for point in FORWARD {
        let real = Real::new();
        let mut watching = real.applies("5m", &[(VARIABLE, point)]);
        if point == "before-commit-record" {
            watching.sees("Keep it?");
            watching.types("keep\r");
        }
        assert_eq!(watching.ends(), 30, "{point}: {}", watching.text);
        assert!(watching.text.contains("is dead, and nothing here"), "{point}: {}", watching.text);
        assert_eq!(real.journal().outcome, None, "{point}");
        let id = real.id().unwrap();
        let output = real.run(&["recover"]);
        expect_code(&output, 0);
        let said = stdout(&output);
        if point == "before-commit-record" {
            // A person kept it, and every step was verified: only the last word was missing.
            assert_eq!(said, format!("{id}  Committed.\n"), "{point}");
            real.is_changed();
        } else {
            let begins =
                format!("{id}  Rolled back; the node is as before. Cause: it was interrupted");
            assert!(said.starts_with(&begins), "{point}: {said}");
            real.is_as_before();
        }
        assert_eq!(stdout(&real.run(&["recover"])), "nothing to recover\n", "{point}");
    }
}

#[test]
fn a_guard_that_is_killed_on_the_way_back_is_recovered() {
    for point in BACK {
        let real = Real::new();
        let mut watching = real.applies("1s", &[(VARIABLE, point)]);
        assert_eq!(watching.ends(), 30, "{point}: {}", watching.text);
        assert_eq!(real.journal().outcome, None, "{point}");
        let output = real.run(&["recover"]);
        expect_code(&output, 0);
        assert!(stdout(&output).contains("nobody confirmed it"), "{point}: {}", stdout(&output));
        real.is_as_before();
    }
}

#[test]
fn a_recovery_that_is_killed_is_finished_by_the_next_one() {
    for point in BACK {
        let real = Real::new();
        let mut watching = real.applies("5m", &[(VARIABLE, "waiting")]);
        watching.ends();
        let point = point.trim_end_matches(":2");
        let output = real.command(&["recover"]).env(VARIABLE, point).output().unwrap();
        assert_eq!(output.status.code(), None, "{point}: it was not killed");
        let output = real.run(&["recover"]);
        expect_code(&output, 0);
        assert!(stdout(&output).contains("Rolled back"), "{point}: {}", stdout(&output));
        real.is_as_before();
    }
}

/// The command is killed while the guard stands at each point; then the guard goes on.
#[test]
fn a_command_that_is_killed_changes_nothing() {
    for point in FORWARD.into_iter().chain(["rolling-back", "put-back-before-record"]) {
        let real = Real::new();
        let back = !FORWARD.contains(&point);
        let within = if back { "1s" } else { "5m" };
        let stop = format!("stop@{point}");
        let mut watching = real.applies(within, &[(VARIABLE, &stop)]);
        if point == "before-commit-record" {
            watching.sees("Keep it?");
            watching.types("keep\r");
        }
        until("the guard has begun", || real.id());
        let guard = real.guard();
        until(point, || is_stopped(guard).then_some(()));
        signal(watching.pid(), Signal::SIGKILL);
        watching.child.wait().unwrap();
        signal(guard, Signal::SIGCONT);
        if back {
            let Outcome::RolledBack { reason, .. } = real.outcome() else { panic!("{point}") };
            assert_eq!(reason, Reason::Unconfirmed, "{point}");
            real.nobody_carries_out();
            real.is_as_before();
            continue;
        }
        if point != "before-commit-record" {
            expect_code(&real.run(&["confirm", &real.waits()]), 0);
        }
        assert_eq!(real.outcome(), Outcome::Committed, "{point}");
        real.is_changed();
    }
}

/// The same for the interface.
#[test]
fn an_interface_that_is_killed_changes_nothing() {
    for point in ["after-intent", "mid-replace", "during-verify"] {
        let real = Real::new();
        let stop = format!("stop@{point}");
        let mut interface = real.on_terminal(&[], &[(VARIABLE, &stop)]);
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
            real.id()
        });
        let guard = real.guard();
        until(point, || is_stopped(guard).then_some(()));
        signal(interface.pid(), Signal::SIGKILL);
        interface.child.wait().unwrap();
        signal(guard, Signal::SIGCONT);
        assert_eq!(real.outcome(), Outcome::Committed, "{point}");
        assert_ne!(real.node.listing(), real.before, "{point}");
    }
}
