//! Adds and removes members of a list or mapping in the text, and leaves every other byte alone.
//!
//! Works on what the tree says is where; must not be believed: whoever edits reads the result again
//! and compares it with the edit made on the value.

use std::ops::Range;

use super::{
    Kind, Node, Style, Tree, resolve,
    write::{Flow, Place},
};

/// Why a member cannot be added or removed here; half a sentence.
pub(crate) type Obstacle = String;

/// A list or mapping as it is written.
#[derive(Debug)]
pub(crate) struct Members<'t> {
    text: &'t str,
    /// Between brackets, these included; for a block the bytes of its members.
    outer: Range<usize>,
    /// The bytes of each member: an item, or key and value.
    bytes: Vec<Range<usize>>,
    map: bool,
    place: Place,
}

impl<'t> Members<'t> {
    /// The members of a node; none of a scalar.
    pub(crate) fn of(text: &'t str, tree: &Tree, node: &Node) -> Self {
        let (bytes, flow, map) = match &node.kind {
            Kind::List { items, flow } => {
                (items.iter().map(|item| item.span.clone()).collect(), *flow, false)
            }
            Kind::Map { entries, flow } => {
                let member = |(key, value): &(std::rc::Rc<Node>, std::rc::Rc<Node>)| {
                    let colon = colon_after(text, key.span.end);
                    let end =
                        if is_nothing(value) { colon.max(key.span.end) } else { value.span.end };
                    key.span.start..end
                };
                (entries.iter().map(member).collect(), *flow, true)
            }
            Kind::Scalar { .. } | Kind::Alias(_) => (Vec::new(), false, false),
        };
        let place = match (tree.json, flow) {
            (true, _) => Place::Json,
            (false, true) => Place::Flow,
            (false, false) => Place::Block,
        };
        Self { text, outer: node.span.clone(), bytes, map, place }
    }

    /// How it is written.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// The text with a new member before the one at `at`; `lines` is one line in a flow collection.
    pub(crate) fn insert(&self, at: usize, lines: &[String]) -> Result<String, Obstacle> {
        if self.place == Place::Block {
            return self.insert_block(at, lines);
        }
        let new = lines.join(" ");
        let (range, new) =
            match (at.checked_sub(1).and_then(|i| self.bytes.get(i)), self.bytes.first()) {
                (Some(previous), _) => (previous.end..previous.end, self.separator() + &new),
                (None, Some(first)) => (first.start..first.start, new + &self.separator()),
                (None, None) => (self.inside()?, new),
            };
        splice(self.text, range, &new)
    }

    /// The text without a member. Of a block the last member cannot be removed this way.
    pub(crate) fn remove(&self, at: usize) -> Result<String, Obstacle> {
        let member = self.bytes.get(at).ok_or("there is no such member")?;
        if self.place == Place::Block {
            if self.bytes.len() == 1 {
                return Err("it is the only one of its block".to_owned());
            }
            return splice(self.text, self.whole_lines(member, member)?, "");
        }
        let previous = at.checked_sub(1).and_then(|index| self.bytes.get(index));
        let (range, lost) = match (previous, self.bytes.get(at + 1)) {
            (Some(previous), _) => (previous.end..member.end, previous.end..member.start),
            (None, Some(next)) => (member.start..next.start, member.end..next.start),
            (None, None) => return splice(self.text, self.inside_with(member)?, ""),
        };
        if self.get(&lost).contains('#') {
            return Err("a comment beside it would be lost".to_owned());
        }
        splice(self.text, range, "")
    }

    /// The text with an empty flow collection in place of all members; `key` is the key of this value.
    pub(crate) fn clear(&self, key: &Node) -> Result<String, Obstacle> {
        let (Some(first), Some(last)) = (self.bytes.first(), self.bytes.last()) else {
            return Ok(self.text.to_owned());
        };
        if self.place != Place::Block {
            let inner = self.outer.start + 1..self.outer.end.saturating_sub(1);
            return splice(self.text, inner, "");
        }
        let lines = self.whole_lines(first, last)?;
        let shorter = splice(self.text, lines, "")?;
        let colon = colon_after(&shorter, key.span.end);
        splice(&shorter, colon..colon, if self.map { " {}" } else { " []" })
    }

