//! Which API server to ask: the one that was given, else on a live node the one its kubeconfig names.

use std::{collections::BTreeSet, sync::Arc};

use super::Engine;
use crate::{
    cluster::{self, Cluster, Reader},
    model::{
        NodeFacts,
        cluster::{ClusterReading, Resource},
        facts::VersionFact,
    },
    node::NodeKind,
};

impl Engine {
    /// The cluster of the node with this name; `None` where nothing runs.
    pub(super) fn cluster_of(&self, name: &str) -> Option<Arc<dyn Cluster>> {
        let cluster = match &self.cluster {
            Some(given) => Arc::clone(given),
            None if self.node.kind() == NodeKind::Live => {
                cluster::of_node(self.node.as_ref(), name)
            }
            None => return None,
        };
        Some(self.noted_cluster(cluster))
    }

    /// Whoever reads the cluster for its verdicts: the one that was named, else a live node's own credentials.
    fn reader(&self) -> Option<Arc<dyn Reader>> {
        let reader = match &self.reader {
            Some(named) => Arc::clone(named),
            None if self.node.kind() == NodeKind::Live => {
                cluster::reader_of_node(self.node.as_ref())
            }
            None => return None,
        };
        Some(self.noted_reader(reader))
    }

    /// Reads what the verdicts need of the cluster.
    pub(super) fn read_cluster(&self, wanted: &BTreeSet<Resource>) -> ClusterReading {
        let Some(reader) = self.reader().filter(|_| !wanted.is_empty()) else {
            return ClusterReading::NotAsked;
        };
        match reader.read(wanted) {
            Ok(facts) => ClusterReading::Read(Box::new(facts)),
            Err(error) => ClusterReading::NoAccess { why: error.to_string() },
        }
    }

    /// Where nothing on the node tells its version, the API server does.
    pub(super) fn ask_version(&self, facts: &mut NodeFacts) {
        if facts.profile.version.is_some() || self.settings.benchmark.is_some() {
            return;
        }
        let read = self.reader().and_then(|reader| reader.read(&BTreeSet::new()).ok());
        facts.profile.version = read.and_then(|read| {
            let text = read.version?;
            let minor = text.parse().ok()?;
            Some(VersionFact { text, minor, source: "the API server".to_owned() })
        });
    }

    /// Another API server answers now, so that clients hardly notice when this node's own is away.
    pub(super) fn other_apiserver(&self, name: &str) -> bool {
        let servers = self.cluster_of(name).and_then(|cluster| cluster.api_servers().ok());
        servers.is_some_and(|servers| servers.iter().any(|server| !server.own && server.ready))
    }
}
