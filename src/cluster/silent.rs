//! A cluster that cannot be asked, and why: silence is an answer that nobody may take for consent.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;

use super::{ApiServer, Cluster, ClusterError, LeaseStatus, NodeStatus, Reader};
use crate::{
    model::{
        Component,
        cluster::{ClusterFacts, Resource},
    },
    node::PodStatus,
};

/// Answers every question with the same error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent(pub ClusterError);

impl Cluster for Silent {
    fn node(&self) -> Result<NodeStatus, ClusterError> {
        Err(self.0.clone())
    }

    fn lease(&self, _: &str, _: &str) -> Result<Option<LeaseStatus>, ClusterError> {
        Err(self.0.clone())
    }

    fn pod_status(&self, _: Component) -> Result<Option<PodStatus>, ClusterError> {
        Err(self.0.clone())
    }

    fn api_servers(&self) -> Result<Vec<ApiServer>, ClusterError> {
        Err(self.0.clone())
    }

    fn hold(&self, _: &str, _: Duration, _: Timestamp) -> Result<(), ClusterError> {
        Err(self.0.clone())
    }

    fn release(&self, _: &str) -> Result<(), ClusterError> {
        Err(self.0.clone())
    }
}

impl Reader for Silent {
    fn read(&self, _: &BTreeSet<Resource>) -> Result<ClusterFacts, ClusterError> {
        Err(self.0.clone())
    }
}
