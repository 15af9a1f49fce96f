//! A tree of files in memory: any user can run it, owners and modes are a table.
//!
//! Owns [`MemoryFiles`] and its comparable [`Snapshot`]. It behaves as root on a plain Linux file
//! system, without times and without permissions: nothing is ever denied. It must not know what the
//! files mean.

mod fixed;
mod snapshot;
#[cfg(test)]
mod tests;
mod tree;

pub use fixed::{FixedNode, MemoryLock};
pub use snapshot::{Snapshot, SnapshotEntry};

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use self::tree::{Content, Entry, Tree, parent_of};
use super::{DirEntry, Files, NodeError, NodeErrorKind, Stat};
use crate::model::{FileKind, FileMeta};

/// Free bytes of a new tree.
const FREE_SPACE: u64 = 10 << 30;

/// How often data was flushed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncCount {
    /// Calls of [`Files::sync_file`] that succeeded.
    pub files: u64,
    /// Calls of [`Files::sync_dir`] that succeeded.
    pub dirs: u64,
}

/// Files in memory.
pub struct MemoryFiles {
    state: Mutex<State>,
}

struct State {
    tree: Tree,
    syncs: SyncCount,
    free: u64,
}

impl Default for MemoryFiles {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryFiles").field("entries", &self.state().tree.len()).finish()
    }
}

impl MemoryFiles {
    /// A tree that holds only its root folder, mode 0755.
    pub fn new() -> Self {
        let state = State { tree: Tree::new(), syncs: SyncCount::default(), free: FREE_SPACE };
        Self { state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds or replaces a file of root; missing folders appear with mode 0755.
    #[must_use]
    pub fn with_file(self, path: &str, mode: u32, bytes: impl AsRef<[u8]>) -> Self {
        self.put_file(path, mode, bytes);
        self
    }

    /// Adds a folder of root, or changes its mode; missing folders above appear with mode 0755.
    #[must_use]
    pub fn with_dir(self, path: &str, mode: u32) -> Self {
        self.put_dir(path, mode);
        self
    }

    /// Adds or replaces a symbolic link of root.
    #[must_use]
    pub fn with_link(self, path: &str, target: &str) -> Self {
        self.put_link(path, target);
        self
    }

    /// Gives a path that exists another owner; the path is taken as written, links are not followed.
    #[must_use]
    pub fn with_owner(self, path: &str, uid: u32, gid: u32) -> Self {
        self.state().tree.change(path, |entry| {
            entry.meta.uid = uid;
            entry.meta.gid = gid;
        });
        self
    }

    /// Gives a path that exists an extended attribute; links are not followed.
    #[must_use]
    pub fn with_xattr(self, path: &str, name: &str, value: &[u8]) -> Self {
        self.put_xattr(path, name, value);
        self
    }

    /// As [`Self::with_xattr`], on a shared tree.
    pub fn put_xattr(&self, path: &str, name: &str, value: &[u8]) {
        self.state().tree.change(path, |entry| {
            entry.meta.xattrs.insert(name.to_owned(), value.to_vec());
        });
    }

    /// As [`Self::with_file`], on a shared tree. An existing file becomes a new one (new inode, owner root).
    pub fn put_file(&self, path: &str, mode: u32, bytes: impl AsRef<[u8]>) {
        self.state().tree.put(path, Content::File(bytes.as_ref().to_vec()), meta(mode));
    }

    /// As [`Self::with_dir`], on a shared tree.
    pub fn put_dir(&self, path: &str, mode: u32) {
        self.state().tree.put_dir(path, meta(mode));
    }

    /// As [`Self::with_link`], on a shared tree.
    pub fn put_link(&self, path: &str, target: &str) {
        self.state().tree.put(path, Content::Link(target.to_owned()), meta(0o777));
    }

    /// Puts an entry with owner, as recordings need it.
    pub(super) fn put_owned(&self, path: &str, content: Recorded, meta: FileMeta) {
        let mut state = self.state();
        match content {
            Recorded::Directory => state.tree.put_dir(path, meta),
            Recorded::File(bytes) => state.tree.put(path, Content::File(bytes), meta),
            Recorded::Link(target) => state.tree.put(path, Content::Link(target), meta),
        }
    }

    /// Removes a path and everything below it; nothing happens when it does not exist.
    pub fn remove_tree(&self, path: &str) {
        self.state().tree.remove_tree(path);
    }

    /// Sets what [`Files::free_space`] answers. Writes do not use it up.
    pub fn set_free_space(&self, bytes: u64) {
        self.state().free = bytes;
    }

    /// How often data was flushed so far.
    pub fn sync_count(&self) -> SyncCount {
        self.state().syncs
    }

    /// Everything in the tree, to compare with another moment.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.state().tree)
    }

    /// A second tree with the same content, independent of this one.
    #[must_use]
    pub fn copy(&self) -> Self {
        let state = self.state();
        let copy =
            State { tree: state.tree.clone(), syncs: SyncCount::default(), free: state.free };
        Self { state: Mutex::new(copy) }
    }
}

/// What a recording holds at a path.
pub(super) enum Recorded {
    /// A folder.
    Directory,
    /// A file with these bytes.
    File(Vec<u8>),
    /// A link to this target.
    Link(String),
}

/// Mode of an entry of root.
fn meta(mode: u32) -> FileMeta {
    FileMeta { mode: mode & 0o7777, uid: 0, gid: 0, xattrs: BTreeMap::new() }
}

/// Puts the operation and the path of the caller into an error.
fn named<'c>(
    operation: &'static str,
    path: &'c str,
) -> impl Fn(NodeErrorKind) -> NodeError + use<'c> {
    move |kind| NodeError { operation, path: path.to_owned(), kind }
}

