//! The node's own member of etcd: what it says of itself and of the others, and a snapshot of all it keeps.
//!
//! It is asked by its JSON gateway on the client port, because `etcdctl` lies only in etcd's image. Owns how a
//! member is found by its arguments, the stream a snapshot comes in (`stream`) and the file that is in it
//! ([`bolt`]).

pub mod bolt;
pub(super) mod stream;

use std::{fmt, net::IpAddr, time::Duration};

use super::NodeError;
use crate::text::{flags, values};

/// What a member says of itself (`/v3/maintenance/status`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberStatus {
    /// Its version: `3.6.8`.
    pub version: String,
    /// Size of its database in bytes.
    pub size: u64,
    /// It does not vote yet, and may lack a part of the data.
    pub learner: bool,
    /// The member it follows; zero is nobody.
    pub leader: u64,
    /// What it complains of: alarms, and that there is no leader.
    pub complaints: Vec<String>,
}

/// One of those that keep the data together (`/v3/cluster/member/list`), and what it says of itself now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdMember {
    /// Its name; it has none until it has started once.
    pub name: String,
    /// It is this node's.
    pub own: bool,
    /// It does not vote.
    pub learner: bool,
    /// Its answer at its own address.
    pub status: Result<MemberStatus, EtcdError>,
}

/// Why a member was not asked, or what it answered cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EtcdError {
    /// It has no JSON gateway.
    #[error("etcd serves no JSON gateway ({0})")]
    NoGateway(String),
    /// It cannot be reached, or does not answer in time.
    #[error("etcd does not answer ({0})")]
    Silent(String),
    /// It answered that it will not.
    #[error("etcd refuses: {0}")]
    Refused(String),
    /// What came is no snapshot.
    #[error("the snapshot is not whole: {0}")]
    Broken(String),
    /// What came could not be kept.
    #[error(transparent)]
    NotKept(#[from] NodeError),
}

/// How much a snapshot may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Its size in bytes at most.
    pub largest: u64,
    /// All of it must have come by then.
    pub within: Duration,
}

/// Takes a snapshot piece by piece.
pub type Keep<'k> = dyn FnMut(&[u8]) -> Result<(), NodeError> + 'k;

/// The node's own member.
pub trait Etcd: fmt::Debug + Send + Sync {
    /// What it says of itself.
    fn status(&self) -> Result<MemberStatus, EtcdError>;
    /// All members, each asked at its own address; this one too.
    fn members(&self) -> Result<Vec<EtcdMember>, EtcdError>;
    /// Hands all it keeps to `keep`: the database, then its SHA-256. An error may come after some of it.
    fn snapshot(&self, limits: Limits, keep: &mut Keep<'_>) -> Result<(), EtcdError>;
}

/// Where a member serves its gateway, and with which files it and its clients prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// `https://127.0.0.1:2379`.
    pub(super) url: String,
    /// The CA its clients come from; kubeadm's servers come from it too.
    pub(super) ca: Option<String>,
    /// Certificates with their keys it takes from a client, best first.
    pub(super) identities: Vec<(String, String)>,
}

impl Address {
    /// By the arguments of its process.
    pub(super) fn of(argv: &[String]) -> Result<Self, EtcdError> {
        let flag = |name: &str| flags::value(argv, name).filter(|value| !value.is_empty());
        if let Some(file) = flag("config-file") {
            return Err(EtcdError::Silent(format!("its settings are in {file}, not in its flags")));
        }
        let gateway = flag("enable-grpc-gateway").and_then(|value| values::go_bool(&value));
        if gateway == Some(false) {
            return Err(EtcdError::NoGateway("--enable-grpc-gateway=false".to_owned()));
        }
        // Where HTTP has URLs of its own, the others speak gRPC alone (3.5.10 and later).
        let urls = flag("listen-client-http-urls").or_else(|| flag("listen-client-urls"));
        let urls = urls.unwrap_or_else(|| "http://localhost:2379".to_owned());
        let url = nearest(&urls).ok_or_else(|| {
            EtcdError::Silent(format!("it listens nowhere that can be asked: {urls}"))
        })?;
        let own = flag("cert-file").zip(flag("key-file"));
        let beside = own.as_ref().and_then(|(certificate, _)| {
            let (folder, _) = certificate.rsplit_once('/')?;
            let client = format!("{folder}/healthcheck-client");
            Some((format!("{client}.crt"), format!("{client}.key")))
        });
        let identities = beside.into_iter().chain(own).collect();
        Ok(Self { url, ca: flag("trusted-ca-file"), identities })
    }
}

