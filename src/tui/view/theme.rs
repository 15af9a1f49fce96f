//! How things look: sixteen colours on the terminal's own background, or none at all.
//!
//! Meaning never rests on colour: each status has a glyph and a word, the cursor row has a `>` and
//! reverse video, a changed line its sign.

use ratatui::{
    style::{Color, Modifier, Style},
    symbols::border,
};

use crate::{
    model::{Finding, Status},
    report::Theme as Colours,
    tui::{Options, model::Tone},
};

/// Borders of plain characters, for terminals that cannot draw lines.
const ASCII: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// The look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Theme(pub(crate) Options);

impl Theme {
    /// Lines around panes.
    pub(crate) const fn borders(self) -> border::Set<'static> {
        if self.0.ascii { ASCII } else { border::PLAIN }
    }

    fn colour(self, colour: Color) -> Style {
        // Without colours no colour is named at all: even "reset" would undo reverse video.
        if self.0.color { Style::new().fg(colour) } else { Style::new() }
    }

    const fn good(self) -> Color {
        match self.0.theme {
            Colours::Default => Color::Green,
            Colours::Colorblind => Color::LightBlue,
        }
    }

    const fn bad(self) -> Color {
        match self.0.theme {
            Colours::Default => Color::Red,
            Colours::Colorblind => Color::Yellow,
        }
    }

    const fn warn(self) -> Color {
        match self.0.theme {
            Colours::Default => Color::Yellow,
            Colours::Colorblind => Color::Magenta,
        }
    }

    /// Text of this loudness.
    pub(crate) fn tone(self, tone: Tone) -> Style {
        match tone {
            Tone::Plain => Style::new(),
            Tone::Faint => Style::new().add_modifier(Modifier::DIM),
            Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
            Tone::Good => self.colour(self.good()),
            Tone::Warn => self.colour(self.warn()).add_modifier(Modifier::BOLD),
            Tone::Bad => self.colour(self.bad()).add_modifier(Modifier::BOLD),
            Tone::Info => self.colour(Color::Cyan),
        }
    }

    /// The row under the cursor.
    pub(crate) const fn cursor() -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A pane's border: the focused one is bold.
    pub(crate) fn border(self, focused: bool) -> Style {
        self.tone(if focused { Tone::Strong } else { Tone::Faint })
    }

    /// A key in the bar.
    pub(crate) fn key(self) -> Style {
        self.colour(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    /// A line of a diff by its sign; `changed` marks the part of the line that differs.
    pub(crate) fn diff(self, sign: char, changed: bool) -> Style {
        let style = match sign {
            '+' => self.colour(self.good()),
            '-' => self.colour(self.bad()),
            _ => Style::new(),
        };
        if changed { style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED) } else { style }
    }

    /// Glyph, word and look of a finding's status.
    pub(crate) fn status(self, finding: &Finding) -> (char, &'static str, Style) {
        if finding.mark.is_some() && finding.status == Status::Fail {
            return ('w', "ACCEPTED", self.colour(Color::Blue));
        }
        let (glyph, style) = match finding.status {
            Status::Fail => ('x', self.tone(Tone::Bad)),
            Status::Error => ('E', self.colour(Color::Magenta).add_modifier(Modifier::BOLD)),
            Status::Manual => ('?', self.tone(Tone::Info)),
            Status::Pass => ('+', self.tone(Tone::Good)),
            Status::NotApplicable => ('-', self.tone(Tone::Faint)),
        };
        (glyph, finding.status.as_str(), style)
    }
}
