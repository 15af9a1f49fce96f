//! What was read of the cluster: of every object only what a verdict needs.
//!
//! The shapes are the API's own (`camelCase`, missing fields empty), so that an answer of the API server and a
//! recorded fact are read alike. Of annotations only named ones are kept: `kubectl apply` writes whole
//! objects into one of them, Secrets included.

mod makers;
mod pods;
mod policies;
mod rights;
mod security;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

pub use makers::{CronJob, CronJobSpec, JobTemplate, PodMaker, PodMakerSpec};
pub use pods::{
    Capabilities, Container, ContainerPort, EnvFrom, EnvVar, HostPath, NamedSource, Pod, PodSpec,
    SeccompProfile, SecurityContext, ValueFrom, Volume, WindowsOptions,
};
pub use policies::{
    MatchResources, NetworkPolicy, NetworkPolicySpec, PolicyBindingSpec, ResourceRule, Selector,
    SelectorRequirement, ValidatingPolicy, ValidatingPolicyBinding, ValidatingPolicySpec, Webhook,
    WebhookConfiguration,
};
pub use rights::{Binding, RbacRole, RoleRef, Rule, Subject};
pub use security::PodSecurity;

/// What can be asked of an API server for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Resource {
    ApiGroups,
    Namespaces,
    Pods,
    ReplicaSets,
    Jobs,
    Deployments,
    StatefulSets,
    DaemonSets,
    CronJobs,
    ServiceAccounts,
    Secrets,
    Services,
    NetworkPolicies,
    Roles,
    ClusterRoles,
    RoleBindings,
    ClusterRoleBindings,
    ValidatingWebhooks,
    ValidatingPolicies,
    ValidatingPolicyBindings,
    SigningRequests,
    KubeProxyConfig,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 22] = [
        Self::ApiGroups,
        Self::Namespaces,
        Self::Pods,
        Self::ReplicaSets,
        Self::Jobs,
        Self::Deployments,
        Self::StatefulSets,
        Self::DaemonSets,
        Self::CronJobs,
        Self::ServiceAccounts,
        Self::Secrets,
        Self::Services,
        Self::NetworkPolicies,
        Self::Roles,
        Self::ClusterRoles,
        Self::RoleBindings,
        Self::ClusterRoleBindings,
        Self::ValidatingWebhooks,
        Self::ValidatingPolicies,
        Self::ValidatingPolicyBindings,
        Self::SigningRequests,
        Self::KubeProxyConfig,
    ];

    /// The right it takes to read it, as one grants it: `list pods`.
    pub const fn right(self) -> &'static str {
        match self {
            Self::ApiGroups => "get /apis",
            Self::Namespaces => "list namespaces",
            Self::Pods => "list pods",
            Self::ReplicaSets => "list replicasets.apps",
            Self::Jobs => "list jobs.batch",
            Self::Deployments => "list deployments.apps",
            Self::StatefulSets => "list statefulsets.apps",
            Self::DaemonSets => "list daemonsets.apps",
            Self::CronJobs => "list cronjobs.batch",
            Self::ServiceAccounts => "list serviceaccounts",
            Self::Secrets => "list secrets",
            Self::Services => "list services",
            Self::NetworkPolicies => "list networkpolicies.networking.k8s.io",
            Self::Roles => "list roles.rbac.authorization.k8s.io",
            Self::ClusterRoles => "list clusterroles.rbac.authorization.k8s.io",
            Self::RoleBindings => "list rolebindings.rbac.authorization.k8s.io",
            Self::ClusterRoleBindings => "list clusterrolebindings.rbac.authorization.k8s.io",
            Self::ValidatingWebhooks => {
                "list validatingwebhookconfigurations.admissionregistration.k8s.io"
            }
            Self::ValidatingPolicies => {
                "list validatingadmissionpolicies.admissionregistration.k8s.io"
            }
            Self::ValidatingPolicyBindings => {
                "list validatingadmissionpolicybindings.admissionregistration.k8s.io"
            }
            Self::SigningRequests => "list certificatesigningrequests.certificates.k8s.io",
            Self::KubeProxyConfig => "get configmap kube-proxy in kube-system",
        }
    }
}

