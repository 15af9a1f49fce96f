//! Folders of the host that a container sees: decided on values, made in the text, proved on values.

use std::rc::Rc;

use serde_json::{Value, json};

use super::arguments::{Obstacle, container, container_node};
use crate::{
    model::{Component, facts::Mount},
    text::yaml::{
        self, Kind, Node, Place, Tree, own,
        splice::{self, Members, same_line_endings},
        write,
    },
};

/// Longest name of a volume (a DNS label).
const LONGEST: usize = 63;

/// What a container is to see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'w> {
    /// What the volume is called when it is new, and the name is free.
    pub(super) name: &'w str,
    /// The folder on the host, seen at the same path in the container.
    pub(super) folder: &'w str,
    /// `hostPath.type`.
    pub(super) kind: &'w str,
    pub(super) read_only: bool,
}

/// Lets the container that runs a component see a folder. A mount that shows it already is used, and so is a
/// volume of that folder.
pub(super) fn add(
    text: &str,
    component: Component,
    wanted: Wanted<'_>,
) -> Result<String, Obstacle> {
    let (before, tree) = yaml::read(text).map_err(|problem| problem.to_string())?;
    let index = container(&before.value, component)?;
    let spec = ["volumes".to_owned(), format!("containers.{index}.volumeMounts")];
    let twice = before.duplicate_keys.iter().find(|key| {
        let lists = spec.iter().map(|list| format!("spec.{list}"));
        lists.into_iter().any(|list| list == **key || list.starts_with(&format!("{key}.")))
    });
    if let Some(key) = twice {
        return Err(format!("the key {key} is written twice"));
    }
    let volumes = list(&before.value, "/spec/volumes")?;
    let mounts_at = format!("/spec/containers/{index}/volumeMounts");
    let mounts = list(&before.value, &mounts_at)?;
    if shows(volumes, mounts, wanted)? {
        return Ok(text.to_owned());
    }
    let known = volumes.iter().find(|volume| host(volume) == Some(wanted.folder));
    let known = known.and_then(|volume| volume.get("name")?.as_str()).map(str::to_owned);
    let name = match &known {
        Some(name) => name.clone(),
        None => free(volumes, wanted.name)?,
    };
    let mount = if wanted.read_only {
        json!({ "mountPath": wanted.folder, "name": name, "readOnly": true })
    } else {
        json!({ "mountPath": wanted.folder, "name": name })
    };
    let volume = json!({
        "hostPath": { "path": wanted.folder, "type": wanted.kind },
        "name": name,
    });
    let mut expected = before.value.clone();
    push(&mut expected, "/spec", "volumes", known.is_none().then_some(&volume));
    push(&mut expected, &format!("/spec/containers/{index}"), "volumeMounts", Some(&mount));

    let container = container_node(&tree, index)?;
    let mut new = item(text, &tree, container, "volumeMounts", &mount)?;
    if known.is_none() {
        let (_, tree) = yaml::read(&new).map_err(|problem| problem.to_string())?;
        let root = own(&tree.root, "the manifest")?;
        let spec = own(root.get("spec").ok_or("spec is not found")?, "spec")?;
        new = item(&new, &tree, spec, "volumes", &volume)?;
    }
    let proved = yaml::read(&new).is_ok_and(|(after, _)| {
        after.value == expected
            && after.documents == before.documents
            && after.duplicate_keys == before.duplicate_keys
    });
    if proved && same_line_endings(text, &new) {
        Ok(new)
    } else {
        Err("mounting it in this text would change more than this".to_owned())
    }
}

/// Whether the container sees the folder there already; an error where it sees something else.
fn shows(volumes: &[Value], mounts: &[Value], wanted: Wanted<'_>) -> Result<bool, Obstacle> {
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let seen: Vec<Mount> = mounts
        .iter()
        .filter_map(|mount| {
            let name = text(mount, "name")?;
            let volume = volumes.iter().find(|v| text(v, "name").as_ref() == Some(&name));
            let below = text(mount, "subPath").filter(|path| !path.is_empty());
            let host = volume.and_then(host).map(str::to_owned);
            Some(Mount {
                container: text(mount, "mountPath")?,
                host: host.filter(|_| below.is_none() && mount.get("subPathExpr").is_none()),
                read_only: mount.get("readOnly").and_then(Value::as_bool) == Some(true),
            })
        })
        .collect();
    let folder = wanted.folder;
    let Some((mount, _)) = Mount::of(&seen, folder) else { return Ok(false) };
    let there = &mount.container;
    if Mount::host_path(&seen, folder).as_deref() != Some(folder) {
        return Err(format!("{folder} is something else in the container, which mounts {there}"));
    }
    if mount.read_only && !wanted.read_only {
        return Err(format!("{there} is mounted read-only, and {folder} is to be written"));
    }
    Ok(true)
}

/// The folder of a hostPath volume.
fn host(volume: &Value) -> Option<&str> {
    let path = volume.get("hostPath")?.get("path")?.as_str()?;
    Some(path.trim_end_matches('/'))
}

fn list<'v>(pod: &'v Value, at: &str) -> Result<&'v [Value], Obstacle> {
    match pod.pointer(at) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(format!("{} is no list", at.trim_start_matches('/').replace('/', "."))),
    }
}

/// This name, or with a number behind it, that no volume has.
fn free(volumes: &[Value], name: &str) -> Result<String, Obstacle> {
    let taken = |wanted: &str| volumes.iter().any(|v| v.get("name") == Some(&Value::from(wanted)));
    let names = std::iter::once(name.to_owned()).chain((2..100).map(|n| format!("{name}-{n}")));
    let free = names.filter(|name| name.len() <= LONGEST).find(|name| !taken(name));
    free.ok_or_else(|| format!("no volume may be called {name} any more"))
}

/// What the text must read as afterwards.
fn push(pod: &mut Value, parent: &str, key: &str, item: Option<&Value>) {
    let (Some(Value::Object(parent)), Some(item)) = (pod.pointer_mut(parent), item) else { return };
    let list = parent.entry(key).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(items) = list {
        items.push(item.clone());
    }
}

/// The text with one more item at the end of a list, which is made where it is missing.
fn item(
    text: &str,
    tree: &Tree,
    parent: &Rc<Node>,
    key: &str,
    item: &Value,
) -> Result<String, Obstacle> {
    let Some((_, list)) = parent.entry(key) else {
        let members = Members::of(text, tree, parent);
        let keys: Vec<&str> = parent.entries().iter().filter_map(|(key, _)| key.text()).collect();
        let at = keys.iter().position(|other| keys.is_sorted() && *other > key);
        let at = at.unwrap_or(keys.len());
        let list = Value::Array(vec![item.clone()]);
        if members.place() == Place::Block {
            return members.insert(at, &write::block_entry(key, &list));
        }
        let flow = splice::flow(text, tree, &members, splice::key_style(parent));
        return members.insert(at, &[flow.entry(key, &list)]);
    };
    let list = own(list, key)?;
    if !matches!(list.kind, Kind::List { .. }) {
        return Err(format!("{key} (line {}) is no list", list.line));
    }
    let members = Members::of(text, tree, list);
    let at = list.items().len();
    if members.place() == Place::Block {
        return members.insert(at, &write::block_lines(item));
    }
    let style = splice::key_style(list.items().first().unwrap_or(parent));
    members.insert(at, &[splice::flow(text, tree, &members, style).value(item)])
}
