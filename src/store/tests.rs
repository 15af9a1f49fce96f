//! The formats on disk, and what happens when they are not whole.

use std::{sync::Arc, time::Duration};

use super::{Follow, Journal, Store, StoreError, Writer, backup, following};
use crate::{
    model::{
        BenchmarkId, Digest, Order, Outcome, Plan, Record, RecordKind, TransactionId,
        change::PlanSchema,
        journal::{JournalSchema, Purpose},
    },
    node::{
        Files as _,
        fault::{Fault, Faults, FaultyFiles},
        memory::{FixedNode, MemoryFiles},
    },
};

/// A journal of the first format with a record of each kind; every later version must read it.
const PINNED: &str = include_str!("../../snapshots/journal/journal-v1.jsonl");
/// A plan of the first format.
const PINNED_PLAN: &str = include_str!("../../snapshots/journal/plan-v1.json");
/// A backup manifest of the first format.
const PINNED_BACKUP: &str = include_str!("../../snapshots/journal/backup-v1.json");

fn id() -> TransactionId {
    TransactionId("20261124T052601Z-3f9a".to_owned())
}

fn node() -> (FixedNode, Arc<MemoryFiles>) {
    let state = Arc::new(MemoryFiles::new().with_dir("/transactions/20261124T052601Z-3f9a", 0o700));
    (FixedNode::with_state(Arc::new(MemoryFiles::new()), state.clone()), state)
}

const JOURNAL: &str = "/transactions/20261124T052601Z-3f9a/journal.jsonl";

fn begun() -> RecordKind {
    RecordKind::Begun {
        schema: JournalSchema::V1,
        version: "0.1.0".to_owned(),
        node: "cp1".to_owned(),
        purpose: Purpose::Apply { controls: vec!["1.4.1".parse().unwrap()] },
    }
}

fn order() -> Order {
    Order::from(Purpose::Apply { controls: Vec::new() })
}

fn plan() -> Plan {
    Plan {
        schema: PlanSchema::V1,
        created: "2026-11-24T05:26:01Z".parse().unwrap(),
        node: "cp1".to_owned(),
        benchmark: BenchmarkId::Cis2_0,
        controls: Vec::new(),
        steps: Vec::new(),
        left: Vec::new(),
    }
}

/// The name a record has in the journal.
fn name_of(record: &Record) -> String {
    serde_json::to_value(record).unwrap()["record"].as_str().unwrap().to_owned()
}

#[test]
fn the_first_journal_format_still_loads_and_is_still_written() {
    let journal = Journal::parse("pinned", PINNED.as_bytes());
    assert_eq!(journal.damage, None);
    assert!(!journal.torn);
    let mut kinds: Vec<String> = journal.records.iter().map(name_of).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "applied",
            "armed",
            "backed-up",
            "begun",
            "checked",
            "committed",
            "confirmed",
            "etcd-snapshot",
            "extended",
            "intent",
            "kept",
            "observed",
            "refused",
            "restored",
            "rolled-back",
            "rolling-back",
            "step-begun",
            "stuck",
            "verified",
            "waiting"
        ]
    );
    let written: String =
        journal.records.iter().map(|r| serde_json::to_string(r).unwrap() + "\n").collect();
    assert_eq!(written, PINNED, "the format changed: that needs a new schema name");
}

#[test]
fn the_first_plan_and_backup_formats_still_load_and_are_still_written() {
    let plan: Plan = serde_json::from_str(PINNED_PLAN).unwrap();
    assert_eq!(plan.changes().count(), 2);
    assert_eq!(serde_json::to_string_pretty(&plan).unwrap() + "\n", PINNED_PLAN);
    let kept: backup::BackupManifest = serde_json::from_str(PINNED_BACKUP).unwrap();
    assert_eq!(kept.entries.len(), 2);
    assert_eq!(serde_json::to_string_pretty(&kept).unwrap() + "\n", PINNED_BACKUP);
}

