//! How many controls each benchmark has, under which numbers, and what it expects of them.

use std::collections::BTreeMap;

use kube_temper::model::{Assessment, BenchmarkId, Check, Expect, Level, Minor, control::Mode};

use crate::{base, catalog, control};

#[test]
fn every_benchmark_has_its_controls() {
    let catalog = catalog();
    let want = [
        (BenchmarkId::Cis1_7, 131, 68),
        (BenchmarkId::Cis1_8, 130, 70),
        (BenchmarkId::Cis1_9, 130, 70),
        (BenchmarkId::Cis1_10, 130, 70),
        (BenchmarkId::Cis1_11, 133, 65),
        (BenchmarkId::Cis1_12, 131, 65),
        (BenchmarkId::Cis2_0, 131, 65),
        (BenchmarkId::Cis2_1, 134, 65),
    ];
    for (id, total, automated) in want {
        let controls = catalog.controls(id);
        let scored = controls.iter().filter(|c| c.control.assessment == Assessment::Automated);
        assert_eq!((controls.len(), scored.count()), (total, automated), "{id}");
        assert_eq!(catalog.benchmark(id).id, id);
        assert!(controls.is_sorted_by(|a, b| a.id < b.id), "{id}: in order, no number twice");
    }
}

#[test]
fn every_section_of_the_base_is_whole() {
    let mut sections: BTreeMap<String, usize> = BTreeMap::new();
    for numbered in base() {
        *sections.entry(numbered.id.section().to_owned()).or_default() += 1;
    }
    let want = [
        ("1.1", 21),
        ("1.2", 30),
        ("1.3", 7),
        ("1.4", 2),
        ("2", 7),
        ("3.1", 3),
        ("3.2", 2),
        ("4.1", 10),
        ("4.2", 14),
        ("4.3", 1),
        ("5.1", 13),
        ("5.2", 12),
        ("5.3", 2),
        ("5.4", 2),
        ("5.5", 1),
        ("5.6", 4),
    ];
    assert_eq!(sections, want.map(|(section, count)| (section.to_owned(), count)).into());
    let second: Vec<String> =
        base().iter().filter(|c| c.control.level == Level::L2).map(|c| c.id.to_string()).collect();
    assert_eq!(second, LEVEL_2);
}

/// Level 2 of cis-1.12.
const LEVEL_2: [&str; 14] = [
    "1.2.12", "1.2.13", "1.2.14", "2.7", "3.2.2", "4.2.8", "5.2.7", "5.3.2", "5.4.1", "5.4.2",
    "5.5.1", "5.6.2", "5.6.3", "5.6.4",
];

#[test]
fn numbers_move_from_benchmark_to_benchmark() {
    use BenchmarkId::{Cis1_7, Cis1_8, Cis1_9, Cis1_10, Cis1_11, Cis1_12, Cis2_0, Cis2_1};
    const ORDER: [BenchmarkId; 8] =
        [Cis1_7, Cis1_8, Cis1_9, Cis1_10, Cis1_11, Cis1_12, Cis2_0, Cis2_1];
    // One row per slug; `-` where the benchmark does not have it. The columns are `ORDER`.
    let table = "
        apiserver-anonymous-requests       1.2.1  1.2.1  1.2.1  1.2.1  1.2.1  1.2.1  1.2.1  1.2.1
        admission-security-context-deny    1.2.12 1.2.12 -      -      -      -      -      -
        admission-service-account          1.2.13 1.2.13 1.2.12 1.2.12 1.2.12 1.2.12 1.2.12 1.2.12
        admission-node-restriction         1.2.15 1.2.15 1.2.14 1.2.14 1.2.14 1.2.14 1.2.14 1.2.14
        apiserver-secure-port              1.2.16 -      -      -      -      -      -      -
        apiserver-profiling-off            1.2.17 1.2.16 1.2.15 1.2.15 1.2.15 1.2.15 1.2.15 1.2.15
        audit-log-path                     1.2.18 1.2.17 1.2.16 1.2.16 1.2.16 1.2.16 1.2.16 1.2.16
        encryption-strong-provider         1.2.30 1.2.29 1.2.28 1.2.28 1.2.28 1.2.28 1.2.28 1.2.28
        apiserver-tls-ciphers              1.2.31 1.2.30 1.2.29 1.2.29 1.2.29 1.2.29 1.2.29 1.2.29
        service-account-token-expiration   -      -      -      -      1.2.30 1.2.30 1.2.30 1.2.30
        kubelet-drop-in-dir                -      -      -      -      -      -      -      4.1.11
        kubelet-seccomp-default            -      -      -      -      4.2.14 4.2.14 4.2.14 4.2.14
        kubelet-ip-address-deny            -      -      -      -      4.2.15 -      -      -
        proxy-metrics-bind-address         -      -      4.3.1  4.3.1  4.3.1  4.3.1  4.3.1  4.3.1
        rbac-fine-grained-kubelet          -      -      -      -      -      -      -      5.1.14
        pods-net-raw                       5.2.8  5.2.8  5.2.8  5.2.8  5.2.8  5.2.8  5.2.8  5.2.8
        pods-added-capabilities            5.2.9  5.2.9  5.2.9  5.2.9  5.2.9  -      -      -
        pods-capabilities                  5.2.10 5.2.10 5.2.10 5.2.10 5.2.10 5.2.9  5.2.9  5.2.9
        pods-host-port                     5.2.13 5.2.13 5.2.13 5.2.13 5.2.13 5.2.12 5.2.12 5.2.12
        pods-proc-mount                    -      -      -      -      -      -      -      5.2.13
        namespaces-separate                5.7.1  5.7.1  5.7.1  5.7.1  5.6.1  5.6.1  5.6.1  5.6.1
        namespace-default                  5.7.4  5.7.4  5.7.4  5.7.4  5.6.4  5.6.4  5.6.4  5.6.4";
    let catalog = catalog();
    for row in table.lines().skip(1) {
        let (slug, want) = row.trim().split_once(' ').unwrap();
        let numbers: Vec<String> = ORDER
            .iter()
            .map(|id| {
                let controls = catalog.controls(*id);
                let found = controls.iter().find(|c| c.control.slug.0 == slug);
                found.map_or_else(|| "-".to_owned(), |c| c.id.to_string())
            })
            .collect();
        assert_eq!(numbers, want.split_whitespace().collect::<Vec<_>>(), "{slug}");
    }
}

