//! Verdicts on nodes that were built for one question each.
//!
//! The first part holds every situation in which kube-bench's cis-1.12 is known to answer wrongly and that can be
//! judged without the API server; the second part our own rules: where a value comes from, drift, what is not here.

mod node_facts;

use kube_temper::model::{
    Component, Distribution, FileFact, Finding, FixOffer, Mark, PathVar, ProcessFact, Source,
    Status, Tier, facts::Arg,
};
use node_facts::{KUBELET_CONFIG, Node, manifest_path, node};

/// The status, and a part of the reason.
#[track_caller]
fn comes_out(finding: &Finding, status: Status, reason: &str) {
    assert_eq!(finding.status, status, "{finding:#?}");
    assert!(finding.reason.contains(reason), "{:?} does not say {reason:?}", finding.reason);
}

/// One piece of evidence with this text and place.
#[track_caller]
fn rests_on(finding: &Finding, value: &str, place: &str) {
    let found = finding.evidence.iter().any(|e| e.value == value && e.source.to_string() == place);
    assert!(found, "no evidence {value:?} at {place:?} in {:#?}", finding.evidence);
}

const STOCK: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: false\n  x509:\n    clientCAFile: /etc/kubernetes/pki/ca.crt\nauthorization:\n  mode: Webhook\nrotateCertificates: true\nstreamingConnectionIdleTimeout: 0s\n";

fn kubelet(extra: &str, args: &[&str]) -> Node {
    node().kubelet_with(&format!("{STOCK}{extra}"), args)
}

// What kube-bench answers wrongly.

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

// Where a value comes from.

#[test]
fn both_the_process_and_what_starts_it_must_be_right() {
    let component = Component::KubeScheduler;
    let running_only = node().process(component, &["--profiling=false"]).manifest(component, &[]);
    let finding = running_only.judge("1.4.1");
    comes_out(&finding, Status::Fail, "loses that at its next start");
    assert_eq!(
        finding.drift.as_deref(),
        Some(
            "running process 1002: --profiling=false; /etc/kubernetes/manifests/kube-scheduler.yaml: --profiling is not set (true: profiles are served under /debug/pprof)"
        )
    );

    let pending = node().process(component, &[]).manifest(component, &["--profiling=false"]);
    let finding = pending.judge("1.4.1");
    comes_out(&finding, Status::Fail, "in the running process; what starts it is right");
    rests_on(&finding, "--profiling=false", "/etc/kubernetes/manifests/kube-scheduler.yaml:12");

    let both = node().pod(component, &["--profiling=false"]);
    comes_out(&both.judge("1.4.1"), Status::Pass, "--profiling=false");
    assert_eq!(both.judge("1.4.1").drift, None);
}

#[test]
fn different_but_right_on_both_sides_passes_with_drift() {
    let component = Component::KubeScheduler;
    let node =
        node().process(component, &["--profiling=0"]).manifest(component, &["--profiling=false"]);
    let finding = node.judge("1.4.1");
    comes_out(&finding, Status::Pass, "--profiling=0");
    assert!(finding.drift.unwrap().contains("--profiling=false"));
}

#[test]
fn elsewhere_files_decide_and_recorded_processes_are_notes() {
    let component = Component::KubeScheduler;
    let node =
        node().process(component, &[]).manifest(component, &["--profiling=false"]).not_running();
    let finding = node.judge("1.4.1");
    comes_out(&finding, Status::Pass, "--profiling=false");
    assert!(finding.drift.unwrap().contains("recorded process 1002"));
    assert!(node.report().notices.iter().any(|notice| notice.contains("not a running node")));
    assert!(node.find("KT-drift").is_none());
}

