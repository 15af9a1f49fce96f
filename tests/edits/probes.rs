//! The host that probes ask.

use kube_temper::{
    model::{Component, Edit},
    text::{diff, manifest},
};
use proptest::prelude::*;

use super::{
    asked, manifests,
    recorded::{NODES, component, files},
};

fn edited(text: &str, component: Component, host: Option<&str>) -> Result<String, String> {
    let edit = Edit::ProbeHost { host: host.map(str::to_owned) };
    manifest::edit(text, component, &asked(&[edit])).map_err(|refused| refused.reason)
}

/// The hosts of all probes of the component's container.
fn hosts(text: &str, component: Component) -> Vec<Option<String>> {
    let pod = manifest::parse("/m", text).unwrap();
    let container = pod.container(component).unwrap();
    let probes = [&container.liveness, &container.readiness, &container.startup];
    probes.into_iter().flatten().map(|probe| probe.host.clone()).collect()
}

#[test]
fn every_probe_of_a_recorded_manifest_asks_the_new_host() {
    for (node, archive) in NODES {
        for (path, text) in files(archive).iter().filter(|(path, _)| path.contains("/manifests/")) {
            let component = component(path);
            let before = hosts(text, component);
            let none = edited(text, component, None).unwrap();
            let host = |host: &str| vec![Some(host.to_owned()); before.len()];
            assert_eq!(hosts(&none, component), vec![None; before.len()], "{node} {path}");
            assert_eq!(none.lines().count() + before.len(), text.lines().count(), "{node} {path}");
            // As kubeadm writes it: the host stands where it stood.
            let was = before[0].clone().unwrap();
            assert_eq!(&edited(&none, component, Some(&was)).unwrap(), text, "{node} {path}");
            let other = edited(text, component, Some("::1")).unwrap();
            assert_eq!(hosts(&other, component), host("::1"), "{node} {path}");
            assert_eq!(&diff::undo(text, &other, &other).unwrap(), text, "{node} {path}");
        }
    }
}

#[test]
fn only_probes_that_ask_somebody_have_a_host() {
    let pod = |probe: &str| {
        format!(
            "kind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n  - name: c\n    command: [etcd]\n{probe}"
        )
    };
    let exec = pod("    livenessProbe:\n      exec:\n        command: [x]\n");
    assert_eq!(edited(&exec, Component::Etcd, Some("127.0.0.1")).unwrap(), exec);
    let tcp = pod("    startupProbe: {tcpSocket: {port: 5}}\n");
    let with = edited(&tcp, Component::Etcd, Some("127.0.0.1")).unwrap();
    assert!(with.contains("{tcpSocket: {host: 127.0.0.1, port: 5}}"), "{with}");
    for (probe, what) in [
        ("    livenessProbe:\n      httpGet: &a\n        port: 5\n", "carries an anchor"),
        ("    livenessProbe:\n      httpGet: {port: 5, host: a, host: b}\n", "is written twice"),
        (
            "    livenessProbe:\n      httpGet:\n        port: 5\n        host: |\n          a\n",
            "is a text block",
        ),
    ] {
        let refused = edited(&pod(probe), Component::Etcd, Some("127.0.0.1")).unwrap_err();
        assert!(refused.contains(what), "{refused}");
        assert!(refused.contains("by hand: give the probes the host 127.0.0.1"), "{refused}");
    }
}

proptest! {
    #![proptest_config(super::cases(2_000))]

    #[test]
    fn arguments_stay_as_they_are(manifest in manifests::manifests(), ipv6: bool) {
        let text = manifest.text();
        let host = if ipv6 { "::1" } else { "127.0.0.1" };
        if let Ok(with) = edited(&text, Component::KubeApiserver, Some(host)) {
            prop_assert_eq!(manifests::args_of(&with), manifests::args_of(&text));
            let hosts = hosts(&with, Component::KubeApiserver);
            prop_assert!(hosts.iter().all(|found| found.as_deref() == Some(host)));
        }
    }
}
