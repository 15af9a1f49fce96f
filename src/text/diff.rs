//! Unified diffs of changes, as values; how they look is the faces' business.
use crate::model::{Change, ControlId};

/// The difference one change makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Path within the node's root.
    pub path: String,
    /// What a text diff cannot show: `mode 0644 -> 0600`, `owner 1000:1000 -> 0:0`.
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

/// The difference a change makes, with `context` lines around each hunk.
pub fn of_change(change: &Change, context: usize) -> FileDiff {
    let _ = (change, context);
    todo!()
}

/// Three-way undo: `base` is what we wrote, `ours` what was before it, `theirs` what is there now.
///
/// Returns what is there now without our change, or the conflicting places as text.
pub fn undo(before: &str, after: &str, now: &str) -> Result<String, Vec<String>> {
    let _ = (before, after, now);
    todo!()
}
