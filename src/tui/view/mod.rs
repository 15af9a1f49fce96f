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
mod findings;
mod health;
mod history;
mod layout;
mod overlays;
mod progress;
mod review;
mod text;
mod theme;

use layout::{Layout, inside};
use theme::Theme;

/// A place that holds text: how wide and high, and what is in it.
struct Body {
    area: Rect,
    lines: Vec<Line<'static>>,
}

impl Body {
    /// How far it can be scrolled.
    fn last_scroll(&self) -> usize {
        self.lines.len().saturating_sub(usize::from(inside(self.area).height))
    }
}

/// The text that the moving keys scroll now, when it is text and not a list.
fn scrolled(model: &Model) -> Option<Body> {
    let layout = Layout::of(model);
    let full = inside(layout.body).width;
    let lines = match (model.overlays.last(), model.screen) {
        (Some(Overlay::Explain { .. }), _) => findings::explanation(model, full),
        (Some(Overlay::Help { .. }), _) => overlays::help(model, full),
        (Some(Overlay::Diff(review)), _) => diff::lines(model, review, full),
        (_, Screen::Progress | Screen::Outcome) => progress::lines(model, full),
        (_, Screen::Transaction) => history::transaction(model, full),
        (_, Screen::Health) => health::lines(model, full),
        _ => return None,
    };
    Some(Body { area: layout.body, lines })
}

/// How far the text can be scrolled that fills the screen or the overlay.
pub(crate) fn last_scroll(model: &Model) -> usize {
    scrolled(model).map_or(0, |body| body.last_scroll())
}

/// How far the detail beside a list can be scrolled.
pub(crate) fn last_scroll_of_detail(model: &Model) -> usize {
    let area = Layout::of(model).second;
    let width = inside(area).width;
    let lines = match model.screen {
        Screen::History => history::detail(model, width),
        _ => findings::detail(model, width),
    };
    Body { area, lines }.last_scroll()
}

/// How far the summary and the diff of a plan can be scrolled.
pub(crate) fn last_scrolls_of_review(model: &Model) -> (usize, usize) {
    let layout = Layout::of(model);
    let Some(review) = model.review() else { return (0, 0) };
    let summary = review::summary(model, review, inside(layout.first).width);
    let diff = diff::lines(model, review, inside(layout.second).width);
    (
        Body { area: layout.first, lines: summary }.last_scroll(),
        Body { area: layout.second, lines: diff }.last_scroll(),
    )
}

/// Rows of a list; the findings have a line of column names above them.
pub(crate) fn list_height(model: &Model, screen: Screen) -> usize {
    let rows = usize::from(inside(Layout::of(model).first).height);
    if screen == Screen::Findings { rows.saturating_sub(1) } else { rows }
}

/// Rows that a page key moves over.
pub(crate) fn page_height(model: &Model) -> usize {
    let layout = Layout::of(model);
    let area = match (model.overlays.is_empty(), model.screen, model.focus) {
        (true, Screen::Findings | Screen::History, Pane::First) => {
            return list_height(model, model.screen);
        }
        (true, Screen::Plan | Screen::Undo, Pane::First) => layout.first,
        (true, Screen::Findings | Screen::History | Screen::Plan | Screen::Undo, _) => {
            layout.second
        }
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
    match model.screen {
        Screen::Findings => findings::draw(model, theme, &layout, frame),
        Screen::Plan | Screen::Undo => review::draw(model, theme, &layout, frame),
        Screen::Progress | Screen::Outcome => progress::draw(model, theme, &layout, frame),
        Screen::History => history::draw(model, theme, &layout, frame),
        Screen::Transaction => history::draw_transaction(model, theme, &layout, frame),
        Screen::Health => health::draw(model, theme, &layout, frame),
    }
    if let Some(overlay) = model.overlays.last() {
        overlays::draw(model, overlay, theme, &layout, frame);
    }
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
        if lines.len() > height {
            let last = (scroll + height).min(lines.len());
            let place = format!("{}-{last}/{}", scroll + 1, lines.len());
            right = if right.is_empty() { place } else { format!("{right}  {place}") };
        }
        if !right.is_empty() && left + text::width(&right) + 4 <= usize::from(area.width) {
            block = block.title(Line::from(format!(" {right} ")).right_aligned());
        }
        let shown: Vec<Line<'static>> = lines.into_iter().skip(scroll).take(height).collect();
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
