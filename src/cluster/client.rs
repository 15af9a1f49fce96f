//! The API server through a kubeconfig: [`Cluster`] by the ecosystem's own client.
//!
//! The only place that sees `async`: every question runs to its end on a runtime of its own, within
//! five seconds. TLS is always verified. A kubeconfig of the node never starts a program; only one that
//! the operator named may.

use std::{collections::BTreeSet, fmt, future::Future, path::Path, sync::Mutex, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::{
        coordination::v1::{Lease, LeaseSpec},
        core::v1::{Node as NodeObject, Pod},
        discovery::v1::EndpointSlice,
    },
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{
    Api, Client, Config,
    api::{ListParams, PostParams},
    config::Kubeconfig,
};

use super::{
    ApiServer, Cluster, ClusterError, LEASE, LeaseStatus, NodeStatus, Reader, kubeconfig,
    read::{self, Limits},
};
use crate::{
    model::{
        Component,
        cluster::{ClusterFacts, Resource},
    },
    node::{Node, PodStatus, host::DirFiles},
};

/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Larger than any kubeconfig.
const LIMIT: u64 = 1 << 20;

/// Kubeconfigs of a kubeadm node that can ask for everything, in order of preference; a worker has only
/// the last, which knows the node itself and its own lease.
pub const KUBECONFIGS: [&str; 3] = [
    "/etc/kubernetes/admin.conf",
    "/etc/kubernetes/super-admin.conf",
    "/etc/kubernetes/kubelet.conf",
];

/// Where kubeadm writes down the address of an API server, on its pod.
const ENDPOINT: &str = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint";

/// Where the lease of every node is.
const NODE_LEASES: &str = "kube-node-lease";

/// The API server, asked with the credentials of one kubeconfig.
pub struct ApiClient {
    runtime: Mutex<tokio::runtime::Runtime>,
    client: Client,
    /// To ask another API server with the same credentials; `None` where the client was made otherwise.
    config: Option<Config>,
    /// This node's name; empty where only the cluster is asked about.
    node: String,
    limits: Limits,
}

impl fmt::Debug for ApiClient {
    /// Credentials stay out of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient").field("node", &self.node).finish_non_exhaustive()
    }
}

impl ApiClient {
    /// The first of [`KUBECONFIGS`] that is here; `Ok(None)` when none is.
    pub fn of_node(node: &dyn Node, name: &str) -> Result<Option<Self>, ClusterError> {
        Self::first_of(&KUBECONFIGS, node, name)
    }

    /// The first administrator's kubeconfig of this node.
    pub fn reader_of_node(node: &dyn Node) -> Result<Self, ClusterError> {
        let [admin, super_admin, _] = KUBECONFIGS;
        Self::first_of(&[admin, super_admin], node, "")?.ok_or_else(|| {
            ClusterError::Other(
                "this node has no administrator's kubeconfig: name one with --kubeconfig"
                    .to_owned(),
            )
        })
    }

