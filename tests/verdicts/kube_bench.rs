//! Situations in which kube-bench's cis-1.12 is known to answer wrongly, and that can be judged without the API.
use kube_temper::model::{Component, FixOffer, PathVar, Source, Status};

use super::node_facts::{KUBELET_CONFIG, Node, manifest_path, node};
use super::{comes_out, kubelet, rests_on};

#[test]
fn seccomp_default_false_is_not_protection() {
    let finding = kubelet("seccompDefault: false\n", &[]).judge("4.2.14");
    comes_out(&finding, Status::Fail, "seccompDefault: false, wanted true");
    rests_on(&finding, "seccompDefault: false", &format!("{KUBELET_CONFIG}:12"));
}

#[test]
fn a_pid_limit_of_minus_one_is_no_limit() {
    let finding = kubelet("podPidsLimit: -1\n", &[]).judge("4.2.13");
    comes_out(&finding, Status::Fail, "podPidsLimit: -1, wanted more than 0");
    comes_out(&kubelet("podPidsLimit: 4096\n", &[]).judge("4.2.13"), Status::Pass, "4096");
}

#[test]
fn a_streaming_timeout_of_zero_in_a_flag_is_off() {
    let flag = "--streaming-connection-idle-timeout=0s";
    let finding = kubelet("", &[flag]).judge("4.2.5");
    comes_out(&finding, Status::Fail, "wanted a duration other than zero");
    rests_on(&finding, flag, "kubelet pid 1004");
}

#[test]
fn a_streaming_timeout_of_zero_in_the_file_is_the_default() {
    let finding = kubelet("", &[]).judge("4.2.5");
    comes_out(&finding, Status::Pass, "which means the default (4h)");
    rests_on(
        &finding,
        "streamingConnectionIdleTimeout: 0s, which means the default (4h)",
        &format!("{KUBELET_CONFIG}:11"),
    );
}

#[test]
fn a_kubelet_file_without_authentication_has_safe_defaults() {
    let node = node().kubelet_with("kind: KubeletConfiguration\n", &[]);
    comes_out(&node.judge("4.2.1"), Status::Pass, "authentication.anonymous.enabled is not set");
    comes_out(&node.judge("4.2.2"), Status::Pass, "Webhook");
    assert_eq!(node.judge("4.2.1").evidence[0].source, Source::Default);
}

#[test]
fn a_kube_proxy_that_binds_every_interface_is_exposed() {
    let node = node()
        .process(Component::KubeProxy, &["--config=/var/lib/kube-proxy/config.conf"])
        .document("/var/lib/kube-proxy/config.conf", "metricsBindAddress: 0.0.0.0\n");
    let finding = node.judge("4.3.1");
    comes_out(&finding, Status::Fail, "metricsBindAddress: 0.0.0.0, wanted a loopback address");
    rests_on(&finding, "metricsBindAddress: 0.0.0.0", "/var/lib/kube-proxy/config.conf");
}

#[test]
fn the_ipv6_loopback_is_loopback() {
    let node = node().process(Component::KubeProxy, &["--metrics-bind-address=[::1]"]);
    comes_out(&node.judge("4.3.1"), Status::Pass, "--metrics-bind-address=[::1]");
    let node =
        Node::process(node, Component::KubeProxy, &["--metrics-bind-address", "[::1]:10249"]);
    comes_out(&node.judge("4.3.1"), Status::Pass, "[::1]:10249");
}

fn two_cas(etcd_key: &str) -> Node {
    node()
        .apiserver(&["--client-ca-file=/etc/kubernetes/pki/ca.crt"])
        .etcd(&["--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt"])
        .ca("/etc/kubernetes/pki/ca.crt", &["cluster"])
        .ca("/etc/kubernetes/pki/etcd/ca.crt", &["old", etcd_key])
}

#[test]
fn an_etcd_that_shares_the_cluster_ca_is_open_to_its_clients() {
    let finding = two_cas("cluster").judge("2.7");
    comes_out(&finding, Status::Fail, "hold the same certificate authority");
    rests_on(
        &finding,
        "--trusted-ca-file=/etc/kubernetes/pki/etcd/ca.crt",
        &format!("{}:12", manifest_path(Component::Etcd)),
    );
    comes_out(&two_cas("etcd").judge("2.7"), Status::Pass, "no certificate authority in common");
}

