//! Floor 2: the only door to the host.
//!
//! [`Node`] is what the rest of the program knows of the machine: its files, its state directory,
//! its clock, its lock and (where there is one to ask) its kubelet. [`host::HostNode`] is the running
//! node, [`offline::OfflineNode`] an image or recording under `--root`, [`sim::SimNode`] a recorded
//! tree in memory with a simulated kubelet.

use std::{collections::BTreeMap, fmt, io, path::Path, time::Duration};

use jiff::Timestamp;

use crate::model::{Component, FileKind, FileMeta, TransactionId, facts::Probe};

/// A failed operation: what was done, to what, and how it failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation} {path}: {kind}")]
pub struct NodeError {
    /// A verb phrase: `read`, `rename`, `change the mode of`.
    pub operation: &'static str,
    /// The path, within its root.
    pub path: String,
    /// How it failed.
    pub kind: NodeErrorKind,
}

/// How an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum NodeErrorKind {
    #[error("no such file or directory")]
    NotFound,
    #[error("permission denied ({})", what_denies())]
    Denied,
    #[error("read-only file system")]
    ReadOnly,
    #[error("no space left on device")]
    NoSpace,
    #[error("it already exists")]
    Exists,
    #[error("there is something in it")]
    NotEmpty,
    #[error("a link in it leads out of the root, or in circles")]
    Escapes,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it is larger than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("another run holds the lock ({holder})")]
    Locked { holder: String },
    /// Only in recordings: their private keys are not part of them.
    #[error("it was left out of this recording")]
    LeftOut,
    /// Only in tests: the process died here, nothing after it happens.
    #[error("the process died")]
    Died,
    #[error("{0}")]
    Other(String),
}

/// What a person can do about a denied permission.
fn what_denies() -> &'static str {
    if nix::unistd::geteuid().is_root() {
        "also to root: it may be immutable, see 'lsattr', or a security module forbids it"
    } else {
        "run as root"
    }
}

impl NodeError {
    /// Wraps an operating system error.
    pub fn io(operation: &'static str, path: &str, error: &io::Error) -> Self {
        let kind = match error.raw_os_error() {
            Some(code) if code == nix::libc::EROFS => NodeErrorKind::ReadOnly,
            Some(code) if code == nix::libc::ENOSPC => NodeErrorKind::NoSpace,
            Some(code) if code == nix::libc::ELOOP || code == nix::libc::EXDEV => {
                NodeErrorKind::Escapes
            }
            _ => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => NodeErrorKind::NotFound,
                io::ErrorKind::PermissionDenied => NodeErrorKind::Denied,
                io::ErrorKind::AlreadyExists => NodeErrorKind::Exists,
                io::ErrorKind::DirectoryNotEmpty => NodeErrorKind::NotEmpty,
                _ => NodeErrorKind::Other(error.to_string()),
            },
        };
        Self { operation, path: path.to_owned(), kind }
    }

    /// The path does not exist.
    pub fn is_not_found(&self) -> bool {
        self.kind == NodeErrorKind::NotFound
    }
}

/// What `stat` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// What it is.
    pub kind: FileKind,
    /// `mode & 0o7777`.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// How many names it has in its file system; 1 on simulated nodes.
    pub links: u64,
    /// Device and inode; `(0, n)` on simulated nodes.
    pub id: (u64, u64),
}

/// What keeps even root from changing a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// Nothing of it may be changed (`chattr +i`).
    Immutable,
    /// A file may only grow, a folder only get more names (`chattr +a`).
    AppendOnly,
    /// It lies on a file system that is mounted read-only.
    ReadOnly,
    /// Something is mounted on it: its name cannot be given to another file.
    Mount,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name.
    pub name: String,
    /// What it is, links not followed.
    pub kind: FileKind,
}

/// A tree of files below one root. Paths are absolute within it; `..` and links never leave it.
///
/// Every method that writes is one operation: it has happened or it has not. [`atomic::replace`]
/// is composed of them, so the crash tests can stop between any two.
pub trait Files: fmt::Debug + Send + Sync {
    /// Follows links. `Ok(None)` when there is nothing.
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError>;
    /// Does not follow a link in the last component. `Ok(None)` when there is nothing.
    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError>;
    /// The path with every link resolved.
    fn resolve(&self, path: &str) -> Result<String, NodeError>;
    /// The whole content of a regular file, refused above `limit` bytes. Links are followed.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError>;
    /// At most `length` bytes of a regular file from `offset` on; fewer only at its end. Links are followed.
    fn read_part(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, NodeError> {
        let bytes = self.read(path, u64::MAX)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.into_iter().skip(from).take(length).collect())
    }
    /// The names in a directory, sorted bytewise, without `.` and `..`.
    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError>;
    /// Where a link points, as written.
    fn read_link(&self, path: &str) -> Result<String, NodeError>;
    /// Extended attributes; links are not followed.
    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError>;
    /// When the content of a file, or the names in a folder, last changed, by the node's clock; links are
    /// followed. `None` where that is not known.
    fn modified(&self, path: &str) -> Result<Option<Timestamp>, NodeError> {
        let _ = path;
        Ok(None)
    }
    /// What keeps even root from changing it; a link in the last component is not followed. `None` where nothing
    /// does, or that is not known.
    fn seal(&self, path: &str) -> Result<Option<Seal>, NodeError> {
        let _ = path;
        Ok(None)
    }
    /// Bytes free to root on the file system of `path`.
    fn free_space(&self, path: &str) -> Result<u64, NodeError>;

