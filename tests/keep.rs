//! Keep or put back: what a person asks during the countdown, and what happens when nobody does.

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
    collections::VecDeque,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use kube_temper::{
    apply,
    model::{Component, Keep, Order, Outcome, Reason, RecordKind, TransactionId},
    node::{
        Clock, Node,
        memory::Snapshot,
        recording,
        sim::{Cause, SimNode, VirtualClock},
    },
    store::{
        Journal, Store,
        requests::{self, Request},
    },
};
use machine::{SCHEDULER, purpose};

/// What somebody does during the countdown.
type Deed = fn(&SimNode, &TransactionId);

/// A clock on which people do things, counted from the start of the countdown.
#[derive(Debug)]
struct People {
    clock: VirtualClock,
    node: Mutex<Weak<SimNode>>,
    waiting_since: Mutex<Option<Duration>>,
    deeds: Mutex<VecDeque<(Duration, Deed)>>,
}

impl Clock for People {
    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration);
        let Some(node) = self.node.lock().unwrap().upgrade() else { return };
        let Some(id) = Store::new(node.as_ref()).list().unwrap().pop() else { return };
        let now = self.clock.monotonic();
        let since = *self.waiting_since.lock().unwrap().get_or_insert_with(|| {
            let journal = Journal::read(node.as_ref(), &id).unwrap();
            let waits = |kind: &RecordKind| matches!(kind, RecordKind::Waiting { .. });
            if journal.records.iter().any(|r| waits(&r.kind)) { now } else { Duration::MAX }
        });
        if since == Duration::MAX {
            *self.waiting_since.lock().unwrap() = None;
            return;
        }
        let mut deeds = self.deeds.lock().unwrap();
        while deeds.front().is_some_and(|(after, _)| now - since >= *after) {
            let (_, deed) = deeds.pop_front().unwrap();
            deed(&node, &id);
        }
    }
}

struct Told {
    node: Arc<SimNode>,
    before: Snapshot,
    outcome: Outcome,
    records: Vec<RecordKind>,
    /// From the beginning of the countdown to its end.
    waited: Duration,
}

/// A flag for the scheduler, to be confirmed within five minutes, and what people do meanwhile.
fn told(deeds: &[(u64, Deed)]) -> Told {
    let people = Arc::new(People {
        clock: VirtualClock::default(),
        node: Mutex::default(),
        waiting_since: Mutex::default(),
        deeds: Mutex::new(
            deeds.iter().map(|(after, deed)| (Duration::from_secs(*after), *deed)).collect(),
        ),
    });
    let node = Arc::new(SimNode::new(&recording::KUBEADM_1_36_2, people.clone(), 7).unwrap());
    *people.node.lock().unwrap() = Arc::downgrade(&node);
    let before = node.snapshot();
    let plan = machine::sim::flag(&node, Component::KubeScheduler, "profiling", "false");
    let order = Order { keep: Keep::Confirmed { within: 300 }, ..Order::from(purpose(&plan)) };
    let shared: Arc<dyn Node> = node.clone();
    let transaction = apply::begin(&shared, &plan, order).unwrap();
    let id = transaction.id().clone();
    let outcome = transaction.run();
    let journal = Journal::read(node.as_ref(), &id).unwrap();
    assert_eq!(journal.outcome.as_ref(), Some(&outcome));
    let at = |wanted: fn(&RecordKind) -> bool| {
        journal.records.iter().find(|record| wanted(&record.kind)).map(|record| record.at)
    };
    let from = at(|kind| matches!(kind, RecordKind::Waiting { .. })).expect("it waits");
    let to =
        at(|kind| matches!(kind, RecordKind::Confirmed { .. } | RecordKind::RollingBack { .. }));
    let waited = Duration::try_from(to.unwrap().duration_since(from)).unwrap();
    let records = journal.records.into_iter().map(|record| record.kind).collect();
    Told { node, before, outcome, records, waited }
}

fn leave(node: &SimNode, id: &TransactionId, request: &Request) {
    requests::leave(node, id, request).unwrap();
}

