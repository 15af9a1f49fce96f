//! A node in front of another: it does the same, and notes it.

use std::sync::Arc;

use super::{
    Kind, Log,
    files::{LoggedFiles, Which},
    parts::{Outside, end},
};
use crate::node::{
    Clock, Etcd, Files, Keeper, KubeletView, LOCK, Lock, Node, NodeError, NodeKind, Programs,
};

/// A node whose operations are noted in a log.
#[derive(Debug)]
pub struct LoggedNode {
    files: LoggedFiles,
    state: LoggedFiles,
    outside: Outside,
}

impl LoggedNode {
    /// Puts the log in front of a node.
    pub fn new(node: Arc<dyn Node>, log: &Log) -> Self {
        Self {
            files: LoggedFiles::new(&node, Which::Node, log),
            state: LoggedFiles::new(&node, Which::State, log),
            outside: Outside::new(node, log),
        }
    }

    fn node(&self) -> &dyn Node {
        self.outside.node.as_ref()
    }
}

impl Node for LoggedNode {
    fn kind(&self) -> NodeKind {
        self.node().kind()
    }

    fn files(&self) -> &dyn Files {
        &self.files
    }

    fn state(&self) -> &dyn Files {
        &self.state
    }

    fn state_dir(&self) -> String {
        self.node().state_dir()
    }

    fn state_lies_in(&self, folder: &str) -> Result<bool, NodeError> {
        self.node().state_lies_in(folder)
    }

    fn on_machine(&self, path: &str) -> String {
        self.node().on_machine(path)
    }

    fn clock(&self) -> &dyn Clock {
        self.node().clock()
    }

    fn uid(&self) -> u32 {
        self.node().uid()
    }

    fn lock(&self) -> Result<Box<dyn Lock>, NodeError> {
        let what = self.state_dir() + LOCK;
        self.outside.done((Kind::Written, "lock"), &what, self.node().lock())
    }

    fn is_locked(&self) -> Result<bool, NodeError> {
        let what = self.state_dir() + LOCK;
        self.outside.done((Kind::Read, "look"), &what, self.node().is_locked())
    }

    fn keeper(&self) -> Option<&dyn Keeper> {
        self.node().keeper().map(|_| &self.outside as &dyn Keeper)
    }

    fn kubelet(&self) -> Option<&dyn KubeletView> {
        self.node().kubelet().map(|_| &self.outside as &dyn KubeletView)
    }

    fn programs(&self) -> Option<&dyn Programs> {
        self.node().programs().map(|_| &self.outside as &dyn Programs)
    }

    fn etcd(&self) -> Option<&dyn Etcd> {
        self.node().etcd().map(|_| &self.outside as &dyn Etcd)
    }

    fn kubelet_version(&self, pid: u32) -> Result<Option<String>, NodeError> {
        let result = self.node().kubelet_version(pid);
        let what = format!("/proc/{pid}/exe --version (kubelet)");
        if matches!(result, Ok(None)) {
            result
        } else {
            self.outside.done((Kind::Run, "run"), &what, result)
        }
    }

    fn process_file(&self, pid: u32, path: &str, limit: u64) -> Result<Option<Vec<u8>>, NodeError> {
        let result = self.node().process_file(pid, path, limit);
        if !matches!(result, Ok(None)) {
            let size = result.as_ref().ok().and_then(Option::as_ref).map(Vec::len);
            let what = format!("/proc/{pid}/root{path}");
            self.outside.note((Kind::Read, "read"), &what, size, end(&result));
        }
        result
    }
}
