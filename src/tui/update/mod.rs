//! Messages in, effects out. No I/O, no clock, no terminal: everything here is decided on plain values.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind};
use tui_input::{Input, InputRequest};

use super::{
    keys::{self, Action, Context},
    message::{Effect, Msg},
    model::{Interruption, Leaving, Model, Screen, Tone, character},
};

mod actions;
mod jobs;
mod moves;
mod settle;

/// What is wanted before anything has happened.
pub(crate) fn start(model: &mut Model) -> Vec<Effect> {
    model.scanning = true;
    asked(model, vec![Effect::Scan, Effect::History])
}

/// Takes one message into the model and says what is to be done about it.
pub(crate) fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let effects = match msg {
        Msg::Key(key, at) => {
            model.now = model.now.max(at);
            if key.kind == KeyEventKind::Release { Vec::new() } else { key_pressed(model, key, at) }
        }
        Msg::Paste(text) => pasted(model, &text),
        Msg::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Msg::Tick(now) => {
            model.now = model.now.max(now);
            jobs::watch(model)
        }
        Msg::Drawn(now) => {
            model.now = model.now.max(now);
            if let Some(confirm) = model.confirm_mut() {
                confirm.shown.get_or_insert(now);
            } else if model.watches()
                && let Some(countdown) = model.countdown_mut()
            {
                countdown.shown.get_or_insert(now);
            }
            Vec::new()
        }
        Msg::Leave(why) => {
            model.leaving = Some(Leaving::Told(why));
            Vec::new()
        }
        Msg::Suspend => {
            model.interruption = Some(Interruption::Suspend);
            Vec::new()
        }
        Msg::Resumed => {
            model.interruption.get_or_insert(Interruption::Resumed);
            Vec::new()
        }
        Msg::Logged(lines) => {
            model.log = lines;
            Vec::new()
        }
        Msg::Job(result) => {
            model.jobs = model.jobs.saturating_sub(1);
            jobs::done(model, result)
        }
    };
    let effects = asked(model, effects);
    unseen(model);
    settle::settle(model);
    effects
}

/// What is covered is not on the screen any more: no key pressed before it is drawn again answers it.
fn unseen(model: &mut Model) {
    if !model.watches()
        && let Some(countdown) = model.countdown_mut()
    {
        countdown.shown = None;
    }
    if model.too_small()
        && let Some(confirm) = model.confirm_mut()
    {
        confirm.shown = None;
    }
}

fn asked(model: &mut Model, effects: Vec<Effect>) -> Vec<Effect> {
    model.jobs += effects.len();
    if let Some(effect) = effects.first() {
        model.doing = effect.doing();
    }
    effects
}

fn key_pressed(model: &mut Model, key: KeyEvent, at: std::time::Duration) -> Vec<Effect> {
    let context = Context::of(model);
    let binding = keys::lookup(context, key);
    let answers = matches!(context, Context::Confirm | Context::Typing);
    if answers && !matches!(binding.map(|b| b.action), Some(Action::Back | Action::Quit)) {
        // A key that was meant for what the screen showed before never answers a question.
        if !model.confirm().is_some_and(|confirm| confirm.hears(at)) {
            return Vec::new();
        }
    }
    let keeps = matches!(
        binding.map(|b| b.action),
        Some(Action::Keep | Action::PutBack | Action::MoreTime)
    );
    if keeps && !model.countdown().is_some_and(|countdown| countdown.hears(at)) {
        return Vec::new();
    }
    match binding {
        Some(binding) => {
            model.note = None;
            match (binding.disabled)(model) {
                Some(reason) => {
                    model.say(Tone::Warn, reason);
                    Vec::new()
                }
                None => actions::act(model, binding.action),
            }
        }
        None => typed(model, context, key),
    }
}

/// A key that the table does not know: text, where text is typed.
fn typed(model: &mut Model, context: Context, key: KeyEvent) -> Vec<Effect> {
    match context {
        Context::Search => {
            let request = match (character(key), key.code) {
                (Some(c), _) => Some(InputRequest::InsertChar(c)),
                (None, KeyCode::Backspace) => Some(InputRequest::DeletePrevChar),
                _ => None,
            };
            if let Some(request) = request {
                let mut input = Input::new(model.search().to_owned());
                input.handle(request);
                actions::search(model, input.value());
            }
        }
        Context::Typing => {
            if let Some(confirm) = model.confirm_mut() {
                match (character(key), key.code) {
                    (Some(c), _) => confirm.type_character(c),
                    (None, KeyCode::Backspace) => {
                        confirm.input.pop();
                    }
                    _ => {}
                }
            }
        }
        Context::Filter => {
            if let Some(c) = character(key) {
                actions::choose_filter_by_key(model, c);
            }
        }
        Context::Confirm => {
            model.say(Tone::Plain, "y does it, Esc cancels; no other key answers");
        }
        _ => {}
    }
    Vec::new()
}

/// Pasted text goes into a search and nowhere else: a clipboard must not press keys, and what a
/// question wants typed is typed.
fn pasted(model: &mut Model, text: &str) -> Vec<Effect> {
    if Context::of(model) == Context::Search {
        let line: String = text.chars().filter(|c| !c.is_control()).collect();
        let text = format!("{}{line}", model.search());
        actions::search(model, &text);
    } else {
        model.say(Tone::Plain, "pasted text was ignored");
    }
    Vec::new()
}

/// The screens one can go to at any time, in the order of their numbers.
const TABS: [Screen; 4] = [Screen::Findings, Screen::Plan, Screen::History, Screen::Health];

/// The place of a screen among the numbered ones.
fn tab(screen: Screen) -> usize {
    match screen {
        Screen::Findings | Screen::Progress | Screen::Outcome => 0,
        Screen::Plan => 1,
        Screen::Undo | Screen::History | Screen::Transaction => 2,
        Screen::Health => 3,
    }
}

/// Whether something on the screen waits to be told when it was drawn.
pub(crate) fn wants_drawn(model: &Model) -> bool {
    match model.confirm() {
        _ if model.too_small() => false,
        Some(confirm) => confirm.shown.is_none(),
        None => {
            model.watches() && model.countdown().is_some_and(|countdown| countdown.shown.is_none())
        }
    }
}

/// Whether time matters: something is being watched.
pub(crate) fn wants_ticks(model: &Model) -> bool {
    model.transaction_runs() || model.log_pane().is_some()
}
