//! Names, probes and the shape of a manifest.

use kube_temper::model::Component::{
    self, Etcd, KubeApiserver, KubeControllerManager, KubeScheduler,
};

use crate::{Bench, argument, expect};
use kube_temper::node::recording;

#[test]
fn one_more_argument() {
    let table: &[(Component, &str, &str)] = &[
        (KubeApiserver, "--profiling=false", ""),
        // Plugins.
        (KubeApiserver, "--disable-admission-plugins=DefaultStorageClass", ""),
        (
            KubeApiserver,
            "--disable-admission-plugins=DefaultStorageClas",
            "names DefaultStorageClas, which is no admission plugin: correct the name",
        ),
        (
            KubeApiserver,
            "--disable-admission-plugins=PodSecurityPolicy",
            "PodSecurityPolicy, which Kubernetes has no more since 1.25: leave it out",
        ),
        (
            KubeApiserver,
            "--disable-admission-plugins=NodeRestriction",
            "NodeRestriction is in --enable-admission-plugins and in --disable-admission-plugins",
        ),
        (
            KubeApiserver,
            "--enable-admission-plugins=EventRateLimit",
            "EventRateLimit, which needs its limits in --admission-control-config-file",
        ),
        // Cipher suites.
        (
            KubeApiserver,
            "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384",
            "",
        ),
        (KubeApiserver, "--tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", ""),
        (
            KubeApiserver,
            "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "leaves out what HTTP/2 needs",
        ),
        (
            KubeScheduler,
            "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "leaves out what HTTP/2 needs",
        ),
        (
            KubeScheduler,
            "--tls-cipher-suites=ECDHE-RSA-AES128-GCM-SHA256",
            "names ECDHE-RSA-AES128-GCM-SHA256, which is no cipher suite",
        ),
        (Etcd, "--cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", ""),
        (Etcd, "--cipher-suites=TLS_NULL", "--cipher-suites names TLS_NULL"),
        // Feature gates.
        (KubeControllerManager, "--feature-gates=RotateKubeletServerCertificate=true", ""),
        (
            KubeControllerManager,
            "--feature-gates=kube:RotateKubeletServerCertificate=true,AllBeta=false",
            "",
        ),
        (
            KubeControllerManager,
            "--feature-gates=RotateKubeletServerCertificate",
            "write Name=true or Name=false",
        ),
        (
            KubeControllerManager,
            "--feature-gates=RotateKubeletServerCertificate=yes",
            "write Name=true or Name=false",
        ),
        // Probes.
        (
            KubeApiserver,
            "--anonymous-auth=false",
            "livenessProbe has no credentials, would be answered with 401",
        ),
        (KubeApiserver, "--anonymous-auth=true", ""),
        (KubeApiserver, "--authorization-mode=AlwaysAllow", "answered with 401"),
        (KubeApiserver, "--bind-address=0.0.0.0", ""),
        (KubeApiserver, "--bind-address=10.77.0.10", ""),
        (
            KubeApiserver,
            "--bind-address=127.0.0.1",
            "--bind-address is 127.0.0.1, and livenessProbe asks 10.77.0.10",
        ),
        (KubeScheduler, "--bind-address=10.77.0.10", "livenessProbe asks 127.0.0.1"),
        (KubeScheduler, "--secure-port=0", "--secure-port is 0, and livenessProbe asks port 10259"),
        (Etcd, "--listen-metrics-urls=http://10.77.0.10:2381", "--listen-metrics-urls is"),
        // Files.
        (
            KubeApiserver,
            "--audit-policy-file=/etc/kubernetes/audit/policy.yaml",
            "which the container will not see: no volume of the host holds it",
        ),
        (
            KubeApiserver,
            "--audit-policy-file=/etc/kubernetes/pki/policy.yaml",
            "and there is no such file",
        ),
        (KubeApiserver, "--audit-policy-file=/etc/kubernetes/pki/etcd", "which is no file"),
        (KubeApiserver, "--audit-log-path=/etc/kubernetes/pki/audit.log", "is mounted read-only"),
        (KubeApiserver, "--audit-log-path=-", ""),
        (KubeApiserver, "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt", ""),
        (
            KubeApiserver,
            "--kubelet-certificate-authority=/etc/kubernetes/pki/sa.pub",
            "it holds no certificate",
        ),
    ];
    let bench = Bench::new();
    for (component, flag, wanted) in table {
        // A list flag is one flag: two would append.
        let plan = bench.manifest(*component, argument(flag));
        expect(flag, bench.refusal(&plan), wanted);
    }
}

#[test]
fn the_port_of_the_probes() {
    let bench = Bench::new();
    let plan =
        bench.manifest(KubeApiserver, |text| text.replace("secure-port=6443", "secure-port=7443"));
    let wanted = "--secure-port is 7443, and livenessProbe asks port 6443";
    expect("another port", bench.refusal(&plan), wanted);
    let plan = bench.manifest(KubeApiserver, |text| text.replace("6443", "7443"));
    expect("both", bench.refusal(&plan), "");
}

#[test]
fn plugins_belong_to_versions() {
    for (recording, wanted) in
        [(recording::KUBEADM_1_32_5, "only since 1.33"), (recording::KUBEADM_1_34_2, "")]
    {
        let bench = Bench::of(&recording);
        let plan = bench
            .manifest(KubeApiserver, argument("--disable-admission-plugins=PodTopologyLabels"));
        expect(recording.name, bench.refusal(&plan), wanted);
    }
}

