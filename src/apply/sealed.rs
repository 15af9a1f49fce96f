//! Files that even root cannot change as they are: found before the first write, not by its failure.

use crate::{
    model::{Change, ChangeKind},
    node::{Node, NodeError, Seal, atomic},
};

/// Why this change could not be made; `None` when nothing of the kind stands in its way.
///
/// A content is replaced by a rename, which the folder must allow too; mode and owner are the file's own.
pub(super) fn why(node: &dyn Node, change: &Change) -> Result<Option<String>, NodeError> {
    let path = change.path.as_str();
    let replaces = !matches!(change.kind, ChangeKind::Metadata { .. });
    let comes = matches!(change.kind, ChangeKind::Create { .. });
    let own = if comes { None } else { node.files().seal(path)? };
    let own = own.filter(|seal| replaces || *seal != Seal::Mount);
    if let Some(seal) = own {
        return Ok(Some(told(node, path, seal)));
    }
    if !replaces {
        return Ok(None);
    }
    let folder = atomic::folder_of(path);
    if comes && node.files().lstat(folder)?.is_none() {
        // It comes with the same plan.
        return Ok(None);
    }
    let seal = node.files().seal(folder)?.filter(|seal| *seal != Seal::Mount);
    Ok(seal.map(|seal| told(node, folder, seal)))
}

fn told(node: &dyn Node, path: &str, seal: Seal) -> String {
    let place = node.on_machine(path);
    match seal {
        Seal::Immutable => format!(
            "{path} is immutable, also for root: ask who made it so, then lift it (chattr -i {place})"
        ),
        Seal::AppendOnly => format!(
            "{path} may only be appended to, also by root: ask who made it so, then lift it (chattr -a {place})"
        ),
        Seal::ReadOnly => format!(
            "{path} lies on a read-only mount: make it writable first (mount -o remount,rw, of the mount that 'findmnt -T {place}' names)"
        ),
        Seal::Mount => format!(
            "{path} is a mount of its own, so that no other file can take its place: change what is mounted there, or mount its folder instead"
        ),
    }
}
