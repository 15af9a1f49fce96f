//! The findings: list, detail and the full explanation.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    Framed,
    layout::{Layout, inside},
    objects,
    text::{Page, clean, cut, pad},
    theme::Theme,
};
use crate::{
    catalog::Numbered,
    engine::{Watched, watched},
    model::{
        Assessment, Check, Component, Control, Evidence, Finding, FixOffer, Level, Mark,
        Reversibility, Source, Status, Tier, section,
    },
    tui::{
        disabled,
        model::{Model, Pane, Row, Sort, Tone, findings_offered},
    },
};

pub(super) fn draw(model: &Model, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    let first = model.focus == Pane::First;
    if layout.draws(Pane::First, model) {
        let list = list(model, theme, layout.first);
        let title = layout.title(&list_title(model), "detail");
        Framed { title: &title, right: &list_right(model), focused: first }.draw(
            theme,
            layout.first,
            list,
            0,
            frame,
        );
    }
    if !layout.draws(Pane::Second, model) {
        return;
    }
    let title = model.finding().map_or_else(String::new, |f| f.control.to_string());
    let title = layout.title(&title, "list");
    let lines = detail(model, inside(layout.second).width);
    let right = match model.finding() {
        None => "",
        Some(finding) if finding.objects.is_empty() => "e explain",
        Some(_) => "t objects, e explain",
    };
    Framed { title: &title, right, focused: !first }.draw(
        theme,
        layout.second,
        lines,
        model.findings.scroll,
        frame,
    );
}

fn list_title(model: &Model) -> String {
    let Some(scan) = &model.scan else { return "Findings".to_owned() };
    let shown = model.findings.visible(scan).len();
    let place = if shown == 0 { 0 } else { model.findings.list.cursor + 1 };
    let marked = match model.findings.marked.len() {
        0 => String::new(),
        count => format!(", {count} marked"),
    };
    format!("Findings {place}/{shown}{marked}")
}

fn list_right(model: &Model) -> String {
    let mut parts = vec![model.findings.filter.name().to_owned()];
    parts.extend(model.findings.narrow.names());
    if model.findings.sort != Sort::default() {
        parts.push(format!("by {}", model.findings.sort.name()));
    }
    let filter = format!("filter: {}", parts.join(", "));
    if model.findings.search.is_empty() {
        filter
    } else {
        format!("{filter}, \"{}\"", model.findings.search)
    }
}

fn message(theme: Theme, area: Rect, said: &[(Tone, String)]) -> Vec<Line<'static>> {
    let mut page = Page::new(theme, inside(area).width);
    for (tone, text) in said {
        page.text(*tone, text);
    }
    page.into_lines()
}

fn list(model: &Model, theme: Theme, area: Rect) -> Vec<Line<'static>> {
    let Some(scan) = &model.scan else {
        return match &model.scan_error {
            Some(error) => message(
                theme,
                area,
                &[
                    (Tone::Bad, "The node could not be judged.".to_owned()),
                    (Tone::Plain, error.clone()),
                    (Tone::Info, "R tries again, q quits.".to_owned()),
                ],
            ),
            None => message(theme, area, &[(Tone::Plain, "Reading the node…".to_owned())]),
        };
    };
    let rows = model.findings.rows(scan);
    if rows.is_empty() {
        let pass = scan.report.score();
        return message(
            theme,
            area,
            &[
                (Tone::Plain, disabled::empty_list(model)),
                (
                    Tone::Faint,
                    format!("{} automated controls pass, {} fail.", pass.pass, pass.fail),
                ),
            ],
        );
    }
    let columns = usize::from(inside(area).width);
    let current = model.finding().map(|finding| &finding.control);
    let mut lines = vec![head(theme, columns)];
    let height = usize::from(inside(area).height).saturating_sub(1);
    for row in rows.iter().skip(model.findings.list.offset).take(height) {
        lines.push(match row {
            Row::Section(number, count) => heading(theme, columns, number, *count),
            Row::Finding(finding) => {
                let marked = model.findings.marked.contains(&finding.control);
                let restarts = restarts(model, finding);
                line(theme, columns, finding, (marked, restarts), Some(&finding.control) == current)
            }
        });
    }
    lines
}

/// Columns of the list: two marks, the id, glyph and word, the title, the risk, what restarts.
const ID: usize = 8;
const STATE: usize = 10;
const RISK: usize = 4;

/// Where there is room for it: what the fix restarts.
const fn restarts_columns(columns: usize) -> usize {
    if columns >= 70 { 11 } else { 0 }
}

