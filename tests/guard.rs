//! A change belongs to a process of its own: whatever happens to the terminal, the link or the command that
//! began it, it is kept or put back as a person says.

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

use common::{expect_code, stderr, stdout};
use kube_temper::model::{Outcome, Reason, RecordKind};
use nix::sys::signal::Signal;
use real::{CHECK, Real, Watching, signal, until};

#[track_caller]
fn rolled_back(outcome: &Outcome) -> Reason {
    let Outcome::RolledBack { reason, .. } = outcome else { panic!("{outcome:?}") };
    *reason
}

#[test]
fn in_batch_the_gates_decide_and_a_guard_carries_it_out() {
    let real = Real::new();
    let output = real.run(&["--yes", "apply", "--check", CHECK]);
    expect_code(&output, 0);
    assert!(stdout(&output).ends_with("Committed.\n"), "{}", stdout(&output));
    assert!(stderr(&output).contains("no systemd here"), "{}", stderr(&output));
    real.is_changed();
    assert!(!real.has(|kind| matches!(kind, RecordKind::Waiting { .. })));
    let output = real.run(&["--yes", "rollback", "--last"]);
    expect_code(&output, 0);
    real.is_as_before();
}

#[test]
fn the_person_at_the_terminal_keeps_it() {
    let real = Real::new();
    let mut watching = real.applies("5m", &[]);
    watching.sees("Keep it? Type keep, revert, or more (5 minutes)");
    watching.types("\r");
    watching.sees("more (5 minutes)");
    watching.types("more\r");
    watching.sees("more time, until");
    watching.types("keep\r");
    watching.sees("Committed.");
    assert_eq!(watching.ends(), 0, "{}", watching.text);
    assert!(watching.text.contains("confirmed by anna"), "{}", watching.text);
    real.is_changed();
}

#[test]
fn the_person_at_the_terminal_puts_it_back() {
    let real = Real::new();
    let mut watching = real.applies("5m", &[]);
    watching.sees("Keep it?");
    watching.types("revert\r");
    assert_eq!(watching.ends(), 21, "{}", watching.text);
    assert!(watching.text.contains("anna asked for it"), "{}", watching.text);
    real.is_as_before();
}

#[test]
fn nobody_confirms_and_it_is_put_back() {
    let real = Real::new();
    let mut watching = real.applies("1s", &[]);
    assert_eq!(watching.ends(), 22, "{}", watching.text);
    assert!(watching.text.contains("nobody confirmed it within 1 s"), "{}", watching.text);
    real.is_as_before();
    let output = real.run(&["recover"]);
    expect_code(&output, 0);
    assert_eq!(stdout(&output), "nothing to recover\n");
}

#[test]
fn another_process_is_told_who_waits_and_confirms_it() {
    let real = Real::new();
    let mut watching = real.applies("5m", &[]);
    let id = real.waits();
    for second in [&["--yes", "apply", "--check", "4.1.1"][..], &["recover"], &["recover", &id]] {
        let output = real.run(second);
        expect_code(&output, 5);
        let said = stderr(&output);
        assert!(said.contains(&format!("transaction {id} waits until 20")), "{said}");
        assert!(said.contains(&format!("'kube-temper confirm {id}' keeps it")), "{said}");
    }
    let output = real.run(&["extend", &id, "--by", "10m"]);
    expect_code(&output, 0);
    assert!(stderr(&output).contains("more time, until 20"), "{}", stderr(&output));
    let output = real.run(&["confirm", &id[..15]]);
    expect_code(&output, 0);
    assert_eq!(stdout(&output), "Committed.\n");
    assert_eq!(watching.ends(), 0, "{}", watching.text);
    assert!(watching.text.contains("confirmed by somebody"), "{}", watching.text);
    real.is_changed();
    for late in ["confirm", "revert", "extend"] {
        let output = real.run(&[late, &id]);
        expect_code(&output, 20);
        assert!(stderr(&output).contains("has ended"), "{}", stderr(&output));
    }
}

#[test]
fn a_closed_terminal_changes_nothing() {
    let real = Real::new();
    let mut watching = real.applies("5m", &[]);
    let id = real.waits();
    watching.closes();
    watching.child.wait().unwrap();
    let guard = real.guard();
    for harmless in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM] {
        signal(guard, harmless);
    }
    let output = real.run(&["confirm", &id]);
    expect_code(&output, 0);
    real.is_changed();
}

