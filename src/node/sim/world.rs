//! The simulated machine: what it is now and what is going to happen.
//!
//! Its state is a function of the seed, the history of changes and the time asked for: [`World::advance`]
//! lets everything happen that is due, in order, however rarely somebody looks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    super::{Files as _, memory::MemoryFiles},
    api::Api,
    crashes::Rules,
    etcd::EtcdFault,
    events::{Cause, Event, What},
    leases::Leases,
    logs,
    pods::{Pod, Running, Slot},
    queue::{Chance, Queue, Timer},
    service::Service,
    store::{Manifest, Store},
    table::{Found, Table},
};
use crate::{
    model::{Component, Minor},
    node::etcd::EtcdMember,
};

/// How often a container ran into the back-off, and when it last ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BackOff {
    pub(super) count: u32,
}

/// How slow a machine is, in percent of the one that was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Creating a container.
    pub create: u32,
    /// From a process to its first good answer.
    pub start: u32,
    /// Ending a process; the kubelet kills what takes more than its grace period.
    pub stop: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { create: 100, start: 100, stop: 100 }
    }
}

/// So much of a time, in percent.
pub(super) fn percent(time: Duration, percent: u32) -> Duration {
    time * percent / 100
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) tree: Arc<MemoryFiles>,
    /// Time since boot that has been simulated.
    pub(super) now: Duration,
    pub(super) begun: Duration,
    pub(super) queue: Queue,
    pub(super) chance: Chance,
    pub(super) table: Table,
    pub(super) rules: Rules,
    pub(super) log: Vec<Event>,
    pub(super) store: Store,
    /// By full pod name.
    pub(super) slots: BTreeMap<String, Slot>,
    /// By pod uid: it survives the pod.
    pub(super) back_off: BTreeMap<String, BackOff>,
    pub(super) api: Api,
    pub(super) leases: Leases,
    pub(super) service: Service,
    pub(super) pace: Pace,
    /// No probe is answered before this.
    pub(super) stalled_until: Duration,
    /// What goes wrong when etcd is asked for a snapshot.
    pub(super) etcd_fault: Option<EtcdFault>,
    /// The other members of etcd, on other machines.
    pub(super) etcd_others: Vec<EtcdMember>,
    /// Processes that live and are not ready, by instance.
    pub(super) unready: BTreeSet<u64>,
    pub(super) hostname: String,
    /// A node nobody heard of for this long is not ready (`node-monitor-grace-period`).
    pub(super) grace: Duration,
    /// A kubelet that starts takes every pod for not ready at first (up to 1.34).
    pub(super) forgets_ready: bool,
    last_id: u64,
}

impl World {
    /// The machine as it was recorded, at this time since its boot.
    pub(super) fn new(
        tree: Arc<MemoryFiles>,
        minor: Option<Minor>,
        now: Duration,
        seed: u64,
    ) -> Self {
        let (table, found) = Table::read(&tree);
        let before = |minor_: u32| minor.is_some_and(|m| (m.major, m.minor) < (1, minor_));
        let hostname = tree.read("/etc/hostname", 256).unwrap_or_default();
        let mut world = Self {
            forgets_ready: before(35),
            grace: Duration::from_secs(if before(32) { 40 } else { 50 }),
            hostname: String::from_utf8_lossy(&hostname).trim().to_owned(),
            service: Service::recorded(found.get(&Component::Kubelet), &tree),
            tree,
            now,
            begun: now,
            queue: Queue::default(),
            chance: Chance::new(seed),
            table,
            rules: Rules::of(minor),
            log: Vec::new(),
            store: Store::default(),
            slots: BTreeMap::new(),
            back_off: BTreeMap::new(),
            api: Api::default(),
            leases: Leases::default(),
            pace: Pace::default(),
            stalled_until: Duration::ZERO,
            etcd_fault: None,
            etcd_others: Vec::new(),
            unready: BTreeSet::new(),
            last_id: 0,
        };
        world.tree.put_dir(logs::FOLDER, 0o755);
        world.take_over(&found);
        world
    }

