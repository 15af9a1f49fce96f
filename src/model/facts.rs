//! Node facts: everything one collection read, including what it could not read and why.
//!
//! Checks and plans see the node only through these values, so a scan can be replayed from them.
//! Private keys, kubeconfigs and encryption keys are never read into facts: of those files only
//! mode and owner are here, and as whom a kubeconfig logs in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    benchmark::Minor,
    change::Digest,
    component::{Component, Distribution, Role},
    control::PathVar,
};

/// What sort of thing a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum FileKind {
    File,
    Directory,
    Symlink,
    Other,
}

/// What is known about one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum FileFact {
    /// It exists (links followed inside the root).
    Present {
        /// Where the links lead; equal to the path itself when there are none.
        resolved: String,
        /// What it is.
        kind: FileKind,
        /// `mode & 0o7777`.
        mode: u32,
        /// Numeric owner.
        uid: u32,
        /// Numeric group.
        gid: u32,
        /// Size in bytes.
        size: u64,
        /// How many names a file has in its file system; 1 for everything else.
        #[serde(default = "one")]
        links: u64,
    },
    /// It does not exist.
    Missing,
    /// It could not be looked at: permission, I/O error, a link that leads out of the root.
    Unreadable {
        /// What went wrong.
        why: String,
    },
}

const fn one() -> u64 {
    1
}

/// Why the content of a file cannot be replaced by renaming over its name; `None` when it can.
pub fn second_name(path: &str, kind: FileKind, links: u64) -> Option<String> {
    (kind == FileKind::File && links > 1).then(|| {
        format!(
            "{path} has a second name (a hard link), replacing would separate them: remove the other name, or make it a copy"
        )
    })
}

/// A value that was parsed, or the reason it could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "parse", rename_all = "kebab-case")]
pub enum Parsed<T> {
    /// It was read and understood.
    Ok {
        /// The value.
        value: T,
    },
    /// It was not.
    Broken {
        /// What is wrong, with the line where known.
        why: String,
    },
}

impl<T> Parsed<T> {
    /// The value, if there is one.
    pub fn ok(&self) -> Option<&T> {
        match self {
            Self::Ok { value } => Some(value),
            Self::Broken { .. } => None,
        }
    }
}

/// A text file that checks parse and plans edit; never one that holds secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextFile {
    /// Path within the root, links resolved.
    pub path: String,
    /// Its content.
    pub text: String,
    /// Digest of the content.
    pub digest: Digest,
}

/// One argument with the place it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// The argument as the program would receive it.
    pub text: String,
    /// The file that holds it.
    pub path: String,
    /// One-based line.
    pub line: usize,
}

/// A variable of the environment that something gives a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its value; `None` where it comes from elsewhere (`valueFrom`, `$(OTHER)`).
    pub value: Option<String>,
    /// The file that sets it.
    pub path: String,
    /// One-based line.
    pub line: usize,
}

/// The variables that stand for flags of etcd (`ETCD_*`); empty for everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variables {
    /// By name.
    pub set: BTreeMap<String, Variable>,
    /// Where more of them may come from; `None` when these are all.
    pub more: Option<String>,
}

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Start time in clock ticks after boot (field 22 of `/proc/PID/stat`).
    pub start: u64,
    /// File name of the program: of `exe` where readable, else of the first argument.
    pub binary: String,
    /// Argument vector, split at NUL.
    pub argv: Vec<String>,
    /// Effective user id.
    pub uid: u32,
    /// Pod uid from the cgroup, as written there. Static pods: 32 hex digits without dashes.
    pub pod: Option<String>,
    /// systemd unit from the cgroup: `kubelet.service`.
    pub unit: Option<String>,
    /// `ETCD_*` variables of etcd; empty for everything else.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Why those could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_unread: Option<String>,
}

/// Which process is a component on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "process", rename_all = "kebab-case")]
pub enum ProcessFact {
    /// None runs.
    Absent,
    /// Exactly one is it.
    Running(Process),
    /// Several could be it: a verdict would be a guess.
    Ambiguous {
        /// All of them.
        candidates: Vec<Process>,
    },
    /// `/proc` could not be read.
    Unreadable {
        /// Why.
        why: String,
    },
}

impl ProcessFact {
    /// The process, if there is exactly one.
    pub fn running(&self) -> Option<&Process> {
        match self {
            Self::Running(process) => Some(process),
            _ => None,
        }
    }
}

/// A volume mount of a container, joined with its host path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Path in the container.
    pub container: String,
    /// Path on the host; `None` when the volume is not a hostPath.
    pub host: Option<String>,
    /// Mounted read-only.
    pub read_only: bool,
}

