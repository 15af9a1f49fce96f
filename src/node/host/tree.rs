//! What the running node and an offline root have in common: a directory, a state directory, a clock.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::{
    clock::SystemClock,
    files::DirFiles,
    state::{DEFAULT_STATE_DIR, StateDir},
};
use crate::node::{Files as _, Lock, NodeError, NodeErrorKind};

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
        Ok(Self { files, state, clock: SystemClock::of_node(), uid })
    }

    /// By their paths, and by what is there: a link or a second mount is no way around.
    pub(crate) fn state_lies_in(&self, folder: &str) -> Result<bool, NodeError> {
        let named = self.files.path().join(folder.trim_start_matches('/'));
        if self.state.path().starts_with(named) {
            return Ok(true);
        }
        match self.files.stat(folder)? {
            Some(stat) => self.state.lies_in(stat.id),
            None => Ok(false),
        }
    }

    /// Takes the lock of the root itself and that of the state directory, which says who holds it: two runs
    /// with different state directories must not change one node.
    pub(crate) fn lock(&self) -> Result<Box<dyn Lock>, NodeError> {
        let path = self.files.path();
        let failed = |error: &std::io::Error| NodeError::io("lock", &path.to_string_lossy(), error);
        #[allow(
            clippy::disallowed_methods,
            reason = "the directory itself is locked, nothing is read"
        )]
        let root = std::fs::File::open(path).map_err(|error| failed(&error))?;
        match Flock::lock(root, FlockArg::LockExclusiveNonblock) {
            Ok(root) => {
                let state = self.state.lock(&self.clock)?;
                Ok(Box::new(Both { _state: state, _root: root }))
            }
            Err((_, Errno::EWOULDBLOCK)) => {
                // Most often it is a run with this very state directory, and its lock file names it.
                if self.state.lstat("/")?.is_some() {
                    self.state.lock(&self.clock).map(drop)?;
                }
                Err(NodeError {
                    operation: "lock",
                    path: path.to_string_lossy().into_owned(),
                    kind: NodeErrorKind::Locked {
                        holder: "it works on this root with another --state-dir".to_owned(),
                    },
                })
            }
            Err((_, errno)) => Err(failed(&errno.into())),
        }
    }
}

/// State directory and root, locked.
#[derive(Debug)]
struct Both {
    _state: Box<dyn Lock>,
    _root: Flock<std::fs::File>,
}

impl Lock for Both {}

fn absolute(path: &Path) -> Result<PathBuf, NodeError> {
    std::path::absolute(path)
        .map_err(|error| NodeError::io("find", &path.to_string_lossy(), &error))
}
