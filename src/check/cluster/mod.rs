//! Verdicts on objects of the cluster: what was found, how dangerous it is, and what a person must still judge.
//!
//! What every cluster has of itself is never reported as the user's; `remediations/cluster.yaml` says what
//! that is.

mod accounts;
mod admission;
mod logins;
mod namespaces;
mod network;
mod pods;
mod rights;
mod secrets;
mod who;
mod workloads;

use std::collections::BTreeSet;

use crate::{
    catalog::Numbered,
    model::{
        Check, Danger, FoundObject, NodeFacts, Status,
        cluster::{ClusterFacts, ClusterReading, Metadata, Resource, Unread},
        control::{ApiCheck, KnownCluster, names},
    },
};

use super::verdict::Verdict;
use {who::Grants, workloads::Workload};

/// What is known of the cluster of a node.
#[derive(Debug, Clone, Copy)]
pub struct Cluster<'c> {
    /// What was read of it.
    pub reading: &'c ClusterReading,
    /// What is known of every cluster.
    pub known: &'c KnownCluster,
}

/// The resources these controls are judged by.
pub fn resources(controls: &[Numbered]) -> BTreeSet<Resource> {
    controls.iter().flat_map(|numbered| looked_at(&numbered.control.check)).collect()
}

fn looked_at(check: &Check) -> Vec<Resource> {
    match check {
        Check::Api { judge, .. } => needs(judge),
        Check::Review { shows: Some(shows), .. }
        | Check::AdmissionPlugin { shows: Some(shows), .. } => needs(shows),
        Check::KubeProxyField { .. } => vec![Resource::KubeProxyConfig],
        _ => Vec::new(),
    }
}

fn needs(check: &ApiCheck) -> Vec<Resource> {
    use Resource as R;
    const RBAC: &[Resource] = &[R::Roles, R::ClusterRoles, R::RoleBindings, R::ClusterRoleBindings];
    const WORKLOADS: &[Resource] = &[
        R::Pods,
        R::ReplicaSets,
        R::Jobs,
        R::Deployments,
        R::StatefulSets,
        R::DaemonSets,
        R::CronJobs,
    ];
    let lists: &[&[Resource]] = match check {
        ApiCheck::Rights { .. } | ApiCheck::Admins {} | ApiCheck::Wildcards {} => &[RBAC],
        ApiCheck::Group { .. } => &[&[R::RoleBindings, R::ClusterRoleBindings]],
        ApiCheck::DefaultAccounts {} => {
            &[WORKLOADS, &[R::ServiceAccounts, R::RoleBindings, R::ClusterRoleBindings]]
        }
        ApiCheck::TokenMounts {} => &[WORKLOADS, &[R::ServiceAccounts], RBAC],
        ApiCheck::Pods { .. } | ApiCheck::Namespaces {} => &[WORKLOADS, &[R::Namespaces]],
        ApiCheck::Images {} => &[WORKLOADS],
        ApiCheck::PodPolicy {} => &[
            WORKLOADS,
            &[
                R::ApiGroups,
                R::Namespaces,
                R::ValidatingWebhooks,
                R::ValidatingPolicies,
                R::ValidatingPolicyBindings,
            ],
        ],
        ApiCheck::NetworkPlugin {} => &[&[R::Pods]],
        ApiCheck::NetworkPolicies {} => &[WORKLOADS, &[R::Namespaces, R::NetworkPolicies]],
        ApiCheck::DefaultNamespace {} => {
            &[WORKLOADS, &[R::ServiceAccounts, R::Secrets, R::Services, R::Roles, R::RoleBindings]]
        }
        ApiCheck::ExternalAddresses {} => &[&[R::Services]],
        ApiCheck::SecretStores {} => &[&[R::ApiGroups, R::Secrets]],
        ApiCheck::ClientCertificates {} => &[&[R::SigningRequests]],
        ApiCheck::TokenSecrets {} | ApiCheck::BootstrapTokens {} => &[&[R::Secrets]],
    };
    lists.concat()
}