    /// Finds the recorded processes in their pods, all of them long since ready.
    fn take_over(&mut self, found: &BTreeMap<Component, Found>) {
        let Some(folder) = self.service.manifest_dir.clone() else { return };
        for (component, process) in found {
            if let Some(pod) = &process.pod {
                self.store.remember(&self.tree, &folder, *component, pod);
            }
        }
        let problems = self.store.read_all(&self.tree, &folder);
        self.report(problems);
        for (name, manifest) in self.store.wanted().clone() {
            let process = manifest.component.and_then(|component| found.get(&component));
            let Some(process) = process else { continue };
            let instance = self.next_id();
            let running = Running {
                instance,
                pid: process.pid,
                since: process.start,
                argv: process.argv.clone(),
                ending: None,
            };
            let pod = Pod::ready(Arc::clone(&manifest), running, self.next_id());
            self.slots.insert(name.clone(), Slot { pod: Some(pod), ..Slot::default() });
            self.queue.add(self.now + Duration::from_secs(1), Timer::Probe { instance });
        }
        self.api.remote = !self.store.has(Component::KubeApiserver);
        self.read_certificate();
        self.api.up_since = self.api_serving().then_some(Duration::ZERO);
        self.take_over_leases();
        for name in self.slots.keys().cloned().collect::<Vec<_>>() {
            self.publish(&name);
        }
        let first = self.chance.between(1000, 20_000);
        self.queue.add(self.now + first, Timer::Relist { kubelet: self.service.kubelet });
        self.reconcile();
    }

    /// A number no process, wait or life had before.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Lets everything happen that is due by this time since boot.
    pub(super) fn advance(&mut self, until: Duration) {
        if until <= self.now && !self.queue.is_due(until) {
            return;
        }
        // What others did since the last look happened then.
        self.keep_leases();
        while let Some((at, timer)) = self.queue.next(until) {
            self.now = self.now.max(at);
            self.keep_leases();
            self.happen(timer);
            self.keep_leases();
        }
        self.now = self.now.max(until);
        self.keep_leases();
    }

    /// Adds a timer this long from now.
    pub(super) fn after(&mut self, wait: Duration, timer: Timer) {
        self.queue.add(self.now + wait, timer);
    }

    /// Writes into the log.
    pub(super) fn tell(&mut self, what: What) {
        self.log.push(Event { at: self.now.saturating_sub(self.begun), what });
    }

    /// Writes manifests the kubelet could not use into the log.
    pub(super) fn report(&mut self, problems: Vec<(String, String)>) {
        for (path, why) in problems {
            self.tell(What::Rejected { path, why });
        }
    }

    fn happen(&mut self, timer: Timer) {
        match timer {
            Timer::Relist { kubelet } => self.relist(kubelet),
            Timer::Retry { pod, wait } => self.retry(&pod, wait),
            Timer::Begin { pod, wait } => self.begin(&pod, wait),
            Timer::Again { pod, life } => self.again(&pod, life),
            Timer::Cleared { pod, life } => self.cleared(&pod, life),
            Timer::Gone { instance } => self.gone(instance),
            Timer::Exits { instance, why } => self.ended(instance, Cause::Crash(why)),
            Timer::NoEtcd { instance } => self.no_etcd(instance),
            Timer::Probe { instance } => self.probe_tick(instance),
            Timer::Publish { pod } => self.publish(&pod),
            Timer::Api => self.api_check(),
            Timer::Stale { pod } => self.stale(&pod),
            Timer::LeaseLost { outage } => self.lease_lost(outage),
            Timer::Collect { pod, uid } => self.collect_logs(&pod, &uid),
            Timer::KubeletStarts { kubelet } => self.kubelet_starts(kubelet),
            Timer::KubeletExits { kubelet, why } => self.kubelet_exits(kubelet, why),
            Timer::KubeletConnects { kubelet } => self.kubelet_connects(kubelet),
        }
    }

    /// The running processes of static pods, with their manifests.
    pub(super) fn processes(&self) -> impl Iterator<Item = (Component, &Manifest, &Running)> {
        self.slots.values().filter_map(|slot| {
            let pod = slot.pod.as_ref()?;
            Some((pod.manifest.component?, pod.manifest.as_ref(), pod.running.as_ref()?))
        })
    }

    /// The running process of a component.
    pub(super) fn process(&self, component: Component) -> Option<&Running> {
        self.processes().find(|(other, ..)| *other == component).map(|(.., running)| running)
    }

    /// Full name of the pod whose container is this process.
    pub(super) fn name_of(&self, instance: u64) -> Option<String> {
        let is_it = |slot: &Slot| {
            let running = slot.pod.as_ref().and_then(|pod| pod.running.as_ref());
            running.is_some_and(|running| running.instance == instance)
        };
        self.slots.iter().find(|(_, slot)| is_it(slot)).map(|(name, _)| name.clone())
    }
}
