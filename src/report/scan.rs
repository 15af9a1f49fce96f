//! A report as text: what failed first, with what was found, what is wanted and what can be done.

use std::io::{self, Write};

use super::style::{ASK, BOLD, DIM, HEADING, Look};
use crate::{
    model::{Assessment, Finding, FixOffer, FoundObject, Mark, Report, Status, section},
    text::printable::one_line,
};

/// Writes the whole report.
pub fn write(out: &mut dyn Write, report: &Report, look: Look) -> io::Result<()> {
    let warn = look.warn();
    header(out, report)?;
    for notice in &report.notices {
        writeln!(out, "{warn}note{warn:#}  {}", one_line(notice))?;
    }
    let mut current = "";
    for finding in report.findings.iter().filter(|finding| is_shown(finding, look)) {
        if finding.control.section() != current {
            current = finding.control.section();
            section_heading(out, report, current)?;
        }
        write_finding(out, finding, look)?;
    }
    totals(out, report, look)
}

/// Writes which node this is.
pub fn header(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let version = report.kubernetes.as_deref().unwrap_or("version unknown");
    writeln!(
        out,
        "{BOLD}{}{BOLD:#}  {} ({})  Kubernetes {}  benchmark {}",
        one_line(&report.node),
        report.role,
        report.distribution,
        one_line(version),
        report.benchmark
    )
}

/// Failures always; what a person must judge, passes and what does not apply only when asked for.
fn is_shown(finding: &Finding, look: Look) -> bool {
    look.verbose || matches!(finding.status, Status::Fail | Status::Error)
}

fn section_heading(out: &mut dyn Write, report: &Report, number: &str) -> io::Result<()> {
    let of_section = || report.findings.iter().filter(|f| f.control.section() == number);
    let failing = of_section().filter(|f| f.status == Status::Fail).count();
    writeln!(out)?;
    writeln!(
        out,
        "{HEADING}{number} {}{HEADING:#}  {DIM}{failing} of {} fail{DIM:#}",
        section::title(number),
        of_section().count()
    )
}

/// Writes one finding with what it rests on.
pub fn write_finding(out: &mut dyn Write, finding: &Finding, look: Look) -> io::Result<()> {
    let (glyph, colour) = look.status(finding.status);
    let manual = if finding.assessment == Assessment::Manual && finding.status == Status::Fail {
        " (manual control)"
    } else {
        ""
    };
    writeln!(
        out,
        "{colour}{glyph} {:<6}{colour:#} {BOLD}{:<7}{BOLD:#} {}{DIM}{manual}{DIM:#}",
        finding.status,
        finding.control,
        one_line(&finding.title)
    )?;
    let mut line =
        |label: &str, text: &str| writeln!(out, "    {DIM}{label:<7}{DIM:#} {}", one_line(text));
    line("found", &finding.reason)?;
    if matches!(finding.status, Status::Fail | Status::Error) || look.verbose {
        line("wanted", &finding.expected)?;
    }
    for evidence in finding.evidence.iter().filter(|seen| seen.value != finding.reason) {
        line("seen", &format!("{} ({})", evidence.value, evidence.source))?;
    }
    let shown = if look.verbose { finding.objects.len() } else { OBJECTS };
    for object in finding.objects.iter().take(shown) {
        line("object", &object_line(object))?;
        if look.verbose && !object.who.is_empty() {
            line("who", &object.who.join(&format!(" {} ", look.arrow())))?;
        }
    }
    if let Some(more) = finding.objects.len().checked_sub(shown + 1) {
        line("", &format!("and {} more: -v shows all", more + 1))?;
    }
    if let Some(drift) = &finding.drift {
        line("drift", drift)?;
    }
    if let Some(Mark::Accepted { reason }) = &finding.mark {
        line("accept", reason)?;
    }
    if finding.status == Status::Fail {
        line("fix", &offer(finding))?;
    }
    Ok(())
}

/// How many objects of a finding are shown unless all are asked for.
const OBJECTS: usize = 5;

/// `pod/legacy/privileged  spec.hostPID: true`.
pub(super) fn object_line(object: &FoundObject) -> String {
    let path = if object.path.is_empty() { String::new() } else { format!("  {}", object.path) };
    format!("{}{path}: {}", object.object, object.value)
}

fn offer(finding: &Finding) -> String {
    match &finding.offer {
        FixOffer::Offered { tier, .. } => {
            format!("kube-temper apply --check {}  (risk {tier})", finding.control)
        }
        FixOffer::Later { reason } => format!("not offered by this version: {reason}"),
        FixOffer::None { reason } => format!("by hand: {reason}"),
    }
}

fn totals(out: &mut dyn Write, report: &Report, look: Look) -> io::Result<()> {
    let score = report.score();
    writeln!(out)?;
    match score.percent() {
        None => writeln!(out, "{BOLD}No score{BOLD:#}  no automated control was judged")?,
        Some(percent) => writeln!(
            out,
            "{BOLD}Score {percent}%{BOLD:#}  {} of {} automated controls pass",
            score.pass,
            score.pass + score.fail,
        )?,
    }
    counts(out, report, look)?;
    if !look.verbose && !look.quiet {
        writeln!(
            out,
            "{DIM}-v shows every control; `kube-temper explain ID` says why one matters{DIM:#}"
        )?;
    }
    Ok(())
}

/// Writes how many came out how.
pub fn counts(out: &mut dyn Write, report: &Report, look: Look) -> io::Result<()> {
    let totals = report.totals();
    let count = |status: Status| totals.get(&status).copied().unwrap_or(0);
    let (good, bad) = (look.good(), look.bad());
    writeln!(
        out,
        "{good}{} PASS{good:#}  {bad}{} FAIL{bad:#}  {ASK}{} MANUAL{ASK:#}  {DIM}{} N/A{DIM:#}  {} ERROR",
        count(Status::Pass),
        count(Status::Fail),
        count(Status::Manual),
        count(Status::NotApplicable),
        count(Status::Error),
    )?;
    let accepted: Vec<&str> =
        report.findings.iter().filter(|f| f.mark.is_some()).map(|f| f.control.as_str()).collect();
    if !accepted.is_empty() {
        writeln!(out, "{DIM}accepted deviations, not counted: {}{DIM:#}", accepted.join(" "))?;
    }
    Ok(())
}
