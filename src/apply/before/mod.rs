//! Everything that must hold before the first write, and that only a running node can show.
//!
//! Nothing here writes to the node. What was seen goes into the journal; the first thing that stands in
//! the way ends the transaction as refused.

pub(super) mod baseline;
mod hygiene;
mod member;
mod peers;
mod pending;
mod planned;
mod preflight;
mod programs;
mod quiet;
mod quorum;
mod snapshot;

pub(super) use self::member::has_api;
use self::quiet::Ours;
use super::Site;
use crate::{
    model::{NodeFacts, Observation, Order, Phase, Plan, RecordKind, StepTarget, TransactionId},
    node::{
        KubeletView, NodeError,
        collect::{PathCandidates, collect},
    },
    store::Writer,
};

/// Why nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Standing(pub(super) String);

impl From<NodeError> for Standing {
    fn from(error: NodeError) -> Self {
        Self(error.to_string())
    }
}

/// Where observations are told, with the part they belong to.
type Tell<'t> = dyn FnMut(Phase, Observation) -> Result<(), NodeError> + 't;

/// Looks at the node before it is touched. Of a plan that restarts nothing and leaves the data alone only what
/// could lock a component out is looked at. Answers whether the cluster's Lease is held for `holder` from now on.
pub(super) fn check(
    site: Site<'_>,
    plan: &Plan,
    order: &Order,
    id: &TransactionId,
    holder: &str,
    journal: &mut Writer,
) -> Result<bool, Standing> {
    let mut write = |record| journal.append(site.node, record);
    let mut tell = |phase, observation| write(RecordKind::Checked { phase, observation });
    let Some((kubelet, facts)) = at_once(site, plan, order, &mut tell)? else { return Ok(false) };
    programs::read(site.node, plan, &facts, &mut tell)?;
    baseline::take(site, kubelet, &facts, &mut |seen| tell(Phase::Baseline, seen))?;
    programs::rehearse(site.node, plan, order, &mut tell)?;
    if let Some(record) = snapshot::take(site, (plan, order), id, &facts, &mut tell)? {
        write(record)?;
    }
    let mut tell = |phase, observation| write(RecordKind::Checked { phase, observation });
    // Last, so that no other control plane waits for a node that is refused anyway.
    let role = facts.profile.role;
    peers::hold(site, plan, order, role, holder, &mut |seen| tell(Phase::Baseline, seen))
}

/// The part that writes and runs nothing: what a dry run refuses too.
pub(super) fn look(site: Site<'_>, plan: &Plan, order: &Order) -> Result<(), Standing> {
    match at_once(site, plan, order, &mut |_, _| Ok(()))? {
        Some((_, facts)) => {
            snapshot::look(site, plan, order)?;
            peers::look(site, plan, order, facts.profile.role)
        }
        None => Ok(()),
    }
}

fn at_once<'s>(
    site: Site<'s>,
    plan: &Plan,
    order: &Order,
    tell: &mut Tell<'_>,
) -> Result<Option<(&'s dyn KubeletView, NodeFacts)>, Standing> {
    let Some(kubelet) = site.node.kubelet() else { return Ok(None) };
    // Where things are comes from what runs; candidates matter only where nothing does.
    let facts = collect(site.node, &PathCandidates::new())?;
    preflight::lockout::check(site.node, plan, &facts)?;
    let restarts = plan.steps.iter().any(|step| step.target.restarts().is_some());
    if !restarts && !snapshot::needed(plan) {
        return Ok(None);
    }
    if plan.steps.iter().any(|step| step.target == StepTarget::Kubelet) {
        kubelet.can_restart()?;
    }
    let mut emit = |seen| tell(Phase::Baseline, seen);
    hygiene::nobody_upgrades(site.node, &mut emit)?;
    hygiene::one_file_per_pod(plan, &facts)?;
    let ours = Ours::read(site.node)?;
    quiet::check(site.node, &facts, &ours)?;
    pending::check(site.node, plan, &facts, order, &ours, &mut emit)?;
    member::check(site, plan, &mut emit)?;
    quorum::check(site, plan, order, &mut emit)?;
    preflight::check(site.node, plan, &facts, &mut |seen| tell(Phase::Preflight, seen))?;
    Ok(Some((kubelet, facts)))
}
