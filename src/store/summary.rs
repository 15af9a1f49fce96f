//! The history: what each transaction was for, how it ended, and what of it still stands.
//!
//! Pure: works on what was loaded. A rollback takes controls away from the transactions it names, unless
//! that rollback has itself been undone.

use std::collections::{BTreeMap, BTreeSet};

use super::Loaded;
use crate::model::{ControlId, Outcome, RecordKind, TransactionId, journal::Purpose};

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its name; sorts by time.
    pub id: TransactionId,
    /// What it was for.
    pub purpose: Purpose,
    /// How it ended; `None` while it runs or when it was interrupted.
    pub outcome: Option<Outcome>,
    /// Files it touched.
    pub files: Vec<String>,
    /// Later transaction that undid it, if any.
    pub undone_by: Option<TransactionId>,
    /// Later transaction that undid a part of it last, while another part still stands.
    pub partly_undone_by: Option<TransactionId>,
    /// Its journal or backup is damaged: what is wrong.
    pub damage: Option<String>,
}

impl Loaded {
    /// What it was for: as its journal says, else (a damaged journal) as its plan says.
    pub fn purpose(&self) -> Purpose {
        let begun = self.journal.records.iter().find_map(|record| match &record.kind {
            RecordKind::Begun { purpose, .. } => Some(purpose.clone()),
            _ => None,
        });
        begun.unwrap_or_else(|| {
            let planned = self.plan.iter().flat_map(|plan| &plan.controls);
            Purpose::Apply { controls: planned.map(|c| c.control.clone()).collect() }
        })
    }

    /// The files it intended to touch, in order.
    pub fn intent(&self) -> &[crate::model::journal::FileIntent] {
        self.journal
            .records
            .iter()
            .find_map(|record| match &record.kind {
                RecordKind::Intent { files } => Some(files.as_slice()),
                _ => None,
            })
            .unwrap_or_default()
    }

    fn summary(&self, standing: Standing) -> Summary {
        let damage = [
            self.journal.damage.as_ref().map(ToString::to_string),
            self.plan.as_ref().err().map(ToString::to_string),
            self.backup_damage.as_ref().map(ToString::to_string),
        ];
        Summary {
            id: self.id.clone(),
            purpose: self.purpose(),
            outcome: self.journal.outcome.clone(),
            files: self.intent().iter().map(|file| file.path.clone()).collect(),
            undone_by: standing.undone_by,
            partly_undone_by: standing.partly_undone_by,
            damage: damage.into_iter().flatten().next(),
        }
    }
}

/// The controls a purpose speaks of.
fn controls(purpose: &Purpose) -> &[ControlId] {
    match purpose {
        Purpose::Apply { controls } | Purpose::Rollback { controls, .. } => controls,
    }
}

/// What still stands of each transaction, and who took the last of it away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The controls whose changes are still in force; empty for what was rolled back or undone.
    pub controls: BTreeSet<ControlId>,
    /// The committed rollback that took the last of it away.
    pub undone_by: Option<TransactionId>,
    /// The latest committed rollback that took a part away, while something still stands.
    pub partly_undone_by: Option<TransactionId>,
}

/// What still stands of every transaction; `history` is ordered oldest first.
pub fn standing(history: &[Loaded]) -> BTreeMap<TransactionId, Standing> {
    let mut standing: BTreeMap<TransactionId, Standing> = history
        .iter()
        .map(|loaded| {
            let gone = matches!(
                loaded.journal.outcome,
                Some(Outcome::Refused { .. } | Outcome::RolledBack { .. }) | None
            );
            let purpose = loaded.purpose();
            let ids = if gone { &[] } else { controls(&purpose) };
            let controls = ids.iter().cloned().collect();
            (loaded.id.clone(), Standing { controls, ..Standing::default() })
        })
        .collect();
    for loaded in history.iter().rev() {
        let Purpose::Rollback { of, .. } = loaded.purpose() else { continue };
        if loaded.journal.outcome != Some(Outcome::Committed) {
            continue;
        }
        let undone = standing.get(&loaded.id).map(|s| s.controls.clone()).unwrap_or_default();
        for earlier in of {
            let Some(entry) = standing.get_mut(&earlier) else { continue };
            let had = entry.controls.len();
            entry.controls.retain(|control| !undone.contains(control));
            // The latest comes first here.
            if entry.controls.len() < had && entry.partly_undone_by.is_none() {
                entry.partly_undone_by = Some(loaded.id.clone());
            }
        }
    }
    for entry in standing.values_mut().filter(|entry| entry.controls.is_empty()) {
        entry.undone_by = entry.partly_undone_by.take();
    }
    standing
}

/// One line per transaction, latest first, of everything loaded (oldest first).
pub(super) fn history(loaded: &[Loaded]) -> Vec<Summary> {
    let standing = standing(loaded);
    loaded
        .iter()
        .rev()
        .map(|one| one.summary(standing.get(&one.id).cloned().unwrap_or_default()))
        .collect()
}
