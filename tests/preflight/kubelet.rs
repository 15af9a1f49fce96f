//! The kubelet's configuration, planned.

use kube_temper::model::StepTarget;

use crate::{Bench, expect};

const CONFIG: &str = "/var/lib/kubelet/config.yaml";

#[test]
fn fields_of_the_configuration() {
    let table: &[(&str, &str)] = &[
        ("podPidsLimit: 4096", ""),
        ("tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]", ""),
        (
            "tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]",
            "tlsCipherSuites leaves out what HTTP/2 needs",
        ),
        ("tlsCipherSuites: [TLS_RSA]", "tlsCipherSuites names TLS_RSA, which is no cipher suite"),
        ("featureGates: {RotateKubeletServerCertificate: true}", ""),
        (
            "featureGates: {RotateKubeletServerCertificate: 'yes'}",
            "does not start with anything but names with true or false",
        ),
        ("tlsCertFile: /var/lib/kubelet/pki/kubelet.crt", ""),
        ("tlsCertFile: pki/kubelet.crt", ""),
        (
            "tlsCertFile: /etc/pki/none.crt",
            "tlsCertFile names /etc/pki/none.crt, and there is no such file",
        ),
        ("tlsPrivateKeyFile: /var/lib/kubelet/pki/kubelet.crt", "it holds no private key"),
        ("kind: Pod", "it is a Pod"),
    ];
    let bench = Bench::new();
    for (line, wanted) in table {
        let plan = bench.change(StepTarget::Kubelet, CONFIG, |text| {
            let key = line.split(':').next().unwrap();
            let kept = text.lines().filter(|old| !old.starts_with(&format!("{key}:")));
            kept.map(|old| format!("{old}\n")).collect::<String>() + line + "\n"
        });
        expect(line, bench.refusal(&plan), wanted);
    }
}

#[test]
fn the_authority_of_clients_must_be_there() {
    let bench = Bench::new();
    let plan =
        bench.change(StepTarget::Kubelet, CONFIG, |text| text.replace("pki/ca.crt", "pki/cb.crt"));
    expect(
        "no file",
        bench.refusal(&plan),
        "authentication.x509.clientCAFile names /etc/kubernetes/pki/cb.crt",
    );
}
