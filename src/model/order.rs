//! What a transaction was asked to do, besides the changes of its plan.
//!
//! Kept beside the plan, so that the process that carries it out, and the one that recovers it, need
//! nothing of the command that began it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::journal::Purpose;

/// The order for one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Format of this file.
    pub schema: OrderSchema,
    /// What for.
    #[serde(flatten)]
    pub purpose: Purpose,
    /// When it is kept.
    pub keep: Keep,
    /// Restart an API server or kubelet although no other API server is known to be healthy.
    pub allow_single: bool,
    /// Start the planned API server beside the real one first.
    pub rehearse: bool,
    /// Let changes of others take effect too, that wait for the next restart.
    #[serde(default)]
    pub consent_pending: bool,
    /// A snapshot of etcd that somebody made just now (absolute path); etcd is asked for one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd_snapshot: Option<String>,
}

/// The format version written into every order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderSchema {
    /// The first format.
    #[serde(rename = "kube-temper/order/v1")]
    V1,
}

/// What makes a change stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "when", rename_all = "kebab-case")]
pub enum Keep {
    /// It proved itself (batch).
    Proved,
    /// It proved itself, and then a person said so within this many seconds.
    Confirmed {
        /// Seconds from the last gate.
        within: u64,
    },
}

impl Keep {
    /// How long a person may take; `None` when nobody is asked.
    pub const fn within(self) -> Option<Duration> {
        match self {
            Self::Proved => None,
            Self::Confirmed { within } => Some(Duration::from_secs(within)),
        }
    }
}

impl From<Purpose> for Order {
    /// Kept when proved, with every check.
    fn from(purpose: Purpose) -> Self {
        Self {
            schema: OrderSchema::V1,
            purpose,
            keep: Keep::Proved,
            allow_single: false,
            rehearse: true,
            consent_pending: false,
            etcd_snapshot: None,
        }
    }
}
