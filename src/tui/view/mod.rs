//! The screen as a function of the model: draws, and changes nothing.
//!
//! What a pane holds is made as lines first, by functions that `update` asks as well when it scrolls.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Text},
    widgets::{Block, Clear, Paragraph},
};

use super::model::{Model, Overlay, Pane, Screen};
use crate::model::Tier;

mod bars;
mod diff;
mod excerpt;
mod findings;
mod health;
mod history;
mod layout;
mod log;
mod objects;
mod overlays;
mod progress;
mod review;
mod text;
mod theme;

pub(crate) use diff::Place;
use diff::Unified;
pub(crate) use excerpt::{to_copy, to_page};
use layout::{Layout, inside};
pub(crate) use objects::height as objects_height;
use theme::Theme;

/// How far so many rows can be scrolled in an area.
fn last_of(rows: usize, area: Rect) -> usize {
    rows.saturating_sub(usize::from(inside(area).height))
}

/// How far the text can be scrolled that fills the screen or the overlay.
pub(crate) fn last_scroll(model: &Model) -> usize {
    let layout = Layout::of(model);
    let full = inside(layout.body).width;
    let lines = match (model.overlays.last(), model.screen) {
        (Some(Overlay::Explain { .. }), _) => findings::explanation(model, full),
        (Some(Overlay::Help { .. }), _) => overlays::help(model, full),
        (Some(Overlay::Diff(review)), _) => {
            return last_of(Unified::new(model, review, full).rows(), layout.body);
        }
        (_, Screen::Progress | Screen::Outcome) => progress::lines(model, full),
        (_, Screen::Transaction) => history::transaction(model, full),
        (_, Screen::Health) => health::lines(model, full),
        _ => return 0,
    };
    last_of(lines.len(), layout.body)
}

/// How far the log can be scrolled.
pub(crate) fn last_scroll_of_log(model: &Model) -> usize {
    model.log_pane().map_or(0, |pane| log::last_scroll(model, pane, &Layout::of(model)))
}

/// The rows of the diff in sight at which hunks or files begin, as far as it can be scrolled.
pub(crate) fn places(model: &Model, place: Place) -> Vec<usize> {
    let layout = Layout::of(model);
    let (review, area) = match model.overlays.last() {
        Some(Overlay::Diff(review)) => (Some(review.as_ref()), layout.body),
        _ => (model.review(), layout.second),
    };
    let Some(review) = review else { return Vec::new() };
    let unified = Unified::new(model, review, inside(area).width);
    let last = last_of(unified.rows(), area);
    unified.places(place).into_iter().map(|start| start.min(last)).collect()
}

/// How far the detail beside a list can be scrolled.
pub(crate) fn last_scroll_of_detail(model: &Model) -> usize {
    let area = Layout::of(model).second;
    let width = inside(area).width;
    let lines = match model.screen {
        Screen::History => history::detail(model, width),
        _ => findings::detail(model, width),
    };
    last_of(lines.len(), area)
}

/// How far the summary and the diff of a plan can be scrolled.
pub(crate) fn last_scrolls_of_review(model: &Model) -> (usize, usize) {
    let layout = Layout::of(model);
    let Some(review) = model.review() else { return (0, 0) };
    let summary = review::summary(model, review, inside(layout.first).width);
    let diff = Unified::new(model, review, inside(layout.second).width);
    (last_of(summary.len(), layout.first), last_of(diff.rows(), layout.second))
}

/// Rows of a list; the findings have a line of column names above them.
pub(crate) fn list_height(model: &Model, screen: Screen) -> usize {
    let rows = usize::from(inside(Layout::of(model).first).height);
    if screen == Screen::Findings { rows.saturating_sub(1) } else { rows }
}

/// Rows that a page key moves over.
pub(crate) fn page_height(model: &Model) -> usize {
    if let Some(Overlay::Objects(_)) = model.overlays.last() {
        return objects_height(model);
    }
    let layout = Layout::of(model);
    let area = match (model.overlays.is_empty(), model.screen, model.focus) {
        (true, Screen::Findings | Screen::History, Pane::First) => {
            return list_height(model, model.screen);
        }
        (true, Screen::Plan | Screen::Undo, Pane::First) => layout.first,
        (true, Screen::Findings | Screen::History | Screen::Plan | Screen::Undo, _) => {
            layout.second
        }
        _ if matches!(model.overlays.last(), Some(Overlay::Log(_))) => layout.log,
        _ => layout.body,
    };
    usize::from(inside(area).height)
}

