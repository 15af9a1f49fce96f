//! What limits pods at admission: Pod Security labels, policy engines, admission policies.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Component, Danger,
    cluster::{Metadata, PodSecurity, ResourceRule},
    control::{Extension, names},
};

use super::{Found, Sight, count, found};
use crate::check::sides;

/// What a namespace enforces.
fn enforced(namespace: &Metadata) -> PodSecurity {
    PodSecurity::of(namespace, ENFORCE)
}

const ENFORCE: &str = PodSecurity::ENFORCE;

/// How many namespaces of users enforce less than this.
pub(super) fn below(sight: &Sight<'_>, level: PodSecurity) -> usize {
    sight.namespaces().filter(|namespace| enforced(namespace) < level).count()
}

/// Namespaces with pods of users where nothing limits what those may be.
pub(super) fn pod_policy(sight: &Sight<'_>) -> Found {
    // Pods, and workloads that have none now.
    let mut held: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for workload in sight.workloads.iter().filter(|workload| !workload.own) {
        let (pods, asleep) = held.entry(workload.namespace).or_default();
        *(if workload.runs { pods } else { asleep }) += 1;
    }
    let others = others(sight);
    let open =
        sight.namespaces().filter(|namespace| enforced(namespace) == PodSecurity::Privileged);
    let objects = open
        .filter_map(|namespace| {
            let (pods, asleep) = held.get(namespace.name.as_str())?;
            let asleep = match asleep {
                0 => String::new(),
                asleep => format!(", {} without pods", count(*asleep, "workload")),
            };
            let set = if namespace.labels.contains_key(ENFORCE) { "privileged" } else { "not set" };
            Some(found(
                Danger::Medium,
                others.is_empty(),
                format!("namespace/{}", namespace.name),
                format!("metadata.labels[{ENFORCE}]"),
                format!("{set}; {} of users{asleep}", count(*pods, "pod")),
            ))
        })
        .collect();
    Found {
        objects,
        what: "every pod is admitted in",
        noun: "namespace",
        none: "every namespace with pods of users enforces a level above privileged".to_owned(),
        beside: if others.is_empty() {
            Vec::new()
        } else {
            vec![format!("{} may limit pods too, and is not read here", others.join(", "))]
        },
    }
}

/// What else may limit pods, by name.
fn others(sight: &Sight<'_>) -> Vec<String> {
    let facts = sight.facts;
    let served =
        |engine: &&Extension| engine.api_groups.iter().any(|it| facts.api_groups.contains(it));
    let engines = sight.known.policy_engines.iter().filter(served).filter(|engine| {
        facts.validating_webhooks.iter().any(|configuration| {
            names(&engine.webhooks, &configuration.metadata.name)
                && configuration
                    .webhooks
                    .iter()
                    .any(|hook| hook.rules.iter().any(ResourceRule::sees_pods))
        })
    });
    let denied: BTreeSet<&str> = facts
        .validating_policy_bindings
        .iter()
        .filter(|binding| binding.spec.validation_actions.iter().any(|action| action == "Deny"))
        .map(|binding| binding.spec.policy_name.as_str())
        .collect();
    let policies = facts.validating_policies.iter().filter(|policy| {
        let rules = &policy.spec.match_constraints.resource_rules;
        denied.contains(policy.metadata.name.as_str()) && rules.iter().any(ResourceRule::sees_pods)
    });
    let file = sides::of(sight.node, Component::KubeApiserver)
        .ok()
        .and_then(|sides| sides.iter().find_map(|side| side.flag("admission-control-config-file")));
    engines
        .map(|engine| engine.name.clone())
        .chain(policies.map(|policy| format!("ValidatingAdmissionPolicy {}", policy.metadata.name)))
        .chain(file.map(|given| format!("the admission configuration {}", given.value)))
        .collect()
}
