//! Where a value comes from: the running process, what starts it, and drift between them.
use kube_temper::model::{Component, ProcessFact, Status, facts::Arg};

use super::node_facts::{manifest_path, node};
use super::{comes_out, rests_on};

#[test]
fn both_the_process_and_what_starts_it_must_be_right() {
    let component = Component::KubeScheduler;
    let running_only = node().process(component, &["--profiling=false"]).manifest(component, &[]);
    let finding = running_only.judge("1.4.1");
    comes_out(&finding, Status::Fail, "loses that at its next start");
    assert_eq!(
        finding.drift.as_deref(),
        Some(
            "running process 1002: --profiling=false; /etc/kubernetes/manifests/kube-scheduler.yaml: --profiling is not set (true: profiles are served under /debug/pprof)"
        )
    );

    let pending = node().process(component, &[]).manifest(component, &["--profiling=false"]);
    let finding = pending.judge("1.4.1");
    comes_out(&finding, Status::Fail, "in the running process; what starts it is right");
    rests_on(&finding, "--profiling=false", "/etc/kubernetes/manifests/kube-scheduler.yaml:12");

    let both = node().pod(component, &["--profiling=false"]);
    comes_out(&both.judge("1.4.1"), Status::Pass, "--profiling=false");
    assert_eq!(both.judge("1.4.1").drift, None);
}

#[test]
fn different_but_right_on_both_sides_passes_with_drift() {
    let component = Component::KubeScheduler;
    let node =
        node().process(component, &["--profiling=0"]).manifest(component, &["--profiling=false"]);
    let finding = node.judge("1.4.1");
    comes_out(&finding, Status::Pass, "--profiling=0");
    assert!(finding.drift.unwrap().contains("--profiling=false"));
}

#[test]
fn elsewhere_files_decide_and_recorded_processes_are_notes() {
    let component = Component::KubeScheduler;
    let node =
        node().process(component, &[]).manifest(component, &["--profiling=false"]).not_running();
    let finding = node.judge("1.4.1");
    comes_out(&finding, Status::Pass, "--profiling=false");
    assert!(finding.drift.unwrap().contains("recorded process 1002"));
    assert!(node.report().notices.iter().any(|notice| notice.contains("not a running node")));
    assert!(node.find("KT-drift").is_none());
}

#[test]
fn where_only_one_side_exists_it_decides() {
    let component = Component::KubeScheduler;
    let process = node().process(component, &["--profiling=false"]);
    comes_out(&process.judge("1.4.1"), Status::Pass, "--profiling=false");
    let image = node().process(component, &["--profiling=false"]).not_running();
    comes_out(&image.judge("1.4.1"), Status::Pass, "--profiling=false");
    let unit = node().with(|facts| {
        let line = |text: &str| Arg {
            text: text.to_owned(),
            path: "/etc/systemd/system/kube-scheduler.service".to_owned(),
            line: 7,
        };
        let args = vec![line("kube-scheduler"), line("--profiling=true")];
        facts.unit_args.insert(component, args);
    });
    let finding = unit.judge("1.4.1");
    comes_out(&finding, Status::Fail, "--profiling=true");
    rests_on(&finding, "--profiling=true", "/etc/systemd/system/kube-scheduler.service:7");
}

#[test]
fn a_component_that_does_not_run_is_judged_by_its_manifest_and_said_so() {
    let stopped = node().manifest(Component::KubeScheduler, &["--profiling=false"]);
    comes_out(&stopped.judge("1.4.1"), Status::Pass, "--profiling=false");
    let notices = stopped.report().notices;
    assert_eq!(
        notices,
        ["kube-scheduler has a manifest and no process: its manifest decides alone"]
    );
}

#[test]
fn an_ambiguous_process_is_an_error_that_names_the_candidates() {
    let node = node().apiserver(&["--profiling=false"]).with(|facts| {
        let one = facts.process(Component::KubeApiserver).unwrap().clone();
        let mut other = one.clone();
        other.pid = 4711;
        let candidates = vec![one, other];
        facts.processes.insert(Component::KubeApiserver, ProcessFact::Ambiguous { candidates });
    });
    comes_out(&node.judge("1.2.15"), Status::Error, "pid 1000, 4711");
}

#[test]
fn a_broken_manifest_is_an_error_and_a_finding_of_its_own() {
    let path = manifest_path(Component::KubeScheduler);
    let node = node()
        .process(Component::KubeScheduler, &["--profiling=false"])
        .manifest_at(&path, "kind: Pod\nspec: [\n");
    comes_out(&node.judge("1.4.1"), Status::Error, "kube-scheduler.yaml cannot be understood");
    comes_out(&node.judge("KT-broken-manifest"), Status::Fail, &path);
    comes_out(&node.judge("1.3.2"), Status::NotApplicable, "kube-controller-manager");
}

#[test]
fn every_manifest_of_a_component_must_be_right() {
    let text = |value: &str| {
        format!(
            "kind: Pod\nmetadata:\n  name: kube-scheduler\n  namespace: kube-system\nspec:\n  containers:\n  - name: s\n    image: s:v1.36.2\n    command: [kube-scheduler, --profiling={value}]\n"
        )
    };
    let node = node()
        .process(Component::KubeScheduler, &["--profiling=false"])
        .manifest_at("/etc/kubernetes/manifests/kube-scheduler.yaml", &text("false"))
        .manifest_at("/etc/kubernetes/manifests/kube-scheduler.yaml.bak", &text("true"));
    comes_out(
        &node.judge("1.4.1"),
        Status::Fail,
        "kube-scheduler.yaml.bak: the running process is",
    );
    let image = node.clone().not_running();
    comes_out(
        &image.judge("1.4.1"),
        Status::Fail,
        "in /etc/kubernetes/manifests/kube-scheduler.yaml.bak, whatever /etc/kubernetes/manifests/kube-scheduler.yaml says",
    );
    let pending = node.clone().process(Component::KubeScheduler, &[]);
    let reason = pending.judge("1.4.1").reason;
    assert!(!reason.contains("what starts it is right"), "only one of the two is: {reason}");
    let shadow = node.judge("KT-shadow-manifest");
    comes_out(&shadow, Status::Fail, "defines pod kube-system/kube-scheduler");
    assert_eq!(shadow.evidence.len(), 2);
}

#[test]
fn two_containers_of_one_component_are_an_error_that_names_them() {
    let container = |name: &str, profiling: &str| {
        format!(
            "  - name: {name}\n    image: s:v1.36.2\n    command: [kube-scheduler, --profiling={profiling}]\n"
        )
    };
    let text = format!(
        "kind: Pod\nmetadata:\n  name: kube-scheduler\n  namespace: kube-system\nspec:\n  containers:\n{}{}",
        container("first", "false"),
        container("second", "true")
    );
    let path = manifest_path(Component::KubeScheduler);
    for node in [
        node().manifest_at(&path, &text),
        node().manifest_at(&path, &text).not_running(),
        node().process(Component::KubeScheduler, &["--profiling=false"]).manifest_at(&path, &text),
    ] {
        let finding = node.judge("1.4.1");
        comes_out(
            &finding,
            Status::Error,
            "kube-scheduler.yaml run kube-scheduler (first, second)",
        );
        rests_on(&finding, "kube-scheduler", &format!("{path}:12"));
    }
}
