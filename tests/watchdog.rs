//! Whoever carries a change out may die: what is armed before the first write, and what a second process
//! finds.

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

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kube_temper::{
    apply::{self, Refusal, Taken, recover::recover_one},
    model::{Outcome, RecordKind, TransactionId},
    node::{
        Clock, Files, Keeper, KubeletView, Lock, Node, NodeError, NodeErrorKind, NodeKind,
        fault::Fault,
    },
    store::{Journal, Store},
};
use machine::{Machine, SCHEDULER, purpose, three_files};

/// Writes down what is asked of it, beside what the node's files were then.
#[derive(Debug, Default)]
struct Diary {
    entries: Mutex<Vec<String>>,
    has_timer: bool,
    broken: bool,
}

/// A machine whose transactions have a keeper.
#[derive(Debug)]
struct Kept {
    node: Arc<dyn Node>,
    diary: Arc<Diary>,
}

impl Kept {
    fn boot(node: Arc<dyn Node>, diary: &Arc<Diary>) -> Arc<dyn Node> {
        Arc::new(Self { node, diary: Arc::clone(diary) })
    }

    fn write(&self, what: &str, id: &TransactionId) -> Result<(), NodeError> {
        let untouched = Journal::read(self.node.as_ref(), id)
            .is_ok_and(|j| !j.records.iter().any(|r| matches!(r.kind, RecordKind::Intent { .. })));
        let when = if untouched { "before the first write" } else { "after it" };
        self.diary.entries.lock().unwrap().push(format!("{what} {when}"));
        if !self.diary.broken {
            return Ok(());
        }
        let kind = NodeErrorKind::Other("the bus is broken".to_owned());
        Err(NodeError { operation: "arm the timer with", path: "systemd-run".to_owned(), kind })
    }
}

impl Node for Kept {
    fn kind(&self) -> NodeKind {
        self.node.kind()
    }
    fn files(&self) -> &dyn Files {
        self.node.files()
    }
    fn state(&self) -> &dyn Files {
        self.node.state()
    }
    fn state_dir(&self) -> String {
        self.node.state_dir()
    }
    fn clock(&self) -> &dyn Clock {
        self.node.clock()
    }
    fn uid(&self) -> u32 {
        self.node.uid()
    }
    fn lock(&self) -> Result<Box<dyn Lock>, NodeError> {
        self.node.lock()
    }
    fn keeper(&self) -> Option<&dyn Keeper> {
        Some(self)
    }
    fn kubelet(&self) -> Option<&dyn KubeletView> {
        self.node.kubelet()
    }
    fn kubelet_version(&self, pid: u32) -> Result<Option<String>, NodeError> {
        self.node.kubelet_version(pid)
    }
}

impl Keeper for Kept {
    fn start_guard(&self, _: &TransactionId, _: bool) -> Result<String, NodeError> {
        unreachable!("these tests are the guard")
    }
    fn shield(&self) {}
    fn arm(&self, id: &TransactionId, pause: Duration) -> Result<Option<String>, NodeError> {
        assert_eq!(pause, Duration::from_secs(60));
        self.write("arm", id)?;
        Ok(self.diary.has_timer.then(|| "some.timer".to_owned()))
    }
    fn disarm(&self, id: &TransactionId) -> Result<(), NodeError> {
        self.write("disarm", id)
    }
}

/// A transaction that another process prepared.
fn prepared(machine: &Machine) -> TransactionId {
    let plan = three_files(machine);
    apply::begin(&machine.boot(), &plan, purpose(&plan)).unwrap().hand_over()
}

fn run(node: &Arc<dyn Node>, id: &TransactionId) -> Result<Outcome, Refusal> {
    Ok(match apply::take_up(node, id)? {
        Taken::Ready(transaction) => transaction.run(),
        Taken::Ended(outcome) => outcome,
        Taken::Decided(decided) => decided.run(None),
        Taken::Interrupted => recover_one(node.as_ref(), id)?.unwrap(),
    })
}

fn records(machine: &Machine, id: &TransactionId) -> Vec<RecordKind> {
    let journal = Journal::read(machine.boot().as_ref(), id).unwrap();
    journal.records.into_iter().map(|record| record.kind).collect()
}

fn has(records: &[RecordKind], wanted: fn(&RecordKind) -> bool) -> bool {
    records.iter().any(wanted)
}

