//! From the tree to the JSON value Kubernetes decodes: merges, aliases, duplicate keys, words.

use serde_json::{Map, Value};

use super::{Kind, Node, ParseProblem, Style, Tree, problem, resolve, tree::DEEPEST};

/// A value and the keys that were written twice.
pub(super) struct Read {
    pub(super) value: Value,
    pub(super) duplicate_keys: Vec<String>,
}

/// Values that aliases may add to those written out.
const ALIASED: usize = 100_000;

/// The value of a tree.
pub(super) fn read(tree: &Tree) -> Result<Read, ParseProblem> {
    let budget = tree.root.span.end + ALIASED;
    let mut reader = Reader { budget, depth: 0, path: Vec::new(), duplicate_keys: Vec::new() };
    let value = reader.value(&tree.root)?;
    Ok(Read { value, duplicate_keys: reader.duplicate_keys })
}

struct Reader {
    /// Values that may still be made; a text needs a byte for each that it writes out.
    budget: usize,
    depth: usize,
    path: Vec<String>,
    duplicate_keys: Vec<String>,
}

impl Reader {
    fn value(&mut self, node: &Node) -> Result<Value, ParseProblem> {
        self.budget = self
            .budget
            .checked_sub(1)
            .ok_or_else(|| problem(Some(node.line), "aliases repeat too many values"))?;
        if self.depth > DEEPEST {
            return Err(problem(Some(node.line), "values nest too deeply"));
        }
        self.depth += 1;
        let value = match &node.kind {
            Kind::Scalar { text, style } => scalar(node, text, *style)?,
            Kind::Alias(target) => self.value(target)?,
            Kind::List { items, .. } => {
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    self.path.push(index.to_string());
                    list.push(self.value(item)?);
                    self.path.pop();
                }
                Value::Array(list)
            }
            Kind::Map { entries, .. } => {
                let mut map = Map::new();
                let mut own = std::collections::BTreeSet::new();
                for (key, value) in entries {
                    if key.is_merge_key() {
                        self.merge(value, &mut map)?;
                        continue;
                    }
                    let name = self.key(key)?;
                    self.path.push(name.clone());
                    if !own.insert(name.clone()) {
                        self.duplicate_keys.push(self.path.join("."));
                    }
                    let value = self.value(value)?;
                    self.path.pop();
                    map.insert(name, value);
                }
                Value::Object(map)
            }
        };
        self.depth -= 1;
        Ok(value)
    }

    fn key(&mut self, node: &Node) -> Result<String, ParseProblem> {
        match self.value(node)? {
            Value::String(text) => Ok(text),
            Value::Bool(value) => Ok(value.to_string()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err(problem(Some(node.line), "a key is neither text, number nor boolean"))
            }
        }
    }

    /// `<<`: in the order of the text, so that a later merge overrides an earlier key; of a list the
    /// earlier mapping wins.
    fn merge(&mut self, source: &Node, into: &mut Map<String, Value>) -> Result<(), ParseProblem> {
        let sources: Vec<&Node> = match &source.resolved().kind {
            Kind::Map { .. } => vec![source],
            Kind::List { items, .. } => items.iter().rev().map(AsRef::as_ref).collect(),
            _ => Vec::new(),
        };
        let wrong = || problem(Some(source.line), "a merge (<<) needs a mapping or a list of them");
        if sources.is_empty() {
            return Err(wrong());
        }
        for source in sources {
            let Value::Object(map) = self.value(source)? else { return Err(wrong()) };
            into.extend(map);
        }
        Ok(())
    }
}

fn scalar(node: &Node, text: &str, style: Style) -> Result<Value, ParseProblem> {
    let typed = match node.tag.as_deref() {
        None => style == Style::Plain,
        Some("!!bool" | "!!int" | "!!float" | "!!null") => true,
        Some("!!binary") => {
            return Err(problem(Some(node.line), "binary values (!!binary) are not read"));
        }
        Some(_) => false,
    };
    if !typed {
        return Ok(Value::from(text));
    }
    resolve::plain(text).ok_or_else(|| {
        problem(Some(node.line), format!("'{text}' is no number that JSON can hold"))
    })
}
