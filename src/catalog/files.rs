//! The remediations files: what each holds, and the set that is compiled in.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use super::{Catalog, CatalogError};
use crate::model::{Benchmark, BenchmarkId, Control, ControlId, PathVar, control::KnownCluster};

/// One file of a set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'t> {
    /// File name within the remediations folder.
    pub(super) name: &'t str,
    /// Its text.
    pub(super) text: &'t str,
    /// The same as JSON, made by `build.rs`.
    pub(super) json: Option<&'t str>,
}

/// Files of `remediations/` without their ending.
macro_rules! embed {
    ($($stem:literal),* $(,)?) => {
        [$(Source {
            name: concat!($stem, ".yaml"),
            text: include_str!(concat!("../../remediations/", $stem, ".yaml")),
            json: Some(include_str!(concat!(env!("OUT_DIR"), "/", $stem, ".json"))),
        }),*]
    };
}

/// The set that is compiled in; `tests/catalog.rs` compares it with the folder.
pub(super) const EMBEDDED: [Source<'static>; 22] = embed![
    "1.1-control-plane-files",
    "1.2-audit",
    "1.2-authentication",
    "1.2-authorization-and-admission",
    "1.2-requests",
    "1.2-tls-and-encryption",
    "1.3-controller-manager",
    "1.4-scheduler",
    "2-etcd",
    "3-logins-and-audit-policy",
    "4.1-worker-files",
    "4.2-kubelet",
    "4.3-kube-proxy",
    "5.1-rbac-and-service-accounts",
    "5.2-pod-security",
    "5.3-network-policies",
    "5.4-secrets",
    "5.5-image-provenance",
    "5.6-general-policies",
    "benchmarks",
    "cluster",
    "paths",
];

/// Where the benchmarks are.
pub(super) const BENCHMARKS: &str = "benchmarks.yaml";
/// Where it is said what is known of clusters.
pub(super) const CLUSTER: &str = "cluster.yaml";
/// Where the path candidates are.
pub(super) const PATHS: &str = "paths.yaml";

/// A file of controls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ControlsFile {
    /// The controls, in the order of their numbers.
    pub(super) controls: Vec<Control>,
}

/// `benchmarks.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BenchmarksFile {
    /// Every benchmark this program knows, each once.
    pub(super) benchmarks: Vec<Benchmark>,
}

/// `paths.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PathsFile {
    /// Where to look when the running process does not say, in order of preference.
    pub(super) paths: BTreeMap<PathVar, Vec<String>>,
}

/// A file as it was handed over, with what was read from it.
#[derive(Debug)]
pub(super) struct Parsed<'t, T> {
    /// File name within the remediations folder.
    pub(super) name: &'t str,
    /// Its text, for the line of an entry.
    pub(super) text: &'t str,
    /// What it says.
    pub(super) content: T,
}

impl<'t, T: DeserializeOwned> Parsed<'t, T> {
    fn read(Source { name, text, json }: Source<'t>) -> Result<Self, CatalogError> {
        // What is wrong is told with its line, so the text has the last word.
        if let Some(content) = json.and_then(|json| serde_json::from_str(json).ok()) {
            return Ok(Self { name, text, content });
        }
        let content = serde_yaml::from_str(text).map_err(|error| {
            let message = error.to_string();
            CatalogError {
                file: name.to_owned(),
                line: error.location().map(|at| at.line()),
                // The place is said once, as file:line in front.
                message: message.split(" at line ").next().unwrap_or(&message).to_owned(),
            }
        })?;
        Ok(Self { name, text, content })
    }
}

