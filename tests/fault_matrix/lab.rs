//! A node in a cluster on which things happen at given times.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use kube_temper::{
    apply::{self, Refusal},
    cluster::simulated::SimCluster,
    model::{Order, Outcome, Plan, Record, RecordKind, TransactionId},
    node::{
        Clock, Node,
        fault::{Fault, Faults},
        recording::Recording,
        sim::{SimNode, VirtualClock},
    },
    store::{Journal, Store},
};

use crate::machine::purpose;

/// Something somebody does.
pub(crate) type Deed = Arc<dyn Fn(&Lab) + Send + Sync>;

/// When it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Seconds after the transaction began.
    Begun(u64),
    /// Seconds after the first file was written.
    Applied(u64),
    /// Seconds after a person was asked.
    Waiting(u64),
    /// Seconds after it began to be put back.
    RollingBack(u64),
}

/// A virtual clock with an agenda.
struct Agenda {
    clock: VirtualClock,
    lab: Mutex<Weak<Lab>>,
    deeds: Mutex<VecDeque<(When, Deed)>>,
}

impl std::fmt::Debug for Agenda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agenda")
    }
}

impl Clock for Agenda {
    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
        let first = self.deeds.lock().unwrap().front().cloned();
        let (Some((when, deed)), Some(lab)) = (first, self.lab.lock().unwrap().upgrade()) else {
            return;
        };
        if lab.is_time(when) {
            self.deeds.lock().unwrap().pop_front();
            deed(&lab);
        }
    }
}

/// A node under test.
pub(crate) struct Lab {
    pub(crate) node: Arc<SimNode>,
    pub(crate) cluster: Arc<SimCluster>,
    pub(crate) clock: VirtualClock,
    pub(crate) faults: Faults,
}

/// How a transaction went.
pub(crate) struct Done {
    pub(crate) outcome: Outcome,
    pub(crate) records: Vec<Record>,
}

impl Done {
    /// Everything a person was told, one line per record.
    pub(crate) fn told(&self) -> String {
        let lines = self.records.iter().map(|record| format!("{} {:?}", record.at, record.kind));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Lab {
    /// A recorded node; `deeds` are done in order, each when its time has come.
    pub(crate) fn new(recording: &Recording, seed: u64, deeds: Vec<(When, Deed)>) -> Arc<Self> {
        Self::faulty(recording, seed, deeds, Fault::Never)
    }

    pub(crate) fn faulty(
        recording: &Recording,
        seed: u64,
        deeds: Vec<(When, Deed)>,
        fault: Fault,
    ) -> Arc<Self> {
        let clock = VirtualClock::default();
        let agenda = Arc::new(Agenda {
            clock: clock.clone(),
            lab: Mutex::default(),
            deeds: Mutex::new(deeds.into()),
        });
        let node = Arc::new(SimNode::new(recording, agenda.clone(), seed).unwrap());
        let cluster = Arc::new(SimCluster::new(node.clone()));
        let lab = Arc::new(Self { node, cluster, clock, faults: Faults::new(fault) });
        *agenda.lab.lock().unwrap() = Arc::downgrade(&lab);
        lab
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        match Store::new(self.node.as_ref()).list().unwrap().pop() {
            Some(id) => Journal::read(self.node.as_ref(), &id).unwrap().records,
            None => Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> TransactionId {
        Store::new(self.node.as_ref()).list().unwrap().pop().unwrap()
    }

    fn is_time(&self, when: When) -> bool {
        let (seconds, wanted): (u64, fn(&RecordKind) -> bool) = match when {
            When::Begun(s) => (s, |kind| matches!(kind, RecordKind::Begun { .. })),
            When::Applied(s) => (s, |kind| matches!(kind, RecordKind::Applied { .. })),
            When::Waiting(s) => (s, |kind| matches!(kind, RecordKind::Waiting { .. })),
            When::RollingBack(s) => (s, |kind| matches!(kind, RecordKind::RollingBack { .. })),
        };
        let records = self.records();
        records.iter().find(|record| wanted(&record.kind)).is_some_and(|record| {
            self.clock.now().duration_since(record.at).as_secs_f64() >= seconds as f64
        })
    }

    /// Runs a transaction to its end, or says why it was refused.
    pub(crate) fn run(&self, plan: &Plan, order: Option<Order>) -> Result<Done, Refusal> {
        let node: Arc<dyn Node> = Arc::new(self.node.with_faults(&self.faults));
        let order = order.unwrap_or_else(|| Order::from(purpose(plan)));
        let transaction = apply::begin(&node, plan, order)?;
        let id = transaction.id().clone();
        let outcome = transaction.in_cluster(Some(self.cluster.clone())).run();
        let records = Journal::read(self.node.as_ref(), &id).unwrap().records;
        Ok(Done { outcome, records })
    }
}
