//! Atomic replacement of a file, composed of single operations of [`Files`].
//!
//! The only writer of names in folders that other programs watch: every name it creates begins with a
//! dot (the kubelet loads every other name in its manifest directory) and with our prefix, so that a
//! later run can tell its own leftovers from anybody else's files. It never removes anything else.

use super::{Files, NodeError, NodeErrorKind, failpoint};
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
    failpoint::reached("mid-replace");
    let renamed = files.sync_file(&temporary).and_then(|()| files.rename(&temporary, path));
    if let Err(error) = renamed {
        // The first error is the one to report; a leftover that cannot be removed now is swept by the next run.
        let _ = files.remove(&temporary);
        return Err(error);
    }
    files.sync_dir(folder)
}

/// Makes a folder, or finds it, and flushes the one above it: whoever made it may have died before that, and its name
/// would go with the power.
pub fn make_folder(files: &dyn Files, path: &str, mode: u32) -> Result<(), NodeError> {
    match files.make_dir(path, mode) {
        Ok(()) => files.sync_dir(folder_of(path)),
        Err(error) if error.kind == NodeErrorKind::Exists => {
            // What is read-only cannot always be flushed, and has nothing to flush.
            let _ = files.sync_dir(folder_of(path));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The same with every folder above it; those that are missing are open to all.
pub fn make_folders(files: &dyn Files, path: &str, mode: u32) -> Result<(), NodeError> {
    for (end, _) in path.match_indices('/').skip(1) {
        make_folder(files, path.get(..end).unwrap_or_default(), 0o755)?;
    }
    make_folder(files, path, mode)
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

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::node::{
        fault::{Fault, Faults, FaultyFiles},
        memory::MemoryFiles,
    };

    fn meta(mode: u32) -> FileMeta {
        let label = ("security.selinux".to_owned(), b"label".to_vec());
        FileMeta { mode, uid: 3, gid: 4, xattrs: BTreeMap::from([label]) }
    }

    #[test]
    fn a_file_is_replaced_with_all_it_carries_and_flushed() {
        let files = MemoryFiles::new().with_file("/etc/a", 0o644, "old");
        replace(&files, "/etc/a", b"new", &meta(0o640)).unwrap();
        assert_eq!(files.read("/etc/a", 9).unwrap(), b"new");
        let stat = files.stat("/etc/a").unwrap().unwrap();
        assert_eq!((stat.mode, stat.uid, stat.gid), (0o640, 3, 4));
        assert_eq!(files.xattrs("/etc/a").unwrap(), meta(0).xattrs);
        let synced = files.sync_count();
        assert_eq!((synced.files, synced.dirs), (1, 1));
        assert_eq!(files.list("/etc").unwrap().len(), 1);
    }

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        let files = MemoryFiles::new()
            .with_file("/a", 0o644, "old")
            .with_file("/.kube-temper-0", 0o600, "somebody's")
            .with_link("/.kube-temper-1", "/a");
        replace(&files, "/a", b"new", &meta(0o600)).unwrap();
        assert_eq!(files.read("/.kube-temper-0", 99).unwrap(), b"somebody's");
        assert_eq!(files.read_link("/.kube-temper-1").unwrap(), "/a");
        assert_eq!(files.read("/a", 9).unwrap(), b"new");
    }

    #[test]
    fn an_operation_that_fails_leaves_one_of_the_two_and_nothing_beside_it() {
        // create, sync of the file, rename: old. Sync of the folder: new.
        for (at, left) in [(1, "old"), (2, "old"), (3, "old"), (4, "new")] {
            let files = Arc::new(MemoryFiles::new().with_file("/etc/a", 0o644, "old"));
            let faults = Faults::new(Fault::Fails { at, kind: NodeErrorKind::NoSpace });
            let faulty = FaultyFiles::new("files", files.clone(), &faults);
            let error = replace(&faulty, "/etc/a", b"new", &meta(0o600)).unwrap_err();
            assert_eq!(error.kind, NodeErrorKind::NoSpace, "{at}");
            assert_eq!(files.read("/etc/a", 9).unwrap(), left.as_bytes(), "{at}");
            assert_eq!(files.list("/etc").unwrap().len(), 1, "{at}");
        }
    }

    #[test]
    fn only_our_leftovers_are_swept() {
        let files = MemoryFiles::new()
            .with_file("/m/.kube-temper-3", 0o600, "ours")
            .with_file("/m/.other", 0o600, "")
            .with_file("/m/kube-temper-1", 0o600, "")
            .with_dir("/m/.kube-temper-folder", 0o700);
        sweep(&files, "/m").unwrap();
        let names: Vec<String> =
            files.list("/m").unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, [".kube-temper-folder", ".other", "kube-temper-1"]);
        sweep(&files, "/missing").unwrap();
    }

    #[test]
    fn the_folder_of_a_path() {
        for (path, folder) in [("/a", "/"), ("/a/b", "/a"), ("/a/b/c", "/a/b"), ("a", "/")] {
            assert_eq!(folder_of(path), folder, "{path}");
        }
    }
}
