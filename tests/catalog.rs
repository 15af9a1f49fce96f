//! The remediations as data: how many controls each benchmark has, their numbers, risks and pages.

#![allow(clippy::disallowed_methods, reason = "reads the repository's own files")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use kube_temper::{
    catalog::{Catalog, Numbered, benchmarks_schema, paths_schema, schema},
    model::{
        Assessment, BenchmarkId, Check, Control, Expect, FixAction, Level, Minor, Needs,
        Reversibility, Tier,
        control::{Alternative, AuditLevel, DeviationCondition, Mode},
    },
};
use serde_json::Value;

fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> =
        LazyLock::new(|| Catalog::embedded().unwrap_or_else(|error| panic!("{error}")));
    &CATALOG
}

fn base() -> Vec<Numbered> {
    catalog().controls(BenchmarkId::Cis1_12)
}

/// Every control, also those only other benchmarks have, by slug.
fn all() -> BTreeMap<String, Control> {
    let catalog = catalog();
    BenchmarkId::ALL
        .into_iter()
        .flat_map(|id| catalog.controls(id))
        .map(|numbered| (numbered.control.slug.0.clone(), numbered.control))
        .collect()
}

fn control(id: BenchmarkId, number: &str) -> Control {
    let found = catalog().controls(id).into_iter().find(|c| c.id.as_str() == number);
    found.unwrap_or_else(|| panic!("{id} has no {number}")).control
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The remediations files by name.
fn folder() -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(root().join("remediations")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            texts.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    texts
}

#[test]
fn what_is_compiled_in_is_the_folder() {
    let texts = folder();
    assert!(texts.len() > 10, "{:?}", texts.keys());
    let parsed = Catalog::parse(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let parsed = parsed.unwrap_or_else(|error| panic!("{error}"));
    let (parsed, embedded) = (format!("{parsed:?}"), format!("{:?}", catalog()));
    assert!(parsed == embedded, "src/catalog/files.rs does not list every file of remediations/");
}

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

/// Risk and way back of every control of cis-1.12 with a fix for the node.
const RISKS: &[(Tier, Reversibility, &str)] = &[
    (
        Tier::R0,
        Reversibility::Bytes,
        "1.1.1 1.1.2 1.1.3 1.1.4 1.1.5 1.1.6 1.1.7 1.1.8 1.1.9 1.1.10 1.1.11 1.1.13 \
         1.1.14 1.1.15 1.1.16 1.1.17 1.1.18 1.1.19 1.1.20 1.1.21 4.1.1 4.1.2 4.1.3 \
         4.1.4 4.1.5 4.1.6 4.1.7 4.1.8 4.1.9 4.1.10",
    ),
    (Tier::R1, Reversibility::Bytes, "1.3.2 1.3.3 1.3.4 1.3.5 1.3.6 1.4.1"),
    (
        Tier::R2,
        Reversibility::Bytes,
        "1.2.4 1.2.7 1.2.8 1.2.10 1.2.13 1.2.14 1.2.15 1.2.21 1.2.23 1.2.25 1.2.26 \
         4.2.1 4.2.3 4.2.5 4.2.6 4.2.8 4.2.10 4.2.11",
    ),
    (
        Tier::R3,
        Reversibility::Bytes,
        "1.2.1 1.2.2 1.2.3 1.2.5 1.2.6 1.2.9 1.2.11 1.2.12 1.2.16 1.2.17 1.2.18 1.2.19 \
         1.2.24 1.2.29 1.2.30 1.3.7 1.4.2 3.2.1 3.2.2 4.2.2 4.2.4 4.2.9 4.2.12 4.2.13 \
         4.2.14 4.3.1",
    ),
    (Tier::R3, Reversibility::OneWay, "1.3.1"),
    (Tier::R4, Reversibility::Bytes, "1.1.12 2.2 2.3 2.5 2.6"),
    (Tier::R4, Reversibility::Procedure, "1.2.27 1.2.28"),
];

#[test]
fn risks_are_as_they_were_judged() {
    let mut want = BTreeMap::new();
    for (tier, reversible, ids) in RISKS {
        for id in ids.split(' ') {
            assert!(want.insert(id, (*tier, *reversible)).is_none(), "{id} is in two rows");
        }
    }
    for numbered in base() {
        let control = &numbered.control;
        let risk = control.tier.zip(control.reversible);
        assert_eq!(risk, want.remove(numbered.id.as_str()), "{}", numbered.id);
    }
    assert!(want.is_empty(), "not in the base: {want:?}");
}

/// What a fresh kubeadm control plane may close without a question: no value, no file, no probe, no API.
#[test]
fn fixes_without_needs_are_the_ones_a_batch_may_take() {
    let offered = |tier| -> Vec<String> {
        base()
            .iter()
            .filter(|c| c.control.tier == Some(tier) && c.control.fix.needs.is_empty())
            .map(|c| c.id.to_string())
            .collect()
    };
    assert_eq!(offered(Tier::R1), ["1.3.2", "1.3.3", "1.3.6", "1.4.1"]);
    assert_eq!(
        offered(Tier::R2),
        [
            "1.2.7", "1.2.8", "1.2.10", "1.2.13", "1.2.14", "1.2.15", "1.2.21", "4.2.1", "4.2.5",
            "4.2.6", "4.2.8", "4.2.10", "4.2.11",
        ]
    );
    assert_eq!(
        offered(Tier::R3),
        ["1.2.2", "1.2.6", "1.2.11", "1.2.12", "1.2.30", "4.2.2", "4.2.4", "4.2.14", "4.3.1"]
    );
    assert_eq!(offered(Tier::R4), ["2.3", "2.6"]);
}

/// A text of a page with what it is called and the fewest words it may have.
fn texts(control: &Control) -> Vec<(&'static str, &str, usize)> {
    let mut texts = vec![
        ("title", control.title.as_str(), 3),
        ("why", control.why.as_str(), 25),
        ("change", control.change.as_str(), 8),
        ("undo", control.undo.as_str(), 6),
    ];
    texts.extend(control.breaks.iter().map(|text| ("breaks", text.as_str(), 5)));
    match &control.check {
        Check::Api { look_at } | Check::Review { look_at } => texts.push(("look_at", look_at, 10)),
        Check::Flag { absent, accept, .. } | Check::KubeletField { absent, accept, .. } => {
            texts.push(("means", &absent.means, 1));
            texts.extend(accept.iter().map(|alternative| {
                let (Alternative::Flag { because, .. }
                | Alternative::Field { because, .. }
                | Alternative::Value { because, .. }) = alternative;
                ("because", because.as_str(), 4)
            }));
        }
        Check::KubeProxyField { absent, .. } => texts.push(("means", &absent.means, 1)),
        _ => {}
    }
    texts.extend(control.fix.none.iter().map(|reason| ("none", reason.as_str(), 10)));
    texts.extend(control.fix.conflicts.iter().map(|c| ("because", c.because.as_str(), 10)));
    texts.extend(control.fix.needs.iter().filter_map(|need| match need {
        Needs::Value { why, .. } | Needs::Probes { why } | Needs::Api { why } => {
            Some(("needs", why.as_str(), 8))
        }
        Needs::Bundle { .. } => None,
    }));
    texts.extend(control.fix.actions.iter().filter_map(|action| match action {
        FixAction::ClusterObject { what } => Some(("what", what.as_str(), 8)),
        _ => None,
    }));
    texts.extend(control.accepted.iter().map(|a| ("reason", a.reason.as_str(), 10)));
    texts
}

#[test]
fn every_page_is_worth_reading() {
    let mut problems = Vec::new();
    for (slug, control) in all() {
        for (key, text, least) in texts(&control) {
            let words = text.split_whitespace().count();
            if words < least {
                problems.push(format!("{slug}: '{key}' has only {words} words: {text}"));
            }
            if text.contains("  ") || text != text.trim() {
                problems.push(format!("{slug}: stray blanks in '{key}': {text}"));
            }
            let sentence = !matches!(key, "title" | "means" | "because");
            if sentence && !text.ends_with(['.', '!', '?']) {
                problems.push(format!("{slug}: '{key}' ends in the middle of a sentence: {text}"));
            }
        }
        if control.title.ends_with('.') || control.title.chars().count() > 72 {
            problems.push(format!("{slug}: the title is no line of a list: {}", control.title));
        }
        if control.references.is_empty() {
            problems.push(format!("{slug}: no reference"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_bundle_is_there_and_named_by_a_fix() {
    let named: BTreeSet<String> = all()
        .into_values()
        .flat_map(|control| control.fix.needs)
        .filter_map(|need| match need {
            Needs::Bundle { name } => Some(name),
            _ => None,
        })
        .collect();
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for bundle in fs::read_dir(root().join("remediations/bundles")).unwrap() {
        let bundle = bundle.unwrap();
        for file in fs::read_dir(bundle.path()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let value: Value = serde_yaml::from_str(&text).unwrap();
            let kind = value["kind"].as_str().unwrap_or_default().to_owned();
            kinds.entry(bundle.file_name().into_string().unwrap()).or_default().insert(kind);
        }
    }
    let want = [
        ("audit", vec!["Policy"]),
        ("authentication-config", vec!["AuthenticationConfiguration"]),
        ("encryption", vec!["EncryptionConfiguration"]),
        ("event-rate-limit", vec!["AdmissionConfiguration", "Configuration"]),
    ];
    let want: BTreeMap<String, BTreeSet<String>> = want
        .into_iter()
        .map(|(name, kinds)| (name.to_owned(), kinds.into_iter().map(str::to_owned).collect()))
        .collect();
    assert_eq!(kinds, want);
    assert_eq!(named, want.into_keys().collect());
}

#[test]
fn no_page_is_a_copy_of_another() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (slug, control) in all() {
        for text in [control.title, control.why] {
            if let Some(other) = seen.insert(text.clone(), slug.clone()) {
                panic!("{slug} and {other} say the same: {text}");
            }
        }
    }
}

#[test]
fn a_check_that_can_fail_has_a_fix_or_a_reason() {
    for (slug, control) in all() {
        let fix = &control.fix;
        assert_ne!(fix.actions.is_empty(), fix.none.is_none(), "{slug}");
        let judged = !matches!(control.check, Check::Api { .. } | Check::Review { .. });
        let local = fix.actions.iter().any(|a| !matches!(a, FixAction::ClusterObject { .. }));
        assert!(!local || judged, "{slug}: a fix for the node, but nothing on the node is judged");
    }
}

/// What the notes say of the six inverted lines is the benchmark's way round here.
#[test]
fn the_benchmark_wins_over_inverted_notes() {
    let plugin = |number| match control(BenchmarkId::Cis1_12, number).check {
        Check::AdmissionPlugin { plugin, enabled, on_by_default } => {
            (plugin, enabled, on_by_default)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(plugin("1.2.10"), ("AlwaysAdmit".to_owned(), false, false));
    assert_eq!(plugin("1.2.11"), ("AlwaysPullImages".to_owned(), true, false));
    assert_eq!(plugin("1.2.12"), ("ServiceAccount".to_owned(), true, true));
    assert_eq!(plugin("1.2.13"), ("NamespaceLifecycle".to_owned(), true, true));
    assert_eq!(plugin("1.2.14"), ("NodeRestriction".to_owned(), true, false));
    for number in ["2.3", "2.6"] {
        let why = control(BenchmarkId::Cis1_12, number).why;
        assert!(why.contains("self-signed"), "{number}: {why}");
    }
}

#[test]
fn what_another_flag_silences_or_forbids_is_said() {
    let ignored = |number| match control(BenchmarkId::Cis1_12, number).check {
        Check::Flag { ignored_with, .. } => ignored_with,
        other => panic!("{other:?}"),
    };
    assert_eq!(ignored("1.4.1"), ["config"]);
    for number in ["2.1", "2.2", "2.3", "2.4", "2.5", "2.6"] {
        assert_eq!(ignored(number), ["config-file"], "{number}");
    }
    let conflicts = |number| -> Vec<String> {
        let fix = control(BenchmarkId::Cis1_12, number).fix;
        fix.conflicts.into_iter().map(|conflict| conflict.flag).collect()
    };
    for number in ["1.2.6", "1.2.7", "1.2.8"] {
        assert_eq!(conflicts(number), ["authorization-config"], "{number}");
    }
    for number in ["1.2.3", "1.2.9", "1.2.11", "1.2.14"] {
        assert_eq!(conflicts(number), ["admission-control"], "{number}");
    }
    let requires = |number| match control(BenchmarkId::Cis1_12, number).check {
        Check::Flag { requires, .. } => requires,
        other => panic!("{other:?}"),
    };
    for number in ["1.2.17", "1.2.18", "1.2.19"] {
        assert_eq!(requires(number), ["audit-log-path"], "{number}");
    }
}

#[test]
fn only_etcd_ownership_is_an_accepted_deviation() {
    let accepted: Vec<(String, DeviationCondition)> = base()
        .into_iter()
        .filter_map(|c| Some((c.id.to_string(), c.control.accepted?.when)))
        .collect();
    assert_eq!(accepted, [("1.1.12".to_owned(), DeviationCondition::EtcdRunsAsRootInContainer)]);
}

#[test]
fn secrets_are_logged_without_their_content() {
    let Check::AuditPolicy { cover } = control(BenchmarkId::Cis2_0, "3.2.2").check else {
        panic!("not an audit policy")
    };
    for resource in ["secrets", "configmaps", "tokenreviews", "serviceaccounts/token"] {
        let rule = cover.iter().find(|rule| rule.resources.iter().any(|r| r == resource)).unwrap();
        assert_eq!(
            (rule.at_least, rule.at_most),
            (AuditLevel::Metadata, Some(AuditLevel::Metadata)),
            "{resource}"
        );
    }
}

/// The committed schemas, with the functions that derive them.
fn schemas() -> [(&'static str, Value); 3] {
    [
        ("remediations.schema.json", schema()),
        ("benchmarks.schema.json", benchmarks_schema()),
        ("paths.schema.json", paths_schema()),
    ]
}

#[test]
fn the_committed_schemas_are_the_types() {
    for (name, schema) in schemas() {
        let path = root().join("snapshots/schema").join(name);
        let derived = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &derived).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == derived,
            "snapshots/schema/{name} is stale: run `UPDATE_SCHEMAS=1 cargo test --test catalog` and commit it"
        );
    }
}

/// The schema a file points its editor to.
fn pointed_schema<'s>(name: &str, text: &str, known: &'s BTreeSet<&str>) -> &'s str {
    let first = text.lines().next().unwrap_or_default();
    let path = first
        .strip_prefix("# yaml-language-server: $schema=")
        .unwrap_or_else(|| panic!("{name} does not begin with its schema: {first}"));
    let target = Path::new("remediations").join(path);
    assert_eq!(target.parent(), Some(Path::new("remediations/../snapshots/schema")), "{name}");
    let file = target.file_name().unwrap().to_str().unwrap();
    known.get(file).unwrap_or_else(|| panic!("{name} points to an unknown schema: {path}"))
}

#[test]
fn every_file_keeps_its_schema() {
    let schemas = BTreeMap::from(schemas());
    let known: BTreeSet<&str> = schemas.keys().copied().collect();
    for (name, text) in folder() {
        let file = pointed_schema(&name, &text, &known);
        let validator = jsonschema::validator_for(&schemas[file]).unwrap();
        let value: Value = serde_yaml::from_str(&text).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{name}: {problems:#?}");
    }
}

#[test]
fn the_schema_refuses_what_the_loader_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let text = &folder()["1.2-requests.yaml"];
    for (old, new) in [
        ("level: 1", "level: 3"),
        ("kind: flag", "kind: script"),
        ("assessment: automated", "assessment: perhaps"),
        ("slug: apiserver-profiling-off", "slug: Profiling Off"),
        ("title:", "titel:"),
        ("tier: R2", "tier: R9"),
    ] {
        assert!(text.contains(old), "'{old}' is not in the file");
        let value: Value = serde_yaml::from_str(&text.replace(old, new)).unwrap();
        assert!(!validator.is_valid(&value), "'{new}' keeps the schema");
    }
}
