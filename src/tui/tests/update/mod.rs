//! Decisions of `update`, on plain values.

mod consent;
mod countdown;
mod decisions;
mod elsewhere;
mod findings;
mod log;
mod objects;
mod questions;
mod transactions;

use std::{sync::Arc, time::Duration};

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    harness::PLAIN,
    support::{id, plan, scan, transaction_id},
};
use crate::{
    engine::Scan,
    node::NodeKind,
    tui::{
        Action, Begun, Effect, JobMsg, Msg, Planned,
        model::Model,
        update::{self, update},
    },
};

/// A model with a scan in it.
pub(super) fn ready_with(scan: Scan) -> Model {
    let mut model = Model::new(PLAIN, NodeKind::Live, None, (80, 24));
    update::start(&mut model);
    update(&mut model, Msg::Job(JobMsg::Scanned(Ok(Arc::new(scan)))));
    update(&mut model, Msg::Job(JobMsg::History(Ok(Vec::new()))));
    model
}

pub(super) fn ready() -> Model {
    ready_with(scan())
}

pub(super) fn key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let at = model.now + Duration::from_secs(1);
    update(model, Msg::Key(key, at))
}

pub(super) fn press(model: &mut Model, action: Action) -> Vec<Effect> {
    key(model, action.key().unwrap())
}

pub(super) fn character(model: &mut Model, c: char) -> Vec<Effect> {
    key(model, KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))
}

pub(super) fn type_text(model: &mut Model, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|c| character(model, c)).collect()
}

/// What the loop does after it has drawn.
pub(super) fn drawn(model: &mut Model) {
    let now = model.now;
    update(model, Msg::Drawn(now));
}

pub(super) fn marked(numbers: &[&str]) -> Model {
    let mut model = ready();
    model.findings.marked = numbers.iter().map(|number| id(number)).collect();
    model
}

/// A model that shows the plan of these controls.
pub(super) fn planned(numbers: &[&str]) -> Model {
    let mut model = marked(numbers);
    press(&mut model, Action::Plan);
    let controls = model.findings.marked.clone();
    let result = Ok(Planned { plan: Arc::new(plan(numbers)), diffs: Vec::new() });
    let effects = update(&mut model, Msg::Job(JobMsg::Planned { controls, result }));
    granted(&mut model, effects);
    model
}

/// Answers what the node is asked about a plan: it takes it.
pub(super) fn granted(model: &mut Model, effects: Vec<Effect>) {
    for effect in effects {
        let Effect::Check(intent, terms) = effect else { panic!("{effect:?}") };
        update(model, Msg::Job(JobMsg::Checked { question: (intent, terms), result: Ok(()) }));
    }
}

/// A model with the question open and drawn.
pub(super) fn asked(numbers: &[&str]) -> Model {
    let mut model = planned(numbers);
    press(&mut model, Action::Apply);
    assert!(model.confirm().is_some(), "{:?}", model.note);
    drawn(&mut model);
    model
}

/// A model that watches a transaction.
pub(super) fn running() -> Model {
    let mut model = asked(&["1.4.1"]);
    let effects = press(&mut model, Action::Confirm);
    assert!(matches!(effects.as_slice(), [Effect::Apply(..)]), "{effects:?}");
    let id = transaction_id("20261124T060000Z-aaaa");
    let begun = Begun { id, outlives_us: false };
    let effects = update(&mut model, Msg::Job(JobMsg::Started(Ok(begun))));
    assert!(matches!(effects.as_slice(), [Effect::Poll]));
    model
}

pub(super) fn note(model: &Model) -> &str {
    model.note.as_ref().map_or("", |note| note.text.as_str())
}
