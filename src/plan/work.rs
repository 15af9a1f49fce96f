//! One edit at the place it is made, and the engines that make it.

use std::collections::BTreeMap;

use crate::{
    model::{
        AttributedEdit, Component, Edit, FileFact, FileMeta, NodeFacts, StepTarget,
        facts::second_name,
    },
    text::{self, EditRefused},
};

/// Why a failing control has nothing to change.
pub(super) const NOTHING_TO_CHANGE: &str = "its fix would change nothing on disk: what runs was started \
     before the files were as they are, and takes them up at its next start";

/// The text engine that knows a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    /// Static pod manifest of this component.
    Manifest(Component),
    /// Kubelet configuration: main file or drop-in.
    KubeletConfig,
    /// Environment file of the kubelet's unit.
    EnvFile,
    /// The kubelet's unit or one of its drop-ins.
    Unit,
}

impl Engine {
    /// The step in which a file of this kind changes its content.
    pub(super) fn target(self) -> StepTarget {
        match self {
            Self::Manifest(component) => StepTarget::of(component).unwrap_or(StepTarget::Metadata),
            Self::KubeletConfig | Self::EnvFile | Self::Unit => StepTarget::Kubelet,
        }
    }

    /// The text with these edits made.
    pub(super) fn apply(self, text: &str, edits: &[AttributedEdit]) -> Result<String, EditRefused> {
        let remove = match self {
            Self::Manifest(component) => return text::manifest::edit(text, component, edits),
            Self::KubeletConfig => return text::kubelet::edit(text, edits),
            Self::EnvFile => text::env_file::remove_flag,
            Self::Unit => text::unit::remove_flag,
        };
        edits.iter().try_fold(text.to_owned(), |text, edit| match &edit.edit {
            Edit::RemoveEnvFlag { flag, element } => remove(&text, flag, element.as_deref()),
            other => Err(EditRefused { reason: format!("no way to make {other:?} in this file") }),
        })
    }
}

/// One edit of one file.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// Path within the root, links resolved: what edits are merged by.
    pub(super) path: String,
    /// The path it was named by, when a link led to `path`.
    pub(super) named: Option<String>,
    /// What the file is now.
    pub(super) meta: FileMeta,
    /// Content to edit and who edits it; `None` for modes and owners.
    pub(super) content: Option<(String, Engine)>,
    /// What is asked, and by whom.
    pub(super) edit: AttributedEdit,
}

impl Work {
    /// A content edit of a file that is named `named`.
    pub(super) fn on_text(
        facts: &NodeFacts,
        named: &str,
        file: &crate::model::facts::TextFile,
        engine: Engine,
        edit: AttributedEdit,
    ) -> Result<Self, super::Reason> {
        let fact = fact_of(facts, named).or_else(|| fact_of(facts, &file.path));
        let Some(FileFact::Present { kind, mode, uid, gid, links, .. }) = fact else {
            return Err(format!("mode and owner of {named} are not known"));
        };
        if let Some(why) = second_name(&file.path, *kind, *links) {
            return Err(why);
        }
        Ok(Self {
            path: file.path.clone(),
            named: (named != file.path).then(|| named.to_owned()),
            meta: meta(*mode, *uid, *gid),
            content: Some((file.text.clone(), engine)),
            edit,
        })
    }

    /// Changes content, not only mode or owner.
    pub(super) fn is_textual(&self) -> bool {
        self.content.is_some()
    }
}

/// What was found at a path, named as it was or as its links resolve.
fn fact_of<'f>(facts: &'f NodeFacts, path: &str) -> Option<&'f FileFact> {
    let present = |fact: &&FileFact| matches!(fact, FileFact::Present { .. });
    let resolves =
        |fact: &&FileFact| matches!(fact, FileFact::Present { resolved, .. } if resolved == path);
    facts.files.get(path).or_else(|| facts.files.values().find(resolves)).filter(present)
}

/// Metadata without extended attributes: `apply` copies those of the live file.
pub(super) fn meta(mode: u32, uid: u32, gid: u32) -> FileMeta {
    FileMeta { mode, uid, gid, xattrs: BTreeMap::new() }
}
