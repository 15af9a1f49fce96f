//! Benchmarks: which numbering of the controls applies to which Kubernetes minor version.

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    control::{Assessment, AuditRule, Expect, Level, Mode, Slug},
    id::ControlId,
};

/// A benchmark this program knows. Kubernetes 1.34 and later default to [`BenchmarkId::Cis2_0`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum BenchmarkId {
    #[serde(rename = "cis-1.7")]
    Cis1_7,
    #[serde(rename = "cis-1.8")]
    Cis1_8,
    #[serde(rename = "cis-1.9")]
    Cis1_9,
    #[serde(rename = "cis-1.10")]
    Cis1_10,
    #[serde(rename = "cis-1.11")]
    Cis1_11,
    #[serde(rename = "cis-1.12")]
    Cis1_12,
    #[serde(rename = "cis-2.0")]
    Cis2_0,
    #[serde(rename = "cis-2.1")]
    Cis2_1,
}

impl BenchmarkId {
    /// Every benchmark, oldest first.
    pub const ALL: [Self; 8] = [
        Self::Cis1_7,
        Self::Cis1_8,
        Self::Cis1_9,
        Self::Cis1_10,
        Self::Cis1_11,
        Self::Cis1_12,
        Self::Cis2_0,
        Self::Cis2_1,
    ];

    /// The name used in files, on the command line and in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cis1_7 => "cis-1.7",
            Self::Cis1_8 => "cis-1.8",
            Self::Cis1_9 => "cis-1.9",
            Self::Cis1_10 => "cis-1.10",
            Self::Cis1_11 => "cis-1.11",
            Self::Cis1_12 => "cis-1.12",
            Self::Cis2_0 => "cis-2.0",
            Self::Cis2_1 => "cis-2.1",
        }
    }
}

impl fmt::Display for BenchmarkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A benchmark name this program does not know.
#[derive(Debug, Clone, thiserror::Error)]
#[error("unknown benchmark '{0}': use one of cis-1.7 … cis-1.12, cis-2.0, cis-2.1")]
pub struct UnknownBenchmark(String);

impl FromStr for BenchmarkId {
    type Err = UnknownBenchmark;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|id| id.as_str() == text)
            .ok_or_else(|| UnknownBenchmark(text.to_owned()))
    }
}

/// A Kubernetes minor version: `(1, 36)`. Vendor suffixes do not matter for the choice of a benchmark.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^\d+\.\d+$"))]
pub struct Minor {
    /// `1` in 1.36.
    pub major: u32,
    /// `36` in 1.36.
    pub minor: u32,
}

/// Text that does not begin with `MAJOR.MINOR`.
#[derive(Debug, Clone, thiserror::Error)]
#[error("'{0}' is not a Kubernetes version such as 1.36 or v1.36.2")]
pub struct BadVersion(String);

impl FromStr for Minor {
    type Err = BadVersion;

    /// Accepts `1.36`, `v1.36.2`, `v1.33.1-eks-1a2b` and `v1.34.1+k3s1`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadVersion(text.to_owned());
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let major = parts.next().and_then(|p| p.parse().ok()).ok_or_else(bad)?;
        let rest = parts.next().ok_or_else(bad)?;
        let digits: &str = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
        Ok(Self { major, minor: digits.parse().map_err(|_| bad())? })
    }
}

impl TryFrom<String> for Minor {
    type Error = BadVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Minor> for String {
    fn from(minor: Minor) -> Self {
        minor.to_string()
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// One benchmark as `remediations/benchmarks.yaml` describes it: the differences from the base numbering.
///
/// The base is cis-1.12: a control's own `id` is its number there.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Benchmark {
    /// Its name.
    pub id: BenchmarkId,
    /// One line a person reads: what it is, for which versions.
    pub title: String,
    /// The Kubernetes minors for which this benchmark is chosen without being asked for.
    #[serde(default)]
    pub kubernetes: Vec<Minor>,
    /// Its text was not seen; verdicts are our best reading. Shown with every report.
    #[serde(default)]
    pub provisional: bool,
    /// A notice shown with every report under this benchmark (nearest older numbering, for example).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// Controls of the base that this benchmark does not have.
    #[serde(default)]
    pub without: Vec<Slug>,
    /// Numbers that differ from the base, and the numbers of controls the base does not have.
    #[serde(default)]
    pub numbers: BTreeMap<Slug, ControlId>,
    /// Assessments that differ from the control's own.
    #[serde(default)]
    pub assessment: BTreeMap<Slug, Assessment>,
    /// Levels that differ from the control's own.
    #[serde(default)]
    pub level: BTreeMap<Slug, Level>,
    /// Expected values that differ from the control's own check.
    #[serde(default)]
    pub expect: BTreeMap<Slug, Expect>,
    /// Widest file modes that differ from the control's own check.
    #[serde(default)]
    pub at_most: BTreeMap<Slug, Mode>,
    /// What an audit policy must cover besides the control's own list.
    #[serde(default)]
    pub cover_also: BTreeMap<Slug, Vec<AuditRule>>,
    /// Titles that differ from the control's own.
    #[serde(default)]
    pub title_of: BTreeMap<Slug, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendor_suffixes_do_not_matter() {
        for (text, want) in [
            ("1.36", "1.36"),
            ("v1.36.2", "1.36"),
            ("v1.33.1-eks-1a2b", "1.33"),
            ("v1.34.1+k3s1", "1.34"),
            ("1.30+", "1.30"),
        ] {
            assert_eq!(text.parse::<Minor>().unwrap().to_string(), want);
        }
        assert!("latest".parse::<Minor>().is_err());
        assert!("v1".parse::<Minor>().is_err());
    }
}
