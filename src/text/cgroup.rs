//! `/proc/PID/cgroup` and `/proc/PID/stat`.
//!
//! Owns what the place of a process in the cgroup tree tells of who started it. Version 1 and 2 and
//! both drivers of the kubelet are read alike: what counts are the names of the path's segments.

/// What a cgroup path tells of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// Pod uid as written: 32 hex digits for a static pod, a UUID (dashes or underscores) for others.
    pub pod: Option<String>,
    /// systemd service unit.
    pub unit: Option<String>,
    /// It lives in a container of another tool than this host's kubelet (Docker, Podman, LXC), which
    /// may hold a whole node of its own: pod and unit then are that node's.
    pub nested: bool,
}

/// Reads `/proc/PID/cgroup`: v1 and v2, systemd and cgroupfs drivers.
///
/// The outermost names count: a pod that holds another cluster is a pod of this host first.
pub fn membership(text: &str) -> Membership {
    let mut best = Membership::default();
    for line in text.lines() {
        // hierarchy id, controllers, path: the path may hold colons.
        let Some(path) = line.splitn(3, ':').nth(2) else { continue };
        let found = read_path(path);
        if best.pod.is_none() && found.pod.is_some() {
            best.pod = found.pod;
        }
        if best.unit.is_none() && found.unit.is_some() {
            best.unit = found.unit;
        }
        best.nested |= found.nested;
    }
    best
}

fn read_path(path: &str) -> Membership {
    let mut found = Membership::default();
    for segment in path.split('/') {
        if let Some(pod) = pod_uid(segment) {
            found.pod = Some(pod.to_owned());
            break;
        }
        if is_container(segment) {
            found.nested = true;
        } else if found.unit.is_none() && is_service(segment) {
            found.unit = Some(segment.to_owned());
        }
    }
    found
}

/// The pod uid of `pod<uid>`, `kubepods-burstable-pod<uid>.slice` and
/// `kubepods-burstable-pod<uid>.slice:cri-containerd:<id>`.
fn pod_uid(segment: &str) -> Option<&str> {
    let segment = segment.split(':').next().unwrap_or(segment);
    let uid = match segment.strip_suffix(".slice") {
        Some(slice) if slice.contains("kubepods") => slice.rsplit_once("-pod")?.1,
        Some(_) => return None,
        None => segment.strip_prefix("pod")?,
    };
    is_pod_uid(uid).then_some(uid)
}

fn is_pod_uid(uid: &str) -> bool {
    is_static_pod(uid) || is_uuid(uid)
}

