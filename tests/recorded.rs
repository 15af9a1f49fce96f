//! Every recorded node is judged whole: one finding per control, nothing unreadable, and the approved list of verdicts.

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

use kube_temper::{
    catalog::Catalog,
    check::check,
    model::{BenchmarkId, NodeFacts, Report, Role, Status},
    node::{
        NodeKind,
        collect::collect,
        memory::FixedNode,
        recording::{ALL, KUBEADM_1_36_2, KUBEADM_1_36_2_WORKER, Recording},
    },
};
use std::{fmt::Write as _, sync::Arc};

fn facts(recording: Recording, kind: NodeKind, catalog: &Catalog) -> NodeFacts {
    let node = FixedNode::new(Arc::new(recording.files().unwrap())).of_kind(kind);
    collect(&node, catalog.path_candidates()).unwrap()
}

/// The benchmark its version asks for; the worker's is given, as on the command line.
fn benchmark(recording: Recording, facts: &NodeFacts, catalog: &Catalog) -> BenchmarkId {
    if recording == KUBEADM_1_36_2_WORKER {
        return BenchmarkId::Cis2_0;
    }
    catalog.for_version(facts.profile.version.as_ref().unwrap().minor).unwrap()
}

fn report(recording: Recording, kind: NodeKind) -> Report {
    let catalog = Catalog::embedded().unwrap();
    let facts = facts(recording, kind, &catalog);
    let benchmark = benchmark(recording, &facts, &catalog);
    check(benchmark, Vec::new(), &catalog.controls(benchmark), &facts)
}

fn ids(report: &Report, status: Status) -> Vec<&str> {
    report.findings.iter().filter(|f| f.status == status).map(|f| f.control.as_str()).collect()
}

/// One line per finding, as a reviewer reads it.
fn table(report: &Report) -> String {
    let mut text = format!(
        "{} ({}), {}, {}\n",
        report.node,
        report.role,
        report.kubernetes.as_deref().unwrap_or("version unknown"),
        report.benchmark
    );
    for notice in &report.notices {
        writeln!(text, "notice: {notice}").unwrap();
    }
    for finding in &report.findings {
        writeln!(text, "{:<8} {:<6} {}", finding.control, finding.status, finding.reason).unwrap();
        if let Some(drift) = &finding.drift {
            writeln!(text, "         drift: {drift}").unwrap();
        }
    }
    text
}

#[test]
fn every_recorded_node_has_one_finding_per_control_and_none_is_an_error() {
    for recording in ALL {
        for kind in [NodeKind::Offline, NodeKind::Simulated] {
            let report = report(recording, kind);
            let controls = report.findings.iter().filter(|f| !f.control.is_own()).count();
            assert_eq!(controls, 131, "{}", recording.name);
            assert_eq!(ids(&report, Status::Error), [""; 0], "{}", recording.name);
        }
    }
}

#[test]
fn the_newest_benchmark_has_three_controls_more() {
    let catalog = Catalog::embedded().unwrap();
    let facts = facts(KUBEADM_1_36_2, NodeKind::Offline, &catalog);
    let benchmark = BenchmarkId::Cis2_1;
    let report = check(benchmark, Vec::new(), &catalog.controls(benchmark), &facts);
    assert_eq!(report.findings.len(), 134);
    assert_eq!(ids(&report, Status::Error), [""; 0]);
    let drop_ins = report.finding(&"4.1.11".parse().unwrap()).unwrap();
    assert_eq!(drop_ins.status, Status::NotApplicable);
}

/// What a fresh kubeadm 1.36 control plane fails in sections 1 to 4: what its source makes one expect, and of this
/// node the mode of its CNI file and a node name that is not the host's.
#[test]
fn a_fresh_control_plane_fails_exactly_what_it_is_known_to_fail() {
    let expected = [
        "1.1.9", "1.1.12", "1.2.1", "1.2.3", "1.2.5", "1.2.9", "1.2.11", "1.2.15", "1.2.16",
        "1.2.17", "1.2.18", "1.2.19", "1.2.27", "1.2.28", "1.2.29", "1.2.30", "1.3.1", "1.3.2",
        "1.4.1", "3.2.1", "3.2.2", "4.1.1", "4.1.9", "4.2.7", "4.2.9", "4.2.12", "4.2.13",
        "4.2.14",
    ];
    for kind in [NodeKind::Offline, NodeKind::Simulated] {
        let report = report(KUBEADM_1_36_2, kind);
        assert_eq!(ids(&report, Status::Fail), expected, "{kind:?}");
        let marked = report.findings.iter().filter(|finding| finding.mark.is_some());
        let marked: Vec<&str> = marked.map(|finding| finding.control.as_str()).collect();
        assert_eq!(marked, ["1.1.12"], "etcd runs as root there: {kind:?}");
    }
}

#[test]
fn a_worker_is_judged_as_a_worker() {
    let report = report(KUBEADM_1_36_2_WORKER, NodeKind::Offline);
    assert_eq!(report.role, Role::Worker);
    for finding in &report.findings {
        let control_plane = finding.control.as_str().starts_with(['1', '2', '3']);
        let not_applicable = finding.status == Status::NotApplicable;
        assert!(!control_plane || not_applicable, "{finding:#?}");
    }
    assert!(ids(&report, Status::Pass).contains(&"4.2.1"));
}

#[test]
fn the_verdicts_are_the_approved_ones() {
    for recording in ALL {
        let table = table(&report(recording, NodeKind::Offline));
        insta::with_settings!({
            snapshot_path => "../snapshots/reports",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(format!("verdicts-{}", recording.name), table);
        });
    }
}
