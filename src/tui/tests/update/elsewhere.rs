//! What is taken elsewhere: into the clipboard, or a pager.

use std::sync::Arc;

use super::super::support::{Stage, kept, plan, summary};
use super::{note, planned, press, ready, running};
use crate::{
    engine::Summary,
    model::{Left, Outcome},
    text::diff,
    tui::{
        Action, JobMsg, Msg, Planned,
        model::{Interruption, Model},
        update::update,
    },
};

const NAME: &str = "20261124T052601Z-3f9a";

fn copied(model: &mut Model) -> String {
    press(model, Action::Copy);
    match model.interruption.take() {
        Some(Interruption::Copy(text)) => text,
        other => panic!("{other:?}: {}", note(model)),
    }
}

fn paged(model: &mut Model) -> String {
    press(model, Action::Page);
    match model.interruption.take() {
        Some(Interruption::Page(text)) => text,
        other => panic!("{other:?}: {}", note(model)),
    }
}

fn with(entries: Vec<Summary>) -> Model {
    let mut model = ready();
    update(&mut model, Msg::Job(JobMsg::History(Ok(entries))));
    press(&mut model, Action::History);
    model
}

#[test]
fn a_finding_is_what_a_colleague_must_know_and_the_command() {
    let mut model = ready();
    for _ in 0..4 {
        press(&mut model, Action::Down);
    }
    let text = copied(&mut model);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "1.3.2");
    assert_eq!(lines[1], "The controller-manager's profiling is off");
    assert_eq!(lines[2], "x FAIL  profiling is on by default");
    assert!(lines.contains(&"Wanted   --profiling=false"), "{text}");
    assert_eq!(*lines.last().unwrap(), "         kube-temper apply --check 1.3.2");
    assert_eq!(note(&model), format!("copied {} lines to the terminal's clipboard", lines.len()));
}

fn with_diffs(context: usize) -> Model {
    let mut model = planned(&["1.4.1"]);
    model.plan = None;
    press(&mut model, Action::Findings);
    press(&mut model, Action::Plan);
    let plan = plan(&["1.4.1"]);
    let diffs = plan.changes().map(|change| diff::of_change(change, context)).collect();
    let controls = model.findings.marked.clone();
    let result = Ok(Planned { plan: Arc::new(plan), diffs });
    update(&mut model, Msg::Job(JobMsg::Planned { controls, result }));
    model
}

#[test]
fn a_diff_is_one_a_tool_reads_and_the_pager_has_the_plan_with_it() {
    for whole in [false, true] {
        let mut model = with_diffs(1);
        if whole {
            press(&mut model, Action::Diff);
        }
        let text = copied(&mut model);
        assert!(text.starts_with("--- /etc/kubernetes/manifests/kube-scheduler.yaml (now)\n"));
        assert!(text.contains("\n+    - --profiling=false  # 1.4.1\n"), "{text}");
        assert!(!text.contains('\u{1b}'));
        let text = paged(&mut model);
        assert!(text.contains("risk R1") && text.contains("--profiling=false"), "{text}");
        assert!(text.contains("\u{1b}["), "a pager has colours");
        model.options.color = false;
        assert!(!paged(&mut model).contains('\u{1b}'), "but not without colours");
    }
}

#[test]
fn more_than_a_clipboard_takes_is_not_copied() {
    let mut model = with_diffs(1);
    let review = model.plan.as_mut().unwrap();
    let crate::tui::model::ReviewState::Ready(ready) = &mut review.state else { unreachable!() };
    let one = ready.diffs[0].clone();
    ready.diffs = vec![one; 1_000];
    press(&mut model, Action::Copy);
    assert_eq!(model.interruption, None);
    assert!(note(&model).contains("more than a terminal's clipboard takes"), "{}", note(&model));
}

#[test]
fn of_what_is_stuck_the_commands_and_of_others_the_name() {
    let left = Left::Mixed;
    let by_hand = vec!["cp -p a b".to_owned(), "chmod 0600 b".to_owned()];
    let half = Outcome::Stuck { cause: "x".to_owned(), by_hand, left };
    for (outcome, text) in [
        (half, "cp -p a b\nchmod 0600 b\n".to_owned()),
        (kept(NAME), format!("kube-temper confirm {NAME}\nkube-temper revert {NAME}\n")),
        (Outcome::Committed, format!("{NAME}\n")),
    ] {
        assert_eq!(copied(&mut with(vec![summary(NAME, Some(outcome))])), text);
    }
    let mut model = with(Vec::new());
    press(&mut model, Action::Copy);
    assert_eq!((note(&model), &model.interruption), ("there is nothing here to copy yet", &None));
}

#[test]
fn an_outcome_that_is_stuck_gives_its_commands() {
    let outcome = Some(kept("20261124T060000Z-aaaa"));
    let mut session = Stage { outcome, ..Stage::default() }.on_80x24();
    session.press(&[Action::MarkSafe, Action::Plan, Action::Apply, Action::Confirm]);
    session.press(&[Action::Copy]);
    assert!(session.shows("copied 2 lines"), "{}", session.text());
}

#[test]
fn what_is_under_way_is_not_left_for_a_pager() {
    let mut model = running();
    press(&mut model, Action::Page);
    assert_eq!(model.interruption, None);
    assert!(note(&model).contains("out of sight"), "{}", note(&model));
    assert_eq!(copied(&mut model), "20261124T060000Z-aaaa\n");
}

#[test]
fn whatever_is_in_sight_can_be_paged() {
    let mut model = with(vec![summary(NAME, Some(Outcome::Committed))]);
    assert!(paged(&mut model).contains(NAME));
    press(&mut model, Action::Findings);
    assert!(paged(&mut model).contains("1.1.9"));
    press(&mut model, Action::Explain);
    assert!(paged(&mut model).contains("1.1.9"));
}