#[test]
fn where_only_one_side_exists_it_decides() {
    let component = Component::KubeScheduler;
    let process = node().process(component, &["--profiling=false"]);
    comes_out(&process.judge("1.4.1"), Status::Pass, "--profiling=false");
    let image = node().process(component, &["--profiling=false"]).not_running();
    comes_out(&image.judge("1.4.1"), Status::Pass, "--profiling=false");
    let unit = node().with(|facts| {
        let line = |text: &str| Arg {
            text: text.to_owned(),
            path: "/etc/systemd/system/kube-scheduler.service".to_owned(),
            line: 7,
        };
        let args = vec![line("kube-scheduler"), line("--profiling=true")];
        facts.unit_args.insert(component, args);
    });
    let finding = unit.judge("1.4.1");
    comes_out(&finding, Status::Fail, "--profiling=true");
    rests_on(&finding, "--profiling=true", "/etc/systemd/system/kube-scheduler.service:7");
}

#[test]
fn an_ambiguous_process_is_an_error_that_names_the_candidates() {
    let node = node().apiserver(&["--profiling=false"]).with(|facts| {
        let one = facts.process(Component::KubeApiserver).unwrap().clone();
        let mut other = one.clone();
        other.pid = 4711;
        let candidates = vec![one, other];
        facts.processes.insert(Component::KubeApiserver, ProcessFact::Ambiguous { candidates });
    });
    comes_out(&node.judge("1.2.15"), Status::Error, "pid 1000, 4711");
}

#[test]
fn a_broken_manifest_is_an_error_and_a_finding_of_its_own() {
    let path = manifest_path(Component::KubeScheduler);
    let node = node()
        .process(Component::KubeScheduler, &["--profiling=false"])
        .manifest_at(&path, "kind: Pod\nspec: [\n");
    comes_out(&node.judge("1.4.1"), Status::Error, "kube-scheduler.yaml cannot be understood");
    comes_out(&node.judge("KT-broken-manifest"), Status::Fail, &path);
    comes_out(&node.judge("1.3.2"), Status::NotApplicable, "kube-controller-manager");
}

#[test]
fn every_manifest_of_a_component_must_be_right() {
    let text = |value: &str| {
        format!(
            "kind: Pod\nmetadata:\n  name: kube-scheduler\n  namespace: kube-system\nspec:\n  containers:\n  - name: s\n    image: s:v1.36.2\n    command: [kube-scheduler, --profiling={value}]\n"
        )
    };
    let node = node()
        .process(Component::KubeScheduler, &["--profiling=false"])
        .manifest_at("/etc/kubernetes/manifests/kube-scheduler.yaml", &text("false"))
        .manifest_at("/etc/kubernetes/manifests/kube-scheduler.yaml.bak", &text("true"));
    comes_out(&node.judge("1.4.1"), Status::Fail, "kube-scheduler.yaml.bak");
    let shadow = node.judge("KT-shadow-manifest");
    comes_out(&shadow, Status::Fail, "defines pod kube-system/kube-scheduler");
    assert_eq!(shadow.evidence.len(), 2);
}

// Flags.

#[test]
fn a_file_that_a_flag_names_must_exist_on_the_host() {
    let flag = "--encryption-provider-config=/etc/kubernetes/pki/encryption.yaml";
    let path = "/etc/kubernetes/pki/encryption.yaml";
    let node = node().apiserver(&[flag]);
    comes_out(&node.judge("1.2.27"), Status::Pass, "not checked");
    let there = node.clone().file(None, path, 0o644);
    comes_out(&there.judge("1.2.27"), Status::Pass, flag);
    let missing = node.clone().file_fact(None, path, FileFact::Missing);
    comes_out(&missing.judge("1.2.27"), Status::Fail, "does not exist on this host");
    let unreadable =
        node.file_fact(None, path, FileFact::Unreadable { why: "permission denied".to_owned() });
    comes_out(&unreadable.judge("1.2.27"), Status::Error, "permission denied");
}

#[test]
fn a_file_is_looked_for_through_the_mounts_of_its_container() {
    let judge = |flag: &str| {
        node()
            .apiserver(&[flag])
            .file_fact(None, "/etc/kubernetes/conf/e.yaml", FileFact::Missing)
            .judge("1.2.27")
    };
    let flag = "--encryption-provider-config";
    comes_out(&judge(&format!("{flag}=/conf/e.yaml")), Status::Fail, "/etc/kubernetes/conf/e.yaml");
    comes_out(&judge(&format!("{flag}=/configuration/e.yaml")), Status::Pass, "in no volume");
    comes_out(&judge(&format!("{flag}=/scratch/e.yaml")), Status::Pass, "not a host path");
    comes_out(&judge(&format!("{flag}=")), Status::Fail, "wanted a file that exists");
}

