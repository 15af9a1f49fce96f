//! Plans, applies, rolls back, recovers.

use std::{collections::BTreeMap, sync::Arc};

use super::{Engine, EngineError, Filter, Running, Scan, Selection, Terms, Undo};
use crate::{
    apply::{
        self, Prove, Refusal, Site,
        recover::{By, Means, recover_by},
        rollback::{self, RollbackPlan, Which},
    },
    check,
    model::{
        ControlId, Finding, FixOffer, Observation, Order, Outcome, Plan, Report, Status, Tier,
        TransactionId, journal::Purpose,
    },
    node::{Node, collect::collect},
    plan::{self, Policy},
    store::{Loaded, Store},
};

impl Engine {
    /// Plans fixes.
    pub fn plan(&self, scan: &Scan, selection: &Selection) -> Result<Plan, EngineError> {
        let build = |ids: &[ControlId]| plan::build(&scan.controls, &scan.report, &scan.facts, ids);
        let restrict = |plan: &Plan, policy: Policy| {
            plan::restrict(&scan.controls, &scan.report, &scan.facts, plan, policy)
        };
        match selection {
            Selection::Controls(ids) => {
                if let Some(id) = ids.iter().find(|id| scan.report.finding(id).is_none()) {
                    return Err(EngineError::Usage(format!(
                        "{} has no control {id}: `kube-temper scan -v` lists them",
                        scan.report.benchmark
                    )));
                }
                Ok(build(ids))
            }
            Selection::UpTo(max_tier) => {
                let policy = Policy {
                    max_tier: *max_tier,
                    allow_single: true,
                    other_apiserver: false,
                    max_restarts: None,
                };
                Ok(restrict(&build(&fixable(scan)), policy))
            }
            Selection::Safe { allow_single, max_restarts } => {
                let policy = Policy {
                    max_tier: Tier::R2,
                    allow_single: *allow_single,
                    other_apiserver: self.other_apiserver(&scan.report.node),
                    max_restarts: *max_restarts,
                };
                Ok(restrict(&build(&fixable(scan)), policy))
            }
        }
    }

    /// Starts applying a plan. Refusals come from here, before any write; what only a running node can show
    /// is refused in the journal.
    pub fn apply(&self, plan: &Plan, terms: &Terms) -> Result<Running, EngineError> {
        self.may_write()?;
        self.is_still_right(plan)?;
        let controls = plan.controls.iter().map(|planned| planned.control.clone()).collect();
        let order = self.order(Purpose::Apply { controls }, plan.tier(), terms);
        self.start(self.begin(plan, order)?)
    }

    /// Refuses what [`Self::apply`] would refuse. Takes no lock, so nothing at all is written.
    pub fn check_apply(&self, plan: &Plan, terms: &Terms) -> Result<(), EngineError> {
        self.may_write()?;
        self.is_still_right(plan)?;
        let controls = plan.controls.iter().map(|planned| planned.control.clone()).collect();
        self.check(plan, self.order(Purpose::Apply { controls }, plan.tier(), terms))
    }

    /// Plans an undo against today's node.
    pub fn plan_rollback(&self, undo: &Undo) -> Result<RollbackPlan, EngineError> {
        let which = match undo {
            Undo::Transaction(id) => {
                Which::Transactions(vec![Store::new(self.node.as_ref()).find(id)?])
            }
            Undo::Last => Which::Last,
            Undo::Control(control) => Which::Control(control.clone()),
            Undo::All => Which::All,
        };
        Ok(rollback::plan(self.node.as_ref(), &which)?)
    }

    /// Refuses what [`Self::rollback`] would refuse once it has no conflicts. Takes no lock, so nothing
    /// at all is written.
    pub fn check_rollback(
        &self,
        rollback: &RollbackPlan,
        terms: &Terms,
    ) -> Result<(), EngineError> {
        self.may_write()?;
        let plan = &rollback.plan;
        self.check(plan, self.order(rollback.purpose(), plan.tier(), terms))
    }

    fn check(&self, plan: &Plan, order: Order) -> Result<(), EngineError> {
        let cluster = self.cluster_of(&plan.node);
        let site = Site { node: self.node.as_ref(), cluster: cluster.as_deref() };
        Ok(apply::check(site, plan, order)?)
    }

    /// Starts an undo that was shown before.
    pub fn rollback(&self, rollback: &RollbackPlan, terms: &Terms) -> Result<Running, EngineError> {
        if let Some(why) = rollback.refusal() {
            return Err(EngineError::Refused(why));
        }
        let plan = &rollback.plan;
        let order = self.order(rollback.purpose(), plan.tier(), terms);
        self.start(self.begin(plan, order)?)
    }

    /// Records an undo that finds nothing left to put back: the history goes on to the one before.
    pub fn note_rollback(&self, rollback: &RollbackPlan) -> Result<TransactionId, EngineError> {
        self.may_write()?;
        Ok(rollback::note(self.node.as_ref(), rollback)?)
    }

    /// Finishes or undoes what was interrupted.
    pub fn recover(&self, by: By) -> Result<Vec<(TransactionId, Outcome)>, EngineError> {
        self.recover_some(by, None)
    }

    /// The same for one transaction only, by id or unambiguous prefix; `None` when it has ended.
    pub fn recover_one(
        &self,
        by: By,
        id: &str,
    ) -> Result<Option<(TransactionId, Outcome)>, EngineError> {
        let id = Store::new(self.node.as_ref()).find(id)?;
        Ok(self.recover_some(by, Some(&id))?.pop())
    }

