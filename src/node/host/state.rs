//! The state directory: journals, backups and the lock.
//!
//! Owns who may read and write it: it belongs to the user that runs this program and is closed to
//! everyone else, or it is not used. It is created by the first write, so that a scan leaves no trace.

use std::{
    collections::BTreeMap,
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::files::DirFiles;
use crate::{
    model::FileMeta,
    node::{Clock, DirEntry, Files, LOCK, Lock, NodeError, NodeErrorKind, Stat, atomic},
};

/// Where it lies, within the node's root, unless `--state-dir` says otherwise.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/kube-temper";

/// Mode of the directory itself.
const MODE: u32 = 0o700;

/// How often, and for how long each time, the lock is waited for.
const GLANCES: u32 = 5;
const GLANCE: Duration = Duration::from_millis(10);

/// A directory that may not exist yet.
#[derive(Debug)]
pub(crate) struct StateDir {
    base: Arc<DirFiles>,
    path: String,
    uid: u32,
    opened: Mutex<Option<Arc<DirFiles>>>,
    /// Its name is on the disk, and those of the folders above it.
    flushed: Mutex<bool>,
}

impl StateDir {
    /// The state directory at `path` below `base`, for the user `uid`.
    pub(crate) fn new(base: Arc<DirFiles>, path: &str, uid: u32) -> Self {
        let path = format!("/{}", path.trim_matches('/'));
        Self { base, path, uid, opened: Mutex::new(None), flushed: Mutex::new(false) }
    }

    /// Where it is on this machine.
    pub(crate) fn path(&self) -> PathBuf {
        self.base.path().join(self.path.trim_start_matches('/'))
    }

    /// Whether it is the folder with this device and inode, or lies below it.
    pub(crate) fn lies_in(&self, folder: (u64, u64)) -> Result<bool, NodeError> {
        let named = |error| self.on_machine(error);
        for nearest in Path::new(&self.path).ancestors() {
            let real = match self.base.resolve(&nearest.to_string_lossy()) {
                // What is not there will be made below the nearest folder that is.
                Err(error) if error.is_not_found() => continue,
                real => real.map_err(named)?,
            };
            for above in Path::new(&real).ancestors() {
                let stat = self.base.stat(&above.to_string_lossy()).map_err(named)?;
                if stat.is_some_and(|stat| stat.id == folder) {
                    return Ok(true);
                }
            }
            break;
        }
        Ok(false)
    }

    /// Takes the exclusive lock and writes down who holds it.
    ///
    /// Somebody who only looks ([`StateDir::is_locked`]) is in the way for a moment: that is waited for.
    pub(crate) fn lock(&self, clock: &dyn Clock) -> Result<Box<dyn Lock>, NodeError> {
        let mut looks = 0;
        loop {
            match self.try_lock(clock.now()) {
                Err(NodeError { kind: NodeErrorKind::Locked { .. }, .. }) if looks < GLANCES => {
                    looks += 1;
                    clock.sleep(GLANCE);
                }
                answer => return answer,
            }
        }
    }

    /// Whether somebody holds the lock.
    pub(crate) fn is_locked(&self) -> Result<bool, NodeError> {
        let Some(files) = self.existing()? else { return Ok(false) };
        if files.lstat(LOCK).map_err(|error| self.named(error))?.is_none() {
            return Ok(false);
        }
        let file = files.open_lock(LOCK).map_err(|error| self.named(error))?;
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            // Dropped at once: nobody is kept out for longer than this call.
            Ok(_) => Ok(false),
            Err((_, Errno::EWOULDBLOCK)) => Ok(true),
            Err((_, errno)) => Err(NodeError::io("look at", &self.name_of(LOCK), &errno.into())),
        }
    }

    fn try_lock(&self, now: Timestamp) -> Result<Box<dyn Lock>, NodeError> {
        const FILE: &str = LOCK;
        let failed = |error: &std::io::Error| NodeError::io("lock", &self.name_of(FILE), error);
        let file = self.created()?.open_lock(FILE).map_err(|error| self.named(error))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                let pid = std::process::id();
                let command: Vec<String> =
                    std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
                let holder = format!("pid {pid}, {}, since {now:.0}\n", command.join(" "));
                lock.set_len(0).map_err(|error| failed(&error))?;
                lock.rewind().map_err(|error| failed(&error))?;
                lock.write_all(holder.as_bytes()).map_err(|error| failed(&error))?;
                Ok(Box::new(HeldLock { _lock: lock }))
            }
            Err((file, Errno::EWOULDBLOCK)) => {
                let mut holder = String::new();
                // What cannot be read is not known; the lock is held all the same.
                let _ = (&file).take(4096).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "it does not say who it is".to_owned(),
                    text => text.to_owned(),
                };
                Err(NodeError {
                    operation: "lock",
                    path: self.name_of(FILE),
                    kind: NodeErrorKind::Locked { holder },
                })
            }
            Err((_, errno)) => Err(failed(&errno.into())),
        }
    }

    fn existing(&self) -> Result<Option<Arc<DirFiles>>, NodeError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = &*opened {
            return Ok(Some(Arc::clone(files)));
        }
        let files = match self.base.sub_tree(&self.path) {
            Ok(files) => Arc::new(files),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(self.on_machine(error)),
        };
        self.check(files.lstat("/").map_err(|error| self.named(error))?)?;
        *opened = Some(Arc::clone(&files));
        Ok(Some(files))
    }

    /// Backups hold what only root may read, and a journal that others can write could undo anything.
    fn check(&self, stat: Option<Stat>) -> Result<(), NodeError> {
        let kind = match stat {
            Some(stat) if stat.uid != self.uid && stat.uid == 0 => NodeErrorKind::Denied,
            Some(stat) if stat.uid != self.uid => NodeErrorKind::Other(format!(
                "it belongs to uid {} and not to uid {}, who runs this: give it back or name another --state-dir",
                stat.uid, self.uid
            )),
            Some(stat) if stat.mode & 0o077 != 0 => NodeErrorKind::Other(format!(
                "its mode is {:04o}, open to others: look at what is in it, then chmod 0700 it",
                stat.mode
            )),
            Some(_) => return Ok(()),
            None => NodeErrorKind::NotFound,
        };
        Err(NodeError { operation: "use the state directory", path: self.name_of("/"), kind })
    }

    fn created(&self) -> Result<Arc<DirFiles>, NodeError> {
        let mut flushed = self.flushed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = self.existing()?.filter(|_| *flushed) {
            return Ok(files);
        }
        atomic::make_folders(&*self.base, &self.path, MODE)
            .map_err(|error| self.on_machine(error))?;
        *flushed = true;
        self.existing()?.ok_or_else(|| NodeError {
            operation: "create the state directory",
            path: self.name_of("/"),
            kind: NodeErrorKind::NotFound,
        })
    }

    /// The path a person can go and look at.
    fn name_of(&self, path: &str) -> String {
        let inside = path.trim_start_matches('/');
        let whole = if inside.is_empty() { self.path() } else { self.path().join(inside) };
        whole.to_string_lossy().into_owned()
    }

    /// Names a path within the state directory as it is on this machine.
    fn named(&self, error: NodeError) -> NodeError {
        NodeError { path: self.name_of(&error.path), ..error }
    }

    /// Names a path within the base as it is on this machine.
    fn on_machine(&self, error: NodeError) -> NodeError {
        let path = self.base.path().join(error.path.trim_start_matches('/'));
        NodeError { path: path.to_string_lossy().into_owned(), ..error }
    }

    /// Works on what is there; nothing is there before the first write.
    fn inside<T>(
        &self,
        operation: &'static str,
        path: &str,
        work: impl FnOnce(&DirFiles) -> Result<T, NodeError>,
    ) -> Result<T, NodeError> {
        match self.existing()? {
            Some(files) => work(&files).map_err(|error| self.named(error)),
            None => Err(NodeError {
                operation,
                path: self.name_of(path),
                kind: NodeErrorKind::NotFound,
            }),
        }
    }

    /// Works on the directory, which exists from now on.
    fn writing<T>(
        &self,
        work: impl FnOnce(&DirFiles) -> Result<T, NodeError>,
    ) -> Result<T, NodeError> {
        work(&*self.created()?).map_err(|error| self.named(error))
    }
}

