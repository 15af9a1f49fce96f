//! The lines around the panes: who and where, screens and score, banner, note, keys.

use ratatui::{
    Frame,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    layout::{Layout, WIDE},
    text::{clean, cut, width},
    theme::Theme,
};
use crate::{
    model::Status,
    node::NodeKind,
    tui::{
        keys::{self, Binding, Context},
        model::{Model, Screen, Tone},
    },
};

pub(super) fn draw(model: &Model, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    frame.render_widget(Paragraph::new(header(model, theme)), layout.header);
    frame.render_widget(Paragraph::new(tabs(model, theme)), layout.tabs);
    if let Some((tone, text)) = banner(model) {
        let text = cut(&clean(&text, theme.0.ascii), room(model), theme.0.ascii);
        let line = Line::styled(format!(" {text}"), theme.tone(tone));
        frame.render_widget(Paragraph::new(line), layout.banner);
    }
    frame.render_widget(Paragraph::new(note(model, theme)), layout.note);
    frame.render_widget(Paragraph::new(bar(model, theme)), layout.bar);
}

fn room(model: &Model) -> usize {
    usize::from(model.size.0).saturating_sub(2)
}

/// How this run may touch the node, in a word.
fn mode(model: &Model) -> (&'static str, Tone) {
    match model.kind {
        NodeKind::Simulated => ("DEMO", Tone::Info),
        _ if model.read_only.is_some() => ("READ-ONLY", Tone::Warn),
        NodeKind::Live => ("LIVE", Tone::Strong),
        NodeKind::Offline => ("OFFLINE", Tone::Info),
        NodeKind::ReadOnlyRoot => ("READ-ONLY", Tone::Warn),
    }
}

/// `1.36.2` of `1.36.2 (image tag in …)`.
pub(super) fn version(kubernetes: &str) -> &str {
    kubernetes.split(' ').next().unwrap_or(kubernetes)
}

fn header(model: &Model, theme: Theme) -> Line<'static> {
    let ascii = theme.0.ascii;
    let mut parts = vec![format!("kube-temper {}", env!("CARGO_PKG_VERSION"))];
    if let Some(scan) = &model.scan {
        let report = &scan.report;
        let kubernetes = match &report.kubernetes {
            Some(text) => format!("v{}", version(text).trim_start_matches('v')),
            None => "version unknown".to_owned(),
        };
        parts.push(report.node.clone());
        parts.push(format!("{kubernetes} {} {}", report.distribution, report.role));
        parts.push(report.benchmark.to_string());
    }
    let (word, tone) = mode(model);
    let used = width(word) + 3;
    let separator = if ascii { " | " } else { " │ " };
    let text = clean(&parts.join(separator), ascii);
    let text = cut(&text, room(model).saturating_sub(used), ascii);
    Line::from(vec![
        Span::styled(format!(" {text}"), theme.tone(Tone::Strong)),
        Span::raw(separator),
        Span::styled(word, theme.tone(tone)),
    ])
}

fn tabs(model: &Model, theme: Theme) -> Line<'static> {
    let marked = model.findings.marked.len();
    let plan = if marked == 0 { "Plan".to_owned() } else { format!("Plan({marked})") };
    let here = match model.screen {
        Screen::Findings => 0,
        Screen::Plan => 1,
        Screen::Undo | Screen::History | Screen::Transaction => 2,
        Screen::Health => 3,
        Screen::Progress | Screen::Outcome => usize::MAX,
    };
    let mut spans = vec![Span::raw(" ")];
    for (index, name) in ["Findings", plan.as_str(), "History", "Health"].into_iter().enumerate() {
        let number = index + 1;
        if index == here {
            spans.push(Span::styled(format!("[{number} {name}]"), theme.tone(Tone::Strong)));
        } else {
            spans.push(Span::raw(format!(" {number} {name} ")));
        }
    }
    let score = score(model, theme);
    let used: usize = spans.iter().map(Span::width).sum();
    let gap = usize::from(model.size.0).saturating_sub(used + width(&score) + 1);
    if gap >= 2 {
        spans.push(Span::raw(" ".repeat(gap)));
        spans.push(Span::raw(score));
    }
    Line::from(spans)
}

/// The score with what stands beside it: `score 78%  x17 E0 ?9 +61 -4  w1`.
fn score(model: &Model, theme: Theme) -> String {
    let Some(scan) = &model.scan else { return String::new() };
    let totals = scan.report.totals();
    let count = |status| totals.get(&status).copied().unwrap_or(0);
    let accepted = scan
        .report
        .findings
        .iter()
        .filter(|f| f.mark.is_some() && f.status == Status::Fail && !f.control.is_own())
        .count();
    let accepted_too = if accepted > 0 { format!(" w{accepted}") } else { String::new() };
    let score = match scan.report.score().percent() {
        Some(percent) if model.size.0 >= WIDE => {
            let whole = percent.min(100) / 10;
            let (full, empty) = if theme.0.ascii { ("#", ".") } else { ("█", "░") };
            format!("score {percent}% {}{}", full.repeat(whole), empty.repeat(10 - whole))
        }
        Some(percent) => format!("score {percent}%"),
        None => "no score".to_owned(),
    };
    format!(
        "{score}  x{} E{} ?{} +{} -{}{accepted_too}",
        count(Status::Fail) - accepted.min(count(Status::Fail)),
        count(Status::Error),
        count(Status::Manual),
        count(Status::Pass),
        count(Status::NotApplicable),
    )
}

