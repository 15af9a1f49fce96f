//! Whether a control can be planned at all: its verdict, its offer, this node's layout.

use super::Reason;
use crate::{
    catalog::Numbered,
    model::{
        Component, Control, ControlId, Finding, FixOffer, NodeFacts, Report, Reversibility, Status,
        Tier,
    },
    text::flags,
};

/// A failing control with an offered fix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'p> {
    pub(super) id: &'p ControlId,
    pub(super) control: &'p Control,
    pub(super) finding: &'p Finding,
    /// Risk before this node was looked at.
    pub(super) tier: Tier,
    pub(super) reversible: Reversibility,
}

/// The control as something to plan, or why it is not.
pub(super) fn candidate<'p>(
    controls: &'p [Numbered],
    report: &'p Report,
    facts: &NodeFacts,
    id: &'p ControlId,
) -> Result<Candidate<'p>, Reason> {
    let finding = report.finding(id).ok_or_else(|| {
        format!("it was not judged: {} or this scan does not hold it", report.benchmark)
    })?;
    match finding.status {
        Status::Fail => {}
        Status::Pass => return Err("it passes already".to_owned()),
        Status::NotApplicable => return Err(format!("it does not apply here: {}", finding.reason)),
        Status::Manual => return Err(format!("a person must judge it first: {}", finding.reason)),
        Status::Error => {
            return Err(format!("it could not be judged: {}. Mend that first", finding.reason));
        }
    }
    let (tier, reversible) = match &finding.offer {
        FixOffer::Offered { tier, reversible } => (*tier, *reversible),
        FixOffer::Later { reason } => return Err(format!("its fix comes later: {reason}")),
        FixOffer::None { reason } => return Err(format!("there is no fix: {reason}")),
    };
    if let Some(refusal) = facts.profile.distribution.refusal() {
        return Err(refusal.to_owned());
    }
    let control = controls
        .iter()
        .find(|numbered| &numbered.id == id)
        .map(|numbered| &numbered.control)
        .ok_or_else(|| format!("{} does not hold it", report.benchmark))?;
    for conflict in &control.fix.conflicts {
        if is_given(facts, conflict.component, &conflict.flag) {
            return Err(format!(
                "{} is given --{}: {}",
                conflict.component, conflict.flag, conflict.because
            ));
        }
    }
    Ok(Candidate { id, control, finding, tier, reversible })
}

/// Whether a component has a flag, running or at its next start.
fn is_given(facts: &NodeFacts, component: Component, flag: &str) -> bool {
    let has = |args: &[&str]| flags::value(args, flag).is_some();
    let running = facts
        .process(component)
        .is_some_and(|process| has(&process.argv.iter().map(String::as_str).collect::<Vec<_>>()));
    let written = facts
        .manifests_of(component)
        .into_iter()
        .filter_map(|manifest| manifest.pod.ok()?.container(component))
        .map(|container| container.args.as_slice())
        .chain(facts.unit_args.get(&component).map(Vec::as_slice))
        .chain(facts.kubelet.start_args.as_deref().filter(|_| component == Component::Kubelet))
        .any(|args| has(&args.iter().map(|arg| arg.text.as_str()).collect::<Vec<_>>()));
    running || written
}
