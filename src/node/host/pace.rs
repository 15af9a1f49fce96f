//! How fast the node's clock runs: as the machine's, except in a build for tests.
//!
//! With the cargo feature `failpoints` the variable `KUBE_TEMPER_PACE=TIMES@FROM+AHEAD` lets the clock of a
//! live node run so many times faster from a moment on (seconds since 1970), at which it leaps ahead by so
//! many seconds. Whoever shares the moment shares the time. Without the feature this is nothing.

use std::time::Duration;

use jiff::Timestamp;

/// The node's time against the machine's.
#[cfg(not(feature = "failpoints"))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace;

#[cfg(not(feature = "failpoints"))]
#[allow(clippy::unused_self, reason = "the clock of a build for tests has something in it")]
impl Pace {
    /// The machine's own.
    pub(crate) const fn real() -> Self {
        Self
    }

    /// The node's.
    pub(crate) const fn of_node() -> Self {
        Self
    }

    /// What the node's clock shows at a moment of the machine's.
    pub(crate) const fn shown(self, real: Timestamp) -> Timestamp {
        real
    }

    /// How much of the node's time passes in so much of the machine's.
    pub(crate) const fn passed(self, real: Duration) -> Duration {
        real
    }

    /// In how much of the machine's time so much of the node's passes.
    pub(crate) const fn takes(self, shown: Duration) -> Duration {
        shown
    }
}

#[cfg(feature = "failpoints")]
pub(crate) use hurried::{Pace, VARIABLE};

#[cfg(feature = "failpoints")]
mod hurried {
    use std::sync::OnceLock;

    use super::{Duration, Timestamp};

    /// The variable that says how fast.
    pub(crate) const VARIABLE: &str = "KUBE_TEMPER_PACE";

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Pace {
        times: u32,
        from: Timestamp,
        ahead: Duration,
    }

    impl Pace {
        pub(crate) const fn real() -> Self {
            Self { times: 1, from: Timestamp::UNIX_EPOCH, ahead: Duration::ZERO }
        }

        pub(crate) fn of_node() -> Self {
            static WANTED: OnceLock<Pace> = OnceLock::new();
            *WANTED.get_or_init(|| {
                #[allow(clippy::disallowed_methods, reason = "a test tells how fast time passes")]
                let wanted = std::env::var(VARIABLE).ok();
                wanted.and_then(|text| Self::parse(&text)).unwrap_or(Self::real())
            })
        }

        fn parse(text: &str) -> Option<Self> {
            let (times, rest) = text.split_once('@')?;
            let (from, ahead) = rest.split_once('+')?;
            let from = Duration::try_from_secs_f64(from.parse().ok()?).ok()?;
            Some(Self {
                times: times.parse().ok().filter(|times| *times > 0)?,
                from: Timestamp::UNIX_EPOCH.checked_add(from).ok()?,
                ahead: Duration::from_secs(ahead.parse().ok()?),
            })
        }

        /// Nothing moves before the moment it begins at.
        pub(crate) fn shown(self, real: Timestamp) -> Timestamp {
            let Ok(since) = Duration::try_from(real.duration_since(self.from)) else { return real };
            let shown = self.passed(since).saturating_add(self.ahead);
            self.from.checked_add(shown).unwrap_or(real)
        }

        pub(crate) fn passed(self, real: Duration) -> Duration {
            real.saturating_mul(self.times)
        }

        pub(crate) fn takes(self, shown: Duration) -> Duration {
            shown / self.times
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn time_leaps_once_and_then_runs() {
            let pace = Pace::parse("10@1000.5+3600").unwrap();
            let at = |milliseconds: i64| Timestamp::from_millisecond(milliseconds).unwrap();
            assert_eq!(pace.shown(at(1_000_400)), at(1_000_400));
            assert_eq!(pace.shown(at(1_000_500)), at(4_600_500));
            assert_eq!(pace.shown(at(1_002_500)), at(4_620_500));
            assert_eq!(pace.takes(Duration::from_secs(60)), Duration::from_secs(6));
            assert_eq!(Pace::real().shown(at(5)), at(5));
            for wrong in ["", "10", "0@1+1", "10@x+1", "10@1"] {
                assert_eq!(Pace::parse(wrong), None, "{wrong}");
            }
        }
    }
}
