//! A user who is not root: what modes and owners let it do with a file that its container sees.

use super::sight::{Sight, Way};
use crate::{
    model::{Process, facts::Container},
    node::{Files, NodeError, Stat},
};

/// Bits of a mode.
pub(super) const READ: u32 = 0o4;
pub(super) const USE: u32 = 0o7;
const ENTER: u32 = 0o1;

/// Of a file with this the mode does not tell all.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// The user of a container.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) user: u32,
    groups: Vec<u32>,
}

/// What is shut to a user.
#[derive(Debug)]
pub(super) enum Shut {
    /// A folder on the way.
    Folder(String, Stat),
    /// The thing itself.
    Itself(Stat),
}

impl Reader {
    /// Who runs a container, unless it is root: as it says, else as its process shows.
    pub(super) fn of(container: &Container, process: Option<&Process>) -> Option<Self> {
        let said = container.run_as_user.and_then(|user| u32::try_from(user).ok());
        let user = said.or_else(|| process.map(|process| process.uid))?;
        (user != 0).then(|| Self { user, groups: container.groups.clone() })
    }

    fn may(&self, stat: &Stat, wanted: u32) -> bool {
        let bits = if stat.uid == self.user {
            stat.mode >> 6
        } else if self.groups.contains(&stat.gid) {
            stat.mode >> 3
        } else {
            stat.mode
        };
        bits & wanted == wanted
    }

    /// What keeps it from what it wants at the end of a way.
    pub(super) fn shut_out(
        &self,
        files: &dyn Files,
        way: &Way,
        wanted: u32,
    ) -> Result<Option<Shut>, NodeError> {
        let told = |path: &str| Ok::<_, NodeError>(!files.xattrs(path)?.contains_key(ACCESS_LIST));
        for (folder, stat) in &way.folders {
            if !self.may(stat, ENTER) && told(folder)? {
                return Ok(Some(Shut::Folder(folder.clone(), *stat)));
            }
        }
        let Sight::Host(host) = &way.sight else { return Ok(None) };
        let Some(stat) = files.stat(host)? else { return Ok(None) };
        Ok((!self.may(&stat, wanted) && told(host)?).then_some(Shut::Itself(stat)))
    }
}
