//! Differences of changes, as values and as classic unified text; how a face paints them is its business.
//!
//! Owns the hunks, who causes which line (`causes`) and the removal of an old change from today's
//! text ([`undo()`]). It never edits a file format: it knows lines, not YAML.

mod causes;
mod parts;
mod undo;

use std::fmt;

use similar::{Algorithm, DiffTag, capture_diff_slices, group_diff_ops, udiff::UnifiedHunkHeader};

use crate::{
    model::{AttributedEdit, Change, ControlId, Edit, FileImage, FileMeta},
    text::printable::is_hidden,
};

use causes::Causes;
pub use parts::{Part, parts};
pub use undo::undo;

/// More context than any file we edit has lines; keeps the arithmetic of larger numbers away.
const WHOLE_FILE: usize = 1_000_000;

/// A face shows such characters written out; the bytes that are written are those of the plan.
const HIDDEN: &str =
    r"characters that would not be seen are shown as \u{...}, and written unchanged";

/// The difference one change makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Path within the node's root.
    pub path: String,
    /// What a text diff cannot show: `mode 0644 -> 0600`, `owner 1000:1000 -> 0:0`, hidden characters.
    pub headers: Vec<String>,
    /// Hunks of the text difference; empty for metadata-only changes.
    pub hunks: Vec<Hunk>,
}

/// Neighbouring changed lines with their context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// `@@ -12,7 +12,8 @@`
    pub header: String,
    /// The lines.
    pub lines: Vec<Line>,
}

/// One line of a hunk, without its line ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `' '`, `'-'` or `'+'`.
    pub sign: char,
    /// Pieces of the line; `true` marks what differs within a changed line.
    pub pieces: Vec<(bool, String)>,
    /// The controls that cause a changed line.
    pub controls: Vec<ControlId>,
    /// The line has no newline at its end (end of file).
    pub no_newline: bool,
}

impl Line {
    /// The whole line, without its sign.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, piece)| piece.as_str()).collect()
    }
}

/// The difference a change makes, with `context` lines around each hunk.
pub fn of_change(change: &Change, context: usize) -> FileDiff {
    let kind = &change.kind;
    let headers = match (kind.meta_before(), kind.meta_after()) {
        (Some(before), Some(after)) => headers(before, after),
        (None, Some(after)) => vec![format!("new {}", whole(kind.after(), after))],
        (Some(before), None) => vec![format!("removed {}", whole(kind.before(), before))],
        (None, None) => Vec::new(),
    };
    let text = |image: Option<&FileImage>| image.map_or_else(String::new, |i| i.text.clone());
    let (old, new) = (text(kind.before()), text(kind.after()));
    let hunks = hunks(&old, &new, &change.edits, context);
    let mut diff = FileDiff { path: change.path.clone(), headers, hunks };
    if diff.hides_something() {
        diff.headers.push(HIDDEN.to_owned());
    }
    diff
}

impl FileDiff {
    /// Whether a face must write a character of its lines out, because it would not be seen.
    fn hides_something(&self) -> bool {
        let mut lines = self.hunks.iter().flat_map(|hunk| &hunk.lines);
        lines.any(|line| line.text().contains(|c| is_hidden(c) && c != '\t'))
    }
}

/// `file, mode 0600, owner 0:0`.
fn whole(file: Option<&FileImage>, meta: &FileMeta) -> String {
    let what = if file.is_some() { "file" } else { "folder" };
    format!("{what}, mode {:04o}, owner {}:{}", meta.mode, meta.uid, meta.gid)
}

fn headers(before: &FileMeta, after: &FileMeta) -> Vec<String> {
    let mut headers = Vec::new();
    if before.mode != after.mode {
        headers.push(format!("mode {:04o} -> {:04o}", before.mode, after.mode));
    }
    if (before.uid, before.gid) != (after.uid, after.gid) {
        headers.push(format!("owner {}:{} -> {}:{}", before.uid, before.gid, after.uid, after.gid));
    }
    headers
}

