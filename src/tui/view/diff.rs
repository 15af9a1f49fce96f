//! Differences, coloured, with the control that causes a line in a gutter on the left. Long lines go on below,
//! so that nothing of what is written stays hidden; only the rows in sight are made.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    text::{Page, break_pieces, clean, pad},
    theme::Theme,
};
use crate::{
    model::{ControlId, Plan, Reversibility},
    text::diff::{FileDiff, Line as DiffLine, Part, parts},
    tui::model::{Model, Review, ReviewState, Tone},
};

/// Longer names are cut in the gutter; the file's head has them whole.
const GUTTER: usize = 8;

/// The differences of a plan, file by file, laid out for a width.
pub(super) struct Unified<'r> {
    theme: Theme,
    columns: u16,
    gutter: usize,
    items: Vec<Item<'r>>,
    /// The first row of each item, and one past the last.
    starts: Vec<usize>,
}

/// One thing after the other.
enum Item<'r> {
    Gap,
    Said(Tone, String),
    /// The head of a file.
    File(String),
    /// What no text shows: mode, owner, how it is undone.
    Head(Tone, String),
    Hunk(&'r str),
    Line(&'r DiffLine),
}

/// What can be jumped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The head of a hunk; of a file without any, its own.
    Hunk,
    /// The head of a file.
    File,
}

impl<'r> Unified<'r> {
    pub(super) fn new(model: &Model, review: &'r Review, columns: u16) -> Self {
        let items = items(review);
        let labels = items.iter().map(|item| match item {
            Item::Line(line) => label_width(&line.controls),
            _ => 0,
        });
        let gutter = labels.max().unwrap_or(0).min(GUTTER);
        let theme = Theme(model.options);
        let mut unified = Self { theme, columns, gutter, items, starts: Vec::new() };
        let mut row = 0;
        let mut starts = vec![row];
        for item in &unified.items {
            row += unified.height(item);
            starts.push(row);
        }
        unified.starts = starts;
        unified
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// The rows from this one on.
    pub(super) fn visible(&self, from: usize, height: usize) -> Vec<Line<'static>> {
        let first = self.starts.partition_point(|start| *start <= from).saturating_sub(1);
        let hidden = from.saturating_sub(self.starts.get(first).copied().unwrap_or(0));
        let mut rows = Vec::new();
        for item in self.items.iter().skip(first) {
            if rows.len() >= hidden + height {
                break;
            }
            rows.extend(self.draw(item));
        }
        rows.into_iter().skip(hidden).take(height).collect()
    }

    /// The rows at which such places begin.
    pub(super) fn places(&self, place: Place) -> Vec<usize> {
        let mut places = Vec::new();
        let mut bare = None;
        for (item, start) in self.items.iter().zip(&self.starts) {
            match (item, place) {
                (Item::File(_), Place::File) => places.push(*start),
                (Item::File(_), Place::Hunk) => places.extend(bare.replace(*start)),
                (Item::Hunk(_), Place::Hunk) => {
                    bare = None;
                    places.push(*start);
                }
                _ => {}
            }
        }
        places.extend(bare);
        places
    }

    fn height(&self, item: &Item<'_>) -> usize {
        match item {
            Item::Gap => 1,
            Item::Line(line) => {
                // Most lines need no second look, and there may be thousands.
                let seen = |byte: u8| (b' '..=b'~').contains(&byte);
                let plain = line.pieces.iter().all(|(_, piece)| piece.bytes().all(seen));
                if !plain {
                    return self.draw(item).len();
                }
                let length: usize = line.pieces.iter().map(|(_, piece)| piece.len()).sum();
                length.div_ceil(self.room()).max(1) + usize::from(line.no_newline)
            }
            _ => self.draw(item).len(),
        }
    }

    /// Columns of the text itself.
    fn room(&self) -> usize {
        let beside = if self.gutter == 0 { 2 } else { self.gutter + 3 };
        usize::from(self.columns).saturating_sub(beside).max(1)
    }

