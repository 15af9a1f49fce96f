//! A transaction under way: who carries it out, and a reader of its journal.
//!
//! On a simulated node or an image a thread of this process carries it out, on a live node a process of its
//! own. Whoever watches sees no difference: the journal tells everything.

use std::{
    sync::{
        Arc,
        mpsc::{self, TryRecvError},
    },
    time::Duration,
};

use super::EngineError;
use crate::{
    apply,
    model::{Outcome, Record, RecordKind, TransactionId},
    node::Node,
    store::{Follow, Journal},
};

/// How often a waiting reader looks for new records.
const PACE: Duration = Duration::from_millis(50);

/// How long a journal is silent before its reader looks whether anybody still writes it.
const SILENCE: Duration = Duration::from_secs(1);

/// How long a process may take from its start to its first record; it waits 10 s for the lock.
const START: Duration = Duration::from_secs(20);

/// Who carries it out.
#[derive(Debug)]
enum Carrier {
    /// A thread; it sends the outcome when it ends, and hangs up without one when it panicked.
    Thread(mpsc::Receiver<Outcome>),
    /// Another process: it lives as long as it holds the lock.
    Process {
        /// When the journal last grew, on the monotonic clock.
        heard: Duration,
        /// It has a record.
        begun: bool,
        /// What puts the change back should the process die.
        armed: Option<String>,
    },
}

/// A transaction under way. Dropping it does not stop the transaction.
#[derive(Debug)]
pub struct Running {
    node: Arc<dyn Node>,
    id: TransactionId,
    follow: Follow,
    carrier: Carrier,
    outcome: Option<Outcome>,
}

impl Running {
    /// Starts a thread that carries it out.
    pub(super) fn thread(node: Arc<dyn Node>, transaction: apply::Transaction) -> Self {
        let id = transaction.id().clone();
        let (send, end) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody may be listening any more; the journal has it all the same.
            let _ = send.send(transaction.run());
        });
        let follow = Follow::new(&id);
        Self { node, id, follow, carrier: Carrier::Thread(end), outcome: None }
    }

    /// Watches a process that was started to carry it out.
    pub(super) fn process(node: Arc<dyn Node>, id: TransactionId) -> Self {
        let heard = node.clock().monotonic();
        let carrier = Carrier::Process { heard, begun: false, armed: None };
        Self { node, follow: Follow::new(&id), id, carrier, outcome: None }
    }

    /// Watches a process that another command started, from what its journal says now.
    pub(super) fn joined(node: Arc<dyn Node>, id: TransactionId, journal: &Journal) -> Self {
        let mut running = Self::process(node, id);
        running.follow = Follow::after(&running.id, journal);
        running.note(&journal.records);
        running
    }

    /// Its name.
    pub fn id(&self) -> &TransactionId {
        &self.id
    }

    /// It goes on when this process ends.
    pub fn outlives_us(&self) -> bool {
        matches!(self.carrier, Carrier::Process { .. })
    }

    /// Journal records written since the last call. Never blocks.
    pub fn poll(&mut self) -> Result<Vec<Record>, EngineError> {
        // Whether it ended is asked before its records are read: then these are the last of them.
        let ended = match &self.carrier {
            Carrier::Thread(end) => match end.try_recv() {
                Ok(outcome) => Some(outcome),
                Err(TryRecvError::Empty) => None,
                // It has told its outcome already, and hung up.
                Err(TryRecvError::Disconnected) if self.outcome.is_some() => None,
                Err(TryRecvError::Disconnected) => return Err(self.lost()),
            },
            Carrier::Process { heard, begun, .. } => {
                let silence = self.node.clock().monotonic().saturating_sub(*heard);
                let patience = if *begun { SILENCE } else { START };
                let gone = silence > patience && !self.node.is_locked()?;
                let records = self.follow.poll(self.node.as_ref())?;
                if gone && records.is_empty() && self.outcome.is_none() {
                    return Err(self.lost());
                }
                self.note(&records);
                return Ok(records);
            }
        };
        let records = self.follow.poll(self.node.as_ref())?;
        if ended.is_some() {
            self.outcome = ended;
        }
        Ok(records)
    }

    /// What another process wrote.
    fn note(&mut self, records: &[Record]) {
        let Carrier::Process { heard, begun, armed } = &mut self.carrier else { return };
        for record in records {
            *heard = self.node.clock().monotonic();
            *begun = true;
            if let RecordKind::Armed { by, .. } = &record.kind {
                *armed = Some(by.clone());
            }
            self.outcome = Outcome::of(&record.kind);
        }
    }

    /// The outcome once the transaction has ended and all its records were polled.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Waits for the end, handing every record to `each`.
    pub fn wait(mut self, each: &mut dyn FnMut(&Record)) -> Result<Outcome, EngineError> {
        loop {
            self.poll()?.iter().for_each(&mut *each);
            if let Some(outcome) = self.outcome {
                return Ok(outcome);
            }
            self.rest();
        }
    }

    /// Lets a moment pass between two looks.
    pub fn rest(&self) {
        match &self.carrier {
            // A simulated clock would not wait for the thread.
            Carrier::Thread(_) => std::thread::park_timeout(PACE),
            Carrier::Process { .. } => self.node.clock().sleep(PACE),
        }
    }

    fn lost(&self) -> EngineError {
        let id = &self.id;
        let Carrier::Process { begun, armed, .. } = &self.carrier else {
            return EngineError::Internal(
                "the transaction's thread ended without an outcome: run 'kube-temper recover'"
                    .to_owned(),
            );
        };
        if !begun {
            return EngineError::Refused(format!(
                "the process that was to carry out {id} did not begin; 'kube-temper history' would list it"
            ));
        }
        EngineError::Lost(match armed {
            Some(by) => format!(
                "the process that carried out {id} is dead; {by} puts the change back within a minute, 'kube-temper recover {id}' at once"
            ),
            None => format!(
                "the process that carried out {id} is dead, and nothing here puts the change back by itself: run 'kube-temper recover {id}'"
            ),
        })
    }
}
