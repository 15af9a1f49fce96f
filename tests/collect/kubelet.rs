//! Configuration and units of the kubelet.

use super::*;

#[test]
fn a_running_kubelet_says_where_its_files_are_and_a_recording_believes_its_unit() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let argv: &[&str] = &[
        "/usr/bin/kubelet",
        "--config=/srv/kubelet.yaml",
        "--config-dir",
        "/srv/kubelet.d",
        "--kubeconfig=/srv/kubeconfig",
    ];
    Proc::new(980, argv, "0::/system.slice/kubelet.service").put(&files);
    let layer = |fields: &str| {
        format!("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n{fields}\n")
    };
    files.put_file(
        "/srv/kubelet.yaml",
        0o600,
        layer("staticPodPath: pods\nauthentication: {x509: {clientCAFile: ca.crt}}"),
    );
    files.put_file("/srv/ca.crt", 0o644, "");
    files.put_file("/srv/kubeconfig", 0o600, "");
    files.put_file("/srv/pods/note", 0o600, "");
    files.put_file("/srv/kubelet.d/20-b.conf", 0o640, layer("podPidsLimit: 5"));
    files.put_file("/srv/kubelet.d/10-a/x.conf", 0o640, layer("maxPods: 1\nmaxPods: 2"));
    files.put_file("/srv/kubelet.d/30-c.conf", 0o640, "not: a layer\n");
    files.put_file("/srv/kubelet.d/README", 0o640, "no layer");

    let live = facts(files.copy(), NodeKind::Live);
    assert_eq!(paths(&live, PathVar::KubeletConfig), ["/srv/kubelet.yaml"]);
    assert_eq!(paths(&live, PathVar::KubeletKubeconfig), ["/srv/kubeconfig"]);
    assert_eq!(
        paths(&live, PathVar::KubeletClientCa),
        ["/srv/ca.crt"],
        "beside the file that names it"
    );
    assert_eq!(live.profile.manifest_dir.as_deref(), Some("/srv/pods"));
    assert_eq!(live.kubelet.drop_in_dir.as_deref(), Some("/srv/kubelet.d"));
    let layers = &live.kubelet.drop_ins;
    let order: Vec<&str> = layers.iter().map(|layer| layer.path.as_str()).collect();
    assert_eq!(
        order,
        ["/srv/kubelet.d/10-a/x.conf", "/srv/kubelet.d/20-b.conf", "/srv/kubelet.d/30-c.conf"]
    );
    assert_eq!(layers[0].duplicate_keys, ["maxPods"]);
    assert_eq!(layers[1].fields.ok().unwrap()["podPidsLimit"], 5);
    assert!(matches!(&layers[2].fields, Parsed::Broken { why } if why.contains("no kind")));
    assert!(layers[2].file.is_some(), "the text is known, its meaning is not");
    assert_eq!(paths(&live, PathVar::KubeletDropInFiles), order);

    let offline = facts(files, NodeKind::Offline);
    assert_eq!(paths(&offline, PathVar::KubeletConfig), ["/var/lib/kubelet/config.yaml"]);
    assert_eq!(offline.kubelet.drop_in_dir, None);
}

#[test]
fn a_configuration_that_is_missing_is_a_broken_layer() {
    let files = recorded(recording::KUBEADM_1_36_2);
    files.remove_tree("/var/lib/kubelet/config.yaml");
    let facts = facts(files, NodeKind::Live);
    let config = facts.kubelet.config.as_ref().unwrap();
    assert_eq!(config.fields, Parsed::Broken { why: "no such file or directory".to_owned() });
    assert_eq!(facts.files["/var/lib/kubelet/config.yaml"], FileFact::Missing);
    assert_eq!(paths(&facts, PathVar::KubeletConfig), [""; 0]);
}

#[test]
fn a_kubelet_without_a_configuration_file_has_none() {
    let files = recorded(recording::KUBEADM_1_36_2);
    Proc::new(980, &["/usr/bin/kubelet"], "0::/system.slice/kubelet.service").put(&files);
    let facts = facts(files, NodeKind::Live);
    assert_eq!(facts.kubelet.config, None);
    for var in [PathVar::KubeletConfig, PathVar::KubeletKubeconfig, PathVar::KubeletClientCa] {
        assert_eq!(paths(&facts, var), [""; 0], "{var:?}: what it does not use is not judged");
    }
}

#[test]
fn units_are_found_as_systemd_finds_them() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let service =
        |args: &str| format!("[Service]\nExecStart=\nExecStart=/usr/bin/kubelet {args}\n");
    // Debian: /lib is a link; an administrator's drop-in of the same name wins, wherever it lies.
    files.put_link("/lib", "usr/lib");
    let packaged = "/usr/lib/systemd/system/kubelet.service.d";
    files.put_file(&format!("{packaged}/20-extra.conf"), 0o644, "[Service]\nRestart=no\n");
    files.put_file(&format!("{packaged}/90-masked.conf"), 0o644, service("--masked"));
    let own = "/etc/systemd/system/kubelet.service.d";
    files.put_file(&format!("{own}/10-kubeadm.conf"), 0o600, service("--own"));
    files.put_link(&format!("{own}/90-masked.conf"), "/dev/null");
    files.put_file(&format!("{own}/notes.txt"), 0o600, "no drop-in");
    let found = facts(files.copy(), NodeKind::Offline);
    let mut expected = vec![
        "/usr/lib/systemd/system/kubelet.service",
        "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf",
        "/usr/lib/systemd/system/kubelet.service.d/20-extra.conf",
    ];
    let read: Vec<&str> = found.kubelet.unit_files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(read, expected);
    expected.sort_unstable();
    assert_eq!(paths(&found, PathVar::KubeletServiceFiles), expected);
    let start = found.kubelet.start_args.unwrap();
    assert_eq!((start[1].text.as_str(), start.len()), ("--own", 2));

    files.put_link("/etc/systemd/system/kubelet.service", "/dev/null");
    let masked = facts(files, NodeKind::Offline);
    assert_eq!(masked.kubelet.start_args, None, "a masked unit starts nothing");
}

#[test]
fn a_wrapper_gives_no_arguments() {
    let files = recorded(recording::KUBEADM_1_36_2);
    files.put_file(
        "/etc/systemd/system/kubelet.service.d/90-wrap.conf",
        0o644,
        "[Service]\nExecStart=\nExecStart=/usr/local/bin/start-kubelet --config=/x\n",
    );
    let facts = facts(files, NodeKind::Offline);
    assert_eq!(facts.kubelet.start_args, None);
    assert_eq!(paths(&facts, PathVar::KubeletServiceFiles).len(), 3);
    assert_eq!(
        paths(&facts, PathVar::KubeletConfig),
        ["/var/lib/kubelet/config.yaml"],
        "by the process"
    );
}
