//! The closed vocabulary of fixes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{change::FieldValue, component::Component};

/// How a control is fixed.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// The edits, in order; empty when there is none.
    #[serde(default)]
    pub actions: Vec<FixAction>,
    /// What the fix needs beyond the edits; a fix with needs is not offered by this version.
    #[serde(default)]
    pub needs: Vec<Needs>,
    /// Settings beside which the edits would do nothing or stop the component: where one is given, there is no fix.
    #[serde(default)]
    pub conflicts: Vec<Conflict>,
    /// Why there is no fix, and what a person does instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none: Option<String>,
}

/// A flag that stands against a fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// Whose flag.
    pub component: Component,
    /// Flag name, without dashes.
    pub flag: String,
    /// Why the fix must not be made beside it, and what a person does instead.
    pub because: String,
}

/// One edit a fix asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FixAction {
    /// Drop the permission bits which the check does not allow; never add one.
    Mode {},
    /// Give the files to the owner the check wants.
    Owner {},
    /// Set a flag in the static pod manifest.
    SetFlag {
        /// Whose flag.
        component: Component,
        /// Flag name.
        flag: String,
        /// The value.
        value: String,
    },
    /// Remove a flag from the static pod manifest.
    RemoveFlag {
        /// Whose flag.
        component: Component,
        /// Flag name.
        flag: String,
    },
    /// Add an element to a list flag, creating the flag when missing.
    AddToList {
        /// Whose flag.
        component: Component,
        /// Flag name.
        flag: String,
        /// The element.
        value: String,
        /// Put it at the front instead of the end.
        #[serde(default)]
        first: bool,
    },
    /// Remove an element from a list flag.
    RemoveFromList {
        /// Whose flag.
        component: Component,
        /// Flag name.
        flag: String,
        /// The element.
        value: String,
        /// The whole value to write when nothing is left or the flag is missing; else the flag is removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        otherwise: Option<String>,
    },
    /// Let the probes in the static pod manifest ask this host.
    ProbeHost {
        /// Whose probes.
        component: Component,
        /// The host.
        host: String,
    },
    /// Set a kubelet field in the place that wins, and remove the flags that would override it.
    KubeletField {
        /// Dotted path.
        field: String,
        /// The value.
        value: FieldValue,
        /// The flags that override it.
        #[serde(default)]
        flags: Vec<String>,
    },
    /// Remove a kubelet field wherever it is set, and the flags that would override it.
    RemoveKubeletField {
        /// Dotted path.
        field: String,
        /// The flags that override it.
        #[serde(default)]
        flags: Vec<String>,
        /// For flags with `name=value` elements (`feature-gates`): remove only this element.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        element: Option<String>,
    },
    /// A change in the cluster, exported as YAML, never applied.
    ClusterObject {
        /// What to change.
        what: String,
    },
}

/// What a fix needs beyond its edits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Needs {
    /// A value only the operator knows or must agree to.
    Value {
        /// Its name on the command line.
        name: String,
        /// What is proposed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<String>,
        /// Whether the proposal is safe to take unseen.
        #[serde(default)]
        default_is_safe: bool,
        /// Why it is asked.
        why: String,
    },
    /// Files written beside the edit.
    Bundle {
        /// Name of the bundle in `remediations/bundles/`.
        name: String,
    },
    /// Something that only the API server can tell.
    Api {
        /// What.
        why: String,
    },
}