    /// Indentation of the members of a flow collection that has one a line.
    pub(crate) fn line_indent(&self) -> Option<&'t str> {
        let first = self.bytes.first()?;
        let gap = self.text.get(self.outer.start + 1..first.start)?;
        let (_, indent) = gap.rsplit_once('\n')?;
        indent.bytes().all(|b| matches!(b, b' ' | b'\t')).then_some(indent)
    }

    /// What parts two members: as between the first two, else as the collection begins.
    fn separator(&self) -> String {
        let gap = match self.bytes.as_slice() {
            [first, second, ..] => {
                self.get(&(first.end..second.start)).split_once(',').map(|(_, gap)| gap)
            }
            [only] => {
                Some(self.get(&(self.outer.start + 1..only.start))).filter(|gap| gap.contains('\n'))
            }
            [] => None,
        };
        match gap {
            Some(gap) if gap.trim().is_empty() => format!(",{gap}"),
            _ if self.place == Place::Json && is_dense(self.text) => ",".to_owned(),
            _ => ", ".to_owned(),
        }
    }

    /// What is between the brackets of an empty collection.
    fn inside(&self) -> Result<Range<usize>, Obstacle> {
        let inside = self.outer.start + 1..self.outer.end.saturating_sub(1);
        if self.get(&inside).trim().is_empty() {
            Ok(inside)
        } else {
            Err("a comment in it would be lost".to_owned())
        }
    }

    /// What is between the brackets of a collection with one member.
    fn inside_with(&self, member: &Range<usize>) -> Result<Range<usize>, Obstacle> {
        let inside = self.outer.start + 1..self.outer.end.saturating_sub(1);
        let around = [inside.start..member.start, member.end..inside.end];
        if around.iter().any(|gap| self.get(gap).contains('#')) {
            return Err("a comment in it would be lost".to_owned());
        }
        Ok(inside)
    }

    fn insert_block(&self, at: usize, lines: &[String]) -> Result<String, Obstacle> {
        let previous = at.checked_sub(1).and_then(|index| self.bytes.get(index));
        let member = previous.or(self.bytes.first()).ok_or("it is an empty block")?;
        let prefix = self.prefix(member)?;
        let hanging = " ".repeat(prefix.len());
        let eol = line_ending(self.text, member.start);
        let mut new = String::new();
        for (index, line) in lines.iter().enumerate() {
            let indent = match index {
                0 if self.map && previous.is_some() => &hanging,
                0 => prefix,
                _ => &hanging,
            };
            if index > 0 {
                new.push_str(eol);
            }
            new.push_str(indent);
            new.push_str(line);
        }
        if previous.is_none() {
            if self.map && prefix.contains('-') {
                return Err("its first line begins a list item".to_owned());
            }
            let start = line_start(self.text, member.start);
            return splice(self.text, start..start, &(new + eol));
        }
        let end = self.line_end(member)?;
        if self.text.get(..end).is_some_and(|before| before.ends_with('\n')) {
            splice(self.text, end..end, &(new + eol))
        } else {
            splice(self.text, end..end, &format!("{eol}{new}"))
        }
    }

    /// The lines of some members; with the line breaks before them where the file ends without one.
    fn whole_lines(
        &self,
        first: &Range<usize>,
        last: &Range<usize>,
    ) -> Result<Range<usize>, Obstacle> {
        let prefix = self.prefix(first)?;
        if self.map && prefix.contains('-') {
            return Err("its first line begins a list item".to_owned());
        }
        let start = line_start(self.text, first.start);
        let end = self.line_end(last)?;
        if self.text.ends_with('\n') || end < self.text.len() {
            return Ok(start..end);
        }
        let before = self.text.get(..start).unwrap_or("");
        Ok(before.trim_end_matches(['\n', '\r']).len()..end)
    }

    /// What stands before a member on its line: spaces, and the dash of a list item.
    fn prefix(&self, member: &Range<usize>) -> Result<&'t str, Obstacle> {
        let prefix = self.text.get(line_start(self.text, member.start)..member.start).unwrap_or("");
        let plain = prefix.bytes().all(|b| matches!(b, b' ' | b'-'));
        let dashes = prefix.bytes().filter(|b| *b == b'-').count();
        if prefix.contains('\t') {
            Err("it is indented with tabs".to_owned())
        } else if plain && (dashes == 1 || (self.map && dashes == 0)) {
            Ok(prefix)
        } else {
            Err("it does not begin its line".to_owned())
        }
    }

    /// The end of the last line of a member, line break included.
    fn line_end(&self, member: &Range<usize>) -> Result<usize, Obstacle> {
        let rest = self.text.get(member.end..).unwrap_or("");
        let line = rest.split_inclusive('\n').next().unwrap_or("");
        let tail = line.trim();
        if tail.is_empty() || (tail.starts_with('#') && line.starts_with([' ', '\t'])) {
            Ok(member.end + line.len())
        } else {
            Err("something else stands on its line".to_owned())
        }
    }

    fn get(&self, range: &Range<usize>) -> &'t str {
        self.text.get(range.clone()).unwrap_or("")
    }
}

