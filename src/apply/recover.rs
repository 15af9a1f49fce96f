//! Recovery: a transaction that was interrupted is finished or undone, never left in the middle.
//!
//! Decides by the journal, by what the files are now, and by who asks. It never goes forward: only a
//! transaction whose every step was verified, and which a person kept where one was to be asked, is
//! committed; everything else goes back. What was decided is never overturned by a clock:
//!
//! | how it stands | a timer, a guard that is started again | the boot unit | a person |
//! |---|---|---|---|
//! | not ended, half done or on its way back | goes back, with all gates | its bytes go back, before anything runs | as the timer |
//! | not ended, all proved; kept, or nobody to be asked | committed | committed | committed |
//! | not ended, all proved, a person was to be asked | goes back; stays as it is while another API server is down or the kubelet is away | its bytes go back | as the timer |
//! | stuck, [`Left::Mixed`] | nothing | the rest goes back, where no file is somebody else's | tried again |
//! | stuck, [`Left::Old`] | nothing | nothing | the old state is proved again |
//! | stuck, [`Left::New`] | nothing | told | told: `confirm` keeps it, `revert` puts it back |
//!
//! A stuck transaction ended with "a person is needed". A timer that is still armed would try once a minute
//! what just failed, and restart things each time: it never does. The machine's start may mend what stood in
//! the way (a full or read-only disk), and costs no restart of its own.

use std::{fmt, sync::Arc};

use super::{
    Prove, Refusal, Site, busy, execute::Begun, file, keep, others, restore::Undo, verify, watchdog,
};
use crate::{
    cluster::Cluster,
    model::{Left, Outcome, Reason, RecordKind, TransactionId, journal::FileIntent},
    node::{Node, NodeError},
    store::{Loaded, Store, Writer, snapshot},
};

/// Judges a transaction whose every step was verified, before it is committed; see
/// [`Transaction::proved_by`](super::Transaction::proved_by).
pub type Prover<'p> = &'p dyn Fn(&Loaded) -> Option<Prove>;

/// Who asks for a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Somebody who reads what it says.
    Person,
    /// Nobody: a timer that looks again and again, or a guard that is started again.
    Timer,
    /// Nobody: the machine starts.
    Boot,
}

/// What a recovery asks besides the node.
pub struct Means<'m> {
    /// The judgement that was to come before a commit.
    pub prover: Prover<'m>,
    /// The API server, opened only for what is recovered.
    pub cluster: &'m dyn Fn(&Loaded) -> Option<Arc<dyn Cluster>>,
}

impl fmt::Debug for Means<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means").finish_non_exhaustive()
    }
}

/// Finishes or undoes every interrupted transaction, oldest first, for a person. Nothing to recover is an
/// empty list.
///
/// The latest transaction is tried again when it is stuck: what stood in its way may be gone. While nothing
/// of it can be put back, its outcome is told again.
pub fn recover(node: &dyn Node) -> Result<Vec<(TransactionId, Outcome)>, Refusal> {
    recover_by(node, By::Person, None, &Means { prover: &|_| None, cluster: &|_| None })
}

/// The same for one transaction only.
pub fn recover_one(node: &dyn Node, id: &TransactionId) -> Result<Option<Outcome>, Refusal> {
    let means = Means { prover: &|_| None, cluster: &|_| None };
    Ok(recover_by(node, By::Person, Some(id), &means)?.pop().map(|(_, outcome)| outcome))
}

/// As [`recover`] or [`recover_one`], for whoever asks, with all there is to ask.
pub fn recover_by(
    node: &dyn Node,
    by: By,
    only: Option<&TransactionId>,
    means: &Means<'_>,
) -> Result<Vec<(TransactionId, Outcome)>, Refusal> {
    let store = Store::new(node);
    if store.list()?.is_empty() && !node.is_locked()? {
        // Not even a state directory is made, which might lie where it must not.
        return Ok(Vec::new());
    }
    // Held by the process that carries a transaction out: while that one lives nothing is recovered.
    let _lock = node.lock().map_err(|error| busy(node, error))?;
    let all = store.list()?;
    let mut ended = Vec::new();
    for id in all.iter().filter(|id| only.is_none_or(|only| only == *id)) {
        let loaded = store.load(id)?;
        if only.is_some() && loaded.journal.is_finished() {
            // What asks for one alone may be the timer, which its guard did not get to stop.
            watchdog::disarm(node, id);
        }
        match turn(node, &loaded, by, all.last() == Some(id))? {
            Turn::Nothing => continue,
            Turn::Told(outcome) => {
                ended.push((id.clone(), outcome));
                continue;
            }
            Turn::Recovered => {}
        }
        if let Some(damage) = &loaded.journal.damage {
            let folder =
                crate::store::shown(node, &crate::store::TransactionPaths::of(id).folder());
            return Err(Refusal::Refused(format!(
                "the journal of {id} is damaged and was not acted on ({damage}): compare its files with {folder}/backup (manifest.json names them), put back what is wrong, then move {folder} away"
            )));
        }
        // While the machine starts there is nobody to ask, and nothing to wait for.
        let cluster = node.kubelet().and_then(|_| (means.cluster)(&loaded));
        let site = Site { node, cluster: cluster.as_deref() };
        ended.push((id.clone(), one(site, &loaded, means.prover)));
        watchdog::disarm(node, id);
    }
    Ok(ended)
}

