//! Floor 1: pure text engines. `&str` in, values or a new `String` out; no I/O, no clock.
//!
//! Reading follows what Kubernetes reads (YAML 1.1 words, octal, last duplicate key wins, first
//! document only). Editing keeps every byte that the edit does not own, and proves it: the result is
//! parsed again and must differ from the input by exactly the requested edit, else the edit is refused.

/// Why a text could not be edited; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EditRefused {
    /// What stands in the way, and what a person can do.
    pub reason: String,
}

/// Why a text could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", line.map(|l| format!(" (line {l})")).unwrap_or_default())]
pub struct ParseProblem {
    /// One-based line, where known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

pub mod accounts;
pub mod cgroup;
pub mod diff;
pub mod documents;
pub mod env_file;
pub mod flags;
pub mod known;
pub mod kubeconfig;
pub mod kubelet;
pub mod manifest;
pub mod pem;
pub mod printable;
pub mod unit;
pub mod values;
pub mod yaml;
