//! What the running node and an offline root have in common: a directory, a state directory, a clock.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    clock::SystemClock,
    files::DirFiles,
    state::{DEFAULT_STATE_DIR, StateDir},
};
use crate::node::NodeError;

/// The parts of a node that lies in a directory of this machine.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) files: Arc<DirFiles>,
    pub(crate) state: StateDir,
    pub(crate) clock: SystemClock,
    pub(crate) uid: u32,
}

impl Tree {
    /// Opens `root`. Without `state_dir` the state directory lies inside the root; with it, where it says.
    pub(crate) fn open(
        root: &Path,
        state_dir: Option<&Path>,
        writable: bool,
    ) -> Result<Self, NodeError> {
        let open = |path: &Path| {
            if writable { DirFiles::open(path) } else { DirFiles::read_only(path) }
        };
        let uid = nix::unistd::geteuid().as_raw();
        let files = Arc::new(open(&absolute(root)?)?);
        let state = match state_dir {
            None => StateDir::new(Arc::clone(&files), DEFAULT_STATE_DIR, uid),
            Some(path) => {
                let path = absolute(path)?;
                StateDir::new(Arc::new(open(Path::new("/"))?), &path.to_string_lossy(), uid)
            }
        };
        Ok(Self { files, state, clock: SystemClock::new(), uid })
    }
}

fn absolute(path: &Path) -> Result<PathBuf, NodeError> {
    std::path::absolute(path)
        .map_err(|error| NodeError::io("find", &path.to_string_lossy(), &error))
}
