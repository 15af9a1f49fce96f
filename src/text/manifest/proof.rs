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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::yaml;

    fn pod(command: &str, rest: &str) -> Document {
        yaml::parse(&format!("kind: Pod\nspec: {{containers: [{{command: {command}{rest}}}]}}\n"))
            .unwrap()
    }

    #[test]
    fn any_other_difference_is_no_proof() {
        let before = pod("[k, --a=1, --b=2, --l=x]", "");
        let set = Edit::SetFlag { flag: "a".into(), value: "3".into() };
        let remove = Edit::RemoveFlag { flag: "a".into() };
        let add = Edit::AddToList { flag: "l".into(), value: "y".into(), first: false };
        let take = Edit::RemoveFromList {
            flag: "l".into(),
            value: "x".into(),
            otherwise: Some("z".into()),
        };
        for (edit, after, rest, want) in [
            (&set, "[k, --a=3, --b=2, --l=x]", "", true),
            (&set, "[k, --b=2, --l=x, --a=3]", "", true),
            (&set, "[k, --a=1, --b=2, --l=x]", "", false),
            (&set, "[k, --a=3, --b=3, --l=x]", "", false),
            (&set, "[k, --a=3, --b=2]", "", false),
            (&set, "[k, --a=3, --l=x, --b=2]", "", false),
            (&set, "[k, --a=3, --a=3, --b=2, --l=x]", "", false),
            (&set, "[k, --a=1, --a=3, --b=2, --l=x]", "", false),
            (&set, "[other, --a=3, --b=2, --l=x]", "", false),
            (&set, "[k, --a=3, --b=2, --l=x]", ", image: i", false),
            (&set, "[k, --a=3, --b=2]", ", args: [--l=x]", false),
            (&remove, "[k, --b=2, --l=x]", "", true),
            (&remove, "[k, --a=, --b=2, --l=x]", "", false),
            (&add, "[k, --a=1, --b=2, '--l=x,y']", "", true),
            (&add, "[k, --a=1, --b=2, '--l=y,x']", "", false),
            (&add, "[k, --a=1, --b=2, --l=y]", "", false),
            (&take, "[k, --a=1, --b=2, --l=z]", "", true),
            (&take, "[k, --a=1, --b=2]", "", false),
        ] {
            assert_eq!(holds(&before, &pod(after, rest), 0, edit), want, "{edit:?} {after}{rest}");
        }
        let twice = Document { documents: 2, ..pod("[k, --a=3, --b=2, --l=x]", "") };
        assert!(!holds(&before, &twice, 0, &set));
    }
}
