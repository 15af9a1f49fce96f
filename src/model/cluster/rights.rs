//! RBAC: roles, bindings, subjects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Metadata, Selector, or_empty};

/// A Role or a `ClusterRole`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct RbacRole {
    pub metadata: Metadata,
    /// Of an aggregated role these are the rules of all it is made of.
    #[serde(deserialize_with = "or_empty")]
    pub rules: Vec<Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregation_rule: Option<Aggregation>,
}

/// What an aggregated role is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct Aggregation {
    #[serde(deserialize_with = "or_empty")]
    pub cluster_role_selectors: Vec<Selector>,
}

impl RbacRole {
    /// Whether the role with these labels is a part of this one.
    pub fn aggregates(&self, labels: &BTreeMap<String, String>) -> bool {
        let selectors = self.aggregation_rule.iter().flat_map(|rule| &rule.cluster_role_selectors);
        selectors.into_iter().any(|selector| selector.selects(labels))
    }
}

/// A rule of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct Rule {
    #[serde(deserialize_with = "or_empty")]
    pub api_groups: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub resources: Vec<String>,
    #[serde(deserialize_with = "or_empty")]
    pub verbs: Vec<String>,
    #[serde(deserialize_with = "or_empty", skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    #[serde(
        rename = "nonResourceURLs",
        deserialize_with = "or_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub non_resource_urls: Vec<String>,
}

/// A `RoleBinding` or a `ClusterRoleBinding`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct Binding {
    pub metadata: Metadata,
    pub role_ref: RoleRef,
    #[serde(deserialize_with = "or_empty")]
    pub subjects: Vec<Subject>,
}

/// The role a binding gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct RoleRef {
    pub kind: String,
    pub name: String,
}

/// Whom it is given to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "each field is the API's own")]
pub struct Subject {
    pub kind: String,
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}
