//! Follows a transaction's journal to its end, and hears from the person at the terminal whether it is kept.
//!
//! Nothing here carries a change out: whoever stops watching stops nothing.

use std::{io, time::Duration};

use jiff::Timestamp;
use signal_hook::{consts::SIGINT, low_level};

use super::{
    console::{Console, Gone, Stream, Tty},
    exit::Exit,
    terminal::Terminal,
};
use crate::{
    engine::{Answer, Engine, Running},
    model::{Outcome, Record, RecordKind},
    report::{self, Look, history::count},
    text::printable::one_line,
};

/// What `more` gives.
const MORE: Duration = Duration::from_secs(5 * 60);

/// Watches a transaction that this command began.
pub(super) fn to_the_end(
    engine: &Engine,
    running: Running,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    terminal.say(&format!("transaction {}", running.id()))?;
    command(engine, running, terminal, terminal.may_ask(), &|_| false)
}

/// `confirm`, `revert`, `extend`: leaves the request and prints what the journal answers.
pub(super) fn answer(
    engine: &Engine,
    transaction: &str,
    answer: Answer,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let running = engine.answer(transaction, answer, terminal.user())?;
    let wants_more = matches!(answer, Answer::More(_));
    command(engine, running, terminal, false, &|record| {
        wants_more && matches!(record.kind, RecordKind::Extended { .. })
    })
}

fn command(
    engine: &Engine,
    mut running: Running,
    terminal: &Terminal,
    ask: bool,
    enough: Enough<'_>,
) -> anyhow::Result<Exit> {
    let mut console = terminal.console(Stream::Err, usize::MAX)?;
    let id = running.id().0.clone();
    let (outlives_us, look) = (running.outlives_us(), terminal.look());
    let watch = Watch { engine, console: &mut console, look, by: terminal.user(), ask };
    match watch.follow(&mut running, enough)? {
        Seen::End(outcome) => {
            report::history::write_outcome(&mut terminal.text(), &outcome, look)?;
            Ok(Exit::from(&outcome))
        }
        Seen::Enough => Ok(Exit::Success),
        Seen::Left => {
            if outlives_us {
                write!(console.out(), "\n{}", detached(&id))?;
            }
            interrupted(console)
        }
    }
}

/// The shell is to see what any command that was interrupted shows.
pub(super) fn interrupted(console: Tty) -> anyhow::Result<Exit> {
    drop(console);
    low_level::emulate_default_handler(SIGINT)?;
    Ok(Exit::Internal)
}

/// Ctrl-C ends the watching and nothing else.
pub(super) fn detached(id: &str) -> String {
    format!(
        "no longer watching; transaction {id} goes on without this command.\n\
         kube-temper show {id}     how it stands\n\
         kube-temper confirm {id}  keeps it, kube-temper revert {id} puts it back, while it waits\n"
    )
}

/// Whether what was seen is enough.
type Enough<'e> = &'e dyn Fn(&Record) -> bool;

/// How the watching ended.
pub(super) enum Seen {
    /// With the transaction.
    End(Outcome),
    /// With the record that was waited for.
    Enough,
    /// Ctrl-C.
    Left,
}

/// Somebody who watches.
pub(super) struct Watch<'w> {
    pub(super) engine: &'w Engine,
    pub(super) console: &'w mut dyn Console,
    pub(super) look: Look,
    pub(super) by: &'w str,
    /// They are asked whether it is kept.
    pub(super) ask: bool,
}