/// Draws everything.
pub(crate) fn view(model: &Model, frame: &mut Frame<'_>) {
    let theme = Theme(model.options);
    if model.too_small() {
        overlays::too_small(model, frame);
        return;
    }
    let layout = Layout::of(model);
    bars::draw(model, theme, &layout, frame);
    let in_sight = in_sight(&model.overlays);
    let covered = in_sight.iter().any(|overlay| match overlay {
        Overlay::Log(_) => layout.log == layout.body,
        other => overlays::covers(other),
    });
    if !covered {
        screen(model, theme, &layout, frame);
    }
    for overlay in in_sight {
        overlays::draw(model, overlay, theme, &layout, frame);
    }
}

fn screen(model: &Model, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    match model.screen {
        Screen::Findings => findings::draw(model, theme, layout, frame),
        Screen::Plan | Screen::Undo => review::draw(model, theme, layout, frame),
        Screen::Progress | Screen::Outcome => progress::draw(model, theme, layout, frame),
        Screen::History => history::draw(model, theme, layout, frame),
        Screen::Transaction => history::draw_transaction(model, theme, layout, frame),
        Screen::Health => health::draw(model, theme, layout, frame),
    }
}

/// The topmost overlay, with what it leaves in sight.
fn in_sight(overlays: &[Overlay]) -> &[Overlay] {
    let leaves = |overlay: &Overlay| matches!(overlay, Overlay::Log(_) | Overlay::Search { .. });
    let covering = overlays.iter().rposition(|overlay| !leaves(overlay)).unwrap_or(0);
    overlays.get(covering..).unwrap_or_default()
}

/// A bordered place with a title, and a line at the right of its top border.
struct Framed<'t> {
    title: &'t str,
    right: &'t str,
    focused: bool,
}

impl Framed<'_> {
    fn draw(
        &self,
        theme: Theme,
        area: Rect,
        lines: Vec<Line<'static>>,
        scroll: usize,
        frame: &mut Frame<'_>,
    ) {
        let height = usize::from(inside(area).height);
        let rows = lines.len();
        let shown = lines.into_iter().skip(scroll).take(height).collect();
        self.draw_part(theme, area, shown, (scroll, rows), frame);
    }

    /// The same for a diff, of which only what is in sight is made.
    fn draw_diff(
        &self,
        theme: Theme,
        area: Rect,
        diff: &Unified<'_>,
        scroll: usize,
        frame: &mut Frame<'_>,
    ) {
        let shown = diff.visible(scroll, usize::from(inside(area).height));
        self.draw_part(theme, area, shown, (scroll, diff.rows()), frame);
    }

    /// The lines in sight, out of `rows` of which the first `scroll` are above.
    fn draw_part(
        &self,
        theme: Theme,
        area: Rect,
        shown: Vec<Line<'static>>,
        (scroll, rows): (usize, usize),
        frame: &mut Frame<'_>,
    ) {
        let ascii = theme.0.ascii;
        let room = usize::from(area.width).saturating_sub(4);
        let title = text::cut(&text::clean(self.title, ascii), room, ascii);
        let mut block = Block::bordered()
            .border_set(theme.borders())
            .border_style(theme.border(self.focused))
            .title(if title.is_empty() { String::new() } else { format!(" {title} ") });
        let left = text::width(&title) + 4;
        let mut right = text::clean(self.right, ascii);
        let height = usize::from(inside(area).height);
        if rows > height {
            let last = (scroll + height).min(rows);
            let place = format!("{}-{last}/{rows}", scroll + 1);
            right = if right.is_empty() { place } else { format!("{right}  {place}") };
        }
        let beside = usize::from(area.width).saturating_sub(left + 4);
        // A few words say something; less does not.
        if beside >= 12 {
            right = text::cut(&right, beside, ascii);
        }
        if !right.is_empty() && text::width(&right) <= beside {
            block = block.title(Line::from(format!(" {right} ")).right_aligned());
        }
        frame.render_widget(Clear, area);
        frame.render_widget(Paragraph::new(Text::from(shown)).block(block), area);
    }
}

/// What a risk means, in a line.
const fn tier_meaning(tier: Tier) -> &'static str {
    match tier {
        Tier::R0 => "mode or owner only, nothing restarts",
        Tier::R1 => "scheduler or controller-manager restarts",
        Tier::R2 => "API server or kubelet restarts, clients notice nothing else",
        Tier::R3 => "clients or workloads may notice",
        Tier::R4 => "touches data or quorum",
    }
}
