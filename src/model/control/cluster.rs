//! Checks on objects of the cluster, and what is known of clusters in general.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::cluster::PodSecurity;

/// What is looked for among the objects of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "of", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ApiCheck {
    /// Who may do something.
    Rights {
        /// Any of these.
        rights: Vec<Right>,
    },
    /// Who may do everything: bindings to cluster-admin or to a role that equals it.
    Admins {},
    /// Stars in roles.
    Wildcards {},
    /// Bindings for a group.
    Group {
        /// Its name.
        group: String,
    },
    /// `ServiceAccounts` named default: with a token, with rights, in use.
    DefaultAccounts {},
    /// Pods that get a token.
    TokenMounts {},
    /// Pods with a dangerous trait.
    Pods {
        /// Which.
        has: PodTrait,
    },
    /// Namespaces where nothing limits what pods may be.
    PodPolicy {},
    /// Whether the network plugin enforces `NetworkPolicies`.
    NetworkPlugin {},
    /// Namespaces and pods without a `NetworkPolicy`.
    NetworkPolicies {},
    /// What the namespaces hold.
    Namespaces {},
    /// What lies in the namespace default.
    DefaultNamespace {},
    /// Services that claim addresses outside the cluster.
    ExternalAddresses {},
    /// Secrets in the cluster, and stores outside it.
    SecretStores {},
    /// Images that are named by a tag.
    Images {},
    /// Requests for client certificates of the API server.
    ClientCertificates {},
    /// Secrets with a token of a `ServiceAccount`.
    TokenSecrets {},
    /// Secrets with a bootstrap token.
    BootstrapTokens {},
}

/// A permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Right {
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Any of these resources, with subresources as `nodes/proxy`.
    pub resources: Vec<String>,
    /// Any of these verbs; `*` stands for every verb.
    pub verbs: Vec<String>,
}

/// What makes a pod dangerous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum PodTrait {
    Privileged,
    HostPid,
    HostIpc,
    HostNetwork,
    PrivilegeEscalation,
    Root,
    NetRaw,
    AddedCapabilities,
    Capabilities,
    HostProcess,
    HostPath,
    HostPort,
    ProcMount,
    NoSeccomp,
    NoSecurityContext,
    SecretVariables,
}

impl PodTrait {
    /// The lowest level of Pod Security that refuses such pods; `None` where none was made for it.
    pub const fn refused_by(self) -> Option<PodSecurity> {
        match self {
            Self::Privileged
            | Self::HostPid
            | Self::HostIpc
            | Self::HostNetwork
            | Self::AddedCapabilities
            | Self::HostProcess
            | Self::HostPath
            | Self::HostPort
            | Self::ProcMount => Some(PodSecurity::Baseline),
            Self::PrivilegeEscalation | Self::Root | Self::NetRaw | Self::Capabilities => {
                Some(PodSecurity::Restricted)
            }
            Self::NoSeccomp | Self::NoSecurityContext | Self::SecretVariables => None,
        }
    }
}

/// What is known of clusters: what they have of themselves, and the names of what others add.
///
/// A name may end with a star.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownCluster {
    /// What every cluster has of itself; never reported as the user's.
    pub own: OwnObjects,
    /// Whom everybody is: a right for one of them is a right for all.
    pub everyone: Vec<String>,
    /// Network plugins; the first that fits is it.
    pub network_plugins: Vec<NetworkPlugin>,
    /// Programs that judge pods at admission.
    pub policy_engines: Vec<Extension>,
    /// Programs that keep secrets elsewhere.
    pub secret_stores: Vec<Extension>,
    /// Capabilities a container may add at level baseline.
    pub baseline_capabilities: Vec<String>,
    /// Pieces of a node's disk that give away the node or the cluster; those below them too.
    pub dangerous_host_paths: Vec<String>,
}

/// What every cluster has of itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnObjects {
    /// Namespaces.
    pub namespaces: Vec<String>,
    /// Roles the API server labels as its own.
    pub labelled_roles: Vec<String>,
    /// Subjects of bindings it labels as its own, as `kind name` or `kind namespace/name`.
    pub labelled_subjects: Vec<String>,
    /// Other roles.
    pub roles: Vec<String>,
    /// Other bindings, each with the one subject it is for.
    pub grants: Vec<OwnGrant>,
    /// Workloads, as `kind/namespace/name`.
    pub workloads: Vec<String>,
    /// Static pods of a control plane, without the node's name.
    pub static_pods: Vec<String>,
    /// Kubeconfigs of the system that log in as system:masters: for emergencies, or because a distribution
    /// knows no other.
    pub emergency_kubeconfigs: Vec<String>,
    /// What the namespace default holds of itself, as `kind/namespace/name`.
    pub in_default: Vec<String>,
}

/// A binding of the system for one subject.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnGrant {
    /// Name of the binding.
    pub binding: String,
    /// As `kind name` or `kind namespace/name`.
    pub subject: String,
}

/// A network plugin.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkPlugin {
    /// What people call it.
    pub name: String,
    /// It obeys `NetworkPolicies`.
    pub enforces: bool,
    /// Its `DaemonSets`, as `namespace/name`.
    #[serde(default)]
    pub daemon_sets: Vec<String>,
    /// Its files in `/etc/cni/net.d`.
    #[serde(default)]
    pub files: Vec<String>,
}

/// Something a cluster can be extended by.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// What people call it.
    pub name: String,
    /// API groups it brings.
    #[serde(default)]
    pub api_groups: Vec<String>,
    /// Its `ValidatingWebhookConfigurations`.
    #[serde(default)]
    pub webhooks: Vec<String>,
}

/// Whether a name is one of these.
pub fn names(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    })
}
