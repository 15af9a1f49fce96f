//! What a person allows beyond the rule, for one plan and no other.

use std::time::Duration;

use crate::{
    engine::Terms,
    model::{Plan, StepTarget},
    node::NodeKind,
};

/// How long a person has to keep what restarted a component.
const CONFIRM_WITHIN: Duration = Duration::from_secs(5 * 60);

/// What can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// Changes of others that wait for the same restart.
    Pending,
    /// A restart while no other API server is known to serve.
    Single,
    /// No rehearsal of the API server.
    Unrehearsed,
}

impl Allowance {
    /// All of them, in the order they are shown.
    pub(crate) const ALL: [Self; 3] = [Self::Pending, Self::Single, Self::Unrehearsed];

    /// What is allowed, with its name on the command line, by which a refusal speaks of it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Pending => "changes of others that wait may start too (--include-pending)",
            Self::Single => "no other API server need be known to serve (--allow-single)",
            Self::Unrehearsed => "do not try it beside the real one first (--no-rehearsal)",
        }
    }

    /// What follows from it.
    pub(crate) const fn consequence(self) -> &'static str {
        match self {
            Self::Pending => {
                "what others changed takes effect with it; were that wrong, putting ours back would not take it out"
            }
            Self::Single => {
                "no other API server is known to serve: while this node's own is away the cluster may have none"
            }
            Self::Unrehearsed => {
                "the planned API server is not tried first: what it refuses shows only when the real one is away"
            }
        }
    }

    /// Whether it makes a difference for this plan on a node of this kind.
    pub(crate) fn concerns(self, plan: &Plan, kind: NodeKind) -> bool {
        // Where nothing runs, nothing is asked before it restarts.
        let runs = matches!(kind, NodeKind::Live | NodeKind::Simulated);
        runs && plan.steps.iter().any(|step| match self {
            Self::Pending => step.target.restarts().is_some(),
            Self::Single => matches!(
                step.target,
                StepTarget::KubeApiserver | StepTarget::Kubelet | StepTarget::Etcd
            ),
            Self::Unrehearsed => step.target == StepTarget::KubeApiserver,
        })
    }
}

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
