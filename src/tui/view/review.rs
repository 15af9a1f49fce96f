//! A plan before it is written: what, in which order, at which risk, and what was left out.

use ratatui::{Frame, text::Line};

use super::{
    Framed,
    diff::Unified,
    layout::{Layout, inside},
    text::Page,
    theme::Theme,
    tier_meaning,
};
use crate::{
    model::{Plan, Reversibility, Step},
    tui::{
        keys::{self, Action},
        model::{Admission, Allowance, Model, Pane, Review, ReviewState, Screen, Tone, Write},
    },
};

pub(super) fn draw(model: &Model, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    let first = model.focus == Pane::First;
    let undo = model.screen == Screen::Undo;
    let title = if undo { "Roll back" } else { "Plan" };
    let (summary, scrolls) = if let Some(review) = model.review() {
        let lines = summary(model, review, inside(layout.first).width);
        (lines, (review.summary_scroll, review.diff_scroll))
    } else {
        let mut page = Page::new(theme, inside(layout.first).width);
        page.text(Tone::Plain, "Nothing is marked. On the findings (1), Space marks a fix.");
        (page.into_lines(), (0, 0))
    };
    if layout.draws(Pane::First, model) {
        let title = layout.title(title, "diff");
        Framed { title: &title, right: "", focused: first }.draw(
            theme,
            layout.first,
            summary,
            scrolls.0,
            frame,
        );
    }
    if !layout.draws(Pane::Second, model) {
        return;
    }
    let files = model.review().and_then(Review::ready).map_or(0, |ready| ready.diffs.len());
    let title = layout.title(&format!("Diff, {}", count(files, "file")), "summary");
    let framed = Framed { title: &title, right: "{ } context", focused: !first };
    match model.review() {
        Some(review) => {
            let diff = Unified::new(model, review, inside(layout.second).width);
            framed.draw_diff(theme, layout.second, &diff, scrolls.1, frame);
        }
        None => framed.draw(theme, layout.second, Vec::new(), 0, frame),
    }
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
            if ready.write.only_noted() {
                page.text(
                    Tone::Plain,
                    "Nothing of it is left in place. Z notes it as undone, so that the history goes on to the one before.",
                );
                return page.into_lines();
            }
            if let Some(plan) = ready.write.plan() {
                page.text(Tone::Strong, &headline(plan));
                let refused = admission(&mut page, &ready.admission);
                // What may lift a refusal stands beside it.
                if refused {
                    allowances(&mut page, model, review, plan);
                }
                steps(&mut page, plan);
                if !refused {
                    allowances(&mut page, model, review, plan);
                }
                left(&mut page, plan);
            }
        }
    }
    page.into_lines()
}

fn steps(page: &mut Page, plan: &Plan) {
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
}

/// What the node says of it, when that is not just yes; whether it would be refused.
fn admission(page: &mut Page, admission: &Admission) -> bool {
    match admission {
        Admission::Refused(why) => {
            let text = format!("Would be refused, R looks again: {why}");
            page.item("!", Tone::Bad, &text);
            return true;
        }
        Admission::Asked => page.text(Tone::Faint, "asking whether this node takes it…"),
        Admission::Unasked | Admission::Granted => {}
    }
    false
}

/// What can be allowed for this plan, and what is.
fn allowances(page: &mut Page, model: &Model, review: &Review, plan: &Plan) {
    for allowance in Allowance::ALL.into_iter().filter(|one| one.concerns(plan, model.kind)) {
        let given = review.consent.gives(allowance);
        let (mark, tone) = if given { ("[x]", Tone::Warn) } else { ("[ ]", Tone::Plain) };
        let mark = format!("{mark} {}", allowance_key(allowance));
        page.item(&mark, tone, allowance.words());
    }
}

/// The key that allows it.
pub(super) fn allowance_key(allowance: Allowance) -> String {
    let action = match allowance {
        Allowance::Pending => Action::AllowPending,
        Allowance::Single => Action::AllowSingle,
        Allowance::Unrehearsed => Action::SkipRehearsal,
    };
    keys::shown(action)
}

fn left(page: &mut Page, plan: &Plan) {
    if !plan.left.is_empty() {
        page.heading("Left out");
        for left in &plan.left {
            page.item(left.control.as_str(), Tone::Warn, &left.reason);
        }
    }
}
