//! What the kubelet does with each static pod: ends the old one, starts the new one, asks its probes, starts
//! again what crashed.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    container::Container,
    manifest::{Pod, Probe},
    spaces::again,
    time::Since,
    wire::Caller,
};

/// `terminationGracePeriodSeconds`, where nothing sets it.
const GRACE: f64 = 30.0;

/// How long the kubelet waits before it looks again whether a pod may start: 10 to 15 s.
const BACK_OFF: f64 = 12.0;

/// The longest wait of a crash loop.
const LONGEST: f64 = 300.0;

/// A container that was started.
struct Running {
    container: Container,
    pid: i32,
    since: Since,
    stopping: Option<Since>,
    started: bool,
    ready: bool,
    asked: BTreeMap<&'static str, Asked>,
}

/// When a probe asked last, and how often in a row it failed.
struct Asked {
    at: Since,
    failures: u32,
}

/// One pod by name.
#[derive(Default)]
struct Slot {
    running: Option<Running>,
    attempt: u32,
    /// The hash the attempts are of.
    hash: String,
    /// Not to be started before: so many seconds from then on.
    waits: Option<(Since, f64)>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Pods(BTreeMap<String, Slot>);

/// What the kubelet says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) name: String,
    pub(crate) hash: String,
    pub(crate) started: bool,
    pub(crate) ready: bool,
    pub(crate) restarts: u32,
}

impl Pods {
    /// Takes over what an earlier kubelet started.
    pub(crate) fn adopt() -> Self {
        let mut pods = Self::default();
        for entry in fs::read_dir("/run/containers").into_iter().flatten().flatten() {
            let spec = fs::read(entry.path().join("spec")).unwrap();
            let container: Container = serde_json::from_slice(&spec).unwrap();
            if let Some(running) = Running::of(container) {
                let slot = pods.0.entry(running.container.component.clone()).or_default();
                (slot.attempt, slot.hash) =
                    (running.container.attempt, running.container.pod.clone());
                slot.running = Some(running);
            }
        }
        pods
    }

    /// One step towards what is wanted. Nothing is ended before an API server was reached.
    pub(crate) fn step(&mut self, wanted: &BTreeMap<String, Pod>, reached: bool) {
        for name in wanted.keys() {
            self.0.entry(name.clone()).or_default();
        }
        for (name, slot) in &mut self.0 {
            slot.step(wanted.get(name), reached);
        }
    }

    pub(crate) fn status(&self) -> Vec<Status> {
        let slots = self.0.iter();
        let running = slots.filter_map(|(name, slot)| {
            let running = slot.running.as_ref();
            Some(Status {
                name: name.clone(),
                hash: running
                    .map(|running| running.container.pod.clone())
                    .or_else(|| Some(slot.hash.clone()).filter(|hash| !hash.is_empty()))?,
                started: running.is_some_and(|running| running.started),
                ready: running.is_some_and(|running| running.ready),
                restarts: running.map_or(slot.attempt, |running| running.container.attempt),
            })
        });
        running.collect()
    }
}

impl Slot {
    fn step(&mut self, wanted: Option<&Pod>, reached: bool) {
        if let Some(running) = &mut self.running {
            if running.has_ended() {
                self.after(wanted);
            } else if wanted.is_none_or(|pod| pod.hash != running.container.pod) {
                if reached {
                    running.stop();
                }
            } else if let Some(pod) = wanted {
                running.ask(pod);
            }
            return;
        }
        let Some(pod) = wanted else { return };
        if self.waits.is_some_and(|(since, seconds)| since.seconds() < seconds) {
            return;
        }
        if self.hash != pod.hash {
            (self.hash, self.attempt) = (pod.hash.clone(), 0);
        }
        let container = Container {
            component: pod.name.clone(),
            pod: pod.hash.clone(),
            attempt: self.attempt,
            command: pod.command.clone(),
            mounts: pod.mounts.clone(),
        };
        self.running = Running::start(container);
    }

