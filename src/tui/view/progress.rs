//! A transaction under way and how it ended: its journal as lines, and what to do next.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::{Frame, text::Line};

use super::{
    Framed,
    layout::Layout,
    review::{allowance_key, count, headline, step_name},
    text::Page,
    theme::Theme,
};
use crate::{
    engine::Answer,
    model::{
        ControlId, Left, Outcome, Plan, Record, RecordKind, Status, TransactionId, journal::Purpose,
    },
    tui::model::{Allowance, Countdown, Ending, Model, Progress, Tone, Write},
};

pub(super) fn draw(model: &Model, theme: Theme, layout: &Layout, frame: &mut Frame<'_>) {
    let Some(progress) = &model.progress else { return };
    let lines = lines(model, super::inside(layout.body).width);
    let last = lines.len().saturating_sub(usize::from(super::inside(layout.body).height));
    let scroll = progress.scroll.unwrap_or(last).min(last);
    let right = progress.id.as_ref().map(ToString::to_string).unwrap_or_default();
    Framed { title: &title(progress), right: &right, focused: true }.draw(
        theme,
        layout.body,
        lines,
        scroll,
        frame,
    );
}

fn title(progress: &Progress) -> String {
    let what = match &progress.write {
        Write::Apply(plan) => format!("Apply: {}", headline(plan)),
        Write::Rollback(rollback) => format!("Roll back: {}", headline(&rollback.plan)),
        Write::Recover(ids) => format!("Recover {}", count(ids.len(), "transaction")),
        Write::Keep(_) => "Keep".to_owned(),
        Write::PutBack(_) => "Put back".to_owned(),
    };
    match (progress.step(), progress.write.plan(), &progress.ending) {
        (Some(step), Some(plan), None) => {
            format!("{what}, step {}/{}", step + 1, plan.steps.len())
        }
        _ => what,
    }
}

/// Everything that is known of the transaction.
pub(super) fn lines(model: &Model, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(Theme(model.options), columns);
    let Some(progress) = &model.progress else { return page.into_lines() };
    if let Some(ending) = &progress.ending {
        outcome(&mut page, model, progress, ending);
        if !progress.records.is_empty() {
            page.heading("What was done");
        }
    }
    records(&mut page, &progress.records, progress.write.plan());
    match (&progress.ending, &progress.countdown) {
        (Some(_), _) => {}
        (None, Some(countdown)) => deciding(&mut page, model, progress, countdown),
        (None, None) => waiting(&mut page, model, progress),
    }
    page.into_lines()
}

fn waiting(page: &mut Page, model: &Model, progress: &Progress) {
    if let Some(trouble) = &progress.trouble {
        page.text(Tone::Bad, &format!("the journal could not be read: {trouble}"));
    }
    notice(page, progress);
    let quiet = model.now.saturating_sub(progress.last);
    let text = if progress.id.is_none() {
        format!("checking before anything is written… {}", clock(quiet))
    } else {
        format!("under way, {} since the last record", clock(quiet))
    };
    page.text(Tone::Faint, &text);
    page.text(Tone::Faint, "It ends by itself: proved, or put back.");
}

/// What nobody wrote into the journal.
fn notice(page: &mut Page, progress: &Progress) {
    if let Some(notice) = &progress.notice {
        page.item("!", Tone::Bad, notice);
    }
}

/// The change proved itself, and a person decides.
fn deciding(page: &mut Page, model: &Model, progress: &Progress, countdown: &Countdown) {
    page.gap();
    page.text(Tone::Warn, "NOT YET PERMANENT: it proved itself, and waits for you");
    notice(page, progress);
    let text = format!("put back by itself in {}", clock(countdown.left));
    page.text(Tone::Strong, &format!("{text}  {}", bar(countdown, model.options.ascii)));
    let asked = countdown.asked.map(|answer| match answer {
        Answer::Keep => "asked to keep it…",
        Answer::Revert { .. } => "asked to put it back…",
        Answer::More(_) => "asked for more time…",
    });
    if let Some(asked) = asked {
        page.text(Tone::Info, asked);
    }
    // In the demo there is no other way in.
    if let Some(id) = progress.id.as_ref().filter(|_| progress.outlives_us) {
        page.labelled(
            "Shell",
            Tone::Plain,
            &format!("kube-temper confirm {id}   (from any other)"),
        );
    }
    page.labelled(
        "Look",
        Tone::Plain,
        "with your own eyes first: kubectl get nodes, your dashboards, the load balancer",
    );
}

/// `[######......]`, what is left of the countdown.
fn bar(countdown: &Countdown, ascii: bool) -> String {
    const CELLS: u128 = 24;
    let whole = countdown.whole.as_millis().max(1);
    let left = (countdown.left.as_millis() * CELLS).div_ceil(whole).min(CELLS);
    let left = usize::try_from(left).unwrap_or(0);
    let (full, empty) = if ascii { ("#", ".") } else { ("█", "░") };
    format!("[{}{}]", full.repeat(left), empty.repeat(24_usize.saturating_sub(left)))
}

