//! What a real API server answered (`snapshots/nodes/api-*.tar.gz`), to be answered again: by the simulated
//! cluster, and by the server of the tests.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ClusterError, lists};
use crate::{
    model::cluster::{ClusterFacts, Resource},
    node::{Files as _, memory::MemoryFiles, recording::Recording},
};

/// A single control plane of 1.36.2 with a few namespaces of users.
pub const API_1_36_2: Recording = Recording {
    name: "api-1.36.2",
    archive: include_bytes!("../../snapshots/nodes/api-1.36.2.tar.gz"),
};

/// Larger than any recorded answer.
const LIMIT: u64 = 1 << 20;

/// The answers of one recorded API server.
#[derive(Debug)]
pub struct RecordedApi(MemoryFiles);

impl RecordedApi {
    /// Unpacks a recording.
    pub fn of(recording: &Recording) -> Result<Self, ClusterError> {
        let files = recording.files().map_err(|error| ClusterError::Other(error.to_string()))?;
        Ok(Self(files))
    }

    /// What it answers to GET of a path, without query; `None` where it has nothing of this name.
    ///
    /// Kinds of which there were none when it was recorded are empty lists.
    pub fn get(&self, path: &str) -> Option<Value> {
        let name = path.trim_start_matches('/').replace('/', "_");
        if let Some(found) =
            self.file(&name).or_else(|| self.file(&format!("{name}.partial-metadata")))
        {
            return Some(found);
        }
        if let Some((list, name)) = path.rsplit_once('/')
            && let Some(list) = self.file(&list.trim_start_matches('/').replace('/', "_"))
        {
            let items = list.get("items")?.as_array()?;
            return items
                .iter()
                .find(|item| item.pointer("/metadata/name").is_some_and(|it| it == name))
                .cloned();
        }
        let known = Resource::ALL.into_iter().any(|resource| lists::path(resource) == path);
        known.then(|| json!({ "kind": "List", "metadata": {}, "items": [] }))
    }

    fn file(&self, name: &str) -> Option<Value> {
        serde_json::from_slice(&self.0.read(&format!("/{name}.json"), LIMIT).ok()?).ok()
    }

    /// These resources, as one would read them.
    pub fn read(&self, wanted: &BTreeSet<Resource>) -> Result<ClusterFacts, ClusterError> {
        let version =
            self.get("/version").and_then(|v| Some(v.get("gitVersion")?.as_str()?.to_owned()));
        let mut facts = ClusterFacts { version, ..ClusterFacts::default() };
        for resource in wanted {
            let Some(answer) = self.get(lists::path(*resource)) else { continue };
            lists::take(&mut facts, *resource, answer.to_string().as_bytes(), true)
                .map_err(|error| ClusterError::Other(format!("{}: {error}", resource.right())))?;
        }
        Ok(facts)
    }
}
