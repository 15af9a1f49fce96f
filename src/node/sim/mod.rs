//! A simulated node: a recorded tree with a simulated kubelet, for tests and the demo.
//!
//! The kubelet tells the same story as the real ones that were measured: the same order of events,
//! times within the spread that was seen. Everything is in memory, nothing runs in the background:
//! whoever looks (files, probes, pod status) lets it catch up with the clock first.
//!
//! | module | owns |
//! |---|---|
//! | `world` | the machine: what it is now, what is going to happen |
//! | `store` | which pods the manifest folder asks for |
//! | `pods` | pods and their processes |
//! | `crashes` | what a component refuses to start with |
//! | `probes` | how components answer, and what the kubelet concludes |
//! | `etcd` | what etcd answers to whoever wants a snapshot |
//! | `programs` | what the components' own programs say of a change before it is made |
//! | `api` | what the API server knows, and what its absence does |
//! | `logs` | what containers say, below `/var/log/pods` |
//! | `leases` | who renews a lease, and when it last did |
//! | `view` | what the simulated API server answers from |
//! | `service` | the kubelet's own process and configuration |
//! | `table` | `/proc` |
//! | `files` | the tree, with the kubelet watching |
//! | `events` | the log for tests |
//! | `clock` | the two clocks |

mod api;
mod clock;
mod crashes;
mod etcd;
mod events;
mod files;
mod leases;
mod logs;
mod pods;
mod probes;
mod programs;
mod queue;
mod service;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod view;
mod world;

pub use clock::{HurriedClock, VirtualClock};
pub use etcd::EtcdFault;
pub use events::{Cause, Event, What};
pub use view::SimLease;
pub use world::Pace;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use self::{etcd::SimEtcd, files::SimFiles, programs::SimPrograms, world::World};
use super::{
    Clock, Etcd, Files, KubeletView, Lock, Node, NodeError, NodeErrorKind, NodeKind, PodStatus,
    ProbeAnswer, Programs,
    fault::{Faults, FaultyFiles},
    memory::{MemoryFiles, MemoryLock, Snapshot},
    recording::Recording,
};
use crate::model::{Component, FileMeta, facts::Probe};

/// The machine with its clock.
#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    clock: Arc<dyn Clock>,
}

impl Shared {
    /// The machine as it is now.
    fn world(&self) -> MutexGuard<'_, World> {
        let now = self.clock.monotonic();
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(now);
        world
    }
}

/// A recorded node with a simulated kubelet, in memory.
#[derive(Debug)]
pub struct SimNode {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    tree: Arc<MemoryFiles>,
    files: Arc<dyn Files>,
    state: Arc<dyn Files>,
    /// Both trees without faults in front of them.
    sound: [Arc<dyn Files>; 2],
    lock: MemoryLock,
    kubelet: SimKubelet,
    etcd: SimEtcd,
    programs: SimPrograms,
    version: String,
}

impl SimNode {
    /// A recorded node on this clock. The seed decides everything that is chance.
    pub fn new(recording: &Recording, clock: Arc<dyn Clock>, seed: u64) -> Result<Self, NodeError> {
        let version = recording.name.split('-').nth(1).unwrap_or_default();
        Ok(Self::of(recording.files()?, version, clock, seed))
    }

    /// A recorded node on a hurried clock: the demo's.
    pub fn demo(recording: &Recording, factor: u32) -> Result<Self, NodeError> {
        Self::new(recording, Arc::new(HurriedClock::new(factor)), 1)
    }

    /// A node of these files (with a `/proc`), whose kubelet has this version (`1.36.2`).
    pub fn of(files: MemoryFiles, version: &str, clock: Arc<dyn Clock>, seed: u64) -> Self {
        let tree = Arc::new(files);
        let world = World::new(Arc::clone(&tree), version.parse().ok(), clock.monotonic(), seed);
        let shared = Arc::new(Shared { world: Mutex::new(world), clock: Arc::clone(&clock) });
        let files: Arc<dyn Files> = Arc::new(SimFiles::new(&shared));
        let state: Arc<dyn Files> = Arc::new(MemoryFiles::new());
        Self {
            kubelet: SimKubelet { shared: Arc::clone(&shared) },
            etcd: SimEtcd::new(Arc::clone(&shared)),
            programs: SimPrograms::new(Arc::clone(&shared), Arc::clone(&tree)),
            sound: [Arc::clone(&files), Arc::clone(&state)],
            shared,
            clock,
            tree,
            files,
            state,
            lock: MemoryLock::default(),
            version: format!("Kubernetes v{version}"),
        }
    }

    /// Lets a component crash whenever one of its arguments holds this text. For the kubelet a line
    /// of its configuration counts too.
    pub fn crash_on(&self, component: Component, text: &str) {
        self.shared.world().rules.add(component, text);
    }

    /// Lets the API server answer 401 to whoever has no credentials, whenever one of its arguments holds
    /// this text, and never before it really runs.
    pub fn lock_out_on(&self, text: &str) {
        self.shared.world().rules.add_lock(text);
    }

    /// The same machine seen by a process that meets these faults, in the trees `files` and `state`.
    #[must_use]
    pub fn with_faults(&self, faults: &Faults) -> Self {
        let [files, state] = &self.sound;
        let mut node = self.another_process();
        node.files = Arc::new(FaultyFiles::new("files", Arc::clone(files), faults));
        node.state = Arc::new(FaultyFiles::new("state", Arc::clone(state), faults));
        node
    }

