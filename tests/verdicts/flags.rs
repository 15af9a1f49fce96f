//! Flags of control plane components and etcd.
use kube_temper::model::{Component, FileFact, FixOffer, ProcessFact, Status};

use super::node_facts::{Node, manifest_path, node};
use super::{comes_out, rests_on};

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
    let quoted = with("anonymous:\n  enabled: 'false'\n");
    comes_out(&quoted, Status::Error, "wants true or false");
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
    comes_out(&with("enableProfiling: 'false'\n"), Status::Error, "wants true or false");
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
    let finding = env(node().process(Component::Etcd, &[])).judge("2.2");
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

#[test]
fn a_value_that_looks_like_a_flag_is_no_flag() {
    let node = node().apiserver(&["--enable-admission-plugins", "--profiling=false"]);
    comes_out(&node.judge("1.2.15"), Status::Fail, "--profiling is not set");
}

#[test]
fn arguments_that_the_program_refuses_never_pass() {
    for args in [
        &["--profiling=false", "-anonymous-auth=false"][..],
        &["--profiling=false", "--anonymous-auth", "false"],
        &["--profiling=false", "--authorization-mode"],
        &["--profiling=false", "--", "--anonymous-auth=false"],
    ] {
        let manifest = node().manifest(Component::KubeApiserver, args);
        comes_out(&manifest.judge("1.2.15"), Status::Error, "would end at its start");
        let running = node().process(Component::KubeApiserver, args);
        comes_out(&running.judge("1.2.15"), Status::Error, "process 1000 cannot be read");
    }
    let single_dash = node().apiserver(&["-profiling=false"]);
    comes_out(&single_dash.judge("1.2.15"), Status::Fail, "--profiling is not set");
}

#[test]
fn a_flag_nobody_knows_makes_only_what_hangs_on_it_unclear() {
    let before = node().apiserver(&["--brand-new", "--profiling=false"]);
    comes_out(&before.judge("1.2.15"), Status::Error, "--brand-new is not known here");
    let beside = node().apiserver(&["--profiling=false", "--brand-new", "--v=2"]);
    comes_out(&beside.judge("1.2.15"), Status::Pass, "--profiling=false");
    let hidden = ["--newer", "--profiling=true", "--brand-new", "--profiling=false"];
    comes_out(&node().apiserver(&hidden).judge("1.2.15"), Status::Error, "is not known here");
}

#[test]
fn a_manifest_gives_etcd_variables_and_flags_win_over_them() {
    let manifest = |args: &[&str], env: &str| {
        let path = manifest_path(Component::Etcd);
        let args: String = args.iter().map(|arg| format!(", {arg}")).collect();
        let text = format!(
            "kind: Pod\nmetadata:\n  name: etcd\n  namespace: kube-system\nspec:\n  containers:\n  - name: etcd\n    image: e:3.6.8\n    command: [etcd{args}]\n{env}"
        );
        node().manifest_at(&path, &text).judge("2.2")
    };
    let env = |item: &str| {
        format!(
            "    env:\n    - name: OTHER\n      value: x\n    - name: ETCD_CLIENT_CERT_AUTH\n      {item}\n"
        )
    };
    let set = manifest(&[], &env("value: \"true\""));
    comes_out(&set, Status::Pass, "ETCD_CLIENT_CERT_AUTH=true");
    rests_on(&set, "ETCD_CLIENT_CERT_AUTH=true", "/etc/kubernetes/manifests/etcd.yaml:13");
    comes_out(
        &manifest(&[], &env("value: \"false\"")),
        Status::Fail,
        "ETCD_CLIENT_CERT_AUTH=false",
    );
    comes_out(&manifest(&[], &env("value: \"\"")), Status::Fail, "--client-cert-auth is not set");
    comes_out(
        &manifest(&["--client-cert-auth=false"], &env("value: \"true\"")),
        Status::Fail,
        "=false",
    );
    for elsewhere in ["valueFrom: {fieldRef: {fieldPath: metadata.name}}", "value: $(OTHER)"] {
        comes_out(&manifest(&[], &env(elsewhere)), Status::Error, "filled in from elsewhere");
        let given = manifest(&["--client-cert-auth"], &env(elsewhere));
        comes_out(&given, Status::Pass, "--client-cert-auth");
    }
    let from = "    envFrom:\n    - configMapRef: {name: etcd}\n";
    comes_out(&manifest(&[], from), Status::Error, "may come from envFrom");
    comes_out(&manifest(&["--client-cert-auth"], from), Status::Error, "ETCD_CONFIG_FILE may come");
}

#[test]
fn what_a_process_has_in_its_environment_is_not_what_its_manifest_gives() {
    let node = node().etcd(&[]).with(|facts| {
        if let Some(ProcessFact::Running(process)) = facts.processes.get_mut(&Component::Etcd) {
            process.env.insert("ETCD_CLIENT_CERT_AUTH".to_owned(), "true".to_owned());
        }
    });
    comes_out(&node.judge("2.2"), Status::Fail, "loses that at its next start");
    let hidden = node.with(|facts| {
        if let Some(ProcessFact::Running(process)) = facts.processes.get_mut(&Component::Etcd) {
            process.env.clear();
            process.env_unread = Some("permission denied".to_owned());
        }
    });
    comes_out(&hidden.judge("2.3"), Status::Error, "permission denied");
}

#[test]
fn a_value_from_the_environment_is_never_right() {
    let node = node().manifest(Component::KubeApiserver, &["--authorization-mode=$(MODE)"]);
    let finding = node.judge("1.2.6");
    assert_eq!(finding.status, Status::Error, "{finding:#?}");
    assert!(finding.reason.contains("filled in from the environment"), "{finding:#?}");
}