#[test]
fn audit_limits_do_nothing_without_a_log() {
    let limits = ["--audit-log-maxage=30"];
    let finding = node().apiserver(&limits).judge("1.2.17");
    comes_out(&finding, Status::Fail, "does nothing: --audit-log-path is not set");
    comes_out(
        &node().apiserver(&[]).judge("1.2.17"),
        Status::Fail,
        "without which it does nothing",
    );
    let log = "--audit-log-path=/scratch/audit.log";
    comes_out(&node().apiserver(&[log]).judge("1.2.17"), Status::Pass, "is not set");
    let forever = node().apiserver(&[log, "--audit-log-maxage=0"]);
    comes_out(&forever.judge("1.2.17"), Status::Pass, "keeps files for ever");
}

#[test]
fn flags_whose_name_begins_alike_are_not_mixed_up() {
    let node = node().apiserver(&["--audit-log-path-extra=/x", "--no-audit-log-path=/x"]);
    comes_out(&node.judge("1.2.16"), Status::Fail, "--audit-log-path is not set");
}

#[test]
fn plugins_are_judged_after_all_three_flags() {
    let table: &[(&[&str], &str, Status)] = &[
        (&["--enable-admission-plugins=NodeRestriction"], "1.2.14", Status::Pass),
        (&["--enable-admission-plugins=NodeRestrictionX"], "1.2.14", Status::Fail),
        (&[], "1.2.14", Status::Fail),
        (
            &["--enable-admission-plugins=A", "--enable-admission-plugins=NodeRestriction"],
            "1.2.14",
            Status::Pass,
        ),
        (&["--admission-control=NodeRestriction"], "1.2.14", Status::Pass),
        (&["--admission-control=NodeRestriction"], "1.2.12", Status::Fail),
        (&["--disable-admission-plugins=ServiceAccount"], "1.2.12", Status::Fail),
        (&["--disable-admission-plugins=ServiceAccountX"], "1.2.12", Status::Pass),
        (&[], "1.2.12", Status::Pass),
        (&["--enable-admission-plugins=AlwaysAdmit"], "1.2.10", Status::Fail),
        (&["--enable-admission-plugins", "AlwaysAdmit"], "1.2.10", Status::Fail),
        (&[], "1.2.10", Status::Pass),
    ];
    for (args, id, status) in table {
        let finding = node().apiserver(args).judge(id);
        assert_eq!(finding.status, *status, "{id} with {args:?}: {finding:#?}");
    }
}

#[test]
fn anonymous_requests_may_be_limited_to_paths_by_a_file() {
    let with = |block: &str| {
        node()
            .apiserver(&["--authentication-config=/conf/authentication.yaml"])
            .document("/etc/kubernetes/conf/authentication.yaml", block)
            .judge("1.2.1")
    };
    let limited =
        "anonymous:\n  enabled: true\n  conditions:\n  - path: /livez\n  - path: /readyz\n";
    comes_out(&with(limited), Status::Pass, "only for /livez, /readyz");
    comes_out(&with("anonymous:\n  enabled: true\n"), Status::Fail, "without conditions");
    comes_out(&with("anonymous:\n  enabled: false\n"), Status::Pass, "is false");
    comes_out(&with("jwt: []\n"), Status::Fail, "--anonymous-auth is not set");
    let unread = node().apiserver(&["--authentication-config=/conf/authentication.yaml"]);
    comes_out(&unread.judge("1.2.1"), Status::Error, "was not read");
    comes_out(&node().apiserver(&["--anonymous-auth=false"]).judge("1.2.1"), Status::Pass, "false");
}

