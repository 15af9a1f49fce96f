//! The loop with its job thread.

use super::support::{Stage, transaction_id};
use crate::{
    model::Outcome,
    tui::{Action, Effect, Msg},
};

#[test]
fn a_whole_session_writes_once_and_tells_what_it_did() {
    let stage = Stage::default();
    let asked = stage.asked.clone();
    let mut session = stage.on_80x24();
    session.press(&[Action::MarkSafe, Action::Apply, Action::Apply, Action::Confirm]);
    assert!(session.shows("COMMITTED"), "{}", session.text());
    session.press(&[Action::QuitWithSummary]);
    let app = session.app();
    assert!(app.has_left());
    let summary = app.finish();
    let id = transaction_id("20261124T060000Z-aaaa");
    assert_eq!(summary.transactions, [(id, Outcome::Committed)]);
    assert_eq!(
        summary.lines,
        [
            "cp-1 cis-2.0: 2 automated controls pass, 7 fail, score 22%",
            "20261124T060000Z-aaaa committed"
        ]
    );
    assert_eq!(summary.problems, [""; 0]);
    let writes = asked.lock().unwrap().iter().filter(|effect| effect.writes()).count();
    assert_eq!(writes, 1);
}

#[test]
fn a_job_that_panics_is_an_error_on_the_screen() {
    let session = Stage { panics_on: Some("reading the node"), ..Stage::default() }.on_80x24();
    assert!(session.shows("internal error while reading the node"), "{}", session.text());
    assert!(session.shows("R tries again"));
}

#[test]
fn a_panic_while_starting_a_write_is_not_silent() {
    let mut session = Stage { panics_on: Some("starting to apply"), ..Stage::default() }.on_80x24();
    session.press(&[Action::MarkSafe, Action::Plan, Action::Apply, Action::Confirm]);
    assert!(session.shows("UNKNOWN: this program failed"), "{}", session.text());
}

#[test]
fn told_to_leave_in_the_middle_of_a_transaction_its_end_is_waited_for() {
    let stage = Stage::default();
    let asked = stage.asked.clone();
    let mut session = stage.on_80x24();
    session.press(&[Action::MarkSafe, Action::Plan, Action::Apply]);
    session.watch_for(0).press(&[Action::Confirm]);
    assert!(session.shows("under way"), "{}", session.text());
    session.watch_for(0).happens(Msg::Leave("SIGTERM".to_owned()));
    let app = session.app();
    assert!(app.has_left());
    let summary = app.finish();
    assert_eq!(summary.told.as_deref(), Some("SIGTERM"));
    assert_eq!(summary.transactions.len(), 1);
    assert!(asked.lock().unwrap().iter().any(|effect| matches!(effect, Effect::Apply(..))));
}

#[test]
fn what_a_process_of_its_own_carries_out_is_left_behind_and_named() {
    // It never ends while this session looks.
    let stage = Stage { guarded: true, outcome: None, ..Stage::default() };
    let mut session = stage.on_80x24();
    session.press(&[Action::MarkSafe, Action::Plan, Action::Apply]);
    session.watch_for(3).press(&[Action::Confirm]);
    session.watch_for(0).press(&[Action::Quit]);
    let app = session.app();
    assert!(app.has_left());
    let summary = app.finish();
    assert_eq!(summary.transactions, []);
    let [line] = &summary.lines[..] else { panic!("{:?}", summary.lines) };
    assert!(line.starts_with("20261124T060000Z-aaaa goes on without this terminal"), "{line}");
}

#[test]
fn resizing_keeps_everything() {
    let mut session = Stage::default().on_80x24();
    session.press(&[Action::Down, Action::Down, Action::Mark]);
    let before = session.text();
    for size in [(120, 40), (20, 5), (59, 14), (60, 15), (300, 100), (1, 1), (80, 24)] {
        session.resize(size.0, size.1);
    }
    assert_eq!(session.text(), before);
}