    /// It ended: as another pod takes its place, or by itself.
    fn after(&mut self, wanted: Option<&Pod>) {
        let Some(ended) = self.running.take() else { return };
        let _ = fs::remove_dir_all(ended.container.folder());
        let same = wanted.is_some_and(|pod| pod.hash == ended.container.pod);
        let seconds = if same {
            self.attempt += 1;
            // The first comes at once, then 10 s, 20 s, 40 s.
            match self.attempt {
                1 => 0.0,
                attempt => (10.0 * f64::from(1 << (attempt - 2).min(5))).min(LONGEST),
            }
        } else {
            BACK_OFF
        };
        self.waits = Some((Since::now(), seconds));
    }
}

impl Running {
    fn start(container: Container) -> Option<Self> {
        let folder = container.folder();
        fs::create_dir_all(&folder).unwrap();
        for (host, _, _) in &container.mounts {
            // `DirectoryOrCreate`.
            if !Path::new(host).exists() {
                fs::create_dir_all(host).unwrap();
            }
        }
        fs::write(folder.join("spec"), serde_json::to_string(&container).unwrap()).unwrap();
        let mut shim = again("shim");
        // It outlives the kubelet: then the first process collects it.
        let mut shim = shim.arg(&folder).stdin(Stdio::null()).spawn().unwrap();
        std::thread::spawn(move || shim.wait());
        loop {
            if let Some(running) = Self::of(container.clone()) {
                return Some(running);
            }
            std::thread::yield_now();
        }
    }

    /// A container that was begun and has a process.
    fn of(container: Container) -> Option<Self> {
        let pid = fs::read_to_string(container.folder().join("pid")).ok()?.parse().ok()?;
        Some(Self {
            container,
            pid,
            since: Since::now(),
            stopping: None,
            started: false,
            ready: false,
            asked: BTreeMap::new(),
        })
    }

    fn has_ended(&self) -> bool {
        fs::read_to_string(self.container.folder().join("end")).is_ok_and(|end| !end.is_empty())
    }

    fn signal(&self, signal: Signal) {
        // It may have ended in this moment.
        let _ = kill(Pid::from_raw(self.pid), signal);
    }

    fn stop(&mut self) {
        self.ready = false;
        match self.stopping {
            None => {
                self.stopping = Some(Since::now());
                self.signal(Signal::SIGTERM);
            }
            Some(since) if since.seconds() > GRACE => self.signal(Signal::SIGKILL),
            Some(_) => {}
        }
    }

    fn ask(&mut self, pod: &Pod) {
        if self.stopping.is_some() {
            return self.stop();
        }
        if !self.started {
            match &pod.startup {
                Some(probe) => match self.probe("startup", probe) {
                    Some(true) => self.started = true,
                    Some(false) if self.failed("startup", probe) => self.stop(),
                    _ => {}
                },
                None => self.started = true,
            }
            return;
        }
        if let Some(probe) = &pod.liveness
            && self.probe("liveness", probe) == Some(false)
            && self.failed("liveness", probe)
        {
            return self.stop();
        }
        match &pod.readiness {
            None => self.ready = true,
            Some(probe) => match self.probe("readiness", probe) {
                Some(true) => self.ready = true,
                Some(false) if self.failed("readiness", probe) => self.ready = false,
                _ => {}
            },
        }
    }

    /// Asks without credentials when it is time to.
    fn probe(&mut self, name: &'static str, probe: &Probe) -> Option<bool> {
        let last = self.asked.get(name);
        let is_time = match last {
            None => self.since.seconds() >= probe.delay,
            Some(asked) => asked.at.seconds() >= probe.period,
        };
        if !is_time {
            return None;
        }
        let answer = Caller::anonymous().get(&probe.url);
        let good = answer.is_some_and(|(status, _)| (200..400).contains(&status));
        let failures = if good { 0 } else { last.map_or(0, |asked| asked.failures) + 1 };
        self.asked.insert(name, Asked { at: Since::now(), failures });
        Some(good)
    }

    fn failed(&self, name: &str, probe: &Probe) -> bool {
        self.asked[name].failures >= probe.failures
    }
}
