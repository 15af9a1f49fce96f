//! What lies over a screen: explanation, diff, question, help, menu; and what a tiny terminal shows.

use ratatui::{
    Frame,
    text::{Line, Span},
    widgets::Paragraph,
};

use super::{
    Framed,
    diff::{Place, Unified},
    findings,
    layout::{Layout, centred, inside},
    log,
    review::{count, headline, step_name},
    text::{Page, clean, pad},
    theme::Theme,
    tier_meaning,
};
use crate::{
    model::{Reversibility, Tier},
    tui::{
        keys::{self, Context},
        model::{Allowance, Confirm, Facet, Filter, Model, Overlay, Review, Tone, Write},
    },
};

pub(super) fn draw(
    model: &Model,
    overlay: &Overlay,
    theme: Theme,
    layout: &Layout,
    frame: &mut Frame<'_>,
) {
    let width = inside(layout.body).width;
    match overlay {
        Overlay::Explain { scroll } => {
            let lines = findings::explanation(model, width);
            full("Explain", "Esc back", lines, *scroll, theme, layout, frame);
        }
        Overlay::Diff(review) => {
            let diff = Unified::new(model, review, width);
            let right = where_in(&diff, review.diff_scroll);
            Framed { title: &diff_title(review), right: &right, focused: true }.draw_diff(
                theme,
                layout.body,
                &diff,
                review.diff_scroll,
                frame,
            );
        }
        Overlay::Help { scroll } => {
            full("Help", "Esc back", help(model, width), *scroll, theme, layout, frame);
        }
        Overlay::Objects(objects) => super::objects::draw(model, objects, theme, layout, frame),
        Overlay::Log(pane) => log::draw(model, pane, theme, layout, frame),
        Overlay::Filter { cursor } => filter(model, *cursor, theme, layout, frame),
        Overlay::Confirm(confirm) => question(confirm, theme, layout, frame),
        Overlay::Search { .. } => {}
    }
}

/// Nothing of the screen below is seen.
pub(super) const fn covers(overlay: &Overlay) -> bool {
    matches!(overlay, Overlay::Explain { .. } | Overlay::Diff(_) | Overlay::Help { .. })
}

fn full(
    title: &str,
    right: &str,
    lines: Vec<Line<'static>>,
    scroll: usize,
    theme: Theme,
    layout: &Layout,
    frame: &mut Frame<'_>,
) {
    Framed { title, right, focused: true }.draw(theme, layout.body, lines, scroll, frame);
}

fn diff_title(review: &Review) -> String {
    match review.plan() {
        Some(plan) => format!("Diff: {}", headline(plan)),
        None => "Diff".to_owned(),
    }
}

