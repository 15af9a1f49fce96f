//! What is going to happen, in order of time, and the chance in it.
//!
//! Timers that were overtaken by events stay in the queue and are ignored when they come: each names
//! the process, the wait or the kubelet it belongs to.

use std::{collections::BTreeMap, time::Duration};

/// Something that is going to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Timer {
    /// The kubelet reads the whole manifest folder.
    Relist { kubelet: u64 },
    /// The kubelet tries to start a pod whose name is still taken.
    Retry { pod: String, wait: u64 },
    /// The first container of a pod begins.
    Begin { pod: String, wait: u64 },
    /// A container that ended begins again.
    Again { pod: String, life: u64 },
    /// A pod without a process has been cleaned up.
    Cleared { pod: String, life: u64 },
    /// A process that was told to end is gone.
    Gone { instance: u64 },
    /// A process ends by itself.
    Exits { instance: u64, why: String },
    /// An API server that found no etcd gives up.
    NoEtcd { instance: u64 },
    /// The kubelet's probes of a container are due.
    Probe { instance: u64 },
    /// The kubelet writes a pod's status to the API.
    Publish { pod: String },
    /// The API server may have begun or ceased to answer.
    Api,
    /// The API's copy of a pod's status is no longer taken for ready.
    Stale { pod: String },
    /// Leases have run out.
    LeaseLost { outage: u64 },
    /// The logs of a pod that is gone are collected.
    Collect { pod: String, uid: String },
    /// The service manager starts the kubelet.
    KubeletStarts { kubelet: u64 },
    /// A kubelet that cannot use its configuration exits.
    KubeletExits { kubelet: u64, why: String },
    /// A kubelet has had the time to talk to the API.
    KubeletConnects { kubelet: u64 },
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    timers: BTreeMap<(Duration, u64), Timer>,
    count: u64,
}

impl Queue {
    pub(super) fn add(&mut self, at: Duration, timer: Timer) {
        self.count += 1;
        self.timers.insert((at, self.count), timer);
    }

    /// Something happens up to this time.
    pub(super) fn is_due(&self, until: Duration) -> bool {
        self.timers.first_key_value().is_some_and(|((at, _), _)| *at <= until)
    }

    /// The next thing that happens up to this time.
    pub(super) fn next(&mut self, until: Duration) -> Option<(Duration, Timer)> {
        let entry = self.timers.first_entry()?;
        if entry.key().0 > until {
            return None;
        }
        let ((at, _), timer) = entry.remove_entry();
        Some((at, timer))
    }
}

/// Repeatable chance (`SplitMix64`).
#[derive(Debug)]
pub(super) struct Chance {
    state: u64,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A time between two numbers of milliseconds.
    pub(super) fn between(&mut self, low: u64, high: u64) -> Duration {
        let width = high.saturating_sub(low).max(1);
        Duration::from_millis(low + self.next() % width)
    }

    /// A number below this one.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.next() % u64::from(bound.max(1))).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_in_order_of_time_then_of_being_added() {
        let mut queue = Queue::default();
        let second = Duration::from_secs;
        queue.add(second(2), Timer::Api);
        queue.add(second(1), Timer::Stale { pod: "b".into() });
        queue.add(second(1), Timer::Stale { pod: "a".into() });
        queue.add(second(3), Timer::Api);
        let mut order = Vec::new();
        while let Some((at, timer)) = queue.next(second(2)) {
            order.push((at.as_secs(), timer));
        }
        assert_eq!(
            order,
            [
                (1, Timer::Stale { pod: "b".into() }),
                (1, Timer::Stale { pod: "a".into() }),
                (2, Timer::Api),
            ]
        );
    }

    #[test]
    fn chance_repeats_and_stays_in_its_bounds() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            (0..100).map(|_| chance.between(10_000, 15_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).iter().all(|d| (10_000..15_000).contains(&d.as_millis())));
    }
}
