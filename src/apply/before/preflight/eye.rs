//! Reads what a flag names, as the container will see it and as its user may.

use super::{
    named::Named,
    reader::{READ, Reader, Shut},
    sight::{self, Sight, Way},
};
use crate::{
    model::{FileKind, change::LARGEST_TEXT, facts::Mount},
    node::{Files, Node, NodeError, NodeErrorKind},
};

/// Who looks, and at what.
pub(super) struct Eye<'e> {
    pub(super) node: &'e dyn Node,
    /// The node's files as they will be.
    pub(super) files: &'e dyn Files,
    /// Volumes of the container; `None` for a program that sees the host's own files.
    pub(super) mounts: Option<&'e [Mount]>,
    /// User that must be able to read them, when it is not root.
    pub(super) reader: Option<Reader>,
    /// A process that runs from the same image: what its image holds, the new one finds too.
    pub(super) same_image: Option<u32>,
}

/// What an eye got of a file.
pub(super) enum Got {
    Bytes(Vec<u8>),
    /// It is there, and its bytes are not for this program (a recording without its keys).
    Withheld,
    Wrong(String),
}

impl Eye<'_> {
    fn way(&self, path: &str) -> Result<Way, NodeError> {
        let sight = match self.mounts {
            Some(mounts) => return sight::walk(self.files, mounts, path),
            None => match self.files.stat(path)? {
                Some(_) => Sight::Host(path.to_owned()),
                None => Sight::Nothing(path.to_owned()),
            },
        };
        Ok(Way { sight, folders: Vec::new() })
    }

    /// What the running process sees there: the new one of the same image will see it too.
    fn in_image(&self, path: &str) -> Result<Option<Vec<u8>>, NodeError> {
        let Some(pid) = self.same_image else { return Ok(None) };
        match self.node.process_file(pid, path, LARGEST_TEXT as u64) {
            Err(error) if error.is_not_found() => Ok(None),
            seen => seen,
        }
    }

    pub(super) fn read(&self, file: &Named) -> Result<Got, NodeError> {
        let Named { by, path, .. } = file;
        let way = self.way(path)?;
        let host = match &way.sight {
            Sight::Host(host) => host,
            Sight::Nothing(host) => {
                let place =
                    if host == path { String::new() } else { format!(" ({host} on the host)") };
                return Ok(Got::Wrong(format!(
                    "{by} names {path}{place}, and there is no such file: create it first, or leave the flag out"
                )));
            }
            Sight::Image | Sight::Volatile => {
                if let Some(bytes) = self.in_image(path)? {
                    return Ok(Got::Bytes(bytes));
                }
                return Ok(Got::Wrong(format!(
                    "{by} names {path}, which the container will not see: no volume of the host holds it; mount its folder, or name a file below a path that is mounted"
                )));
            }
        };
        if self.files.stat(host)?.is_none_or(|stat| stat.kind != FileKind::File) {
            return Ok(Got::Wrong(format!("{by} names {path}, which is no file")));
        }
        if let Some(reader) = &self.reader
            && let Some(shut) = reader.shut_out(self.files, &way, READ)?
        {
            let who = format!("user {}, as whom the container runs,", reader.user);
            return Ok(Got::Wrong(match shut {
                Shut::Folder(folder, stat) => format!(
                    "{by} names {path}, which lies in {folder}, which {who} may not enter ({:04o} {}:{}): let it pass first",
                    stat.mode, stat.uid, stat.gid
                ),
                Shut::Itself(stat) => format!(
                    "{by} names {path}, which {who} may not read ({:04o} {}:{}): give it to that user or one of its groups first",
                    stat.mode, stat.uid, stat.gid
                ),
            }));
        }
        match self.files.read(host, LARGEST_TEXT as u64) {
            Ok(bytes) => Ok(Got::Bytes(bytes)),
            Err(NodeError { kind: NodeErrorKind::LeftOut, .. }) => Ok(Got::Withheld),
            Err(error) => Ok(Got::Wrong(format!("{by}: {error}"))),
        }
    }
}
