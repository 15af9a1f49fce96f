//! A transaction under way, its end, and the way back.

use std::sync::Arc;

use super::super::support::{id, plan, scan, summary, transaction_id};
use super::{asked, drawn, granted, note, press, ready, ready_with, running};
use jiff::Timestamp;

use crate::{
    engine::{EngineError, RollbackPlan, Undo},
    model::{Left, Outcome, Reason},
    node::{NodeError, NodeErrorKind},
    tui::{
        Action, Effect, JobMsg, Msg, Polled,
        model::{Ending, Leaving, Screen},
        update::update,
    },
};

#[test]
fn one_question_for_news_at_a_time() {
    let mut model = running();
    let now = model.now;
    assert!(update(&mut model, Msg::Tick(now)).is_empty(), "it was asked already");
    let quiet =
        Polled { now: Timestamp::UNIX_EPOCH, records: Vec::new(), notice: None, outcome: None };
    update(&mut model, Msg::Job(JobMsg::Polled(Ok(quiet))));
    let effects = update(&mut model, Msg::Tick(now));
    assert!(matches!(effects.as_slice(), [Effect::Poll]));
}

#[test]
fn a_journal_that_cannot_be_read_once_is_read_again() {
    let mut model = running();
    let path = "/var/lib/kube-temper".to_owned();
    let trouble = NodeError { operation: "read", path, kind: NodeErrorKind::Denied };
    let trouble = EngineError::Node(trouble);
    update(&mut model, Msg::Job(JobMsg::Polled(Err(trouble))));
    assert!(model.transaction_runs());
    let now = model.now;
    assert!(matches!(update(&mut model, Msg::Tick(now)).as_slice(), [Effect::Poll]));
}

#[test]
fn a_transaction_nobody_carries_any_more_is_not_waited_for() {
    let mut model = running();
    let lost = EngineError::Internal("its thread has ended".to_owned());
    update(&mut model, Msg::Job(JobMsg::Polled(Err(lost))));
    assert!(!model.transaction_runs());
    let ending = model.progress.as_ref().unwrap().ending.clone();
    assert_eq!(ending, Some(Ending::Unknown("its thread has ended".to_owned())));
}

#[test]
fn a_dead_process_is_the_end_of_watching_and_what_never_began_was_refused() {
    let cases = [
        (EngineError::Lost("it is dead".to_owned()), Ending::Lost("it is dead".to_owned())),
        (
            EngineError::Refused("it did not begin".to_owned()),
            Ending::Refused("it did not begin".to_owned()),
        ),
    ];
    for (error, ending) in cases {
        let mut model = running();
        update(&mut model, Msg::Job(JobMsg::Polled(Err(error))));
        assert_eq!(model.progress.as_ref().unwrap().ending, Some(ending));
    }
}

#[test]
fn what_is_said_of_the_guard_stays_in_sight() {
    let mut model = running();
    for notice in [Some("it is dead".to_owned()), None] {
        let polled =
            Polled { now: Timestamp::UNIX_EPOCH, records: Vec::new(), notice, outcome: None };
        update(&mut model, Msg::Job(JobMsg::Polled(Ok(polled))));
    }
    assert_eq!(model.progress.as_ref().unwrap().notice.as_deref(), Some("it is dead"));
}

#[test]
fn what_another_process_carries_out_is_not_to_be_recovered() {
    let mut busy = scan();
    busy.unfinished = vec![transaction_id("20261124T052601Z-3f9a")];
    busy.busy = true;
    let mut model = ready_with(busy);
    press(&mut model, Action::Recover);
    assert!(model.confirm().is_none());
    assert!(note(&model).contains("under way in another process"), "{}", note(&model));
}

#[test]
fn each_end_leads_to_its_outcome_and_a_new_scan() {
    let cause = || "it did not become ready".to_owned();
    let outcomes = [
        (Outcome::Committed, true),
        (Outcome::RolledBack { cause: cause(), reason: Reason::Unproved }, false),
        (
            Outcome::Stuck {
                cause: cause(),
                by_hand: vec!["cp a b".to_owned()],
                left: Left::Mixed,
            },
            false,
        ),
    ];
    for (outcome, unmarks) in outcomes {
        let mut model = running();
        let polled = Polled {
            now: Timestamp::UNIX_EPOCH,
            records: Vec::new(),
            notice: None,
            outcome: Some(outcome.clone()),
        };
        let effects = update(&mut model, Msg::Job(JobMsg::Polled(Ok(polled))));
        assert!(matches!(effects.as_slice(), [Effect::Scan, Effect::History]));
        assert_eq!(model.screen, Screen::Outcome);
        let ending = model.progress.as_ref().unwrap().ending.clone();
        assert_eq!(ending, Some(Ending::Ended(outcome)));
        assert_eq!(model.findings.marked.is_empty(), unmarks);
        // A plan made before the write is never applied after it.
        assert!(model.plan.is_none());
    }
}

