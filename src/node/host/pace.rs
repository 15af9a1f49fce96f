//! How fast the node's clock runs: as the machine's, except in a build for tests.
//!
//! With the cargo feature `failpoints` the variable `KUBE_TEMPER_PACE` names a file that says what the clock of
//! a live node showed when: pairs of nanoseconds since 1970, the machine's and the node's, both growing.
//! Whoever reads the same file shares the time; somebody else writes it. Without the feature this is nothing.

#[cfg(not(feature = "failpoints"))]
pub(crate) use even::Pace;
#[cfg(feature = "failpoints")]
pub(crate) use told::{Pace, VARIABLE};

#[cfg(not(feature = "failpoints"))]
mod even {
    use std::time::{Duration, Instant};

    use jiff::Timestamp;

    /// The node's time against the machine's: there is no difference.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Pace;

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

        /// How much of the node's time has passed since.
        #[allow(clippy::disallowed_methods, reason = "the clock that everything else must ask")]
        pub(crate) fn since(self, start: Instant) -> Duration {
            start.elapsed()
        }

        /// Lets so much of the node's time pass.
        #[allow(clippy::disallowed_methods, reason = "the clock that everything else must ask")]
        pub(crate) fn sleep(self, duration: Duration) {
            std::thread::sleep(duration);
        }
    }
}

#[cfg(feature = "failpoints")]
mod told {
    use std::{
        fs::File,
        os::unix::fs::FileExt as _,
        sync::OnceLock,
        time::{Duration, Instant},
    };

    use jiff::Timestamp;

    /// The variable that names the file.
    pub(crate) const VARIABLE: &str = "KUBE_TEMPER_PACE";

    /// Bytes of one pair.
    const PAIR: u64 = 16;

    /// How often a sleeper looks at the clock.
    const LOOK: Duration = Duration::from_millis(5);

    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Pace(Option<&'static File>);

    #[allow(clippy::disallowed_methods, reason = "a test tells the time")]
    impl Pace {
        pub(crate) const fn real() -> Self {
            Self(None)
        }

        pub(crate) fn of_node() -> Self {
            static FILE: OnceLock<Option<File>> = OnceLock::new();
            Self(FILE.get_or_init(|| File::open(std::env::var_os(VARIABLE)?).ok()).as_ref())
        }

        pub(crate) fn shown(self, real: Timestamp) -> Timestamp {
            let shown = self.0.and_then(|file| shown(file, real.as_nanosecond()));
            shown.unwrap_or(real)
        }

        pub(crate) fn since(self, start: Instant) -> Duration {
            let now = Timestamp::now();
            let began = now.checked_sub(start.elapsed()).unwrap_or(now);
            let passed = self.shown(now).duration_since(self.shown(began));
            Duration::try_from(passed).unwrap_or_default()
        }

        pub(crate) fn sleep(self, duration: Duration) {
            if self.0.is_none() {
                return std::thread::sleep(duration);
            }
            let now = || self.shown(Timestamp::now());
            let until = now().checked_add(duration).unwrap_or(Timestamp::MAX);
            while now() < until {
                std::thread::sleep(LOOK);
            }
        }
    }

    /// Between two pairs time runs evenly; before the first it is the machine's, and after the last it stands.
    fn shown(file: &File, real: i128) -> Option<Timestamp> {
        let pair = |index: u64| {
            let mut bytes = [0; 16];
            file.read_exact_at(&mut bytes, index * PAIR).ok()?;
            let (one, other) = bytes.split_at(8);
            let number =
                |bytes: &[u8]| Some(i128::from(i64::from_le_bytes(bytes.try_into().ok()?)));
            Some((number(one)?, number(other)?))
        };
        let (mut known, mut end) = (0, file.metadata().ok()?.len() / PAIR);
        let (last, stands) = pair(end.checked_sub(1)?)?;
        if last <= real {
            return Timestamp::from_nanosecond(stands).ok();
        }
        if pair(0)?.0 > real {
            return None;
        }
        while end - known > 1 {
            let middle = known + (end - known) / 2;
            if pair(middle)?.0 <= real { known = middle } else { end = middle }
        }
        let ((from, at), (to, then)) = (pair(known)?, pair(end)?);
        let shown = at + (then - at) * (real - from) / (to - from).max(1);
        Timestamp::from_nanosecond(shown).ok()
    }

    #[cfg(test)]
    mod tests {
        #![allow(clippy::disallowed_methods, reason = "tests write the file")]

        use super::*;

        #[test]
        fn time_is_what_the_file_says() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("time");
            let pairs: [(i64, i64); 4] = [(100, 100), (200, 1100), (200, 5100), (300, 5200)];
            let bytes =
                pairs.iter().flat_map(|(one, other)| [one.to_le_bytes(), other.to_le_bytes()]);
            std::fs::write(&path, bytes.flatten().collect::<Vec<u8>>()).unwrap();
            let file = File::open(&path).unwrap();
            let at = |real| shown(&file, real).map(Timestamp::as_nanosecond);
            for (real, want) in [
                (99, None),
                (100, Some(100)),
                (150, Some(600)),
                (200, Some(5100)),
                (250, Some(5150)),
                (300, Some(5200)),
                (9000, Some(5200)),
            ] {
                assert_eq!(at(real), want, "{real}");
            }
        }
    }
}
