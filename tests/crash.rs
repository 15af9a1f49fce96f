//! The promise under the worst case: whatever operation fails or is the last one this process ever does,
//! every file ends exactly as it was or exactly as planned, all of them on one side, and the journal says
//! on which.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::pedantic,
    unreachable_pub,
    reason = "a test stops where it cannot go on, reads its own data, and tells one story"
)]

mod machine;

use std::sync::Arc;

use kube_temper::{
    apply::{
        self,
        recover::{recover, recover_one},
    },
    model::{Keep, Order, Outcome, Plan, RecordKind, TransactionId},
    node::{
        Files as _, Node, NodeErrorKind,
        fault::{Fault, Faults, FaultyFiles},
        memory::{FixedNode, MemoryFiles, Snapshot},
    },
    store::{
        Journal, Store,
        requests::{self, Request},
    },
};
use machine::{
    Machine,
    disk::{Below, Disk},
    purpose, three_files, with_new_files,
};

/// The machine before, the plan, and the node's files before and after it.
struct Scene {
    machine: Machine,
    plan: Plan,
    before: Snapshot,
    after: Snapshot,
    /// Writing operations of an undisturbed run.
    operations: u64,
}

#[derive(Debug, PartialEq)]
enum On {
    Before,
    After,
}

impl Scene {
    fn new() -> Self {
        Self::of(three_files, 3)
    }

    /// A folder with two files comes, and the scheduler's manifest names them.
    fn creating() -> Self {
        Self::of(with_new_files, 4)
    }

    fn of(planned: fn(&Machine) -> Plan, differences: usize) -> Self {
        let machine = Machine::new();
        let plan = planned(&machine);
        let done = machine.copy();
        let (node, faults) = done.boot_faulty(Fault::Never);
        assert_eq!(run(&node, &plan), Some(Outcome::Committed));
        let (before, after) = (machine.snapshot(), done.snapshot());
        let changed = before.differences(&after);
        assert_eq!(changed.len(), differences, "{changed:#?}");
        assert!(faults.count() > 30, "{}", faults.count());
        Self { machine, plan, before, after, operations: faults.count() }
    }

    /// Which side all files are on; anything else fails the test.
    fn side(&self, machine: &Machine, what: &str) -> On {
        let now = machine.snapshot();
        if now == self.before {
            On::Before
        } else if now == self.after {
            On::After
        } else {
            panic!(
                "{what}: neither before nor after; against before: {:#?}, against after: {:#?}",
                self.before.differences(&now),
                self.after.differences(&now)
            );
        }
    }

    /// Recovers in a new process and checks everything that must hold then.
    fn recovered(&self, machine: &Machine, what: &str) -> On {
        let node = machine.boot();
        let verified = verified(node.as_ref());
        let outcomes = recover(node.as_ref()).unwrap_or_else(|error| panic!("{what}: {error}"));
        let side = self.side(machine, what);
        assert!(outcomes.len() <= 1, "{what}: {outcomes:?}");
        assert_eq!(machine.leftovers(), Vec::<String>::new(), "{what}");
        match last_outcome(node.as_ref(), what) {
            Some(Outcome::Committed) => {
                assert_eq!(side, On::After, "{what}");
                assert_eq!(verified, self.plan.steps.len(), "{what}: not all of it was proved");
            }
            Some(Outcome::Refused { .. } | Outcome::RolledBack { .. }) | None => {
                assert_eq!(side, On::Before, "{what}")
            }
            Some(stuck @ Outcome::Stuck { .. }) => panic!("{what}: {stuck:?}"),
        }
        let (files, state) = (machine.snapshot(), machine.state.snapshot());
        assert_eq!(recover(node.as_ref()).unwrap(), Vec::new(), "{what}: recovered twice");
        assert_eq!(machine.snapshot(), files, "{what}: the second recovery wrote to the node");
        assert_eq!(machine.state.snapshot(), state, "{what}: the second recovery wrote");
        side
    }
}

fn run(node: &Arc<dyn Node>, plan: &Plan) -> Option<Outcome> {
    apply::begin(node, plan, purpose(plan)).ok().map(apply::Transaction::run)
}

