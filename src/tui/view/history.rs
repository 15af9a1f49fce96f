//! Earlier transactions: the list, what is known of one, and one in full.

use ratatui::{
    Frame,
    text::{Line, Span},
};

use super::{
    Framed,
    layout::{Layout, inside},
    progress,
    text::{Page, clean, pad},
    theme::Theme,
};
use crate::{
    engine::Summary,
    model::{Outcome, journal::Purpose},
    tui::model::{History, Model, Pane, Tone},
};

pub(super) fn draw(model: &Model, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    let first = model.focus == Pane::First;
    let count = model.history.len();
    let place = if count == 0 { 0 } else { model.history.list.cursor + 1 };
    if layout.draws(Pane::First, model) {
        let title = layout.title(&format!("History {place}/{count}"), "detail");
        Framed { title: &title, right: "latest first", focused: first }.draw(
            theme,
            layout.first,
            list(model, theme, layout),
            0,
            frame,
        );
    }
    if !layout.draws(Pane::Second, model) {
        return;
    }
    let title = model.history.current().map_or_else(String::new, |entry| entry.id.0.clone());
    let title = layout.title(&title, "list");
    let lines = detail(model, inside(layout.second).width);
    Framed { title: &title, right: "Enter open", focused: !first }.draw(
        theme,
        layout.second,
        lines,
        model.history.scroll,
        frame,
    );
}

/// How a transaction stands, in a word.
fn state(entry: &Summary) -> (&'static str, Tone) {
    if entry.damage.is_some() {
        return ("! DAMAGED", Tone::Bad);
    }
    match (&entry.outcome, &entry.undone_by) {
        (Some(Outcome::Committed), Some(_)) => ("< UNDONE", Tone::Faint),
        (Some(Outcome::Committed), None) if entry.partly_undone_by.is_some() => {
            ("< PART UNDONE", Tone::Warn)
        }
        (Some(Outcome::Committed), None) => ("+ COMMITTED", Tone::Good),
        (Some(Outcome::Refused { .. }), _) => ("- REFUSED", Tone::Faint),
        (Some(Outcome::RolledBack { .. }), _) => ("< ROLLED BACK", Tone::Warn),
        (Some(Outcome::Stuck { .. }), _) => ("! STUCK", Tone::Bad),
        (None, _) => ("~ UNFINISHED", Tone::Bad),
    }
}

fn list(model: &Model, theme: Theme, layout: &Layout) -> Vec<Line<'static>> {
    let area = inside(layout.first);
    let columns = usize::from(area.width);
    let ascii = theme.0.ascii;
    let mut page = Page::new(theme, area.width);
    if let Some(error) = &model.history.error {
        page.text(Tone::Bad, "The history could not be read.");
        page.text(Tone::Plain, error);
        return page.into_lines();
    }
    let Some(entries) = &model.history.entries else {
        page.text(Tone::Plain, "Reading the history…");
        return page.into_lines();
    };
    if entries.is_empty() {
        page.text(Tone::Plain, "Nothing was changed by kube-temper on this node yet.");
        return page.into_lines();
    }
    let shown = entries.iter().enumerate().skip(model.history.list.offset);
    for (index, entry) in shown.take(usize::from(area.height)) {
        let here = index == model.history.list.cursor;
        let (word, tone) = state(entry);
        let rest = columns.saturating_sub(2 + 22 + 14 + 1);
        let purpose = clean(&progress::purpose_name(&entry.purpose), ascii);
        let line = Line::from(vec![
            Span::raw(if here { "> " } else { "  " }),
            Span::raw(pad(&clean(&entry.id.0, ascii), 22, ascii)),
            Span::styled(pad(word, 14, ascii), theme.tone(tone)),
            Span::raw(format!(" {}", pad(&purpose, rest, ascii))),
        ]);
        page.line(if here { Line::styled(line.to_string(), Theme::cursor()) } else { line });
    }
    page.into_lines()
}

/// What is known of the transaction under the cursor.
pub(super) fn detail(model: &Model, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    if let Some(entry) = model.history.current() {
        summary(&mut page, entry);
    }
    page.into_lines()
}

fn summary(page: &mut Page, entry: &Summary) {
    let (word, tone) = state(entry);
    page.labelled("State", tone, word);
    let purpose = match &entry.purpose {
        Purpose::Apply { .. } => "For",
        Purpose::Rollback { .. } => "Undoes",
    };
    page.labelled(purpose, Tone::Plain, &progress::purpose_name(&entry.purpose));
    if let Some(
        Outcome::Refused { cause }
        | Outcome::RolledBack { cause, .. }
        | Outcome::Stuck { cause, .. },
    ) = &entry.outcome
    {
        page.labelled("Why", Tone::Plain, cause);
    }
    if let Some(Outcome::Stuck { by_hand, left, .. }) = &entry.outcome {
        page.text(Tone::Strong, left.commands());
        for command in by_hand {
            page.verbatim(Tone::Plain, command);
        }
    }
    if let Some(by) = &entry.undone_by {
        page.labelled("Undone", Tone::Plain, &format!("by {by}"));
    }
    if let Some(by) = &entry.partly_undone_by {
        page.labelled("Undone", Tone::Warn, &format!("partly, by {by}"));
    }
    if let Some(damage) = &entry.damage {
        page.labelled("Damage", Tone::Bad, damage);
    }
    page.labelled("Files", Tone::Plain, &entry.files.join("\n"));
    match History::refusal(entry) {
        None => page.labelled("Next", Tone::Info, "Z shows what a roll back would change"),
        Some(reason) => {
            page.labelled("Next", Tone::Faint, &format!("no roll back: {reason}"));
        }
    }
}

/// One transaction in full.
pub(super) fn transaction(model: &Model, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    match &model.opened {
        None => page.text(Tone::Plain, "Reading the transaction…"),
        Some((transaction, _)) => {
            summary(&mut page, &transaction.summary);
            page.heading("Journal");
            progress::records(&mut page, &transaction.records, transaction.plan.as_ref());
        }
    }
    page.into_lines()
}

pub(super) fn draw_transaction(
    model: &Model,
    theme: Theme,
    layout: &Layout,
    frame: &mut Frame<'_>,
) {
    let (title, scroll) = match &model.opened {
        Some((transaction, scroll)) => (transaction.summary.id.0.clone(), *scroll),
        None => (String::new(), 0),
    };
    let lines = transaction(model, inside(layout.body).width);
    Framed { title: &format!("Transaction {title}"), right: "d diff", focused: true }.draw(
        theme,
        layout.body,
        lines,
        scroll,
        frame,
    );
}
