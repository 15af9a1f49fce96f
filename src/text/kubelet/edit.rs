//! Edits of fields in the text of a configuration file: made in the text, proved on the values.
//!
//! Works on any mapping in YAML or JSON, whatever its kind.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::{
    model::{AttributedEdit, Edit, FieldValue},
    text::{
        EditRefused,
        yaml::{
            self, Document, Kind, Node, Style, Tree, own,
            splice::{self, Members, same_line_endings},
            write::{self, Flow, Place},
        },
    },
};

/// Applies field edits (`SetField`, `RemoveField`) to a YAML or JSON configuration file, in order.
///
/// Every other byte stays; a value that changes keeps its quotes and the comment behind it. Missing
/// parents are made; a new key goes to its place among sorted keys (kubeadm sorts them), else to the
/// end. Removing a field removes its parents too when they become empty: to the kubelet an empty
/// mapping and none are the same. Edits of mode and owner leave the text alone.
///
/// # Errors
/// With the reason and what a person can do: several documents, keys written twice, anchors, aliases,
/// merges, tags, tabs and text blocks where the edit would go, a parent that is no mapping, edits of
/// another kind of file, and every edit whose result is not proved.
pub fn edit(text: &str, edits: &[AttributedEdit]) -> Result<String, EditRefused> {
    let mut text = text.to_owned();
    for AttributedEdit { edit, .. } in edits {
        let (field, done) = match edit {
            Edit::Mode { .. } | Edit::Owner { .. } => continue,
            Edit::SetField { field, value } => {
                let done = one(&text, field, Some(&json(value)));
                (format!("set {field} to {value}"), done)
            }
            Edit::RemoveField { field } => (format!("remove {field}"), one(&text, field, None)),
            _ => ("change it".to_owned(), Err("a configuration file has fields, no flags".into())),
        };
        text = done.map_err(|why| EditRefused {
            reason: format!("{why}; edit the file by hand: {field}"),
        })?;
    }
    Ok(text)
}

fn json(value: &FieldValue) -> Value {
    match value {
        FieldValue::Bool(value) => Value::from(*value),
        FieldValue::Int(value) => Value::from(*value),
        FieldValue::Text(value) => Value::from(value.as_str()),
        FieldValue::List(values) => Value::from(values.clone()),
    }
}

/// One edit: `None` removes the field. An item of a list goes by its number.
pub(in crate::text) fn one(
    text: &str,
    field: &str,
    value: Option<&Value>,
) -> Result<String, String> {
    let (before, tree) = yaml::read(text).map_err(|problem| problem.to_string())?;
    if before.documents > 1 {
        return Err("the file holds several documents and the kubelet reads only the first".into());
    }
    let twice = |key: &&String| field == key.as_str() || field.starts_with(&format!("{key}."));
    if let Some(key) = before.duplicate_keys.iter().find(twice) {
        return Err(format!("the key {key} is written twice"));
    }
    let path: Vec<&str> = field.split('.').collect();
    if yaml::at(&before.value, field) == value {
        return Ok(text.to_owned());
    }
    let new = match value {
        Some(value) => set(text, &tree, &path, value)?,
        None => remove(text, &tree, &path)?,
    };
    let mut wanted = before.value.clone();
    make(&mut wanted, &path, value);
    let proved = yaml::read(&new).is_ok_and(|(after, _)| {
        let Document { value, duplicate_keys, documents } = after;
        value == wanted && duplicate_keys == before.duplicate_keys && documents == before.documents
    });
    if proved && same_line_endings(text, &new) {
        Ok(new)
    } else {
        Err(format!("changing {field} in this text would change more than this field"))
    }
}

