//! A directory of this machine as a tree of files.
//!
//! Owns every system call on a node's files. Each path is resolved by the kernel as if the directory
//! were the root (`openat2`, `RESOLVE_IN_ROOT`): absolute links and `..` stay below it, links that only
//! the kernel can make (`/proc/PID/root`) are not followed. It must not decide what to write.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, Write},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nix::{
    dir::{Dir, Type},
    errno::Errno,
    fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat, renameat},
    sys::{
        stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, fstat, fstatat, mkdirat},
        statfs::{FsType, fstatfs},
        statvfs::fstatvfs,
    },
    unistd::{Gid, Uid, UnlinkatFlags, fchownat, fsync, ftruncate, unlinkat},
};

use super::{attributes, pace::Pace, seal};
use crate::{
    model::{FileKind, FileMeta},
    node::{DirEntry, Files, NodeError, NodeErrorKind, Seal, Stat},
};

/// As many links as the kernel follows in one path.
const MAX_LINKS: usize = 40;

/// A tree of files below one directory.
#[derive(Debug)]
pub struct DirFiles {
    root: OwnedFd,
    path: PathBuf,
    writable: bool,
    confined: bool,
}

/// Wraps a failed system call.
fn failed(operation: &'static str, path: &str, errno: Errno) -> NodeError {
    NodeError::io(operation, path, &io::Error::from(errno))
}

/// An error of our own making.
fn refused(operation: &'static str, path: &str, kind: NodeErrorKind) -> NodeError {
    NodeError { operation, path: path.to_owned(), kind }
}

/// Splits a path into its folder and its last name; `None` when there is no last name to act on.
fn split(path: &str) -> Option<(&str, &str)> {
    let trimmed = path.trim_end_matches('/');
    let (folder, name) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
    let folder = if folder.is_empty() { "/" } else { folder };
    (!matches!(name, "" | "." | "..")).then_some((folder, name))
}

/// What a mode says a file is.
fn kind_of(mode: u32) -> FileKind {
    match SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits()) {
        SFlag::S_IFREG => FileKind::File,
        SFlag::S_IFDIR => FileKind::Directory,
        SFlag::S_IFLNK => FileKind::Symlink,
        _ => FileKind::Other,
    }
}

fn stat_of(stat: &FileStat) -> Stat {
    Stat {
        kind: kind_of(stat.st_mode),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        links: stat.st_nlink,
        id: (stat.st_dev, stat.st_ino),
    }
}

impl DirFiles {
    /// Opens a directory of this machine as a root that may be written.
    pub fn open(path: &Path) -> Result<Self, NodeError> {
        Self::open_with(path, true)
    }

    /// Opens a directory of this machine as a root; every writing operation is refused.
    pub fn read_only(path: &Path) -> Result<Self, NodeError> {
        Self::open_with(path, false)
    }

