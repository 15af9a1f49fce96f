//! Faults for tests: the n-th writing operation fails, or the process dies before or after it.
//!
//! Owns [`Faults`], which counts the writing operations of every tree it was given to, and
//! [`FaultyFiles`], which asks it before each. It must not change what an operation does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::{DirEntry, Files, NodeError, NodeErrorKind, Seal, Stat};
use crate::model::FileMeta;

/// What goes wrong, at which writing operation (the first is 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: operations are only counted.
    Never,
    /// This operation fails and does nothing; later ones work.
    Fails {
        /// Which.
        at: u64,
        /// How.
        kind: NodeErrorKind,
    },
    /// This operation and every later one that needs space fails (a disk that stays full, a file
    /// system that turned read-only); reading works.
    FailsFrom {
        /// Which.
        at: u64,
        /// How.
        kind: NodeErrorKind,
    },
    /// The process dies before this operation: it and everything later, reading too, is
    /// [`NodeErrorKind::Died`].
    DiesBefore {
        /// Which.
        at: u64,
    },
    /// This operation takes effect, then the process dies.
    DiesAfter {
        /// Which.
        at: u64,
    },
    /// Half of the bytes of this append or create reach the disk, then the process dies; with any
    /// other operation it dies before.
    Torn {
        /// Which.
        at: u64,
    },
}

/// A writing operation that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The name its tree was given.
    pub tree: &'static str,
    /// The method's name: `rename`, `sync_dir`.
    pub name: &'static str,
    /// Its path; for a rename the target.
    pub path: String,
}

/// The fault and the count, shared by all trees of one process; its clones are one.
#[derive(Debug, Clone)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    fault: Fault,
    dead: bool,
    log: Vec<Operation>,
}

/// What an operation has to do.
enum Verdict {
    Go,
    Fail(NodeErrorKind),
    /// Take effect, then be dead.
    GoThenDie,
    /// Take half effect, then be dead.
    Half,
}

