//! What was found: lists with numbers, picking by them, one in full.

use super::{Done, Session, Stop, words::chosen};
use crate::{
    model::{ControlId, Finding, FixOffer, Status, Tier, section},
    report::{self, Look, style::BOLD},
    text::printable::one_line,
};

/// The tier of the fix, when there is one.
fn tier(finding: &Finding) -> Option<Tier> {
    match finding.offer {
        FixOffer::Offered { tier, .. } if finding.status == Status::Fail => Some(tier),
        _ => None,
    }
}

/// Whether a finding is listed for this word.
fn fits(finding: &Finding, word: &str) -> bool {
    let word = word.to_lowercase();
    let id = finding.control.to_string();
    match word.as_str() {
        "all" => true,
        "pass" | "fail" | "manual" | "error" | "n/a" => {
            finding.status.as_str().to_lowercase() == word
        }
        "r0" | "r1" | "r2" | "r3" | "r4" => {
            tier(finding).is_some_and(|tier| tier.to_string().to_lowercase() == word)
        }
        _ if word.starts_with(|c: char| c.is_ascii_digit()) => {
            id == word || id.starts_with(&format!("{word}."))
        }
        _ => {
            let text = format!("{id} {} {}", finding.title, finding.reason);
            text.to_lowercase().contains(&word)
        }
    }
}

/// What fails or could not be read, and no reason accepts it.
fn is_wrong(finding: &Finding) -> bool {
    finding.mark.is_none() && matches!(finding.status, Status::Fail | Status::Error)
}

impl Session<'_> {
    pub(super) fn list(&mut self, words: &[String]) -> Done {
        let findings = self.scanned()?.report.findings.clone();
        let mut shown: Vec<&Finding> = findings
            .iter()
            .filter(|finding| match words {
                [] => is_wrong(finding),
                words => words.iter().all(|word| fits(finding, word)),
            })
            .collect();
        // Within a section what can be fixed comes first, the easiest of it at the top.
        let sections: Vec<&str> = findings.iter().map(|f| f.control.section()).collect();
        let place = |f: &Finding| sections.iter().position(|s| *s == f.control.section());
        shown.sort_by_key(|finding| (place(finding), tier(finding).is_none(), tier(finding)));
        self.listed = shown.iter().map(|finding| finding.control.clone()).collect();
        let (look, out) = (self.look, self.console.out());
        let mut current = "";
        for (number, finding) in (1..).zip(&shown) {
            if finding.control.section() != current {
                current = finding.control.section();
                writeln!(out, "\n{BOLD}{current} {}{BOLD:#}", section::title(current))?;
            }
            let picked = if self.picked.contains(&finding.control) { ", picked" } else { "" };
            writeln!(out, "{number:>3} {}{picked}", line(finding, look))?;
        }
        match shown.len() {
            0 => self.say("Nothing is listed.")?,
            number => self.say(&format!(
                "\n{} listed. pick 1 chooses the fix of the first, show 1 says more.",
                report::history::count(number, "finding")
            ))?,
        }
        Ok(())
    }

    /// The controls that words name.
    fn named(&self, words: &[String]) -> Result<Vec<ControlId>, Stop> {
        let ids = chosen(words, &self.listed).map_err(Stop::Because)?;
        let report = &self.scanned()?.report;
        match ids.iter().find(|id| report.finding(id).is_none()) {
            Some(id) => Err(Stop::Because(format!("{} has no control {id}", report.benchmark))),
            None => Ok(ids.into_iter().collect()),
        }
    }

    /// The one control that words name.
    fn one(&self, words: &[String]) -> Result<ControlId, Stop> {
        match self.named(words)?.as_slice() {
            [id] => Ok(id.clone()),
            _ => Err(Stop::Because("say one number of the list, or one control id".to_owned())),
        }
    }

    pub(super) fn pick(&mut self, words: &[String]) -> Done {
        let safe = matches!(words, [word] if word == "safe");
        let report = &self.scanned()?.report;
        let ids = if safe {
            let safe = |f: &&Finding| is_wrong(f) && tier(f).is_some_and(|tier| tier <= Tier::R1);
            report.findings.iter().filter(safe).map(|f| f.control.clone()).collect()
        } else {
            self.named(words)?
        };
        if ids.is_empty() {
            return Err(Stop::Because(
                "say which: pick 1 3-5, pick 1.2.15, or pick safe".to_owned(),
            ));
        }
        for id in ids {
            let Some(finding) = self.scanned()?.report.finding(&id) else { continue };
            let title = one_line(&finding.title).into_owned();
            let said = match (&finding.offer, finding.status) {
                (_, status) if status != Status::Fail => {
                    format!("{id} is {status}: there is nothing to fix.")
                }
                (FixOffer::Offered { tier, .. }, _) => {
                    let said = format!("{id} picked, risk {tier}: {title}");
                    self.picked.insert(id);
                    said
                }
                (FixOffer::Later { reason } | FixOffer::None { reason }, _) => {
                    format!("{id} has no fix here: {}", one_line(reason))
                }
            };
            self.say(&said)?;
        }
        Ok(())
    }

    pub(super) fn drop_picked(&mut self, words: &[String]) -> Done {
        let ids = self.named(words)?;
        if ids.is_empty() {
            self.picked.clear();
        }
        self.picked.retain(|id| !ids.contains(id));
        Ok(self.say(&format!("{} picked.", self.picked.len()))?)
    }

    pub(super) fn show(&mut self, words: &[String]) -> Done {
        let id = self.one(words)?;
        let Some(finding) = self.scanned()?.report.finding(&id).cloned() else { return Ok(()) };
        let look = Look { verbose: true, ..self.look };
        report::scan::write_finding(self.console.out(), &finding, look)?;
        if finding.status == Status::Fail && matches!(finding.offer, FixOffer::Offered { .. }) {
            self.say(&format!("Here it is: pick {id}, then apply."))?;
        }
        Ok(())
    }

    pub(super) fn explain(&mut self, words: &[String]) -> Done {
        let numbered = self.engine.explain(&self.one(words)?)?;
        Ok(report::explain::write(self.console.out(), &numbered, self.look)?)
    }
}

/// One finding in a list.
fn line(finding: &Finding, look: Look) -> String {
    let (glyph, style) = look.status(finding.status);
    let word = match finding.mark {
        Some(_) if finding.status == Status::Fail => "ACCEPTED",
        _ => finding.status.as_str(),
    };
    let risk = match (tier(finding), finding.status) {
        (Some(tier), _) => format!("risk {tier}"),
        (None, Status::Fail) => "by hand".to_owned(),
        _ => String::new(),
    };
    format!(
        "{style}{glyph} {word:<6}{style:#} {:<7} {risk:<7} {}",
        finding.control,
        one_line(&finding.title)
    )
}
