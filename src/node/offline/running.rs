//! Whether a directory belongs to a running system.
//!
//! Offline changes skip every gate (baseline, health, restarts), which is right for an image and
//! dangerous for the tree a kubelet reads. Paths prove nothing here (bind mounts, containers that see the
//! host under `/host`): what counts is device and inode.

use std::path::Path;

use nix::sys::statfs::PROC_SUPER_MAGIC;

use crate::node::{DirEntry, Files as _, NodeError, NodeErrorKind, host::DirFiles};

/// Folders that a running kubelet reads; the root is live when it shares one of them.
const SHARED: [&str; 4] =
    ["/etc/kubernetes", "/etc/kubernetes/manifests", "/var/lib/kubelet", "/var/lib/etcd"];

/// What shows that `root` belongs to a running system; `None` when nothing does.
///
/// `proc_dir` is the procfs of this machine. When it cannot be read, nothing can be told: an error.
pub(super) fn evidence(root: &DirFiles, proc_dir: &Path) -> Result<Option<String>, NodeError> {
    let here = DirFiles::read_only(Path::new("/"))?;
    if same(root, &here, "/")? {
        return Ok(Some("it is this machine's own root".to_owned()));
    }
    if root.file_system("/proc")? == Some(PROC_SUPER_MAGIC) {
        return Ok(Some("its /proc is that of a running kernel".to_owned()));
    }
    let processes = DirFiles::read_only(proc_dir)?;
    for DirEntry { name, .. } in processes.list("/")? {
        let Ok(pid) = name.parse::<u32>() else { continue };
        let kubelet = is_kubelet(&processes, pid);
        if !kubelet && pid != 1 {
            continue;
        }
        // Without the right to look into a process its root is taken for ours.
        let theirs = match DirFiles::read_only(&proc_dir.join(&name).join("root")) {
            Ok(theirs) => Some(theirs),
            Err(error) if error.kind == NodeErrorKind::Denied => None,
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        let theirs = theirs.as_ref().unwrap_or(&here);
        if same(root, theirs, "/")? {
            return Ok(Some(format!("it is the root of process {pid}")));
        }
        for folder in SHARED.into_iter().filter(|_| kubelet) {
            if same(root, theirs, folder)? {
                return Ok(Some(format!("its {folder} is that of the kubelet, process {pid}")));
            }
        }
    }
    Ok(None)
}

/// The kubelet, or a program that holds one (K3s, RKE2, `MicroK8s`).
fn is_kubelet(processes: &DirFiles, pid: u32) -> bool {
    // A process that has ended in between reads no files any more.
    let comm = processes.read(&format!("/{pid}/comm"), 64).unwrap_or_default();
    let comm = String::from_utf8_lossy(&comm);
    let comm = comm.trim_end();
    matches!(comm, "kubelet" | "kubelite" | "k3s" | "rke2") || comm.starts_with("k3s-")
}

fn same(one: &DirFiles, other: &DirFiles, path: &str) -> Result<bool, NodeError> {
    Ok(match (identity(one, path)?, identity(other, path)?) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    })
}

/// Device and inode; a folder this user may not look at is none this user could change.
fn identity(files: &DirFiles, path: &str) -> Result<Option<(u64, u64)>, NodeError> {
    match files.stat(path) {
        Ok(stat) => Ok(stat.map(|stat| stat.id)),
        Err(error) if error.kind == NodeErrorKind::Denied => Ok(None),
        Err(error) => Err(error),
    }
}
