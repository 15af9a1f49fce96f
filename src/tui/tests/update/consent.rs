//! What a node would refuse is known before anybody confirms, and what a person allows holds for one plan.

use std::sync::Arc;

use super::super::support::{id, plan, summary, transaction_id};
use super::{drawn, granted, marked, note, planned, press, ready};
use crate::{
    engine::{EngineError, RollbackPlan, Terms, Undo},
    model::Outcome,
    tui::{
        Action, Effect, JobMsg, Msg, Planned,
        model::{Admission, Model, Screen},
        update::update,
    },
};

const SWITCHES: [Action; 3] = [Action::AllowPending, Action::AllowSingle, Action::SkipRehearsal];

fn refused(model: &mut Model, effects: &[Effect], why: &str) {
    let [Effect::Check(intent, terms)] = effects else { panic!("{effects:?}") };
    let question = (intent.clone(), terms.clone());
    let result = Err(EngineError::Refused(why.to_owned()));
    update(model, Msg::Job(JobMsg::Checked { question, result }));
}

fn admission(model: &Model) -> &Admission {
    &model.plan.as_ref().unwrap().ready().unwrap().admission
}

/// The terms a confirmed plan is applied on.
fn terms(model: &mut Model) -> Terms {
    press(model, Action::Apply);
    drawn(model);
    let effects = press(model, Action::Confirm);
    let [Effect::Apply(_, terms)] = effects.as_slice() else { panic!("{effects:?}") };
    terms.clone()
}

#[test]
fn nothing_is_allowed_unless_somebody_says_so() {
    let terms = terms(&mut planned(&["1.2.15"]));
    let confirm_within = terms.confirm_within;
    assert!(confirm_within.is_some(), "a person keeps it");
    assert_eq!(terms, Terms { confirm_within, ..Terms::default() });
}

#[test]
fn each_switch_allows_one_thing_and_the_node_is_asked_again() {
    for switch in SWITCHES {
        let mut model = planned(&["1.2.15"]);
        let effects = press(&mut model, switch);
        assert!(matches!(effects.as_slice(), [Effect::Check(..)]), "{effects:?}");
        press(&mut model, Action::Apply);
        assert!(model.confirm().is_none(), "the node has not answered yet");
        granted(&mut model, effects);
        let terms = terms(&mut model);
        assert_eq!(terms.include_pending, switch == Action::AllowPending);
        assert_eq!(terms.allow_single, switch == Action::AllowSingle);
        assert_eq!(terms.rehearse, switch != Action::SkipRehearsal);
    }
}

#[test]
fn the_same_key_takes_it_back_and_a_new_plan_knows_nothing_of_it() {
    let mut model = planned(&["1.2.15"]);
    for _ in 0..2 {
        let effects = press(&mut model, Action::AllowSingle);
        granted(&mut model, effects);
    }
    assert!(!terms(&mut model).allow_single);

    let mut model = planned(&["1.2.15"]);
    let effects = press(&mut model, Action::AllowSingle);
    granted(&mut model, effects);
    let scan = model.scan.clone().unwrap();
    update(&mut model, Msg::Job(JobMsg::Scanned(Ok(scan))));
    let controls = model.findings.marked.clone();
    let result = Ok(Planned { plan: Arc::new(plan(&["1.2.15"])), diffs: Vec::new() });
    let effects = update(&mut model, Msg::Job(JobMsg::Planned { controls, result }));
    granted(&mut model, effects);
    assert!(!terms(&mut model).allow_single);
}

#[test]
fn a_switch_that_changes_nothing_says_so() {
    for (control, works) in [("1.1.9", [false; 3]), ("1.4.1", [true, false, false])] {
        for (switch, works) in SWITCHES.into_iter().zip(works) {
            let mut model = planned(&[control]);
            let effects = press(&mut model, switch);
            assert_eq!(effects.len(), usize::from(works), "{control} {switch:?}");
            assert_eq!(note(&model).is_empty(), works, "{}", note(&model));
        }
    }
}

