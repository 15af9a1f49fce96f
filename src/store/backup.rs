//! The backups of one transaction: what its files were before, in `backup/`.
//!
//! A content change keeps the bytes with mode, owner, extended attributes and digest; a metadata-only
//! change keeps no byte. `backup/manifest.json` says which numbered file is whose, so that a person can
//! restore by hand even when the journal is lost. A backup is given out only when its digest is right.

use serde::{Deserialize, Serialize};

use super::{Damage, StoreError, TransactionPaths, create_synced};
use crate::{
    model::{Digest, FileMeta, TransactionId, journal::FileIntent},
    node::{Node, NodeError},
};

/// Largest file that is backed up: the kubelet itself reads manifests only up to 10 MiB.
pub const LIMIT: u64 = 16 << 20;

/// The format version written into every backup manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupSchema {
    /// The first format.
    #[serde(rename = "kube-temper/backup/v1")]
    V1,
}

/// Everything one transaction keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// Format of this document.
    pub schema: BackupSchema,
    /// One per file, in the order of the transaction.
    pub entries: Vec<Entry>,
}

/// One file as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Path within the node's root, links resolved.
    pub path: String,
    /// Mode, owner and extended attributes; `None` where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<FileMeta>,
    /// Where its bytes are; `None` for a metadata-only change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

/// The bytes of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Name of the copy in the backup folder.
    pub name: String,
    /// Digest of the bytes.
    pub digest: Digest,
}

impl Content {
    /// The copy of the file with this place in the transaction: its name is that number. `None` where there is no
    /// content to keep.
    pub fn of(place: usize, file: &FileIntent) -> Option<Self> {
        let (before, _) = file.content.as_ref()?;
        Some(Self { name: place.to_string(), digest: before.clone()? })
    }
}

/// Writes the backup folder with its manifest; the copies follow with [`save`].
pub fn create(node: &dyn Node, id: &TransactionId, entries: &[Entry]) -> Result<(), StoreError> {
    let paths = TransactionPaths::of(id);
    node.state().make_dir(&paths.backup(), 0o700)?;
    node.state().sync_dir(&paths.folder())?;
    let manifest = BackupManifest { schema: BackupSchema::V1, entries: entries.to_vec() };
    create_synced(node, &paths.backup_manifest(), &super::json(&manifest)?)?;
    node.state().sync_dir(&paths.backup())?;
    Ok(())
}

/// Copies a file's bytes into the backup folder, flushes them and reads them back.
pub fn save(
    node: &dyn Node,
    id: &TransactionId,
    content: &Content,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let paths = TransactionPaths::of(id);
    create_synced(node, &paths.backup_file(&content.name), bytes)?;
    node.state().sync_dir(&paths.backup())?;
    read(node, id, content).map(drop)
}

/// What a transaction kept.
pub fn manifest(node: &dyn Node, id: &TransactionId) -> Result<BackupManifest, StoreError> {
    super::read_json(node, &TransactionPaths::of(id).backup_manifest())
}

/// The bytes of a backup, when their digest is right; anything else is damage and never given out.
pub fn read(node: &dyn Node, id: &TransactionId, content: &Content) -> Result<Vec<u8>, StoreError> {
    let path = TransactionPaths::of(id).backup_file(&content.name);
    let damage = |what: String| Damage { path: super::shown(node, &path), line: None, what };
    let bytes = node.state().read(&path, LIMIT).map_err(|error: NodeError| {
        if error.is_not_found() {
            StoreError::from(damage("the backup is missing".to_owned()))
        } else {
            StoreError::from(error)
        }
    })?;
    let found = Digest::of(&bytes);
    if found != content.digest {
        return Err(damage(format!(
            "the backup is damaged: its digest is {found}, not {}",
            content.digest
        ))
        .into());
    }
    Ok(bytes)
}

/// Whether the copies of these files are what was kept.
pub fn check(node: &dyn Node, id: &TransactionId, backed_up: &[&str]) -> Result<(), StoreError> {
    if backed_up.is_empty() {
        return Ok(());
    }
    for entry in manifest(node, id)?.entries {
        if let (Some(content), true) = (&entry.content, backed_up.contains(&entry.path.as_str())) {
            read(node, id, content)?;
        }
    }
    Ok(())
}

/// Where a copy is, as a person names it: for commands that restore by hand.
pub fn shown_path(node: &dyn Node, id: &TransactionId, content: &Content) -> String {
    super::shown(node, &TransactionPaths::of(id).backup_file(&content.name))
}
