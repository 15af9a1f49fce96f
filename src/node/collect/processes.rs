//! Which process is which component.
//!
//! One pass over `/proc`: the command name first, the rest only of processes that could be a component.
//! The exact binary name decides, then the place in the cgroup tree: a static pod of this host's kubelet
//! or a systemd unit, never a pod of a tenant and never a node that lives in a container of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::{Reader, base, why};
use crate::{
    model::{Component, Process, ProcessFact},
    node::{NodeError, NodeErrorKind},
    text::{
        cgroup::{self, Membership},
        flags::variables,
    },
};

/// Longest file of `/proc/PID` that is read, in bytes.
const LIMIT: u64 = 4 << 20;

/// The kernel cuts command names to this length.
const COMM: usize = 15;

/// Why processes of others cannot be seen.
const HIDDEN: &str = "/proc hides the processes of others (hidepid): run as root";

/// The unit of a kubelet that was installed as one.
pub(super) const KUBELET_UNIT: &str = "kubelet.service";

/// Programs that hold several components in one process.
const BUNDLES: [&str; 5] = ["k3s", "k3s-server", "k3s-agent", "rke2", "kubelite"];

/// The processes of this node that matter.
#[derive(Debug, Default)]
pub(super) struct Processes {
    pub(super) facts: BTreeMap<Component, ProcessFact>,
    /// Programs of [`BUNDLES`] that run.
    pub(super) bundles: BTreeSet<String>,
}

impl Processes {
    pub(super) fn running(&self, component: Component) -> Option<&Process> {
        self.facts.get(&component).and_then(ProcessFact::running)
    }

    fn all(fact: &ProcessFact) -> Self {
        let facts = Component::ALL.into_iter().map(|c| (c, fact.clone())).collect();
        Self { facts, bundles: BTreeSet::new() }
    }
}

/// A process that has the name of a component.
struct Candidate {
    process: Process,
    parent: Option<u32>,
    nested: bool,
}

/// Finds every component's process.
pub(super) fn scan(reader: &mut Reader<'_>, live: bool) -> Processes {
    let pids = match pids(reader, live) {
        Ok(pids) => pids,
        Err(None) => return Processes::all(&ProcessFact::Absent),
        Err(Some(why)) => return Processes::all(&ProcessFact::Unreadable { why }),
    };
    // Inside a container without a cgroup namespace every path begins with that container.
    let contained = pids.contains(&1) && membership(reader, 1).is_ok_and(|m| m.nested);
    let mut found: BTreeMap<Component, Vec<Candidate>> = BTreeMap::new();
    let mut bundles = BTreeSet::new();
    for pid in pids {
        let comm = match read(reader, pid, "comm") {
            Ok(comm) => comm,
            // Any of the hidden processes could be a component.
            Err(error) if error.kind == NodeErrorKind::Denied => {
                return Processes::all(&ProcessFact::Unreadable { why: HIDDEN.to_owned() });
            }
            // A process may end at any moment: what cannot be read any more does not run.
            Err(_) => continue,
        };
        let comm = comm.trim_end();
        if BUNDLES.contains(&comm) {
            bundles.insert(comm.to_owned());
        }
        let Some(component) = named(comm) else { continue };
        match candidate(reader, pid, component) {
            Ok(Some(mut candidate)) => {
                candidate.nested &= !contained;
                found.entry(component).or_default().push(candidate);
            }
            Ok(None) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => reader.problems.push(error.to_string()),
        }
    }
    let facts = Component::ALL
        .into_iter()
        .map(|component| {
            (component, select(component, found.remove(&component).unwrap_or_default()))
        })
        .collect();
    Processes { facts, bundles }
}

/// Every process id, in order; or why they cannot be told, `None` where nothing runs.
fn pids(reader: &Reader<'_>, live: bool) -> Result<Vec<u32>, Option<String>> {
    let entries = match reader.files.list("/proc") {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() && !live => return Err(None),
        Err(error) => {
            return Err(Some(format!("/proc cannot be listed: {}", why(&error))));
        }
    };
    let mut pids: Vec<u32> = entries.iter().filter_map(|entry| entry.name.parse().ok()).collect();
    pids.sort_unstable();
    if live && !pids.contains(&1) {
        return Err(Some(HIDDEN.to_owned()));
    }
    Ok(pids)
}

/// The component whose command name this is.
fn named(comm: &str) -> Option<Component> {
    Component::ALL.into_iter().find(|component| {
        let name = component.as_str();
        name == comm || (name.len() > COMM && name.get(..COMM) == Some(comm))
    })
}

