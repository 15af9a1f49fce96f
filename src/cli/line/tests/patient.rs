//! A clock that waits for a person. Shared with `tests/tui`: what it needs is reached through `crate::`.

use std::{
    sync::{Arc, Condvar, Mutex, Weak},
    time::Duration,
};

use crate::{
    node::{
        Clock,
        recording::Recording,
        sim::{SimNode, VirtualClock},
    },
    store::{Journal, Store},
};

/// A virtual clock; during a countdown time passes only as far as the person lets it.
#[derive(Debug, Default)]
pub(crate) struct Patient {
    clock: VirtualClock,
    node: Mutex<Weak<SimNode>>,
    granted: Mutex<Granted>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Granted {
    time: Duration,
    /// The countdown has used it up and waits for more.
    used: bool,
    /// Nobody holds it any more.
    free: bool,
}

impl Patient {
    /// A node with this clock.
    pub(crate) fn on(recording: &Recording) -> (Arc<Self>, Arc<SimNode>) {
        let clock = Arc::new(Self::default());
        let node = Arc::new(SimNode::new(recording, clock.clone(), 1).unwrap());
        *clock.node.lock().unwrap() = Arc::downgrade(&node);
        (clock, node)
    }

    fn counts(&self) -> bool {
        let Some(node) = self.node.lock().unwrap().upgrade() else { return false };
        let Some(id) = Store::new(node.as_ref()).list().unwrap().pop() else { return false };
        let journal = Journal::read(node.as_ref(), &id).unwrap();
        journal.outcome.is_none() && journal.waiting_until().is_some()
    }

    /// Lets so much time pass in a countdown that goes on after it.
    pub(crate) fn grant(&self, time: Duration) {
        let mut granted = self.granted.lock().unwrap();
        granted.time += time;
        granted.used = false;
        self.changed.notify_all();
        drop(self.changed.wait_while(granted, |granted| !granted.used).unwrap());
    }

    /// A countdown waits for the person.
    pub(crate) fn is_held(&self) -> bool {
        self.granted.lock().unwrap().used
    }

    /// Holds it in every countdown, or lets it run.
    pub(crate) fn hold(&self, held: bool) {
        let mut granted = self.granted.lock().unwrap();
        granted.free = !held;
        granted.used &= held;
        drop(granted);
        self.changed.notify_all();
    }
}

impl Clock for Patient {
    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) {
        if self.counts() {
            let mut granted = self.granted.lock().unwrap();
            while !granted.free && granted.time < duration {
                granted.used = true;
                self.changed.notify_all();
                granted = self.changed.wait(granted).unwrap();
            }
            granted.time = granted.time.saturating_sub(duration);
        }
        self.clock.sleep(duration);
    }
}
