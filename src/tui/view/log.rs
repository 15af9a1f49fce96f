//! What this program does outside, line by line, newest last.

use ratatui::{
    Frame,
    text::{Line, Span},
};

use super::{
    Framed,
    layout::{Layout, inside},
    text::{clean, pad, width},
    theme::Theme,
};
use crate::{
    engine::{LogEnd, LogKind, LogLine, LogWho},
    tui::model::{LogPane, Model, Tone},
};

/// Columns of the time, of who it was and of what was done.
const TIME: usize = 9;
const WHO: usize = 6;
const VERB: usize = 8;

pub(super) fn draw(
    model: &Model,
    pane: &LogPane,
    theme: Theme,
    layout: &Layout,
    frame: &mut Frame<'_>,
) {
    let area = layout.log;
    let shown = filtered(model, pane);
    let height = usize::from(inside(area).height);
    let last = shown.len().saturating_sub(height);
    let scroll = pane.scroll.unwrap_or(last).min(last);
    let columns = usize::from(inside(area).width);
    let visible = shown.iter().skip(scroll).take(height);
    let mut lines: Vec<Line<'static>> = visible.map(|line| one(line, columns, theme)).collect();
    if lines.is_empty() {
        let text = if pane.filter.is_empty() {
            "Nothing was read, run, sent or written yet.".to_owned()
        } else {
            format!("No line contains \"{}\".", clean(&pane.filter, theme.0.ascii))
        };
        lines.push(Line::styled(text, theme.tone(Tone::Faint)));
    }
    let title = if pane.filter.is_empty() {
        "Log: every file, command, request and write".to_owned()
    } else {
        format!("Log, lines with \"{}\"", pane.filter)
    };
    Framed { title: &title, right: "Esc closes", focused: true }.draw_part(
        theme,
        area,
        lines,
        (scroll, shown.len()),
        frame,
    );
}

/// How far it can be scrolled.
pub(super) fn last_scroll(model: &Model, pane: &LogPane, layout: &Layout) -> usize {
    super::last_of(filtered(model, pane).len(), layout.log)
}

/// All of it, as text.
pub(super) fn text(model: &Model, pane: &LogPane) -> String {
    filtered(model, pane)
        .into_iter()
        .map(|line| {
            let text = format!("{:.0} {} {} {}", line.at, who(line), line.verb, line.what);
            clean(&format!("{text}  {}", told(line)), model.options.ascii) + "\n"
        })
        .collect()
}

fn filtered<'m>(model: &'m Model, pane: &LogPane) -> Vec<&'m LogLine> {
    let wanted = pane.filter.to_lowercase();
    let has = |line: &&LogLine| {
        wanted.is_empty()
            || line.what.to_lowercase().contains(&wanted)
            || line.verb.contains(&wanted)
            || who(line).contains(&wanted)
    };
    model.log.iter().filter(has).collect()
}

/// `guard` for the process that carries a transaction out; nothing for this one.
const fn who(line: &LogLine) -> &'static str {
    match line.who {
        LogWho::Us => "self",
        LogWho::Guard => "guard",
    }
}

fn one(line: &LogLine, columns: usize, theme: Theme) -> Line<'static> {
    let ascii = theme.0.ascii;
    let tone = match line.kind {
        LogKind::Read => Tone::Faint,
        LogKind::Run | LogKind::Sent => Tone::Info,
        LogKind::Written => Tone::Warn,
    };
    let failed = matches!(line.end, LogEnd::Failed(_));
    let told = told(line);
    let room = columns.saturating_sub(TIME + WHO + VERB + 1 + width(&told));
    Line::from(vec![
        Span::styled(
            pad(&line.at.strftime("%T").to_string(), TIME, ascii),
            theme.tone(Tone::Faint),
        ),
        Span::raw(pad(who(line), WHO, ascii)),
        Span::styled(pad(line.verb, VERB, ascii), theme.tone(tone)),
        Span::raw(pad(&end_of(&clean(&line.what, ascii), room, ascii), room, ascii)),
        Span::styled(format!(" {told}"), theme.tone(if failed { Tone::Bad } else { Tone::Faint })),
    ])
}

/// How often, how much, and how it ended.
fn told(line: &LogLine) -> String {
    let mut parts = Vec::new();
    if line.times > 1 {
        parts.push(format!("{}x", line.times));
    }
    parts.extend(line.size.map(bytes));
    if line.size.is_none() || line.end != LogEnd::Done {
        parts.push(line.end.to_string());
    }
    parts.join(" ")
}

fn bytes(size: u64) -> String {
    match size {
        0..1_000 => format!("{size} B"),
        1_000..1_000_000 => format!("{}.{} kB", size / 1_000, size % 1_000 / 100),
        _ => format!("{}.{} MB", size / 1_000_000, size % 1_000_000 / 100_000),
    }
}

/// The end of a path says more than its beginning.
fn end_of(text: &str, columns: usize, ascii: bool) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mark = if ascii { "~" } else { "…" };
    let mut rest = text;
    while width(rest) + 1 > columns {
        let mut chars = rest.chars();
        if chars.next().is_none() {
            break;
        }
        rest = chars.as_str();
    }
    format!("{mark}{rest}")
}
