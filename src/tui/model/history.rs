//! Earlier transactions.

use super::List;
use crate::{
    engine::Summary,
    model::{Left, Outcome},
};

/// The history screen.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Latest first; `None` until they were read.
    pub(crate) entries: Option<Vec<Summary>>,
    /// They could not be read, and why.
    pub(crate) error: Option<String>,
    /// The chosen one.
    pub(crate) list: List,
    /// Lines scrolled in the detail.
    pub(crate) scroll: usize,
}

impl History {
    /// Takes what was read. The cursor stays on its transaction; on the latest it goes on to the latest.
    pub(crate) fn take(&mut self, entries: Vec<Summary>) {
        let at = self.current().filter(|_| self.list.cursor > 0).map(|entry| &entry.id);
        if let Some(place) = at.and_then(|id| entries.iter().position(|entry| entry.id == *id)) {
            self.list.cursor = place;
        }
        self.entries = Some(entries);
    }

    /// The transaction under the cursor.
    pub(crate) fn current(&self) -> Option<&Summary> {
        self.entries.as_ref()?.get(self.list.cursor)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.as_ref().map_or(0, Vec::len)
    }

    /// It stayed although nobody confirmed it: a person keeps it or puts it back.
    pub(crate) fn is_undecided(entry: &Summary) -> bool {
        entry.undone_by.is_none()
            && entry.damage.is_none()
            && matches!(entry.outcome, Some(Outcome::Stuck { left: Left::New, .. }))
    }

    /// Why a transaction cannot be rolled back; `None` when it may be.
    pub(crate) fn refusal(entry: &Summary) -> Option<String> {
        if let Some(damage) = &entry.damage {
            return Some(format!("its record is damaged: {damage}"));
        }
        if let Some(by) = &entry.undone_by {
            return Some(format!("{by} has undone it already"));
        }
        match &entry.outcome {
            Some(Outcome::Committed) => None,
            Some(Outcome::Refused { .. }) => Some("it was refused, nothing was written".to_owned()),
            Some(Outcome::RolledBack { .. }) => {
                Some("it was rolled back, nothing of it is left".to_owned())
            }
            Some(Outcome::Stuck { left: Left::New, .. }) => {
                Some("it waits for a decision: keep it (K), or put it back (X)".to_owned())
            }
            Some(Outcome::Stuck { .. }) => {
                Some("it is stuck: follow its commands, or try again (X)".to_owned())
            }
            None => Some("it did not end: recover it (X)".to_owned()),
        }
    }
}
