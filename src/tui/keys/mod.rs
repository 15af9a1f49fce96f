//! The one table of keys: it feeds the bar at the bottom, the help and the tests.
//!
//! Rules: a key that leads to a write is an upper-case letter (`z` only opens a plan to look at), no
//! Ctrl chord and no Enter ever writes, and the key that answers a question is not the key that asked it.

use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Model, Overlay, Screen, character};

mod table;

pub(crate) use table::BINDINGS;

/// What a key can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the table says what each one does")]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    HalfUp,
    HalfDown,
    Top,
    Bottom,
    Open,
    Back,
    Pane,
    Findings,
    Plan,
    History,
    Health,
    NextScreen,
    PreviousScreen,
    Search,
    Filter,
    Mark,
    MarkSafe,
    Unmark,
    Diff,
    Explain,
    Objects,
    MoreContext,
    LessContext,
    NextHunk,
    PreviousHunk,
    NextFile,
    PreviousFile,
    Apply,
    UndoLast,
    Undo,
    Recover,
    KeepChange,
    AllowPending,
    AllowSingle,
    SkipRehearsal,
    Rescan,
    Confirm,
    Keep,
    PutBack,
    MoreTime,
    Log,
    Copy,
    Page,
    Help,
    Suspend,
    Quit,
    QuitWithSummary,
}

/// Every key that does something, with what it does, for the documentation.
pub fn key_table() -> impl Iterator<Item = (Vec<String>, &'static str)> {
    let shown = |key: &Key| key.to_string();
    BINDINGS.iter().map(move |binding| (binding.keys.iter().map(shown).collect(), binding.about))
}

impl Action {
    /// Every action, each once.
    pub const ALL: [Self; 51] = [
        Self::Up,
        Self::Down,
        Self::PageUp,
        Self::PageDown,
        Self::HalfUp,
        Self::HalfDown,
        Self::Top,
        Self::Bottom,
        Self::Open,
        Self::Back,
        Self::Pane,
        Self::Findings,
        Self::Plan,
        Self::History,
        Self::Health,
        Self::NextScreen,
        Self::PreviousScreen,
        Self::Search,
        Self::Filter,
        Self::Mark,
        Self::MarkSafe,
        Self::Unmark,
        Self::Diff,
        Self::Explain,
        Self::Objects,
        Self::MoreContext,
        Self::LessContext,
        Self::NextHunk,
        Self::PreviousHunk,
        Self::NextFile,
        Self::PreviousFile,
        Self::Apply,
        Self::UndoLast,
        Self::Undo,
        Self::Recover,
        Self::KeepChange,
        Self::AllowPending,
        Self::AllowSingle,
        Self::SkipRehearsal,
        Self::Rescan,
        Self::Confirm,
        Self::Keep,
        Self::PutBack,
        Self::MoreTime,
        Self::Log,
        Self::Copy,
        Self::Page,
        Self::Help,
        Self::Suspend,
        Self::Quit,
        Self::QuitWithSummary,
    ];

    /// The first key bound to this action, as the terminal would report it.
    pub fn key(self) -> Option<KeyEvent> {
        BINDINGS.iter().find(|b| b.action == self).and_then(|b| b.keys.first()).map(|k| k.event())
    }
}

/// A key, as the table names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// A character; upper case means with Shift.
    Char(char),
    /// Ctrl with a letter.
    Ctrl(char),
    /// Another key, without modifiers.
    Code(KeyCode),
}

impl Key {
    /// Whether a terminal event is this key.
    pub(crate) fn is(self, event: KeyEvent) -> bool {
        match self {
            Self::Char(c) => character(event) == Some(c),
            Self::Ctrl(c) => {
                event.code == KeyCode::Char(c) && event.modifiers == KeyModifiers::CONTROL
            }
            // Shift-Tab is reported with the Shift that makes it.
            Self::Code(code) => {
                event.code == code && (event.modifiers - KeyModifiers::SHIFT).is_empty()
            }
        }
    }