/// Short enough for its column.
const fn short(component: Component) -> &'static str {
    match component {
        Component::KubeApiserver => "apiserver",
        Component::KubeControllerManager => "ctrl-mgr",
        Component::KubeScheduler => "scheduler",
        Component::Etcd => "etcd",
        Component::Kubelet => "kubelet",
        Component::KubeProxy => "kube-proxy",
    }
}

/// What the fix on offer restarts; `-` when there is none.
fn restarts(model: &Model, finding: &Finding) -> &'static str {
    match findings_offered(finding) {
        None => "-",
        Some(Tier::R0) => "none",
        Some(_) => numbered(model, finding)
            .and_then(|numbered| numbered.control.restarts())
            .map_or("none", short),
    }
}

fn title_columns(columns: usize) -> usize {
    columns.saturating_sub(3 + ID + 1 + STATE + 1 + 1 + RISK + restarts_columns(columns))
}

fn head(theme: Theme, columns: usize) -> Line<'static> {
    let text = format!(
        "   {} {} {} {}",
        pad("ID", ID, true),
        pad("STATE", STATE, true),
        pad("CONTROL", title_columns(columns), true),
        pad("RISK", RISK, true)
    );
    let text = match restarts_columns(columns) {
        0 => text,
        room => format!("{text} {}", pad("RESTARTS", room - 1, true)),
    };
    Line::styled(text, theme.tone(Tone::Faint))
}

fn heading(theme: Theme, columns: usize, number: &str, count: usize) -> Line<'static> {
    let title = section::title(number);
    let text = cut(&format!("   {number} {title} ({count})"), columns, theme.0.ascii);
    Line::styled(clean(&text, theme.0.ascii), theme.tone(Tone::Strong))
}

/// `R1`, or `-` when there is nothing to fix or no fix on offer.
fn risk(finding: &Finding) -> String {
    findings_offered(finding).map_or_else(|| "-".to_owned(), |tier| tier.to_string())
}

fn line(
    theme: Theme,
    columns: usize,
    finding: &Finding,
    (marked, restarts): (bool, &str),
    under_cursor: bool,
) -> Line<'static> {
    let ascii = theme.0.ascii;
    let (glyph, word, style) = theme.status(finding);
    let id = finding.control.as_str();
    // Names of our own are longer than numbers; the section heading above says KT.
    let id = id.strip_prefix("KT-").unwrap_or(id);
    let title = clean(&finding.title, ascii);
    let mut line = Line::from(vec![
        Span::raw(if under_cursor { ">" } else { " " }),
        Span::styled(if marked { "* " } else { "  " }, theme.tone(Tone::Good)),
        Span::raw(format!("{} ", pad(id, ID, ascii))),
        Span::styled(pad(&format!("{glyph} {word}"), STATE, ascii), style),
        Span::raw(format!(" {} ", pad(&title, title_columns(columns), ascii))),
        Span::raw(pad(&risk(finding), RISK, ascii)),
    ]);
    if let Some(room) = restarts_columns(columns).checked_sub(1) {
        line.push_span(format!(" {}", pad(restarts, room, ascii)));
    }
    if under_cursor { Line::styled(line.to_string(), Theme::cursor()) } else { line }
}

fn numbered<'m>(model: &'m Model, finding: &Finding) -> Option<&'m Numbered> {
    model.scan.as_ref()?.controls.iter().find(|numbered| numbered.id == finding.control)
}

/// What is known of the finding under the cursor.
pub(super) fn detail(model: &Model, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    if let Some(finding) = model.finding() {
        judged(&mut page, finding);
        offer(&mut page, finding);
        if let Some(numbered) = numbered(model, finding) {
            let control = &numbered.control;
            page.labelled("Why", Tone::Plain, &control.why);
            page.labelled("Changes", Tone::Plain, &control.change);
            page.labelled("Impact", Tone::Plain, &control.breaks.join("; "));
            if let Some(watched) = watched(control) {
                page.labelled("Proof", Tone::Plain, &watched.after.join("; "));
            }
            page.labelled("Undo", Tone::Plain, &control.undo);
            page.labelled("Source", Tone::Faint, &control.references.join("\n"));
        }
    }
    page.into_lines()
}

/// What somebody else must know of the finding under the cursor.
pub(super) fn excerpt(model: &Model, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    if let Some(finding) = model.finding() {
        page.text(Tone::Strong, finding.control.as_str());
        judged(&mut page, finding);
        offer(&mut page, finding);
        if findings_offered(finding).is_some() {
            let command = format!("kube-temper apply --check {}", finding.control);
            page.labelled(" ", Tone::Plain, &command);
        }
    }
    page.into_lines()
}

