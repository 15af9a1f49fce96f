//! Carrying a transaction out in a process of its own, and what people ask of it meanwhile.

use std::{sync::Arc, time::Duration};

use super::{By, Engine, EngineError, Filter, Running};
use crate::{
    apply::{self, Site, Taken},
    model::{Keep, Order, Outcome, Tier, TransactionId, journal::Purpose},
    node::NodeKind,
    store::{
        Journal, Store,
        requests::{self, Request},
    },
};

/// How a plan is to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// A person keeps it within this time, or it is put back. Only for what restarts something (R2 and
    /// above), and only where something runs. `None` in batch: it is kept when it proved itself.
    pub confirm_within: Option<Duration>,
    /// Restart an API server or kubelet although no other API server is known to be healthy.
    pub allow_single: bool,
    /// Start the planned API server beside the real one first.
    pub rehearse: bool,
    /// Let changes of others take effect too, that wait for the next restart.
    pub include_pending: bool,
    /// A snapshot of etcd somebody made just now (absolute path), for what touches data or quorum.
    pub etcd_snapshot: Option<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            confirm_within: None,
            allow_single: false,
            rehearse: true,
            include_pending: false,
            etcd_snapshot: None,
        }
    }
}

/// What a person asks of a transaction that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Keep it.
    Keep,
    /// Put it back now. What stayed unconfirmed because another API server is down goes back while that is
    /// so only when this says that it may (`--allow-single`).
    Revert {
        /// It may.
        allow_single: bool,
    },
    /// More time to decide.
    More(Duration),
}

impl Engine {
    /// The order for a plan of this risk.
    pub(super) fn order(&self, purpose: Purpose, tier: Option<Tier>, terms: &Terms) -> Order {
        // An image has nothing that could turn out wrong while a person looks at it.
        let runs = self.node.kind() != NodeKind::Offline || self.node.keeper().is_some();
        let asks = runs && tier.is_some_and(|tier| tier >= Tier::R2);
        let keep = match terms.confirm_within.filter(|_| asks) {
            Some(within) => Keep::Confirmed { within: within.as_secs() },
            None => Keep::Proved,
        };
        Order {
            keep,
            allow_single: terms.allow_single,
            rehearse: terms.rehearse,
            consent_pending: terms.include_pending,
            etcd_snapshot: terms.etcd_snapshot.clone(),
            ..Order::from(purpose)
        }
    }

    /// Has it carried out: by a process that does not depend on this one where there can be one.
    pub(super) fn start(&self, transaction: apply::Transaction) -> Result<Running, EngineError> {
        let node = Arc::clone(&self.node);
        let Some(keeper) = self.node.keeper() else {
            let id = transaction.id().clone();
            let transaction = self.equipped(transaction);
            return Ok(Running::thread(node, id, || transaction.run()));
        };
        let id = transaction.hand_over();
        keeper.start_guard(&id, false).map_err(|error| EngineError::Refused(error.to_string()))?;
        Ok(Running::process(node, id))
    }

    /// Carries out what [`Engine::apply`] or [`Engine::rollback`] of another process prepared, or recovers it.
    pub fn guard(&self, id: &str) -> Result<Outcome, EngineError> {
        if let Some(keeper) = self.node.keeper() {
            keeper.shield();
        }
        let id = TransactionId(id.to_owned());
        match apply::take_up(&self.node, &id)? {
            Taken::Ready(transaction) => Ok(self.equipped(*transaction).run()),
            Taken::Ended(outcome) => Ok(outcome),
            Taken::Decided(decided) => {
                let cluster = self.cluster_of(decided.node_name());
                Ok(decided.run(cluster.as_deref()))
            }
            Taken::Interrupted => match self.recover_some(By::Timer, Some(&id))?.pop() {
                Some((_, outcome)) => Ok(outcome),
                // Somebody else recovered it in between.
                None => Journal::read(self.node.as_ref(), &id)?
                    .outcome
                    .ok_or_else(|| EngineError::Internal(format!("{id} cannot be recovered"))),
            },
        }
    }

