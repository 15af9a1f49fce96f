//! Journal records: the only interface between a transaction and whoever watches it.
//!
//! One JSON object per line, fsynced one by one. Never a byte of file content, never a key.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    change::{Digest, FileMeta, StepTarget},
    component::Component,
    id::{ControlId, TransactionId},
};

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts from 0 within its transaction, without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: RecordKind,
}

/// What a transaction is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "kebab-case")]
pub enum Purpose {
    /// Apply fixes.
    Apply {
        /// The controls it closes.
        controls: Vec<ControlId>,
    },
    /// Undo earlier transactions, or some of their controls.
    Rollback {
        /// Which, latest first.
        of: Vec<TransactionId>,
        /// The controls undone.
        controls: Vec<ControlId>,
    },
}

/// A file with the state it has before and after a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIntent {
    /// Path within the root, links resolved.
    pub path: String,
    /// Metadata before; `None` where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<FileMeta>,
    /// Metadata after; `None` where nothing is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileMeta>,
    /// Content before and after, each where there is one; `None` for a metadata-only change, and for a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<(Option<Digest>, Option<Digest>)>,
}

impl FileIntent {
    /// A folder that comes or goes.
    pub const fn is_folder(&self) -> bool {
        self.content.is_none() && (self.before.is_none() || self.after.is_none())
    }
}

/// What was seen while a step proved itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Whose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<Component>,
    /// As a person reads it: `new process 8413 runs with --profiling=false`.
    pub text: String,
    /// Speaks for the change (true) or is only progress (false).
    pub proves: bool,
}

/// A part of a transaction before its first write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The node is healthy before anything is touched.
    Baseline,
    /// What is planned can work here.
    Preflight,
    /// The planned API server was started beside the real one.
    Rehearsal,
}

/// Why a change was put back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It failed, did not prove itself, or was interrupted.
    #[default]
    Unproved,
    /// It proved itself, and nobody confirmed it in time.
    Unconfirmed,
    /// A person asked for it during the countdown.
    Requested,
}

impl Reason {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What a stuck transaction left on the node, and so what may still be done about it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// Not every file has its old state again.
    #[default]
    Mixed,
    /// Every file has; that the node is healthy is not proved.
    Old,
    /// The change itself, proved, which nobody confirmed and which is not put back without a person.
    New,
}

