//! The places that hold a component's arguments: its running process, and what starts it.
//!
//! On a running node both decide. Elsewhere what starts it decides and a recorded process is a note. Where there is
//! only one, that one decides.
use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    model::{
        Component, Evidence, FileFact, NodeFacts, Process, ProcessFact, Source,
        facts::{Arg, ManifestFact, Mount, Parsed, Variable, Variables},
    },
    text::flags::{self, Occurrence},
};

use super::verdict::Verdict;

/// Which place it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SideKind {
    /// The running process.
    Running,
    /// What starts it: static pod manifest, or unit with its environment files.
    Start,
}

/// One place that holds a component's arguments.
#[derive(Debug, Clone)]
pub(super) struct Side<'f> {
    pub(super) component: Component,
    pub(super) kind: SideKind,
    /// False when it is only a note.
    pub(super) decides: bool,
    /// Arguments, the program first.
    pub(super) args: Vec<&'f str>,
    /// File that starts it; empty for a process.
    pub(super) path: Cow<'f, str>,
    lines: &'f [Arg],
    pid: u32,
    /// Mounts of its container; `None` for a program that sees the host's files.
    mounts: Option<&'f [Mount]>,
    variables: Given<'f>,
}

/// The environment one side gives the component.
#[derive(Debug, Clone, Copy)]
enum Given<'f> {
    /// As the running process has it.
    Process(&'f Process),
    /// As manifest or unit set it.
    Written(&'f Variables),
    /// Nothing is known to set one.
    Nothing,
}

/// A flag as one side gives it.
#[derive(Debug, Clone)]
pub(super) struct GivenFlag {
    /// The value in force.
    pub(super) value: String,
    /// The elements in force, for list flags.
    pub(super) list: Vec<String>,
    /// Every value, in order.
    pub(super) all: Vec<String>,
    /// As written, with a word when it is written more than once.
    pub(super) text: String,
    /// Where.
    pub(super) source: Source,
}

/// A file that a component names, as the host knows it.
#[derive(Debug, Clone)]
pub(super) enum HostFile {
    /// Its path on the host.
    At(String),
    /// It cannot be told which file that is, or whether it exists.
    Unknown(String),
}

impl<'f> Side<'f> {
    fn running(process: &'f Process, component: Component, mounts: Option<&'f [Mount]>) -> Self {
        Self {
            component,
            kind: SideKind::Running,
            decides: true,
            args: process.argv.iter().map(String::as_str).collect(),
            path: Cow::Borrowed(""),
            lines: &[],
            pid: process.pid,
            mounts,
            variables: Given::Process(process),
        }
    }

    fn start(
        component: Component,
        path: Cow<'f, str>,
        lines: &'f [Arg],
        mounts: Option<&'f [Mount]>,
        variables: Given<'f>,
    ) -> Self {
        Self {
            component,
            kind: SideKind::Start,
            decides: true,
            args: lines.iter().map(|arg| arg.text.as_str()).collect(),
            path,
            lines,
            pid: 0,
            mounts,
            variables,
        }
    }

    /// A component of which only a configuration file is known.
    pub(super) fn unstarted(component: Component, path: Cow<'f, str>) -> Self {
        Self::start(component, path, &[], None, Given::Nothing)
    }

    /// Where the argument at `index` is written; the side as a whole for `None`.
    pub(super) fn source(&self, index: Option<usize>) -> Source {
        match (self.kind, index.and_then(|index| self.lines.get(index))) {
            (SideKind::Running, _) => Source::Process { component: self.component, pid: self.pid },
            (SideKind::Start, Some(arg)) => {
                Source::File { path: arg.path.clone(), line: Some(arg.line) }
            }
            (SideKind::Start, None) => Source::File { path: self.path.to_string(), line: None },
        }
    }

    /// Why a verdict on its arguments would be worth nothing: the program does not take them.
    pub(super) fn refused(&self) -> Option<String> {
        let why = flags::refused(&self.args)?;
        Some(match self.kind {
            SideKind::Running => {
                format!("the arguments of process {} cannot be read: {why}", self.pid)
            }
            SideKind::Start => {
                format!("{} would end at its start: {why} ({})", self.component, self.path)
            }
        })
    }

    /// The same side, its arguments read in every other way they can be read, with the flag that makes it so.
    ///
    /// A bare flag of unknown kind may be boolean, as `self` reads it, or take the flag after it as its value.
    /// Beyond a few of them only the two extremes are read.
    pub(super) fn other_readings(&self) -> Vec<(&'f str, Self)> {
        const BOTH_EXTREMES: u32 = u32::MAX;
        let unclear = flags::unclear(&self.args);
        let masks = if unclear.len() <= 4 {
            1..=(1 << unclear.len()) - 1
        } else {
            BOTH_EXTREMES..=BOTH_EXTREMES
        };
        let reading = |mask: u32| {
            let taken = |bit: usize| mask == BOTH_EXTREMES || mask & (1 << bit) != 0;
            let taking =
                unclear.iter().enumerate().filter(|(bit, _)| taken(*bit)).map(|(_, index)| *index);
            let mut side = self.clone();
            for index in taking.clone() {
                if let Some(value) = side.args.get_mut(index + 1) {
                    // It is no flag any more; what it is worth as a value is nobody's business here.
                    *value = "";
                }
            }
            let first = taking.clone().next()?;
            Some((*self.args.get(first)?, side))
        };
        masks.filter_map(reading).collect()
    }

    /// The side in words.
    pub(super) fn place(&self) -> String {
        match self.kind {
            SideKind::Running if self.decides => format!("running process {}", self.pid),
            SideKind::Running => format!("recorded process {}", self.pid),
            SideKind::Start => self.path.to_string(),
        }
    }

    /// A flag, or the `ETCD_…` variable that stands for it.
    pub(super) fn flag(&self, name: &str) -> Option<GivenFlag> {
        let occurrences = flags::occurrences(&self.args, name);
        let Some(last) = occurrences.last() else { return self.variable(name) };
        let mut text = self.written(last);
        if occurrences.len() > 1 {
            text = format!("{text} (the last of {})", occurrences.len());
        }
        Some(GivenFlag {
            value: last.value.clone(),
            list: flags::list(&self.args, name).unwrap_or_default(),
            all: occurrences.iter().map(|occurrence| occurrence.value.clone()).collect(),
            text,
            source: self.source(Some(last.index)),
        })
    }

    fn written(&self, occurrence: &Occurrence) -> String {
        let words = self.args.iter().skip(occurrence.index).take(occurrence.width);
        words.copied().collect::<Vec<_>>().join(" ")
    }

    /// etcd takes a flag that is not given from its environment, where an empty value is none
    /// (`pkg/flags/flag.go`, `setFlagFromEnv`).
    fn variable(&self, flag: &str) -> Option<GivenFlag> {
        if self.component != Component::Etcd {
            return None;
        }
        let name = flags::variables::of_flag(flag);
        let (value, source) = match self.variables {
            Given::Process(process) => (process.env.get(&name)?, self.source(None)),
            Given::Written(variables) => {
                let Variable { value, path, line } = variables.set.get(&name)?;
                (value.as_ref()?, Source::File { path: path.clone(), line: Some(*line) })
            }
            Given::Nothing => return None,
        };
        Some(value).filter(|value| !value.is_empty()).map(|value| GivenFlag {
            list: value.split(',').filter(|e| !e.is_empty()).map(str::to_owned).collect(),
            all: vec![value.clone()],
            text: format!("{name}={value}"),
            source,
            value: value.clone(),
        })
    }

    /// Why it cannot be told whether a flag that is not among the arguments is given by a variable.
    pub(super) fn untold(&self, flag: &str) -> Option<String> {
        if self.component != Component::Etcd || !flags::occurrences(&self.args, flag).is_empty() {
            return None;
        }
        let name = flags::variables::of_flag(flag);
        match self.variables {
            Given::Process(process) => {
                let why = process.env_unread.as_ref()?;
                Some(format!("{name} may be set in the environment: {why}"))
            }
            Given::Written(variables) => match variables.set.get(&name) {
                Some(Variable { value: Some(_), .. }) => None,
                Some(Variable { path, line, .. }) => {
                    Some(format!("{name} is filled in from elsewhere ({path}:{line})"))
                }
                None => {
                    let more = variables.more.as_ref()?;
                    Some(format!("{name} may come from {more} of {}", self.path))
                }
            },
            Given::Nothing => None,
        }
    }

    /// The file a component means by `path`, on the host.
    pub(super) fn host_file(&self, path: &str) -> HostFile {
        let Some(mounts) = self.mounts else {
            return if path.starts_with('/') {
                HostFile::At(path.to_owned())
            } else {
                HostFile::Unknown(format!("{path} is relative"))
            };
        };
        match (Mount::host_path(mounts, path), Mount::of(mounts, path)) {
            (Some(host), _) => HostFile::At(host),
            (None, None) => HostFile::Unknown(format!("{path} is in no volume of its container")),
            (None, Some(_)) => {
                HostFile::Unknown(format!("{path} is in a volume that is not a host path"))
            }
        }
    }

    /// A document that a component names, looked up under its host path.
    pub(super) fn document<'d, T>(
        &self,
        documents: &'d BTreeMap<String, Parsed<T>>,
        named: &str,
    ) -> Result<(String, &'d T), String> {
        let path = match self.host_file(named) {
            HostFile::At(path) => path,
            HostFile::Unknown(_) if documents.contains_key(named) => named.to_owned(),
            HostFile::Unknown(why) => return Err(format!("{why}: it could not be read")),
        };
        match documents.get(&path) {
            Some(Parsed::Ok { value }) => Ok((path, value)),
            Some(Parsed::Broken { why }) => Err(format!("{path} cannot be read: {why}")),
            None => Err(format!("{path} was not read")),
        }
    }
}