#[test]
fn benchmarks_differ_in_what_they_expect() {
    use BenchmarkId::{Cis1_7, Cis1_8, Cis1_9, Cis1_10, Cis1_11, Cis1_12, Cis2_0, Cis2_1};
    let mode = |id, number| match control(id, number).check {
        Check::FileMode { at_most: Mode(bits), .. } => bits,
        other => panic!("{other:?}"),
    };
    for id in [Cis1_7, Cis1_8, Cis1_9, Cis1_10] {
        assert_eq!((mode(id, "1.1.20"), mode(id, "4.1.7")), (0o600, 0o600), "{id}");
    }
    for id in [Cis1_11, Cis1_12, Cis2_0, Cis2_1] {
        assert_eq!((mode(id, "1.1.20"), mode(id, "4.1.7")), (0o644, 0o644), "{id}");
    }

    let suites = |id, number| match control(id, number).check {
        Check::Flag { expect: Expect::Subset { values }, .. }
        | Check::KubeletField { expect: Expect::Subset { values }, .. } => values,
        other => panic!("{other:?}"),
    };
    let table = [
        (Cis1_7, "1.2.31", 21, "4.2.12", 8),
        (Cis1_8, "1.2.30", 21, "4.2.12", 8),
        (Cis1_9, "1.2.29", 21, "4.2.12", 8),
        (Cis1_10, "1.2.29", 15, "4.2.12", 8),
        (Cis1_11, "1.2.29", 15, "4.2.12", 8),
        (Cis1_12, "1.2.29", 11, "4.2.12", 6),
        (Cis2_1, "1.2.29", 11, "4.2.12", 6),
    ];
    for (id, server, server_count, kubelet, kubelet_count) in table {
        let (server, kubelet) = (suites(id, server), suites(id, kubelet));
        assert_eq!((server.len(), kubelet.len()), (server_count, kubelet_count), "{id}");
        let weak = |name: &String| name.contains("_CBC_") || name.starts_with("TLS_RSA_");
        assert_eq!(server.iter().any(weak), id < Cis1_12, "{id}");
        assert_eq!(kubelet.iter().any(weak), id < Cis1_12, "{id}");
    }

    let assessment = |id, number| control(id, number).assessment;
    assert_eq!(assessment(Cis1_7, "4.1.9"), Assessment::Manual);
    assert_eq!(assessment(Cis1_8, "4.1.9"), Assessment::Automated);
    assert_eq!(assessment(Cis1_8, "5.1.1"), Assessment::Manual);
    assert_eq!(assessment(Cis1_9, "5.1.1"), Assessment::Automated);
    assert_eq!(assessment(Cis1_11, "5.1.1"), Assessment::Manual);
    assert_eq!(assessment(Cis1_8, "5.2.3"), Assessment::Automated);
    assert_eq!(assessment(Cis1_9, "5.2.3"), Assessment::Manual);
    assert_eq!(assessment(Cis2_0, "4.3.1"), Assessment::Automated);
    assert_eq!(assessment(Cis2_1, "4.3.1"), Assessment::Manual);
    for id in BenchmarkId::ALL {
        let number = if id < Cis1_12 { "5.2.10" } else { "5.2.9" };
        let want = if id == Cis1_12 { Level::L1 } else { Level::L2 };
        assert_eq!(control(id, number).level, want, "{id}");
    }

    let covered = |id, resource: &str| match control(id, "3.2.2").check {
        Check::AuditPolicy { cover } => {
            cover.iter().any(|rule| rule.resources.iter().any(|r| r == resource))
        }
        other => panic!("{other:?}"),
    };
    for (resource, before) in
        [("secrets", true), ("certificatesigningrequests", false), ("serviceaccounts/token", false)]
    {
        assert_eq!(covered(Cis1_12, resource), before, "{resource}");
        assert!(covered(Cis2_0, resource) && covered(Cis2_1, resource), "{resource}");
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
        ("1.30", Some(BenchmarkId::Cis1_11)),
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
    for id in BenchmarkId::ALL {
        let benchmark = catalog.benchmark(id);
        assert_eq!(benchmark.provisional, id == BenchmarkId::Cis2_1, "{id}");
        let says = id <= BenchmarkId::Cis1_10 || id == BenchmarkId::Cis2_1;
        assert_eq!(benchmark.notice.is_some(), says, "{id}: {:?}", benchmark.notice);
    }
}