fn confirm(node: &SimNode, id: &TransactionId) {
    leave(node, id, &Request::Confirm { by: "anna on pts/3".to_owned() });
}

fn extend(node: &SimNode, id: &TransactionId) {
    leave(node, id, &Request::Extend { by: "anna on pts/3".to_owned(), seconds: 120 });
}

impl Told {
    fn is_as_before(&self) {
        assert_eq!(self.before.differences(&self.node.snapshot()), Vec::<String>::new());
    }

    fn reason(&self) -> Reason {
        let Outcome::RolledBack { reason, .. } = &self.outcome else {
            panic!("{:?}", self.outcome)
        };
        *reason
    }
}

#[test]
fn a_confirmed_change_stays_at_once() {
    let told = told(&[(20, confirm)]);
    assert_eq!(told.outcome, Outcome::Committed);
    assert!(told.waited < Duration::from_secs(21), "{:?}", told.waited);
    let by = RecordKind::Confirmed { by: "anna on pts/3".to_owned() };
    assert!(told.records.contains(&by), "{:#?}", told.records);
}

#[test]
fn a_change_nobody_confirms_is_put_back() {
    let told = told(&[]);
    assert_eq!(told.reason(), Reason::Unconfirmed);
    assert!((300..302).contains(&told.waited.as_secs()), "{:?}", told.waited);
    told.is_as_before();
    assert_eq!(told.node.starts(Component::KubeScheduler, &Cause::Manifest), 2);
}

#[test]
fn a_change_is_put_back_as_soon_as_somebody_asks() {
    let told = told(&[(7, |node, id| {
        leave(node, id, &Request::Revert { by: "anna on pts/3".to_owned(), allow_single: false });
    })]);
    assert_eq!(told.reason(), Reason::Requested);
    assert!(told.waited < Duration::from_secs(8), "{:?}", told.waited);
    told.is_as_before();
}

#[test]
fn more_time_is_given_and_written_down() {
    let told = told(&[(290, extend), (410, confirm)]);
    assert_eq!(told.outcome, Outcome::Committed);
    assert!(told.waited > Duration::from_secs(409), "{:?}", told.waited);
    let extended = |kind: &&RecordKind| matches!(kind, RecordKind::Extended { .. });
    assert_eq!(told.records.iter().filter(extended).count(), 1);
}

#[test]
fn more_time_ends_too() {
    let told = told(&[(290, extend)]);
    assert_eq!(told.reason(), Reason::Unconfirmed);
    assert!((420..422).contains(&told.waited.as_secs()), "{:?}", told.waited);
}

#[test]
fn a_file_that_is_no_request_answers_nothing() {
    let told = told(&[(1, |node, id| {
        let folder = format!("/transactions/{id}/requests");
        node.state().make_dir(&folder, 0o700).unwrap();
        node.state().append(&format!("{folder}/1-1"), b"{\"request\":\"confi").unwrap();
    })]);
    assert_eq!(told.reason(), Reason::Unconfirmed);
}

#[test]
fn a_component_that_ends_during_the_countdown_is_not_kept() {
    let told = told(&[(100, |node, _| node.kill(Component::KubeScheduler)), (101, confirm)]);
    assert_eq!(told.reason(), Reason::Unproved);
    assert!(told.waited < Duration::from_secs(102), "{:?}", told.waited);
    told.is_as_before();
}

#[test]
fn a_file_somebody_edits_during_the_countdown_is_not_overwritten() {
    let told = told(&[(50, |node, _| {
        let text = node.text(SCHEDULER).unwrap() + "# theirs\n";
        node.replace(SCHEDULER, &text).unwrap();
    })]);
    let Outcome::Stuck { cause, by_hand, .. } = &told.outcome else { panic!("{:?}", told.outcome) };
    assert!(cause.contains("changed by somebody else"), "{cause}");
    assert!(!by_hand.is_empty());
    assert!(told.node.text(SCHEDULER).unwrap().ends_with("# theirs\n"));
}
