//! Static pods: which run, which wait for their turn, and how a change of the manifest folder becomes
//! another process (`pkg/kubelet/pod_workers.go`; times measured on a real node).

use std::{sync::Arc, time::Duration};

use super::{
    events::{Cause, What},
    files::Touch,
    queue::Timer,
    store::Manifest,
    world::{World, percent},
};
use crate::{
    model::Component,
    node::{Files as _, sim::probes::READY},
};

/// Time between full readings of the manifest folder (`fileCheckFrequency`).
const RELIST: Duration = Duration::from_secs(20);

/// From the kubelet's decision to the process: sandbox and container are created.
const CREATE: (u64, u64) = (450, 650);

/// A pod that may not start yet is tried again after this (`backOffPeriod` with jitter).
const RETRY: (u64, u64) = (10_000, 15_000);

/// A pod without a process is cleaned up within this.
const CLEAR: Duration = Duration::from_millis(800);

/// Finished pods are noticed and may start again after this (housekeeping).
const HOUSEKEEPING: Duration = Duration::from_secs(2);

/// A pod whose host path is missing is tried again after this.
const BLOCKED: Duration = Duration::from_secs(30);

/// The API server drains connections this long after it was told to end.
const API_DRAIN: Duration = Duration::from_millis(30_100);

/// etcd with a connected API server needs this long to end.
const ETCD_STOP: Duration = Duration::from_secs(27);

/// What takes longer is killed (`terminationGracePeriodSeconds`, with what it takes to notice).
const GRACE: Duration = Duration::from_millis(30_100);

/// Anything else ends within this.
const STOP: Duration = Duration::from_millis(200);

/// A container that cannot start ends after this.
const CRASH: Duration = Duration::from_millis(200);

/// The logs of a pod that is gone are collected after this (at most a minute).
const COLLECT: Duration = Duration::from_secs(45);

/// A container that ran this long has its back-off forgotten.
const FORGET: Duration = Duration::from_secs(600);

/// Everything about one full pod name.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// The pod that has the name, also while it is being ended.
    pub(super) pod: Option<Pod>,
    /// The pod that gets it next.
    pub(super) next: Option<Next>,
    /// Its status is not written to the API before this.
    pub(super) held_until: Duration,
}

/// A pod that waits for its name.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) wait: u64,
    pub(super) manifest: Arc<Manifest>,
    creating: bool,
}

/// A pod the kubelet has started.
#[derive(Debug)]
pub(super) struct Pod {
    pub(super) manifest: Arc<Manifest>,
    /// This start of this pod.
    pub(super) life: u64,
    /// When its probes began to count.
    pub(super) since: Duration,
    pub(super) restarts: u32,
    /// Why its last process ended.
    last_cause: Option<Cause>,
    pub(super) running: Option<Running>,
    pub(super) terminating: bool,
    pub(super) started: bool,
    pub(super) ready: bool,
    /// Failures in a row of startup or liveness probe, and of the readiness probe.
    pub(super) failures: u32,
    pub(super) unready: u32,
}

impl Pod {
    /// A pod that has been running for long.
    pub(super) fn ready(manifest: Arc<Manifest>, running: Running, life: u64) -> Self {
        let since = running.since;
        let running = Some(running);
        Self { running, started: true, ready: true, ..Self::new(manifest, life, since) }
    }

    fn new(manifest: Arc<Manifest>, life: u64, since: Duration) -> Self {
        Self {
            manifest,
            life,
            since,
            restarts: 0,
            last_cause: None,
            running: None,
            terminating: false,
            started: false,
            ready: false,
            failures: 0,
            unready: 0,
        }
    }
}

/// The process of a container.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) instance: u64,
    pub(super) pid: u32,
    pub(super) since: Duration,
    pub(super) argv: Vec<String>,
    /// Since when it is being ended, and why.
    pub(super) ending: Option<(Duration, Cause)>,
}

