//! Floor 4: (chosen findings, facts) → plan. Pure: merges edits per file, orders steps, judges risk on this node.
use crate::{
    catalog::Numbered,
    model::{ControlId, NodeFacts, Plan, Report, Tier},
};

/// Plans the fixes of the selected controls. What cannot be planned is in `left`, with the reason.
pub fn build(
    controls: &[Numbered],
    report: &Report,
    facts: &NodeFacts,
    selected: &[ControlId],
) -> Plan {
    let _ = (controls, report, facts, selected);
    todo!()
}

/// Limits of a batch run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Nothing above this tier.
    pub max_tier: Tier,
    /// R2 although this is the only API server.
    pub allow_single: bool,
    /// Another healthy API server is known.
    pub other_apiserver: bool,
    /// At most this many components restart.
    pub max_restarts: Option<usize>,
}

/// Takes out of a plan what a policy does not allow; what is taken out goes to `left`, with the reason.
pub fn restrict(
    controls: &[Numbered],
    report: &Report,
    facts: &NodeFacts,
    plan: &Plan,
    policy: Policy,
) -> Plan {
    let _ = (controls, report, facts, plan, policy);
    todo!()
}
