//! etcd is told by variables too; an argument outdoes them.

use kube_temper::model::Component::Etcd;

use crate::{Bench, expect};

#[test]
fn variables_of_etcd_are_settings_too() {
    let table = [
        (("ETCD_TRUSTED_CA_FILE", "/etc/kubernetes/pki/etcd/ca.crt"), "trusted-ca-file", ""),
        (
            ("ETCD_TRUSTED_CA_FILE", "/etc/kubernetes/pki/etcd/none.crt"),
            "trusted-ca-file",
            "ETCD_TRUSTED_CA_FILE names /etc/kubernetes/pki/etcd/none.crt, and there is no such file",
        ),
        // An argument outdoes it.
        (("ETCD_TRUSTED_CA_FILE", "/etc/kubernetes/pki/etcd/none.crt"), "", ""),
        (
            ("ETCD_PEER_CERT_FILE", "/etc/kubernetes/pki/etcd/odd.crt"),
            "peer-cert-file",
            "ETCD_PEER_CERT_FILE names /etc/kubernetes/pki/etcd/odd.crt: it holds no certificate",
        ),
        (("ETCD_CIPHER_SUITES", "TLS_NULL"), "", "ETCD_CIPHER_SUITES names TLS_NULL"),
        (
            ("ETCD_LISTEN_METRICS_URLS", "http://10.77.0.10:2381"),
            "listen-metrics-urls",
            "ETCD_LISTEN_METRICS_URLS is http://10.77.0.10:2381",
        ),
    ];
    for ((name, value), gone, wanted) in table {
        let bench = Bench::new();
        bench.put("/etc/kubernetes/pki/etcd/odd.crt", "none");
        let env = format!("    - name: {name}\n      value: {value}\n");
        let plan = bench.manifest(Etcd, |text| {
            let kept = text
                .lines()
                .filter(|line| gone.is_empty() || !line.contains(&format!("- --{gone}=")))
                .map(|line| format!("{line}\n"));
            kept.collect::<String>().replacen(
                "    image:",
                &format!("    env:\n{env}    image:"),
                1,
            )
        });
        expect(&format!("{name}={value}"), bench.refusal(&plan), wanted);
    }
}
