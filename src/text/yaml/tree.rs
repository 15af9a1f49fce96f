//! The tree of a text: every value with the bytes it is written in.

use std::{collections::BTreeMap, ops::Range, rc::Rc};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{ParseProblem, problem};

/// How deep values may nest; Kubernetes objects stay far below.
pub(super) const DEEPEST: usize = 100;

/// The first document of a text.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Its value; an empty plain scalar for an empty text.
    pub(crate) root: Rc<Node>,
    /// How many documents the text holds.
    pub(crate) documents: usize,
    /// The text is JSON, not YAML.
    pub(crate) json: bool,
}

/// One value.
#[derive(Debug)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) kind: Kind,
    /// The bytes it is written in. Exact for plain and quoted scalars, aliases and flow collections;
    /// a block collection ends with its last value.
    pub(crate) span: Range<usize>,
    /// One-based line of its first byte.
    pub(crate) line: usize,
    /// It carries an anchor (`&name`).
    pub(crate) anchored: bool,
    /// Its tag: `!!str`, `!own`.
    pub(crate) tag: Option<String>,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A scalar, quotes and escapes resolved.
    Scalar {
        /// Its text.
        text: String,
        /// How it is written.
        style: Style,
    },
    /// A list.
    List {
        /// Its values.
        items: Vec<Rc<Node>>,
        /// Written in brackets.
        flow: bool,
    },
    /// A mapping, in the order of the text, with keys written twice.
    Map {
        /// Key and value.
        entries: Vec<(Rc<Node>, Rc<Node>)>,
        /// Written in braces.
        flow: bool,
    },
    /// An alias (`*name`) and the value it stands for.
    Alias(Rc<Node>),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// As a block (`|` or `>`).
    Block,
}

impl Node {
    /// The value itself, or the one its alias stands for.
    pub(crate) fn resolved(&self) -> &Self {
        match &self.kind {
            Kind::Alias(target) => target.resolved(),
            _ => self,
        }
    }

    /// The value of a key as it is written here: the last of two; aliases and merges are not followed.
    pub(crate) fn get(&self, name: &str) -> Option<&Rc<Self>> {
        self.entry(name).map(|(_, value)| value)
    }

    /// Key and value of a key; see [`Node::get`].
    pub(crate) fn entry(&self, name: &str) -> Option<&(Rc<Self>, Rc<Self>)> {
        self.entries().iter().rev().find(|(key, _)| key.text() == Some(name))
    }

    /// The value of a key as Kubernetes reads it: aliases and merges followed.
    pub(crate) fn lookup(&self, name: &str) -> Option<&Rc<Self>> {
        let mut found = None;
        for (key, value) in self.resolved().entries() {
            if key.is_merge_key() {
                let source = value.resolved();
                let merged = source.items().iter().find_map(|item| item.lookup(name));
                found = source.lookup(name).or(merged).or(found);
            } else if key.resolved().text() == Some(name) {
                found = Some(value);
            }
        }
        found
    }

