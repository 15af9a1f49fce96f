//! Floor 4: backups and journal on disk, through [`Node`].
//!
//! `transactions/<id>/{plan.json, journal.jsonl, backup/…, etcd-snapshot.db}` below the state directory, all 0700 /
//! 0600, root only.
//! Owns these formats (each carries a schema version, pinned by `snapshots/journal/`) and their integrity;
//! decides nothing about the node's own files and never touches them.

pub mod backup;
pub mod journal;
pub mod requests;
pub mod snapshot;
mod summary;

pub use journal::{Follow, Journal, Writer};
pub use summary::{Summary, standing};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    model::{FileKind, Order, Plan, RecordKind, TransactionId},
    node::{Node, NodeError, NodeErrorKind, atomic},
};

/// Folder of all transactions, within the state directory.
const TRANSACTIONS: &str = "/transactions";

/// Largest `plan.json` or backup manifest that is read.
const JSON_LIMIT: u64 = 64 << 20;

/// Something on disk is not what was written there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}: {what}", line.map(|l| format!(" line {l}")).unwrap_or_default())]
pub struct Damage {
    /// The file, as a person names it.
    pub path: String,
    /// One-based line, where it has lines.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
}

/// The store could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// An operation failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The file is there and wrong.
    #[error(transparent)]
    Damage(#[from] Damage),
}

/// No transaction, or more than one, has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// None begins with it.
    #[error("no transaction is called '{0}': 'kube-temper history' lists them")]
    Unknown(String),
    /// Several do.
    #[error("'{prefix}' could be {}: write more of it", ids.join(" or "))]
    Ambiguous {
        /// What was asked for.
        prefix: String,
        /// What it could be.
        ids: Vec<String>,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The transactions of a node's state directory.
#[derive(Debug, Clone, Copy)]
pub struct Store<'n> {
    node: &'n dyn Node,
}

/// One transaction as it is on disk.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its name.
    pub id: TransactionId,
    /// What was planned; damage when it cannot be read.
    pub plan: Result<Plan, StoreError>,
    /// Its journal.
    pub journal: Journal,
    /// What is wrong with its backups.
    pub backup_damage: Option<StoreError>,
}

impl<'n> Store<'n> {
    /// The store of this node; reads nothing yet.
    pub fn new(node: &'n dyn Node) -> Self {
        Self { node }
    }

    /// Every transaction that has begun, oldest first.
    ///
    /// A folder without a single journal record is not one: nothing is written to the node before it.
    pub fn list(&self) -> Result<Vec<TransactionId>, NodeError> {
        let mut begun = Vec::new();
        for id in self.folders()? {
            let journal = Journal::read(self.node, &id)?;
            if !journal.records.is_empty() || journal.damage.is_some() {
                begun.push(id);
            }
        }
        Ok(begun)
    }

    fn folders(&self) -> Result<Vec<TransactionId>, NodeError> {
        let state = self.node.state();
        match state.lstat(TRANSACTIONS)? {
            None => return Ok(Vec::new()),
            Some(stat) if stat.kind == FileKind::Directory => {}
            // A link would lead to somebody else's history, a file hides ours.
            Some(_) => {
                let kind = NodeErrorKind::Other(
                    "it is no directory: move it away, or name another --state-dir".to_owned(),
                );
                let path = shown(self.node, TRANSACTIONS);
                return Err(NodeError { operation: "read", path, kind });
            }
        }
        let entries = state.list(TRANSACTIONS)?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.kind == FileKind::Directory && is_name(&entry.name))
            .map(|entry| TransactionId(entry.name))
            .collect())
    }

    /// One transaction in full, its backups checked.
    pub fn load(&self, id: &TransactionId) -> Result<Loaded, NodeError> {
        let journal = Journal::read(self.node, id)?;
        let backed_up: Vec<&str> = journal
            .records
            .iter()
            .filter_map(|record| match &record.kind {
                RecordKind::BackedUp { path } => Some(path.as_str()),
                _ => None,
            })
            .collect();
        let backup_damage = backup::check(self.node, id, &backed_up).err();
        Ok(Loaded { id: id.clone(), plan: self.plan(id), journal, backup_damage })
    }

    /// What a transaction planned.
    pub fn plan(&self, id: &TransactionId) -> Result<Plan, StoreError> {
        read_json(self.node, &TransactionPaths::of(id).plan())
    }

    /// What a transaction was asked to do.
    pub fn order(&self, id: &TransactionId) -> Result<Order, StoreError> {
        read_json(self.node, &TransactionPaths::of(id).order())
    }

    /// The transaction with this name or unambiguous beginning of a name.
    pub fn find(&self, prefix: &str) -> Result<TransactionId, FindError> {
        let all = self.list().map_err(StoreError::from)?;
        if let Some(exact) = all.iter().find(|id| id.0 == prefix) {
            return Ok(exact.clone());
        }
        let mut matching: Vec<TransactionId> =
            all.into_iter().filter(|id| !prefix.is_empty() && id.0.starts_with(prefix)).collect();
        match (matching.pop(), matching.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(FindError::Unknown(prefix.to_owned())),
            (Some(last), false) => {
                matching.push(last);
                let ids = matching.into_iter().map(|id| id.0).collect();
                Err(FindError::Ambiguous { prefix: prefix.to_owned(), ids })
            }
        }
    }

    /// Transactions that did not end, oldest first: nothing is written until they are recovered.
    pub fn unfinished(&self) -> Result<Vec<TransactionId>, NodeError> {
        let mut open = Vec::new();
        for id in self.list()? {
            if !Journal::read(self.node, &id)?.is_finished() {
                open.push(id);
            }
        }
        Ok(open)
    }

    /// One line per transaction, latest first.
    pub fn history(&self) -> Result<Vec<Summary>, NodeError> {
        let mut loaded = Vec::new();
        for id in self.list()? {
            loaded.push(self.load(&id)?);
        }
        Ok(summary::history(&loaded))
    }

    /// Makes the folder of a new transaction and writes its plan and order. The journal is begun by [`Writer`].
    pub fn create(&self, plan: &Plan, order: &Order) -> Result<TransactionId, StoreError> {
        let state = self.node.state();
        atomic::make_folder(state, TRANSACTIONS, 0o700)?;
        let id = next_id(self.node, self.folders()?.last());
        let paths = TransactionPaths::of(&id);
        state.make_dir(&paths.folder(), 0o700)?;
        state.sync_dir(TRANSACTIONS)?;
        create_synced(self.node, &paths.plan(), &json(plan)?)?;
        create_synced(self.node, &paths.order(), &json(order)?)?;
        state.sync_dir(&paths.folder())?;
        Ok(id)
    }
}

