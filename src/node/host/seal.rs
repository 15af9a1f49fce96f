//! What keeps even root from changing a file: attributes of the file, and the way it is mounted.

use std::io;

use nix::{
    errno::Errno,
    sys::statvfs::{FsFlags, fstatvfs},
};
use rustix::fs::{AtFlags, IFlags, StatxAttributes, StatxFlags, ioctl_getflags, statx};

use crate::node::Seal;

/// Looks at an open file or folder (`O_PATH` is enough). `readable` opens it for an older kernel or a file
/// system that does not tell its attributes otherwise.
pub(super) fn of<F: std::os::fd::AsFd>(
    path: F,
    readable: impl FnOnce() -> Result<F, Errno>,
) -> io::Result<Option<Seal>> {
    if fstatvfs(&path)?.flags().contains(FsFlags::ST_RDONLY) {
        return Ok(Some(Seal::ReadOnly));
    }
    let attributes = match statx(&path, "", AtFlags::EMPTY_PATH, StatxFlags::empty()) {
        Ok(told) => told,
        // Before Linux 4.11.
        Err(rustix::io::Errno::NOSYS) => return Ok(by_flags(readable)),
        Err(error) => return Err(error.into()),
    };
    let has = |attribute| attributes.stx_attributes.contains(attribute);
    Ok(if has(StatxAttributes::IMMUTABLE) {
        Some(Seal::Immutable)
    } else if has(StatxAttributes::APPEND) {
        Some(Seal::AppendOnly)
    } else if !attributes.stx_attributes_mask.contains(StatxAttributes::IMMUTABLE)
        && let Some(seal) = by_flags(readable)
    {
        Some(seal)
    } else if has(StatxAttributes::MOUNT_ROOT) {
        Some(Seal::Mount)
    } else {
        None
    })
}

/// A file system without such flags has none set.
fn by_flags<F: std::os::fd::AsFd>(readable: impl FnOnce() -> Result<F, Errno>) -> Option<Seal> {
    let flags = ioctl_getflags(readable().ok()?).ok()?;
    if flags.contains(IFlags::IMMUTABLE) {
        Some(Seal::Immutable)
    } else {
        flags.contains(IFlags::APPEND).then_some(Seal::AppendOnly)
    }
}