impl Faults {
    /// Counts from now on.
    pub fn new(fault: Fault) -> Self {
        Self { state: Arc::new(Mutex::new(State { fault, dead: false, log: Vec::new() })) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writing operations asked for so far, those that failed too.
    pub fn count(&self) -> u64 {
        self.state().log.len() as u64
    }

    /// Those operations.
    pub fn log(&self) -> Vec<Operation> {
        self.state().log.clone()
    }

    /// The process dies now.
    pub fn die(&self) {
        self.state().dead = true;
    }

    /// The process has died.
    pub fn dead(&self) -> bool {
        self.state().dead
    }

    fn alive(&self, operation: &'static str, path: &str) -> Result<(), NodeError> {
        if self.state().dead { Err(died(operation, path)) } else { Ok(()) }
    }

    fn next(&self, operation: Operation, needs_space: bool) -> Verdict {
        let mut state = self.state();
        if state.dead {
            return Verdict::Fail(NodeErrorKind::Died);
        }
        let torn = matches!(operation.name, "append" | "create");
        state.log.push(operation);
        let now = state.log.len() as u64;
        let verdict = match &state.fault {
            Fault::Fails { at, kind } if *at == now => Verdict::Fail(kind.clone()),
            Fault::FailsFrom { at, kind }
                if *at == now
                    || (*at < now && (needs_space || *kind == NodeErrorKind::ReadOnly)) =>
            {
                Verdict::Fail(kind.clone())
            }
            Fault::DiesBefore { at } if *at == now => Verdict::Fail(NodeErrorKind::Died),
            Fault::DiesAfter { at } if *at == now => Verdict::GoThenDie,
            Fault::Torn { at } if *at == now && torn => Verdict::Half,
            Fault::Torn { at } if *at == now => Verdict::Fail(NodeErrorKind::Died),
            _ => Verdict::Go,
        };
        state.dead = matches!(
            verdict,
            Verdict::Fail(NodeErrorKind::Died) | Verdict::GoThenDie | Verdict::Half
        );
        verdict
    }
}

fn died(operation: &'static str, path: &str) -> NodeError {
    NodeError { operation, path: path.to_owned(), kind: NodeErrorKind::Died }
}

/// A tree whose writing operations can fail.
#[derive(Debug, Clone)]
pub struct FaultyFiles {
    tree: &'static str,
    inner: Arc<dyn Files>,
    faults: Faults,
}

impl FaultyFiles {
    /// Puts `faults` in front of a tree; `tree` names it in the log.
    pub fn new(tree: &'static str, inner: Arc<dyn Files>, faults: &Faults) -> Self {
        Self { tree, inner, faults: faults.clone() }
    }

    /// Runs one writing operation; `half` is what remains of it when it is torn.
    fn write(
        &self,
        name: &'static str,
        path: &str,
        whole: impl FnOnce(&dyn Files) -> Result<(), NodeError>,
        half: impl FnOnce(&dyn Files) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        let needs_space = matches!(name, "create" | "append" | "make_dir");
        let operation = Operation { tree: self.tree, name, path: path.to_owned() };
        match self.faults.next(operation, needs_space) {
            Verdict::Go => whole(self.inner.as_ref()),
            Verdict::Fail(kind) => Err(NodeError { operation: name, path: path.to_owned(), kind }),
            Verdict::GoThenDie => {
                whole(self.inner.as_ref())?;
                Err(died(name, path))
            }
            Verdict::Half => {
                half(self.inner.as_ref())?;
                Err(died(name, path))
            }
        }
    }

    /// An operation that cannot be torn.
    fn whole(
        &self,
        name: &'static str,
        path: &str,
        run: impl FnOnce(&dyn Files) -> Result<(), NodeError>,
    ) -> Result<(), NodeError> {
        self.write(name, path, run, |_| Ok(()))
    }
}

/// The first half of these bytes.
fn half(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len() / 2).unwrap_or_default()
}

impl Files for FaultyFiles {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.faults.alive("stat", path)?;
        self.inner.stat(path)
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.faults.alive("lstat", path)?;
        self.inner.lstat(path)
    }

    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        self.faults.alive("resolve", path)?;
        self.inner.resolve(path)
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        self.faults.alive("read", path)?;
        self.inner.read(path, limit)
    }

    fn read_part(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, NodeError> {
        self.faults.alive("read", path)?;
        self.inner.read_part(path, offset, length)
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        self.faults.alive("list", path)?;
        self.inner.list(path)
    }

    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        self.faults.alive("read_link", path)?;
        self.inner.read_link(path)
    }

    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        self.faults.alive("xattrs", path)?;
        self.inner.xattrs(path)
    }

    fn modified(&self, path: &str) -> Result<Option<Timestamp>, NodeError> {
        self.faults.alive("modified", path)?;
        self.inner.modified(path)
    }

    fn seal(&self, path: &str) -> Result<Option<Seal>, NodeError> {
        self.faults.alive("seal", path)?;
        self.inner.seal(path)
    }

    fn free_space(&self, path: &str) -> Result<u64, NodeError> {
        self.faults.alive("free_space", path)?;
        self.inner.free_space(path)
    }

    fn create(&self, path: &str, bytes: &[u8], meta: &FileMeta) -> Result<(), NodeError> {
        self.write(
            "create",
            path,
            |files| files.create(path, bytes, meta),
            |files| files.create(path, half(bytes), meta),
        )
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), NodeError> {
        self.write(
            "append",
            path,
            |files| files.append(path, bytes),
            |files| files.append(path, half(bytes)),
        )
    }

    fn truncate(&self, path: &str, length: u64) -> Result<(), NodeError> {
        self.whole("truncate", path, |files| files.truncate(path, length))
    }

    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        self.whole("sync_file", path, |files| files.sync_file(path))
    }

    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        self.whole("sync_dir", path, |files| files.sync_dir(path))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        self.whole("rename", to, |files| files.rename(from, to))
    }

    fn set_mode(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.whole("set_mode", path, |files| files.set_mode(path, mode))
    }

    fn set_owner(&self, path: &str, uid: u32, gid: u32) -> Result<(), NodeError> {
        self.whole("set_owner", path, |files| files.set_owner(path, uid, gid))
    }

    fn make_dir(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        self.whole("make_dir", path, |files| files.make_dir(path, mode))
    }

    fn remove(&self, path: &str) -> Result<(), NodeError> {
        self.whole("remove", path, |files| files.remove(path))
    }

    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        self.whole("remove_dir", path, |files| files.remove_dir(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::memory::MemoryFiles;

    /// Three appends to `/journal`, then one rename; answers how each went.
    fn run(fault: Fault) -> (Vec<Option<NodeErrorKind>>, String, Faults) {
        let memory = Arc::new(MemoryFiles::new().with_file("/x", 0o600, ""));
        let faults = Faults::new(fault);
        let files = FaultyFiles::new("state", memory.clone(), &faults);
        let mut answers = Vec::new();
        for line in ["one\n", "two\n", "three\n"] {
            answers.push(files.append("/journal", line.as_bytes()));
        }
        answers.push(files.rename("/x", "/y"));
        answers.push(files.stat("/y").map(|_| ()));
        let text = memory.read("/journal", 100).unwrap_or_default();
        let kinds = answers.into_iter().map(|a| a.err().map(|e| e.kind)).collect();
        (kinds, String::from_utf8(text).unwrap(), faults)
    }

    #[test]
    fn each_fault_hits_its_operation() {
        let full = || Some(NodeErrorKind::NoSpace);
        let dead = || Some(NodeErrorKind::Died);
        let read_only = || Some(NodeErrorKind::ReadOnly);
        let cases = [
            (Fault::Never, vec![None; 5], "one\ntwo\nthree\n"),
            (
                Fault::Fails { at: 2, kind: NodeErrorKind::NoSpace },
                vec![None, full(), None, None, None],
                "one\nthree\n",
            ),
            (
                Fault::FailsFrom { at: 2, kind: NodeErrorKind::NoSpace },
                vec![None, full(), full(), None, None],
                "one\n",
            ),
            (
                Fault::FailsFrom { at: 3, kind: NodeErrorKind::ReadOnly },
                vec![None, None, read_only(), read_only(), None],
                "one\ntwo\n",
            ),
            (Fault::DiesBefore { at: 2 }, vec![None, dead(), dead(), dead(), dead()], "one\n"),
            (Fault::DiesAfter { at: 2 }, vec![None, dead(), dead(), dead(), dead()], "one\ntwo\n"),
            (Fault::Torn { at: 2 }, vec![None, dead(), dead(), dead(), dead()], "one\ntw"),
            (Fault::Torn { at: 4 }, vec![None, None, None, dead(), dead()], "one\ntwo\nthree\n"),
        ];
        for (fault, want, journal) in cases {
            let (got, text, _) = run(fault.clone());
            assert_eq!(got, want, "{fault:?}");
            assert_eq!(text, journal, "{fault:?}");
        }
    }

    #[test]
    fn the_log_names_what_was_asked() {
        let (_, _, faults) = run(Fault::DiesAfter { at: 4 });
        assert_eq!(faults.count(), 4);
        assert!(faults.dead());
        let log: Vec<_> = faults.log().into_iter().map(|o| (o.tree, o.name, o.path)).collect();
        assert_eq!(log[0], ("state", "append", "/journal".to_owned()));
        assert_eq!(log[3], ("state", "rename", "/y".to_owned()));
    }

    #[test]
    fn two_trees_share_one_count() {
        let faults = Faults::new(Fault::DiesBefore { at: 2 });
        let one = FaultyFiles::new("files", Arc::new(MemoryFiles::new()), &faults);
        let two = FaultyFiles::new("state", Arc::new(MemoryFiles::new()), &faults);
        one.make_dir("/a", 0o700).unwrap();
        assert_eq!(two.make_dir("/b", 0o700).unwrap_err().kind, NodeErrorKind::Died);
        assert_eq!(one.stat("/a").unwrap_err().kind, NodeErrorKind::Died);
    }
}