    /// As the terminal would report it.
    pub(crate) fn event(self) -> KeyEvent {
        match self {
            Self::Char(c) => KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE),
            Self::Ctrl(c) => KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL),
            Self::Code(code) => KeyEvent::new(code, KeyModifiers::NONE),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(' ') => f.write_str("Space"),
            Self::Char(c) => write!(f, "{c}"),
            Self::Ctrl(c) => write!(f, "Ctrl-{c}"),
            Self::Code(KeyCode::PageUp) => f.write_str("PgUp"),
            Self::Code(KeyCode::PageDown) => f.write_str("PgDn"),
            Self::Code(KeyCode::BackTab) => f.write_str("Shift-Tab"),
            Self::Code(code) => write!(f, "{code}"),
        }
    }
}

/// Where a key is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the screen or overlay of that name")]
pub(crate) enum Context {
    Findings,
    Plan,
    Undo,
    Progress,
    /// A change under way waits to be kept.
    Countdown,
    Outcome,
    History,
    Transaction,
    Health,
    /// The Health screen, while a transaction is under way.
    Meanwhile,
    Explain,
    Objects,
    Diff,
    Log,
    Help,
    Filter,
    /// Text is typed.
    Search,
    /// A question one key answers.
    Confirm,
    /// A question that wants words typed first.
    Typing,
    /// The terminal is too small for anything.
    TooSmall,
}

impl Context {
    /// Every context.
    pub(crate) const ALL: [Self; 20] = [
        Self::Findings,
        Self::Plan,
        Self::Undo,
        Self::Progress,
        Self::Countdown,
        Self::Outcome,
        Self::History,
        Self::Transaction,
        Self::Health,
        Self::Meanwhile,
        Self::Explain,
        Self::Objects,
        Self::Diff,
        Self::Log,
        Self::Help,
        Self::Filter,
        Self::Search,
        Self::Confirm,
        Self::Typing,
        Self::TooSmall,
    ];

    /// Where a key pressed now would land.
    pub(crate) fn of(model: &Model) -> Self {
        if model.too_small() {
            return Self::TooSmall;
        }
        match model.overlays.last() {
            Some(Overlay::Explain { .. }) => Self::Explain,
            Some(Overlay::Objects(_)) => Self::Objects,
            Some(Overlay::Diff(_)) => Self::Diff,
            Some(Overlay::Log(_)) => Self::Log,
            Some(Overlay::Help { .. }) => Self::Help,
            Some(Overlay::Filter { .. }) => Self::Filter,
            Some(Overlay::Search { .. }) => Self::Search,
            Some(Overlay::Confirm(confirm)) if confirm.word().is_some() => Self::Typing,
            Some(Overlay::Confirm(_)) => Self::Confirm,
            None => Self::of_screen(model),
        }
    }

    /// Where a key lands when nothing lies over the screen.
    pub(crate) fn of_screen(model: &Model) -> Self {
        match model.screen {
            Screen::Progress if model.countdown().is_some() => Self::Countdown,
            Screen::Health if model.transaction_runs() => Self::Meanwhile,
            Screen::Findings => Self::Findings,
            Screen::Plan => Self::Plan,
            Screen::Undo => Self::Undo,
            Screen::Progress => Self::Progress,
            Screen::Outcome => Self::Outcome,
            Screen::History => Self::History,
            Screen::Transaction => Self::Transaction,
            Screen::Health => Self::Health,
        }
    }
}

/// One line of the table.
pub(crate) struct Binding {
    /// The keys; the first is the one shown in the bar.
    pub(crate) keys: &'static [Key],
    /// What they do.
    pub(crate) action: Action,
    /// In a word, for the bar; empty keeps it out of the bar.
    pub(crate) label: &'static str,
    /// In a sentence, for the help.
    pub(crate) about: &'static str,
    /// Where.
    pub(crate) contexts: &'static [Context],
    /// Why it does nothing at the moment.
    pub(crate) disabled: fn(&Model) -> Option<String>,
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.keys, self.action)
    }
}

/// The first key of an action, as a person reads it.
pub(crate) fn shown(action: Action) -> String {
    let binding = BINDINGS.iter().find(|binding| binding.action == action);
    binding.and_then(|binding| binding.keys.first()).map(ToString::to_string).unwrap_or_default()
}

/// The binding of a key in a context.
pub(crate) fn lookup(context: Context, event: KeyEvent) -> Option<&'static Binding> {
    BINDINGS
        .iter()
        .find(|b| b.contexts.contains(&context) && b.keys.iter().any(|key| key.is(event)))
}

/// The bindings of a context, in the order they are shown.
pub(crate) fn of(context: Context) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |b| b.contexts.contains(&context))
}
