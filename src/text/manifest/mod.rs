//! Static pod manifests: read them, and edit the flags of one container.
//!
//! Reads what the kubelet would run (YAML or JSON, first document). Must not judge: what a flag
//! means is the business of the checks.

mod arguments;
mod decide;
mod edit;
mod mounts;
mod probes;
mod proof;
mod read;

pub use edit::edit;
pub use read::parse;

#[cfg(test)]
mod tests;
