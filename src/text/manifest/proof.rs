//! What an edit must have done, judged on the values alone.
//!
//! Shares no code with the part that decides and writes: it sees two manifests and one request.

use serde_json::Value;

use crate::{
    model::Edit,
    text::{flags, yaml::Document},
};

/// Whether the only difference between two manifests is the requested edit of one container.
pub(super) fn holds(before: &Document, after: &Document, container: usize, edit: &Edit) -> bool {
    let Some((flag, _)) = super::decide::subject(edit) else { return false };
    let (Some(old), Some(new)) = (lists(&before.value, container), lists(&after.value, container))
    else {
        return false;
    };
    before.documents == after.documents
        && before.duplicate_keys == after.duplicate_keys
        && blank(&before.value, container) == blank(&after.value, container)
        && others(&old, flag) == others(&new, flag)
        && done(&old.concat(), &new.concat(), edit)
}

/// `command` and `args`; `None` when one of them is no list of texts.
fn lists(pod: &Value, container: usize) -> Option<[Vec<String>; 2]> {
    let container = pod.get("spec")?.get("containers")?.get(container)?;
    let list = |key: &str| match container.get(key) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        }
        Some(_) => None,
    };
    Some([list("command")?, list("args")?])
}

/// The manifest without the arguments of the container.
fn blank(pod: &Value, container: usize) -> Value {
    let mut pod = pod.clone();
    let container = pod.pointer_mut(&format!("/spec/containers/{container}"));
    if let Some(Value::Object(container)) = container {
        for key in ["command", "args"] {
            if let Some(value) = container.get_mut(key) {
                *value = Value::Null;
            }
        }
    }
    pod
}

/// Per list, the arguments that are not this flag or its value.
fn others(lists: &[Vec<String>; 2], flag: &str) -> [Vec<String>; 2] {
    let found = flags::occurrences(&lists.concat(), flag);
    let mut index = 0;
    lists.clone().map(|list| {
        list.into_iter()
            .filter(|_| {
                let at = index;
                index += 1;
                !found.iter().any(|o| (o.index..o.index + o.width).contains(&at))
            })
            .collect()
    })
}

/// Whether the flag is now what was asked for.
fn done(old: &[String], new: &[String], edit: &Edit) -> bool {
    let values = |args: &[String], flag: &str| -> Vec<String> {
        flags::occurrences(args, flag).into_iter().map(|o| o.value).collect()
    };
    let list = |args: &[String], flag: &str| flags::list(args, flag).unwrap_or_default();
    match edit {
        Edit::SetFlag { flag, value } => values(new, flag) == [value.as_str()],
        Edit::RemoveFlag { flag } => values(new, flag).is_empty(),
        Edit::AddToList { flag, value, first } => {
            let mut wanted = list(old, flag);
            if !wanted.contains(value) {
                wanted.insert(if *first { 0 } else { wanted.len() }, value.clone());
            }
            list(new, flag) == wanted
        }
        Edit::RemoveFromList { flag, value, otherwise } => {
            let before = list(old, flag);
            let mut wanted = before.clone();
            wanted.retain(|element| element != value);
            match otherwise {
                Some(otherwise) if wanted.is_empty() && !before.is_empty() => {
                    values(new, flag) == [otherwise.as_str()]
                }
                _ => list(new, flag) == wanted,
            }
        }
        _ => false,
    }
}