#[test]
fn a_refusal_leaves_the_marks_and_reads_the_node_again() {
    let mut model = asked(&["1.4.1"]);
    press(&mut model, Action::Confirm);
    let stale = EngineError::Refused("kube-scheduler.yaml has changed".to_owned());
    let effects = update(&mut model, Msg::Job(JobMsg::Started(Err(stale))));
    assert!(matches!(effects.as_slice(), [Effect::Scan, Effect::History]));
    assert_eq!(model.screen, Screen::Outcome);
    assert!(!model.transaction_runs());
    assert_eq!(model.findings.marked, [id("1.4.1")].into());
}

#[test]
fn being_told_to_leave_leaves_also_in_the_middle() {
    let mut model = running();
    update(&mut model, Msg::Leave("SIGTERM".to_owned()));
    assert_eq!(model.leaving, Some(Leaving::Told("SIGTERM".to_owned())));
}

#[test]
fn only_what_stands_can_be_rolled_back() {
    let committed = || Some(Outcome::Committed);
    let mut undone = summary("b", committed());
    undone.undone_by = Some(transaction_id("c"));
    let mut damaged = summary("d", committed());
    damaged.damage = Some("line 3 is torn".to_owned());
    let cause = "x".to_owned();
    let cases = [
        (summary("a", committed()), ""),
        (undone, "c has undone it already"),
        (damaged, "its record is damaged: line 3 is torn"),
        (
            summary("e", Some(Outcome::RolledBack { cause, reason: Reason::Unproved })),
            "it was rolled back, nothing of it is left",
        ),
        (summary("f", None), "it did not end: recover it (X)"),
    ];
    for (entry, reason) in cases {
        let mut model = ready();
        press(&mut model, Action::History);
        let name = entry.id.0.clone();
        update(&mut model, Msg::Job(JobMsg::History(Ok(vec![entry]))));
        let effects = press(&mut model, Action::Undo);
        assert_eq!(note(&model), reason);
        let planned = matches!(
            effects.as_slice(),
            [Effect::PlanRollback { undo: Undo::Transaction(id), .. }] if *id == name
        );
        assert_eq!(planned, reason.is_empty());
    }
}

fn undo_planned(undo: Undo, conflicts: Vec<String>) -> Msg {
    let of = vec![transaction_id("20261124T052601Z-3f9a")];
    let plan =
        RollbackPlan { of, plan: plan(&["1.4.1"]), conflicts, rest: Vec::new(), notes: Vec::new() };
    Msg::Job(JobMsg::RollbackPlanned { undo, result: Ok((Arc::new(plan), Vec::new())) })
}

#[test]
fn a_roll_back_is_shown_then_asked_then_done() {
    let mut model = ready();
    let entry = summary("20261124T052601Z-3f9a", Some(Outcome::Committed));
    update(&mut model, Msg::Job(JobMsg::History(Ok(vec![entry]))));
    let effects = press(&mut model, Action::UndoLast);
    assert!(matches!(effects.as_slice(), [Effect::PlanRollback { undo: Undo::Last, .. }]));
    // The answer to another question is not this one's.
    update(&mut model, undo_planned(Undo::All, Vec::new()));
    assert!(model.undo.as_ref().unwrap().ready().is_none());
    let effects = update(&mut model, undo_planned(Undo::Last, Vec::new()));
    granted(&mut model, effects);
    press(&mut model, Action::Undo);
    drawn(&mut model);
    let effects = press(&mut model, Action::Confirm);
    assert!(matches!(effects.as_slice(), [Effect::Rollback(..)]), "{effects:?}");
}

#[test]
fn a_roll_back_in_conflict_is_not_even_asked() {
    let mut model = ready();
    let entry = summary("20261124T052601Z-3f9a", Some(Outcome::Committed));
    update(&mut model, Msg::Job(JobMsg::History(Ok(vec![entry]))));
    press(&mut model, Action::UndoLast);
    update(&mut model, undo_planned(Undo::Last, vec!["line 9".to_owned()]));
    press(&mut model, Action::Undo);
    assert!(model.overlays.is_empty());
    assert_eq!(note(&model), "later changes stand in the way: see the conflicts");
}

#[test]
fn the_diff_of_an_earlier_transaction_is_no_plan_to_roll_back() {
    let mut model = ready();
    let entry = summary("20261124T052601Z-3f9a", Some(Outcome::Committed));
    update(&mut model, Msg::Job(JobMsg::History(Ok(vec![entry]))));
    press(&mut model, Action::UndoLast);
    let other = Arc::new(plan(&["1.3.2"]));
    let diffed = JobMsg::Diffed { plan: other, context: 3, diffs: Vec::new() };
    update(&mut model, Msg::Job(diffed));
    assert!(model.undo.as_ref().unwrap().ready().is_none());
}
