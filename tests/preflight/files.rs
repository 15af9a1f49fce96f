//! Files as the container sees them, certificates and keys.

use kube_temper::{
    model::Component::{KubeApiserver, KubeScheduler},
    node::{Files as _, Node as _, recording},
};
use rcgen::{CertificateParams, KeyPair};

use crate::{Bench, argument, expect};

const CERTIFICATE: &str = "/etc/kubernetes/pki/apiserver.crt";
const KEY: &str = "/etc/kubernetes/pki/apiserver.key";

/// A certificate for a year from the day the nodes were recorded.
fn certificate(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(vec!["cp1".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 11, 23);
    params.not_after = rcgen::date_time_ymd(2027, 11, 23);
    params.self_signed(key).unwrap().pem()
}

fn profiling(bench: &Bench) -> Option<String> {
    bench.refusal(&bench.manifest(KubeApiserver, argument("--profiling=false")))
}

#[test]
fn keys_match_their_certificates() {
    let [own, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
    let table = [
        ("its own", own.serialize_pem(), ""),
        (
            "another",
            other.serialize_pem(),
            "the key in /etc/kubernetes/pki/apiserver.key (--tls-private-key-file) does not belong to the certificate of --tls-cert-file",
        ),
        (
            "none",
            "no key at all\n".to_owned(),
            "--tls-private-key-file names /etc/kubernetes/pki/apiserver.key: it holds no private key",
        ),
        ("a certificate", certificate(&own), "it holds no private key"),
    ];
    for (name, key, wanted) in table {
        let bench = Bench::new();
        bench.put(CERTIFICATE, &certificate(&own));
        bench.put(KEY, &key);
        let refusal = profiling(&bench);
        for secret in [&own, &other] {
            let pem = secret.serialize_pem();
            let line = pem.lines().nth(1).unwrap();
            assert!(!refusal.as_deref().unwrap_or_default().contains(line), "{name}");
        }
        expect(name, refusal, wanted);
    }
}

#[test]
fn a_certificate_ends() {
    let own = KeyPair::generate().unwrap();
    for (name, after, wanted) in [
        ("on the day", 0, ""),
        ("in its last week", 360, ""),
        ("after its last day", 366, "expired on 2027-11-23: renew it first (kubeadm certs renew)"),
    ] {
        let bench = Bench::later(&recording::KUBEADM_1_36_2, after);
        bench.put(CERTIFICATE, &certificate(&own));
        expect(name, profiling(&bench), wanted);
    }
}

#[test]
fn a_certificate_begins() {
    let own = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["cp1".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 12, 1);
    let bench = Bench::new();
    bench.put(CERTIFICATE, &params.self_signed(&own).unwrap().pem());
    expect("tomorrow", profiling(&bench), "is valid only from 2026-12-01");
}

#[test]
fn the_recorded_certificates_end_too() {
    let bench = Bench::later(&recording::KUBEADM_1_36_2, 400);
    let refusal = profiling(&bench).unwrap();
    assert!(refusal.contains("expired on 2027-11-23"), "{refusal}");
    // A scheduler has its certificate in its kubeconfig.
    let plan = bench.manifest(KubeScheduler, argument("--profiling=false"));
    let refusal = bench.refusal(&plan).unwrap();
    assert!(
        refusal.contains("scheduler.conf") && refusal.contains("expired on 2027-11-23"),
        "{refusal}"
    );
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
            |text| text.replace("client-certificate-data: ", "client-certificate-data: AAAA"),
            "its client certificate cannot be read",
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
fn links_are_followed_as_the_container_does() {
    let ca = "/etc/kubernetes/pki/ca.crt";
    let table: &[(&str, &str, &str)] = &[
        ("beside it", "real.crt", ""),
        ("by a path both know", "/etc/kubernetes/pki/real.crt", ""),
        ("up and down", "../pki/real.crt", ""),
        ("to where no volume reaches", "/etc/pki/real.crt", "which the container will not see"),
        ("to itself", "ca.crt", "there is no such file"),
    ];
    for (name, target, wanted) in table {
        let bench = Bench::new();
        let text = bench.node.text(ca).unwrap();
        for real in ["/etc/kubernetes/pki/real.crt", "/etc/pki/real.crt"] {
            bench.put(real, &text);
        }
        bench.node.tree().remove(ca).unwrap();
        bench.node.tree().put_link(ca, target);
        expect(name, profiling(&bench), wanted);
    }
}

#[test]
fn a_container_of_another_user_must_be_able_to_read() {
    let bench = Bench::new();
    let rootless = |text: &str| {
        argument("--profiling=false")(text)
            .replace("  securityContext:\n", "  securityContext:\n    runAsUser: 2000\n")
    };
    let plan = bench.manifest(KubeScheduler, rootless);
    expect(
        "root's own",
        bench.refusal(&plan),
        "which user 2000, as whom the container runs, may not read (0600 0:0)",
    );
    bench.node.files().set_owner("/etc/kubernetes/scheduler.conf", 2000, 2000).unwrap();
    expect("its own", bench.refusal(&plan), "");
}
