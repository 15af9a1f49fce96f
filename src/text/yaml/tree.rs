//! The tree of a text: every value with the bytes it is written in.

use std::{
    cell::Cell,
    collections::BTreeMap,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
};

use libyaml_safer::{Event, EventData, MappingStyle, Mark, Parser, ScalarStyle, SequenceStyle};

use super::{ParseProblem, problem, resolve};

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

    /// The text of a scalar that Kubernetes reads as text: `y` without quotes is none.
    pub(crate) fn string(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, style: Style::Plain } => {
                resolve::plain(text).is_some_and(|value| value.is_string()).then_some(text)
            }
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

/// The node, if it is written here and nowhere else; else half a sentence that says why not.
pub(crate) fn own<'n>(node: &'n Rc<Node>, what: &str) -> Result<&'n Rc<Node>, String> {
    let how = if matches!(node.kind, Kind::Alias(_)) {
        "is an alias"
    } else if node.anchored {
        "carries an anchor"
    } else if node.entries().iter().any(|(key, _)| key.is_merge_key()) {
        "uses a merge (<<)"
    } else if node.tag.is_some() {
        "carries a tag"
    } else {
        return Ok(node);
    };
    Err(format!("{what} {how} (line {})", node.line))
}

/// An open list or mapping.
struct Open {
    start: Position,
    anchor: Option<String>,
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

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is caught here and told as a problem of a text: a panic hook keeps
/// silent then.
pub(super) fn catches_panics() -> bool {
    CATCHING.get()
}

/// Reads the first document of a text that libyaml is known to accept.
///
/// The parser gives up with a panic on a tag right before a comma (`[!!str, a]`).
/// It works on data of its own, so that is caught here and is a problem like any other.
pub(super) fn parse(text: &str, documents: usize) -> Result<Tree, ParseProblem> {
    let reading = || read(text, documents);
    CATCHING.set(true);
    let answer = catch_unwind(AssertUnwindSafe(reading));
    CATCHING.set(false);
    answer.unwrap_or_else(|_| {
        Err(problem(None, "this YAML is written in a way that is not understood"))
    })
}

fn read(text: &str, documents: usize) -> Result<Tree, ParseProblem> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let skipped = text.len() - body.len();
    let mut builder =
        Builder { text, skipped, open: Vec::new(), anchors: BTreeMap::new(), root: None };
    // The parser panics at a text block that ends with the file and without a line break.
    let ended = if body.ends_with('\n') { body.to_owned() } else { format!("{body}\n") };
    let mut input = ended.as_bytes();
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    loop {
        let event = parser.parse().map_err(|error| {
            let line = error.problem_mark().and_then(|mark| usize::try_from(mark.line).ok());
            problem(line.map(|line| line + 1), error.problem())
        })?;
        match event.data {
            // The kubelet reads the first document and does not look further.
            EventData::DocumentEnd { .. } | EventData::StreamEnd => break,
            _ => builder.take(event)?,
        }
    }
    let root = builder
        .root
        .ok_or_else(|| problem(None, "the file is empty: it holds no YAML document"))?;
    Ok(Tree { root, documents, json: false })
}

struct Builder<'t> {
    text: &'t str,
    /// Bytes of a byte order mark, which the parser does not count.
    skipped: usize,
    open: Vec<Open>,
    anchors: BTreeMap<String, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event) -> Result<(), ParseProblem> {
        let start = self.position(event.start_mark);
        let end = self.position(event.end_mark).byte;
        match event.data {
            EventData::Scalar { anchor, tag, mut value, style, .. } => {
                let style = match style {
                    ScalarStyle::SingleQuoted => Style::Single,
                    ScalarStyle::DoubleQuoted => Style::Double,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    _ => Style::Plain,
                };
                // The line break that the text does not have.
                if style == Style::Block && end == self.text.len() && !self.text.ends_with('\n') {
                    value.truncate(value.trim_end_matches('\n').len());
                }
                self.close(Kind::Scalar { text: value, style }, start, end, anchor, tag);
            }
            EventData::Alias { anchor } => {
                let target = self.anchors.get(&anchor).cloned().ok_or_else(|| {
                    problem(Some(start.line), "an alias stands for a value that contains it")
                })?;
                self.close(Kind::Alias(target), start, end, None, None);
            }
            EventData::SequenceStart { anchor, tag, style, .. } => {
                let flow = style == SequenceStyle::Flow;
                self.begin(Open { start, anchor, tag, flow, map: false, children: Vec::new() })?;
            }
            EventData::MappingStart { anchor, tag, style, .. } => {
                let flow = style == MappingStyle::Flow;
                self.begin(Open { start, anchor, tag, flow, map: true, children: Vec::new() })?;
            }
            EventData::SequenceEnd | EventData::MappingEnd => self.end(end),
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, open: Open) -> Result<(), ParseProblem> {
        if self.open.len() >= DEEPEST {
            return Err(problem(Some(open.start.line), "values nest too deeply"));
        }
        self.open.push(open);
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
        anchor: Option<String>,
        tag: Option<String>,
    ) {
        let written = self.text.get(start.byte..end).unwrap_or("");
        let node = Rc::new(Node {
            kind,
            span: start.byte..start.byte + written.trim_end().len(),
            line: start.line,
            anchored: anchor.is_some(),
            tag: tag.map(|tag| tag.replace("tag:yaml.org,2002:", "!!")),
        });
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
    }

    fn position(&self, mark: Mark) -> Position {
        let byte = usize::try_from(mark.index).map_or(self.text.len(), |byte| byte + self.skipped);
        let byte = byte.min(self.text.len());
        Position { byte, line: usize::try_from(mark.line).map_or(1, |line| line + 1) }
    }
}
