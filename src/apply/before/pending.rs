//! What others changed and nobody started yet: our restart would let it take effect, and it would look like
//! our doing.

use jiff::Timestamp;

use super::{Standing, quiet::Ours};
use crate::{
    apply::verify::{Emit, Expected},
    model::{Component, NodeFacts, Observation, Order, Plan, Process},
    node::{Node, NodeError, collect},
};

/// Refuses, or tells what takes effect too where that was asked for.
pub(super) fn check(
    node: &dyn Node,
    plan: &Plan,
    facts: &NodeFacts,
    order: &Order,
    ours: &Ours,
    emit: &mut Emit<'_>,
) -> Result<(), Standing> {
    for component in plan.steps.iter().filter_map(|step| step.target.restarts()) {
        let waiting = waiting(node, component, facts, ours)?;
        if waiting.is_empty() {
            continue;
        }
        let what = waiting.join("; ");
        if !order.consent_pending {
            return Err(Standing(format!(
                "changes of others wait for the next restart of {component} ({what}): look at them, then restart it without ours, or let them take effect together with --include-pending"
            )));
        }
        let text = format!("takes effect too: {what}");
        emit(Observation { component: Some(component), text, proves: false })?;
    }
    Ok(())
}

fn waiting(
    node: &dyn Node,
    component: Component,
    facts: &NodeFacts,
    ours: &Ours,
) -> Result<Vec<String>, NodeError> {
    let Some(process) = facts.process(component) else { return Ok(Vec::new()) };
    let mut waiting = Vec::new();
    let mut files = Vec::new();
    if component == Component::Kubelet {
        let kubelet = &facts.kubelet;
        if let Some(args) = &kubelet.start_args
            && args.iter().skip(1).map(|arg| &arg.text).ne(process.argv.iter().skip(1))
        {
            waiting.push(format!(
                "its unit and environment files give other arguments than process {} has",
                process.pid
            ));
        }
        files.extend(
            kubelet.config.iter().chain(&kubelet.drop_ins).map(|layer| layer.path.as_str()),
        );
        files.extend(kubelet.drop_in_dir.as_deref());
        files.extend(
            kubelet.unit_files.iter().chain(&kubelet.env_files).map(|file| file.path.as_str()),
        );
    } else {
        for manifest in facts.manifests_of(component) {
            let expected = manifest.pod.ok().and_then(|pod| Expected::of(component, pod));
            if expected.is_some_and(|expected| !expected.matches(process)) {
                waiting.push(format!(
                    "{} gives other arguments than process {} has",
                    manifest.path, process.pid
                ));
            } else {
                files.push(manifest.path.as_str());
            }
        }
    }
    let Some(began) = collect::began(node, process) else { return Ok(waiting) };
    for path in files {
        if let Some(at) = node.files().modified(path)?
            && is_newer(at, began)
            && !ours.hold(at)
        {
            waiting.push(told(path, at, process));
        }
    }
    Ok(waiting)
}

/// Both are known to the second.
fn is_newer(modified: Timestamp, began: Timestamp) -> bool {
    modified.duration_since(began).as_secs() > 2
}

fn told(path: &str, at: Timestamp, process: &Process) -> String {
    format!("{path} was written {at:.0}, after process {} began", process.pid)
}
