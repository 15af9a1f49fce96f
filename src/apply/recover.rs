//! Recovery: a transaction that was interrupted is finished or undone, never left in the middle.
//!
//! Decides by the journal and by what the files are now. It never goes forward: only a transaction whose
//! every step was verified, and which a person kept where one was to be asked, is committed; everything
//! else goes back.

use super::{Prove, Refusal, busy, execute::Begun, file, restore::Undo, watchdog};
use crate::{
    model::{Outcome, Reason, RecordKind, TransactionId, journal::FileIntent},
    node::{Node, NodeError},
    store::{Loaded, Store, Writer},
};

/// Judges a transaction whose every step was verified, before it is committed; see
/// [`Transaction::proved_by`](super::Transaction::proved_by).
pub type Prover<'p> = &'p dyn Fn(&Loaded) -> Option<Prove>;

/// Finishes or undoes every interrupted transaction, oldest first. Nothing to recover is an empty list.
///
/// The latest transaction is tried again when it is stuck: what stood in its way may be gone. While nothing
/// of it can be put back, its outcome is told again.
pub fn recover(node: &dyn Node) -> Result<Vec<(TransactionId, Outcome)>, Refusal> {
    recover_proved(node, None, &|_| None)
}

/// The same for one transaction only.
pub fn recover_one(node: &dyn Node, id: &TransactionId) -> Result<Option<Outcome>, Refusal> {
    Ok(recover_proved(node, Some(id), &|_| None)?.pop().map(|(_, outcome)| outcome))
}

/// As [`recover`] or [`recover_one`], with the judgement that was to come before the commit.
pub fn recover_proved(
    node: &dyn Node,
    only: Option<&TransactionId>,
    prover: Prover<'_>,
) -> Result<Vec<(TransactionId, Outcome)>, Refusal> {
    // Held by the process that carries a transaction out: while that one lives nothing is recovered.
    let _lock = node.lock().map_err(|error| busy(node, error))?;
    let store = Store::new(node);
    let all = store.list()?;
    let mut ended = Vec::new();
    for id in all.iter().filter(|id| only.is_none_or(|only| only == *id)) {
        let loaded = store.load(id)?;
        let stuck = all.last() == Some(id)
            && matches!(loaded.journal.outcome, Some(Outcome::Stuck { .. }))
            && loaded.journal.damage.is_none();
        if only.is_some() && loaded.journal.is_finished() {
            // What asks for one alone may be the timer, which its guard did not get to stop.
            watchdog::disarm(node, id);
        }
        if loaded.journal.is_finished() && !stuck {
            continue;
        }
        if let Some(outcome) = &loaded.journal.outcome
            && !can_go_on(node, &loaded)?
        {
            ended.push((id.clone(), outcome.clone()));
            continue;
        }
        if let Some(damage) = &loaded.journal.damage {
            let folder =
                crate::store::shown(node, &crate::store::TransactionPaths::of(id).folder());
            return Err(Refusal::Refused(format!(
                "the journal of {id} is damaged and was not acted on ({damage}): compare its files with {folder}/backup (manifest.json names them), put back what is wrong, then move {folder} away"
            )));
        }
        ended.push((id.clone(), one(node, &loaded, prover)));
        watchdog::disarm(node, id);
    }
    Ok(ended)
}

/// A stuck transaction is worth another try when something of it is there to put back, or all of it is.
fn can_go_on(node: &dyn Node, loaded: &Loaded) -> Result<bool, NodeError> {
    let sides = sides(node, loaded.intent())?;
    Ok(sides.iter().all(|side| *side == file::Side::Before)
        || sides.iter().any(|side| matches!(side, file::Side::After | file::Side::Between)))
}

fn sides(node: &dyn Node, files: &[FileIntent]) -> Result<Vec<file::Side>, NodeError> {
    files.iter().map(|file| file::side(node, file)).collect()
}

