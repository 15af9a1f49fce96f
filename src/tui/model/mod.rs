//! Everything the interface remembers. Plain data: no I/O, no clock, no terminal.

use std::{sync::Arc, time::Duration};

use ratatui::crossterm::event::KeyEvent;

use super::Options;
use crate::{
    engine::{Health, LogLine, Scan, Transaction},
    model::{Finding, Left, Outcome, TransactionId},
    node::NodeKind,
};

mod confirm;
mod consent;
mod countdown;
mod findings;
mod history;
mod narrow;
mod objects;
mod progress;
mod review;

pub(crate) use confirm::Confirm;
#[cfg(test)]
pub(crate) use confirm::SETTLE;
pub(crate) use consent::{Allowance, Consent};
pub(crate) use countdown::Countdown;
pub(crate) use findings::{Filter, Findings, Row, offered as findings_offered};
pub(crate) use history::History;
pub(crate) use narrow::{Facet, Narrow, Sort};
pub(crate) use objects::Objects;
pub(crate) use progress::{Ending, Progress};
pub(crate) use review::{Admission, Ready, Review, ReviewState, Write};

/// A cursor in a list and the first row shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct List {
    /// Index of the chosen item.
    pub(crate) cursor: usize,
    /// First row on the screen; rows are items and headings.
    pub(crate) offset: usize,
}

impl List {
    /// Moves the cursor, staying within `len` items.
    pub(crate) fn step(&mut self, by: isize, len: usize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(len.saturating_sub(1));
    }

    /// Scrolls so that `row` is among `height` rows of `total`, with what belongs above it from `top` on.
    pub(crate) fn settle(&mut self, top: usize, row: usize, total: usize, height: usize) {
        if top < self.offset {
            self.offset = top;
        }
        if row >= self.offset + height {
            self.offset = row + 1 - height.max(1);
        }
        self.offset = self.offset.min(total.saturating_sub(height));
    }
}

/// The two panes of a screen; the keys that move work in the focused one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Pane {
    /// Above, or on the left.
    #[default]
    First,
    /// Below, or on the right.
    Second,
}

/// What fills the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Screen {
    /// What was found.
    Findings,
    /// What the marked fixes would change.
    Plan,
    /// What a roll back would change.
    Undo,
    /// A transaction under way.
    Progress,
    /// How it ended.
    Outcome,
    /// Earlier transactions.
    History,
    /// One of them in full.
    Transaction,
    /// How the node stands now.
    Health,
}

/// What lies over a screen.
#[derive(Debug, Clone)]
pub(crate) enum Overlay {
    /// A control in full.
    Explain {
        /// Lines scrolled.
        scroll: usize,
    },
    /// A diff over the whole screen.
    Diff(Box<Review>),
    /// The objects of the finding under the cursor.
    Objects(Objects),
    /// A question that must be answered before anything is written.
    Confirm(Box<Confirm>),
    /// The keys of the screen below.
    Help {
        /// Lines scrolled.
        scroll: usize,
    },
    /// Which findings to show.
    Filter {
        /// Index into [`Filter::ALL`].
        cursor: usize,
    },
    /// What was done outside.
    Log(LogPane),
    /// Search text being typed; holds what it was before.
    Search {
        /// Restored by Esc.
        before: String,
    },
}

/// A log that is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogPane {
    /// First line shown; `None` follows the end.
    pub(crate) scroll: Option<usize>,
    /// Text the lines must contain.
    pub(crate) filter: String,
}

/// How loud a line of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Ordinary.
    Plain,
    /// Less important.
    Faint,
    /// A heading.
    Strong,
    /// Good news.
    Good,
    /// Needs attention.
    Warn,
    /// Bad news.
    Bad,
    /// For information: a place, a key.
    Info,
}

/// One line at the bottom of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// How loud.
    pub(crate) tone: Tone,
    /// What.
    pub(crate) text: String,
}

