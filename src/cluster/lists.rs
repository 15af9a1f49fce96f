//! What an API server answers for each [`Resource`], and where that goes in [`ClusterFacts`].

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};

use crate::model::cluster::{ClusterFacts, Resource};

/// Where it is asked for.
pub(super) const fn path(resource: Resource) -> &'static str {
    match resource {
        Resource::ApiGroups => "/apis",
        Resource::Namespaces => "/api/v1/namespaces",
        Resource::Pods => "/api/v1/pods",
        Resource::ReplicaSets => "/apis/apps/v1/replicasets",
        Resource::Jobs => "/apis/batch/v1/jobs",
        Resource::Deployments => "/apis/apps/v1/deployments",
        Resource::StatefulSets => "/apis/apps/v1/statefulsets",
        Resource::DaemonSets => "/apis/apps/v1/daemonsets",
        Resource::CronJobs => "/apis/batch/v1/cronjobs",
        Resource::ServiceAccounts => "/api/v1/serviceaccounts",
        Resource::Secrets => "/api/v1/secrets",
        Resource::Services => "/api/v1/services",
        Resource::NetworkPolicies => "/apis/networking.k8s.io/v1/networkpolicies",
        Resource::Roles => "/apis/rbac.authorization.k8s.io/v1/roles",
        Resource::ClusterRoles => "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        Resource::RoleBindings => "/apis/rbac.authorization.k8s.io/v1/rolebindings",
        Resource::ClusterRoleBindings => "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        Resource::ValidatingWebhooks => {
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        }
        Resource::ValidatingPolicies => {
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
        }
        Resource::ValidatingPolicyBindings => {
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
        }
        Resource::SigningRequests => "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        Resource::KubeProxyConfig => "/api/v1/namespaces/kube-system/configmaps/kube-proxy",
    }
}

/// One page of a list.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: PageMetadata,
    items: Option<Vec<T>>,
}

#[derive(Deserialize, Default)]
struct PageMetadata {
    #[serde(rename = "continue", default)]
    token: String,
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
}

#[derive(Deserialize)]
struct ConfigMap {
    #[serde(default)]
    data: BTreeMap<String, String>,
}

/// Adds an answer to the facts (the first page of a list replaces what is there), and says with which token
/// the list goes on; empty at its end.
pub(super) fn take(
    facts: &mut ClusterFacts,
    resource: Resource,
    answer: &[u8],
    first: bool,
) -> Result<String, serde_json::Error> {
    match resource {
        Resource::ApiGroups => {
            let Groups { groups } = serde_json::from_slice(answer)?;
            facts.api_groups = groups.into_iter().map(|group| group.name).collect();
            Ok(String::new())
        }
        Resource::KubeProxyConfig => {
            let ConfigMap { mut data } = serde_json::from_slice(answer)?;
            facts.kube_proxy = data.remove("config.conf");
            Ok(String::new())
        }
        Resource::Namespaces => page(&mut facts.namespaces, answer, first),
        Resource::Pods => page(&mut facts.pods, answer, first),
        Resource::ReplicaSets => page(&mut facts.replica_sets, answer, first),
        Resource::Jobs => page(&mut facts.jobs, answer, first),
        Resource::Deployments => page(&mut facts.deployments, answer, first),
        Resource::StatefulSets => page(&mut facts.stateful_sets, answer, first),
        Resource::DaemonSets => page(&mut facts.daemon_sets, answer, first),
        Resource::CronJobs => page(&mut facts.cron_jobs, answer, first),
        Resource::ServiceAccounts => page(&mut facts.service_accounts, answer, first),
        Resource::Secrets => page(&mut facts.secrets, answer, first),
        Resource::Services => page(&mut facts.services, answer, first),
        Resource::NetworkPolicies => page(&mut facts.network_policies, answer, first),
        Resource::Roles => page(&mut facts.roles, answer, first),
        Resource::ClusterRoles => page(&mut facts.cluster_roles, answer, first),
        Resource::RoleBindings => page(&mut facts.role_bindings, answer, first),
        Resource::ClusterRoleBindings => page(&mut facts.cluster_role_bindings, answer, first),
        Resource::ValidatingWebhooks => page(&mut facts.validating_webhooks, answer, first),
        Resource::ValidatingPolicies => page(&mut facts.validating_policies, answer, first),
        Resource::ValidatingPolicyBindings => {
            page(&mut facts.validating_policy_bindings, answer, first)
        }
        Resource::SigningRequests => page(&mut facts.signing_requests, answer, first),
    }
}

fn page<T: DeserializeOwned>(
    list: &mut Vec<T>,
    answer: &[u8],
    first: bool,
) -> Result<String, serde_json::Error> {
    let Page { metadata, items } = serde_json::from_slice(answer)?;
    if first {
        list.clear();
    }
    list.extend(items.into_iter().flatten());
    Ok(metadata.token)
}
