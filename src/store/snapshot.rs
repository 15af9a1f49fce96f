//! A snapshot of all that etcd keeps, taken before a change of it: `etcd-snapshot.db`, as `etcdctl` would save it.
//!
//! It holds every Secret of the cluster: mode 0600, never shown, never copied. It has its name only when it
//! is whole, so that nobody takes half of it for a snapshot; what is checked is what is on the disk.

use sha2::{Digest as _, Sha256};

use super::TransactionPaths;
use crate::{
    model::{Digest, TransactionId},
    node::{
        Etcd, EtcdError, Files, Node, NodeError, NodeErrorKind, atomic,
        etcd::{Limits, bolt},
        failpoint,
    },
};

/// Bytes that are written, or read, at once.
const PIECE: usize = 1 << 20;

/// The SHA-256 at the end.
const DIGEST: usize = 32;

/// A database grows by pages, which are at least this large: etcd's own way to tell that a digest follows.
const SECTOR: u64 = 512;

/// A snapshot that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Size of the file in bytes.
    pub size: u64,
    /// Size of the database in it.
    pub database: u64,
    /// Digest of the whole file.
    pub digest: Digest,
}

/// Why there is no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It could not be had.
    #[error(transparent)]
    Etcd(#[from] EtcdError),
    /// It could not be written or read.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// What is in the file is no snapshot.
    #[error("{0}")]
    Wrong(String),
}

/// Asks for one and keeps it with the transaction. Nothing is left of one that is not whole.
pub fn take(
    node: &dyn Node,
    id: &TransactionId,
    etcd: &dyn Etcd,
    limits: Limits,
) -> Result<Snapshot, SnapshotError> {
    discard(node, id)?;
    let taken = write(node, id, etcd, limits);
    if taken.is_err() {
        // The first error is the one to report; the next run, or a recovery, sweeps what cannot be removed now.
        let _ = discard(node, id);
    }
    taken
}

fn write(
    node: &dyn Node,
    id: &TransactionId,
    etcd: &dyn Etcd,
    limits: Limits,
) -> Result<Snapshot, SnapshotError> {
    let paths = TransactionPaths::of(id);
    let state = node.state();
    let hidden = hidden(&paths);
    let mut piece = Vec::with_capacity(PIECE);
    let flush = |piece: &mut Vec<u8>| {
        state.append(&hidden, piece)?;
        piece.clear();
        failpoint::reached("mid-snapshot");
        Ok(())
    };
    etcd.snapshot(limits, &mut |bytes| {
        piece.extend_from_slice(bytes);
        if piece.len() < PIECE { Ok(()) } else { flush(&mut piece) }
    })?;
    flush(&mut piece)?;
    state.sync_file(&hidden)?;
    let snapshot = check(state, &hidden)?;
    state.rename(&hidden, &paths.etcd_snapshot())?;
    state.sync_dir(&paths.folder())?;
    Ok(snapshot)
}

/// Reads a snapshot from its beginning to its end, and says what is wrong with it.
pub fn check(files: &dyn Files, path: &str) -> Result<Snapshot, SnapshotError> {
    let wrong = |what: &str| SnapshotError::Wrong(format!("it is no snapshot of etcd: {what}"));
    let size = files.stat(path)?.map(|stat| stat.size).ok_or_else(|| NodeError {
        operation: "read",
        path: path.to_owned(),
        kind: NodeErrorKind::NotFound,
    })?;
    let database = match size.checked_sub(DIGEST as u64) {
        Some(database) if database > 0 && database.is_multiple_of(SECTOR) => database,
        _ => return Err(wrong(&format!("{size} bytes are no pages with a digest behind them"))),
    };
    let head = files.read_part(path, 0, bolt::HEAD)?;
    let claimed = bolt::size(&head).map_err(|why| wrong(&why))?;
    if claimed != database {
        return Err(wrong(&format!("{database} bytes are there, its pages are {claimed}")));
    }
    let (mut sum, mut at) = (Sha256::new(), 0);
    while at < database {
        let length = usize::try_from(database - at).unwrap_or(PIECE).min(PIECE);
        let piece = files.read_part(path, at, length)?;
        if piece.is_empty() {
            return Err(wrong("it became shorter while it was read"));
        }
        sum.update(&piece);
        at += piece.len() as u64;
    }
    let digest = files.read_part(path, database, DIGEST + 1)?;
    if sum.clone().finalize().as_slice() != digest {
        return Err(wrong("the digest at its end is not that of what is before it"));
    }
    sum.update(&digest);
    Ok(Snapshot { size, database, digest: Digest::of_sum(&sum.finalize()) })
}

/// Removes the snapshot of a transaction that changed nothing, and whatever was begun of one; answers whether
/// there was a whole one.
pub fn discard(node: &dyn Node, id: &TransactionId) -> Result<bool, NodeError> {
    let paths = TransactionPaths::of(id);
    let state = node.state();
    let mut whole = false;
    for path in [hidden(&paths), paths.etcd_snapshot()] {
        if state.lstat(&path)?.is_some() {
            state.remove(&path)?;
            state.sync_dir(&paths.folder())?;
            whole = path == paths.etcd_snapshot();
        }
    }
    Ok(whole)
}

/// Where it is, as a person names it.
pub fn shown_path(node: &dyn Node, id: &TransactionId) -> String {
    super::shown(node, &TransactionPaths::of(id).etcd_snapshot())
}

fn hidden(paths: &TransactionPaths) -> String {
    format!("{}/{}etcd-snapshot", paths.folder(), atomic::TEMPORARY_PREFIX)
}
