//! Who may talk to whom, and who claims addresses.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Danger, PathVar,
    cluster::NetworkPolicy,
    control::{NetworkPlugin, names},
};

use super::{Found, Sight, found, object};

/// The plugin in use, with what shows it.
fn plugin_of<'c>(sight: &Sight<'c>) -> Option<(&'c NetworkPlugin, String)> {
    let plugins = &sight.known.network_plugins;
    let sets = sight.workloads.iter().filter(|it| it.runs).filter_map(|workload| {
        let set = workload.object.strip_prefix("daemonset/")?;
        let plugin = plugins.iter().position(|plugin| names(&plugin.daemon_sets, set))?;
        Some((plugin, workload.object.clone()))
    });
    let files = sight.node.profile.paths.get(&PathVar::CniFiles).into_iter().flatten();
    let files = files.filter_map(|path| {
        let name = path.rsplit('/').next()?;
        Some((plugins.iter().position(|plugin| names(&plugin.files, name))?, path.clone()))
    });
    // What runs tells more than a file that somebody forgot.
    let found = sets.min().or_else(|| files.min());
    found.and_then(|(index, seen)| Some((plugins.get(index)?, seen)))
}

pub(super) fn plugin(sight: &Sight<'_>) -> Found {
    let (objects, none, beside) = match plugin_of(sight) {
        Some((plugin, seen)) if plugin.enforces => {
            (Vec::new(), format!("{} enforces NetworkPolicies ({seen})", plugin.name), Vec::new())
        }
        Some((plugin, seen)) => {
            let value = format!("{} does not enforce NetworkPolicies", plugin.name);
            (vec![found(Danger::Medium, true, seen, "", value)], String::new(), Vec::new())
        }
        None => (
            Vec::new(),
            "no network plugin that is known here was found".to_owned(),
            vec!["try a policy that denies all, and a request that must fail".to_owned()],
        ),
    };
    Found { objects, what: "NetworkPolicies are ignored by", noun: "network plugin", none, beside }
}

/// Namespaces of users without a policy, and workloads that no policy selects.
pub(super) fn policies(sight: &Sight<'_>) -> Found {
    let mut by_namespace: BTreeMap<&str, Vec<&NetworkPolicy>> = BTreeMap::new();
    for policy in &sight.facts.network_policies {
        by_namespace.entry(&policy.metadata.namespace).or_default().push(policy);
    }
    let mut busy: BTreeSet<&str> = BTreeSet::new();
    let mut objects = Vec::new();
    for workload in sight.workloads.iter().filter(|workload| !workload.own) {
        busy.extend(workload.runs.then_some(workload.namespace));
        let Some(policies) = by_namespace.get(workload.namespace) else { continue };
        let labels = &workload.pod.metadata.labels;
        let selected = policies.iter().any(|policy| policy.spec.pod_selector.selects(labels));
        if !selected && !workload.pod.spec.host_network {
            objects.push(found(
                Danger::Low,
                false,
                workload.object.clone(),
                "metadata.labels",
                "no NetworkPolicy of its namespace selects it",
            ));
        }
    }
    for namespace in sight.namespaces() {
        if by_namespace.contains_key(namespace.name.as_str()) {
            continue;
        }
        let (danger, pods) = if busy.contains(namespace.name.as_str()) {
            (Danger::Medium, "no NetworkPolicy: its pods may talk to every other one")
        } else {
            (Danger::Low, "no NetworkPolicy, and no pods yet")
        };
        objects.push(found(danger, true, object("namespace", namespace), "", pods));
    }
    let ignored = plugin_of(sight).filter(|(plugin, _)| !plugin.enforces);
    let mut beside = Vec::new();
    if let Some((plugin, _)) = ignored
        && !sight.facts.network_policies.is_empty()
    {
        let count = sight.facts.network_policies.len();
        beside.push(format!("{} ignores the {count} that exist (5.3.1)", plugin.name));
    }
    Found {
        objects,
        what: "no NetworkPolicy for",
        noun: "object",
        none: "every namespace of users has NetworkPolicies, and they select every pod".to_owned(),
        beside,
    }
}

/// Services that claim addresses outside the cluster.
pub(super) fn external_addresses(sight: &Sight<'_>) -> Found {
    let claiming = sight.facts.services.iter().filter(|it| !it.spec.external_ips.is_empty());
    let objects: Vec<_> = claiming
        .map(|service| {
            let addresses = service.spec.external_ips.join(", ");
            let name = object("service", &service.metadata);
            found(Danger::Medium, false, name, "spec.externalIPs", addresses)
        })
        .collect();
    let refused = "the plugin would refuse to change them".to_owned();
    let beside = if objects.is_empty() { Vec::new() } else { vec![refused] };
    Found {
        objects,
        what: "external addresses are used by",
        noun: "Service",
        none: "no Service uses external addresses".to_owned(),
        beside,
    }
}
