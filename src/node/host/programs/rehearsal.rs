//! A second API server beside the running one, with the planned arguments.
//!
//! As measured (`facts` 0): the running one's own program and files, a spare port of the loopback, no
//! endpoints, no audit log. It needs some 300 MB on a small cluster and as much as the running one on a large
//! one. What it reads is the running container's view: mounts and files the change brings are not there yet,
//! and then nothing is rehearsed.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use crate::{
    model::facts::{Container, Mount, Probe},
    node::{ProbeAnswer, Trial},
    text::flags,
};

/// How long it may take until all its probes are good; a small one takes 3 s.
pub(in crate::node) const READY: Duration = Duration::from_secs(120);

/// How long it may answer 401: an API server answers 403 and 500 while it starts, never 401.
pub(in crate::node) const UNKNOWN: Duration = Duration::from_secs(15);

/// Time between two looks.
pub(in crate::node) const LOOK: Duration = Duration::from_millis(100);

/// Memory that must stay free beside it, in bytes.
const SPARE: u64 = 1 << 30;

/// What a fresh one took, in bytes.
const MEASURED: u64 = 263 << 20;

/// The flag that decides how everything is stored: nothing is started with another value than the real one's.
const ENCRYPTION: &str = "encryption-provider-config";

/// What is planned, and what runs now.
#[derive(Debug)]
pub(in crate::node) struct Situation<'s> {
    /// Arguments and mounts of the planned container.
    pub(in crate::node) args: &'s [String],
    pub(in crate::node) mounts: &'s [Mount],
    /// Those of them that are something else in the running container.
    pub(in crate::node) differing: &'s [&'s Mount],
    /// Paths of other files the change writes.
    pub(in crate::node) written: &'s [String],
    /// Arguments of the running process, its mounts (`/proc/PID/mountinfo`) and its memory in bytes.
    pub(in crate::node) running: &'s [String],
    pub(in crate::node) mountinfo: &'s str,
    pub(in crate::node) resident: u64,
    /// `/proc/meminfo`.
    pub(in crate::node) meminfo: &'s str,
}

impl Situation<'_> {
    /// What stands in the way of a rehearsal.
    pub(in crate::node) fn obstacle(&self) -> Option<String> {
        if flags::value(self.args, ENCRYPTION) != flags::value(self.running, ENCRYPTION) {
            return Some("a change of encryption at rest is never rehearsed".to_owned());
        }
        if let Some(mount) = self.mounts.iter().find(|mount| !self.is_mounted(&mount.container)) {
            let place = &mount.container;
            return Some(format!("the running container has no mount at {place} yet"));
        }
        if let Some(Mount { container, host: Some(host), .. }) = self.differing.first() {
            return Some(format!(
                "the running container has something else at {container} than {host}, as is planned"
            ));
        }
        let seen = |path: &&String| {
            self.mounts
                .iter()
                .any(|mount| mount.host.as_deref().is_some_and(|host| below(host, path)))
        };
        if let Some(path) = self.written.iter().find(seen) {
            return Some(format!("{path} is part of the change and not written yet"));
        }
        let needed = SPARE + MEASURED.max(self.resident);
        match available(self.meminfo) {
            Some(free) if free >= needed => None,
            Some(free) => Some(format!(
                "{} MiB of memory are available and {} MiB are needed",
                free >> 20,
                needed >> 20
            )),
            None => Some("/proc/meminfo does not tell how much memory is available".to_owned()),
        }
    }

    fn is_mounted(&self, place: &str) -> bool {
        let place = match place.trim_end_matches('/') {
            "" => "/",
            place => place,
        };
        // id, parent, device, root, mount point, …; blanks in names are written \040.
        self.mountinfo
            .lines()
            .any(|line| line.split(' ').nth(4).is_some_and(|at| at.replace("\\040", " ") == place))
    }
}

