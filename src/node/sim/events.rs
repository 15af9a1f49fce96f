//! What happened on a simulated node, with times, for tests to count and compare.

use std::{fmt, time::Duration};

use crate::model::Component;

/// Why a process ended, and why the next one began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The content of its manifest changed, or a manifest appeared.
    Manifest,
    /// Its manifest was removed, or cannot be read any more.
    ManifestGone,
    /// It ended by itself, for this reason.
    Crash(String),
    /// Its startup probe failed too often.
    StartupProbe,
    /// Its liveness probe failed too often.
    LivenessProbe,
    /// The API server was away for longer than its lease lasts.
    LeaderElectionLost,
    /// A test ended it.
    Killed,
    /// The kubelet was restarted, or its service manager started it again.
    Service,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.pad("manifest changed"),
            Self::ManifestGone => f.pad("manifest gone"),
            Self::Crash(why) => write!(f, "crash: {why}"),
            Self::StartupProbe => f.pad("startup probe failed"),
            Self::LivenessProbe => f.pad("liveness probe failed"),
            Self::LeaderElectionLost => f.pad("leader election lost"),
            Self::Killed => f.pad("killed"),
            Self::Service => f.pad("service restarted"),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A process began.
    Started {
        /// Of this component.
        component: Component,
        /// Its process id.
        pid: u32,
        /// The pod it belongs to; `None` for the kubelet.
        pod: Option<String>,
        /// Why it began.
        cause: Cause,
    },
    /// A process was told to end.
    Stopping {
        /// Of this component.
        component: Component,
        /// Its process id.
        pid: u32,
        /// Why.
        cause: Cause,
    },
    /// A process is gone.
    Stopped {
        /// Of this component.
        component: Component,
        /// Its process id.
        pid: u32,
        /// Why.
        cause: Cause,
    },
    /// The kubelet could not use a manifest.
    Rejected {
        /// Its path.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The API server began to answer.
    ApiUp,
    /// The API server stopped answering.
    ApiDown,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, since the simulation began.
    pub at: Duration,
    /// What.
    pub what: What,
}

impl Event {
    /// The component whose process began here, and why.
    pub fn started(&self) -> Option<(Component, &Cause)> {
        match &self.what {
            What::Started { component, cause, .. } => Some((*component, cause)),
            _ => None,
        }
    }

    /// The component whose process is gone here, and why.
    pub fn stopped(&self) -> Option<(Component, &Cause)> {
        match &self.what {
            What::Stopped { component, cause, .. } => Some((*component, cause)),
            _ => None,
        }
    }
}
