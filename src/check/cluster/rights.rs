//! RBAC controls: who has which right, stars in roles, bindings for groups.

use std::collections::BTreeMap;

use crate::model::{
    Danger, FoundObject,
    cluster::{RbacRole, Rule},
    control::{Right, names},
    facts::Parsed,
};

use super::{
    Found, Sight, found,
    who::{self, Grant},
};

/// A rule of a role that gives something looked for.
struct Given {
    /// Index of the rule in its role.
    at: usize,
    /// What it gives, in words.
    what: String,
}

/// Who has one of these rights.
pub(super) fn of(sight: &Sight<'_>, rights: &[Right]) -> Found {
    held(sight, |rule| {
        if who::is_everything(rule) {
            return Some("do everything".to_owned());
        }
        let given: Vec<String> =
            rights.iter().filter_map(|right| who::given(rule, right)).collect();
        (!given.is_empty()).then(|| given.join("; "))
    })
}

/// Who may do everything.
pub(super) fn admins(sight: &Sight<'_>) -> Found {
    let mut found =
        held(sight, |rule| who::is_everything(rule).then(|| "do everything".to_owned()));
    // A role that nobody has gives nothing away here; as a role full of stars it is told elsewhere.
    found.objects.retain(|object| !object.who.is_empty());
    found
}

/// Everybody who holds a rule of this kind, and roles with one that nobody has.
fn held(sight: &Sight<'_>, gives: impl Fn(&Rule) -> Option<String>) -> Found {
    let grants = &sight.grants;
    let roles: BTreeMap<usize, Vec<Given>> = grants
        .roles
        .iter()
        .enumerate()
        .map(|(index, role)| {
            let rules = role.rules.iter().enumerate();
            let given = rules.filter_map(|(at, rule)| Some(Given { at, what: gives(rule)? }));
            (index, given.collect::<Vec<_>>())
        })
        .filter(|(_, given)| !given.is_empty())
        .collect();
    let holders = grants.given.iter().filter_map(|grant| {
        let index = grant.role?;
        let (given, role) = (roles.get(&index)?, grants.roles.get(index)?);
        Some(given.iter().map(|given| holder(sight, grant, role, given)))
    });
    let mut objects: Vec<FoundObject> = holders.flatten().collect();
    let nobody = roles.iter().filter(|(index, _)| !grants.bound.contains(index));
    for (index, given) in nobody {
        let Some(role) = grants.roles.get(*index) else { continue };
        if !who::is_own_role(&sight.known.own, role) {
            objects.extend(given.iter().map(|given| unbound(sight, role, given)));
        }
    }
    Found {
        objects,
        what: "given by",
        noun: "object",
        none: "held by none but the system's own subjects".to_owned(),
        beside: Vec::new(),
    }
}

/// One subject with one rule.
fn holder(sight: &Sight<'_>, grant: &Grant<'_>, role: &RbacRole, given: &Given) -> FoundObject {
    let who = who::subject(grant.subject);
    let everyone = who::is_everyone(sight.known, grant.subject, &who);
    let namespace = &grant.binding.metadata.namespace;
    let rule = role.rules.get(given.at);
    let named = rule.is_some_and(|rule| !rule.resource_names.is_empty());
    let of_system = sight.known.own.namespaces.contains(namespace);
    let danger = match () {
        () if everyone => Danger::High,
        () if named || !(namespace.is_empty() || of_system) => Danger::Low,
        () => Danger::Medium,
    };
    let place = if namespace.is_empty() {
        "in the whole cluster".to_owned()
    } else {
        format!("in namespace {namespace}")
    };
    let rule_words = rule.map(who::words).unwrap_or_default();
    let mut chain = vec![who.clone(), who::binding_object(grant.binding), who::role_object(role)];
    chain.extend(rule.and_then(|rule| sight.grants.origin(role, rule)).map(who::role_object));
    chain.push(format!("rules[{}]: {rule_words}", given.at));
    FoundObject {
        danger,
        object: who::binding_object(grant.binding),
        path: format!("subjects[{}]", grant.at),
        value: format!("{} may {} {place}", members(sight, grant, &who), given.what),
        wrong: everyone,
        who: chain,
    }
}