#[test]
fn a_torn_end_is_told_apart_from_damage_in_the_middle() {
    let lines: Vec<&str> = PINNED.lines().collect();
    let whole = |count: usize| lines[..count].join("\n") + "\n";
    let half = &lines[2][..lines[2].len() / 2];
    let newer = lines[0].replace("journal/v1", "journal/v9");
    let cases = [
        ("empty", String::new(), 0, false, None),
        ("whole", whole(2), 2, false, None),
        ("torn", whole(2) + half, 2, true, None),
        ("torn at once", half.to_owned(), 0, true, None),
        ("without its newline", whole(2) + lines[2], 2, true, None),
        ("zeros after a power cut", whole(2) + "\0\0\0\0", 2, true, None),
        ("damaged", whole(2) + half + "\n" + lines[3] + "\n", 2, false, Some(3)),
        ("a line is missing", whole(1) + lines[2] + "\n", 1, false, Some(2)),
        ("a line is there twice", whole(2) + lines[1] + "\n", 2, false, Some(3)),
        ("not begun", lines[1].replace("\"seq\":1", "\"seq\":0") + "\n", 0, false, Some(1)),
        (
            "begun twice",
            whole(1) + &lines[0].replace("\"seq\":0", "\"seq\":1") + "\n",
            1,
            false,
            Some(2),
        ),
        ("an empty line", whole(1) + "\n" + lines[1] + "\n", 1, false, Some(2)),
        ("a newer format", newer + "\n", 0, false, Some(1)),
    ];
    for (name, text, records, torn, damaged) in cases {
        let journal = Journal::parse("journal.jsonl", text.as_bytes());
        assert_eq!(journal.records.len(), records, "{name}");
        assert_eq!(journal.torn, torn, "{name}");
        assert_eq!(journal.damage.as_ref().and_then(|d| d.line), damaged, "{name}");
        let good: usize = lines[..records].iter().map(|line| line.len() + 1).sum();
        assert_eq!(journal.length, good as u64, "{name}");
    }
    let binary = [whole(2).as_bytes(), b"\xff\xfe\xff"].concat();
    assert!(Journal::parse("", &binary).torn);
}

#[test]
fn an_outcome_is_known_behind_a_damaged_line() {
    let lines: Vec<&str> = PINNED.lines().collect();
    let committed = r#"{"seq":7,"at":"2026-11-24T05:26:01Z","record":"committed"}"#;
    let text = format!("{}\nnonsense\n{committed}\n", lines[0]);
    let journal = Journal::parse("", text.as_bytes());
    assert_eq!(journal.outcome, Some(Outcome::Committed));
    assert!(journal.damage.is_some());
    let torn = format!("{}\n{}", lines[0], committed);
    assert_eq!(Journal::parse("", torn.as_bytes()).outcome, None, "a torn word is no word");
}

#[test]
fn a_writer_goes_on_where_a_torn_line_was() {
    let (node, state) = node();
    let mut writer = Writer::new(&id());
    assert!(!writer.has_begun());
    writer.append(&node, begun()).unwrap();
    state.append(JOURNAL, b"{\"seq\":1,\"at\":\"2026").unwrap();
    let journal = Journal::read(&node, &id()).unwrap();
    assert!(journal.torn);
    let mut writer = Writer::resume(&id(), &journal);
    assert!(writer.has_begun());
    writer.append(&node, RecordKind::Committed).unwrap();
    let journal = Journal::read(&node, &id()).unwrap();
    assert_eq!((journal.records.len(), journal.torn, journal.damage), (2, false, None));
    assert_eq!(state.stat(JOURNAL).unwrap().unwrap().mode, 0o600);
}

#[test]
fn a_record_that_failed_leaves_no_gap() {
    let state = Arc::new(MemoryFiles::new().with_dir("/transactions/20261124T052601Z-3f9a", 0o700));
    // Append, sync, sync of the folder; the second record's append fails.
    let kind = crate::node::NodeErrorKind::NoSpace;
    let faults = Faults::new(Fault::Fails { at: 4, kind });
    let faulty = Arc::new(FaultyFiles::new("state", state, &faults));
    let node = FixedNode::with_state(Arc::new(MemoryFiles::new()), faulty);
    let mut writer = Writer::new(&id());
    writer.append(&node, begun()).unwrap();
    writer.append(&node, RecordKind::Verified { step: 0 }).unwrap_err();
    writer.append(&node, RecordKind::Committed).unwrap();
    let journal = Journal::read(&node, &id()).unwrap();
    let kinds: Vec<String> = journal.records.iter().map(name_of).collect();
    assert_eq!(kinds, ["begun", "committed"]);
}

