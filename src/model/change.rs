//! Changes and plans: what would be written, byte for byte, and why.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{
    benchmark::BenchmarkId,
    component::Component,
    control::{Reversibility, Tier},
    id::ControlId,
};

/// Largest file that is read and edited, in bytes: the kubelet's own limit for a manifest.
pub const LARGEST_TEXT: usize = 10 << 20;

/// Documents come from files that a person may have edited: what cannot be a mode is refused on reading.
fn permission_bits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let mode = u32::deserialize(deserializer)?;
    if mode > 0o7777 {
        return Err(D::Error::custom(format!(
            "the mode {mode} (octal {mode:o}) is more than permission bits, 4095 (octal 7777) at most"
        )));
    }
    Ok(mode)
}

fn readable_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() > LARGEST_TEXT {
        return Err(D::Error::custom(format!(
            "a file's content is {} bytes, {LARGEST_TEXT} at most",
            text.len()
        )));
    }
    Ok(text)
}

/// SHA-256 of a file's bytes, in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub String);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::of_sum(&sha2::Sha256::digest(bytes))
    }

    /// A digest that was computed piece by piece.
    pub fn of_sum(sum: &[u8]) -> Self {
        use std::fmt::Write as _;
        let mut hex = String::with_capacity(64);
        for byte in sum {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Mode, owner and extended attributes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// Permission bits with set-uid, set-gid and sticky: `mode & 0o7777`.
    #[serde(deserialize_with = "permission_bits")]
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Extended attributes (`SELinux` label and others); empty in metadata-only changes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// A whole file: text and metadata. Only files that hold no secrets are kept this way.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileImage {
    /// The content; every file we edit is UTF-8 text.
    #[serde(deserialize_with = "readable_text")]
    pub text: String,
    /// Its metadata.
    pub meta: FileMeta,
}

impl FileImage {
    /// Digest of the content.
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }
}

impl fmt::Debug for FileImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileImage")
            .field("bytes", &self.text.len())
            .field("digest", &self.digest().0)
            .field("meta", &self.meta)
            .finish()
    }
}

/// A scalar or list that a field, flag or expectation can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FieldValue {
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) => f.pad(value),
            Self::List(values) => f.write_str(&values.join(",")),
        }
    }
}

/// One text edit of a file, closed set. Flag names carry no dashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "kebab-case")]
pub enum Edit {
    /// Set a flag of the container in a static pod manifest.
    SetFlag {
        /// Flag name.
        flag: String,
        /// Its value.
        value: String,
    },
    /// Remove every occurrence of a flag from a static pod manifest.
    RemoveFlag {
        /// Flag name.
        flag: String,
    },
    /// Add an element to a comma-separated flag of a static pod manifest.
    AddToList {
        /// Flag name.
        flag: String,
        /// The element.
        value: String,
        /// At the front instead of the end.
        first: bool,
    },
    /// Remove an element from a comma-separated flag of a static pod manifest.
    RemoveFromList {
        /// Flag name.
        flag: String,
        /// The element.
        value: String,
        /// The whole value to write when nothing is left; else the flag is removed.
        otherwise: Option<String>,
    },
    /// Set a field of a configuration file (YAML or JSON), creating missing parents.
    SetField {
        /// Dotted path.
        field: String,
        /// Its value.
        value: FieldValue,
    },
    /// Remove a field of a configuration file.
    RemoveField {
        /// Dotted path.
        field: String,
    },
    /// Remove a flag from a variable of an environment file or of `Environment=` in a unit.
    RemoveEnvFlag {
        /// Flag name.
        flag: String,
        /// Remove only this element of its comma-separated value.
        element: Option<String>,
    },
    /// Let all probes of the component's container ask this host; `None` is the pod's own address.
    ProbeHost {
        /// The host.
        host: Option<String>,
    },
    /// Let the component's container see a folder of the host at the same path.
    Mount {
        /// Name of the volume, when it is new and nobody has it.
        name: String,
        /// The folder.
        folder: String,
        /// `hostPath.type`: `Directory`, `DirectoryOrCreate`.
        kind: String,
        /// Only to be read.
        read_only: bool,
    },
    /// Take that away again.
    Unmount {
        /// The folder.
        folder: String,
    },
    /// Create the file or folder.
    Create,
    /// Remove it.
    Remove,
    /// Change permission bits.
    Mode {
        /// The new mode.
        #[serde(deserialize_with = "permission_bits")]
        mode: u32,
    },
    /// Change owner and group.
    Owner {
        /// The new owner.
        uid: u32,
        /// The new group.
        gid: u32,
    },
}

