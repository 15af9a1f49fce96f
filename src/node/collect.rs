//! Discovery and collection: one pass over `/proc` and the files, everything recorded.
use super::{Node, NodeError};
use crate::model::{NodeFacts, PathVar};
use std::collections::BTreeMap;

/// Where to look when the running process does not say (`remediations/paths.yaml`), in order of preference.
pub type PathCandidates = BTreeMap<PathVar, Vec<String>>;

/// Reads everything once. What cannot be read is recorded inside, not returned as an error;
/// an error means that nothing could be read at all.
pub fn collect(node: &dyn Node, candidates: &PathCandidates) -> Result<NodeFacts, NodeError> {
    let _ = (node, candidates);
    todo!()
}
