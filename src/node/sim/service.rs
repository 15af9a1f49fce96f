//! The kubelet as a service: what it is started with, whether it can use its configuration, and what
//! its service manager does when it cannot.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    super::{Files as _, ProbeAnswer, memory::MemoryFiles},
    clock,
    events::{Cause, What},
    probes::KUBELET_ANSWERS,
    queue::Timer,
    table::Found,
    world::World,
};
use crate::{
    model::{
        Component, Digest, FileKind,
        facts::{KubeletLayer, Parsed, Probe, TextFile},
    },
    text,
};

/// Folders of units, strongest first.
const UNIT_FOLDERS: [&str; 3] =
    ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// From the restart to the new process.
const START: Duration = Duration::from_millis(300);

/// From a process to its first reading of the manifest folder.
const FIRST_LIST: Duration = Duration::from_millis(1500);

/// From a process to its first answer of the API server.
const CONNECT: Duration = Duration::from_secs(2);

/// A kubelet that cannot use its configuration exits after this.
const EXIT: Duration = Duration::from_secs(1);

/// The unit's `RestartSec`.
const RESTART: Duration = Duration::from_secs(10);

/// Its ports: health on the loopback, everything with credentials, and the one for readers without.
const HEALTH_PORT: u16 = 10_248;
const PORT: u16 = 10_250;
const READ_ONLY_PORT: u16 = 10_255;

/// Largest configuration file that is read.
const LIMIT: u64 = 1 << 20;

/// The kubelet's process and what it was started with.
#[derive(Debug, Default)]
pub(super) struct Service {
    /// Counts starts; timers of an earlier kubelet are ignored.
    pub(super) kubelet: u64,
    pub(super) pid: Option<u32>,
    since: Duration,
    /// It could use its configuration.
    usable: bool,
    /// It has reached the API server since its start.
    pub(super) connected: bool,
    /// The folder it takes static pods from.
    pub(super) manifest_dir: Option<String>,
    opens: Opens,
}

/// What a kubelet tells whom.
#[derive(Debug, Clone, Copy, Default)]
struct Opens {
    /// It lets anybody ask.
    anonymous: bool,
    /// Its port for readers without credentials is open.
    read_only: bool,
}

impl Service {
    /// The recorded kubelet, running and connected for long.
    pub(super) fn recorded(found: Option<&Found>, tree: &MemoryFiles) -> Self {
        let Some(found) = found else { return Self::default() };
        let config = Config::read(tree, &found.argv).ok();
        let opens = config.as_ref().map(|config| config.opens).unwrap_or_default();
        Self {
            opens,
            kubelet: 1,
            pid: Some(found.pid),
            since: found.start,
            usable: true,
            connected: true,
            manifest_dir: config.and_then(|config| config.manifest_dir),
        }
    }

    /// It runs and does its work.
    pub(super) fn works(&self) -> bool {
        self.pid.is_some() && self.usable
    }

    /// How one of its own ports answers a request without credentials; `None` for other ports.
    pub(super) fn answer(&self, probe: &Probe, now: Duration) -> Option<ProbeAnswer> {
        let healthy = self.healthy(now);
        let status = |status: u16| {
            Some(if healthy { ProbeAnswer::Status(status) } else { ProbeAnswer::Refused })
        };
        match probe.port {
            HEALTH_PORT => status(200),
            PORT => status(match (self.opens.anonymous, probe.path.as_deref()) {
                (false, Some(_)) => 401,
                (true, Some(_)) => 403,
                (_, None) => 200,
            }),
            READ_ONLY_PORT if self.opens.read_only => status(200),
            READ_ONLY_PORT => Some(ProbeAnswer::Refused),
            _ => None,
        }
    }

    /// Its health endpoint answers.
    pub(super) fn healthy(&self, now: Duration) -> bool {
        self.works() && now.saturating_sub(self.since) >= KUBELET_ANSWERS
    }
}

/// What a kubelet reads when it starts.
#[derive(Debug)]
struct Config {
    manifest_dir: Option<String>,
    text: String,
    opens: Opens,
}

