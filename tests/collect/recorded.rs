//! What is read of the recorded nodes.

use kube_temper::node::offline::OfflineNode;

use super::*;

#[test]
fn recorded_control_planes() {
    let cases = [
        (recording::KUBEADM_1_32_5, "v1.32.5", (1, 32)),
        (recording::KUBEADM_1_34_2, "v1.34.2", (1, 34)),
        (recording::KUBEADM_1_35_3, "v1.35.3", (1, 35)),
        (recording::KUBEADM_1_36_2, "v1.36.2", (1, 36)),
    ];
    for (recording, version, (major, minor)) in cases {
        let name = recording.name;
        let facts = facts(recorded(recording), NodeKind::Offline);
        let profile = &facts.profile;
        assert_eq!(facts.problems, [""; 0], "{name}");
        assert!(!facts.live);
        assert_eq!(profile.name, "cp1");
        assert_eq!(profile.role, Role::ControlPlane);
        assert_eq!(profile.distribution, Distribution::Kubeadm);
        let found = profile.version.as_ref().unwrap();
        assert_eq!(
            (found.text.as_str(), found.minor.major, found.minor.minor),
            (version, major, minor)
        );
        assert_eq!(found.source, "image tag in /etc/kubernetes/manifests/kube-apiserver.yaml");
        assert_eq!(profile.manifest_dir.as_deref(), Some("/etc/kubernetes/manifests"));
        assert_eq!(
            base_names(&facts.manifests),
            [
                "etcd.yaml",
                "kube-apiserver.yaml",
                "kube-controller-manager.yaml",
                "kube-scheduler.yaml"
            ]
        );
        for component in Component::STATIC_PODS {
            let process = facts.process(component).unwrap();
            assert_eq!(process.binary, component.as_str());
            assert_eq!(process.pod.as_ref().map(String::len), Some(32), "{name} {component}");
            assert_eq!((process.uid, process.unit.as_deref()), (0, None));
            assert_eq!(facts.manifests_of(component).len(), 1);
        }
        let kubelet = facts.process(Component::Kubelet).unwrap();
        assert_eq!(
            (kubelet.pid, kubelet.start, kubelet.unit.as_deref()),
            (980, 4000, Some("kubelet.service"))
        );
        assert_eq!(facts.processes[&Component::KubeProxy], ProcessFact::Absent);
        assert_eq!(facts.unit_args, BTreeMap::new());
    }
}

#[test]
fn places_of_the_recorded_control_plane() {
    let facts = facts(recorded(recording::KUBEADM_1_36_2), NodeKind::Offline);
    let expected: [(PathVar, &[&str]); 14] = [
        (PathVar::ApiserverManifest, &["/etc/kubernetes/manifests/kube-apiserver.yaml"]),
        (
            PathVar::ControllerManagerManifest,
            &["/etc/kubernetes/manifests/kube-controller-manager.yaml"],
        ),
        (PathVar::SchedulerManifest, &["/etc/kubernetes/manifests/kube-scheduler.yaml"]),
        (PathVar::EtcdManifest, &["/etc/kubernetes/manifests/etcd.yaml"]),
        (PathVar::EtcdDataDir, &["/var/lib/etcd"]),
        (
            PathVar::AdminKubeconfigs,
            &["/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf"],
        ),
        (PathVar::SchedulerKubeconfig, &["/etc/kubernetes/scheduler.conf"]),
        (PathVar::ControllerManagerKubeconfig, &["/etc/kubernetes/controller-manager.conf"]),
        (PathVar::CniFiles, &["/etc/cni/net.d/10-bridge.conflist"]),
        (
            PathVar::KubeletServiceFiles,
            &[
                "/usr/lib/systemd/system/kubelet.service",
                "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
            ],
        ),
        (PathVar::KubeletConfig, &["/var/lib/kubelet/config.yaml"]),
        (PathVar::KubeletKubeconfig, &["/etc/kubernetes/kubelet.conf"]),
        (PathVar::KubeletClientCa, &["/etc/kubernetes/pki/ca.crt"]),
        (PathVar::ProxyKubeconfig, &[]),
    ];
    for (var, expected) in expected {
        assert_eq!(paths(&facts, var), expected, "{var:?}");
    }
    assert_eq!(paths(&facts, PathVar::KubeletDropInDir), [""; 0]);
    let tree = paths(&facts, PathVar::PkiTree);
    assert_eq!(tree.len(), 24, "{tree:?}");
    assert_eq!(tree[0], "/etc/kubernetes/pki");
    assert!(
        tree.contains(&"/etc/kubernetes/pki/etcd") && tree.contains(&"/etc/kubernetes/pki/sa.pub")
    );
    assert_eq!(paths(&facts, PathVar::PkiCertificates).len(), 10);
    assert_eq!(paths(&facts, PathVar::PkiKeys).len(), 11);
    for path in facts.profile.paths.values().flatten() {
        assert!(matches!(facts.files[path], FileFact::Present { .. }), "{path} was looked at");
    }
    assert_eq!(mode(&facts, "/etc/kubernetes/pki/sa.key"), 0o600);
    assert_eq!(mode(&facts, "/var/lib/kubelet/config.yaml"), 0o644);
    assert_eq!(mode(&facts, "/var/lib/etcd"), 0o700);
    assert_eq!(mode(&facts, "/etc/kubernetes/manifests"), 0o700);
    // Named by flags, the first two of the API server's container and of etcd's.
    for path in
        ["/etc/kubernetes/pki/apiserver-kubelet-client.key", "/etc/kubernetes/pki/etcd/peer.key"]
    {
        assert_eq!(mode(&facts, path), 0o600);
    }
    assert_eq!(facts.files["/etc/kubernetes/bootstrap-kubelet.conf"], FileFact::Missing);
}

