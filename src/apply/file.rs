//! One file of a transaction: which side of its change it is on, and how it gets to the other.
//!
//! Content and metadata of a content change move together in one rename, so such a file is before or
//! after, never between. Mode and owner of a metadata-only change are separate calls: the states between
//! them are known and count as ours.

use crate::{
    model::{Digest, FileKind, FileMeta, journal::FileIntent},
    node::{Node, NodeError, NodeErrorKind, Stat, atomic},
    store::backup,
};

/// Set-user-id and set-group-id: the kernel clears them when the owner changes.
const SET_ID: u32 = 0o6000;

/// Where a file is, seen from a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Side {
    /// As it was.
    Before,
    /// As the transaction leaves it.
    After,
    /// Between two calls of a metadata-only change.
    Between,
    /// A folder that came or is to go, and in which there is something: nobody takes it away, so it is as good
    /// as before and as after.
    Either,
    /// Somebody else changed it: in what it differs.
    Foreign(String),
}

impl Side {
    /// Nothing is left to put back.
    pub(super) const fn is_before(&self) -> bool {
        matches!(self, Self::Before | Self::Either)
    }

    /// Nothing is left to do.
    pub(super) const fn is_after(&self) -> bool {
        matches!(self, Self::After | Self::Either)
    }
}

/// Which side a file is on, read from the disk.
pub(super) fn side(node: &dyn Node, file: &FileIntent) -> Result<Side, NodeError> {
    let Some(stat) = node.files().lstat(&file.path)? else {
        return Ok(match (&file.before, &file.after) {
            (None, _) => Side::Before,
            (_, None) => Side::After,
            _ => Side::Foreign("it no longer exists".to_owned()),
        });
    };
    if file.is_folder() {
        return side_of_folder(node, &stat, file);
    }
    let Some((before, after)) = &file.content else {
        return Ok(side_of_meta(&stat, file));
    };
    if stat.kind != FileKind::File {
        return Ok(Side::Foreign("it is no longer a regular file".to_owned()));
    }
    let digest = Digest::of(&node.files().read(&file.path, backup::LIMIT)?);
    let is = |wanted: &Option<Digest>| wanted.as_ref() == Some(&digest);
    let meta = |wanted: &Option<FileMeta>| wanted.as_ref().is_some_and(|m| same_meta(&stat, m));
    Ok(if is(before) && meta(&file.before) {
        Side::Before
    } else if is(after) && meta(&file.after) {
        Side::After
    } else if is(before) || is(after) {
        Side::Foreign(format!("its mode or owner is {}", shown_meta(&stat)))
    } else {
        Side::Foreign("its content is neither what it was nor what was planned".to_owned())
    })
}

fn side_of_folder(node: &dyn Node, stat: &Stat, file: &FileIntent) -> Result<Side, NodeError> {
    let (Some(meta), comes) = (file.before.as_ref().or(file.after.as_ref()), file.before.is_none())
    else {
        return Ok(Side::Foreign("nothing is known of it".to_owned()));
    };
    if stat.kind != FileKind::Directory {
        return Ok(Side::Foreign("it is no folder".to_owned()));
    }
    if !node.files().list(&file.path)?.is_empty() {
        return Ok(Side::Either);
    }
    // It is made closed, and opened only then.
    let ours = comes && stat.mode & !meta.mode == 0 && stat.uid == node.uid();
    Ok(match (same_meta(stat, meta), comes) {
        (true, true) => Side::After,
        (true, false) => Side::Before,
        (false, _) if ours => Side::Between,
        (false, _) => Side::Foreign(format!("its mode and owner are {}", shown_meta(stat))),
    })
}

fn side_of_meta(stat: &Stat, file: &FileIntent) -> Side {
    let (Some(before), Some(after)) = (&file.before, &file.after) else {
        return Side::Foreign("nothing is known of it".to_owned());
    };
    if same_meta(stat, before) {
        return Side::Before;
    }
    if same_meta(stat, after) {
        return Side::After;
    }
    let narrow = before.mode & after.mode;
    let mode_is_ours = [before.mode, after.mode, narrow]
        .into_iter()
        .any(|mode| stat.mode == mode || stat.mode == mode & !SET_ID);
    let owner = (stat.uid, stat.gid);
    let owner_is_ours = [before, after].into_iter().any(|meta| owner == (meta.uid, meta.gid));
    if mode_is_ours && owner_is_ours {
        Side::Between
    } else {
        Side::Foreign(format!("its mode and owner are {}", shown_meta(stat)))
    }
}

/// Mode and owner agree; extended attributes are not compared (a relabelling is nobody's conflict).
pub(super) fn same_meta(stat: &Stat, meta: &FileMeta) -> bool {
    (stat.mode, stat.uid, stat.gid) == (meta.mode, meta.uid, meta.gid)
}

/// `0644 0:0`.
pub(super) fn shown_meta(stat: &Stat) -> String {
    format!("{:04o} {}:{}", stat.mode, stat.uid, stat.gid)
}

/// Brings a file or folder to one side of its change: `wanted` is its metadata there, `bytes` its content where
/// the change is about that.
pub(super) fn put(
    node: &dyn Node,
    file: &FileIntent,
    wanted: Option<&FileMeta>,
    bytes: Option<&[u8]>,
) -> Result<(), NodeError> {
    let (files, path) = (node.files(), file.path.as_str());
    let folder = atomic::folder_of(path);
    match (wanted, bytes) {
        (Some(meta), Some(bytes)) => atomic::replace(files, path, bytes, meta),
        (Some(meta), None) => {
            if file.is_folder() && files.lstat(path)?.is_none() {
                files.make_dir(path, meta.mode & 0o700)?;
                files.sync_dir(folder)?;
            }
            set_meta(node, path, meta)
        }
        (None, _) if file.is_folder() => match files.remove_dir(path) {
            Ok(()) => files.sync_dir(folder),
            Err(error) if error.kind == NodeErrorKind::NotEmpty => Ok(()),
            Err(error) => Err(error),
        },
        (None, _) => {
            files.remove(path)?;
            files.sync_dir(folder)
        }
    }
}

/// Changes mode and owner in the order in which nobody gains access on the way: bits that go are taken
/// first, bits that come are given last, after the owner (whose change clears set-id bits).
fn set_meta(node: &dyn Node, path: &str, wanted: &FileMeta) -> Result<(), NodeError> {
    let files = node.files();
    let read = || {
        files.lstat(path)?.ok_or_else(|| NodeError {
            operation: "change the mode or owner of",
            path: path.to_owned(),
            kind: NodeErrorKind::NotFound,
        })
    };
    let mut now = read()?;
    if (now.uid, now.gid) != (wanted.uid, wanted.gid) {
        let narrow = now.mode & wanted.mode;
        if narrow != now.mode {
            files.set_mode(path, narrow)?;
        }
        files.set_owner(path, wanted.uid, wanted.gid)?;
        now = read()?;
    }
    if now.mode != wanted.mode {
        files.set_mode(path, wanted.mode)?;
    }
    if now.kind == FileKind::Directory { files.sync_dir(path) } else { files.sync_file(path) }
}
