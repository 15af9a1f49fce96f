//! A plan as text: the diff of every file, what restarts, how it is undone, and what was left out.

use std::io::{self, Write};

use super::{
    diff,
    style::{BOLD, DIM, HEADING, Look},
};
use crate::{
    model::{LeftOut, Plan, Reversibility, StepTarget},
    text::{diff::FileDiff, printable::one_line},
};

/// Writes a plan with the diffs of its changes, which come in the plan's order.
pub fn write(out: &mut dyn Write, plan: &Plan, diffs: &[FileDiff], look: Look) -> io::Result<()> {
    let mut diffs = diffs.iter();
    for step in &plan.steps {
        let tier = look.tier(step.tier);
        writeln!(
            out,
            "{HEADING}{}{HEADING:#}  {tier}risk {}{tier:#}",
            step_title(step.target),
            step.tier
        )?;
        for file in diffs.by_ref().take(step.changes.len()) {
            diff::write(out, file, look)?;
        }
        writeln!(out)?;
    }
    for control in &plan.controls {
        let undo = match control.reversible {
            Reversibility::Bytes => "undone by putting the old bytes back",
            Reversibility::Procedure => "undone by a procedure only",
            Reversibility::OneWay => "cannot be undone",
        };
        let tier = look.tier(control.tier);
        writeln!(
            out,
            "{BOLD}{:<7}{BOLD:#} {tier}{}{tier:#} {}  {DIM}{undo}{DIM:#}",
            control.control,
            control.tier,
            one_line(&control.title)
        )?;
    }
    left(out, &plan.left, look)
}

/// Writes what was left out, and why.
pub fn left(out: &mut dyn Write, left: &[LeftOut], look: Look) -> io::Result<()> {
    if left.is_empty() || look.quiet {
        return Ok(());
    }
    let warn = look.warn();
    writeln!(out, "\n{HEADING}Left out{HEADING:#}")?;
    for item in left {
        writeln!(out, "{warn}{:<7}{warn:#} {}", item.control, one_line(&item.reason))?;
    }
    Ok(())
}

/// What a step is about, as a heading.
pub fn step_title(target: StepTarget) -> String {
    match target.restarts() {
        Some(component) => format!("{component} restarts"),
        None => "Modes and owners, nothing restarts".to_owned(),
    }
}