    fn first_of(paths: &[&str], node: &dyn Node, name: &str) -> Result<Option<Self>, ClusterError> {
        for path in paths {
            match node.files().read(path, LIMIT) {
                Ok(bytes) => {
                    let kubeconfig = kubeconfig::parse(path, &bytes)?;
                    kubeconfig::starts_nothing(path, &kubeconfig)?;
                    return Self::connect(path, kubeconfig, name, Limits::OWN).map(Some);
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(ClusterError::Other(error.to_string())),
            }
        }
        Ok(None)
    }

    /// A kubeconfig that the operator named: its plugins may run.
    pub fn of_kubeconfig(path: &str, bytes: &[u8]) -> Result<Self, ClusterError> {
        Self::within(path, bytes, Limits::NAMED)
    }

    /// The same, with other limits.
    pub fn within(path: &str, bytes: &[u8], limits: Limits) -> Result<Self, ClusterError> {
        let mut kubeconfig = kubeconfig::parse(path, bytes)?;
        if let Ok(files) = DirFiles::read_only(Path::new("/")) {
            kubeconfig::read_tokens(&mut kubeconfig, &files);
        }
        let named = path.to_owned();
        kubeconfig::patiently(path, move || Self::connect(&named, kubeconfig, "", limits))
    }

    fn connect(
        path: &str,
        kubeconfig: Kubeconfig,
        name: &str,
        limits: Limits,
    ) -> Result<Self, ClusterError> {
        let runtime = runtime()?;
        let connection =
            runtime.block_on(kubeconfig::connect(path, kubeconfig, limits.answer.max(DEADLINE)))?;
        Ok(Self {
            runtime: Mutex::new(runtime),
            client: connection.client,
            config: Some(connection.config),
            node: name.to_owned(),
            limits,
        })
    }

    /// Runs one question to its end.
    fn ask<T>(
        &self,
        verb: &'static str,
        resource: &str,
        question: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        let runtime = self.runtime.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        runtime.block_on(async {
            match tokio::time::timeout(DEADLINE, question).await {
                Ok(answer) => answer.map_err(|error| said(&error, verb, resource)),
                Err(_) => Err(ClusterError::Unreachable(format!(
                    "nothing within {} s",
                    DEADLINE.as_secs()
                ))),
            }
        })
    }

    fn leases(&self, namespace: &str) -> Api<Lease> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn find_lease(&self, namespace: &str, name: &str) -> Result<Option<Lease>, ClusterError> {
        let resource = format!("leases in {namespace}");
        self.ask("get", &resource, self.leases(namespace).get_opt(name))
    }

    fn own(&self) -> Result<NodeObject, ClusterError> {
        let nodes: Api<NodeObject> = Api::all(self.client.clone());
        self.ask("get", "nodes", nodes.get(&self.node))
    }

    /// Addresses of the API servers that kubeadm set up, down or not: one that ended is soon missing among the
    /// endpoints, its mirror pod stays as long as its node. Whoever may not see pods sees none.
    fn advertised(&self) -> Result<Vec<String>, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), LEASE.0);
        let servers = ListParams::default().labels("component=kube-apiserver");
        let pods = match self.ask("list", "pods in kube-system", pods.list(&servers)) {
            Err(ClusterError::Forbidden { .. }) => return Ok(Vec::new()),
            pods => pods?.items,
        };
        let endpoint = |pod: Pod| pod.metadata.annotations?.remove(ENDPOINT);
        Ok(pods.into_iter().filter_map(endpoint).collect())
    }

    /// `/readyz` of one API server, at its own address and with its certificate verified for it.
    fn is_ready(&self, address: &str) -> bool {
        let Some(config) = &self.config else { return false };
        let Ok(url) = format!("https://{address}").parse() else { return false };
        let ready = async {
            let mut config = config.clone();
            config.cluster_url = url;
            let client = Client::try_from(config)?;
            let request = http::Request::get("/readyz").body(Vec::new());
            client.request_text(request.map_err(kube::Error::HttpError)?).await
        };
        self.ask("get", "/readyz", ready).is_ok()
    }
}

impl Cluster for ApiClient {
    fn node(&self) -> Result<NodeStatus, ClusterError> {
        let conditions =
            self.own()?.status.and_then(|status| status.conditions).unwrap_or_default();
        let ready = conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True");
        let lease = self.find_lease(NODE_LEASES, &self.node)?;
        Ok(NodeStatus { ready, renewed: lease.as_ref().and_then(renewed) })
    }

    fn lease(&self, namespace: &str, name: &str) -> Result<Option<LeaseStatus>, ClusterError> {
        Ok(self.find_lease(namespace, name)?.map(|lease| LeaseStatus {
            renewed: renewed(&lease),
            holder: holder(&lease).unwrap_or_default().to_owned(),
            seconds: seconds(&lease),
        }))
    }

    fn pod_status(&self, component: Component) -> Result<Option<PodStatus>, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), "kube-system");
        let name = format!("{component}-{}", self.node);
        let pod = self.ask("get", "pods in kube-system", pods.get_opt(&name))?;
        Ok(pod.as_ref().and_then(|pod| verdict(pod, component)))
    }

    fn api_servers(&self) -> Result<Vec<ApiServer>, ClusterError> {
        let slices: Api<EndpointSlice> = Api::namespaced(self.client.clone(), "default");
        let of_kubernetes = ListParams::default().labels("kubernetes.io/service-name=kubernetes");
        let slices =
            self.ask("list", "endpointslices in default", slices.list(&of_kubernetes))?.items;
        let mut found: Vec<String> = slices.iter().flat_map(addresses).collect();
        found.extend(self.advertised()?);
        found.sort();
        found.dedup();
        let own = self.own()?.status.and_then(|status| status.addresses).unwrap_or_default();
        let servers = found.into_iter().map(|address| ApiServer {
            own: own.iter().any(|own| host(&address) == own.address),
            ready: self.is_ready(&address),
            address,
        });
        Ok(servers.collect())
    }

    fn hold(&self, holder: &str, duration: Duration, now: Timestamp) -> Result<(), ClusterError> {
        let (namespace, name) = LEASE;
        let found = self.find_lease(namespace, name)?;
        let resource = format!("leases in {namespace}");
        let api = self.leases(namespace);
        let Some(mut lease) = found else {
            let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(spec(None, holder, duration, now)) };
            let params = PostParams::default();
            let created = api.create(&params, &lease);
            return self.ask("create", &resource, created).map(drop);
        };
        if let Some(other) = held_by_another(&lease, holder, now) {
            return Err(ClusterError::Held { holder: other });
        }
        lease.spec = Some(spec(lease.spec.take(), holder, duration, now));
        // The resource version goes along: of two that write at once one is told so.
        self.ask("update", &resource, api.replace(name, &PostParams::default(), &lease)).map(drop)
    }

    fn release(&self, held: &str) -> Result<(), ClusterError> {
        let (namespace, name) = LEASE;
        let Some(mut lease) = self.find_lease(namespace, name)? else { return Ok(()) };
        if holder(&lease) != Some(held) {
            return Ok(());
        }
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
        }
        let resource = format!("leases in {namespace}");
        let replaced = self.leases(namespace);
        let params = PostParams::default();
        self.ask("update", &resource, replaced.replace(name, &params, &lease)).map(drop)
    }
}