#[test]
fn authorizers_from_a_file_count() {
    let file = "kind: AuthorizationConfiguration\nauthorizers:\n- type: Node\n  name: node\n- type: RBAC\n  name: rbac\n";
    let node = node()
        .apiserver(&["--authorization-config=/conf/authorization.yaml"])
        .document("/etc/kubernetes/conf/authorization.yaml", file);
    for id in ["1.2.6", "1.2.7", "1.2.8"] {
        let finding = node.judge(id);
        comes_out(&finding, Status::Pass, "Node, RBAC");
        assert!(matches!(&finding.offer, FixOffer::None { reason } if reason.contains("file")));
    }
    let open = node
        .document("/etc/kubernetes/conf/authorization.yaml", "authorizers:\n- type: AlwaysAllow\n");
    comes_out(&open.judge("1.2.6"), Status::Fail, "AlwaysAllow is among");
    comes_out(&open.judge("1.2.8"), Status::Fail, "RBAC is not among");
}

#[test]
fn a_flag_with_its_value_in_the_next_argument_is_read() {
    let node = node().apiserver(&["--authorization-mode", "AlwaysAllow"]);
    let finding = node.judge("1.2.6");
    comes_out(&finding, Status::Fail, "AlwaysAllow is among the authorization modes");
    rests_on(&finding, "--authorization-mode AlwaysAllow", "kube-apiserver pid 1000");
}

#[test]
fn only_the_component_itself_is_judged_not_who_talks_of_it() {
    // Facts hold the process that is the component; an editor with such a command line is not among them.
    let node = node().apiserver(&["--profiling=true"]);
    comes_out(&node.judge("1.2.15"), Status::Fail, "--profiling=true, wanted false");
    let only_an_editor = node.with(|facts| {
        facts.processes.clear();
        facts.manifests.clear();
    });
    comes_out(
        &only_an_editor.judge("1.2.15"),
        Status::NotApplicable,
        "kube-apiserver is not on this node",
    );
}

#[test]
fn the_last_of_two_flags_counts() {
    let audit =
        ["--audit-log-path=/scratch/a.log", "--audit-log-maxage=90", "--audit-log-maxage=7"];
    let finding = node().apiserver(&audit).judge("1.2.17");
    comes_out(&finding, Status::Fail, "--audit-log-maxage=7 (the last of 2), wanted 30 or more");
    let turned = [audit[0], audit[2], audit[1]];
    comes_out(&node().apiserver(&turned).judge("1.2.17"), Status::Pass, "--audit-log-maxage=90");
}

#[test]
fn zero_is_a_boolean_that_go_reads() {
    for value in ["0", "f", "F", "FALSE"] {
        let node = node().apiserver(&[&format!("--profiling={value}")]);
        comes_out(&node.judge("1.2.15"), Status::Pass, "--profiling=");
    }
    let stray = node().apiserver(&["--profiling", "false"]);
    comes_out(&stray.judge("1.2.15"), Status::Fail, "--profiling, wanted false");
}

fn encrypted(blocks: &[(&[&str], &[&str])]) -> Node {
    node()
        .apiserver(&["--encryption-provider-config=/conf/encryption.yaml"])
        .encryption("/etc/kubernetes/conf/encryption.yaml", blocks)
        .file(None, "/etc/kubernetes/conf/encryption.yaml", 0o600)
}

#[test]
fn encryption_is_judged_in_every_block_and_by_host_path() {
    let strong: (&[&str], &[&str]) = (&["secrets"], &["secretbox", "identity"]);
    let weak: (&[&str], &[&str]) = (&["configmaps", "secrets"], &["identity", "aescbc"]);
    let other: (&[&str], &[&str]) = (&["configmaps"], &["identity"]);
    comes_out(&encrypted(&[strong, other]).judge("1.2.28"), Status::Pass, "secretbox");
    let finding = encrypted(&[other, weak]).judge("1.2.28");
    comes_out(&finding, Status::Fail, "block 2 of /etc/kubernetes/conf/encryption.yaml");
    comes_out(&encrypted(&[other]).judge("1.2.28"), Status::Fail, "covers secrets");
    comes_out(&encrypted(&[(&["*.*"], &["kms"])]).judge("1.2.28"), Status::Pass, "kms");
    comes_out(&encrypted(&[strong]).judge("1.2.27"), Status::Pass, "--encryption-provider-config");
}

#[test]
fn an_admin_kubeconfig_that_was_removed_is_nothing_to_protect() {
    let finding = node().apiserver(&[]).judge("1.1.13");
    comes_out(&finding, Status::NotApplicable, "neither admin.conf nor super-admin.conf");
    let one_left =
        node().file(Some(PathVar::AdminKubeconfigs), "/etc/kubernetes/super-admin.conf", 0o600);
    comes_out(&one_left.judge("1.1.13"), Status::Pass, "mode 0600");
}
