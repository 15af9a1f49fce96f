//! The kubelet's configuration: layers, effective fields, edits of YAML and JSON files.
use super::{EditRefused, ParseProblem};
use crate::model::{AttributedEdit, facts::KubeletLayer};

/// Reads one layer: the fields, and the keys written twice.
pub fn parse(text: &str) -> Result<(serde_json::Value, Vec<String>), ParseProblem> {
    let _ = text;
    todo!()
}

/// The layers merged as the kubelet merges them (JSON merge patch; lists replaced; null deletes).
pub fn effective<'l>(layers: impl IntoIterator<Item = &'l KubeletLayer>) -> serde_json::Value {
    let _ = layers.into_iter().count();
    todo!()
}

/// Applies field edits (`SetField`, `RemoveField`) to a YAML or JSON configuration file.
pub fn edit(text: &str, edits: &[AttributedEdit]) -> Result<String, EditRefused> {
    let _ = (text, edits);
    todo!()
}