impl Mount {
    /// The mount that holds a path of the container, with what remains of the path below it: the longest
    /// mount path wins, as for the kernel.
    pub fn of<'m, 'p>(mounts: &'m [Self], path: &'p str) -> Option<(&'m Self, &'p str)> {
        mounts
            .iter()
            .filter_map(|mount| {
                let rest = path.strip_prefix(mount.container.trim_end_matches('/'))?;
                (rest.is_empty() || rest.starts_with('/')).then_some((mount, rest))
            })
            .max_by_key(|(mount, _)| mount.container.trim_end_matches('/').len())
    }

    /// Where a path of the container lies on the host; `None` when no volume of the host holds it. Links on
    /// the way are not followed.
    pub fn host_path(mounts: &[Self], path: &str) -> Option<String> {
        let (mount, rest) = Self::of(mounts, path)?;
        let host = mount.host.as_deref()?;
        Some(if rest.is_empty() {
            host.to_owned()
        } else {
            host.trim_end_matches('/').to_owned() + rest
        })
    }
}

/// An HTTP or TCP probe of a container, port name resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// `None` for a TCP probe.
    pub path: Option<String>,
    /// Host asked; `None` means the pod's own address.
    pub host: Option<String>,
    /// Port number.
    pub port: u16,
    /// `https`.
    pub tls: bool,
    /// `httpHeaders`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Seconds before the first probe.
    pub initial_delay: u32,
    /// Seconds between probes.
    pub period: u32,
    /// Seconds until one probe has failed.
    pub timeout: u32,
    /// Failures in a row until the verdict turns.
    pub failure_threshold: u32,
}

/// One container of a static pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image reference.
    pub image: String,
    /// `command` then `args`, with the lines they are written on.
    pub args: Vec<Arg>,
    /// `env` and `envFrom`, of etcd's variables.
    #[serde(default)]
    pub variables: Variables,
    /// Volume mounts.
    pub mounts: Vec<Mount>,
    /// `securityContext.runAsUser` of the container, else of the pod.
    pub run_as_user: Option<i64>,
    /// The groups of a user who is not root: `runAsGroup` (else that of root), `supplementalGroups`, `fsGroup`.
    #[serde(default)]
    pub groups: Vec<u32>,
    /// Liveness, readiness and startup probe.
    pub liveness: Option<Probe>,
    /// See above.
    pub readiness: Option<Probe>,
    /// See above.
    pub startup: Option<Probe>,
}

impl Container {
    /// The host that its probes ask, as the first of them says.
    pub fn probe_host(&self) -> Option<String> {
        let mut probes = [&self.liveness, &self.readiness, &self.startup].into_iter().flatten();
        probes.next()?.host.clone()
    }
}

/// What kube-temper needs to know of a static pod manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticPod {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.uid`: with it the kubelet does not notice changed flags.
    pub uid: Option<String>,
    /// `spec.hostNetwork`.
    pub host_network: bool,
    /// All containers.
    pub containers: Vec<Container>,
    /// Keys written twice (the last one wins), as dotted paths.
    pub duplicate_keys: Vec<String>,
}

impl StaticPod {
    /// The containers whose command runs this component.
    pub fn containers_of(&self, component: Component) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(move |container| {
            container
                .args
                .first()
                .is_some_and(|arg| arg.text.rsplit('/').next() == Some(component.as_str()))
        })
    }

    /// The container whose command runs this component; `None` also when several do.
    pub fn container(&self, component: Component) -> Option<&Container> {
        let mut found = self.containers_of(component);
        found.next().filter(|_| found.next().is_none())
    }

    /// Whether any of its containers runs this component.
    pub fn runs(&self, component: Component) -> bool {
        self.containers_of(component).next().is_some()
    }
}

/// One file of the static pod directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFact {
    /// Path as named in the directory.
    pub path: String,
    /// The text; `None` when it could not be read (then `pod` says why).
    pub file: Option<TextFile>,
    /// The pod in it.
    pub pod: Parsed<StaticPod>,
}

/// One layer of the kubelet's configuration: the main file or a drop-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeletLayer {
    /// Path as named.
    pub path: String,
    /// The text; `None` when it could not be read.
    pub file: Option<TextFile>,
    /// The fields as the kubelet reads them (YAML 1.1 words, octal, last duplicate wins).
    pub fields: Parsed<serde_json::Value>,
    /// Keys written twice, as dotted paths.
    pub duplicate_keys: Vec<String>,
}