/// `20261124T052601Z-3f9a`, and what [`following`] makes of it; any other folder is not ours.
fn is_name(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    name.split_once('-').is_some_and(|(second, suffix)| {
        let day_and_time = second.strip_suffix('Z').and_then(|second| second.split_once('T'));
        day_and_time.is_some_and(|(day, time)| digits(day) && digits(time))
            && (4..=32).contains(&suffix.len())
            && suffix.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// A name that sorts after every earlier one: the second, then a fraction of it that only grows.
///
/// A clock that went back does not change the order: the name then continues the latest one.
fn next_id(node: &dyn Node, latest: Option<&TransactionId>) -> TransactionId {
    let now = node.clock().now();
    let fraction = u64::try_from(now.subsec_nanosecond()).unwrap_or(0) * 0x1_0000 / 1_000_000_000;
    let fresh = TransactionId(format!("{}-{fraction:04x}", now.strftime("%Y%m%dT%H%M%SZ")));
    match latest {
        Some(latest) if *latest >= fresh => following(latest),
        _ => fresh,
    }
}

/// The next name after this one, in the order of names.
fn following(latest: &TransactionId) -> TransactionId {
    let next = latest.0.rsplit_once('-').and_then(|(second, suffix)| {
        let value = u16::from_str_radix(suffix, 16).ok()?.checked_add(1)?;
        (suffix.len() == 4).then(|| format!("{second}-{value:04x}"))
    });
    TransactionId(next.unwrap_or_else(|| format!("{}0", latest.0)))
}

/// Where the parts of one transaction are, within the state directory.
#[derive(Debug, Clone)]
pub struct TransactionPaths(String);

impl TransactionPaths {
    /// The paths of this transaction.
    pub fn of(id: &TransactionId) -> Self {
        Self(format!("{TRANSACTIONS}/{id}"))
    }

    /// Its folder.
    pub fn folder(&self) -> String {
        self.0.clone()
    }

    /// What was planned.
    pub fn plan(&self) -> String {
        format!("{}/plan.json", self.0)
    }

    /// What was asked for besides.
    pub fn order(&self) -> String {
        format!("{}/order.json", self.0)
    }

    /// The folder of requests to the process that carries it out.
    pub fn requests(&self) -> String {
        format!("{}/requests", self.0)
    }

    /// The folder of what failed components said.
    pub fn evidence(&self) -> String {
        format!("{}/evidence", self.0)
    }

    /// The snapshot of etcd taken before it.
    pub fn etcd_snapshot(&self) -> String {
        format!("{}/etcd-snapshot.db", self.0)
    }

    /// The journal.
    pub fn journal(&self) -> String {
        format!("{}/journal.jsonl", self.0)
    }

    /// The folder of its backups.
    pub fn backup(&self) -> String {
        format!("{}/backup", self.0)
    }

    /// What the backups are of.
    pub fn backup_manifest(&self) -> String {
        format!("{}/backup/manifest.json", self.0)
    }

    /// One backup.
    pub fn backup_file(&self, name: &str) -> String {
        format!("{}/backup/{name}", self.0)
    }
}

/// Keeps what a failed component said with its transaction, mode 0600; answers where, as a person names it.
pub fn keep_evidence(
    node: &dyn Node,
    id: &TransactionId,
    name: &str,
    bytes: &[u8],
) -> Result<String, NodeError> {
    let folder = TransactionPaths::of(id).evidence();
    atomic::make_folder(node.state(), &folder, 0o700)?;
    let path = format!("{folder}/{name}");
    create_synced(node, &path, bytes)?;
    node.state().sync_dir(&folder)?;
    Ok(shown(node, &path))
}

/// A path of the state directory as a person names it.
pub fn shown(node: &dyn Node, path: &str) -> String {
    format!("{}{path}", node.state_dir().trim_end_matches('/'))
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| NodeError {
        operation: "write",
        path: TRANSACTIONS.to_owned(),
        kind: NodeErrorKind::Other(error.to_string()),
    })?;
    text.push(b'\n');
    Ok(text)
}

fn read_json<T: DeserializeOwned>(node: &dyn Node, path: &str) -> Result<T, StoreError> {
    let bytes = node.state().read(path, JSON_LIMIT)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Damage {
            path: shown(node, path),
            line: Some(error.line()),
            what: format!("not what this version wrote: {error}"),
        }
        .into()
    })
}

/// Creates a private file and flushes it; the caller flushes the folder.
fn create_synced(node: &dyn Node, path: &str, bytes: &[u8]) -> Result<(), NodeError> {
    // Appending creates with mode 0600 and with the owner this process has; the name is new, because its
    // folder is.
    node.state().append(path, bytes)?;
    node.state().sync_file(path)
}

#[cfg(test)]
mod tests;