/// Whether a component is on this node in any form, running or not.
pub(super) fn is_here(facts: &NodeFacts, component: Component) -> bool {
    let process = !matches!(facts.processes.get(&component), None | Some(ProcessFact::Absent));
    process
        || !facts.manifests_of(component).is_empty()
        || broken_manifest(facts, component).is_some()
        || facts.unit_args.contains_key(&component)
}

/// A manifest that should be this component's and cannot be understood: `(path, why)`.
fn broken_manifest(facts: &NodeFacts, component: Component) -> Option<(&str, &str)> {
    facts.manifests.iter().find_map(|manifest| match &manifest.pod {
        Parsed::Broken { why } if names(&manifest.path, component) => {
            Some((manifest.path.as_str(), why.as_str()))
        }
        _ => None,
    })
}

/// Whether a file name is `<component>` with or without an extension.
fn names(path: &str, component: Component) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next() == Some(component.as_str())
}

/// Every side of a component, or the verdict that there is nothing to judge it by.
pub(super) fn of(facts: &NodeFacts, component: Component) -> Result<Vec<Side<'_>>, Verdict> {
    let fact = facts.processes.get(&component).unwrap_or(&ProcessFact::Absent);
    let process = process_of(fact, component, facts.live)?;
    let mut sides = Vec::new();
    let manifests = facts.manifests_of(component);
    let mounts = manifests.first().and_then(|manifest| {
        manifest.pod.ok()?.container(component).map(|container| container.mounts.as_slice())
    });
    if let Some(process) = process {
        // A process in no pod sees the host's own files; in a pod it sees what its volumes give it.
        let own = process.pod.as_ref().map(|_| mounts.unwrap_or_default());
        sides.push(Side::running(process, component, own));
    }
    if let Some((path, why)) = broken_manifest(facts, component).filter(|_| manifests.is_empty()) {
        return Err(Verdict::error(format!("{path} cannot be understood: {why}"), Vec::new()));
    }
    for manifest in manifests {
        if let Some(several) = several_containers(manifest, component) {
            return Err(several);
        }
        if let Some(container) = manifest.pod.ok().and_then(|pod| pod.container(component)) {
            sides.push(Side::start(
                component,
                Cow::Borrowed(&manifest.path),
                &container.args,
                Some(&container.mounts),
                Given::Written(&container.variables),
            ));
        }
    }
    let unit = match component {
        Component::Kubelet => facts.kubelet.start_args.as_ref(),
        _ => facts.unit_args.get(&component),
    };
    if let Some(args) = unit {
        let path =
            args.first().map_or(Cow::Borrowed("its unit"), |arg| Cow::Borrowed(arg.path.as_str()));
        let variables = Given::Written(&facts.unit_variables);
        sides.push(Side::start(component, path, args, None, variables));
    }
    if sides.is_empty() {
        return Err(Verdict::not_applicable(format!(
            "{component} is not on this node: no process, and nothing that starts it"
        )));
    }
    if !facts.live && sides.iter().any(|side| side.kind == SideKind::Start) {
        for side in sides.iter_mut().filter(|side| side.kind == SideKind::Running) {
            side.decides = false;
        }
    }
    Ok(sides)
}

