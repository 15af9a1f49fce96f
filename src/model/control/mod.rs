//! Controls as `remediations/*.yaml` states them: a closed vocabulary of checks and fixes.
//!
//! An unknown key, kind, operator or path name is a load error; there is no free-form script anywhere.

mod check;
mod cluster;
mod concerns;
mod fix;
mod places;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::ControlId;

pub use check::{Absent, Alternative, AuditLevel, AuditRule, Check, Expect, GateStage};
pub use cluster::{
    ApiCheck, Extension, KnownCluster, NetworkPlugin, OwnGrant, OwnObjects, PodTrait, Right, names,
};
pub use fix::{Conflict, Fix, FixAction, Needs};
pub use places::{Mode, Owner, PathVar};

/// The stable name of a control, the same in every benchmark: `apiserver-profiling-off`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[schemars(extend("pattern" = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
pub struct Slug(pub String);

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One recommendation of the benchmark.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Stable name.
    pub slug: Slug,
    /// Number in the base benchmark, cis-1.12. Missing for controls which only other benchmarks have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ControlId>,
    /// What is recommended, in one line and in our own words.
    pub title: String,
    /// CIS level.
    pub level: Level,
    /// Whether the benchmark scores it.
    pub assessment: Assessment,
    /// Why it matters.
    pub why: String,
    /// What a fix changes.
    pub change: String,
    /// What a fix may break; empty when nothing known.
    #[serde(default)]
    pub breaks: Vec<String>,
    /// How the fix is undone.
    pub undo: String,
    /// Public documentation behind the facts above.
    #[serde(default)]
    pub references: Vec<String>,
    /// How it is judged.
    pub check: Check,
    /// How it is fixed.
    pub fix: Fix,
    /// Risk of the fix; missing when there is no fix this program offers or will offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// How a fix can be taken back; missing when there is no fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversible: Option<Reversibility>,
    /// A deviation we accept, with the reason, on nodes where the condition holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<AcceptedDeviation>,
}

/// CIS profile level.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8", extend("minimum" = 1, "maximum" = 2))]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Level {
    L1,
    L2,
}

impl TryFrom<u8> for Level {
    type Error = String;

    fn try_from(level: u8) -> Result<Self, Self::Error> {
        match level {
            1 => Ok(Self::L1),
            2 => Ok(Self::L2),
            other => Err(format!("level {other}: a CIS level is 1 or 2")),
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        match level {
            Level::L1 => 1,
            Level::L2 => 2,
        }
    }
}

/// Whether the benchmark scores a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Assessment {
    Automated,
    Manual,
}

/// Risk of a fix (`design`: R0 metadata … R4 data or quorum).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Tier {
    /// Mode or owner only; nothing restarts.
    R0,
    /// Scheduler or controller-manager restarts.
    R1,
    /// API server or kubelet restarts; clients notice nothing else.
    R2,
    /// Clients or workloads may notice.
    R3,
    /// Data or quorum.
    R4,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::R0 => "R0",
            Self::R1 => "R1",
            Self::R2 => "R2",
            Self::R3 => "R3",
            Self::R4 => "R4",
        })
    }
}

/// How a fix can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reversibility {
    /// Putting the old bytes, mode and owner back is enough.
    Bytes,
    /// Only a procedure undoes it; never reverted by bytes.
    Procedure,
    /// Nothing undoes it.
    OneWay,
}

/// A deviation from the benchmark that is right on some nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptedDeviation {
    /// When it applies.
    pub when: DeviationCondition,
    /// Why it is accepted there.
    pub reason: String,
}

/// Conditions of an accepted deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationCondition {
    /// etcd runs as root in a container, as kubeadm sets it up.
    EtcdRunsAsRootInContainer,
}
