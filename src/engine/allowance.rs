//! What a person may allow beyond the rule, and what follows from it.

use super::Terms;
use crate::{
    model::{Plan, StepTarget},
    node::NodeKind,
};

/// What can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// Changes of others that wait for the same restart.
    Pending,
    /// A restart while no other API server is known to serve.
    Single,
    /// No rehearsal of the API server.
    Unrehearsed,
}

impl Allowance {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Single, Self::Unrehearsed];

    /// What is allowed, with its name on the command line, by which a refusal speaks of it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pending => "changes of others that wait may start too (--include-pending)",
            Self::Single => "no other API server need be known to serve (--allow-single)",
            Self::Unrehearsed => "do not try it beside the real one first (--no-rehearsal)",
        }
    }

    /// What follows from it.
    pub const fn consequence(self) -> &'static str {
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
    pub fn concerns(self, plan: &Plan, kind: NodeKind) -> bool {
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

    /// The first that a refusal names as the way on, of those that are not given yet.
    pub fn named_in(refusal: &str, terms: &Terms) -> Option<Self> {
        Self::ALL.into_iter().find(|one| !terms.gives(*one) && refusal.contains(one.option()))
    }

    /// Its name on the command line, by which a refusal speaks of it.
    const fn option(self) -> &'static str {
        match self {
            Self::Pending => "--include-pending",
            Self::Single => "--allow-single",
            Self::Unrehearsed => "--no-rehearsal",
        }
    }
}

impl Terms {
    /// Whether this is allowed.
    pub const fn gives(&self, allowance: Allowance) -> bool {
        match allowance {
            Allowance::Pending => self.include_pending,
            Allowance::Single => self.allow_single,
            Allowance::Unrehearsed => !self.rehearse,
        }
    }

    /// Allows it.
    pub const fn allow(&mut self, allowance: Allowance) {
        match allowance {
            Allowance::Pending => self.include_pending = true,
            Allowance::Single => self.allow_single = true,
            Allowance::Unrehearsed => self.rehearse = false,
        }
    }
}
