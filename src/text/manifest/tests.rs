//! Reading manifests: of recorded nodes, and case by case.

use std::io::Read as _;

use super::*;
use crate::model::facts::{Mount, Probe, StaticPod};
use crate::{model::Component, text::ParseProblem};

/// A text file of a recorded node.
fn recorded(archive: &[u8], path: &str) -> String {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().ends_with(path) {
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            return text;
        }
    }
    panic!("{path} is not recorded");
}

#[test]
fn a_recorded_api_server() {
    let node = include_bytes!("../../../snapshots/nodes/kubeadm-1.36.2.tar.gz");
    let text = recorded(node, "etc/kubernetes/manifests/kube-apiserver.yaml");
    let pod = parse("/m/kube-apiserver.yaml", &text).unwrap();
    assert_eq!((pod.name.as_str(), pod.namespace.as_str()), ("kube-apiserver", "kube-system"));
    assert_eq!((pod.uid, pod.host_network), (None, true));
    assert!(pod.duplicate_keys.is_empty());
    let [container] = pod.containers.as_slice() else { panic!("one container") };
    assert_eq!(container.name, "kube-apiserver");
    assert_eq!(container.image, "registry.k8s.io/kube-apiserver:v1.36.2");
    assert_eq!(container.args.len(), 28);
    for arg in &container.args {
        let line = text.lines().nth(arg.line - 1).unwrap();
        assert_eq!(line.trim().strip_prefix("- "), Some(arg.text.as_str()));
        assert_eq!(arg.path, "/m/kube-apiserver.yaml");
    }
    let pki = container.mounts.iter().find(|m| m.container == "/etc/kubernetes/pki").unwrap();
    assert_eq!((pki.host.as_deref(), pki.read_only), (Some("/etc/kubernetes/pki"), true));
    assert_eq!(container.run_as_user, None);
    let probe = Probe {
        path: Some("/livez".into()),
        host: Some("10.77.0.10".into()),
        port: 6443,
        tls: true,
        headers: Vec::new(),
        initial_delay: 10,
        period: 10,
        timeout: 15,
        failure_threshold: 8,
    };
    assert_eq!(container.liveness.as_ref(), Some(&probe));
    let startup = Probe { failure_threshold: 24, ..probe.clone() };
    assert_eq!(container.startup, Some(startup));
    let readiness = Probe {
        path: Some("/readyz".into()),
        initial_delay: 0,
        period: 1,
        failure_threshold: 3,
        ..probe
    };
    assert_eq!(container.readiness, Some(readiness));
}

#[test]
fn numeric_and_named_ports_of_other_versions() {
    let old = include_bytes!("../../../snapshots/nodes/kubeadm-1.32.5.tar.gz");
    let new = include_bytes!("../../../snapshots/nodes/kubeadm-1.35.3.tar.gz");
    for node in [old.as_slice(), new.as_slice()] {
        for (file, port, tls) in [
            ("kube-scheduler", 10259, true),
            ("kube-controller-manager", 10257, true),
            ("etcd", 2381, false),
        ] {
            let text = recorded(node, &format!("etc/kubernetes/manifests/{file}.yaml"));
            let pod = parse("/m", &text).unwrap();
            let probe = pod.containers[0].liveness.clone().unwrap();
            assert_eq!((probe.port, probe.tls), (port, tls), "{file}");
            assert_eq!(probe.host.as_deref(), Some("127.0.0.1"));
        }
    }
}

fn pod(spec: &str) -> Result<StaticPod, ParseProblem> {
    parse("/m", &format!("kind: Pod\nmetadata: {{name: p}}\nspec:\n{spec}"))
}

#[test]
fn command_and_args_keep_their_own_lines() {
    let pod = pod("  containers:\n  - name: c\n    args: ['--b', \"--c\"]\n    command:\n    # the binary\n    - etcd\n    - --a=1 # one\n    -\n").unwrap();
    let args: Vec<(&str, usize)> =
        pod.containers[0].args.iter().map(|a| (a.text.as_str(), a.line)).collect();
    assert_eq!(args, [("etcd", 9), ("--a=1", 10), ("", 11), ("--b", 6), ("--c", 6)]);
    assert!(pod.container(Component::Etcd).is_some());
}