impl World {
    /// A name in some folder changed: the kubelet looks when it is one of its manifests.
    pub(super) fn touched(&mut self, path: &str, touch: Touch) {
        let Some(folder) = self.service.manifest_dir.clone() else { return };
        let Some((parent, name)) = path.rsplit_once('/') else { return };
        let same = self.tree.resolve(parent).ok() == self.tree.resolve(&folder).ok();
        if name.starts_with('.') || !same || !self.service.works() {
            return;
        }
        let path = format!("{folder}/{name}");
        match touch {
            Touch::Removed => self.store.forget(&path),
            Touch::Written => {
                if let Err(why) = self.store.read_one(&self.tree, &path) {
                    self.tell(What::Rejected { path, why });
                }
            }
        }
        self.reconcile();
    }

    /// The kubelet reads the whole folder.
    pub(super) fn relist(&mut self, kubelet: u64) {
        if kubelet != self.service.kubelet {
            return;
        }
        if let Some(folder) = self.service.manifest_dir.clone() {
            let problems = self.store.read_all(&self.tree, &folder);
            self.report(problems);
            self.reconcile();
        }
        self.after(RELIST, Timer::Relist { kubelet });
    }

    /// Makes the pods follow what the folder asks for.
    pub(super) fn reconcile(&mut self) {
        let wanted = self.store.wanted().clone();
        let mut names: Vec<String> = self.slots.keys().chain(wanted.keys()).cloned().collect();
        names.sort();
        names.dedup();
        for name in names {
            self.reconcile_one(&name, wanted.get(&name));
        }
    }

    fn reconcile_one(&mut self, name: &str, wanted: Option<&Arc<Manifest>>) {
        let connected = self.service.connected;
        let slot = self.slots.entry(name.to_owned()).or_default();
        match (&mut slot.pod, wanted) {
            (Some(pod), Some(manifest)) if !pod.terminating && pod.manifest.uid == manifest.uid => {
                // With `metadata.uid` written in it, new flags wait for the next container.
                pod.manifest = Arc::clone(manifest);
                slot.next = None;
            }
            (Some(pod), wanted) => {
                // A kubelet that has not reached the API server ends no pod.
                let end = connected && !pod.terminating;
                self.wait_for_name(name, wanted);
                if end {
                    let gone = wanted.is_none();
                    self.end_pod(name, if gone { Cause::ManifestGone } else { Cause::Manifest });
                }
            }
            (None, wanted) => self.wait_for_name(name, wanted),
        }
    }

    /// Lets this pod be the next of its name; it starts at once when the name is free.
    fn wait_for_name(&mut self, name: &str, wanted: Option<&Arc<Manifest>>) {
        let wait = self.next_id();
        let retry = self.chance.between(RETRY.0, RETRY.1);
        let create = percent(self.chance.between(CREATE.0, CREATE.1), self.pace.create);
        let Some(slot) = self.slots.get_mut(name) else { return };
        let Some(manifest) = wanted else {
            slot.next = None;
            return;
        };
        if slot.next.as_ref().is_some_and(|next| next.manifest.uid == manifest.uid) {
            return;
        }
        let free = slot.pod.is_none();
        let pod = name.to_owned();
        slot.next = Some(Next { wait, manifest: Arc::clone(manifest), creating: free });
        if free {
            self.after(create, Timer::Begin { pod, wait });
        } else {
            self.after(retry, Timer::Retry { pod, wait });
        }
    }

    /// The kubelet tries a waiting pod again.
    pub(super) fn retry(&mut self, name: &str, wait: u64) {
        let retry = self.chance.between(RETRY.0, RETRY.1);
        let create = percent(self.chance.between(CREATE.0, CREATE.1), self.pace.create);
        let works = self.service.works();
        let Some(slot) = self.slots.get_mut(name) else { return };
        let taken = slot.pod.is_some();
        let Some(next) = slot.next.as_mut().filter(|next| next.wait == wait && !next.creating)
        else {
            return;
        };
        let pod = name.to_owned();
        if taken || !works {
            self.after(retry, Timer::Retry { pod, wait });
        } else {
            next.creating = true;
            self.after(create, Timer::Begin { pod, wait });
        }
    }

