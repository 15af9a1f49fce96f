//! Differences, coloured. Long lines go on below, so that nothing of what is written stays hidden.

use ratatui::text::{Line, Span};

use super::{
    text::{Page, break_pieces, clean},
    theme::Theme,
};
use crate::{
    text::diff::{FileDiff, Line as DiffLine},
    tui::model::{Model, Review, ReviewState, Tone},
};

/// The differences of a plan, file by file.
pub(super) fn lines(model: &Model, review: &Review, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    match &review.state {
        ReviewState::Loading => page.text(Tone::Plain, "Planning…"),
        ReviewState::Failed(error) => {
            page.text(Tone::Bad, "There is no plan.");
            page.text(Tone::Plain, error);
        }
        ReviewState::Ready(ready) => {
            if ready.diffs.is_empty() {
                page.text(Tone::Plain, "Nothing changes.");
                for left in review.plan().map(|plan| plan.left.as_slice()).unwrap_or_default() {
                    page.text(Tone::Warn, &format!("{}: {}", left.control, left.reason));
                }
            }
            for (index, diff) in ready.diffs.iter().enumerate() {
                if index > 0 {
                    page.gap();
                }
                file(&mut page, diff);
            }
        }
    }
    page.into_lines()
}

fn file(page: &mut Page, diff: &FileDiff) {
    if diff.hunks.is_empty() {
        page.text(Tone::Strong, &diff.path);
    } else {
        page.text(Tone::Strong, &format!("--- {}  (now)", diff.path));
        page.text(Tone::Strong, &format!("+++ {}  (after)", diff.path));
    }
    for header in &diff.headers {
        page.item("   ", Tone::Warn, header);
    }
    for hunk in &diff.hunks {
        page.text(Tone::Info, &hunk.header);
        for line in &hunk.lines {
            changed(page, line);
        }
    }
}

fn changed(page: &mut Page, line: &DiffLine) {
    let theme = page.theme();
    let ascii = theme.0.ascii;
    let mut pieces: Vec<_> = line
        .pieces
        .iter()
        .map(|(changed, text)| (theme.diff(line.sign, *changed), clean(text, ascii)))
        .collect();
    if !line.controls.is_empty() {
        let ids: Vec<&str> = line.controls.iter().map(crate::model::ControlId::as_str).collect();
        // Written beside the line, never into the file.
        pieces.push((theme.tone(Tone::Faint), format!("   # {}", ids.join(" "))));
    }
    let broken = break_pieces(&pieces, page.columns().saturating_sub(2));
    for (index, part) in broken.into_iter().enumerate() {
        let sign = if index == 0 { line.sign } else { ' ' };
        let mut spans = vec![Span::styled(format!("{sign} "), theme.diff(line.sign, false))];
        spans.extend(part.into_iter().map(|(style, text)| Span::styled(text, style)));
        page.line(Line::from(spans));
    }
    if line.no_newline {
        page.text(Tone::Faint, "\\ No newline at end of file");
    }
}
