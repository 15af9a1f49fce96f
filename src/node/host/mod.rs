//! The running node ([`HostNode`]), and plain directory trees ([`DirFiles`]).

mod attributes;
mod clock;
mod confined;
mod etcd;
mod files;
mod http;
mod keeper;
mod kubelet;
mod pace;
mod program;
pub(super) mod programs;
mod run;
#[cfg(test)]
mod script;
mod seal;
mod service;
mod state;
mod tree;

#[cfg(test)]
#[path = "../../../tests/stub/server.rs"]
mod stub;

use std::{path::Path, sync::Arc, time::Duration};

pub use clock::SystemClock;
pub use confined::{COMMAND as CONFINED, NotConfined, enter as enter_confinement};
pub use files::DirFiles;
pub use keeper::{ProcessKeeper, Systemd};
#[cfg(feature = "failpoints")]
pub(crate) use pace::VARIABLE as PACE;
pub use state::DEFAULT_STATE_DIR;
pub(crate) use tree::Tree;

use self::{etcd::HostEtcd, kubelet::HostKubelet, programs::HostPrograms};
use super::{
    Clock, Etcd, Files, Keeper, KubeletView, Lock, Node, NodeError, NodeErrorKind, NodeKind,
    Programs,
};

/// How long `kubelet --version` may take; it takes some 100 ms.
const VERSION_DEADLINE: Duration = Duration::from_secs(5);

/// The node this program runs on.
#[derive(Debug)]
pub struct HostNode {
    tree: Tree,
    kubelet: HostKubelet,
    etcd: HostEtcd,
    programs: HostPrograms,
    keeper: Option<ProcessKeeper>,
    /// The kubelet does not run yet, and is not to be waited for.
    at_boot: bool,
}

impl HostNode {
    /// Opens `/`, with the state directory given or [`DEFAULT_STATE_DIR`]. Creates nothing.
    pub fn open(state_dir: Option<&Path>) -> Result<Self, NodeError> {
        let tree = Tree::open(Path::new("/"), state_dir, true)?;
        let kubelet = HostKubelet::new(Arc::clone(&tree.files), tree.clock);
        let etcd = HostEtcd::new(Arc::clone(&tree.files));
        let state_dir = tree.state.path();
        let programs = HostPrograms::new(Arc::clone(&tree.files), state_dir);
        Ok(Self { tree, kubelet, etcd, programs, keeper: None, at_boot: false })
    }

    /// Tries programs by way of another program than this one: it must know the command [`CONFINED`].
    #[must_use]
    pub fn launched_by(mut self, launcher: &Path) -> Self {
        self.programs.launched_by(launcher);
        self
    }

    /// The machine starts: unless the kubelet runs already nobody asks it anything, as on an image.
    #[must_use]
    pub fn at_boot(mut self) -> Self {
        self.at_boot = !self.kubelet.healthy();
        self
    }

    /// Transactions are carried out by processes of their own, which this starts.
    #[must_use]
    pub fn kept_by(mut self, keeper: ProcessKeeper) -> Self {
        self.keeper = Some(keeper);
        self
    }
}

impl Node for HostNode {
    fn kind(&self) -> NodeKind {
        NodeKind::Live
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
        self.tree.lock()
    }

    fn is_locked(&self) -> Result<bool, NodeError> {
        self.tree.state.is_locked()
    }

    fn keeper(&self) -> Option<&dyn Keeper> {
        self.keeper.as_ref().map(|keeper| keeper as &dyn Keeper)
    }

    fn kubelet(&self) -> Option<&dyn KubeletView> {
        (!self.at_boot).then_some(&self.kubelet as &dyn KubeletView)
    }

    fn programs(&self) -> Option<&dyn Programs> {
        Some(&self.programs)
    }

    fn etcd(&self) -> Option<&dyn Etcd> {
        (!self.at_boot).then_some(&self.etcd as &dyn Etcd)
    }

    fn kubelet_version(&self, pid: u32) -> Result<Option<String>, NodeError> {
        // The pid may belong to another program by now; only a kubelet is ever run.
        let exe = format!("/proc/{pid}/exe");
        let target = self.tree.files.read_link(&exe)?;
        let target = target.strip_suffix(" (deleted)").unwrap_or(&target);
        if target.rsplit('/').next() != Some("kubelet") {
            let kind = NodeErrorKind::Other(format!("it is {target} and no kubelet"));
            return Err(NodeError { operation: "ask for the version of", path: exe, kind });
        }
        program::version(&exe, VERSION_DEADLINE, &SystemClock::new()).map(Some)
    }

    fn process_file(&self, pid: u32, path: &str, limit: u64) -> Result<Option<Vec<u8>>, NodeError> {
        let root = format!("/proc/{pid}/root");
        DirFiles::read_only(Path::new(&root))?.read(path, limit).map(Some)
    }
}
