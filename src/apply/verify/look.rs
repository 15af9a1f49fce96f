//! One look at what runs now, without waiting for anything.

use std::time::Duration;

use super::{
    POLL, Unhealthy,
    static_pod::{self, Expected, running, shown, shown_answer},
};
use crate::{
    apply::Site,
    model::{Component, NodeFacts, Plan, StepTarget},
    node::{
        KubeletView, Node, NodeError,
        collect::{PathCandidates, collect},
    },
};

/// How long a component may take to be seen well by somebody who comes by.
const MOMENT: Duration = Duration::from_secs(10);

/// Process and start time.
pub(super) type Id = (u32, u64);

/// How a static pod is.
#[derive(Debug)]
pub(super) enum Look {
    /// It runs with its manifest's arguments, and kubelet and probes agree that it is ready.
    Well(Id),
    /// It runs, and something is missing.
    Unwell(Id, String),
    /// Nothing runs with these arguments.
    Away,
}

impl Look {
    /// The process, where there is one.
    pub(super) const fn id(&self) -> Option<Id> {
        match self {
            Self::Well(id) | Self::Unwell(id, _) => Some(*id),
            Self::Away => None,
        }
    }
}

/// The components whose manifests are here, with what their own probes ask.
pub(in crate::apply) fn expected_of(facts: &NodeFacts) -> Vec<Expected> {
    let pods = facts.manifests.iter().filter_map(|manifest| manifest.pod.ok());
    pods.flat_map(|pod| {
        Component::STATIC_PODS.into_iter().filter_map(|component| Expected::of(component, pod))
    })
    .collect()
}

/// The same, read now.
pub(super) fn expected_here(node: &dyn Node) -> Result<Vec<Expected>, NodeError> {
    Ok(expected_of(&collect(node, &PathCandidates::new())?))
}

/// The process of a component.
pub(super) fn process(node: &dyn Node, component: Component) -> Option<Id> {
    running(node, component, |_| true).map(|process| (process.pid, process.start))
}

/// Looks at one static pod.
pub(super) fn at(site: Site<'_>, view: &dyn KubeletView, expected: &Expected) -> Look {
    let component = expected.component();
    let Some(process) = running(site.node, component, |process| expected.matches(process)) else {
        return Look::Away;
    };
    let id = (process.pid, process.start);
    // Of another pod, or none: no verdict. The probes tell all the same.
    let verdict = static_pod::pod_status(site, view, component).ok().flatten();
    let verdict = verdict.filter(|status| process.pod.as_ref() == Some(&status.pod));
    // Of a kubelet that is away others say that its pods are not ready.
    if verdict.is_some_and(|status| !(status.started && status.ready)) && view.healthy() {
        return Look::Unwell(id, "the kubelet does not say ready".to_owned());
    }
    for probe in expected.probes() {
        let answer = view.probe(probe);
        if !answer.is_success() {
            let why = format!("{} answers {}", shown(probe), shown_answer(answer));
            return Look::Unwell(id, why);
        }
    }
    Look::Well(id)
}

/// Everything a plan restarted is well now, or is so within a moment.
pub(in crate::apply) fn well(site: Site<'_>, plan: &Plan) -> Result<(), Unhealthy> {
    let Some(view) = site.node.kubelet() else { return Ok(()) };
    let clock = site.node.clock();
    let began = clock.monotonic();
    loop {
        match missing(site, view, plan)? {
            None => return Ok(()),
            Some(what) if clock.monotonic().saturating_sub(began) > MOMENT => {
                return Err(Unhealthy(what));
            }
            Some(_) => clock.sleep(POLL),
        }
    }
}

/// The kubelet answers, or does so within a moment.
pub(in crate::apply) fn kubelet_answers(node: &dyn Node, view: &dyn KubeletView) -> bool {
    let clock = node.clock();
    let began = clock.monotonic();
    while !view.healthy() {
        if clock.monotonic().saturating_sub(began) > MOMENT {
            return false;
        }
        clock.sleep(POLL);
    }
    true
}

fn missing(
    site: Site<'_>,
    view: &dyn KubeletView,
    plan: &Plan,
) -> Result<Option<String>, Unhealthy> {
    let here = expected_here(site.node)?;
    for component in plan.steps.iter().filter_map(|step| StepTarget::restarts(step.target)) {
        if component == Component::Kubelet {
            if !view.healthy() {
                return Ok(Some("the kubelet does not answer its health check".to_owned()));
            }
            continue;
        }
        let expected = here.iter().find(|expected| expected.component() == component);
        match expected.map(|expected| at(site, view, expected)) {
            Some(Look::Well(_)) => {}
            Some(Look::Unwell(_, why)) => {
                return Ok(Some(format!("{component} is not well: {why}")));
            }
            Some(Look::Away) => {
                return Ok(Some(format!("{component} does not run with its new arguments")));
            }
            None => return Ok(Some(format!("there is no manifest of {component} any more"))),
        }
    }
    Ok(None)
}