/// What goes on out of sight, or stands in the way of writing on this node, as long as it does.
pub(super) fn banner(model: &Model) -> Option<(Tone, String)> {
    if model.transaction_runs() && !model.watches() {
        return Some(meanwhile(model));
    }
    if let Some(id) = model.under_way_elsewhere() {
        return Some((
            Tone::Warn,
            format!("! {id} is under way in another process: R looks whether it has ended"),
        ));
    }
    if let Some(id) = model.unfinished().first() {
        return Some((
            Tone::Bad,
            format!("! unfinished {id}: recover it (X) before anything is written"),
        ));
    }
    if model.read_only.is_none()
        && !model.transaction_runs()
        && let Some(id) = model.undecided()
    {
        return Some((
            Tone::Warn,
            format!("! {id} stayed unconfirmed: K keeps it, X puts it back"),
        ));
    }
    if let Some(refusal) = model.layout_refusal() {
        return Some((Tone::Warn, format!("! no fixes here: {refusal}")));
    }
    if let Some(reason) = &model.read_only {
        return Some((Tone::Warn, format!("! read-only: {reason}")));
    }
    None
}

/// A transaction that is under way behind what is looked at.
fn meanwhile(model: &Model) -> (Tone, String) {
    match model.countdown() {
        Some(countdown) => {
            let left = super::progress::clock(countdown.left);
            (
                Tone::Warn,
                format!("! NOT YET KEPT: put back by itself in {left}. Esc: decide (K, X)"),
            )
        }
        None => (Tone::Info, "~ the transaction goes on. Esc: back to it".to_owned()),
    }
}

fn note(model: &Model, theme: Theme) -> Line<'static> {
    let ascii = theme.0.ascii;
    if let Some(crate::tui::model::Overlay::Search { .. }) = model.overlays.last() {
        let text = clean(model.search(), ascii);
        return Line::from(vec![
            Span::styled(" search: ", theme.tone(Tone::Strong)),
            Span::raw(text),
            Span::styled(" ", Theme::cursor()),
        ]);
    }
    if let Some(note) = &model.note {
        let text = cut(&clean(&note.text, ascii), room(model), ascii);
        return Line::styled(format!(" {text}"), theme.tone(note.tone));
    }
    if model.jobs > 0 && !model.transaction_runs() {
        let dots = if ascii { "..." } else { "…" };
        return Line::styled(format!(" {}{dots}", model.doing), theme.tone(Tone::Faint));
    }
    if let Some(error) = model.scan_error.as_ref().filter(|_| model.scan.is_some()) {
        let text = format!("the node could not be read again: {error}");
        let text = cut(&clean(&text, ascii), room(model), ascii);
        return Line::styled(format!(" {text}"), theme.tone(Tone::Bad));
    }
    Line::default()
}

/// The keys, as many as fit; help and quit always.
fn bar(model: &Model, theme: Theme) -> Line<'static> {
    let context = Context::of(model);
    // Hardly ever there is something to keep: its key is shown when there is.
    let idle = |b: &Binding| b.action == keys::Action::KeepChange && (b.disabled)(model).is_some();
    let shown: Vec<&Binding> =
        keys::of(context).filter(|b| !b.label.is_empty() && !idle(b)).collect();
    let (fixed, free): (Vec<&Binding>, Vec<&Binding>) = shown
        .into_iter()
        .partition(|b| matches!(b.action, keys::Action::Help | keys::Action::Quit));
    // Where room is short, a key that does nothing at the moment gives way; help lists it.
    let (can, cannot): (Vec<&Binding>, Vec<&Binding>) =
        free.into_iter().partition(|binding| (binding.disabled)(model).is_none());
    let text = |binding: &Binding| {
        let key = binding.keys.first().map(ToString::to_string).unwrap_or_default();
        (key, label(model, binding))
    };
    let size = |binding: &Binding| {
        let (key, label) = text(binding);
        width(&key) + 1 + width(&label) + 2
    };
    let mut left =
        room(model).saturating_sub(fixed.iter().map(|binding| size(binding)).sum::<usize>());
    let mut spans = vec![Span::raw(" ")];
    let mut push = |binding: &Binding| {
        let (key, label) = text(binding);
        let off = (binding.disabled)(model).is_some();
        let (key_style, label_style) = if off {
            (theme.tone(Tone::Faint), theme.tone(Tone::Faint))
        } else {
            (theme.key(), theme.tone(Tone::Plain))
        };
        spans.push(Span::styled(key, key_style));
        spans.push(Span::styled(format!(" {label}"), label_style));
        spans.push(Span::raw("  "));
    };
    for binding in can.into_iter().chain(cannot) {
        let wanted = size(binding);
        if wanted > left {
            break;
        }
        left -= wanted;
        push(binding);
    }
    for binding in fixed {
        push(binding);
    }
    Line::from(spans)
}

fn label(model: &Model, binding: &Binding) -> String {
    let marked = model.findings.marked.len();
    match binding.action {
        keys::Action::Apply if marked > 0 => format!("{} {marked}", binding.label),
        keys::Action::Recover if model.puts_back().is_some() => "put back".to_owned(),
        _ => binding.label.to_owned(),
    }
}
