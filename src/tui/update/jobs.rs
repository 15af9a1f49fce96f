//! Results of effects.

use std::sync::Arc;

use super::actions;
use crate::{
    engine::{EngineError, RollbackPlan, Scan, Undo},
    model::{Outcome, Plan},
    text::diff::FileDiff,
    tui::{
        disabled,
        message::{Begun, Effect, JobMsg, Planned, Polled},
        model::{
            Admission, Countdown, Ending, Model, Overlay, Ready, Review, ReviewState, Screen, Tone,
            Write,
        },
    },
};

/// Takes a result in.
pub(super) fn done(model: &mut Model, result: JobMsg) -> Vec<Effect> {
    match result {
        JobMsg::Scanned(result) => return scanned(model, result),
        JobMsg::Planned { controls, result } => {
            let state = match result {
                Ok(Planned { plan, diffs }) => {
                    ReviewState::Ready(Ready::new(Write::Apply(plan), diffs))
                }
                Err(error) => ReviewState::Failed(error.to_string()),
            };
            for review in reviews(model) {
                // An answer to a question that was asked before the marks changed is dropped.
                if review.controls == controls && matches!(review.state, ReviewState::Loading) {
                    review.state = state.clone();
                }
            }
            return check(model);
        }
        JobMsg::Checked { question, result } => {
            let refusal = result.err().map(why);
            for review in reviews(model) {
                review.answered(&question, refusal.as_deref());
            }
        }
        JobMsg::Diffed { plan, context, diffs } => diffed(model, &plan, context, &diffs),
        JobMsg::RollbackPlanned { undo, result } => {
            undo_planned(model, &undo, result);
            return check(model);
        }
        JobMsg::Started(Ok(Begun { id, outlives_us })) => {
            let now = model.now;
            if let Some(progress) = &mut model.progress {
                progress.id = Some(id);
                progress.outlives_us = outlives_us;
                progress.last = now;
            }
            return watch(model);
        }
        JobMsg::Polled(result) => return polled(model, result),
        JobMsg::Answered(Ok(())) => {}
        JobMsg::Answered(Err(error)) => {
            if let Some(countdown) = model.countdown_mut() {
                countdown.asked = None;
            }
            model.say(Tone::Bad, error.to_string());
        }
        JobMsg::Noted(Ok(id)) => {
            model.undo = None;
            model.show(Screen::History);
            model.say(Tone::Good, format!("noted as undone by {id}"));
            return vec![Effect::History];
        }
        JobMsg::Noted(Err(error)) => model.say(Tone::Bad, error.to_string()),
        JobMsg::Recovered(Ok(outcomes)) => {
            model.ended.extend(outcomes.iter().cloned());
            return end(model, Ending::Recovered(outcomes));
        }
        JobMsg::Started(Err(error)) | JobMsg::Recovered(Err(error)) => {
            return end(model, Ending::Refused(why(error)));
        }
        JobMsg::History(Ok(entries)) => {
            model.history.take(entries);
            model.history.error = None;
        }
        JobMsg::History(Err(error)) => model.history.error = Some(error.to_string()),
        JobMsg::Health(result) => {
            model.health = Some(result.map_err(|error| error.to_string()));
        }
        JobMsg::Transaction(Ok(transaction)) => model.opened = Some((transaction, 0)),
        JobMsg::Transaction(Err(error)) => {
            model.show(Screen::History);
            model.say(Tone::Bad, error.to_string());
        }
        JobMsg::Panicked { during, message } => return panicked(model, during, &message),
    }
    Vec::new()
}

/// Every review that may be waiting for an answer.
fn reviews(model: &mut Model) -> impl Iterator<Item = &mut Review> {
    let overlays = model.overlays.iter_mut().filter_map(|overlay| match overlay {
        Overlay::Diff(review) => Some(review.as_mut()),
        _ => None,
    });
    model.plan.iter_mut().chain(model.undo.iter_mut()).chain(overlays)
}

/// Asks whether the node would take what the Plan and the Roll back screen show, where nothing that is known
/// already stands in the way.
pub(super) fn check(model: &mut Model) -> Vec<Effect> {
    if disabled::write(model).is_some() || model.layout_refusal().is_some() {
        return Vec::new();
    }
    model.plan.iter_mut().chain(model.undo.iter_mut()).filter_map(Review::ask).collect()
}

fn scanned(model: &mut Model, result: Result<Arc<Scan>, EngineError>) -> Vec<Effect> {
    model.scanning = false;
    let scan = match result {
        Ok(scan) => scan,
        Err(error) => {
            model.scan_error = Some(error.to_string());
            return Vec::new();
        }
    };
    let at = model
        .scan
        .as_ref()
        .and_then(|old| model.findings.current(old))
        .map(|finding| finding.control.clone());
    model.findings.stay_on(at.as_ref(), &scan);
    model.findings.drop_stale_marks(&scan);
    if model.scan.is_none()
        && let Some(notice) = scan.report.notices.first()
    {
        let more = if scan.report.notices.len() > 1 { " (all of them: ?)" } else { "" };
        model.say(Tone::Info, format!("{notice}{more}"));
    }
    model.scan = Some(scan);
    model.scan_error = None;
    // A plan speaks of the scan it was made from. An open question keeps the plan that was shown.
    if model.screen != Screen::Plan {
        model.plan = None;
        return Vec::new();
    }
    if model.confirm().is_some() {
        return Vec::new();
    }
    model.plan = None;
    if model.findings.marked.is_empty() {
        model.show(Screen::Findings);
        return Vec::new();
    }
    actions::show_plan(model)
}