fn is_uuid(uid: &str) -> bool {
    uid.len() == 36
        && uid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => matches!(byte, b'-' | b'_'),
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_service(segment: &str) -> bool {
    segment.strip_suffix(".service").is_some_and(|name| !name.is_empty())
}

/// A container of Docker, Podman, CRI-O or LXC that is not in a pod.
fn is_container(segment: &str) -> bool {
    let scope = segment.strip_suffix(".scope").unwrap_or(segment);
    let id = scope.rsplit_once('-').map_or(scope, |(_, id)| id);
    let is_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id || segment.starts_with("lxc.payload")
}

/// A pod uid of a static pod: 32 hex digits (md5 or fnv128a), no dashes.
pub fn is_static_pod(uid: &str) -> bool {
    uid.len() == 32 && uid.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Start time in clock ticks: field 22 of `/proc/PID/stat`, counted after the last `)` of the command name.
pub fn start_time(stat: &str) -> Option<u64> {
    field(stat, 22)
}

/// Process id of the parent: field 4 of `/proc/PID/stat`.
pub fn parent(stat: &str) -> Option<u32> {
    field(stat, 4)
}

fn field<T: std::str::FromStr>(stat: &str, number: usize) -> Option<T> {
    // The command name is the second field and may hold blanks and parentheses itself.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "2b6aae3df1852cc7043f7618430ee72f";
    const UUID: &str = "11111111-2222-4333-8444-555555555555";
    const ID: &str = "757e4eeface9fca64575a284ecd183e418db8654a6a5590869c4fa2f055c4dfa";

    #[test]
    fn pods_and_units_of_every_driver_and_version() {
        let dashes = UUID;
        let lines = UUID.replace('-', "_");
        let lines = lines.as_str();
        let burst = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod";
        let kubelet = "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice";
        let cases = [
            // version 2, systemd driver
            (format!("0::{burst}{HASH}.slice/cri-containerd-{ID}.scope"), Some(HASH), None, false),
            (
                format!("0::/kubepods.slice/kubepods-pod{HASH}.slice/crio-{ID}.scope"),
                Some(HASH),
                None,
                false,
            ),
            (
                format!("0::{burst}{lines}.slice/cri-containerd-{ID}.scope"),
                Some(lines),
                None,
                false,
            ),
            // version 2, cgroupfs driver
            (format!("0::/kubepods/burstable/pod{HASH}/{ID}"), Some(HASH), None, false),
            (format!("0::/kubepods/besteffort/pod{dashes}/{ID}"), Some(dashes), None, false),
            // version 1: many lines
            (
                format!(
                    "12:cpuset:/kubepods/pod{HASH}/{ID}\n1:name=systemd:/kubepods/pod{HASH}/{ID}\n0::/"
                ),
                Some(HASH),
                None,
                false,
            ),
            // kubelet with systemd driver, containerd with cgroupfs driver
            (
                format!(
                    "0::/system.slice/containerd.service/kubepods-burstable-pod{HASH}.slice:cri-containerd:{ID}"
                ),
                Some(HASH),
                Some("containerd.service"),
                false,
            ),
            // a kubelet with a cgroup root of its own
            (
                format!(
                    "0::{kubelet}/kubelet-kubepods-besteffort-pod{lines}.slice/cri-containerd-{ID}.scope"
                ),
                Some(lines),
                None,
                false,
            ),
            // seen from a cgroup namespace
            (format!("0::/../../kubepods/burstable/pod{HASH}/{ID}"), Some(HASH), None, false),
            // services
            ("0::/system.slice/kubelet.service".into(), None, Some("kubelet.service"), false),
            ("0::/system.slice/kubelet.service/main".into(), None, Some("kubelet.service"), false),
            (
                "1:name=systemd:/system.slice/k3s.service\n0::/\n".into(),
                None,
                Some("k3s.service"),
                false,
            ),
            ("0::/init.scope".into(), None, None, false),
            ("0::/user.slice/user-0.slice/session-3.scope".into(), None, None, false),
            // a whole node in a container, and one in a pod
            (
                format!("0::/system.slice/docker-{ID}.scope/system.slice/kubelet.service"),
                None,
                Some("kubelet.service"),
                true,
            ),
            (
                format!("0::/docker/{ID}/kubelet/kubepods/burstable/pod{HASH}/{ID}"),
                Some(HASH),
                None,
                true,
            ),
            (
                format!("0::/machine.slice/libpod-{ID}.scope/kubepods/pod{HASH}/x"),
                Some(HASH),
                None,
                true,
            ),
            (format!("0::/lxc.payload.node1/kubepods/pod{HASH}/x"), Some(HASH), None, true),
            (
                format!("0::{burst}{lines}.slice/cri-containerd-{ID}.scope{burst}{HASH}.slice/x"),
                Some(lines),
                None,
                false,
            ),
            // names that only look alike
            ("0::/pod1/podman".into(), None, None, false),
            ("0::/kubepods-burstable-podshort.slice".into(), None, None, false),
            (format!("0::/other-pod{HASH}.slice"), None, None, false),
            (String::new(), None, None, false),
            ("no colons".into(), None, None, false),
        ];
        for (text, pod, unit, nested) in cases {
            let expected =
                Membership { pod: pod.map(str::to_owned), unit: unit.map(str::to_owned), nested };
            assert_eq!(membership(&text), expected, "{text}");
        }
    }

    #[test]
    fn only_hashes_are_static_pods() {
        for (uid, expected) in
            [(HASH, true), (UUID, false), ("", false), (&HASH[1..], false), (ID, false)]
        {
            assert_eq!(is_static_pod(uid), expected, "{uid}");
        }
        assert!(!is_static_pod("g2b6aae3df1852cc7043f7618430ee72"));
    }

    #[test]
    fn fields_are_counted_after_the_command_name() {
        let stat =
            "2037 (kube-apiserver) S 1 2037 2037 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 9 0 9100 0 0";
        assert_eq!((start_time(stat), parent(stat)), (Some(9100), Some(1)));
        let odd = "7 (a) b (c) d) R 6 7 7 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0 18446744073709551615 5";
        assert_eq!((start_time(odd), parent(odd)), (Some(u64::MAX), Some(6)));
        for broken in ["", "7 (x", "7 (x)", "7 (x) R", "7 (x) R x"] {
            assert_eq!((start_time(broken), parent(broken)), (None, None), "{broken}");
        }
    }
}
