//! The table, row by row.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use kube_temper::{
    apply::{Refusal, recover::recover},
    cli::exit::Exit,
    model::{ChangeKind, Component, Keep, Left, Order, Outcome, Plan, StepTarget},
    node::{
        Node as _, NodeErrorKind,
        fault::Fault,
        memory::Snapshot,
        recording::{
            KUBEADM_1_32_5, KUBEADM_1_34_2, KUBEADM_1_35_3, KUBEADM_1_36_2, KUBEADM_1_36_2_WORKER,
            Recording,
        },
    },
    store::{Journal, Store, snapshot},
};

use crate::{
    deeds::{THEIRS, deed, file_of},
    lab::{Lab, When},
    machine::{plan, purpose, set_flag, sim::rewritten, step, with_flag},
};

const TABLE: &str = include_str!("matrix.txt");

/// One row.
#[derive(Debug)]
struct Row {
    line: usize,
    node: &'static str,
    /// Components with what is planned for each.
    changes: Vec<(Component, &'static str)>,
    keep: Option<u64>,
    deeds: Vec<(&'static str, &'static str)>,
    exit: u8,
    end: &'static str,
    files: &'static str,
    says: &'static str,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, line) in TABLE.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [node, changes, keep, deeds, exit, end, files, says] = cells[..] else {
            panic!("line {}: not eight columns: {line}", number + 1)
        };
        rows.push(Row {
            line: number + 1,
            node,
            changes: changes
                .split(" & ")
                .map(|change| {
                    let (name, what) = change.split_once(' ').unwrap();
                    (Component::from_binary(name).unwrap_or_else(|| panic!("{name}")), what)
                })
                .collect(),
            keep: keep.parse().ok(),
            deeds: deeds
                .split(" ; ")
                .filter(|deed| *deed != "-")
                .map(|deed| deed.split_once(": ").unwrap_or_else(|| panic!("{deed}")))
                .collect(),
            exit: exit.parse().unwrap(),
            end,
            files,
            says,
        });
    }
    rows
}

fn recording(name: &str) -> Recording {
    match name {
        "1.32.5" => KUBEADM_1_32_5,
        "1.34.2" => KUBEADM_1_34_2,
        "1.35.3" => KUBEADM_1_35_3,
        "1.36.2" => KUBEADM_1_36_2,
        "worker" => KUBEADM_1_36_2_WORKER,
        other => panic!("no recording is called {other}"),
    }
}

/// `applied+10`
fn when(text: &str) -> Option<When> {
    let (phase, seconds) = text.split_once('+')?;
    let seconds = seconds.parse().ok()?;
    Some(match phase {
        "begun" => When::Begun(seconds),
        "applied" => When::Applied(seconds),
        "waiting" => When::Waiting(seconds),
        "rolling-back" => When::RollingBack(seconds),
        _ => return None,
    })
}

/// `op 12: disk full`, `op 12: process dies`: what goes wrong at the n-th writing operation.
fn fault(row: &Row) -> Fault {
    let at = row
        .deeds
        .iter()
        .find_map(|(when, what)| Some((when.strip_prefix("op ")?.parse::<u64>().unwrap(), *what)));
    match at {
        None => Fault::Never,
        Some((at, "disk full")) => Fault::FailsFrom { at, kind: NodeErrorKind::NoSpace },
        Some((at, "read only")) => Fault::FailsFrom { at, kind: NodeErrorKind::ReadOnly },
        Some((at, "fails")) => Fault::Fails { at, kind: NodeErrorKind::Other("EIO".into()) },
        Some((at, "process dies")) => Fault::DiesAfter { at },
        Some((_, what)) => panic!("{what}"),
    }
}

fn planned(lab: &Lab, row: &Row) -> Plan {
    let steps = row.changes.iter().map(|(component, what)| {
        let path = file_of(*component);
        let old = lab.node.text(&path).unwrap();
        let flag = what.strip_prefix("--").and_then(|flag| flag.split_once('='));
        let text = match (what.split_once(" => "), flag) {
            (Some((from, to)), _) => old.replace(from, to),
            (None, Some((flag, value))) => with_flag(&old, component.as_str(), flag, value),
            (None, None) => format!("{old}{what}\n"),
        };
        assert_ne!(text, old, "{what}");
        let target = StepTarget::of(*component).unwrap_or(StepTarget::Kubelet);
        let mut change = rewritten(&lab.node, &path, "1.4.1", text);
        if let Some((flag, value)) = what.trim_start_matches("--").split_once('=') {
            change.edits = vec![set_flag("1.4.1", flag, value)];
        }
        step(target, vec![change])
    });
    plan(steps.collect())
}

