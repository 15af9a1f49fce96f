//! Taking some controls out of a change that several share.
//!
//! The plan keeps every edit with the control that asked for it: the text without some controls is what was
//! before with the other edits applied again. That is believed only when all edits applied again give
//! exactly what was written.

use std::collections::BTreeSet;

use crate::{
    model::{
        AttributedEdit, Change, ChangeKind, Component, ControlId, Edit, FieldValue, FileMeta,
        StepTarget,
    },
    text::{env_file, flags, kubelet, manifest, unit, yaml},
};

/// What is undone of one change: from the second of each pair to the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sides {
    /// Text without and with the controls; `None` for a metadata-only change.
    pub(super) text: Option<(String, String)>,
    /// Mode and owner without and with them.
    pub(super) meta: (FileMeta, FileMeta),
}

/// The two sides of taking `controls` out of a change of which `standing` still stand.
pub(super) fn sides(
    target: StepTarget,
    change: &Change,
    standing: &BTreeSet<ControlId>,
    controls: &BTreeSet<ControlId>,
) -> Result<Sides, String> {
    let stays: BTreeSet<ControlId> = standing.difference(controls).cloned().collect();
    let with = image(target, change, standing)?;
    let without = image(target, change, &stays)?;
    let text = without.0.zip(with.0);
    Ok(Sides { text, meta: (without.1, with.1) })
}

/// The file as it would be if only these controls had been applied.
fn image(
    target: StepTarget,
    change: &Change,
    wanted: &BTreeSet<ControlId>,
) -> Result<(Option<String>, FileMeta), String> {
    let (before, after) = match &change.kind {
        ChangeKind::Metadata { before, after } => ((None, before), (None, after)),
        ChangeKind::Content { before, after } => {
            ((Some(&before.text), &before.meta), (Some(&after.text), &after.meta))
        }
        // They come and go whole.
        ChangeKind::Create { after: item } | ChangeKind::Remove { before: item } => {
            let side = (item.file().map(|image| &image.text), item.meta());
            (side, side)
        }
    };
    let owned = |(text, meta): (Option<&String>, &FileMeta)| (text.cloned(), meta.clone());
    let own = change.controls();
    if own.iter().all(|control| wanted.contains(control)) {
        return Ok(owned(after));
    }
    if !own.iter().any(|control| wanted.contains(control)) {
        return Ok(owned(before));
    }
    let all: Vec<&AttributedEdit> = change.edits.iter().collect();
    let some: Vec<&AttributedEdit> =
        all.iter().copied().filter(|edit| wanted.contains(&edit.control)).collect();
    let text = match (before.0, after.0) {
        (Some(before), Some(after)) => {
            let together = apply(target, &change.path, before, &all)?;
            if together != *after {
                return Err(format!(
                    "its controls cannot be told apart any more: undo all of {} together",
                    own.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                ));
            }
            Some(apply(target, &change.path, before, &some)?)
        }
        _ => None,
    };
    Ok((text, meta(before.1, &some)))
}

fn meta(before: &FileMeta, edits: &[&AttributedEdit]) -> FileMeta {
    let mut meta = before.clone();
    for edit in edits {
        match edit.edit {
            Edit::Mode { mode } => meta.mode = mode,
            Edit::Owner { uid, gid } => (meta.uid, meta.gid) = (uid, gid),
            _ => {}
        }
    }
    meta
}

/// Applies text edits again, with the engine each belongs to.
fn apply(
    target: StepTarget,
    path: &str,
    text: &str,
    edits: &[&AttributedEdit],
) -> Result<String, String> {
    let pick = |wanted: fn(&Edit) -> bool| -> Vec<AttributedEdit> {
        edits.iter().filter(|edit| wanted(&edit.edit)).map(|edit| (*edit).clone()).collect()
    };
    let mut text = text.to_owned();
    let flags = pick(|edit| flag_of(edit).is_some() || is_of_pod(edit));
    if !flags.is_empty() {
        let component = target
            .restarts()
            .ok_or_else(|| "a flag was changed in a step that restarts nothing".to_owned())?;
        text = manifest::edit(&text, component, &flags).map_err(|refused| refused.reason)?;
    }
    let fields = pick(|edit| field_of(edit).is_some());
    if !fields.is_empty() {
        text = kubelet::edit(&text, &fields).map_err(|refused| refused.reason)?;
    }
    for edit in edits {
        if let Edit::RemoveEnvFlag { flag, element } = &edit.edit {
            let is_unit = path.ends_with(".service") || path.contains(".service.d/");
            let remove = if is_unit { unit::remove_flag } else { env_file::remove_flag };
            text = remove(&text, flag, element.as_deref()).map_err(|refused| refused.reason)?;
        }
    }
    Ok(text)
}

/// An edit of a manifest that is about no flag.
fn is_of_pod(edit: &Edit) -> bool {
    matches!(edit, Edit::Mount { .. } | Edit::ProbeHost { .. })
}

fn flag_of(edit: &Edit) -> Option<&str> {
    match edit {
        Edit::SetFlag { flag, .. }
        | Edit::RemoveFlag { flag }
        | Edit::AddToList { flag, .. }
        | Edit::RemoveFromList { flag, .. } => Some(flag),
        _ => None,
    }
}

fn field_of(edit: &Edit) -> Option<&str> {
    match edit {
        Edit::SetField { field, .. } | Edit::RemoveField { field } => Some(field),
        _ => None,
    }
}

/// The edits of an undo, as its diff and its history show them: each setting with the value it gets back.
pub(super) fn inverse(
    edits: &[AttributedEdit],
    restored: Option<&str>,
    component: Option<Component>,
    meta: &FileMeta,
) -> Vec<AttributedEdit> {
    let mut inverted: Vec<AttributedEdit> = Vec::new();
    for AttributedEdit { control, edit } in edits {
        let edit = match edit {
            Edit::Mode { .. } => Edit::Mode { mode: meta.mode },
            Edit::Owner { .. } => Edit::Owner { uid: meta.uid, gid: meta.gid },
            Edit::Mount { folder, .. } => Edit::Unmount { folder: folder.clone() },
            Edit::Create => Edit::Remove,
            Edit::Remove => Edit::Create,
            other => text_inverse(other, restored, component).unwrap_or_else(|| other.clone()),
        };
        let attributed = AttributedEdit { control: control.clone(), edit };
        if !inverted.contains(&attributed) {
            inverted.push(attributed);
        }
    }
    inverted
}

fn text_inverse(edit: &Edit, restored: Option<&str>, component: Option<Component>) -> Option<Edit> {
    if let Some(flag) = flag_of(edit) {
        let pod = manifest::parse("", restored?).ok()?;
        let args: Vec<&str> =
            pod.container(component?)?.args.iter().map(|arg| arg.text.as_str()).collect();
        let flag = flag.to_owned();
        return Some(match flags::value(&args, &flag) {
            Some(value) => Edit::SetFlag { flag, value },
            None => Edit::RemoveFlag { flag },
        });
    }
    if let Edit::ProbeHost { .. } = edit {
        let pod = manifest::parse("", restored?).ok()?;
        return Some(Edit::ProbeHost { host: pod.container(component?)?.probe_host() });
    }
    let field = field_of(edit)?.to_owned();
    let (value, _) = kubelet::parse(restored?).ok()?;
    match yaml::at(&value, &field) {
        None => Some(Edit::RemoveField { field }),
        Some(value) => {
            let value: FieldValue = serde_json::from_value(value.clone()).ok()?;
            Some(Edit::SetField { field, value })
        }
    }
}
