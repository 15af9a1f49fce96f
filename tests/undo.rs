//! Undoing earlier transactions on a node that went on living.

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

use std::collections::BTreeMap;

use kube_temper::{
    apply::rollback::{self, Which},
    model::{
        AttributedEdit, Change, ChangeKind, Component, ControlId, Edit, FieldValue, FileMeta,
        Reversibility, StepTarget, Tier, journal::Purpose,
    },
    node::Files as _,
    store::Store,
    text,
};
use machine::{
    KEY, MANAGER, Machine, SCHEDULER, before_text, commit, content, edit, id, key_change, only,
    plan, plan_undo, scheduler_flag, set_flag, step, three_files, undo, upgraded, with_flag,
};

const KUBELET: &str = "/var/lib/kubelet/config.yaml";

#[test]
fn a_kubeadm_upgrade_in_between_is_not_downgraded() {
    // It kept our flag (a patch, or the cluster configuration): only the flag goes.
    let machine = Machine::new();
    let original = machine.text(SCHEDULER);
    let id = commit(&machine, &scheduler_flag(&machine, "1.4.1", "profiling", "false"));
    machine.write(SCHEDULER, &upgraded(&machine.text(SCHEDULER)));
    let planned = plan_undo(&machine, &only(&id));
    assert_eq!(planned.plan.steps.len(), 1);
    assert_eq!(planned.plan.steps[0].target, StepTarget::KubeScheduler);
    assert_eq!(planned.plan.steps[0].tier, Tier::R1);
    undo(&machine, &only(&id));
    assert_eq!(machine.text(SCHEDULER), upgraded(&original));

    // It wrote the manifest afresh: our flag is gone already, nothing is left to do.
    let machine = Machine::new();
    let id = commit(&machine, &scheduler_flag(&machine, "1.4.1", "profiling", "false"));
    machine.write(SCHEDULER, &upgraded(&original));
    let planned = plan_undo(&machine, &only(&id));
    assert!(planned.plan.is_empty(), "{planned:?}");
    assert_eq!(planned.conflicts, Vec::<String>::new());
}

#[test]
fn somebody_elses_value_is_a_conflict() {
    let machine = Machine::new();
    let id = commit(&machine, &scheduler_flag(&machine, "1.4.1", "profiling", "false"));
    machine.write(SCHEDULER, &machine.text(SCHEDULER).replace("profiling=false", "profiling=true"));
    let planned = plan_undo(&machine, &only(&id));
    assert!(planned.conflicts[0].contains("profiling=false"), "{:?}", planned.conflicts);
}

#[test]
fn any_transaction_in_the_history_can_be_undone_and_done_again() {
    let machine = Machine::new();
    let original = machine.text(SCHEDULER);
    let first = commit(&machine, &scheduler_flag(&machine, "1.4.1", "profiling", "false"));
    let second = commit(&machine, &scheduler_flag(&machine, "1.4.2", "v", "2"));
    let third = commit(&machine, &scheduler_flag(&machine, "1.4.3", "logging-format", "json"));
    let all = machine.text(SCHEDULER);

    let undone = undo(&machine, &only(&second));
    assert_eq!(machine.text(SCHEDULER), all.replace("    - --v=2\n", ""));
    let history = Store::new(machine.boot().as_ref()).history().unwrap();
    let by: Vec<_> = history.iter().map(|line| line.undone_by.clone()).collect();
    assert_eq!(by, [None, None, Some(undone.clone()), None], "latest first");
    assert_eq!(history[0].id, undone);
    let again = rollback::plan(machine.boot().as_ref(), &only(&second)).unwrap_err().to_string();
    assert!(again.contains(&format!("undone already, by {undone}")), "{again}");

    let redone = undo(&machine, &only(&undone));
    assert_eq!(machine.text(SCHEDULER), all);
    let history = Store::new(machine.boot().as_ref()).history().unwrap();
    assert_eq!(history.iter().filter(|line| line.undone_by.is_some()).count(), 1);
    assert_eq!(history[1].undone_by, Some(redone));

    let planned = plan_undo(&machine, &Which::Last);
    assert_eq!(planned.of, std::slice::from_ref(&third));
    let planned = plan_undo(&machine, &Which::All);
    assert_eq!(planned.of, [third, second, first]);
    undo(&machine, &Which::All);
    assert_eq!(machine.text(SCHEDULER), original);
    let nothing = rollback::plan(machine.boot().as_ref(), &Which::All).unwrap_err().to_string();
    assert!(nothing.contains("nothing that was applied still stands"), "{nothing}");
}

