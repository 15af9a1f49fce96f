//! Whatever is pressed, in whatever order and size: nothing panics, and nothing is written but what stood on
//! the screen and was confirmed there.

use std::{collections::VecDeque, time::Duration};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::Config};
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};

use super::{
    harness::{PLAIN, text_of_screen},
    support::{Stage, journal_of_scheduler, kept, transaction_id},
};
use crate::{
    model::{Outcome, Reason, RecordKind},
    node::NodeKind,
    tui::{
        Backstage, Effect, Msg,
        keys::BINDINGS,
        model::{Confirm, Model, SETTLE, Write},
        update::{self, update},
        view,
    },
};

/// Steps of one session, and sessions: a hundred thousand in all.
const STEPS: usize = 500;
const SESSIONS: u32 = 200;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Key(KeyEvent, Duration),
    /// What a question wants typed, or its answer.
    Obey(Duration),
    /// The oldest job has its result.
    Done,
    Paste(String),
    Tick(Duration),
    Resize(u16, u16),
    /// The screen is drawn; in between more than one key may arrive.
    Draw,
}

fn key() -> impl Strategy<Value = KeyEvent> {
    let bound: Vec<KeyEvent> =
        BINDINGS.iter().flat_map(|b| b.keys.iter().map(|key| key.event())).collect();
    // The keys on the way to a write, more often than others.
    let towards = "  aappAAzZXKyisr\r".chars().map(|c| match c {
        '\r' => KeyCode::Enter,
        c => KeyCode::Char(c),
    });
    let towards: Vec<KeyEvent> =
        towards.map(|code| KeyEvent::new(code, KeyModifiers::NONE)).collect();
    let modifiers = prop::sample::select(vec![
        KeyModifiers::NONE,
        KeyModifiers::SHIFT,
        KeyModifiers::CONTROL,
        KeyModifiers::ALT,
    ]);
    // Whoever leaves is gone: that ends a session, and is tried at its end.
    let stays = |key: &KeyEvent| {
        let interrupts = key.code == KeyCode::Char('c') && key.modifiers == KeyModifiers::CONTROL;
        !interrupts && !matches!(key.code, KeyCode::Char('q' | 'Q'))
    };
    prop_oneof![
        4 => prop::sample::select(towards),
        3 => prop::sample::select(bound),
        1 => (any::<char>(), modifiers).prop_map(|(c, with)| KeyEvent::new(KeyCode::Char(c), with)),
    ]
    .prop_filter("it stays", stays)
}

fn step() -> impl Strategy<Value = Step> {
    let pause = || (0_u64..700).prop_map(Duration::from_millis);
    prop_oneof![
        10 => (key(), pause()).prop_map(|(key, pause)| Step::Key(key, pause)),
        3 => pause().prop_map(Step::Obey),
        6 => Just(Step::Done),
        1 => "\\PC{0,12}".prop_map(Step::Paste),
        2 => pause().prop_map(Step::Tick),
        1 => prop_oneof![
            Just((80, 24)),
            (1_u16..170, 1_u16..50),
        ].prop_map(|(columns, rows)| Step::Resize(columns, rows)),
        6 => Just(Step::Draw),
    ]
}

/// A node of one kind or another.
fn stage() -> impl Strategy<Value = Stage> {
    let cause = || "it did not become ready".to_owned();
    let outcomes = vec![
        None,
        Some(Outcome::Committed),
        Some(Outcome::RolledBack { cause: cause(), reason: Reason::Unproved }),
        Some(kept("20261124T060000Z-aaaa")),
    ];
    let unfinished = prop_oneof![3 => Just(false), 1 => Just(true)];
    let kept_before = prop_oneof![3 => Just(false), 1 => Just(true)];
    (prop::sample::select(outcomes), any::<bool>(), any::<bool>(), unfinished, kept_before)
        .prop_map(|(outcome, waits, nothing_left, unfinished, kept_before)| {
            let mut stage = Stage { outcome, nothing_left, guarded: waits, ..Stage::default() };
            if waits {
                stage.journal = journal_of_scheduler();
                stage.journal.push(RecordKind::Waiting { until: super::support::at(600) });
            }
            if kept_before {
                stage.history[0].outcome = Some(kept(&stage.history[0].id.0));
            }
            if unfinished && let Ok(scan) = &mut stage.scan {
                scan.unfinished.push(transaction_id("20261124T052601Z-3f9a"));
            }
            stage
        })
}

/// The loop without its threads.
struct Driver {
    model: Model,
    terminal: Terminal<TestBackend>,
    stage: Stage,
    jobs: VecDeque<Effect>,
    /// Plans that were on the screen.
    seen: Vec<Write>,
    /// The question that is on the screen now, and since when.
    asked: Option<(Confirm, Duration)>,
    written: usize,
}

