//! Atomic replacement of a file, composed of single operations of [`Files`].
//!
//! The only writer of names in folders that other programs watch: every name it creates begins with a
//! dot (the kubelet loads every other name in its manifest directory) and with our prefix, so that a
//! later run can tell its own leftovers from anybody else's files. It never removes anything else.

use super::{Files, NodeError, NodeErrorKind};
use crate::model::{FileKind, FileMeta};

/// What the names of our temporary files begin with.
pub const TEMPORARY_PREFIX: &str = ".kube-temper-";

/// How many names are tried when earlier ones are taken.
const NAMES: u32 = 64;

/// Replaces `path` (links resolved before, by the caller) with this content and metadata.
///
/// A temporary file with a leading dot in the same folder is created with mode, owner and extended
/// attributes, synced, renamed over the target, and the folder is synced. On an error the temporary
/// file is removed; the target then still has its old content or (when only the last sync failed) the new one.
pub fn replace(
    files: &dyn Files,
    path: &str,
    bytes: &[u8],
    meta: &FileMeta,
) -> Result<(), NodeError> {
    let folder = folder_of(path);
    let temporary = create_temporary(files, folder, bytes, meta)?;
    let renamed = files.sync_file(&temporary).and_then(|()| files.rename(&temporary, path));
    if let Err(error) = renamed {
        // The first error is the one to report; a leftover that cannot be removed now is swept by the next run.
        let _ = files.remove(&temporary);
        return Err(error);
    }
    files.sync_dir(folder)
}

/// Removes temporary files of an earlier run that died in `folder` (names starting `.kube-temper-`).
///
/// A folder that does not exist has no leftovers.
pub fn sweep(files: &dyn Files, folder: &str) -> Result<(), NodeError> {
    let entries = match files.list(folder) {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut removed = false;
    for entry in entries {
        if entry.kind == FileKind::File && entry.name.starts_with(TEMPORARY_PREFIX) {
            files.remove(&join(folder, &entry.name))?;
            removed = true;
        }
    }
    if removed { files.sync_dir(folder) } else { Ok(()) }
}

/// The folder that holds `path`.
pub fn folder_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.ends_with('/') { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

fn create_temporary(
    files: &dyn Files,
    folder: &str,
    bytes: &[u8],
    meta: &FileMeta,
) -> Result<String, NodeError> {
    let mut last = join(folder, TEMPORARY_PREFIX);
    for number in 0..NAMES {
        last = join(folder, &format!("{TEMPORARY_PREFIX}{number}"));
        match files.create(&last, bytes, meta) {
            Ok(()) => return Ok(last),
            Err(error) if error.kind == NodeErrorKind::Exists => {}
            Err(error) => {
                // A disk that filled up half way may have left the name behind.
                let _ = files.remove(&last);
                return Err(error);
            }
        }
    }
    Err(NodeError { operation: "create", path: last, kind: NodeErrorKind::Exists })
}
