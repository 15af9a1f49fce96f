//! The member of etcd of a simulated node, asked as the live one is: a small database, in the same stream.

use std::{sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};

use super::{Shared, SimNode};
use crate::{
    model::Component,
    node::{
        Etcd, EtcdError,
        etcd::{Address, EtcdMember, Keep, Limits, MemberStatus, bolt, stream},
    },
};

/// A page, as everywhere but on some ARM machines.
const PAGE: u32 = 4096;

/// Pages of the database.
const PAGES: u64 = 6;

/// Bytes per piece, as etcd sends them.
const PIECE: usize = 32 << 10;

/// The member that leads, when nothing is wrong.
const LEADER: u64 = 1;

/// How long a snapshot of so little takes.
const TAKES: Duration = Duration::from_millis(200);

/// What goes wrong when etcd is asked for a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtcdFault {
    /// It serves no JSON gateway.
    NoGateway,
    /// It complains that its space is used up.
    Alarm,
    /// Its database is larger than any disk here.
    Huge,
    /// The stream breaks off.
    Truncated,
    /// The digest is not that of what came.
    WrongDigest,
    /// What comes is no database.
    Garbage,
    /// It is another database than its status speaks of.
    Other,
    /// The stream stands still.
    Silent,
}

#[derive(Debug)]
pub(super) struct SimEtcd {
    shared: Arc<Shared>,
}

impl SimEtcd {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// It runs and serves, and so it goes wrong.
    fn answers(&self) -> Result<Option<EtcdFault>, EtcdError> {
        let world = self.shared.world();
        let silent = || EtcdError::Silent("connection refused".to_owned());
        let argv = world.process(Component::Etcd).ok_or_else(silent)?.argv.clone();
        if !world.etcd_serving() {
            return Err(silent());
        }
        Address::of(&argv)?;
        match world.etcd_fault {
            Some(EtcdFault::NoGateway) => {
                Err(EtcdError::NoGateway("/v3/maintenance answers 404".to_owned()))
            }
            fault => Ok(fault),
        }
    }
}

impl Etcd for SimEtcd {
    fn status(&self) -> Result<MemberStatus, EtcdError> {
        let fault = self.answers()?;
        let alarm = || "memberID:1 alarm:NOSPACE".to_owned();
        Ok(MemberStatus {
            version: "3.6.8".to_owned(),
            size: if fault == Some(EtcdFault::Huge) { 1 << 40 } else { u64::from(PAGE) * PAGES },
            learner: false,
            leader: LEADER,
            complaints: (fault == Some(EtcdFault::Alarm)).then(alarm).into_iter().collect(),
        })
    }

    fn members(&self) -> Result<Vec<EtcdMember>, EtcdError> {
        let status = self.status();
        self.answers()?;
        let world = self.shared.world();
        let own = EtcdMember { name: world.hostname.clone(), own: true, learner: false, status };
        Ok([vec![own], world.etcd_others.clone()].concat())
    }

    fn snapshot(&self, limits: Limits, keep: &mut Keep<'_>) -> Result<(), EtcdError> {
        let fault = self.answers()?;
        let pages = if fault == Some(EtcdFault::Other) { PAGES - 1 } else { PAGES };
        let mut database = bolt::empty(PAGE, pages);
        if fault == Some(EtcdFault::Garbage) {
            database.fill(b'x');
        }
        let mut digest = Sha256::digest(&database).to_vec();
        if fault == Some(EtcdFault::WrongDigest) {
            digest.fill(0);
        }
        let mut left = database.len();
        let mut text = String::new();
        for piece in database.chunks(PIECE) {
            left -= piece.len();
            text += &stream::line(left as u64, piece);
        }
        match fault {
            Some(EtcdFault::Truncated) => text.truncate(text.len() / 2),
            Some(EtcdFault::Silent) => {
                keep(&database)?;
                self.shared.clock.sleep(limits.within);
                return Err(stream::late());
            }
            _ => text += &stream::line(0, &digest),
        }
        self.shared.clock.sleep(TAKES);
        stream::read(text.as_bytes(), limits.largest, keep).map(drop)
    }
}

impl SimNode {
    /// Lets etcd fail whoever asks it for a snapshot; `None` puts it right again.
    pub fn set_etcd_fault(&self, fault: Option<EtcdFault>) {
        self.shared.world().etcd_fault = fault;
    }

    /// Gives its member of etcd others; each has this name, and answers what its own one would or this.
    pub fn set_etcd_others(&self, others: &[(&str, Option<EtcdError>)]) {
        let healthy = || MemberStatus {
            version: "3.6.8".to_owned(),
            size: u64::from(PAGE) * PAGES,
            learner: false,
            leader: LEADER,
            complaints: Vec::new(),
        };
        let members = others.iter().map(|(name, trouble)| EtcdMember {
            name: (*name).to_owned(),
            own: false,
            learner: false,
            status: trouble.clone().map_or_else(|| Ok(healthy()), Err),
        });
        self.shared.world().etcd_others = members.collect();
    }
}
