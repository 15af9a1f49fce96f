//! Kubeconfigs that components use: whom they lead to, with which certificates and keys.

use base64ct::{Base64, Encoding as _};
use kube_temper::model::{
    Component::{KubeApiserver, KubeControllerManager, KubeScheduler},
    StepTarget,
};
use rcgen::KeyPair;

use crate::{Bench, argument, expect, files::certificate};

const CONF: &str = "/etc/kubernetes/scheduler.conf";

/// A kubeconfig with these lines for its user and its cluster.
fn kubeconfig(user: &str, cluster: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\ncontexts:\n- name: here\n  context: {{cluster: c, user: u}}\nclusters:\n- name: c\n  cluster: {{{cluster}}}\nusers:\n- name: u\n  user: {{{user}}}\n"
    )
}

const SERVER: &str = "server: https://10.77.0.10:6443";

fn refusal(bench: &Bench, text: &str) -> Option<String> {
    bench.put(CONF, text);
    bench.refusal(&bench.manifest(KubeScheduler, argument("--profiling=false")))
}

#[test]
fn a_kubeconfig_is_one() {
    let conf = "/etc/kubernetes/scheduler.conf";
    for (name, edit, wanted) in [
        (
            "not YAML",
            (|_: &str| "a: [c2VjcmV0".to_owned()) as fn(&str) -> String,
            "it cannot be read as a kubeconfig",
        ),
        (
            "no user",
            |text| text.replace("user: system:kube-scheduler", "user: nobody"),
            "leads to no user",
        ),
        (
            "no certificate",
            |text| {
                let none = Base64::encode_string(b"none");
                let replaced =
                    text.lines().map(|line| match line.split_once("certificate-data: ") {
                        Some((before, _)) if before.ends_with("client-") => {
                            format!("{before}certificate-data: {none}\n")
                        }
                        _ => format!("{line}\n"),
                    });
                replaced.collect()
            },
            "client-certificate-data: it holds no certificate",
        ),
        (
            "no cluster",
            |text| text.replace("cluster: kubernetes\n", "cluster: another\n"),
            "leads to no cluster",
        ),
        (
            "no address",
            |text| text.replace("server: https://10.77.0.10:6443", "server: ''"),
            "the cluster of its current context has no server address",
        ),
        (
            "token",
            |text| {
                text.lines()
                    .filter(|line| !line.contains("client-certificate-data"))
                    .map(|line| {
                        line.split("client-key-data").next().unwrap().to_owned()
                            + if line.contains("client-key-data") { "token: word\n" } else { "\n" }
                    })
                    .collect()
            },
            "",
        ),
    ] {
        let bench = Bench::new();
        let text = edit(&bench.node.text(conf).unwrap());
        bench.put(conf, &text);
        let plan = bench.manifest(KubeScheduler, argument("--profiling=false"));
        let refusal = bench.refusal(&plan);
        assert!(!refusal.as_deref().unwrap_or_default().contains("c2VjcmV0"));
        expect(name, refusal, wanted);
    }
}