    /// Creates a new file with this content and metadata; fails when the name exists. Not yet synced.
    fn create(&self, path: &str, bytes: &[u8], meta: &FileMeta) -> Result<(), NodeError>;
    /// Appends to a file, creating it with mode 0600.
    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), NodeError>;
    /// Cuts a file to `length` bytes (a torn journal line).
    fn truncate(&self, path: &str, length: u64) -> Result<(), NodeError>;
    /// Flushes a file to the disk.
    fn sync_file(&self, path: &str) -> Result<(), NodeError>;
    /// Flushes a directory to the disk.
    fn sync_dir(&self, path: &str) -> Result<(), NodeError>;
    /// Renames over whatever is there, within one directory.
    fn rename(&self, from: &str, to: &str) -> Result<(), NodeError>;
    /// Changes permission bits; never follows a link in the last component.
    fn set_mode(&self, path: &str, mode: u32) -> Result<(), NodeError>;
    /// Changes owner and group; never follows a link in the last component. The kernel then drops
    /// set-uid and set-gid bits: a mode that must stay is set afterwards.
    fn set_owner(&self, path: &str, uid: u32, gid: u32) -> Result<(), NodeError>;
    /// Creates a directory; fails when the name exists.
    fn make_dir(&self, path: &str, mode: u32) -> Result<(), NodeError>;
    /// Removes a file or link.
    fn remove(&self, path: &str) -> Result<(), NodeError>;
    /// Removes a directory in which there is nothing.
    fn remove_dir(&self, path: &str) -> Result<(), NodeError>;
}

/// Time, so that tests own it.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Wall clock.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits. On a virtual clock: lets that much time pass at once.
    fn sleep(&self, duration: Duration);
    /// The moment that lies this much before now, as the kernel counts in `/proc`.
    fn ago(&self, age: Duration) -> Option<Timestamp> {
        self.now().checked_sub(age).ok()
    }
}

/// What kind of machine this is; it decides what may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// The running node (`/`).
    Live,
    /// Another root without `--offline`: read only.
    ReadOnlyRoot,
    /// Another root with `--offline`: an image or recording; files decide.
    Offline,
    /// A recorded tree with a simulated kubelet.
    Simulated,
}

/// The lock within the state directory; where it is a file, its text says who holds it.
pub const LOCK: &str = "/lock";

/// Held while this run may write; released when dropped.
pub trait Lock: fmt::Debug + Send {}

/// What carries a transaction on when the command that began it is gone.
pub trait Keeper: fmt::Debug + Send + Sync {
    /// Starts `kube-temper guard <id>` in a process of its own, and says what it is.
    ///
    /// Called again in between (`between`), where nothing but a session of its own keeps it from the terminal.
    fn start_guard(&self, id: &TransactionId, between: bool) -> Result<String, NodeError>;
    /// Makes this process the guard: it is not ended by a closed terminal or by Ctrl-C, and among the last
    /// when memory runs out.
    fn shield(&self);
    /// Arms something that runs `kube-temper recover <id>` again and again, first after `pause`, until it is
    /// disarmed; says what it is. `None` where there is nothing of the kind.
    fn arm(&self, id: &TransactionId, pause: Duration) -> Result<Option<String>, NodeError>;
    /// Disarms it. It is no error when it was not armed.
    fn disarm(&self, id: &TransactionId) -> Result<(), NodeError>;
}

/// What the kubelet itself says of a static pod's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodStatus {
    /// Pod uid (config hash) the status speaks of.
    pub pod: String,
    /// The startup probe has succeeded.
    pub started: bool,
    /// The readiness probe succeeds.
    pub ready: bool,
    /// Restarts of the container in this pod.
    pub restarts: u32,
}

/// How a probe without credentials was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeAnswer {
    /// With this HTTP status; a TCP probe that connects counts as 200.
    Status(u16),
    /// Connection refused.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The connection was made and led to nothing: reset, no TLS, no HTTP, unreachable.
    Broken,
}

impl ProbeAnswer {
    /// What the kubelet counts as success: 200 to 399.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Status(200..=399))
    }
}

/// What the service manager says of the kubelet's unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceState {
    /// `ActiveState`: `active`, `activating`, `failed`.
    pub active: String,
    /// `SubState`: `running`, `auto-restart`.
    pub sub: String,
    /// `NRestarts`: restarts by the service manager itself since it last was started by hand.
    pub restarts: u32,
    /// `ExecMainPID`: the process it started last.
    pub pid: Option<u32>,
}