fn read(reader: &Reader<'_>, pid: u32, file: &str) -> Result<String, NodeError> {
    let bytes = reader.files.read(&format!("/proc/{pid}/{file}"), LIMIT)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn membership(reader: &Reader<'_>, pid: u32) -> Result<Membership, NodeError> {
    match read(reader, pid, "cgroup") {
        Ok(text) => Ok(cgroup::membership(&text)),
        // A kernel without cgroups, or a recording that has none.
        Err(error) if error.is_not_found() => Ok(Membership::default()),
        Err(error) => Err(error),
    }
}

/// Looks closer at a process with the right command name: first argument and program must have it too.
fn candidate(
    reader: &Reader<'_>,
    pid: u32,
    component: Component,
) -> Result<Option<Candidate>, NodeError> {
    let cmdline = read(reader, pid, "cmdline")?;
    let argv: Vec<String> = match cmdline.strip_suffix('\0').unwrap_or(&cmdline) {
        "" => return Ok(None),
        text => text.split('\0').map(str::to_owned).collect(),
    };
    let name = component.as_str();
    if argv.first().is_none_or(|program| base(program) != name) {
        return Ok(None);
    }
    // Only root may read the link of another user's process; then the first argument must do.
    let exe = reader.files.read_link(&format!("/proc/{pid}/exe")).ok();
    let program = exe.as_deref().map(|exe| base(exe.strip_suffix(" (deleted)").unwrap_or(exe)));
    if program.is_some_and(|program| program != name) {
        return Ok(None);
    }
    let numbers = read(reader, pid, "stat")?;
    let uid = effective_uid(&read(reader, pid, "status")?);
    let (Some(start), Some(uid)) = (cgroup::start_time(&numbers), uid) else { return Ok(None) };
    let Membership { pod, unit, nested } = membership(reader, pid)?;
    let (env, env_unread) = match component {
        Component::Etcd => etcd_variables(reader, pid),
        _ => (BTreeMap::new(), None),
    };
    let binary = name.to_owned();
    let process = Process { pid, start, binary, argv, uid, pod, unit, env, env_unread };
    Ok(Some(Candidate { process, parent: cgroup::parent(&numbers), nested }))
}

/// Second number of the `Uid:` line (real, effective, saved, file system).
fn effective_uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// etcd's variables, or why they cannot be read: only root may, and a recording has none.
fn etcd_variables(reader: &Reader<'_>, pid: u32) -> (BTreeMap<String, String>, Option<String>) {
    let environ = match read(reader, pid, "environ") {
        Ok(environ) => environ,
        Err(error) if error.is_not_found() => String::new(),
        Err(error) => return (BTreeMap::new(), Some(error.to_string())),
    };
    let variables = environ
        .split('\0')
        .filter_map(|variable| variable.split_once('='))
        .filter(|(name, _)| variables::is_ours(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    (variables.collect(), None)
}

/// How sure it is that this process is the component; smaller is surer, `None` is never.
fn rank(component: Component, candidate: &Candidate) -> Option<u8> {
    if candidate.nested {
        return None;
    }
    let pod = candidate.process.pod.as_deref();
    let unit = candidate.process.unit.as_deref();
    match (component, pod, unit) {
        // kube-proxy runs as a DaemonSet, or (RKE2) as a static pod.
        (Component::KubeProxy, Some(_), _) | (Component::Kubelet, None, Some(KUBELET_UNIT)) => {
            Some(0)
        }
        (Component::Kubelet, Some(_), _) => None,
        (_, Some(pod), _) => cgroup::is_static_pod(pod).then_some(0),
        (_, None, Some(_)) => Some(1),
        (_, None, None) => Some(2),
    }
}

fn select(component: Component, candidates: Vec<Candidate>) -> ProcessFact {
    // Between fork and exec a child still looks like its parent.
    let pids: BTreeSet<u32> = candidates.iter().map(|candidate| candidate.process.pid).collect();
    let own = |candidate: &Candidate| candidate.parent.is_none_or(|parent| !pids.contains(&parent));
    let mut ranked: Vec<(u8, Process)> = candidates
        .into_iter()
        .filter(own)
        .filter_map(|candidate| Some((rank(component, &candidate)?, candidate.process)))
        .collect();
    let best = ranked.iter().map(|(rank, _)| *rank).min();
    ranked.retain(|(rank, _)| Some(*rank) == best);
    let mut candidates: Vec<Process> = ranked.into_iter().map(|(_, process)| process).collect();
    match (candidates.pop(), candidates.is_empty()) {
        (None, _) => ProcessFact::Absent,
        (Some(process), true) => ProcessFact::Running(process),
        (Some(process), false) => {
            candidates.push(process);
            ProcessFact::Ambiguous { candidates }
        }
    }
}
