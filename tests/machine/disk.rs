//! A disk that loses power: what was not flushed is gone. A name is on it once its folder was flushed, content and
//! metadata once the file itself was; a file whose name alone is there is empty.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use kube_temper::{
    model::{FileKind, FileMeta},
    node::{
        DirEntry, Files, NodeError, Stat, atomic,
        fault::{Faults, FaultyFiles},
        memory::MemoryFiles,
    },
};

/// What a folder of the disk holds, by inode.
#[derive(Debug, Clone)]
enum Named {
    File(u64, FileMeta),
    Folder(u64, FileMeta),
    Link(String),
}

/// What is left without power.
#[derive(Debug, Default)]
struct Flushed {
    files: BTreeMap<u64, (Vec<u8>, FileMeta)>,
    folders: BTreeMap<u64, (FileMeta, BTreeMap<String, Named>)>,
}

/// A tree in memory with what of it is on the disk.
#[derive(Debug)]
pub(crate) struct Disk {
    tree: Arc<MemoryFiles>,
    flushed: Mutex<Flushed>,
}

impl Disk {
    /// A tree that was there long ago.
    pub(crate) fn new(tree: &MemoryFiles) -> Self {
        let disk = Self { tree: Arc::new(tree.copy()), flushed: Mutex::default() };
        disk.flush_all("/");
        disk
    }

    fn flush_all(&self, folder: &str) {
        self.flush_folder(folder);
        for DirEntry { name, kind } in self.tree.list(folder).unwrap() {
            let path = below(folder, &name);
            match kind {
                FileKind::Directory => self.flush_all(&path),
                FileKind::File => self.flush_file(&path),
                FileKind::Symlink | FileKind::Other => {}
            }
        }
    }

    fn meta(&self, path: &str) -> (u64, FileMeta) {
        let stat = self.tree.lstat(path).unwrap().unwrap();
        let xattrs = self.tree.xattrs(path).unwrap();
        (stat.id.1, FileMeta { mode: stat.mode, uid: stat.uid, gid: stat.gid, xattrs })
    }

    fn flush_file(&self, path: &str) {
        let path = self.tree.resolve(path).unwrap();
        let (inode, meta) = self.meta(&path);
        let bytes = self.tree.read(&path, u64::MAX).unwrap();
        self.flushed.lock().unwrap().files.insert(inode, (bytes, meta));
    }

    fn flush_folder(&self, path: &str) {
        let path = self.tree.resolve(path).unwrap();
        let named = self.tree.list(&path).unwrap().into_iter().map(|DirEntry { name, kind }| {
            let child = below(&path, &name);
            let (inode, meta) = self.meta(&child);
            let named = match kind {
                FileKind::Directory => Named::Folder(inode, meta),
                FileKind::Symlink => Named::Link(self.tree.read_link(&child).unwrap()),
                FileKind::File | FileKind::Other => Named::File(inode, meta),
            };
            (name, named)
        });
        let named = named.collect();
        let (inode, meta) = self.meta(&path);
        self.flushed.lock().unwrap().folders.insert(inode, (meta, named));
    }

    /// What the next start of the machine finds below a folder.
    pub(crate) fn without_power(&self, root: &str) -> MemoryFiles {
        let flushed = self.flushed.lock().unwrap();
        let mut at = Some(self.meta("/").0);
        for part in root.split('/').filter(|part| !part.is_empty()) {
            let inside = at.and_then(|inode| flushed.folders.get(&inode));
            at = inside.and_then(|(_, named)| match named.get(part) {
                Some(Named::Folder(inode, _)) => Some(*inode),
                _ => None,
            });
        }
        let found = MemoryFiles::new();
        if let Some(inode) = at {
            flushed.restore(inode, "/", &found);
        }
        found
    }
}

impl Flushed {
    fn restore(&self, folder: u64, path: &str, into: &MemoryFiles) {
        let inside = self.folders.get(&folder).map(|(_, named)| named);
        for (name, named) in inside.into_iter().flatten() {
            let path = below(path, name);
            match named {
                Named::File(inode, meta) => {
                    let empty = (Vec::new(), meta.clone());
                    let (bytes, meta) = self.files.get(inode).unwrap_or(&empty);
                    into.create(&path, bytes, meta).unwrap();
                }
                Named::Folder(inode, named) => {
                    let meta = self.folders.get(inode).map_or(named, |(meta, _)| meta);
                    into.make_dir(&path, meta.mode).unwrap();
                    into.set_owner(&path, meta.uid, meta.gid).unwrap();
                    self.restore(*inode, &path, into);
                }
                Named::Link(target) => into.put_link(&path, target),
            }
        }
    }
}

