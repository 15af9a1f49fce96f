//! Names that the components know (Kubernetes 1.25 to 1.36) and no flag parser checks: admission plugins,
//! cipher suites, and which flags name which sort of file.
//!
//! Owns the lists. Whether a name that is not in them may be used is the business of who asks.

use crate::model::Minor;

/// The newest minor of Kubernetes 1 these lists were made for: what a newer one knows is not known here.
const NEWEST: u32 = 36;

/// What is known of an admission plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// This version has it.
    Known,
    /// Only from this minor on.
    Since(u32),
    /// Only up to this minor.
    UpTo(u32),
    /// No version these lists know has it.
    Unknown,
    /// The version is newer than these lists, or not known.
    Unjudged,
}

/// What is known of an admission plugin in this version.
pub fn admission_plugin(name: &str, version: Option<Minor>) -> Plugin {
    let minor = version.filter(|version| version.major == 1).map(|version| version.minor);
    if let Some((_, last)) = GONE.iter().find(|(gone, _)| *gone == name) {
        return match minor {
            Some(minor) if minor > *last => Plugin::UpTo(*last),
            Some(_) => Plugin::Known,
            None => Plugin::Unjudged,
        };
    }
    if let Some((_, first)) = YOUNG.iter().find(|(young, _)| *young == name) {
        return match minor {
            Some(minor) if minor < *first => Plugin::Since(*first),
            Some(_) => Plugin::Known,
            None => Plugin::Unjudged,
        };
    }
    if PLUGINS.split_ascii_whitespace().any(|known| known == name) {
        return Plugin::Known;
    }
    match minor {
        Some(minor) if minor <= NEWEST => Plugin::Unknown,
        _ => Plugin::Unjudged,
    }
}

/// A cipher suite of Go's TLS, secure or not.
pub fn is_cipher_suite(name: &str) -> bool {
    CIPHERS.split_ascii_whitespace().any(|known| known == name)
}

/// HTTP/2 must be able to choose one of these (RFC 9113, 9.2.2), else a server of Go does not start when
/// its list of cipher suites leaves them out (`golang.org/x/net/http2`, `ConfigureServer`).
pub const HTTP2_SUITES: [&str; 2] =
    ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"];

/// What a file that a flag names holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Certificates of authorities.
    Authorities,
    /// A certificate, with the chain that leads to its authority.
    Certificate,
    /// A private key.
    PrivateKey,
    /// Public keys, or private keys with a public half.
    PublicKeys,
    /// A kubeconfig.
    Kubeconfig,
    /// A kubeconfig that leads to a webhook, which may ask for no credentials.
    Webhook,
    /// A configuration file.
    Document,
}

/// Flags of static pods that name a file which must be there when the component starts.
pub const FILES: [(&str, Holds); 45] = [
    ("admission-control-config-file", Holds::Document),
    ("allow-metric-labels-manifest", Holds::Document),
    ("audit-policy-file", Holds::Document),
    ("audit-webhook-config-file", Holds::Webhook),
    ("authentication-config", Holds::Document),
    ("authentication-kubeconfig", Holds::Kubeconfig),
    ("authentication-token-webhook-config-file", Holds::Webhook),
    ("authorization-config", Holds::Document),
    ("authorization-kubeconfig", Holds::Kubeconfig),
    ("authorization-policy-file", Holds::Document),
    ("authorization-webhook-config-file", Holds::Webhook),
    ("cert-file", Holds::Certificate),
    ("client-ca-file", Holds::Authorities),
    ("cluster-signing-cert-file", Holds::Certificate),
    ("cluster-signing-key-file", Holds::PrivateKey),
    ("config", Holds::Document),
    ("config-file", Holds::Document),
    ("egress-selector-config-file", Holds::Document),
    ("encryption-provider-config", Holds::Document),
    ("etcd-cafile", Holds::Authorities),
    ("etcd-certfile", Holds::Certificate),
    ("etcd-keyfile", Holds::PrivateKey),
    ("key-file", Holds::PrivateKey),
    ("kubeconfig", Holds::Kubeconfig),
    ("kubelet-certificate-authority", Holds::Authorities),
    ("kubelet-client-certificate", Holds::Certificate),
    ("kubelet-client-key", Holds::PrivateKey),
    ("oidc-ca-file", Holds::Authorities),
    ("peer-cert-file", Holds::Certificate),
    ("peer-client-cert-file", Holds::Certificate),
    ("peer-client-key-file", Holds::PrivateKey),
    ("peer-key-file", Holds::PrivateKey),
    ("peer-trusted-ca-file", Holds::Authorities),
    ("proxy-client-cert-file", Holds::Certificate),
    ("proxy-client-key-file", Holds::PrivateKey),
    ("requestheader-client-ca-file", Holds::Authorities),
    ("root-ca-file", Holds::Authorities),
    ("service-account-key-file", Holds::PublicKeys),
    ("service-account-private-key-file", Holds::PrivateKey),
    ("service-account-signing-key-file", Holds::PrivateKey),
    ("tls-cert-file", Holds::Certificate),
    ("tls-private-key-file", Holds::PrivateKey),
    ("token-auth-file", Holds::Document),
    ("tracing-config-file", Holds::Document),
    ("trusted-ca-file", Holds::Authorities),
];