#[test]
fn a_scheduler_with_a_configuration_file_is_judged_by_it() {
    let args = ["--config=/conf/scheduler.yaml", "--profiling=false"];
    let with = |text: &str| {
        node()
            .pod(Component::KubeScheduler, &args)
            .document("/etc/kubernetes/conf/scheduler.yaml", text)
            .judge("1.4.1")
    };
    let finding = with("kind: KubeSchedulerConfiguration\n");
    comes_out(&finding, Status::Fail, "--profiling is not set");
    assert!(
        matches!(&finding.offer, FixOffer::None { reason } if reason.contains("enableProfiling"))
    );
    comes_out(&with("enableProfiling: false\n"), Status::Pass, "enableProfiling: false");
    comes_out(&with("enableProfiling: true\n"), Status::Fail, "enableProfiling: true");
    let unread = node().pod(Component::KubeScheduler, &args).judge("1.4.1");
    comes_out(&unread, Status::Error, "was not read");
}

#[test]
fn etcd_reads_variables_where_flags_are_missing_and_neither_beside_a_file() {
    let env = |node: Node| {
        node.with(|facts| {
            if let Some(ProcessFact::Running(process)) = facts.processes.get_mut(&Component::Etcd) {
                process.env.insert("ETCD_CLIENT_CERT_AUTH".to_owned(), "true".to_owned());
            }
        })
    };
    let finding = env(node().etcd(&[])).judge("2.2");
    comes_out(&finding, Status::Pass, "ETCD_CLIENT_CERT_AUTH=true");
    comes_out(
        &env(node().etcd(&["--client-cert-auth=false"])).judge("2.2"),
        Status::Fail,
        "=false",
    );
    comes_out(
        &env(node().etcd(&["-client-cert-auth"])).judge("2.2"),
        Status::Pass,
        "-client-cert-auth",
    );
    let beside_file = env(node().etcd(&["--config-file=/conf/etcd.yaml", "--client-cert-auth"]));
    comes_out(&beside_file.judge("2.2"), Status::Error, "counts for nothing");
    let document = |text: &str| {
        beside_file.clone().document("/etc/kubernetes/conf/etcd.yaml", text).judge("2.2")
    };
    let right = document("client-transport-security:\n  client-cert-auth: true\n");
    comes_out(&right, Status::Pass, "client-transport-security.client-cert-auth: true");
    comes_out(&document("name: cp1\n"), Status::Fail, "--client-cert-auth is not set");
}

// The kubelet.

#[test]
fn a_kubelet_without_a_file_has_the_old_defaults() {
    let node = node().kubelet(&["--kubeconfig=/etc/kubernetes/kubelet.conf"]);
    for id in ["4.2.1", "4.2.2", "4.2.4"] {
        comes_out(&node.judge(id), Status::Fail, "the kubelet has no --config");
    }
    let only_drop_ins = node
        .kubelet(&["--config-dir=/etc/kubernetes/kubelet.conf.d"])
        .drop_in("10.conf", "kind: KubeletConfiguration\nreadOnlyPort: 0\n");
    comes_out(&only_drop_ins.judge("4.2.4"), Status::Pass, "readOnlyPort: 0");
    comes_out(&only_drop_ins.judge("4.2.1"), Status::Fail, "no --config");
}

#[test]
fn flags_beat_drop_ins_beat_the_file() {
    let directory = "--config-dir=/etc/kubernetes/kubelet.conf.d";
    let file = kubelet("readOnlyPort: 0\n", &[directory]);
    comes_out(&file.judge("4.2.4"), Status::Pass, "readOnlyPort: 0");
    let drop_in =
        file.clone().drop_in("10.conf", "kind: KubeletConfiguration\nreadOnlyPort: 10255\n");
    let finding = drop_in.judge("4.2.4");
    comes_out(&finding, Status::Fail, "readOnlyPort: 10255, wanted 0");
    rests_on(&finding, "readOnlyPort: 10255", "/etc/kubernetes/kubelet.conf.d/10.conf:2");
    let flag = kubelet("readOnlyPort: 0\n", &[directory, "--read-only-port=0"])
        .drop_in("10.conf", "kind: KubeletConfiguration\nreadOnlyPort: 10255\n");
    let finding = flag.judge("4.2.4");
    comes_out(&finding, Status::Pass, "--read-only-port=0");
    rests_on(
        &finding,
        "readOnlyPort: 10255 (the flag overrides it)",
        "/etc/kubernetes/kubelet.conf.d/10.conf:2",
    );
    comes_out(
        &flag.judge("KT-kubelet-flag-overrides"),
        Status::Fail,
        "overrides readOnlyPort: 10255",
    );
    assert!(file.find("KT-kubelet-flag-overrides").is_none());
}

