//! What can be done about a control on this node.
use crate::model::{Control, FixAction, FixOffer, Needs, NodeFacts};

use super::sides;

/// The offer for a control; it matters when the control fails.
pub(super) fn of(control: &Control, facts: &NodeFacts) -> FixOffer {
    let none = |reason: &str| FixOffer::None { reason: reason.to_owned() };
    let fix = &control.fix;
    if let Some(reason) = &fix.none {
        return none(reason);
    }
    if let Some(reason) = facts.profile.distribution.refusal() {
        return none(reason);
    }
    if let Some(because) = conflict(control, facts) {
        return none(&because);
    }
    if let Some(reason) = cluster_change(&fix.actions) {
        return none(&reason);
    }
    if !fix.needs.is_empty() {
        let needs: Vec<String> = fix.needs.iter().map(need).collect();
        let needs: Vec<&str> = needs.iter().map(|need| need.trim_end_matches('.')).collect();
        return FixOffer::Later { reason: needs.join("; ") };
    }
    match (control.tier, control.reversible) {
        (Some(tier), Some(reversible)) if !fix.actions.is_empty() => {
            FixOffer::Offered { tier, reversible }
        }
        _ => none("there is no fix this program can make: a person decides"),
    }
}

/// A setting on this node beside which the fix must not be made.
fn conflict(control: &Control, facts: &NodeFacts) -> Option<String> {
    control.fix.conflicts.iter().find_map(|conflict| {
        let sides = sides::of(facts, conflict.component).ok()?;
        sides
            .iter()
            .any(|side| side.flag(&conflict.flag).is_some())
            .then(|| conflict.because.clone())
    })
}

fn cluster_change(actions: &[FixAction]) -> Option<String> {
    actions.iter().find_map(|action| match action {
        FixAction::ClusterObject { what } => Some(what.clone()),
        _ => None,
    })
}

fn need(need: &Needs) -> String {
    match need {
        Needs::Value { name, why, .. } => format!("needs a value ({name}): {why}"),
        Needs::Bundle { name } => format!("needs files beside the edit ({name})"),
        Needs::Api { why } => format!("needs API access: {why}"),
    }
}
