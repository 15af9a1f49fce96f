//! Whether an edit is still in force after its lines were taken out: a line may be gone from where it was
//! written and do its work elsewhere, moved or written another way.

use serde_json::Value;

use crate::{
    model::{AttributedEdit, Component, Edit, facts::Mount},
    text::{flags, kubelet, manifest, yaml},
};

/// What one text says of an edit's setting.
type Said = Option<String>;

/// The edits that `result` still obeys as `with` does and `without` does not, in words.
pub(super) fn still(
    component: Option<Component>,
    edits: &[&AttributedEdit],
    [without, with, result]: [&str; 3],
) -> Vec<String> {
    let Some(component) = component else { return Vec::new() };
    edits
        .iter()
        .filter_map(|attributed| {
            let [without, with, result] =
                [without, with, result].map(|text| said(component, &attributed.edit, text));
            // A text that cannot be read says nothing; whether the result can be is asked elsewhere.
            let [without, with, result] = [without?, with?, result?];
            (result == with && with != without).then(|| {
                format!(
                    "what was done for {} ({}) is still in force and stands elsewhere now: take it out by hand",
                    attributed.control,
                    name(&attributed.edit)
                )
            })
        })
        .collect()
}

/// Other containers of a manifest keep every argument: a line of theirs may look like ours.
pub(super) fn spares_others(component: Component, now: &str, result: &str) -> bool {
    let others = |text: &str| {
        let pod = manifest::parse("", text).ok()?;
        let own = pod.container(component).map(|container| container.name.clone());
        let args = |container: &crate::model::facts::Container| {
            container.args.iter().map(|arg| arg.text.clone()).collect::<Vec<_>>()
        };
        Some(
            pod.containers
                .iter()
                .filter(|container| Some(&container.name) != own.as_ref())
                .map(args)
                .collect::<Vec<_>>(),
        )
    };
    match (others(now), others(result)) {
        (Some(now), Some(result)) => now == result,
        _ => true,
    }
}

/// The setting's value; `None` when the text cannot be read or the edit is none of a setting.
fn said(component: Component, edit: &Edit, text: &str) -> Option<Said> {
    match edit {
        Edit::SetFlag { flag, .. } | Edit::RemoveFlag { flag } => {
            Some(flags::value(&arguments(component, text)?, flag))
        }
        Edit::AddToList { flag, value, .. } | Edit::RemoveFromList { flag, value, .. } => {
            let list = flags::list(&arguments(component, text)?, flag);
            Some(list.map(|list| list.contains(value).to_string()))
        }
        Edit::SetField { field, .. } | Edit::RemoveField { field } => {
            let (value, _) = kubelet::parse(text).ok()?;
            Some(yaml::at(&value, field).map(Value::to_string))
        }
        Edit::ProbeHost { .. } => {
            let pod = manifest::parse("", text).ok()?;
            Some(pod.container(component)?.probe_host())
        }
        Edit::Mount { folder, .. } | Edit::Unmount { folder } => {
            let pod = manifest::parse("", text).ok()?;
            Some(Mount::host_path(&pod.container(component)?.mounts, folder))
        }
        Edit::RemoveEnvFlag { .. }
        | Edit::Create
        | Edit::Remove
        | Edit::Mode { .. }
        | Edit::Owner { .. } => None,
    }
}

fn arguments(component: Component, text: &str) -> Option<Vec<String>> {
    let pod = manifest::parse("", text).ok()?;
    Some(pod.container(component)?.args.iter().map(|arg| arg.text.clone()).collect())
}

fn name(edit: &Edit) -> String {
    match edit {
        Edit::SetFlag { flag, value } => format!("--{flag}={value}"),
        Edit::RemoveFlag { flag } => format!("--{flag} removed"),
        Edit::AddToList { flag, value, .. } => format!("{value} in --{flag}"),
        Edit::RemoveFromList { flag, value, .. } => format!("{value} not in --{flag}"),
        Edit::SetField { field, .. } | Edit::RemoveField { field } => field.clone(),
        Edit::RemoveEnvFlag { flag, .. } => format!("--{flag}"),
        Edit::ProbeHost { .. } => "the host of the probes".to_owned(),
        Edit::Mount { folder, .. } | Edit::Unmount { folder } => format!("the mount of {folder}"),
        Edit::Create | Edit::Remove => "the file".to_owned(),
        Edit::Mode { .. } | Edit::Owner { .. } => "mode or owner".to_owned(),
    }
}
