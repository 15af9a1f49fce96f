//! Nodes that kubeadm did not set up.

use super::*;

#[test]
fn rke2_is_known_by_its_kubelet() {
    let files = bare();
    let base = "/var/lib/rancher/rke2";
    let api = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: kube-apiserver, namespace: kube-system}}\nspec:\n  containers:\n  - name: kube-apiserver\n    image: index.docker.io/rancher/hardened-kubernetes:v1.34.1-rke2r1-build20250910\n    command: [kube-apiserver]\n    args:\n    - --tls-private-key-file={base}/server/tls/serving-kube-apiserver.key\n    volumeMounts:\n    - {{name: dir0, mountPath: {base}/server/tls}}\n  volumes:\n  - {{name: dir0, hostPath: {{path: {base}/server/tls}}}}\n"
    );
    files.put_file(&format!("{base}/agent/pod-manifests/kube-apiserver.yaml"), 0o600, api);
    files.put_file(&format!("{base}/server/tls/serving-kube-apiserver.key"), 0o600, "");
    files.put_file(&format!("{base}/server/cred/admin.kubeconfig"), 0o600, "");
    files.put_file(
        &format!("{base}/agent/etc/kubelet.conf.d/00-rke2-defaults.conf"),
        0o600,
        format!("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nstaticPodPath: {base}/agent/pod-manifests\n"),
    );
    let config_dir = format!("--config-dir={base}/agent/etc/kubelet.conf.d");
    let program = format!("{base}/data/v1.34.1-rke2r1/bin/kubelet");
    let argv: &[&str] = &[&program, &config_dir, "--hostname-override=RKE-1"];
    Proc::new(50, &["/usr/local/bin/rke2", "server"], "0::/system.slice/rke2-server.service")
        .put(&files);
    Proc::new(60, argv, "0::/system.slice/rke2-server.service").put(&files);
    Proc::new(70, &["kube-apiserver"], pod_cgroup(HASH)).put(&files);
    Proc::new(71, &["kube-proxy"], pod_cgroup(OTHER_HASH)).put(&files);
    let facts = facts(files.copy(), NodeKind::Live);
    assert_eq!(
        (facts.profile.distribution, facts.profile.role),
        (Distribution::Rke2, Role::ControlPlane)
    );
    assert_eq!(facts.profile.name, "rke-1");
    assert_eq!(facts.profile.version.as_ref().unwrap().text, "v1.34.1-rke2r1-build20250910");
    assert_eq!(facts.profile.manifest_dir.unwrap(), format!("{base}/agent/pod-manifests"));
    assert_eq!(pids(&facts.processes[&Component::Kubelet]), [60]);
    assert_eq!(pids(&facts.processes[&Component::KubeProxy]), [71]);
    assert_eq!(facts.kubelet.config, None);
    assert_eq!(facts.kubelet.drop_ins.len(), 1);
    assert_eq!(facts.profile.paths[&PathVar::PkiTree][0], format!("{base}/server/tls"));
    assert_eq!(
        facts.profile.paths[&PathVar::AdminKubeconfigs],
        [format!("{base}/server/cred/admin.kubeconfig")]
    );

    files.remove_tree("/proc");
    let image = self::facts(files, NodeKind::Offline);
    assert_eq!(
        (image.profile.distribution, image.profile.role),
        (Distribution::Rke2, Role::ControlPlane)
    );
}

#[test]
fn an_rke2_worker_that_does_not_run_tells_its_version_by_its_programs() {
    let base = "/var/lib/rancher/rke2";
    let files = bare().with_dir(base, 0o755);
    let link = format!("{base}/data/v1.34.1-rke2r1-0123abcdef/bin");
    files.put_link(&format!("{base}/bin"), &link);
    let found = facts(files.copy(), NodeKind::Offline).profile;
    let version = found.version.unwrap();
    assert_eq!((version.text.as_str(), version.minor.minor), ("v1.34.1-rke2r1-0123abcdef", 34));
    assert_eq!(version.source, "link /var/lib/rancher/rke2/bin");
    assert_eq!(found.distribution, Distribution::Rke2);

    let kubeadm = recorded(recording::KUBEADM_1_36_2_WORKER);
    kubeadm.put_link(&format!("{base}/bin"), &link);
    kubeadm.remove_tree("/proc");
    assert_eq!(facts(kubeadm, NodeKind::Offline).profile.version, None, "left behind");
}

