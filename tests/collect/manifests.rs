//! The static pod directory.

use super::*;

#[test]
fn every_visible_file_of_the_manifest_directory_is_a_manifest() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let dir = "/etc/kubernetes/manifests";
    let scheduler = files_text(&files, &format!("{dir}/kube-scheduler.yaml"));
    files.put_file(&format!("{dir}/kube-scheduler.yaml.bak"), 0o600, &scheduler);
    files.put_file(&format!("{dir}/.kube-scheduler.yaml.tmp"), 0o600, "half");
    files.put_file("/srv/pods/linked.yaml", 0o640, &scheduler);
    files.put_link(&format!("{dir}/linked"), "/srv/pods/linked.yaml");
    files.put_link(&format!("{dir}/dangling"), "/nowhere");
    files.put_link(&format!("{dir}/circle"), "circle");
    files.put_dir(&format!("{dir}/folder"), 0o755);
    files.put_file(&format!("{dir}/latin"), 0o600, b"name: \xe9\n");
    files.put_file(&format!("{dir}/empty"), 0o600, "");
    files.put_file(&format!("{dir}/words"), 0o600, "a: [1\n");
    files.put_file(&format!("{dir}/huge"), 0o600, vec![b'#'; (10 << 20) + 1]);
    files.put_file(&format!("{dir}/two"), 0o600, format!("{scheduler}\n---\nkind: Pod\n"));
    let facts = facts(files, NodeKind::Offline);

    assert_eq!(
        base_names(facts.manifests_of(Component::KubeScheduler)),
        ["kube-scheduler.yaml", "kube-scheduler.yaml.bak", "linked", "two"],
        "one shadows the other, and the kubelet runs the first of two documents"
    );
    assert_eq!(
        facts.problems,
        ["two holds 2 documents: the kubelet reads the first and ignores the rest"]
    );
    let linked = facts.manifests.iter().find(|m| m.path.ends_with("/linked")).unwrap();
    assert_eq!(linked.file.as_ref().unwrap().path, "/srv/pods/linked.yaml");
    assert_eq!(mode(&facts, "/srv/pods/linked.yaml"), 0o640);
    assert_eq!(mode(&facts, &linked.path), 0o640);
    for (name, why) in [
        ("dangling", "it is a link to a file that does not exist"),
        ("circle", "a link in it leads out of the root, or in circles"),
        ("folder", "it is a directory: the kubelet does not look into it"),
        ("latin", "it is not text: byte 6 is not UTF-8"),
        ("empty", "the file is empty"),
        ("huge", "it is larger than 10485760 bytes"),
    ] {
        let found = broken(&facts, &format!("{dir}/{name}"));
        assert!(found.starts_with(why), "{name}: {found}");
    }
    assert!(!broken(&facts, &format!("{dir}/words")).is_empty());
    assert!(facts.manifests.iter().all(|manifest| !manifest.path.contains("/.")));
    assert_eq!(paths(&facts, PathVar::SchedulerManifest).len(), 4);
}

#[test]
fn a_broken_manifest_is_still_its_components() {
    let files = recorded(recording::KUBEADM_1_36_2);
    files.put_file("/etc/kubernetes/manifests/kube-apiserver.yaml", 0o600, "a: [1\n");
    let facts = facts(files, NodeKind::Offline);
    assert_eq!(
        paths(&facts, PathVar::ApiserverManifest),
        ["/etc/kubernetes/manifests/kube-apiserver.yaml"]
    );
    let version = facts.profile.version.unwrap();
    assert_eq!(version.text, "v1.36.2");
    assert_eq!(
        version.source,
        "image tag in /etc/kubernetes/manifests/kube-controller-manager.yaml"
    );
}

#[test]
fn the_manifest_directory_is_the_kubelets_own() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let config = files_text(&files, "/var/lib/kubelet/config.yaml");
    let config = config.replace("/etc/kubernetes/manifests", "/etc/kubelet.d");
    files.put_file("/var/lib/kubelet/config.yaml", 0o644, config);
    let pod = files_text(&files, "/etc/kubernetes/manifests/kube-scheduler.yaml");
    files.put_file("/etc/kubelet.d/scheduler", 0o600, &pod);
    let by_field = facts(files.copy(), NodeKind::Offline);
    assert_eq!(by_field.profile.manifest_dir.as_deref(), Some("/etc/kubelet.d"));
    assert_eq!(paths(&by_field, PathVar::SchedulerManifest), ["/etc/kubelet.d/scheduler"]);

    files.put_file("/srv/one.yaml", 0o600, pod);
    let flags = "KUBELET_KUBEADM_ARGS=\"--pod-manifest-path=/srv/one.yaml\"\n";
    files.put_file("/var/lib/kubelet/kubeadm-flags.env", 0o644, flags);
    let by_flag = facts(files, NodeKind::Offline);
    assert_eq!(by_flag.profile.manifest_dir.as_deref(), Some("/srv/one.yaml"));
    assert_eq!(base_names(&by_flag.manifests), ["one.yaml"]);
}
