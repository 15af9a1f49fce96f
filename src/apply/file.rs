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
    /// Somebody else changed it: in what it differs.
    Foreign(String),
}

/// Which side a file is on, read from the disk.
pub(super) fn side(node: &dyn Node, file: &FileIntent) -> Result<Side, NodeError> {
    let Some(stat) = node.files().lstat(&file.path)? else {
        return Ok(Side::Foreign("it no longer exists".to_owned()));
    };
    let Some((before, after)) = &file.content else {
        return Ok(side_of_meta(&stat, file));
    };
    if stat.kind != FileKind::File {
        return Ok(Side::Foreign("it is no longer a regular file".to_owned()));
    }
    let digest = Digest::of(&node.files().read(&file.path, backup::LIMIT)?);
    Ok(if digest == *before && same_meta(&stat, &file.before) {
        Side::Before
    } else if digest == *after && same_meta(&stat, &file.after) {
        Side::After
    } else if digest == *before || digest == *after {
        Side::Foreign(format!("its mode or owner is {}", shown_meta(&stat)))
    } else {
        Side::Foreign("its content is neither what it was nor what was planned".to_owned())
    })
}

fn side_of_meta(stat: &Stat, file: &FileIntent) -> Side {
    let (before, after) = (&file.before, &file.after);
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

/// Writes new content with its metadata.
pub(super) fn replace(
    node: &dyn Node,
    path: &str,
    bytes: &[u8],
    meta: &FileMeta,
) -> Result<(), NodeError> {
    atomic::replace(node.files(), path, bytes, meta)
}

/// Changes mode and owner in the order in which nobody gains access on the way: bits that go are taken
/// first, bits that come are given last, after the owner (whose change clears set-id bits).
pub(super) fn set_meta(node: &dyn Node, path: &str, wanted: &FileMeta) -> Result<(), NodeError> {
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
