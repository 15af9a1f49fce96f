//! `ServiceAccounts`: the default ones, and tokens in pods.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Danger, cluster::ServiceAccount, control::names};

use super::{Found, Sight, found, object, who, workloads::Workload};

const AUTOMOUNT: &str = "automountServiceAccountToken";

/// Accounts by namespace and name.
type Accounts<'c> = BTreeMap<(&'c str, &'c str), &'c ServiceAccount>;

fn accounts<'c>(sight: &Sight<'c>) -> Accounts<'c> {
    let all = sight.facts.service_accounts.iter();
    let key = |account: &'c ServiceAccount| {
        (account.metadata.namespace.as_str(), account.metadata.name.as_str())
    };
    all.map(|account| (key(account), account)).collect()
}

/// The pod decides, then its account; without a word it gets a token.
fn gets_token(workload: &Workload<'_>, accounts: &Accounts<'_>) -> bool {
    let pod = workload.pod;
    let account = accounts.get(&(workload.namespace, pod.spec.account()));
    let of_account = account.and_then(|account| account.automount_service_account_token);
    pod.metadata.annotations.mirror.is_none()
        && pod.spec.automount_service_account_token.or(of_account).unwrap_or(true)
}

/// Default accounts that hand out tokens, are used, or have rights.
pub(super) fn default_accounts(sight: &Sight<'_>) -> Found {
    let accounts = accounts(sight);
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for workload in sight.workloads.iter().filter(|workload| !workload.own) {
        if workload.pod.spec.account() == "default" && gets_token(workload, &accounts) {
            users.entry(workload.namespace).or_default().insert(&workload.object);
        }
    }
    let mut objects = Vec::new();
    for account in &sight.facts.service_accounts {
        let metadata = &account.metadata;
        let used = users.get(metadata.namespace.as_str());
        let of_system = names(&sight.known.own.namespaces, &metadata.namespace);
        if metadata.name != "default" || (of_system && used.is_none()) {
            continue;
        }
        if account.automount_service_account_token == Some(false) && used.is_none() {
            continue;
        }
        let used_by = used.map_or("used by nobody".to_owned(), |used| {
            format!("used by {}", used.iter().copied().collect::<Vec<_>>().join(", "))
        });
        let set = match account.automount_service_account_token {
            Some(value) => value.to_string(),
            None => "not set, which means true".to_owned(),
        };
        let danger = if used.is_some() { Danger::Medium } else { Danger::Low };
        objects.push(found(
            danger,
            true,
            object("serviceaccount", metadata),
            AUTOMOUNT,
            format!("{set}; {used_by}"),
        ));
    }
    for grant in &sight.grants.given {
        if grant.subject.kind == "ServiceAccount" && grant.subject.name == "default" {
            let role = &grant.binding.role_ref;
            let who = who::subject(grant.subject);
            objects.push(found(
                Danger::High,
                true,
                who::binding_object(grant.binding),
                format!("subjects[{}]", grant.at),
                format!("{who} has {} {}", role.kind, role.name),
            ));
        }
    }
    Found {
        objects,
        what: "default ServiceAccounts can be used through",
        noun: "object",
        none: "no default ServiceAccount gives a token or has a right".to_owned(),
        beside: Vec::new(),
    }
}

/// Workloads that get a token: needless where their account has no right at all.
pub(super) fn token_mounts(sight: &Sight<'_>) -> Found {
    let accounts = accounts(sight);
    let mut rights: BTreeSet<(&str, &str)> = BTreeSet::new();
    for grant in &sight.grants.given {
        let subject = grant.subject;
        let has_rules = grant.role.and_then(|index| sight.grants.roles.get(index));
        if subject.kind == "ServiceAccount" && has_rules.is_some_and(|role| !role.rules.is_empty())
        {
            rights.insert((&subject.namespace, &subject.name));
        }
    }
    let users = sight.workloads.iter().filter(|workload| !workload.own);
    let objects = users
        .filter(|workload| gets_token(workload, &accounts))
        .map(|workload| {
            let account = workload.pod.spec.account();
            let has_rights = rights.contains(&(workload.namespace, account));
            let (danger, what) = if has_rights {
                (Danger::Medium, "has rights of its own: does it call the API?")
            } else {
                (Danger::Low, "has no rights of its own: nothing needs its token")
            };
            found(
                danger,
                !has_rights,
                workload.object.clone(),
                format!("spec.{AUTOMOUNT}"),
                format!("its ServiceAccount {account} {what}"),
            )
        })
        .collect();
    Found {
        objects,
        what: "a token in",
        noun: "workload",
        none: "no workload of users gets a token".to_owned(),
        beside: Vec::new(),
    }
}