    /// The entries of a mapping; none for anything else.
    pub(crate) fn entries(&self) -> &[(Rc<Self>, Rc<Self>)] {
        match &self.kind {
            Kind::Map { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub(crate) fn items(&self) -> &[Rc<Self>] {
        match &self.kind {
            Kind::List { items, .. } => items,
            _ => &[],
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The key of a merge: a plain `<<`.
    pub(crate) fn is_merge_key(&self) -> bool {
        self.tag.is_none()
            && matches!(&self.kind, Kind::Scalar { text, style: Style::Plain } if text == "<<")
    }
}

/// An open list or mapping.
struct Open {
    start: Position,
    anchor: usize,
    tag: Option<String>,
    flow: bool,
    map: bool,
    children: Vec<Rc<Node>>,
}

#[derive(Clone, Copy)]
struct Position {
    byte: usize,
    line: usize,
}

/// Reads the first document, and counts the others.
pub(super) fn parse(text: &str) -> Result<Tree, ParseProblem> {
    let mut builder = Builder {
        text,
        bytes: text.char_indices().map(|(byte, _)| byte).collect(),
        open: Vec::new(),
        anchors: BTreeMap::new(),
        root: None,
    };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::DocumentStart(_), _)) => documents += 1,
            Ok((event, span)) if documents == 1 => builder.take(event, span)?,
            Ok(_) => {}
            // The kubelet reads the first document and does not look further.
            Err(_) if documents > 1 => break,
            Err(error) => {
                return Err(problem(Some(error.marker().line()), error.info()));
            }
        }
    }
    let root = builder.root.unwrap_or_else(|| {
        let kind = Kind::Scalar { text: String::new(), style: Style::Plain };
        Rc::new(Node { kind, span: 0..0, line: 1, anchored: false, tag: None })
    });
    Ok(Tree { root, documents: documents.max(1), json: false })
}

struct Builder<'t> {
    text: &'t str,
    /// Byte offset of each character: the parser counts in characters.
    bytes: Vec<usize>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), ParseProblem> {
        let start = self.position(&span.start);
        let end = self.position(&span.end).byte;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let kind = Kind::Scalar { text: text.into_owned(), style };
                self.close(kind, start, end, anchor, tag_text(tag.as_deref()));
            }
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).cloned().ok_or_else(|| {
                    problem(Some(start.line), "an alias stands for a value that contains it")
                })?;
                self.close(Kind::Alias(target), start, end, 0, None);
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(start, anchor, tag_text(tag.as_deref()), false)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.begin(start, anchor, tag_text(tag.as_deref()), true)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(end),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(
        &mut self,
        start: Position,
        anchor: usize,
        tag: Option<String>,
        map: bool,
    ) -> Result<(), ParseProblem> {
        if self.open.len() >= DEEPEST {
            return Err(problem(Some(start.line), "values nest too deeply"));
        }
        let bracket = if map { '{' } else { '[' };
        let flow = self.text.get(start.byte..).is_some_and(|rest| rest.starts_with(bracket));
        self.open.push(Open { start, anchor, tag, flow, map, children: Vec::new() });
        Ok(())
    }

    fn end(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let last = open.children.iter().map(|child| child.span.end).max();
        let end = if open.flow { end } else { last.unwrap_or(open.start.byte) };
        let kind = if open.map {
            let mut children = open.children.into_iter();
            let mut entries = Vec::new();
            while let (Some(key), Some(value)) = (children.next(), children.next()) {
                entries.push((key, value));
            }
            Kind::Map { entries, flow: open.flow }
        } else {
            Kind::List { items: open.children, flow: open.flow }
        };
        self.close(kind, open.start, end, open.anchor, open.tag);
    }

    fn close(
        &mut self,
        kind: Kind,
        start: Position,
        end: usize,
        anchor: usize,
        tag: Option<String>,
    ) {
        let written = self.text.get(start.byte..end).unwrap_or("");
        let length = match &kind {
            Kind::Scalar { style: Style::Single | Style::Double, .. } => quoted(written),
            _ => written.trim_end().len(),
        };
        let end = start.byte + length;
        let node = Rc::new(Node {
            kind,
            span: start.byte..end,
            line: start.line,
            anchored: anchor != 0,
            tag,
        });
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
    }

    fn position(&self, marker: &saphyr_parser::Marker) -> Position {
        let byte = self.bytes.get(marker.index()).copied().unwrap_or(self.text.len());
        Position { byte, line: marker.line() }
    }
}

/// Length of the quoted scalar at the start of a text: the parser's own end includes a comment.
fn quoted(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    let Some((_, quote)) = chars.next().filter(|(_, c)| matches!(c, '"' | '\'')) else {
        return text.trim_end().len();
    };
    while let Some((at, c)) = chars.next() {
        if quote == '"' && c == '\\' {
            chars.next();
        } else if c == quote && (quote == '"' || chars.next_if(|(_, c)| *c == quote).is_none()) {
            return at + 1;
        }
    }
    text.len()
}

fn tag_text(tag: Option<&Tag>) -> Option<String> {
    tag.map(|tag| {
        if tag.is_yaml_core_schema() {
            format!("!!{}", tag.suffix)
        } else {
            format!("{}{}", tag.handle, tag.suffix)
        }
    })
}
