//! Levels of Pod Security, and the labels of a namespace that ask for them.

use std::fmt;

use super::Metadata;

/// A level, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum PodSecurity {
    Privileged,
    Baseline,
    Restricted,
}

impl PodSecurity {
    /// The label by which a namespace refuses pods.
    pub const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
    /// The label by which it warns of them.
    pub const WARN: &str = "pod-security.kubernetes.io/warn";
    /// The label by which it writes them into the audit log.
    pub const AUDIT: &str = "pod-security.kubernetes.io/audit";

    /// What a label of a namespace asks for. The API server takes a level it does not know for restricted.
    pub fn of(namespace: &Metadata, label: &str) -> Self {
        match namespace.labels.get(label).map(String::as_str) {
            None | Some("privileged") => Self::Privileged,
            Some("baseline") => Self::Baseline,
            Some(_) => Self::Restricted,
        }
    }
}

impl fmt::Display for PodSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Privileged => "privileged",
            Self::Baseline => "baseline",
            Self::Restricted => "restricted",
        })
    }
}
