//! The parts of a Kubernetes node, the distributions we recognise, and kube-bench's targets.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Kubernetes program that runs on a node.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Component {
    KubeApiserver,
    KubeControllerManager,
    KubeScheduler,
    Etcd,
    Kubelet,
    KubeProxy,
}

impl Component {
    /// Every component, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Etcd,
        Self::Kubelet,
        Self::KubeProxy,
    ];

    /// The components kubeadm runs as static pods.
    pub const STATIC_PODS: [Self; 4] =
        [Self::KubeApiserver, Self::KubeControllerManager, Self::KubeScheduler, Self::Etcd];

    /// Name of the binary, of the static pod and of its container.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Etcd => "etcd",
            Self::Kubelet => "kubelet",
            Self::KubeProxy => "kube-proxy",
        }
    }

    /// The component whose binary has this file name, exactly.
    pub fn from_binary(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == name)
    }

    /// Runs as a static pod on a kubeadm control plane.
    pub fn is_static_pod(self) -> bool {
        Self::STATIC_PODS.contains(&self)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What this node is in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs at least one of API server, controller-manager, scheduler or etcd.
    ControlPlane,
    /// Runs a kubelet and no control plane component.
    Worker,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ControlPlane => "control plane",
            Self::Worker => "worker",
        })
    }
}

/// How this node was set up. Fixes are applied on kubeadm layouts only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Distribution {
    Kubeadm,
    Rke2,
    K3s,
    Microk8s,
    /// A worker of a managed service (EKS, GKE, AKS): its control plane is not ours to see.
    Managed,
    Unknown,
}

impl Distribution {
    /// Why apply is refused here and what to do instead; `None` where it is not refused.
    pub const fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Kubeadm => None,
            Self::Rke2 => Some(
                "RKE2 writes its manifests again at every start: set the value in /etc/rancher/rke2/config.yaml (…-arg keys) and restart rke2-server or rke2-agent",
            ),
            Self::K3s => Some(
                "K3s runs everything in one process: set the value in /etc/rancher/k3s/config.yaml (…-arg keys) and restart k3s or k3s-agent",
            ),
            Self::Microk8s => Some(
                "MicroK8s reads /var/snap/microk8s/current/args/*: set the flag there and restart the snap",
            ),
            Self::Managed => Some(
                "this node is rebuilt from a template of its managed service: change the node pool's configuration instead",
            ),
            Self::Unknown => Some(
                "this layout was not recognised as kubeadm: change the value where this node's components are configured",
            ),
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kubeadm => "kubeadm",
            Self::Rke2 => "RKE2",
            Self::K3s => "K3s",
            Self::Microk8s => "MicroK8s",
            Self::Managed => "managed",
            Self::Unknown => "unknown layout",
        })
    }
}

/// kube-bench's spelling of what to check: `--targets master,node`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Section 1.
    Master,
    /// Section 2.
    Etcd,
    /// Section 3.
    Controlplane,
    /// Section 4.
    Node,
    /// Section 5.
    Policies,
}

impl Target {
    /// The target that holds a section (`"1.2"`, `"2"`, `"5.1"`).
    pub fn of_section(section: &str) -> Option<Self> {
        match section.split('.').next()? {
            "1" => Some(Self::Master),
            "2" => Some(Self::Etcd),
            "3" => Some(Self::Controlplane),
            "4" => Some(Self::Node),
            "5" => Some(Self::Policies),
            _ => None,
        }
    }
}

/// A target name neither we nor kube-bench know.
#[derive(Debug, Clone, thiserror::Error)]
#[error("unknown target '{0}': use master, node (or worker), etcd, controlplane, policies")]
pub struct UnknownTarget(String);

impl FromStr for Target {
    type Err = UnknownTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "master" => Ok(Self::Master),
            "etcd" => Ok(Self::Etcd),
            "controlplane" => Ok(Self::Controlplane),
            "node" | "worker" => Ok(Self::Node),
            "policies" => Ok(Self::Policies),
            _ => Err(UnknownTarget(text.to_owned())),
        }
    }
}