    /// A pod that waited gets its name and its first container.
    pub(super) fn begin(&mut self, name: &str, wait: u64) {
        if !self.service.works() {
            let pod = name.to_owned();
            return self.after(Duration::from_secs(1), Timer::Begin { pod, wait });
        }
        let life = self.next_id();
        let since = self.now.saturating_sub(Duration::from_millis(300));
        let Some(slot) = self.slots.get_mut(name) else { return };
        let Some(next) = slot.next.take_if(|next| next.wait == wait) else { return };
        slot.pod = Some(Pod::new(next.manifest, life, since));
        self.start_container(name, Cause::Manifest);
    }

    /// A container that ended gets its next process.
    pub(super) fn again(&mut self, name: &str, life: u64) {
        if !self.service.works() {
            let pod = name.to_owned();
            return self.after(Duration::from_secs(1), Timer::Again { pod, life });
        }
        let Some(pod) = self.slots.get_mut(name).and_then(|slot| slot.pod.as_mut()) else {
            return;
        };
        if pod.life != life || pod.terminating || pod.running.is_some() {
            return;
        }
        let cause = pod.last_cause.take();
        if let Some(cause) = cause {
            pod.restarts += 1;
            self.start_container(name, cause);
        } else {
            self.start_container(name, Cause::Manifest);
        }
    }

    fn start_container(&mut self, name: &str, cause: Cause) {
        let instance = self.next_id();
        let skip = self.chance.below(40);
        let Some(pod) = self.slots.get_mut(name).and_then(|slot| slot.pod.as_mut()) else {
            return;
        };
        let life = pod.life;
        let manifest = Arc::clone(&pod.manifest);
        let full = name.to_owned();
        self.after(Duration::from_millis(200), Timer::Publish { pod: full.clone() });
        let Some(component) = manifest.component else { return };
        if manifest.blocked_by(&self.tree).is_some() {
            return self.after(BLOCKED, Timer::Again { pod: full, life });
        }
        let uid = manifest.uid.as_str();
        let pid = self.table.add(component, &manifest.argv, Some(uid), self.now, skip);
        let running =
            Running { instance, pid, since: self.now, argv: manifest.argv.clone(), ending: None };
        if let Some(pod) = self.slots.get_mut(name).and_then(|slot| slot.pod.as_mut()) {
            pod.running = Some(running);
            pod.failures = 0;
            pod.unready = 0;
        }
        self.tell(What::Started { component, pid, pod: Some(uid.to_owned()), cause });
        self.log_start(name, component, &manifest);
        if let Some(why) = self.rules.why_it_ends(&self.tree, component, &manifest) {
            return self.after(CRASH, Timer::Exits { instance, why });
        }
        for wait in READY {
            self.after(percent(wait, self.pace.start), Timer::Api);
        }
        if component == Component::KubeApiserver {
            self.after(Duration::from_secs(20), Timer::NoEtcd { instance });
        }
        self.after(Duration::from_millis(700), Timer::Probe { instance });
    }

    /// Ends a pod for good.
    fn end_pod(&mut self, name: &str, cause: Cause) {
        let Some(pod) = self.slots.get_mut(name).and_then(|slot| slot.pod.as_mut()) else {
            return;
        };
        pod.terminating = true;
        let life = pod.life;
        let instance = pod.running.as_ref().map(|running| running.instance);
        match instance {
            Some(instance) => self.end_process(instance, cause),
            None => self.after(CLEAR, Timer::Cleared { pod: name.to_owned(), life }),
        }
    }

