//! The clock of this machine.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::pace::Pace;
use crate::node::Clock;

/// Real time; its monotonic zero is the moment it was made.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
    pace: Pace,
}

#[allow(clippy::disallowed_methods, reason = "this is the clock that everything else must ask")]
impl SystemClock {
    /// Starts counting.
    pub fn new() -> Self {
        Self { start: Instant::now(), pace: Pace::real() }
    }

    /// What a change on this node goes by: a test may let it run faster than the programs that are waited for.
    pub(crate) fn of_node() -> Self {
        Self { pace: Pace::of_node(), ..Self::new() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the clock that everything else must ask")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.pace.shown(Timestamp::now())
    }

    fn monotonic(&self) -> Duration {
        self.pace.since(self.start)
    }

    fn sleep(&self, duration: Duration) {
        self.pace.sleep(duration);
    }

    fn ago(&self, age: Duration) -> Option<Timestamp> {
        Timestamp::now().checked_sub(age).ok().map(|real| self.pace.shown(real))
    }
}
