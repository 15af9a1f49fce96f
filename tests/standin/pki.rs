//! Certificates and keys of a node, made once: those of a recording have lost their keys.

use std::{fs, net::IpAddr, path::Path, sync::LazyLock};

use base64ct::{Base64, Encoding as _};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};

/// A certificate and its key, in PEM.
struct Pair {
    certificate: String,
    key: String,
}

/// An authority and what it signs with.
struct Authority {
    pair: Pair,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        let pair = Pair { certificate, key: key.serialize_pem() };
        Self { pair, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, name: &str, group: &str) -> Pair {
        let mut params =
            CertificateParams::new(vec!["cp1".to_owned(), "localhost".to_owned()]).unwrap();
        for address in ["10.77.0.10", "127.0.0.1"] {
            params.subject_alt_names.push(SanType::IpAddress(address.parse::<IpAddr>().unwrap()));
        }
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, group);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// Authority, name and group of every certificate, and where a node has it.
const FILES: [(&str, &str, &str, &str); 8] = [
    ("ca", "kube-apiserver", "", "etc/kubernetes/pki/apiserver"),
    (
        "ca",
        "kube-apiserver-kubelet-client",
        "kubeadm:cluster-admins",
        "etc/kubernetes/pki/apiserver-kubelet-client",
    ),
    ("etcd", "kube-apiserver-etcd-client", "", "etc/kubernetes/pki/apiserver-etcd-client"),
    ("etcd", "cp1", "", "etc/kubernetes/pki/etcd/server"),
    ("etcd", "cp1", "", "etc/kubernetes/pki/etcd/peer"),
    ("etcd", "kube-etcd-healthcheck-client", "", "etc/kubernetes/pki/etcd/healthcheck-client"),
    ("front-proxy", "front-proxy-client", "", "etc/kubernetes/pki/front-proxy-client"),
    ("ca", "kubelet", "", "var/lib/kubelet/pki/kubelet"),
];

/// Who asks by which kubeconfig.
const CONFIGS: [(&str, &str, &str); 5] = [
    ("admin", "kubernetes-admin", "kubeadm:cluster-admins"),
    ("super-admin", "kubernetes-super-admin", "system:masters"),
    ("controller-manager", "system:kube-controller-manager", ""),
    ("scheduler", "system:kube-scheduler", ""),
    ("kubelet", "system:node:cp1", "system:nodes"),
];

struct Made {
    authorities: Vec<(&'static str, &'static str, Authority)>,
    files: Vec<(&'static str, Pair)>,
    configs: Vec<(&'static str, Pair)>,
    /// Who the stand-in's own parts are.
    standin: Vec<(&'static str, Pair)>,
    accounts: KeyPair,
}

static MADE: LazyLock<Made> = LazyLock::new(|| {
    let authorities = vec![
        ("ca", "etc/kubernetes/pki/ca", Authority::new("kubernetes")),
        ("etcd", "etc/kubernetes/pki/etcd/ca", Authority::new("etcd-ca")),
        ("front-proxy", "etc/kubernetes/pki/front-proxy-ca", Authority::new("front-proxy-ca")),
    ];
    let by = |wanted: &str| &authorities.iter().find(|(name, ..)| *name == wanted).unwrap().2;
    let files = FILES.map(|(authority, name, group, path)| (path, by(authority).sign(name, group)));
    let configs = CONFIGS.map(|(file, name, group)| (file, by("ca").sign(name, group)));
    let standin = [
        ("kubelet", by("ca").sign("system:node:cp1", "system:nodes")),
        ("controller", by("ca").sign("system:kube-scheduler", "")),
        ("component", by("front-proxy").sign("localhost", "")),
        ("apiserver", by("ca").sign("kube-apiserver", "")),
    ];
    let [files, configs, standin] = [files.into(), Vec::from(configs), Vec::from(standin)];
    Made { authorities, files, configs, standin, accounts: KeyPair::generate().unwrap() }
});

/// Puts all of them in place of what the recording has; modes and owners stay, and nothing is added.
pub(crate) fn install(root: &Path) {
    let put = |path: String, text: &str| {
        let path = root.join(path);
        if path.exists() {
            fs::write(path, text).unwrap();
        }
    };
    let pair = |path: &str, pair: &Pair| {
        put(format!("{path}.crt"), &pair.certificate);
        put(format!("{path}.key"), &pair.key);
    };
    MADE.authorities.iter().for_each(|(_, path, authority)| pair(path, &authority.pair));
    MADE.files.iter().for_each(|(path, made)| pair(path, made));
    put("etc/kubernetes/pki/sa.key".to_owned(), &MADE.accounts.serialize_pem());
    put("etc/kubernetes/pki/sa.pub".to_owned(), &MADE.accounts.public_key_pem());
    for (name, made) in &MADE.configs {
        let path = format!("etc/kubernetes/{name}.conf");
        let Ok(text) = fs::read_to_string(root.join(&path)) else { continue };
        put(path, &config(&text, made));
        if *name == "kubelet" {
            let both = format!("{}{}", made.certificate, made.key);
            put("var/lib/kubelet/pki/kubelet-client-2026-11-23-20-40-03.pem".to_owned(), &both);
        }
    }
    let own = root.join("standin/pki");
    fs::create_dir_all(&own).unwrap();
    for (name, made) in &MADE.standin {
        fs::write(own.join(format!("{name}.crt")), &made.certificate).unwrap();
        fs::write(own.join(format!("{name}.key")), &made.key).unwrap();
    }
    fs::write(own.join("ca.crt"), &MADE.authorities[0].2.pair.certificate).unwrap();
}

/// A kubeconfig with other data.
fn config(text: &str, made: &Pair) -> String {
    let data = [
        ("certificate-authority-data: ", &MADE.authorities[0].2.pair.certificate),
        ("client-certificate-data: ", &made.certificate),
        ("client-key-data: ", &made.key),
    ];
    let line = |line: &str| {
        let known = data.iter().find_map(|(name, pem)| Some((line.find(name)? + name.len(), pem)));
        match known {
            Some((end, pem)) => {
                format!("{}{}\n", &line[..end], Base64::encode_string(pem.as_bytes()))
            }
            None => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}
