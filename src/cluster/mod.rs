//! Floor 3: the API server.
//!
//! [`Cluster`] answers the few questions of a transaction that only the API can: whether the node is Ready,
//! who leads, what the kubelet reported of a static pod, which other API servers there are; and it holds the one
//! Lease that keeps two control planes from being changed at once. [`Reader`] reads what section 5 is judged by.

#[cfg(feature = "cluster")]
pub mod client;
#[cfg(feature = "cluster")]
mod kubeconfig;
mod lists;
pub mod logged;
#[cfg(feature = "cluster")]
pub mod read;
pub mod recorded;
pub mod silent;
pub mod simulated;

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    model::{
        Component,
        cluster::{ClusterFacts, Resource},
    },
    node::{Node, PodStatus},
};

/// Namespace and name of the Lease that whoever changes a control plane node holds.
pub const LEASE: (&str, &str) = ("kube-system", "kube-temper");

/// This node, as the API shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeStatus {
    /// Condition `Ready` is `True`.
    pub ready: bool,
    /// `renewTime` of its Lease in `kube-node-lease`; renewed every 10 s, stale after 40 s.
    pub renewed: Option<Timestamp>,
}

/// A Lease, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseStatus {
    /// `holderIdentity`; empty when nobody holds it.
    pub holder: String,
    /// `renewTime`.
    pub renewed: Option<Timestamp>,
    /// `leaseDurationSeconds`.
    pub seconds: u32,
}

/// One API server behind the `default/kubernetes` service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiServer {
    /// `10.0.0.11:6443`, from the `EndpointSlice`.
    pub address: String,
    /// It is this node's own.
    pub own: bool,
    /// `/readyz`, asked at this address.
    pub ready: bool,
}

/// A request that was not answered as hoped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// No answer, or none in time.
    #[error("the API server does not answer: {0}")]
    Unreachable(String),
    /// There is nobody to ask from here: no credentials of this node that can be used.
    #[error("the API server cannot be asked from here: {0}")]
    NoAccess(String),
    /// The credentials do not allow it.
    #[error("these credentials may not {verb} {resource}")]
    Forbidden {
        /// `get`, `create`, …
        verb: &'static str,
        /// `leases in kube-system`.
        resource: String,
    },
    /// The Lease belongs to somebody else.
    #[error("{holder} changes another control plane node just now")]
    Held {
        /// Its holder.
        holder: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// The cluster this node belongs to. Every call has a deadline and none is repeated by itself.
pub trait Cluster: fmt::Debug + Send + Sync {
    /// This node.
    fn node(&self) -> Result<NodeStatus, ClusterError>;
    /// A Lease; `None` when there is none of this name.
    fn lease(&self, namespace: &str, name: &str) -> Result<Option<LeaseStatus>, ClusterError>;
    /// What the kubelet last reported of this node's static pod, from its mirror pod. It lags behind: right
    /// after a change it still speaks of the old pod.
    fn pod_status(&self, component: Component) -> Result<Option<PodStatus>, ClusterError>;
    /// Every API server, down or not, each asked at its own address.
    fn api_servers(&self) -> Result<Vec<ApiServer>, ClusterError>;
    /// Takes or renews the Lease [`LEASE`] for this holder.
    fn hold(&self, holder: &str, duration: Duration, now: Timestamp) -> Result<(), ClusterError>;
    /// Gives that Lease back, if this holder has it.
    fn release(&self, holder: &str) -> Result<(), ClusterError>;
}

/// Reads a whole cluster for its verdicts.
pub trait Reader: fmt::Debug + Send + Sync {
    /// Reads these resources. What could not be read is told in the facts; an error when nobody answers.
    fn read(&self, wanted: &BTreeSet<Resource>) -> Result<ClusterFacts, ClusterError>;
}

/// The cluster of a live node, for its verdicts: only an administrator's kubeconfig can read it.
pub fn reader_of_node(node: &dyn Node) -> Arc<dyn Reader> {
    #[cfg(feature = "cluster")]
    let answer = client::ApiClient::reader_of_node(node);
    #[cfg(not(feature = "cluster"))]
    let answer: Result<silent::Silent, ClusterError> = {
        let _ = node;
        Err(ClusterError::Other("this program was built without a client for it".to_owned()))
    };
    match answer {
        Ok(client) => Arc::new(client),
        Err(error) => Arc::new(silent::Silent(error)),
    }
}

/// The cluster of a kubeconfig that the operator named, for its verdicts. Its plugins may run.
pub fn reader_of_kubeconfig(path: &str, bytes: &[u8]) -> Result<Arc<dyn Reader>, ClusterError> {
    #[cfg(feature = "cluster")]
    return Ok(Arc::new(client::ApiClient::of_kubeconfig(path, bytes)?));
    #[cfg(not(feature = "cluster"))]
    {
        let _ = (path, bytes);
        Err(ClusterError::Other("this program was built without a client for it".to_owned()))
    }
}

/// The cluster of a live node, asked with the node's own kubeconfig. Where that is not possible it answers
/// every question with the reason.
pub fn of_node(node: &dyn Node, name: &str) -> Arc<dyn Cluster> {
    #[cfg(feature = "cluster")]
    let answer = client::ApiClient::of_node(node, name);
    #[cfg(not(feature = "cluster"))]
    let answer: Result<Option<silent::Silent>, ClusterError> = {
        let _ = (node, name);
        Err(ClusterError::NoAccess("this program was built without a client for it".to_owned()))
    };
    match answer {
        Ok(Some(client)) => Arc::new(client),
        Ok(None) => Arc::new(silent::Silent(ClusterError::NoAccess(
            "no kubeconfig of this node was found in /etc/kubernetes".to_owned(),
        ))),
        Err(error) => Arc::new(silent::Silent(ClusterError::NoAccess(error.to_string()))),
    }
}