impl Config {
    /// Reads configuration file and drop-ins as these arguments say; the error is why it would exit.
    fn read(tree: &MemoryFiles, argv: &[String]) -> Result<Self, String> {
        let flag = |name: &str| text::flags::value(argv, name);
        let mut layers = Vec::new();
        let mut all = String::new();
        for (path, drop_in) in config_paths(tree, flag("config"), flag("config-dir").as_deref()) {
            let text = read_text(tree, &path)
                .ok_or_else(|| format!("failed to load kubelet config file, path: {path}"))?;
            let (fields, _) = text::kubelet::parse(&text)
                .map_err(|problem| format!("failed to load {path}: {problem}"))?;
            let named = fields.get("kind").and_then(Value::as_str) == Some("KubeletConfiguration")
                && fields.get("apiVersion").is_some();
            if !named {
                return Err(format!(
                    "failed to load {path}: no KubeletConfiguration (drop-in: {drop_in})"
                ));
            }
            all.push_str(&text);
            all.push('\n');
            layers.push(KubeletLayer {
                path,
                file: None,
                fields: Parsed::Ok { value: fields },
                duplicate_keys: Vec::new(),
            });
        }
        let fields = text::kubelet::effective(&layers);
        check(tree, &fields)?;
        let folder = text::yaml::at(&fields, "staticPodPath").and_then(Value::as_str);
        let manifest_dir = flag("pod-manifest-path").or_else(|| folder.map(str::to_owned));
        let at = |path: &str| text::yaml::at(&fields, path);
        let anonymous = at("authentication.anonymous.enabled").and_then(Value::as_bool);
        let port = at("readOnlyPort").and_then(Value::as_u64).unwrap_or_default();
        Ok(Self {
            manifest_dir: manifest_dir.filter(|path| !path.is_empty()),
            text: all,
            opens: Opens { anonymous: anonymous.unwrap_or_default(), read_only: port != 0 },
        })
    }
}

/// Why a kubelet cannot use the configuration these arguments name.
pub(super) fn unusable(tree: &MemoryFiles, argv: &[String]) -> Option<String> {
    Config::read(tree, argv).err()
}

/// What the kubelet validates, as far as an edit can break it.
fn check(tree: &MemoryFiles, fields: &Value) -> Result<(), String> {
    let authority = text::yaml::at(fields, "authentication.x509.clientCAFile");
    if let Some(path) = authority.and_then(Value::as_str).filter(|path| !path.is_empty())
        && tree.stat(path).ok().flatten().is_none()
    {
        return Err(format!("unable to load client CA file {path}: no such file"));
    }
    Ok(())
}

/// The configuration file, then `*.conf` of the drop-in folder in order; `true` for a drop-in.
fn config_paths(
    tree: &MemoryFiles,
    config: Option<String>,
    folder: Option<&str>,
) -> Vec<(String, bool)> {
    let drop_ins = folder.iter().flat_map(|folder| {
        let entries = tree.list(folder).unwrap_or_default().into_iter();
        entries
            .filter(|entry| is_drop_in(&entry.name))
            .map(move |entry| (format!("{folder}/{}", entry.name), true))
    });
    config.into_iter().map(|path| (path, false)).chain(drop_ins).collect()
}

/// Names of drop-ins end in `.conf`, in small letters.
fn is_drop_in(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension == "conf")
}

fn read_text(tree: &MemoryFiles, path: &str) -> Option<String> {
    String::from_utf8(tree.read(path, LIMIT).ok()?).ok()
}

fn text_file(tree: &MemoryFiles, path: &str) -> Option<TextFile> {
    let text = read_text(tree, path)?;
    let path = tree.resolve(path).ok()?;
    Some(TextFile { path, digest: Digest::of(text.as_bytes()), text })
}

/// The kubelet's unit and its drop-ins, in the order systemd reads them.
fn units(tree: &MemoryFiles) -> Vec<TextFile> {
    let unit = UNIT_FOLDERS.iter().find_map(|f| text_file(tree, &format!("{f}/kubelet.service")));
    let mut drop_ins: BTreeMap<String, TextFile> = BTreeMap::new();
    for folder in UNIT_FOLDERS {
        let folder = format!("{folder}/kubelet.service.d");
        for entry in tree.list(&folder).unwrap_or_default() {
            let wanted = is_drop_in(&entry.name) && entry.kind != FileKind::Directory;
            if wanted && let Some(file) = text_file(tree, &format!("{folder}/{}", entry.name)) {
                drop_ins.entry(entry.name).or_insert(file);
            }
        }
    }
    unit.into_iter().chain(drop_ins.into_values()).collect()
}

/// What the service manager starts now.
fn start_argv(tree: &MemoryFiles) -> Option<Vec<String>> {
    let units = units(tree);
    let known = text::unit::specifiers("kubelet.service", "");
    let env: Vec<TextFile> = text::unit::environment_files(&units, &known)
        .into_iter()
        .filter_map(|(path, _)| text_file(tree, &path))
        .collect();
    let args = text::unit::start_args(&units, &env, &known).ok()??;
    Some(args.into_iter().map(|arg| arg.text).collect())
}

