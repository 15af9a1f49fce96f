//! From a plan to a question to its answer.

use std::{sync::Arc, time::Duration};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::{
    harness::PLAIN,
    support::{id, plan, scan, summary, transaction_id},
};
use super::{
    asked, drawn, key, marked, note, planned, press, ready, ready_with, running, type_text,
};
use crate::{
    model::{Distribution, Left, Outcome, Reversibility, Tier},
    node::NodeKind,
    tui::{
        Action, Effect, JobMsg, Msg, Planned,
        model::{Confirm, Consent, Model, Overlay, SETTLE, Screen, Write},
        update::update,
    },
};

#[test]
fn apply_on_the_findings_shows_the_plan_and_asks_nothing() {
    let mut model = marked(&["1.4.1"]);
    let effects = press(&mut model, Action::Apply);
    assert!(matches!(effects.as_slice(), [Effect::Plan { .. }]));
    assert_eq!(model.screen, Screen::Plan);
    assert!(model.overlays.is_empty());
    // The plan is not here yet: nothing can be asked about it.
    press(&mut model, Action::Apply);
    assert!(model.overlays.is_empty());
    assert_eq!(note(&model), "there is no plan to apply");
}

#[test]
fn a_plan_of_other_marks_is_dropped() {
    let mut model = marked(&["1.4.1"]);
    press(&mut model, Action::Plan);
    let stale = JobMsg::Planned {
        controls: [id("1.3.2")].into(),
        result: Ok(Planned { plan: Arc::new(plan(&["1.3.2"])), diffs: Vec::new() }),
    };
    update(&mut model, Msg::Job(stale));
    assert!(model.plan.as_ref().unwrap().ready().is_none());
}

#[test]
fn what_was_confirmed_is_what_runs() {
    let mut model = asked(&["1.4.1", "1.3.2"]);
    let shown = model.plan.as_ref().unwrap().plan().unwrap().clone();
    let effects = press(&mut model, Action::Confirm);
    let [Effect::Apply(plan, _)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(**plan, shown);
    assert_eq!(model.screen, Screen::Progress);
}

#[test]
fn nothing_but_y_answers_a_question() {
    let all = (' '..='~').map(KeyCode::Char).chain([
        KeyCode::Enter,
        KeyCode::Tab,
        KeyCode::Backspace,
        KeyCode::Insert,
        KeyCode::F(1),
    ]);
    for code in all.filter(|code| *code != KeyCode::Char('y')) {
        for modifiers in [KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT] {
            let mut model = asked(&["1.4.1"]);
            let effects = key(&mut model, KeyEvent::new(code, modifiers));
            assert!(effects.is_empty(), "{code:?} {modifiers:?}: {effects:?}");
        }
    }
    let mut model = asked(&["1.4.1"]);
    let chord = KeyEvent::new(KeyCode::Char('y'), KeyModifiers::CONTROL);
    assert!(key(&mut model, chord).is_empty());
}

#[test]
fn a_key_pressed_before_the_question_was_seen_does_not_answer_it() {
    let yes = Action::Confirm.key().unwrap();
    let mut model = planned(&["1.4.1"]);
    press(&mut model, Action::Apply);
    // Not drawn yet: typed ahead.
    assert!(press(&mut model, Action::Confirm).is_empty());
    let shown = model.now + Duration::from_secs(5);
    update(&mut model, Msg::Drawn(shown));
    let a_moment = Duration::from_millis(1);
    let cases = [
        (shown.saturating_sub(a_moment), false),
        (shown, false),
        ((shown + SETTLE).saturating_sub(a_moment), false),
        (shown + SETTLE, true),
    ];
    for (at, answers) in cases {
        let effects = update(&mut model, Msg::Key(yes, at));
        assert_eq!(matches!(effects.as_slice(), [Effect::Apply(..)]), answers, "{at:?}");
    }
}

#[test]
fn escape_cancels_a_question_and_says_so() {
    let mut model = asked(&["1.4.1"]);
    assert!(press(&mut model, Action::Back).is_empty());
    assert!(model.overlays.is_empty());
    assert_eq!(note(&model), "cancelled: nothing was written");
}

#[test]
fn r3_wants_the_id_typed_then_y() {
    let mut model = asked(&["1.2.9"]);
    // `y` is a character of the word being typed, and no answer.
    assert!(press(&mut model, Action::Confirm).is_empty());
    assert_eq!(model.confirm().unwrap().input, "y");
    key(&mut model, KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE));
    assert!(type_text(&mut model, "1.2.").is_empty());
    assert!(key(&mut model, KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)).is_empty());
    assert!(type_text(&mut model, "9").is_empty());
    // The second stage must be seen as well.
    assert!(press(&mut model, Action::Confirm).is_empty());
    drawn(&mut model);
    let effects = press(&mut model, Action::Confirm);
    assert!(matches!(effects.as_slice(), [Effect::Apply(..)]), "{effects:?}");
}