impl Watch<'_> {
    /// Prints records until the transaction ends, `enough` has been seen, or the person leaves.
    pub(super) fn follow(
        mut self,
        running: &mut Running,
        enough: Enough<'_>,
    ) -> anyhow::Result<Seen> {
        let mut countdown = None;
        loop {
            for record in running.poll()? {
                if !self.look.quiet {
                    // The transaction does not depend on anyone reading along.
                    let _ = report::history::write_record(self.console.out(), &record, self.look);
                }
                if enough(&record) {
                    return Ok(Seen::Enough);
                }
                countdown = Countdown::after(countdown, &record.kind, running.now());
                if self.ask && matches!(record.kind, RecordKind::Waiting { .. }) {
                    self.console.forget();
                    writeln!(
                        self.console.out(),
                        "Keep it? Type keep, revert, or more (5 minutes)"
                    )?;
                }
            }
            if let Some(notice) = running.take_notice() {
                self.complain(&notice)?;
            }
            if let Some(outcome) = running.outcome() {
                return Ok(Seen::End(outcome.clone()));
            }
            if let Some(countdown) = countdown.as_mut().filter(|_| self.ask) {
                if let Some(left) = countdown.step(running.now()) {
                    let left = words(left);
                    writeln!(self.console.out(), "{left} left: keep, revert, or more?")?;
                }
                match self.console.heard() {
                    Ok(Some(line)) => self.answered(&running.id().0, &line)?,
                    Ok(None) => {}
                    Err(Gone::Interrupted) => return Ok(Seen::Left),
                    // Nobody answers any more; the countdown decides.
                    Err(Gone::Ended) => self.ask = false,
                    Err(Gone::Failed(error)) => return Err(error.into()),
                }
            }
            if self.console.interrupted() {
                return Ok(Seen::Left);
            }
            running.rest();
        }
    }

    fn answered(&mut self, id: &str, line: &str) -> io::Result<()> {
        let answer = match line {
            "keep" => Answer::Keep,
            "revert" => Answer::Revert { allow_single: false },
            "more" => Answer::More(MORE),
            _ => return writeln!(self.console.out(), "Type keep, revert, or more, and Enter."),
        };
        match self.engine.answer(id, answer, self.by) {
            Ok(_) => Ok(()),
            // It may have ended in this moment; the journal says so next.
            Err(error) => self.complain(&error.to_string()),
        }
    }

    fn complain(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.console.out(), "kube-temper: {}", one_line(text))
    }
}

/// The time a person has; what is left of it is said now and then, more often towards the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Countdown {
    until: Timestamp,
    /// Said next when only this much is left.
    next: u64,
}

impl Countdown {
    /// The countdown after this record.
    fn after(earlier: Option<Self>, kind: &RecordKind, now: Timestamp) -> Option<Self> {
        match kind {
            RecordKind::Waiting { until } | RecordKind::Extended { until } => {
                Some(Self { until: *until, next: below(left(*until, now)) })
            }
            RecordKind::Observed { .. } => earlier,
            _ => None,
        }
    }

    /// Seconds that are left, when they are to be said.
    fn step(&mut self, now: Timestamp) -> Option<u64> {
        let left = left(self.until, now);
        (left <= self.next && left > 0).then(|| {
            self.next = below(left);
            left
        })
    }
}

fn left(until: Timestamp, now: Timestamp) -> u64 {
    let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    (left + Duration::from_millis(500)).as_secs()
}

/// The next time to be said below this many seconds.
const fn below(seconds: u64) -> u64 {
    let step = match seconds {
        0..=30 => 10,
        31..=60 => 30,
        61..=600 => 60,
        _ => 300,
    };
    seconds.saturating_sub(1) / step * step
}

/// `4 minutes`, `30 seconds`.
fn words(seconds: u64) -> String {
    let number = |number: u64, word| count(usize::try_from(number).unwrap_or(usize::MAX), word);
    match (seconds / 60, seconds % 60) {
        (0, seconds) => number(seconds, "second"),
        (minutes, 0) => number(minutes, "minute"),
        (minutes, seconds) => {
            format!("{} {}", number(minutes, "minute"), number(seconds, "second"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_500_000 + second).unwrap()
    }

    #[test]
    fn what_is_left_is_said_more_often_towards_the_end() {
        let begun = RecordKind::Waiting { until: at(300) };
        let mut countdown = Countdown::after(None, &begun, at(0)).unwrap();
        let said: Vec<String> =
            (0..=300).filter_map(|second| countdown.step(at(second))).map(words).collect();
        assert_eq!(
            said,
            [
                "4 minutes",
                "3 minutes",
                "2 minutes",
                "1 minute",
                "30 seconds",
                "20 seconds",
                "10 seconds"
            ]
        );
        assert_eq!(words(90), "1 minute 30 seconds");
    }

    #[test]
    fn more_time_is_counted_from_anew_and_the_end_ends_it() {
        let begun = Countdown::after(None, &RecordKind::Waiting { until: at(300) }, at(0));
        let more = Countdown::after(begun, &RecordKind::Extended { until: at(600) }, at(290));
        assert_eq!(more.unwrap().next, 300);
        let kept = RecordKind::Confirmed { by: "somebody".to_owned() };
        assert_eq!(Countdown::after(more, &kept, at(300)), None);
    }
}