/// `file 1/2, hunk 3/5`: what the first row in sight belongs to.
fn where_in(diff: &Unified<'_>, scroll: usize) -> String {
    let of = |name: &str, place: Place| {
        let starts = diff.places(place);
        let here = starts.partition_point(|start| *start <= scroll).max(1);
        (starts.len() > 1).then(|| format!("{name} {here}/{}", starts.len()))
    };
    let parts = [of("file", Place::File), of("hunk", Place::Hunk)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn filter(model: &Model, cursor: usize, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    let findings = &model.findings;
    let statuses = Filter::ALL.iter().map(|(key, filter, about)| {
        let mark = if *filter == findings.filter { "*" } else { " " };
        (*key, format!("{mark} {about}"))
    });
    let facets = Facet::ALL.iter().map(|(key, facet, name)| {
        (*key, format!("  {name:<11}{}", findings.narrow.value(*facet, findings.sort)))
    });
    let choices: Vec<(char, String)> = statuses.chain(facets).collect();
    let rows = u16::try_from(choices.len()).unwrap_or(u16::MAX).saturating_add(2);
    let area = centred(layout.body, 44, rows);
    let columns = usize::from(inside(area).width);
    let height = usize::from(inside(area).height);
    let lines = choices
        .iter()
        .enumerate()
        .map(|(index, (key, about))| {
            let here = index == cursor;
            let mark = if here { ">" } else { " " };
            let line = Line::from(vec![
                Span::raw(format!("{mark} ")),
                Span::styled(key.to_string(), theme.key()),
                Span::raw(pad(&format!(" {about}"), columns.saturating_sub(3), theme.0.ascii)),
            ]);
            if here { line.patch_style(Theme::cursor()) } else { line }
        })
        .collect();
    // On a low terminal the menu follows its cursor.
    let scroll = (cursor + 1).saturating_sub(height);
    Framed { title: "List which findings?", right: "Esc done", focused: true }
        .draw(theme, area, lines, scroll, frame);
}

/// The question before a write. The answer stands last and is never pushed out of sight.
fn question(confirm: &Confirm, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    let columns = 72.min(layout.body.width);
    let mut page = Page::new(theme, columns.saturating_sub(2));
    what(&mut page, confirm);
    let mut lines = page.into_lines();
    let mut page = Page::new(theme, columns.saturating_sub(2));
    page.gap();
    answer(&mut page, confirm);
    let answer = page.into_lines();
    let room = usize::from(layout.body.height).saturating_sub(2 + answer.len());
    if lines.len() > room {
        let hidden = lines.len() - room.saturating_sub(1);
        lines.truncate(room.saturating_sub(1));
        lines.push(Line::styled(
            format!("and {} more: Esc, and look at the plan", count(hidden, "line")),
            theme.tone(Tone::Warn),
        ));
    }
    lines.extend(answer);
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let title = match &confirm.write {
        Write::Apply(_) => "Apply?",
        Write::Rollback(_) if confirm.write.only_noted() => "Note as undone?",
        Write::Rollback(_) => "Roll back?",
        Write::Recover(_) => "Recover?",
        Write::Keep(_) => "Keep?",
        Write::PutBack(_) => "Put back?",
    };
    let area = centred(layout.body, columns, rows);
    Framed { title, right: "", focused: true }.draw(theme, area, lines, 0, frame);
}

fn what(page: &mut Page, confirm: &Confirm) {
    if let Write::Recover(ids) = &confirm.write {
        for id in ids {
            page.text(Tone::Strong, &format!("{id} did not end."));
        }
        page.text(
            Tone::Plain,
            "Where every step had proved itself the change is kept. Everything else is put back from its backups.",
        );
    }
    if let Write::Keep(id) | Write::PutBack(id) = &confirm.write {
        page.text(Tone::Strong, &format!("{id} stayed, although nobody confirmed it."));
    }
    match &confirm.write {
        Write::Keep(_) => page.text(
            Tone::Plain,
            "It is kept for good if every file is as it left them and what it restarted is well now.",
        ),
        Write::PutBack(_) => {
            page.text(
                Tone::Plain,
                "Every file gets its old state again, what it restarted restarts once more, and the node must prove itself healthy.",
            );
            if !confirm.consent.gives(Allowance::Single) {
                page.text(Tone::Plain, "Refused while another API server is down, unless s allowed it before.");
            }
            for allowance in confirm.consent.given() {
                page.item("!", Tone::Warn, allowance.consequence());
            }
        }
        _ => {}
    }
    if let Write::Rollback(rollback) = &confirm.write {
        for id in &rollback.of {
            page.text(Tone::Strong, &format!("Undoes {id}"));
        }
    }
    if confirm.write.only_noted() {
        page.text(Tone::Plain, "Nothing of it is left in place: only the history is written.");
        return;
    }
    let Some(plan) = confirm.write.plan() else { return };
    page.text(Tone::Strong, &headline(plan));
    if let Some(tier) = confirm.tier {
        let tone = if tier >= Tier::R3 { Tone::Bad } else { Tone::Plain };
        page.labelled(&tier.to_string(), tone, tier_meaning(tier));
    }
    for step in &plan.steps {
        page.item("-", Tone::Plain, &format!("{} ({})", step_name(step), step.tier));
    }
    if matches!(confirm.write, Write::Apply(_)) && confirm.tier >= Some(Tier::R2) {
        page.text(
            Tone::Plain,
            "On a running node it then waits 5 minutes for you to keep it (K), or is put back.",
        );
    }
    for control in &plan.controls {
        match control.reversible {
            Reversibility::Bytes => {}
            Reversibility::Procedure => page.item(
                "!",
                Tone::Warn,
                &format!("{} is undone only by a procedure, not by a roll back", control.control),
            ),
            Reversibility::OneWay => {
                page.item("!", Tone::Bad, &format!("{} can NOT be undone", control.control));
            }
        }
    }
    for allowance in confirm.consent.given() {
        page.item("!", Tone::Warn, allowance.consequence());
    }
    if !plan.left.is_empty() {
        page.text(Tone::Warn, &format!("{} left out, see the plan", count(plan.left.len(), "fix")));
    }
}

fn answer(page: &mut Page, confirm: &Confirm) {
    let theme = page.theme();
    let Some(word) = confirm.word() else {
        page.line(Line::from(vec![
            Span::styled("y", theme.key()),
            Span::raw("  yes, do it     "),
            Span::styled("Esc", theme.key()),
            Span::raw("  cancel     (Enter does nothing)"),
        ]));
        return;
    };
    let place = if confirm.words.len() > 1 {
        format!(" ({} of {})", confirm.done + 1, confirm.words.len())
    } else {
        String::new()
    };
    page.text(Tone::Warn, &format!("Type {word} to go on{place}:"));
    let wrong = !word.starts_with(confirm.input.as_str());
    let tone = if wrong { Tone::Bad } else { Tone::Plain };
    let hint = if wrong { "   does not match: Backspace, or Esc cancels" } else { "" };
    page.line(Line::from(vec![
        Span::styled(format!("> {}", clean(&confirm.input, theme.0.ascii)), theme.tone(tone)),
        Span::styled(" ", Theme::cursor()),
        Span::styled(hint, theme.tone(Tone::Bad)),
    ]));
}

/// The keys of the screen below, and what a reader must know about this run.
pub(super) fn help(model: &Model, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    // Help lies on top: the context is that of what it covers.
    let below = model.overlays.iter().rev().find(|o| !matches!(o, Overlay::Help { .. }));
    let context = match below {
        Some(Overlay::Explain { .. }) => Context::Explain,
        Some(Overlay::Objects(_)) => Context::Objects,
        Some(Overlay::Diff(_)) => Context::Diff,
        Some(Overlay::Log(_)) => Context::Log,
        _ => Context::of_screen(model),
    };
    page.text(Tone::Strong, "Keys here");
    for binding in keys::of(context) {
        let keys: Vec<String> = binding.keys.iter().map(ToString::to_string).collect();
        let mark = pad(&keys.join(" "), 14, true);
        page.item(&mark, Tone::Plain, binding.about);
    }
    page.heading("Signs");
    page.text(Tone::Plain, "x FAIL   E ERROR   ? MANUAL   + PASS   - N/A   w ACCEPTED   * marked");
    page.text(Tone::Plain, "score = PASS / (PASS + FAIL) over automated controls");
    page.heading("Risk");
    for tier in [Tier::R0, Tier::R1, Tier::R2, Tier::R3, Tier::R4] {
        page.labelled(&tier.to_string(), Tone::Plain, tier_meaning(tier));
    }
    if let Some(scan) = &model.scan {
        page.heading("This run");
        let kubernetes = scan.report.kubernetes.as_deref().unwrap_or("unknown");
        page.text(Tone::Plain, &format!("Kubernetes {kubernetes}"));
        for notice in &scan.report.notices {
            page.item("-", Tone::Plain, notice);
        }
    }
    if let Some(reason) = &model.read_only {
        page.item("-", Tone::Warn, &format!("read-only: {reason}"));
    }
    page.into_lines()
}

pub(super) fn too_small(model: &Model, frame: &mut Frame<'_>) {
    let (columns, rows) = model.size;
    let mut text = format!("kube-temper needs 60x15, this terminal has {columns}x{rows}.\n");
    text.push_str(if model.transaction_runs() {
        "The transaction goes on."
    } else {
        "Make it larger, or q quits."
    });
    frame.render_widget(Paragraph::new(text), frame.area());
}