/// Where the kubelet takes its configuration from, weakest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeletFacts {
    /// `--config`.
    pub config: Option<KubeletLayer>,
    /// `--config-dir`.
    pub drop_in_dir: Option<String>,
    /// `*.conf` below it, in the order they are merged.
    pub drop_ins: Vec<KubeletLayer>,
    /// Unit file and unit drop-ins, in order.
    pub unit_files: Vec<TextFile>,
    /// Environment files named by the unit, in order, those that exist.
    pub env_files: Vec<TextFile>,
    /// What the specifiers of the unit stand for: `n` for `%n`.
    #[serde(default)]
    pub specifiers: BTreeMap<char, String>,
    /// The arguments that unit and environment files give at the next start; `None` when the unit is unknown.
    pub start_args: Option<Vec<Arg>>,
}

/// A rule of an encryption configuration, without its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionRule {
    /// Resources it covers.
    pub resources: Vec<String>,
    /// Kinds of its providers, in order: `secretbox`, `identity`.
    pub providers: Vec<String>,
}

/// Certificates of a PEM bundle, by the SHA-256 of their public key information.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateBundle {
    /// SHA-256 of each certificate's subject public key info, in hex.
    pub public_keys: Vec<Digest>,
}

/// As whom a kubeconfig logs in with its client certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The certificate's subject: its CN is the user.
    pub subject: String,
    /// The user's groups: the certificate's organizations.
    pub groups: Vec<String>,
    /// When it ends.
    pub until: Timestamp,
}

/// User and group names of the node's own `/etc/passwd` and `/etc/group`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// User name to uid.
    pub users: BTreeMap<String, u32>,
    /// Group name to gid.
    pub groups: BTreeMap<String, u32>,
}

/// Kubernetes version and where it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionFact {
    /// As written: `v1.36.2`.
    pub text: String,
    /// Its minor.
    pub minor: Minor,
    /// Where it was read: `image tag in /etc/kubernetes/manifests/kube-apiserver.yaml`.
    pub source: String,
}

/// Where this node keeps things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProfile {
    /// Name of the node: `--hostname-override`, else the host name.
    pub name: String,
    /// What it is in its cluster.
    pub role: Role,
    /// How it was set up.
    pub distribution: Distribution,
    /// Kubernetes version; `None` when nothing tells.
    pub version: Option<VersionFact>,
    /// Static pod directory.
    pub manifest_dir: Option<String>,
    /// The files each name stands for here; those that exist, sorted.
    pub paths: BTreeMap<PathVar, Vec<String>>,
}

/// Everything one collection read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// When.
    pub at: Timestamp,
    /// The node is running: processes count. False for an image or a recording, where files decide.
    pub live: bool,
    /// Where things are.
    pub profile: NodeProfile,
    /// Which process is which component.
    pub processes: BTreeMap<Component, ProcessFact>,
    /// Every non-dot file of the static pod directory, sorted by name.
    pub manifests: Vec<ManifestFact>,
    /// Arguments of components that a systemd unit starts instead of a manifest (external layouts).
    pub unit_args: BTreeMap<Component, Vec<Arg>>,
    /// Variables that such a unit gives etcd.
    #[serde(default)]
    pub unit_variables: Variables,
    /// The kubelet.
    pub kubelet: KubeletFacts,
    /// Every path looked at.
    pub files: BTreeMap<String, FileFact>,
    /// Authentication, authorization, audit policy, scheduler and kube-proxy configuration files that flags name, by host path.
    pub documents: BTreeMap<String, Parsed<serde_json::Value>>,
    /// Encryption configuration, by host path.
    pub encryption: BTreeMap<String, Parsed<Vec<EncryptionRule>>>,
    /// CA bundles that are compared, by host path.
    pub certificates: BTreeMap<String, Parsed<CertificateBundle>>,
    /// Kubeconfigs that log in with a client certificate.
    #[serde(default)]
    pub logins: BTreeMap<String, Parsed<Login>>,
    /// Names of users and groups.
    pub accounts: Accounts,
    /// Things that could not be read and belong to no single control.
    pub problems: Vec<String>,
}

impl NodeFacts {
    /// The process of a component, when exactly one is it.
    pub fn process(&self, component: Component) -> Option<&Process> {
        self.processes.get(&component).and_then(ProcessFact::running)
    }

    /// The manifests whose pod runs this component; more than one means one shadows the other.
    pub fn manifests_of(&self, component: Component) -> Vec<&ManifestFact> {
        self.manifests
            .iter()
            .filter(|m| m.pod.ok().is_some_and(|pod| pod.runs(component)))
            .collect()
    }
}
