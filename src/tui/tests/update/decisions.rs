//! A change that stayed although nobody confirmed it: who decides, and how it is asked. And what may be looked at
//! while a decision is still to come.

use super::super::support::{kept, summary, transaction_id};
use super::{asked, drawn, note, press, ready, running};
use crate::{
    engine::{Answer, Summary},
    model::{Left, Outcome},
    tui::{
        Action, Effect, JobMsg, Msg,
        keys::Context,
        model::{Model, Screen},
        update::update,
    },
};

const NAME: &str = "20261124T052601Z-3f9a";

/// A model whose history has these.
fn with(entries: Vec<Summary>) -> Model {
    let mut model = ready();
    update(&mut model, Msg::Job(JobMsg::History(Ok(entries))));
    model
}

fn stayed() -> Model {
    with(vec![summary(NAME, Some(kept(NAME)))])
}

fn decided(model: &mut Model, action: Action) -> Answer {
    press(model, action);
    drawn(model);
    let effects = press(model, Action::Confirm);
    let [Effect::Decide(id, answer)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(*id, transaction_id(NAME));
    assert_eq!(model.screen, Screen::Progress);
    *answer
}

#[test]
fn each_key_asks_first_and_then_decides() {
    for screen in [Action::Findings, Action::History, Action::Health] {
        let mut model = stayed();
        press(&mut model, screen);
        assert_eq!(decided(&mut model, Action::KeepChange), Answer::Keep);
        let mut model = stayed();
        press(&mut model, screen);
        let back = Answer::Revert { allow_single: false };
        assert_eq!(decided(&mut model, Action::Recover), back);
    }
}

#[test]
fn what_was_allowed_holds_for_one_answer_only() {
    let mut model = stayed();
    press(&mut model, Action::History);
    press(&mut model, Action::AllowSingle);
    assert!(note(&model).contains("--allow-single"), "{}", note(&model));
    let allowed = Answer::Revert { allow_single: true };
    assert_eq!(decided(&mut model, Action::Recover), allowed);
    let mut model = stayed();
    press(&mut model, Action::History);
    for _ in 0..2 {
        press(&mut model, Action::AllowSingle);
    }
    let back = Answer::Revert { allow_single: false };
    assert_eq!(decided(&mut model, Action::Recover), back);
}

#[test]
fn only_what_stayed_is_kept_and_what_is_in_sight_is_meant() {
    let half = Outcome::Stuck { cause: "x".to_owned(), by_hand: Vec::new(), left: Left::Mixed };
    let mut undone = summary(NAME, Some(kept(NAME)));
    undone.undone_by = Some(transaction_id("20261124T060000Z-aaaa"));
    for entry in [summary(NAME, Some(half)), summary(NAME, Some(Outcome::Committed)), undone] {
        let mut model = with(vec![entry]);
        press(&mut model, Action::KeepChange);
        assert!(model.confirm().is_none());
        assert_eq!(note(&model), "nothing waits to be kept");
    }
    // An earlier one is decided where it is in sight, and nowhere else.
    let later = summary("20261124T060000Z-aaaa", Some(Outcome::Committed));
    let mut model = with(vec![later, summary(NAME, Some(kept(NAME)))]);
    press(&mut model, Action::KeepChange);
    assert!(model.confirm().is_none());
    press(&mut model, Action::History);
    press(&mut model, Action::Down);
    assert_eq!(decided(&mut model, Action::KeepChange), Answer::Keep);
}

#[test]
fn a_run_that_writes_nothing_decides_nothing() {
    let mut model = stayed();
    model.read_only = Some("not root".to_owned());
    for action in [Action::KeepChange, Action::Recover] {
        press(&mut model, action);
        assert!(model.confirm().is_none());
        assert_eq!(note(&model), "read-only: not root");
    }
}

#[test]
fn health_is_looked_at_while_a_transaction_is_under_way_and_nothing_else_is_done_there() {
    let mut model = running();
    let effects = press(&mut model, Action::Health);
    assert!(matches!(effects.as_slice(), [Effect::Health]));
    assert_eq!(Context::of(&model), Context::Meanwhile);
    for action in [Action::Apply, Action::Findings, Action::UndoLast, Action::Recover] {
        assert!(press(&mut model, action).is_empty());
        assert_eq!(model.screen, Screen::Health, "{action:?}");
    }
    press(&mut model, Action::Back);
    assert_eq!(model.screen, Screen::Progress);
    // What follows a transaction is what it was before.
    let mut model = asked(&["1.4.1"]);
    press(&mut model, Action::Back);
    press(&mut model, Action::Health);
    assert_eq!(Context::of(&model), Context::Health);
}
