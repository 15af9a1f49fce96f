//! Which API server to ask: the one that was given, else on a live node the one its kubeconfig names.

use std::sync::Arc;

use super::Engine;
use crate::{
    cluster::{self, Cluster},
    node::NodeKind,
};

impl Engine {
    /// The cluster of the node with this name; `None` where nothing runs.
    pub(super) fn cluster_of(&self, name: &str) -> Option<Arc<dyn Cluster>> {
        if let Some(given) = &self.cluster {
            return Some(Arc::clone(given));
        }
        (self.node.kind() == NodeKind::Live).then(|| cluster::of_node(self.node.as_ref(), name))
    }

    /// Another API server answers now, so that clients hardly notice when this node's own is away.
    pub(super) fn other_apiserver(&self, name: &str) -> bool {
        let servers = self.cluster_of(name).and_then(|cluster| cluster.api_servers().ok());
        servers.is_some_and(|servers| servers.iter().any(|server| !server.own && server.ready))
    }
}