/// The edit made on the value: what the text must read as afterwards.
fn make(root: &mut Value, path: &[&str], value: Option<&Value>) {
    let Some((key, rest)) = path.split_first() else {
        return;
    };
    if root.is_null() {
        *root = Value::Object(Map::new());
    }
    if let Value::Array(items) = root {
        let item = key.parse().ok().and_then(|at: usize| items.get_mut(at));
        return item.into_iter().for_each(|item| make(item, rest, value));
    }
    let Value::Object(map) = root else { return };
    match (rest, value) {
        ([], Some(value)) => drop(map.insert((*key).to_owned(), value.clone())),
        ([], None) => drop(map.remove(*key)),
        (_, Some(_)) => make(map.entry((*key).to_owned()).or_insert(Value::Null), rest, value),
        (_, None) => {
            let Some(child) = map.get_mut(*key) else { return };
            make(child, rest, None);
            if child.as_object().is_some_and(Map::is_empty) {
                map.remove(*key);
            }
        }
    }
}

/// The mapping that holds the field, or the nearest one that does, and the keys that lead on from it.
fn nearest<'n, 'p>(
    tree: &'n Tree,
    path: &'p [&'p str],
) -> Result<(Vec<&'n Rc<Node>>, &'p [&'p str]), String> {
    let mut node = own(&tree.root, "the file")?;
    let mut chain = vec![node];
    let mut rest = path;
    while let [key, after @ ..] = rest {
        let item = key.parse().ok().and_then(|at: usize| node.items().get(at));
        if let Some(item) = item {
            node = own(item, key)?;
            chain.push(node);
            rest = after;
            continue;
        }
        if !matches!(node.kind, Kind::Map { .. }) {
            let parent = path.get(..path.len() - rest.len()).unwrap_or_default().join(".");
            return Err(format!("{parent} (line {}) is no mapping", node.line));
        }
        let Some((_, value)) = node.entry(key) else { break };
        if after.is_empty() || splice::is_null(value) {
            break;
        }
        node = own(value, key)?;
        chain.push(node);
        rest = after;
    }
    Ok((chain, rest))
}

fn set(text: &str, tree: &Tree, path: &[&str], value: &Value) -> Result<String, String> {
    let (chain, rest) = nearest(tree, path)?;
    let (Some(parent), Some((key, below))) = (chain.last(), rest.split_first()) else {
        return Err("the field has no name".to_owned());
    };
    let members = Members::of(text, tree, parent);
    if let Some((key_node, old)) = parent.entry(key) {
        own(old, key)?;
        let new = nest(below, value);
        return existing(text, tree, members.place(), (key_node, old), &new);
    }
    let new = nest(below, value);
    let keys: Vec<&str> = parent.entries().iter().filter_map(|(key, _)| key.text()).collect();
    let sorted = keys.is_sorted();
    let at = keys.iter().position(|other| sorted && *other > *key).unwrap_or(keys.len());
    if members.place() == Place::Block {
        return members.insert(at, &write::block_entry(key, &new));
    }
    let style = splice::key_style(parent);
    let flow = splice::flow(text, tree, &members, style);
    members.insert(at, &[flow.entry(key, &new)])
}

/// A value inside the mappings that these keys make.
fn nest(keys: &[&str], value: &Value) -> Value {
    keys.iter().rev().fold(value.clone(), |value, key| {
        Value::Object(std::iter::once(((*key).to_owned(), value)).collect())
    })
}

/// A value in place of the one that is there.
fn existing(
    text: &str,
    tree: &Tree,
    place: Place,
    (key, old): (&Node, &Node),
    new: &Value,
) -> Result<String, String> {
    let name = key.text().unwrap_or_default();
    if let (Kind::List { .. }, Value::Array(items)) = (&old.kind, new) {
        return list(text, tree, key, items);
    }
    let nothing = splice::is_nothing(old);
    let style = match &old.kind {
        Kind::Scalar { style: Style::Block, .. } => {
            return Err(format!("{name} (line {}) is a text block", old.line));
        }
        Kind::Scalar { style, .. } => *style,
        Kind::Map { flow, .. } | Kind::List { flow, .. } if !flow => {
            return Err(format!("{name} (line {}) holds more than one value", old.line));
        }
        _ => Style::Plain,
    };
    let written = match new {
        Value::String(new) => write::scalar(new, style, place),
        new => {
            let place = if place == Place::Json { Place::Json } else { Place::Flow };
            let dense = place == Place::Json && splice::is_dense(text);
            Flow { place, style: Style::Plain, dense, lines: None }.value(new)
        }
    };
    if nothing {
        let colon = splice::colon_after(text, key.span.end);
        return splice::splice(text, colon..colon, &format!(" {written}"));
    }
    splice::splice(text, old.span.clone(), &written)
}

/// A list with other items: those that stay keep their lines and comments.
fn list(text: &str, tree: &Tree, key: &Node, wanted: &[Value]) -> Result<String, String> {
    let mut text = text.to_owned();
    let mut tree_now;
    let mut tree = tree;
    loop {
        // The key stays where it is: everything that changes comes after it.
        let (_, list) = entry_at(&tree.root, key.span.start).ok_or("the list is not found")?;
        let items = list.items();
        if items.iter().any(|item| item.text().is_none() || item.anchored || item.tag.is_some()) {
            return Err(format!("an item of the list (line {}) is no plain text", list.line));
        }
        if items.iter().any(|item| matches!(item.kind, Kind::Scalar { style: Style::Block, .. })) {
            return Err(format!("an item of the list (line {}) is a text block", list.line));
        }
        let current: Vec<Option<&str>> = items.iter().map(|item| item.string()).collect();
        let wanted: Vec<Option<&str>> = wanted.iter().map(Value::as_str).collect();
        let members = Members::of(&text, tree, list);
        let differs =
            (0..current.len().max(wanted.len())).find(|i| current.get(*i) != wanted.get(*i));
        let next = match differs {
            None => return Ok(text),
            Some(_) if wanted.is_empty() => members.clear(key)?,
            Some(at) => {
                let surplus = current
                    .get(at)
                    .is_some_and(|item| wanted.get(at..).is_none_or(|rest| !rest.contains(item)));
                if surplus && current.len() > 1 {
                    members.remove(at)?
                } else {
                    let item = wanted.get(at).copied().flatten();
                    let item = item.ok_or("the list is not understood")?;
                    let style = items.first().map_or(Style::Plain, |item| match item.kind {
                        Kind::Scalar { style, .. } => style,
                        _ => Style::Plain,
                    });
                    members.insert(at, &[write::scalar(item, style, members.place())])?
                }
            }
        };
        text = next;
        tree_now = yaml::read(&text).map_err(|problem| problem.to_string())?.1;
        tree = &tree_now;
    }
}

/// Key and value of the key that begins at a byte.
fn entry_at(node: &Node, start: usize) -> Option<&(Rc<Node>, Rc<Node>)> {
    node.entries()
        .iter()
        .find(|(key, _)| key.span.start == start)
        .or_else(|| node.entries().iter().find_map(|(_, value)| entry_at(value, start)))
}

fn remove(text: &str, tree: &Tree, path: &[&str]) -> Result<String, String> {
    let (mut chain, rest) = nearest(tree, path)?;
    let [key] = rest else {
        // A parent is missing, or written without a value: there is nothing to remove.
        return Ok(text.to_owned());
    };
    let mut key = *key;
    let mut parents = path.iter().rev().skip(1);
    while let Some(parent) = chain.pop() {
        let Some(at) = parent.entries().iter().position(|(k, _)| k.text() == Some(key)) else {
            return Ok(text.to_owned());
        };
        let outermost = chain.is_empty();
        if parent.entries().len() > 1 || outermost {
            return Members::of(text, tree, parent).remove(at);
        }
        key = parents.next().copied().unwrap_or_default();
    }
    Err("the field is not found".to_owned())
}