#[test]
fn what_runs_already_is_known_to_work() {
    // Somebody's own build of the API server knows a plugin that nobody else does.
    let path = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    let bench = Bench::new();
    let own =
        bench.node.text(path).unwrap().replace("NodeRestriction", "NodeRestriction,HouseRules");
    bench.put(path, &own);
    let process = "/proc/2037/cmdline";
    let argv =
        bench.node.text(process).unwrap().replace("NodeRestriction", "NodeRestriction,HouseRules");
    bench.put(process, &argv);
    let plan = bench.manifest(KubeApiserver, argument("--profiling=false"));
    expect("their own plugin", bench.refusal(&plan), "");
    // The same in a manifest that nothing runs is only a word.
    bench.put(process, &argv.replace(",HouseRules", ""));
    expect("not running", bench.refusal_with_pending(&plan), "names HouseRules");
}

#[test]
fn authentication_configurations() {
    let all = "- path: /livez\n  - path: /readyz\n  - path: /healthz\n";
    let table = [
        ("every probe", format!("anonymous:\n  enabled: true\n  conditions:\n  {all}"), ""),
        ("no conditions", "anonymous:\n  enabled: true\n".to_owned(), ""),
        ("no anonymous", "jwt: []\n".to_owned(), ""),
        (
            "one missing",
            "anonymous:\n  enabled: true\n  conditions:\n  - path: /livez\n".to_owned(),
            "allows no anonymous requests of /readyz",
        ),
        ("off", "anonymous:\n  enabled: false\n".to_owned(), "switches anonymous requests off"),
    ];
    for (name, text, wanted) in table {
        let bench = Bench::new();
        let path = "/etc/kubernetes/pki/authn.yaml";
        bench.put(
            path,
            &format!(
                "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n{text}"
            ),
        );
        let flag = format!("--authentication-config={path}");
        let plan = bench.manifest(KubeApiserver, argument(&flag));
        expect(name, bench.refusal(&plan), wanted);
    }
    let bench = Bench::new();
    let path = "/etc/kubernetes/pki/authn.yaml";
    bench.put(path, "anonymous:\n  enabled: true\n");
    let plan = bench.manifest(KubeApiserver, |text| {
        let more = format!("--authentication-config={path}\n    - --anonymous-auth=true");
        argument(&more)(text)
    });
    expect("both", bench.refusal(&plan), "takes only one of them");
}

#[test]
fn credentials_in_the_probes_survive() {
    let bench = Bench::new();
    let header = "httpGet:\n        httpHeaders:\n        - name: Authorization\n          value: Bearer word\n";
    let plan = bench.manifest(KubeApiserver, |text| {
        argument("--anonymous-auth=false")(text).replace("httpGet:\n", header)
    });
    expect("headers", bench.refusal(&plan), "");
    let plan = bench.manifest(KubeApiserver, |text| {
        argument("--anonymous-auth=false")(text)
            .lines()
            .filter(|line| {
                !line.contains("path: /livez")
                    && !line.contains("path: /readyz")
                    && !line.contains("scheme:")
            })
            .map(|line| line.replace("httpGet:", "tcpSocket:") + "\n")
            .collect()
    });
    expect("sockets", bench.refusal(&plan), "");
}

#[test]
fn the_shape_of_a_pod() {
    let table: &[(&str, &str, &str, &str)] = &[
        (
            "uid",
            "  name: kube-apiserver\n  namespace",
            "  name: kube-apiserver\n  uid: 4f1c\n  namespace",
            "it has metadata.uid",
        ),
        (
            "no volume",
            "  - hostPath:\n      path: /etc/kubernetes/pki\n      type: DirectoryOrCreate\n    name: k8s-certs\n",
            "",
            "mounts the volume 'k8s-certs', which the pod does not have",
        ),
        (
            "twice",
            "name: k8s-certs\n  - hostPath:",
            "name: ca-certs\n  - hostPath:",
            "the volume ca-certs is there twice",
        ),
        (
            "one place",
            "mountPath: /etc/ca-certificates\n",
            "mountPath: /etc/ssl/certs\n",
            "mounts two volumes at /etc/ssl/certs",
        ),
        (
            "type",
            "path: /etc/kubernetes/pki\n      type: DirectoryOrCreate",
            "path: /etc/kubernetes/pki\n      type: File",
            "wants a File at /etc/kubernetes/pki, and it is a directory",
        ),
        (
            "missing folder",
            "path: /usr/share/ca-certificates\n      type: DirectoryOrCreate",
            "path: /usr/share/ca-certificates\n      type: Directory",
            "wants a Directory at /usr/share/ca-certificates, and there is nothing at that path",
        ),
        (
            "other path",
            "mountPath: /etc/kubernetes/pki\n",
            "mountPath: /etc/kubernetes/certs\n",
            "--client-ca-file names /etc/kubernetes/pki/ca.crt, which the container will not see",
        ),
    ];
    let bench = Bench::new();
    for (name, old, new, wanted) in table {
        let plan = bench.manifest(KubeApiserver, |text| text.replacen(old, new, 1));
        expect(name, bench.refusal(&plan), wanted);
    }
}
