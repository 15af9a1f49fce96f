//! Our verdicts beside kube-bench's own on the same node: every difference is meant, and listed here with its reason.
//!
//! kube-bench ran live on the recorded node with cis-1.12 and had the API. It knows no "not applicable"; its WARN says
//! either "a person must look" or "an unscored test failed", so WARN agrees with our MANUAL and with our FAIL.

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

use std::{collections::BTreeMap, sync::Arc};

use kube_temper::{
    catalog::Catalog,
    check::{check_with, cluster::Cluster},
    cluster::recorded::{API_1_36_2, RecordedApi},
    model::{
        BenchmarkId, Report, Status,
        cluster::{ClusterReading, Resource},
    },
    node::{NodeKind, collect::collect, memory::FixedNode, recording::KUBEADM_1_36_2},
};

const KUBE_BENCH: &str = include_str!("data/kube-bench-cis-1.12-on-kubeadm-1.36.2.json");

/// Control, kube-bench's status, ours, and why they differ.
const DIFFERENCES: &[(&str, &str, Status, &str)] = &[
    (
        "1.1.10",
        "WARN",
        Status::Pass,
        "it looks for --cni-conf-dir, which kubelets have not had since 1.24; we look at the files",
    ),
    ("1.2.20", "WARN", Status::Pass, "it never looks; the default of 60 s is a suitable timeout"),
    ("4.1.3", "WARN", Status::NotApplicable, "kube-proxy has no kubeconfig file on this host"),
    ("4.1.4", "WARN", Status::NotApplicable, "kube-proxy has no kubeconfig file on this host"),
    (
        "4.3.1",
        "FAIL",
        Status::Pass,
        "no kube-proxy ran there, so its audit found no process; we read the ConfigMap of them all",
    ),
    (
        "5.1.2",
        "PASS",
        Status::Manual,
        "it asks for one verb named 'get,list,watch', of one group; we name who can read them",
    ),
    (
        "5.1.4",
        "PASS",
        Status::Fail,
        "it looks at one group only; a default ServiceAccount may create pods",
    ),
    ("5.2.6", "PASS", Status::Fail, "it takes an unset field for a safe one"),
    ("5.2.10", "WARN", Status::Pass, "it never looks; there is no HostProcess container"),
];

fn kube_bench() -> BTreeMap<String, String> {
    let document: serde_json::Value = serde_json::from_str(KUBE_BENCH).unwrap();
    let sections = document["Controls"].as_array().unwrap();
    let groups = sections.iter().flat_map(|section| section["tests"].as_array().unwrap());
    let results = groups.flat_map(|group| group["results"].as_array().unwrap());
    results
        .map(|result| {
            let text = |key: &str| result[key].as_str().unwrap().to_owned();
            (text("test_number"), text("status"))
        })
        .collect()
}

fn ours() -> Report {
    let catalog = Catalog::embedded().unwrap();
    let files = Arc::new(KUBEADM_1_36_2.files().unwrap());
    let node = FixedNode::new(files).of_kind(NodeKind::Simulated);
    let facts = collect(&node, catalog.path_candidates()).unwrap();
    let benchmark = BenchmarkId::Cis1_12;
    let read = RecordedApi::of(&API_1_36_2).unwrap().read(&Resource::ALL.into()).unwrap();
    let reading = ClusterReading::Read(Box::new(read));
    let cluster = Cluster { reading: &reading, known: catalog.known_cluster() };
    check_with(benchmark, Vec::new(), &catalog.controls(benchmark), &facts, Some(cluster))
}

fn agree(theirs: &str, ours: Status) -> bool {
    match theirs {
        "PASS" => ours == Status::Pass,
        "FAIL" => ours == Status::Fail,
        "WARN" => matches!(ours, Status::Manual | Status::Fail),
        other => panic!("kube-bench has no status {other} in this record"),
    }
}

#[test]
fn both_judge_the_same_controls() {
    let report = ours();
    let mut numbers: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| !finding.control.is_own())
        .map(|finding| finding.control.to_string())
        .collect();
    numbers.sort();
    assert_eq!(numbers, kube_bench().into_keys().collect::<Vec<_>>());
}

#[test]
fn every_difference_is_listed_and_every_listed_one_is_there() {
    let report = ours();
    let theirs = kube_bench();
    let found: Vec<(String, String, Status)> = report
        .findings
        .iter()
        .filter_map(|finding| {
            let theirs = theirs.get(finding.control.as_str())?;
            let differs = !agree(theirs, finding.status);
            differs.then(|| (finding.control.to_string(), theirs.clone(), finding.status))
        })
        .collect();
    let listed: Vec<(String, String, Status)> = DIFFERENCES
        .iter()
        .map(|(id, theirs, ours, _)| ((*id).to_owned(), (*theirs).to_owned(), *ours))
        .collect();
    assert_eq!(found, listed);
}