#[test]
fn it_is_armed_before_the_first_write_and_disarmed_at_the_end() {
    for has_timer in [true, false] {
        let machine = Machine::new();
        let diary = Arc::new(Diary { has_timer, ..Diary::default() });
        let id = prepared(&machine);
        assert_eq!(run(&Kept::boot(machine.boot(), &diary), &id).unwrap(), Outcome::Committed);
        let entries = diary.entries.lock().unwrap().clone();
        assert_eq!(entries, ["arm before the first write", "disarm after it"]);
        let records = records(&machine, &id);
        let armed =
            |kind: &RecordKind| matches!(kind, RecordKind::Armed { by, .. } if by == "some.timer");
        assert_eq!(has(&records, armed), has_timer);
        assert_eq!(has(&records, |kind| *kind == RecordKind::Unarmed), !has_timer);
    }
}

#[test]
fn what_cannot_be_armed_is_refused_and_nothing_is_written() {
    let machine = Machine::new();
    let before = machine.snapshot();
    let diary = Arc::new(Diary { has_timer: true, broken: true, ..Diary::default() });
    let id = prepared(&machine);
    let outcome = run(&Kept::boot(machine.boot(), &diary), &id).unwrap();
    let Outcome::Refused { cause } = &outcome else { panic!("{outcome:?}") };
    assert!(cause.ends_with("the bus is broken"), "{cause}");
    assert_eq!(machine.snapshot(), before);
}

#[test]
fn a_recovery_disarms_what_the_guard_left_armed() {
    let machine = Machine::new();
    let before = machine.snapshot();
    let diary = Arc::new(Diary { has_timer: true, ..Diary::default() });
    let id = prepared(&machine);
    let (node, faults) = machine.boot_faulty(Fault::DiesAfter { at: 25 });
    let _ = run(&Kept::boot(node, &diary), &id);
    assert!(faults.dead());
    assert!(has(&records(&machine, &id), |kind| matches!(kind, RecordKind::Intent { .. })));
    diary.entries.lock().unwrap().clear();
    let node = Kept::boot(machine.boot(), &diary);
    let outcome = recover_one(node.as_ref(), &id).unwrap();
    assert!(matches!(outcome, Some(Outcome::RolledBack { .. })), "{outcome:?}");
    assert_eq!(machine.snapshot(), before);
    // The timer may look once more before it is gone.
    assert_eq!(recover_one(node.as_ref(), &id).unwrap(), None);
    assert_eq!(*diary.entries.lock().unwrap(), ["disarm after it", "disarm after it"]);
}

#[test]
fn a_node_that_changed_after_the_plan_is_refused_in_the_journal() {
    let machine = Machine::new();
    let id = prepared(&machine);
    machine.write(SCHEDULER, "somebody else's\n");
    let before = machine.snapshot();
    let outcome = run(&machine.boot(), &id).unwrap();
    let Outcome::Refused { cause } = &outcome else { panic!("{outcome:?}") };
    assert!(cause.contains(SCHEDULER) && cause.contains("changed since"), "{cause}");
    assert_eq!(machine.snapshot(), before);
    let records = records(&machine, &id);
    assert!(matches!(records[..], [RecordKind::Begun { .. }, RecordKind::Refused { .. }]));
    assert_eq!(Store::new(machine.boot().as_ref()).unfinished().unwrap(), []);
}

#[test]
fn a_guard_that_is_started_again_goes_back() {
    let machine = Machine::new();
    let before = machine.snapshot();
    let id = prepared(&machine);
    let (node, faults) = machine.boot_faulty(Fault::DiesAfter { at: 25 });
    let _ = run(&node, &id);
    assert!(faults.dead());
    let outcome = run(&machine.boot(), &id).unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(machine.snapshot(), before);
    assert_eq!(run(&machine.boot(), &id).unwrap(), outcome, "a third time finds the end");
}

#[test]
fn a_guard_that_died_in_its_first_record_never_began() {
    let machine = Machine::new();
    let id = prepared(&machine);
    let (node, faults) = machine.boot_faulty(Fault::Torn { at: 1 });
    let _ = run(&node, &id);
    assert!(faults.dead());
    assert!(Journal::read(machine.boot().as_ref(), &id).unwrap().torn);
    assert_eq!(run(&machine.boot(), &id).unwrap(), Outcome::Committed);
    let journal = Journal::read(machine.boot().as_ref(), &id).unwrap();
    assert_eq!((journal.damage, journal.torn), (None, false));
}

#[test]
fn a_guard_without_the_lock_leaves_everything_alone() {
    let machine = Machine::new();
    let id = prepared(&machine);
    let node = machine.boot();
    let lock = node.lock().unwrap();
    let before = (machine.snapshot(), machine.state.snapshot());
    assert!(matches!(run(&node, &id), Err(Refusal::Locked(_))));
    assert_eq!((machine.snapshot(), machine.state.snapshot()), before);
    drop(lock);
    assert_eq!(run(&node, &id).unwrap(), Outcome::Committed);
}
