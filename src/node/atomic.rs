//! Atomic replacement of a file, composed of single operations of [`Files`].
use super::{Files, NodeError};
use crate::model::FileMeta;

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
    let _ = (files, path, bytes, meta);
    todo!()
}

/// Removes temporary files of an earlier run that died in `folder` (names starting `.kube-temper-`).
pub fn sweep(files: &dyn Files, folder: &str) -> Result<(), NodeError> {
    let _ = (files, folder);
    todo!()
}