#[test]
fn keys_and_certificates_in_it() {
    let [own, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
    let data = |text: &str| Base64::encode_string(text.as_bytes());
    let cert = format!("client-certificate-data: {}", data(&certificate(&own)));
    let key = |key: &KeyPair| format!("client-key-data: {}", data(&key.serialize_pem()));
    let authority = format!("certificate-authority-data: {}", data(&certificate(&other)));
    let table = [
        ("its own", format!("{cert}, {}", key(&own)), SERVER.to_owned(), ""),
        (
            "another key",
            format!("{cert}, {}", key(&other)),
            SERVER.to_owned(),
            "--kubeconfig, client-key-data) does not belong to the certificate in /etc/kubernetes/scheduler.conf",
        ),
        (
            "no base64",
            format!("{cert}, client-key-data: 'c2VjcmV0!'"),
            SERVER.to_owned(),
            "--kubeconfig names /etc/kubernetes/scheduler.conf: its client-key-data is no base64",
        ),
        (
            "no key",
            format!("{cert}, client-key-data: {}", data("secret")),
            SERVER.to_owned(),
            "its client-key-data: it holds no private key",
        ),
        (
            "key missing",
            cert.clone(),
            SERVER.to_owned(),
            "its user has a client certificate without its key",
        ),
        ("authority", "token: word".to_owned(), format!("{SERVER}, {authority}"), ""),
        (
            "no authority",
            "token: word".to_owned(),
            format!("{SERVER}, certificate-authority-data: {}", data("none")),
            "its certificate-authority-data: it holds no certificate",
        ),
        (
            "authority out of sight",
            "token: word".to_owned(),
            format!("{SERVER}, certificate-authority: /etc/kubernetes/pki/ca.crt"),
            "certificate-authority in /etc/kubernetes/scheduler.conf names /etc/kubernetes/pki/ca.crt, which the container will not see",
        ),
        (
            "token out of sight",
            "tokenFile: /var/run/token".to_owned(),
            SERVER.to_owned(),
            "tokenFile in /etc/kubernetes/scheduler.conf names /var/run/token, which the container will not see",
        ),
    ];
    for (name, user, cluster, wanted) in table {
        let why = refusal(&Bench::new(), &kubeconfig(&user, &cluster));
        for secret in ["c2VjcmV0", "secret", "word"] {
            assert!(!why.as_deref().unwrap_or_default().contains(secret), "{name}: {why:?}");
        }
        expect(name, why, wanted);
    }
}

#[test]
fn every_kubeconfig_that_a_flag_names_is_read() {
    for flag in ["authentication-kubeconfig", "authorization-kubeconfig"] {
        let bench = Bench::new();
        let path = "/etc/kubernetes/pki/other.conf";
        bench.put(path, &kubeconfig("token: word", "server: ''"));
        let plan = bench.manifest(KubeControllerManager, argument(&format!("--{flag}={path}")));
        let wanted = format!(
            "--{flag} names {path}: the cluster of its current context has no server address"
        );
        expect(flag, bench.refusal(&plan), &wanted);
    }
}

#[test]
fn webhooks_are_reached_by_kubeconfigs() {
    let path = "/etc/kubernetes/pki/webhook.conf";
    let data = |text: &str| Base64::encode_string(text.as_bytes());
    let own = KeyPair::generate().unwrap();
    let authority = format!("certificate-authority-data: {}", data(&certificate(&own)));
    let none = format!("client-certificate-data: {}", data("none"));
    let fine = kubeconfig("token: word", SERVER);
    let table = [
        ("fine", fine.clone(), ""),
        ("nobody asks for a user", fine.replace(", user: u}", "}"), ""),
        ("no such user", fine.replace(", user: u}", ", user: v}"), "leads to no user"),
        ("no such cluster", fine.replace("cluster: c,", "cluster: d,"), "leads to no cluster"),
        ("no context", fine.replace("current-context: here\n", ""), "leads to no user"),
        ("not YAML", "a: [c2VjcmV0".to_owned(), "it cannot be read as a kubeconfig"),
        ("no address", kubeconfig("token: word", "server: ''"), "has no server address"),
        (
            "no base64",
            kubeconfig(
                "token: word",
                &format!("{SERVER}, certificate-authority-data: 'c2VjcmV0!'"),
            ),
            "its certificate-authority-data is no base64",
        ),
        (
            "no certificate",
            kubeconfig(&format!("{none}, client-key: /k"), SERVER),
            "holds no certificate",
        ),
        (
            "out of sight",
            kubeconfig("token: word", &format!("{SERVER}, certificate-authority: /srv/ca.crt")),
            "names /srv/ca.crt, which the container will not see",
        ),
        (
            "twice",
            kubeconfig(
                "token: word",
                &format!("{SERVER}, {authority}, certificate-authority: ca.crt"),
            ),
            "both certificate-authority-data and certificate-authority",
        ),
        (
            "unverified with an authority",
            kubeconfig(
                "token: word",
                &format!("{SERVER}, {authority}, insecure-skip-tls-verify: true"),
            ),
            "an authority and insecure-skip-tls-verify",
        ),
    ];
    for flag in [
        "audit-webhook-config-file",
        "authentication-token-webhook-config-file",
        "authorization-webhook-config-file",
    ] {
        for (name, text, wanted) in &table {
            let bench = Bench::new();
            bench.put(path, text);
            let plan = bench.manifest(KubeApiserver, argument(&format!("--{flag}={path}")));
            let why = bench.refusal(&plan);
            for secret in ["c2VjcmV0", "word"] {
                assert!(!why.as_deref().unwrap_or_default().contains(secret), "{name}: {why:?}");
            }
            expect(&format!("{flag}: {name}"), why, wanted);
        }
    }
}

const CONFIG: &str = "/var/lib/kubelet/config.yaml";
const KUBELET: &str = "/etc/kubernetes/kubelet.conf";
const BOOTSTRAP: &str = "/etc/kubernetes/bootstrap-kubelet.conf";

fn pids(bench: &Bench) -> Option<String> {
    bench.refusal(
        &bench.change(StepTarget::Kubelet, CONFIG, |text| format!("{text}podPidsLimit: 4096\n")),
    )
}

#[test]
fn the_kubelets_own() {
    let [own, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
    let current = "/var/lib/kubelet/pki/current.pem";
    let by_file = |place: &str| {
        let user = format!("client-certificate: {place}, client-key: {place}");
        kubeconfig(&user, SERVER)
    };
    let both = |key: &KeyPair| certificate(&own) + &key.serialize_pem();
    let table = [
        ("its own", by_file(current), both(&own), ""),
        ("beside it", by_file("../../var/lib/kubelet/pki/current.pem"), both(&own), ""),
        (
            "another key",
            by_file(current),
            both(&other),
            "the key in /var/lib/kubelet/pki/current.pem (client-key in /etc/kubernetes/kubelet.conf) does not belong to the certificate",
        ),
        (
            "gone",
            by_file("/var/lib/kubelet/pki/none.pem"),
            both(&own),
            "client-certificate in /etc/kubernetes/kubelet.conf names /var/lib/kubelet/pki/none.pem, and there is no such file",
        ),
        (
            "no address",
            by_file(current).replace(SERVER, "server: ''"),
            both(&own),
            "no server address",
        ),
    ];
    for (name, text, pem, wanted) in table {
        let bench = Bench::new();
        bench.put(current, &pem);
        bench.put(KUBELET, &text);
        expect(name, pids(&bench), wanted);
    }
}

#[test]
fn a_kubelet_that_has_still_to_get_its_certificate() {
    for (name, bootstrap, wanted) in [
        (
            "neither",
            None,
            "--kubeconfig names /etc/kubernetes/kubelet.conf, and there is no such file",
        ),
        ("bootstrap", Some(kubeconfig("token: word", SERVER)), ""),
        (
            "no address",
            Some(kubeconfig("token: word", "server: ''")),
            "--bootstrap-kubeconfig names /etc/kubernetes/bootstrap-kubelet.conf: the cluster of its current context has no server address",
        ),
    ] {
        let bench = Bench::new();
        bench.node.tree().remove_tree(KUBELET);
        if let Some(text) = bootstrap {
            bench.put(BOOTSTRAP, &text);
        }
        expect(name, pids(&bench), wanted);
    }
    // One that has its certificate reads no other.
    let bench = Bench::new();
    bench.put(BOOTSTRAP, "no kubeconfig");
    expect("both", pids(&bench), "");
}