/// Whom a group of programs stands for.
fn members(sight: &Sight<'_>, grant: &Grant<'_>, who: &str) -> String {
    let Some(namespace) = grant.subject.name.strip_prefix("system:serviceaccounts:") else {
        return who.to_owned();
    };
    let accounts = sight.facts.service_accounts.iter().map(|account| &account.metadata);
    let names: Vec<&str> = accounts
        .filter(|account| account.namespace == namespace)
        .map(|account| account.name.as_str())
        .collect();
    if names.is_empty() {
        return who.to_owned();
    }
    format!("{who} ({})", names.join(", "))
}

/// A role that would give it, if anybody had it.
fn unbound(sight: &Sight<'_>, role: &RbacRole, given: &Given) -> FoundObject {
    let part = sight.grants.aggregates(role);
    let value = match part {
        Some(whole) => {
            format!("may {}; a part of {}", given.what, who::role_object(whole))
        }
        None => format!("may {}; bound to nobody", given.what),
    };
    found(Danger::Low, false, who::role_object(role), format!("rules[{}]", given.at), value)
}

/// Stars in roles that are not the system's.
pub(super) fn wildcards(sight: &Sight<'_>) -> Found {
    let grants = &sight.grants;
    let mut objects = Vec::new();
    for (index, role) in grants.roles.iter().enumerate() {
        if who::is_own_role(&sight.known.own, role) {
            continue;
        }
        let bound = grants.bound.contains(&index);
        for (at, rule) in role.rules.iter().enumerate() {
            let lists = [
                ("apiGroups", &rule.api_groups),
                ("resources", &rule.resources),
                ("verbs", &rule.verbs),
                ("nonResourceURLs", &rule.non_resource_urls),
            ];
            let star = |list: &[String]| list.iter().any(|item| item == "*");
            let stars: Vec<&str> =
                lists.iter().filter(|(_, list)| star(list)).map(|(name, _)| *name).collect();
            if stars.is_empty() {
                continue;
            }
            let danger = match (bound, who::is_everything(rule)) {
                (true, true) => Danger::High,
                (true, false) => Danger::Medium,
                (false, _) => Danger::Low,
            };
            let bound = if bound { "" } else { "; bound to nobody" };
            let value = format!("* in {}: {}{bound}", stars.join(", "), who::words(rule));
            objects.push(found(
                danger,
                true,
                who::role_object(role),
                format!("rules[{at}]"),
                value,
            ));
        }
    }
    Found {
        objects,
        what: "wildcards in",
        noun: "role",
        none: "wildcards in no role but the system's own".to_owned(),
        beside: Vec::new(),
    }
}

/// Bindings for a group, besides the system's own, and kubeconfigs of this node that log in with it.
pub(super) fn group(sight: &Sight<'_>, group: &str) -> Found {
    let grants = sight.grants.given.iter();
    let bindings = grants
        .filter(|grant| grant.subject.kind == "Group" && grant.subject.name == group)
        .map(|grant| {
            let role = &grant.binding.role_ref;
            found(
                Danger::High,
                true,
                who::binding_object(grant.binding),
                format!("subjects[{}]", grant.at),
                format!("group {group} has {} {}", role.kind, role.name),
            )
        });
    let logins = &sight.node.logins;
    let certificates = logins.iter().filter_map(|(path, login)| {
        let login = login.ok().filter(|login| login.groups.iter().any(|it| it == group))?;
        let by_design = names(&sight.known.own.emergency_kubeconfigs, path);
        let danger = if by_design { Danger::Medium } else { Danger::High };
        let value = format!("the certificate of {}, until {}", login.subject, day(login.until));
        Some(found(danger, !by_design, path.clone(), "client-certificate", value))
    });
    let unread = logins.iter().filter_map(|(path, login)| match login {
        Parsed::Broken { why } => Some(format!("{path} was not looked into: {why}")),
        Parsed::Ok { .. } => None,
    });
    let elsewhere = if logins.is_empty() { "" } else { " and no kubeconfig of this node" };
    Found {
        objects: bindings.chain(certificates).collect(),
        what: "given rights by",
        noun: "object",
        none: format!(
            "no binding but the built-in one{elsewhere} names {group}; certificates elsewhere are not seen here"
        ),
        beside: unread.collect(),
    }
}

/// The day of a moment, in UTC.
fn day(moment: jiff::Timestamp) -> String {
    moment.to_string().chars().take(10).collect()
}
