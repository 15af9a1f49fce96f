//! The two clocks of simulated nodes: one that tests own, and one that hurries.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use super::super::Clock;

/// Boot of every recorded node (`btime` of its `/proc/stat`), in seconds since 1970.
const BOOT: i64 = 1_795_460_000;

/// How long every recorded node had been running when it was recorded (`/proc/uptime`).
const UPTIME: Duration = Duration::from_secs(86_400);

/// Wall clock of a node that has been running this long.
pub(super) fn wall(uptime: Duration) -> Timestamp {
    let boot = Timestamp::from_second(BOOT).unwrap_or(Timestamp::UNIX_EPOCH);
    SignedDuration::try_from(uptime)
        .ok()
        .and_then(|uptime| boot.checked_add(uptime).ok())
        .unwrap_or(boot)
}

/// A clock that moves only when somebody sleeps on it or moves it; its clones are one clock.
///
/// [`Clock::monotonic`] is the time since the recorded node booted, one day at first.
#[derive(Debug, Clone)]
pub struct VirtualClock {
    uptime: Arc<Mutex<Duration>>,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self { uptime: Arc::new(Mutex::new(UPTIME)) }
    }
}

impl VirtualClock {
    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        let mut uptime = self.uptime.lock().unwrap_or_else(PoisonError::into_inner);
        *uptime = uptime.saturating_add(duration);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        wall(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        *self.uptime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) {
        self.advance(duration);
    }
}

/// A clock on which time passes faster than outside: the demo's.
#[derive(Debug, Clone)]
pub struct HurriedClock {
    started: Instant,
    factor: u32,
}

impl HurriedClock {
    /// A clock on which `factor` seconds pass in one; 0 counts as 1.
    #[allow(clippy::disallowed_methods, reason = "this is a clock")]
    pub fn new(factor: u32) -> Self {
        Self { started: Instant::now(), factor: factor.max(1) }
    }
}

impl Clock for HurriedClock {
    fn now(&self) -> Timestamp {
        wall(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        UPTIME.saturating_add(self.started.elapsed().saturating_mul(self.factor))
    }

    #[allow(clippy::disallowed_methods, reason = "this is a clock")]
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration / self.factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_moves_only_when_told_and_for_all_who_share_it() {
        let clock = VirtualClock::default();
        let shared = clock.clone();
        assert_eq!(clock.now(), shared.now());
        shared.sleep(Duration::from_secs(3600));
        assert_eq!(clock.monotonic(), UPTIME + Duration::from_secs(3600));
        assert_eq!(clock.now(), "2026-11-24T19:53:20Z".parse().unwrap());
        assert_eq!(clock.now(), shared.now());
    }

    #[test]
    fn a_hurried_clock_counts_its_factor() {
        let clock = HurriedClock::new(1000);
        let before = clock.monotonic();
        clock.sleep(Duration::from_secs(1));
        let passed = clock.monotonic().checked_sub(before).unwrap();
        assert!(passed >= Duration::from_secs(1), "{passed:?}");
        assert!(clock.now() >= wall(before));
    }
}