/// The verdict on a pod of which several containers run a component.
fn several_containers(manifest: &ManifestFact, component: Component) -> Option<Verdict> {
    let containers: Vec<_> = manifest.pod.ok()?.containers_of(component).collect();
    let [_, _, ..] = containers.as_slice() else { return None };
    let names: Vec<&str> = containers.iter().map(|container| container.name.as_str()).collect();
    let evidence = containers.iter().filter_map(|container| container.args.first());
    Some(Verdict::error(
        format!(
            "several containers of {} run {component} ({}): a verdict would be a guess",
            manifest.path,
            names.join(", ")
        ),
        evidence
            .map(|arg| Evidence {
                value: arg.text.clone(),
                source: Source::File { path: arg.path.clone(), line: Some(arg.line) },
                good: false,
            })
            .collect(),
    ))
}

/// The process to judge by, or the verdict that it cannot be told which one that is.
fn process_of(
    fact: &ProcessFact,
    component: Component,
    live: bool,
) -> Result<Option<&Process>, Verdict> {
    match fact {
        ProcessFact::Running(process) => Ok(Some(process)),
        ProcessFact::Absent => Ok(None),
        _ if !live => Ok(None),
        ProcessFact::Ambiguous { candidates } => {
            let pids: Vec<String> = candidates.iter().map(|p| p.pid.to_string()).collect();
            Err(Verdict::error(
                format!(
                    "several processes could be {component} of this node (pid {}): a verdict would be a guess",
                    pids.join(", ")
                ),
                candidates
                    .iter()
                    .map(|process| Evidence {
                        value: process.argv.first().cloned().unwrap_or_default(),
                        source: Source::Process { component, pid: process.pid },
                        good: false,
                    })
                    .collect(),
            ))
        }
        ProcessFact::Unreadable { why } => {
            Err(Verdict::error(format!("the processes could not be read: {why}"), Vec::new()))
        }
    }
}

/// What is known of a file on the host, by its path as named or with links resolved.
pub(super) fn file_fact<'f>(facts: &'f NodeFacts, path: &str) -> Option<&'f FileFact> {
    facts.files.get(path)
}