#[test]
fn one_control_of_several_is_undone_in_mode_and_owner() {
    let machine = Machine::new();
    let mut change = key_change(&machine, "1.1.21");
    change.edits[1].control = id("1.1.19");
    commit(&machine, &plan(vec![step(StepTarget::Metadata, vec![change])]));
    let planned = plan_undo(&machine, &Which::Control(id("1.1.19")));
    let controls: Vec<ControlId> =
        planned.plan.controls.iter().map(|c| c.control.clone()).collect();
    assert_eq!(controls, [id("1.1.19")]);
    undo(&machine, &Which::Control(id("1.1.19")));
    assert_eq!(
        machine.meta(KEY),
        FileMeta { mode: 0o600, uid: 1000, gid: 1000, xattrs: BTreeMap::new() }
    );
    undo(&machine, &Which::All);
    assert_eq!(machine.meta(KEY).mode, 0o644);
}

/// A change by text edits, as plans make it.
fn edited(machine: &Machine, path: &str, edits: Vec<AttributedEdit>) -> Change {
    let text = machine.text(path);
    let after = if path == KUBELET {
        text::kubelet::edit(&text, &edits).unwrap()
    } else {
        text::manifest::edit(&text, Component::KubeScheduler, &edits).unwrap()
    };
    content(machine, path, &after, edits)
}

#[test]
fn one_control_of_several_is_undone_in_a_shared_text() {
    let field = |control: &str, field: &str, value: FieldValue| {
        edit(control, Edit::SetField { field: field.to_owned(), value })
    };
    let scheduler = vec![
        set_flag("1.4.1", "profiling", "false"),
        set_flag("1.4.2", "bind-address", "127.0.0.2"),
        set_flag("1.4.3", "logging-format", "json"),
    ];
    let kubelet = vec![
        field("4.2.4", "readOnlyPort", FieldValue::Int(0)),
        field("4.2.13", "podPidsLimit", FieldValue::Int(4096)),
        field("4.2.1", "authentication.anonymous.enabled", FieldValue::Bool(true)),
    ];
    for (path, target, edits) in
        [(SCHEDULER, StepTarget::KubeScheduler, scheduler), (KUBELET, StepTarget::Kubelet, kubelet)]
    {
        for undone in &edits {
            let machine = Machine::new();
            let original = machine.text(path);
            let others: Vec<AttributedEdit> =
                edits.iter().filter(|edit| *edit != undone).cloned().collect();
            let without = edited(&machine, path, others);
            let change = edited(&machine, path, edits.clone());
            commit(&machine, &plan(vec![step(target, vec![change])]));
            undo(&machine, &Which::Control(undone.control.clone()));
            let ChangeKind::Content { after, .. } = &without.kind else { panic!() };
            assert_eq!(machine.text(path), after.text, "{}", undone.control);
            let nothing =
                rollback::plan(machine.boot().as_ref(), &Which::Control(undone.control.clone()));
            assert!(nothing.unwrap_err().to_string().contains("nothing that stands"));
            // The others are undone with the rest, though ours is gone already.
            undo(&machine, &Which::All);
            assert_eq!(machine.text(path), original, "{}", undone.control);
        }
    }
}

#[test]
fn controls_that_cannot_be_told_apart_are_undone_together() {
    let machine = Machine::new();
    let original = machine.text(SCHEDULER);
    // Written by another version: its edits applied again do not give this text.
    let after = with_flag(&original, "kube-scheduler", "v", "2");
    let edits = vec![set_flag("1.4.1", "profiling", "false"), set_flag("1.4.2", "v", "2")];
    let change = content(&machine, SCHEDULER, &after, edits);
    commit(&machine, &plan(vec![step(StepTarget::KubeScheduler, vec![change])]));
    let planned = plan_undo(&machine, &Which::Control(id("1.4.2")));
    assert!(planned.conflicts[0].contains("1.4.1, 1.4.2 together"), "{:?}", planned.conflicts);
    undo(&machine, &Which::Last);
    assert_eq!(machine.text(SCHEDULER), original);
}

#[test]
fn a_file_that_is_gone_is_refused_with_what_can_still_be_undone() {
    let machine = Machine::new();
    let plan = three_files(&machine);
    let first = commit(&machine, &plan);
    let text = machine.text(SCHEDULER);
    machine.files.remove(SCHEDULER).unwrap();
    for which in [only(&first), Which::Last, Which::All] {
        let refusal = plan_undo(&machine, &which).refusal().unwrap();
        assert!(refusal.contains(&format!("1.4.1: {SCHEDULER} no longer exists")), "{refusal}");
        for rest in
            ["'kube-temper rollback --check 1.3.2'", "'kube-temper rollback --check 1.1.21'"]
        {
            assert!(refusal.contains(rest), "{refusal}");
        }
        assert!(!refusal.contains("--check 1.4.1"), "{refusal}");
    }

    let undone = undo(&machine, &Which::Control(id("1.3.2")));
    assert_eq!(machine.text(MANAGER), before_text(&plan, MANAGER));
    let history = Store::new(machine.boot().as_ref()).history().unwrap();
    assert_eq!((&history[1].undone_by, &history[1].partly_undone_by), (&None, &Some(undone)));

    // Where the file comes back, so does our setting: it was never called undone.
    machine.files.put_file(SCHEDULER, 0o600, text);
    let last = undo(&machine, &only(&first));
    assert_eq!(machine.text(SCHEDULER), before_text(&plan, SCHEDULER));
    let history = Store::new(machine.boot().as_ref()).history().unwrap();
    assert_eq!((&history[2].undone_by, &history[2].partly_undone_by), (&Some(last), &None));
}

