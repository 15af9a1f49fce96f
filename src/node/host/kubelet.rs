//! The live node's kubelet, to be asked: its own probes, its health, its verdict on static pods.
//!
//! Nothing here needs the API server. Where the kubelet does not let us ask, the answer is "cannot say".

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    SystemClock,
    files::DirFiles,
    http::{Http, Identity, default_address},
    service::Service,
};
use crate::{
    model::{Component, facts::Probe},
    node::{
        Clock as _, Files as _, KubeletView, NodeError, PodStatus, ProbeAnswer, ServiceState,
        collect::RunningKubelet,
    },
};

/// What kubeadm gives the API server to ask kubelets with.
const CERTIFICATE: &str = "/etc/kubernetes/pki/apiserver-kubelet-client.crt";
const KEY: &str = "/etc/kubernetes/pki/apiserver-kubelet-client.key";

/// Largest certificate or key that is read, in bytes.
const PEM_LIMIT: u64 = 1 << 20;

/// Largest list of pods that is read, in bytes: 500 pods need some 5 MiB.
const PODS_LIMIT: u64 = 32 << 20;

/// How long the kubelet may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// How long a list of pods is believed: the kubelet looks at its containers once a second.
const FRESH: Duration = Duration::from_millis(800);

/// `healthzPort`, when nothing sets it.
const HEALTH_PORT: &str = "10248";

/// `port`, when nothing sets it.
const PORT: &str = "10250";

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The kubelet of the node this program runs on.
#[derive(Debug)]
pub(crate) struct HostKubelet {
    files: Arc<DirFiles>,
    clock: SystemClock,
    http: Http,
    service: Service,
    pods: Mutex<Option<(Duration, Vec<Pod>)>>,
}

impl HostKubelet {
    pub(crate) fn new(files: Arc<DirFiles>, clock: SystemClock) -> Self {
        let (http, service) = (Http::anonymous(), Service::find());
        Self { files, clock, http, service, pods: Mutex::new(None) }
    }

    fn running(&self) -> Option<RunningKubelet> {
        RunningKubelet::find(self.files.as_ref())
    }

    /// Address of pods on the host network, as the kubelet finds it.
    fn own_address(&self) -> IpAddr {
        let named = self.running().and_then(|kubelet| {
            let given = |flag| crate::text::flags::value(&kubelet.process.argv, flag);
            let text = given("node-ip").or_else(|| given("hostname-override"))?;
            text.split(',')
                .next()?
                .parse()
                .ok()
                .filter(|address: &IpAddr| !address.is_unspecified())
        });
        named.or_else(default_address).unwrap_or(LOOPBACK)
    }

    /// Its list of pods, asked as the API server asks; nothing when it does not tell us.
    fn ask_for_pods(&self) -> Option<Vec<Pod>> {
        let read = |path| self.files.read(path, PEM_LIMIT).ok();
        let identity = Identity::from_pem(&read(CERTIFICATE)?, &read(KEY)?)?;
        let port = self.running()?.setting("port", "port").unwrap_or_else(|| PORT.to_owned());
        let url = format!("https://127.0.0.1:{port}/pods");
        let body = Http::with(identity).body(&url, ANSWER, PODS_LIMIT)?;
        serde_json::from_slice::<PodList>(&body).ok().map(|list| list.items)
    }
}

impl KubeletView for HostKubelet {
    fn pod_status(&self, component: Component) -> Result<Option<PodStatus>, NodeError> {
        let mut known = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic();
        let fresh = known.as_ref().is_some_and(|(at, _)| now.saturating_sub(*at) < FRESH);
        if !fresh {
            *known = self.ask_for_pods().map(|pods| (now, pods));
        }
        Ok(known.as_ref().and_then(|(_, pods)| status(pods, component)))
    }

    fn probe(&self, probe: &Probe) -> ProbeAnswer {
        let own = if probe.host.is_some() { LOOPBACK } else { self.own_address() };
        self.http.probe(probe, own)
    }

    fn restart(&self) -> Result<(), NodeError> {
        self.service.restart(&SystemClock::new())
    }

    fn can_restart(&self) -> Result<(), NodeError> {
        self.service.can_restart(&SystemClock::new())
    }

    fn healthy(&self) -> bool {
        let Some(kubelet) = self.running() else { return false };
        match health(&kubelet) {
            Health::At(url) => self.http.status(&url, ANSWER) == ProbeAnswer::Status(200),
            // It serves, whatever it thinks of us.
            Health::Server(url) => {
                matches!(self.http.status(&url, ANSWER), ProbeAnswer::Status(200 | 401 | 403))
            }
        }
    }

    fn log(&self, since: Timestamp) -> Result<Option<String>, NodeError> {
        self.service.log(since, &self.clock)
    }

    fn service(&self) -> Result<Option<ServiceState>, NodeError> {
        self.service.state(&SystemClock::new())
    }
}

/// Where a kubelet shows that it lives.
#[derive(Debug, PartialEq, Eq)]
enum Health {
    /// Its health endpoint.
    At(String),
    /// The endpoint is switched off: its server must do.
    Server(String),
}

fn health(kubelet: &RunningKubelet) -> Health {
    let port = kubelet.setting("healthz-port", "healthzPort");
    let port = port.unwrap_or_else(|| HEALTH_PORT.to_owned());
    if port == "0" {
        let port = kubelet.setting("port", "port").unwrap_or_else(|| PORT.to_owned());
        let address = kubelet.setting("address", "address");
        return Health::Server(format!("https://{}:{port}/healthz", asked(address.as_deref())));
    }
    let address = kubelet.setting("healthz-bind-address", "healthzBindAddress");
    Health::At(format!("http://{}:{port}/healthz", asked(address.as_deref())))
}

/// The host to ask for something that listens at this address; all and none are the loopback.
fn asked(bound: Option<&str>) -> String {
    match bound.and_then(|text| text.parse().ok()) {
        Some(IpAddr::V4(address)) if !address.is_unspecified() => address.to_string(),
        Some(IpAddr::V6(address)) if address.is_unspecified() => "[::1]".to_owned(),
        Some(IpAddr::V6(address)) => format!("[{address}]"),
        _ => LOOPBACK.to_string(),
    }
}

#[derive(Debug, Deserialize)]
struct PodList {
    #[serde(default)]
    items: Vec<Pod>,
}

#[derive(Debug, Deserialize)]
struct Pod {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    annotations: Option<std::collections::BTreeMap<String, String>>,
    #[serde(default)]
    deletion_timestamp: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(default)]
    started: Option<bool>,
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    restart_count: u32,
}

/// The status of a component's static pod: namespace `kube-system`, from a file, container of its name.
fn status(pods: &[Pod], component: Component) -> Option<PodStatus> {
    let of = |pod: &Pod| {
        let note = |name: &str| pod.metadata.annotations.as_ref()?.get(name).cloned();
        let ours = pod.metadata.namespace == "kube-system"
            && note("kubernetes.io/config.source").as_deref() == Some("file");
        let hash = note("kubernetes.io/config.hash").filter(|_| ours)?;
        let containers = pod.status.container_statuses.as_deref().unwrap_or_default();
        let container = containers.iter().find(|c| c.name == component.as_str())?;
        Some(PodStatus {
            pod: hash,
            started: container.started == Some(true),
            ready: container.ready,
            restarts: container.restart_count,
        })
    };
    // While a pod is replaced both are listed: the one that stays counts.
    let mut stays = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    stays.find_map(of).or_else(|| pods.iter().find_map(of))
}

#[cfg(test)]
#[path = "kubelet_tests.rs"]
mod tests;