/// Steps that the journal says are verified.
fn verified(node: &dyn Node) -> usize {
    let Some(id) = Store::new(node).list().unwrap().pop() else { return 0 };
    let records = Journal::read(node, &id).unwrap().records;
    records.iter().filter(|record| matches!(record.kind, RecordKind::Verified { .. })).count()
}

/// How the only transaction ended; it must be whole and readable.
fn last_outcome(node: &dyn Node, what: &str) -> Option<Outcome> {
    let history = Store::new(node).history().unwrap();
    assert!(history.len() <= 1, "{what}");
    assert_eq!(Store::new(node).unfinished().unwrap(), Vec::<TransactionId>::new(), "{what}");
    let summary = history.into_iter().next()?;
    assert_eq!(summary.damage, None, "{what}");
    let journal = Journal::read(node, &summary.id).unwrap();
    assert!(!journal.torn, "{what}: the torn line is still there");
    Some(summary.outcome.unwrap_or_else(|| panic!("{what}: it did not end")))
}

fn deaths(at: u64) -> [Fault; 3] {
    [Fault::DiesBefore { at }, Fault::DiesAfter { at }, Fault::Torn { at }]
}

#[test]
fn an_operation_that_fails_is_rolled_back_at_once() {
    for scene in [Scene::new(), Scene::creating()] {
        let mut sides = Vec::new();
        for at in 1..=scene.operations {
            for kind in [NodeErrorKind::NoSpace, NodeErrorKind::ReadOnly] {
                let what = format!("operation {at} fails with {kind}");
                let machine = scene.machine.copy();
                let (node, faults) = machine.boot_faulty(Fault::Fails { at, kind });
                let outcome = run(&node, &scene.plan);
                assert!(faults.count() >= at, "{what}: it never came to that operation");
                let side = scene.side(&machine, &what);
                match outcome {
                    Some(Outcome::Committed) => assert_eq!(side, On::After, "{what}"),
                    Some(Outcome::Refused { .. } | Outcome::RolledBack { .. }) | None => {
                        assert_eq!(side, On::Before, "{what}")
                    }
                    Some(stuck @ Outcome::Stuck { .. }) => panic!("{what}: {stuck:?}"),
                }
                assert_eq!(scene.recovered(&machine, &what), side, "{what}");
                sides.push(side);
            }
        }
        let after = sides.iter().filter(|side| **side == On::After).count();
        assert_eq!(after, 2, "only the flush after the last record may fail without a rollback");
    }
}

#[test]
fn a_disk_that_stays_full_or_read_only_is_recovered_once_it_works_again() {
    for scene in [Scene::new(), Scene::creating()] {
        for at in 1..=scene.operations {
            for kind in [NodeErrorKind::NoSpace, NodeErrorKind::ReadOnly] {
                let what = format!("from operation {at} on: {kind}");
                let machine = scene.machine.copy();
                let (node, _) = machine.boot_faulty(Fault::FailsFrom { at, kind });
                let outcome = run(&node, &scene.plan);
                if let Some(Outcome::Stuck { by_hand, .. }) = &outcome {
                    assert!(
                        !by_hand.is_empty(),
                        "{what}: a person is needed and not told what to do"
                    );
                }
                scene.recovered(&machine, &what);
            }
        }
    }
}

#[test]
fn a_process_that_dies_is_recovered_by_the_next_one() {
    for scene in [Scene::new(), Scene::creating()] {
        let mut committed = 0;
        for at in 1..=scene.operations {
            for fault in deaths(at) {
                let what = format!("{fault:?}");
                let machine = scene.machine.copy();
                let (node, faults) = machine.boot_faulty(fault);
                run(&node, &scene.plan);
                assert!(faults.dead(), "{what}");
                committed += u64::from(scene.recovered(&machine, &what) == On::After);
            }
        }
        assert!((1..scene.operations).contains(&committed), "{committed}");
    }
}