#[test]
fn the_mode_of_a_key_that_is_gone_is_nothing_to_put_back() {
    let machine = Machine::new();
    let plan = three_files(&machine);
    let first = commit(&machine, &plan);
    machine.files.remove(KEY).unwrap();
    undo(&machine, &only(&first));
    assert_eq!(machine.text(SCHEDULER), before_text(&plan, SCHEDULER));
    let history = Store::new(machine.boot().as_ref()).history().unwrap();
    assert!(history[1].undone_by.is_some());
}

#[test]
fn the_last_is_the_last_that_bytes_can_undo() {
    let machine = Machine::new();
    let first = commit(&machine, &scheduler_flag(&machine, "1.4.1", "profiling", "false"));
    let mut second = scheduler_flag(&machine, "1.4.2", "v", "2");
    second.controls[0].reversible = Reversibility::Procedure;
    let second = commit(&machine, &second);
    assert_eq!(plan_undo(&machine, &Which::Last).of, [first]);
    let refusal = plan_undo(&machine, &only(&second)).refusal().unwrap();
    assert!(refusal.contains("kube-temper explain 1.4.2"), "{refusal}");
}

#[test]
fn an_attribute_that_somebody_set_since_is_shown_and_kept() {
    let machine = Machine::new();
    let first = commit(&machine, &three_files(&machine));
    assert_eq!(plan_undo(&machine, &only(&first)).notes, Vec::<String>::new());
    machine.files.put_xattr(SCHEDULER, "user.x", b"theirs");
    machine.files.put_xattr(
        SCHEDULER,
        "security.selinux",
        b"system_u:object_r:kubernetes_file_t:s0",
    );
    assert_eq!(
        plan_undo(&machine, &only(&first)).notes,
        [
            format!("{SCHEDULER}: extended attribute security.selinux was changed since; kept"),
            format!("{SCHEDULER}: extended attribute user.x was set since; kept"),
        ]
    );
    undo(&machine, &only(&first));
    assert_eq!(machine.files.xattrs(SCHEDULER).unwrap()["user.x"], b"theirs");
}

#[test]
fn an_undo_that_found_nothing_is_not_undone_itself() {
    let machine = Machine::new();
    let scheduler = machine.text(SCHEDULER);
    let first = commit(&machine, &scheduler_flag(&machine, "1.4.1", "profiling", "false"));
    machine.write(SCHEDULER, &scheduler);
    let planned = plan_undo(&machine, &only(&first));
    let noted = rollback::note(machine.boot().as_ref(), &planned).unwrap();
    let again = rollback::plan(machine.boot().as_ref(), &only(&noted)).unwrap_err().to_string();
    assert!(again.contains("changed nothing that can be undone"), "{again}");
}

#[test]
fn a_mode_that_somebody_else_set_since_is_refused_with_the_way_out() {
    let machine = Machine::new();
    let first = commit(
        &machine,
        &plan(vec![step(StepTarget::Metadata, vec![key_change(&machine, "1.1.21")])]),
    );
    machine.files.set_mode(KEY, 0o400).unwrap();
    let refusal = plan_undo(&machine, &only(&first)).refusal().unwrap();
    assert_eq!(
        refusal,
        format!(
            "1.1.21: the mode of {KEY} is 0400, somebody else changed it since: it was 0644 and we made it 0600; set it to one of these, then roll back again"
        )
    );
    machine.files.set_mode(KEY, 0o644).unwrap();
    undo(&machine, &only(&first));
    assert_eq!(
        machine.meta(KEY),
        FileMeta { mode: 0o644, uid: 1000, gid: 1000, xattrs: BTreeMap::new() }
    );
}