#[test]
fn a_terminal_that_closed_is_nobody_who_confirms() {
    let real = Real::new();
    let mut watching = real.applies("2s", &[]);
    real.waits();
    watching.closes();
    assert_eq!(rolled_back(&real.outcome()), Reason::Unconfirmed);
    real.is_as_before();
}

#[test]
fn a_killed_command_leaves_the_change_to_its_guard() {
    let real = Real::new();
    let mut watching = real.applies("5m", &[]);
    let id = real.waits();
    signal(watching.pid(), Signal::SIGKILL);
    watching.child.wait().unwrap();
    let output = real.run(&["revert", &id]);
    expect_code(&output, 21);
    assert_eq!(rolled_back(&real.outcome()), Reason::Requested);
    real.is_as_before();
}

#[test]
fn ctrl_c_ends_the_watching_and_says_how_to_go_on() {
    let real = Real::new();
    let mut watching = real.applies("5m", &[]);
    watching.sees("Keep it?");
    let id = real.waits();
    watching.types("\x03");
    watching.sees("no longer watching");
    watching.ends();
    assert!(watching.text.contains(&format!("kube-temper confirm {id}")), "{}", watching.text);
    assert_eq!(real.journal().outcome, None);
    expect_code(&real.run(&["confirm", &id]), 0);
    real.is_changed();
}

#[test]
fn a_killed_guard_is_noticed_and_recovered() {
    let real = Real::new();
    let mut watching = real.applies("5m", &[]);
    let id = real.waits();
    signal(real.guard(), Signal::SIGKILL);
    assert_eq!(watching.ends(), 30, "{}", watching.text);
    assert!(
        watching.text.contains(&format!("run 'kube-temper recover {id}'")),
        "{}",
        watching.text
    );
    for late in ["confirm", "revert", "extend"] {
        let output = real.run(&[late, &id]);
        expect_code(&output, 20);
        assert!(stderr(&output).contains("by nobody any more"), "{}", stderr(&output));
    }
    expect_code(&real.run(&["--yes", "apply", "--check", "4.1.1"]), 20);
    let output = real.run(&["recover", &id]);
    expect_code(&output, 0);
    assert!(stdout(&output).starts_with(&format!("{id}  Rolled back")), "{}", stdout(&output));
    real.is_as_before();
}

/// Applies in the terminal interface, up to the countdown.
fn on_the_screens(real: &Real) -> (Watching, String) {
    let mut screens = real.on_terminal(&[], &[]);
    screens.shows("x FAIL");
    screens.types(&format!("/{CHECK}\r "));
    screens.shows("1 marked");
    screens.types("A");
    screens.shows("1 fix, 1 file, 1 restart");
    until("it asks", || {
        screens.types("A");
        screens.screen().contains("y yes, do it").then_some(())
    });
    // What is typed in the first moment of a question is not meant for it.
    until("it began", || {
        screens.types("y");
        real.id()
    });
    let id = real.waits();
    screens.shows("NOT YET PERMANENT");
    (screens, id)
}

#[test]
fn on_the_screens_a_killed_guard_is_told_and_recovered() {
    let real = Real::new();
    let (mut screens, id) = on_the_screens(&real);
    screens.shows(&format!("kube-temper confirm {id}"));
    signal(real.guard(), Signal::SIGKILL);
    screens.shows("UNKNOWN: nobody carries it out any more, and it did not end");
    screens.shows("nothing here puts the change back by itself");
    screens.shows("X puts back what was interrupted");
    real.is_changed();
    until("it asks", || {
        screens.types("X");
        screens.screen().contains("y yes, do it").then_some(())
    });
    until("it goes back", || {
        screens.types("y");
        real.journal().outcome
    });
    screens.shows("ROLLED BACK: the node is as before and healthy");
    screens.shows("it was interrupted before anybody confirmed it");
    real.is_as_before();
    screens.types("q");
    assert_eq!(screens.ends(), 22, "put back because nobody confirmed it");
}

#[test]
fn a_person_who_leaves_a_lost_change_alone_is_told_by_the_exit_code() {
    let real = Real::new();
    let (mut screens, _) = on_the_screens(&real);
    signal(real.guard(), Signal::SIGKILL);
    screens.shows("UNKNOWN: nobody carries it out any more");
    screens.types("q");
    assert_eq!(screens.ends(), 30, "a person is needed");
}

