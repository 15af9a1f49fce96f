//! The closed vocabulary of checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    cluster::ApiCheck,
    places::{Mode, Owner, PathVar},
};
use crate::model::{change::FieldValue, component::Component};

/// How far a feature gate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum GateStage {
    Alpha,
    Beta,
    Stable,
}

impl GateStage {
    /// The gate that stands for all of this stage.
    pub const fn all(self) -> Option<&'static str> {
        match self {
            Self::Alpha => Some("AllAlpha"),
            Self::Beta => Some("AllBeta"),
            Self::Stable => None,
        }
    }
}

/// How a control is judged.
///
/// Flags are written without leading dashes; kubelet fields as dotted paths.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Check {
    /// Every file has no permission bit outside `at_most`.
    FileMode {
        /// Which files.
        path: PathVar,
        /// The widest mode allowed.
        at_most: Mode,
    },
    /// Every file belongs to `owner`.
    FileOwner {
        /// Which files.
        path: PathVar,
        /// The owner wanted.
        owner: Owner,
    },
    /// Modes and owner of a directory and of the files in it (CIS 2.1 4.1.11).
    Directory {
        /// The directory.
        dir: PathVar,
        /// Widest mode of the directory.
        dir_mode: Mode,
        /// The files in it.
        files: PathVar,
        /// Widest mode of the files.
        file_mode: Mode,
        /// The owner wanted, of all of them.
        owner: Owner,
    },
    /// One flag, or several which must all satisfy `expect`.
    Flag {
        /// Whose flag.
        component: Component,
        /// Flag names; every one must satisfy `expect`.
        flags: Vec<String>,
        /// What its value must be.
        expect: Expect,
        /// What it means when the flag is not given.
        absent: Absent,
        /// Flags without which this one does nothing: when one of them is absent the control fails.
        #[serde(default)]
        requires: Vec<String>,
        /// Flags that make this one count for nothing (`--config` of the scheduler): when one of them is given, a
        /// person must look into the file it names.
        #[serde(default)]
        ignored_with: Vec<String>,
        /// Other settings that satisfy the control as well.
        #[serde(default)]
        accept: Vec<Alternative>,
    },
    /// An admission plugin of the API server, on or off after all three plugin flags.
    AdmissionPlugin {
        /// Plugin name.
        plugin: String,
        /// Whether it must be on.
        enabled: bool,
        /// Whether it is on without any flag.
        on_by_default: bool,
        /// Objects of the cluster that it matters to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shows: Option<ApiCheck>,
    },
    /// An authorization mode of the API server, by flag or by authorization configuration file.
    AuthorizationMode {
        /// Mode name: `Node`, `RBAC`, `AlwaysAllow`.
        mode: String,
        /// Whether it must be among the modes.
        enabled: bool,
    },
    /// Anonymous requests to the API server: off, or limited to exact paths by an authentication configuration file.
    AnonymousRequests {},
    /// A feature gate, by `--feature-gates` or the kubelet's `featureGates`.
    FeatureGate {
        /// Whose gate.
        component: Component,
        /// Gate name.
        gate: String,
        /// Whether it must be on.
        enabled: bool,
        /// Whether it is on when not mentioned.
        on_by_default: bool,
        /// Its stage: `AllAlpha` and `AllBeta` switch the gates of theirs that are not mentioned.
        stage: GateStage,
    },
    /// One or several fields of the kubelet's effective configuration.
    KubeletField {
        /// Dotted paths; every one must satisfy `expect`.
        fields: Vec<String>,
        /// The flags that override them, in the same order.
        flags: Vec<String>,
        /// What the value must be.
        expect: Expect,
        /// What it means when neither field nor flag is given (with a `--config` file).
        absent: Absent,
        /// The same for a kubelet without `--config`, where it differs (legacy defaults).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        absent_legacy: Option<Absent>,
        /// A zero in a configuration file means the default (kubeadm writes `0s`), and only a zero in a flag is zero.
        #[serde(default)]
        zero_means_default: bool,
        /// Other settings that satisfy the control as well.
        #[serde(default)]
        accept: Vec<Alternative>,
    },
    /// A field of kube-proxy's configuration; with `--config` its flags do not count.
    KubeProxyField {
        /// Dotted path.
        field: String,
        /// The flag, for a kube-proxy without `--config`.
        flag: String,
        /// What the value must be.
        expect: Expect,
        /// What it means when not given.
        absent: Absent,
    },
    /// First provider of every rule of the encryption configuration that covers secrets.
    EncryptionProviders {
        /// Providers that are strong enough.
        allowed: Vec<String>,
    },
    /// The audit policy logs the events that matter.
    AuditPolicy {
        /// Resources which must be logged, at which least level, for which verbs.
        cover: Vec<AuditRule>,
    },
    /// etcd trusts no certificate authority that the API server's clients may use as well.
    EtcdOwnCa {},
    /// Judged from cluster objects, through the API.
    Api {
        /// What is looked at, by this program or a person.
        look_at: String,
        /// How this program looks.
        judge: ApiCheck,
    },
    /// Only a person can judge it.
    Review {
        /// What to look at, and how to decide.
        look_at: String,
        /// Objects of the cluster to look at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shows: Option<ApiCheck>,
    },
}

/// What an audit policy must log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditRule {
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Resources, with subresources as `pods/exec`.
    pub resources: Vec<String>,
    /// Verbs; empty means all.
    #[serde(default)]
    pub verbs: Vec<String>,
    /// Least level.
    pub at_least: AuditLevel,
    /// Highest level, where logging more would itself be a leak (Secrets at `metadata`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<AuditLevel>,
}

/// Audit levels, weakest first (`audit.k8s.io/v1`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum AuditLevel {
    None,
    Metadata,
    Request,
    RequestResponse,
}

/// What it means when a setting is not given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Absent {
    /// The default in force, as a person reads it: `true: anonymous requests are accepted`.
    pub means: String,
    /// Whether that default satisfies the control.
    pub passes: bool,
}

/// Another setting that satisfies a control as well.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Alternative {
    /// A flag of the same component.
    Flag {
        /// Flag name.
        flag: String,
        /// What its value must be.
        expect: Expect,
        /// Why this is good enough.
        because: String,
    },
    /// A kubelet field, with the flag that overrides it.
    Field {
        /// Dotted path.
        field: String,
        /// The flag that overrides it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flag: Option<String>,
        /// What the value must be.
        expect: Expect,
        /// Why this is good enough.
        because: String,
    },
    /// Another value of the setting itself.
    Value {
        /// The value.
        value: FieldValue,
        /// Why this is good enough.
        because: String,
    },
}

/// What a value must be.
///
/// Booleans are read as Go reads them (`1`, `t`, `TRUE`, `0`, `F` …), lists are compared element by element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Expect {
    /// Equal to `value`.
    Eq {
        /// The value wanted.
        value: FieldValue,
    },
    /// Anything but `value`.
    NotEq {
        /// The value not wanted.
        value: FieldValue,
    },
    /// A number greater than `value`.
    Gt {
        /// The bound.
        value: i64,
    },
    /// A number of at least `value`.
    Gte {
        /// The bound.
        value: i64,
    },
    /// Set, and not empty.
    Present {},
    /// Set, and the file it names exists (as the component sees it).
    File {},
    /// Not set at all.
    Absent {},
    /// Every element is one of `values`; an empty list does not satisfy it.
    Subset {
        /// The elements allowed.
        values: Vec<String>,
    },
    /// An address on the loopback interface, with or without a port.
    Loopback {},
    /// A duration other than zero, in Go's syntax.
    NonZeroDuration {},
}
