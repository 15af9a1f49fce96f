//! The kubelet's configuration: layers, effective fields, edits of YAML and JSON files.
//!
//! Must not know defaults or flags: which field wins over which flag is the business of the checks.

mod edit;
mod types;

use serde_json::{Map, Value};

use super::{ParseProblem, yaml};
use crate::model::facts::KubeletLayer;
pub use edit::edit;
pub(super) use edit::one as field;

/// Reads one layer: the fields, and the keys written twice.
///
/// # Errors
/// What stops a kubelet from starting: no YAML, no mapping, another kind or none, a value of the wrong type.
pub fn parse(text: &str) -> Result<(Value, Vec<String>), ParseProblem> {
    let document = yaml::parse(text)?;
    let problem = |message: String| ParseProblem { line: None, message };
    if !document.value.is_object() {
        return Err(problem("this is no kubelet configuration: it is not a mapping".to_owned()));
    }
    match document.value.get("kind").and_then(Value::as_str) {
        Some("KubeletConfiguration") => match types::wrong(&document.value) {
            Some(wrong) => Err(problem(wrong)),
            None => Ok((document.value, document.duplicate_keys)),
        },
        Some(kind) => Err(problem(format!("this is no kubelet configuration: it is a {kind}"))),
        None => Err(problem(
            "this is no kubelet configuration: it has no kind, and the kubelet would not start"
                .to_owned(),
        )),
    }
}

/// The layers merged as the kubelet merges them (JSON merge patch; lists replaced; null deletes).
pub fn effective<'l>(layers: impl IntoIterator<Item = &'l KubeletLayer>) -> Value {
    let mut merged = Value::Object(Map::new());
    for fields in layers.into_iter().filter_map(|layer| layer.fields.ok()) {
        merge(&mut merged, fields);
    }
    merged
}

/// RFC 7386.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Value::Object(into) = into else { return };
    for (key, value) in patch {
        if value.is_null() {
            into.remove(key);
        } else {
            merge(into.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests;