/// Nothing there is an answer, not an error.
fn optional<T>(result: Result<T, NodeErrorKind>) -> Result<Option<T>, NodeErrorKind> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(NodeErrorKind::NotFound) => Ok(None),
        Err(kind) => Err(kind),
    }
}

impl Files for MemoryFiles {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        let state = self.state();
        let found = state.tree.resolve(path).and_then(|real| state.tree.entry(&real));
        optional(found.map(Entry::stat)).map_err(named("look at", path))
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        let state = self.state();
        let found = state.tree.locate(path).and_then(|real| state.tree.entry(&real));
        optional(found.map(Entry::stat)).map_err(named("look at", path))
    }

    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        let state = self.state();
        let real = state.tree.resolve(path).map_err(named("resolve", path))?;
        state.tree.entry(&real).map_err(named("resolve", path))?;
        Ok(real)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        let state = self.state();
        let real = state.tree.resolve(path).map_err(named("read", path))?;
        let bytes = state.tree.file(&real).map_err(named("read", path))?;
        if bytes.len() as u64 > limit {
            return Err(named("read", path)(NodeErrorKind::TooLarge { limit }));
        }
        Ok(bytes.clone())
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        let state = self.state();
        let real = state.tree.resolve(path).map_err(named("list", path))?;
        let entry = state.tree.entry(&real).map_err(named("list", path))?;
        if entry.kind() != FileKind::Directory {
            return Err(named("list", path)(NodeErrorKind::Other("it is not a folder".to_owned())));
        }
        Ok(state
            .tree
            .children(&real)
            .map(|(name, entry)| DirEntry { name: name.to_owned(), kind: entry.kind() })
            .collect())
    }

    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        let state = self.state();
        let found = state.tree.locate(path).and_then(|real| state.tree.entry(&real));
        let entry = found.map_err(named("read the link", path))?;
        if let Content::Link(target) = &entry.content {
            return Ok(target.clone());
        }
        let kind = NodeErrorKind::Other("it is not a link".to_owned());
        Err(named("read the link", path)(kind))
    }

    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        let state = self.state();
        let found = state.tree.locate(path).and_then(|real| state.tree.entry(&real));
        Ok(found.map_err(named("read the attributes of", path))?.meta.xattrs.clone())
    }

    fn free_space(&self, path: &str) -> Result<u64, NodeError> {
        let state = self.state();
        let real = state.tree.resolve(path).map_err(named("measure", path))?;
        state.tree.entry(&real).map_err(named("measure", path))?;
        Ok(state.free)
    }

    fn create(&self, path: &str, bytes: &[u8], meta: &FileMeta) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.locate(path).map_err(named("create", path))?;
        let content = Content::File(bytes.to_vec());
        state.tree.create(&real, content, meta.clone()).map_err(named("create", path))
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.resolve(path).map_err(named("append to", path))?;
        if state.tree.entry(&real).is_err() {
            let content = Content::File(bytes.to_vec());
            return state
                .tree
                .create(&real, content, meta(0o600))
                .map_err(named("append to", path));
        }
        let file = state.tree.file_mut(&real).map_err(named("append to", path))?;
        file.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&self, path: &str, length: u64) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.resolve(path).map_err(named("truncate", path))?;
        let file = state.tree.file_mut(&real).map_err(named("truncate", path))?;
        file.resize(usize::try_from(length).unwrap_or(usize::MAX).min(file.len()), 0);
        Ok(())
    }

    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.resolve(path).map_err(named("sync", path))?;
        state.tree.file(&real).map_err(named("sync", path))?;
        state.syncs.files += 1;
        Ok(())
    }

    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.resolve(path).map_err(named("sync", path))?;
        state.tree.directory(&real).map_err(named("sync", path))?;
        state.syncs.dirs += 1;
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        let mut state = self.state();
        let source = state.tree.locate(from).map_err(named("rename", from))?;
        let target = state.tree.locate(to).map_err(named("rename", to))?;
        if parent_of(&source) != parent_of(&target) {
            let kind = NodeErrorKind::Other(format!("{to} is in another folder"));
            return Err(named("rename", from)(kind));
        }
        state.tree.rename(&source, &target).map_err(named("rename", from))
    }

    fn set_mode(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.locate(path).map_err(named("change the mode of", path))?;
        let entry = state.tree.entry_mut(&real).map_err(named("change the mode of", path))?;
        if entry.kind() == FileKind::Symlink {
            return Err(named("change the mode of", path)(NodeErrorKind::NotAFile));
        }
        entry.meta.mode = mode & 0o7777;
        Ok(())
    }

    fn set_owner(&self, path: &str, uid: u32, gid: u32) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.locate(path).map_err(named("change the owner of", path))?;
        let entry = state.tree.entry_mut(&real).map_err(named("change the owner of", path))?;
        entry.meta.uid = uid;
        entry.meta.gid = gid;
        Ok(())
    }

    fn make_dir(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.locate(path).map_err(named("create", path))?;
        state.tree.create(&real, Content::Directory, meta(mode)).map_err(named("create", path))
    }

    fn remove(&self, path: &str) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.locate(path).map_err(named("remove", path))?;
        state.tree.remove(&real).map_err(named("remove", path))
    }

    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        let mut state = self.state();
        let real = state.tree.locate(path).map_err(named("remove the directory", path))?;
        state.tree.remove_dir(&real).map_err(named("remove the directory", path))
    }
}
