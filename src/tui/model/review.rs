//! A plan as it is looked at before it is written.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    engine::{RollbackPlan, Undo},
    model::{ControlId, Plan, TransactionId},
    text::diff::FileDiff,
    tui::message::Effect,
};

/// Something that can be written once it was shown and confirmed.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// Fixes.
    Apply(Arc<Plan>),
    /// An undo.
    Rollback(Arc<RollbackPlan>),
    /// The end of these interrupted transactions.
    Recover(Vec<TransactionId>),
}

impl Write {
    /// The changes; a recovery has none of its own.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Apply(plan) => Some(plan),
            Self::Rollback(rollback) => Some(&rollback.plan),
            Self::Recover(_) => None,
        }
    }

    /// What the job thread is told.
    pub(crate) fn effect(&self) -> Effect {
        match self {
            Self::Apply(plan) => Effect::Apply(Arc::clone(plan)),
            Self::Rollback(rollback) => Effect::Rollback(Arc::clone(rollback)),
            Self::Recover(_) => Effect::Recover,
        }
    }
}

/// A plan that is being made, or was made, with the place it is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Review {
    /// The controls it was asked for; empty for a roll back.
    pub(crate) controls: BTreeSet<ControlId>,
    /// The roll back it was asked for; `None` for fixes.
    pub(crate) undo: Option<Undo>,
    /// What is known.
    pub(crate) state: ReviewState,
    /// Lines around each hunk.
    pub(crate) context: usize,
    /// Lines scrolled in the summary.
    pub(crate) summary_scroll: usize,
    /// Lines scrolled in the diff.
    pub(crate) diff_scroll: usize,
}

/// What is known of a plan.
#[derive(Debug, Clone)]
pub(crate) enum ReviewState {
    /// It is being made.
    Loading,
    /// It was made.
    Ready(Ready),
    /// It could not be made, and why.
    Failed(String),
}

/// A plan with its differences.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    /// What would be written.
    pub(crate) write: Write,
    /// File by file.
    pub(crate) diffs: Vec<FileDiff>,
}

impl Review {
    /// Lines around each hunk, unless the user asks for others.
    pub(crate) const CONTEXT: usize = 3;

    /// A plan that was just asked for.
    pub(crate) const fn loading(controls: BTreeSet<ControlId>) -> Self {
        Self {
            controls,
            undo: None,
            state: ReviewState::Loading,
            context: Self::CONTEXT,
            summary_scroll: 0,
            diff_scroll: 0,
        }
    }

    /// A roll back that was just asked for.
    pub(crate) fn loading_undo(undo: Undo) -> Self {
        Self { undo: Some(undo), ..Self::loading(BTreeSet::new()) }
    }

    /// The plan, when it was made.
    pub(crate) const fn ready(&self) -> Option<&Ready> {
        match &self.state {
            ReviewState::Ready(ready) => Some(ready),
            _ => None,
        }
    }

    /// The changes, when they are known.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        self.ready().and_then(|ready| ready.write.plan())
    }
}
