//! The way back: every file that is on our side returns to what it was, in reverse order, and the node
//! proves that it is as before.
//!
//! Decides by digests and metadata, not by memory, so that a rollback that was itself interrupted goes on
//! from wherever it stopped. A journal that cannot be written does not stop it. A file that somebody else
//! changed is never overwritten.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Site,
    culprit::culprit,
    evidence::{self, Kept},
    execute::Begun,
    file::{self, Side},
    verify::{self, Unhealthy},
};
use crate::{
    cluster::Cluster,
    model::{
        FileMeta, Left, Observation, Outcome, Plan, Reason, RecordKind, StepTarget, TransactionId,
        journal::FileIntent,
    },
    node::{Node, atomic, failpoint},
    store::{Journal, StoreError, Writer, backup},
};

/// What is to be undone.
#[derive(Debug)]
pub(super) struct Undo<'t> {
    pub(super) node: &'t dyn Node,
    /// The API server, where the proof of the old state may ask it.
    pub(super) cluster: Option<&'t dyn Cluster>,
    /// What was planned, where it can be read.
    pub(super) plan: Option<&'t Plan>,
    pub(super) id: &'t TransactionId,
    /// Everything the transaction intended to touch, in order.
    pub(super) files: &'t [FileIntent],
    pub(super) journal: &'t mut Writer,
    /// The steps that were begun.
    pub(super) begun: Vec<Begun>,
    /// The journal says so already.
    pub(super) rolling_back: bool,
    /// Something was put back.
    pub(super) wrote_back: bool,
}

impl Undo<'_> {
    /// Puts everything back and says how that went.
    pub(super) fn roll_back(mut self, cause: String, reason: Reason) -> Outcome {
        let mut cause = cause;
        if !self.rolling_back {
            if reason == Reason::Unproved {
                cause = self.investigate(cause);
            }
            self.record(RecordKind::RollingBack { cause: cause.clone(), reason });
        }
        failpoint::reached("rolling-back");
        self.sweep();
        let mut problems = Vec::new();
        let mut by_hand = Vec::new();
        let files = self.files;
        for file in files.iter().rev() {
            if let Err(problem) = self.put_back(file) {
                problems.push((file, problem));
            }
        }
        // A folder stays as long as what came with it is in it.
        let within = |file: &FileIntent, folder: &FileIntent| {
            folder.is_folder() && atomic::folder_of(&file.path) == folder.path
        };
        for file in files.iter().rev() {
            if problems.iter().any(|(other, _)| other.path == file.path || within(other, file)) {
                by_hand.extend(self.commands(file));
            }
        }
        if !problems.is_empty() {
            if self.node.kubelet().is_some() && self.targets().contains(&StepTarget::Kubelet) {
                by_hand.push("systemctl restart kubelet".to_owned());
            }
            by_hand.extend(self.data_back());
            let told: Vec<String> =
                problems.iter().map(|(file, why)| format!("{}: {why}", file.path)).collect();
            let cause = format!("{cause}; not put back: {}", told.join("; "));
            return self.end(Outcome::Stuck { cause, by_hand, left: Left::Mixed });
        }
        match self.prove_restored() {
            Ok(()) => self.end(Outcome::RolledBack { cause, reason }),
            Err(unhealthy) => {
                let cause = format!(
                    "{cause}; every file is as it was, but the node did not prove healthy again: {unhealthy}"
                );
                // The kubelet can be left waiting for an API server that waits for the kubelet; with the good
                // manifests on disk a restart breaks that circle.
                by_hand.push("systemctl restart kubelet".to_owned());
                by_hand.extend(self.data_back());
                self.end(Outcome::Stuck { cause, by_hand, left: Left::Old })
            }
        }
    }

    /// Keeps what the failed component said, before its log is collected, and names the likely culprit.
    fn investigate(&mut self, cause: String) -> String {
        let Some(step) = self.begun.last().filter(|step| !step.touched.is_empty()) else {
            return cause;
        };
        let (target, kept) = (step.target, evidence::keep(self.node, self.id, step, &cause));
        let mut told = cause;
        if let Some(Kept { component, path, telling, says_why }) = kept {
            if says_why {
                told = format!("{told}; {component} said: {telling}");
            }
            self.record(RecordKind::Kept { component, path, telling });
        }
        match self.plan.and_then(|plan| culprit(plan, target, &told)) {
            Some(culprit) => format!("{told}; {}", culprit.told()),
            None => told,
        }
    }

    /// The same gates for the old state; what they see goes into the journal too.
    fn prove_restored(&mut self) -> Result<(), Unhealthy> {
        let targets = self.targets();
        let began = self.begun.first().map_or(Timestamp::UNIX_EPOCH, |step| step.at);
        let last = self.begun.len().saturating_sub(1);
        let site = Site { node: self.node, cluster: self.cluster };
        let (node, files) = (self.node, self.files);
        let journal = &mut *self.journal;
        let mut emit = |observation: Observation| {
            if journal.has_begun() {
                let _ = journal.append(node, RecordKind::Observed { step: last, observation });
            }
            Ok(())
        };
        verify::restored(site, files, &targets, began, &mut emit)
    }

    /// Targets of the steps that may have touched a file. The last one may have, before it could say so.
    fn targets(&self) -> BTreeSet<StepTarget> {
        let last = self.begun.last().filter(|_| self.wrote_back);
        let touched = self.begun.iter().filter(|step| !step.touched.is_empty());
        touched.chain(last).map(|step| step.target).collect()
    }

    /// The journal is the account of what happens, not its condition: the files come first.
    fn record(&mut self, kind: RecordKind) {
        if self.journal.has_begun() {
            let _ = self.journal.append(self.node, kind);
        }
    }

    fn end(mut self, outcome: Outcome) -> Outcome {
        self.record(outcome.record());
        outcome
    }

    /// Commands of the last resort, where a snapshot of etcd was taken before the change.
    fn data_back(&self) -> Vec<String> {
        let records = Journal::read(self.node, self.id).unwrap_or_default().records;
        let mut kinds = records.into_iter().map(|record| record.kind);
        let taken = kinds.find_map(|kind| match kind {
            RecordKind::EtcdSnapshot { restore, .. } => Some(restore),
            _ => None,
        });
        taken.unwrap_or_default()
    }

    fn sweep(&self) {
        let folders: BTreeSet<&str> =
            self.files.iter().map(|file| atomic::folder_of(&file.path)).collect();
        for folder in folders {
            // A leftover has a leading dot and harms nobody; it must not stop the way back.
            let _ = atomic::sweep(self.node.files(), folder);
        }
    }

    fn touched(&self, path: &str) -> bool {
        self.begun.iter().any(|step| step.touched.iter().any(|touched| touched == path))
    }

    fn put_back(&mut self, file: &FileIntent) -> Result<(), String> {
        match file::side(self.node, file).map_err(|error| error.to_string())? {
            Side::Before | Side::Either => return Ok(()),
            Side::Foreign(_) if !self.touched(&file.path) => return Ok(()),
            Side::Foreign(what) => {
                return Err(format!(
                    "somebody else changed it after us and it is not overwritten ({what}); compare it with the backup"
                ));
            }
            Side::After | Side::Between => {}
        }
        self.wrote_back = true;
        let written = self.write_back(file);
        failpoint::reached("put-back-before-record");
        match file::side(self.node, file) {
            Ok(side) if side.is_before() => {
                self.record(RecordKind::Restored { path: file.path.clone() });
                Ok(())
            }
            Ok(_) => Err(match written {
                Err(error) => error.to_string(),
                Ok(()) => "it was written and is still different".to_owned(),
            }),
            Err(error) => Err(error.to_string()),
        }
    }

    fn write_back(&self, file: &FileIntent) -> Result<(), StoreError> {
        let content = self.content(file);
        let bytes =
            content.map(|content| backup::read(self.node, self.id, &content)).transpose()?;
        Ok(file::put(self.node, file, file.before.as_ref(), bytes.as_deref())?)
    }

    /// The copy of a file, where there is one.
    fn content(&self, file: &FileIntent) -> Option<backup::Content> {
        let place = self.files.iter().position(|other| other.path == file.path)?;
        backup::Content::of(place, file)
    }

    /// Exact commands that put one file back by hand.
    fn commands(&self, file: &FileIntent) -> Vec<String> {
        let path = self.node.on_machine(&file.path);
        let Some(meta) = &file.before else {
            let command = if file.is_folder() { "rmdir" } else { "rm -f" };
            return vec![format!("{command} {}", quoted(&path))];
        };
        if let Some(content) = self.content(file) {
            let copy = backup::shown_path(self.node, self.id, &content);
            return vec![put_back_by_hand(&copy, &path, meta)];
        }
        let FileMeta { mode, uid, gid, .. } = meta;
        let path = quoted(&path);
        if file.is_folder() {
            return vec![format!("install -d -m {mode:04o} -o {uid} -g {gid} {path}")];
        }
        vec![format!("chown {uid}:{gid} {path}"), format!("chmod {mode:04o} {path}")]
    }
}

