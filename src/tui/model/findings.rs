//! The list of findings: which are shown, in which order, and which fixes are marked.

use std::collections::BTreeSet;

use super::{List, Narrow, Sort};
use crate::{
    engine::Scan,
    model::{ControlId, Finding, FixOffer, Status, Tier},
};

/// Which findings are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Filter {
    /// What is wrong on this node: FAIL and ERROR, accepted deviations left out.
    #[default]
    Wrong,
    /// FAIL with a fix this program offers.
    Fixable,
    /// One status.
    Only(Status),
    /// FAIL that is right on this node.
    Accepted,
    /// Everything.
    All,
}

impl Filter {
    /// Every choice with its key in the menu.
    pub(crate) const ALL: [(char, Self, &'static str); 9] = [
        ('w', Self::Wrong, "wrong here: FAIL and ERROR"),
        ('o', Self::Fixable, "FAIL with a fix on offer"),
        ('x', Self::Only(Status::Fail), "FAIL"),
        ('e', Self::Only(Status::Error), "ERROR: could not be read"),
        ('m', Self::Only(Status::Manual), "MANUAL: a person must judge"),
        ('p', Self::Only(Status::Pass), "PASS"),
        ('n', Self::Only(Status::NotApplicable), "N/A: no such component or file"),
        ('c', Self::Accepted, "accepted deviations"),
        ('a', Self::All, "all"),
    ];

    /// In a word, for the list's title.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Wrong => "wrong here",
            Self::Fixable => "fix on offer",
            Self::Only(status) => status.as_str(),
            Self::Accepted => "accepted",
            Self::All => "all",
        }
    }

    /// Whether a finding is shown.
    pub(crate) fn shows(self, finding: &Finding) -> bool {
        let accepted = finding.mark.is_some();
        match self {
            Self::Wrong => matches!(finding.status, Status::Fail | Status::Error) && !accepted,
            Self::Fixable => {
                finding.status == Status::Fail && matches!(finding.offer, FixOffer::Offered { .. })
            }
            Self::Only(status) => finding.status == status,
            Self::Accepted => accepted,
            Self::All => true,
        }
    }
}

/// A row of the list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'s> {
    /// A section with the number of its findings that are shown.
    Section(&'s str, usize),
    /// A finding.
    Finding(&'s Finding),
}

/// The findings screen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    /// The finding under the cursor.
    pub(crate) list: List,
    /// Which are shown.
    pub(crate) filter: Filter,
    /// What narrows them further.
    pub(crate) narrow: Narrow,
    /// Their order.
    pub(crate) sort: Sort,
    /// Text they must contain.
    pub(crate) search: String,
    /// Controls whose fix is marked.
    pub(crate) marked: BTreeSet<ControlId>,
    /// Lines scrolled in the detail.
    pub(crate) scroll: usize,
}

/// The tier of the fix on offer for a failing control.
pub(crate) fn offered(finding: &Finding) -> Option<Tier> {
    match finding.offer {
        FixOffer::Offered { tier, .. } if finding.status == Status::Fail => Some(tier),
        _ => None,
    }
}

impl Findings {
    /// What is shown, in the order that was chosen.
    pub(crate) fn visible<'s>(&self, scan: &'s Scan) -> Vec<&'s Finding> {
        let wanted = self.search.to_lowercase();
        let mut shown: Vec<&Finding> = scan
            .report
            .findings
            .iter()
            .filter(|finding| self.filter.shows(finding) && self.narrow.shows(finding, scan))
            .filter(|finding| wanted.is_empty() || contains(finding, &wanted))
            .collect();
        // Sections stay in the order of the report; the sort is stable, so ids stay ordered too.
        let rank = |finding: &Finding| {
            (
                finding.mark.is_some(),
                finding.status,
                offered(finding).map_or((1, Tier::R4), |tier| (0, tier)),
            )
        };
        match self.sort {
            Sort::Number => return shown,
            Sort::Easiest => {
                let easiest = |finding: &Finding| {
                    (offered(finding).is_none(), offered(finding), finding.status)
                };
                shown.sort_by_key(|finding| easiest(finding));
                return shown;
            }
            Sort::Section => {}
        }
        let mut sections: Vec<&str> = Vec::new();
        for finding in &shown {
            if sections.last() != Some(&finding.control.section()) {
                sections.push(finding.control.section());
            }
        }
        let place = |finding: &Finding| {
            sections.iter().position(|section| *section == finding.control.section())
        };
        shown.sort_by_key(|finding| (place(finding), rank(finding)));
        shown
    }

    /// What is shown, with a heading above each section unless they are mixed.
    pub(crate) fn rows<'s>(&self, scan: &'s Scan) -> Vec<Row<'s>> {
        let visible = self.visible(scan);
        let mut rows = Vec::new();
        let mut last = None;
        for finding in &visible {
            let section = finding.control.section();
            if self.sort != Sort::Easiest && last != Some(section) {
                let count =
                    visible.iter().filter(|other| other.control.section() == section).count();
                rows.push(Row::Section(section, count));
                last = Some(section);
            }
            rows.push(Row::Finding(finding));
        }
        rows
    }

    /// Others are shown than at the beginning, search aside.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.filter != Filter::default() || self.narrow != Narrow::default()
    }

    /// The finding under the cursor.
    pub(crate) fn current<'s>(&self, scan: &'s Scan) -> Option<&'s Finding> {
        self.visible(scan).get(self.list.cursor).copied()
    }

    /// Puts the cursor back on a control after what is shown has changed.
    pub(crate) fn stay_on(&mut self, control: Option<&ControlId>, scan: &Scan) {
        let visible = self.visible(scan);
        let found = control.and_then(|id| visible.iter().position(|f| &f.control == id));
        self.list.cursor = found.unwrap_or(self.list.cursor).min(visible.len().saturating_sub(1));
        if found.is_none() {
            self.scroll = 0;
        }
    }

    /// Forgets marks of controls which have no fix on offer any more.
    pub(crate) fn drop_stale_marks(&mut self, scan: &Scan) {
        self.marked
            .retain(|id| scan.report.finding(id).is_some_and(|finding| offered(finding).is_some()));
    }
}

fn contains(finding: &Finding, lower: &str) -> bool {
    [finding.control.as_str(), &finding.slug.0, &finding.title, &finding.reason, &finding.expected]
        .into_iter()
        .any(|text| text.to_lowercase().contains(lower))
        || finding.evidence.iter().any(|evidence| evidence.value.to_lowercase().contains(lower))
        // Names in the cluster are lower case, and there may be many thousands.
        || finding.objects.iter().any(|object| object.object.contains(lower))
}
