//! The question before a write, and what answers it.

use std::time::Duration;

use super::{Consent, Write};
use crate::model::{Plan, Tier};

/// Keys pressed within this time after a question was drawn do not answer it: they were meant for
/// what was on the screen before.
pub(crate) const SETTLE: Duration = Duration::from_millis(300);

/// An open question.
#[derive(Debug, Clone)]
pub(crate) struct Confirm {
    /// What is done when it is answered: this value and no other.
    pub(crate) write: Write,
    /// What is allowed for it.
    pub(crate) consent: Consent,
    /// Highest risk of it; `None` for a recovery.
    pub(crate) tier: Option<Tier>,
    /// What must be typed, in order: control ids (R3) or the node's name (R4).
    pub(crate) words: Vec<String>,
    /// How many of them were typed.
    pub(crate) done: usize,
    /// What is being typed.
    pub(crate) input: String,
    /// When the question in its present stage was drawn.
    pub(crate) shown: Option<Duration>,
}

impl Confirm {
    /// The question before this write.
    pub(crate) fn new(write: Write, consent: Consent) -> Self {
        let plan = write.plan();
        let tier = plan.and_then(Plan::tier);
        let words = plan.map(Plan::to_type).unwrap_or_default();
        let words = words.into_iter().map(str::to_owned).collect();
        Self { write, consent, tier, words, done: 0, input: String::new(), shown: None }
    }

    /// The word that must be typed now; `None` when only the last key is missing.
    pub(crate) fn word(&self) -> Option<&str> {
        self.words.get(self.done).map(String::as_str)
    }

    /// Whether a key pressed at this time was meant for this question.
    pub(crate) fn hears(&self, at: Duration) -> bool {
        self.shown.is_some_and(|shown| at >= shown + SETTLE)
    }

    /// Takes one typed character; a complete word counts at once, so that no Enter is needed.
    pub(crate) fn type_character(&mut self, c: char) {
        self.input.push(c);
        if self.word() == Some(self.input.as_str()) {
            self.done += 1;
            self.input.clear();
            self.shown = None;
        }
    }
}
