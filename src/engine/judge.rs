//! Scans and explanations: which benchmark, which controls, and the verdicts on one collection of facts.

use std::{collections::BTreeSet, sync::Arc};

use super::{Engine, EngineError, Filter, Scan};
use crate::{
    catalog::Numbered,
    check::{self, cluster::Cluster},
    model::{BenchmarkId, ControlId, Finding, NodeFacts, Target, cluster::ClusterReading},
    node::collect::collect,
    plan::{self, export::Export},
    store::Store,
};

impl Engine {
    /// Reads the node and its cluster, and judges them.
    pub fn scan(&self, filter: &Filter) -> Result<Scan, EngineError> {
        Ok(self.look(filter)?.0)
    }

    /// Objects for the cluster that close these controls (all that have some, when none are named). Nothing is
    /// written there.
    pub fn export(&self, controls: &[ControlId]) -> Result<Vec<Export>, EngineError> {
        let filter = Filter { checks: controls.to_vec(), ..Filter::default() };
        let (scan, reading) = self.look(&filter)?;
        let facts = match &reading {
            ClusterReading::Read(facts) => facts,
            ClusterReading::NoAccess { why } => return Err(unread(why)),
            ClusterReading::NotAsked => return Err(unread("name a kubeconfig with --kubeconfig")),
        };
        let own = &self.catalog.known_cluster().own.namespaces;
        Ok(plan::export::export(&scan.controls, &scan.report, facts, own))
    }

    fn look(&self, filter: &Filter) -> Result<(Scan, ClusterReading), EngineError> {
        let mut facts = collect(self.node.as_ref(), self.catalog.path_candidates())?;
        // A named kubeconfig is worth a scan away from any node.
        if !has_components(&facts) && (self.reader.is_none() || filter.node_only) {
            return Err(EngineError::NothingToJudge(
                "no Kubernetes component was found here: no static pod manifest, no kubelet, no process; on an unpacked image or recording give --root DIR --offline"
                    .to_owned(),
            ));
        }
        self.ask_version(&mut facts);
        let benchmark = self.benchmark_for(&facts)?;
        let all = self.catalog.controls(benchmark);
        let controls = narrow(all, benchmark, filter)?;
        let wanted =
            if filter.node_only { BTreeSet::new() } else { check::cluster::resources(&controls) };
        let reading = self.read_cluster(&wanted);
        let cluster = Cluster { reading: &reading, known: self.catalog.known_cluster() };
        let notices = self.notices(benchmark);
        let report = check::check_with(benchmark, notices, &controls, &facts, Some(cluster));
        // A state directory that another user cannot read is no obstacle to a scan.
        let unfinished = Store::new(self.node.as_ref()).unfinished().unwrap_or_default();
        let busy = !unfinished.is_empty() && self.node.is_locked().unwrap_or(false);
        let (facts, controls) = (Arc::new(facts), Arc::new(controls));
        Ok((Scan { facts, report, controls, unfinished, busy }, reading))
    }

    /// A control of the benchmark in force (or of `--benchmark`), by id.
    pub fn explain(&self, id: &ControlId) -> Result<Numbered, EngineError> {
        let benchmark = match self.settings.benchmark {
            Some(benchmark) => benchmark,
            // An explanation is worth having away from any node: the newest numbering serves there.
            None => collect(self.node.as_ref(), self.catalog.path_candidates())
                .ok()
                .and_then(|facts| self.benchmark_for(&facts).ok())
                .unwrap_or(BenchmarkId::Cis2_0),
        };
        self.catalog
            .controls(benchmark)
            .into_iter()
            .find(|numbered| numbered.id == *id)
            .ok_or_else(|| unknown(id, benchmark))
    }

    /// What this control finds in the cluster, where it looks there and somebody can.
    pub fn found_in_cluster(&self, numbered: &Numbered) -> Option<Finding> {
        if check::cluster::resources(std::slice::from_ref(numbered)).is_empty() {
            return None;
        }
        let filter = Filter { checks: vec![numbered.id.clone()], ..Filter::default() };
        let report = self.scan(&filter).ok()?.report;
        report.finding(&numbered.id).cloned()
    }

