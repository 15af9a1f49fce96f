//! What a batch run may take: tiers, a second API server, a number of restarts.

use super::build;
use crate::{
    catalog::Numbered,
    model::{
        Change, ControlId, Edit, LeftOut, NodeFacts, Plan, Report, StepTarget, Tier,
        change::PlannedControl,
    },
};

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
///
/// The rest is planned anew, so a file's edits are exactly those of the controls that stay.
pub fn restrict(
    controls: &[Numbered],
    report: &Report,
    facts: &NodeFacts,
    plan: &Plan,
    policy: Policy,
) -> Plan {
    let mut left = plan.left.clone();
    let mut stay = Vec::new();
    for control in &plan.controls {
        match too_risky(control, policy) {
            Some(reason) => left.push(LeftOut { control: control.control.clone(), reason }),
            None => stay.push(control.control.clone()),
        }
    }
    let mut restricted = build(controls, report, facts, &stay);
    left.append(&mut restricted.left);

    if let Some(limit) = policy.max_restarts {
        let beyond = beyond(&restricted, limit);
        if !beyond.is_empty() {
            stay.retain(|id| !beyond.iter().any(|(control, _)| control == id));
            left.extend(beyond.into_iter().map(|(control, target)| LeftOut {
                control,
                reason: format!(
                    "{} would restart as well, and --max-restarts allows {limit}",
                    target.restarts().map_or("something", crate::model::Component::as_str)
                ),
            }));
            restricted = build(controls, report, facts, &stay);
            left.append(&mut restricted.left);
        }
    }
    left.sort_by(|a, b| a.control.cmp(&b.control));
    left.dedup();
    Plan { left, ..restricted }
}

fn too_risky(control: &PlannedControl, policy: Policy) -> Option<String> {
    if control.tier > policy.max_tier {
        return Some(format!(
            "its risk here is {}, and this run takes at most {}: apply it by itself, watching",
            control.tier, policy.max_tier
        ));
    }
    let alone = !policy.other_apiserver && !policy.allow_single;
    (control.tier == Tier::R2 && alone).then(|| {
        "no other healthy API server is known, so its restart would be noticed: give --allow-single \
         to take it nevertheless"
            .to_owned()
    })
}

/// The controls that need a restart beyond the first `limit`, with what they restart.
fn beyond(plan: &Plan, limit: usize) -> Vec<(ControlId, StepTarget)> {
    let needs_restart = |change: &Change| -> Vec<ControlId> {
        change
            .edits
            .iter()
            .filter(|edit| !matches!(edit.edit, Edit::Mode { .. } | Edit::Owner { .. }))
            .map(|edit| edit.control.clone())
            .collect()
    };
    let mut controls: Vec<(ControlId, StepTarget)> = plan
        .steps
        .iter()
        .filter(|step| step.target.restarts().is_some())
        .skip(limit)
        .flat_map(|step| {
            step.changes
                .iter()
                .flat_map(needs_restart)
                .map(|control| (control, step.target))
                .collect::<Vec<_>>()
        })
        .collect();
    controls.sort();
    controls.dedup_by(|a, b| a.0 == b.0);
    controls
}
