//! What an open file carries besides its bytes.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
};

use nix::{
    sys::stat::{Mode, fchmod},
    unistd::{Gid, Uid, fchown},
};
use xattr::FileExt as _;

use crate::model::FileMeta;

/// Attributes the kernel computes from a file's content: a copy of them would be wrong.
const COMPUTED: [&str; 2] = ["security.ima", "security.evm"];

/// Its extended attributes; none where the file system has no such thing.
pub(super) fn extended(file: &File) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let names = match file.list_xattr() {
        Err(error) if error.raw_os_error() == Some(nix::libc::ENOTSUP) => return Ok(found),
        names => names?,
    };
    for name in names {
        let Some(name) = name.to_str().filter(|name| !COMPUTED.contains(name)) else { continue };
        if let Some(value) = file.get_xattr(name)? {
            found.insert(name.to_owned(), value);
        }
    }
    Ok(found)
}

/// Content and metadata of a file just created; the mode comes last, because a change of owner
/// clears set-uid bits and an access list changes the group bits.
pub(super) fn fill(file: &mut File, bytes: &[u8], meta: &FileMeta) -> io::Result<()> {
    file.write_all(bytes)?;
    fchown(&*file, Some(Uid::from_raw(meta.uid)), Some(Gid::from_raw(meta.gid)))?;
    for (name, value) in &meta.xattrs {
        match file.set_xattr(name, value) {
            Err(error) if error.raw_os_error() == Some(nix::libc::ENOTSUP) => {}
            answer => answer?,
        }
    }
    fchmod(&*file, Mode::from_bits_truncate(meta.mode))?;
    Ok(())
}
