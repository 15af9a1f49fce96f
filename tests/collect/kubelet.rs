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

#[test]
fn drop_ins_of_all_folders_are_applied_by_name_and_the_stronger_folder_wins() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let drop_in = |folder: &str, name: &str, args: &str| {
        files.put_file(
            &format!("{folder}/{name}"),
            0o600,
            format!("[Service]\nEnvironment=\"A_{}={args}\"\n", name[..2].to_owned()),
        );
    };
    let folder = |root: &str, unit: &str| format!("{root}/systemd/system/{unit}.d");
    for (root, unit, name, args) in [
        ("/usr/lib", "service", "20-all.conf", "--all"),
        ("/etc", "service", "30-all.conf", "--all"),
        ("/usr/lib", "kubelet.service", "30-all.conf", "--own"),
        ("/usr/lib", "kubelet.service", "40-lib.conf", "--lib"),
        ("/usr/local/lib", "kubelet.service", "40-lib.conf", "--local"),
        ("/usr/local/lib", "kubelet.service", "50-run.conf", "--local"),
        ("/run", "kubelet.service", "50-run.conf", "--run"),
        ("/run", "kubelet.service", "60-etc.conf", "--run"),
        ("/etc", "kubelet.service", "60-etc.conf", "--etc"),
    ] {
        drop_in(&folder(root, unit), name, args);
    }
    files.put_file(
        &format!("{}/99-start.conf", folder("/etc", "kubelet.service")),
        0o600,
        "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet $A_20 $A_30 $A_40 $A_50 $A_60 --host=%H --unit=%n\n",
    );
    let found = facts(files, NodeKind::Offline);
    let start = found.kubelet.start_args.as_ref().unwrap();
    let args: Vec<&str> = start.iter().skip(1).map(|arg| arg.text.as_str()).collect();
    let host = format!("--host={}", found.profile.name);
    assert_eq!(
        args,
        ["--all", "--own", "--local", "--run", "--etc", &host, "--unit=kubelet.service"]
    );
    let service = paths(&found, PathVar::KubeletServiceFiles);
    assert!(service.iter().all(|path| !path.contains("/service.d/")), "{service:?}");
}

#[test]
fn environment_files_are_found_by_pattern_and_untold_specifiers_give_no_arguments() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let start = |files: &MemoryFiles, text: &str| {
        let folder = "/etc/systemd/system/kubelet.service.d";
        files.put_file(&format!("{folder}/99-start.conf"), 0o600, text);
        facts(files.copy(), NodeKind::Offline)
    };
    files.put_file("/etc/%n/b.env", 0o600, "B=--not-this\n");
    files.put_file("/etc/kubelet/a.env", 0o600, "A=--one\nB=--two\n");
    files.put_file("/etc/kubelet/b.env", 0o600, "B=--three\n");
    files.put_file("/etc/kubelet/.c.env", 0o600, "B=--hidden\n");
    let patterns =
        "[Service]\nEnvironmentFile=/etc/%p/*.env\nExecStart=\nExecStart=/usr/bin/kubelet $A $B\n";
    let found = start(&files, patterns);
    let texts: Vec<&str> =
        found.kubelet.start_args.iter().flatten().map(|arg| arg.text.as_str()).collect();
    assert_eq!(texts, ["/usr/bin/kubelet", "--one", "--three"]);

    let none = patterns.replace("*.env", "*.none");
    let found = start(&files, &none);
    assert_eq!(found.kubelet.start_args, None, "the unit does not start");
    assert!(
        found.problems.iter().any(|p| p.contains("/etc/kubelet/*.none")),
        "{:?}",
        found.problems
    );

    let optional = none.replace("File=/", "File=-/");
    assert!(start(&files, &optional).kubelet.start_args.is_some());

    let boot = "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --boot=%b\n";
    let found = start(&files, boot);
    assert_eq!(found.kubelet.start_args, None);
    assert!(
        found.problems.iter().any(|p| p.contains("%b in its ExecStart=")),
        "{:?}",
        found.problems
    );
}

#[test]
fn a_variable_of_the_service_manager_is_known_only_where_the_kubelet_runs() {
    let files = recorded(recording::KUBEADM_1_36_2);
    files.put_file(
        "/etc/systemd/system/kubelet.service.d/99-start.conf",
        0o600,
        "[Service]\nPassEnvironment=HARDEN\nExecStart=\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml $HARDEN\n",
    );
    let argv = &["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", "--v=3"];
    Proc::new(980, argv, "0::/system.slice/kubelet.service").put(&files);
    let live = facts(files, NodeKind::Live);
    assert_eq!(live.kubelet.start_args, None);
    assert_eq!(live.process(Component::Kubelet).unwrap().argv, argv);
    let problem = "what kubelet.service would start cannot be told: $HARDEN in its ExecStart=";
    assert!(live.problems.iter().any(|p| p.contains(problem)), "{:?}", live.problems);
}