/// Flags of a certificate and of its private key.
pub const PAIRS: [(&str, &str); 8] = [
    ("cert-file", "key-file"),
    ("cluster-signing-cert-file", "cluster-signing-key-file"),
    ("etcd-certfile", "etcd-keyfile"),
    ("kubelet-client-certificate", "kubelet-client-key"),
    ("peer-cert-file", "peer-key-file"),
    ("peer-client-cert-file", "peer-client-key-file"),
    ("proxy-client-cert-file", "proxy-client-key-file"),
    ("tls-cert-file", "tls-private-key-file"),
];

/// Plugins that are no more, with the last minor that has them (`CHANGELOG-1.25`, `-1.30`, `-1.31`).
const GONE: [(&str, u32); 3] =
    [("PersistentVolumeLabel", 30), ("PodSecurityPolicy", 24), ("SecurityContextDeny", 29)];

/// Plugins that came after 1.25, with the first minor that has them (`pkg/kubeapiserver/options/plugins.go`).
const YOUNG: [(&str, u32); 5] = [
    ("ClusterTrustBundleAttest", 27),
    ("MutatingAdmissionPolicy", 32),
    ("NodeDeclaredFeatureValidator", 35),
    ("PodTopologyLabels", 33),
    ("ValidatingAdmissionPolicy", 26),
];

/// Admission plugins every version since 1.25 has.
const PLUGINS: &str = "
AlwaysAdmit AlwaysDeny AlwaysPullImages CertificateApproval CertificateSigning
CertificateSubjectRestriction DefaultIngressClass DefaultStorageClass DefaultTolerationSeconds
DenyServiceExternalIPs EventRateLimit ExtendedResourceToleration ImagePolicyWebhook
LimitPodHardAntiAffinityTopology LimitRanger MutatingAdmissionWebhook NamespaceAutoProvision
NamespaceExists NamespaceLifecycle NodeRestriction OwnerReferencesPermissionEnforcement
PersistentVolumeClaimResize PodNodeSelector PodSecurity PodTolerationRestriction Priority
ResourceQuota RuntimeClass ServiceAccount StorageObjectInUseProtection TaintNodesByCondition
ValidatingAdmissionWebhook
";

/// Cipher suites of Go's TLS, secure and insecure (`k8s.io/component-base/cli/flag/ciphersuites_flag.go`).
const CIPHERS: &str = "
TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256
TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256
TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA
TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305
TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 TLS_ECDHE_ECDSA_WITH_RC4_128_SHA
TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
TLS_ECDHE_RSA_WITH_RC4_128_SHA TLS_RSA_WITH_3DES_EDE_CBC_SHA TLS_RSA_WITH_AES_128_CBC_SHA
TLS_RSA_WITH_AES_128_CBC_SHA256 TLS_RSA_WITH_AES_128_GCM_SHA256 TLS_RSA_WITH_AES_256_CBC_SHA
TLS_RSA_WITH_AES_256_GCM_SHA384 TLS_RSA_WITH_RC4_128_SHA
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_belong_to_versions() {
        let table = [
            ("NodeRestriction", "1.36", Plugin::Known),
            ("NodeRestrictions", "1.36", Plugin::Unknown),
            ("NodeRestrictions", "1.37", Plugin::Unjudged),
            ("PodSecurityPolicy", "1.36", Plugin::UpTo(24)),
            ("PodSecurityPolicy", "1.25", Plugin::UpTo(24)),
            ("PodSecurityPolicy", "1.24", Plugin::Known),
            ("SecurityContextDeny", "1.29", Plugin::Known),
            ("SecurityContextDeny", "1.30", Plugin::UpTo(29)),
            ("MutatingAdmissionPolicy", "1.31", Plugin::Since(32)),
            ("MutatingAdmissionPolicy", "1.37", Plugin::Known),
            ("noderestriction", "1.36", Plugin::Unknown),
        ];
        for (name, version, wanted) in table {
            assert_eq!(admission_plugin(name, version.parse().ok()), wanted, "{name} {version}");
        }
        assert_eq!(admission_plugin("PodSecurityPolicy", None), Plugin::Unjudged);
        assert_eq!(admission_plugin("EventRateLimit", None), Plugin::Known);
    }

    #[test]
    fn every_pair_is_of_known_files() {
        let holds = |flag| FILES.iter().find(|(name, _)| *name == flag).map(|(_, holds)| *holds);
        for (certificate, key) in PAIRS {
            assert_eq!(holds(certificate), Some(Holds::Certificate), "{certificate}");
            assert_eq!(holds(key), Some(Holds::PrivateKey), "{key}");
        }
    }
}
