//! The process table: `/proc` of the simulated tree.
//!
//! A new process looks like the recorded one of its component, with another pid, start time, argument
//! vector, pod and container.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::super::{Files as _, memory::MemoryFiles};
use crate::model::{Component, Digest};

/// Clock ticks per second in `/proc/PID/stat`.
const TICKS: u64 = 100;

/// Largest file of `/proc` that is read.
const LIMIT: u64 = 1 << 20;

/// The parts of a recorded process that its successors keep.
#[derive(Debug, Clone, Default)]
struct Template {
    exe: String,
    environ: Vec<u8>,
    cgroup: String,
    pod: Option<String>,
}

/// A process found in a recording.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) pid: u32,
    pub(super) start: Duration,
    pub(super) argv: Vec<String>,
    pub(super) pod: Option<String>,
}

#[derive(Debug)]
pub(super) struct Table {
    tree: Arc<MemoryFiles>,
    last_pid: u32,
    templates: BTreeMap<Component, Template>,
}

impl Table {
    /// Reads the recorded `/proc`.
    pub(super) fn read(tree: &Arc<MemoryFiles>) -> (Self, BTreeMap<Component, Found>) {
        let mut table = Self { tree: Arc::clone(tree), last_pid: 4000, templates: BTreeMap::new() };
        let mut found = BTreeMap::new();
        for entry in tree.list("/proc").unwrap_or_default() {
            let Ok(pid) = entry.name.parse::<u32>() else { continue };
            table.last_pid = table.last_pid.max(pid);
            let argv = table.argv(pid);
            let component = argv
                .first()
                .and_then(|program| program.rsplit('/').next())
                .and_then(Component::from_binary);
            let Some(component) = component else { continue };
            let template = table.template(pid);
            let process = Found { pid, start: table.start(pid), argv, pod: template.pod.clone() };
            table.templates.insert(component, template);
            found.insert(component, process);
        }
        (table, found)
    }

    fn text(&self, pid: u32, name: &str) -> String {
        let bytes = self.tree.read(&format!("/proc/{pid}/{name}"), LIMIT).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn argv(&self, pid: u32) -> Vec<String> {
        let text = self.text(pid, "cmdline");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    /// Field 22 of `stat`, counted after the command name, in clock ticks after boot.
    fn start(&self, pid: u32) -> Duration {
        let stat = self.text(pid, "stat");
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 =
            fields.split_whitespace().nth(19).and_then(|t| t.parse().ok()).unwrap_or(0);
        Duration::from_millis(ticks * 1000 / TICKS)
    }

    fn template(&self, pid: u32) -> Template {
        let cgroup = self.text(pid, "cgroup");
        Template {
            exe: self.tree.read_link(&format!("/proc/{pid}/exe")).unwrap_or_default(),
            environ: self.tree.read(&format!("/proc/{pid}/environ"), LIMIT).unwrap_or_default(),
            pod: pod_of(&cgroup),
            cgroup,
        }
    }

    /// Adds a process and answers its pid, which is higher than all before. `skip` are the pids
    /// other programs took in between.
    pub(super) fn add(
        &mut self,
        component: Component,
        argv: &[String],
        pod: Option<&str>,
        now: Duration,
        skip: u32,
    ) -> u32 {
        self.last_pid += 1 + skip;
        let pid = self.last_pid;
        let template = self.templates.get(&component).cloned().unwrap_or_default();
        let name: String = component.as_str().chars().take(15).collect();
        let ticks = u64::try_from(now.as_millis()).unwrap_or(u64::MAX) / (1000 / TICKS);
        let folder = format!("/proc/{pid}");
        self.tree.put_dir(&folder, 0o555);
        let put = |file: &str, mode: u32, bytes: &[u8]| {
            self.tree.put_file(&format!("{folder}/{file}"), mode, bytes);
        };
        let cmdline: String = argv.iter().flat_map(|arg| [arg.as_str(), "\0"]).collect();
        put("cmdline", 0o444, cmdline.as_bytes());
        put("comm", 0o644, format!("{name}\n").as_bytes());
        put("environ", 0o400, &template.environ);
        put("cgroup", 0o444, template.cgroup_of(pod, pid).as_bytes());
        let stat = format!(
            "{pid} ({name}) S 1 {pid} {pid} 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 9 0 {ticks} 0 0\n"
        );
        put("stat", 0o444, stat.as_bytes());
        let status = format!(
            "Name:\t{name}\nState:\tS (sleeping)\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t1\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"
        );
        put("status", 0o444, status.as_bytes());
        let exe = match template.exe.as_str() {
            "" => format!("/usr/local/bin/{component}"),
            recorded => recorded.to_owned(),
        };
        self.tree.put_link(&format!("{folder}/exe"), &exe);
        pid
    }

    /// Removes a process.
    pub(super) fn remove(&self, pid: u32) {
        self.tree.remove_tree(&format!("/proc/{pid}"));
    }

    /// Writes `/proc/uptime`.
    pub(super) fn set_uptime(&self, now: Duration) {
        let seconds = now.as_secs();
        let hundredths = now.subsec_millis() / 10;
        let text = format!("{seconds}.{hundredths:02} {seconds}.{hundredths:02}\n");
        self.tree.put_file("/proc/uptime", 0o444, text);
    }
}

impl Template {
    /// The recorded cgroup with the new pod and a container id of its own.
    fn cgroup_of(&self, pod: Option<&str>, pid: u32) -> String {
        let Some(pod) = pod else { return self.cgroup.clone() };
        let container = Digest::of(format!("{pod}/{pid}").as_bytes()).0;
        let Some(recorded) = &self.pod else {
            return format!(
                "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod}.slice/cri-containerd-{container}.scope\n"
            );
        };
        let text = self.cgroup.replace(recorded.as_str(), pod);
        let old = text.split(|c: char| !c.is_ascii_hexdigit()).find(|part| part.len() == 64);
        match old {
            Some(old) => text.replace(old, &container),
            None => text,
        }
    }
}

/// The static pod's hash in a cgroup path.
fn pod_of(cgroup: &str) -> Option<String> {
    cgroup
        .split("pod")
        .filter_map(|part| part.get(..32))
        .find(|hash| hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(str::to_owned)
}
