//! `/proc/PID/cgroup` and `/proc/PID/stat`.

/// What a cgroup path tells of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// Pod uid as written: 32 hex digits for a static pod, a UUID (dashes or underscores) for others.
    pub pod: Option<String>,
    /// systemd service unit.
    pub unit: Option<String>,
}

/// Reads `/proc/PID/cgroup`: v1 and v2, systemd and cgroupfs drivers.
pub fn membership(text: &str) -> Membership {
    let _ = text;
    todo!()
}

/// A pod uid of a static pod: 32 hex digits (md5 or fnv128a), no dashes.
pub fn is_static_pod(uid: &str) -> bool {
    uid.len() == 32 && uid.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Start time in clock ticks: field 22 of `/proc/PID/stat`, counted after the last `)` of the command name.
pub fn start_time(stat: &str) -> Option<u64> {
    let _ = stat;
    todo!()
}