impl Reader for ApiClient {
    fn read(&self, wanted: &BTreeSet<Resource>) -> Result<ClusterFacts, ClusterError> {
        let runtime = self.runtime.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        runtime.block_on(read::read(&self.client, wanted, self.limits))
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, ClusterError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| ClusterError::Other(format!("no runtime: {error}")))
}

fn said(error: &kube::Error, verb: &'static str, resource: &str) -> ClusterError {
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
            ClusterError::Forbidden { verb, resource: resource.to_owned() }
        }
        kube::Error::Api(status) if status.code >= 500 => {
            ClusterError::Unreachable(format!("it answers {}", status.code))
        }
        kube::Error::Api(status) => {
            ClusterError::Other(format!("{verb} {resource}: {}", status.message))
        }
        kube::Error::HyperError(error) => ClusterError::Unreachable(error.to_string()),
        kube::Error::Service(error) => ClusterError::Unreachable(deepest(error.as_ref())),
        other => ClusterError::Other(format!("{verb} {resource}: {other}")),
    }
}

/// The innermost cause: `connection refused`, not four wrappers around it.
pub(super) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn renewed(lease: &Lease) -> Option<Timestamp> {
    let time = lease.spec.as_ref()?.renew_time.as_ref()?;
    Timestamp::from_microsecond(time.0.as_microsecond()).ok()
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

fn seconds(lease: &Lease) -> u32 {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(0)
}

/// Whoever else holds this lease and has renewed it in time.
fn held_by_another(lease: &Lease, own: &str, now: Timestamp) -> Option<String> {
    let other = holder(lease).filter(|holder| *holder != own)?;
    let ends = renewed(lease)?.checked_add(Duration::from_secs(seconds(lease).into())).ok()?;
    (ends > now).then(|| other.to_owned())
}

/// The client's library speaks of time through another version of ours.
fn micro_time(now: Timestamp) -> Option<MicroTime> {
    k8s_openapi::jiff::Timestamp::from_microsecond(now.as_microsecond()).ok().map(MicroTime)
}

fn spec(earlier: Option<LeaseSpec>, holder: &str, duration: Duration, now: Timestamp) -> LeaseSpec {
    let earlier = earlier.unwrap_or_default();
    let same = earlier.holder_identity.as_deref() == Some(holder);
    LeaseSpec {
        acquire_time: earlier.acquire_time.filter(|_| same).or_else(|| micro_time(now)),
        holder_identity: Some(holder.to_owned()),
        lease_duration_seconds: i32::try_from(duration.as_secs()).ok(),
        lease_transitions: Some(earlier.lease_transitions.unwrap_or(0) + i32::from(!same)),
        renew_time: micro_time(now),
        ..LeaseSpec::default()
    }
}

/// What a mirror pod says of the component's container.
fn verdict(pod: &Pod, component: Component) -> Option<PodStatus> {
    let hash = pod.metadata.annotations.as_ref()?.get("kubernetes.io/config.hash")?.clone();
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    let container = containers.iter().find(|container| container.name == component.as_str())?;
    Some(PodStatus {
        pod: hash,
        started: container.started.unwrap_or(false),
        ready: container.ready,
        restarts: u32::try_from(container.restart_count).unwrap_or(0),
    })
}

/// Every address of a slice with its port for `https`: `10.0.0.11:6443`, `[fd00::11]:6443`.
fn addresses(slice: &EndpointSlice) -> Vec<String> {
    let mut ports = slice.ports.iter().flatten();
    let Some(port) = ports.find_map(|port| port.port) else { return Vec::new() };
    let hosts = slice.endpoints.iter().flat_map(|endpoint| &endpoint.addresses);
    let bracketed = |host: &String| {
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    };
    hosts.map(bracketed).collect()
}

/// The host of such an address.
fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
