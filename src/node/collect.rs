//! Discovery and collection: one pass over `/proc` and the files, everything recorded.
use super::{Files, Node, NodeError};
use crate::model::{Component, NodeFacts, PathVar, ProcessFact};
use std::collections::BTreeMap;

/// Where to look when the running process does not say (`remediations/paths.yaml`), in order of preference.
pub type PathCandidates = BTreeMap<PathVar, Vec<String>>;

/// Reads everything once. What cannot be read is recorded inside, not returned as an error;
/// an error means that nothing could be read at all.
pub fn collect(node: &dyn Node, candidates: &PathCandidates) -> Result<NodeFacts, NodeError> {
    let _ = (node, candidates);
    todo!()
}

/// Which process is which component right now, from one pass over `/proc`: what a transaction watches
/// while a component restarts.
pub fn processes(files: &dyn Files) -> BTreeMap<Component, ProcessFact> {
    let _ = files;
    todo!()
}
