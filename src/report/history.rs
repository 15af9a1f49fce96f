//! Transactions as text: the list, one in full, and single journal records while one runs.

use std::io::{self, Write};

use super::style::{BOLD, DIM, HEADING, Look};
use crate::{
    engine::{Summary, Transaction},
    model::{ControlId, Outcome, Record, RecordKind, journal::Purpose},
    text::printable::one_line,
};

/// Writes the list, one line per transaction.
pub fn write(out: &mut dyn Write, history: &[Summary], look: Look) -> io::Result<()> {
    if history.is_empty() {
        return writeln!(out, "nothing was changed here yet");
    }
    for summary in history {
        line(out, summary, look)?;
    }
    Ok(())
}

/// Writes one transaction as one line.
pub fn line(out: &mut dyn Write, summary: &Summary, look: Look) -> io::Result<()> {
    let (word, colour) = look.outcome(summary.outcome.as_ref());
    let bad = look.bad();
    write!(
        out,
        "{BOLD}{}{BOLD:#}  {colour}{word:<11}{colour:#} {}",
        one_line(&summary.id.0),
        one_line(&purpose(&summary.purpose))
    )?;
    if let Some(by) = &summary.undone_by {
        write!(out, "  {DIM}undone by {}{DIM:#}", one_line(&by.0))?;
    }
    if let Some(by) = &summary.partly_undone_by {
        write!(out, "  {DIM}partly undone by {by}{DIM:#}")?;
    }
    if let Some(damage) = &summary.damage {
        write!(out, "  {bad}damaged: {}{bad:#}", one_line(damage))?;
    }
    writeln!(out)
}

/// What a transaction was for, in a few words.
pub fn purpose(purpose: &Purpose) -> String {
    let ids = |controls: &[ControlId]| {
        controls.iter().map(ControlId::as_str).collect::<Vec<_>>().join(" ")
    };
    match purpose {
        Purpose::Apply { controls } => format!("apply {}", ids(controls)),
        Purpose::Rollback { of, controls } => {
            let of: Vec<&str> = of.iter().map(|id| id.0.as_str()).collect();
            format!("roll back {} ({})", of.join(" "), ids(controls))
        }
    }
}

/// Writes one transaction: its line, its files, and its journal.
pub fn write_one(out: &mut dyn Write, transaction: &Transaction, look: Look) -> io::Result<()> {
    line(out, &transaction.summary, look)?;
    writeln!(out, "\n{HEADING}Files{HEADING:#}")?;
    for file in &transaction.summary.files {
        writeln!(out, "{}", one_line(file))?;
    }
    writeln!(out, "\n{HEADING}Journal{HEADING:#}")?;
    for record in &transaction.records {
        write!(out, "{DIM}{}{DIM:#}  ", record.at)?;
        write_record(out, record, look)?;
    }
    if let Some(outcome) = &transaction.summary.outcome {
        write_outcome(out, outcome, look)?;
    }
    Ok(())
}

/// Writes one journal record as one line.
pub fn write_record(out: &mut dyn Write, record: &Record, look: Look) -> io::Result<()> {
    let text = describe(&record.kind);
    let text = one_line(&text);
    let colour = match &record.kind {
        RecordKind::Verified { .. } | RecordKind::Confirmed { .. } | RecordKind::Committed => {
            look.good()
        }
        RecordKind::Refused { .. }
        | RecordKind::Unarmed
        | RecordKind::Waiting { .. }
        | RecordKind::Extended { .. }
        | RecordKind::RollingBack { .. }
        | RecordKind::RolledBack { .. } => look.warn(),
        RecordKind::Stuck { .. } => look.bad(),
        _ => return writeln!(out, "{text}"),
    };
    writeln!(out, "{colour}{text}{colour:#}")
}

/// A journal record in words.
pub fn describe(kind: &RecordKind) -> String {
    match kind {
        RecordKind::Begun { node, purpose: what, .. } => {
            format!("begun on {node}: {}", purpose(what))
        }
        RecordKind::Intent { files } => format!("{} to change", count(files.len(), "file")),
        RecordKind::EtcdSnapshot { path, size, digest, .. } => {
            format!("etcd is saved in {path} ({size} bytes, sha256 {digest})")
        }
        RecordKind::BackedUp { path } => format!("backed up {path}"),
        RecordKind::StepBegun { target, .. } => super::plan::step_title(*target),
        RecordKind::Applied { path } => format!("written {path}"),
        RecordKind::Checked { observation, .. } | RecordKind::Observed { observation, .. } => {
            let word = if observation.proves { "ok" } else { "note" };
            format!("{word}: {}", observation.text)
        }
        RecordKind::Verified { .. } => "verified".to_owned(),
        RecordKind::Committed => "committed".to_owned(),
        RecordKind::Refused { cause } => format!("refused: {cause}"),
        RecordKind::Armed { by, until } => {
            format!("{by} puts it back if this process dies; it looks at {until:.0} first")
        }
        RecordKind::Unarmed => {
            "no systemd here: if this process dies, only 'kube-temper recover' puts it back"
                .to_owned()
        }
        RecordKind::Waiting { until } => {
            format!("waiting to be confirmed until {until:.0}; else it is put back")
        }
        RecordKind::Extended { until } => format!("more time, until {until:.0}"),
        RecordKind::Confirmed { by } => format!("confirmed by {by}"),
        RecordKind::Kept { path, telling, .. } => format!("its last words ({path}): {telling}"),
        RecordKind::RollingBack { cause, .. } => format!("rolling back: {cause}"),
        RecordKind::Restored { path } => format!("restored {path}"),
        RecordKind::RolledBack { cause, .. } => format!("rolled back: {cause}"),
        RecordKind::Stuck { cause, .. } => format!("STUCK: {cause}"),
    }
}

/// `1 file`, `3 files`.
pub fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// Writes how a transaction ended and what a person does next.
pub fn write_outcome(out: &mut dyn Write, outcome: &Outcome, look: Look) -> io::Result<()> {
    write_ending(out, outcome, look)?;
    by_hand(outcome).iter().try_for_each(|command| writeln!(out, "{command}"))
}

/// Writes how a transaction ended.
pub fn write_ending(out: &mut dyn Write, outcome: &Outcome, look: Look) -> io::Result<()> {
    let (good, warn, bad) = (look.good(), look.warn(), look.bad());
    match outcome {
        Outcome::Committed => writeln!(out, "{good}Committed.{good:#}"),
        Outcome::Refused { cause } => {
            writeln!(out, "{warn}Refused; nothing was written.{warn:#} Cause: {}", one_line(cause))
        }
        Outcome::RolledBack { cause, .. } => {
            writeln!(
                out,
                "{warn}Rolled back; the node is as before.{warn:#} Cause: {}",
                one_line(cause)
            )
        }
        Outcome::Stuck { cause, by_hand, left } => {
            writeln!(out, "{bad}STUCK: a person is needed.{bad:#} {}", one_line(cause))?;
            if by_hand.is_empty() { Ok(()) } else { writeln!(out, "{}", left.commands()) }
        }
    }
}

/// The commands a person is to run, each a line to copy.
pub fn by_hand(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Stuck { by_hand, .. } => {
            by_hand.iter().map(|command| format!("  {}", one_line(command))).collect()
        }
        _ => Vec::new(),
    }
}