#[test]
fn what_bytes_cannot_undo_is_refused_by_every_path() {
    let machine = Machine::new();
    let mut plan = three_files(&machine);
    for planned in &mut plan.controls {
        if planned.control == id("1.4.1") {
            planned.reversible = Reversibility::OneWay;
        }
    }
    let first = commit(&machine, &plan);
    for which in [only(&first), Which::Last, Which::All, Which::Control(id("1.4.1"))] {
        let planned = plan_undo(&machine, &which);
        let text = planned.refusal().unwrap();
        assert!(text.contains("kube-temper explain 1.4.1"), "{which:?}: {text}");
        let rest = text.contains("'kube-temper rollback --check 1.3.2'");
        assert_eq!(rest, which != Which::Control(id("1.4.1")), "{which:?}: {text}");
    }
    undo(&machine, &Which::Control(id("1.3.2")));
    assert_eq!(machine.text(MANAGER), before_text(&plan, MANAGER));
}

#[test]
fn an_undo_says_what_it_sets_back() {
    let machine = Machine::new();
    let first = commit(&machine, &three_files(&machine));
    let planned = plan_undo(&machine, &only(&first));
    let edits: Vec<Edit> =
        planned.plan.changes().flat_map(|c| c.edits.iter().map(|e| e.edit.clone())).collect();
    assert_eq!(
        edits,
        [
            Edit::Mode { mode: 0o644 },
            Edit::Owner { uid: 1000, gid: 1000 },
            Edit::RemoveFlag { flag: "profiling".to_owned() },
            Edit::RemoveFlag { flag: "profiling".to_owned() },
        ]
    );
    let order: Vec<StepTarget> = planned.plan.steps.iter().map(|step| step.target).collect();
    assert_eq!(
        order,
        [StepTarget::Metadata, StepTarget::KubeScheduler, StepTarget::KubeControllerManager]
    );
    assert_eq!(
        planned.purpose(),
        Purpose::Rollback {
            of: vec![first],
            controls: vec![id("1.1.21"), id("1.3.2"), id("1.4.1")]
        }
    );
}

/// The line moved to the front of the arguments.
fn moved(text: &str, line: &str) -> String {
    let line = format!("    - {line}\n");
    let first = "    - kube-scheduler\n";
    assert!(text.contains(&line) && text.contains(first), "{text}");
    text.replace(&line, "").replace(first, &format!("{first}{line}"))
}

#[test]
fn a_line_of_ours_that_somebody_moved_is_taken_out_where_it_stands() {
    let machine = Machine::new();
    let original = machine.text(SCHEDULER);
    let id = commit(&machine, &scheduler_flag(&machine, "1.4.1", "profiling", "false"));
    machine.write(SCHEDULER, &moved(&machine.text(SCHEDULER), "--profiling=false"));
    undo(&machine, &only(&id));
    assert_eq!(machine.text(SCHEDULER), original);
}

#[test]
fn a_flag_of_ours_that_is_in_force_another_way_is_a_conflict() {
    for other in ["    - --profiling\n    - \"false\"\n", "    - \"--profiling=false\"\n"] {
        let machine = Machine::new();
        let original = machine.text(SCHEDULER);
        let id = commit(&machine, &scheduler_flag(&machine, "1.4.1", "profiling", "false"));
        let first = "    - kube-scheduler\n";
        machine.write(SCHEDULER, &original.replace(first, &format!("{first}{other}")));
        let planned = plan_undo(&machine, &only(&id));
        let conflict = planned.conflicts.first().expect(other);
        assert!(conflict.contains("profiling"), "{conflict}");
        assert!(conflict.contains(SCHEDULER), "{conflict}");
    }
}

#[test]
fn what_is_gone_already_is_noted_and_the_next_one_comes_up() {
    let machine = Machine::new();
    let original = machine.text(MANAGER);
    let first = commit(
        &machine,
        &plan(vec![step(
            StepTarget::KubeControllerManager,
            vec![machine::profiling(&machine, "1.3.2", MANAGER, "kube-controller-manager")],
        )]),
    );
    let scheduler = machine.text(SCHEDULER);
    let second = commit(&machine, &scheduler_flag(&machine, "1.4.1", "profiling", "false"));
    machine.write(SCHEDULER, &scheduler);
    let before = machine.snapshot();

    let planned = plan_undo(&machine, &Which::Last);
    assert_eq!(planned.of, std::slice::from_ref(&second));
    assert!(planned.plan.is_empty(), "{planned:?}");
    let noted = rollback::note(machine.boot().as_ref(), &planned).unwrap();
    assert_eq!(machine.snapshot(), before, "nothing is written to the node");
    let history = Store::new(machine.boot().as_ref()).history().unwrap();
    assert_eq!(history[1].undone_by, Some(noted));

    let planned = plan_undo(&machine, &Which::Last);
    assert_eq!(planned.of, [first]);
    undo(&machine, &Which::Last);
    assert_eq!(machine.text(MANAGER), original);
}
