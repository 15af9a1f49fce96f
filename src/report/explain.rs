//! One control as a page: why it matters, what a fix changes and may break, how it is undone.

use std::io::{self, Write};

use super::style::{BOLD, DIM, HEADING, Look};
use crate::{
    catalog::Numbered,
    model::{Assessment, control::Needs},
    text::printable::{one_line, printable},
};

/// Writes the page of one control.
pub fn write(out: &mut dyn Write, numbered: &Numbered, look: Look) -> io::Result<()> {
    let control = &numbered.control;
    let assessment = match control.assessment {
        Assessment::Automated => "automated",
        Assessment::Manual => "manual",
    };
    writeln!(out, "{BOLD}{}  {}{BOLD:#}", numbered.id, one_line(&control.title))?;
    write!(out, "{DIM}{}, level {}, {assessment}{DIM:#}", control.slug, u8::from(control.level))?;
    if let Some(tier) = control.tier {
        let colour = look.tier(tier);
        write!(out, "  {colour}risk {tier}{colour:#}")?;
    }
    writeln!(out)?;
    part(out, "Why it matters", &control.why)?;
    part(out, "What a fix changes", &control.change)?;
    if !control.breaks.is_empty() {
        writeln!(out, "\n{HEADING}What may break{HEADING:#}")?;
        for item in &control.breaks {
            writeln!(out, "{} {}", look.bullet(), printable(item.trim()))?;
        }
    }
    part(out, "How it is undone", &control.undo)?;
    if !control.fix.needs.is_empty() {
        writeln!(out, "\n{HEADING}What the fix needs{HEADING:#}")?;
        for need in &control.fix.needs {
            writeln!(out, "{} {}", look.bullet(), printable(&describe_need(need)))?;
        }
    }
    if let Some(none) = &control.fix.none {
        part(out, "Why there is no fix here", none)?;
    }
    if !control.references.is_empty() {
        writeln!(out, "\n{HEADING}References{HEADING:#}")?;
        for reference in &control.references {
            writeln!(out, "{}", one_line(reference))?;
        }
    }
    Ok(())
}

fn part(out: &mut dyn Write, title: &str, text: &str) -> io::Result<()> {
    writeln!(out, "\n{HEADING}{title}{HEADING:#}\n{}", printable(text.trim()))
}

fn describe_need(need: &Needs) -> String {
    match need {
        Needs::Value { name, default, why, .. } => match default {
            Some(default) => format!("a value for {name} (proposed: {default}): {why}"),
            None => format!("a value for {name}: {why}"),
        },
        Needs::Bundle { name } => format!("the files of the {name} bundle beside the edit"),
        Needs::Probes { why } => format!("changed probes in the same write: {why}"),
        Needs::Api { why } => format!("an answer from the API server: {why}"),
    }
}
