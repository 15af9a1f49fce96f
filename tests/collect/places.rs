//! Where this node keeps things.

use super::*;

#[test]
fn cni_files_are_regular_files_and_not_the_lock() {
    let files = recorded(recording::KUBEADM_1_36_2);
    files.put_file("/var/lib/cni/networks/bridge/10.244.0.2", 0o644, "id");
    files.put_file("/var/lib/cni/networks/bridge/lock", 0o750, "");
    files.put_link("/etc/cni/net.d/20-link.conf", "/opt/cni.conf");
    files.put_link("/etc/cni/net.d/30-dangling.conf", "/nowhere");
    files.put_file("/opt/cni.conf", 0o644, "");
    let facts = facts(files, NodeKind::Offline);
    assert_eq!(
        paths(&facts, PathVar::CniFiles),
        [
            "/etc/cni/net.d/10-bridge.conflist",
            "/etc/cni/net.d/20-link.conf",
            "/var/lib/cni/networks/bridge/10.244.0.2"
        ]
    );
    let FileFact::Present { resolved, kind, .. } = &facts.files["/etc/cni/net.d/20-link.conf"]
    else {
        panic!()
    };
    assert_eq!((resolved.as_str(), *kind), ("/opt/cni.conf", FileKind::File));
}

#[test]
fn a_folder_that_is_not_the_clusters_own_is_no_pki_directory() {
    for (key, expected) in [
        ("/etc/ssl/private/api.key", "/etc/kubernetes/pki"),
        ("/etc/kubernetes/api.key", "/etc/kubernetes/pki"),
        ("/etc/kubernetes/ssl/api.key", "/etc/kubernetes/ssl"),
        ("/etc/kubernetes/pki/api/tls.key", "/etc/kubernetes/pki"),
    ] {
        let files = recorded(recording::KUBEADM_1_36_2);
        let path = "/etc/kubernetes/manifests/kube-apiserver.yaml";
        let text = files_text(&files, path)
            .replace("/etc/kubernetes/pki/apiserver.key", key)
            .replace("mountPath: /etc/kubernetes/pki", "mountPath: /")
            .replace("path: /etc/kubernetes/pki", "path: /");
        files.put_file(path, 0o600, text);
        files.put_file(key, 0o600, "");
        let facts = facts(files, NodeKind::Offline);
        assert_eq!(paths(&facts, PathVar::PkiTree)[0], expected, "{key}");
    }
}

#[test]
fn the_name_comes_from_the_kubelet_or_the_host() {
    let name = |hostname: &str, kernel: &str| {
        let files = bare();
        files.put_file("/etc/hostname", 0o644, hostname);
        files.put_file("/proc/sys/kernel/hostname", 0o444, kernel);
        facts(files, NodeKind::Live).profile.name
    };
    assert_eq!(name("# set by the installer\n Worker-3 \n", "other\n"), "worker-3");
    assert_eq!(name("localhost\n", "From-Kernel\n"), "from-kernel");
    assert_eq!(name("", ""), "localhost");
}

#[test]
fn an_empty_root_has_facts_too() {
    let facts = facts(MemoryFiles::new(), NodeKind::Offline);
    assert_eq!(
        (facts.profile.role, facts.profile.distribution),
        (Role::Worker, Distribution::Unknown)
    );
    assert_eq!(facts.problems.len(), 2, "no accounts: {:?}", facts.problems);
    assert!(facts.profile.paths.values().all(Vec::is_empty));
}