    /// With all it asks before it is committed.
    fn equipped(&self, transaction: apply::Transaction) -> apply::Transaction {
        // A node that cannot be scanned now is refused before the first write.
        let before = self.scan(&Filter::of_node()).ok();
        let before = before.as_ref().map(|scan| &scan.report);
        let prove = self.prover(transaction.plan(), &transaction.order().purpose, before);
        let cluster = self.cluster_of(&transaction.plan().node);
        let transaction = transaction.in_cluster(cluster);
        match prove {
            Some(prove) => transaction.proved_by(prove),
            None => transaction,
        }
    }

    /// Between a command and its guard, where only a session of its own keeps the guard from the terminal.
    pub fn detach_guard(&self, id: &str) -> Result<(), EngineError> {
        let Some(keeper) = self.node.keeper() else {
            return Err(EngineError::Usage("this node needs no process of its own".to_owned()));
        };
        keeper.start_guard(&TransactionId(id.to_owned()), true)?;
        Ok(())
    }

    /// Asks something of a transaction that waits for a person, by id or unambiguous prefix. The journal
    /// answers: watch it.
    pub fn answer(&self, id: &str, answer: Answer, by: &str) -> Result<Running, EngineError> {
        self.may_write()?;
        let node = self.node.as_ref();
        let id = Store::new(node).find(id)?;
        let journal = Journal::read(node, &id)?;
        let refused = |why: &str| Err(EngineError::Refused(format!("{id} {why}")));
        match (&journal.outcome, journal.waiting_until()) {
            (Some(outcome), _) if apply::waits_for_a_person(outcome) => {
                return self.decide(id, &journal, answer, by);
            }
            (Some(_), _) => return refused("has ended: 'kube-temper show' tells how"),
            (None, None) => return refused("does not wait for anybody now"),
            (None, Some(_)) if !node.is_locked()? => {
                return refused(
                    "is carried out by nobody any more: 'kube-temper recover' puts it back",
                );
            }
            (None, Some(_)) => {}
        }
        let by = by.to_owned();
        let request = match answer {
            Answer::Keep => Request::Confirm { by },
            Answer::Revert { allow_single } => Request::Revert { by, allow_single },
            Answer::More(time) => Request::Extend { by, seconds: time.as_secs() },
        };
        requests::leave(node, &id, &request)?;
        Ok(Running::joined(Arc::clone(&self.node), id, &journal))
    }

    /// The answer for a change that stayed although nobody confirmed it.
    fn decide(
        &self,
        id: TransactionId,
        journal: &Journal,
        answer: Answer,
        by: &str,
    ) -> Result<Running, EngineError> {
        let node = self.node.as_ref();
        let plan = Store::new(node).plan(&id)?;
        let cluster = self.cluster_of(&plan.node);
        let site = Site { node, cluster: cluster.as_deref() };
        let by = by.to_owned();
        match answer {
            Answer::More(_) => {
                return Err(EngineError::Refused(format!(
                    "{id} waits as long as it takes: confirm or revert decides"
                )));
            }
            Answer::Keep => drop(apply::confirm(site, &id, by)?),
            Answer::Revert { allow_single } => {
                apply::may_revert(site, &id, allow_single)?;
                requests::leave(node, &id, &Request::Revert { by, allow_single })?;
                return self.carry_on(id, journal);
            }
        }
        Ok(Running::joined(Arc::clone(&self.node), id, journal))
    }

    /// Has what somebody asked of an ended transaction carried out.
    fn carry_on(&self, id: TransactionId, journal: &Journal) -> Result<Running, EngineError> {
        let node = Arc::clone(&self.node);
        let Some(keeper) = self.node.keeper() else {
            return match apply::take_up(&self.node, &id)? {
                Taken::Decided(decided) => {
                    let cluster = self.cluster_of(decided.node_name());
                    Ok(Running::thread(node, id, move || decided.run(cluster.as_deref())))
                }
                _ => Err(EngineError::Internal(format!("{id} cannot be carried on"))),
            };
        };
        keeper.start_guard(&id, false).map_err(|error| EngineError::Refused(error.to_string()))?;
        Ok(Running::carried_on(node, id, journal))
    }
}
