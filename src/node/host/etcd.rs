//! The live node's member of etcd, asked by its JSON gateway with the certificates of this node.
//!
//! The other members are asked with them too. Files are read as etcd's own process sees them. Keys stay in
//! [`Identity`].

use std::{
    io::{BufReader, Read as _},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, de::DeserializeOwned};

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
            Address, EtcdMember, Keep, Limits, MemberStatus,
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
    leader: Option<Number>,
    #[serde(default)]
    errors: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct MemberList {
    header: Header,
    members: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Header {
    member_id: Number,
}

#[derive(Debug, Deserialize)]
struct Listed {
    #[serde(rename = "ID")]
    id: Number,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "clientURLs")]
    urls: Vec<String>,
    #[serde(default, rename = "isLearner")]
    learner: bool,
}

/// Where to ask, and as whom.
struct Gateway {
    http: Http,
    url: String,
}

impl HostEtcd {
    pub(crate) fn new(files: Arc<DirFiles>) -> Self {
        Self { files }
    }

    /// That of the member that runs here.
    fn gateway(&self) -> Result<Gateway, EtcdError> {
        let found = processes(self.files.as_ref()).into_iter();
        let mut running = found.filter_map(|(component, fact)| match fact {
            ProcessFact::Running(process) if component == Component::Etcd => Some(process),
            _ => None,
        });
        let process = running
            .next()
            .ok_or_else(|| EtcdError::Silent("none runs here, or several of them do".to_owned()))?;
        let address = Address::of(&process.argv)?;
        Ok(Gateway { http: self.http(process.pid, &address)?, url: address.url })
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

impl Gateway {
    fn post(
        &self,
        url: &str,
        (path, question): (&str, &'static str),
        times: (Duration, Duration),
    ) -> Result<Body, EtcdError> {
        let answer = self.http.post(&format!("{url}{path}"), question, times);
        let (status, mut body) =
            answer.map_err(|error| EtcdError::Silent(format!("{url}: {error}")))?;
        if status == 200 {
            return Ok(body);
        }
        if status == 404 {
            return Err(EtcdError::NoGateway(format!("{url}{path} answers 404")));
        }
        let mut said = String::new();
        // What it says helps; that it refuses is known without.
        let _ = (&mut body).take(200).read_to_string(&mut said);
        Err(EtcdError::Refused(format!("{path} answers {status} {}", said.trim())))
    }

    /// A short answer.
    fn ask<T: DeserializeOwned>(
        &self,
        url: &str,
        question: (&str, &'static str),
    ) -> Result<T, EtcdError> {
        let body = self.post(url, question, (ANSWER, ANSWER))?;
        serde_json::from_reader(body.take(TEXT_LIMIT)).map_err(|error| {
            EtcdError::Refused(format!("what {} answers is not known: {error}", question.0))
        })
    }

    fn status_at(&self, url: &str) -> Result<MemberStatus, EtcdError> {
        let status: Status = self.ask(url, ("/v3/maintenance/status", "{}"))?;
        let strange = || EtcdError::Refused("the dbSize of its status is no number".to_owned());
        Ok(MemberStatus {
            size: status.size.value().ok_or_else(strange)?,
            version: status.version,
            learner: status.learner,
            leader: status.leader.and_then(|leader| leader.value()).unwrap_or_default(),
            complaints: status.errors,
        })
    }

    /// At the first of its addresses that answers.
    fn status_of(&self, urls: &[String]) -> Result<MemberStatus, EtcdError> {
        let mut answer = Err(EtcdError::Silent("it has not started yet".to_owned()));
        for url in urls {
            answer = self.status_at(url.trim_end_matches('/'));
            if answer.is_ok() {
                break;
            }
        }
        answer
    }
}

impl Etcd for HostEtcd {
    fn status(&self) -> Result<MemberStatus, EtcdError> {
        let gateway = self.gateway()?;
        gateway.status_at(&gateway.url)
    }

    fn members(&self) -> Result<Vec<EtcdMember>, EtcdError> {
        let gateway = self.gateway()?;
        // As the majority knows it, not as this one remembers it.
        let question = ("/v3/cluster/member/list", r#"{"linearizable":true}"#);
        let list: MemberList = gateway.ask(&gateway.url, question)?;
        let own = list.header.member_id.value();
        if !list.members.iter().any(|member| own.is_some() && member.id.value() == own) {
            let why = "it is not among the members it knows of".to_owned();
            return Err(EtcdError::Refused(why));
        }
        let members = list.members.into_iter().map(|member| {
            let own = member.id.value() == own;
            let status =
                if own { gateway.status_at(&gateway.url) } else { gateway.status_of(&member.urls) };
            EtcdMember { name: member.name, own, learner: member.learner, status }
        });
        Ok(members.collect())
    }

    fn snapshot(&self, limits: Limits, keep: &mut Keep<'_>) -> Result<(), EtcdError> {
        let gateway = self.gateway()?;
        let times = (limits.within, STANDSTILL.min(limits.within));
        let body = gateway.post(&gateway.url, ("/v3/maintenance/snapshot", "{}"), times)?;
        stream::read(BufReader::new(body), limits.largest, keep).map(drop)
    }
}

#[cfg(test)]
#[path = "etcd_tests.rs"]
mod tests;
