//! Transactions on a machine where other people work too: what is refused, what is kept, what comes back.

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

use std::{collections::BTreeMap, sync::Arc};

use kube_temper::{
    apply::{
        self, Prove, Refusal,
        recover::{By, Means, recover, recover_by},
        rollback,
    },
    model::{
        ChangeKind, Edit, FileMeta, Keep, Observation, Order, Outcome, Plan, Reason, Record,
        RecordKind, StepTarget,
    },
    node::{
        Files as _, Node, NodeErrorKind, NodeKind,
        fault::Fault,
        memory::{FixedNode, MemoryFiles},
    },
    store::{
        Journal, Loaded, Store,
        requests::{self, Request},
    },
};
use machine::{
    KEY, MANAGER, Machine, PEM, SCHEDULER, before_text, begin, commit, edit, key_change, only,
    plan, purpose, step, three_files, undo, upgraded,
};

#[test]
fn a_plan_for_another_state_of_the_node_is_refused_and_nothing_is_written() {
    type Meddle = fn(&Machine);
    let cases: [(&str, Meddle, &str); 6] = [
        ("content", |m| m.write(SCHEDULER, &upgraded(&m.text(SCHEDULER))), "content is different"),
        ("mode", |m| m.files.set_mode(MANAGER, 0o640).unwrap(), "mode and owner are 0640 0:0"),
        ("key mode", |m| m.files.set_mode(KEY, 0o400).unwrap(), "mode and owner are 0400"),
        ("key owner", |m| m.files.set_owner(KEY, 0, 0).unwrap(), "mode and owner are 0644 0:0"),
        ("gone", |m| m.files.remove(SCHEDULER).unwrap(), "no longer exists"),
        (
            "link",
            |m| {
                let text = m.text(SCHEDULER);
                m.files.put_file("/etc/kubernetes/real.yaml", 0o600, text);
                m.files.remove(SCHEDULER).unwrap();
                m.files.put_link(SCHEDULER, "/etc/kubernetes/real.yaml");
            },
            "is now a link to /etc/kubernetes/real.yaml",
        ),
    ];
    for (name, meddle, why) in cases {
        let machine = Machine::new();
        let plan = three_files(&machine);
        meddle(&machine);
        let (files, state) = (machine.snapshot(), machine.state.snapshot());
        match begin(&machine.boot(), &plan) {
            Err(Refusal::Stale { what, .. }) => assert!(what.contains(why), "{name}: {what}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(machine.snapshot(), files, "{name}");
        assert_eq!(machine.state.snapshot(), state, "{name}");
    }
}

#[test]
fn a_renewed_key_is_no_conflict_for_its_mode() {
    let machine = Machine::new();
    let plan = plan(vec![step(StepTarget::Metadata, vec![key_change(&machine, "1.1.21")])]);
    machine.write(KEY, "another key");
    commit(&machine, &plan);
    assert_eq!(machine.text(KEY), "another key");
    assert_eq!(machine.meta(KEY).mode, 0o600);
}

#[test]
fn one_run_at_a_time() {
    let machine = Machine::new();
    let node = machine.boot();
    let held = node.lock().unwrap();
    let refused = begin(&node, &three_files(&machine)).unwrap_err();
    assert!(matches!(&refused, Refusal::Locked(holder) if holder.contains("another run")));
    assert!(matches!(recover(node.as_ref()), Err(Refusal::Locked(_))));
    let all = three_files(&machine);
    let looked = apply::check(node.as_ref() as &dyn Node, &all, purpose(&all));
    assert!(matches!(looked, Err(Refusal::Locked(_))), "{looked:?}");
    drop(held);
    let transaction = begin(&node, &three_files(&machine)).unwrap();
    assert!(node.lock().is_err(), "a transaction holds the lock");
    transaction.run();
    assert!(node.lock().is_ok(), "it frees the lock at its end");
}

#[test]
fn an_interrupted_transaction_comes_first() {
    let machine = Machine::new();
    let plan = three_files(&machine);
    let (node, _) = machine.boot_faulty(Fault::DiesAfter { at: 40 });
    begin(&node, &plan).unwrap().run();
    let open = Store::new(machine.boot().as_ref()).unfinished().unwrap();
    assert_eq!(open.len(), 1);
    let refused = begin(&machine.boot(), &plan).unwrap_err();
    assert_eq!(refused, Refusal::Unfinished(open[0].clone()));
    let recovered = recover(machine.boot().as_ref()).unwrap();
    assert!(matches!(&recovered[..], [(id, Outcome::RolledBack { .. })] if *id == open[0]));
    commit(&machine, &plan);
}

#[test]
fn what_may_be_written_depends_on_the_kind_of_node() {
    let machine = Machine::new();
    let key = plan(vec![step(StepTarget::Metadata, vec![key_change(&machine, "1.1.21")])]);
    let three = three_files(&machine);
    let boot = |kind: NodeKind, uid: u32| -> Arc<dyn Node> {
        let copy = machine.copy();
        Arc::new(FixedNode::with_state(copy.files, copy.state).of_kind(kind).run_by(uid))
    };
    let cases = [
        (NodeKind::Live, 0, &key, None),
        (NodeKind::Live, 0, &three, None),
        (NodeKind::Live, 1000, &key, Some("only root")),
        (NodeKind::ReadOnlyRoot, 0, &key, Some("--offline")),
        (NodeKind::Offline, 0, &three, None),
        (NodeKind::Offline, 1000, &key, Some("only root")),
        (NodeKind::Simulated, 1000, &three, None),
    ];
    for (kind, uid, plan, refused) in cases {
        let answer = begin(&boot(kind, uid), plan).map(|_| ());
        match refused {
            None => assert_eq!(answer, Ok(()), "{kind:?} {uid}"),
            Some(why) => {
                let text = answer.unwrap_err().to_string();
                assert!(text.contains(why), "{kind:?} {uid}: {text}");
            }
        }
    }
}

#[test]
fn a_plan_is_read_as_if_it_were_hostile() {
    let machine = Machine::new();
    let good = three_files(&machine);
    let with = |change: fn(&mut Plan)| {
        let mut plan = good.clone();
        change(&mut plan);
        plan
    };
    let cases = [
        (with(|p| p.steps.clear()), "nothing to change"),
        (with(|p| p.steps[1].changes.clear()), "step without changes"),
        (with(|p| p.steps.reverse()), "order of execution"),
        (with(|p| p.steps[1].target = StepTarget::Metadata), "a step that proves no content"),
        (with(|p| p.steps[0].changes[0].path = "etc/passwd".to_owned()), "absolute path"),
        (with(|p| p.steps[0].changes[0].path = "/etc/../root/x".to_owned()), "absolute path"),
        (with(|p| p.steps[0].changes[0].path = "/etc//passwd".to_owned()), "absolute path"),
        (with(|p| p.steps[0].changes[0].path = SCHEDULER.to_owned()), "twice"),
        (
            with(|p| {
                if let ChangeKind::Content { before, after } = &mut p.steps[1].changes[0].kind {
                    *after = before.clone();
                }
            }),
            "does not change",
        ),
        (
            with(|p| {
                p.steps[1].changes[0].path = "/etc/kubernetes/manifests".to_owned();
                if let ChangeKind::Content { before, .. } = &mut p.steps[1].changes[0].kind {
                    before.meta.mode = 0o700;
                }
            }),
            "not a regular file",
        ),
    ];
    machine.files.set_mode("/etc/kubernetes/manifests", 0o700).unwrap();
    for (plan, why) in cases {
        let text = begin(&machine.boot(), &plan).unwrap_err().to_string();
        assert!(text.contains(why), "{why}: {text}");
    }
}

#[test]
fn a_disk_without_room_is_refused_before_the_first_write() {
    for full in [true, false] {
        let machine = Machine::new();
        let disk = if full { &machine.files } else { &machine.state };
        disk.set_free_space(100);
        let before = machine.snapshot();
        let text = begin(&machine.boot(), &three_files(&machine)).unwrap_err().to_string();
        assert!(text.contains("100 bytes free"), "{text}");
        assert_eq!(machine.snapshot(), before);
        assert_eq!(machine.stored(), Vec::<u8>::new());
    }
}

#[test]
fn a_key_changes_its_mode_without_a_byte_of_it_in_the_store() {
    let machine = Machine::new();
    let before = machine.snapshot();
    let id = commit(&machine, &three_files(&machine));
    assert_eq!(
        machine.meta(KEY),
        FileMeta { mode: 0o600, uid: 0, gid: 0, xattrs: BTreeMap::new() }
    );
    let kept = |text: &str| {
        let bytes = machine.stored();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    assert!(kept("kube-scheduler"), "the store does hold the manifests");
    for line in PEM.lines() {
        assert!(!kept(line), "{line}");
    }
    undo(&machine, &only(&id));
    assert!(!kept("PRIVATE KEY"));
    assert_eq!(before.differences(&machine.snapshot()), Vec::<String>::new());
}

#[test]
fn everything_in_the_store_is_for_root_alone() {
    let machine = Machine::new();
    let id = commit(&machine, &three_files(&machine));
    undo(&machine, &only(&id));
    let entries = machine.state.snapshot().without("/lock").entries;
    assert!(entries.len() > 12, "{entries:#?}");
    for (path, entry) in entries.iter().filter(|(path, _)| path.as_str() != "/") {
        let wanted = if entry.bytes.is_empty() { 0o700 } else { 0o600 };
        assert_eq!(entry.meta.mode, wanted, "{path}");
    }
}

#[test]
fn no_name_without_a_leading_dot_appears_in_the_manifest_folder() {
    let machine = Machine::new();
    let known: Vec<String> = machine.files.snapshot().entries.into_keys().collect();
    let (node, faults) = machine.boot_faulty(Fault::Never);
    begin(&node, &three_files(&machine)).unwrap().run();
    let created: Vec<String> = faults
        .log()
        .into_iter()
        .filter(|operation| operation.tree == "files")
        .filter(|operation| ["create", "append", "make_dir", "rename"].contains(&operation.name))
        .map(|operation| operation.path)
        .filter(|path| !known.contains(path))
        .collect();
    assert_eq!(created.len(), 2, "{created:?}");
    for path in created {
        let (folder, name) = path.rsplit_once('/').unwrap();
        assert_eq!(folder, "/etc/kubernetes/manifests");
        assert!(name.starts_with(".kube-temper-"), "{path}");
    }
}

#[test]
fn a_damaged_backup_is_never_written_back() {
    // After a commit: the undo is refused.
    let machine = Machine::new();
    let id = commit(&machine, &three_files(&machine));
    let backup = format!("/transactions/{id}/backup/1");
    machine.state.put_file(&backup, 0o600, "apiVersion: v1\nkind: Nonsense\n");
    let after = machine.snapshot();
    let refused = rollback::plan(machine.boot().as_ref(), &only(&id)).unwrap_err().to_string();
    assert!(refused.contains(&backup) && refused.contains("damaged"), "{refused}");
    let history = Store::new(machine.boot().as_ref()).history().unwrap();
    assert!(history[0].damage.as_ref().unwrap().contains("damaged"), "{history:?}");
    assert_eq!(machine.snapshot(), after);

    // In an interrupted one: the others come back, this one waits for a person.
    let machine = Machine::new();
    let plan = three_files(&machine);
    let after_the_scheduler = operation_after(&machine, &plan, SCHEDULER);
    let (node, _) = machine.boot_faulty(Fault::DiesAfter { at: after_the_scheduler });
    let transaction = begin(&node, &plan).unwrap();
    let id = transaction.id().clone();
    transaction.run();
    let planned = machine.text(SCHEDULER);
    let backup = format!("/transactions/{id}/backup/1");
    machine.state.put_file(&backup, 0o600, "nonsense");
    let recovered = recover(machine.boot().as_ref()).unwrap();
    let [(_, Outcome::Stuck { cause, by_hand, .. })] = &recovered[..] else {
        panic!("{recovered:?}")
    };
    assert!(cause.contains("the backup is damaged"), "{cause}");
    let copy = format!("/var/lib/kube-temper{backup}");
    let hidden = "/etc/kubernetes/manifests/.kube-temper-by-hand";
    let command =
        format!("install -m 0600 -o 0 -g 0 {copy} {hidden} && mv -fT {hidden} {SCHEDULER}");
    assert_eq!(by_hand, &[command]);
    assert_eq!(machine.text(SCHEDULER), planned, "the nonsense was not written");
    assert_eq!(machine.meta(KEY).mode, 0o644, "the key has its old mode again");
}

/// The number of the operation that renames the new content of `path` into place.
fn operation_after(machine: &Machine, plan: &Plan, path: &str) -> u64 {
    let (node, faults) = machine.copy().boot_faulty(Fault::Never);
    begin(&node, plan).unwrap().run();
    let log = faults.log();
    let at = log.iter().position(|o| o.name == "rename" && o.path == path).unwrap();
    at as u64 + 1
}

#[test]
fn a_file_that_somebody_else_changed_meanwhile_is_not_overwritten() {
    let machine = Machine::new();
    let plan = three_files(&machine);
    // The scheduler's step is over, the controller-manager's is under way.
    let at = operation_after(&machine, &plan, MANAGER);
    let (node, _) = machine.boot_faulty(Fault::DiesAfter { at });
    begin(&node, &plan).unwrap().run();
    let theirs = machine.text(SCHEDULER) + "# theirs\n";
    machine.write(SCHEDULER, &theirs);
    let recovered = recover(machine.boot().as_ref()).unwrap();
    let [(id, Outcome::Stuck { cause, by_hand, .. })] = &recovered[..] else {
        panic!("{recovered:?}")
    };
    assert!(cause.contains("somebody else changed it"), "{cause}");
    assert_eq!(by_hand.len(), 1);
    assert!(by_hand[0].ends_with(SCHEDULER), "{by_hand:?}");
    assert_eq!(machine.text(SCHEDULER), theirs);
    assert_eq!(machine.text(MANAGER), before_text(&plan, MANAGER));
    assert_eq!(machine.meta(KEY).mode, 0o644);
    // As long as nothing of it can be put back, the same is said again and nothing is written.
    let (files, state) = (machine.snapshot(), machine.state.snapshot());
    assert_eq!(recover(machine.boot().as_ref()).unwrap(), recovered);
    assert_eq!((machine.snapshot(), machine.state.snapshot()), (files, state));
    // It does not block what comes next, and what still is ours can be taken out.
    undo(&machine, &only(id));
    assert_eq!(machine.text(SCHEDULER), before_text(&plan, SCHEDULER) + "# theirs\n");
}

#[test]
fn a_person_who_put_the_files_back_frees_a_stuck_transaction() {
    let machine = Machine::new();
    let plan = three_files(&machine);
    let at = operation_after(&machine, &plan, SCHEDULER);
    let (node, _) =
        machine.boot_faulty(Fault::FailsFrom { at: at + 1, kind: NodeErrorKind::ReadOnly });
    let outcome = begin(&node, &plan).unwrap().run();
    let Outcome::Stuck { by_hand, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(
        by_hand[1..],
        [format!("chown 1000:1000 {KEY}"), format!("chmod 0644 {KEY}")],
        "{by_hand:?}"
    );
    machine.write(SCHEDULER, &before_text(&plan, SCHEDULER));
    machine.files.set_owner(KEY, 1000, 1000).unwrap();
    machine.files.set_mode(KEY, 0o644).unwrap();
    let recovered = recover(machine.boot().as_ref()).unwrap();
    assert!(matches!(&recovered[..], [(_, Outcome::RolledBack { .. })]), "{recovered:?}");
    commit(&machine, &plan);
}

#[test]
fn a_damaged_journal_is_listed_and_never_acted_on() {
    let machine = Machine::new();
    let plan = three_files(&machine);
    let (node, _) =
        machine.boot_faulty(Fault::DiesAfter { at: operation_after(&machine, &plan, SCHEDULER) });
    let transaction = begin(&node, &plan).unwrap();
    let id = transaction.id().clone();
    transaction.run();
    let journal = format!("/transactions/{id}/journal.jsonl");
    let good = String::from_utf8(machine.state.read(&journal, 1 << 20).unwrap()).unwrap();
    let mut lines: Vec<&str> = good.lines().collect();
    lines[2] = "{\"seq\":2,\"at\":";
    machine.state.put_file(&journal, 0o600, lines.join("\n") + "\n");
    let files = machine.snapshot();
    let boot = machine.boot();

    let history = Store::new(boot.as_ref()).history().unwrap();
    let damage = history[0].damage.as_ref().unwrap();
    assert!(damage.contains("journal.jsonl line 3"), "{damage}");
    assert_eq!(history[0].outcome, None);
    assert_eq!(begin(&boot, &plan).unwrap_err(), Refusal::Unfinished(id.clone()));
    let refused = recover(boot.as_ref()).unwrap_err().to_string();
    assert!(refused.contains("line 3") && refused.contains("/backup"), "{refused}");
    assert_eq!(machine.snapshot(), files);

    // One that has ended is shown with its damage and stands in nobody's way.
    lines.push(r#"{"seq":9,"at":"2026-11-24T05:26:01Z","record":"committed"}"#);
    machine.state.put_file(&journal, 0o600, lines.join("\n") + "\n");
    let history = Store::new(boot.as_ref()).history().unwrap();
    assert_eq!(history[0].outcome, Some(Outcome::Committed));
    assert!(history[0].damage.is_some());
    assert_eq!(recover(boot.as_ref()).unwrap(), []);
    assert!(rollback::plan(boot.as_ref(), &only(&id)).is_err());
}

#[test]
fn a_mode_changes_in_the_order_in_which_nobody_gains_access() {
    let meta = |mode, uid| FileMeta { mode, uid, gid: uid, xattrs: BTreeMap::new() };
    // From, to, and the calls: never a moment with more than both sides allow to a new owner.
    let cases: [(FileMeta, FileMeta, &[&str]); 4] = [
        (meta(0o644, 0), meta(0o600, 0), &["set_mode"]),
        (meta(0o644, 1000), meta(0o600, 0), &["set_mode", "set_owner"]),
        (meta(0o600, 0), meta(0o644, 1000), &["set_owner", "set_mode"]),
        (meta(0o604, 0), meta(0o640, 1000), &["set_mode", "set_owner", "set_mode"]),
    ];
    for (before, after, calls) in cases {
        let files = MemoryFiles::new().with_file("/k", before.mode, "x");
        let machine = Machine {
            files: Arc::new(files.with_owner("/k", before.uid, before.gid)),
            state: Arc::new(MemoryFiles::new()),
        };
        let change = kube_temper::model::Change {
            path: "/k".to_owned(),
            named: None,
            edits: vec![edit("1.1.21", Edit::Mode { mode: after.mode })],
            kind: ChangeKind::Metadata { before, after: after.clone() },
        };
        let (node, faults) = machine.boot_faulty(Fault::Never);
        let plan = plan(vec![step(StepTarget::Metadata, vec![change])]);
        assert_eq!(begin(&node, &plan).unwrap().run(), Outcome::Committed);
        let log = faults.log();
        let made: Vec<&str> = log
            .iter()
            .filter(|operation| operation.name.starts_with("set_"))
            .map(|operation| operation.name)
            .collect();
        assert_eq!(made, calls);
        assert_eq!(machine.meta("/k"), after);
    }
}

#[test]
fn an_interrupted_change_is_judged_again_before_it_is_committed() {
    type Judgement = fn() -> Result<Vec<Observation>, String>;
    let judgements: [(Judgement, bool); 2] = [
        (|| Err("a new scan does not agree".to_owned()), false),
        (
            || {
                let text = "a new scan passes".to_owned();
                Ok(vec![Observation { component: None, text, proves: true }])
            },
            true,
        ),
    ];
    for (judgement, agrees) in judgements {
        let machine = Machine::new();
        let plan = three_files(&machine);
        let (node, faults) = machine.copy().boot_faulty(Fault::Never);
        begin(&node, &plan).unwrap().run();
        // The last record written is the commit.
        let log = faults.log();
        let at = log.iter().rposition(|operation| operation.name == "append").unwrap() as u64;
        let (node, _) = machine.boot_faulty(Fault::DiesAfter { at });
        begin(&node, &plan).unwrap().run();

        let prover = |_: &Loaded| -> Option<Prove> { Some(Box::new(move |_| judgement())) };
        let means = Means { prover: &prover, cluster: &|_| None };
        let recovered = recover_by(machine.boot().as_ref(), By::Person, None, &means).unwrap();
        let [(id, outcome)] = &recovered[..] else { panic!("{recovered:?}") };
        let journal = Journal::read(machine.boot().as_ref(), id).unwrap();
        if agrees {
            assert_eq!(*outcome, Outcome::Committed);
            let said = |record: &Record| {
                matches!(&record.kind, RecordKind::Observed { observation, .. }
                    if observation.text == "a new scan passes")
            };
            assert!(journal.records.iter().any(said));
        } else {
            let Outcome::RolledBack { cause, .. } = outcome else { panic!("{outcome:?}") };
            assert!(cause.contains("does not agree"), "{cause}");
            assert_eq!(machine.text(SCHEDULER), before_text(&plan, SCHEDULER));
        }
    }
}

#[test]
fn a_change_that_died_in_its_countdown_is_put_back_unless_it_was_confirmed() {
    for confirmed in [false, true] {
        let machine = Machine::new();
        let plan = three_files(&machine);
        let order = Order { keep: Keep::Confirmed { within: 60 }, ..Order::from(purpose(&plan)) };
        // The request lies there before it is asked for, where somebody confirms.
        let begun = |node: &Arc<dyn Node>| {
            let transaction = apply::begin(node, &plan, order.clone()).unwrap();
            let id = transaction.id().clone();
            if confirmed {
                let by = "anna".to_owned();
                requests::leave(node.as_ref(), &id, &Request::Confirm { by }).unwrap();
            }
            transaction
        };
        let (node, faults) = machine.copy().boot_faulty(Fault::Never);
        let rehearsed = begun(&node);
        let id = rehearsed.id().clone();
        rehearsed.run();
        let last = |kind: &RecordKind| match confirmed {
            true => matches!(kind, RecordKind::Confirmed { .. }),
            false => matches!(kind, RecordKind::Waiting { .. }),
        };
        let journal = Journal::read(node.as_ref(), &id).unwrap();
        let record = journal.records.iter().position(|record| last(&record.kind)).unwrap();
        let log = faults.log();
        let mut appends = log.iter().enumerate().filter(|(_, operation)| {
            operation.name == "append" && operation.path.ends_with("journal.jsonl")
        });
        let at = appends.nth(record).unwrap().0 as u64 + 1;
        let (node, _) = machine.boot_faulty(Fault::DiesAfter { at });
        begun(&node).run();
        let recovered = recover(machine.boot().as_ref()).unwrap();
        let [(_, outcome)] = &recovered[..] else { panic!("{recovered:?}") };
        if confirmed {
            assert_eq!(*outcome, Outcome::Committed);
        } else {
            let Outcome::RolledBack { reason, .. } = outcome else { panic!("{outcome:?}") };
            assert_eq!(*reason, Reason::Unconfirmed);
            assert_eq!(machine.text(SCHEDULER), before_text(&plan, SCHEDULER));
        }
    }
}