#[test]
fn in_line_mode_a_killed_guard_is_told_and_recovered() {
    let real = Real::new();
    let mut talk = real.on_terminal(&["--line"], &[]);
    talk.sees("What next?");
    for (answer, then) in [
        (format!("pick {CHECK}"), "1 picked. What next?"),
        ("apply".to_owned(), "Type y to go on"),
        ("y".to_owned(), "Keep it? Type keep, revert, or more"),
    ] {
        talk.types(&format!("{answer}\r"));
        talk.sees(then);
    }
    signal(real.guard(), Signal::SIGKILL);
    talk.sees("STUCK: a person is needed.");
    talk.sees("Say recover to put it back from here.");
    until("the next question", || {
        talk.screen().trim_end().ends_with("What next? (help):").then_some(())
    });
    talk.types("recover\r");
    talk.sees("Recover? Type y to go on: ");
    talk.types("y\r");
    talk.sees("Rolled back; the node is as before.");
    real.is_as_before();
}

#[test]
fn a_guard_that_is_started_again_recovers_and_does_not_start_over() {
    let real = Real::new();
    let mut watching = real.applies("5m", &[]);
    let id = real.waits();
    signal(real.guard(), Signal::SIGKILL);
    real.nobody_carries_out();
    expect_code(&real.run(&["guard", &id]), 0);
    assert_eq!(rolled_back(&real.outcome()), Reason::Unconfirmed);
    real.is_as_before();
    let records = real.journal().records.len();
    expect_code(&real.run(&["guard", &id]), 0);
    assert_eq!(real.journal().records.len(), records);
    watching.ends();
}

#[test]
fn a_time_without_a_unit_is_wrong_usage() {
    let real = Real::new();
    let output = real.run(&["apply", "--check", CHECK, "--confirm-timeout", "0"]);
    expect_code(&output, 2);
    assert!(stderr(&output).contains("as in 90s, 5m or 1h30m"), "{}", stderr(&output));
}

/// A change whose guard ended with the alarm: it is in place, and only a person decides.
fn alarmed() -> (Real, String) {
    let real = Real::new();
    let mut watching = real.applies("5m", &[]);
    let id = real.waits();
    signal(real.guard(), Signal::SIGKILL);
    real.nobody_carries_out();
    let seq = real.journal().records.len();
    let line = format!(
        "{{\"seq\":{seq},\"at\":\"2026-11-24T05:26:01Z\",\"record\":\"stuck\",\"cause\":\"another one is down\",\"by_hand\":[\"kube-temper confirm {id}\"],\"left\":\"new\"}}\n"
    );
    let journal = real.node.state().join("transactions").join(&id).join("journal.jsonl");
    let mut text = std::fs::read_to_string(&journal).unwrap();
    text += &line;
    std::fs::write(&journal, text).unwrap();
    assert_eq!(watching.ends(), 30, "{}", watching.text);
    (real, id)
}

#[test]
fn a_change_that_stayed_is_recovered_by_nobody_and_kept_by_a_person() {
    let (real, id) = alarmed();
    let output = real.run(&["recover", "--timer", &id]);
    expect_code(&output, 0);
    assert_eq!(stdout(&output), "nothing to recover\n");
    let output = real.run(&["recover"]);
    expect_code(&output, 30);
    let said = stdout(&output);
    assert!(said.contains("One of these commands decides:\n  kube-temper confirm"), "{said}");
    expect_code(&real.run(&["guard", &id]), 0);
    expect_code(&real.run(&["extend", &id]), 20);
    real.is_changed();
    let output = real.run(&["confirm", &id]);
    expect_code(&output, 0);
    assert_eq!(stdout(&output), "Committed.\n");
    real.is_changed();
    expect_code(&real.run(&["confirm", &id]), 20);
}

#[test]
fn a_change_that_stayed_is_put_back_by_a_guard_of_its_own() {
    let (real, id) = alarmed();
    let output = real.run(&["revert", "--allow-single", &id]);
    expect_code(&output, 21);
    assert_eq!(rolled_back(&real.outcome()), Reason::Requested);
    real.nobody_carries_out();
    real.is_as_before();
    expect_code(&real.run(&["revert", &id]), 20);
}
