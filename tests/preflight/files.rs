//! Files as the container sees them, certificates and keys.

use kube_temper::{
    model::Component::{KubeApiserver, KubeScheduler},
    node::{Files as _, recording},
};
use rcgen::{CertificateParams, KeyPair};

use crate::{Bench, argument, expect};

const CERTIFICATE: &str = "/etc/kubernetes/pki/apiserver.crt";
const KEY: &str = "/etc/kubernetes/pki/apiserver.key";

/// A certificate for a year from the day the nodes were recorded.
pub(crate) fn certificate(key: &KeyPair) -> String {
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
            "the key in /etc/kubernetes/pki/apiserver.key (--tls-private-key-file) does not belong to the certificate in /etc/kubernetes/pki/apiserver.crt (--tls-cert-file)",
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
fn certificates_for_other_names() {
    let [own, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
    let bench = Bench::new();
    let pki = "/etc/kubernetes/pki";
    bench.put(&format!("{pki}/own.crt"), &certificate(&own));
    bench.put(&format!("{pki}/own.key"), &own.serialize_pem());
    bench.put(&format!("{pki}/other.key"), &other.serialize_pem());
    let own = format!("{pki}/own.crt,{pki}/own.key");
    let table = [
        (vec![own.clone()], ""),
        (vec![format!("{own}:*.cluster.example,cluster.example")], ""),
        (vec![own.clone(), format!("{pki}/own.crt, {pki}/own.key: a")], ""),
        (
            vec![format!("{pki}/own.crt,{pki}/other.key"), own.clone()],
            "the key in /etc/kubernetes/pki/other.key (--tls-sni-cert-key) does not belong to the certificate in /etc/kubernetes/pki/own.crt (--tls-sni-cert-key)",
        ),
        (
            vec![own.clone(), format!("{pki}/none.crt,{pki}/own.key")],
            "--tls-sni-cert-key names /etc/kubernetes/pki/none.crt, and there is no such file",
        ),
        (
            vec!["/etc/other/own.crt,/etc/other/own.key".to_owned()],
            "--tls-sni-cert-key names /etc/other/own.crt, which the container will not see",
        ),
        (
            vec![format!("{pki}/own.crt")],
            "--tls-sni-cert-key is '/etc/kubernetes/pki/own.crt': write certificate,key or certificate,key:names",
        ),
    ];
    for (values, wanted) in table {
        let plan = bench.manifest(KubeApiserver, |text| {
            values.iter().fold(text.to_owned(), |text, value| {
                argument(&format!("'--tls-sni-cert-key={value}'"))(&text)
            })
        });
        expect(&values.join(" "), bench.refusal(&plan), wanted);
    }
}