fn judged(page: &mut Page, finding: &Finding) {
    page.text(Tone::Strong, &finding.title);
    let (glyph, word, style) = page.theme().status(finding);
    let text = clean(&finding.reason, page.theme().0.ascii);
    let room = page.columns().saturating_sub(word.len() + 4);
    let mut folded = super::text::fold(&text, room).into_iter();
    let first = folded.next().unwrap_or_default();
    page.line(Line::from(vec![
        Span::styled(format!("{glyph} {word}"), style),
        Span::raw(format!("  {first}")),
    ]));
    for rest in folded {
        page.line(Line::raw(format!("{}{rest}", " ".repeat(word.len() + 4))));
    }
    if let Some(Mark::Accepted { reason }) = &finding.mark {
        page.labelled("Accepted", Tone::Info, reason);
    }
    objects::first(page, finding);
    if finding.evidence.is_empty() && finding.objects.is_empty() {
        page.labelled("Found", Tone::Plain, "nothing that tells");
    }
    for (index, evidence) in finding.evidence.iter().enumerate() {
        let label = if index == 0 { "Found" } else { " " };
        let tone = if evidence.good { Tone::Plain } else { Tone::Warn };
        page.labelled(label, tone, &found(evidence));
    }
    if let Some(drift) = &finding.drift {
        page.labelled("Drift", Tone::Warn, drift);
    }
    page.labelled("Wanted", Tone::Plain, &finding.expected);
}

fn found(evidence: &Evidence) -> String {
    match evidence.source {
        Source::Note => evidence.value.clone(),
        _ => format!("{} ({})", evidence.value, evidence.source),
    }
}

fn offer(page: &mut Page, finding: &Finding) {
    if finding.status != Status::Fail {
        return;
    }
    match &finding.offer {
        FixOffer::Offered { tier, reversible } => {
            let undone = match reversible {
                Reversibility::Bytes => "undone by putting the old bytes back",
                Reversibility::Procedure => "undone only by a procedure, see Undo",
                Reversibility::OneWay => "can NOT be undone",
            };
            let text = format!("{tier}: {}; {undone}", super::tier_meaning(*tier));
            page.labelled("Fix", Tone::Info, &text);
        }
        FixOffer::Later { reason } => {
            page.labelled("Fix", Tone::Plain, &format!("not by this version: {reason}"));
        }
        FixOffer::None { reason } => {
            page.labelled("Fix", Tone::Plain, &format!("none: {reason}"));
        }
    }
}

/// Everything about the control under the cursor.
pub(super) fn explanation(model: &Model, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    let Some(finding) = model.finding() else { return page.into_lines() };
    let level = match finding.level {
        Level::L1 => "level 1",
        Level::L2 => "level 2",
    };
    let assessment = match finding.assessment {
        Assessment::Automated => "automated",
        Assessment::Manual => "manual",
    };
    judged(&mut page, finding);
    offer(&mut page, finding);
    if let Some(numbered) = numbered(model, finding) {
        control(&mut page, &numbered.control);
    }
    page.heading("About");
    page.labelled("Control", Tone::Plain, finding.control.as_str());
    page.labelled("Name", Tone::Plain, &finding.slug.0);
    page.labelled("CIS", Tone::Plain, &format!("{level}, {assessment}"));
    page.into_lines()
}

fn control(page: &mut Page, control: &Control) {
    page.heading("Why it matters");
    page.text(Tone::Plain, &control.why);
    if let Check::Api { look_at, .. } | Check::Review { look_at, .. } = &control.check {
        page.heading("How to judge it");
        page.text(Tone::Plain, look_at);
    }
    page.heading("What a fix changes");
    page.text(Tone::Plain, &control.change);
    page.heading("What may break");
    if control.breaks.is_empty() {
        page.text(Tone::Plain, "Nothing known.");
    }
    for line in &control.breaks {
        page.item("-", Tone::Plain, line);
    }
    for (title, lines) in watched(control).iter().flat_map(Watched::parts) {
        page.heading(title);
        for line in lines {
            page.item("-", Tone::Plain, line);
        }
    }
    page.heading("How it is undone");
    page.text(Tone::Plain, &control.undo);
    if let Some(none) = &control.fix.none {
        page.heading("Why there is no fix");
        page.text(Tone::Plain, none);
    }
    if !control.references.is_empty() {
        page.heading("References");
    }
    for reference in &control.references {
        page.verbatim(Tone::Info, reference);
    }
}