/// The URL that stays on this machine where there is one, with a host that can be asked.
fn nearest(urls: &str) -> Option<String> {
    let found: Vec<(bool, String)> = urls
        .split(',')
        .filter_map(|url| {
            let url = url.trim().trim_end_matches('/');
            let (scheme, place) = url.split_once("://")?;
            let (host, port) = place.rsplit_once(':')?;
            if !matches!(scheme, "http" | "https") {
                return None;
            }
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let host = match bare.parse::<IpAddr>() {
                Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1",
                Ok(IpAddr::V6(address)) if address.is_unspecified() => "[::1]",
                _ => host,
            };
            let near = values::is_loopback(host.trim_matches(['[', ']'])) == Some(true)
                || host == "localhost";
            Some((near, format!("{scheme}://{host}:{port}")))
        })
        .collect();
    found.iter().find(|(near, _)| *near).or_else(|| found.first()).map(|(_, url)| url.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(flags: &[&str]) -> Result<Address, EtcdError> {
        let argv = std::iter::once("etcd").chain(flags.iter().copied()).map(str::to_owned);
        Address::of(&argv.collect::<Vec<_>>())
    }

    #[test]
    fn a_member_is_asked_where_it_listens_on_this_machine() {
        for (flags, url) in [
            (&[][..], "http://localhost:2379"),
            (
                &["--listen-client-urls=https://10.0.0.1:2379,https://127.0.0.1:2379"],
                "https://127.0.0.1:2379",
            ),
            (&["--listen-client-urls=https://10.0.0.1:2379"], "https://10.0.0.1:2379"),
            (&["--listen-client-urls=https://0.0.0.0:2379/"], "https://127.0.0.1:2379"),
            (&["--listen-client-urls=https://[::]:2379"], "https://[::1]:2379"),
            (
                &[
                    "--listen-client-urls=https://127.0.0.1:2379",
                    "--listen-client-http-urls=https://127.0.0.1:2378",
                ],
                "https://127.0.0.1:2378",
            ),
        ] {
            assert_eq!(address(flags).unwrap().url, url, "{flags:?}");
        }
        let kubeadm = address(&[
            "--cert-file=/etc/kubernetes/pki/etcd/server.crt",
            "--key-file=/etc/kubernetes/pki/etcd/server.key",
            "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
        ])
        .unwrap();
        assert_eq!(kubeadm.ca.as_deref(), Some("/etc/kubernetes/pki/etcd/ca.crt"));
        let named: Vec<&str> = kubeadm.identities.iter().map(|(c, _)| c.as_str()).collect();
        let folder = "/etc/kubernetes/pki/etcd";
        assert_eq!(
            named,
            [format!("{folder}/healthcheck-client.crt"), format!("{folder}/server.crt")]
        );
    }

    #[test]
    fn a_member_that_cannot_be_asked_says_why() {
        for (flags, why) in [
            (&["--enable-grpc-gateway=false"][..], "--enable-grpc-gateway=false"),
            (&["--config-file=/etc/etcd.yaml"], "/etc/etcd.yaml"),
            (&["--listen-client-urls=unix://localhost:2379"], "nowhere"),
        ] {
            let error = address(flags).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