/// A command that puts a copy back whole: the kubelet reads no name with a leading dot, and a rename shows it
/// either the old file or the new one.
fn put_back_by_hand(copy: &str, path: &str, meta: &FileMeta) -> String {
    let FileMeta { mode, uid, gid, .. } = meta;
    let hidden = quoted(&format!("{}/.kube-temper-by-hand", atomic::folder_of(path)));
    let [copy, path] = [quoted(copy), quoted(path)];
    format!("install -m {mode:04o} -o {uid} -g {gid} {copy} {hidden} && mv -fT {hidden} {path}")
}

/// A path as a shell reads it back.
pub(super) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests run real commands on real files")]

    use std::{
        collections::BTreeMap,
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _},
        process::Command,
    };

    use super::*;

    #[test]
    fn the_command_a_person_copies_replaces_the_file_at_once() {
        for name in ["kube-scheduler.yaml", "it's \"odd\" $HOME `x`.yaml"] {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
            let (copy, path) = (at("a copy"), at(name));
            fs::write(&copy, "old").unwrap();
            fs::write(&path, "new").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            let was = fs::metadata(&path).unwrap();
            let meta =
                FileMeta { mode: 0o600, uid: was.uid(), gid: was.gid(), xattrs: BTreeMap::new() };
            let command = put_back_by_hand(&copy, &path, &meta);
            assert!(Command::new("/bin/sh").args(["-c", &command]).status().unwrap().success());
            let is = fs::metadata(&path).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "old", "{command}");
            assert_eq!(is.mode() & 0o7777, 0o600, "{command}");
            assert_ne!(is.ino(), was.ino(), "{command} wrote into the file that is read");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "{command} leaves nothing");
        }
    }
}
