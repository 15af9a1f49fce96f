//! Everything that must hold before the first write, and that only a running node can show.
//!
//! Nothing here writes to the node. What was seen goes into the journal; the first thing that stands in
//! the way ends the transaction as refused.

mod baseline;
mod peers;

use super::{Site, verify::Emit};
use crate::{
    model::{Observation, Order, Phase, Plan, RecordKind},
    node::{
        NodeError,
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

/// Looks at the node before it is touched. Plans that restart nothing need none of this. Answers whether the
/// cluster's Lease is held for `holder` from now on.
pub(super) fn check(
    site: Site<'_>,
    plan: &Plan,
    order: &Order,
    holder: &str,
    journal: &mut Writer,
) -> Result<bool, Standing> {
    if plan.steps.iter().all(|step| step.target.restarts().is_none()) {
        return Ok(false);
    }
    let Some(kubelet) = site.node.kubelet() else { return Ok(false) };
    // Where things are comes from what runs; candidates matter only where nothing does.
    let facts = collect(site.node, &PathCandidates::new())?;
    let mut emit = told(site, journal, Phase::Baseline);
    baseline::take(site, kubelet, &facts, &mut emit)?;
    // Last, so that no other control plane waits for a node that is refused anyway.
    peers::hold(site, plan, order, holder, &mut emit)
}

fn told<'j>(site: Site<'j>, journal: &'j mut Writer, phase: Phase) -> Box<Emit<'j>> {
    Box::new(move |observation: Observation| {
        journal.append(site.node, RecordKind::Checked { phase, observation })
    })
}
