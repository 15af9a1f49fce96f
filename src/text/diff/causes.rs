//! Which control causes which changed line.
//!
//! A line belongs to a flag edit when it holds that flag, to a field edit when its key path is the
//! field, one of its parents or below it. A line that nobody claims belongs to every edit of the text.

use super::is_textual;
use crate::model::{AttributedEdit, ControlId, Edit};

pub(super) struct Causes<'t> {
    lines: &'t [&'t str],
    edits: Vec<&'t AttributedEdit>,
}

impl<'t> Causes<'t> {
    pub(super) fn new(lines: &'t [&'t str], edits: &'t [AttributedEdit]) -> Self {
        Self { lines, edits: edits.iter().filter(|edit| is_textual(&edit.edit)).collect() }
    }

    /// The controls behind one changed line, by its index in this text.
    pub(super) fn of(&self, index: usize) -> Vec<ControlId> {
        let Some(line) = self.lines.get(index) else { return self.all() };
        let path = key_path(self.lines, index);
        let claimed = sorted(self.edits.iter().filter(|edit| claims(&edit.edit, line, &path)));
        if claimed.is_empty() { self.all() } else { claimed }
    }

    fn all(&self) -> Vec<ControlId> {
        sorted(self.edits.iter())
    }
}

fn sorted<'e>(edits: impl Iterator<Item = &'e &'e AttributedEdit>) -> Vec<ControlId> {
    let mut ids: Vec<ControlId> = edits.map(|edit| edit.control.clone()).collect();
    ids.sort();
    ids.dedup();
    ids
}

fn claims(edit: &Edit, line: &str, path: &[&str]) -> bool {
    match edit {
        Edit::SetFlag { flag, .. }
        | Edit::RemoveFlag { flag }
        | Edit::AddToList { flag, .. }
        | Edit::RemoveFromList { flag, .. }
        | Edit::RemoveEnvFlag { flag, .. } => holds_flag(line, flag),
        Edit::SetField { field, .. } | Edit::RemoveField { field } => {
            !path.is_empty() && field.split('.').zip(path).all(|(wanted, key)| wanted == *key)
        }
        Edit::ProbeHost { .. } => path.last() == Some(&"host"),
        Edit::Mount { folder, .. } | Edit::Unmount { folder } => line.contains(folder),
        Edit::Create | Edit::Remove | Edit::Mode { .. } | Edit::Owner { .. } => false,
    }
}

/// Whether the line holds `--flag`, not only a longer name that begins with it.
fn holds_flag(line: &str, flag: &str) -> bool {
    line.match_indices(flag).any(|(at, _)| {
        let ahead = line.get(..at).unwrap_or_default();
        let behind = line.get(at + flag.len()..).and_then(|rest| rest.chars().next());
        ahead.ends_with("--")
            && !behind.is_some_and(|next| next.is_ascii_alphanumeric() || next == '-')
    })
}

/// The keys that lead to a line, outermost first, read from the indentation of YAML or JSON.
fn key_path<'t>(lines: &[&'t str], index: usize) -> Vec<&'t str> {
    let mut path = Vec::new();
    let Some(line) = lines.get(index) else { return path };
    let mut column = indentation(line);
    match key(line) {
        Some(key) => path.push(key),
        // A list item may stand at its parent's own indentation.
        None if line.trim_start().starts_with('-') => column += 1,
        None => {}
    }
    for line in lines.iter().take(index).rev() {
        let here = indentation(line);
        if here < column
            && let Some(key) = key(line)
        {
            path.push(key);
            column = here;
        }
    }
    path.reverse();
    path
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The mapping key a line begins with.
fn key(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with('#') || line.starts_with('-') {
        return None;
    }
    let (key, _) = line.split_once(':')?;
    Some(key.trim().trim_matches(['"', '\'']))
}