fn one(node: &dyn Node, loaded: &Loaded, prover: Prover<'_>) -> Outcome {
    let files = loaded.intent();
    let mut journal = Writer::resume(&loaded.id, &loaded.journal);
    let earlier = cause_of_rollback(loaded);
    let (cause, reason) = match &earlier {
        Some(earlier) => earlier.clone(),
        None if !is_done(node, loaded) => ("it was interrupted".to_owned(), Reason::Unproved),
        None if !is_kept(node, loaded) => {
            ("it was interrupted before anybody confirmed it".to_owned(), Reason::Unconfirmed)
        }
        None => match finish(node, loaded, prover, &mut journal) {
            Ok(outcome) => return outcome,
            Err(why) => (format!("it was interrupted, and then {why}"), Reason::Unproved),
        },
    };
    let begun = begun(loaded);
    Undo {
        node,
        cluster: None,
        plan: loaded.plan.as_ref().ok(),
        id: &loaded.id,
        files,
        journal: &mut journal,
        begun,
        rolling_back: earlier.is_some(),
        wrote_back: false,
    }
    .roll_back(cause, reason)
}

/// Gives a transaction its missing last word, when the judgement that was to come before it agrees.
fn finish(
    node: &dyn Node,
    loaded: &Loaded,
    prover: Prover<'_>,
    journal: &mut Writer,
) -> Result<Outcome, String> {
    let unsaid = |error: NodeError| Outcome::Stuck {
        cause: format!("everything is done and verified, but the journal cannot say so: {error}"),
        by_hand: vec!["kube-temper recover".to_owned()],
    };
    let step = loaded.plan.as_ref().map_or(0, |plan| plan.steps.len().saturating_sub(1));
    if let Some(prove) = prover(loaded) {
        for observation in prove(node)? {
            if let Err(error) = journal.append(node, RecordKind::Observed { step, observation }) {
                return Ok(unsaid(error));
            }
        }
    }
    Ok(match journal.append(node, RecordKind::Committed) {
        Ok(()) => Outcome::Committed,
        Err(error) => unsaid(error),
    })
}

/// Every step was verified, and every file still is as planned: only the last word is missing.
fn is_done(node: &dyn Node, loaded: &Loaded) -> bool {
    let Ok(plan) = &loaded.plan else { return false };
    let verified = |kind: &RecordKind| matches!(kind, RecordKind::Verified { .. });
    let steps = loaded.journal.records.iter().filter(|record| verified(&record.kind)).count();
    let files = loaded.intent();
    steps == plan.steps.len()
        && !files.is_empty()
        && sides(node, files).is_ok_and(|s| s.iter().all(|side| *side == file::Side::After))
}

/// A person said so, or no person was to be asked. An order that cannot be read may have asked for one.
fn is_kept(node: &dyn Node, loaded: &Loaded) -> bool {
    let confirmed = |kind: &RecordKind| matches!(kind, RecordKind::Confirmed { .. });
    loaded.journal.records.iter().any(|record| confirmed(&record.kind))
        || Store::new(node).order(&loaded.id).is_ok_and(|order| order.keep.within().is_none())
}

fn cause_of_rollback(loaded: &Loaded) -> Option<(String, Reason)> {
    loaded.journal.records.iter().find_map(|record| match &record.kind {
        RecordKind::RollingBack { cause, reason } => Some((cause.clone(), *reason)),
        _ => None,
    })
}

/// The steps the journal tells of, with the files that were written in each. The step that was under way
/// may have written one more before its record: the files themselves tell.
fn begun(loaded: &Loaded) -> Vec<Begun> {
    let mut steps: Vec<Begun> = Vec::new();
    for record in &loaded.journal.records {
        match &record.kind {
            RecordKind::StepBegun { target, .. } => {
                steps.push(Begun {
                    target: *target,
                    touched: Vec::new(),
                    at: record.at,
                    old_pod: None,
                });
            }
            RecordKind::Applied { path } => {
                if let Some(step) = steps.last_mut() {
                    step.touched.push(path.clone());
                }
            }
            _ => {}
        }
    }
    steps
}
