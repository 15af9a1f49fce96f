//! All edits of one file become one change; a control is taken whole or not at all.

use super::{
    Reason, kubelet,
    work::{Engine, NOTHING_TO_CHANGE, Work},
};
use crate::model::{
    AttributedEdit, Change, ChangeKind, Edit, FileImage, FileMeta, NodeFacts, StepTarget,
};

/// The edits taken so far.
pub(super) struct Accepted<'f> {
    facts: &'f NodeFacts,
    works: Vec<Work>,
}

impl<'f> Accepted<'f> {
    pub(super) fn new(facts: &'f NodeFacts) -> Self {
        Self { facts, works: Vec::new() }
    }

    /// Takes one control's edits, all of them, or says why they do not go with what was taken before.
    pub(super) fn add(&mut self, new: Vec<Work>) -> Result<(), Reason> {
        for work in &new {
            let other = self.works.iter().find(|taken| {
                taken.path == work.path && contradicts(&taken.edit.edit, &work.edit.edit)
            });
            if let Some(other) = other {
                return Err(format!(
                    "{} asks for something else of the same setting in {}: choose one of the two",
                    other.edit.control, work.path
                ));
            }
        }
        let taken = self.works.len();
        self.works.extend(new);
        let checked = self.check(taken);
        if checked.is_err() {
            self.works.truncate(taken);
        }
        checked
    }

    /// Makes every edit of the files that the works from `first` on touch.
    fn check(&self, first: usize) -> Result<(), Reason> {
        let new = self.works.get(first..).unwrap_or_default();
        let mut changes_something = false;
        for path in paths(new) {
            let (before, after) = File::of(&self.works, path).images()?;
            changes_something |= before != after;
        }
        if !changes_something {
            return Err(NOTHING_TO_CHANGE.to_owned());
        }
        if new.iter().any(|work| work.is_textual() && !is_manifest(work)) {
            let after =
                |path: &str| -> Option<String> { File::of(&self.works, path).images().ok()?.1.0 };
            kubelet::prove(self.facts, &self.works, &after)?;
        }
        Ok(())
    }

    /// One change per file, ordered by path, each with the step it belongs to.
    pub(super) fn changes(&self) -> Vec<(StepTarget, Change)> {
        paths(&self.works)
            .into_iter()
            .filter_map(|path| File::of(&self.works, path).change())
            .collect()
    }
}

/// The paths of some edits, each once, in order.
fn paths(works: &[Work]) -> Vec<&str> {
    let mut paths: Vec<&str> = works.iter().map(|work| work.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn is_manifest(work: &Work) -> bool {
    matches!(work.content, Some((_, Engine::Manifest(_))))
}

/// Whether two edits of one file cannot both be made.
fn contradicts(one: &Edit, other: &Edit) -> bool {
    use Edit::{
        AddToList, Owner, ProbeHost, RemoveField, RemoveFlag, RemoveFromList, SetField, SetFlag,
    };
    if one == other {
        return false;
    }
    let flag = |edit: &Edit| match edit {
        SetFlag { flag, .. }
        | RemoveFlag { flag }
        | AddToList { flag, .. }
        | RemoveFromList { flag, .. } => Some(flag.clone()),
        _ => None,
    };
    match (one, other) {
        // Elements of a list go together, unless one wants what the other takes away.
        (AddToList { flag, value, .. }, RemoveFromList { flag: other, value: taken, .. })
        | (RemoveFromList { flag: other, value: taken, .. }, AddToList { flag, value, .. }) => {
            flag == other && value == taken
        }
        // A list that is set whole may hold what another control adds.
        (SetFlag { flag, value }, AddToList { flag: other, value: element, .. })
        | (AddToList { flag: other, value: element, .. }, SetFlag { flag, value }) => {
            flag == other && !value.split(',').any(|part| part == element)
        }
        (AddToList { .. }, AddToList { .. }) | (RemoveFromList { .. }, RemoveFromList { .. }) => {
            false
        }
        (
            SetField { field, .. } | RemoveField { field },
            SetField { field: other, .. } | RemoveField { field: other },
        ) => is_prefix(field, other) || is_prefix(other, field),
        (Owner { .. }, Owner { .. }) | (ProbeHost { .. }, ProbeHost { .. }) => true,
        _ => flag(one).is_some() && flag(one) == flag(other),
    }
}

/// `a.b` of `a.b` and of `a.b.c`.
fn is_prefix(field: &str, of: &str) -> bool {
    of.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Everything that happens to one file.
struct File<'w> {
    works: Vec<&'w Work>,
}

/// Content, where it is edited, and metadata.
type Image = (Option<String>, FileMeta);

impl<'w> File<'w> {
    fn of(works: &'w [Work], path: &str) -> Self {
        Self { works: works.iter().filter(|work| work.path == path).collect() }
    }

    /// The file before and after its edits.
    fn images(&self) -> Result<(Image, Image), Reason> {
        let Some(first) = self.works.first() else {
            return Err("nothing asks for this file".to_owned());
        };
        let meta = self.works.iter().fold(first.meta.clone(), |mut meta, work| {
            match work.edit.edit {
                Edit::Mode { mode } => meta.mode &= mode,
                Edit::Owner { uid, gid } => (meta.uid, meta.gid) = (uid, gid),
                _ => {}
            }
            meta
        });
        let Some((text, engine)) = self.works.iter().find_map(|work| work.content.as_ref()) else {
            return Ok(((None, first.meta.clone()), (None, meta)));
        };
        let mut edits: Vec<AttributedEdit> = Vec::new();
        for work in self.works.iter().filter(|work| work.is_textual()) {
            if !edits.iter().any(|edit| edit.edit == work.edit.edit) {
                edits.push(work.edit.clone());
            }
        }
        let after = engine
            .apply(text, &edits)
            .map_err(|refused| format!("{} cannot be edited: {refused}", first.path))?;
        Ok(((Some(text.clone()), first.meta.clone()), (Some(after), meta)))
    }

    /// The change, unless nothing changes.
    fn change(&self) -> Option<(StepTarget, Change)> {
        let first = self.works.first()?;
        let (before, after) = self.images().ok()?;
        if before == after {
            return None;
        }
        let engine = self.works.iter().find_map(|work| work.content.as_ref()).map(|(_, e)| *e);
        let (target, kind) = match (before, after, engine) {
            ((Some(old), before), (Some(new), after), Some(engine)) if old != new => (
                engine.target(),
                ChangeKind::Content {
                    before: FileImage { text: old, meta: before },
                    after: FileImage { text: new, meta: after },
                },
            ),
            ((_, before), (_, after), _) => {
                (StepTarget::Metadata, ChangeKind::Metadata { before, after })
            }
        };
        // A file that two names lead to is asked for twice.
        let mut edits: Vec<AttributedEdit> = Vec::new();
        for work in &self.works {
            if !edits.contains(&work.edit) {
                edits.push(work.edit.clone());
            }
        }
        let change = Change {
            path: first.path.clone(),
            named: self.works.iter().find_map(|work| work.named.clone()),
            edits,
            kind,
        };
        Some((target, change))
    }
}
