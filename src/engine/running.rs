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

/// How long what was armed may take to put the change back: it looks every minute.
const RESCUE: Duration = Duration::from_secs(120);

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
        /// It died, and that was said.
        orphaned: bool,
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
    notice: Option<String>,
}

impl Running {
    /// Starts a thread that carries it out.
    pub(super) fn thread(
        node: Arc<dyn Node>,
        id: TransactionId,
        run: impl FnOnce() -> Outcome + Send + 'static,
    ) -> Self {
        let (send, end) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody may be listening any more; the journal has it all the same.
            let _ = send.send(run());
        });
        let follow = Follow::new(&id);
        Self { node, id, follow, carrier: Carrier::Thread(end), outcome: None, notice: None }
    }

    /// Watches a process that was started to carry it out.
    pub(super) fn process(node: Arc<dyn Node>, id: TransactionId) -> Self {
        let heard = node.clock().monotonic();
        let carrier = Carrier::Process { heard, begun: false, armed: None, orphaned: false };
        Self { node, follow: Follow::new(&id), id, carrier, outcome: None, notice: None }
    }

    /// Watches a process that another command started, from what its journal says now.
    pub(super) fn joined(node: Arc<dyn Node>, id: TransactionId, journal: &Journal) -> Self {
        let mut running = Self::process(node, id);
        running.follow = Follow::after(&running.id, journal);
        running.note(&journal.records);
        running
    }

    /// Watches a process that was started to carry on what had ended, from what its journal says now.
    pub(super) fn carried_on(node: Arc<dyn Node>, id: TransactionId, journal: &Journal) -> Self {
        let follow = Follow::after(&id, journal);
        Self { follow, ..Self::process(node, id) }
    }

    /// The node's clock, to which the times of its records belong.
    pub fn now(&self) -> jiff::Timestamp {
        self.node.clock().now()
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
            Carrier::Process { .. } => return self.poll_process(),
        };
        let records = self.follow.poll(self.node.as_ref())?;
        if ended.is_some() {
            self.outcome = ended;
        }
        Ok(records)
    }

    fn poll_process(&mut self) -> Result<Vec<Record>, EngineError> {
        let Carrier::Process { heard, begun, .. } = &self.carrier else { return Ok(Vec::new()) };
        let silence = self.node.clock().monotonic().saturating_sub(*heard);
        let patience = if *begun { SILENCE } else { START };
        // Whether somebody writes is asked before the journal is read: then these are the last records.
        let gone = silence > patience && !self.node.is_locked()?;
        let records = self.follow.poll(self.node.as_ref())?;
        if gone && records.is_empty() && self.outcome.is_none() {
            self.orphaned(silence)?;
        }
        self.note(&records);
        Ok(records)
    }

    /// Nobody carries it out any more: what was armed gets the time to put it back.
    fn orphaned(&mut self, silence: Duration) -> Result<(), EngineError> {
        let lost = self.lost();
        let id = &self.id;
        match &mut self.carrier {
            Carrier::Process { armed: Some(by), orphaned, .. } if silence <= RESCUE => {
                if !*orphaned {
                    *orphaned = true;
                    self.notice = Some(format!(
                        "the process that carried out {id} is dead: it is started again, or {by} puts the change back within a minute"
                    ));
                }
                Ok(())
            }
            _ => Err(lost),
        }
    }

    /// What whoever watches is to be told once, besides the journal.
    pub fn take_notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    /// What another process wrote.
    fn note(&mut self, records: &[Record]) {
        let Carrier::Process { heard, begun, armed, .. } = &mut self.carrier else { return };
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
                "the process that carried out {id} is dead, and {by} did not put the change back: run 'kube-temper recover {id}'"
            ),
            None => format!(
                "the process that carried out {id} is dead, and nothing here puts the change back by itself: run 'kube-temper recover {id}'"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::journal::{JournalSchema, Purpose},
        node::memory::{FixedNode, MemoryFiles},
        store::Writer,
    };

    /// A transaction another process began; nobody holds the lock.
    fn orphan(armed: bool) -> (FixedNode, Writer, Running) {
        let node = FixedNode::new(Arc::new(MemoryFiles::new()));
        let id = TransactionId("20261124T052601Z-3f9a".to_owned());
        for folder in ["/transactions".to_owned(), format!("/transactions/{id}")] {
            node.state().make_dir(&folder, 0o700).unwrap();
        }
        let mut writer = Writer::new(&id);
        let begun = RecordKind::Begun {
            schema: JournalSchema::V1,
            version: "1".to_owned(),
            node: "cp1".to_owned(),
            purpose: Purpose::Apply { controls: Vec::new() },
        };
        writer.append(&node, begun).unwrap();
        if armed {
            let until = node.clock().now();
            writer.append(&node, RecordKind::Armed { by: "some.timer".to_owned(), until }).unwrap();
        }
        let mut running = Running::process(Arc::new(node.clone()), id);
        assert_eq!(running.poll().unwrap().len(), 1 + usize::from(armed));
        (node, writer, running)
    }

    fn seconds(node: &FixedNode, seconds: u64) {
        node.clock().sleep(Duration::from_secs(seconds));
    }

    #[test]
    fn a_dead_process_is_said_and_what_is_armed_gets_its_time() {
        let (node, mut writer, mut running) = orphan(true);
        assert_eq!(running.poll().unwrap(), []);
        assert_eq!(running.take_notice(), None, "a moment of silence is nothing");
        seconds(&node, 2);
        assert_eq!(running.poll().unwrap(), []);
        let notice = running.take_notice().unwrap();
        assert!(notice.contains("is dead") && notice.contains("some.timer"), "{notice}");
        seconds(&node, 60);
        assert_eq!(running.poll().unwrap(), []);
        assert_eq!(running.take_notice(), None, "it is said once");
        let (cause, reason) = ("it was interrupted".to_owned(), crate::model::Reason::Unproved);
        writer.append(&node, RecordKind::RolledBack { cause, reason }).unwrap();
        running.poll().unwrap();
        assert!(matches!(running.outcome(), Some(Outcome::RolledBack { .. })));
    }

    #[test]
    fn a_dead_process_that_nobody_replaces_is_lost() {
        for (armed, after) in [(true, 121), (false, 2)] {
            let (node, _writer, mut running) = orphan(armed);
            seconds(&node, after);
            let error = running.poll().unwrap_err();
            assert!(matches!(error, EngineError::Lost(_)), "{error}");
            assert!(error.to_string().contains("run 'kube-temper recover 2026"), "{error}");
        }
    }

    #[test]
    fn a_silent_process_that_holds_the_lock_is_waited_for() {
        let (node, _writer, mut running) = orphan(false);
        let lock = node.lock().unwrap();
        seconds(&node, 3600);
        assert_eq!(running.poll().unwrap(), []);
        drop(lock);
        assert!(running.poll().is_err());
    }

    #[test]
    fn a_process_that_never_begins_wrote_nothing() {
        let node = FixedNode::new(Arc::new(MemoryFiles::new()));
        let id = TransactionId("20261124T052601Z-3f9a".to_owned());
        let mut running = Running::process(Arc::new(node.clone()), id);
        seconds(&node, 19);
        assert_eq!(running.poll().unwrap(), []);
        seconds(&node, 2);
        let error = running.poll().unwrap_err();
        assert!(matches!(error, EngineError::Refused(_)), "{error}");
    }
}