/// Whether a path is this folder or below it.
fn below(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder.trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Bytes of memory a new program can have without others being pushed out.
pub(in crate::node) fn available(meminfo: &str) -> Option<u64> {
    kilobytes(meminfo, "MemAvailable:")
}

/// Bytes of memory a process has, from its `/proc/PID/status`.
pub(in crate::node) fn resident(status: &str) -> u64 {
    kilobytes(status, "VmRSS:").unwrap_or(0)
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The planned arguments as they are rehearsed.
pub(in crate::node) fn arguments(args: &[String], port: u16) -> Vec<String> {
    let mut args = flags::without(args, |name| {
        // The policy stays: it must be there and be read.
        name.starts_with("audit-log-")
            || name.starts_with("audit-webhook-")
            || matches!(
                name,
                "bind-address"
                    | "secure-port"
                    | "permit-port-sharing"
                    | "permit-address-sharing"
                    | "endpoint-reconciler-type"
            )
    });
    args.extend([
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        "--endpoint-reconciler-type=none".to_owned(),
    ]);
    args
}

/// The container's own probes, each request once, on the port of the rehearsal.
pub(in crate::node) fn probes(planned: &Container, port: u16) -> Vec<Probe> {
    const PATIENCE: u32 = 5;
    let mut probes: Vec<Probe> = Vec::new();
    for probe in [&planned.startup, &planned.liveness, &planned.readiness].into_iter().flatten() {
        let host = Some("127.0.0.1".to_owned());
        let timeout = probe.timeout.min(PATIENCE);
        let probe = Probe { host, port, timeout, ..probe.clone() };
        let target = |probe: &Probe| (probe.path.clone(), probe.tls, probe.headers.clone());
        if !probes.iter().any(|known| target(known) == target(&probe)) {
            probes.push(probe);
        }
    }
    probes
}

/// What its end says, and its last words; an error is what kept it from being tried.
pub(in crate::node) fn judge(status: ExitStatus, said: String) -> Result<Trial, String> {
    if said.contains("address already in use") {
        return Err("its spare port was taken by another program meanwhile".to_owned());
    }
    if status.signal().is_some() || said.is_empty() {
        return Ok(Trial::Unclear { why: format!("it ended with {status}") });
    }
    Ok(Trial::rejected(said))
}

/// One that is not ready in time, and what it answered last.
pub(in crate::node) fn slow(told: &str) -> Trial {
    Trial::Unclear { why: format!("not ready within {} s: {told}", READY.as_secs()) }
}

/// Why an API server that answers this for good is refused.
pub(in crate::node) fn refused(told: &str) -> String {
    format!(
        "{told} without credentials, and the kubelet has none: it would end the API server again and again"
    )
}

/// An answer as a person reads it.
pub(in crate::node) fn told(probe: &Probe, answer: ProbeAnswer) -> String {
    let what = probe.path.as_deref().unwrap_or("its port");
    match answer {
        ProbeAnswer::Status(status) => format!("{what} answers {status}"),
        ProbeAnswer::Refused => format!("{what} is not served"),
        ProbeAnswer::TimedOut => format!("{what} does not answer in time"),
        ProbeAnswer::Broken => format!("{what} gives no answer that can be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_rehearsal_has_its_own_port_no_endpoints_and_no_audit_log() {
        let planned = "kube-apiserver --secure-port=6443 --bind-address 0.0.0.0 --audit-policy-file=/p --audit-log-path=/l --audit_log_maxage=30 --audit-webhook-config-file=/w --endpoint-reconciler-type=lease --profiling=false";
        let want = "kube-apiserver --audit-policy-file=/p --profiling=false --bind-address=127.0.0.1 --secure-port=17000 --endpoint-reconciler-type=none";
        assert_eq!(arguments(&words(planned), 17_000), words(want));
    }

    #[test]
    fn what_cannot_be_rehearsed_is_not() {
        let mount = |container: &str, host: &str| Mount {
            container: container.to_owned(),
            host: Some(host.to_owned()),
            read_only: true,
        };
        let pki = mount("/etc/kubernetes/pki", "/etc/kubernetes/pki/");
        let mountinfo = "1 0 0:1 / / rw - overlay o rw\n2 1 8:1 /x /etc/kubernetes/pki ro - ext4 d rw\n3 1 8:1 /y /with\\040blank ro - ext4 d rw\n";
        let enough = "MemTotal: 4 kB\nMemAvailable:    1400000 kB\n";
        let written = words("/etc/kubernetes/pki/new.yaml /etc/kubernetes/manifests/a.yaml");
        let running = words("kube-apiserver --v=1");
        let plain = words("kube-apiserver --v=2");
        let encrypted = words("kube-apiserver --encryption-provider-config=/e");
        let with = |args: &[String], mounts: &[Mount], written: &[String], resident, meminfo| {
            let running = &running;
            let differing = &[];
            Situation { args, mounts, differing, written, running, mountinfo, resident, meminfo }
                .obstacle()
        };
        let pkis = [pki.clone(), mount("/with blank/", "/b")];
        assert_eq!(with(&plain, &pkis, &written[1..], 0, enough), None);
        for (found, want) in [
            (
                with(&encrypted, &[], &[], 0, enough),
                "a change of encryption at rest is never rehearsed",
            ),
            (
                with(&plain, &[pki.clone(), mount("/etc/audit", "/a")], &[], 0, enough),
                "the running container has no mount at /etc/audit yet",
            ),
            (
                with(&plain, std::slice::from_ref(&pki), &written, 0, enough),
                "/etc/kubernetes/pki/new.yaml is part of the change and not written yet",
            ),
            (
                with(&plain, &[], &[], 0, "MemAvailable: 1300000 kB\n"),
                "1269 MiB of memory are available and 1287 MiB are needed",
            ),
            (
                with(&plain, &[], &[], 3 << 30, enough),
                "1367 MiB of memory are available and 4096 MiB are needed",
            ),
            (
                with(&plain, &[], &[], 0, ""),
                "/proc/meminfo does not tell how much memory is available",
            ),
        ] {
            assert_eq!(found.as_deref(), Some(want));
        }
    }

    #[test]
    fn an_end_speaks_of_the_plan_only_in_words() {
        let judged = |raw: i32, said: &str| judge(ExitStatus::from_raw(raw), said.to_owned());
        let unclear = |why: &str| Ok(Trial::Unclear { why: why.to_owned() });
        let plugin = "Error: admission-control plugin \"X\" is unknown";
        assert_eq!(judged(1 << 8, plugin), Ok(Trial::rejected(plugin)));
        assert_eq!(judged(1 << 8, ""), unclear("it ended with exit status: 1"));
        assert_eq!(
            judged(9, "I1124 etcd.go] connecting"),
            unclear("it ended with signal: 9 (SIGKILL)")
        );
        assert!(judged(1 << 8, "listen tcp: bind: address already in use").is_err());
        let slow = slow("/readyz answers 500");
        let why = "not ready within 120 s: /readyz answers 500".to_owned();
        assert_eq!(slow, Trial::Unclear { why });
    }

    #[test]
    fn memory_is_read_from_proc() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t  269312 kB\n"), 263 << 20);
        assert_eq!(resident(""), 0);
        assert_eq!(available("MemAvailable: x kB"), None);
    }
}