#[test]
fn r4_wants_the_name_of_the_node() {
    let confirm = Confirm::new(Write::Apply(Arc::new(plan(&["2.1"]))), Consent::default());
    assert_eq!(confirm.tier, Some(Tier::R4));
    assert_eq!(confirm.words, ["cp-1"]);
}

#[test]
fn several_r3_fixes_want_several_ids() {
    let mut both = plan(&["1.2.9", "1.2.15", "1.4.1"]);
    both.controls[1].tier = Tier::R3;
    let confirm = Confirm::new(Write::Apply(Arc::new(both)), Consent::default());
    assert_eq!(confirm.words, ["1.2.9", "1.2.15"]);
}

#[test]
fn r4_is_applied_alone() {
    let mut model = planned(&["1.4.1", "2.1"]);
    press(&mut model, Action::Apply);
    assert!(model.overlays.is_empty());
    assert_eq!(note(&model), "R4 touches data or quorum: apply it alone, unmark the others");
}

#[test]
fn pasted_text_presses_no_key() {
    let mut model = planned(&["1.4.1"]);
    for text in ["A", "y", "1.2.9"] {
        assert!(update(&mut model, Msg::Paste(text.to_owned())).is_empty());
        assert!(model.overlays.is_empty());
    }
    let mut model = asked(&["1.2.9"]);
    assert!(update(&mut model, Msg::Paste("1.2.9".to_owned())).is_empty());
    assert_eq!(model.confirm().unwrap().word(), Some("1.2.9"));
    let mut model = ready();
    press(&mut model, Action::Search);
    update(&mut model, Msg::Paste("sched\nuler\u{1b}[2J".to_owned()));
    assert_eq!(model.findings.search, "scheduler[2J");
}

#[test]
fn a_disabled_key_says_why() {
    let mut read_only = marked(&["1.4.1"]);
    read_only.read_only = Some("not root: run it with sudo".to_owned());
    let mut unfinished = scan();
    unfinished.unfinished.push(transaction_id("20261124T052601Z-3f9a"));
    let mut unfinished = ready_with(unfinished);
    unfinished.findings.marked.insert(id("1.4.1"));
    let mut foreign = scan();
    foreign.report.distribution = Distribution::Rke2;
    let foreign = ready_with(foreign);
    let waiting = Model::new(PLAIN, NodeKind::Live, None, (80, 24));
    let cases = [
        (read_only, Action::Apply, "read-only: not root: run it with sudo"),
        (unfinished, Action::Apply, "20261124T052601Z-3f9a was interrupted: recover it first (X)"),
        (foreign, Action::Mark, Distribution::Rke2.refusal().unwrap()),
        (
            ready(),
            Action::Apply,
            "nothing is marked: on the findings, Space marks a fix, a all of R0 and R1",
        ),
        (
            ready(),
            Action::Plan,
            "nothing is marked: on the findings, Space marks a fix, a all of R0 and R1",
        ),
        (ready(), Action::Recover, "no transaction was interrupted"),
        (ready(), Action::UndoLast, "nothing to roll back"),
        (ready(), Action::Unmark, "nothing is marked"),
        (waiting, Action::Search, "the node could not be read: R tries again"),
        (
            running(),
            Action::Quit,
            "a transaction is under way: it ends by itself, and the node needs that",
        ),
    ];
    for (mut model, action, reason) in cases {
        let screen = model.screen;
        let effects = press(&mut model, action);
        assert!(effects.is_empty(), "{action:?}");
        assert_eq!(note(&model), reason, "{action:?}");
        assert_eq!(model.screen, screen, "{action:?}");
        assert!(model.leaving.is_none());
    }
}