    fn benchmark_for(&self, facts: &NodeFacts) -> Result<BenchmarkId, EngineError> {
        if let Some(benchmark) = self.settings.benchmark {
            return Ok(benchmark);
        }
        let Some(version) = &facts.profile.version else {
            if self.node.uid() != 0 {
                return Err(EngineError::NotAllowed(
                    "the files that tell the Kubernetes version are not for this user to read: run it as root, or scan what can be read with --benchmark cis-2.0"
                        .to_owned(),
                ));
            }
            return Err(EngineError::NothingToJudge(
                "the Kubernetes version of this node is not known, and it is never guessed: choose the numbering with --benchmark, for example --benchmark cis-2.0"
                    .to_owned(),
            ));
        };
        self.catalog.for_version(version.minor).ok_or_else(|| {
            EngineError::NothingToJudge(format!(
                "Kubernetes {} is older than every benchmark known here: choose one with --benchmark",
                version.text
            ))
        })
    }

    fn notices(&self, benchmark: BenchmarkId) -> Vec<String> {
        let benchmark = self.catalog.benchmark(benchmark);
        let provisional = benchmark.provisional.then(|| {
            format!(
                "{} is provisional: its text was not seen, verdicts are our best reading",
                benchmark.id
            )
        });
        provisional.into_iter().chain(benchmark.notice.clone()).collect()
    }
}

fn unread(why: &str) -> EngineError {
    EngineError::NothingToJudge(format!("the cluster was not read: {why}"))
}

fn has_components(facts: &NodeFacts) -> bool {
    !facts.manifests.is_empty()
        || facts.kubelet.config.is_some()
        || facts.kubelet.start_args.is_some()
        || facts
            .processes
            .values()
            .any(|process| !matches!(process, crate::model::ProcessFact::Absent))
}

fn unknown(id: &ControlId, benchmark: BenchmarkId) -> EngineError {
    EngineError::Usage(format!("{benchmark} has no control {id}: `kube-temper scan -v` lists them"))
}

/// The controls a filter leaves. An id the benchmark does not have is an error, not an empty answer.
fn narrow(
    controls: Vec<Numbered>,
    benchmark: BenchmarkId,
    filter: &Filter,
) -> Result<Vec<Numbered>, EngineError> {
    if let Some(id) = filter.checks.iter().find(|id| controls.iter().all(|c| c.id != **id)) {
        return Err(unknown(id, benchmark));
    }
    if let Some(section) =
        filter.sections.iter().find(|s| controls.iter().all(|c| !in_section(&c.id, s)))
    {
        return Err(EngineError::Usage(format!(
            "{benchmark} has no section {section}: write for example 1.2 or 4"
        )));
    }
    Ok(controls
        .into_iter()
        .filter(|c| {
            (filter.checks.is_empty() || filter.checks.contains(&c.id))
                && (filter.sections.is_empty()
                    || filter.sections.iter().any(|s| in_section(&c.id, s)))
                && (filter.targets.is_empty()
                    || Target::of_section(c.id.section())
                        .is_some_and(|target| filter.targets.contains(&target)))
                && filter.level.is_none_or(|level| c.control.level <= level)
        })
        .collect())
}

/// `4` holds `4.1` and `4.2`; `1.2` holds itself.
fn in_section(id: &ControlId, section: &str) -> bool {
    let own = id.section();
    own == section || own.strip_prefix(section).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_holds_its_subsections_and_nothing_else() {
        let id: ControlId = "1.2.15".parse().unwrap();
        for (section, holds) in
            [("1.2", true), ("1", true), ("1.20", false), ("2", false), ("1.", false)]
        {
            assert_eq!(in_section(&id, section), holds, "{section}");
        }
    }
}