/// An edit with the control that asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributedEdit {
    /// Who asks.
    pub control: ControlId,
    /// For what.
    #[serde(flatten)]
    pub edit: Edit,
}

/// Everything that happens to one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The file's path within the node's root, links resolved.
    pub path: String,
    /// The path it was named by, when a link led to `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// What was asked, and by which control.
    pub edits: Vec<AttributedEdit>,
    /// Before and after.
    #[serde(flatten)]
    pub kind: ChangeKind,
}

impl Change {
    /// The controls this change closes, each once, in order.
    pub fn controls(&self) -> Vec<ControlId> {
        let mut ids: Vec<ControlId> = self.edits.iter().map(|e| e.control.clone()).collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

/// Content and metadata, or metadata only (then no byte of the file is copied anywhere).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ChangeKind {
    /// New content.
    Content {
        /// What the file is now.
        before: FileImage,
        /// What it will be.
        after: FileImage,
    },
    /// New mode or owner; the content is neither read nor kept.
    Metadata {
        /// What it is now.
        before: FileMeta,
        /// What it will be.
        after: FileMeta,
    },
    /// A file or folder where there is nothing.
    Create {
        /// What it will be.
        after: Item,
    },
    /// A file or folder goes; a folder only when nothing else is in it.
    Remove {
        /// What it is now.
        before: Item,
    },
}

/// A file or folder that comes or goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "kebab-case")]
pub enum Item {
    /// A file.
    File(FileImage),
    /// A folder.
    Folder {
        /// Its metadata.
        meta: FileMeta,
    },
}

impl Item {
    /// Mode and owner.
    pub const fn meta(&self) -> &FileMeta {
        match self {
            Self::File(image) => &image.meta,
            Self::Folder { meta } => meta,
        }
    }

    /// The file; `None` for a folder.
    pub const fn file(&self) -> Option<&FileImage> {
        match self {
            Self::File(image) => Some(image),
            Self::Folder { .. } => None,
        }
    }
}

impl ChangeKind {
    /// The content before, where there is one that this change is about.
    pub const fn before(&self) -> Option<&FileImage> {
        match self {
            Self::Content { before, .. } => Some(before),
            Self::Remove { before } => before.file(),
            Self::Metadata { .. } | Self::Create { .. } => None,
        }
    }

    /// The content after, where there is one that this change is about.
    pub const fn after(&self) -> Option<&FileImage> {
        match self {
            Self::Content { after, .. } => Some(after),
            Self::Create { after } => after.file(),
            Self::Metadata { .. } | Self::Remove { .. } => None,
        }
    }

    /// Mode and owner before; `None` where there is nothing.
    pub const fn meta_before(&self) -> Option<&FileMeta> {
        match self {
            Self::Content { before, .. } => Some(&before.meta),
            Self::Metadata { before, .. } => Some(before),
            Self::Remove { before } => Some(before.meta()),
            Self::Create { .. } => None,
        }
    }

    /// Mode and owner after; `None` where there will be nothing.
    pub const fn meta_after(&self) -> Option<&FileMeta> {
        match self {
            Self::Content { after, .. } => Some(&after.meta),
            Self::Metadata { after, .. } => Some(after),
            Self::Create { after } => Some(after.meta()),
            Self::Remove { .. } => None,
        }
    }

    /// Its turn within a step: what a file names is there before the file says so, and goes after it.
    const fn turn(&self) -> u8 {
        match self {
            Self::Create { after: Item::Folder { .. } } => 0,
            Self::Create { after: Item::File(_) } => 1,
            Self::Content { .. } | Self::Metadata { .. } => 2,
            Self::Remove { before: Item::File(_) } => 3,
            Self::Remove { before: Item::Folder { .. } } => 4,
        }
    }
}

/// What a step is about; the order of the variants is the order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepTarget {
    /// Modes and owners; nothing restarts.
    Metadata,
    /// The scheduler restarts.
    KubeScheduler,
    /// The controller-manager restarts.
    KubeControllerManager,
    /// The API server restarts.
    KubeApiserver,
    /// The kubelet restarts.
    Kubelet,
    /// etcd restarts; alone and last.
    Etcd,
}

