//! Every manifest, kubelet configuration and environment file of the recorded nodes.

use std::{collections::BTreeMap, io::Read as _};

use kube_temper::{
    model::{Component, Edit, FieldValue},
    text::{env_file, flags, kubelet, manifest, yaml},
};
use serde_json::json;

use super::{asked, remove_flag, set_flag};

pub(super) const NODES: [(&str, &[u8]); 5] = [
    ("1.32.5", include_bytes!("../../snapshots/nodes/kubeadm-1.32.5.tar.gz")),
    ("1.34.2", include_bytes!("../../snapshots/nodes/kubeadm-1.34.2.tar.gz")),
    ("1.35.3", include_bytes!("../../snapshots/nodes/kubeadm-1.35.3.tar.gz")),
    ("1.36.2", include_bytes!("../../snapshots/nodes/kubeadm-1.36.2.tar.gz")),
    ("1.36.2-worker", include_bytes!("../../snapshots/nodes/kubeadm-1.36.2-worker.tar.gz")),
];

/// Texts of one node by path.
pub(super) fn files(archive: &[u8]) -> BTreeMap<String, String> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        if !(path.contains("/etc/kubernetes/manifests/") || path.contains("/var/lib/kubelet/")) {
            continue;
        }
        let mut text = String::new();
        if entry.header().entry_type().is_file() && entry.read_to_string(&mut text).is_ok() {
            files.insert(path, text);
        }
    }
    files
}

pub(super) fn component(path: &str) -> Component {
    let name = path.rsplit('/').next().unwrap().trim_end_matches(".yaml");
    Component::from_binary(name).unwrap_or_else(|| panic!("{path} is of no component"))
}

fn args(text: &str, component: Component) -> Vec<String> {
    let pod = manifest::parse("/m", text).unwrap();
    pod.container(component).unwrap().args.iter().map(|arg| arg.text.clone()).collect()
}

/// Lines of the second text that the first does not have, and the other way round.
fn difference(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let only = |a: &str, b: &str| {
        let mut rest: Vec<&str> = b.lines().collect();
        let mut only = Vec::new();
        for line in a.lines() {
            match rest.iter().position(|other| *other == line) {
                Some(at) => drop(rest.remove(at)),
                None => only.push(line.to_owned()),
            }
        }
        only
    };
    (only(before, after), only(after, before))
}

#[test]
fn a_new_flag_is_one_sorted_line_and_leaves_without_a_trace() {
    let mut seen = 0;
    for (node, archive) in NODES {
        for (path, text) in files(archive).iter().filter(|(path, _)| path.contains("/manifests/")) {
            let component = component(path);
            let edit = |text: &str, edit| manifest::edit(text, component, &asked(&[edit])).unwrap();
            let flag = "profiling";
            let with = edit(text, set_flag(flag, "false"));
            let (gone, new) = difference(text, &with);
            assert_eq!(gone, [""; 0], "{node} {path}");
            assert_eq!(new, ["    - --profiling=false"], "{node} {path}");
            let now = args(&with, component);
            assert!(now.get(1..).unwrap().is_sorted(), "{node} {path}: {now:?}");
            assert_eq!(edit(&with, set_flag(flag, "false")), with, "{node} {path}");
            assert_eq!(&edit(&with, remove_flag(flag)), text, "{node} {path}");
            seen += 1;
        }
    }
    assert!(seen >= 12, "only {seen} manifests were seen");
}

#[test]
fn every_flag_can_be_changed_and_put_back_and_removed() {
    for (node, archive) in NODES {
        for (path, text) in files(archive).iter().filter(|(path, _)| path.contains("/manifests/")) {
            let component = component(path);
            let before = args(text, component);
            for arg in before.iter().skip(1) {
                let (flag, value) = arg.trim_start_matches('-').split_once('=').unwrap();
                let edit =
                    |text: &str, edit| manifest::edit(text, component, &asked(&[edit])).unwrap();
                let changed = edit(text, set_flag(flag, "other"));
                let line = |value: &str| vec![format!("    - --{flag}={value}")];
                assert_eq!(
                    difference(text, &changed),
                    (line(value), line("other")),
                    "{node} {path}"
                );
                assert_eq!(&edit(&changed, set_flag(flag, value)), text, "{node} {path}");
                let without = edit(text, remove_flag(flag));
                assert_eq!(difference(text, &without), (line(value), Vec::new()), "{node} {path}");
                assert_eq!(&edit(&without, set_flag(flag, value)), text, "{node} {path}");
            }
        }
    }
}

