//! An image or a recording under `--root`: nothing runs there, its files are all there is.

mod running;

use std::path::Path;

use super::{
    Clock, Files, Keeper, KubeletView, Lock, Node, NodeError, NodeErrorKind, NodeKind, OpenError,
    host::{DirFiles, ProcessKeeper, Tree},
};

/// A root other than `/`.
#[derive(Debug)]
pub struct OfflineNode {
    tree: Tree,
    kind: NodeKind,
    keeper: Option<ProcessKeeper>,
}

impl OfflineNode {
    /// `--root` with `--offline`: it may be changed. Refused when it belongs to a running system.
    ///
    /// Without `state_dir` the state directory lies inside the root, so that it goes with the image.
    pub fn open(root: &Path, state_dir: Option<&Path>) -> Result<Self, OpenError> {
        let tree = Tree::open(root, state_dir, true)?;
        refuse_running(&tree.files, Path::new("/proc"))?;
        Ok(Self { tree, kind: NodeKind::Offline, keeper: None })
    }

    /// `--root` alone: every operation that writes is refused, in the root and in the state directory.
    pub fn read_only(root: &Path, state_dir: Option<&Path>) -> Result<Self, OpenError> {
        let tree = Tree::open(root, state_dir, false)?;
        Ok(Self { tree, kind: NodeKind::ReadOnlyRoot, keeper: None })
    }

    /// Transactions are carried out by processes of their own, as on a live node: for tests.
    #[must_use]
    pub fn kept_by(mut self, keeper: ProcessKeeper) -> Self {
        self.keeper = Some(keeper);
        self
    }
}

/// An error when `root` belongs to a running system, whose processes are in `proc_dir`.
fn refuse_running(root: &DirFiles, proc_dir: &Path) -> Result<(), OpenError> {
    match running::evidence(root, proc_dir)? {
        None => Ok(()),
        Some(why) => {
            Err(OpenError::Running { root: root.path().to_string_lossy().into_owned(), why })
        }
    }
}

impl Node for OfflineNode {
    fn kind(&self) -> NodeKind {
        self.kind
    }

    fn files(&self) -> &dyn Files {
        &*self.tree.files
    }

    fn state(&self) -> &dyn Files {
        &self.tree.state
    }

    fn state_dir(&self) -> String {
        self.tree.state.path().to_string_lossy().into_owned()
    }

    fn on_machine(&self, path: &str) -> String {
        let root = self.tree.files.path().to_string_lossy();
        format!("{}{path}", root.trim_end_matches('/'))
    }

    fn state_lies_in(&self, folder: &str) -> Result<bool, NodeError> {
        self.tree.state_lies_in(folder)
    }

    fn clock(&self) -> &dyn Clock {
        &self.tree.clock
    }

    fn uid(&self) -> u32 {
        self.tree.uid
    }

    fn lock(&self) -> Result<Box<dyn Lock>, NodeError> {
        if self.kind == NodeKind::ReadOnlyRoot {
            let kind = NodeErrorKind::ReadOnly;
            return Err(NodeError { operation: "lock", path: self.state_dir(), kind });
        }
        self.tree.lock()
    }

    fn is_locked(&self) -> Result<bool, NodeError> {
        self.tree.state.is_locked()
    }

    fn keeper(&self) -> Option<&dyn Keeper> {
        self.keeper.as_ref().map(|keeper| keeper as &dyn Keeper)
    }

    fn kubelet(&self) -> Option<&dyn KubeletView> {
        None
    }

    fn kubelet_version(&self, _pid: u32) -> Result<Option<String>, NodeError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
