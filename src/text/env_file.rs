//! systemd environment files (`kubeadm-flags.env`, `/etc/default/kubelet`).
use super::EditRefused;

/// One assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Variable name.
    pub name: String,
    /// Value, quotes removed.
    pub value: String,
    /// One-based line.
    pub line: usize,
}

/// Every assignment, in order; comments and malformed lines are skipped as systemd skips them.
pub fn parse(text: &str) -> Vec<Assignment> {
    let _ = text;
    todo!()
}

/// Removes a flag from every variable's value (or only `element` of its comma-separated value). Every other byte stays.
pub fn remove_flag(text: &str, flag: &str, element: Option<&str>) -> Result<String, EditRefused> {
    let _ = (text, flag, element);
    todo!()
}
