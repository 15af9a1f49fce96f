//! The remediations as data: how many controls each benchmark has, their numbers, risks and pages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::pedantic,
    unreachable_pub,
    reason = "a test stops where it cannot go on, reads its own data, and tells one story"
)]
mod numbers;
mod pages;
mod risks;
mod schemas;

use std::{collections::BTreeMap, fs, path::PathBuf, sync::LazyLock};

use kube_temper::{
    catalog::{Catalog, Numbered},
    model::{
        BenchmarkId, Check, Control, Expect, FieldValue,
        control::{AuditLevel, DeviationCondition},
    },
    text::flags,
};

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

/// What the notes say of the six inverted lines is the benchmark's way round here.
#[test]
fn the_benchmark_wins_over_inverted_notes() {
    let plugin = |number| match control(BenchmarkId::Cis1_12, number).check {
        Check::AdmissionPlugin { plugin, enabled, on_by_default, .. } => {
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

#[test]
fn the_kind_of_every_flag_is_known() {
    let is_boolean = |expect: &Expect| matches!(expect, Expect::Eq { value } | Expect::NotEq { value } if matches!(value, FieldValue::Bool(_)));
    for (slug, control) in all() {
        let (flags, boolean) = match &control.check {
            Check::Flag { flags, expect, .. } | Check::KubeletField { flags, expect, .. } => {
                (flags.clone(), is_boolean(expect))
            }
            Check::KubeProxyField { flag, expect, .. } => (vec![flag.clone()], is_boolean(expect)),
            _ => continue,
        };
        for flag in flags {
            let bare = format!("--{flag}");
            let value = flags::value(&["k", &bare, "--v=2"], &flag).unwrap();
            let kind = if boolean { "true" } else { "--v=2" };
            assert_eq!(value, kind, "--{flag} of {slug} before another flag");
            assert!(flags::unclear(&["k", &bare, "--v=2"]).is_empty(), "--{flag} of {slug}");
        }
    }
}
