//! How values are written so that every reader sees what was meant.

use serde_json::Value;

use super::{Style, resolve};

/// Where a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a block collection of YAML.
    Block,
    /// Between brackets of YAML.
    Flow,
    /// In JSON.
    Json,
}

/// Text as a scalar, in the wished style where that is safe.
pub(crate) fn scalar(text: &str, wish: Style, place: Place) -> String {
    let printable = !text.chars().any(char::is_control);
    match wish {
        _ if place == Place::Json => Value::from(text).to_string(),
        Style::Plain if is_plain(text, place) => text.to_owned(),
        Style::Double => Value::from(text).to_string(),
        _ if printable => format!("'{}'", text.replace('\'', "''")),
        _ => Value::from(text).to_string(),
    }
}

/// Whether text means itself without quotes. Says no rather than maybe.
fn is_plain(text: &str, place: Place) -> bool {
    let bytes = text.as_bytes();
    let starts = match bytes {
        [b'-', next, ..] => *next == b'-' || next.is_ascii_alphanumeric(),
        [first, ..] => first.is_ascii_alphanumeric() || matches!(first, b'/' | b'.' | b'_' | b':'),
        [] => false,
    };
    let inside = |b: &u8| {
        b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'-' | b'_' | b'.' | b'/' | b':' | b'=' | b'@' | b'%' | b'+' | b';' | b'*'
            )
            || (*b == b',' && place == Place::Block)
    };
    starts
        && bytes.iter().all(inside)
        && !text.ends_with(':')
        && !text.starts_with("---")
        && !text.starts_with("...")
        && resolve::plain(text) == Some(Value::from(text))
}

/// How the members of a flow collection are parted and indented.
#[derive(Debug, Clone)]
pub(crate) struct Flow<'l> {
    /// YAML or JSON.
    pub(crate) place: Place,
    /// How keys and texts are written.
    pub(crate) style: Style,
    /// No white space at all.
    pub(crate) dense: bool,
    /// One member a line: the line break, the indentation of the new entry, and one step of it.
    pub(crate) lines: Option<(&'l str, String, String)>,
}

impl Flow<'_> {
    /// `key: value`.
    pub(crate) fn entry(&self, key: &str, value: &Value) -> String {
        let colon = if self.dense { ":" } else { ": " };
        format!("{}{colon}{}", scalar(key, self.style, self.place), self.value(value))
    }

    /// A value in brackets.
    pub(crate) fn value(&self, value: &Value) -> String {
        let inner = Self {
            lines: self.lines.clone().map(|(eol, indent, step)| (eol, indent + &step, step)),
            ..self.clone()
        };
        match value {
            Value::Object(map) => {
                let members: Vec<String> = map.iter().map(|(k, v)| inner.entry(k, v)).collect();
                self.join('{', &members, '}')
            }
            Value::Array(items) => {
                let members: Vec<String> = items.iter().map(|item| inner.value(item)).collect();
                self.join('[', &members, ']')
            }
            Value::String(text) => scalar(text, self.style, self.place),
            other => other.to_string(),
        }
    }

    fn join(&self, open: char, members: &[String], close: char) -> String {
        match &self.lines {
            _ if members.is_empty() => format!("{open}{close}"),
            Some((eol, indent, step)) => {
                let gap = format!("{eol}{indent}{step}");
                let members = members.join(&format!(",{gap}"));
                format!("{open}{gap}{members}{eol}{indent}{close}")
            }
            None => format!("{open}{}{close}", members.join(if self.dense { "," } else { ", " })),
        }
    }
}

/// `key: value` as the lines of a block, two spaces a step, lists as kubeadm writes them.
pub(crate) fn block_entry(key: &str, value: &Value) -> Vec<String> {
    let key = scalar(key, Style::Plain, Place::Block);
    match value {
        Value::Object(map) if !map.is_empty() => {
            let inner = map.iter().flat_map(|(key, value)| block_entry(key, value));
            std::iter::once(format!("{key}:"))
                .chain(inner.map(|line| format!("  {line}")))
                .collect()
        }
        Value::Array(items) if !items.is_empty() => {
            let items = items.iter().flat_map(|item| {
                let lines = block_lines(item).into_iter().enumerate();
                lines.map(|(at, line)| format!("{}{line}", if at == 0 { "- " } else { "  " }))
            });
            std::iter::once(format!("{key}:")).chain(items).collect()
        }
        value => vec![format!("{key}: {}", block_scalar(value))],
    }
}

/// The value of a list item as the lines of a block.
pub(crate) fn block_lines(item: &Value) -> Vec<String> {
    match item {
        Value::Object(map) if !map.is_empty() => {
            map.iter().flat_map(|(key, value)| block_entry(key, value)).collect()
        }
        other => vec![block_scalar(other)],
    }
}

fn block_scalar(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text, Style::Plain, Place::Block),
        other => other.to_string(),
    }
}