impl StepTarget {
    /// The component this step restarts.
    pub const fn restarts(self) -> Option<Component> {
        match self {
            Self::Metadata => None,
            Self::KubeScheduler => Some(Component::KubeScheduler),
            Self::KubeControllerManager => Some(Component::KubeControllerManager),
            Self::KubeApiserver => Some(Component::KubeApiserver),
            Self::Kubelet => Some(Component::Kubelet),
            Self::Etcd => Some(Component::Etcd),
        }
    }

    /// The step in which a component's own files change.
    pub const fn of(component: Component) -> Option<Self> {
        match component {
            Component::KubeScheduler => Some(Self::KubeScheduler),
            Component::KubeControllerManager => Some(Self::KubeControllerManager),
            Component::KubeApiserver => Some(Self::KubeApiserver),
            Component::Kubelet => Some(Self::Kubelet),
            Component::Etcd => Some(Self::Etcd),
            Component::KubeProxy => None,
        }
    }
}

/// The changes that share one restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it is about.
    pub target: StepTarget,
    /// Highest risk of its changes, on this node.
    pub tier: Tier,
    /// The changes, in order of execution.
    pub changes: Vec<Change>,
}

impl Step {
    /// What comes first, what goes last, each by its path; a folder goes after those within it.
    pub fn sort(&mut self) {
        self.changes.sort_by(|one, other| {
            let by_turn = one.kind.turn().cmp(&other.kind.turn());
            let by_path = one.path.cmp(&other.path);
            let going = matches!(one.kind, ChangeKind::Remove { .. });
            by_turn.then(if going { by_path.reverse() } else { by_path })
        });
    }

    /// Whether the changes are in that order.
    pub fn is_sorted(&self) -> bool {
        let mut sorted = self.clone();
        sorted.sort();
        sorted.changes == self.changes
    }
}

/// A control that was asked for and is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Which.
    pub control: ControlId,
    /// Why, and what to do.
    pub reason: String,
}

/// How one planned control can be taken back and how risky it is on this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedControl {
    /// Which.
    pub control: ControlId,
    /// Its title.
    pub title: String,
    /// Its risk on this node.
    pub tier: Tier,
    /// How it is undone.
    pub reversible: Reversibility,
}

/// What one `apply` would do. Nothing is written without a shown plan; apply writes exactly its `after`s.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Format of this document.
    pub schema: PlanSchema,
    /// When it was made.
    pub created: Timestamp,
    /// The node's name, so that a plan is not applied to another node.
    pub node: String,
    /// The numbering its control ids belong to.
    pub benchmark: BenchmarkId,
    /// The controls it closes.
    pub controls: Vec<PlannedControl>,
    /// In order of execution.
    pub steps: Vec<Step>,
    /// What was asked for and is not in it.
    pub left: Vec<LeftOut>,
}

impl Plan {
    /// Highest risk of its steps; `None` for an empty plan.
    pub fn tier(&self) -> Option<Tier> {
        self.steps.iter().map(|step| step.tier).max()
    }

    /// What a person must type, each by itself, before it is written: the control ids of R3, or the name of the
    /// node for R4. Up to R2 it is nothing, and a key is enough.
    pub fn to_type(&self) -> Vec<&str> {
        match self.tier() {
            Some(Tier::R4) => vec![&self.node],
            Some(Tier::R3) => {
                let highest = self.controls.iter().filter(|control| control.tier == Tier::R3);
                let ids: Vec<&str> = highest.map(|control| control.control.as_str()).collect();
                // The risk may be the step's alone. Nothing to type must never be enough.
                if ids.is_empty() { vec![&self.node] } else { ids }
            }
            _ => Vec::new(),
        }
    }

    /// Every change, in order of execution.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.steps.iter().flat_map(|step| &step.changes)
    }

    /// Nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| step.changes.is_empty())
    }
}

/// The format version written into every plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanSchema {
    /// The first format.
    #[serde(rename = "kube-temper/plan/v1")]
    V1,
}
