//! The live node's member of etcd, asked by its JSON gateway with the certificates of this node.
//!
//! Files are read as etcd's own process sees them. Keys stay in [`Identity`].

use std::{
    io::{BufReader, Read as _},
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;

use super::{
    files::DirFiles,
    http::{Body, Http, Identity},
};
use crate::{
    model::{Component, ProcessFact},
    node::{
        Etcd, EtcdError, Files as _,
        collect::processes,
        etcd::{
            Address, Keep, Limits, MemberStatus,
            stream::{self, Number},
        },
    },
};

/// How long it may take to say how it is.
const ANSWER: Duration = Duration::from_secs(5);

/// How long a snapshot may stand still.
const STANDSTILL: Duration = Duration::from_secs(30);

/// Largest certificate or key that is read, in bytes.
const PEM_LIMIT: u64 = 1 << 20;

/// Longest answer that is no snapshot.
const TEXT_LIMIT: u64 = 1 << 20;

/// The member of the node this program runs on.
#[derive(Debug)]
pub(crate) struct HostEtcd {
    files: Arc<DirFiles>,
}

#[derive(Debug, Deserialize)]
struct Status {
    #[serde(default)]
    version: String,
    #[serde(rename = "dbSize")]
    size: Number,
    #[serde(default, rename = "isLearner")]
    learner: bool,
    #[serde(default)]
    errors: Vec<String>,
}

impl HostEtcd {
    pub(crate) fn new(files: Arc<DirFiles>) -> Self {
        Self { files }
    }

    fn post(&self, path: &str, times: (Duration, Duration)) -> Result<Body, EtcdError> {
        let found = processes(self.files.as_ref()).into_iter();
        let mut running = found.filter_map(|(component, fact)| match fact {
            ProcessFact::Running(process) if component == Component::Etcd => Some(process),
            _ => None,
        });
        let process = running
            .next()
            .ok_or_else(|| EtcdError::Silent("none runs here, or several of them do".to_owned()))?;
        let address = Address::of(&process.argv)?;
        let http = self.http(process.pid, &address)?;
        let answer = http.post(&format!("{}{path}", address.url), "{}", times);
        let (status, mut body) =
            answer.map_err(|error| EtcdError::Silent(format!("{}: {error}", address.url)))?;
        if status == 200 {
            return Ok(body);
        }
        if status == 404 {
            return Err(EtcdError::NoGateway(format!("{}{path} answers 404", address.url)));
        }
        let mut said = String::new();
        // What it says helps; that it refuses is known without.
        let _ = (&mut body).take(200).read_to_string(&mut said);
        Err(EtcdError::Refused(format!("{path} answers {status} {}", said.trim())))
    }

    /// As the first client it takes that can be one here.
    fn http(&self, pid: u32, address: &Address) -> Result<Http, EtcdError> {
        if !address.url.starts_with("https:") {
            return Ok(Http::anonymous());
        }
        let root = self.files.path().join(format!("proc/{pid}/root"));
        let seen = DirFiles::read_only(&root)?;
        let read = |path: &String| seen.read(path, PEM_LIMIT).ok();
        let identity = address
            .identities
            .iter()
            .find_map(|(certificate, key)| Identity::from_pem(&read(certificate)?, &read(key)?));
        match (&address.ca, identity) {
            (Some(ca), identity) => Http::of(identity, &seen.read(ca, PEM_LIMIT)?)
                .ok_or_else(|| EtcdError::Silent(format!("{ca} holds no certificate"))),
            // It asks nobody for a certificate either: what it is told here is no secret.
            (None, Some(identity)) => Ok(Http::with(identity)),
            (None, None) => Ok(Http::anonymous()),
        }
    }
}

impl Etcd for HostEtcd {
    fn status(&self) -> Result<MemberStatus, EtcdError> {
        let body = self.post("/v3/maintenance/status", (ANSWER, ANSWER))?;
        let strange = |what: String| EtcdError::Refused(format!("its status is not known: {what}"));
        let status: Status = serde_json::from_reader(body.take(TEXT_LIMIT))
            .map_err(|error| strange(error.to_string()))?;
        Ok(MemberStatus {
            size: status.size.value().ok_or_else(|| strange("dbSize is no number".to_owned()))?,
            version: status.version,
            learner: status.learner,
            complaints: status.errors,
        })
    }

    fn snapshot(&self, limits: Limits, keep: &mut Keep<'_>) -> Result<(), EtcdError> {
        let times = (limits.within, STANDSTILL.min(limits.within));
        let body = self.post("/v3/maintenance/snapshot", times)?;
        stream::read(BufReader::new(body), limits.largest, keep).map(drop)
    }
}

#[cfg(test)]
#[path = "etcd_tests.rs"]
mod tests;
