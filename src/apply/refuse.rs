//! Everything that stops a transaction before its first write, read under the lock.
//!
//! A plan may come from a file that a person edited: its shape is checked as if it were hostile.

use std::collections::{BTreeMap, BTreeSet};

use super::{Refusal, file, sealed};
use crate::{
    model::{
        Change, ChangeKind, Digest, FileKind, FileMeta, Plan, Step, StepTarget, Tier,
        facts::second_name, journal::FileIntent,
    },
    node::{
        Node, NodeError, NodeKind, atomic,
        collect::{PathCandidates, collect},
    },
    store::backup,
};

/// Free bytes wanted beyond what is written: journals, and room for the node itself.
const SPARE: u64 = 1 << 20;

/// Where kubeadm has its static pods, whatever this node's kubelet says.
const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// Hashes of the content: wrong for new bytes, and rewritten by the kernel where it keeps them.
pub(super) const CONTENT_HASHES: [&str; 2] = ["security.ima", "security.evm"];

/// What can be judged without the lock: the plan itself, and whether this node may be written at all.
pub(super) fn plan(node: &dyn Node, plan: &Plan) -> Result<(), Refusal> {
    if plan.is_empty() {
        return refused("there is nothing to change");
    }
    if let Some(empty) = plan.steps.iter().find(|step| step.changes.is_empty()) {
        return refused(format!("the plan has a step without changes ({:?})", empty.target));
    }
    let restarts_nothing = |step: &&Step| step.target == StepTarget::Metadata;
    let mut unproved = plan.steps.iter().filter(restarts_nothing).flat_map(|step| &step.changes);
    if let Some(change) = unproved.find(|c| matches!(c.kind, ChangeKind::Content { .. })) {
        return refused(format!(
            "the plan changes the content of {} in a step that proves no content",
            change.path
        ));
    }
    if !plan.steps.is_sorted_by(|one, next| one.target < next.target) {
        return refused("the plan's steps are not in the order of execution, one per target");
    }
    if plan.tier() == Some(Tier::R4) && plan.controls.len() > 1 {
        let risky = plan.controls.iter().filter(|planned| planned.tier == Tier::R4);
        let ids: Vec<&str> = risky.map(|planned| planned.control.as_str()).collect();
        return refused(format!(
            "{} (R4) touches data or quorum: that is done alone, one at a time, without the others",
            ids.join(" ")
        ));
    }
    let mut paths = BTreeSet::new();
    for change in plan.changes() {
        let path = &change.path;
        let absolute = path.starts_with('/')
            && path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
        if !absolute {
            return refused(format!("'{path}' is not an absolute path without '.' and '..'"));
        }
        if !paths.insert(path) {
            return refused(format!("the plan changes {path} twice"));
        }
        if matches!(&change.kind, ChangeKind::Content { before, after } if before == after) {
            return refused(format!("the plan does not change {path}"));
        }
    }
    apart(node)?;
    rights(node, plan)
}

/// The state directory must not lie where the kubelet or systemd read every file.
fn apart(node: &dyn Node) -> Result<(), Refusal> {
    let facts = collect(node, &PathCandidates::new())?;
    let units = facts.kubelet.unit_files.iter().map(|file| atomic::folder_of(&file.path));
    let folders: BTreeSet<&str> = [MANIFESTS]
        .into_iter()
        .chain(facts.profile.manifest_dir.as_deref())
        .chain(facts.kubelet.drop_in_dir.as_deref())
        .chain(units)
        .collect();
    for folder in folders {
        if node.state_lies_in(folder)? {
            return refused(format!(
                "the state directory {} lies in {}, where every file is read as configuration: name another --state-dir",
                node.state_dir(),
                node.on_machine(folder)
            ));
        }
    }
    Ok(())
}