#[test]
fn words_that_yaml_reads_as_booleans_are_judged_as_the_kubelet_reads_them() {
    let node = node().kubelet_with(
        "kind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: on\n",
        &[],
    );
    comes_out(&node.judge("4.2.1"), Status::Fail, "authentication.anonymous.enabled: true");
}

#[test]
fn a_true_field_is_not_switched_off_by_a_seccomp_flag() {
    let node = kubelet("seccompDefault: true\n", &["--seccomp-default=false"]);
    comes_out(&node.judge("4.2.14"), Status::Pass, "one of them is enough");
    let flag = kubelet("seccompDefault: false\n", &["--seccomp-default"]);
    comes_out(&flag.judge("4.2.14"), Status::Pass, "--seccomp-default");
}

#[test]
fn gates_are_merged_one_by_one() {
    let gate = "featureGates:\n  RotateKubeletServerCertificate: false\n";
    comes_out(
        &kubelet(gate, &[]).judge("4.2.11"),
        Status::Fail,
        "featureGates.RotateKubeletServerCertificate: false",
    );
    let other = kubelet(gate, &["--feature-gates=Other=true"]);
    comes_out(&other.judge("4.2.11"), Status::Fail, "RotateKubeletServerCertificate: false");
    let flag = kubelet(gate, &["--feature-gates=RotateKubeletServerCertificate=true"]);
    comes_out(&flag.judge("4.2.11"), Status::Pass, "--feature-gates has");
    comes_out(&kubelet("", &[]).judge("4.2.11"), Status::Pass, "default on");
    let manager = |value: &str| {
        let flag = format!("--feature-gates={value}");
        node().pod(Component::KubeControllerManager, &[&flag]).judge("1.3.6")
    };
    comes_out(&manager("RotateKubeletServerCertificate=false"), Status::Fail, "wanted on");
    comes_out(&manager("kube:RotateKubeletServerCertificate=false"), Status::Fail, "wanted on");
    comes_out(&manager("RotateKubeletServerCertificateX=false"), Status::Pass, "default on");
}

#[test]
fn a_broken_or_unread_kubelet_file_is_an_error() {
    let broken = node().kubelet_with("a: [\n", &[]);
    comes_out(&broken.judge("4.2.1"), Status::Error, "cannot be understood");
    comes_out(&broken.judge("4.2.7"), Status::Pass, "--hostname-override is not set");
    let unread = node().kubelet(&["--config=/elsewhere.yaml"]);
    comes_out(&unread.judge("4.2.1"), Status::Error, "/elsewhere.yaml was not read");
}

#[test]
fn a_kubelet_flag_waiting_for_the_next_start_is_drift() {
    let config = format!("--config={KUBELET_CONFIG}");
    let node = kubelet("", &[]).kubelet_start(&[&config, "--anonymous-auth=true"]);
    let finding = node.judge("4.2.1");
    comes_out(&finding, Status::Fail, "loses that at its next start");
    rests_on(&finding, "--anonymous-auth=true", "/var/lib/kubelet/kubeadm-flags.env:3");
    let drift = node.judge("KT-drift");
    comes_out(&drift, Status::Fail, "--anonymous-auth=true is not in the process");
    assert_eq!(drift.evidence.len(), 1);
}

#[test]
fn a_configuration_file_alone_is_judged() {
    let node = kubelet("", &[]).not_running().with(|facts| {
        facts.processes.clear();
        facts.kubelet.start_args = None;
    });
    comes_out(&node.judge("4.2.1"), Status::Pass, "authentication.anonymous.enabled: false");
    comes_out(&node.judge("4.2.7"), Status::NotApplicable, "kubelet is not on this node");
}