/// The interface.
#[derive(Debug)]
pub(crate) struct Model {
    /// Colours and glyphs.
    pub(crate) options: Options,
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    /// Time since the start, as the last message told.
    pub(crate) now: Duration,
    /// What kind of node this is.
    pub(crate) kind: NodeKind,
    /// Why nothing can be written.
    pub(crate) read_only: Option<String>,
    /// What fills the terminal.
    pub(crate) screen: Screen,
    /// What lies over it, topmost last.
    pub(crate) overlays: Vec<Overlay>,
    /// The focused pane.
    pub(crate) focus: Pane,
    /// The latest scan.
    pub(crate) scan: Option<Arc<Scan>>,
    /// The node is being read.
    pub(crate) scanning: bool,
    /// Why the latest scan failed.
    pub(crate) scan_error: Option<String>,
    /// The findings screen.
    pub(crate) findings: Findings,
    /// The plan of the marked fixes.
    pub(crate) plan: Option<Review>,
    /// The plan of a roll back.
    pub(crate) undo: Option<Review>,
    /// The latest transaction of this session.
    pub(crate) progress: Option<Progress>,
    /// The history screen.
    pub(crate) history: History,
    /// The transaction that was opened, and lines scrolled.
    pub(crate) opened: Option<(Box<Transaction>, usize)>,
    /// How the node stood when it was last asked; `None` until then.
    pub(crate) health: Option<Result<Box<Health>, String>>,
    /// Lines scrolled in it.
    pub(crate) health_scroll: usize,
    /// What was done outside, oldest first, as far as it was looked at.
    pub(crate) log: Vec<LogLine>,
    /// What a person allows for putting a kept change back.
    pub(crate) put_back: Consent,
    /// The line at the bottom.
    pub(crate) note: Option<Note>,
    /// Effects without a result yet.
    pub(crate) jobs: usize,
    /// What the last of them is doing.
    pub(crate) doing: &'static str,
    /// The terminal goes to others or comes back from them, or is told something besides the screen.
    pub(crate) interruption: Option<Interruption>,
    /// The interface ends; `Some(reason)` when it was told to.
    pub(crate) leaving: Option<Leaving>,
    /// Transactions of this session, oldest first.
    pub(crate) ended: Vec<(TransactionId, Outcome)>,
}

/// What the terminal does besides showing the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Interruption {
    /// The shell is to have it until it calls the program back.
    Suspend,
    /// Others had it: everything on it is drawn again.
    Resumed,
    /// A pager is to have it and show this.
    Page(String),
    /// It is to put this into its clipboard.
    Copy(String),
}

/// Why the interface ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// The user quits.
    Quit,
    /// The user quits and wants a summary left behind.
    QuitWithSummary,
    /// The system asked for it, or the terminal is gone.
    Told(String),
}

impl Model {
    /// An interface that has seen nothing yet.
    pub(crate) fn new(
        options: Options,
        kind: NodeKind,
        read_only: Option<String>,
        size: (u16, u16),
    ) -> Self {
        Self {
            options,
            size,
            now: Duration::ZERO,
            kind,
            read_only,
            screen: Screen::Findings,
            overlays: Vec::new(),
            focus: Pane::First,
            scan: None,
            scanning: false,
            scan_error: None,
            findings: Findings::default(),
            plan: None,
            undo: None,
            progress: None,
            history: History::default(),
            opened: None,
            health: None,
            health_scroll: 0,
            log: Vec::new(),
            put_back: Consent::default(),
            note: None,
            jobs: 0,
            doing: "",
            interruption: None,
            leaving: None,
            ended: Vec::new(),
        }
    }

    /// A transaction is under way: its end has not been seen.
    pub(crate) fn transaction_runs(&self) -> bool {
        self.progress.as_ref().is_some_and(|progress| progress.ending.is_none())
    }

    /// Transactions that were interrupted.
    pub(crate) fn unfinished(&self) -> &[TransactionId] {
        self.scan.as_ref().map_or(&[], |scan| scan.unfinished.as_slice())
    }

    /// A transaction that another process carries out now.
    pub(crate) fn under_way_elsewhere(&self) -> Option<&TransactionId> {
        let busy = self.scan.as_ref().is_some_and(|scan| scan.busy);
        self.unfinished().first().filter(|_| busy && !self.transaction_runs())
    }

    /// What a recovery would finish or undo: what was interrupted, and the latest when it is stuck.
    pub(crate) fn to_recover(&self) -> Vec<TransactionId> {
        let mut ids = self.unfinished().to_vec();
        let latest = self.history.entries.as_ref().and_then(|entries| entries.first());
        let stuck = latest.filter(|entry| {
            matches!(entry.outcome, Some(Outcome::Stuck { left: Left::Mixed | Left::Old, .. }))
        });
        ids.extend(stuck.map(|entry| entry.id.clone()));
        ids
    }

    /// The change that stayed although nobody confirmed it, and which the screen speaks of: the one in sight of the
    /// history, else the latest transaction.
    pub(crate) fn undecided(&self) -> Option<&TransactionId> {
        let entry = match self.screen {
            Screen::History => self.history.current(),
            Screen::Transaction => self.opened.as_ref().map(|(opened, _)| &opened.summary),
            _ => self.history.entries.as_ref().and_then(|entries| entries.first()),
        };
        entry.filter(|entry| History::is_undecided(entry)).map(|entry| &entry.id)
    }

    /// The change that stayed, where nothing interrupted goes before it.
    pub(crate) fn puts_back(&self) -> Option<&TransactionId> {
        self.undecided().filter(|_| self.unfinished().is_empty())
    }

