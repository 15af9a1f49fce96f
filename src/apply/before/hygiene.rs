//! Nobody else is at work, and one file speaks for each static pod.

use jiff::SignedDuration;

use super::Standing;
use crate::{
    apply::verify::Emit,
    model::{Change, ChangeKind, NodeFacts, Observation, Plan, facts::StaticPod},
    node::{Node, NodeError},
    text::manifest,
};

/// Where `kubeadm upgrade` keeps what it replaces.
const KUBEADM: &str = "/etc/kubernetes/tmp";

/// Traces of an upgrade that are younger are worth a word.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// Refuses while kubeadm runs; tells of an upgrade that was here a moment ago.
pub(super) fn nobody_upgrades(node: &dyn Node, emit: &mut Emit<'_>) -> Result<(), Standing> {
    if let Some(pid) = kubeadm(node)? {
        return Err(Standing(format!(
            "kubeadm runs (process {pid}): what it writes and what we write would mix; wait until it is done"
        )));
    }
    let files = node.files();
    if files.stat(KUBEADM)?.is_none() {
        return Ok(());
    }
    let now = node.clock().now();
    for entry in files.list(KUBEADM)?.iter().filter(|entry| entry.name.starts_with("kubeadm-")) {
        let path = format!("{KUBEADM}/{}", entry.name);
        if files.modified(&path)?.is_some_and(|at| now.duration_since(at) < FRESH) {
            let text = format!(
                "kubeadm was at work less than an hour ago ({path}): make sure that its upgrade is done"
            );
            emit(Observation { component: None, text, proves: false })?;
            break;
        }
    }
    Ok(())
}

/// A process of kubeadm on the node itself, not in a pod.
fn kubeadm(node: &dyn Node) -> Result<Option<u32>, NodeError> {
    let files = node.files();
    // A process may end while it is looked at.
    let text = |path: String| {
        files.read(&path, 1 << 16).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    for pid in files.list("/proc")?.iter().filter_map(|entry| entry.name.parse::<u32>().ok()) {
        let is_kubeadm =
            text(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim_end() == "kubeadm");
        if is_kubeadm
            && !text(format!("/proc/{pid}/cgroup")).is_ok_and(|cgroup| cgroup.contains("kubepods"))
        {
            return Ok(Some(pid));
        }
    }
    Ok(None)
}

/// Refuses when another file defines a pod that is to be changed: the last one in the order of their names
/// wins at every full reading of the folder, and ours would be undone.
pub(super) fn one_file_per_pod(plan: &Plan, facts: &NodeFacts) -> Result<(), Standing> {
    for change in plan.changes() {
        let Some(planned) = pod_of(change) else { continue };
        let same =
            |pod: &StaticPod| (&pod.name, &pod.namespace) == (&planned.name, &planned.namespace);
        let files: Vec<&str> = facts
            .manifests
            .iter()
            .filter(|manifest| manifest.pod.ok().is_some_and(same))
            .map(|manifest| manifest.path.as_str())
            .collect();
        if files.len() > 1 {
            return Err(Standing(format!(
                "{} define the same pod {}, and the kubelet takes the last of them: move all but one out of the folder",
                files.join(" and "),
                planned.name
            )));
        }
    }
    Ok(())
}

fn pod_of(change: &Change) -> Option<StaticPod> {
    let ChangeKind::Content { before, .. } = &change.kind else { return None };
    manifest::parse(&change.path, &before.text).ok()
}
