//! A transaction under way: a thread that runs it, and a reader of its journal.

use std::{
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use super::EngineError;
use crate::{
    apply,
    model::{Outcome, Record, TransactionId},
    node::Node,
    store::Follow,
};

/// How often a waiting reader looks for new records.
const PACE: Duration = Duration::from_millis(50);

/// A transaction under way on its own thread. Dropping it does not stop the transaction.
#[derive(Debug)]
pub struct Running {
    node: Arc<dyn Node>,
    id: TransactionId,
    follow: Follow,
    /// Carries the outcome when the thread ends; hung up without one when it panicked.
    end: mpsc::Receiver<Outcome>,
    ended: Option<Outcome>,
    outcome: Option<Outcome>,
}

impl Running {
    /// Starts the thread.
    pub(super) fn start(node: Arc<dyn Node>, transaction: apply::Transaction) -> Self {
        let id = transaction.id().clone();
        let (send, end) = mpsc::channel();
        std::thread::spawn(move || {
            // Nobody may be listening any more; the journal has it all the same.
            let _ = send.send(transaction.run());
        });
        let follow = Follow::new(&id);
        Self { node, id, follow, end, ended: None, outcome: None }
    }

    /// Its name.
    pub fn id(&self) -> &TransactionId {
        &self.id
    }

    /// Journal records written since the last call. Never blocks.
    pub fn poll(&mut self) -> Result<Vec<Record>, EngineError> {
        if self.ended.is_none() {
            match self.end.try_recv() {
                Ok(outcome) => self.ended = Some(outcome),
                Err(mpsc::TryRecvError::Empty) => {}
                Err(mpsc::TryRecvError::Disconnected) => return Err(Self::lost()),
            }
        }
        self.read()
    }

    /// The outcome once the transaction has ended and all its records were polled.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Waits for the end, handing every record to `each`.
    pub fn wait(mut self, each: &mut dyn FnMut(&Record)) -> Result<Outcome, EngineError> {
        loop {
            self.read()?.iter().for_each(&mut *each);
            if let Some(outcome) = self.outcome {
                return Ok(outcome);
            }
            match self.end.recv_timeout(PACE) {
                Ok(outcome) => self.ended = Some(outcome),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(Self::lost()),
            }
        }
    }

    /// Reads the journal; once the thread has ended, this is the last of it.
    fn read(&mut self) -> Result<Vec<Record>, EngineError> {
        let ended = self.ended.clone();
        let records = self.follow.poll(self.node.as_ref())?;
        if ended.is_some() {
            self.outcome = ended;
        }
        Ok(records)
    }

    fn lost() -> EngineError {
        EngineError::Internal(
            "the transaction's thread ended without an outcome: run 'kube-temper recover'"
                .to_owned(),
        )
    }
}
