//! Text for the screen: nothing in it can command the terminal, and it is folded to the width.

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthChar as _;

use super::theme::Theme;
use crate::{
    text::printable::{plain, printable},
    tui::model::Tone,
};

/// What a text of the node or the catalogue may show: tabs become spaces, what would not be seen is
/// written out, and without UTF-8 so is every sign that has no plain likeness.
pub(crate) fn clean(text: &str, ascii: bool) -> String {
    let shown = printable(text).replace('\t', "    ");
    if ascii { plain(&shown).into_owned() } else { shown }
}

/// Columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text, cut to `columns`; a cut one ends in a mark.
pub(crate) fn cut(text: &str, columns: usize, ascii: bool) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mark = if ascii { "~" } else { "…" };
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        out.push(c);
    }
    if columns > 0 {
        out.push_str(mark);
    }
    out
}

/// The text and spaces up to `columns`, cut when it is longer.
pub(crate) fn pad(text: &str, columns: usize, ascii: bool) -> String {
    let mut out = cut(text, columns, ascii);
    let missing = columns.saturating_sub(width(&out));
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// Folds a text at spaces; a word longer than a line is broken.
pub(crate) fn fold(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut used = 0;
        for word in paragraph.split(' ') {
            let wide = width(word);
            if used > 0 && used + 1 + wide > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if used > 0 || line.ends_with(' ') {
                line.push(' ');
                used += 1;
            }
            for c in word.chars() {
                let c_wide = c.width().unwrap_or(0);
                if used + c_wide > columns {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
                line.push(c);
                used += c_wide;
            }
        }
        lines.push(line);
    }
    lines
}

/// A page of text under construction.
#[derive(Debug)]
pub(crate) struct Page {
    theme: Theme,
    columns: usize,
    lines: Vec<Line<'static>>,
}

/// Columns of the labels on the left of a page.
const LABEL: usize = 9;

impl Page {
    /// An empty page of this width.
    pub(crate) fn new(theme: Theme, columns: u16) -> Self {
        Self { theme, columns: usize::from(columns), lines: Vec::new() }
    }

    /// The finished page.
    pub(crate) fn into_lines(self) -> Vec<Line<'static>> {
        self.lines
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.lines.push(Line::default());
    }

    /// A paragraph.
    pub(crate) fn text(&mut self, tone: Tone, text: &str) {
        self.indented(0, "", tone, text);
    }

    /// A line that is not folded, because someone will copy it.
    pub(crate) fn verbatim(&mut self, tone: Tone, text: &str) {
        for piece in break_at(&clean(text, self.theme.0.ascii), self.columns) {
            self.lines.push(Line::styled(piece, self.theme.tone(tone)));
        }
    }

    /// A heading.
    pub(crate) fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.gap();
        }
        self.text(Tone::Strong, text);
    }

    /// A label with a paragraph beside it; nothing when there is nothing to say.
    pub(crate) fn labelled(&mut self, label: &str, tone: Tone, text: &str) {
        if !text.is_empty() {
            self.indented(LABEL, label, tone, text);
        }
    }

    /// A paragraph behind a mark.
    pub(crate) fn item(&mut self, mark: &str, tone: Tone, text: &str) {
        self.indented(width(mark) + 1, mark, tone, text);
    }

    fn indented(&mut self, indent: usize, label: &str, tone: Tone, text: &str) {
        let text = clean(text, self.theme.0.ascii);
        let style = self.theme.tone(tone);
        for (index, line) in
            fold(&text, self.columns.saturating_sub(indent)).into_iter().enumerate()
        {
            let mut spans = Vec::new();
            if indent > 0 {
                let lead = if index == 0 { label } else { "" };
                let lead = pad(lead, indent, self.theme.0.ascii);
                spans.push(Span::styled(lead, self.theme.tone(Tone::Strong)));
            }
            spans.push(Span::styled(line, style));
            self.lines.push(Line::from(spans));
        }
    }

    /// A line of ready pieces, cut at the edge by the terminal.
    pub(crate) fn line(&mut self, line: Line<'static>) {
        self.lines.push(line);
    }

    /// The look.
    pub(crate) const fn theme(&self) -> Theme {
        self.theme
    }

    /// Columns.
    pub(crate) const fn columns(&self) -> usize {
        self.columns
    }
}

/// Breaks a text after every `columns` columns, wherever that is.
pub(crate) fn break_at(text: &str, columns: usize) -> Vec<String> {
    break_pieces(&[(Style::new(), text.to_owned())], columns)
        .into_iter()
        .map(|pieces| pieces.into_iter().map(|(_, text)| text).collect())
        .collect()
}

/// The same for pieces with their own looks.
pub(crate) fn break_pieces(
    pieces: &[(Style, String)],
    columns: usize,
) -> Vec<Vec<(Style, String)>> {
    let columns = columns.max(1);
    let mut lines = vec![Vec::new()];
    let mut used = 0;
    for (style, text) in pieces {
        let mut run = String::new();
        for c in text.chars() {
            let wide = c.width().unwrap_or(0);
            if used + wide > columns {
                if let Some(line) = lines.last_mut() {
                    line.push((*style, std::mem::take(&mut run)));
                }
                lines.push(Vec::new());
                used = 0;
            }
            run.push(c);
            used += wide;
        }
        if !run.is_empty()
            && let Some(line) = lines.last_mut()
        {
            line.push((*style, run));
        }
    }
    lines
}