#[test]
fn keys_written_twice_are_found() {
    let node = kubelet("rotateCertificates: false\n", &[]);
    comes_out(&node.judge("4.2.10"), Status::Fail, "rotateCertificates: false");
    comes_out(
        &node.judge("KT-kubelet-duplicate-keys"),
        Status::Fail,
        "rotateCertificates is written twice",
    );
}

#[test]
fn without_access_to_the_api_kube_proxy_is_for_a_person() {
    let config = "--config=/var/lib/kube-proxy/config.conf";
    let node = node().process(Component::KubeProxy, &[config, "--metrics-bind-address=0.0.0.0"]);
    let finding = node.judge("4.3.1");
    comes_out(&finding, Status::Manual, "needs API access");
    rests_on(&finding, config, "kube-proxy pid 1005");
}

// Files.

#[test]
fn modes_are_compared_as_bits_and_every_offender_is_named() {
    let keys = |modes: &[u32]| {
        modes.iter().enumerate().fold(node(), |node, (index, mode)| {
            node.file(Some(PathVar::PkiKeys), &format!("/etc/kubernetes/pki/{index}.key"), *mode)
        })
    };
    for (mode, right) in [
        (0o600, true),
        (0o400, true),
        (0o000, true),
        (0o640, false),
        (0o601, false),
        (0o4600, false),
        (0o1600, false),
    ] {
        let wanted = if right { Status::Pass } else { Status::Fail };
        assert_eq!(keys(&[mode]).judge("1.1.21").status, wanted, "{mode:o}");
    }
    let finding = keys(&[0o644, 0o600, 0o666]).judge("1.1.21");
    comes_out(
        &finding,
        Status::Fail,
        "/etc/kubernetes/pki/0.key has mode 0644 and 1 more of 3, wanted 0600 or tighter",
    );
    assert_eq!(finding.evidence.len(), 2);
    rests_on(&finding, "mode 0666", "/etc/kubernetes/pki/2.key");
    let finding = keys(&[0o600; 9]).judge("1.1.21");
    comes_out(&finding, Status::Pass, "all 9 files have mode 0600 or tighter");
    assert_eq!(finding.evidence.len(), 1);
}

#[test]
fn what_cannot_be_looked_at_is_an_error_unless_something_else_is_wrong() {
    let denied = || FileFact::Unreadable { why: "permission denied".to_owned() };
    let var = Some(PathVar::PkiKeys);
    let node = node().file(var, "/pki/a.key", 0o600).file_fact(var, "/pki/b.key", denied());
    comes_out(&node.judge("1.1.21"), Status::Error, "/pki/b.key cannot be looked at");
    let wrong = node.file(var, "/pki/c.key", 0o644);
    comes_out(&wrong.judge("1.1.21"), Status::Fail, "/pki/c.key has mode 0644");
}

#[test]
fn owners_are_names_of_this_node() {
    let config = |ids| node().owned_file(Some(PathVar::KubeletConfig), KUBELET_CONFIG, 0o600, ids);
    comes_out(&config((0, 0)).judge("4.1.10"), Status::Pass, "owner root:root");
    comes_out(&config((1, 0)).judge("4.1.10"), Status::Fail, "owner daemon:root, wanted root:root");
    comes_out(&config((0, 1000)).judge("4.1.10"), Status::Fail, "owner root:1000");
}

fn etcd_data(ids: (u32, u32)) -> Node {
    node().etcd(&[]).owned_file(Some(PathVar::EtcdDataDir), "/var/lib/etcd", 0o700, ids)
}

#[test]
fn an_etcd_that_runs_as_root_may_own_its_data_as_root() {
    let finding = etcd_data((0, 0)).judge("1.1.12");
    comes_out(&finding, Status::Fail, "there is no user etcd on this node");
    assert!(matches!(finding.mark, Some(Mark::Accepted { .. })), "{finding:#?}");
    assert!(!finding.counts_as_failure());

    let rootless = etcd_data((0, 0)).with(|facts| {
        if let Some(ProcessFact::Running(process)) = facts.processes.get_mut(&Component::Etcd) {
            process.uid = 977;
        }
    });
    assert_eq!(rootless.judge("1.1.12").mark, None);

    let account = etcd_data((977, 977)).with(|facts| {
        facts.accounts.users.insert("etcd".to_owned(), 977);
        facts.accounts.groups.insert("etcd".to_owned(), 977);
    });
    comes_out(&account.judge("1.1.12"), Status::Pass, "owner etcd:etcd");
    assert_eq!(account.judge("1.1.12").mark, None);
}

