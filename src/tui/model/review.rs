//! A plan as it is looked at before it is written.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    engine::{Answer, RollbackPlan, Terms, Undo},
    model::{ControlId, Plan, TransactionId},
    text::diff::FileDiff,
    tui::message::{Effect, Intent},
};

use super::{Allowance, Consent};

/// Something that can be written once it was shown and confirmed.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// Fixes.
    Apply(Arc<Plan>),
    /// An undo.
    Rollback(Arc<RollbackPlan>),
    /// The end of these interrupted transactions.
    Recover(Vec<TransactionId>),
    /// A change that stayed although nobody confirmed it, for good.
    Keep(TransactionId),
    /// The same change, undone.
    PutBack(TransactionId),
}

impl Write {
    /// The changes; what ends or decides an earlier transaction has none of its own.
    pub(crate) fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Apply(plan) => Some(plan),
            Self::Rollback(rollback) => Some(&rollback.plan),
            Self::Recover(_) | Self::Keep(_) | Self::PutBack(_) => None,
        }
    }

    /// It applies fixes.
    pub(crate) const fn is_apply(&self) -> bool {
        matches!(self, Self::Apply(_))
    }

    /// An undo that finds nothing left to put back: only the history is written.
    pub(crate) fn only_noted(&self) -> bool {
        matches!(self, Self::Rollback(rollback) if rollback.plan.is_empty() && rollback.conflicts.is_empty())
    }

    /// What the job thread is told.
    pub(crate) fn effect(&self, consent: Consent) -> Effect {
        match self {
            Self::Apply(plan) => Effect::Apply(Arc::clone(plan), consent.for_fixes()),
            Self::Rollback(rollback) if self.only_noted() => {
                Effect::NoteRollback(Arc::clone(rollback))
            }
            Self::Rollback(rollback) => {
                Effect::Rollback(Arc::clone(rollback), consent.for_rollback())
            }
            Self::Recover(_) => Effect::Recover,
            Self::Keep(id) => Effect::Decide(id.clone(), Answer::Keep),
            Self::PutBack(id) => {
                let allow_single = consent.gives(Allowance::Single);
                Effect::Decide(id.clone(), Answer::Revert { allow_single })
            }
        }
    }

    /// What the job thread is asked before anybody confirms; what has no changes of its own is asked nothing.
    fn question(&self, consent: Consent) -> Option<(Intent, Terms)> {
        match self {
            Self::Apply(plan) => Some((Intent::Apply(Arc::clone(plan)), consent.for_fixes())),
            Self::Rollback(rollback) => {
                Some((Intent::Rollback(Arc::clone(rollback)), consent.for_rollback()))
            }
            Self::Recover(_) | Self::Keep(_) | Self::PutBack(_) => None,
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
    /// What a person allows for this plan.
    pub(crate) consent: Consent,
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
    /// Whether this node would take it.
    pub(crate) admission: Admission,
}

impl Ready {
    /// A plan that was just made.
    pub(crate) const fn new(write: Write, diffs: Vec<FileDiff>) -> Self {
        Self { write, diffs, admission: Admission::Unasked }
    }
}

/// Whether a node would take a plan, as far as that is known before anything is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Nobody asked yet.
    Unasked,
    /// It is being asked.
    Asked,
    /// Nothing stands in the way.
    Granted,
    /// It would be refused, and why.
    Refused(String),
}

impl Review {
    /// Lines around each hunk, unless the user asks for others.
    pub(crate) const CONTEXT: usize = 3;

    /// A plan that was just asked for.
    pub(crate) fn loading(controls: BTreeSet<ControlId>) -> Self {
        Self {
            controls,
            undo: None,
            state: ReviewState::Loading,
            consent: Consent::default(),
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

    /// Asks whether this node would take the plan, unless that was asked already.
    pub(crate) fn ask(&mut self) -> Option<Effect> {
        let ReviewState::Ready(ready) = &mut self.state else { return None };
        let empty = ready.write.plan().is_none_or(Plan::is_empty);
        if empty || ready.admission != Admission::Unasked {
            return None;
        }
        let (intent, terms) = ready.write.question(self.consent)?;
        ready.admission = Admission::Asked;
        Some(Effect::Check(intent, terms))
    }

    /// Takes the answer to such a question, if it is this plan's on these terms.
    pub(crate) fn answered(&mut self, question: &(Intent, Terms), refusal: Option<&str>) {
        let consent = self.consent;
        let ReviewState::Ready(ready) = &mut self.state else { return };
        if ready.write.question(consent).as_ref() == Some(question) {
            ready.admission =
                refusal.map_or(Admission::Granted, |why| Admission::Refused(why.to_owned()));
        }
    }

    /// The node would refuse it.
    pub(crate) fn is_refused(&self) -> bool {
        self.ready().is_some_and(|ready| matches!(ready.admission, Admission::Refused(_)))
    }

    /// Lets a plan that would be refused be asked about again.
    pub(crate) fn forget_refusal(&mut self) {
        if self.is_refused()
            && let ReviewState::Ready(ready) = &mut self.state
        {
            ready.admission = Admission::Unasked;
        }
    }

    /// Allows something for this plan, or takes that back; the node is asked again.
    pub(crate) fn toggle(&mut self, allowance: Allowance) {
        self.consent.toggle(allowance);
        if let ReviewState::Ready(ready) = &mut self.state {
            ready.admission = Admission::Unasked;
        }
    }
}
