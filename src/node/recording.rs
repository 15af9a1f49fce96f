//! Reads recorded nodes (`snapshots/nodes/*.tar.gz`) into memory.
//!
//! Owners, modes and links come from the archive, so any user gets the node as root would unpack it.

use std::{collections::BTreeMap, io::Read as _};

use flate2::read::GzDecoder;

use super::{
    NodeError,
    memory::{MemoryFiles, Recorded},
};
use crate::model::FileMeta;

/// What recorded nodes have in place of their private keys.
pub const LEFT_OUT: &[u8] = b"private key left out of this recording";

/// A recorded node that is part of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recording {
    /// Its name: `kubeadm-1.36.2`.
    pub name: &'static str,
    /// The archive.
    pub archive: &'static [u8],
}

macro_rules! recording {
    ($name:literal) => {
        Recording {
            name: $name,
            archive: include_bytes!(concat!("../../snapshots/nodes/", $name, ".tar.gz")),
        }
    };
}

/// A fresh single control plane of 1.32.5.
pub const KUBEADM_1_32_5: Recording = recording!("kubeadm-1.32.5");
/// A fresh single control plane of 1.34.2.
pub const KUBEADM_1_34_2: Recording = recording!("kubeadm-1.34.2");
/// A fresh single control plane of 1.35.3.
pub const KUBEADM_1_35_3: Recording = recording!("kubeadm-1.35.3");
/// A fresh single control plane of 1.36.2.
pub const KUBEADM_1_36_2: Recording = recording!("kubeadm-1.36.2");
/// A worker of 1.36.2.
pub const KUBEADM_1_36_2_WORKER: Recording = recording!("kubeadm-1.36.2-worker");

/// Every recorded node, oldest first, the worker last.
pub const ALL: [Recording; 5] =
    [KUBEADM_1_32_5, KUBEADM_1_34_2, KUBEADM_1_35_3, KUBEADM_1_36_2, KUBEADM_1_36_2_WORKER];

impl Recording {
    /// The recorded tree, in memory.
    pub fn files(&self) -> Result<MemoryFiles, NodeError> {
        read(self.name, self.archive)
    }
}

/// Reads a gzipped tar archive; the first folder of every path is dropped. `name` is for errors.
///
/// Entries that are no file, folder or symbolic link are refused: a node's tree in an archive has none.
pub fn read(name: &str, archive: &[u8]) -> Result<MemoryFiles, NodeError> {
    let failed = |error: std::io::Error| NodeError::io("unpack", name, &error);
    let files = MemoryFiles::new();
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    for entry in tar.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let full = entry.path().map_err(failed)?.to_string_lossy().into_owned();
        let path = full.split_once('/').map_or("", |(_, path)| path);
        let header = entry.header();
        let meta = FileMeta {
            mode: header.mode().map_err(failed)? & 0o7777,
            uid: number(header.uid().map_err(failed)?),
            gid: number(header.gid().map_err(failed)?),
            xattrs: BTreeMap::new(),
        };
        let content = match header.entry_type() {
            tar::EntryType::Directory => Recorded::Directory,
            tar::EntryType::Symlink => {
                let target = entry.link_name().map_err(failed)?;
                Recorded::Link(target.map(|t| t.to_string_lossy().into_owned()).unwrap_or_default())
            }
            tar::EntryType::Regular => {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).map_err(failed)?;
                Recorded::File(bytes)
            }
            other => {
                let why =
                    format!("{full} in the archive is neither file, folder nor link: {other:?}");
                return Err(failed(std::io::Error::other(why)));
            }
        };
        files.put_owned(path, content, meta);
    }
    Ok(files)
}

/// Owners above 32 bits do not exist on Linux.
fn number(id: u64) -> u32 {
    u32::try_from(id).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::FileKind, node::Files as _};

    #[test]
    fn every_recording_is_a_node() {
        for recording in ALL {
            let files = recording.files().unwrap();
            let stat = files.stat("/var/lib/kubelet/config.yaml").unwrap().unwrap();
            assert_eq!((stat.kind, stat.mode, stat.uid), (FileKind::File, 0o644, 0));
            let manifests = files.stat("/etc/kubernetes/manifests/kube-apiserver.yaml").unwrap();
            assert_eq!(manifests.is_none(), recording.name.ends_with("worker"));
            assert!(
                files.read("/proc/980/cmdline", 4096).unwrap().starts_with(b"/usr/bin/kubelet\0")
            );
        }
    }

    #[test]
    fn modes_and_links_come_from_the_archive() {
        let files = KUBEADM_1_36_2.files().unwrap();
        assert_eq!(files.stat("/var/lib/etcd").unwrap().unwrap().mode, 0o700);
        assert_eq!(files.stat("/etc/kubernetes/admin.conf").unwrap().unwrap().mode, 0o600);
        assert_eq!(files.read_link("/proc/980/exe").unwrap(), "/usr/bin/kubelet");
        assert_eq!(
            files.resolve("/var/lib/kubelet/pki/kubelet-client-current.pem").unwrap(),
            "/var/lib/kubelet/pki/kubelet-client-2026-11-23-20-40-03.pem"
        );
    }

    #[test]
    fn a_damaged_archive_is_an_error() {
        let half = &KUBEADM_1_36_2.archive[..2000];
        let error = read("half", half).unwrap_err();
        assert!(error.to_string().starts_with("cannot unpack half: "), "{error}");
    }
}
