//! What limits pods and their connections: `NetworkPolicies`, webhooks, admission policies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Metadata, or_empty};

/// A label selector; an empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct Selector {
    #[serde(deserialize_with = "or_empty")]
    pub match_labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "or_empty")]
    pub match_expressions: Vec<SelectorRequirement>,
}

/// `key In (a, b)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct SelectorRequirement {
    pub key: String,
    pub operator: String,
    #[serde(deserialize_with = "or_empty")]
    pub values: Vec<String>,
}

impl Selector {
    /// Whether it selects an object with these labels.
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        let equal = |(key, value): (&String, &String)| labels.get(key) == Some(value);
        let fits = |wanted: &SelectorRequirement| {
            let value = labels.get(&wanted.key);
            match wanted.operator.as_str() {
                "In" => value.is_some_and(|value| wanted.values.contains(value)),
                "NotIn" => value.is_none_or(|value| !wanted.values.contains(value)),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        };
        self.match_labels.iter().all(equal) && self.match_expressions.iter().all(fits)
    }
}

/// A `NetworkPolicy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct NetworkPolicy {
    pub metadata: Metadata,
    pub spec: NetworkPolicySpec,
}

/// Which pods a `NetworkPolicy` is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct NetworkPolicySpec {
    #[serde(deserialize_with = "or_empty")]
    pub pod_selector: Selector,
}

/// A `ValidatingWebhookConfiguration`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct WebhookConfiguration {
    pub metadata: Metadata,
    #[serde(deserialize_with = "or_empty")]
    pub webhooks: Vec<Webhook>,
}

/// One webhook of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct Webhook {
    #[serde(deserialize_with = "or_empty")]
    pub rules: Vec<ResourceRule>,
}

/// Which requests something looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct ResourceRule {
    #[serde(deserialize_with = "or_empty")]
    pub api_groups: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub operations: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub resources: Vec<String>,
}

impl ResourceRule {
    /// It sees new pods.
    pub fn sees_pods(&self) -> bool {
        let has = |list: &[String], wanted: &[&str]| {
            list.iter().any(|item| wanted.contains(&item.as_str()))
        };
        has(&self.api_groups, &["", "*"])
            && has(&self.resources, &["pods", "*", "*/*"])
            && has(&self.operations, &["CREATE", "*"])
    }
}

/// A `ValidatingAdmissionPolicy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct ValidatingPolicy {
    pub metadata: Metadata,
    pub spec: ValidatingPolicySpec,
}

/// What it looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct ValidatingPolicySpec {
    #[serde(deserialize_with = "or_empty")]
    pub match_constraints: MatchResources,
}

/// The requests it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct MatchResources {
    #[serde(deserialize_with = "or_empty")]
    pub resource_rules: Vec<ResourceRule>,
}

/// A `ValidatingAdmissionPolicyBinding`: without one a policy does nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct ValidatingPolicyBinding {
    pub metadata: Metadata,
    pub spec: PolicyBindingSpec,
}

/// What it binds, and what then happens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct PolicyBindingSpec {
    pub policy_name: String,
    #[serde(deserialize_with = "or_empty")]
    pub validation_actions: Vec<String>,
}
