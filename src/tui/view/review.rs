//! A plan before it is written: what, in which order, at which risk, and what was left out.

use ratatui::{Frame, text::Line};

use super::{
    Framed, diff,
    layout::{Layout, inside},
    text::Page,
    theme::Theme,
    tier_meaning,
};
use crate::{
    model::{Plan, Reversibility, Step},
    tui::model::{Model, Pane, Review, ReviewState, Screen, Tone, Write},
};

pub(super) fn draw(model: &Model, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    let first = model.focus == Pane::First;
    let undo = model.screen == Screen::Undo;
    let title = if undo { "Roll back" } else { "Plan" };
    let (summary, diff, scrolls) = if let Some(review) = model.review() {
        (
            summary(model, review, inside(layout.first).width),
            diff::lines(model, review, inside(layout.second).width),
            (review.summary_scroll, review.diff_scroll),
        )
    } else {
        let mut page = Page::new(theme, inside(layout.first).width);
        page.text(Tone::Plain, "Nothing is marked. On the findings (1), Space marks a fix.");
        (page.into_lines(), Vec::new(), (0, 0))
    };
    Framed { title, right: "", focused: first }.draw(
        theme,
        layout.first,
        summary,
        scrolls.0,
        frame,
    );
    let files = model.review().and_then(Review::ready).map_or(0, |ready| ready.diffs.len());
    let title = format!("Diff, {}", count(files, "file"));
    Framed { title: &title, right: "{ } context", focused: !first }.draw(
        theme,
        layout.second,
        diff,
        scrolls.1,
        frame,
    );
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// `2 fixes, 3 files, 1 restart, risk R2`.
pub(super) fn headline(plan: &Plan) -> String {
    let fixes = plan.controls.len();
    let restarts = plan.steps.iter().filter(|step| step.target.restarts().is_some()).count();
    let fixes = if fixes == 1 { "1 fix".to_owned() } else { format!("{fixes} fixes") };
    let touched = count(plan.changes().count(), "file");
    let restarts = match restarts {
        0 => "no restart".to_owned(),
        number => count(number, "restart"),
    };
    let risk = plan.tier().map_or_else(|| "no change".to_owned(), |tier| format!("risk {tier}"));
    format!("{fixes}, {touched}, {restarts}, {risk}")
}

/// `kube-scheduler restarts`, `modes and owners, nothing restarts`.
pub(super) fn step_name(step: &Step) -> String {
    match step.target.restarts() {
        Some(component) => format!("{component} restarts"),
        None => "modes and owners, nothing restarts".to_owned(),
    }
}

/// What stands beside the diff of a plan.
pub(super) fn summary(model: &Model, review: &Review, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    match &review.state {
        ReviewState::Loading => page.text(Tone::Plain, "Planning…"),
        ReviewState::Failed(error) => {
            page.text(Tone::Bad, "There is no plan.");
            page.text(Tone::Plain, error);
            page.text(Tone::Info, "Esc goes back, R reads the node again.");
        }
        ReviewState::Ready(ready) => {
            if let Write::Rollback(rollback) = &ready.write {
                for id in &rollback.of {
                    page.text(Tone::Strong, &format!("Undoes {id}"));
                }
                for note in &rollback.notes {
                    page.item("-", Tone::Plain, note);
                }
                for conflict in &rollback.conflicts {
                    page.item("!", Tone::Bad, conflict);
                }
                if !rollback.conflicts.is_empty() {
                    page.text(Tone::Warn, "It is refused whole: settle these first.");
                    for id in &rollback.rest {
                        page.text(
                            Tone::Info,
                            &format!("On its own: kube-temper rollback --check {id}"),
                        );
                    }
                }
            }
            if let Some(plan) = ready.write.plan() {
                steps(&mut page, plan);
            }
        }
    }
    page.into_lines()
}

fn steps(page: &mut Page, plan: &Plan) {
    page.text(Tone::Strong, &headline(plan));
    if let Some(tier) = plan.tier() {
        page.labelled(&tier.to_string(), Tone::Plain, tier_meaning(tier));
    }
    for (index, step) in plan.steps.iter().enumerate() {
        page.item(
            &format!("{}.", index + 1),
            Tone::Info,
            &format!("{} ({})", step_name(step), step.tier),
        );
        for control in &plan.controls {
            let here = step
                .changes
                .iter()
                .any(|change| change.edits.iter().any(|edit| edit.control == control.control));
            if here {
                let warning = match control.reversible {
                    Reversibility::Bytes => "",
                    Reversibility::Procedure => "  (undone only by a procedure)",
                    Reversibility::OneWay => "  (can NOT be undone)",
                };
                page.item(
                    "  ",
                    Tone::Plain,
                    &format!("{} {} {}{warning}", control.control, control.tier, control.title),
                );
            }
        }
    }
    if !plan.left.is_empty() {
        page.heading("Left out");
        for left in &plan.left {
            page.item(left.control.as_str(), Tone::Warn, &left.reason);
        }
    }
}
