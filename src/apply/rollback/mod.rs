//! Undoing earlier transactions, as a plan against today's node.
//!
//! Where a file still is what we wrote, exactly what was before comes back; otherwise our change alone is
//! taken out and everyone else's stay. Only plans: what it returns is shown, and then run as any other
//! transaction. What bytes cannot undo is refused by every path.

mod force;
mod separate;
mod work;

use std::collections::BTreeSet;

use super::Refusal;
use crate::{
    model::{
        ControlId, Order, Outcome, Plan, RecordKind, Reversibility, TransactionId, journal::Purpose,
    },
    node::Node,
    store::{Loaded, Store, StoreError, Writer, standing},
};
use work::Work;

/// Which earlier changes to undo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These transactions; a rollback among them is undone too.
    Transactions(Vec<TransactionId>),
    /// The latest applied transaction of which something stands that bytes can undo.
    Last,
    /// What was done for one control, in every transaction.
    Control(ControlId),
    /// Every applied transaction that still stands.
    All,
}

/// A rollback as a plan against today's node, to be shown before it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackPlan {
    /// The transactions it undoes, latest first.
    pub of: Vec<TransactionId>,
    /// The changes; `plan.controls` are the controls undone, `plan.left` what stays and why.
    pub plan: Plan,
    /// Places where later changes stand in the way; with any of these it is refused.
    pub conflicts: Vec<String>,
    /// Where it is refused: the controls of it that can be undone on their own.
    pub rest: Vec<ControlId>,
    /// What others did to these files since that stays and no diff shows.
    pub notes: Vec<String>,
}

impl RollbackPlan {
    /// Why it is refused, and what of it can be undone; `None` when all that was asked can be done.
    pub fn refusal(&self) -> Option<String> {
        let mut parts = self.conflicts.clone();
        if parts.is_empty() {
            return None;
        }
        if !self.rest.is_empty() {
            let commands: Vec<String> =
                self.rest.iter().map(|id| format!("'kube-temper rollback --check {id}'")).collect();
            parts.push(format!("what can be undone on its own: {}", commands.join(", ")));
        }
        Some(parts.join("; "))
    }

    /// What the transaction that runs it is for.
    pub fn purpose(&self) -> Purpose {
        let controls = self.plan.controls.iter().map(|planned| planned.control.clone()).collect();
        Purpose::Rollback { of: self.of.clone(), controls }
    }
}

/// Plans an undo. Refused when there is nothing to undo, or when what was kept is damaged.
pub fn plan(node: &dyn Node, which: &Which) -> Result<RollbackPlan, Refusal> {
    let store = Store::new(node);
    let mut history = Vec::new();
    for id in store.list()? {
        history.push(store.load(&id)?);
    }
    let mut plan = one(node, &history, which)?;
    let controls: Vec<ControlId> = plan.plan.controls.iter().map(|c| c.control.clone()).collect();
    // A transaction is undone whole or not at all; its parts by name.
    if !plan.conflicts.is_empty() && controls.len() > 1 {
        for control in controls {
            let alone = one(node, &history, &Which::Control(control.clone()));
            if alone.is_ok_and(|alone| alone.conflicts.is_empty()) {
                plan.rest.push(control);
            }
        }
    }
    Ok(plan)
}

fn one(node: &dyn Node, history: &[Loaded], which: &Which) -> Result<RollbackPlan, Refusal> {
    let chosen = choose(history, which)?;
    let mut work = Work::default();
    for undo in &chosen {
        work.undo(node, undo)?;
    }
    work.finish(node, &chosen)
}

/// Records an undo that finds nothing left to put back, so that the history goes on: nothing is written to
/// the node.
pub fn note(node: &dyn Node, rollback: &RollbackPlan) -> Result<TransactionId, Refusal> {
    if !rollback.plan.is_empty() || !rollback.conflicts.is_empty() {
        return refused("there is something to put back: roll it back".to_owned());
    }
    let _lock = node.lock()?;
    let store = Store::new(node);
    if let Some(open) = store.unfinished()?.into_iter().next() {
        return Err(Refusal::Unfinished(open));
    }
    let order = Order::from(rollback.purpose());
    let id = store.create(&rollback.plan, &order)?;
    let mut journal = Writer::new(&id);
    journal.append(node, super::execute::begun(&rollback.plan, &order))?;
    journal.append(node, RecordKind::Committed)?;
    Ok(id)
}

/// A transaction with the controls of it that are undone.
#[derive(Debug)]
struct Undone<'h> {
    loaded: &'h Loaded,
    plan: &'h Plan,
    /// The controls that stand in it today.
    standing: BTreeSet<ControlId>,
    /// Those that are taken out.
    controls: BTreeSet<ControlId>,
}

/// The transactions to undo, latest first.
fn choose<'h>(history: &'h [Loaded], which: &Which) -> Result<Vec<Undone<'h>>, Refusal> {
    let standing = standing(history);
    let mut chosen = Vec::new();
    for loaded in history.iter().rev() {
        let stands = standing.get(&loaded.id).cloned().unwrap_or_default();
        let applied = matches!(loaded.purpose(), Purpose::Apply { .. });
        let mut controls = stands.controls.clone();
        match which {
            Which::Transactions(ids) if ids.contains(&loaded.id) => {
                let nothing = loaded.plan.as_ref().is_ok_and(Plan::is_empty);
                if controls.is_empty() || nothing {
                    return refused(nothing_stands(loaded, stands.undone_by.as_ref()));
                }
            }
            Which::Control(control) if applied => controls.retain(|id| id == control),
            Which::All if applied => {}
            Which::Last if applied && chosen.is_empty() && by_bytes(loaded, &controls) => {}
            _ => continue,
        }
        if controls.is_empty() {
            continue;
        }
        if let Some(damage) = &loaded.journal.damage {
            return Err(StoreError::from(damage.clone()).into());
        }
        let plan = loaded.plan.as_ref().map_err(|error| Refusal::from(error.clone()))?;
        chosen.push(Undone { loaded, plan, standing: stands.controls, controls });
    }
    if chosen.is_empty() {
        return refused(match which {
            Which::Control(control) => format!("nothing that stands was done for {control}"),
            Which::Transactions(_) => "there is no such transaction".to_owned(),
            Which::Last | Which::All => "nothing that was applied still stands".to_owned(),
        });
    }
    Ok(chosen)
}

/// Whether any of these controls can be undone by bytes; a plan that cannot be read is judged later.
fn by_bytes(loaded: &Loaded, controls: &BTreeSet<ControlId>) -> bool {
    loaded.plan.as_ref().map_or(true, |plan| {
        plan.controls.iter().any(|planned| {
            controls.contains(&planned.control) && planned.reversible == Reversibility::Bytes
        })
    })
}

fn nothing_stands(loaded: &Loaded, undone_by: Option<&TransactionId>) -> String {
    let id = &loaded.id;
    match (undone_by, &loaded.journal.outcome) {
        (Some(by), _) => format!("{id} was undone already, by {by}"),
        (None, None) => format!("{id} was interrupted: run 'kube-temper recover'"),
        (None, Some(Outcome::Committed)) => format!("{id} changed nothing that can be undone"),
        (None, Some(_)) => format!("{id} was rolled back by itself: nothing of it stands"),
    }
}

fn refused<T>(why: String) -> Result<T, Refusal> {
    Err(Refusal::Refused(why))
}