fn diffed(model: &mut Model, plan: &Arc<Plan>, context: usize, diffs: &[FileDiff]) {
    for review in reviews(model).filter(|review| review.context == context) {
        if let ReviewState::Ready(ready) = &mut review.state
            && ready.write.plan() == Some(plan.as_ref())
        {
            ready.diffs = diffs.to_vec();
        }
    }
    // The diff of an earlier transaction: its plan was at hand, only this was missing.
    if let Some(Overlay::Diff(review)) = model.overlays.last_mut()
        && matches!(review.state, ReviewState::Loading)
        && review.controls.is_empty()
    {
        let write = Write::Apply(Arc::clone(plan));
        review.state = ReviewState::Ready(Ready::new(write, diffs.to_vec()));
    }
}

fn undo_planned(
    model: &mut Model,
    undo: &Undo,
    result: Result<(Arc<RollbackPlan>, Vec<FileDiff>), EngineError>,
) {
    // An answer to an earlier question must not stand under a later one.
    let Some(review) = model.undo.as_mut().filter(|review| review.undo.as_ref() == Some(undo))
    else {
        return;
    };
    review.state = match result {
        Ok((plan, diffs)) => ReviewState::Ready(Ready::new(Write::Rollback(plan), diffs)),
        Err(error) => ReviewState::Failed(error.to_string()),
    };
}

/// Why nothing was written; the screen says already that it was refused.
fn why(error: EngineError) -> String {
    match error {
        EngineError::Refused(why) => why,
        other => other.to_string(),
    }
}

/// Asks for news of the transaction under way, unless the question is under way already.
pub(super) fn watch(model: &mut Model) -> Vec<Effect> {
    match &mut model.progress {
        Some(progress)
            if progress.id.is_some() && progress.ending.is_none() && !progress.polling =>
        {
            progress.polling = true;
            vec![Effect::Poll]
        }
        _ => Vec::new(),
    }
}

fn polled(model: &mut Model, result: Result<Polled, EngineError>) -> Vec<Effect> {
    let now = model.now;
    let Some(progress) = &mut model.progress else { return Vec::new() };
    progress.polling = false;
    let polled = match result {
        Ok(polled) => polled,
        // Nobody carries the transaction any more: waiting would last for ever.
        Err(EngineError::Internal(why)) => return end(model, Ending::Unknown(why)),
        Err(EngineError::Lost(why)) => {
            model.ended.extend(progress.id.clone().map(|id| (id, Outcome::lost(why.clone()))));
            return end(model, Ending::Lost(why));
        }
        Err(EngineError::Refused(why)) => return end(model, Ending::Refused(why)),
        Err(error) => {
            progress.trouble = Some(error.to_string());
            return Vec::new();
        }
    };
    progress.trouble = None;
    progress.notice = polled.notice.or(progress.notice.take());
    progress.countdown = Countdown::after(progress.countdown, &polled.records, polled.now);
    if !polled.records.is_empty() {
        progress.last = now;
        progress.records.extend(polled.records);
    }
    let Some(outcome) = polled.outcome else { return Vec::new() };
    if let Some(id) = progress.id.clone() {
        model.ended.push((id, outcome.clone()));
    }
    end(model, Ending::Ended(outcome))
}

/// The attempt to write is over: its outcome is shown, and the node is read again.
fn end(model: &mut Model, ending: Ending) -> Vec<Effect> {
    let applied = matches!(&model.progress, Some(progress) if progress.write.is_apply());
    if applied && ending == Ending::Ended(Outcome::Committed) {
        model.findings.marked.clear();
    }
    // What was planned before this write is no longer what would be done.
    model.plan = None;
    model.undo = None;
    if let Some(progress) = &mut model.progress {
        progress.ending = Some(ending);
        progress.scroll = Some(0);
        // The others are marked still: the next plan is the same without whom this one points at.
        for control in progress.culprit().into_iter().flat_map(|culprit| culprit.controls) {
            model.findings.marked.remove(&control);
        }
    }
    model.show(Screen::Outcome);
    actions::rescan(model)
}

fn panicked(model: &mut Model, during: &str, message: &str) -> Vec<Effect> {
    let text = format!("internal error while {during}: {message}");
    for review in reviews(model) {
        match &mut review.state {
            ReviewState::Loading => review.state = ReviewState::Failed(text.clone()),
            ReviewState::Ready(ready) if ready.admission == Admission::Asked => {
                ready.admission = Admission::Refused(text.clone());
            }
            _ => {}
        }
    }
    if model.scanning {
        model.scanning = false;
        model.scan_error = Some(text.clone());
    }
    match &mut model.progress {
        Some(progress) if progress.ending.is_none() && progress.id.is_some() => {
            progress.polling = false;
            progress.trouble = Some(text);
        }
        Some(progress) if progress.ending.is_none() => return end(model, Ending::Unknown(text)),
        _ => model.say(Tone::Bad, text),
    }
    Vec::new()
}
