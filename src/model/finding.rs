//! Findings: what was judged, how it came out, and what that rests on.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    benchmark::BenchmarkId,
    component::{Component, Distribution, Role},
    control::{Assessment, Level, Reversibility, Slug, Tier},
    id::ControlId,
};

/// How a control came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Status {
    /// Measurably wrong.
    #[serde(rename = "FAIL")]
    Fail,
    /// Should be readable and was not.
    #[serde(rename = "ERROR")]
    Error,
    /// A person must judge, or the API is needed.
    #[serde(rename = "MANUAL")]
    Manual,
    /// Right.
    #[serde(rename = "PASS")]
    Pass,
    /// No such component or file here.
    #[serde(rename = "N/A")]
    NotApplicable,
}

impl Status {
    /// Every status, worst first.
    pub const ALL: [Self; 5] =
        [Self::Fail, Self::Error, Self::Manual, Self::Pass, Self::NotApplicable];

    /// The word shown everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "FAIL",
            Self::Error => "ERROR",
            Self::Manual => "MANUAL",
            Self::Pass => "PASS",
            Self::NotApplicable => "N/A",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where a value was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Source {
    /// An argument of a running process.
    Process {
        /// Which component.
        component: Component,
        /// Its process id.
        pid: u32,
    },
    /// A line of a file.
    File {
        /// Path within the node's root.
        path: String,
        /// One-based line, when known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<usize>,
    },
    /// Mode or owner of a file.
    Stat {
        /// Path within the node's root.
        path: String,
    },
    /// An object of the cluster.
    Object {
        /// `kind/namespace/name`.
        object: String,
    },
    /// Nothing sets it: the component's own default.
    Default,
    /// Nothing was read; the value explains itself.
    Note,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { component, pid } => write!(f, "{component} pid {pid}"),
            Self::File { path, line: Some(line) } => write!(f, "{path}:{line}"),
            Self::File { path, line: None } | Self::Stat { path } => f.write_str(path),
            Self::Object { object } => f.write_str(object),
            Self::Default => f.write_str("default"),
            Self::Note => f.write_str("note"),
        }
    }
}

/// One thing a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was found, as a person reads it: `--profiling not set (default true)`, `mode 0644`.
    pub value: String,
    /// Where.
    #[serde(flatten)]
    pub source: Source,
    /// Whether this piece alone satisfies the control.
    pub good: bool,
}

/// How much an object of the cluster gives away, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Danger {
    /// To everybody, or everything.
    High,
    /// In the whole cluster.
    Medium,
    /// Within bounds.
    Low,
}

/// An object of the cluster that a finding speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoundObject {
    /// How much it gives away.
    pub danger: Danger,
    /// `kind/namespace/name`, or `kind/name` for one of the whole cluster.
    pub object: String,
    /// Where in it: `spec.containers[c].securityContext.privileged`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What was found there, as a person reads it.
    pub value: String,
    /// Measurably wrong; otherwise a person must judge.
    pub wrong: bool,
    /// How a right comes about: subject, binding, role, rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<String>,
}

/// Why a finding does not count as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mark", rename_all = "kebab-case")]
pub enum Mark {
    /// A deviation from the benchmark that is right on this node.
    Accepted {
        /// Why.
        reason: String,
    },
}

/// Whether a failing control can be fixed by this program, here and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fix", rename_all = "kebab-case")]
pub enum FixOffer {
    /// `plan` can make a change for it.
    Offered {
        /// Its risk before this node was looked at.
        tier: Tier,
        /// How it is undone.
        reversible: Reversibility,
    },
    /// This version does not offer it yet: it needs a value, a file, probes or the API.
    Later {
        /// What it needs.
        reason: String,
    },
    /// There is none.
    None {
        /// Why, and what a person does instead.
        reason: String,
    },
}

/// The verdict on one control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Number in the benchmark of the report.
    pub control: ControlId,
    /// Stable name.
    pub slug: Slug,
    /// Title.
    pub title: String,
    /// CIS level.
    pub level: Level,
    /// Whether the benchmark scores it.
    pub assessment: Assessment,
    /// How it came out.
    pub status: Status,
    /// Why, in one line: the first thing a person reads.
    pub reason: String,
    /// What was wanted.
    pub expected: String,
    /// What the verdict rests on.
    pub evidence: Vec<Evidence>,
    /// The objects of the cluster it speaks of, most dangerous first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<FoundObject>,
    /// The running process and what starts it disagree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<String>,
    /// Why it does not count as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// What can be done about it; meaningful when the status is FAIL.
    pub offer: FixOffer,
}

impl Finding {
    /// Counts against the score and the exit code: an automated FAIL without a mark.
    pub fn counts_as_failure(&self) -> bool {
        self.status == Status::Fail
            && self.assessment == Assessment::Automated
            && self.mark.is_none()
            && !self.control.is_own()
    }
}

/// PASS / (PASS + FAIL) over automated controls; marked findings stay outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Automated controls that pass.
    pub pass: usize,
    /// Automated controls that fail and carry no mark.
    pub fail: usize,
}

impl Score {
    /// In percent, rounded down so that 100 means all; `None` when nothing was judged.
    pub fn percent(self) -> Option<usize> {
        (self.pass * 100).checked_div(self.pass + self.fail)
    }
}

/// Everything one scan found. All verdicts speak of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// When the facts were read.
    pub at: Timestamp,
    /// The node's name.
    pub node: String,
    /// What it is in its cluster.
    pub role: Role,
    /// How it was set up.
    pub distribution: Distribution,
    /// Kubernetes version and where it was read, `1.36.2 (image tag in …)`; `None` when `--benchmark` was given without one.
    pub kubernetes: Option<String>,
    /// The numbering.
    pub benchmark: BenchmarkId,
    /// What a reader must know about the benchmark or this run (provisional, nearest older numbering, files only).
    pub notices: Vec<String>,
    /// One per control of the benchmark that was asked for, ordered by id, then our own (`KT-…`).
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many findings have each status (our own not counted).
    pub fn totals(&self) -> BTreeMap<Status, usize> {
        let mut totals: BTreeMap<Status, usize> =
            Status::ALL.into_iter().map(|status| (status, 0)).collect();
        for finding in self.findings.iter().filter(|f| !f.control.is_own()) {
            *totals.entry(finding.status).or_default() += 1;
        }
        totals
    }

    /// The score over automated controls.
    pub fn score(&self) -> Score {
        let automated = || {
            self.findings
                .iter()
                .filter(|f| f.assessment == Assessment::Automated && !f.control.is_own())
        };
        Score {
            pass: automated().filter(|f| f.status == Status::Pass).count(),
            fail: automated().filter(|f| f.counts_as_failure()).count(),
        }
    }

    /// The finding of one control.
    pub fn finding(&self, id: &ControlId) -> Option<&Finding> {
        self.findings.iter().find(|f| &f.control == id)
    }
}
