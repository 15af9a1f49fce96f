//! The node as it will be: what is planned over what is there. Only read.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{ChangeKind, FileKind, FileMeta, Item, Plan},
    node::{
        Clock, DirEntry, Files, KubeletView, Lock, Node, NodeError, NodeErrorKind, NodeKind, Stat,
    },
};

/// A node with the texts, modes and owners of a plan in place.
#[derive(Debug)]
pub(super) struct Planned<'n> {
    node: &'n dyn Node,
    files: PlannedFiles<'n>,
}

#[derive(Debug)]
struct PlannedFiles<'n> {
    files: &'n dyn Files,
    texts: BTreeMap<&'n str, &'n str>,
    metas: BTreeMap<&'n str, &'n FileMeta>,
    comes: BTreeMap<&'n str, &'n Item>,
    goes: BTreeSet<&'n str>,
}

impl<'n> Planned<'n> {
    pub(super) fn new(node: &'n dyn Node, plan: &'n Plan) -> Self {
        let mut files = PlannedFiles {
            files: node.files(),
            texts: BTreeMap::new(),
            metas: BTreeMap::new(),
            comes: BTreeMap::new(),
            goes: BTreeSet::new(),
        };
        for change in plan.changes() {
            let (path, kind) = (change.path.as_str(), &change.kind);
            files.texts.extend(kind.after().map(|after| (path, after.text.as_str())));
            files.metas.extend(kind.meta_after().map(|meta| (path, meta)));
            match kind {
                ChangeKind::Create { after } => _ = files.comes.insert(path, after),
                ChangeKind::Remove { .. } => _ = files.goes.insert(path),
                ChangeKind::Content { .. } | ChangeKind::Metadata { .. } => {}
            }
        }
        Self { node, files }
    }

    /// The node as it is.
    pub(super) fn node(&self) -> &'n dyn Node {
        self.node
    }
}

impl Node for Planned<'_> {
    fn kind(&self) -> NodeKind {
        self.node.kind()
    }

    fn files(&self) -> &dyn Files {
        &self.files
    }

    fn state(&self) -> &dyn Files {
        self.node.state()
    }

    fn state_dir(&self) -> String {
        self.node.state_dir()
    }

    fn clock(&self) -> &dyn Clock {
        self.node.clock()
    }

    fn uid(&self) -> u32 {
        self.node.uid()
    }

    fn lock(&self) -> Result<Box<dyn Lock>, NodeError> {
        Err(read_only("lock", "/"))
    }

    fn kubelet(&self) -> Option<&dyn KubeletView> {
        self.node.kubelet()
    }

    fn kubelet_version(&self, pid: u32) -> Result<Option<String>, NodeError> {
        self.node.kubelet_version(pid)
    }

    fn process_file(&self, pid: u32, path: &str, limit: u64) -> Result<Option<Vec<u8>>, NodeError> {
        self.node.process_file(pid, path, limit)
    }
}

fn read_only(operation: &'static str, path: &str) -> NodeError {
    NodeError { operation, path: path.to_owned(), kind: NodeErrorKind::ReadOnly }
}

fn kind(item: &Item) -> FileKind {
    if item.file().is_some() { FileKind::File } else { FileKind::Directory }
}

impl PlannedFiles<'_> {
    /// What comes there.
    fn item(&self, path: &str) -> Option<Stat> {
        let item = *self.comes.get(path)?;
        let FileMeta { mode, uid, gid, .. } = *item.meta();
        let size = item.file().map_or(0, |image| image.text.len() as u64);
        Some(Stat { kind: kind(item), mode, uid, gid, size, links: 1, id: (0, 0) })
    }

    /// With mode and owner as they will be.
    fn planned(&self, path: &str, stat: Stat) -> Stat {
        // Changes name files by their resolved paths.
        let resolved = self.files.resolve(path);
        match resolved.ok().and_then(|path| self.metas.get(path.as_str()).copied()) {
            Some(&FileMeta { mode, uid, gid, .. }) => Stat { mode, uid, gid, ..stat },
            None => stat,
        }
    }
}

impl Files for PlannedFiles<'_> {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        if self.goes.contains(path) {
            return Ok(None);
        }
        if let Some(item) = self.item(path) {
            return Ok(Some(item));
        }
        Ok(self.files.stat(path)?.map(|stat| self.planned(path, stat)))
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        if self.goes.contains(path) {
            return Ok(None);
        }
        if let Some(item) = self.item(path) {
            return Ok(Some(item));
        }
        Ok(self.files.lstat(path)?.map(|stat| match stat.kind {
            FileKind::Symlink => stat,
            _ => self.planned(path, stat),
        }))
    }

    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        if self.comes.contains_key(path) {
            return Ok(path.to_owned());
        }
        self.files.resolve(path)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        let resolved = self.resolve(path);
        match resolved.ok().and_then(|path| self.texts.get(path.as_str()).copied()) {
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => self.files.read(path, limit),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        let mut entries = match self.files.list(path) {
            Err(_) if self.comes.contains_key(path) => Vec::new(),
            listed => listed?,
        };
        let goes = |name: &str| self.goes.contains(format!("{path}/{name}").as_str());
        entries.retain(|entry| !goes(&entry.name));
        let new = self.comes.iter().filter_map(|(item, comes)| {
            let name = item.strip_prefix(path)?.strip_prefix('/')?;
            (!name.contains('/')).then(|| DirEntry { name: name.to_owned(), kind: kind(comes) })
        });
        entries.extend(new);
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        self.files.read_link(path)
    }

    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        self.files.xattrs(path)
    }

    fn free_space(&self, path: &str) -> Result<u64, NodeError> {
        self.files.free_space(path)
    }

    fn create(&self, path: &str, _: &[u8], _: &FileMeta) -> Result<(), NodeError> {
        Err(read_only("create", path))
    }

    fn append(&self, path: &str, _: &[u8]) -> Result<(), NodeError> {
        Err(read_only("append to", path))
    }

    fn truncate(&self, path: &str, _: u64) -> Result<(), NodeError> {
        Err(read_only("cut", path))
    }

    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        Err(read_only("sync", path))
    }

    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        Err(read_only("sync", path))
    }

    fn rename(&self, from: &str, _: &str) -> Result<(), NodeError> {
        Err(read_only("rename", from))
    }

    fn set_mode(&self, path: &str, _: u32) -> Result<(), NodeError> {
        Err(read_only("change the mode of", path))
    }

    fn set_owner(&self, path: &str, _: u32, _: u32) -> Result<(), NodeError> {
        Err(read_only("change the owner of", path))
    }

    fn make_dir(&self, path: &str, _: u32) -> Result<(), NodeError> {
        Err(read_only("create", path))
    }

    fn remove(&self, path: &str) -> Result<(), NodeError> {
        Err(read_only("remove", path))
    }

    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        Err(read_only("remove", path))
    }
}