impl Left {
    /// What the commands for a person do, as their heading.
    pub const fn commands(self) -> &'static str {
        match self {
            Self::Mixed | Self::Old => "These commands put the old state back:",
            Self::New => "One of these commands decides:",
        }
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum RecordKind {
    /// The transaction exists; nothing is written yet.
    Begun {
        /// Journal format.
        schema: JournalSchema,
        /// Version of kube-temper.
        version: String,
        /// Node name.
        node: String,
        /// What for.
        #[serde(flatten)]
        purpose: Purpose,
    },
    /// Something was seen before the first write.
    Checked {
        /// In which part.
        phase: Phase,
        /// What.
        #[serde(flatten)]
        observation: Observation,
    },
    /// Something stood in the way before the first write: nothing was changed.
    Refused {
        /// What.
        cause: String,
    },
    /// Everything this transaction will touch.
    Intent {
        /// The files, in order.
        files: Vec<FileIntent>,
    },
    /// A file's old state is safely in the backup store.
    BackedUp {
        /// Path of the file.
        path: String,
    },
    /// All that etcd keeps was saved before a change of it, and checked.
    EtcdSnapshot {
        /// Where, as a person names it.
        path: String,
        /// Its size in bytes, the digest at its end included.
        size: u64,
        /// Digest of the whole file, as `sha256sum` prints it.
        digest: Digest,
        /// How the cluster is taken back to it, the last resort should the data be damaged: shell commands, each
        /// as a comment.
        restore: Vec<String>,
    },
    /// Something that does not depend on this process will put the change back when it dies.
    Armed {
        /// What it is: `kube-temper-recover-….timer`.
        by: String,
        /// When it looks first; then again and again.
        until: Timestamp,
    },
    /// There is nothing of that kind here: when this process dies, only the next `kube-temper recover` puts
    /// the change back.
    Unarmed,
    /// A step begins.
    StepBegun {
        /// Index in the plan.
        step: usize,
        /// What it is about.
        target: StepTarget,
    },
    /// A file has its new state.
    Applied {
        /// Path of the file.
        path: String,
    },
    /// Something was seen.
    Observed {
        /// Index in the plan.
        step: usize,
        /// What.
        #[serde(flatten)]
        observation: Observation,
    },
    /// A step has proved itself.
    Verified {
        /// Index in the plan.
        step: usize,
    },
    /// Every step has proved itself; a person is asked to keep the change.
    Waiting {
        /// It is put back when nobody answers until then.
        until: Timestamp,
    },
    /// A person asked for more time.
    Extended {
        /// The new end of the countdown.
        until: Timestamp,
    },
    /// A person keeps the change.
    Confirmed {
        /// Who, as the request says.
        by: String,
    },
    /// All of it is done and proved.
    Committed,
    /// It did not prove itself, a write failed, or nobody kept it; the old state comes back.
    RollingBack {
        /// What happened.
        cause: String,
        /// Which of the three.
        #[serde(default, skip_serializing_if = "Reason::is_default")]
        reason: Reason,
    },
    /// What a failed component said was kept before it is collected.
    Kept {
        /// Whose.
        component: Component,
        /// Where, as a person names it.
        path: String,
        /// The line that tells most.
        telling: String,
    },
    /// A file has its old state again.
    Restored {
        /// Path of the file.
        path: String,
    },
    /// The node is as before.
    RolledBack {
        /// Why it was rolled back.
        cause: String,
        /// In short.
        #[serde(default, skip_serializing_if = "Reason::is_default")]
        reason: Reason,
    },
    /// A person is needed.
    Stuck {
        /// What went wrong.
        cause: String,
        /// Exact shell commands for a person: they restore the old state, or decide about the new one.
        by_hand: Vec<String>,
        /// What is on the node now.
        #[serde(default, skip_serializing_if = "Left::is_default")]
        left: Left,
    },
}

/// The format version written into every journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JournalSchema {
    /// The first format.
    #[serde(rename = "kube-temper/journal/v1")]
    V1,
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Done and proved.
    Committed,
    /// Something stood in the way before the first write: nothing was changed.
    Refused {
        /// What.
        cause: String,
    },
    /// The node is as before and healthy.
    RolledBack {
        /// Why.
        cause: String,
        /// In short.
        #[serde(default, skip_serializing_if = "Reason::is_default")]
        reason: Reason,
    },
    /// A person is needed.
    Stuck {
        /// What went wrong.
        cause: String,
        /// Exact shell commands for a person: they restore the old state, or decide about the new one.
        by_hand: Vec<String>,
        /// What is on the node now.
        #[serde(default, skip_serializing_if = "Left::is_default")]
        left: Left,
    },
}

impl Outcome {
    /// Nobody carries it out any more, and it did not end: a person recovers it, as the cause says.
    pub const fn lost(cause: String) -> Self {
        Self::Stuck { cause, by_hand: Vec::new(), left: Left::Mixed }
    }

    /// The outcome a journal record announces, if it is a final one.
    pub fn of(kind: &RecordKind) -> Option<Self> {
        match kind {
            RecordKind::Committed => Some(Self::Committed),
            RecordKind::Refused { cause } => Some(Self::Refused { cause: cause.clone() }),
            RecordKind::RolledBack { cause, reason } => {
                Some(Self::RolledBack { cause: cause.clone(), reason: *reason })
            }
            RecordKind::Stuck { cause, by_hand, left } => {
                Some(Self::Stuck { cause: cause.clone(), by_hand: by_hand.clone(), left: *left })
            }
            _ => None,
        }
    }

    /// The record that announces it.
    pub fn record(&self) -> RecordKind {
        match self.clone() {
            Self::Committed => RecordKind::Committed,
            Self::Refused { cause } => RecordKind::Refused { cause },
            Self::RolledBack { cause, reason } => RecordKind::RolledBack { cause, reason },
            Self::Stuck { cause, by_hand, left } => RecordKind::Stuck { cause, by_hand, left },
        }
    }
}
