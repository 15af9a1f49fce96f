//! What namespaces hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Danger, cluster::Metadata, control::names};

use super::{Found, Sight, found, object, who};

/// Every namespace of users with its workloads, for a person to look at.
pub(super) fn all(sight: &Sight<'_>) -> Found {
    let mut held: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for workload in sight.workloads.iter().filter(|workload| !workload.own) {
        held.entry(workload.namespace).or_default().insert(&workload.object);
    }
    let objects = sight
        .namespaces()
        .map(|namespace| {
            let held = held.get(namespace.name.as_str()).into_iter().flatten();
            let held: Vec<&str> = held.copied().collect();
            let what = if held.is_empty() { "no workloads".to_owned() } else { held.join(", ") };
            found(Danger::Low, false, object("namespace", namespace), "", what)
        })
        .collect();
    Found {
        objects,
        what: "users have",
        noun: "namespace",
        none: "there is no namespace of users".to_owned(),
        beside: vec!["do unrelated programs share one?".to_owned()],
    }
}

/// What lies in the namespace default besides what every cluster has there.
pub(super) fn default(sight: &Sight<'_>) -> Found {
    let facts = sight.facts;
    let workloads =
        sight.workloads.iter().map(|workload| (workload.namespace, workload.object.clone()));
    let of = |kind: &'static str| move |metadata: &'_ Metadata| object(kind, metadata);
    let named =
        |metadata: &'_ Metadata, name: String| (metadata.namespace == "default").then_some(name);
    let services = facts.services.iter().map(|it| (&it.metadata, of("service")(&it.metadata)));
    let accounts =
        facts.service_accounts.iter().map(|it| (&it.metadata, of("serviceaccount")(&it.metadata)));
    let secrets = facts.secrets.iter().map(|it| (&it.metadata, of("secret")(&it.metadata)));
    let roles = facts.roles.iter().map(|it| (&it.metadata, who::role_object(it)));
    let bindings = facts.role_bindings.iter().map(|it| (&it.metadata, who::binding_object(it)));
    let others = services.chain(accounts).chain(secrets).chain(roles).chain(bindings);
    let objects = workloads
        .filter_map(|(namespace, name)| (namespace == "default").then_some(name))
        .chain(others.filter_map(|(metadata, name)| named(metadata, name)))
        .filter(|name| !names(&sight.known.own.in_default, name))
        .map(|name| found(Danger::Low, true, name, "metadata.namespace", "default"))
        .collect();
    Found {
        objects,
        what: "the namespace default holds",
        noun: "object",
        none: "no workload, Service, ServiceAccount, Secret or role lies in the namespace default"
            .to_owned(),
        beside: Vec::new(),
    }
}