    fn draw(&self, item: &Item<'_>) -> Vec<Line<'static>> {
        let mut page = Page::new(self.theme, self.columns);
        match item {
            Item::Gap => page.gap(),
            Item::Said(tone, text) => page.text(*tone, text),
            Item::File(text) => page.text(Tone::Strong, text),
            Item::Head(tone, text) => page.item("   ", *tone, text),
            Item::Hunk(header) => page.text(Tone::Info, header),
            Item::Line(line) => self.changed(&mut page, line),
        }
        page.into_lines()
    }

    fn changed(&self, page: &mut Page, line: &DiffLine) {
        let ascii = self.theme.0.ascii;
        let broken = break_pieces(&self.coloured(line), self.room());
        let label = label(&line.controls).unwrap_or_default();
        for (index, part) in broken.into_iter().enumerate() {
            let first = index == 0;
            let mut spans = Vec::new();
            if self.gutter > 0 {
                let text = pad(if first { &label } else { "" }, self.gutter, ascii);
                spans.push(Span::styled(format!("{text} "), self.theme.tone(Tone::Faint)));
            }
            let sign = if first { line.sign } else { ' ' };
            spans.push(Span::styled(format!("{sign} "), self.theme.diff(line.sign, false)));
            spans.extend(part.into_iter().map(|(style, text)| Span::styled(text, style)));
            page.line(Line::from(spans));
        }
        if line.no_newline {
            page.text(Tone::Faint, "\\ No newline at end of file");
        }
    }

    /// The line's pieces, cut again where its keys and comments begin and end.
    fn coloured(&self, line: &DiffLine) -> Vec<(Style, String)> {
        let text = line.text();
        let mut rest: Vec<(Part, &str)> = parts(&text);
        rest.reverse();
        let mut coloured = Vec::new();
        for (changed, piece) in &line.pieces {
            let mut left = piece.as_str();
            while let Some((part, text)) = rest.pop() {
                let (mine, later) = text.split_at_checked(left.len()).unwrap_or((text, ""));
                let style = self.theme.diff(line.sign, *changed).patch(self.tint(part, line.sign));
                coloured.push((style, clean(mine, self.theme.0.ascii)));
                left = left.get(mine.len()..).unwrap_or_default();
                if !later.is_empty() {
                    rest.push((part, later));
                }
                if left.is_empty() {
                    break;
                }
            }
        }
        coloured
    }

    /// A changed line keeps the colour of its sign.
    fn tint(&self, part: Part, sign: char) -> Style {
        match part {
            Part::Key if sign == ' ' => self.theme.tone(Tone::Info),
            Part::Comment => self.theme.tone(Tone::Faint),
            Part::Key | Part::Other => Style::new(),
        }
    }
}

/// Who causes a line, as far as the gutter has room: `1.2.15`, `1.2.9+`.
fn label(controls: &[ControlId]) -> Option<String> {
    let more = if controls.len() > 1 { "+" } else { "" };
    Some(format!("{}{more}", controls.first()?))
}

/// How wide that is; an id is ASCII.
fn label_width(controls: &[ControlId]) -> usize {
    controls.first().map_or(0, |id| id.as_str().len() + usize::from(controls.len() > 1))
}

fn items(review: &Review) -> Vec<Item<'_>> {
    match &review.state {
        ReviewState::Loading => vec![Item::Said(Tone::Plain, "Planning…".to_owned())],
        ReviewState::Failed(error) => vec![
            Item::Said(Tone::Bad, "There is no plan.".to_owned()),
            Item::Said(Tone::Plain, error.clone()),
        ],
        ReviewState::Ready(ready) if ready.diffs.is_empty() => {
            let mut items = vec![Item::Said(Tone::Plain, "Nothing changes.".to_owned())];
            for left in review.plan().map(|plan| plan.left.as_slice()).unwrap_or_default() {
                items.push(Item::Said(Tone::Warn, format!("{}: {}", left.control, left.reason)));
            }
            items
        }
        ReviewState::Ready(ready) => {
            let mut items = Vec::new();
            for diff in &ready.diffs {
                if !items.is_empty() {
                    items.push(Item::Gap);
                }
                file(&mut items, diff, review.plan());
            }
            items
        }
    }
}

