//! An API server whose requests are noted in a log: where was asked and how it ended, never what was answered.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{ApiServer, Cluster, ClusterError, LEASE, LeaseStatus, NodeStatus, Reader, lists};
use crate::{
    model::{
        Component,
        cluster::{ClusterFacts, Resource, Unread},
    },
    node::{
        Node, PodStatus,
        log::{End, Kind, Log, Noted, Who},
    },
};

/// Where lines go, with the clock they are told by.
#[derive(Debug, Clone)]
struct Book {
    log: Log,
    node: Arc<dyn Node>,
}

impl Book {
    fn note(&self, verb: &'static str, what: &str, end: End) {
        let (who, kind, before) = (Who::Us, Kind::Sent, "API ");
        let line = Noted { who, kind, verb, before, what, size: None, end };
        self.log.note(line, self.node.clock().now());
    }

    fn asked<T>(
        &self,
        verb: &'static str,
        what: &str,
        result: Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        self.note(verb, what, result.as_ref().map_or_else(failed, |_| End::Done));
        result
    }
}

const fn failed(error: &ClusterError) -> End {
    End::Failed(match error {
        ClusterError::Unreachable(_) => "no answer",
        ClusterError::NoAccess(_) => "no access",
        ClusterError::Forbidden { .. } => "forbidden",
        ClusterError::Held { .. } => "held",
        ClusterError::Other(_) => "failed",
    })
}

/// Notes what is asked of a cluster.
#[derive(Debug)]
pub struct LoggedCluster {
    cluster: Arc<dyn Cluster>,
    book: Book,
}

impl LoggedCluster {
    /// Puts the log in front of it; lines are told by the clock of `node`.
    pub fn new(cluster: Arc<dyn Cluster>, node: &Arc<dyn Node>, log: &Log) -> Self {
        Self { cluster, book: Book { log: log.clone(), node: Arc::clone(node) } }
    }
}

impl Cluster for LoggedCluster {
    fn node(&self) -> Result<NodeStatus, ClusterError> {
        self.book.asked("get", "this node and its lease", self.cluster.node())
    }

    fn lease(&self, namespace: &str, name: &str) -> Result<Option<LeaseStatus>, ClusterError> {
        let what = format!("lease {namespace}/{name}");
        self.book.asked("get", &what, self.cluster.lease(namespace, name))
    }

    fn pod_status(&self, component: Component) -> Result<Option<PodStatus>, ClusterError> {
        let what = format!("mirror pod of {component}");
        self.book.asked("get", &what, self.cluster.pod_status(component))
    }

    fn api_servers(&self) -> Result<Vec<ApiServer>, ClusterError> {
        let servers = self.cluster.api_servers();
        let servers = self.book.asked("get", "endpoints of all API servers", servers)?;
        for server in &servers {
            let end = if server.ready { End::Done } else { End::Failed("not ready") };
            self.book.note("get", &format!("https://{}/readyz", server.address), end);
        }
        Ok(servers)
    }

    fn hold(&self, holder: &str, duration: Duration, now: Timestamp) -> Result<(), ClusterError> {
        let what = format!("lease {}/{}, to hold it", LEASE.0, LEASE.1);
        self.book.asked("put", &what, self.cluster.hold(holder, duration, now))
    }

    fn release(&self, holder: &str) -> Result<(), ClusterError> {
        let what = format!("lease {}/{}, to give it back", LEASE.0, LEASE.1);
        self.book.asked("put", &what, self.cluster.release(holder))
    }
}

/// Notes what is read of a cluster.
#[derive(Debug)]
pub struct LoggedReader {
    reader: Arc<dyn Reader>,
    book: Book,
}

impl LoggedReader {
    /// Puts the log in front of it; lines are told by the clock of `node`.
    pub fn new(reader: Arc<dyn Reader>, node: &Arc<dyn Node>, log: &Log) -> Self {
        Self { reader, book: Book { log: log.clone(), node: Arc::clone(node) } }
    }
}

impl Reader for LoggedReader {
    fn read(&self, wanted: &BTreeSet<Resource>) -> Result<ClusterFacts, ClusterError> {
        let facts = self.book.asked("get", "/version", self.reader.read(wanted))?;
        for resource in wanted {
            let unread = facts.unread.get(resource);
            let end = unread.map_or(End::Done, |unread| {
                End::Failed(match unread {
                    Unread::NoAccess { .. } => "no access",
                    Unread::Broken { .. } => "broken",
                })
            });
            self.book.note("get", lists::path(*resource), end);
        }
        Ok(facts)
    }
}
