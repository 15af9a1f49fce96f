//! Command line flags as Kubernetes (pflag) and etcd (Go's `flag`) read them.
//!
//! Owns the reading of argument vectors. It does not know what a flag means, and it edits nothing.

/// One occurrence of a flag in an argument vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Index of the argument that holds its name.
    pub index: usize,
    /// How many arguments it takes: 1 for `--flag` and `--flag=value`, 2 for `--flag value`.
    pub width: usize,
    /// Its value; `true` for a bare boolean.
    pub value: String,
}

/// Flags that take no separate value: `--profiling false` is `true` and a stray word.
///
/// The boolean flags of kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy (1.25 to
/// 1.36) and etcd (3.5, 3.6) that the controls or common set-ups use. A bare flag that is not here takes the next
/// argument as its value, unless that argument looks like a flag itself.
const BOOLEANS: &[&str] = &[
    "allocate-node-cidrs",
    "allow-privileged",
    "alsologtostderr",
    "anonymous-auth",
    "audit-log-compress",
    "audit-log-truncate-enabled",
    "audit-webhook-truncate-enabled",
    "authentication-skip-lookup",
    "authentication-token-webhook",
    "authentication-tolerate-lookup-failure",
    "auto-tls",
    "bind-address-hard-fail",
    "cleanup",
    "client-cert-auth",
    "configure-cloud-routes",
    "contention-profiling",
    "cpu-cfs-quota",
    "enable-aggregator-routing",
    "enable-bootstrap-token-auth",
    "enable-controller-attach-detach",
    "enable-debugging-handlers",
    "enable-dynamic-provisioning",
    "enable-garbage-collector",
    "enable-grpc-gateway",
    "enable-leader-migration",
    "enable-logs-handler",
    "enable-pprof",
    "enable-priority-and-fairness",
    "enable-server",
    "enable-v2",
    "exit-on-lock-contention",
    "experimental-initial-corrupt-check",
    "fail-swap-on",
    "force-new-cluster",
    "init-only",
    "insecure-skip-tls-verify",
    "ipvs-strict-arp",
    "kernel-memcg-notification",
    "kubelet-https",
    "leader-elect",
    "local-storage-capacity-isolation",
    "log-flush-on-exit",
    "log-json-split-stream",
    "log-text-split-stream",
    "logtostderr",
    "make-iptables-util-chains",
    "masquerade-all",
    "one-output",
    "peer-auto-tls",
    "peer-client-cert-auth",
    "permit-address-sharing",
    "permit-port-sharing",
    "pre-vote",
    "profiling",
    "protect-kernel-defaults",
    "really-crash-for-testing",
    "register-node",
    "register-schedulable",
    "rotate-certificates",
    "rotate-server-certificates",
    "runonce",
    "seccomp-default",
    "serialize-image-pulls",
    "service-account-extend-token-expiration",
    "service-account-lookup",
    "shutdown-send-retry-after",
    "skip-headers",
    "skip-log-headers",
    "socket-reuse-address",
    "socket-reuse-port",
    "strict-reconfig-check",
    "unsafe-no-fsync",
    "use-service-account-credentials",
    "watch-cache",
];

/// A name as the Kubernetes programs compare it: they read `_` as `-`.
fn same_name(written: &str, wanted: &str) -> bool {
    written.len() == wanted.len()
        && written.bytes().zip(wanted.bytes()).all(|(a, b)| a == b || (a == b'_' && b == b'-'))
}

/// Whether an argument begins a flag. A negative number does not.
fn looks_like_flag(argument: &str) -> bool {
    argument
        .strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(|c: char| c == '-' || c.is_ascii_alphabetic()))
}

/// Every flag of an argument vector with its name as written, without dashes.
fn flags<S: AsRef<str>>(args: &[S]) -> Vec<(&str, Occurrence)> {
    let mut found = Vec::new();
    let mut rest = args.iter().map(AsRef::as_ref).enumerate().peekable();
    while let Some((index, argument)) = rest.next() {
        if argument == "--" {
            break;
        }
        if !looks_like_flag(argument) {
            continue;
        }
        let body = argument.trim_start_matches('-');
        if let Some((name, value)) = body.split_once('=') {
            found.push((name, Occurrence { index, width: 1, value: value.to_owned() }));
        } else if BOOLEANS.iter().any(|name| same_name(body, name)) {
            found.push((body, Occurrence { index, width: 1, value: "true".to_owned() }));
        } else if let Some((_, value)) = rest.next_if(|(_, next)| !looks_like_flag(next)) {
            found.push((body, Occurrence { index, width: 2, value: value.to_owned() }));
        } else {
            found.push((body, Occurrence { index, width: 1, value: "true".to_owned() }));
        }
    }
    found
}