#[test]
fn a_plugin_joins_the_list_and_leaves_it() {
    for (node, archive) in NODES.iter().take(4) {
        let files = files(archive);
        let text = files.iter().find(|(path, _)| path.ends_with("kube-apiserver.yaml")).unwrap().1;
        let flag = || "enable-admission-plugins".to_owned();
        let value = || "AlwaysPullImages".to_owned();
        let add = Edit::AddToList { flag: flag(), value: value(), first: false };
        let take = Edit::RemoveFromList { flag: flag(), value: value(), otherwise: None };
        let edit =
            |text: &str, edit| manifest::edit(text, Component::KubeApiserver, &asked(&[edit]));
        let with = edit(text, add).unwrap();
        let plugins = flags::list(&args(&with, Component::KubeApiserver), &flag()).unwrap();
        assert_eq!(plugins, ["NodeRestriction", "AlwaysPullImages"], "{node}");
        assert_eq!(&edit(&with, take).unwrap(), text, "{node}");
    }
}

#[test]
fn the_kubelet_configuration_of_every_node() {
    for (node, archive) in NODES {
        let files = files(archive);
        let path = |name: &str| files.keys().find(|path| path.ends_with(name)).cloned().unwrap();
        let text = &files[&path("/var/lib/kubelet/config.yaml")];
        let set = |field: &str, value: FieldValue| Edit::SetField { field: field.into(), value };
        let remove = |field: &str| Edit::RemoveField { field: field.into() };
        let edit = |text: &str, edit: Edit| kubelet::edit(text, &asked(&[edit])).unwrap();
        let ciphers = FieldValue::List(vec!["TLS_A".into(), "TLS_B".into()]);
        for (field, value, lines) in [
            ("readOnlyPort", FieldValue::Int(0), vec!["readOnlyPort: 0"]),
            ("seccompDefault", FieldValue::Bool(true), vec!["seccompDefault: true"]),
            ("tlsCipherSuites", ciphers, vec!["tlsCipherSuites:", "- TLS_A", "- TLS_B"]),
            (
                "featureGates.RotateKubeletServerCertificate",
                FieldValue::Bool(true),
                vec!["featureGates:", "  RotateKubeletServerCertificate: true"],
            ),
            ("authentication.x509.other", FieldValue::Text("no".into()), vec!["    other: 'no'"]),
        ] {
            let with = edit(text, set(field, value.clone()));
            assert_eq!(
                difference(text, &with),
                (Vec::new(), lines.iter().map(|line| (*line).to_owned()).collect()),
                "{node} {field}"
            );
            let read = kubelet::parse(&with).unwrap().0;
            assert_eq!(yaml::at(&read, field), Some(&serde_json::to_value(&value).unwrap()));
            assert_eq!(edit(&with, set(field, value)), with, "{node} {field}");
            assert_eq!(&edit(&with, remove(field)), text, "{node} {field}");
        }
        let with = edit(text, set("authentication.anonymous.enabled", FieldValue::Bool(true)));
        assert_eq!(
            difference(text, &with),
            (vec!["    enabled: false".to_owned()], vec!["    enabled: true".to_owned()]),
            "{node}"
        );
        let read = kubelet::parse(&with).unwrap().0;
        assert_eq!(yaml::at(&read, "authentication.anonymous.enabled"), Some(&json!(true)));
    }
}

#[test]
fn the_environment_file_of_every_node() {
    for (node, archive) in NODES {
        let files = files(archive);
        let text = files.iter().find(|(path, _)| path.ends_with("kubeadm-flags.env")).unwrap().1;
        let [assignment] = env_file::parse(text).try_into().unwrap();
        assert_eq!(
            (assignment.name.as_str(), assignment.line),
            ("KUBELET_KUBEADM_ARGS", 1),
            "{node}"
        );
        let longer = text.replace("ARGS=\"", "ARGS=\"--read-only-port=10255 ");
        assert_ne!(&longer, text, "{node}");
        assert_eq!(
            env_file::remove_flag(&longer, "read-only-port", None).as_ref(),
            Ok(text),
            "{node}"
        );
    }
}
