//! The tree of a text that is known to be JSON.

use std::rc::Rc;

use super::{
    Kind, Node, ParseProblem, Style, problem,
    tree::{DEEPEST, Tree},
};

/// The tree of valid JSON text.
pub(super) fn tree(text: &str) -> Result<Tree, ParseProblem> {
    let mut reader = Reader { text, at: 0, line: 1, depth: 0 };
    let root = reader.value()?;
    Ok(Tree { root, documents: 1, json: true })
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Rc<Node>, ParseProblem> {
        self.skip_space();
        let (start, line) = (self.at, self.line);
        if self.depth > DEEPEST {
            return Err(problem(Some(line), "values nest too deeply"));
        }
        let kind = match self.peek() {
            Some('{') => {
                let mut entries = Vec::new();
                self.inside('}', |reader| {
                    let key = reader.value()?;
                    reader.skip_space();
                    reader.at += 1;
                    entries.push((key, reader.value()?));
                    Ok(())
                })?;
                Kind::Map { entries, flow: true }
            }
            Some('[') => {
                let mut items = Vec::new();
                self.inside(']', |reader| {
                    items.push(reader.value()?);
                    Ok(())
                })?;
                Kind::List { items, flow: true }
            }
            Some('"') => {
                self.skip_string();
                let text = serde_json::from_str(self.since(start)).map_err(|_| self.lost())?;
                Kind::Scalar { text, style: Style::Double }
            }
            _ => {
                let rest = self.text.get(start..).unwrap_or("");
                let end = rest
                    .find(|c: char| c.is_ascii_whitespace() || matches!(c, ',' | ']' | '}' | ':'))
                    .unwrap_or(rest.len());
                if end == 0 {
                    return Err(self.lost());
                }
                self.at += end;
                Kind::Scalar { text: self.since(start).to_owned(), style: Style::Plain }
            }
        };
        Ok(Rc::new(Node { kind, span: start..self.at, line, anchored: false, tag: None }))
    }

    /// Reads comma-separated members until the closing bracket.
    fn inside(
        &mut self,
        close: char,
        mut member: impl FnMut(&mut Self) -> Result<(), ParseProblem>,
    ) -> Result<(), ParseProblem> {
        self.at += 1;
        self.depth += 1;
        loop {
            self.skip_space();
            match self.peek() {
                Some(c) if c == close => break,
                Some(',') => self.at += 1,
                Some(_) => member(self)?,
                None => return Err(self.lost()),
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    fn skip_string(&mut self) {
        let mut escaped = true; // the opening quote
        for c in self.text.get(self.at..).unwrap_or("").chars() {
            self.at += c.len_utf8();
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return,
                _ => {}
            }
        }
    }

    fn skip_space(&mut self) {
        while let Some(c) = self.peek().filter(char::is_ascii_whitespace) {
            self.at += 1;
            self.line += usize::from(c == '\n');
        }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn since(&self, start: usize) -> &str {
        self.text.get(start..self.at).unwrap_or("")
    }

    fn lost(&self) -> ParseProblem {
        problem(Some(self.line), "this JSON is not understood")
    }
}
