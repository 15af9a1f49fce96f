//! Why a key does nothing at the moment. Each reason says what to do instead, where there is something.

use super::model::{
    Admission, Allowance, Filter, History, Model, Overlay, Review, Screen,
    findings_offered as offered,
};
use crate::model::{FixOffer, Status, Tier};

/// It always works.
pub(super) const fn never(_: &Model) -> Option<String> {
    None
}

#[allow(clippy::unnecessary_wraps, reason = "it is the answer of every function here")]
fn because(reason: &str) -> Option<String> {
    Some(reason.to_owned())
}

pub(super) fn needs_scan(model: &Model) -> Option<String> {
    match &model.scan {
        Some(_) => None,
        None if model.scanning => because("the node is still being read"),
        None => because("the node could not be read: R tries again"),
    }
}

/// What stands in the way of every write.
pub(super) fn write(model: &Model) -> Option<String> {
    if let Some(reason) = &model.read_only {
        return Some(format!("read-only: {reason}"));
    }
    if let Some(id) = model.under_way_elsewhere() {
        return Some(format!("{id} is under way in another process: R looks again"));
    }
    if let Some(id) = model.unfinished().first() {
        return Some(format!("{id} was interrupted: recover it first (X)"));
    }
    if model.transaction_runs() {
        return because("a transaction is under way");
    }
    None
}

/// One question at a time: the journal answers.
pub(super) fn answer(model: &Model) -> Option<String> {
    match model.countdown() {
        Some(countdown) if countdown.asked.is_some() => because("it was asked already"),
        Some(_) => None,
        None => because("nothing waits to be kept"),
    }
}

pub(super) fn mark(model: &Model) -> Option<String> {
    let Some(scan) = &model.scan else { return needs_scan(model) };
    let Some(finding) = model.findings.current(scan) else {
        return because("no finding under the cursor");
    };
    if finding.status != Status::Fail {
        return Some(format!("{} is {}: there is nothing to fix", finding.control, finding.status));
    }
    match &finding.offer {
        FixOffer::Offered { .. } => model.layout_refusal().map(str::to_owned),
        FixOffer::Later { reason } => Some(format!("this version does not fix it: {reason}")),
        FixOffer::None { reason } => Some(format!("there is no fix: {reason}")),
    }
}

pub(super) fn mark_safe(model: &Model) -> Option<String> {
    let Some(scan) = &model.scan else { return needs_scan(model) };
    if let Some(refusal) = model.layout_refusal() {
        return because(refusal);
    }
    let any = model
        .findings
        .visible(scan)
        .into_iter()
        .any(|finding| offered(finding).is_some_and(|tier| tier <= Tier::R1));
    if any { None } else { because("no fix of tier R0 or R1 in this list") }
}

pub(super) fn unmark(model: &Model) -> Option<String> {
    if model.findings.marked.is_empty() { because("nothing is marked") } else { None }
}

pub(super) fn plan(model: &Model) -> Option<String> {
    if model.findings.marked.is_empty() {
        return because(
            "nothing is marked: on the findings, Space marks a fix, a all of R0 and R1",
        );
    }
    needs_scan(model)
}

pub(super) fn apply(model: &Model) -> Option<String> {
    if let Some(reason) = write(model).or_else(|| plan(model)) {
        return Some(reason);
    }
    if let Some(refusal) = model.layout_refusal() {
        return because(refusal);
    }
    // From the findings the key leads to the plan, which is shown before anything is asked.
    if model.screen != Screen::Plan {
        return None;
    }
    let Some(plan) = model.plan.as_ref().and_then(super::model::Review::plan) else {
        return because("there is no plan to apply");
    };
    if plan.is_empty() {
        return because("the plan changes nothing: see what was left out, and why");
    }
    if plan.tier() == Some(Tier::R4) && plan.controls.len() > 1 {
        return because("R4 touches data or quorum: apply it alone, unmark the others");
    }
    admission(model)
}

/// What the node said of the plan on the screen.
fn admission(model: &Model) -> Option<String> {
    match &model.review()?.ready()?.admission {
        Admission::Granted => None,
        Admission::Unasked | Admission::Asked => {
            because("whether this node takes it is being asked: in a moment")
        }
        Admission::Refused(why) => Some(format!("it would be refused: {why}")),
    }
}

pub(super) fn allow_pending(model: &Model) -> Option<String> {
    allowance(model, Allowance::Pending, "nothing here restarts in this plan")
}

pub(super) fn allow_single(model: &Model) -> Option<String> {
    allowance(model, Allowance::Single, "neither API server nor kubelet restarts in this plan")
}

pub(super) fn skip_rehearsal(model: &Model) -> Option<String> {
    allowance(model, Allowance::Unrehearsed, "the API server does not restart in this plan")
}

fn allowance(model: &Model, allowance: Allowance, otherwise: &str) -> Option<String> {
    let Some(plan) = model.review().and_then(Review::plan) else {
        return because("there is no plan yet");
    };
    if allowance.concerns(plan, model.kind) { None } else { because(otherwise) }
}

