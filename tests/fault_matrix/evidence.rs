//! What is kept of a failed component, whom it points at, and the circle of kubelet and API server.

use std::sync::Arc;

use kube_temper::{
    model::{Component, Edit, FieldValue, Outcome, Plan, RecordKind, StepTarget},
    node::{Node as _, recording::KUBEADM_1_36_2, sim::Cause},
};

use crate::{
    lab::{Deed, Done, Lab, When},
    machine::{
        edit, plan, set_flag,
        sim::{flag, rewritten},
        step, with_flag,
    },
};

fn kept(done: &Done) -> Vec<(&Component, &str, &str)> {
    let kept = done.records.iter().filter_map(|record| match &record.kind {
        RecordKind::Kept { component, path, telling } => {
            Some((component, path.as_str(), telling.as_str()))
        }
        _ => None,
    });
    kept.collect()
}

fn deed(deed: impl Fn(&Lab) + Send + Sync + 'static) -> Deed {
    Arc::new(deed)
}

/// Several flags of one component, each for a control of its own.
fn merged(lab: &Lab, component: Component, flags: &[(&str, &str, &str)]) -> Plan {
    let path = format!("/etc/kubernetes/manifests/{component}.yaml");
    let mut text = lab.node.text(&path).unwrap();
    for (_, flag, value) in flags {
        text = with_flag(&text, component.as_str(), flag, value);
    }
    let mut change = rewritten(&lab.node, &path, "1.4.1", text);
    change.edits = flags.iter().map(|(id, flag, value)| set_flag(id, flag, value)).collect();
    plan(vec![step(StepTarget::of(component).unwrap(), vec![change])])
}

#[test]
fn the_last_words_of_a_crashed_component_are_kept_and_name_the_culprit() {
    let lab = Lab::new(&KUBEADM_1_36_2, 7, Vec::new());
    // What pre-flight cannot know.
    lab.node.crash_on(Component::KubeScheduler, "--kube-api-qps=1");
    let plan = merged(
        &lab,
        Component::KubeScheduler,
        &[("1.4.1", "profiling", "false"), ("1.4.9", "kube-api-qps", "1"), ("1.4.8", "v", "4")],
    );
    let done = lab.run(&plan, None).unwrap();
    let Outcome::RolledBack { cause, .. } = &done.outcome else { panic!("{}", done.told()) };
    let words = "asked to crash on '--kube-api-qps=1'";
    assert!(cause.contains("kube-scheduler said: ") && cause.contains(words), "{cause}");
    assert!(
        cause.contains("likely because of 1.4.9; 1.4.1, 1.4.8 can be applied without it"),
        "{cause}"
    );
    let kept = kept(&done);
    let [(Component::KubeScheduler, path, telling)] = kept[..] else { panic!("{kept:?}") };
    assert!(telling.contains(words), "{telling}");
    let inside = path.strip_prefix("/var/lib/kube-temper").unwrap();
    let stat = lab.node.state().lstat(inside).unwrap().unwrap();
    assert_eq!(stat.mode, 0o600);
    let log = lab.node.state().read(inside, 1 << 20).unwrap();
    assert!(String::from_utf8(log).unwrap().contains(words));
}

/// Lines of the kubelet's configuration, each for a control of its own.
fn configured(lab: &Lab, lines: &[(&str, &str, FieldValue)]) -> Plan {
    const CONFIG: &str = "/var/lib/kubelet/config.yaml";
    let mut text = lab.node.text(CONFIG).unwrap();
    for (_, field, value) in lines {
        text += &format!("{field}: {value}\n");
    }
    let mut change = rewritten(&lab.node, CONFIG, "4.2.13", text);
    change.edits = lines
        .iter()
        .map(|(id, field, value)| {
            edit(id, Edit::SetField { field: (*field).to_owned(), value: value.clone() })
        })
        .collect();
    plan(vec![step(StepTarget::Kubelet, vec![change])])
}

#[test]
fn the_last_words_of_a_kubelet_are_kept_and_name_the_culprit() {
    let lab = Lab::new(&KUBEADM_1_36_2, 7, Vec::new());
    // What its dry run cannot know.
    lab.node.crash_on(Component::Kubelet, "seccompDefault: true");
    let plan = configured(
        &lab,
        &[
            ("4.2.14", "seccompDefault", FieldValue::Bool(true)),
            ("4.2.13", "podPidsLimit", FieldValue::Int(4096)),
        ],
    );
    let done = lab.run(&plan, None).unwrap();
    let Outcome::RolledBack { cause, .. } = &done.outcome else { panic!("{}", done.told()) };
    assert!(cause.contains("kubelet said: ") && cause.contains("asked to crash on"), "{cause}");
    assert!(
        cause.contains("likely because of 4.2.14; 4.2.13 can be applied without it"),
        "{cause}"
    );
    let kept = kept(&done);
    let [(Component::Kubelet, path, telling)] = kept[..] else { panic!("{kept:?}") };
    assert!(telling.contains("\"command failed\""), "{telling}");
    let inside = path.strip_prefix("/var/lib/kube-temper").unwrap();
    assert_eq!(lab.node.state().lstat(inside).unwrap().unwrap().mode, 0o600);
    let log = lab.node.state().read(inside, 1 << 20).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("Main process exited"));
}