/// What is to be done about a transaction.
enum Turn {
    Nothing,
    /// Its outcome is told again.
    Told(Outcome),
    Recovered,
}

/// The table above.
fn turn(node: &dyn Node, loaded: &Loaded, by: By, latest: bool) -> Result<Turn, NodeError> {
    let Some(outcome) = &loaded.journal.outcome else { return Ok(Turn::Recovered) };
    let Outcome::Stuck { left, .. } = outcome else { return Ok(Turn::Nothing) };
    if by == By::Timer || loaded.journal.damage.is_some() {
        return Ok(Turn::Nothing);
    }
    let sides = sides(node, loaded.intent())?;
    let all = |wanted: fn(&file::Side) -> bool| sides.iter().all(wanted);
    let ours = sides.iter().any(|side| matches!(side, file::Side::After | file::Side::Between));
    let foreign = sides.iter().any(|side| matches!(side, file::Side::Foreign(_)));
    Ok(match (left, by) {
        (Left::New, _) if all(file::Side::is_after) => Turn::Told(outcome.clone()),
        // Somebody went on from there: it is over. An older one is the history's.
        (Left::New, _) => Turn::Nothing,
        _ if !latest => Turn::Nothing,
        (Left::Mixed, By::Boot) if ours && !foreign => Turn::Recovered,
        (_, By::Boot) => Turn::Nothing,
        _ if ours || all(file::Side::is_before) => Turn::Recovered,
        _ => Turn::Told(outcome.clone()),
    })
}

fn sides(node: &dyn Node, files: &[FileIntent]) -> Result<Vec<file::Side>, NodeError> {
    files.iter().map(|file| file::side(node, file)).collect()
}

fn one(site: Site<'_>, loaded: &Loaded, prover: Prover<'_>) -> Outcome {
    let node = site.node;
    let files = loaded.intent();
    let plan = loaded.plan.as_ref().ok();
    let mut journal = Writer::resume(&loaded.id, &loaded.journal);
    let earlier = cause_of_rollback(loaded);
    let (cause, reason) = match &earlier {
        Some(earlier) => earlier.clone(),
        None if !is_done(node, loaded) => ("it was interrupted".to_owned(), Reason::Unproved),
        None if !is_kept(node, loaded) => {
            let cause = "it was interrupted before anybody confirmed it".to_owned();
            let in_the_way = plan.and_then(|plan| {
                let why = others::in_the_way(site, plan).or_else(|| others::no_kubelet(node, plan));
                why.zip(Some(plan))
            });
            if let Some((why, plan)) = in_the_way
                && verify::well(site, plan).is_ok()
            {
                return keep::stays(node, &loaded.id, &mut journal, &format!("{cause}, and {why}"));
            }
            (cause, Reason::Unconfirmed)
        }
        None => match finish(node, loaded, prover, &mut journal) {
            Ok(outcome) => return outcome,
            Err(why) => (format!("it was interrupted, and then {why}"), Reason::Unproved),
        },
    };
    // Somebody else who has it does not keep a change half done.
    let _lease = plan.and_then(|plan| others::hold(site, plan, &loaded.id).ok().flatten());
    if files.is_empty() {
        // It changed nothing. A snapshot that cannot be removed stays as private as it was.
        let _ = snapshot::discard(node, &loaded.id);
    }
    Undo {
        node,
        cluster: site.cluster,
        plan,
        id: &loaded.id,
        files,
        journal: &mut journal,
        begun: begun(loaded),
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
        left: Left::New,
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
        && sides(node, files).is_ok_and(|s| s.iter().all(file::Side::is_after))
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
pub(super) fn begun(loaded: &Loaded) -> Vec<Begun> {
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