/// What a look at the cluster gave.
struct Found {
    /// The objects to report.
    objects: Vec<FoundObject>,
    /// What they have, before their number: `privileged containers in`.
    what: &'static str,
    /// What they are, one of them: `workload`.
    noun: &'static str,
    /// The reason when there is none.
    none: String,
    /// What a reader must know beside it.
    beside: Vec<String>,
}

/// What was read of a cluster, made ready for many looks at it.
pub(super) struct Sight<'c> {
    facts: &'c ClusterFacts,
    known: &'c KnownCluster,
    node: &'c NodeFacts,
    workloads: Vec<Workload<'c>>,
    grants: Grants<'c>,
}

impl<'c> Sight<'c> {
    fn new(facts: &'c ClusterFacts, known: &'c KnownCluster, node: &'c NodeFacts) -> Self {
        let workloads = workloads::of(facts, known);
        Self { facts, known, node, workloads, grants: Grants::new(facts, known) }
    }

    /// Namespaces that are not the system's.
    fn namespaces(&self) -> impl Iterator<Item = &'c Metadata> {
        let (facts, own) = (self.facts, &self.known.own.namespaces);
        let all = facts.namespaces.iter().map(|namespace| &namespace.metadata);
        all.filter(move |namespace| !names(own, &namespace.name))
    }

    fn look(&self, check: &ApiCheck) -> Found {
        match check {
            ApiCheck::Rights { rights } => rights::of(self, rights),
            ApiCheck::Admins {} => rights::admins(self),
            ApiCheck::Wildcards {} => rights::wildcards(self),
            ApiCheck::Group { group } => rights::group(self, group),
            ApiCheck::DefaultAccounts {} => accounts::default_accounts(self),
            ApiCheck::TokenMounts {} => accounts::token_mounts(self),
            ApiCheck::Pods { has } => pods::with(self, *has),
            ApiCheck::PodPolicy {} => admission::pod_policy(self),
            ApiCheck::Images {} => pods::images(self),
            ApiCheck::NetworkPlugin {} => network::plugin(self),
            ApiCheck::NetworkPolicies {} => network::policies(self),
            ApiCheck::Namespaces {} => namespaces::all(self),
            ApiCheck::DefaultNamespace {} => namespaces::default(self),
            ApiCheck::ExternalAddresses {} => network::external_addresses(self),
            ApiCheck::SecretStores {} => secrets::stores(self),
            ApiCheck::ClientCertificates {} => logins::client_certificates(self),
            ApiCheck::TokenSecrets {} => logins::token_secrets(self),
            ApiCheck::BootstrapTokens {} => logins::bootstrap_tokens(self),
        }
    }
}

