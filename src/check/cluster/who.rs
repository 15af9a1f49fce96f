//! Who can do what: bindings with their roles and subjects.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::model::{
    cluster::{Binding, ClusterFacts, RbacRole, Rule, Subject},
    control::{KnownCluster, OwnObjects, Right, names},
};

use super::object;

/// The label of what the API server makes itself.
const LABEL: (&str, &str) = ("kubernetes.io/bootstrapping", "rbac-defaults");

/// One subject of one binding, with the role it gets.
#[derive(Debug, Clone)]
pub(super) struct Grant<'c> {
    pub(super) binding: &'c Binding,
    /// Index of the subject in the binding.
    pub(super) at: usize,
    pub(super) subject: &'c Subject,
    /// Index of the role in [`Grants::roles`]; `None` when there is no such role.
    pub(super) role: Option<usize>,
}

/// Every role and every grant that is not the system's own.
pub(super) struct Grants<'c> {
    pub(super) roles: Vec<&'c RbacRole>,
    pub(super) given: Vec<Grant<'c>>,
    /// Roles some binding refers to.
    pub(super) bound: BTreeSet<usize>,
}

impl<'c> Grants<'c> {
    pub(super) fn new(facts: &'c ClusterFacts, known: &KnownCluster) -> Self {
        let roles: Vec<&RbacRole> = facts.cluster_roles.iter().chain(&facts.roles).collect();
        let by_name: BTreeMap<(&str, &str), usize> = roles
            .iter()
            .enumerate()
            .map(|(at, role)| ((role.metadata.namespace.as_str(), role.metadata.name.as_str()), at))
            .collect();
        let (mut grants, mut bound) = (Vec::new(), BTreeSet::new());
        for binding in facts.cluster_role_bindings.iter().chain(&facts.role_bindings) {
            let of_cluster = binding.role_ref.kind == "ClusterRole";
            let namespace = if of_cluster { "" } else { binding.metadata.namespace.as_str() };
            let role = by_name.get(&(namespace, binding.role_ref.name.as_str())).copied();
            bound.extend(role);
            let subjects = binding.subjects.iter().enumerate();
            let others = subjects.filter(|(_, subject)| !is_own(&known.own, binding, subject));
            grants.extend(others.map(|(at, subject)| Grant { binding, at, subject, role }));
        }
        Self { roles, given: grants, bound }
    }

    /// The parts of an aggregated role that hold a rule.
    pub(super) fn origin(&self, role: &RbacRole, rule: &Rule) -> Option<&'c RbacRole> {
        role.aggregation_rule.as_ref()?;
        let part = |other: &&&'c RbacRole| {
            role.aggregates(&other.metadata.labels) && other.rules.contains(rule)
        };
        self.roles.iter().find(part).copied()
    }

    /// The aggregated roles this one is a part of.
    pub(super) fn aggregates(&self, part: &RbacRole) -> Option<&'c RbacRole> {
        self.roles.iter().find(|role| role.aggregates(&part.metadata.labels)).copied()
    }
}

/// `kind name` or `kind namespace/name`.
pub(super) fn subject(subject: &Subject) -> String {
    let kind = subject.kind.to_lowercase();
    if subject.namespace.is_empty() || kind != "serviceaccount" {
        format!("{kind} {}", subject.name)
    } else {
        format!("{kind} {}/{}", subject.namespace, subject.name)
    }
}

/// The system gave it to itself.
fn is_own(own: &OwnObjects, binding: &Binding, given: &Subject) -> bool {
    let who = subject(given);
    let labelled = binding.metadata.labels.get(LABEL.0).is_some_and(|value| value == LABEL.1);
    (labelled && names(&own.labelled_subjects, &who))
        || own.grants.iter().any(|grant| {
            names(std::slice::from_ref(&grant.binding), &binding.metadata.name)
                && names(std::slice::from_ref(&grant.subject), &who)
        })
}

/// A role of the system.
pub(super) fn is_own_role(own: &OwnObjects, role: &RbacRole) -> bool {
    let name = &role.metadata.name;
    let labelled = role.metadata.labels.get(LABEL.0).is_some_and(|value| value == LABEL.1);
    (labelled && names(&own.labelled_roles, name)) || names(&own.roles, name)
}

/// Everybody, or every program of a namespace.
pub(super) fn is_everyone(known: &KnownCluster, subject: &Subject, who: &str) -> bool {
    names(&known.everyone, who) || (subject.kind == "ServiceAccount" && subject.name == "default")
}

pub(super) fn role_object(role: &RbacRole) -> String {
    let kind = if role.metadata.namespace.is_empty() { "clusterrole" } else { "role" };
    object(kind, &role.metadata)
}

pub(super) fn binding_object(binding: &Binding) -> String {
    let cluster = binding.metadata.namespace.is_empty();
    object(if cluster { "clusterrolebinding" } else { "rolebinding" }, &binding.metadata)
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item == "*" || item == wanted)
}

/// A rule's resource covers a wanted one as the API server sees it: `*/log` is the log of everything.
fn covers(list: &[String], wanted: &str) -> bool {
    has(list, wanted)
        || wanted.split_once('/').is_some_and(|(_, sub)| {
            list.iter().any(|item| item.strip_prefix("*/").is_some_and(|item| item == sub))
        })
}

/// The verbs and resources of a right that a rule gives; `None` when it gives nothing of it.
pub(super) fn given(rule: &Rule, right: &Right) -> Option<String> {
    if !has(&rule.api_groups, &right.group) {
        return None;
    }
    let any_verb = right.verbs.iter().any(|verb| verb == "*");
    let verbs: Vec<&str> = if any_verb {
        rule.verbs.iter().map(String::as_str).collect()
    } else {
        right.verbs.iter().map(String::as_str).filter(|verb| has(&rule.verbs, verb)).collect()
    };
    let resources: Vec<&str> = right
        .resources
        .iter()
        .map(String::as_str)
        .filter(|resource| covers(&rule.resources, resource))
        .collect();
    if verbs.is_empty() || resources.is_empty() {
        return None;
    }
    let mut text = format!("{} {}", verbs.join(", "), resources.join(", "));
    if !rule.resource_names.is_empty() {
        let _ = write!(text, " named {}", rule.resource_names.join(", "));
    }
    Some(text)
}

/// Everything on everything.
pub(super) fn is_everything(rule: &Rule) -> bool {
    [&rule.api_groups, &rule.resources, &rule.verbs]
        .into_iter()
        .all(|list| list.iter().any(|item| item == "*"))
        && rule.resource_names.is_empty()
}

/// A rule as a person reads it: `get, list secrets` or `* *.*`.
pub(super) fn words(rule: &Rule) -> String {
    let verbs = rule.verbs.join(", ");
    if rule.resources.is_empty() {
        return format!("{verbs} {}", rule.non_resource_urls.join(", "));
    }
    let groups: Vec<&str> = rule.api_groups.iter().map(String::as_str).collect();
    let of = match groups.as_slice() {
        [""] | [] => String::new(),
        groups => format!(" of {}", groups.join(", ")),
    };
    format!("{verbs} {}{of}", rule.resources.join(", "))
}
