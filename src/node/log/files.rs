//! A tree of files whose operations are noted.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{End, Kind, Log, Noted, Who, failed};
use crate::{
    model::FileMeta,
    node::{DirEntry, Files, Node, NodeError, Seal, Stat},
};

/// One of the two trees of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Node,
    State,
}

#[derive(Debug)]
pub(super) struct LoggedFiles {
    node: Arc<dyn Node>,
    which: Which,
    /// The state directory, for its own files.
    before: String,
    log: Log,
}

impl LoggedFiles {
    pub(super) fn new(node: &Arc<dyn Node>, which: Which, log: &Log) -> Self {
        let before = match which {
            Which::Node => String::new(),
            Which::State => node.state_dir(),
        };
        Self { node: Arc::clone(node), which, before, log: log.clone() }
    }

    fn inner(&self) -> &dyn Files {
        match self.which {
            Which::Node => self.node.files(),
            Which::State => self.node.state(),
        }
    }

    fn noted<T>(
        &self,
        (kind, verb): (Kind, &'static str),
        what: &str,
        result: Result<T, NodeError>,
        size: impl FnOnce(&T) -> Option<usize>,
    ) -> Result<T, NodeError> {
        let (size, end) = match &result {
            Ok(value) => (size(value).map(|size| size as u64), End::Done),
            Err(error) => (None, failed(&error.kind)),
        };
        let before = &self.before;
        let line = Noted { who: Who::Us, kind, verb, before, what, size, end };
        self.log.note(line, self.node.clock().now());
        result
    }

    fn read<T>(
        &self,
        verb: &'static str,
        what: &str,
        result: Result<T, NodeError>,
    ) -> Result<T, NodeError> {
        self.noted((Kind::Read, verb), what, result, |_| None)
    }

    fn written(
        &self,
        verb: &'static str,
        what: &str,
        size: Option<usize>,
        result: Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        self.noted((Kind::Written, verb), what, result, |()| size)
    }
}

/// Nothing there is an answer; that it is not there is told.
fn seen(result: &Result<Option<Stat>, NodeError>) -> End {
    match result {
        Ok(Some(_)) => End::Done,
        Ok(None) => End::Missing,
        Err(error) => failed(&error.kind),
    }
}

impl LoggedFiles {
    fn looked(
        &self,
        what: &str,
        result: Result<Option<Stat>, NodeError>,
    ) -> Result<Option<Stat>, NodeError> {
        let end = seen(&result);
        let (kind, before) = (Kind::Read, self.before.as_str());
        let line = Noted { who: Who::Us, kind, verb: "look", before, what, size: None, end };
        self.log.note(line, self.node.clock().now());
        result
    }
}

impl Files for LoggedFiles {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.looked(path, self.inner().stat(path))
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.looked(path, self.inner().lstat(path))
    }

    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        self.read("look", path, self.inner().resolve(path))
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        let result = self.inner().read(path, limit);
        self.noted((Kind::Read, "read"), path, result, |bytes| Some(bytes.len()))
    }

    fn read_part(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, NodeError> {
        let result = self.inner().read_part(path, offset, length);
        self.noted((Kind::Read, "read"), path, result, |bytes| Some(bytes.len()))
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        self.read("list", path, self.inner().list(path))
    }

    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        self.read("look", path, self.inner().read_link(path))
    }

    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        self.read("look", path, self.inner().xattrs(path))
    }

    fn modified(&self, path: &str) -> Result<Option<Timestamp>, NodeError> {
        self.read("look", path, self.inner().modified(path))
    }

    fn seal(&self, path: &str) -> Result<Option<Seal>, NodeError> {
        self.read("look", path, self.inner().seal(path))
    }

    fn free_space(&self, path: &str) -> Result<u64, NodeError> {
        self.read("look", path, self.inner().free_space(path))
    }

    fn create(&self, path: &str, bytes: &[u8], meta: &FileMeta) -> Result<(), NodeError> {
        let result = self.inner().create(path, bytes, meta);
        self.written("create", path, Some(bytes.len()), result)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), NodeError> {
        self.written("append", path, Some(bytes.len()), self.inner().append(path, bytes))
    }

    fn truncate(&self, path: &str, length: u64) -> Result<(), NodeError> {
        self.written("cut", path, None, self.inner().truncate(path, length))
    }

    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        self.written("sync", path, None, self.inner().sync_file(path))
    }

    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        self.written("sync", path, None, self.inner().sync_dir(path))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        self.written("rename", to, None, self.inner().rename(from, to))
    }

    fn set_mode(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.written("chmod", path, None, self.inner().set_mode(path, mode))
    }

    fn set_owner(&self, path: &str, uid: u32, gid: u32) -> Result<(), NodeError> {
        self.written("chown", path, None, self.inner().set_owner(path, uid, gid))
    }

    fn make_dir(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.written("mkdir", path, None, self.inner().make_dir(path, mode))
    }

    fn remove(&self, path: &str) -> Result<(), NodeError> {
        self.written("remove", path, None, self.inner().remove(path))
    }

    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        self.written("rmdir", path, None, self.inner().remove_dir(path))
    }
}