#[test]
fn aliases_and_merges_are_followed() {
    let pod = pod("  x: &flags [etcd, --a]\n  y: &base\n    name: c\n    command: *flags\n  containers:\n  - <<: *base\n    image: i\n").unwrap();
    let container = &pod.containers[0];
    assert_eq!((container.name.as_str(), container.image.as_str()), ("c", "i"));
    let args: Vec<(&str, usize)> =
        container.args.iter().map(|a| (a.text.as_str(), a.line)).collect();
    assert_eq!(args, [("etcd", 4), ("--a", 4)]);
}

#[test]
fn mounts_users_and_probes() {
    let pod = pod("  securityContext: {runAsUser: 7}\n  volumes:\n  - {name: h, hostPath: {path: /host/}}\n  - {name: e, emptyDir: {}}\n  containers:\n  - name: c\n    volumeMounts:\n    - {name: h, mountPath: /in, readOnly: yes}\n    - {name: h, mountPath: /sub, subPath: s}\n    - {name: e, mountPath: /e}\n    livenessProbe: {tcpSocket: {port: 5}}\n    readinessProbe: {exec: {command: [x]}}\n    startupProbe: {httpGet: {port: '6', httpHeaders: [{name: Host, value: cp1}]}, periodSeconds: 0}\n  - name: d\n    securityContext: {runAsUser: 0}\n").unwrap();
    let [c, d] = pod.containers.as_slice() else { panic!("two containers") };
    let mount = |container: &str, host: Option<&str>, read_only| Mount {
        container: container.into(),
        host: host.map(Into::into),
        read_only,
    };
    assert_eq!(
        c.mounts,
        [
            mount("/in", Some("/host/"), true),
            mount("/sub", Some("/host/s"), false),
            mount("/e", None, false)
        ]
    );
    assert_eq!((c.run_as_user, d.run_as_user), (Some(7), Some(0)));
    let probe = Probe {
        path: None,
        host: None,
        port: 5,
        tls: false,
        headers: Vec::new(),
        initial_delay: 0,
        period: 10,
        timeout: 1,
        failure_threshold: 3,
    };
    assert_eq!(c.liveness.as_ref(), Some(&probe));
    assert_eq!(c.readiness, None);
    let headers = vec![("Host".into(), "cp1".into())];
    assert_eq!(c.startup, Some(Probe { path: Some("/".into()), port: 6, headers, ..probe }));
}

#[test]
fn what_the_kubelet_would_refuse_is_a_problem() {
    for (text, message) in [
        ("", "empty"),
        ("kind: Deployment\n", "it is a Deployment"),
        ("- a\n", "no kind"),
        ("kind: Pod\nspec: {}\n", "metadata.name"),
        ("kind: Pod\nmetadata: {name: p}\n", "no containers"),
    ] {
        assert!(parse("/m", text).unwrap_err().message.contains(message), "{text:?}");
    }
    for (spec, message, line) in [
        (
            "  containers:\n  - name: c\n    command:\n    - etcd\n    - 5\n",
            "5, which is not text",
            Some(8),
        ),
        ("  containers:\n  - name: c\n    command: etcd\n", "not a list", Some(6)),
        (
            "  containers:\n  - name: c\n    livenessProbe: {httpGet: {port: web}}\n",
            "\"web\", which nothing names",
            None,
        ),
    ] {
        let problem = pod(spec).unwrap_err();
        assert!(problem.message.contains(message), "{problem}");
        assert_eq!(problem.line, line, "{problem}");
    }
}

#[test]
fn a_uid_is_seen_and_the_second_document_is_not() {
    let text = "kind: Pod\nmetadata: {name: p, uid: abc}\nspec: {containers: [{name: c}, {name: c}]}\n---\nkind: List\n";
    let pod = parse("/m", text).unwrap();
    assert_eq!((pod.uid.as_deref(), pod.containers.len()), (Some("abc"), 2));
}
