//! Audit policies, evaluated as the API server does: the first rule that matches an event gives its level.
use serde_json::Value;

use crate::model::control::{AuditLevel, AuditRule};

/// Verbs of requests to resources.
const VERBS: [&str; 8] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// An `audit.k8s.io` Policy.
#[derive(Debug)]
pub(super) struct Policy {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    level: AuditLevel,
    /// Only for some users, namespaces, objects or URLs: an ordinary request does not match it.
    narrow: bool,
    verbs: Vec<String>,
    /// `(group, resources, only named objects)`; empty means everything.
    resources: Vec<(String, Vec<String>, bool)>,
}

impl Policy {
    /// Reads a policy document.
    pub(super) fn read(document: &Value) -> Result<Self, String> {
        if document.get("kind").and_then(Value::as_str) != Some("Policy") {
            return Err("kind is not Policy".to_owned());
        }
        let rules = document.get("rules").and_then(Value::as_array).ok_or("it has no rules")?;
        let rules = rules.iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// The level of an ordinary request: any authenticated user, namespace and object.
    fn level(&self, verb: &str, group: &str, resource: &str) -> AuditLevel {
        self.rules
            .iter()
            .find(|rule| rule.matches(verb, group, resource))
            .map_or(AuditLevel::None, |rule| rule.level)
    }

    /// What a rule wants and this policy does not do, in words.
    pub(super) fn gaps(&self, wanted: &AuditRule) -> Vec<String> {
        let verbs: Vec<&str> = if wanted.verbs.is_empty() {
            VERBS.to_vec()
        } else {
            wanted.verbs.iter().map(String::as_str).collect()
        };
        let mut gaps = Vec::new();
        for resource in &wanted.resources {
            let level = |verb: &&str| self.level(verb, &wanted.group, resource);
            let too_low: Vec<&str> =
                verbs.iter().filter(|verb| level(verb) < wanted.at_least).copied().collect();
            if let Some(lowest) = too_low.iter().map(level).min() {
                gaps.push(format!(
                    "{} of {resource} is logged at {}, wanted {} or more",
                    some(&too_low, &verbs),
                    name(lowest),
                    name(wanted.at_least)
                ));
            }
            let Some(at_most) = wanted.at_most else { continue };
            let too_high: Vec<&str> =
                verbs.iter().filter(|verb| level(verb) > at_most).copied().collect();
            if let Some(highest) = too_high.iter().map(level).max() {
                gaps.push(format!(
                    "{} of {resource} is logged at {}, which writes its content into the log: wanted {}",
                    some(&too_high, &verbs),
                    name(highest),
                    name(at_most)
                ));
            }
        }
        gaps
    }
}

fn some(found: &[&str], all: &[&str]) -> String {
    if found.len() == all.len() && all.len() > 1 {
        "every request".to_owned()
    } else {
        found.join(", ")
    }
}

fn name(level: AuditLevel) -> &'static str {
    match level {
        AuditLevel::None => "None",
        AuditLevel::Metadata => "Metadata",
        AuditLevel::Request => "Request",
        AuditLevel::RequestResponse => "RequestResponse",
    }
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let elements = value.get(key).and_then(Value::as_array).into_iter().flatten();
    elements.filter_map(|element| element.as_str().map(str::to_owned)).collect()
}

fn rule(value: &Value) -> Result<Rule, String> {
    let level = match value.get("level").and_then(Value::as_str) {
        Some("None") => AuditLevel::None,
        Some("Metadata") => AuditLevel::Metadata,
        Some("Request") => AuditLevel::Request,
        Some("RequestResponse") => AuditLevel::RequestResponse,
        other => return Err(format!("a rule has the level {}", other.unwrap_or("(none)"))),
    };
    let groups = texts(value, "userGroups");
    let everyone = groups.is_empty() || groups.iter().any(|group| group == "system:authenticated");
    let narrow = !everyone
        || ["users", "namespaces", "nonResourceURLs"]
            .iter()
            .any(|key| !texts(value, key).is_empty());
    let resources = value.get("resources").and_then(Value::as_array).into_iter().flatten();
    Ok(Rule {
        level,
        narrow,
        verbs: texts(value, "verbs"),
        resources: resources
            .map(|entry| {
                let group = entry.get("group").and_then(Value::as_str).unwrap_or_default();
                let named = !texts(entry, "resourceNames").is_empty();
                (group.to_owned(), texts(entry, "resources"), named)
            })
            .collect(),
    })
}