/// How the keys of a mapping in brackets are written.
pub(crate) fn key_style(map: &Node) -> Style {
    match map.entries().first().map(|(key, _)| &key.kind) {
        Some(Kind::Scalar { style: Style::Double, .. }) => Style::Double,
        Some(Kind::Scalar { style: Style::Single, .. }) => Style::Single,
        _ => Style::Plain,
    }
}

/// How a new member of a mapping in brackets is laid out: as its neighbours are.
pub(crate) fn flow<'t>(
    text: &'t str,
    tree: &Tree,
    members: &Members<'t>,
    style: Style,
) -> Flow<'t> {
    let lines = members.line_indent().filter(|_| tree.json).map(|indent| {
        let outer = Members::of(text, tree, &tree.root).line_indent().unwrap_or("  ");
        let step = if outer.is_empty() { "  " } else { outer };
        (line_ending(text, 0), indent.to_owned(), step.to_owned())
    });
    let dense = members.place() == Place::Json && is_dense(text);
    Flow { place: members.place(), style, dense, lines }
}

/// The text with a range replaced.
pub(crate) fn splice(text: &str, range: Range<usize>, new: &str) -> Result<String, Obstacle> {
    match (text.get(..range.start), text.get(range.end..)) {
        (Some(before), Some(after)) if range.start <= range.end => {
            Ok([before, new, after].concat())
        }
        _ => Err("its place in the file is not clear".to_owned()),
    }
}

/// The byte after the colon that follows a key; the key's end when there is none.
pub(crate) fn colon_after(text: &str, key_end: usize) -> usize {
    let rest = text.get(key_end..).unwrap_or("");
    let spaces = rest.len() - rest.trim_start().len();
    let colon = rest.get(spaces..).is_some_and(|rest| rest.starts_with(':'));
    if colon { key_end + spaces + 1 } else { key_end }
}

/// A value that is not written at all: `key:`.
pub(crate) fn is_nothing(node: &Node) -> bool {
    !node.anchored
        && node.tag.is_none()
        && matches!(&node.kind, Kind::Scalar { text, style: Style::Plain } if text.is_empty())
}

/// A value that reads as null.
pub(crate) fn is_null(node: &Node) -> bool {
    let Kind::Scalar { text, style: Style::Plain } = &node.kind else { return false };
    node.tag.is_none() && resolve::plain(text) == Some(serde_json::Value::Null)
}

/// JSON without white space after its colons.
pub(crate) fn is_dense(text: &str) -> bool {
    !text.contains("\": ")
}

/// The line break of the line at a byte; of a last line without one, that of the first line.
pub(crate) fn line_ending(text: &str, at: usize) -> &'static str {
    let line = |text: &str| {
        text.split_inclusive('\n').next().filter(|l| l.ends_with('\n')).map(|l| l.ends_with("\r\n"))
    };
    let here = line(text.get(at..).unwrap_or("")).or_else(|| line(text));
    if here == Some(true) { "\r\n" } else { "\n" }
}

/// Whether two texts end their lines the same way, and the file too.
pub(crate) fn same_line_endings(before: &str, after: &str) -> bool {
    let endings = |text: &str| {
        let windows = text.matches("\r\n").count();
        (windows > 0, text.matches('\n').count() > windows)
    };
    let single = |text: &str| !text.contains('\n');
    before.ends_with('\n') == after.ends_with('\n')
        && (endings(before) == endings(after) || single(before) || single(after))
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}
