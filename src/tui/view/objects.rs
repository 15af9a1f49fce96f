//! The objects of a finding: a table, and below it everything about the one under the cursor.

use ratatui::{
    Frame,
    layout::{Constraint, Layout as Split, Rect},
    text::{Line, Span},
};

use super::{
    Framed,
    layout::{Layout, inside},
    text::{Page, clean, pad},
    theme::Theme,
};
use crate::{
    model::{Danger, Finding, FoundObject},
    tui::model::{Model, Objects, Tone},
};

/// Columns of the table: a mark, a sign, the danger, the object; what was found takes the rest.
const DANGER: usize = 6;

/// Where there is room for it: the path within the object.
const PATH_FROM: usize = 110;

/// The table, and what is said of one object.
fn areas(layout: &Layout) -> [Rect; 2] {
    let below = layout.body.height * 9 / 20;
    Split::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(layout.body)
}

/// Rows of the table; a line of column names stands above them.
pub(crate) fn height(model: &Model) -> usize {
    let [table, _] = areas(&Layout::of(model));
    usize::from(inside(table).height).saturating_sub(1)
}

pub(super) fn draw(
    model: &Model,
    objects: &Objects,
    theme: Theme,
    layout: &Layout,
    frame: &mut Frame<'_>,
) {
    let Some(finding) = model.finding() else { return };
    let [table, below] = areas(layout);
    let shown = objects.shown(finding);
    let right = match objects.search.as_str() {
        "" => "/ search  Esc back".to_owned(),
        search => format!("\"{search}\""),
    };
    let place = if shown.is_empty() { 0 } else { objects.list.cursor + 1 };
    let title = format!("{} objects {place}/{}", finding.control, shown.len());
    let rows = rows(model, objects, &shown, theme, table);
    Framed { title: &title, right: &right, focused: true }.draw(theme, table, rows, 0, frame);

    let mut page = Page::new(theme, inside(below).width);
    let current = shown.get(objects.list.cursor);
    if let Some(object) = current {
        about(&mut page, object);
    }
    let title = current.map_or_else(String::new, |object| {
        let wrong = if object.wrong { "wrong" } else { "for a person to judge" };
        format!("{wrong}, danger {}", danger(object.danger))
    });
    Framed { title: &title, right: "", focused: false }.draw(
        theme,
        below,
        page.into_lines(),
        0,
        frame,
    );
}

/// The rows in sight, and no others.
fn rows(
    model: &Model,
    objects: &Objects,
    shown: &[&FoundObject],
    theme: Theme,
    area: Rect,
) -> Vec<Line<'static>> {
    let ascii = theme.0.ascii;
    let columns = usize::from(inside(area).width);
    if shown.is_empty() {
        let mut page = Page::new(theme, inside(area).width);
        page.text(
            Tone::Plain,
            &format!("No object contains \"{}\". Esc clears the search.", objects.search),
        );
        return page.into_lines();
    }
    let (object, path) = widths(columns);
    let cells = |danger: &str, name: &str, at: &str, what: &str| {
        let at = if path == 0 { String::new() } else { format!(" {}", pad(at, path, ascii)) };
        let text = format!("{} {}{at} ", pad(danger, DANGER, ascii), pad(name, object, ascii));
        let rest = columns.saturating_sub(4 + super::text::width(&text));
        format!("{text}{}", pad(what, rest, ascii))
    };
    let head = format!("    {}", cells("DANGER", "OBJECT", "WHERE", "WHAT"));
    let mut lines = vec![Line::styled(head, theme.tone(Tone::Faint))];
    let from = objects.list.offset;
    for (index, found) in shown.iter().enumerate().skip(from).take(height(model)) {
        let under_cursor = index == objects.list.cursor;
        let text = [&found.object, &found.path, &found.value].map(|text| clean(text, ascii));
        let [name, at, what] = text.each_ref().map(String::as_str);
        let line = Line::from(vec![
            Span::raw(if under_cursor { "> " } else { "  " }),
            sign(found, theme),
            Span::raw(format!(" {}", cells(danger(found.danger), name, at, what))),
        ]);
        lines.push(if under_cursor {
            Line::styled(line.to_string(), Theme::cursor())
        } else {
            line
        });
    }
    lines
}

/// Columns of the object and of its path.
const fn widths(columns: usize) -> (usize, usize) {
    if columns >= PATH_FROM {
        (columns / 3, columns / 4)
    } else {
        ((columns.saturating_sub(4 + DANGER + 2)) * 11 / 20, 0)
    }
}

/// As in the list of findings: `x` is wrong, `?` is for a person.
fn sign(found: &FoundObject, theme: Theme) -> Span<'static> {
    if found.wrong {
        Span::styled("x", theme.tone(Tone::Bad))
    } else {
        Span::styled("?", theme.tone(Tone::Info))
    }
}

const fn danger(danger: Danger) -> &'static str {
    match danger {
        Danger::High => "high",
        Danger::Medium => "medium",
        Danger::Low => "low",
    }
}

fn about(page: &mut Page, found: &FoundObject) {
    page.text(Tone::Strong, &found.object);
    page.labelled("Where", Tone::Plain, &found.path);
    page.labelled("What", Tone::Plain, &found.value);
    page.labelled("Who", Tone::Plain, &found.who.join(" → "));
}

/// How many of them a page about the finding shows.
const FIRST: usize = 5;

/// The worst objects of a finding, on a page about it.
pub(super) fn first(page: &mut Page, finding: &Finding) {
    for (index, found) in finding.objects.iter().take(FIRST).enumerate() {
        let label = if index == 0 { "Objects" } else { " " };
        let tone = if found.wrong { Tone::Warn } else { Tone::Plain };
        let at = if found.path.is_empty() { "" } else { " " };
        let sign = if found.wrong { 'x' } else { '?' };
        let text = format!("{sign} {}{at}{}: {}", found.object, found.path, found.value);
        page.labelled(label, tone, &text);
    }
    let more = finding.objects.len().saturating_sub(FIRST);
    if more > 0 {
        page.labelled(" ", Tone::Info, &format!("and {more} more: t lists all of them"));
    }
}
