//! Controls as `remediations/*.yaml` states them: a closed vocabulary of checks and fixes.
//!
//! An unknown key, kind, operator or path name is a load error; there is no free-form script anywhere.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{change::FieldValue, component::Component, id::ControlId};

/// The stable name of a control, the same in every benchmark: `apiserver-profiling-off`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[schemars(extend("pattern" = r"^[a-z0-9]+(-[a-z0-9]+)*$"))]
pub struct Slug(pub String);

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One recommendation of the benchmark.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Stable name.
    pub slug: Slug,
    /// Number in the base benchmark, cis-1.12. Missing for controls which only other benchmarks have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<ControlId>,
    /// What is recommended, in one line and in our own words.
    pub title: String,
    /// CIS level.
    pub level: Level,
    /// Whether the benchmark scores it.
    pub assessment: Assessment,
    /// Why it matters.
    pub why: String,
    /// What a fix changes.
    pub change: String,
    /// What a fix may break; empty when nothing known.
    #[serde(default)]
    pub breaks: Vec<String>,
    /// How the fix is undone.
    pub undo: String,
    /// Public documentation behind the facts above.
    #[serde(default)]
    pub references: Vec<String>,
    /// How it is judged.
    pub check: Check,
    /// How it is fixed.
    pub fix: Fix,
    /// Risk of the fix; missing when there is no fix this program offers or will offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// How a fix can be taken back; missing when there is no fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversible: Option<Reversibility>,
    /// A deviation we accept, with the reason, on nodes where the condition holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<AcceptedDeviation>,
}

/// CIS profile level.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8", extend("minimum" = 1, "maximum" = 2))]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Level {
    L1,
    L2,
}

impl TryFrom<u8> for Level {
    type Error = String;

    fn try_from(level: u8) -> Result<Self, Self::Error> {
        match level {
            1 => Ok(Self::L1),
            2 => Ok(Self::L2),
            other => Err(format!("level {other}: a CIS level is 1 or 2")),
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        match level {
            Level::L1 => 1,
            Level::L2 => 2,
        }
    }
}

/// Whether the benchmark scores a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Assessment {
    Automated,
    Manual,
}

/// Risk of a fix (`design`: R0 metadata … R4 data or quorum).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Tier {
    /// Mode or owner only; nothing restarts.
    R0,
    /// Scheduler or controller-manager restarts.
    R1,
    /// API server or kubelet restarts; clients notice nothing else.
    R2,
    /// Clients or workloads may notice.
    R3,
    /// Data or quorum.
    R4,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::R0 => "R0",
            Self::R1 => "R1",
            Self::R2 => "R2",
            Self::R3 => "R3",
            Self::R4 => "R4",
        })
    }
}

/// How a fix can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reversibility {
    /// Putting the old bytes, mode and owner back is enough.
    Bytes,
    /// Only a procedure undoes it; never reverted by bytes.
    Procedure,
    /// Nothing undoes it.
    OneWay,
}

/// `user:group`, by name; resolved in the node's own `/etc/passwd` and `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^[a-z_][a-z0-9_-]*:[a-z_][a-z0-9_-]*$"))]
pub struct Owner {
    /// User name.
    pub user: String,
    /// Group name.
    pub group: String,
}

impl TryFrom<String> for Owner {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once(':') {
            Some((user, group)) if !user.is_empty() && !group.is_empty() => {
                Ok(Self { user: user.to_owned(), group: group.to_owned() })
            }
            _ => Err(format!("'{text}' is not user:group")),
        }
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        format!("{}:{}", owner.user, owner.group)
    }
}

/// Permission bits, written in octal: `'0600'`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^0[0-7]{3}$"))]
pub struct Mode(pub u32);

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match u32::from_str_radix(&text, 8) {
            Ok(bits) if text.len() == 4 && bits <= 0o777 => Ok(Self(bits)),
            _ => Err(format!("'{text}' is not a mode: write four octal digits such as '0600'")),
        }
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.to_string()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// A place this node keeps something; which paths it stands for is settled by discovery.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PathVar {
    /// API server static pod manifest.
    ApiserverManifest,
    /// Controller-manager static pod manifest.
    ControllerManagerManifest,
    /// Scheduler static pod manifest.
    SchedulerManifest,
    /// etcd static pod manifest, else its unit or config file.
    EtcdManifest,
    /// etcd data directory (the directory itself).
    EtcdDataDir,
    /// admin.conf and super-admin.conf, those that exist.
    AdminKubeconfigs,
    /// Scheduler kubeconfig.
    SchedulerKubeconfig,
    /// Controller-manager kubeconfig.
    ControllerManagerKubeconfig,
    /// The PKI directory and everything below it.
    PkiTree,
    /// `**/*.crt` below the PKI directory.
    PkiCertificates,
    /// `**/*.key` below the PKI directory.
    PkiKeys,
    /// Regular files below the CNI configuration directory and the host-local IPAM state.
    CniFiles,
    /// Kubelet unit file and all its drop-ins.
    KubeletServiceFiles,
    /// The kubelet's own configuration file.
    KubeletConfig,
    /// The kubelet's kubeconfig.
    KubeletKubeconfig,
    /// CA bundle the kubelet verifies its clients with (effective value).
    KubeletClientCa,
    /// kube-proxy's kubeconfig, when it is a file on the host.
    ProxyKubeconfig,
    /// Directory of kubelet configuration drop-ins.
    KubeletDropInDir,
    /// `*.conf` files in that directory.
    KubeletDropInFiles,
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
        /// What a person (later: this program) looks at.
        look_at: String,
    },
    /// Only a person can judge it.
    Review {
        /// What to look at, and how to decide.
        look_at: String,
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
    /// The probes must change in the same write.
    Probes {
        /// Why.
        why: String,
    },
    /// Something that only the API server can tell.
    Api {
        /// What.
        why: String,
    },
}

/// A deviation from the benchmark that is right on some nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptedDeviation {
    /// When it applies.
    pub when: DeviationCondition,
    /// Why it is accepted there.
    pub reason: String,
}

/// Conditions of an accepted deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationCondition {
    /// etcd runs as root in a container, as kubeadm sets it up.
    EtcdRunsAsRootInContainer,
}
