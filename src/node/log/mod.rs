//! What this program does outside: every file read, command run, request sent and byte written, as it happens.
//!
//! [`LoggedNode`] stands in front of a node and notes each operation in a [`Log`]: what was done, to what, how much,
//! and how it ended. Never content: a path, an address without its query, a program's name; no argument, no header,
//! no answer's text. A log keeps the last [`LINES`] lines, what was written longest; what is read again and again is
//! one line with a count.

mod files;
mod node;
mod parts;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::NodeErrorKind;

pub use node::LoggedNode;

/// How many lines a log keeps.
pub const LINES: usize = 2_000;

/// Among how many of the latest lines a repeated reading is counted instead of noted anew: whoever watches asks the
/// same few questions in turn.
const RECENT: usize = 32;

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// This process.
    Us,
    /// The process that carries a transaction out, as its journal tells.
    Guard,
}

/// What kind of thing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file was looked at.
    Read,
    /// A program was run.
    Run,
    /// Somebody was asked over a connection.
    Sent,
    /// Something was changed.
    Written,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Done,
    /// With this HTTP status.
    Status(u16),
    /// There was nothing, which is an answer too.
    Missing,
    /// It did not, in a word or two.
    Failed(&'static str),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("ok"),
            Self::Missing => f.write_str("not there"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it ended, by the node's clock; the last time when it was done more than once.
    pub at: Timestamp,
    /// Who did it.
    pub who: Who,
    /// What kind of thing.
    pub kind: Kind,
    /// What exactly: `read`, `rename`, `get`.
    pub verb: &'static str,
    /// To what: a path, an address, a program.
    pub what: String,
    /// Bytes read or written, where that is known; all together when it was done more than once.
    pub size: Option<u64>,
    /// How it ended.
    pub end: End,
    /// How often.
    pub times: u32,
}

/// The log itself; a clone writes into the same.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<Ring>>);

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<LogLine>,
    changes: u64,
}

impl Log {
    /// Adds a line, or counts it to one of the latest when it is the same reading.
    pub fn note(&self, line: Noted<'_>, at: Timestamp) {
        self.ring().note(&line, at);
    }

    /// All lines, oldest first, when there is anything new since `seen`, which is brought up to date.
    pub fn news(&self, seen: &mut u64) -> Option<Vec<LogLine>> {
        let ring = self.ring();
        if ring.changes == *seen {
            return None;
        }
        *seen = ring.changes;
        Some(ring.lines.iter().cloned().collect())
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be noted.
#[derive(Debug, Clone, Copy)]
pub struct Noted<'n> {
    /// Who did it.
    pub who: Who,
    /// What kind of thing.
    pub kind: Kind,
    /// What exactly.
    pub verb: &'static str,
    /// What stands before the path: the state directory.
    pub before: &'n str,
    /// The path, address or program.
    pub what: &'n str,
    /// Bytes, where that is known.
    pub size: Option<u64>,
    /// How it ended.
    pub end: End,
}

/// How a run of processes is told, of which each has many small files.
const PROCESSES: &str = "/proc/*";

impl Noted<'_> {
    fn is(&self, line: &LogLine) -> bool {
        line.what.len() == self.before.len() + self.what.len()
            && line.what.strip_prefix(self.before) == Some(self.what)
            && line.verb == self.verb
            && line.who == self.who
            && line.end == self.end
    }

    /// A file of a process, as its process.
    fn process(self) -> Option<Self> {
        let name = self.what.strip_prefix("/proc/")?.split('/').next()?;
        let is_pid = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
        let of_node = self.kind == Kind::Read && self.before.is_empty();
        let what = self.what.get(.."/proc/".len() + name.len())?;
        // What is not there says something of the process.
        (is_pid && of_node).then_some(Self { what, verb: "read", end: End::Done, ..self })
    }
}

impl LogLine {
    fn count(&mut self, at: Timestamp, times: u32, size: Option<u64>) {
        self.at = at;
        self.times = self.times.saturating_add(times);
        self.size = match (self.size, size) {
            (Some(before), Some(more)) => Some(before.saturating_add(more)),
            (before, more) => before.or(more),
        };
    }
}

impl Ring {
    fn note(&mut self, noted: &Noted<'_>, at: Timestamp) {
        self.changes += 1;
        if let Some(process) = noted.process() {
            self.note_process(process, at);
        } else {
            self.count_or_add(*noted, at);
        }
    }

    /// One process after the other is one line.
    fn note_process(&mut self, noted: Noted<'_>, at: Timestamp) {
        let last = self.lines.back_mut().filter(|last| last.what.starts_with("/proc/"));
        let Some(last) = last.filter(|last| last.kind == Kind::Read && last.verb == "read") else {
            return self.count_or_add(noted, at);
        };
        if last.what == noted.what || last.what == PROCESSES {
            last.count(at, 1, noted.size);
            return;
        }
        let (times, size) = (last.times, last.size);
        self.lines.pop_back();
        let all = Noted { what: PROCESSES, ..noted };
        self.count_or_add(all, at);
        if let Some(line) = self.lines.back_mut() {
            line.count(at, times, size);
        }
    }

    fn count_or_add(&mut self, noted: Noted<'_>, at: Timestamp) {
        let recent = if noted.kind == Kind::Written { 1 } else { RECENT };
        let from = self.lines.len().saturating_sub(recent);
        let same = |place: &usize| self.lines.get(*place).is_some_and(|line| noted.is(line));
        let place = (from..self.lines.len()).rev().find(same);
        if let Some(mut line) = place.and_then(|place| self.lines.remove(place)) {
            line.count(at, 1, noted.size);
            self.lines.push_back(line);
            return;
        }
        if self.lines.len() == LINES {
            // What was written is kept longest.
            let read = self.lines.iter().position(|line| line.kind == Kind::Read);
            self.lines.remove(read.unwrap_or(0));
        }
        let Noted { who, kind, verb, before, what, size, end } = noted;
        let what = [before, what].concat();
        self.lines.push_back(LogLine { at, who, kind, verb, what, size, end, times: 1 });
    }
}

/// How it failed, without a word of what was said.
const fn failed(kind: &NodeErrorKind) -> End {
    End::Failed(match kind {
        NodeErrorKind::NotFound => return End::Missing,
        NodeErrorKind::Denied => "denied",
        NodeErrorKind::ReadOnly => "read-only",
        NodeErrorKind::NoSpace => "no space",
        NodeErrorKind::Exists => "exists",
        NodeErrorKind::NotEmpty => "not empty",
        NodeErrorKind::Escapes => "leads out",
        NodeErrorKind::NotAFile => "no file",
        NodeErrorKind::TooLarge { .. } => "too large",
        NodeErrorKind::Locked { .. } => "locked",
        NodeErrorKind::LeftOut => "left out",
        NodeErrorKind::Died | NodeErrorKind::Other(_) => "failed",
    })
}

#[cfg(test)]
mod tests;