/// How the files are in the end: each planned one before, after or somebody else's, all others untouched.
fn check_files(lab: &Lab, row: &Row, plan: &Plan, before: &Snapshot) {
    let now = lab.node.snapshot();
    let mut differing: BTreeSet<String> = before
        .differences(&now)
        .into_iter()
        .map(|line| line.split(": ").next().unwrap().to_owned())
        .collect();
    for change in plan.changes() {
        let ChangeKind::Content { before, after } = &change.kind else { panic!() };
        let differs = differing.remove(&change.path);
        let text = lab.node.text(&change.path);
        let side = match &text {
            Err(_) => "gone",
            Ok(text) if text.contains(THEIRS) => "foreign",
            Ok(text) if *text == before.text && !differs => "before",
            Ok(text) if *text == before.text => "foreign",
            Ok(text) if *text == after.text => "after",
            Ok(_) => "broken",
        };
        assert_eq!(side, row.files, "{}", change.path);
    }
    differing.retain(|path| !path.ends_with(".bak"));
    assert!(differing.is_empty(), "others: {differing:?}");
    let left: Vec<&String> = now.entries.keys().filter(|p| p.contains(".kube-temper")).collect();
    assert!(left.is_empty(), "{left:?}");
}

fn play(row: &Row) {
    let agenda = row.deeds.iter().filter_map(|(at, what)| Some((when(at)?, deed(what)))).collect();
    let lab = Lab::faulty(&recording(row.node), 3 + row.line as u64, agenda, fault(row));
    lab.pass(7);
    for (_, what) in row.deeds.iter().filter(|(at, _)| *at == "before") {
        deed(what)(&lab);
    }
    if row.deeds.iter().any(|(at, _)| *at == "before") {
        lab.pass(90);
    }
    let before = lab.node.snapshot();
    let plan = planned(&lab, row);
    let mut order = Order::from(purpose(&plan));
    order.keep = row.keep.map_or(Keep::Proved, |within| Keep::Confirmed { within });
    order.allow_single = true;
    let (mut outcome, mut told) = match lab.run(&plan, Some(order)) {
        Ok(done) => (done.outcome.clone(), done.told()),
        Err(Refusal::Store(error)) => {
            (Outcome::Refused { cause: error.to_string() }, error.to_string())
        }
        Err(refusal) => (Outcome::Refused { cause: refusal.to_string() }, refusal.to_string()),
    };
    if lab.faults.dead() {
        // Nobody is there for a while; then the timer, or a person, recovers.
        lab.pass(20);
        let next = lab.node.another_process();
        let mut recovered = recover(&next).unwrap();
        outcome = match recovered.pop() {
            Some((_, outcome)) => outcome,
            None => Outcome::Refused { cause: "nothing was begun".to_owned() },
        };
        told = format!("{told}\n{outcome:?}");
    }
    assert_eq!(Exit::from(&outcome) as u8, row.exit, "{told}");
    let records = lab.records();
    let end = records.last().map(|record| {
        let value = serde_json::to_value(record).unwrap();
        value["record"].as_str().unwrap().to_owned()
    });
    assert_eq!(end.as_deref().unwrap_or("nothing"), row.end, "{told}");
    if let Some(record) = records.last() {
        let id = lab.id();
        let journal = Journal::read(lab.node.as_ref(), &id).unwrap();
        assert_eq!(journal.damage, None);
        assert_eq!(journal.outcome.is_some(), Outcome::of(&record.kind).is_some());
    }
    if row.says != "-" {
        assert!(told.contains(row.says), "'{}' is not said:\n{told}", row.says);
    }
    check_files(&lab, row, &plan, &before);
    check_snapshot(&lab, row, &outcome);
}

/// A change of etcd has its snapshot, whole and private; what changed nothing leaves none.
fn check_snapshot(lab: &Lab, row: &Row, outcome: &Outcome) {
    let state = lab.node.state();
    let all = Store::new(lab.node.as_ref()).list().unwrap();
    let folders = all.iter().map(|id| format!("/transactions/{id}"));
    let found: Vec<String> = folders
        .flat_map(|folder| {
            let names = state.list(&folder).unwrap().into_iter().map(|entry| entry.name);
            let ours = names.filter(|name| name.contains("etcd-snapshot"));
            ours.map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
        })
        .collect();
    let touches = row.changes.iter().any(|(component, _)| *component == Component::Etcd);
    if !touches || matches!(outcome, Outcome::Refused { .. }) {
        assert!(found.is_empty(), "{found:?}");
        return;
    }
    let [path] = &found[..] else { panic!("{found:?}") };
    assert_eq!(state.stat(path).unwrap().unwrap().mode, 0o600);
    snapshot::check(state, path).unwrap();
    if let Outcome::Stuck { by_hand, left: Left::Mixed | Left::Old, .. } = outcome {
        let command = format!("# etcdutl snapshot restore /var/lib/kube-temper{path} --data-dir");
        assert!(by_hand.iter().any(|line| line.starts_with(&command)), "{by_hand:#?}");
    }
}

#[test]
fn every_fault_ends_as_the_table_says() {
    let rows = rows();
    assert!(rows.len() >= 100, "{}", rows.len());
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| play(row))) {
                        let why = panic
                            .downcast_ref::<String>()
                            .cloned()
                            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                        failed.lock().unwrap().push(format!(
                            "line {} {:?} {:?}\n{}",
                            row.line,
                            row.changes,
                            row.deeds,
                            why.unwrap_or_default()
                        ));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} rows:\n{}", failed.len(), failed.join("\n\n"));
}
