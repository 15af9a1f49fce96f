//! Colours and glyphs. Sixteen ANSI colours on the default background; a word always goes with them.

use anstyle::{AnsiColor, Style};

use crate::model::{Outcome, Status, Tier};

/// How text is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// ASCII characters only.
    pub ascii: bool,
    /// Every finding with all its evidence.
    pub verbose: bool,
    /// Only what failed, and the totals.
    pub quiet: bool,
}

impl Look {
    /// The arrow between before and after.
    pub const fn arrow(self) -> &'static str {
        if self.ascii { "->" } else { "→" }
    }

    /// A list bullet.
    pub const fn bullet(self) -> &'static str {
        if self.ascii { "-" } else { "•" }
    }
}

/// Bold.
pub const BOLD: Style = Style::new().bold();
/// Less important.
pub const DIM: Style = Style::new().dimmed();
/// A section's title.
pub const HEADING: Style = Style::new().bold().underline();
/// Something is right.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Something is wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Needs attention.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Needs a person.
pub const ASK: Style = AnsiColor::Cyan.on_default();
/// An added line.
pub const ADDED: Style = AnsiColor::Green.on_default();
/// A removed line.
pub const REMOVED: Style = AnsiColor::Red.on_default();

/// Glyph and style of a status.
pub const fn status(status: Status) -> (&'static str, Style) {
    match status {
        Status::Pass => ("+", GOOD),
        Status::Fail => ("x", BAD),
        Status::Manual => ("?", ASK),
        Status::NotApplicable => ("-", DIM),
        Status::Error => ("E", BAD),
    }
}

/// Style of a tier.
pub const fn tier(tier: Tier) -> Style {
    match tier {
        Tier::R0 | Tier::R1 => GOOD,
        Tier::R2 => WARN,
        Tier::R3 | Tier::R4 => BAD,
    }
}

/// Word and style of an outcome; `None` stands for a transaction that has not ended.
pub const fn outcome(outcome: Option<&Outcome>) -> (&'static str, Style) {
    match outcome {
        Some(Outcome::Committed) => ("committed", GOOD),
        Some(Outcome::Refused { .. }) => ("refused", DIM),
        Some(Outcome::RolledBack { .. }) => ("rolled back", WARN),
        Some(Outcome::Stuck { .. }) => ("STUCK", BAD),
        None => ("unfinished", BAD),
    }
}
