//! Everything a tree holds at one moment, to prove that it is byte for byte the same at another.

use std::{collections::BTreeMap, fmt};

use super::tree::{Content, Tree};
use crate::model::{Digest, FileKind, FileMeta};

/// One path of a [`Snapshot`].
#[derive(Clone, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// What it is.
    pub kind: FileKind,
    /// Mode, owner and extended attributes.
    pub meta: FileMeta,
    /// Content of a file, target of a link, nothing for a folder.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for SnapshotEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.line())
    }
}

impl SnapshotEntry {
    /// Kind, mode, owner and digest on one line: a failed assertion shows no content of keys.
    fn line(&self) -> String {
        let digest = Digest::of(&self.bytes).0;
        format!(
            "{:?} {:04o} {}:{} {} bytes {} {:?}",
            self.kind,
            self.meta.mode,
            self.meta.uid,
            self.meta.gid,
            self.bytes.len(),
            digest.get(..12).unwrap_or_default(),
            self.meta.xattrs
        )
    }
}

/// Paths with kind, mode, owner and content. Inodes are left out: a restored file is a new file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// By path.
    pub entries: BTreeMap<String, SnapshotEntry>,
}

impl Snapshot {
    pub(super) fn of(tree: &Tree) -> Self {
        let entries = tree
            .iter()
            .map(|(path, entry)| {
                let bytes = match &entry.content {
                    Content::File(bytes) => bytes.clone(),
                    Content::Link(target) => target.clone().into_bytes(),
                    Content::Directory => Vec::new(),
                };
                let entry = SnapshotEntry { kind: entry.kind(), meta: entry.meta.clone(), bytes };
                (path.clone(), entry)
            })
            .collect();
        Self { entries }
    }

    /// Without this path and everything below it (`/proc`).
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        let below = format!("{path}/");
        self.entries.retain(|key, _| key != path && !key.starts_with(&below));
        self
    }

    /// What differs in `later`, one line per path; empty when nothing does.
    pub fn differences(&self, later: &Self) -> Vec<String> {
        let gone = self
            .entries
            .keys()
            .filter(|path| !later.entries.contains_key(*path))
            .map(|path| format!("{path}: gone"));
        let other = later.entries.iter().filter_map(|(path, new)| match self.entries.get(path) {
            None => Some(format!("{path}: new, {}", new.line())),
            Some(old) if old != new => Some(format!("{path}: {} -> {}", old.line(), new.line())),
            Some(_) => None,
        });
        let mut lines: Vec<String> = gone.chain(other).collect();
        lines.sort();
        lines
    }
}