    /// The same machine seen by another process after this one died: no faults, and its lock is free.
    #[must_use]
    pub fn another_process(&self) -> Self {
        let [files, state] = &self.sound;
        Self {
            shared: Arc::clone(&self.shared),
            clock: Arc::clone(&self.clock),
            tree: Arc::clone(&self.tree),
            files: Arc::clone(files),
            state: Arc::clone(state),
            sound: self.sound.clone(),
            lock: MemoryLock::default(),
            kubelet: SimKubelet { shared: Arc::clone(&self.shared) },
            etcd: SimEtcd::new(Arc::clone(&self.shared)),
            programs: self.programs.clone(),
            version: self.version.clone(),
        }
    }

    /// The node's tree, past the kubelet: what is written here is noticed at its next full reading.
    pub fn tree(&self) -> &Arc<MemoryFiles> {
        &self.tree
    }

    /// The node's files as they are now, without `/proc` and without the logs of containers.
    pub fn snapshot(&self) -> Snapshot {
        drop(self.shared.world());
        self.tree.snapshot().without("/proc").without(logs::FOLDER)
    }

    /// Everything that happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.shared.world().log.clone()
    }

    /// How often a component's process began for this reason.
    pub fn starts(&self, component: Component, cause: &Cause) -> usize {
        self.events().iter().filter(|event| event.started() == Some((component, cause))).count()
    }

    /// Ends a component's process from outside; its container begins again.
    pub fn kill(&self, component: Component) {
        let mut world = self.shared.world();
        if let Some(instance) = world.process(component).map(|running| running.instance) {
            world.ended(instance, Cause::Killed);
        }
    }

    /// A component's process goes on living and is not ready any more; the next one is.
    pub fn sicken(&self, component: Component) {
        let mut world = self.shared.world();
        if let Some(instance) = world.process(component).map(|running| running.instance) {
            world.unready.insert(instance);
        }
    }

    /// Replaces a file as a careful person would: mode and owner kept, a file with a leading dot
    /// renamed over it. A new file gets mode 0600.
    pub fn replace(&self, path: &str, text: &str) -> Result<(), NodeError> {
        let [files, _] = &self.sound;
        let meta = match files.stat(path)? {
            Some(stat) => {
                FileMeta { mode: stat.mode, uid: stat.uid, gid: stat.gid, xattrs: BTreeMap::new() }
            }
            None => FileMeta { mode: 0o600, uid: 0, gid: 0, xattrs: BTreeMap::new() },
        };
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        let temporary = format!("{folder}/.{name}.new");
        files.create(&temporary, text.as_bytes(), &meta)?;
        files.rename(&temporary, path)
    }

    /// The text of one of the node's files.
    pub fn text(&self, path: &str) -> Result<String, NodeError> {
        let [files, _] = &self.sound;
        Ok(String::from_utf8_lossy(&files.read(path, 10 << 20)?).into_owned())
    }
}

impl Node for SimNode {
    fn kind(&self) -> NodeKind {
        NodeKind::Simulated
    }

    fn files(&self) -> &dyn Files {
        self.files.as_ref()
    }

    fn state(&self) -> &dyn Files {
        self.state.as_ref()
    }

    fn state_dir(&self) -> String {
        "/var/lib/kube-temper".to_owned()
    }

    fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    fn uid(&self) -> u32 {
        0
    }

    fn lock(&self) -> Result<Box<dyn Lock>, NodeError> {
        self.lock.take("another run in this process")
    }

    fn kubelet(&self) -> Option<&dyn KubeletView> {
        Some(&self.kubelet)
    }

    fn programs(&self) -> Option<&dyn Programs> {
        Some(&self.programs)
    }

    fn etcd(&self) -> Option<&dyn Etcd> {
        Some(&self.etcd)
    }

    fn kubelet_version(&self, pid: u32) -> Result<Option<String>, NodeError> {
        let running = self.shared.world().service.pid;
        Ok(Some(self.version.clone()).filter(|_| running == Some(pid)))
    }
}

/// The simulated kubelet, to be asked.
#[derive(Debug)]
struct SimKubelet {
    shared: Arc<Shared>,
}

impl KubeletView for SimKubelet {
    fn pod_status(&self, component: Component) -> Result<Option<PodStatus>, NodeError> {
        let world = self.shared.world();
        Ok(world.api.status(component).filter(|_| world.service.works()))
    }

    fn probe(&self, probe: &Probe) -> ProbeAnswer {
        self.shared.world().answer(probe)
    }

    fn restart(&self) -> Result<(), NodeError> {
        let mut world = self.shared.world();
        if world.service.kubelet == 0 {
            let kind = NodeErrorKind::Other("this node has no kubelet".to_owned());
            return Err(NodeError {
                operation: "restart",
                path: "kubelet.service".to_owned(),
                kind,
            });
        }
        world.restart_kubelet();
        Ok(())
    }

    fn log(&self, since: Timestamp) -> Result<Option<String>, NodeError> {
        Ok(Some(self.shared.world().kubelet_said(since)))
    }

    fn healthy(&self) -> bool {
        let world = self.shared.world();
        world.service.healthy(world.now)
    }
}
