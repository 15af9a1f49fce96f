//! Which part of the terminal shows what; the same for drawing and for scrolling.

use ratatui::layout::{Constraint, Layout as Split, Rect};

use crate::tui::model::{Model, Pane, Review, Screen};

/// Panes stand side by side from this width on.
pub(super) const WIDE: u16 = 100;

/// The parts of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Program, node, mode.
    pub(crate) header: Rect,
    /// Screens and score.
    pub(crate) tabs: Rect,
    /// What stands in the way of writing; no rows when nothing does.
    pub(crate) banner: Rect,
    /// Everything between.
    pub(crate) body: Rect,
    /// The pane above or on the left.
    pub(crate) first: Rect,
    /// The pane below or on the right.
    pub(crate) second: Rect,
    /// There is room for one pane: the focused one.
    pub(crate) single: bool,
    /// The log: below everything else where there is room for both, else in its place.
    pub(crate) log: Rect,
    /// The note, or what is being done.
    pub(crate) note: Rect,
    /// The keys.
    pub(crate) bar: Rect,
}

impl Layout {
    /// The parts for what the model shows.
    pub(crate) fn of(model: &Model) -> Self {
        let (columns, rows) = model.size;
        let area = Rect::new(0, 0, columns, rows);
        let banner = u16::from(super::bars::banner(model).is_some());
        let [header, tabs, banner, body, note, bar] = Split::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(banner),
            Constraint::Min(0),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(area);
        let (body, log) = beside_log(model, body);
        let single = columns < 80 || rows < 24;
        let [first, second] = if single {
            [body, body]
        } else if columns >= WIDE {
            Split::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(body)
        } else {
            // Below each other the list keeps a little more than half; a plan's summary a little less.
            let first = match model.screen {
                // Why it would be refused, and what lifts that, is what there is to read then.
                Screen::Plan | Screen::Undo if model.review().is_some_and(Review::is_refused) => {
                    body.height * 11 / 20
                }
                Screen::Plan | Screen::Undo => body.height * 2 / 5,
                _ => body.height * 11 / 20,
            };
            Split::vertical([Constraint::Length(first), Constraint::Min(0)]).areas(body)
        };
        Self { header, tabs, banner, body, first, second, single, log, note, bar }
    }

    /// Whether a pane is drawn.
    pub(crate) fn draws(&self, pane: Pane, model: &Model) -> bool {
        !self.single || model.focus == pane
    }

    /// A pane's title; where the other one is not in sight, with the key that leads there.
    pub(crate) fn title(&self, title: &str, other: &str) -> String {
        if self.single { format!("{title} (Tab: {other})") } else { title.to_owned() }
    }
}

/// Rows from which on there is room for the log below a screen.
const TALL: u16 = 30;

/// What a screen and the log leave to each other.
fn beside_log(model: &Model, body: Rect) -> (Rect, Rect) {
    if model.log_pane().is_none() || body.height < TALL {
        return (body, body);
    }
    let [above, below] =
        Split::vertical([Constraint::Min(0), Constraint::Length(body.height * 2 / 5)]).areas(body);
    (above, below)
}

/// What is left of an area inside its border.
pub(crate) const fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x.saturating_add(1),
        y: area.y.saturating_add(1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    }
}

/// A box of this size in the middle of an area, as far as it fits.
pub(crate) fn centred(area: Rect, columns: u16, rows: u16) -> Rect {
    let width = columns.min(area.width);
    let height = rows.min(area.height);
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}
