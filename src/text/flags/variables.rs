//! The variables of the environment that stand for flags of etcd.

/// What of a variable's name says that its value is nobody's business.
const SECRETS: [&str; 3] = ["PASSWORD", "TOKEN", "SECRET"];

/// The variable that stands for a flag (etcd's `pkg/flags/flag.go`, `FlagToEnv`).
pub fn of_flag(flag: &str) -> String {
    format!("ETCD_{}", flag.to_uppercase().replace('-', "_"))
}

/// Whether a variable may stand for a flag of etcd and its value may be looked at.
pub fn is_ours(name: &str) -> bool {
    name.starts_with("ETCD_") && !SECRETS.iter().any(|secret| name.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(of_flag("peer-client-cert-auth"), "ETCD_PEER_CLIENT_CERT_AUTH");
        assert!(is_ours("ETCD_AUTO_TLS"));
        assert!(!is_ours("ETCD_INITIAL_CLUSTER_TOKEN") && !is_ours("PATH"));
    }
}
