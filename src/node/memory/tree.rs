//! The table behind [`super::MemoryFiles`]: clean absolute path to entry.
//!
//! A clean path starts with `/`, has no empty, `.` or `..` part and no link in any part but the last.

use std::collections::BTreeMap;

use super::super::{NodeErrorKind, Stat};
use crate::model::{FileKind, FileMeta};

/// Links followed in one path before it counts as a circle (Linux: `MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    File(Vec<u8>),
    Directory,
    Link(String),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) content: Content,
    pub(super) meta: FileMeta,
    inode: u64,
}

impl Entry {
    pub(super) fn kind(&self) -> FileKind {
        match self.content {
            Content::File(_) => FileKind::File,
            Content::Directory => FileKind::Directory,
            Content::Link(_) => FileKind::Symlink,
        }
    }

    pub(super) fn stat(&self) -> Stat {
        let size = match &self.content {
            Content::File(bytes) => bytes.len(),
            Content::Link(target) => target.len(),
            Content::Directory => 0,
        };
        Stat {
            kind: self.kind(),
            mode: self.meta.mode,
            uid: self.meta.uid,
            gid: self.meta.gid,
            size: size as u64,
            links: 1,
            id: (0, self.inode),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tree {
    entries: BTreeMap<String, Entry>,
    next_inode: u64,
}

/// The folder of a clean path; the root is its own.
pub(super) fn parent_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// A clean path and one more name.
fn join(folder: &str, name: &str) -> String {
    if folder == "/" { format!("/{name}") } else { format!("{folder}/{name}") }
}

/// The beginning of every path below this folder.
fn below(folder: &str) -> String {
    if folder == "/" { folder.to_owned() } else { format!("{folder}/") }
}

/// Without empty and `.` parts; `..` at the root stays there.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

impl Tree {
    pub(super) fn new() -> Self {
        let mut tree = Self { entries: BTreeMap::new(), next_inode: 1 };
        tree.insert("/", Content::Directory, super::meta(0o755));
        tree
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.entries.iter()
    }

    fn insert(&mut self, path: &str, content: Content, meta: FileMeta) {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.entries.insert(path.to_owned(), Entry { content, meta, inode });
    }

    /// Puts an entry with all folders above it, whatever was there.
    pub(super) fn put(&mut self, path: &str, content: Content, meta: FileMeta) {
        let path = clean(path);
        self.remove_tree(&path);
        if path != "/" {
            self.put_parents(&path);
            self.insert(&path, content, meta);
        }
    }

    /// Puts a folder, or changes the metadata of the one that is there.
    pub(super) fn put_dir(&mut self, path: &str, meta: FileMeta) {
        let path = clean(path);
        match self.entries.get_mut(&path) {
            Some(entry) if entry.content == Content::Directory => entry.meta = meta,
            _ => self.put(&path, Content::Directory, meta),
        }
    }

    fn put_parents(&mut self, path: &str) {
        let parent = parent_of(path);
        if self.entries.get(parent).is_none_or(|e| e.content != Content::Directory) {
            self.put(parent, Content::Directory, super::meta(0o755));
        }
    }

    /// Changes an entry at a path taken as written; nothing happens when it does not exist.
    pub(super) fn change(&mut self, path: &str, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(&clean(path)) {
            change(entry);
        }
    }

    /// Removes an entry and everything below it; the root folder itself stays.
    pub(super) fn remove_tree(&mut self, path: &str) {
        let path = clean(path);
        let prefix = below(&path);
        self.entries.retain(|key, _| key == "/" || (*key != path && !key.starts_with(&prefix)));
    }

    /// The clean path with links in every part followed. The last part need not exist.
    pub(super) fn resolve(&self, path: &str) -> Result<String, NodeErrorKind> {
        self.walk(path, true)
    }

    /// The clean path with links followed in every part but the last, which need not exist.
    pub(super) fn locate(&self, path: &str) -> Result<String, NodeErrorKind> {
        self.walk(path, false)
    }

    /// `..` at the root and absolute links stay inside, as in a changed root (`RESOLVE_IN_ROOT`).
    fn walk(&self, path: &str, follow_last: bool) -> Result<String, NodeErrorKind> {
        let mut todo: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut at = "/".to_owned();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    at = parent_of(&at).to_owned();
                    continue;
                }
                _ => {}
            }
            self.directory(&at)?;
            let next = join(&at, &part);
            let last = todo.iter().all(|part| part.is_empty() || part == ".");
            match self.entries.get(&next).map(|entry| &entry.content) {
                Some(Content::Link(target)) if follow_last || !last => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(NodeErrorKind::Escapes);
                    }
                    if target.starts_with('/') {
                        "/".clone_into(&mut at);
                    }
                    todo.extend(target.rsplit('/').map(str::to_owned));
                }
                None if !last => return Err(NodeErrorKind::NotFound),
                _ => at = next,
            }
        }
        Ok(at)
    }

    pub(super) fn entry(&self, path: &str) -> Result<&Entry, NodeErrorKind> {
        self.entries.get(path).ok_or(NodeErrorKind::NotFound)
    }

    pub(super) fn entry_mut(&mut self, path: &str) -> Result<&mut Entry, NodeErrorKind> {
        self.entries.get_mut(path).ok_or(NodeErrorKind::NotFound)
    }

    pub(super) fn file(&self, path: &str) -> Result<&Vec<u8>, NodeErrorKind> {
        match &self.entry(path)?.content {
            Content::File(bytes) => Ok(bytes),
            _ => Err(NodeErrorKind::NotAFile),
        }
    }

    pub(super) fn file_mut(&mut self, path: &str) -> Result<&mut Vec<u8>, NodeErrorKind> {
        match &mut self.entry_mut(path)?.content {
            Content::File(bytes) => Ok(bytes),
            _ => Err(NodeErrorKind::NotAFile),
        }
    }

    /// A folder; anything else is `NotFound`, as the operating system's "not a directory" is.
    pub(super) fn directory(&self, path: &str) -> Result<&Entry, NodeErrorKind> {
        match self.entry(path)? {
            entry if entry.content == Content::Directory => Ok(entry),
            _ => Err(NodeErrorKind::NotFound),
        }
    }

    /// Names directly in a folder, sorted bytewise.
    pub(super) fn children(&self, folder: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let prefix = below(folder);
        let skip = prefix.len();
        self.entries
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .filter_map(move |(path, entry)| {
                let name = path.get(skip..)?;
                (!name.is_empty() && !name.contains('/')).then_some((name, entry))
            })
    }

    pub(super) fn create(
        &mut self,
        path: &str,
        content: Content,
        meta: FileMeta,
    ) -> Result<(), NodeErrorKind> {
        if self.entries.contains_key(path) {
            return Err(NodeErrorKind::Exists);
        }
        self.directory(parent_of(path))?;
        self.insert(path, content, meta);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str) -> Result<(), NodeErrorKind> {
        if self.entry(path)?.content == Content::Directory {
            return Err(NodeErrorKind::NotAFile);
        }
        self.entries.remove(path);
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &str) -> Result<(), NodeErrorKind> {
        if self.entry(path)?.content != Content::Directory {
            return Err(NodeErrorKind::NotFound);
        }
        if self.children(path).next().is_some() {
            return Err(NodeErrorKind::NotEmpty);
        }
        self.entries.remove(path);
        Ok(())
    }

    /// The renamed entry keeps its inode, so whatever it replaces has a new one.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), NodeErrorKind> {
        let source = self.entry(from)?.kind();
        if from == to {
            return Ok(());
        }
        if let Ok(target) = self.entry(to) {
            let is_folder = target.kind() == FileKind::Directory;
            let fits = is_folder == (source == FileKind::Directory);
            if !fits || (is_folder && self.children(to).next().is_some()) {
                return Err(NodeErrorKind::Exists);
            }
        }
        self.entries.remove(to);
        let prefix = below(from);
        let moved: Vec<String> = self
            .entries
            .keys()
            .filter(|key| *key == from || key.starts_with(&prefix))
            .cloned()
            .collect();
        for path in moved {
            let rest = path.strip_prefix(from).unwrap_or_default().to_owned();
            if let Some(entry) = self.entries.remove(&path) {
                self.entries.insert(format!("{to}{rest}"), entry);
            }
        }
        Ok(())
    }
}
