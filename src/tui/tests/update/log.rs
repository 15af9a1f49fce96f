//! The log: it follows what happens, and is closed by whoever opened it.

use super::super::logged::logged;
use super::{press, ready, running, type_text};
use crate::{
    model::Outcome,
    tui::{
        Action, JobMsg, Msg, Polled,
        keys::Context,
        model::{Model, Screen},
        update::{update, wants_ticks},
    },
};
use jiff::Timestamp;

fn open(mut model: Model, times: usize) -> Model {
    press(&mut model, Action::Log);
    assert_eq!(Context::of(&model), Context::Log);
    let lines = std::iter::repeat_n(logged(), times).flatten().collect();
    update(&mut model, Msg::Logged(lines));
    model
}

fn scroll(model: &Model) -> Option<usize> {
    model.log_pane().unwrap().scroll
}

#[test]
fn it_follows_the_end_until_somebody_looks_elsewhere() {
    let mut model = open(ready(), 10);
    assert!(wants_ticks(&model), "nobody would look for news");
    assert_eq!(scroll(&model), None);
    press(&mut model, Action::Up);
    let here = scroll(&model).unwrap();
    update(&mut model, Msg::Logged(std::iter::repeat_n(logged(), 20).flatten().collect()));
    assert_eq!(scroll(&model), Some(here), "it stays where it is read");
    press(&mut model, Action::Bottom);
    assert_eq!(scroll(&model), None);
    press(&mut model, Action::Top);
    assert_eq!(scroll(&model), Some(0));
    // Fewer lines than there is room for.
    update(&mut model, Msg::Logged(logged()));
    assert_eq!(scroll(&model), None);
}

#[test]
fn it_is_closed_by_its_own_key_and_by_those_that_close_everything() {
    for close in [Action::Log, Action::Back] {
        let mut model = open(ready(), 1);
        press(&mut model, close);
        assert!(model.log_pane().is_none());
        assert!(!wants_ticks(&model));
    }
    let mut model = open(ready(), 1);
    type_text(&mut model, "q");
    assert!(model.log_pane().is_none() && model.leaving.is_none());
}

#[test]
fn a_search_in_it_is_none_of_the_findings() {
    let mut model = open(ready(), 1);
    press(&mut model, Action::Search);
    type_text(&mut model, "plan");
    assert_eq!((model.search(), model.findings.search.as_str()), ("plan", ""));
    press(&mut model, Action::Back);
    assert_eq!(model.search(), "", "Esc takes it back");
    press(&mut model, Action::Search);
    type_text(&mut model, "plan");
    press(&mut model, Action::Open);
    assert_eq!((Context::of(&model), model.search()), (Context::Log, "plan"));
}

#[test]
fn it_stays_when_a_transaction_ends_behind_it() {
    let mut model = open(running(), 1);
    let polled = Polled {
        now: Timestamp::UNIX_EPOCH,
        records: Vec::new(),
        notice: None,
        outcome: Some(Outcome::Committed),
    };
    update(&mut model, Msg::Job(JobMsg::Polled(Ok(polled))));
    assert_eq!((model.screen, Context::of(&model)), (Screen::Outcome, Context::Log));
    press(&mut model, Action::Back);
    assert_eq!(Context::of(&model), Context::Outcome);
}
