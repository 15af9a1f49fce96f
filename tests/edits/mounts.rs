//! Folders of the host that a component is to see.

use kube_temper::{
    model::{Component, Edit, facts::Mount},
    text::{diff, manifest, yaml},
};
use proptest::prelude::*;
use serde_json::Value;

use super::{
    asked, manifests,
    recorded::{NODES, component, files},
};

const FOLDER: &str = "/etc/kubernetes/hardening";

fn mount(name: &str, folder: &str, read_only: bool) -> Edit {
    let kind = if read_only { "Directory" } else { "DirectoryOrCreate" };
    Edit::Mount { name: name.into(), folder: folder.into(), kind: kind.into(), read_only }
}

fn hardening() -> Edit {
    mount("hardening", FOLDER, true)
}

fn edited(text: &str, component: Component, edit: &Edit) -> Result<String, String> {
    manifest::edit(text, component, &asked(std::slice::from_ref(edit)))
        .map_err(|refused| refused.reason)
}

fn seen(text: &str, component: Component) -> Vec<Mount> {
    let pod = manifest::parse("/m", text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    pod.container(component).unwrap().mounts.clone()
}

fn lines_added<'t>(before: &str, after: &'t str) -> Vec<&'t str> {
    let mut old = before.lines().peekable();
    after.lines().filter(|line| old.next_if_eq(line).is_none()).collect()
}

#[test]
fn every_recorded_manifest_gets_one_volume_and_one_mount() {
    for (node, archive) in NODES {
        for (path, text) in files(archive).iter().filter(|(path, _)| path.contains("/manifests/")) {
            let component = component(path);
            let with = edited(text, component, &hardening()).unwrap();
            let want = [
                "    - mountPath: /etc/kubernetes/hardening",
                "      name: hardening",
                "      readOnly: true",
                "  - hostPath:",
                "      path: /etc/kubernetes/hardening",
                "      type: Directory",
                "    name: hardening",
            ];
            assert_eq!(lines_added(text, &with), want, "{node} {path}");
            let mounts = seen(&with, component);
            assert_eq!(Mount::host_path(&mounts, FOLDER).as_deref(), Some(FOLDER));
            assert_eq!(edited(&with, component, &hardening()).unwrap(), with, "{node} {path}");
            assert_eq!(&diff::undo(text, &with, &with).unwrap(), text, "{node} {path}");
            let written = mount("log", "/var/log/kubernetes/audit", false);
            let both = edited(&with, component, &written).unwrap();
            let log = seen(&both, component).pop().unwrap();
            assert!(!log.read_only && log.container == "/var/log/kubernetes/audit");
        }
    }
}

fn pod(container: &str, spec: &str) -> String {
    format!(
        "kind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n    command: [etcd]\n{container}{spec}"
    )
}

#[test]
fn what_is_there_is_used_and_what_is_in_the_way_is_said() {
    let mounts = |mounts: &str| format!("    volumeMounts:\n{mounts}");
    let volume = |name: &str, path: &str| {
        format!("  volumes:\n  - name: {name}\n    hostPath: {{path: {path}}}\n")
    };
    let of =
        |name: &str, path: &str| mounts(&format!("    - {{name: {name}, mountPath: {path}}}\n"));
    // Seen already, by itself or with what is around it.
    for path in [FOLDER, "/etc/kubernetes"] {
        let text = pod(&of("k", path), &volume("k", path));
        assert_eq!(edited(&text, Component::Etcd, &hardening()).unwrap(), text);
    }
    // A volume of that folder is used again; a name that is taken is not.
    let text = pod("", &volume("theirs", "/etc/kubernetes/hardening/"));
    let with = edited(&text, Component::Etcd, &hardening()).unwrap();
    assert!(with.contains("      name: theirs\n      readOnly: true\n"), "{with}");
    let text = pod("", &volume("hardening", "/other"));
    let with = edited(&text, Component::Etcd, &hardening()).unwrap();
    assert!(with.contains("    name: hardening-2\n"), "{with}");
    // Nothing is mounted yet, in any style.
    for text in [
        pod("", ""),
        pod("    volumeMounts: []\n", "  volumes: []\n"),
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"command\":[\"etcd\"]}]}}".to_owned(),
        "kind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, command: [etcd]}]}\n".to_owned(),
    ] {
        let with = edited(&text, Component::Etcd, &hardening()).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(Mount::host_path(&seen(&with, Component::Etcd), FOLDER).as_deref(), Some(FOLDER), "{with}");
    }
    let read_only = mounts(&format!("    - {{name: k, mountPath: {FOLDER}, readOnly: true}}\n"));
    let part = mounts(&format!("    - {{name: k, mountPath: {FOLDER}, subPath: x}}\n"));
    for (text, edit, what) in [
        (
            pod(&of("k", FOLDER), &volume("k", "/other")),
            hardening(),
            "is something else in the container",
        ),
        (pod(&of("k", "/etc"), &volume("k", "/other")), hardening(), "which mounts /etc"),
        (pod(&part, &volume("k", FOLDER)), hardening(), "is something else"),
        (pod(&read_only, &volume("k", FOLDER)), mount("h", FOLDER, false), "is mounted read-only"),
        (pod("    volumeMounts: x\n", ""), hardening(), "volumeMounts is no list"),
        (pod("    volumeMounts:\n", ""), hardening(), "volumeMounts (line 8) is no list"),
        (
            pod("    volumeMounts: &m\n    - {name: k, mountPath: /x}\n", &volume("k", "/x")),
            hardening(),
            "carries an anchor",
        ),
        (
            pod("", "  volumes: []\n  volumes: []\n"),
            hardening(),
            "key spec.volumes is written twice",
        ),
        (pod("", "") + "---\nkind: Pod\n", hardening(), "several documents"),
    ] {
        let refused = edited(&text, Component::Etcd, &edit).expect_err(&text);
        assert!(refused.contains(what), "{refused}\n{text}");
        assert!(refused.contains("edit the manifest by hand: mount /etc"), "{refused}");
    }
}

/// What a manifest holds besides its volumes and mounts.
fn rest(text: &str) -> Value {
    let mut value = yaml::parse(text).unwrap().value;
    let spec = value["spec"].as_object_mut().unwrap();
    spec.remove("volumes");
    for container in spec["containers"].as_array_mut().unwrap() {
        container.as_object_mut().unwrap().remove("volumeMounts");
    }
    value
}

proptest! {
    #![proptest_config(super::cases(10_000))]

    #[test]
    fn a_mount_changes_nothing_else(manifest in manifests::manifests(), read_only: bool) {
        let text = manifest.text();
        let edit = mount("hardening", FOLDER, read_only);
        if let Ok(with) = edited(&text, Component::KubeApiserver, &edit) {
            prop_assert_eq!(rest(&with), rest(&text), "{}", with);
            let mounts = seen(&with, Component::KubeApiserver);
            prop_assert_eq!(Mount::host_path(&mounts, FOLDER), Some(FOLDER.to_owned()));
            let (mount, _) = Mount::of(&mounts, FOLDER).unwrap();
            prop_assert!(read_only || !mount.read_only);
            prop_assert_eq!(edited(&with, Component::KubeApiserver, &edit).unwrap(), with);
        }
    }
}
