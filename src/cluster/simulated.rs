//! The cluster of a simulated node: one whose API server is part of the same simulation, so that it is
//! away exactly when that is.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    ApiServer, Cluster, ClusterError, LEASE, LeaseStatus, NodeStatus, Reader,
    recorded::{API_1_36_2, RecordedApi},
};
use crate::{
    model::{
        Component,
        cluster::{ClusterFacts, Resource},
    },
    node::{PodStatus, sim::SimNode},
};

/// What the simulated node itself does not know of its cluster.
#[derive(Debug, Default)]
struct Others {
    api_servers: Vec<ApiServer>,
    /// Holder of [`LEASE`], since when, and for how long.
    lease: Option<(String, Timestamp, Duration)>,
    /// Whoever took it so far.
    holders: Vec<String>,
}

/// The API server of a [`SimNode`].
#[derive(Debug)]
pub struct SimCluster {
    node: Arc<SimNode>,
    others: Mutex<Others>,
}

impl SimCluster {
    /// A cluster of this node alone; a worker has its API server elsewhere.
    pub fn new(node: Arc<SimNode>) -> Self {
        let cluster = Self { node, others: Mutex::default() };
        if cluster.node.own_api_server().is_none() {
            cluster.set_api_server("10.0.0.10:6443", true);
        }
        cluster
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another API server comes, or its health changes.
    pub fn set_api_server(&self, address: &str, ready: bool) {
        let mut others = self.others();
        others.api_servers.retain(|server| server.address != address);
        others.api_servers.push(ApiServer { address: address.to_owned(), own: false, ready });
    }

    /// Somebody else takes the Lease [`LEASE`].
    pub fn give_lease(&self, holder: &str, duration: Duration, now: Timestamp) {
        self.others().lease = Some((holder.to_owned(), now, duration));
    }

    /// Whoever took the Lease so far, in order.
    pub fn holders(&self) -> Vec<String> {
        self.others().holders.clone()
    }

    fn answers(&self) -> Result<(), ClusterError> {
        if self.node.api_answers() {
            Ok(())
        } else {
            Err(ClusterError::Unreachable(self.node.api_silence().to_owned()))
        }
    }
}

/// The Lease has run out.
fn is_over(since: Timestamp, duration: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(since)).is_ok_and(|passed| passed >= duration)
}

impl Cluster for SimCluster {
    fn node(&self) -> Result<NodeStatus, ClusterError> {
        self.answers()?;
        let (ready, renewed) = self.node.node_status();
        Ok(NodeStatus { ready, renewed: Some(renewed) })
    }

    fn lease(&self, namespace: &str, name: &str) -> Result<Option<LeaseStatus>, ClusterError> {
        self.answers()?;
        let seconds = |lasts: Duration| u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX);
        if (namespace, name) == LEASE {
            return Ok(self.others().lease.as_ref().map(|(holder, since, lasts)| LeaseStatus {
                holder: holder.clone(),
                renewed: Some(*since),
                seconds: seconds(*lasts),
            }));
        }
        let component = Component::ALL.into_iter().find(|component| component.as_str() == name);
        Ok(component.filter(|_| namespace == LEASE.0).and_then(|component| {
            let lease = self.node.leader(component)?;
            Some(LeaseStatus {
                holder: lease.holder,
                renewed: Some(lease.renewed),
                seconds: seconds(lease.lasts),
            })
        }))
    }

    fn pod_status(&self, component: Component) -> Result<Option<PodStatus>, ClusterError> {
        self.answers()?;
        Ok(self.node.mirror_pod(component))
    }

    fn api_servers(&self) -> Result<Vec<ApiServer>, ClusterError> {
        self.answers()?;
        let own = self.node.own_api_server();
        let own = own.map(|(address, ready)| ApiServer { address, own: true, ready });
        Ok(own.into_iter().chain(self.others().api_servers.iter().cloned()).collect())
    }

    fn hold(&self, holder: &str, duration: Duration, now: Timestamp) -> Result<(), ClusterError> {
        self.answers()?;
        let mut others = self.others();
        if let Some((other, since, lasts)) = &others.lease
            && other != holder
            && !is_over(*since, *lasts, now)
        {
            return Err(ClusterError::Held { holder: other.clone() });
        }
        others.lease = Some((holder.to_owned(), now, duration));
        others.holders.push(holder.to_owned());
        Ok(())
    }

    fn release(&self, holder: &str) -> Result<(), ClusterError> {
        self.answers()?;
        self.others().lease.take_if(|(other, ..)| other == holder);
        Ok(())
    }
}