/// The node's kubelet, where there is one this version can ask.
pub trait KubeletView: fmt::Debug + Send + Sync {
    /// Its verdict on a component's static pod; `None` when it knows no such pod or cannot say yet.
    fn pod_status(&self, component: Component) -> Result<Option<PodStatus>, NodeError>;
    /// Runs the container's own probe, without credentials.
    fn probe(&self, probe: &Probe) -> ProbeAnswer;
    /// Restarts the kubelet so that it reads its configuration again.
    fn restart(&self) -> Result<(), NodeError>;
    /// An error says why it could not be restarted.
    fn can_restart(&self) -> Result<(), NodeError> {
        Ok(())
    }
    /// Its own health endpoint (`:10248/healthz`) answers.
    fn healthy(&self) -> bool;
    /// The end of what its service said since then, oldest first; `None` where nobody kept it.
    fn log(&self, since: Timestamp) -> Result<Option<String>, NodeError> {
        let _ = since;
        Ok(None)
    }
    /// What the service manager says of its unit; `None` where there is none to ask.
    fn service(&self) -> Result<Option<ServiceState>, NodeError> {
        Ok(None)
    }
}

/// A Kubernetes node.
pub trait Node: fmt::Debug + Send + Sync {
    /// What kind of machine this is.
    fn kind(&self) -> NodeKind;
    /// The node's own files.
    fn files(&self) -> &dyn Files;
    /// The state directory (`/var/lib/kube-temper`), which may lie outside the node's root.
    fn state(&self) -> &dyn Files;
    /// Where the state directory is, as a person names it.
    fn state_dir(&self) -> String;
    /// Whether the state directory is this folder of the node, or lies below it; also where neither is there yet.
    fn state_lies_in(&self, folder: &str) -> Result<bool, NodeError> {
        Ok(Path::new(&self.state_dir()).starts_with(self.on_machine(folder)))
    }
    /// One of the node's files as a person at this machine names it: below `--root` when there is one.
    fn on_machine(&self, path: &str) -> String {
        path.to_owned()
    }
    /// The clock.
    fn clock(&self) -> &dyn Clock;
    /// Effective user id of this process.
    fn uid(&self) -> u32;
    /// Takes the exclusive lock of the state directory, or says who holds it.
    fn lock(&self) -> Result<Box<dyn Lock>, NodeError>;
    /// Somebody holds the lock: looks without taking it from anybody.
    fn is_locked(&self) -> Result<bool, NodeError> {
        match self.lock() {
            Ok(_) => Ok(false),
            Err(NodeError { kind: NodeErrorKind::Locked { .. }, .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }
    /// What starts and watches the processes that carry transactions out; `None` where a thread does.
    fn keeper(&self) -> Option<&dyn Keeper> {
        None
    }
    /// The kubelet to ask; `None` where it cannot be asked (offline).
    fn kubelet(&self) -> Option<&dyn KubeletView>;
    /// The components' own programs, to be tried; `None` where programs are not run.
    fn programs(&self) -> Option<&dyn Programs> {
        None
    }
    /// This node's member of etcd, to be asked; `None` where nothing runs.
    fn etcd(&self) -> Option<&dyn Etcd> {
        None
    }
    /// Output of `kubelet --version` of the running kubelet; `None` where programs are not run.
    fn kubelet_version(&self, pid: u32) -> Result<Option<String>, NodeError>;
    /// A file as a process sees it, within the root of its container; `None` where processes are not
    /// running, so that there is no container to look into.
    fn process_file(&self, pid: u32, path: &str, limit: u64) -> Result<Option<Vec<u8>>, NodeError> {
        let _ = (pid, path, limit);
        Ok(None)
    }
}

/// Why a node was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// `--offline` on a running system: it would be changed without gates. Refused before any write (exit 20).
    #[error(
        "--offline is for images and recordings, and {root} belongs to a running system ({why}): leave --offline away, or run on the node itself without --root"
    )]
    Running {
        /// The root that was named.
        root: String,
        /// What shows that it runs.
        why: String,
    },
    /// The root or the state directory cannot be used.
    #[error(transparent)]
    Node(#[from] NodeError),
}

pub use etcd::{Etcd, EtcdError};
pub use programs::{Programs, Trial};

pub mod atomic;
pub mod collect;
pub mod etcd;
pub mod failpoint;
pub mod fault;
pub mod host;
pub mod log;
pub mod memory;
pub mod offline;
mod programs;
pub mod recording;
pub mod sim;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_somebody_who_is_not_root_is_told_to_run_it_as_root() {
        let denied = io::Error::from_raw_os_error(nix::libc::EPERM);
        let said = NodeError::io("rename", "/etc/kubernetes/manifests/x", &denied).to_string();
        let root = nix::unistd::geteuid().is_root();
        assert_eq!(said.contains("lsattr"), root, "{said}");
        assert_eq!(said.contains("run as root"), !root, "{said}");
    }
}