    pub(super) fn recover_some(
        &self,
        by: By,
        only: Option<&TransactionId>,
    ) -> Result<Vec<(TransactionId, Outcome)>, EngineError> {
        self.may_write()?;
        let prover =
            |loaded: &Loaded| self.prover(loaded.plan.as_ref().ok()?, &loaded.purpose(), None);
        let cluster = |loaded: &Loaded| self.cluster_of(&loaded.plan.as_ref().ok()?.node);
        let means = Means { prover: &prover, cluster: &cluster };
        Ok(recover_by(self.node.as_ref(), by, only, &means)?)
    }

    /// A plan may come from a file: it is run only when a new scan of this node plans the very same
    /// changes for the same controls. So nothing in it is believed, neither paths nor risks nor text.
    fn is_still_right(&self, plan: &Plan) -> Result<(), EngineError> {
        let scan = self.scan(&Filter::of_node())?;
        let refused =
            |why: String| Err(EngineError::Refused(format!("{why}: scan and plan again")));
        if plan.benchmark != scan.report.benchmark {
            return refused(format!(
                "the plan speaks of {}, this run of {}",
                plan.benchmark, scan.report.benchmark
            ));
        }
        if plan.node != scan.report.node {
            return refused(format!(
                "the plan was made for {}, this is {}",
                plan.node, scan.report.node
            ));
        }
        let ids = plan.controls.iter().map(|planned| planned.control.clone()).collect();
        let today = self.plan(&scan, &Selection::Controls(ids))?;
        if today.steps == plan.steps && today.controls == plan.controls {
            return Ok(());
        }
        if let Some(left) = today.left.first() {
            return refused(format!("{}: {}", left.control, left.reason));
        }
        let wanted: Vec<_> = today.changes().collect();
        let planned: Vec<_> = plan.changes().collect();
        let differs = planned
            .iter()
            .find(|change| !wanted.contains(change))
            .or_else(|| wanted.iter().find(|change| !planned.contains(change)));
        refused(match differs {
            Some(change) => format!("{} is not what the plan was made for", change.path),
            None => "the plan is not what this node needs today".to_owned(),
        })
    }

    fn begin(
        &self,
        plan: &Plan,
        order: impl Into<Order>,
    ) -> Result<apply::Transaction, EngineError> {
        self.may_write()?;
        Ok(apply::begin(&self.node, plan, order)?)
    }

    /// What is asked before the commit: a new scan must agree with what was applied. What an undo was to
    /// prove, its steps have proved. `before` is what was found before the change.
    pub(super) fn prover(
        &self,
        plan: &Plan,
        purpose: &Purpose,
        before: Option<&Report>,
    ) -> Option<Prove> {
        match purpose {
            Purpose::Apply { .. } => Some(self.rescan(plan, before)),
            Purpose::Rollback { .. } => None,
        }
    }

    pub(super) fn may_write(&self) -> Result<(), EngineError> {
        match self.read_only_reason() {
            None => Ok(()),
            Some(reason) if self.lacks_rights() => Err(EngineError::NotAllowed(reason)),
            Some(reason) => Err(EngineError::Refused(reason)),
        }
    }

    /// Reads and judges the node again: every control of the plan must pass now. Others that changed since
    /// `before` are told as a warning.
    fn rescan(&self, plan: &Plan, before: Option<&Report>) -> Prove {
        let catalog = Arc::clone(&self.catalog);
        let benchmark = plan.benchmark;
        let wanted: Vec<ControlId> = plan.controls.iter().map(|c| c.control.clone()).collect();
        let before: BTreeMap<ControlId, Status> = before
            .into_iter()
            .flat_map(|report| &report.findings)
            .map(|finding| (finding.control.clone(), finding.status))
            .collect();
        Box::new(move |node: &dyn Node| {
            let facts = collect(node, catalog.path_candidates())
                .map_err(|error| format!("the node could not be read again: {error}"))?;
            let controls = catalog.controls(benchmark);
            let report = check::check(benchmark, Vec::new(), &controls, &facts);
            let told = |finding: &Finding| {
                format!("{} is {}: {}", finding.control, finding.status, finding.reason)
            };
            let (mut still, mut others) = (Vec::new(), Vec::new());
            for finding in &report.findings {
                if wanted.contains(&finding.control) {
                    still.extend((finding.status != Status::Pass).then(|| told(finding)));
                } else if before.get(&finding.control) == Some(&Status::Pass)
                    && finding.status != Status::Pass
                {
                    others.push(Observation {
                        component: None,
                        text: format!("warning, it passed before: {}", told(finding)),
                        proves: false,
                    });
                }
            }
            if !still.is_empty() {
                return Err(format!("a new scan does not agree: {}", still.join("; ")));
            }
            let ids: Vec<&str> = wanted.iter().map(ControlId::as_str).collect();
            others.push(Observation {
                component: None,
                text: format!("a new scan passes {}", ids.join(" ")),
                proves: true,
            });
            Ok(others)
        })
    }
}

/// Failing controls with a fix this version offers.
fn fixable(scan: &Scan) -> Vec<ControlId> {
    scan.report
        .findings
        .iter()
        .filter(|finding| finding.status == Status::Fail)
        .filter(|finding| matches!(finding.offer, FixOffer::Offered { .. }))
        .map(|finding| finding.control.clone())
        .collect()
}

impl From<Refusal> for EngineError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Locked(_) | Refusal::Waiting { .. } => Self::Locked(refusal.to_string()),
            Refusal::NotAllowed(why) => Self::NotAllowed(why),
            Refusal::Unfinished(_) | Refusal::Stale { .. } => Self::Refused(refusal.to_string()),
            Refusal::Refused(why) => Self::Refused(why),
            Refusal::Store(error) => error.into(),
        }
    }
}
