//! What is in sight as text, to be taken elsewhere: into the clipboard, or a pager.
//!
//! It is what the screen shows, or what the same command of the command line prints, and so holds no secret either:
//! no plan has the content of a file with secrets, and no journal.

use anstream::adapter::strip_str;
use ratatui::text::Line;

use super::{findings, health, history, log, progress};
use crate::{
    model::{Outcome, TransactionId},
    report::{self, Look},
    text::printable::one_line,
    tui::model::{Ending, Model, Overlay, Review, Screen},
};

/// Paragraphs that are taken elsewhere are not folded.
const UNFOLDED: u16 = u16::MAX;

/// What there is to copy: of a finding what a colleague must know, a diff, the commands of what is stuck, and of any
/// other transaction its name.
pub(crate) fn to_copy(model: &Model) -> Option<String> {
    let text = match (model.overlays.last(), model.screen) {
        (Some(Overlay::Explain { .. }), _) => plain(&findings::explanation(model, UNFOLDED)),
        (Some(Overlay::Diff(review)), _) => diffs(model, review)?,
        (Some(Overlay::Log(pane)), _) => log::text(model, pane),
        (Some(_), _) => return None,
        (None, Screen::Findings) => plain(&findings::excerpt(model, UNFOLDED)),
        (None, Screen::Plan | Screen::Undo) => diffs(model, model.review()?)?,
        (None, Screen::Health) => plain(&health::lines(model, UNFOLDED)),
        (None, Screen::History) => {
            let entry = model.history.current()?;
            commands_or_name(entry.outcome.as_ref(), &entry.id)
        }
        (None, Screen::Transaction) => {
            let (opened, _) = model.opened.as_ref()?;
            commands_or_name(opened.summary.outcome.as_ref(), &opened.summary.id)
        }
        (None, Screen::Progress | Screen::Outcome) => of_progress(model)?,
    };
    some(text)
}

/// What there is to page: the same in full.
pub(crate) fn to_page(model: &Model) -> Option<String> {
    let columns = model.size.0;
    let text = match (model.overlays.last(), model.screen) {
        (Some(Overlay::Explain { .. }), _) | (None, Screen::Findings) => {
            plain(&findings::explanation(model, columns))
        }
        (Some(Overlay::Diff(review)), _) => plan(model, review)?,
        (Some(Overlay::Log(pane)), _) => log::text(model, pane),
        (Some(_), _) => return None,
        (None, Screen::Transaction) => {
            model.opened.as_ref()?;
            plain(&history::transaction(model, columns))
        }
        (None, Screen::Plan | Screen::Undo) => plan(model, model.review()?)?,
        (None, Screen::Health) => plain(&health::lines(model, columns)),
        (None, Screen::History) => {
            let entries = model.history.entries.as_ref()?;
            coloured(model, |out| report::history::write(out, entries, look(model)))
        }
        (None, Screen::Progress | Screen::Outcome) => plain(&progress::lines(model, columns)),
    };
    some(text)
}

fn some(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

fn plain(lines: &[Line<'static>]) -> String {
    lines.iter().map(|line| line.to_string().trim_end().to_owned() + "\n").collect()
}

fn look(model: &Model) -> Look {
    let options = model.options;
    Look { ascii: options.ascii, theme: options.theme, ..Look::default() }
}

/// What the command line would print, with its colours where this terminal has them.
fn coloured(model: &Model, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    // Nothing is full, and nobody hangs up.
    let _ = write(&mut out);
    let text = String::from_utf8_lossy(&out);
    if model.options.color { text.into_owned() } else { strip_str(&text).to_string() }
}

fn diffs(model: &Model, review: &Review) -> Option<String> {
    let diffs = &review.ready()?.diffs;
    let text = coloured(model, |out| {
        diffs.iter().try_for_each(|diff| report::diff::write(out, diff, look(model)))
    });
    Some(strip_str(&text).to_string())
}

fn plan(model: &Model, review: &Review) -> Option<String> {
    let ready = review.ready()?;
    let plan = ready.write.plan()?;
    Some(coloured(model, |out| report::plan::write(out, plan, &ready.diffs, look(model))))
}

fn of_progress(model: &Model) -> Option<String> {
    let progress = model.progress.as_ref()?;
    let stuck = match &progress.ending {
        Some(Ending::Ended(outcome)) => commands(outcome),
        Some(Ending::Recovered(outcomes)) => {
            outcomes.iter().filter_map(|(_, outcome)| commands(outcome)).reduce(|a, b| a + &b)
        }
        _ => None,
    };
    stuck.or_else(|| progress.id.as_ref().map(name))
}

fn commands_or_name(outcome: Option<&Outcome>, id: &TransactionId) -> String {
    outcome.and_then(commands).unwrap_or_else(|| name(id))
}

fn name(id: &TransactionId) -> String {
    one_line(&id.0).into_owned() + "\n"
}

fn commands(outcome: &Outcome) -> Option<String> {
    let Outcome::Stuck { by_hand, .. } = outcome else { return None };
    let text: String = by_hand.iter().map(|line| one_line(line).into_owned() + "\n").collect();
    some(text)
}
