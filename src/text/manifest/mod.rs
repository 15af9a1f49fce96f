//! Static pod manifests: read them, and edit the flags of one container.
//!
//! Reads what the kubelet would run (YAML or JSON, first document). Must not judge: what a flag
//! means is the business of the checks.

mod read;

use super::EditRefused;
use crate::model::{AttributedEdit, Component};
pub use read::parse;

/// Applies flag edits to the component's container, in order. Every other byte stays.
pub fn edit(
    text: &str,
    component: Component,
    edits: &[AttributedEdit],
) -> Result<String, EditRefused> {
    let _ = (text, component, edits);
    todo!()
}

#[cfg(test)]
mod tests;
