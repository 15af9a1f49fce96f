//! Secrets in the cluster, and stores outside it.

use std::collections::BTreeMap;

use crate::model::{Danger, control::names};

use super::{Found, Sight, count, found};

/// How many Secrets each namespace of users holds, and which stores are there.
pub(super) fn stores(sight: &Sight<'_>) -> Found {
    let mut held: BTreeMap<&str, usize> = BTreeMap::new();
    for secret in &sight.facts.secrets {
        if !names(&sight.known.own.namespaces, &secret.metadata.namespace) {
            *held.entry(&secret.metadata.namespace).or_default() += 1;
        }
    }
    let objects = held
        .into_iter()
        .map(|(namespace, number)| {
            let value = count(number, "Secret");
            found(Danger::Low, false, format!("namespace/{namespace}"), "", value)
        })
        .collect();
    let groups = &sight.facts.api_groups;
    let stores: Vec<&str> = sight
        .known
        .secret_stores
        .iter()
        .filter(|store| store.api_groups.iter().any(|group| groups.contains(group)))
        .map(|store| store.name.as_str())
        .collect();
    let said = if stores.is_empty() {
        "no external store that is known here was found".to_owned()
    } else {
        format!("{} can bring them from outside", stores.join(", "))
    };
    Found {
        objects,
        what: "Secrets are kept in",
        noun: "namespace",
        none: "no namespace of users keeps Secrets in the cluster".to_owned(),
        beside: vec![said],
    }
}
