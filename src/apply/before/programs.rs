//! What the components' own programs say of the plan: they read its arguments, the kubelet its configuration,
//! and the planned API server starts beside the real one.
//!
//! A program that cannot be tried stands in nobody's way: that is told, and the proof comes after the change.

use std::collections::BTreeMap;

use super::{Standing, Tell, planned::Planned, preflight};
use crate::{
    model::{
        Component, NodeFacts, Observation, Order, Phase, Plan, Step, StepTarget, facts::Container,
    },
    node::{
        Node, Programs, Trial,
        collect::{PathCandidates, collect},
    },
    text::manifest,
};

/// Lets every program concerned read what is planned for it.
pub(super) fn read(
    node: &dyn Node,
    plan: &Plan,
    facts: &NodeFacts,
    tell: &mut Tell<'_>,
) -> Result<(), Standing> {
    let Some(programs) = node.programs() else { return Ok(()) };
    for step in &plan.steps {
        match step.target.restarts() {
            None => {}
            Some(Component::Kubelet) => kubelet(node, programs, plan, facts, tell)?,
            Some(component) => {
                let Some(container) = planned(step, component) else { continue };
                let args: Vec<String> = container.args.iter().map(|arg| arg.text.clone()).collect();
                let seen = match programs.parse(component, &args) {
                    Trial::Accepted { note } => {
                        format!("its own program takes the planned arguments{}", noted(note))
                    }
                    Trial::Rejected { why } => {
                        return Err(Standing(format!(
                            "{component} itself refuses the planned arguments: {why}"
                        )));
                    }
                    Trial::Untried { why } | Trial::Unclear { why } => {
                        format!(
                            "{component} was not asked whether it takes the planned arguments: {why}"
                        )
                    }
                };
                say(tell, Phase::Preflight, component, seen)?;
            }
        }
    }
    Ok(())
}

/// The configuration of today first: a kubelet that would not start again anyway is not our doing.
fn kubelet(
    node: &dyn Node,
    programs: &dyn Programs,
    plan: &Plan,
    facts: &NodeFacts,
    tell: &mut Tell<'_>,
) -> Result<(), Standing> {
    let then = collect(&Planned::new(node, plan), &PathCandidates::new())?;
    let now = programs.try_kubelet(&preflight::arguments(facts), &BTreeMap::new());
    if let Trial::Rejected { why } = now {
        return Err(Standing(format!(
            "the kubelet would not start again even as it is configured today ({why}): that is not this change's doing; repair it first"
        )));
    }
    let files = texts(plan, |step| step.target == StepTarget::Kubelet);
    let seen = match programs.try_kubelet(&preflight::arguments(&then), &files) {
        Trial::Accepted { note } => {
            format!("its own program takes today's and the planned configuration{}", noted(note))
        }
        Trial::Rejected { why } => {
            return Err(Standing(format!("the kubelet refuses the planned configuration: {why}")));
        }
        Trial::Untried { why } | Trial::Unclear { why } => {
            format!("its own program was not asked about the planned configuration: {why}")
        }
    };
    say(tell, Phase::Preflight, Component::Kubelet, seen)
}

/// Starts the planned API server beside the real one, unless the order says otherwise.
pub(super) fn rehearse(
    node: &dyn Node,
    plan: &Plan,
    order: &Order,
    tell: &mut Tell<'_>,
) -> Result<(), Standing> {
    const COMPONENT: Component = Component::KubeApiserver;
    let step = plan.steps.iter().find(|step| step.target == StepTarget::KubeApiserver);
    let Some((programs, step)) = node.programs().zip(step) else { return Ok(()) };
    let Some(container) = planned(step, COMPONENT) else { return Ok(()) };
    if !order.rehearse {
        let text = "not rehearsed, as was asked for";
        return say(tell, Phase::Rehearsal, COMPONENT, text.to_owned());
    }
    let written: Vec<String> = texts(plan, |_| true).into_keys().collect();
    let seen = match programs.rehearse(&container, &written) {
        Trial::Accepted { note } => {
            format!("as planned it started beside the real one, and was ended{}", noted(note))
        }
        Trial::Rejected { why } => {
            return Err(Standing(format!(
                "the planned API server failed beside the real one, which kept running: {why}"
            )));
        }
        Trial::Unclear { why } => {
            return Err(Standing(format!(
                "the planned API server was tried beside the real one, and that says nothing of it ({why}): look why (memory, load), or go on without the trial (--no-rehearsal); then what it refuses shows only when the real one is away"
            )));
        }
        Trial::Untried { why } => format!("not rehearsed: {why}"),
    };
    say(tell, Phase::Rehearsal, COMPONENT, seen)
}

/// The container a step plans.
fn planned(step: &Step, component: Component) -> Option<Container> {
    step.changes.iter().find_map(|change| {
        let after = change.kind.after()?;
        let pod = manifest::parse(&change.path, &after.text).ok()?;
        pod.container(component).cloned()
    })
}

/// The planned texts of these steps, by path.
fn texts(plan: &Plan, of: impl Fn(&Step) -> bool) -> BTreeMap<String, String> {
    plan.steps
        .iter()
        .filter(|step| of(step))
        .flat_map(|step| &step.changes)
        .filter_map(|change| Some((change.path.clone(), change.kind.after()?.text.clone())))
        .collect()
}

fn noted(note: Option<String>) -> String {
    note.map_or_else(String::new, |note| format!(" ({note})"))
}

fn say(
    tell: &mut Tell<'_>,
    phase: Phase,
    component: Component,
    text: String,
) -> Result<(), Standing> {
    Ok(tell(phase, Observation { component: Some(component), text, proves: false })?)
}