    fn open_with(path: &Path, writable: bool) -> Result<Self, NodeError> {
        let text = path.to_string_lossy();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open(path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOTDIR => {
                let reason = "it is not a directory".to_owned();
                refused("open", &text, NodeErrorKind::Other(reason))
            }
            _ => failed("open", &text, errno),
        })?;
        Self::of(root, path.to_owned(), writable)
    }

    /// `root` is confined by `openat2`; only the real `/` can do without it, on kernels before 5.6.
    fn of(root: OwnedFd, path: PathBuf, writable: bool) -> Result<Self, NodeError> {
        let mut files = Self { root, path, writable, confined: true };
        match files.open_at(".", OFlag::O_PATH, Mode::empty()) {
            Ok(_) => Ok(files),
            Err(Errno::ENOSYS) if files.path == Path::new("/") => {
                files.confined = false;
                Ok(files)
            }
            Err(Errno::ENOSYS) => {
                let reason = "this kernel cannot confine paths to a directory (openat2, Linux 5.6)";
                let kind = NodeErrorKind::Other(reason.to_owned());
                Err(refused("open", &files.path.to_string_lossy(), kind))
            }
            Err(errno) => Err(failed("open", &files.path.to_string_lossy(), errno)),
        }
    }

    /// The directory on this machine.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A directory in this tree as a tree of its own, with the same right to write. A link in the last
    /// component is refused.
    pub(crate) fn sub_tree(&self, path: &str) -> Result<Self, NodeError> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let root = self.open_at(path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::ENOTDIR => self.not_a_directory(path),
            _ => failed("open", path, errno),
        })?;
        Self::of(root, self.path.join(path.trim_start_matches('/')), self.writable)
    }

    fn not_a_directory(&self, path: &str) -> NodeError {
        match self.lstat(path) {
            Ok(Some(_)) => {
                let reason = "it is not a directory".to_owned();
                refused("open", path, NodeErrorKind::Other(reason))
            }
            _ => refused("open", path, NodeErrorKind::NotFound),
        }
    }

    /// Opens for a lock: created with mode 0600, never through a link.
    pub(crate) fn open_lock(&self, path: &str) -> Result<File, NodeError> {
        self.may_write("lock", path)?;
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let fd = self.open_at(path, flags, mode).map_err(|errno| failed("lock", path, errno))?;
        Self::regular(fd, "lock", path).map(|(file, _)| file)
    }

    /// The type of the file system a path lies on; `Ok(None)` when there is nothing.
    pub(crate) fn file_system(&self, path: &str) -> Result<Option<FsType>, NodeError> {
        match self.open_at(path, OFlag::O_PATH, Mode::empty()) {
            Ok(fd) => {
                let stat =
                    fstatfs(&fd).map_err(|e| failed("look at the file system of", path, e))?;
                Ok(Some(stat.filesystem_type()))
            }
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(errno) => Err(failed("look at", path, errno)),
        }
    }

    fn open_at(&self, path: &str, flags: OFlag, mode: Mode) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlag::O_CLOEXEC;
        let path = if path.is_empty() { "/" } else { path };
        if !self.confined {
            return openat(&self.root, path, flags, mode);
        }
        let how = OpenHow::new()
            .flags(flags)
            .mode(mode)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        // EAGAIN: something was renamed while the kernel walked through `..`.
        let mut tries = 0;
        loop {
            match openat2(&self.root, path, how) {
                Err(Errno::EAGAIN | Errno::EINTR) if tries < 100 => tries += 1,
                answer => return answer,
            }
        }
    }

    fn may_write(&self, operation: &'static str, path: &str) -> Result<(), NodeError> {
        if self.writable { Ok(()) } else { Err(refused(operation, path, NodeErrorKind::ReadOnly)) }
    }

    /// The folder of `path` and the name in it, for an operation that acts on the name.
    fn parent<'p>(
        &self,
        operation: &'static str,
        path: &'p str,
    ) -> Result<(OwnedFd, &'p str), NodeError> {
        self.may_write(operation, path)?;
        let Some((folder, name)) = split(path) else {
            let reason = "it is not the name of a file".to_owned();
            return Err(refused(operation, path, NodeErrorKind::Other(reason)));
        };
        let fd = self
            .open_at(folder, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())
            .map_err(|errno| failed(operation, path, errno))?;
        Ok((fd, name))
    }

    /// Like [`Self::parent`], for changes of metadata: `/` is its own folder, and a link is refused.
    fn entry<'p>(
        &self,
        operation: &'static str,
        path: &'p str,
    ) -> Result<(OwnedFd, &'p str), NodeError> {
        self.may_write(operation, path)?;
        let (folder, name) = split(path).unwrap_or((path, "."));
        let fd = self
            .open_at(folder, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())
            .map_err(|errno| failed(operation, path, errno))?;
        let stat = fstatat(&fd, name, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|errno| failed(operation, path, errno))?;
        match kind_of(stat.st_mode) {
            FileKind::File | FileKind::Directory => Ok((fd, name)),
            FileKind::Symlink | FileKind::Other => {
                Err(refused(operation, path, NodeErrorKind::NotAFile))
            }
        }
    }

    /// The open file, refused when it is not a regular one.
    fn regular(
        fd: OwnedFd,
        operation: &'static str,
        path: &str,
    ) -> Result<(File, Stat), NodeError> {
        let stat = stat_of(&fstat(&fd).map_err(|errno| failed(operation, path, errno))?);
        if stat.kind == FileKind::File {
            Ok((File::from(fd), stat))
        } else {
            Err(refused(operation, path, NodeErrorKind::NotAFile))
        }
    }

    /// Opens an existing regular file, through links.
    fn open_to_read(&self, operation: &'static str, path: &str) -> Result<(File, Stat), NodeError> {
        // Opening a device can already do something, so what it is comes first.
        let stat = self.stat(path)?;
        let stat = stat.ok_or_else(|| refused(operation, path, NodeErrorKind::NotFound))?;
        if stat.kind != FileKind::File {
            return Err(refused(operation, path, NodeErrorKind::NotAFile));
        }
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let fd = self
            .open_at(path, flags, Mode::empty())
            .map_err(|errno| failed(operation, path, errno))?;
        Self::regular(fd, operation, path)
    }

    /// Opens an existing regular file for an operation that changes it; never through a link.
    fn open_to_change(
        &self,
        operation: &'static str,
        path: &str,
        flags: OFlag,
    ) -> Result<(File, Stat), NodeError> {
        self.may_write(operation, path)?;
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let mode = if flags.contains(OFlag::O_CREAT) {
            Mode::S_IRUSR | Mode::S_IWUSR
        } else {
            Mode::empty()
        };
        let fd = self
            .open_at(path, flags, mode)
            .map_err(|errno| self.changed(operation, path, errno))?;
        Self::regular(fd, operation, path)
    }

    /// A link, a fifo without reader or a directory where a regular file was expected.
    fn changed(&self, operation: &'static str, path: &str, errno: Errno) -> NodeError {
        let is_file = self.lstat(path).ok().flatten().is_none_or(|s| s.kind == FileKind::File);
        if is_file {
            failed(operation, path, errno)
        } else {
            refused(operation, path, NodeErrorKind::NotAFile)
        }
    }

    fn stat_with(&self, path: &str, flags: OFlag) -> Result<Option<Stat>, NodeError> {
        match self.open_at(path, OFlag::O_PATH | flags, Mode::empty()) {
            Ok(fd) => match fstat(&fd) {
                Ok(stat) => Ok(Some(stat_of(&stat))),
                Err(errno) => Err(failed("look at", path, errno)),
            },
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(errno) => Err(failed("look at", path, errno)),
        }
    }
}

