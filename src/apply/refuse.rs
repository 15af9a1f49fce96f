//! Everything that stops a transaction before its first write, read under the lock.
//!
//! A plan may come from a file that a person edited: its shape is checked as if it were hostile.

use std::collections::{BTreeMap, BTreeSet};

use super::{Refusal, file, sealed};
use crate::{
    model::{
        Change, ChangeKind, Digest, FileImage, FileKind, FileMeta, Item, Plan, Step, StepTarget,
        Tier, facts::second_name, journal::FileIntent,
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
    if let Some(change) = unproved.find(|change| change.kind.after().is_some()) {
        return refused(format!(
            "the plan changes the content of {} in a step that proves no content",
            change.path
        ));
    }
    if !plan.steps.is_sorted_by(|one, next| one.target < next.target) {
        return refused("the plan's steps are not in the order of execution, one per target");
    }
    if let Some(step) = plan.steps.iter().find(|step| !step.is_sorted()) {
        return refused(format!(
            "the changes of the step {:?} are not in the order of execution",
            step.target
        ));
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
            if [change.kind.meta_before(), change.kind.meta_after()].into_iter().flatten().all(owns)
            {
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

/// Compares every file with what the plan expects, and completes it with what only the disk knows
/// (extended attributes).
pub(super) fn files(node: &dyn Node, plan: &Plan) -> Result<Vec<FileIntent>, Refusal> {
    let comes = |change: &&Change| {
        matches!(&change.kind, ChangeKind::Create { after: Item::Folder { .. } })
    };
    let folders: BTreeSet<&str> = plan.changes().filter(comes).map(|c| c.path.as_str()).collect();
    plan.changes().map(|change| compare(node, change, &folders)).collect()
}

fn compare(
    node: &dyn Node,
    change: &Change,
    folders: &BTreeSet<&str>,
) -> Result<FileIntent, Refusal> {
    let path = &change.path;
    let stale = |what: String| Refusal::Stale { path: path.clone(), what };
    let bare = |meta: &FileMeta| FileMeta { xattrs: BTreeMap::new(), ..meta.clone() };
    let kind = &change.kind;
    let digests = (kind.before().map(FileImage::digest), kind.after().map(FileImage::digest));
    let mut intent = FileIntent {
        path: path.clone(),
        before: kind.meta_before().map(bare),
        after: kind.meta_after().map(bare),
        content: (digests != (None, None)).then_some(digests),
    };
    let stat = node.files().lstat(path)?;
    let Some(before) = kind.meta_before() else {
        if stat.is_some() {
            return Err(stale("it is there by now".to_owned()));
        }
        has_folder(node, path, folders)?;
        return match sealed::why(node, change)? {
            Some(why) => refused(why),
            None => Ok(intent),
        };
    };
    let Some(stat) = stat else {
        return Err(stale("it no longer exists".to_owned()));
    };
    let resolved = node.files().resolve(path)?;
    if resolved != *path || stat.kind == FileKind::Symlink {
        return Err(stale(format!("it is now a link to {resolved}")));
    }
    if !file::same_meta(&stat, before) {
        return Err(stale(format!("its mode and owner are {}", file::shown_meta(&stat))));
    }
    if let Some(why) = sealed::why(node, change)? {
        return refused(why);
    }
    let Some(old) = kind.before() else {
        let fits = match stat.kind {
            FileKind::Directory => true,
            FileKind::File => !intent.is_folder(),
            _ => false,
        };
        return if fits {
            Ok(intent)
        } else if intent.is_folder() {
            refused(format!("{path} is no folder"))
        } else {
            refused(format!("{path} is neither a file nor a directory"))
        };
    };
    if stat.kind != FileKind::File {
        return refused(format!("{path} is not a regular file"));
    }
    if let Some(why) = second_name(path, stat.kind, stat.links) {
        return refused(why);
    }
    if Digest::of(&node.files().read(path, backup::LIMIT)?) != old.digest() {
        return Err(stale("its content is different".to_owned()));
    }
    let present = node.files().xattrs(path)?;
    if let (Some(after), Some(new)) = (&mut intent.after, kind.meta_after()) {
        after.xattrs = present.clone();
        after.xattrs.retain(|name, _| !CONTENT_HASHES.contains(&name.as_str()));
        after.xattrs.extend(new.xattrs.clone());
    }
    if let Some(before) = &mut intent.before {
        before.xattrs = present;
    }
    Ok(intent)
}

/// What comes needs a folder to come into: one that is there, or that comes with it.
fn has_folder(node: &dyn Node, path: &str, folders: &BTreeSet<&str>) -> Result<(), Refusal> {
    let folder = atomic::folder_of(path);
    if folders.contains(folder) {
        return Ok(());
    }
    let stat = node.files().lstat(folder)?;
    if stat.is_none_or(|stat| stat.kind != FileKind::Directory)
        || node.files().resolve(folder)? != folder
    {
        return refused(format!("{path} cannot be created: {folder} is no folder"));
    }
    Ok(())
}

/// Room for the backups in the state directory, and for one temporary copy beside each file.
pub(super) fn space(node: &dyn Node, plan: &Plan) -> Result<(), Refusal> {
    let mut kept = SPARE;
    for change in plan.changes() {
        let size = |image: Option<&FileImage>| image.map_or(0, |image| image.text.len() as u64);
        let (before, after) = (size(change.kind.before()), size(change.kind.after()));
        // The plan holds both texts, the backup the first once more.
        kept += 2 * before + after;
        let folder = standing_folder(node, &change.path)?;
        enough(folder, node.files().free_space(folder), after)?;
    }
    enough(&node.state_dir(), node.state().free_space("/"), kept)
}

/// The nearest folder above a path that is there already.
fn standing_folder<'p>(node: &dyn Node, path: &'p str) -> Result<&'p str, NodeError> {
    let mut folder = atomic::folder_of(path);
    while folder != "/" && node.files().lstat(folder)?.is_none() {
        folder = atomic::folder_of(folder);
    }
    Ok(folder)
}

fn enough(place: &str, free: Result<u64, NodeError>, wanted: u64) -> Result<(), Refusal> {
    let free = free?;
    if free < wanted {
        return refused(format!("{place} has {free} bytes free and {wanted} are needed"));
    }
    Ok(())
}
