//! After every message: cursors and scrolls are brought back to where there is something to see.

use crate::tui::{
    model::{Model, Overlay, Row, Screen},
    view,
};

pub(super) fn settle(model: &mut Model) {
    if model.too_small() {
        return;
    }
    findings(model);
    history(model);
    objects(model);
    let end = view::last_scroll_of_log(model);
    if let Some(pane) = model.log_pane_mut() {
        pane.scroll = pane.scroll.filter(|scroll| *scroll < end);
    }
    let last = view::last_scroll(model);
    match model.overlays.last_mut() {
        Some(Overlay::Explain { scroll } | Overlay::Help { scroll }) => {
            *scroll = (*scroll).min(last);
            return;
        }
        Some(Overlay::Diff(review)) => {
            review.diff_scroll = review.diff_scroll.min(last);
            return;
        }
        _ => {}
    }
    match model.screen {
        Screen::Plan | Screen::Undo => {
            let (summary, diff) = view::last_scrolls_of_review(model);
            if let Some(review) = model.review_mut() {
                review.summary_scroll = review.summary_scroll.min(summary);
                review.diff_scroll = review.diff_scroll.min(diff);
            }
        }
        Screen::Transaction => {
            if let Some((_, scroll)) = &mut model.opened {
                *scroll = (*scroll).min(last);
            }
        }
        Screen::Health => model.health_scroll = model.health_scroll.min(last),
        Screen::Findings => {
            model.findings.scroll = model.findings.scroll.min(view::last_scroll_of_detail(model));
        }
        Screen::History => {
            model.history.scroll = model.history.scroll.min(view::last_scroll_of_detail(model));
        }
        Screen::Progress | Screen::Outcome => {}
    }
}

fn findings(model: &mut Model) {
    let Some(scan) = model.scan.clone() else { return };
    let rows = model.findings.rows(&scan);
    let items: Vec<usize> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| matches!(row, Row::Finding(_)))
        .map(|(index, _)| index)
        .collect();
    let total = rows.len();
    model.findings.list.cursor = model.findings.list.cursor.min(items.len().saturating_sub(1));
    let row = items.get(model.findings.list.cursor).copied().unwrap_or(0);
    // A heading just above the cursor stays in sight with it.
    let headed = row
        .checked_sub(1)
        .is_some_and(|above| rows.get(above).is_some_and(|row| matches!(row, Row::Section(..))));
    let top = if headed { row - 1 } else { row };
    let height = view::list_height(model, Screen::Findings);
    model.findings.list.settle(top, row, total, height);
}

fn history(model: &mut Model) {
    let len = model.history.len();
    model.history.list.cursor = model.history.list.cursor.min(len.saturating_sub(1));
    let row = model.history.list.cursor;
    let height = view::list_height(model, Screen::History);
    model.history.list.settle(row, row, len, height);
}

fn objects(model: &mut Model) {
    let len = match (model.objects(), model.finding()) {
        (Some(objects), Some(finding)) => objects.shown(finding).len(),
        _ => return,
    };
    let height = view::objects_height(model);
    if let Some(objects) = model.objects_mut() {
        objects.list.cursor = objects.list.cursor.min(len.saturating_sub(1));
        let row = objects.list.cursor;
        objects.list.settle(row, row, len, height);
    }
}
