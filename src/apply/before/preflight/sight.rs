//! What a container will see at a path: through its volumes, with the links on the way as it follows them.

use crate::{
    model::{FileKind, facts::Mount},
    node::{Files, NodeError, Stat},
};

/// Links that are followed before they count as a circle, as the kernel does.
const LINKS: usize = 40;

/// What is at a path of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    /// This file or folder of the host.
    Host(String),
    /// Nothing; it would be at this path of the host.
    Nothing(String),
    /// Whatever its image has there: no volume reaches it.
    Image,
    /// A volume that is no path of the host.
    Volatile,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) sight: Sight,
    /// Folders of the host that are passed in the container, its volumes' own first.
    pub(super) folders: Vec<(String, Stat)>,
}

/// Looks at an absolute path.
pub(super) fn of(files: &dyn Files, mounts: &[Mount], path: &str) -> Result<Sight, NodeError> {
    walk(files, mounts, path).map(|way| way.sight)
}

/// The same, with what is passed on the way.
pub(super) fn walk(files: &dyn Files, mounts: &[Mount], path: &str) -> Result<Way, NodeError> {
    let mut folders = Vec::new();
    let sight = follow(files, mounts, path, &mut folders)?;
    Ok(Way { sight, folders })
}

fn follow(
    files: &dyn Files,
    mounts: &[Mount],
    path: &str,
    folders: &mut Vec<(String, Stat)>,
) -> Result<Sight, NodeError> {
    let mut rest: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
    let mut at = String::new();
    let mut links = 0;
    let mut last = Sight::Image;
    while let Some(name) = rest.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                at.truncate(at.rfind('/').unwrap_or(0));
                continue;
            }
            _ => {}
        }
        let next = format!("{at}/{name}");
        let Some((mount, below)) = Mount::of(mounts, &next) else {
            (at, last) = (next, Sight::Image);
            continue;
        };
        let Some(root) = mount.host.as_deref() else {
            (at, last) = (next, Sight::Volatile);
            continue;
        };
        // The kernel follows links of the volume's own path on the host; all others lead on in the container.
        let root = match files.resolve(root) {
            Ok(root) => root,
            Err(error) if error.is_not_found() => return Ok(Sight::Nothing(root.to_owned())),
            Err(error) => return Err(error),
        };
        let host = format!("{}{below}", root.trim_end_matches('/'));
        match files.lstat(&host)? {
            None => return Ok(Sight::Nothing(host)),
            Some(stat) if stat.kind == FileKind::Symlink => {
                links += 1;
                if links > LINKS {
                    return Ok(Sight::Nothing(host));
                }
                let target = files.read_link(&host)?;
                rest.extend(target.rsplit('/').map(str::to_owned));
                if target.starts_with('/') {
                    at.clear();
                }
            }
            Some(stat) => {
                if stat.kind == FileKind::Directory {
                    folders.push((host.clone(), stat));
                }
                (at, last) = (next, Sight::Host(host));
            }
        }
    }
    Ok(last)
}
