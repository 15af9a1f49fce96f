//! What each component is given, and which file of the host it means by a path.

use std::collections::{BTreeMap, BTreeSet};

use super::{UNIT_COMPONENTS, units::Components};
use crate::{
    model::{
        Component, Process, ProcessFact,
        facts::{KubeletFacts, ManifestFact, Mount, Variables},
    },
    text::flags,
};

/// Everything that has been read of the components.
#[derive(Debug, Clone, Copy)]
pub(super) struct Views<'f> {
    pub(super) processes: &'f BTreeMap<Component, ProcessFact>,
    pub(super) manifests: &'f [ManifestFact],
    pub(super) units: &'f Components,
    pub(super) kubelet: &'f KubeletFacts,
    pub(super) live: bool,
}

/// One vector of arguments of a component: its process, its manifest or its unit.
#[derive(Debug)]
pub(super) struct View<'f> {
    component: Component,
    args: Vec<&'f str>,
    /// Volumes of its container; `None` when it sees the host's own files.
    mounts: Option<&'f [Mount]>,
    pub(super) process: Option<&'f Process>,
    /// What its manifest or unit gives it, for etcd.
    variables: Option<&'f Variables>,
}

impl<'f> Views<'f> {
    pub(super) fn process(&self, component: Component) -> Option<&'f Process> {
        self.processes.get(&component).and_then(ProcessFact::running)
    }

    /// Every view of a component, the one that counts first: the process on a running node, elsewhere what
    /// starts it.
    pub(super) fn of(&self, component: Component) -> Vec<View<'f>> {
        let containers: Vec<_> = self
            .manifests
            .iter()
            .filter_map(|manifest| manifest.pod.ok()?.container(component))
            .collect();
        let process = self.process(component).map(|process| View {
            component,
            args: process.argv.iter().map(String::as_str).collect(),
            mounts: process.pod.as_ref().map(|_| {
                containers.first().map(|container| container.mounts.as_slice()).unwrap_or_default()
            }),
            process: Some(process),
            variables: None,
        });
        let mut views: Vec<View<'f>> = containers
            .iter()
            .map(|container| View {
                component,
                args: container.args.iter().map(|arg| arg.text.as_str()).collect(),
                mounts: Some(&container.mounts),
                process: None,
                variables: Some(&container.variables),
            })
            .collect();
        let unit = match component {
            Component::Kubelet => self.kubelet.start_args.as_ref(),
            _ => self.units.args.get(&component),
        };
        views.extend(unit.map(|args| View {
            component,
            args: args.iter().map(|arg| arg.text.as_str()).collect(),
            mounts: None,
            process: None,
            variables: Some(&self.units.variables),
        }));
        if let Some(process) = process {
            let place = if self.live { 0 } else { views.len() };
            views.insert(place, process);
        }
        views
    }

    /// Host paths that a flag names, in the order of the views, each once.
    pub(super) fn flag_paths(&self, component: Component, flag: &str) -> Vec<String> {
        let mut found = Vec::new();
        for view in self.of(component) {
            if let Some(path) = view.flag(flag).and_then(|path| view.host(&path))
                && !found.contains(&path)
            {
                found.push(path);
            }
        }
        found
    }

    /// Every path of the host that any argument names.
    pub(super) fn host_paths(&self) -> BTreeSet<String> {
        let components = UNIT_COMPONENTS.into_iter().chain([Component::Kubelet]);
        components.flat_map(|component| self.of(component)).flat_map(|view| view.paths()).collect()
    }
}

impl View<'_> {
    /// The value in force, when there is one; of etcd's variables where the flag is not given.
    pub(super) fn flag(&self, name: &str) -> Option<String> {
        let given = flags::value(&self.args, name);
        given.or_else(|| self.variable(name)).filter(|value| !value.is_empty())
    }

    fn variable(&self, flag: &str) -> Option<String> {
        if self.component != Component::Etcd {
            return None;
        }
        let name = flags::variables::of_flag(flag);
        match self.process {
            Some(process) => process.env.get(&name).cloned(),
            None => self.variables?.set.get(&name)?.value.clone(),
        }
    }

    /// The file of the host that the component means by `path`; `None` when it is in no host volume.
    pub(super) fn host(&self, path: &str) -> Option<String> {
        let Some(mounts) = self.mounts else {
            return path.starts_with('/').then(|| path.to_owned());
        };
        Mount::host_path(mounts, path)
    }

    /// Host paths that any argument names, as `--flag=/path` or as `/path`.
    fn paths(&self) -> Vec<String> {
        self.args
            .iter()
            .skip(1)
            .map(|arg| arg.split_once('=').map_or(*arg, |(_, value)| value))
            .filter(|value| value.starts_with('/'))
            .filter_map(|value| self.host(value))
            .collect()
    }
}
