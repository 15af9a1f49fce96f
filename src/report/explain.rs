//! One control as a page: why it matters, what a fix changes and may break, what is watched and what a person
//! must look at, how it is undone, and what of the cluster it speaks of.

use std::io::{self, Write};

use super::{
    scan::object_line,
    style::{BOLD, DIM, HEADING, Look},
};
use crate::{
    catalog::Numbered,
    engine::watched,
    model::{Assessment, Finding, control::Needs},
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
    list(out, "What may break", control.breaks.iter().map(String::as_str), look)?;
    if let Some(watched) = watched(control) {
        for (title, lines) in watched.parts() {
            list(out, title, lines.iter().map(String::as_str), look)?;
        }
    }
    part(out, "How it is undone", &control.undo)?;
    let needs: Vec<String> = control.fix.needs.iter().map(describe_need).collect();
    list(out, "What the fix needs", needs.iter().map(String::as_str), look)?;
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

/// Writes what was found in the cluster: every object, most dangerous first, and how each right comes about.
pub fn write_found(out: &mut dyn Write, finding: &Finding, look: Look) -> io::Result<()> {
    part(out, "What there is in this cluster", &finding.reason)?;
    for object in &finding.objects {
        let wrong = if object.wrong { "" } else { "  (for a person to judge)" };
        writeln!(out, "{} {}{DIM}{wrong}{DIM:#}", look.bullet(), one_line(&object_line(object)))?;
        if !object.who.is_empty() {
            let chain = object.who.join(&format!(" {} ", look.arrow()));
            writeln!(out, "    {DIM}{}{DIM:#}", one_line(&chain))?;
        }
    }
    Ok(())
}

fn part(out: &mut dyn Write, title: &str, text: &str) -> io::Result<()> {
    writeln!(out, "\n{HEADING}{title}{HEADING:#}\n{}", printable(text.trim()))
}

/// Nothing, not even the title, when there is nothing in it.
fn list<'i>(
    out: &mut dyn Write,
    title: &str,
    items: impl Iterator<Item = &'i str>,
    look: Look,
) -> io::Result<()> {
    let mut items = items.peekable();
    if items.peek().is_some() {
        writeln!(out, "\n{HEADING}{title}{HEADING:#}")?;
    }
    for item in items {
        writeln!(out, "{} {}", look.bullet(), printable(item.trim()))?;
    }
    Ok(())
}

fn describe_need(need: &Needs) -> String {
    match need {
        Needs::Value { name, default, why, .. } => match default {
            Some(default) => format!("a value for {name} (proposed: {default}): {why}"),
            None => format!("a value for {name}: {why}"),
        },
        Needs::Bundle { name } => format!("the files of the {name} bundle beside the edit"),
        Needs::Api { why } => format!("an answer from the API server: {why}"),
    }
}
