//! YAML and JSON as Kubernetes reads them.
//!
//! Owns the one tree of a text (values with the bytes they are written in) that reading and editing
//! share. Kubernetes turns YAML into JSON with `sigs.k8s.io/yaml` (`goyaml.v2`, a port of libyaml):
//! YAML 1.1 words and octal numbers, `<<` merges, the last of two keys wins, only the first document
//! counts. Text that begins with `{` is read as JSON when it is JSON.
//!
//! Must not guess: the tree is compared, scalar by scalar, with what libyaml itself makes of the
//! text, and a text the two understand differently is refused.

mod agree;
mod json;
mod resolve;
pub(crate) mod splice;
pub(crate) mod tree;
mod value;
pub(crate) mod write;

use super::ParseProblem;
use crate::model::change::LARGEST_TEXT;
pub(crate) use tree::{Kind, Node, Style, Tree, own};
pub(crate) use write::Place;

/// A document as the kubelet reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// First document only; merges applied, YAML 1.1 booleans and octal numbers read as Kubernetes does.
    pub value: serde_json::Value,
    /// Keys written twice (last one wins), as dotted paths.
    pub duplicate_keys: Vec<String>,
    /// How many documents the text holds.
    pub documents: usize,
}

/// Reads YAML or JSON text.
pub fn parse(text: &str) -> Result<Document, ParseProblem> {
    let (document, _) = read(text)?;
    Ok(document)
}

/// Reads YAML or JSON text, with the tree that tells where each value is written.
pub(crate) fn read(text: &str) -> Result<(Document, Tree), ParseProblem> {
    if text.len() > LARGEST_TEXT {
        return Err(problem(None, "the text is larger than 10 MiB, more than the kubelet reads"));
    }
    if text.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
    {
        let tree = json::tree(text)?;
        let duplicate_keys = value::read(&tree)?.duplicate_keys;
        return Ok((Document { value, duplicate_keys, documents: 1 }, tree));
    }
    let tree = tree::parse(text, agree::documents(text)?)?;
    agree::with_libyaml(text, &tree)?;
    let read = value::read(&tree)?;
    if read.value.is_null() {
        return Err(problem(None, "the file is empty: it holds no YAML document"));
    }
    let document = Document {
        value: read.value,
        duplicate_keys: read.duplicate_keys,
        documents: tree.documents,
    };
    Ok((document, tree))
}

/// Whether a panic of this thread is caught by the reader and told as a problem of the text it reads: a
/// panic hook keeps silent then.
pub fn catches_panics() -> bool {
    tree::catches_panics()
}

/// The value at a dotted path (`authentication.anonymous.enabled`), if present; items of lists by their numbers.
pub fn at<'v>(value: &'v serde_json::Value, path: &str) -> Option<&'v serde_json::Value> {
    path.split('.').try_fold(value, |value, key| match value {
        serde_json::Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// A problem at a line.
fn problem(line: Option<usize>, message: impl Into<String>) -> ParseProblem {
    ParseProblem { line, message: message.into() }
}

#[cfg(test)]
mod tests;
