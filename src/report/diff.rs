//! Diffs as text: unified, with a header for what a text diff cannot show, and the controls behind each line.

use std::io::{self, Write};

use anstyle::Style;

use super::style::{BOLD, DIM, Look};
use crate::text::{
    diff::{FileDiff, Line},
    printable::one_line,
};

/// Writes the difference one change makes.
pub fn write(out: &mut dyn Write, diff: &FileDiff, look: Look) -> io::Result<()> {
    let path = one_line(&diff.path);
    for header in &diff.headers {
        writeln!(out, "{BOLD}{path}{BOLD:#}  {header}")?;
    }
    if !diff.hunks.is_empty() {
        writeln!(out, "{BOLD}--- {path} (now){BOLD:#}")?;
        writeln!(out, "{BOLD}+++ {path} (after){BOLD:#}")?;
    }
    for hunk in &diff.hunks {
        writeln!(out, "{DIM}{}{DIM:#}", hunk.header)?;
        for line in &hunk.lines {
            write_line(out, line, look)?;
        }
    }
    Ok(())
}

fn write_line(out: &mut dyn Write, line: &Line, look: Look) -> io::Result<()> {
    let plain = match line.sign {
        '+' => look.good(),
        '-' => look.removed(),
        _ => Style::new(),
    };
    write!(out, "{plain}{}{plain:#}", line.sign)?;
    for (differs, piece) in &line.pieces {
        let style = if *differs { plain.bold() } else { plain };
        write!(out, "{style}{}{style:#}", one_line(piece))?;
    }
    if line.sign == '+' && !line.controls.is_empty() {
        let ids: Vec<&str> = line.controls.iter().map(crate::model::ControlId::as_str).collect();
        write!(out, "  {DIM}# {}{DIM:#}", ids.join(" "))?;
    }
    writeln!(out)?;
    if line.no_newline {
        writeln!(out, "{DIM}\\ No newline at end of file{DIM:#}")?;
    }
    Ok(())
}