    /// Tells a process to end (SIGTERM).
    pub(super) fn end_process(&mut self, instance: u64, cause: Cause) {
        let connected = self.process(Component::KubeApiserver).is_some();
        let now = self.now;
        let Some(name) = self.name_of(instance) else { return };
        let Some(pod) = self.slots.get_mut(&name).and_then(|slot| slot.pod.as_mut()) else {
            return;
        };
        let Some(component) = pod.manifest.component else { return };
        let Some(running) = pod.running.as_mut().filter(|r| r.ending.is_none()) else { return };
        running.ending = Some((now, cause.clone()));
        let pid = running.pid;
        let stop = match component {
            Component::KubeApiserver => API_DRAIN,
            Component::Etcd if connected => ETCD_STOP,
            _ => STOP,
        };
        let stop = percent(stop, self.pace.stop).min(GRACE);
        self.tell(What::Stopping { component, pid, cause });
        self.after(stop, Timer::Gone { instance });
        self.api_check();
    }

    /// A process that was told to end is gone.
    pub(super) fn gone(&mut self, instance: u64) {
        let Some(name) = self.name_of(instance) else { return };
        let pod = self.slots.get(&name).and_then(|slot| slot.pod.as_ref());
        let ending = pod.and_then(|pod| pod.running.as_ref()?.ending.clone());
        if let Some((_, cause)) = ending {
            self.ended(instance, cause);
        }
    }

    /// A process is gone: its pod goes with it, or its container begins again.
    pub(super) fn ended(&mut self, instance: u64, cause: Cause) {
        let now = self.now;
        let Some(name) = self.name_of(instance) else { return };
        let Some(pod) = self.slots.get_mut(&name).and_then(|slot| slot.pod.as_mut()) else {
            return;
        };
        let Some(running) = pod.running.take() else { return };
        pod.started = false;
        pod.ready = false;
        pod.last_cause = Some(cause.clone());
        let (life, uid, terminating) = (pod.life, pod.manifest.uid.clone(), pod.terminating);
        if let Some(component) = pod.manifest.component {
            self.log_end(&name, component, &cause);
            self.tell(What::Stopped { component, pid: running.pid, cause });
        }
        self.table.remove(running.pid);
        self.api_check();
        if terminating {
            return self.cleared(&name, life);
        }
        let wait = self.back_off(&uid, now.saturating_sub(running.since));
        self.after(wait, Timer::Again { pod: name.clone(), life });
        self.after(Duration::from_millis(600), Timer::Publish { pod: name });
    }

    /// At once, then 10 s, 20 s and so on up to 300 s, with what the kubelet needs to notice.
    fn back_off(&mut self, uid: &str, ran: Duration) -> Duration {
        let notice = self.chance.between(1000, 2000);
        let entry = self.back_off.entry(uid.to_owned()).or_default();
        if ran > FORGET {
            entry.count = 0;
        }
        let count = entry.count;
        entry.count += 1;
        match count.checked_sub(1) {
            None => Duration::from_millis(300),
            Some(doublings) => {
                Duration::from_secs(10 << doublings.min(5)).min(Duration::from_secs(300)) + notice
            }
        }
    }

    /// A pod is gone; its name is free.
    pub(super) fn cleared(&mut self, name: &str, life: u64) {
        let create = percent(self.chance.between(CREATE.0, CREATE.1), self.pace.create);
        let Some(slot) = self.slots.get_mut(name) else { return };
        let Some(pod) = slot.pod.take_if(|pod| pod.life == life && pod.terminating) else { return };
        let full = name.to_owned();
        let (uid, gone) = (pod.manifest.uid.clone(), full.clone());
        self.queue.add(self.now + COLLECT, Timer::Collect { pod: gone, uid });
        if let Some(next) = &mut slot.next
            && next.manifest.uid == pod.manifest.uid
        {
            next.creating = true;
            let wait = next.wait;
            self.after(HOUSEKEEPING + create, Timer::Begin { pod: full.clone(), wait });
        }
        self.after(Duration::from_millis(500), Timer::Publish { pod: full });
    }

    /// An API server gives up when it found no etcd.
    pub(super) fn no_etcd(&mut self, instance: u64) {
        if !self.etcd_serving() {
            self.ended(instance, Cause::Crash("context deadline exceeded (etcd)".to_owned()));
        }
    }
}
