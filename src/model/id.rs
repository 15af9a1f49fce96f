//! Identifiers: the number of a control within a benchmark, and the name of a transaction.

use std::{cmp::Ordering, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of a control in a benchmark (`1.2.15`), or a finding of our own (`KT-shadow-manifest`).
///
/// Ordered as people read it: `1.2.9` before `1.2.10`, and every `KT-` after all numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^(\d+(\.\d+){1,2}|KT-[a-z0-9-]+)$"))]
pub struct ControlId(String);

/// Text that is neither a number like `1.2.15` nor a name like `KT-shadow-manifest`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("'{0}' is not a control id: write a number such as 1.2.15")]
pub struct BadControlId(String);

impl ControlId {
    /// The id as written in the benchmark.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `1.2` for `1.2.15`, `2` for `2.7`, `KT` for our own findings.
    pub fn section(&self) -> &str {
        if self.is_own() {
            return "KT";
        }
        self.0.rsplit_once('.').map_or(self.0.as_str(), |(section, _)| section)
    }

    /// True for `KT-…`: a finding of kube-temper, outside the benchmark's numbers.
    pub fn is_own(&self) -> bool {
        self.0.starts_with("KT-")
    }

    fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.split('.').map(|part| part.parse().unwrap_or(u32::MAX))
    }
}

impl FromStr for ControlId {
    type Err = BadControlId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('.').collect();
        let number = (2..=3).contains(&parts.len())
            && parts
                .iter()
                .all(|p| !p.is_empty() && p.len() <= 4 && p.bytes().all(|b| b.is_ascii_digit()));
        let own = text.strip_prefix("KT-").is_some_and(|name| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        });
        if number || own { Ok(Self(text.to_owned())) } else { Err(BadControlId(text.to_owned())) }
    }
}

impl TryFrom<String> for ControlId {
    type Error = BadControlId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ControlId> for String {
    fn from(id: ControlId) -> Self {
        id.0
    }
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Ord for ControlId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.is_own()
            .cmp(&other.is_own())
            .then_with(|| self.numbers().cmp(other.numbers()))
            .then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for ControlId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Names one transaction: `20261124T052601Z-3f9a`. Sorts by time; safe as a folder name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransactionId(pub String);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_as_people_read_them() {
        let mut ids: Vec<ControlId> = ["KT-drift", "1.2.10", "2.1", "1.2.9", "1.10.1", "1.2.1"]
            .iter()
            .map(|s| s.parse().unwrap())
            .collect();
        ids.sort();
        let text: Vec<&str> = ids.iter().map(ControlId::as_str).collect();
        assert_eq!(text, ["1.2.1", "1.2.9", "1.2.10", "1.10.1", "2.1", "KT-drift"]);
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for bad in ["", "1", "1.", "1..2", "a.b", "1.2.3.4", "KT-", "KT-Upper", "1.2.x", "99999.1"]
        {
            assert!(bad.parse::<ControlId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_section_is_the_id_without_its_last_number() {
        let section = |s: &str| s.parse::<ControlId>().unwrap().section().to_owned();
        assert_eq!(section("1.2.15"), "1.2");
        assert_eq!(section("2.7"), "2");
        assert_eq!(section("KT-drift"), "KT");
    }
}