impl Driver {
    fn new(stage: Stage) -> Self {
        let mut model = Model::new(PLAIN, NodeKind::Live, None, (80, 24));
        let jobs = update::start(&mut model).into();
        let terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        let seen = Vec::new();
        Self { model, terminal, stage, jobs, seen, asked: None, written: 0 }
    }

    fn take(&mut self, message: Msg) {
        let pressed = match &message {
            Msg::Key(key, at) => Some((*key, *at)),
            _ => None,
        };
        for effect in update(&mut self.model, message) {
            if effect.writes() {
                self.written += 1;
                self.was_confirmed(&effect, pressed);
            }
            self.jobs.push_back(effect);
        }
    }

    /// This write was asked for on the screen, long enough, by the only key that answers, about this very plan.
    fn was_confirmed(&self, effect: &Effect, pressed: Option<(KeyEvent, Duration)>) {
        let (key, at) = pressed.expect("only a key writes");
        assert_eq!(key.code, KeyCode::Char('y'));
        let (confirm, since) = self.asked.as_ref().expect("nothing was asked on the screen");
        assert!(at >= *since + SETTLE, "the key came {at:?}, the question {since:?}");
        assert!(confirm.word().is_none(), "{:?} was not typed", confirm.word());
        let wanted = format!("{:?}", confirm.write.effect(confirm.consent));
        assert!(format!("{effect:?}") == wanted, "it is not what was confirmed");
        let shown = |write: &Write| write.plan() == confirm.write.plan();
        // What has no changes of its own is named in the question.
        let planless = confirm.write.plan().is_none();
        assert!(planless || self.seen.iter().any(shown), "its plan was never on the screen");
    }

    fn draw(&mut self) {
        let (columns, rows) = self.model.size;
        self.terminal.backend_mut().resize(columns, rows);
        self.terminal.autoresize().unwrap();
        let model = &self.model;
        self.terminal.draw(|frame| view::view(model, frame)).unwrap();
        let now = self.model.now;
        if update::wants_drawn(&self.model) {
            self.take(Msg::Drawn(now));
        }
        let text = text_of_screen(self.terminal.backend().buffer());
        let before = self.asked.take();
        self.asked = self.model.confirm().cloned().and_then(|confirm| {
            let asks =
                ["Apply?", "Roll back?", "Recover?", "Note as undone?", "Keep?", "Put back?"];
            let on_screen = asks.iter().any(|title| text.contains(title));
            let same = |(other, _): &(Confirm, Duration)| {
                other.done == confirm.done && other.write.plan() == confirm.write.plan()
            };
            let since = before.filter(same).map_or(now, |(_, since)| since);
            on_screen.then_some((confirm, since))
        });
        if text.contains("Diff, ") || text.contains("Plan") {
            let ready = self.model.review().and_then(|review| review.ready());
            self.seen.extend(ready.map(|ready| ready.write.clone()));
        }
    }

    fn happens(&mut self, step: Step) {
        match step {
            Step::Key(key, pause) => self.press(key, pause),
            Step::Obey(pause) => {
                let word = self.model.confirm().map(|c| c.word().unwrap_or("y").to_owned());
                for c in word.unwrap_or_default().chars() {
                    self.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE), pause);
                }
            }
            Step::Done => {
                if let Some(effect) = self.jobs.pop_front() {
                    let result = self.stage.run(effect);
                    self.take(Msg::Job(result));
                }
            }
            Step::Paste(text) => self.take(Msg::Paste(text)),
            Step::Tick(pause) => {
                let now = self.model.now + pause;
                self.take(Msg::Tick(now));
            }
            Step::Resize(columns, rows) => self.take(Msg::Resize(columns, rows)),
            Step::Draw => self.draw(),
        }
    }

    fn press(&mut self, key: KeyEvent, pause: Duration) {
        let at = self.model.now + pause;
        self.take(Msg::Key(key, at));
    }
}

proptest! {
    #![proptest_config(Config { cases: SESSIONS, failure_persistence: None, ..Config::default() })]

    #[test]
    fn nothing_is_written_but_what_was_shown_and_confirmed(
        stage in stage(),
        steps in prop::collection::vec(step(), STEPS),
    ) {
        let mut driver = Driver::new(stage);
        for step in steps {
            driver.happens(step);
        }
        driver.draw();
        driver.take(Msg::Leave("SIGTERM".to_owned()));
        prop_assert!(driver.model.leaving.is_some(), "it cannot be left");
    }
}

/// The property is worth something only when such sessions do come to write.
#[test]
fn random_keys_do_come_to_write() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut written = 0;
    for _ in 0..30 {
        let sessions = (stage(), prop::collection::vec(step(), STEPS));
        let (stage, steps) = sessions.new_tree(&mut runner).unwrap().current();
        let mut driver = Driver::new(stage);
        for step in steps {
            driver.happens(step);
        }
        written += driver.written;
    }
    assert!(written > 0, "no session came so far");
}
