//! The journal of one transaction on disk: one JSON record per line, each flushed before the next act.
//!
//! Reading never panics and never skips: a last line that was cut off by a crash is told apart from a
//! line that is wrong in the middle, which is damage with its line number. Owns the line format and the
//! sequence numbers; knows nothing of what the records mean for the files.

use jiff::Timestamp;

use super::{Damage, StoreError, TransactionPaths};
use crate::{
    model::{Outcome, Record, RecordKind, TransactionId},
    node::{Node, NodeError, NodeErrorKind},
};

/// Largest journal that is read: a transaction writes a few hundred short lines.
const LIMIT: u64 = 64 << 20;

/// What a journal file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Journal {
    /// The good records from the start, up to the first damage.
    pub records: Vec<Record>,
    /// Bytes of those records' lines.
    pub length: u64,
    /// The file ends in a line that was not finished: the writer died while appending it.
    pub torn: bool,
    /// The first line that is finished and wrong.
    pub damage: Option<Damage>,
    /// How the transaction ended, as its last finished line says; known even when an earlier line is damaged.
    pub outcome: Option<Outcome>,
}

impl Journal {
    /// Reads a transaction's journal; an absent file is an empty journal.
    pub fn read(node: &dyn Node, id: &TransactionId) -> Result<Self, NodeError> {
        let path = TransactionPaths::of(id).journal();
        match node.state().read(&path, LIMIT) {
            Ok(bytes) => Ok(Self::parse(&super::shown(node, &path), &bytes)),
            Err(error) if error.is_not_found() => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Reads journal text; `path` is named in damage.
    pub fn parse(path: &str, bytes: &[u8]) -> Self {
        let mut journal = Self::default();
        let (lines, rest) = finished_lines(bytes);
        journal.torn = !rest.is_empty();
        for (index, line) in lines.iter().enumerate() {
            match record(line, index) {
                Ok(record) => {
                    journal.length += line.len() as u64 + 1;
                    journal.records.push(record);
                }
                Err(what) => {
                    journal.damage =
                        Some(Damage { path: path.to_owned(), line: Some(index + 1), what });
                    break;
                }
            }
        }
        journal.outcome = lines
            .last()
            .and_then(|line| serde_json::from_slice::<Record>(line).ok())
            .and_then(|record| Outcome::of(&record.kind));
        journal
    }

    /// Until when it waits for a person; `None` when it does not wait, not yet or not any more.
    pub fn waiting_until(&self) -> Option<Timestamp> {
        self.records.iter().fold(None, |waiting, record| match &record.kind {
            RecordKind::Waiting { until } | RecordKind::Extended { until } => Some(*until),
            RecordKind::Confirmed { .. } | RecordKind::RollingBack { .. } => None,
            kind if Outcome::of(kind).is_some() => None,
            _ => waiting,
        })
    }

    /// Whether the transaction has ended.
    pub fn is_finished(&self) -> bool {
        self.outcome.is_some()
    }
}

/// The lines that end in a newline, and what follows the last newline.
fn finished_lines(bytes: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let rest = lines.pop().unwrap_or_default();
    (lines, rest)
}

fn record(line: &[u8], index: usize) -> Result<Record, String> {
    let record: Record = serde_json::from_slice(line)
        .map_err(|error| format!("not a record this version knows: {error}"))?;
    if record.seq != index as u64 {
        return Err(format!("record {} where record {index} belongs", record.seq));
    }
    if (index == 0) != matches!(record.kind, RecordKind::Begun { .. }) {
        return Err("a journal begins with exactly one 'begun' record".to_owned());
    }
    Ok(record)
}

/// Appends records to one journal.
#[derive(Debug)]
pub struct Writer {
    folder: String,
    path: String,
    /// Length of the good part.
    length: u64,
    /// Sequence number of the next record.
    next: u64,
    /// What follows the good part is a torn line: cut it off before the next append.
    torn: bool,
    /// The file's name is flushed to the disk.
    named: bool,
}

impl Writer {
    /// The journal of a new transaction; the file is created by its first record.
    pub fn new(id: &TransactionId) -> Self {
        let paths = TransactionPaths::of(id);
        Self {
            folder: paths.folder(),
            path: paths.journal(),
            length: 0,
            next: 0,
            torn: false,
            named: false,
        }
    }

    /// Goes on with a journal that was read; a torn last line is cut off before the next append.
    pub fn resume(id: &TransactionId, journal: &Journal) -> Self {
        Self {
            length: journal.length,
            next: journal.records.len() as u64,
            torn: journal.torn,
            ..Self::new(id)
        }
    }

    /// It holds at least one record.
    pub fn has_begun(&self) -> bool {
        self.next > 0
    }

    /// Writes a record and flushes it. On an error the record may or may not be in the file
    /// ([`Writer::write`] and [`Writer::sync`] tell the two apart).
    pub fn append(&mut self, node: &dyn Node, kind: RecordKind) -> Result<(), NodeError> {
        self.write(node, kind)?;
        self.sync(node)
    }

    /// Writes a record without flushing it. On an error the journal does not hold it.
    pub fn write(&mut self, node: &dyn Node, kind: RecordKind) -> Result<(), NodeError> {
        let state = node.state();
        if self.torn {
            match state.truncate(&self.path, self.length) {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => self.torn = false,
            }
        }
        let record = Record { seq: self.next, at: node.clock().now(), kind };
        let mut line = serde_json::to_vec(&record).map_err(|error| NodeError {
            operation: "write a record of",
            path: self.path.clone(),
            kind: NodeErrorKind::Other(error.to_string()),
        })?;
        line.push(b'\n');
        self.torn = true;
        state.append(&self.path, &line)?;
        self.torn = false;
        self.length += line.len() as u64;
        self.next += 1;
        Ok(())
    }

    /// Flushes what was written.
    pub fn sync(&mut self, node: &dyn Node) -> Result<(), NodeError> {
        let state = node.state();
        state.sync_file(&self.path)?;
        if !self.named {
            state.sync_dir(&self.folder)?;
            self.named = true;
        }
        Ok(())
    }
}

/// Reads a journal while another thread or process writes it.
///
/// Hands out every record once, in order; a last line that is not finished yet is left for the next call.
#[derive(Debug, Clone)]
pub struct Follow {
    path: String,
    offset: u64,
    next: usize,
}

impl Follow {
    /// Begins at the start of a transaction's journal, which need not exist yet.
    pub fn new(id: &TransactionId) -> Self {
        Self { path: TransactionPaths::of(id).journal(), offset: 0, next: 0 }
    }

    /// Begins behind what was read already.
    pub fn after(id: &TransactionId, journal: &Journal) -> Self {
        Self { offset: journal.length, next: journal.records.len(), ..Self::new(id) }
    }

    /// The records written since the last call. Never blocks.
    pub fn poll(&mut self, node: &dyn Node) -> Result<Vec<Record>, StoreError> {
        let state = node.state();
        match state.stat(&self.path)? {
            Some(stat) if stat.size > self.offset => {}
            _ => return Ok(Vec::new()),
        }
        let bytes = state.read(&self.path, LIMIT)?;
        let fresh = usize::try_from(self.offset).ok().and_then(|at| bytes.get(at..));
        let (lines, _) = finished_lines(fresh.unwrap_or_default());
        let mut records = Vec::with_capacity(lines.len());
        for line in lines {
            let record = record(line, self.next).map_err(|what| Damage {
                path: super::shown(node, &self.path),
                line: Some(self.next + 1),
                what,
            })?;
            self.offset += line.len() as u64 + 1;
            self.next += 1;
            records.push(record);
        }
        Ok(records)
    }
}
