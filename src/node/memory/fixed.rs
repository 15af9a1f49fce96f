//! A node without a kubelet: two trees of files, a virtual clock and a lock in memory.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    super::{
        Clock, Files, KubeletView, Lock, Node, NodeError, NodeErrorKind, NodeKind,
        sim::VirtualClock,
    },
    MemoryFiles,
};

/// A lock in memory: its clones are one lock.
#[derive(Debug, Clone, Default)]
pub struct MemoryLock {
    holder: Arc<Mutex<Option<String>>>,
}

impl MemoryLock {
    /// Takes the lock for `holder`, or says who holds it.
    pub fn take(&self, holder: &str) -> Result<Box<dyn Lock>, NodeError> {
        let mut held = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = held.as_ref() {
            let kind = NodeErrorKind::Locked { holder: holder.clone() };
            return Err(NodeError { operation: "lock", path: "/lock".to_owned(), kind });
        }
        *held = Some(holder.to_owned());
        Ok(Box::new(Held { holder: Arc::clone(&self.holder) }))
    }
}

/// Frees the lock when dropped.
#[derive(Debug)]
struct Held {
    holder: Arc<Mutex<Option<String>>>,
}

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A node of files alone, for tests: kind [`NodeKind::Offline`] and root unless told otherwise.
///
/// A second node over the same trees is the same machine after the process died: its lock is free.
#[derive(Debug, Clone)]
pub struct FixedNode {
    files: Arc<dyn Files>,
    state: Arc<dyn Files>,
    clock: VirtualClock,
    lock: MemoryLock,
    kind: NodeKind,
    uid: u32,
    version: Option<String>,
}

impl FixedNode {
    /// A node over these files, with an empty state directory.
    pub fn new(files: Arc<dyn Files>) -> Self {
        Self::with_state(files, Arc::new(MemoryFiles::new()))
    }

    /// A node over these files and this state directory.
    pub fn with_state(files: Arc<dyn Files>, state: Arc<dyn Files>) -> Self {
        Self {
            files,
            state,
            clock: VirtualClock::default(),
            lock: MemoryLock::default(),
            kind: NodeKind::Offline,
            uid: 0,
            version: None,
        }
    }

    /// The same node as another kind of machine.
    #[must_use]
    pub fn of_kind(mut self, kind: NodeKind) -> Self {
        self.kind = kind;
        self
    }

    /// The same node, run by another user.
    #[must_use]
    pub fn run_by(mut self, uid: u32) -> Self {
        self.uid = uid;
        self
    }

    /// The same node with this answer to `kubelet --version`.
    #[must_use]
    pub fn with_kubelet_version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// Its clock, to move it.
    pub fn virtual_clock(&self) -> &VirtualClock {
        &self.clock
    }
}

impl Node for FixedNode {
    fn kind(&self) -> NodeKind {
        self.kind
    }

    fn files(&self) -> &dyn Files {
        self.files.as_ref()
    }

    fn state(&self) -> &dyn Files {
        self.state.as_ref()
    }

    fn state_dir(&self) -> String {
        "/var/lib/kube-temper".to_owned()
    }

    fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    fn uid(&self) -> u32 {
        self.uid
    }

    fn lock(&self) -> Result<Box<dyn Lock>, NodeError> {
        self.lock.take("another run in this process")
    }

    fn kubelet(&self) -> Option<&dyn KubeletView> {
        None
    }

    fn kubelet_version(&self, _pid: u32) -> Result<Option<String>, NodeError> {
        Ok(self.version.clone())
    }
}
