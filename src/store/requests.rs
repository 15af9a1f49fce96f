//! What a person asks of a transaction under way: files in its folder, left by any process that may write
//! there and taken by the one that carries the transaction out.
//!
//! A request is a file of its own, so that two people never write the same one. The journal answers.

use serde::{Deserialize, Serialize};

use super::{StoreError, TransactionPaths, create_synced, json, read_json};
use crate::{
    model::TransactionId,
    node::{Node, atomic},
};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Keep the change.
    Confirm {
        /// Who asks, for the journal.
        by: String,
    },
    /// Put it back now.
    Revert {
        /// Who asks, for the journal.
        by: String,
        /// Also when another API server is down.
        #[serde(default)]
        allow_single: bool,
    },
    /// More time to decide.
    Extend {
        /// Who asks, for the journal.
        by: String,
        /// This many seconds more.
        seconds: u64,
    },
}

/// Leaves a request for whoever carries the transaction out.
pub fn leave(node: &dyn Node, id: &TransactionId, request: &Request) -> Result<(), StoreError> {
    let folder = TransactionPaths::of(id).requests();
    let state = node.state();
    atomic::make_folder(state, &folder, 0o700)?;
    let bytes = json(request)?;
    // Written under a hidden name first: a reader never sees half of it.
    let name = node.clock().now().as_nanosecond();
    let pid = std::process::id();
    let hidden = format!("{folder}/.{name}-{pid}");
    create_synced(node, &hidden, &bytes)?;
    state.rename(&hidden, &format!("{folder}/{name}-{pid}"))?;
    Ok(state.sync_dir(&folder)?)
}

/// Takes every request left so far, oldest first. A file that is no request is taken away and said.
pub fn take(
    node: &dyn Node,
    id: &TransactionId,
) -> Result<Vec<Result<Request, StoreError>>, StoreError> {
    let folder = TransactionPaths::of(id).requests();
    let entries = match node.state().list(&folder) {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut requests = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.name.starts_with('.')) {
        let path = format!("{folder}/{}", entry.name);
        let request = read_json(node, &path);
        node.state().remove(&path)?;
        requests.push(request);
    }
    Ok(requests)
}