impl<T> Parsed<'_, T> {
    /// An error about the entry `key: value`.
    pub(super) fn error_at(&self, key: &str, value: &str, message: String) -> CatalogError {
        CatalogError { file: self.name.to_owned(), line: self.line_of(key, value), message }
    }

    /// An error about words found one after the other from the entry `key: value` on; as far as they are found.
    pub(super) fn error_below(
        &self,
        (key, value): (&str, &str),
        words: &[&str],
        message: String,
    ) -> CatalogError {
        let line = words.iter().fold(self.line_of(key, value), |from, word| {
            let mut lines = self.text.lines().enumerate().skip(from? - 1);
            lines.find(|(_, line)| has_word(line, word)).map_or(from, |(i, _)| Some(i + 1))
        });
        CatalogError { file: self.name.to_owned(), line, message }
    }

    /// The one-based line that reads `key: value`, else one that holds both words; of several the last, which is
    /// the one too many.
    fn line_of(&self, key: &str, value: &str) -> Option<usize> {
        let reads = |line: &str| {
            let entry = line.trim_start().trim_start_matches("- ").strip_prefix(key)?;
            let written = entry.strip_prefix(':')?.trim().trim_matches(['\'', '"']);
            (written == value).then_some(())
        };
        let last = |fits: &dyn Fn(&str) -> bool| {
            let lines = self.text.lines().enumerate();
            lines.filter(|(_, line)| fits(line)).last().map(|(index, _)| index + 1)
        };
        last(&|line| reads(line).is_some())
            .or_else(|| last(&|line| has_word(line, key) && has_word(line, value)))
    }
}

/// `word` stands in `line` with no letter, digit or hyphen beside it.
fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric() && !"-./_".contains(c)).any(|part| part == word)
}

/// All files of a set, parsed and not yet checked against each other.
#[derive(Debug)]
pub(super) struct Set<'t> {
    /// The files of controls, in the order of their names.
    pub(super) controls: Vec<Parsed<'t, ControlsFile>>,
    /// The benchmarks.
    pub(super) benchmarks: Parsed<'t, BenchmarksFile>,
    /// What is known of clusters.
    pub(super) cluster: Parsed<'t, KnownCluster>,
    /// The path candidates.
    pub(super) paths: Parsed<'t, PathsFile>,
}

/// Parses every file of a set.
pub(super) fn read<'t>(
    files: impl IntoIterator<Item = Source<'t>>,
) -> Result<Set<'t>, CatalogError> {
    let mut sources: BTreeMap<&str, Source<'t>> =
        files.into_iter().map(|source| (source.name, source)).collect();
    let mut required = |name: &'static str, holds: &str| {
        sources.remove(name).ok_or_else(|| CatalogError {
            file: name.to_owned(),
            line: None,
            message: format!("this file is missing: it holds {holds}"),
        })
    };
    let benchmarks = required(BENCHMARKS, "the numbers of the controls in each benchmark")?;
    let benchmarks = Parsed::read(benchmarks)?;
    let paths = Parsed::read(required(PATHS, "where to look for files")?)?;
    let cluster = Parsed::read(required(CLUSTER, "what is known of clusters")?)?;
    let controls = sources.into_values().map(Parsed::read).collect::<Result<_, _>>()?;
    Ok(Set { controls, benchmarks, cluster, paths })
}

impl Set<'_> {
    /// Every control with the file it is in.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Parsed<'_, ControlsFile>, &Control)> {
        self.controls.iter().flat_map(|file| file.content.controls.iter().map(move |c| (file, c)))
    }

    /// The catalogue, once the rules hold. Fails when a benchmark is missing or given twice.
    pub(super) fn into_catalog(self) -> Result<Catalog, CatalogError> {
        let Parsed { name, content, .. } = self.benchmarks;
        let mut benchmarks = content.benchmarks;
        benchmarks.sort_by_key(|benchmark| benchmark.id);
        let found: Vec<BenchmarkId> = benchmarks.iter().map(|benchmark| benchmark.id).collect();
        let problem = || CatalogError {
            file: name.to_owned(),
            line: None,
            message: format!(
                "each of {} must be there exactly once; found {}",
                names(&BenchmarkId::ALL),
                names(&found)
            ),
        };
        if found != BenchmarkId::ALL {
            return Err(problem());
        }
        let benchmarks: [Benchmark; 8] = benchmarks.try_into().map_err(|_| problem())?;
        let controls = self.controls.into_iter().flat_map(|file| file.content.controls).collect();
        let (cluster, paths) = (self.cluster.content, self.paths.content.paths);
        Ok(Catalog { controls, benchmarks, cluster, paths })
    }
}

/// The number of a control in a benchmark; `None` when the benchmark does not have it.
pub(super) fn number<'c>(benchmark: &'c Benchmark, control: &'c Control) -> Option<&'c ControlId> {
    if benchmark.without.contains(&control.slug) {
        return None;
    }
    benchmark.numbers.get(&control.slug).or(control.id.as_ref())
}

fn names(ids: &[BenchmarkId]) -> String {
    ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
}