#[test]
fn k3s_runs_everything_in_one_process() {
    for (comm, role) in [("k3s-server", Role::ControlPlane), ("k3s-agent", Role::Worker)] {
        let files = bare();
        files.put_dir("/etc/rancher/k3s", 0o755);
        let program = format!("/usr/local/bin/{comm}");
        Proc::new(50, &[&program, "server"], "0::/system.slice/k3s.service").put(&files);
        let facts = facts(files, NodeKind::Live);
        assert_eq!((facts.profile.distribution, facts.profile.role), (Distribution::K3s, role));
        assert_eq!(facts.processes[&Component::Kubelet], ProcessFact::Absent);
        assert_eq!((facts.profile.version, facts.profile.manifest_dir), (None, None));
    }
    let files = bare().with_dir("/var/lib/rancher/k3s", 0o755);
    assert_eq!(facts(files, NodeKind::Offline).profile.distribution, Distribution::K3s);
}

#[test]
fn microk8s_is_known_by_its_snap() {
    let files = bare().with_dir("/var/snap/microk8s/current", 0o755);
    Proc::new(
        50,
        &["/snap/microk8s/1/kubelite"],
        "0::/system.slice/snap.microk8s.daemon-kubelite.service",
    )
    .put(&files);
    let facts = facts(files, NodeKind::Live);
    assert_eq!(
        (facts.profile.distribution, facts.profile.role),
        (Distribution::Microk8s, Role::ControlPlane)
    );
}

#[test]
fn managed_workers_are_known_by_their_files_or_their_version() {
    let argv: &[&str] = &[
        "/usr/bin/kubelet",
        "--config=/etc/kubernetes/kubelet/config.json",
        "--config-dir=/etc/kubernetes/kubelet/config.json.d",
        "--kubeconfig=/var/lib/kubelet/kubeconfig",
    ];
    let cases = [
        ("/etc/eks/kubelet/environment", "Kubernetes v1.33.1", Distribution::Managed),
        ("/etc/other", "Kubernetes v1.33.1-eks-1a2b3c", Distribution::Managed),
        ("/etc/other", "Kubernetes v1.33.1-gke.100", Distribution::Managed),
        ("/etc/kubernetes/azure.json", "Kubernetes v1.33.1", Distribution::Managed),
        ("/etc/other", "Kubernetes v1.33.1", Distribution::Unknown),
    ];
    for (path, version, expected) in cases {
        let files = bare()
            .with_file(path, 0o644, "")
            .with_file("/var/lib/kubelet/kubeconfig", 0o644, "")
            .with_file(
                "/etc/kubernetes/kubelet/config.json",
                0o644,
                r#"{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","serverTLSBootstrap":true}"#,
            )
            .with_file(
                "/etc/kubernetes/kubelet/config.json.d/40-nodeadm.conf",
                0o644,
                r#"{"kind":"KubeletConfiguration","apiVersion":"kubelet.config.k8s.io/v1beta1","maxPods":29}"#,
            );
        Proc::new(60, argv, "0::/runtime.slice/kubelet.service").put(&files);
        let node = FixedNode::new(Arc::new(files)).of_kind(NodeKind::Live);
        let facts = facts_of(&node.with_kubelet_version(version));
        assert_eq!(facts.profile.distribution, expected, "{path} {version}");
        assert_eq!((facts.profile.role, facts.profile.name.as_str()), (Role::Worker, "node-7"));
        assert_eq!(facts.profile.version.unwrap().minor.minor, 33);
        assert_eq!(facts.kubelet.drop_ins.len(), 1);
    }
}

