//! The files of a simulated node: every look at them lets the simulated kubelet catch up with the
//! clock first, and every change in its manifest folder is told to it, as inotify would.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;

use super::{
    super::{DirEntry, Files, NodeError, NodeErrorKind, Stat, memory::MemoryFiles, recording},
    Shared,
    world::World,
};
use crate::model::FileMeta;

/// The tree of a [`super::SimNode`].
#[derive(Debug)]
pub(super) struct SimFiles {
    shared: Arc<Shared>,
    /// When a content was changed since the simulation began.
    modified: Mutex<BTreeMap<String, Timestamp>>,
}

/// What inotify tells of a name in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touch {
    /// Created, moved in, written, or its mode changed.
    Written,
    /// Removed or moved out.
    Removed,
}

impl SimFiles {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), modified: Mutex::default() }
    }

    fn look<T>(&self, look: impl FnOnce(&MemoryFiles) -> T) -> T {
        let world = self.shared.world();
        look(&world.tree)
    }

    fn change(
        &self,
        change: impl FnOnce(&MemoryFiles) -> Result<(), NodeError>,
        touched: &[(&str, Touch)],
    ) -> Result<(), NodeError> {
        let mut world = self.shared.world();
        let world: &mut World = &mut world;
        change(&world.tree)?;
        for (path, touch) in touched {
            world.touched(path, *touch);
        }
        Ok(())
    }
}

impl SimFiles {
    /// Another content, and for a new or vanished name another content of its folder.
    fn wrote(&self, path: &str, name: bool) {
        let now = self.shared.clock.now();
        let mut modified = self.modified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((folder, _)) = path.rsplit_once('/').filter(|_| name) {
            modified.insert(folder.to_owned(), now);
        }
        modified.insert(path.to_owned(), now);
    }
}

impl Files for SimFiles {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.look(|tree| tree.stat(path))
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.look(|tree| tree.lstat(path))
    }

    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        self.look(|tree| tree.resolve(path))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        let world = self.shared.world();
        if path == "/proc/uptime" {
            world.table.set_uptime(world.now);
        }
        let bytes = world.tree.read(path, limit)?;
        if bytes.trim_ascii_end() == recording::LEFT_OUT {
            let kind = NodeErrorKind::LeftOut;
            return Err(NodeError { operation: "read", path: path.to_owned(), kind });
        }
        Ok(bytes)
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        self.look(|tree| tree.list(path))
    }

    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        self.look(|tree| tree.read_link(path))
    }

    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        self.look(|tree| tree.xattrs(path))
    }

    fn modified(&self, path: &str) -> Result<Option<Timestamp>, NodeError> {
        let path = self.resolve(path)?;
        let modified = self.modified.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(modified.get(&path).copied())
    }

    fn free_space(&self, path: &str) -> Result<u64, NodeError> {
        self.look(|tree| tree.free_space(path))
    }

    fn create(&self, path: &str, bytes: &[u8], meta: &FileMeta) -> Result<(), NodeError> {
        self.change(|tree| tree.create(path, bytes, meta), &[(path, Touch::Written)])?;
        self.wrote(path, true);
        Ok(())
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), NodeError> {
        self.change(|tree| tree.append(path, bytes), &[(path, Touch::Written)])?;
        self.wrote(path, false);
        Ok(())
    }

    fn truncate(&self, path: &str, length: u64) -> Result<(), NodeError> {
        self.change(|tree| tree.truncate(path, length), &[(path, Touch::Written)])?;
        self.wrote(path, false);
        Ok(())
    }

    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        self.change(|tree| tree.sync_file(path), &[])
    }

    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        self.change(|tree| tree.sync_dir(path), &[])
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        let touched = [(from, Touch::Removed), (to, Touch::Written)];
        self.change(|tree| tree.rename(from, to), &touched)?;
        self.wrote(to, true);
        Ok(())
    }

    fn set_mode(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.change(|tree| tree.set_mode(path, mode), &[(path, Touch::Written)])
    }

    fn set_owner(&self, path: &str, uid: u32, gid: u32) -> Result<(), NodeError> {
        self.change(|tree| tree.set_owner(path, uid, gid), &[(path, Touch::Written)])
    }

    fn make_dir(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.change(|tree| tree.make_dir(path, mode), &[])
    }

    fn remove(&self, path: &str) -> Result<(), NodeError> {
        self.change(|tree| tree.remove(path), &[(path, Touch::Removed)])?;
        self.wrote(path, true);
        Ok(())
    }

    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        self.change(|tree| tree.remove_dir(path), &[])
    }
}