/// The lock file stays: a lock on a removed file would exclude nobody.
#[derive(Debug)]
struct HeldLock {
    _lock: Flock<std::fs::File>,
}

impl Lock for HeldLock {}

impl Files for StateDir {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.existing()?.map_or(Ok(None), |files| files.stat(path).map_err(|e| self.named(e)))
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.existing()?.map_or(Ok(None), |files| files.lstat(path).map_err(|e| self.named(e)))
    }

    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        self.inside("resolve", path, |files| files.resolve(path))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        self.inside("read", path, |files| files.read(path, limit))
    }

    fn read_part(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, NodeError> {
        self.inside("read", path, |files| files.read_part(path, offset, length))
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        self.inside("list", path, |files| files.list(path))
    }

    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        self.inside("read the link", path, |files| files.read_link(path))
    }

    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        self.inside("read the extended attributes of", path, |files| files.xattrs(path))
    }

    fn free_space(&self, path: &str) -> Result<u64, NodeError> {
        if let Some(files) = self.existing()? {
            return files.free_space(path).map_err(|error| self.named(error));
        }
        // It will be created below the nearest folder that is there.
        for folder in Path::new(&self.path).ancestors() {
            match self.base.free_space(&folder.to_string_lossy()) {
                Err(error) if error.is_not_found() => {}
                answer => return answer.map_err(|error| self.on_machine(error)),
            }
        }
        self.base.free_space("/").map_err(|error| self.on_machine(error))
    }

    fn create(&self, path: &str, bytes: &[u8], meta: &FileMeta) -> Result<(), NodeError> {
        self.writing(|files| files.create(path, bytes, meta))
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), NodeError> {
        self.writing(|files| files.append(path, bytes))
    }

    fn truncate(&self, path: &str, length: u64) -> Result<(), NodeError> {
        self.inside("cut", path, |files| files.truncate(path, length))
    }

    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        self.inside("flush", path, |files| files.sync_file(path))
    }

    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        self.inside("flush the directory", path, |files| files.sync_dir(path))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        self.inside("rename", from, |files| files.rename(from, to))
    }

    fn set_mode(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.inside("change the mode of", path, |files| files.set_mode(path, mode))
    }

    fn set_owner(&self, path: &str, uid: u32, gid: u32) -> Result<(), NodeError> {
        self.inside("change the owner of", path, |files| files.set_owner(path, uid, gid))
    }

    fn make_dir(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.writing(|files| files.make_dir(path, mode))
    }

    fn remove(&self, path: &str) -> Result<(), NodeError> {
        self.inside("remove", path, |files| files.remove(path))
    }

    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        self.inside("remove", path, |files| files.remove_dir(path))
    }
}