impl Reader for SimCluster {
    fn read(&self, wanted: &BTreeSet<Resource>) -> Result<ClusterFacts, ClusterError> {
        self.answers()?;
        RecordedApi::of(&API_1_36_2)?.read(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Component::{KubeApiserver, KubeControllerManager, KubeScheduler},
        node::{
            Clock as _, Node as _,
            recording::{KUBEADM_1_36_2, KUBEADM_1_36_2_WORKER, Recording},
            sim::VirtualClock,
        },
    };

    struct Lab {
        node: Arc<SimNode>,
        cluster: SimCluster,
        clock: VirtualClock,
    }

    fn lab(recording: &Recording) -> Lab {
        let clock = VirtualClock::default();
        let node = Arc::new(SimNode::new(recording, Arc::new(clock.clone()), 3).unwrap());
        Lab { cluster: SimCluster::new(node.clone()), node, clock }
    }

    impl Lab {
        fn pass(&self, seconds: u64) {
            self.clock.advance(Duration::from_secs(seconds));
        }

        /// Seconds since a lease of kube-system was renewed, and who has it.
        fn lease(&self, component: Component) -> (i64, String) {
            let lease = self.cluster.lease("kube-system", component.as_str()).unwrap().unwrap();
            let age = self.clock.now().duration_since(lease.renewed.unwrap()).as_secs();
            (age, lease.holder)
        }

        /// Seconds since the node's lease was renewed, and whether it is ready.
        fn node(&self) -> (i64, bool) {
            let status = self.cluster.node().unwrap();
            (self.clock.now().duration_since(status.renewed.unwrap()).as_secs(), status.ready)
        }

        fn add_flag(&self, component: Component, flag: &str) {
            let path = format!("/etc/kubernetes/manifests/{component}.yaml");
            let command = format!("    - {component}\n");
            let text = self.node.text(&path).unwrap();
            let edited = text.replacen(&command, &format!("{command}    - {flag}\n"), 1);
            self.node.replace(&path, &edited).unwrap();
        }
    }

    #[test]
    fn a_calm_node_renews_every_lease() {
        let lab = lab(&KUBEADM_1_36_2);
        for _ in 0..100 {
            lab.pass(7);
            let (age, ready) = lab.node();
            assert!(age <= 10 && ready, "{age}");
            for component in [KubeScheduler, KubeControllerManager] {
                let (age, holder) = lab.lease(component);
                assert!(age <= 2 && holder.starts_with("cp1_"), "{age} {holder}");
            }
        }
        assert_eq!(lab.cluster.lease("kube-system", "nobody"), Ok(None));
    }

    #[test]
    fn a_new_leader_waits_until_the_old_lease_has_run_out() {
        let lab = lab(&KUBEADM_1_36_2);
        let (_, old) = lab.lease(KubeScheduler);
        lab.node.kill(KubeScheduler);
        lab.pass(12);
        let (age, holder) = lab.lease(KubeScheduler);
        assert!(age >= 10 && holder == old, "{age} {holder}");
        lab.pass(8);
        let (age, holder) = lab.lease(KubeScheduler);
        assert!(age <= 2 && holder != old, "{age} {holder}");
    }

    #[test]
    fn nothing_answers_while_the_api_server_is_away_and_leases_come_back_after_it() {
        let lab = lab(&KUBEADM_1_36_2);
        lab.add_flag(KubeApiserver, "--profiling=false");
        lab.pass(5);
        for answer in [
            lab.cluster.node().map(drop),
            lab.cluster.api_servers().map(drop),
            lab.cluster.pod_status(KubeScheduler).map(drop),
            lab.cluster.hold("us", Duration::from_secs(60), lab.clock.now()),
        ] {
            assert!(matches!(answer, Err(ClusterError::Unreachable(_))), "{answer:?}");
        }
        lab.pass(100);
        let (age, ready) = lab.node();
        assert!(age <= 10 && ready, "{age}");
        for component in [KubeScheduler, KubeControllerManager] {
            assert!(lab.lease(component).0 <= 2, "{component}");
        }
        let servers = lab.cluster.api_servers().unwrap();
        assert_eq!(servers.len(), 1);
        assert!(servers[0].own && servers[0].ready, "{servers:?}");
    }

    #[test]
    fn a_node_without_kubelet_is_not_ready_after_the_grace_period() {
        let lab = lab(&KUBEADM_1_36_2);
        lab.node.stop_kubelet();
        lab.pass(40);
        let (age, ready) = lab.node();
        assert!(age >= 30 && ready, "{age}");
        lab.pass(30);
        assert!(!lab.node().1);
        lab.node.kubelet().unwrap().restart().unwrap();
        lab.pass(5);
        assert!(lab.node().1);
    }

    #[test]
    fn a_worker_asks_an_api_server_elsewhere() {
        let lab = lab(&KUBEADM_1_36_2_WORKER);
        assert!(lab.node().1);
        let servers = lab.cluster.api_servers().unwrap();
        assert!(servers.iter().all(|server| !server.own && server.ready), "{servers:?}");
        assert!(lab.lease(KubeScheduler).0 <= 2);
        lab.node.set_remote_api(false);
        assert!(lab.cluster.node().is_err());
        lab.pass(90);
        lab.node.set_remote_api(true);
        lab.pass(2);
        let (age, ready) = lab.node();
        assert!(age <= 2 && ready, "{age}");
    }

    #[test]
    fn the_lease_of_one_holder_is_nobody_elses_until_it_runs_out() {
        let lab = lab(&KUBEADM_1_36_2);
        let minute = Duration::from_secs(60);
        let hold = |holder: &str| lab.cluster.hold(holder, minute, lab.clock.now());
        lab.cluster.give_lease("cp2", minute, lab.clock.now());
        assert_eq!(hold("cp1"), Err(ClusterError::Held { holder: "cp2".to_owned() }));
        lab.cluster.release("cp1").unwrap();
        assert!(hold("cp1").is_err());
        lab.pass(61);
        assert_eq!(hold("cp1"), Ok(()));
        assert_eq!(hold("cp1"), Ok(()));
        lab.cluster.release("cp1").unwrap();
        assert_eq!(hold("cp2"), Ok(()));
    }
}