#[test]
fn a_rollback_that_dies_is_finished_by_the_next_process() {
    for scene in [Scene::new(), Scene::creating()] {
        // The last record cannot be written, so that everything is rolled back from the far end.
        let inner = |at| Fault::Fails { at, kind: NodeErrorKind::NoSpace };
        let committed = scene.operations - 1;
        let whole = scene.machine.copy();
        let (node, faults) = whole.boot_twice_faulty(inner(committed), Fault::Never);
        assert!(matches!(run(&node, &scene.plan), Some(Outcome::RolledBack { .. })));
        assert!(faults.count() > scene.operations + 10, "{}", faults.count());
        for at in committed..=faults.count() {
            for fault in deaths(at) {
                let what = format!("while rolling back: {fault:?}");
                let machine = scene.machine.copy();
                let (node, faults) = machine.boot_twice_faulty(inner(committed), fault);
                run(&node, &scene.plan);
                assert!(faults.dead(), "{what}");
                scene.recovered(&machine, &what);
            }
        }
    }
}

#[test]
fn a_recovery_that_dies_is_finished_by_the_next_one() {
    for scene in [Scene::new(), Scene::creating()] {
        let mut deaths_of_recovery = 0;
        for at in 1..=scene.operations {
            let crashed = scene.machine.copy();
            let (node, _) = crashed.boot_faulty(Fault::Torn { at });
            run(&node, &scene.plan);
            for second in 1.. {
                let what = format!("dies at {at}, recovery dies at {second}");
                let machine = crashed.copy();
                let (node, faults) = machine.boot_faulty(Fault::DiesAfter { at: second });
                // Died or not is told by the faults; what it answered is of no use to a dead process.
                let _ = recover(node.as_ref());
                let died = faults.dead();
                scene.recovered(&machine, &what);
                if !died {
                    break;
                }
                deaths_of_recovery += 1;
            }
        }
        assert!(deaths_of_recovery > scene.operations, "{deaths_of_recovery}");
    }
}

/// Runs a plan that a person has to keep; `says` so beforehand, or nobody does.
fn run_asking(scene: &Scene, machine: &Machine, fault: Fault, says: bool) -> bool {
    let (node, faults) = machine.boot_faulty(fault);
    let within = if says { 60 } else { 0 };
    let order = Order { keep: Keep::Confirmed { within }, ..Order::from(purpose(&scene.plan)) };
    if let Ok(transaction) = apply::begin(&node, &scene.plan, order) {
        if says {
            let request = Request::Confirm { by: "anna".to_owned() };
            requests::leave(machine.boot().as_ref(), transaction.id(), &request).unwrap();
        }
        transaction.run();
    }
    faults.dead()
}

#[test]
fn a_process_that_dies_before_a_person_kept_the_change_is_undone() {
    for scene in [Scene::new(), Scene::creating()] {
        for says in [true, false] {
            let mut sides = Vec::new();
            for at in 1.. {
                let what = format!("says {says}, dies after {at}");
                let machine = scene.machine.copy();
                let died = run_asking(&scene, &machine, Fault::DiesAfter { at }, says);
                let side = scene.recovered(&machine, &what);
                let node = machine.boot();
                let confirmed = Store::new(node.as_ref()).list().unwrap().pop().is_some_and(|id| {
                    let records = Journal::read(node.as_ref(), &id).unwrap().records;
                    records.iter().any(|r| matches!(r.kind, RecordKind::Confirmed { .. }))
                });
                assert_eq!(side == On::After, confirmed, "{what}");
                if !died {
                    assert_eq!(side == On::After, says, "{what}");
                    break;
                }
                sides.push(side);
            }
            assert!(sides.len() as u64 >= scene.operations, "{}", sides.len());
            assert_eq!(sides.contains(&On::After), says);
        }
    }
}

