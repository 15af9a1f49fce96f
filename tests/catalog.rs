//! The remediations as data: how many controls each benchmark has, their numbers, risks and pages.

use std::collections::{BTreeMap, BTreeSet};

use kube_temper::{
    catalog::Catalog,
    model::{BenchmarkId, Minor},
};

fn catalog() -> Catalog {
    Catalog::embedded().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_benchmark_has_its_controls() {
    let catalog = catalog();
    let counts: BTreeMap<BenchmarkId, usize> =
        BenchmarkId::ALL.into_iter().map(|id| (id, catalog.controls(id).len())).collect();
    let want = [131, 130, 130, 130, 133, 131, 131, 134];
    assert_eq!(counts, BenchmarkId::ALL.into_iter().zip(want).collect());
    for id in BenchmarkId::ALL {
        let numbers: BTreeSet<_> =
            catalog.controls(id).into_iter().map(|c| c.id.to_string()).collect();
        assert_eq!(numbers.len(), catalog.controls(id).len(), "a number twice in {id}");
    }
}

#[test]
fn the_version_chooses_the_benchmark() {
    let catalog = catalog();
    let table = [
        ("1.24", None),
        ("1.25", Some(BenchmarkId::Cis1_7)),
        ("1.26", Some(BenchmarkId::Cis1_8)),
        ("1.27", Some(BenchmarkId::Cis1_9)),
        ("1.28", Some(BenchmarkId::Cis1_10)),
        ("1.29", Some(BenchmarkId::Cis1_11)),
        ("1.31", Some(BenchmarkId::Cis1_11)),
        ("1.32", Some(BenchmarkId::Cis1_12)),
        ("1.33", Some(BenchmarkId::Cis1_12)),
        ("1.34", Some(BenchmarkId::Cis2_0)),
        ("1.36", Some(BenchmarkId::Cis2_0)),
        ("1.99", Some(BenchmarkId::Cis2_0)),
        ("2.0", Some(BenchmarkId::Cis2_0)),
    ];
    for (version, want) in table {
        let minor: Minor = version.parse().unwrap();
        assert_eq!(catalog.for_version(minor), want, "{version}");
    }
}