impl Rule {
    /// `apiserver/pkg/audit/policy/checker.go`, `ruleMatches` and `ruleMatchesResource`.
    fn matches(&self, verb: &str, group: &str, resource: &str) -> bool {
        if self.narrow {
            return false;
        }
        if !self.verbs.is_empty() && !self.verbs.iter().any(|v| v == verb || v == "*") {
            return false;
        }
        self.resources.is_empty()
            || self.resources.iter().any(|(rule_group, names, named)| {
                !named
                    && (rule_group == group || rule_group == "*")
                    && (names.is_empty() || names.iter().any(|name| covers(name, resource)))
            })
    }
}

/// `pods` covers pods alone, `pods/*` its subresources, `*/scale` that subresource of all, `*` everything.
fn covers(name: &str, resource: &str) -> bool {
    if name == "*" || name == resource {
        return true;
    }
    let Some((parent, child)) = resource.split_once('/') else { return false };
    name.strip_suffix("/*") == Some(parent) || name.strip_prefix("*/") == Some(child)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn level(rules: &Value, verb: &str, resource: &str) -> AuditLevel {
        let policy = Policy::read(&json!({"kind": "Policy", "rules": rules})).unwrap();
        policy.level(verb, "", resource)
    }

    #[test]
    fn the_first_rule_that_matches_an_ordinary_request_counts() {
        let secrets = json!([{"group": "", "resources": ["secrets"]}]);
        let table: Vec<(Value, &str, &str, AuditLevel)> = vec![
            (json!([]), "get", "secrets", AuditLevel::None),
            (json!([{"level": "Metadata"}]), "get", "secrets", AuditLevel::Metadata),
            (json!([{"level": "None"}, {"level": "Metadata"}]), "get", "pods", AuditLevel::None),
            (json!([{"level": "Request", "resources": secrets}]), "get", "pods", AuditLevel::None),
            (json!([{"level": "Request", "verbs": ["list"]}]), "get", "pods", AuditLevel::None),
            (
                json!([{"level": "None", "users": ["system:kube-proxy"]}, {"level": "Metadata"}]),
                "watch",
                "secrets",
                AuditLevel::Metadata,
            ),
            (
                json!([{"level": "None", "userGroups": ["system:authenticated"]}, {"level": "Metadata"}]),
                "get",
                "secrets",
                AuditLevel::None,
            ),
            (
                json!([{"level": "Request", "resources": [{"group": "", "resources": ["pods"]}]}]),
                "create",
                "pods/exec",
                AuditLevel::None,
            ),
            (
                json!([{"level": "Request", "resources": [{"group": "", "resources": ["pods/*"]}]}]),
                "create",
                "pods/exec",
                AuditLevel::Request,
            ),
            (
                json!([{"level": "Request", "resources": [{"group": "*"}]}]),
                "create",
                "pods/exec",
                AuditLevel::Request,
            ),
            (
                json!([{"level": "None", "resources": [{"group": "", "resources": ["secrets"], "resourceNames": ["x"]}]}, {"level": "Metadata"}]),
                "get",
                "secrets",
                AuditLevel::Metadata,
            ),
        ];
        for (rules, verb, resource, wanted) in table {
            assert_eq!(level(&rules, verb, resource), wanted, "{verb} {resource} in {rules}");
        }
    }

    #[test]
    fn gaps_say_what_is_missing_and_what_is_too_much() {
        let wanted = AuditRule {
            group: String::new(),
            resources: vec!["secrets".to_owned()],
            verbs: vec![],
            at_least: AuditLevel::Metadata,
            at_most: Some(AuditLevel::Metadata),
        };
        let gaps = |rules: Value| {
            Policy::read(&json!({"kind": "Policy", "rules": rules})).unwrap().gaps(&wanted)
        };
        assert!(gaps(json!([{"level": "Metadata"}])).is_empty());
        assert_eq!(
            gaps(json!([{"level": "Metadata", "verbs": ["get"]}])),
            [
                "list, watch, create, update, patch, delete, deletecollection of secrets is logged at None, wanted Metadata or more"
            ]
        );
        assert!(gaps(json!([{"level": "RequestResponse"}]))[0].contains("writes its content"));
    }

    #[test]
    fn what_is_not_a_policy_is_said() {
        assert_eq!(Policy::read(&json!({"kind": "Pod"})).unwrap_err(), "kind is not Policy");
        let bad = json!({"kind": "Policy", "rules": [{"level": "Loud"}]});
        assert_eq!(Policy::read(&bad).unwrap_err(), "a rule has the level Loud");
    }
}
