//! What a component's own program says of a change before it is made.

use std::{collections::BTreeMap, fmt};

use crate::model::{Component, facts::Container};

/// What came of letting a program try what is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It takes it.
    Accepted {
        /// What a person should know all the same.
        note: Option<String>,
    },
    /// It refuses.
    Rejected {
        /// The program's own words.
        why: String,
    },
    /// Nothing can be said: it was not tried, or did not come to an end.
    Untried {
        /// What stood in the way.
        why: String,
    },
    /// It began, and then neither worked nor said what is wrong: the trial may have failed, or what is planned.
    Unclear {
        /// What was seen of it.
        why: String,
    },
}

impl Trial {
    pub(crate) fn accepted() -> Self {
        Self::Accepted { note: None }
    }

    pub(crate) fn rejected(why: impl Into<String>) -> Self {
        Self::Rejected { why: why.into() }
    }

    pub(crate) fn untried(why: impl Into<String>) -> Self {
        Self::Untried { why: why.into() }
    }
}

/// The programs of this node's components, run beside the running ones, confined, and ended for certain.
pub trait Programs: fmt::Debug + Send + Sync {
    /// Lets the program that runs now read these arguments (the first is its own name) and do nothing.
    ///
    /// It finds unknown flags, values of a wrong type and unknown feature gates; no plugin, cipher suite or file.
    fn parse(&self, component: Component, args: &[String]) -> Trial;

    /// Lets the installed kubelet read its configuration as it would at its next start, and go no further.
    ///
    /// `args` is its argument vector; `files` are texts to take in place of what is on the disk, by path.
    /// With none the *current* configuration is tried: whether the kubelet would start again at all.
    fn try_kubelet(&self, args: &[String], files: &BTreeMap<String, String>) -> Trial;

    /// Starts the planned API server beside the running one, on a port of its own, asks it by its own probes
    /// without credentials, and ends it.
    ///
    /// `written` are the paths of other files the change writes: they are not there yet.
    fn rehearse(&self, planned: &Container, written: &[String]) -> Trial;

    /// Tells everybody who is logged in. There may be nobody, and no way to: then nothing happens.
    fn message(&self, text: &str);
}
