//! A log, as it may look.

use super::support::at;
use crate::engine::{LogEnd, LogKind, LogLine, LogWho};

/// What was done outside: by this process, then by the one that carries a change out.
pub(crate) fn logged() -> Vec<LogLine> {
    use LogKind::{Read, Run, Sent, Written};
    let manifests = "/etc/kubernetes/manifests";
    let folder = "/var/lib/kube-temper/transactions/20261124T060000Z-aaaa";
    let tmp = format!("{manifests}/.kube-scheduler.yaml.kube-temper-tmp");
    let lines: [(LogKind, &str, String, Option<u64>, LogEnd); 10] = [
        (Read, "list", manifests.to_owned(), None, LogEnd::Done),
        (Read, "read", format!("{manifests}/kube-scheduler.yaml"), Some(1_412), LogEnd::Done),
        (Read, "read", "/proc/8123".to_owned(), Some(981), LogEnd::Done),
        (Read, "read", "/etc/kubernetes/admin.conf".to_owned(), None, LogEnd::Failed("denied")),
        (Run, "run", "/proc/700/exe --version (kubelet)".to_owned(), None, LogEnd::Done),
        (Sent, "get", "https://127.0.0.1:6443/readyz".to_owned(), None, LogEnd::Status(200)),
        (Sent, "get", "API /api/v1/pods".to_owned(), None, LogEnd::Failed("no access")),
        (Written, "create", format!("{folder}/plan.json"), Some(20_512), LogEnd::Done),
        (Written, "create", tmp, Some(1_438), LogEnd::Done),
        (Written, "write", format!("{manifests}/kube-scheduler.yaml"), None, LogEnd::Done),
    ];
    let line = |(n, (kind, verb, what, size, end))| LogLine {
        at: at(n),
        who: if n == 9 { LogWho::Guard } else { LogWho::Us },
        kind,
        verb,
        what,
        size,
        end,
        times: if n == 2 { 5 } else { 1 },
    };
    (0..).zip(lines).map(line).collect()
}