fn below(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

impl Files for Disk {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.tree.stat(path)
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.tree.lstat(path)
    }

    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        self.tree.resolve(path)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        self.tree.read(path, limit)
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        self.tree.list(path)
    }

    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        self.tree.read_link(path)
    }

    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        self.tree.xattrs(path)
    }

    fn free_space(&self, path: &str) -> Result<u64, NodeError> {
        self.tree.free_space(path)
    }

    fn create(&self, path: &str, bytes: &[u8], meta: &FileMeta) -> Result<(), NodeError> {
        self.tree.create(path, bytes, meta)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), NodeError> {
        self.tree.append(path, bytes)
    }

    fn truncate(&self, path: &str, length: u64) -> Result<(), NodeError> {
        self.tree.truncate(path, length)
    }

    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        self.tree.sync_file(path)?;
        self.flush_file(path);
        Ok(())
    }

    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        self.tree.sync_dir(path)?;
        self.flush_folder(path);
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        self.tree.rename(from, to)
    }

    fn set_mode(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.tree.set_mode(path, mode)
    }

    fn set_owner(&self, path: &str, uid: u32, gid: u32) -> Result<(), NodeError> {
        self.tree.set_owner(path, uid, gid)
    }

    fn make_dir(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.tree.make_dir(path, mode)
    }

    fn remove(&self, path: &str) -> Result<(), NodeError> {
        self.tree.remove(path)
    }

    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        self.tree.remove_dir(path)
    }
}

/// A state directory that the first write makes, as it is made on a host; one for each process.
#[derive(Debug)]
pub(crate) struct Below {
    base: Arc<dyn Files>,
    folder: &'static str,
    named: Mutex<bool>,
}

impl Below {
    pub(crate) fn new(disk: Arc<Disk>, folder: &'static str, faults: &Faults) -> Self {
        let base = Arc::new(FaultyFiles::new("state", disk, faults));
        Self { base, folder, named: Mutex::new(false) }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{}", self.folder, path.trim_end_matches('/'))
    }

    fn made(&self) -> Result<(), NodeError> {
        let mut named = self.named.lock().unwrap();
        if !*named {
            atomic::make_folders(self.base.as_ref(), self.folder, 0o700)?;
            *named = true;
        }
        Ok(())
    }
}

impl Files for Below {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.base.stat(&self.at(path))
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.base.lstat(&self.at(path))
    }

    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        let resolved = self.base.resolve(&self.at(path))?;
        Ok(resolved.strip_prefix(self.folder).unwrap().to_owned())
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        self.base.read(&self.at(path), limit)
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        self.base.list(&self.at(path))
    }

    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        self.base.read_link(&self.at(path))
    }

    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        self.base.xattrs(&self.at(path))
    }

    fn free_space(&self, _: &str) -> Result<u64, NodeError> {
        self.base.free_space("/")
    }

    fn create(&self, path: &str, bytes: &[u8], meta: &FileMeta) -> Result<(), NodeError> {
        self.made()?;
        self.base.create(&self.at(path), bytes, meta)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), NodeError> {
        self.made()?;
        self.base.append(&self.at(path), bytes)
    }

    fn truncate(&self, path: &str, length: u64) -> Result<(), NodeError> {
        self.base.truncate(&self.at(path), length)
    }

    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        self.base.sync_file(&self.at(path))
    }

    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        self.base.sync_dir(&self.at(path))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        self.base.rename(&self.at(from), &self.at(to))
    }

    fn set_mode(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.base.set_mode(&self.at(path), mode)
    }

    fn set_owner(&self, path: &str, uid: u32, gid: u32) -> Result<(), NodeError> {
        self.base.set_owner(&self.at(path), uid, gid)
    }

    fn make_dir(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.made()?;
        self.base.make_dir(&self.at(path), mode)
    }

    fn remove(&self, path: &str) -> Result<(), NodeError> {
        self.base.remove(&self.at(path))
    }

    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        self.base.remove_dir(&self.at(path))
    }
}
