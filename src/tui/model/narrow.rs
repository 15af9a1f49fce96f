//! What narrows the list beside the status, and its order: each has a few values, which one key goes through.

use std::collections::BTreeSet;

use super::findings_offered;
use crate::{
    engine::Scan,
    model::{Component, Finding, Level, Tier},
};

/// In which order the findings stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    /// By section; within it the worst first, then the easiest to fix.
    #[default]
    Section,
    /// By section, as the benchmark numbers them.
    Number,
    /// Without sections: the easiest to fix first.
    Easiest,
}

/// What narrows the list; `None` narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Narrow {
    /// Risk of the fix on offer.
    pub(crate) tier: Option<Tier>,
    /// Whose setting it is, or what its fix restarts.
    pub(crate) component: Option<Component>,
    /// CIS level.
    pub(crate) level: Option<Level>,
    /// Section.
    pub(crate) section: Option<String>,
}

/// One line of the menu below the statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Facet {
    /// See [`Narrow::tier`].
    Tier,
    /// See [`Narrow::component`].
    Component,
    /// See [`Narrow::level`].
    Level,
    /// See [`Narrow::section`].
    Section,
    /// See [`Sort`].
    Sort,
}

impl Facet {
    /// Every line with its key and name.
    pub(crate) const ALL: [(char, Self, &'static str); 5] = [
        ('r', Self::Tier, "risk"),
        ('t', Self::Component, "component"),
        ('l', Self::Level, "level"),
        ('s', Self::Section, "section"),
        ('b', Self::Sort, "sorted by"),
    ];
}

impl Sort {
    /// In words, for the menu.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Section => "section, worst first",
            Self::Number => "number",
            Self::Easiest => "easiest fix first",
        }
    }

    /// The next one.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Section => Self::Number,
            Self::Number => Self::Easiest,
            Self::Easiest => Self::Section,
        }
    }
}

impl Narrow {
    /// Whether a finding is shown.
    pub(crate) fn shows(&self, finding: &Finding, scan: &Scan) -> bool {
        self.tier.is_none_or(|tier| findings_offered(finding) == Some(tier))
            && self.level.is_none_or(|level| finding.level == level)
            && self.section.as_deref().is_none_or(|section| finding.control.section() == section)
            && self.component.is_none_or(|component| concerns(finding, scan).contains(&component))
    }

    /// Goes on to the next value which this scan has, and from the last to none.
    pub(crate) fn turn(&mut self, facet: Facet, scan: &Scan) {
        let findings = || scan.report.findings.iter();
        match facet {
            Facet::Tier => {
                let tiers: BTreeSet<Tier> = findings().filter_map(findings_offered).collect();
                self.tier = after(self.tier.as_ref(), tiers);
            }
            Facet::Component => {
                let all = findings().flat_map(|finding| concerns(finding, scan));
                self.component = after(self.component.as_ref(), all.collect::<BTreeSet<_>>());
            }
            Facet::Level => {
                self.level = after(self.level.as_ref(), [Level::L1, Level::L2]);
            }
            Facet::Section => {
                // In the order of the report, which is that of the benchmark.
                let mut sections: Vec<String> =
                    findings().map(|finding| finding.control.section().to_owned()).collect();
                sections.dedup();
                self.section = after(self.section.as_ref(), sections);
            }
            Facet::Sort => {}
        }
    }

    /// What is in force, in words.
    pub(crate) fn names(&self) -> Vec<String> {
        let tier = self.tier.map(|tier| tier.to_string());
        let component = self.component.map(|component| component.to_string());
        let level = self.level.map(|level| format!("level {}", u8::from(level)));
        let section = self.section.as_ref().map(|section| format!("section {section}"));
        [tier, component, level, section].into_iter().flatten().collect()
    }

    /// The value of one line of the menu.
    pub(crate) fn value(&self, facet: Facet, sort: Sort) -> String {
        let any = || "any".to_owned();
        match facet {
            Facet::Tier => self.tier.map_or_else(any, |tier| tier.to_string()),
            Facet::Component => self.component.map_or_else(any, |component| component.to_string()),
            Facet::Level => self.level.map_or_else(any, |level| u8::from(level).to_string()),
            Facet::Section => self.section.clone().unwrap_or_else(any),
            Facet::Sort => sort.name().to_owned(),
        }
    }
}

/// The components a finding is about: whose setting it is, and what its fix restarts.
fn concerns(finding: &Finding, scan: &Scan) -> Vec<Component> {
    let numbered = scan.controls.iter().find(|numbered| numbered.id == finding.control);
    let control = numbered.map(|numbered| &numbered.control);
    let of = |of: Option<Component>| of.into_iter();
    control
        .into_iter()
        .flat_map(|control| of(control.component()).chain(control.restarts()))
        .collect()
}

fn after<T: PartialEq>(now: Option<&T>, values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut values = values.into_iter();
    match now {
        None => values.next(),
        Some(now) => {
            values.by_ref().find(|value| value == now);
            values.next()
        }
    }
}