/// A cluster that was read, or why there is nothing to judge.
pub(super) enum View<'c> {
    /// Nobody asked.
    NotAsked,
    /// It could not be asked.
    NoAccess(&'c str),
    /// It was read.
    Read(Box<Sight<'c>>),
}

impl<'c> View<'c> {
    pub(super) fn of(cluster: Option<Cluster<'c>>, node: &'c NodeFacts) -> Self {
        match cluster.map(|cluster| (cluster.reading, cluster.known)) {
            None | Some((ClusterReading::NotAsked, _)) => Self::NotAsked,
            Some((ClusterReading::NoAccess { why }, _)) => Self::NoAccess(why),
            Some((ClusterReading::Read(facts), known)) => {
                Self::Read(Box::new(Sight::new(facts, known, node)))
            }
        }
    }

    /// kube-proxy's configuration, as every node of the cluster gets it.
    pub(super) fn kube_proxy(&self) -> Option<&'c str> {
        match self {
            Self::Read(sight) => sight.facts.kube_proxy.as_deref(),
            _ => None,
        }
    }

    /// The verdict on a control that the objects of the cluster decide.
    pub(super) fn judge(&self, check: &ApiCheck, look_at: &str) -> Verdict {
        let sight = match self {
            Self::NotAsked => return Verdict::manual(format!("needs API access: {look_at}")),
            Self::NoAccess(why) => {
                return Verdict::manual(format!("needs API access ({why}): {look_at}"));
            }
            Self::Read(sight) => sight,
        };
        if let Some(verdict) = unread(sight.facts, &needs(check), look_at) {
            return verdict;
        }
        let (objects, beside, reason) = sight.look(check).told();
        let status = if objects.iter().any(|object| object.wrong) {
            Status::Fail
        } else if objects.is_empty() && !beside {
            Status::Pass
        } else {
            Status::Manual
        };
        Verdict { objects, ..Verdict::new(status, reason, Vec::new()) }
    }

    /// Objects beside a verdict that rests on something else, with what they are.
    pub(super) fn show(&self, check: &ApiCheck) -> Option<(Vec<FoundObject>, String)> {
        let Self::Read(sight) = self else { return None };
        if needs(check).iter().any(|resource| sight.facts.unread.contains_key(resource)) {
            return None;
        }
        let (objects, _, said) = sight.look(check).told();
        Some((objects, said))
    }
}

/// What was in the way of a verdict.
fn unread(facts: &ClusterFacts, needs: &[Resource], look_at: &str) -> Option<Verdict> {
    let unread: Vec<&Unread> =
        needs.iter().filter_map(|resource| facts.unread.get(resource)).collect();
    if unread.is_empty() {
        return None;
    }
    let said = |broken: bool| {
        let each = unread.iter().filter_map(|unread| match unread {
            Unread::Broken { why } => broken.then_some(why.as_str()),
            Unread::NoAccess { why } => (!broken).then_some(why.as_str()),
        });
        each.collect::<Vec<_>>().join("; ")
    };
    let broken = said(true);
    Some(if broken.is_empty() {
        Verdict::manual(format!("needs API access ({}): {look_at}", said(false)))
    } else {
        Verdict::error(broken, Vec::new())
    })
}

/// How many objects of the reason are named.
const NAMED: usize = 3;

/// `1 workload`, `2 workloads`.
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

impl Found {
    /// The objects in order, whether there is something beside them, and all of it in words:
    /// `privileged containers in 5 workloads: pod/a/b, pod/c/d, pod/e/f and 2 more`.
    fn told(self) -> (Vec<FoundObject>, bool, String) {
        let Self { mut objects, what, noun, none, beside } = self;
        objects.sort_unstable();
        objects.dedup();
        let distinct: BTreeSet<&str> =
            objects.iter().map(|object| object.object.as_str()).collect();
        let mut named: Vec<&str> = Vec::new();
        for object in &objects {
            if named.len() < NAMED && !named.contains(&object.object.as_str()) {
                named.push(&object.object);
            }
        }
        let said = if objects.is_empty() {
            none
        } else {
            let more = distinct.len().saturating_sub(named.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{what} {}: {}{more}", count(distinct.len(), noun), named.join(", "))
        };
        let reason = std::iter::once(&said).chain(&beside).map(String::as_str);
        let reason = reason.collect::<Vec<_>>().join("; ");
        (objects, !beside.is_empty(), reason)
    }
}

/// `kind/namespace/name`, or `kind/name`.
fn object(kind: &str, metadata: &Metadata) -> String {
    if metadata.namespace.is_empty() {
        format!("{kind}/{}", metadata.name)
    } else {
        format!("{kind}/{}/{}", metadata.namespace, metadata.name)
    }
}

/// An object to report, without a chain.
fn found(
    danger: Danger,
    wrong: bool,
    object: String,
    path: impl Into<String>,
    value: impl Into<String>,
) -> FoundObject {
    FoundObject { danger, object, path: path.into(), value: value.into(), wrong, who: Vec::new() }
}