impl Files for DirFiles {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.stat_with(path, OFlag::empty())
    }

    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.stat_with(path, OFlag::O_NOFOLLOW)
    }

    fn modified(&self, path: &str) -> Result<Option<Timestamp>, NodeError> {
        match self.open_at(path, OFlag::O_PATH, Mode::empty()) {
            Ok(fd) => {
                let stat = fstat(&fd).map_err(|errno| failed("look at", path, errno))?;
                let nanoseconds = i32::try_from(stat.st_mtime_nsec).unwrap_or_default();
                let modified = Timestamp::new(stat.st_mtime, nanoseconds).ok();
                Ok(modified.map(|real| Pace::of_node().shown(real)))
            }
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(errno) => Err(failed("look at", path, errno)),
        }
    }

    fn seal(&self, path: &str) -> Result<Option<Seal>, NodeError> {
        const OPERATION: &str = "look at the attributes of";
        let open = |flags| self.open_at(path, flags | OFlag::O_NOFOLLOW, Mode::empty());
        let fd = open(OFlag::O_PATH).map_err(|errno| failed(OPERATION, path, errno))?;
        let readable = || open(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY);
        seal::of(fd, readable).map_err(|error| NodeError::io(OPERATION, path, &error))
    }

    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        let mut rest: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut done = String::new();
        let mut links = 0;
        while let Some(name) = rest.pop() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    done.truncate(done.rfind('/').unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let next = format!("{done}/{name}");
            match self.lstat(&next)? {
                None => return Err(refused("resolve", path, NodeErrorKind::NotFound)),
                Some(stat) if stat.kind == FileKind::Symlink => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(refused("resolve", path, NodeErrorKind::Escapes));
                    }
                    let target = self.read_link(&next)?;
                    if target.starts_with('/') {
                        done.clear();
                    }
                    rest.extend(target.rsplit('/').map(str::to_owned));
                }
                Some(_) => done = next,
            }
        }
        Ok(if done.is_empty() { "/".to_owned() } else { done })
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        const OPERATION: &str = "read";
        let (file, stat) = self.open_to_read(OPERATION, path)?;
        if stat.size > limit {
            return Err(refused(OPERATION, path, NodeErrorKind::TooLarge { limit }));
        }
        // Files of /proc have size 0, and any file can grow: the size is only a hint.
        let mut bytes = Vec::with_capacity(usize::try_from(stat.size).unwrap_or(0).max(512));
        file.take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| NodeError::io(OPERATION, path, &error))?;
        if bytes.len() as u64 > limit {
            return Err(refused(OPERATION, path, NodeErrorKind::TooLarge { limit }));
        }
        Ok(bytes)
    }

    fn read_part(&self, path: &str, offset: u64, length: usize) -> Result<Vec<u8>, NodeError> {
        const OPERATION: &str = "read";
        let (mut file, _) = self.open_to_read(OPERATION, path)?;
        let failed = |error: &io::Error| NodeError::io(OPERATION, path, error);
        file.seek(io::SeekFrom::Start(offset)).map_err(|error| failed(&error))?;
        let mut bytes = Vec::with_capacity(length);
        file.take(length as u64).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        Ok(bytes)
    }

    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        const OPERATION: &str = "list";
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NONBLOCK;
        let fd = self
            .open_at(path, flags, Mode::empty())
            .map_err(|errno| failed(OPERATION, path, errno))?;
        let mut dir = Dir::from_fd(fd).map_err(|errno| failed(OPERATION, path, errno))?;
        let mut found = Vec::new();
        for entry in dir.iter() {
            let entry = entry.map_err(|errno| failed(OPERATION, path, errno))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            found.push((name.to_owned(), entry.file_type()));
        }
        found.sort_by(|one, other| one.0.cmp(&other.0));
        let mut entries = Vec::with_capacity(found.len());
        for (name, file_type) in found {
            let kind = match file_type {
                Some(Type::File) => FileKind::File,
                Some(Type::Directory) => FileKind::Directory,
                Some(Type::Symlink) => FileKind::Symlink,
                Some(_) => FileKind::Other,
                None => match fstatat(&dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
                    Ok(stat) => kind_of(stat.st_mode),
                    Err(Errno::ENOENT) => continue,
                    Err(errno) => return Err(failed(OPERATION, path, errno)),
                },
            };
            entries.push(DirEntry { name: name.to_string_lossy().into_owned(), kind });
        }
        Ok(entries)
    }

    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        const OPERATION: &str = "read the link";
        let fd = self
            .open_at(path, OFlag::O_PATH | OFlag::O_NOFOLLOW, Mode::empty())
            .map_err(|errno| failed(OPERATION, path, errno))?;
        let target = readlinkat(&fd, "").map_err(|errno| failed(OPERATION, path, errno))?;
        Ok(String::from_utf8_lossy(target.as_bytes()).into_owned())
    }

    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        const OPERATION: &str = "read the extended attributes of";
        let stat = self.lstat(path)?;
        let stat = stat.ok_or_else(|| refused(OPERATION, path, NodeErrorKind::NotFound))?;
        if !matches!(stat.kind, FileKind::File | FileKind::Directory) {
            return Err(refused(OPERATION, path, NodeErrorKind::NotAFile));
        }
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let fd = self
            .open_at(path, flags, Mode::empty())
            .map_err(|errno| failed(OPERATION, path, errno))?;
        attributes::extended(&File::from(fd))
            .map_err(|error| NodeError::io(OPERATION, path, &error))
    }

    fn free_space(&self, path: &str) -> Result<u64, NodeError> {
        const OPERATION: &str = "look at the free space of";
        let fd = self
            .open_at(path, OFlag::O_PATH, Mode::empty())
            .map_err(|errno| failed(OPERATION, path, errno))?;
        let stat = fstatvfs(&fd).map_err(|errno| failed(OPERATION, path, errno))?;
        Ok(stat.blocks_free().saturating_mul(stat.fragment_size()))
    }

    fn create(&self, path: &str, bytes: &[u8], meta: &FileMeta) -> Result<(), NodeError> {
        const OPERATION: &str = "create";
        let (folder, name) = self.parent(OPERATION, path)?;
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&folder, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(|errno| failed(OPERATION, path, errno))?;
        attributes::fill(&mut File::from(fd), bytes, meta).map_err(|error| {
            // The first error is the one that matters; the name is ours, nobody else's file goes.
            let _ = unlinkat(&folder, name, UnlinkatFlags::NoRemoveDir);
            NodeError::io(OPERATION, path, &error)
        })
    }

    fn append(&self, path: &str, bytes: &[u8]) -> Result<(), NodeError> {
        const OPERATION: &str = "append to";
        let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT;
        let (mut file, stat) = self.open_to_change(OPERATION, path, flags)?;
        file.write_all(bytes).map_err(|error| {
            // Half a line is worse than none; a reader copes with what is left if this fails too.
            let _ = file.set_len(stat.size);
            NodeError::io(OPERATION, path, &error)
        })
    }

    fn truncate(&self, path: &str, length: u64) -> Result<(), NodeError> {
        const OPERATION: &str = "cut";
        let (file, _) = self.open_to_change(OPERATION, path, OFlag::O_WRONLY)?;
        let length = i64::try_from(length)
            .map_err(|_| refused(OPERATION, path, NodeErrorKind::Other("no such length".into())))?;
        ftruncate(&file, length).map_err(|errno| failed(OPERATION, path, errno))
    }

    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        const OPERATION: &str = "flush";
        let (file, _) = self.open_to_change(OPERATION, path, OFlag::O_RDONLY)?;
        fsync(&file).map_err(|errno| failed(OPERATION, path, errno))
    }

    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        const OPERATION: &str = "flush the directory";
        self.may_write(OPERATION, path)?;
        let fd = self
            .open_at(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())
            .map_err(|errno| failed(OPERATION, path, errno))?;
        fsync(&fd).map_err(|errno| failed(OPERATION, path, errno))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), NodeError> {
        const OPERATION: &str = "rename";
        let (folder, old) = self.parent(OPERATION, from)?;
        let new = match split(to) {
            Some((to_folder, new)) if split(from).is_some_and(|(f, _)| f == to_folder) => new,
            _ => {
                let reason = "both names must be in one directory".to_owned();
                return Err(refused(OPERATION, to, NodeErrorKind::Other(reason)));
            }
        };
        renameat(&folder, old, &folder, new).map_err(|errno| failed(OPERATION, to, errno))
    }

    fn set_mode(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        const OPERATION: &str = "change the mode of";
        let (folder, name) = self.entry(OPERATION, path)?;
        let mode = Mode::from_bits_truncate(mode);
        fchmodat(&folder, name, mode, FchmodatFlags::NoFollowSymlink)
            .map_err(|errno| failed(OPERATION, path, errno))
    }

    fn set_owner(&self, path: &str, uid: u32, gid: u32) -> Result<(), NodeError> {
        const OPERATION: &str = "change the owner of";
        let (folder, name) = self.entry(OPERATION, path)?;
        let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        fchownat(&folder, name, uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)
            .map_err(|errno| failed(OPERATION, path, errno))
    }

    fn make_dir(&self, path: &str, mode: u32) -> Result<(), NodeError> {
        const OPERATION: &str = "create the directory";
        let (folder, name) = self.parent(OPERATION, path)?;
        mkdirat(&folder, name, Mode::S_IRWXU).map_err(|errno| failed(OPERATION, path, errno))?;
        let mode = Mode::from_bits_truncate(mode);
        fchmodat(&folder, name, mode, FchmodatFlags::NoFollowSymlink).map_err(|errno| {
            let _ = unlinkat(&folder, name, UnlinkatFlags::RemoveDir);
            failed(OPERATION, path, errno)
        })
    }

    fn remove(&self, path: &str) -> Result<(), NodeError> {
        const OPERATION: &str = "remove";
        let (folder, name) = self.parent(OPERATION, path)?;
        unlinkat(&folder, name, UnlinkatFlags::NoRemoveDir)
            .map_err(|errno| failed(OPERATION, path, errno))
    }

    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        const OPERATION: &str = "remove the directory";
        let (folder, name) = self.parent(OPERATION, path)?;
        unlinkat(&folder, name, UnlinkatFlags::RemoveDir)
            .map_err(|errno| failed(OPERATION, path, errno))
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