    /// The transaction under way is what the user looks at.
    pub(crate) const fn watches(&self) -> bool {
        matches!(self.screen, Screen::Progress) && self.overlays.is_empty() && !self.too_small()
    }

    /// Why no fix is applied on this layout, and what to do instead.
    pub(crate) fn layout_refusal(&self) -> Option<&'static str> {
        self.scan.as_ref().and_then(|scan| scan.report.distribution.refusal())
    }

    /// The review on the screen: the plan or the roll back.
    pub(crate) fn review(&self) -> Option<&Review> {
        match self.screen {
            Screen::Undo => self.undo.as_ref(),
            _ => self.plan.as_ref(),
        }
    }

    /// The review on the screen.
    pub(crate) fn review_mut(&mut self) -> Option<&mut Review> {
        match self.screen {
            Screen::Undo => self.undo.as_mut(),
            _ => self.plan.as_mut(),
        }
    }

    /// The finding under the cursor.
    pub(crate) fn finding(&self) -> Option<&Finding> {
        self.scan.as_ref().and_then(|scan| self.findings.current(scan))
    }

    /// The table of objects, also while a search in it is typed.
    pub(crate) fn objects(&self) -> Option<&Objects> {
        self.overlays.iter().find_map(|overlay| match overlay {
            Overlay::Objects(objects) => Some(objects),
            _ => None,
        })
    }

    /// The table of objects, also while a search in it is typed.
    pub(crate) fn objects_mut(&mut self) -> Option<&mut Objects> {
        self.overlays.iter_mut().find_map(|overlay| match overlay {
            Overlay::Objects(objects) => Some(objects),
            _ => None,
        })
    }

    /// The text searched for: in the log where it is looked at, else among the objects where they are listed, else
    /// among the findings.
    pub(crate) fn search(&self) -> &str {
        match (self.log_pane(), self.objects()) {
            (Some(pane), _) => &pane.filter,
            (None, Some(objects)) => &objects.search,
            (None, None) => &self.findings.search,
        }
    }

    /// The open question, if there is one.
    pub(crate) fn confirm(&self) -> Option<&Confirm> {
        match self.overlays.last() {
            Some(Overlay::Confirm(confirm)) => Some(confirm),
            _ => None,
        }
    }

    /// The open question, if there is one.
    pub(crate) fn confirm_mut(&mut self) -> Option<&mut Confirm> {
        match self.overlays.last_mut() {
            Some(Overlay::Confirm(confirm)) => Some(confirm),
            _ => None,
        }
    }

    /// The transaction under way, when it goes on without this program.
    pub(crate) fn left_behind(&self) -> Option<&TransactionId> {
        let progress = self.progress.as_ref().filter(|progress| progress.outlives_us)?;
        progress.id.as_ref().filter(|_| self.transaction_runs())
    }

    /// The countdown of the transaction under way, if it waits to be kept.
    pub(crate) fn countdown(&self) -> Option<&Countdown> {
        self.progress.as_ref()?.countdown.as_ref()
    }

    /// The countdown of the transaction under way, if it waits to be kept.
    pub(crate) fn countdown_mut(&mut self) -> Option<&mut Countdown> {
        self.progress.as_mut()?.countdown.as_mut()
    }

    /// The terminal is too small to show what a decision rests on.
    pub(crate) const fn too_small(&self) -> bool {
        self.size.0 < 60 || self.size.1 < 15
    }

    /// Says something at the bottom of the screen.
    pub(crate) fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.note = Some(Note { tone, text: text.into() });
    }

    /// The log, if it is looked at.
    pub(crate) fn log_pane(&self) -> Option<&LogPane> {
        self.overlays.iter().find_map(|overlay| match overlay {
            Overlay::Log(pane) => Some(pane),
            _ => None,
        })
    }

    /// The log, if it is looked at.
    pub(crate) fn log_pane_mut(&mut self) -> Option<&mut LogPane> {
        self.overlays.iter_mut().find_map(|overlay| match overlay {
            Overlay::Log(pane) => Some(pane),
            _ => None,
        })
    }

    /// Shows another screen, with nothing over it but the log.
    pub(crate) fn show(&mut self, screen: Screen) {
        self.screen = screen;
        self.overlays.retain(|overlay| matches!(overlay, Overlay::Log(_)));
        self.focus = Pane::First;
    }
}

/// A character key without its Shift: terminals disagree on whether they report it.
pub(crate) fn character(key: KeyEvent) -> Option<char> {
    use ratatui::crossterm::event::{KeyCode, KeyModifiers};
    match key.code {
        KeyCode::Char(c) if (key.modifiers - KeyModifiers::SHIFT).is_empty() => Some(c),
        _ => None,
    }
}
