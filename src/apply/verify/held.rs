//! What was proved still holds: looked at again and again while a person decides.

use std::collections::BTreeMap;

use super::super::{
    Site,
    file::{self, Side},
};
use crate::{
    model::{Component, ProcessFact, StepTarget, journal::FileIntent},
    node::{Node, collect},
};

/// The processes that proved themselves, and the files they read.
#[derive(Debug)]
pub(in crate::apply) struct Held<'f> {
    files: &'f [FileIntent],
    running: BTreeMap<Component, (u32, u64)>,
}

impl<'f> Held<'f> {
    /// Remembers what runs now of the components that were restarted.
    pub(in crate::apply) fn take(
        node: &dyn Node,
        files: &'f [FileIntent],
        targets: impl Iterator<Item = StepTarget>,
    ) -> Self {
        let running = node.kubelet().map_or_else(BTreeMap::new, |_| {
            let now = processes(node);
            targets
                .filter_map(StepTarget::restarts)
                .filter_map(|component| Some((component, *now.get(&component)?)))
                .collect()
        });
        Self { files, running }
    }

    /// An error says what does not hold any more.
    pub(in crate::apply) fn still(&self, site: Site<'_>) -> Result<(), String> {
        for file in self.files {
            match file::side(site.node, file).map_err(|error| error.to_string())? {
                Side::After => {}
                Side::Foreign(what) => {
                    return Err(format!("{} was changed by somebody else: {what}", file.path));
                }
                Side::Before | Side::Between => {
                    return Err(format!("{} has not its new state any more", file.path));
                }
            }
        }
        let Some(kubelet) = site.node.kubelet() else { return Ok(()) };
        let now = processes(site.node);
        for (component, process) in &self.running {
            if now.get(component) != Some(process) {
                let pid = process.0;
                return Err(format!("{component} process {pid} ended after it had proved itself"));
            }
        }
        if self.running.contains_key(&Component::Kubelet) && !kubelet.healthy() {
            return Err("the kubelet does not answer its health check any more".to_owned());
        }
        Ok(())
    }
}

fn processes(node: &dyn Node) -> BTreeMap<Component, (u32, u64)> {
    collect::processes(node.files())
        .into_iter()
        .filter_map(|(component, fact)| match fact {
            ProcessFact::Running(process) => Some((component, (process.pid, process.start))),
            _ => None,
        })
        .collect()
}