#[test]
fn nothing_writes_while_the_terminal_is_too_small_to_show_it() {
    let mut model = asked(&["1.4.1"]);
    update(&mut model, Msg::Resize(59, 24));
    assert!(press(&mut model, Action::Confirm).is_empty());
    update(&mut model, Msg::Resize(80, 24));
    // Nor before it is on the screen again.
    assert!(press(&mut model, Action::Confirm).is_empty());
    drawn(&mut model);
    let effects = press(&mut model, Action::Confirm);
    assert!(matches!(effects.as_slice(), [Effect::Apply(..)]));
}

#[test]
fn recovery_is_asked_first() {
    let mut interrupted = scan();
    interrupted.unfinished.push(transaction_id("20261124T052601Z-3f9a"));
    let mut model = ready_with(interrupted);
    assert!(press(&mut model, Action::Recover).is_empty());
    drawn(&mut model);
    let effects = press(&mut model, Action::Confirm);
    assert!(matches!(effects.as_slice(), [Effect::Recover]));
}

#[test]
fn what_is_stuck_can_be_tried_again_when_it_is_the_latest() {
    let by_hand = Vec::new();
    let stuck =
        Outcome::Stuck { cause: "the disk was full".to_owned(), by_hand, left: Left::Mixed };
    let stuck = summary("20261124T052601Z-3f9a", Some(stuck));
    let later = summary("20261124T060000Z-aaaa", Some(Outcome::Committed));
    for (history, possible) in
        [(vec![stuck.clone()], true), (vec![later, stuck], false), (Vec::new(), false)]
    {
        let mut model = ready();
        update(&mut model, Msg::Job(JobMsg::History(Ok(history))));
        press(&mut model, Action::Recover);
        assert_eq!(model.confirm().is_some(), possible, "{:?}", model.note);
    }
}

#[test]
fn a_scan_under_an_open_question_leaves_it_alone() {
    let mut model = asked(&["1.4.1"]);
    update(&mut model, Msg::Job(JobMsg::Scanned(Ok(Arc::new(scan())))));
    let effects = press(&mut model, Action::Confirm);
    assert!(matches!(effects.as_slice(), [Effect::Apply(..)]));
}

#[test]
fn more_and_fewer_lines_ask_for_the_same_plan() {
    let mut model = planned(&["1.4.1"]);
    let shown = model.plan.as_ref().unwrap().plan().unwrap().clone();
    for (action, lines) in
        [(Action::MoreContext, 4), (Action::LessContext, 3), (Action::LessContext, 2)]
    {
        let effects = press(&mut model, action);
        let [Effect::Diff { plan, context }] = effects.as_slice() else { panic!("{effects:?}") };
        assert_eq!((*context, &**plan), (lines, &shown));
    }
}

#[test]
fn what_cannot_be_undone_is_said_before_it_is_done() {
    let mut forever = plan(&["1.4.1"]);
    forever.controls[0].reversible = Reversibility::OneWay;
    let mut model = planned(&["1.4.1"]);
    let confirm = Confirm::new(Write::Apply(Arc::new(forever)), Consent::default());
    model.overlays.push(Overlay::Confirm(Box::new(confirm)));
    let backend = ratatui::backend::TestBackend::new(80, 24);
    let mut terminal = ratatui::Terminal::new(backend).unwrap();
    terminal.draw(|frame| crate::tui::view::view(&model, frame)).unwrap();
    assert!(terminal.backend().to_string().contains("1.4.1 can NOT be undone"));
}