fn file<'r>(items: &mut Vec<Item<'r>>, diff: &'r FileDiff, plan: Option<&Plan>) {
    if diff.hunks.is_empty() {
        items.push(Item::File(diff.path.clone()));
    } else {
        items.push(Item::File(format!("--- {}  (now)", diff.path)));
        items.push(Item::Said(Tone::Strong, format!("+++ {}  (after)", diff.path)));
    }
    items.extend(diff.headers.iter().map(|header| Item::Head(Tone::Warn, header.clone())));
    items.extend(plan.into_iter().flat_map(|plan| undone(plan, &diff.path)));
    for hunk in &diff.hunks {
        items.push(Item::Hunk(&hunk.header));
        items.extend(hunk.lines.iter().map(Item::Line));
    }
}

/// For which controls a file changes, and how that is undone.
fn undone<'r>(plan: &Plan, path: &str) -> Vec<Item<'r>> {
    let change = plan.changes().find(|change| change.path == path);
    let here = |id: &ControlId| {
        change.is_some_and(|change| change.edits.iter().any(|edit| edit.control == *id))
    };
    let of = |wanted: Reversibility| -> Vec<&str> {
        let planned = plan.controls.iter().filter(|one| one.reversible == wanted);
        planned.filter(|one| here(&one.control)).map(|one| one.control.as_str()).collect()
    };
    [
        (Reversibility::Bytes, Tone::Faint, "undone by putting the old state back"),
        (Reversibility::Procedure, Tone::Warn, "undone only by a procedure, not by a roll back"),
        (Reversibility::OneWay, Tone::Bad, "can NOT be undone"),
    ]
    .into_iter()
    .filter_map(|(wanted, tone, words)| {
        let ids = of(wanted);
        (!ids.is_empty()).then(|| Item::Head(tone, format!("for {}: {words}", ids.join(" "))))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        model::{Change, ChangeKind, FileImage, FileMeta},
        node::NodeKind,
        text::diff,
        tui::{
            Options, Theme as Colours,
            model::{Ready, Write},
            tests::support::plan,
        },
    };

    /// The diff of a file of so many lines, every fiftieth of them changed.
    fn review(lines: usize) -> Review {
        let text = |changed: &str| -> String {
            (0..lines)
                .map(|n| match n % 50 {
                    7 => format!("  - --flag-{n}={changed} # \u{e9}\u{4e16} and \u{202e} hidden\n"),
                    9 => format!("{}\n", "a long one ".repeat(40)),
                    _ => format!("    key-{n}: value\n"),
                })
                .collect()
        };
        let meta = FileMeta { mode: 0o600, uid: 0, gid: 0, xattrs: BTreeMap::new() };
        let image = |changed| FileImage { text: text(changed), meta: meta.clone() };
        let change = Change {
            path: "/etc/kubernetes/manifests/large.yaml".to_owned(),
            named: None,
            edits: Vec::new(),
            kind: ChangeKind::Content { before: image("before"), after: image("after") },
        };
        let mut review = Review::loading(std::collections::BTreeSet::new());
        let diffs = vec![diff::of_change(&change, 1_000)];
        let write = Write::Apply(std::sync::Arc::new(plan(&[])));
        review.state = ReviewState::Ready(Ready::new(write, diffs));
        review
    }

    #[test]
    fn every_window_is_cut_out_of_the_same_rows() {
        let options = Options { color: true, ascii: false, theme: Colours::Default };
        let model = Model::new(options, NodeKind::Live, None, (80, 24));
        let review = review(300);
        for columns in [20, 62, 78] {
            let unified = Unified::new(&model, &review, columns);
            let whole = unified.visible(0, usize::MAX / 2);
            assert_eq!(unified.rows(), whole.len());
            for (row, line) in whole.iter().enumerate() {
                assert!(line.width() <= usize::from(columns), "{line}");
                let window = unified.visible(row, 18);
                assert_eq!(window, whole[row..(row + 18).min(whole.len())]);
            }
        }
    }
}