/// Every occurrence of `--name` (also `-name`, as Go's flag package of etcd accepts it), in order.
pub fn occurrences<S: AsRef<str>>(args: &[S], name: &str) -> Vec<Occurrence> {
    flags(args)
        .into_iter()
        .filter(|(written, _)| same_name(written, name))
        .map(|(_, occurrence)| occurrence)
        .collect()
}

/// The value in force: the last occurrence wins.
pub fn value<S: AsRef<str>>(args: &[S], name: &str) -> Option<String> {
    occurrences(args, name).pop().map(|o| o.value)
}

/// The elements in force of a comma-separated list flag: occurrences append.
pub fn list<S: AsRef<str>>(args: &[S], name: &str) -> Option<Vec<String>> {
    let found = occurrences(args, name);
    if found.is_empty() {
        return None;
    }
    let elements = found.iter().flat_map(|o| o.value.split(','));
    Some(elements.filter(|element| !element.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<&str> {
        line.split(' ').collect()
    }

    #[test]
    fn the_value_in_force() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("kube-apiserver --profiling=false", "profiling", Some("false")),
            ("kube-apiserver --profiling", "profiling", Some("true")),
            ("kube-apiserver --profiling false", "profiling", Some("true")),
            (
                "kube-apiserver --authorization-mode AlwaysAllow",
                "authorization-mode",
                Some("AlwaysAllow"),
            ),
            ("kube-apiserver --authorization-mode=", "authorization-mode", Some("")),
            ("kube-apiserver", "profiling", None),
            ("kube-apiserver --profiling-path=x", "profiling", None),
            ("kube-apiserver --contention-profiling=x", "profiling", None),
            ("kube-apiserver --profiling=true --profiling=false", "profiling", Some("false")),
            ("kube-apiserver --profiling=false --profiling", "profiling", Some("true")),
            ("kube-apiserver --anonymous_auth=false", "anonymous-auth", Some("false")),
            ("kubelet --pod-max-pids -1", "pod-max-pids", Some("-1")),
            ("kubelet --unknown --profiling=false", "profiling", Some("false")),
            ("kubelet --unknown --profiling=false", "unknown", Some("true")),
            ("kubelet --a=b=c", "a", Some("b=c")),
            ("kubelet -v 2", "v", Some("2")),
            ("kubelet --v=2", "v", Some("2")),
            ("kubelet -- --profiling=false", "profiling", None),
            ("etcd -client-cert-auth -auto-tls=false", "client-cert-auth", Some("true")),
            ("etcd -client-cert-auth -auto-tls=false", "auto-tls", Some("false")),
            ("etcd -cert-file /x", "cert-file", Some("/x")),
            ("editor kube-apiserver--profiling=false", "profiling", None),
        ];
        for (line, name, expected) in table {
            assert_eq!(value(&args(line), name).as_deref(), *expected, "{name} in {line}");
        }
    }

    #[test]
    fn a_value_is_never_read_as_a_flag() {
        let line = ["kubelet", "--node-labels", "profiling=true", "profiling", "--config", "/x"];
        assert_eq!(value(&line, "profiling"), None);
        assert_eq!(value(&line, "config").as_deref(), Some("/x"));
    }

    #[test]
    fn occurrences_say_where_they_are() {
        let line = ["a", "--x", "1", "--y=2", "--profiling", "--x=3"];
        let at = |name| -> Vec<(usize, usize)> {
            occurrences(&line, name).iter().map(|o| (o.index, o.width)).collect()
        };
        assert_eq!(at("x"), [(1, 2), (5, 1)]);
        assert_eq!(at("y"), [(3, 1)]);
        assert_eq!(at("profiling"), [(4, 1)]);
    }

    #[test]
    fn list_flags_append() {
        let table: &[(&str, Option<&[&str]>)] = &[
            ("k --l=a,b", Some(&["a", "b"])),
            ("k --l=a --l b,c", Some(&["a", "b", "c"])),
            ("k --l=", Some(&[])),
            ("k --l=a, --l=", Some(&["a"])),
            ("k", None),
        ];
        for (line, expected) in table {
            let expected = expected.map(|l| l.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
            assert_eq!(list(&args(line), "l"), expected, "{line}");
        }
    }

    #[test]
    fn the_table_of_booleans_is_sorted_and_without_repetition() {
        assert!(BOOLEANS.is_sorted_by(|a, b| a < b));
    }
}