#[test]
fn a_follower_gets_every_record_once_however_it_is_written() {
    let (node, state) = node();
    let mut follow = Follow::new(&id());
    assert_eq!(follow.poll(&node).unwrap(), []);
    let bytes = PINNED.as_bytes();
    let mut seen = Vec::new();
    for piece in bytes.chunks(37) {
        state.append(JOURNAL, piece).unwrap();
        seen.extend(follow.poll(&node).unwrap());
        seen.extend(follow.poll(&node).unwrap());
    }
    assert_eq!(seen, Journal::parse("", bytes).records);
    state.append(JOURNAL, b"nonsense\n").unwrap();
    let error = follow.poll(&node).unwrap_err();
    let line = seen.len() + 1;
    assert!(matches!(&error, StoreError::Damage(damage) if damage.line == Some(line)), "{error}");
}

#[test]
fn names_sort_by_time_even_when_the_clock_does_not() {
    let (node, _) = node();
    let store = Store::new(&node);
    let mut names =
        vec![store.create(&plan(), &order()).unwrap(), store.create(&plan(), &order()).unwrap()];
    node.virtual_clock().advance(Duration::from_millis(1500));
    names.push(store.create(&plan(), &order()).unwrap());
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names[0].0, "20261124T185320Z-0000");
    assert_eq!(names[1].0, "20261124T185320Z-0001");
    assert_eq!(names[2].0, "20261124T185321Z-8000");
    for (latest, next) in [
        ("20261124T052601Z-3f9a", "20261124T052601Z-3f9b"),
        ("20261124T052601Z-ffff", "20261124T052601Z-ffff0"),
        ("20261124T052601Z-ffff0", "20261124T052601Z-ffff00"),
    ] {
        let latest = TransactionId(latest.to_owned());
        assert_eq!(following(&latest).0, next);
        assert!(following(&latest) > latest);
    }
    assert_eq!(store.list().unwrap(), [], "without a journal nothing has begun");
}

#[test]
fn a_transaction_is_found_by_the_beginning_of_its_name() {
    let (node, _) = node();
    let store = Store::new(&node);
    let first = store.create(&plan(), &order()).unwrap();
    let second = store.create(&plan(), &order()).unwrap();
    for id in [&first, &second] {
        Writer::new(id).append(&node, begun()).unwrap();
    }
    assert_eq!(store.find(&first.0).unwrap(), first);
    assert_eq!(store.find("20261124T185320Z-0001").unwrap(), second);
    for (prefix, why) in [
        ("20261124", "could be 20261124T185320Z-0000 or 20261124T185320Z-0001"),
        ("2025", "no transaction is called"),
        ("", "no transaction is called"),
    ] {
        let error = store.find(prefix).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_backup_is_given_out_only_with_its_own_digest() {
    let (node, state) = node();
    let content = backup::Content { name: "0".to_owned(), digest: Digest::of(b"old") };
    backup::create(&node, &id(), &[]).unwrap();
    let wrong = backup::save(&node, &id(), &content, b"other").unwrap_err();
    assert!(wrong.to_string().contains("/var/lib/kube-temper/transactions/"), "{wrong}");
    state.put_file("/transactions/20261124T052601Z-3f9a/backup/0", 0o600, "old");
    assert_eq!(backup::read(&node, &id(), &content).unwrap(), b"old");
    state.remove("/transactions/20261124T052601Z-3f9a/backup/0").unwrap();
    let missing = backup::read(&node, &id(), &content).unwrap_err();
    assert!(matches!(&missing, StoreError::Damage(_)), "{missing}");
}
