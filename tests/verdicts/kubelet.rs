//! The kubelet's effective configuration, and kube-proxy.
use kube_temper::model::{Component, Status, facts::VersionFact};

use super::node_facts::{KUBELET_CONFIG, node};
use super::{comes_out, kubelet, rests_on};

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
    comes_out(&manager("other:RotateKubeletServerCertificate=false"), Status::Pass, "default on");
}

#[test]
fn a_gate_that_is_not_mentioned_follows_the_gates_of_its_stage() {
    let manager = |value: &str| {
        let flag = format!("--feature-gates={value}");
        node().pod(Component::KubeControllerManager, &[&flag]).judge("1.3.6")
    };
    let own = "RotateKubeletServerCertificate";
    comes_out(
        &manager("AllBeta=false"),
        Status::Fail,
        "--feature-gates has AllBeta=false, wanted on",
    );
    comes_out(&manager("kube:AllBeta=0"), Status::Fail, "kube:AllBeta=0, wanted on");
    comes_out(&manager("AllAlpha=false"), Status::Pass, "default on");
    comes_out(&manager(&format!("{own}=true,AllBeta=false")), Status::Pass, &format!("{own}=true"));
    comes_out(
        &manager(&format!("AllBeta=true,{own}=false")),
        Status::Fail,
        &format!("{own}=false"),
    );

    let file = "featureGates:\n  AllBeta: false\n";
    comes_out(&kubelet(file, &[]).judge("4.2.11"), Status::Fail, "featureGates.AllBeta: false");
    let flag = format!("--feature-gates={own}=true");
    comes_out(&kubelet(file, &[&flag]).judge("4.2.11"), Status::Pass, "--feature-gates has");
    let all =
        kubelet(&format!("featureGates:\n  {own}: true\n"), &["--feature-gates=AllBeta=false"]);
    comes_out(&all.judge("4.2.11"), Status::Pass, &format!("featureGates.{own}: true"));
}

#[test]
fn gates_the_component_would_refuse_never_pass() {
    let own = "RotateKubeletServerCertificate";
    for value in ["kube:Other=true", "Other", "Other=maybe"] {
        let flag = format!("--feature-gates={own}=true,{value}");
        let finding = kubelet("", &[&flag]).judge("4.2.11");
        comes_out(&finding, Status::Error, "would end at its start");
    }
    let flag = format!("--feature-gates=kube:{own}=true");
    let old = node().pod(Component::KubeControllerManager, &[&flag]).with(|facts| {
        facts.profile.version = Some(VersionFact {
            text: "v1.30.4".to_owned(),
            minor: "v1.30.4".parse().unwrap(),
            source: "test".to_owned(),
        });
    });
    comes_out(&old.judge("1.3.6"), Status::Error, "takes gates without a component");
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

#[test]
fn a_quoted_boolean_keeps_the_kubelet_from_starting() {
    for (fields, id) in [
        ("authentication:\n  anonymous:\n    enabled: \"false\"\n", "4.2.1"),
        ("readOnlyPort: '0'\n", "4.2.4"),
    ] {
        let node = node().kubelet_with(&format!("kind: KubeletConfiguration\n{fields}"), &[]);
        comes_out(&node.judge(id), Status::Error, "the kubelet does not start with anything but");
    }
}

#[test]
fn flags_that_only_the_service_manager_knows_are_judged_as_they_run() {
    let unit = "[Service]\nPassEnvironment=HARDEN\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml $HARDEN\n";
    let untold = |node: super::node_facts::Node| {
        node.with(|facts| {
            facts.kubelet.start_args = None;
            facts.kubelet.unit_files = vec![super::node_facts::text_file("/u.conf", unit)];
        })
    };
    let running = untold(kubelet("readOnlyPort: 0\n", &["--read-only-port=10255"]));
    comes_out(&running.judge("4.2.4"), Status::Fail, "--read-only-port=10255");
    assert!(running.find("KT-drift").is_none(), "nothing to differ from");
    let image = untold(kubelet("readOnlyPort: 0\n", &[])).with(|facts| {
        facts.live = false;
        facts.processes.remove(&Component::Kubelet);
    });
    comes_out(
        &image.judge("4.2.4"),
        Status::Error,
        "what would start the kubelet cannot be told: $HARDEN in its ExecStart=",
    );
}