#[test]
fn a_node_without_etcd_has_no_etcd_files_to_judge() {
    let node = node().apiserver(&["--etcd-servers=https://10.0.0.9:2379"]).file(
        Some(PathVar::EtcdDataDir),
        "/var/lib/etcd",
        0o755,
    );
    for id in ["1.1.7", "1.1.8", "1.1.11", "1.1.12"] {
        comes_out(&node.judge(id), Status::NotApplicable, "etcd does not run on this node");
    }
    comes_out(&node.judge("2.1"), Status::NotApplicable, "etcd is not on this node");
}

#[test]
fn a_worker_has_no_control_plane_to_judge() {
    let node =
        kubelet("", &[]).worker().file(Some(PathVar::PkiTree), "/etc/kubernetes/pki/ca.crt", 0o644);
    for finding in node.report().findings {
        let section = finding.control.section().to_owned();
        if section.starts_with(['1', '2', '3']) {
            comes_out(&finding, Status::NotApplicable, "this is a worker");
        }
    }
    comes_out(&node.judge("4.2.1"), Status::Pass, "anonymous");
}

// Everything together.

#[test]
fn controls_that_need_the_api_or_a_person_say_what_to_look_at() {
    let node = node().apiserver(&[]);
    comes_out(&node.judge("5.1.1"), Status::Manual, "needs API access: ");
    let review = node.judge("3.1.1");
    assert_eq!(review.status, Status::Manual);
    assert!(!review.reason.is_empty());
}

#[test]
fn offers_follow_the_fix_and_the_layout() {
    let failing = || node().apiserver(&[]);
    let offered = failing().judge("1.2.15").offer;
    assert!(matches!(offered, FixOffer::Offered { tier: Tier::R2, .. }), "{offered:?}");
    let later = failing().judge("1.2.9").offer;
    assert!(matches!(&later, FixOffer::Later { reason } if reason.contains("needs")), "{later:?}");
    let elsewhere = failing().with(|facts| facts.profile.distribution = Distribution::Rke2);
    let none = elsewhere.judge("1.2.15").offer;
    assert!(matches!(&none, FixOffer::None { reason } if reason.contains("RKE2")), "{none:?}");
}

#[test]
fn a_fixed_uid_in_a_manifest_is_found() {
    let text = "kind: Pod\nmetadata:\n  name: kube-scheduler\n  namespace: kube-system\n  uid: abc\nspec:\n  containers:\n  - name: s\n    image: s:v1.36.2\n    command: [kube-scheduler]\n";
    let node = node().manifest_at("/etc/kubernetes/manifests/kube-scheduler.yaml", text);
    comes_out(&node.judge("KT-manifest-uid"), Status::Fail, "metadata.uid: abc");
}

#[test]
fn a_healthy_node_has_no_finding_of_our_own() {
    let node = kubelet("", &[]).apiserver(&["--profiling=false"]).etcd(&["--auto-tls=false"]);
    let own: Vec<_> = node.report().findings.into_iter().filter(|f| f.control.is_own()).collect();
    assert!(own.is_empty(), "{own:#?}");
}

#[test]
fn findings_are_ordered_and_one_per_control() {
    let report = kubelet("rotateCertificates: false\n", &[]).report();
    let ids: Vec<_> = report.findings.iter().map(|finding| finding.control.clone()).collect();
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(ids, sorted);
    assert_eq!(ids.iter().filter(|id| !id.is_own()).count(), 131);
    assert_eq!(ids.last().unwrap().as_str(), "KT-kubelet-duplicate-keys");
    assert!(report.findings.iter().all(|f| !f.reason.is_empty() && !f.expected.is_empty()));
}
