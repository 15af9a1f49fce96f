//! A person decides about a change that nobody confirmed in time and that stayed all the same.
//!
//! Keeping it takes a look and two records. Putting it back is a way back like any other: it belongs to a
//! process that does not depend on a terminal, and the watchdog is armed before it begins.

use std::{fmt, sync::Arc};

use super::{Refusal, Site, busy, file, others, recover::begun, restore::Undo, verify, watchdog};
use crate::{
    cluster::Cluster,
    model::{Left, Outcome, Plan, Reason, RecordKind, TransactionId},
    node::{Lock, Node},
    store::{Loaded, Store, Writer},
};

/// A change that is to be put back, with the lock.
pub struct Decided {
    node: Arc<dyn Node>,
    loaded: Loaded,
    plan: Plan,
    by: String,
    allow_single: bool,
    lock: Box<dyn Lock>,
}

impl fmt::Debug for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decided").field("id", &self.loaded.id).finish_non_exhaustive()
    }
}

/// Whether it waits for a decision that only a person takes.
pub fn waits_for_a_person(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stuck { left: Left::New, .. })
}

/// Keeps it, when it is in place and well.
pub fn confirm(site: Site<'_>, id: &TransactionId, by: String) -> Result<Outcome, Refusal> {
    let node = site.node;
    let _lock = node.lock().map_err(|error| busy(node, error))?;
    let (loaded, plan) = undecided(node, id)?;
    if let Some(why) = others::no_kubelet(node, &plan) {
        return Err(Refusal::Refused(format!("{id} is not kept: {why}")));
    }
    verify::well(site, &plan).map_err(|why| {
        Refusal::Refused(format!(
            "{id} is not kept, it is not well now ({why}): repair that, or put it back with 'kube-temper revert {id}'"
        ))
    })?;
    let mut journal = Writer::resume(id, &loaded.journal);
    journal.append(node, RecordKind::Confirmed { by })?;
    journal.append(node, RecordKind::Committed)?;
    Ok(Outcome::Committed)
}

/// Whether it can be put back now; looks only.
pub fn may_revert(site: Site<'_>, id: &TransactionId, allow_single: bool) -> Result<(), Refusal> {
    let (_, plan) = undecided(site.node, id)?;
    if let Some(why) = others::no_kubelet(site.node, &plan) {
        return Err(Refusal::Refused(format!("{id} is not put back: {why}")));
    }
    match others::in_the_way(site, &plan).filter(|_| !allow_single) {
        None => Ok(()),
        Some(why) => Err(Refusal::Refused(format!(
            "{why}: repair that one first, or say --allow-single to put it back all the same"
        ))),
    }
}

/// The transaction and its plan, when a decision about it is open and every file is as it left them.
fn undecided(node: &dyn Node, id: &TransactionId) -> Result<(Loaded, Plan), Refusal> {
    let loaded = Store::new(node).load(id)?;
    if !loaded.journal.outcome.as_ref().is_some_and(waits_for_a_person) {
        return Err(Refusal::Refused(format!("{id} waits for no decision")));
    }
    let plan = loaded.plan.clone()?;
    for file in loaded.intent() {
        if !file::side(node, file)?.is_after() {
            return Err(Refusal::Refused(format!(
                "{} is not as {id} left it: what stands of it is undone by 'kube-temper rollback {id}'",
                file.path
            )));
        }
    }
    Ok((loaded, plan))
}

impl Decided {
    pub(super) fn new(
        node: &Arc<dyn Node>,
        id: &TransactionId,
        (by, allow_single): (String, bool),
        lock: Box<dyn Lock>,
    ) -> Result<Self, Refusal> {
        let (loaded, plan) = undecided(node.as_ref(), id)?;
        Ok(Self { node: Arc::clone(node), loaded, plan, by, allow_single, lock })
    }

    /// Its node's name.
    pub fn node_name(&self) -> &str {
        &self.plan.node
    }

    /// Puts it back. What stands in the way by now is told in the journal, and it stays.
    pub fn run(self, cluster: Option<&dyn Cluster>) -> Outcome {
        let Self { node, loaded, plan, by, allow_single, lock } = self;
        let node = node.as_ref();
        let site = Site { node, cluster };
        let id = &loaded.id;
        let mut journal = Writer::resume(id, &loaded.journal);
        let outcome = match go_back(site, &plan, id, allow_single, &mut journal) {
            Err(why) => super::keep::stays(
                node,
                id,
                &mut journal,
                &format!("{by} asked for it to be put back, and {why}"),
            ),
            Ok(_lease) => {
                let now = node.clock().now();
                let begun = begun(&loaded)
                    .into_iter()
                    .map(|step| super::execute::Begun { at: now, ..step });
                Undo {
                    node,
                    cluster: site.cluster,
                    plan: Some(&plan),
                    id,
                    files: loaded.intent(),
                    journal: &mut journal,
                    begun: begun.collect(),
                    rolling_back: false,
                    wrote_back: false,
                }
                .roll_back(format!("{by} asked for it"), Reason::Requested)
            }
        };
        watchdog::disarm(node, id);
        drop(lock);
        outcome
    }
}

/// Looks once more, takes the Lease and arms the watchdog.
fn go_back<'s>(
    site: Site<'s>,
    plan: &Plan,
    id: &TransactionId,
    allow_single: bool,
    journal: &mut Writer,
) -> Result<Option<others::Held<'s>>, String> {
    let in_the_way = others::in_the_way(site, plan).filter(|_| !allow_single);
    if let Some(why) = in_the_way.or_else(|| others::no_kubelet(site.node, plan)) {
        return Err(why);
    }
    let lease = others::hold(site, plan, id)?;
    watchdog::arm(site.node, id, journal).map_err(|why| why.to_string())?;
    Ok(lease)
}
