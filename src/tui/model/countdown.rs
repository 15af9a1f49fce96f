//! The time a person has to keep a change that proved itself.

use std::time::Duration;

use jiff::Timestamp;

use super::confirm::SETTLE;
use crate::{
    engine::Answer,
    model::{Record, RecordKind},
};

/// A countdown as its journal tells it; the process that carries the change out owns the real one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Countdown {
    /// Its end, on the node's clock.
    until: Timestamp,
    /// From its beginning to its end, extensions included.
    pub(crate) whole: Duration,
    /// What was left of it at the last look.
    pub(crate) left: Duration,
    /// What was asked and is not answered by the journal yet.
    pub(crate) asked: Option<Answer>,
    /// When it was first drawn: no key pressed before was meant for it.
    pub(crate) shown: Option<Duration>,
}

impl Countdown {
    /// The countdown after these records; `now` is the node's clock.
    pub(crate) fn after(earlier: Option<Self>, records: &[Record], now: Timestamp) -> Option<Self> {
        let mut countdown = earlier;
        for record in records {
            match (&record.kind, &mut countdown) {
                (RecordKind::Waiting { until }, _) => {
                    let whole = between(record.at, *until);
                    countdown =
                        Some(Self { until: *until, whole, left: whole, asked: None, shown: None });
                }
                (RecordKind::Extended { until }, Some(countdown)) => {
                    countdown.whole += between(countdown.until, *until);
                    countdown.until = *until;
                    countdown.asked = None;
                }
                (
                    RecordKind::Confirmed { .. }
                    | RecordKind::RollingBack { .. }
                    | RecordKind::Committed
                    | RecordKind::Stuck { .. },
                    _,
                ) => countdown = None,
                _ => {}
            }
        }
        if let Some(countdown) = &mut countdown {
            countdown.left = between(now, countdown.until);
        }
        countdown
    }

    /// Whether a key pressed at this time was meant for it.
    pub(crate) fn hears(&self, at: Duration) -> bool {
        self.shown.is_some_and(|shown| at >= shown + SETTLE)
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