fn rights(node: &dyn Node, plan: &Plan) -> Result<(), Refusal> {
    let owns = |meta: &FileMeta| meta.uid == node.uid();
    match node.kind() {
        NodeKind::Simulated => Ok(()),
        NodeKind::ReadOnlyRoot => Err(Refusal::NotAllowed(
            "another root is only read: add --offline when it is an image or a recording"
                .to_owned(),
        )),
        NodeKind::Live | NodeKind::Offline if node.uid() == 0 => Ok(()),
        NodeKind::Live => {
            Err(Refusal::NotAllowed("only root may change this node: run it as root".to_owned()))
        }
        NodeKind::Offline => plan.changes().try_for_each(|change| {
            let (before, after) = metas(change);
            if owns(before) && owns(after) {
                Ok(())
            } else {
                Err(Refusal::NotAllowed(format!(
                    "only root may change {}: run it as root",
                    change.path
                )))
            }
        }),
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Refused(why.into()))
}

/// Mode and owner before and after a change.
pub(super) fn metas(change: &Change) -> (&FileMeta, &FileMeta) {
    match &change.kind {
        ChangeKind::Content { before, after } => (&before.meta, &after.meta),
        ChangeKind::Metadata { before, after } => (before, after),
    }
}

/// Compares every file with what the plan expects, and completes it with what only the disk knows
/// (extended attributes).
pub(super) fn files(node: &dyn Node, plan: &Plan) -> Result<Vec<FileIntent>, Refusal> {
    plan.changes().map(|change| compare(node, change)).collect()
}

fn compare(node: &dyn Node, change: &Change) -> Result<FileIntent, Refusal> {
    let path = &change.path;
    let stale = |what: String| Refusal::Stale { path: path.clone(), what };
    let Some(stat) = node.files().lstat(path)? else {
        return Err(stale("it no longer exists".to_owned()));
    };
    let resolved = node.files().resolve(path)?;
    if resolved != *path || stat.kind == FileKind::Symlink {
        return Err(stale(format!("it is now a link to {resolved}")));
    }
    let (before, after) = metas(change);
    if !file::same_meta(&stat, before) {
        return Err(stale(format!("its mode and owner are {}", file::shown_meta(&stat))));
    }
    let mut intent = FileIntent {
        path: path.clone(),
        before: FileMeta { xattrs: BTreeMap::new(), ..before.clone() },
        after: FileMeta { xattrs: BTreeMap::new(), ..after.clone() },
        content: None,
    };
    if let Some(why) = sealed::why(node, change)? {
        return refused(why);
    }
    match &change.kind {
        ChangeKind::Metadata { .. } => {
            if !matches!(stat.kind, FileKind::File | FileKind::Directory) {
                return refused(format!("{path} is neither a file nor a directory"));
            }
        }
        ChangeKind::Content { before, after } => {
            if stat.kind != FileKind::File {
                return refused(format!("{path} is not a regular file"));
            }
            if let Some(why) = second_name(path, stat.kind, stat.links) {
                return refused(why);
            }
            let wanted = before.digest();
            if Digest::of(&node.files().read(path, backup::LIMIT)?) != wanted {
                return Err(stale("its content is different".to_owned()));
            }
            let present = node.files().xattrs(path)?;
            let mut kept = present.clone();
            kept.retain(|name, _| !CONTENT_HASHES.contains(&name.as_str()));
            kept.extend(after.meta.xattrs.clone());
            intent.before.xattrs = present;
            intent.after.xattrs = kept;
            intent.content = Some((wanted, after.digest()));
        }
    }
    Ok(intent)
}

/// Room for the backups in the state directory, and for one temporary copy beside each file.
pub(super) fn space(node: &dyn Node, plan: &Plan) -> Result<(), Refusal> {
    let mut kept = SPARE;
    for change in plan.changes() {
        let ChangeKind::Content { before, after } = &change.kind else { continue };
        // The plan holds both texts, the backup the first once more.
        kept += 2 * before.text.len() as u64 + after.text.len() as u64;
        let folder = atomic::folder_of(&change.path);
        enough(folder, node.files().free_space(folder), after.text.len() as u64)?;
    }
    enough(&node.state_dir(), node.state().free_space("/"), kept)
}

fn enough(place: &str, free: Result<u64, NodeError>, wanted: u64) -> Result<(), Refusal> {
    let free = free?;
    if free < wanted {
        return refused(format!("{place} has {free} bytes free and {wanted} are needed"));
    }
    Ok(())
}
