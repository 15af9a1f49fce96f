//! Edits of a container's flags: decided on values, made in the text, proved on values.

use super::{
    arguments::{Arguments, container},
    decide, mounts, probes, proof,
};
use crate::{
    model::{AttributedEdit, Component, Edit},
    text::{
        EditRefused,
        yaml::{self, Document, Tree, splice::same_line_endings},
    },
};

/// Applies flag edits to the component's container, in order. Every other byte stays.
///
/// A flag that is set ends up written once, in the form and quotes its last occurrence had; a new one
/// is written `--name=value` at its sorted place, or after the last flag where flags are not sorted.
/// `command` and `args` count as one vector. Edits of mode and owner leave the text alone.
///
/// # Errors
/// With the reason and what a person can do: several documents, `metadata.uid`, keys written twice,
/// anchors, aliases, merges, tags, tabs and text blocks where the edit would go, values filled in from
/// the environment, edits of another kind of file, and every edit whose result is not proved.
pub fn edit(
    text: &str,
    component: Component,
    edits: &[AttributedEdit],
) -> Result<String, EditRefused> {
    let mut text = text.to_owned();
    for AttributedEdit { edit, .. } in edits {
        if matches!(edit, Edit::Mode { .. } | Edit::Owner { .. }) {
            continue;
        }
        text = one(&text, component, edit).map_err(|why| EditRefused {
            reason: format!("{why}; edit the manifest by hand: {}", describe(edit)),
        })?;
    }
    Ok(text)
}

fn one(text: &str, component: Component, edit: &Edit) -> Result<String, String> {
    if let Edit::Mount { name, folder, kind, read_only } = edit {
        one_that_restarts(text)?;
        let wanted = mounts::Wanted { name, folder, kind, read_only: *read_only };
        return mounts::add(text, component, wanted);
    }
    if let Edit::ProbeHost { host } = edit {
        one_that_restarts(text)?;
        return probes::ask(text, component, host.as_deref());
    }
    let Some((flag, value)) = decide::subject(edit) else {
        return Err("a static pod manifest has flags, no such field".to_owned());
    };
    if value.is_some_and(|value| value.contains("$(")) {
        return Err("a value with $( would be filled in from the environment".to_owned());
    }
    let (before, tree) = one_that_restarts(text)?;
    let index = container(&before.value, component)?;
    on_the_path(&before.duplicate_keys, index)?;
    let arguments = Arguments::find(&tree, index)?;
    let mut new = text.to_owned();
    for step in decide::steps(&arguments.texts(), edit)? {
        let (_, tree) = yaml::read(&new).map_err(|problem| problem.to_string())?;
        new = Arguments::find(&tree, index)?.take(&new, &tree, &step)?;
    }
    if new == text {
        return Ok(new);
    }
    let proved =
        yaml::read(&new).is_ok_and(|(after, _)| proof::holds(&before, &after, index, edit));
    if proved && same_line_endings(text, &new) {
        Ok(new)
    } else {
        Err(format!("changing --{flag} in this text would change more than this flag"))
    }
}

/// A manifest whose change the kubelet notices.
fn one_that_restarts(text: &str) -> Result<(Document, Tree), String> {
    let (document, tree) = yaml::read(text).map_err(|problem| problem.to_string())?;
    if document.documents > 1 {
        return Err("the file holds several documents and the kubelet reads only the first".into());
    }
    if yaml::at(&document.value, "metadata.uid").is_some_and(|uid| !uid.is_null() && uid != "") {
        return Err("the pod has a metadata.uid, so the kubelet would not notice the change: remove it first".to_owned());
    }
    Ok((document, tree))
}

/// A key written twice on the way to the arguments: the kubelet takes the last, a person may mean the other.
fn on_the_path(duplicates: &[String], container: usize) -> Result<(), String> {
    let lists = ["command", "args"].map(|key| format!("spec.containers.{container}.{key}"));
    let twice = duplicates.iter().find(|duplicate| {
        lists.iter().any(|list| list == *duplicate || list.starts_with(&format!("{duplicate}.")))
    });
    twice.map_or(Ok(()), |key| Err(format!("the key {key} is written twice")))
}

fn describe(edit: &Edit) -> String {
    match edit {
        Edit::SetFlag { flag, value } => format!("set --{flag}={value}"),
        Edit::RemoveFlag { flag } => format!("remove --{flag}"),
        Edit::AddToList { flag, value, .. } => format!("add {value} to --{flag}"),
        Edit::RemoveFromList { flag, value, .. } => format!("remove {value} from --{flag}"),
        Edit::SetField { field, value } => format!("set {field} to {value}"),
        Edit::RemoveField { field } => format!("remove {field}"),
        Edit::RemoveEnvFlag { flag, .. } => format!("remove --{flag} from the environment"),
        Edit::ProbeHost { host: Some(host) } => format!("give the probes the host {host}"),
        Edit::ProbeHost { host: None } => "give the probes no host".to_owned(),
        Edit::Mount { folder, .. } => format!("mount {folder}"),
        Edit::Unmount { folder } => format!("mount {folder} no more"),
        Edit::Create => "create it".to_owned(),
        Edit::Remove => "remove it".to_owned(),
        Edit::Mode { mode } => format!("set the mode to {mode:o}"),
        Edit::Owner { uid, gid } => format!("set the owner to {uid}:{gid}"),
    }
}