#[test]
fn the_kubelet_of_the_recorded_control_plane() {
    let facts = facts(recorded(recording::KUBEADM_1_36_2), NodeKind::Offline);
    let kubelet = &facts.kubelet;
    let config = kubelet.config.as_ref().unwrap();
    assert_eq!(config.path, "/var/lib/kubelet/config.yaml");
    assert_eq!(config.file.as_ref().unwrap().path, config.path);
    assert_eq!(config.fields.ok().unwrap()["cgroupDriver"], "cgroupfs");
    assert_eq!((kubelet.drop_in_dir.as_deref(), kubelet.drop_ins.len()), (None, 0));
    let units: Vec<&str> = kubelet.unit_files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(units, paths(&facts, PathVar::KubeletServiceFiles));
    let env: Vec<&str> = kubelet.env_files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(env, ["/var/lib/kubelet/kubeadm-flags.env"]);
    let start: Vec<&str> =
        kubelet.start_args.as_ref().unwrap().iter().map(|arg| arg.text.as_str()).collect();
    assert_eq!(start, texts(&facts.process(Component::Kubelet).unwrap().argv));
}

#[test]
fn certificates_of_the_recorded_control_plane_are_compared_by_key() {
    let facts = facts(recorded(recording::KUBEADM_1_36_2), NodeKind::Offline);
    assert_eq!(
        texts(facts.certificates.keys()),
        ["/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/etcd/ca.crt"]
    );
    let keys: Vec<_> = facts.certificates.values().map(|bundle| bundle.ok().unwrap()).collect();
    assert_eq!(keys[0].public_keys.len(), 1);
    assert_ne!(keys[0], keys[1], "etcd has a CA of its own");
    assert!(facts.documents.is_empty() && facts.encryption.is_empty());
}

#[test]
fn the_recorded_worker() {
    let worker = recorded(recording::KUBEADM_1_36_2_WORKER);
    let facts = facts(worker.copy(), NodeKind::Offline);
    assert_eq!(facts.problems, [""; 0]);
    assert_eq!(facts.profile.name, "w1");
    assert_eq!(
        (facts.profile.role, facts.profile.distribution),
        (Role::Worker, Distribution::Kubeadm)
    );
    assert_eq!(
        facts.profile.version, None,
        "no program is run on a recording, and no version is guessed"
    );
    assert!(facts.manifests.is_empty());
    let proxy = facts.process(Component::KubeProxy).unwrap();
    assert_eq!(proxy.pod.as_deref(), Some("11111111_2222_4333_8444_555555555555"));
    for component in Component::STATIC_PODS {
        assert_eq!(facts.processes[&component], ProcessFact::Absent);
    }
    assert_eq!(paths(&facts, PathVar::ApiserverManifest), [""; 0]);
    assert_eq!(
        paths(&facts, PathVar::PkiTree),
        ["/etc/kubernetes/pki", "/etc/kubernetes/pki/ca.crt"]
    );
    assert!(facts.documents.is_empty(), "kube-proxy's configuration lies in its container");

    let node = FixedNode::new(Arc::new(worker)).of_kind(NodeKind::Live);
    let facts = facts_of(&node.with_kubelet_version("Kubernetes v1.36.2"));
    let version = facts.profile.version.unwrap();
    assert_eq!((version.text.as_str(), version.source.as_str()), ("v1.36.2", "kubelet --version"));
    assert!(facts.live);
}

#[test]
fn no_secret_is_in_the_facts() {
    for recording in recording::ALL {
        let files = recorded(recording);
        files.put_file("/etc/kubernetes/pki/ca.key", 0o600, "TOP-SECRET-KEY");
        files.put_file("/etc/kubernetes/admin.conf", 0o600, "TOP-SECRET-KUBECONFIG");
        let text = serde_json::to_string(&facts(files, NodeKind::Simulated)).unwrap();
        assert!(!text.contains("TOP-SECRET"), "{}", recording.name);
        let again: NodeFacts = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), text, "a scan can be replayed");
    }
}

/// The same recording, unpacked to a disk and read through the system calls of a real root.
#[test]
fn a_recording_on_a_disk_gives_the_same_facts_as_in_memory() {
    for recording in recording::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(recording.archive));
        archive.set_preserve_permissions(true);
        archive.unpack(folder.path()).unwrap();
        let root = folder.path().join(recording.name);
        let disk = OfflineNode::read_only(&root, None).unwrap();
        let mut disk = collect(&disk, CATALOG.path_candidates()).unwrap();
        let mut memory = facts(recorded(recording), NodeKind::Offline);
        disk.at = memory.at;
        // An unpacking user owns the files, and each file system has its own size of a folder.
        for fact in disk.files.values_mut().chain(memory.files.values_mut()) {
            if let FileFact::Present { kind, uid, gid, size, .. } = fact {
                (*uid, *gid) = (0, 0);
                if *kind == FileKind::Directory {
                    *size = 0;
                }
            }
        }
        assert_eq!(disk, memory, "{}", recording.name);
        assert!(disk.files.len() > 10);
    }
}