#[test]
fn one_transaction_is_recovered_by_its_name_and_no_other() {
    let scene = Scene::new();
    let machine = scene.machine.copy();
    let (node, _) = machine.boot_faulty(Fault::DiesAfter { at: scene.operations / 2 });
    run(&node, &scene.plan);
    let node = machine.boot();
    let id = Store::new(node.as_ref()).list().unwrap().pop().unwrap();
    let other = TransactionId("20200101T000000Z-0000".to_owned());
    assert_eq!(recover_one(node.as_ref(), &other).unwrap(), None);
    assert_eq!(Store::new(node.as_ref()).unfinished().unwrap(), std::slice::from_ref(&id));
    let outcome = recover_one(node.as_ref(), &id).unwrap();
    assert!(matches!(outcome, Some(Outcome::RolledBack { .. })), "{outcome:?}");
    assert_eq!(scene.side(&machine, "recovered by name"), On::Before);
    assert_eq!(recover_one(node.as_ref(), &id).unwrap(), None);
}

#[test]
fn the_recovered_file_keeps_its_label() {
    let scene = Scene::new();
    let machine = scene.machine.copy();
    let (node, _) = machine
        .boot_faulty(Fault::Fails { at: scene.operations - 1, kind: NodeErrorKind::NoSpace });
    assert!(matches!(run(&node, &scene.plan), Some(Outcome::RolledBack { .. })));
    let labels = machine.files.xattrs(machine::SCHEDULER).unwrap();
    assert_eq!(labels["security.selinux"], b"system_u:object_r:etc_t:s0");
}

/// The disks of a machine that has no state directory yet, and loses what was not flushed.
struct Disks {
    files: Arc<Disk>,
    state: Arc<Disk>,
}

impl Disks {
    const STATE: &str = "/var/lib/kube-temper";

    fn new(scene: &Scene) -> Self {
        let state = MemoryFiles::new().with_dir("/var", 0o755);
        Self {
            files: Arc::new(Disk::new(&scene.machine.files)),
            state: Arc::new(Disk::new(&state)),
        }
    }

    fn boot(&self, fault: Fault) -> (Arc<dyn Node>, Faults) {
        let faults = Faults::new(fault);
        let files = FaultyFiles::new("files", self.files.clone(), &faults);
        let state = Below::new(self.state.clone(), Self::STATE, &faults);
        (Arc::new(FixedNode::with_state(Arc::new(files), Arc::new(state))), faults)
    }

    /// The machine after a power cut.
    fn without_power(&self) -> Machine {
        Machine {
            files: Arc::new(self.files.without_power("/")),
            state: Arc::new(self.state.without_power(Self::STATE)),
        }
    }
}

#[test]
fn a_power_cut_leaves_every_file_on_one_side() {
    for scene in [Scene::new(), Scene::creating()] {
        let mut committed = 0;
        for at in 1.. {
            let what = format!("the power goes after {at}");
            let disks = Disks::new(&scene);
            let (node, faults) = disks.boot(Fault::DiesAfter { at });
            let outcome = run(&node, &scene.plan);
            let side = scene.recovered(&disks.without_power(), &what);
            committed += u64::from(side == On::After);
            if !faults.dead() {
                assert_eq!((outcome, side), (Some(Outcome::Committed), On::After));
                assert!(at > scene.operations, "{at}");
                break;
            }
        }
        assert!((1..scene.operations).contains(&committed), "{committed}");
    }
}

/// A run that died while it made the folders left names that were never flushed.
#[test]
fn a_power_cut_takes_no_folder_that_an_earlier_run_made() {
    let scene = Scene::new();
    for first in 1..=8 {
        for second in 1.. {
            let what = format!("dies after {first}, and the power goes after {second} more");
            let disks = Disks::new(&scene);
            let (node, _) = disks.boot(Fault::DiesAfter { at: first });
            run(&node, &scene.plan);
            let (node, faults) = disks.boot(Fault::DiesAfter { at: second });
            let begun = recover(node.as_ref()).is_ok_and(|outcomes| !outcomes.is_empty());
            let outcome = if begun { None } else { run(&node, &scene.plan) };
            let side = scene.recovered(&disks.without_power(), &what);
            if !faults.dead() {
                assert_eq!(side == On::After, outcome == Some(Outcome::Committed), "{what}");
                break;
            }
        }
    }
}
