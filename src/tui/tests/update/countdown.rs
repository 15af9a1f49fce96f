//! The countdown: who may answer, what is asked, and what ends it.

use std::time::Duration;

use super::super::support::{at, journal, transaction_id};
use super::{character, drawn, key, note, press, running};
use crate::{
    engine::{Answer, EngineError},
    model::{Outcome, Record, RecordKind},
    tui::{
        Action, Effect, JobMsg, Msg, Polled,
        keys::Context,
        model::{Model, Screen},
        update::update,
    },
};

/// News at this second of the node's clock.
fn told(model: &mut Model, second: i64, records: Vec<Record>) -> Vec<Effect> {
    let polled = Polled { now: at(second), records, notice: None, outcome: None };
    update(model, Msg::Job(JobMsg::Polled(Ok(polled))))
}

fn record(kind: RecordKind) -> Vec<Record> {
    journal(vec![kind])
}

/// A model whose transaction waits since second 10 until second 310.
fn waiting() -> Model {
    let mut model = running();
    told(&mut model, 10, record(RecordKind::Waiting { until: at(310) }));
    assert_eq!(Context::of(&model), Context::Countdown);
    drawn(&mut model);
    model
}

fn answered(effects: &[Effect]) -> Answer {
    let [Effect::Answer(id, answer)] = effects else { panic!("{effects:?}") };
    assert_eq!(*id, transaction_id("20261124T060000Z-aaaa"));
    *answer
}

#[test]
fn each_key_asks_its_own_question() {
    for (action, answer) in [
        (Action::Keep, Answer::Keep),
        (Action::PutBack, Answer::Revert { allow_single: false }),
        (Action::MoreTime, Answer::More(Duration::from_secs(300))),
    ] {
        let mut model = waiting();
        assert_eq!(answered(&press(&mut model, action)), answer);
        // One at a time: the journal answers.
        assert!(press(&mut model, Action::Keep).is_empty());
        assert!(note(&model).contains("asked already"), "{}", note(&model));
    }
}

#[test]
fn keys_meant_for_the_screen_before_keep_nothing() {
    let mut model = running();
    assert!(press(&mut model, Action::Keep).is_empty(), "nothing waits yet");
    told(&mut model, 10, record(RecordKind::Waiting { until: at(310) }));
    // Not drawn yet, and then drawn a moment ago.
    assert!(press(&mut model, Action::Keep).is_empty());
    drawn(&mut model);
    let now = model.now;
    let event = Action::Keep.key().unwrap();
    assert!(update(&mut model, Msg::Key(event, now)).is_empty());
    assert_eq!(answered(&key(&mut model, event)), Answer::Keep);
    // Neither the key that began the change nor the one that confirmed it keeps it, nor does Enter.
    for other in ['A', 'y', 'k', '\n'] {
        assert!(character(&mut waiting(), other).is_empty(), "{other:?}");
    }
}

#[test]
fn the_time_that_is_left_follows_the_nodes_clock() {
    let mut model = waiting();
    told(&mut model, 100, Vec::new());
    let countdown = *model.countdown().unwrap();
    assert_eq!(countdown.left, Duration::from_secs(210));
    assert_eq!(countdown.whole, Duration::from_secs(300));

    press(&mut model, Action::MoreTime);
    told(&mut model, 101, record(RecordKind::Extended { until: at(610) }));
    let countdown = *model.countdown().unwrap();
    assert_eq!(countdown.left, Duration::from_secs(509));
    assert_eq!(countdown.whole, Duration::from_secs(600));
    assert_eq!(countdown.asked, None, "the next question may be asked");
    assert_eq!(answered(&press(&mut model, Action::Keep)), Answer::Keep);

    // Past its end until the journal says what happened.
    told(&mut model, 700, Vec::new());
    assert_eq!(model.countdown().unwrap().left, Duration::ZERO);
}

#[test]
fn it_ends_when_the_journal_says_so() {
    let by = || "anna on pts/3".to_owned();
    for end in [
        RecordKind::Confirmed { by: by() },
        RecordKind::RollingBack { cause: by(), reason: crate::model::Reason::Unconfirmed },
    ] {
        let mut model = waiting();
        told(&mut model, 20, record(end));
        assert_eq!(model.countdown(), None);
        assert_eq!(Context::of(&model), Context::Progress);
        assert!(press(&mut model, Action::Keep).is_empty());
    }
    let mut model = waiting();
    let polled = Polled {
        now: at(20),
        records: Vec::new(),
        notice: None,
        outcome: Some(Outcome::Committed),
    };
    update(&mut model, Msg::Job(JobMsg::Polled(Ok(polled))));
    assert_eq!(model.screen, Screen::Outcome);
}

#[test]
fn a_question_that_did_not_arrive_is_asked_again() {
    let mut model = waiting();
    press(&mut model, Action::Keep);
    let error = EngineError::Refused("it does not wait for anybody now".to_owned());
    update(&mut model, Msg::Job(JobMsg::Answered(Err(error))));
    assert!(note(&model).contains("does not wait"), "{}", note(&model));
    assert_eq!(
        answered(&press(&mut model, Action::PutBack)),
        Answer::Revert { allow_single: false }
    );
}

#[test]
fn a_new_size_loses_nothing_of_it() {
    let mut model = waiting();
    let before = *model.countdown().unwrap();
    for size in [(80, 24), (200, 60)] {
        update(&mut model, Msg::Resize(size.0, size.1));
        assert_eq!(*model.countdown().unwrap(), before);
    }
    // While it was too small nobody saw it: it is drawn before it hears a key again.
    update(&mut model, Msg::Resize(40, 10));
    update(&mut model, Msg::Resize(80, 24));
    let mut unseen = before;
    unseen.shown = None;
    assert_eq!(*model.countdown().unwrap(), unseen);
    assert!(press(&mut model, Action::Keep).is_empty());
    drawn(&mut model);
    assert_eq!(answered(&press(&mut model, Action::Keep)), Answer::Keep);
}

#[test]
fn it_goes_on_out_of_sight_and_hears_no_key_there() {
    for (away, back) in [(Action::Health, Action::Back), (Action::Help, Action::Back)] {
        let mut model = waiting();
        press(&mut model, away);
        assert!(press(&mut model, Action::Keep).is_empty());
        told(&mut model, 100, Vec::new());
        assert_eq!(model.countdown().unwrap().left, Duration::from_secs(210));
        drawn(&mut model);
        press(&mut model, back);
        // Not on the screen again yet.
        assert!(press(&mut model, Action::Keep).is_empty());
        drawn(&mut model);
        assert_eq!(answered(&press(&mut model, Action::Keep)), Answer::Keep);
    }
    // One that began out of sight was never drawn.
    let mut model = running();
    press(&mut model, Action::Health);
    told(&mut model, 10, record(RecordKind::Waiting { until: at(310) }));
    drawn(&mut model);
    press(&mut model, Action::Back);
    assert!(press(&mut model, Action::Keep).is_empty());
}