/// `00:37`.
pub(super) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

/// The journal as a person reads it, with the time since its first record.
pub(super) fn records(page: &mut Page, records: &[Record], plan: Option<&Plan>) {
    let Some(start) = records.first().map(|record| record.at) else { return };
    for record in records {
        let (tone, text) = said(&record.kind, plan);
        page.item(&since(start, record.at), tone, &text);
    }
}

fn since(start: Timestamp, at: Timestamp) -> String {
    clock(Duration::try_from(at.duration_since(start)).unwrap_or_default())
}

/// One record in words.
fn said(kind: &RecordKind, plan: Option<&Plan>) -> (Tone, String) {
    match kind {
        RecordKind::Begun { purpose, .. } => (Tone::Strong, purpose_name(purpose)),
        RecordKind::Intent { files } => {
            (Tone::Plain, format!("will change {}", count(files.len(), "file")))
        }
        RecordKind::EtcdSnapshot { path, size, .. } => {
            (Tone::Good, format!("etcd is saved, {size} bytes checked: {path}"))
        }
        RecordKind::BackedUp { path } => (Tone::Plain, format!("backed up {path}")),
        RecordKind::StepBegun { step, target } => {
            let name = plan.and_then(|plan| plan.steps.get(*step)).map_or_else(
                || {
                    target.restarts().map_or_else(
                        || "modes and owners".to_owned(),
                        |component| format!("{component} restarts"),
                    )
                },
                step_name,
            );
            (Tone::Strong, format!("step {}: {name}", step + 1))
        }
        RecordKind::Applied { path } => (Tone::Plain, format!("written {path}")),
        RecordKind::Checked { observation, .. } | RecordKind::Observed { observation, .. } => {
            let tone = if observation.proves { Tone::Good } else { Tone::Faint };
            let who = observation.component.map(|c| format!("{c}: ")).unwrap_or_default();
            (tone, format!("{who}{}", observation.text))
        }
        RecordKind::Verified { step } => {
            (Tone::Good, format!("step {} has proved itself", step + 1))
        }
        RecordKind::Committed => (Tone::Good, "committed: done and proved".to_owned()),
        RecordKind::Refused { cause } => (Tone::Warn, format!("refused: {cause}")),
        RecordKind::Armed { by, .. } => {
            (Tone::Plain, format!("{by} puts it back if this program dies"))
        }
        RecordKind::Unarmed => {
            (Tone::Warn, "if this program dies, only `kube-temper recover` puts it back".to_owned())
        }
        RecordKind::Waiting { .. } => {
            (Tone::Warn, "proved; it is put back unless somebody keeps it".to_owned())
        }
        RecordKind::Extended { .. } => (Tone::Warn, "more time to decide".to_owned()),
        RecordKind::Confirmed { by } => (Tone::Good, format!("kept by {by}")),
        RecordKind::Kept { component, telling, .. } => {
            (Tone::Bad, format!("{component} said: {telling}"))
        }
        RecordKind::RollingBack { cause, .. } => (Tone::Warn, format!("putting it back: {cause}")),
        RecordKind::Restored { path } => (Tone::Plain, format!("put back {path}")),
        RecordKind::RolledBack { cause, .. } => (Tone::Warn, format!("rolled back: {cause}")),
        RecordKind::Stuck { cause, .. } => (Tone::Bad, format!("stuck: {cause}")),
    }
}

/// What a transaction is for: `apply 1.3.2 1.4.1`.
pub(super) fn purpose_name(purpose: &Purpose) -> String {
    let join = |ids: &[ControlId]| ids.iter().map(ControlId::as_str).collect::<Vec<_>>().join(" ");
    match purpose {
        Purpose::Apply { controls } => format!("apply {}", join(controls)),
        Purpose::Rollback { of, controls } => {
            let of: Vec<&str> = of.iter().map(|id| id.0.as_str()).collect();
            format!("roll back {} ({})", of.join(" "), join(controls))
        }
    }
}

fn outcome(page: &mut Page, model: &Model, progress: &Progress, ending: &Ending) {
    match ending {
        Ending::Ended(outcome) => {
            ended(page, model, progress, outcome);
            if *outcome == Outcome::Committed {
                verdicts(page, model, progress);
                next_after_commit(page, progress);
            }
        }
        Ending::Refused(why) => refused(page, model, progress, why),
        Ending::Recovered(outcomes) if outcomes.is_empty() => {
            page.text(Tone::Good, "Nothing was left to recover");
        }
        Ending::Recovered(outcomes) => {
            for (id, outcome) in outcomes {
                page.text(Tone::Strong, &id.0);
                ended(page, model, progress, outcome);
            }
        }
        Ending::Lost(why) => {
            page.text(Tone::Bad, "UNKNOWN: nobody carries it out any more, and it did not end");
            page.labelled("Why", Tone::Plain, why);
            page.labelled("Next", Tone::Info, "X puts back what was interrupted: asks first.");
        }
        Ending::Unknown(why) => {
            page.text(Tone::Bad, "UNKNOWN: this program failed while it worked");
            page.labelled("Why", Tone::Plain, why);
            page.labelled(
                "Next",
                Tone::Info,
                "Look at the history (3): what was interrupted can be recovered (X).",
            );
        }
    }
}

