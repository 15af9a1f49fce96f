//! Floor 3: `remediations/*.yaml` → controls. An unknown key or id is an error with file and line.
//!
//! Owns which controls exist, their numbers per benchmark, and the rules a remediations file keeps.
//! Judges nothing and reads no file: the set is compiled in, or its texts are handed over.

mod files;
mod rules;
mod schema;
#[cfg(test)]
mod tests;

use self::files::Source;
use crate::{
    model::{Benchmark, BenchmarkId, Check, Control, ControlId, Minor, control::KnownCluster},
    node::collect::PathCandidates,
};

pub use schema::{benchmarks_schema, cluster_schema, paths_schema, schema};

/// All controls, all benchmarks, all path candidates.
#[derive(Debug, Clone)]
pub struct Catalog {
    controls: Vec<Control>,
    /// One per [`BenchmarkId::ALL`], in that order.
    benchmarks: [Benchmark; 8],
    cluster: KnownCluster,
    paths: PathCandidates,
}

/// A control under its number in one benchmark, with that benchmark's differences applied.
#[derive(Debug, Clone)]
pub struct Numbered {
    /// Its number.
    pub id: ControlId,
    /// The control.
    pub control: Control,
}

/// The remediations could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {message}", line.map(|l| format!(":{l}")).unwrap_or_default())]
pub struct CatalogError {
    /// File name within the remediations folder.
    pub file: String,
    /// One-based line, where known.
    pub line: Option<usize>,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl Catalog {
    /// The set that is compiled in.
    pub fn embedded() -> Result<Self, CatalogError> {
        Self::of(files::EMBEDDED)
    }

    /// A set given as (file name, text) pairs: `--remediations DIR`.
    ///
    /// `benchmarks.yaml`, `cluster.yaml` and `paths.yaml` are required; every other file holds controls. The set
    /// replaces the compiled-in one as a whole.
    pub fn parse<'t>(
        files: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Result<Self, CatalogError> {
        Self::of(files.into_iter().map(|(name, text)| Source { name, text, json: None }))
    }

    fn of<'t>(files: impl IntoIterator<Item = Source<'t>>) -> Result<Self, CatalogError> {
        let set = files::read(files)?;
        rules::enforce(&set)?;
        set.into_catalog()
    }

    /// One benchmark.
    pub fn benchmark(&self, id: BenchmarkId) -> &Benchmark {
        let [cis1_7, cis1_8, cis1_9, cis1_10, cis1_11, cis1_12, cis2_0, cis2_1] = &self.benchmarks;
        match id {
            BenchmarkId::Cis1_7 => cis1_7,
            BenchmarkId::Cis1_8 => cis1_8,
            BenchmarkId::Cis1_9 => cis1_9,
            BenchmarkId::Cis1_10 => cis1_10,
            BenchmarkId::Cis1_11 => cis1_11,
            BenchmarkId::Cis1_12 => cis1_12,
            BenchmarkId::Cis2_0 => cis2_0,
            BenchmarkId::Cis2_1 => cis2_1,
        }
    }

    /// Its controls under its numbers, ordered by number.
    pub fn controls(&self, id: BenchmarkId) -> Vec<Numbered> {
        let benchmark = self.benchmark(id);
        let mut controls: Vec<Numbered> = self
            .controls
            .iter()
            .filter_map(|control| {
                let id = files::number(benchmark, control)?;
                Some(Numbered { id: id.clone(), control: under(benchmark, control.clone()) })
            })
            .collect();
        controls.sort_by(|a, b| a.id.cmp(&b.id));
        controls
    }

    /// The benchmark for a Kubernetes minor; `None` for versions older than every benchmark. A version newer than
    /// all known ones gets the newest that is not provisional.
    pub fn for_version(&self, minor: Minor) -> Option<BenchmarkId> {
        let chosen = |benchmark: &&Benchmark| !benchmark.kubernetes.is_empty();
        let exact = self.benchmarks.iter().find(|b| b.kubernetes.contains(&minor));
        let newest = || {
            let newest = self.benchmarks.iter().rfind(|b| chosen(b) && !b.provisional)?;
            (newest.kubernetes.iter().max()? < &minor).then_some(newest)
        };
        exact.or_else(newest).map(|benchmark| benchmark.id)
    }

    /// What is known of clusters in general.
    pub fn known_cluster(&self) -> &KnownCluster {
        &self.cluster
    }

    /// Where to look for files when the running process does not say.
    pub fn path_candidates(&self) -> &PathCandidates {
        &self.paths
    }
}

/// The control with the differences of a benchmark applied.
fn under(benchmark: &Benchmark, mut control: Control) -> Control {
    let slug = &control.slug;
    if let Some(title) = benchmark.title_of.get(slug) {
        control.title.clone_from(title);
    }
    if let Some(assessment) = benchmark.assessment.get(slug) {
        control.assessment = *assessment;
    }
    if let Some(level) = benchmark.level.get(slug) {
        control.level = *level;
    }
    match &mut control.check {
        Check::Flag { expect, .. }
        | Check::KubeletField { expect, .. }
        | Check::KubeProxyField { expect, .. } => {
            if let Some(other) = benchmark.expect.get(slug) {
                expect.clone_from(other);
            }
        }
        Check::FileMode { at_most, .. } => {
            if let Some(other) = benchmark.at_most.get(slug) {
                *at_most = *other;
            }
        }
        Check::AuditPolicy { cover } => {
            cover.extend(benchmark.cover_also.get(slug).into_iter().flatten().cloned());
        }
        _ => {}
    }
    control
}
