//! Reads of one collection: each path is looked at once, and what went wrong is kept.

use std::collections::BTreeMap;

use crate::{
    model::{Digest, FileFact, FileKind, change::LARGEST_TEXT, facts::TextFile},
    node::{DirEntry, Files, NodeError},
};

/// Largest configuration file that is read.
pub(super) const LIMIT: u64 = LARGEST_TEXT as u64;

/// Deepest tree that is walked.
const MAX_DEPTH: usize = 16;

/// The files of a node, with everything that was looked at so far.
#[derive(Debug)]
pub(super) struct Reader<'n> {
    pub(super) files: &'n dyn Files,
    pub(super) facts: BTreeMap<String, FileFact>,
    pub(super) problems: Vec<String>,
}

impl<'n> Reader<'n> {
    pub(super) fn new(files: &'n dyn Files) -> Self {
        Self { files, facts: BTreeMap::new(), problems: Vec::new() }
    }

    /// Looks at a path, once.
    pub(super) fn look(&mut self, path: &str) -> &FileFact {
        let files = self.files;
        self.facts.entry(path.to_owned()).or_insert_with(|| fact(files, path))
    }

    /// Whether there is something, or something that cannot be looked at.
    pub(super) fn is_there(&mut self, path: &str) -> bool {
        !matches!(self.look(path), FileFact::Missing)
    }

    /// Whether a path exists, without recording that it was looked at.
    pub(super) fn has(&self, path: &str) -> bool {
        matches!(self.files.stat(path), Ok(Some(_)))
    }

    /// Whether a path exists, or lies where this user may not look.
    pub(super) fn may_have(&self, path: &str) -> bool {
        !matches!(self.files.stat(path), Ok(None))
    }

    pub(super) fn is_dir(&mut self, path: &str) -> bool {
        matches!(self.look(path), FileFact::Present { kind: FileKind::Directory, .. })
    }

    /// A text file, or why it cannot be read.
    pub(super) fn text(&mut self, path: &str) -> Result<TextFile, String> {
        self.look(path);
        let bytes = self.files.read(path, LIMIT).map_err(|error| why(&error))?;
        let digest = Digest::of(&bytes);
        let text = String::from_utf8(bytes).map_err(|error| {
            format!("it is not text: byte {} is not UTF-8", error.utf8_error().valid_up_to())
        })?;
        let path = self.files.resolve(path).map_err(|error| why(&error))?;
        self.look(&path);
        Ok(TextFile { path, text, digest })
    }

    /// A small text for ourselves; `None` when there is none. Other failures are recorded.
    pub(super) fn note(&mut self, path: &str) -> Option<String> {
        match self.files.read(path, LIMIT) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.is_not_found() => None,
            Err(error) => {
                self.problems.push(error.to_string());
                None
            }
        }
    }

    /// What a file of names parses to; empty when there is none.
    pub(super) fn names(
        &mut self,
        path: &str,
        parse: fn(&str) -> BTreeMap<String, u32>,
    ) -> BTreeMap<String, u32> {
        match self.files.read(path, LIMIT) {
            Ok(bytes) => parse(&String::from_utf8_lossy(&bytes)),
            Err(error) => {
                self.problems.push(error.to_string());
                BTreeMap::new()
            }
        }
    }

    /// The names in a directory; one that cannot be listed is recorded as unreadable, because what is in
    /// it cannot be judged.
    pub(super) fn list(&mut self, path: &str) -> Vec<DirEntry> {
        match self.files.list(path) {
            Ok(entries) => entries,
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => {
                let why = format!("it cannot be listed: {}", why(&error));
                self.facts.insert(path.to_owned(), FileFact::Unreadable { why });
                Vec::new()
            }
        }
    }

    /// Everything below a directory that is not a directory itself, links not followed, and the
    /// directories, itself first; sorted by path component as Go's `WalkDir` does.
    pub(super) fn walk(&mut self, path: &str) -> Walk {
        let mut found = Walk::default();
        self.walk_into(path, &mut found, 0);
        found
    }

    fn walk_into(&mut self, path: &str, found: &mut Walk, depth: usize) {
        found.directories.push(path.to_owned());
        if depth == MAX_DEPTH {
            self.problems.push(format!("{path} is not looked into: it lies too deep"));
            return;
        }
        for DirEntry { name, kind } in self.list(path) {
            let child = join(path, &name);
            match kind {
                FileKind::Directory => self.walk_into(&child, found, depth + 1),
                FileKind::File | FileKind::Symlink | FileKind::Other => {
                    found.files.push((child, kind));
                }
            }
        }
    }
}

/// What is in a tree.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) directories: Vec<String>,
    pub(super) files: Vec<(String, FileKind)>,
}

fn fact(files: &dyn Files, path: &str) -> FileFact {
    let unreadable = |error: &NodeError| FileFact::Unreadable { why: why(error) };
    let stat = match files.stat(path) {
        Ok(Some(stat)) => stat,
        Ok(None) => return FileFact::Missing,
        Err(error) => return unreadable(&error),
    };
    match files.resolve(path) {
        Ok(resolved) => FileFact::Present {
            resolved,
            kind: stat.kind,
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            size: stat.size,
            links: if stat.kind == FileKind::File { stat.links } else { 1 },
        },
        Err(error) => unreadable(&error),
    }
}

/// The reason alone: the path is told by whoever shows it.
pub(super) fn why(error: &NodeError) -> String {
    error.kind.to_string()
}

/// A name in a folder.
pub(super) fn join(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// The folder of a path; `None` for `/` and names without one.
pub(super) fn parent(path: &str) -> Option<&str> {
    match path.trim_end_matches('/').rsplit_once('/')? {
        ("", _) => Some("/"),
        (folder, _) => Some(folder),
    }
}

/// Whether a name ends in `.ending`, letter by letter, as Go's `filepath.Ext` sees it.
pub(super) fn ends_in(path: &str, ending: &str) -> bool {
    base(path).rsplit_once('.').is_some_and(|(_, found)| found == ending)
}

/// The last name of a path.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
