//! Floor 4: (chosen findings, facts) → plan. Pure: merges edits per file, orders steps, judges risk on
//! this node.
//!
//! Owns which file a fix is made in, what the file's bytes will be, and what is left out and why. It
//! reads nothing but the facts, and it never widens a mode, never touches a path the facts do not hold
//! and never plans half a control.

mod actions;
pub mod export;
mod kubelet;
mod manifest;
mod merge;
mod policy;
mod risk;
mod select;
mod work;

use std::collections::BTreeMap;

use crate::{
    catalog::Numbered,
    model::{
        Change, ControlId, LeftOut, NodeFacts, Plan, Report, Source, Step, StepTarget, Tier,
        change::{PlanSchema, PlannedControl},
    },
};

pub use policy::{Policy, restrict};

/// Why one control is not in the plan, and what to do.
type Reason = String;

/// Plans the fixes of the selected controls. What cannot be planned is in `left`, with the reason.
///
/// The same input gives the same plan: its time is that of the facts, and of two controls that want
/// different things of one setting the one with the smaller number is planned.
pub fn build(
    controls: &[Numbered],
    report: &Report,
    facts: &NodeFacts,
    selected: &[ControlId],
) -> Plan {
    let mut selected = selected.to_vec();
    selected.sort();
    selected.dedup();

    let mut accepted = merge::Accepted::new(facts);
    let mut planned = Vec::new();
    let mut left = Vec::new();
    for id in selected {
        let outcome = select::candidate(controls, report, facts, &id).and_then(|candidate| {
            let works = actions::works(facts, &candidate)?;
            let tier = risk::on_this_node(facts, &candidate, &works);
            accepted.add(works)?;
            Ok(PlannedControl {
                control: id.clone(),
                title: candidate.finding.title.clone(),
                tier,
                reversible: candidate.reversible,
            })
        });
        match outcome {
            Ok(control) => planned.push(control),
            Err(reason) => {
                let reason = by_hand(report, &id, &reason).unwrap_or(reason);
                left.push(LeftOut { control: id, reason });
            }
        }
    }

    Plan {
        schema: PlanSchema::V1,
        created: facts.at,
        node: facts.profile.name.clone(),
        benchmark: report.benchmark,
        steps: steps(accepted.changes(), &planned),
        controls: planned,
        left,
    }
}

/// A fix that changes nothing while a file is wrong knows another spelling than the one that is written there.
fn by_hand(report: &Report, id: &ControlId, reason: &str) -> Option<Reason> {
    let wrong = (reason == work::NOTHING_TO_CHANGE).then(|| report.finding(id))??;
    let evidence =
        wrong.evidence.iter().find(|e| !e.good && matches!(e.source, Source::File { .. }))?;
    Some(format!(
        "its fix does not know how this is written: {} ({}); change it by hand",
        evidence.value, evidence.source
    ))
}

/// Groups changes by what they restart, in order of execution. A step is as risky as the riskiest
/// control in it.
fn steps(changes: Vec<(StepTarget, Change)>, planned: &[PlannedControl]) -> Vec<Step> {
    let mut by_target: BTreeMap<StepTarget, Vec<Change>> = BTreeMap::new();
    for (target, change) in changes {
        by_target.entry(target).or_default().push(change);
    }
    by_target
        .into_iter()
        .map(|(target, changes)| {
            let tier = planned
                .iter()
                .filter(|control| {
                    changes.iter().any(|change| {
                        change.edits.iter().any(|edit| edit.control == control.control)
                    })
                })
                .map(|control| control.tier)
                .max()
                .unwrap_or(Tier::R0);
            Step { target, tier, changes }
        })
        .collect()
}