#[test]
fn what_would_be_refused_is_not_asked_of_a_person() {
    let mut model = marked(&["1.2.15"]);
    press(&mut model, Action::Plan);
    let controls = model.findings.marked.clone();
    let result = Ok(Planned { plan: Arc::new(plan(&["1.2.15"])), diffs: Vec::new() });
    let effects = update(&mut model, Msg::Job(JobMsg::Planned { controls, result }));
    refused(&mut model, &effects, "kubeadm runs");
    press(&mut model, Action::Apply);
    assert!(model.confirm().is_none());
    assert_eq!(note(&model), "it would be refused: kubeadm runs");
    // Whoever comes back to it asks anew: it may be over.
    press(&mut model, Action::Findings);
    let effects = press(&mut model, Action::Plan);
    granted(&mut model, effects);
    press(&mut model, Action::Apply);
    assert!(model.confirm().is_some());
}

#[test]
fn an_answer_on_other_terms_is_dropped() {
    let mut model = planned(&["1.2.15"]);
    let earlier = press(&mut model, Action::AllowPending);
    let later = press(&mut model, Action::AllowSingle);
    granted(&mut model, earlier);
    assert_eq!(*admission(&model), Admission::Asked);
    granted(&mut model, later);
    assert_eq!(*admission(&model), Admission::Granted);
}

#[test]
fn a_question_that_fails_stands_in_the_way() {
    let mut model = planned(&["1.2.15"]);
    let effects = press(&mut model, Action::AllowPending);
    let during = effects[0].doing();
    let message = "out of range".to_owned();
    update(&mut model, Msg::Job(JobMsg::Panicked { during, message }));
    assert!(matches!(admission(&model), Admission::Refused(why) if why.contains("out of range")));
}

#[test]
fn an_undo_that_finds_nothing_is_noted_after_it_was_asked() {
    let mut model = ready();
    let entry = summary("20261124T052601Z-3f9a", Some(Outcome::Committed));
    update(&mut model, Msg::Job(JobMsg::History(Ok(vec![entry]))));
    press(&mut model, Action::UndoLast);
    let rollback = RollbackPlan {
        of: vec![transaction_id("20261124T052601Z-3f9a")],
        plan: plan(&[]),
        conflicts: Vec::new(),
        rest: Vec::new(),
        notes: Vec::new(),
    };
    let result = Ok((Arc::new(rollback), Vec::new()));
    let undo = Undo::Last;
    let effects = update(&mut model, Msg::Job(JobMsg::RollbackPlanned { undo, result }));
    assert!(effects.is_empty(), "there is nothing to be asked of the node: {effects:?}");
    assert!(press(&mut model, Action::Undo).is_empty());
    drawn(&mut model);
    let effects = press(&mut model, Action::Confirm);
    assert!(matches!(effects.as_slice(), [Effect::NoteRollback(_)]), "{effects:?}");
    let noted = transaction_id("20261124T060000Z-aaaa");
    let effects = update(&mut model, Msg::Job(JobMsg::Noted(Ok(noted))));
    assert!(matches!(effects.as_slice(), [Effect::History]));
    assert_eq!(model.screen, Screen::History);
    assert_eq!(note(&model), "noted as undone by 20261124T060000Z-aaaa");
}

#[test]
fn nothing_is_asked_where_nothing_can_be_written() {
    let mut model = marked(&["1.2.15"]);
    model.read_only = Some("--read-only was given".to_owned());
    press(&mut model, Action::Plan);
    let controls = [id("1.2.15")].into();
    let result = Ok(Planned { plan: Arc::new(plan(&["1.2.15"])), diffs: Vec::new() });
    assert!(update(&mut model, Msg::Job(JobMsg::Planned { controls, result })).is_empty());
    press(&mut model, Action::Apply);
    assert_eq!(note(&model), "read-only: --read-only was given");
}
