//! What a person allows beyond the rule, for one plan and no other.

use std::time::Duration;

pub(crate) use crate::engine::Allowance;
use crate::engine::Terms;

/// How long a person has to keep what restarted a component.
const CONFIRM_WITHIN: Duration = Duration::from_secs(5 * 60);

/// What is allowed; nothing, until somebody says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Consent([bool; Allowance::ALL.len()]);

impl Consent {
    /// Whether this is allowed.
    pub(crate) fn gives(self, allowance: Allowance) -> bool {
        Allowance::ALL.iter().zip(self.0).any(|(one, given)| *one == allowance && given)
    }

    /// Allows it, or takes that back.
    pub(crate) fn toggle(&mut self, allowance: Allowance) {
        for (one, given) in Allowance::ALL.iter().zip(&mut self.0) {
            *given ^= *one == allowance;
        }
    }

    /// What is allowed.
    pub(crate) fn given(self) -> impl Iterator<Item = Allowance> {
        Allowance::ALL.into_iter().filter(move |allowance| self.gives(*allowance))
    }

    fn terms(self, confirm_within: Option<Duration>) -> Terms {
        Terms {
            confirm_within,
            allow_single: self.gives(Allowance::Single),
            rehearse: !self.gives(Allowance::Unrehearsed),
            include_pending: self.gives(Allowance::Pending),
            // A file is named on the command line.
            etcd_snapshot: None,
        }
    }

    /// The terms of fixes: a person keeps them.
    pub(crate) fn for_fixes(self) -> Terms {
        self.terms(Some(CONFIRM_WITHIN))
    }

    /// The terms of a roll back: it stays when it proved itself.
    pub(crate) fn for_rollback(self) -> Terms {
        self.terms(None)
    }
}