#[test]
fn the_last_words_are_those_of_who_failed_not_of_what_was_changed() {
    let breaks = deed(|lab| {
        lab.node.crash_on(Component::KubeControllerManager, "--");
        lab.node.kill(Component::KubeControllerManager);
    });
    let lab = Lab::new(&KUBEADM_1_36_2, 7, vec![(When::Applied(60), breaks)]);
    let plan = flag(&lab.node, Component::KubeApiserver, "profiling", "false");
    let done = lab.run(&plan, None).unwrap();
    let kept = kept(&done);
    let [(Component::KubeControllerManager, _, telling)] = kept[..] else { panic!("{kept:?}") };
    assert!(telling.contains("asked to crash"), "{telling}");
}

#[test]
fn a_plugin_the_log_names_points_at_its_fix() {
    let lab = Lab::new(&KUBEADM_1_36_2, 7, Vec::new());
    let plan = merged(
        &lab,
        Component::KubeApiserver,
        &[
            ("1.2.15", "profiling", "false"),
            ("1.2.11", "enable-admission-plugins", "AlwaysPullImages"),
        ],
    );
    lab.node.crash_on(Component::KubeApiserver, "AlwaysPullImages");
    let done = lab.run(&plan, None).unwrap();
    let Outcome::RolledBack { cause, .. } = &done.outcome else { panic!("{}", done.told()) };
    assert!(cause.contains("likely because of 1.2.11; 1.2.15 can be"), "{cause}");
}

#[test]
fn probes_without_credentials_are_never_locked_out() {
    let lab = Lab::new(&KUBEADM_1_36_2, 7, Vec::new());
    let plan = merged(
        &lab,
        Component::KubeApiserver,
        &[("1.2.15", "profiling", "false"), ("1.2.1", "anonymous-auth", "false")],
    );
    let done = lab.run(&plan, None).unwrap();
    let Outcome::Refused { cause } = &done.outcome else { panic!("{}", done.told()) };
    assert!(cause.contains("--anonymous-auth=false") && cause.contains("401"), "{cause}");
}

#[test]
fn a_manifest_that_was_not_taken_leaves_no_words_of_the_old_pod() {
    let lab =
        Lab::new(&KUBEADM_1_36_2, 7, vec![(When::Applied(0), deed(|lab| lab.node.stop_kubelet()))]);
    let done =
        lab.run(&flag(&lab.node, Component::KubeScheduler, "profiling", "false"), None).unwrap();
    assert_eq!(kept(&done), []);
    assert!(matches!(done.outcome, Outcome::Stuck { .. }), "{}", done.told());
}

/// Somebody restarts the kubelet while the API server is away for good.
#[test]
fn a_kubelet_that_waits_for_its_api_server_is_restarted_once_more() {
    let restart = deed(|lab| lab.node.kubelet().unwrap().restart().unwrap());
    let lab = Lab::new(&KUBEADM_1_36_2, 7, vec![(When::Applied(20), restart)]);
    let before = lab.node.snapshot();
    lab.node.crash_on(Component::KubeApiserver, "--profiling=false");
    let bad = flag(&lab.node, Component::KubeApiserver, "profiling", "false");
    let done = lab.run(&bad, None).unwrap();
    assert!(matches!(done.outcome, Outcome::RolledBack { .. }), "{}", done.told());
    assert_eq!(before.differences(&lab.node.snapshot()), Vec::<String>::new());
    assert_eq!(lab.node.starts(Component::Kubelet, &Cause::Service), 2, "{}", done.told());
    assert!(done.told().contains("restarted the kubelet once more"), "{}", done.told());
}

#[test]
fn a_kubelet_that_knows_its_api_server_is_left_alone() {
    let lab = Lab::new(&KUBEADM_1_36_2, 7, Vec::new());
    lab.node.crash_on(Component::KubeApiserver, "--profiling=false");
    let bad = flag(&lab.node, Component::KubeApiserver, "profiling", "false");
    let done = lab.run(&bad, None).unwrap();
    assert!(matches!(done.outcome, Outcome::RolledBack { .. }), "{}", done.told());
    assert_eq!(lab.node.starts(Component::Kubelet, &Cause::Service), 0);
}

#[test]
fn a_lease_is_fresh_whoever_has_it() {
    let elsewhere = deed(|lab| lab.node.lead_elsewhere(Component::KubeScheduler));
    let lab = Lab::new(&KUBEADM_1_36_2, 7, vec![(When::Applied(20), elsewhere)]);
    let plan = flag(&lab.node, Component::KubeScheduler, "profiling", "false");
    let done = lab.run(&plan, None).unwrap();
    assert_eq!(done.outcome, Outcome::Committed, "{}", done.told());
    assert!(done.told().contains("renewed by cp2_"), "{}", done.told());
}
