//! Colours and glyphs. Sixteen ANSI colours on the default background; a word always goes with them.

use anstyle::{AnsiColor, Style};

use crate::model::{Outcome, Status, Tier};

/// Which colours stand for good and bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Theme {
    /// Green and red, as everywhere.
    #[default]
    Default,
    /// Blue and yellow, which people who confuse red and green tell apart.
    Colorblind,
}

impl Theme {
    /// Something is right, or added.
    const fn good(self) -> AnsiColor {
        match self {
            Self::Default => AnsiColor::Green,
            Self::Colorblind => AnsiColor::BrightBlue,
        }
    }

    /// Something is wrong, or removed.
    const fn bad(self) -> AnsiColor {
        match self {
            Self::Default => AnsiColor::Red,
            Self::Colorblind => AnsiColor::Yellow,
        }
    }

    /// Needs attention.
    const fn warn(self) -> AnsiColor {
        match self {
            Self::Default => AnsiColor::Yellow,
            Self::Colorblind => AnsiColor::Magenta,
        }
    }
}

/// How text is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// ASCII characters only.
    pub ascii: bool,
    /// Every finding with all its evidence.
    pub verbose: bool,
    /// Only what failed, and the totals.
    pub quiet: bool,
    /// Which colours.
    pub theme: Theme,
}

/// Bold.
pub const BOLD: Style = Style::new().bold();
/// Less important.
pub const DIM: Style = Style::new().dimmed();
/// A section's title.
pub const HEADING: Style = Style::new().bold().underline();
/// Needs a person.
pub const ASK: Style = AnsiColor::Cyan.on_default();

impl Look {
    /// The arrow between before and after.
    pub const fn arrow(self) -> &'static str {
        if self.ascii { "->" } else { "→" }
    }

    /// A list bullet.
    pub const fn bullet(self) -> &'static str {
        if self.ascii { "-" } else { "•" }
    }

    /// Something is right; an added line.
    pub const fn good(self) -> Style {
        self.theme.good().on_default()
    }

    /// Something is wrong.
    pub const fn bad(self) -> Style {
        self.removed().bold()
    }

    /// Needs attention.
    pub const fn warn(self) -> Style {
        self.theme.warn().on_default()
    }

    /// A removed line.
    pub const fn removed(self) -> Style {
        self.theme.bad().on_default()
    }

    /// Glyph and style of a status.
    pub const fn status(self, status: Status) -> (&'static str, Style) {
        match status {
            Status::Pass => ("+", self.good()),
            Status::Fail => ("x", self.bad()),
            Status::Manual => ("?", ASK),
            Status::NotApplicable => ("-", DIM),
            Status::Error => ("E", self.bad()),
        }
    }

    /// Style of a tier.
    pub const fn tier(self, tier: Tier) -> Style {
        match tier {
            Tier::R0 | Tier::R1 => self.good(),
            Tier::R2 => self.warn(),
            Tier::R3 | Tier::R4 => self.bad(),
        }
    }

    /// Word and style of an outcome; `None` stands for a transaction that has not ended.
    pub const fn outcome(self, outcome: Option<&Outcome>) -> (&'static str, Style) {
        match outcome {
            Some(Outcome::Committed) => ("committed", self.good()),
            Some(Outcome::Refused { .. }) => ("refused", DIM),
            Some(Outcome::RolledBack { .. }) => ("rolled back", self.warn()),
            Some(Outcome::Stuck { .. }) => ("STUCK", self.bad()),
            None => ("unfinished", self.bad()),
        }
    }
}