/// Why something was not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "unread", rename_all = "kebab-case")]
pub enum Unread {
    /// These credentials may not, or nobody answered: a person with access can tell.
    NoAccess {
        /// The reason, as a clause.
        why: String,
    },
    /// It should be readable and was not.
    Broken {
        /// What went wrong.
        why: String,
    },
}

/// How the cluster was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cluster", rename_all = "kebab-case")]
pub enum ClusterReading {
    /// Nobody asked.
    NotAsked,
    /// It could not be asked.
    NoAccess {
        /// Why, as a clause: `the API server does not answer: connection refused`.
        why: String,
    },
    /// It was read, as far as its facts say.
    Read(Box<ClusterFacts>),
}

/// Everything that was read of one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each list holds the objects of its name")]
pub struct ClusterFacts {
    /// `v1.36.2`; `None` where that was not for these credentials.
    pub version: Option<String>,
    /// What was asked for and could not be read.
    pub unread: BTreeMap<Resource, Unread>,
    /// Names of the API groups it serves.
    pub api_groups: BTreeSet<String>,
    pub namespaces: Vec<Plain>,
    pub pods: Vec<Pod>,
    pub replica_sets: Vec<Plain>,
    pub jobs: Vec<Plain>,
    pub deployments: Vec<PodMaker>,
    pub stateful_sets: Vec<PodMaker>,
    pub daemon_sets: Vec<PodMaker>,
    pub cron_jobs: Vec<CronJob>,
    pub service_accounts: Vec<ServiceAccount>,
    /// Their metadata; nothing else of a Secret is ever asked for.
    pub secrets: Vec<Plain>,
    pub services: Vec<Service>,
    pub network_policies: Vec<NetworkPolicy>,
    pub roles: Vec<RbacRole>,
    pub cluster_roles: Vec<RbacRole>,
    pub role_bindings: Vec<Binding>,
    pub cluster_role_bindings: Vec<Binding>,
    pub validating_webhooks: Vec<WebhookConfiguration>,
    pub validating_policies: Vec<ValidatingPolicy>,
    pub validating_policy_bindings: Vec<ValidatingPolicyBinding>,
    pub signing_requests: Vec<SigningRequest>,
    /// `config.conf` of kube-proxy's `ConfigMap`; `None` where there is none.
    pub kube_proxy: Option<String>,
}

/// A missing list and `null` are both empty.
fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What says who an object is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its namespace; empty for an object of the whole cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its labels.
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The annotations that are looked at.
    #[serde(deserialize_with = "or_empty")]
    pub annotations: Annotations,
    /// Who made it.
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "Vec::is_empty")]
    pub owner_references: Vec<Owner>,
}

/// The annotations that are looked at; every other one is left where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Annotations {
    /// A static pod's mirror.
    #[serde(rename = "kubernetes.io/config.mirror", skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// The account a token Secret belongs to.
    #[serde(
        rename = "kubernetes.io/service-account.name",
        skip_serializing_if = "Option::is_none"
    )]
    pub service_account: Option<String>,
}

/// An owner reference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct Owner {
    pub kind: String,
    pub name: String,
    pub controller: bool,
}

impl Metadata {
    /// The owner that manages it.
    pub fn controller(&self) -> Option<&Owner> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

/// An object of which only the metadata counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plain {
    /// Who it is.
    pub metadata: Metadata,
}

/// A `ServiceAccount`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct ServiceAccount {
    pub metadata: Metadata,
    pub automount_service_account_token: Option<bool>,
}

/// A Service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct Service {
    pub metadata: Metadata,
    pub spec: ServiceSpec,
}

/// What a Service says of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    /// Addresses the cluster claims for it.
    #[serde(rename = "externalIPs", deserialize_with = "or_empty")]
    pub external_ips: Vec<String>,
}

/// A request for a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct SigningRequest {
    pub metadata: Metadata,
    pub spec: SigningRequestSpec,
}

/// Who asked whom for a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct SigningRequestSpec {
    pub signer_name: String,
    pub username: String,
}