pub(super) fn undo_last(model: &Model) -> Option<String> {
    if let Some(reason) = write(model) {
        return Some(reason);
    }
    match &model.history.entries {
        Some(entries) if !entries.iter().any(|e| History::refusal(e).is_none()) => {
            because("nothing to roll back")
        }
        _ => None,
    }
}

pub(super) fn undo(model: &Model) -> Option<String> {
    if let Some(reason) = write(model) {
        return Some(reason);
    }
    match model.screen {
        Screen::Undo => undo_review(model),
        Screen::Transaction => model
            .opened
            .as_ref()
            .map_or_else(|| because("nothing is open"), |(t, _)| History::refusal(&t.summary)),
        _ => model
            .history
            .current()
            .map_or_else(|| because("no transaction under the cursor"), History::refusal),
    }
}

fn undo_review(model: &Model) -> Option<String> {
    let Some(ready) = model.undo.as_ref().and_then(super::model::Review::ready) else {
        return because("there is no plan to roll back");
    };
    if let super::model::Write::Rollback(rollback) = &ready.write
        && !rollback.conflicts.is_empty()
    {
        return because("later changes stand in the way: see the conflicts");
    }
    if ready.write.only_noted() { None } else { admission(model) }
}

pub(super) fn diff(model: &Model) -> Option<String> {
    match model.screen {
        Screen::Findings => mark(model),
        Screen::Transaction => match &model.opened {
            Some((transaction, _)) if transaction.plan.is_some() => None,
            _ => because("its plan can no longer be read"),
        },
        _ => match model.review().and_then(super::model::Review::ready) {
            Some(_) => None,
            None => because("there is no plan yet"),
        },
    }
}

pub(super) fn explain(model: &Model) -> Option<String> {
    match &model.scan {
        Some(scan) if model.findings.current(scan).is_none() => {
            because("no finding under the cursor")
        }
        _ => needs_scan(model),
    }
}

pub(super) fn objects(model: &Model) -> Option<String> {
    match model.finding() {
        None => explain(model),
        Some(finding) if finding.objects.is_empty() => {
            Some(format!("{} speaks of no object of the cluster", finding.control))
        }
        Some(_) => None,
    }
}

pub(super) fn open(model: &Model) -> Option<String> {
    match (model.overlays.is_empty(), model.screen) {
        (true, Screen::Findings) => explain(model),
        (true, Screen::History) if model.history.current().is_none() => {
            because("no transaction under the cursor")
        }
        (true, Screen::Plan | Screen::Undo) => diff(model),
        _ => None,
    }
}

pub(super) fn context(model: &Model) -> Option<String> {
    let review = match model.overlays.last() {
        Some(Overlay::Diff(review)) => Some(review.as_ref()),
        _ => model.review(),
    };
    match review.and_then(super::model::Review::ready) {
        Some(_) => None,
        None => because("there is no diff yet"),
    }
}

/// What stands in the way of ending or deciding an earlier transaction.
fn resolve(model: &Model) -> Option<String> {
    if let Some(reason) = &model.read_only {
        return Some(format!("read-only: {reason}"));
    }
    if model.transaction_runs() {
        return because("a transaction is under way");
    }
    if let Some(id) = model.under_way_elsewhere() {
        return Some(format!(
            "{id} is under way in another process, not interrupted: R looks again"
        ));
    }
    None
}

pub(super) fn recover(model: &Model) -> Option<String> {
    let nothing = model.undecided().is_none() && model.to_recover().is_empty();
    resolve(model).or_else(|| nothing.then(|| "no transaction was interrupted".to_owned()))
}

pub(super) fn keep(model: &Model) -> Option<String> {
    let nothing = model.undecided().is_none();
    resolve(model).or_else(|| nothing.then(|| "nothing waits to be kept".to_owned()))
}

pub(super) fn put_back_alone(model: &Model) -> Option<String> {
    if model.undecided().is_some() { None } else { because("nothing here waits to be kept") }
}

/// What is under way must not go on behind another program's screen.
pub(super) fn page(model: &Model) -> Option<String> {
    if model.transaction_runs() {
        because("a transaction is under way: it would go on out of sight")
    } else {
        None
    }
}

pub(super) fn rescan(model: &Model) -> Option<String> {
    if model.scanning { because("the node is being read already") } else { None }
}

pub(super) fn quit(model: &Model) -> Option<String> {
    // Where a process of its own carries it out, nobody has to stay.
    if model.transaction_runs() && model.left_behind().is_none() {
        because("a transaction is under way: it ends by itself, and the node needs that")
    } else {
        None
    }
}

/// Why a list is empty, and what to do about it.
pub(super) fn empty_list(model: &Model) -> String {
    let search = &model.findings.search;
    if !search.is_empty() {
        return format!(
            "Nothing in \"{}\" contains \"{search}\". Esc clears the search.",
            model.findings.filter.name()
        );
    }
    let narrowed = model.findings.narrow.names();
    if !narrowed.is_empty() {
        return format!(
            "Nothing in \"{}\" is {}. Esc clears that.",
            model.findings.filter.name(),
            narrowed.join(", ")
        );
    }
    match model.findings.filter {
        Filter::Wrong => {
            "Nothing is wrong here. f shows what passed and what a person must judge.".to_owned()
        }
        filter => format!("No finding is \"{}\". f chooses others.", filter.name()),
    }
}
