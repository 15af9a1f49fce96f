//! Where the arguments of a container are written, and how one of them is changed in the text.

use std::rc::Rc;

use serde_json::Value;

use super::decide::Step;
use crate::{
    model::Component,
    text::yaml::{
        self, Kind, Node, Style, Tree, own,
        splice::{self, Members},
        write::{self, Place},
    },
};

/// Why the arguments of this container cannot be edited; half a sentence.
pub(super) type Obstacle = String;

/// The index of the container that runs a component.
pub(super) fn container(pod: &Value, component: Component) -> Result<usize, Obstacle> {
    let containers = yaml::at(pod, "spec.containers").and_then(Value::as_array);
    let runs = |value: &Value| {
        let argument = |key| value.get(key).and_then(Value::as_array).and_then(|list| list.first());
        let first = argument("command").or_else(|| argument("args")).and_then(Value::as_str);
        first.is_some_and(|first| first.rsplit('/').next() == Some(component.as_str()))
    };
    let found: Vec<usize> = containers
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, value)| runs(value))
        .map(|(index, _)| index)
        .collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(format!("no container runs {component}")),
        _ => Err(format!("several containers run {component}")),
    }
}

/// A container where it is written.
pub(super) fn container_node(tree: &Tree, container: usize) -> Result<&Rc<Node>, Obstacle> {
    let root = own(&tree.root, "the manifest")?;
    let spec = own(child(root, "spec")?, "spec")?;
    let containers = own(child(spec, "containers")?, "spec.containers")?;
    let container = containers.items().get(container).ok_or("the container is not found")?;
    own(container, "the container")
}

/// `command` and `args` of a container, as written.
#[derive(Debug)]
pub(super) struct Arguments {
    /// Key and list, in the order the arguments have.
    lists: Vec<(Rc<Node>, Rc<Node>)>,
}

impl Arguments {
    /// Finds them; refuses what an edit of text could get wrong.
    pub(super) fn find(tree: &Tree, container: usize) -> Result<Self, Obstacle> {
        let container = container_node(tree, container)?;
        let mut lists = Vec::new();
        for key in ["command", "args"] {
            let Some((key_node, list)) = container.entry(key) else { continue };
            let what = format!("the container's {key}");
            let list = own(list, &what)?;
            if matches!(list.kind, Kind::Scalar { .. }) {
                continue;
            }
            for item in list.items() {
                item_is_plain(item, &what)?;
            }
            lists.push((Rc::clone(key_node), Rc::clone(list)));
        }
        if lists.is_empty() {
            return Err("the container has neither command nor args".to_owned());
        }
        Ok(Self { lists })
    }

    /// All arguments, in order.
    pub(super) fn texts(&self) -> Vec<String> {
        let items = self.lists.iter().flat_map(|(_, list)| list.items());
        items.filter_map(|item| item.text()).map(str::to_owned).collect()
    }

    /// The text after one step.
    pub(super) fn take(&self, text: &str, tree: &Tree, step: &Step) -> Result<String, Obstacle> {
        let (key, list, at) = self.list_of(step)?;
        let members = Members::of(text, tree, list);
        match step {
            Step::Replace(_, new) => {
                let item = list.items().get(at).ok_or("the argument is not found")?;
                let style = style(item);
                let new = write::scalar(new, style, members.place());
                splice::splice(text, item.span.clone(), &new)
            }
            Step::Remove(_) if list.items().len() == 1 => members.clear(key),
            Step::Remove(_) => members.remove(at),
            Step::Insert(_, new) => {
                let style = style_of_flags(list, members.place());
                members.insert(at, &[write::scalar(new, style, members.place())])
            }
        }
    }

    /// The list that holds the index of a step. A new argument at the border goes to `args` when
    /// that list holds flags.
    fn list_of(&self, step: &Step) -> Result<(&Node, &Node, usize), Obstacle> {
        let mut at = step.index();
        let insert = matches!(step, Step::Insert(..));
        let mut lists = self.lists.iter().peekable();
        while let Some((key, list)) = lists.next() {
            let length = list.items().len();
            let next_holds_flags = lists.peek().is_some_and(|(_, next)| holds_flags(next));
            let here = at < length || (insert && at == length && !next_holds_flags);
            if here {
                return Ok((key, list, at));
            }
            at -= length;
        }
        Err("the argument is not found".to_owned())
    }
}

/// Flags are written without quotes where that is safe, unless all their neighbours are quoted.
fn style_of_flags(list: &Node, place: Place) -> Style {
    let mut styles = list.items().iter().map(|item| style(item));
    let first = styles.next();
    let same = styles.all(|style| Some(style) == first);
    let fallback = if place == Place::Flow { Style::Double } else { Style::Plain };
    first.filter(|_| same).unwrap_or(fallback)
}

fn holds_flags(list: &Node) -> bool {
    list.items().iter().any(|item| item.text().is_some_and(|text| text.starts_with('-')))
}

fn style(item: &Node) -> Style {
    match &item.kind {
        Kind::Scalar { style, .. } => *style,
        _ => Style::Plain,
    }
}

fn child<'n>(node: &'n Rc<Node>, key: &str) -> Result<&'n Rc<Node>, Obstacle> {
    node.get(key).ok_or_else(|| format!("{key} is not written in its usual place"))
}

fn item_is_plain(item: &Rc<Node>, what: &str) -> Result<(), Obstacle> {
    own(item, &format!("an item of {what}"))?;
    match &item.kind {
        Kind::Scalar { style: Style::Block, .. } => {
            Err(format!("an item of {what} is a text block (line {})", item.line))
        }
        Kind::Scalar { .. } if !splice::is_nothing(item) => Ok(()),
        _ => Err(format!("an item of {what} is no text (line {})", item.line)),
    }
}
