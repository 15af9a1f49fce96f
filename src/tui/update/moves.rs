//! Moving: one set of keys for lists and text.

use crate::tui::{
    keys::Action,
    model::{Facet, Filter, Model, Overlay, Pane, Review, Screen, Tone},
    view::{self, Place},
};

/// Moves in whatever has the focus. Scrolling too far is put right by `settle`.
pub(super) fn go(model: &mut Model, action: Action) {
    let page = view::page_height(model).max(1);
    let page = isize::try_from(page).unwrap_or(1);
    let half = (page / 2).max(1);
    // Far enough for every list and text, and no overflow when added.
    let far = isize::MAX / 4;
    let by = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::HalfUp => -half,
        Action::HalfDown => half,
        Action::Top => -far,
        _ => far,
    };
    let last = view::last_scroll_of_log(model);
    match model.overlays.last_mut() {
        Some(Overlay::Explain { scroll } | Overlay::Help { scroll }) => {
            *scroll = scroll.saturating_add_signed(by);
            return;
        }
        Some(Overlay::Log(pane)) => {
            let from = pane.scroll.unwrap_or(last);
            let to = from.saturating_add_signed(by);
            // At the end again: follow what arrives.
            pane.scroll = (to < last).then_some(to);
            return;
        }
        Some(Overlay::Diff(review)) => {
            review.diff_scroll = review.diff_scroll.saturating_add_signed(by);
            return;
        }
        Some(Overlay::Filter { cursor }) => {
            *cursor =
                cursor.saturating_add_signed(by).min(Filter::ALL.len() + Facet::ALL.len() - 1);
            return;
        }
        Some(Overlay::Objects(objects)) => {
            // Brought back to the last one by `settle`.
            objects.list.step(by, usize::MAX);
            return;
        }
        Some(Overlay::Confirm(_) | Overlay::Search { .. }) => return,
        None => {}
    }
    screen(model, by);
}

/// Scrolls a diff to where the next, or the one before, of these begins.
pub(super) fn jump(model: &mut Model, place: Place, forward: bool) {
    let starts = view::places(model, place);
    let Some(review) = review(model) else { return };
    let here = review.diff_scroll;
    let to = if forward {
        starts.into_iter().find(|start| *start > here)
    } else {
        starts.into_iter().rev().find(|start| *start < here)
    };
    if let Some(to) = to {
        review.diff_scroll = to;
    } else {
        model.say(
            Tone::Plain,
            if forward { "that was the last one" } else { "that was the first one" },
        );
    }
}

/// The diff in sight.
fn review(model: &mut Model) -> Option<&mut Review> {
    match (model.overlays.last_mut(), model.screen) {
        (Some(Overlay::Diff(review)), _) => Some(review.as_mut()),
        (_, Screen::Undo) => model.undo.as_mut(),
        _ => model.plan.as_mut(),
    }
}

fn screen(model: &mut Model, by: isize) {
    match (model.screen, model.focus) {
        (Screen::Findings, Pane::First) => {
            let len = model.scan.as_ref().map_or(0, |scan| model.findings.visible(scan).len());
            model.findings.list.step(by, len);
            model.findings.scroll = 0;
        }
        (Screen::Findings, Pane::Second) => {
            model.findings.scroll = model.findings.scroll.saturating_add_signed(by);
        }
        (Screen::History, Pane::First) => {
            let len = model.history.len();
            model.history.list.step(by, len);
            model.history.scroll = 0;
        }
        (Screen::History, Pane::Second) => {
            model.history.scroll = model.history.scroll.saturating_add_signed(by);
        }
        (Screen::Plan | Screen::Undo, pane) => {
            if let Some(review) = model.review_mut() {
                let scroll = match pane {
                    Pane::First => &mut review.summary_scroll,
                    Pane::Second => &mut review.diff_scroll,
                };
                *scroll = scroll.saturating_add_signed(by);
            }
        }
        (Screen::Progress | Screen::Outcome, _) => {
            let last = view::last_scroll(model);
            if let Some(progress) = &mut model.progress {
                let from = progress.scroll.unwrap_or(last);
                let to = from.saturating_add_signed(by);
                // At the end again: follow what arrives.
                progress.scroll = (to < last).then_some(to);
            }
        }
        (Screen::Health, _) => {
            model.health_scroll = model.health_scroll.saturating_add_signed(by);
        }
        (Screen::Transaction, _) => {
            if let Some((_, scroll)) = &mut model.opened {
                *scroll = scroll.saturating_add_signed(by);
            }
        }
    }
}
