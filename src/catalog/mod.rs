//! Floor 3: `remediations/*.yaml` → controls. An unknown key or id is an error with file and line.
use crate::{
    model::{Benchmark, BenchmarkId, Control, ControlId, Minor},
    node::collect::PathCandidates,
};

/// All controls, all benchmarks, all path candidates.
#[derive(Debug, Clone)]
pub struct Catalog {}

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
        todo!()
    }

    /// A set given as (file name, text) pairs: `--remediations DIR`.
    pub fn parse<'t>(
        files: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Result<Self, CatalogError> {
        let _ = files.into_iter().count();
        todo!()
    }

    /// One benchmark.
    pub fn benchmark(&self, id: BenchmarkId) -> &Benchmark {
        let _ = id;
        todo!()
    }

    /// Its controls under its numbers, ordered by number.
    pub fn controls(&self, id: BenchmarkId) -> Vec<Numbered> {
        let _ = id;
        todo!()
    }

    /// The benchmark for a Kubernetes minor; `None` for versions older than every benchmark. A version newer than
    /// all known ones gets the newest that is not provisional.
    pub fn for_version(&self, minor: Minor) -> Option<BenchmarkId> {
        let _ = minor;
        todo!()
    }

    /// Where to look for files when the running process does not say.
    pub fn path_candidates(&self) -> &PathCandidates {
        todo!()
    }
}