#[test]
fn a_kubeadm_cluster_on_azure_is_kubeadm() {
    let files = recorded(recording::KUBEADM_1_36_2_WORKER);
    files.put_file("/etc/kubernetes/azure.json", 0o644, "{}");
    assert_eq!(facts(files, NodeKind::Live).profile.distribution, Distribution::Kubeadm);
}

#[test]
fn components_that_systemd_starts_give_their_arguments() {
    let unit = "[Service]\nEnvironment=ETCD_NAME=a PATH=/bin ETCD_INITIAL_CLUSTER_TOKEN=x\nEnvironmentFile=/etc/etcd.env\nExecStart=/usr/local/bin/etcd --data-dir=/srv/etcd --client-cert-auth\n";
    let files = bare()
        .with_file("/etc/etcd.env", 0o600, "# TLS\nETCD_AUTO_TLS=true\n")
        .with_file("/etc/systemd/system/etcd.service", 0o644, unit)
        .with_dir("/srv/etcd", 0o700)
        .with_file(
            "/usr/lib/systemd/system/kube-scheduler.service",
            0o644,
            "[Service]\nExecStart=/bin/kube-scheduler\n",
        );
    let idle = facts(files.copy(), NodeKind::Offline);
    assert!(idle.unit_args.is_empty(), "units that nothing starts");
    assert_eq!(idle.profile.role, Role::Worker);

    files.put_link(
        "/etc/systemd/system/multi-user.target.wants/etcd.service",
        "/etc/systemd/system/etcd.service",
    );
    let enabled = facts(files.copy(), NodeKind::Offline);
    Proc::new(
        40,
        &["/usr/local/bin/etcd", "--data-dir=/srv/etcd"],
        "0::/system.slice/etcd.service",
    )
    .put(&files);
    let running = facts(files, NodeKind::Live);
    for facts in [enabled, running] {
        let variables = &facts.unit_variables.set;
        let names: Vec<&str> = variables.keys().map(String::as_str).collect();
        assert_eq!(names, ["ETCD_AUTO_TLS", "ETCD_NAME"], "no secrets, nothing else");
        let auto_tls = &variables["ETCD_AUTO_TLS"];
        let place = (auto_tls.value.as_deref(), auto_tls.path.as_str(), auto_tls.line);
        assert_eq!(place, (Some("true"), "/etc/etcd.env", 2));
        let args: Vec<&str> =
            facts.unit_args[&Component::Etcd].iter().map(|arg| arg.text.as_str()).collect();
        assert_eq!(args, ["/usr/local/bin/etcd", "--data-dir=/srv/etcd", "--client-cert-auth"]);
        assert_eq!(facts.unit_args.len(), 1);
        assert_eq!(facts.profile.role, Role::ControlPlane);
        assert_eq!(paths(&facts, PathVar::EtcdDataDir), ["/srv/etcd"]);
        assert_eq!(paths(&facts, PathVar::EtcdManifest), ["/etc/systemd/system/etcd.service"]);
    }
}

#[test]
fn variables_of_etcd_may_come_from_the_service_manager() {
    for (setting, more) in [
        ("PassEnvironment=ETCD_AUTO_TLS", true),
        ("PassEnvironment=ETCD_AUTO_TLS\nEnvironment=ETCD_AUTO_TLS=false", false),
        ("PassEnvironment=PATH", false),
    ] {
        let unit = format!("[Service]\n{setting}\nExecStart=/usr/local/bin/etcd --name=a\n");
        let files = bare().with_file("/etc/systemd/system/etcd.service", 0o644, unit);
        files.put_link(
            "/etc/systemd/system/multi-user.target.wants/etcd.service",
            "/etc/systemd/system/etcd.service",
        );
        let facts = facts(files, NodeKind::Offline);
        assert_eq!(facts.unit_args[&Component::Etcd].len(), 2, "{setting}");
        assert_eq!(facts.unit_variables.more.is_some(), more, "{setting}");
    }
}