fn refused(page: &mut Page, model: &Model, progress: &Progress, why: &str) {
    page.text(Tone::Warn, "REFUSED: nothing was written");
    page.labelled("Why", Tone::Plain, why);
    let again = match progress.write {
        Write::Apply(_) => "p plans again, from what is there now",
        Write::Rollback(_) => "z or the history (3) plans it again, from what is there now",
        Write::Recover(_) => "X tries again",
        Write::Keep(_) => "once that is mended K asks again; X puts it back",
        Write::PutBack(_) => {
            "once that is mended X asks again; s, then X puts it back all the same; K keeps it"
        }
    };
    page.labelled("Next", Tone::Info, &format!("{again}. Esc goes back to the findings."));
    let Some(plan) = progress.write.plan() else { return };
    let concerned = Allowance::ALL.into_iter().filter(|one| one.concerns(plan, model.kind));
    for (index, allowance) in concerned.enumerate() {
        let label = if index == 0 { "There" } else { " " };
        let key = allowance_key(allowance);
        page.labelled(label, Tone::Plain, &format!("{key}  {}", allowance.words()));
    }
}

fn ended(page: &mut Page, model: &Model, progress: &Progress, outcome: &Outcome) {
    match outcome {
        Outcome::Committed => {
            page.text(Tone::Good, "COMMITTED: done and proved");
        }
        Outcome::Refused { cause } => refused(page, model, progress, cause),
        Outcome::RolledBack { cause, .. } => {
            page.text(Tone::Warn, "ROLLED BACK: the node is as before and healthy");
            page.labelled("Why", Tone::Plain, cause);
            let next = match (&progress.write, progress.culprit()) {
                (Write::Apply(_), Some(culprit)) => format!(
                    "Nothing of this is left on the node. {} unmarked now: p plans the others without {}.",
                    names_are(&culprit.controls),
                    if culprit.controls.len() == 1 { "it" } else { "them" }
                ),
                (Write::Apply(_), None) => {
                    "Nothing of this is left on the node. Esc goes back: the marks are kept, so unmark what failed and plan again (p).".to_owned()
                }
                _ => "Esc goes back to the findings, 3 shows the history.".to_owned(),
            };
            page.labelled("Next", Tone::Info, &next);
        }
        Outcome::Stuck { cause, by_hand, left } => {
            page.text(Tone::Bad, "STUCK: a person is needed");
            page.labelled("Why", Tone::Plain, cause);
            if by_hand.is_empty() {
                page.labelled("Next", Tone::Bad, "look at the journal below");
            } else {
                page.text(Tone::Strong, left.commands());
                page.gap();
                for command in by_hand {
                    page.verbatim(Tone::Plain, command);
                }
                page.gap();
                page.text(Tone::Info, match left {
                    Left::New => "K keeps it, X puts it back; each asks first. y copies the commands, Q quits and leaves them on the terminal.",
                    _ => "y copies them, Q quits and leaves them on the terminal. X tries to put it back once more.",
                });
            }
            if let Some(id) = &progress.id {
                page.labelled("Record", Tone::Faint, &id.0);
            }
        }
    }
}

/// `1.4.1 is`, `1.4.1, 1.4.2 are`.
fn names_are(controls: &[ControlId]) -> String {
    let names: Vec<&str> = controls.iter().map(ControlId::as_str).collect();
    format!("{} {}", names.join(", "), if names.len() == 1 { "is" } else { "are" })
}

/// What the scan after the commit says of the controls that were to be closed.
fn verdicts(page: &mut Page, model: &Model, progress: &Progress) {
    let (plan, undone) = match &progress.write {
        Write::Apply(plan) => (plan.as_ref(), false),
        Write::Rollback(rollback) => (&rollback.plan, true),
        Write::Recover(_) | Write::Keep(_) | Write::PutBack(_) => return,
    };
    let Some(scan) = &model.scan else { return };
    if model.scanning {
        page.text(Tone::Faint, "reading the node again…");
        return;
    }
    for control in &plan.controls {
        if let Some(finding) = scan.report.finding(&control.control) {
            let tone = match finding.status {
                _ if undone => Tone::Plain,
                Status::Pass => Tone::Good,
                _ => Tone::Warn,
            };
            page.item(
                " ",
                tone,
                &format!("{} is {} now: {}", control.control, finding.status, control.title),
            );
        }
    }
}

fn next_after_commit(page: &mut Page, progress: &Progress) {
    let undo: Option<&TransactionId> = progress.id.as_ref();
    let text = match (&progress.write, undo) {
        (Write::Apply(_), Some(id)) => {
            format!("Esc goes back to the findings. z undoes this ({id}).")
        }
        _ => "Esc goes back to the findings, 3 shows the history.".to_owned(),
    };
    page.labelled("Next", Tone::Info, &text);
}