impl World {
    /// `systemctl restart kubelet`: the old process ends, the new one comes a moment later.
    pub(super) fn restart_kubelet(&mut self) {
        self.kubelet_ends(Cause::Service);
        let kubelet = self.service.kubelet;
        self.after(START, Timer::KubeletStarts { kubelet });
    }

    /// The kubelet ends and stays away.
    pub(super) fn stop_kubelet(&mut self) {
        self.kubelet_ends(Cause::Killed);
    }

    fn kubelet_ends(&mut self, cause: Cause) {
        if let Some(pid) = self.service.pid.take() {
            self.table.remove(pid);
            self.tell(What::Stopped { component: Component::Kubelet, pid, cause });
        }
        let manifest_dir = self.service.manifest_dir.take();
        let kubelet = self.service.kubelet + 1;
        self.service = Service { kubelet, manifest_dir, ..Service::default() };
    }

    /// The service manager starts a kubelet.
    pub(super) fn kubelet_starts(&mut self, kubelet: u64) {
        if kubelet != self.service.kubelet || self.service.pid.is_some() {
            return;
        }
        let tree = Arc::clone(&self.tree);
        let Some(argv) = start_argv(&tree) else {
            return self.after(RESTART, Timer::KubeletStarts { kubelet });
        };
        let component = Component::Kubelet;
        let skip = self.chance.below(40);
        let pid = self.table.add(component, &argv, None, self.now, skip);
        self.tell(What::Started { component, pid, pod: None, cause: Cause::Service });
        self.service.pid = Some(pid);
        self.service.since = self.now;
        let config = Config::read(&tree, &argv).and_then(|config| {
            match self.rules.why_kubelet_ends(&argv, &config.text) {
                None => Ok(config),
                Some(why) => Err(why),
            }
        });
        match config {
            Ok(config) => {
                self.forget_pods();
                self.service.usable = true;
                self.service.manifest_dir = config.manifest_dir;
                self.service.opens = config.opens;
                self.after(FIRST_LIST, Timer::Relist { kubelet });
                self.after(CONNECT, Timer::KubeletConnects { kubelet });
            }
            Err(why) => self.after(EXIT, Timer::KubeletExits { kubelet, why }),
        }
    }

    /// A kubelet that starts knows no pod by memory: of those without a process it begins anew.
    fn forget_pods(&mut self) {
        for slot in self.slots.values_mut() {
            slot.next = None;
            slot.pod.take_if(|pod| pod.running.is_none());
        }
        self.back_off.clear();
    }

    /// What the kubelet's service said since then.
    pub(super) fn kubelet_said(&self, since: Timestamp) -> String {
        let mut said = String::new();
        for event in &self.log {
            if clock::wall(self.begun + event.at) < since {
                continue;
            }
            if let Some((Component::Kubelet, _)) = event.started() {
                said += "I1124 server.go] \"Kubelet version\"\n";
            }
            if let Some((Component::Kubelet, Cause::Crash(why))) = event.stopped() {
                let _ = writeln!(
                    said,
                    "E1124 run.go] \"command failed\" err=\"{why}\"\nkubelet.service: Main process exited, code=exited, status=1/FAILURE"
                );
            }
        }
        said
    }

    /// A kubelet exits and is started again later.
    pub(super) fn kubelet_exits(&mut self, kubelet: u64, why: String) {
        if kubelet == self.service.kubelet {
            self.kubelet_ends(Cause::Crash(why));
            let kubelet = self.service.kubelet;
            self.after(RESTART, Timer::KubeletStarts { kubelet });
        }
    }

    /// The kubelet reaches the API server: from now on it ends pods too.
    pub(super) fn kubelet_connects(&mut self, kubelet: u64) {
        let up = self.api.up_since.is_some();
        if kubelet != self.service.kubelet || !self.service.works() || !up {
            return;
        }
        let first = !self.service.connected;
        self.service.connected = true;
        if first {
            let forgets = self.forgets_ready;
            for pod in self.slots.values_mut().filter_map(|slot| slot.pod.as_mut()) {
                pod.ready = pod.ready && !forgets;
            }
            self.reconcile();
        }
        for pod in self.slots.keys().cloned().collect::<Vec<_>>() {
            self.publish(&pod);
        }
    }
}
