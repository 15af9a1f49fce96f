//! Changes of modes and owners that would lock out a component which does not run as root.
//!
//! It goes on as it is, with what it has read; at its next start it would not come up. Root reads everything.

use super::{
    named,
    reader::{READ, Reader, USE},
    settings::Settings,
    sight,
};
use crate::{
    apply::before::{Standing, planned::Planned},
    model::{Component, NodeFacts, Plan},
    node::{Files, Node, NodeError},
    text::flags,
};

/// Refuses what a component can read now and could not then. What a restart of this plan lets read is looked
/// at there.
pub(in crate::apply::before) fn check(
    node: &dyn Node,
    plan: &Plan,
    facts: &NodeFacts,
) -> Result<(), Standing> {
    let planned = Planned::new(node, plan);
    let restarts = |component| plan.steps.iter().any(|s| s.target.restarts() == Some(component));
    for component in Component::STATIC_PODS.into_iter().filter(|other| !restarts(*other)) {
        let pods = facts.manifests_of(component).into_iter().filter_map(|fact| fact.pod.ok());
        for container in pods.filter_map(|pod| pod.container(component)) {
            let Some(reader) = Reader::of(container, facts.process(component)) else { continue };
            let settings = Settings::of(component, container);
            let mut used: Vec<(String, String, u32)> = named::named(&settings)
                .0
                .into_iter()
                .map(|file| (file.by, file.path, READ))
                .collect();
            if component == Component::Etcd {
                let data = flags::value(settings.args(), "data-dir");
                used.extend(data.map(|path| (settings.by("data-dir"), path, USE)));
            }
            for (by, path, wanted) in used {
                let shut = |files: &dyn Files| -> Result<bool, NodeError> {
                    let way = sight::walk(files, &container.mounts, &path)?;
                    Ok(reader.shut_out(files, &way, wanted)?.is_some())
                };
                if shut(planned.files())? && !shut(node.files())? {
                    let what = if wanted == USE { "use" } else { "read" };
                    return Err(Standing(format!(
                        "{component}, which runs as user {}, would not be able to {what} {path} ({by}) at its next start: leave that fix out, or give {path} to that user or one of its groups",
                        reader.user
                    )));
                }
            }
        }
    }
    Ok(())
}