fn hunks(before: &str, after: &str, edits: &[AttributedEdit], context: usize) -> Vec<Hunk> {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let [old_causes, new_causes] = [Causes::new(&old, edits), Causes::new(&new, edits)];
    let ops = capture_diff_slices(Algorithm::Myers, &old, &new);
    group_diff_ops(ops, context.min(WHOLE_FILE))
        .iter()
        .map(|group| {
            let mut lines = Vec::new();
            for op in group {
                let removed = old.get(op.old_range()).unwrap_or_default();
                if op.tag() == DiffTag::Equal {
                    lines.extend(removed.iter().map(|text| line(' ', text, None, Vec::new())));
                    continue;
                }
                let added = new.get(op.new_range()).unwrap_or_default();
                // Only lines that clearly stand for each other are compared word by word.
                let paired = removed.len() == added.len();
                for (at, text) in op.old_range().zip(removed) {
                    let other = paired.then(|| added.get(at - op.old_range().start)).flatten();
                    lines.push(line('-', text, other.copied(), old_causes.of(at)));
                }
                for (at, text) in op.new_range().zip(added) {
                    let other = paired.then(|| removed.get(at - op.new_range().start)).flatten();
                    lines.push(line('+', text, other.copied(), new_causes.of(at)));
                }
            }
            Hunk { header: UnifiedHunkHeader::new(group).to_string(), lines }
        })
        .collect()
}

fn line(sign: char, raw: &str, other: Option<&str>, controls: Vec<ControlId>) -> Line {
    let other = other.map(|other| without_ending(other).0);
    let (text, ended) = without_ending(raw);
    Line { sign, pieces: pieces(text, other), controls, no_newline: !ended }
}

/// The line without `\n` or `\r\n`, and whether it had one.
fn without_ending(line: &str) -> (&str, bool) {
    match line.strip_suffix('\n') {
        Some(text) => (text.strip_suffix('\r').unwrap_or(text), true),
        None => (line, false),
    }
}

/// The line cut where it differs from the one it replaces. Lines that share no word
/// are shown whole.
fn pieces(text: &str, other: Option<&str>) -> Vec<(bool, String)> {
    let Some(other) = other else { return vec![(false, text.to_owned())] };
    let [mine, theirs] = [words(text), words(other)];
    let shared = |word: &&str| word.chars().any(char::is_alphanumeric) && theirs.contains(word);
    if !mine.iter().any(shared) {
        return vec![(false, text.to_owned())];
    }
    let mut pieces: Vec<(bool, String)> = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &mine, &theirs) {
        let piece = mine.get(op.old_range()).unwrap_or_default().concat();
        if !piece.is_empty() {
            pieces.push((op.tag() != DiffTag::Equal, piece));
        }
    }
    pieces
}

/// Runs of letters and digits, and every other character by itself.
fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(|c: char| !c.is_alphanumeric())
        .flat_map(|run| match run.char_indices().next_back() {
            Some((at, last)) if !last.is_alphanumeric() => {
                let (word, mark) = run.split_at(at);
                [word, mark]
            }
            _ => [run, ""],
        })
        .filter(|word| !word.is_empty())
        .collect()
}

impl fmt::Display for FileDiff {
    /// Classic unified format; modes and owners stand between the file names and the first hunk.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "--- {}", self.path)?;
        writeln!(f, "+++ {}", self.path)?;
        for header in &self.headers {
            writeln!(f, "{header}")?;
        }
        for hunk in &self.hunks {
            writeln!(f, "{}", hunk.header)?;
            for line in &hunk.lines {
                write!(f, "{}", line.sign)?;
                for (_, piece) in &line.pieces {
                    f.write_str(piece)?;
                }
                writeln!(f)?;
                if line.no_newline {
                    writeln!(f, "\\ No newline at end of file")?;
                }
            }
        }
        Ok(())
    }
}

/// Whether an edit changes content (and not only mode or owner).
fn is_textual(edit: &Edit) -> bool {
    !matches!(edit, Edit::Mode { .. } | Edit::Owner { .. })
}

#[cfg(test)]
mod tests;
