//! Nothing restarted of late: what is not at rest by itself cannot show what a change does to it.
//!
//! What our own transactions restarted is no sign of unrest: each proved itself, or was put back and proved
//! that.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Standing;
use crate::{
    model::{Component, NodeFacts, Outcome},
    node::{Node, NodeError, collect},
    store::{Journal, Store},
};

/// How long nothing may have restarted.
const REST: Duration = Duration::from_secs(10 * 60);

/// Start times are known only this exactly.
const EXACT: SignedDuration = SignedDuration::from_secs(2);

/// Transactions whose journals are read: older ones say nothing about the last minutes.
const LATEST: usize = 50;

/// Spans of time in which we restarted things.
#[derive(Debug)]
pub(super) struct Ours(Vec<(Timestamp, Timestamp)>);

impl Ours {
    /// Reads them from the journals of what was committed or put back.
    pub(super) fn read(node: &dyn Node) -> Result<Self, NodeError> {
        let mut spans = Vec::new();
        for id in Store::new(node).list()?.iter().rev().take(LATEST) {
            let journal = Journal::read(node, id)?;
            if !matches!(journal.outcome, Some(Outcome::Committed | Outcome::RolledBack { .. })) {
                continue;
            }
            let first = journal.records.first().map(|record| record.at);
            spans.extend(first.zip(journal.records.last().map(|record| record.at)));
        }
        Ok(Self(spans))
    }

    /// It happened while one of our transactions ran.
    pub(super) fn hold(&self, at: Timestamp) -> bool {
        self.0.iter().any(|(first, last)| {
            first.duration_since(at) <= EXACT && at.duration_since(*last) <= EXACT
        })
    }
}

/// Refuses when a component began in the last ten minutes, and not by our doing.
pub(super) fn check(node: &dyn Node, facts: &NodeFacts, ours: &Ours) -> Result<(), Standing> {
    let now = node.clock().now();
    for component in Component::STATIC_PODS.into_iter().chain([Component::Kubelet]) {
        let Some(process) = facts.process(component) else { continue };
        let Some(began) = collect::began(node, process).filter(|began| !ours.hold(*began)) else {
            continue;
        };
        let age = Duration::try_from(now.duration_since(began)).unwrap_or_default();
        if age < REST {
            return Err(Standing(format!(
                "{component} (process {}) began {} s ago, and not by a change of ours: find out why; {} minutes after a restart a change can be told from it (in {} s)",
                process.pid,
                age.as_secs(),
                REST.as_secs() / 60,
                REST.saturating_sub(age).as_secs(),
            )));
        }
    }
    Ok(())
}
