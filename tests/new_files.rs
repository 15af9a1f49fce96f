//! Files and folders that come with a change, and go with its undo.

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

use kube_temper::{
    apply::{
        self, Refusal,
        recover::recover,
        rollback::{self, Which},
    },
    model::{
        Change, ChangeKind, Edit, Outcome, Plan, Reversibility, StepTarget, change::PlannedControl,
    },
    node::{Files as _, NodeErrorKind, fault::Fault},
    store::Store,
    text::diff,
};
use machine::{
    HARDENING, Machine, SCHEDULER, begin, commit, edit, id, only, plan_undo, undo, with_new_files,
};

const CONFIG: &str = "/etc/kubernetes/hardening/config.yaml";
const OTHER: &str = "/etc/kubernetes/hardening/other.yaml";

fn exists(machine: &Machine, path: &str) -> bool {
    machine.files.lstat(path).unwrap().is_some()
}

fn change<'p>(plan: &'p mut Plan, path: &str) -> &'p mut Change {
    plan.steps[0].changes.iter_mut().find(|change| change.path == path).unwrap()
}

fn refusal(machine: &Machine, plan: &Plan) -> String {
    begin(&machine.boot(), plan).err().unwrap().to_string()
}

#[test]
fn what_came_goes_again_and_comes_again() {
    let machine = Machine::new();
    let before = machine.snapshot();
    let plan = with_new_files(&machine);
    let first = commit(&machine, &plan);
    let after = machine.snapshot();
    let meta = machine.meta(HARDENING);
    assert_eq!((meta.mode, meta.uid, machine.meta(CONFIG).mode), (0o750, 0, 0o600));
    assert_eq!(machine.text(CONFIG), "kind: KubeSchedulerConfiguration\n");

    let gone = undo(&machine, &only(&first));
    assert_eq!(before.differences(&machine.snapshot()), Vec::<String>::new());
    undo(&machine, &only(&gone));
    assert_eq!(after.differences(&machine.snapshot()), Vec::<String>::new());
    undo(&machine, &Which::All);
    assert_eq!(before.differences(&machine.snapshot()), Vec::<String>::new());
}

#[test]
fn the_difference_shows_what_comes_and_what_goes() {
    let machine = Machine::new();
    let plan = with_new_files(&machine);
    let shown: Vec<_> = plan.changes().map(|change| diff::of_change(change, 3)).collect();
    let headers: Vec<&str> = shown.iter().flat_map(|diff| &diff.headers).map(|h| &**h).collect();
    let file = "new file, mode 0600, owner 0:0";
    assert_eq!(headers, ["new folder, mode 0750, owner 0:0", file, file]);
    assert_eq!(shown[0].hunks, []);
    let line = &shown[1].hunks[0].lines[0];
    assert_eq!((line.sign, line.text().as_str()), ('+', "kind: KubeSchedulerConfiguration"));
    assert_eq!(line.controls, [id("1.4.1")]);

    let first = commit(&machine, &plan);
    let planned = plan_undo(&machine, &only(&first));
    let paths: Vec<&str> = planned.plan.changes().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, [SCHEDULER, OTHER, CONFIG, HARDENING], "the other way round");
    let last = diff::of_change(planned.plan.changes().last().unwrap(), 3);
    assert_eq!(last.headers, ["removed folder, mode 0750, owner 0:0"]);
}

#[test]
fn what_somebody_made_theirs_since_stays() {
    let machine = Machine::new();
    let before = machine.text(SCHEDULER);
    let first = commit(&machine, &with_new_files(&machine));
    machine.write(CONFIG, "kind: Theirs\n");
    machine.files.put_file(&format!("{HARDENING}/theirs.yaml"), 0o600, "theirs");
    let planned = plan_undo(&machine, &only(&first));
    assert_eq!(planned.notes, [format!("{CONFIG} was changed since we created it: it stays")]);
    undo(&machine, &only(&first));
    assert_eq!(machine.text(SCHEDULER), before);
    assert_eq!(machine.text(CONFIG), "kind: Theirs\n");
    assert!(exists(&machine, &format!("{HARDENING}/theirs.yaml")) && !exists(&machine, OTHER));
}

#[test]
fn what_is_there_by_now_is_not_overwritten() {
    let told = |path| format!("{path} changed since the plan was made (it is there by now)");
    for path in [HARDENING, CONFIG] {
        let machine = Machine::new();
        let plan = with_new_files(&machine);
        machine.files.put_file(path, 0o644, "theirs");
        let before = machine.snapshot();
        let refused = refusal(&machine, &plan);
        assert!(refused.contains(&told(HARDENING)), "{refused}");
        assert_eq!(machine.snapshot(), before);
    }
    // What was removed meanwhile is not there to be removed.
    let machine = Machine::new();
    let first = commit(&machine, &with_new_files(&machine));
    let planned = plan_undo(&machine, &only(&first));
    machine.files.remove(OTHER).unwrap();
    let told = apply::begin(&machine.boot(), &planned.plan, planned.purpose()).err().unwrap();
    assert!(matches!(&told, Refusal::Stale { path, .. } if path == OTHER), "{told}");
}

#[test]
fn a_plan_that_cannot_be_carried_out_in_its_order_is_refused() {
    let machine = Machine::new();
    let mut plan = with_new_files(&machine);
    plan.steps[0].changes.reverse();
    assert!(refusal(&machine, &plan).contains("not in the order of execution"));

    let mut plan = with_new_files(&machine);
    plan.steps[0].changes.remove(0);
    let told = refusal(&machine, &plan);
    assert!(told.contains(&format!("{HARDENING} is no folder")), "{told}");

    // A file that nothing is proved about.
    let mut plan = with_new_files(&machine);
    plan.steps[0].target = StepTarget::Metadata;
    plan.steps[0].changes.retain(|change| change.path != SCHEDULER);
    assert!(refusal(&machine, &plan).contains("in a step that proves no content"));

    let mut plan = with_new_files(&machine);
    change(&mut plan, CONFIG).path = "/etc/kubernetes/hardening/../x".to_owned();
    assert!(refusal(&machine, &plan).contains("without '.' and '..'"));
}

#[test]
fn a_file_that_two_controls_need_stays_while_one_of_them_stands() {
    let machine = Machine::new();
    let mut plan = with_new_files(&machine);
    let before = machine.snapshot();
    for path in [HARDENING, CONFIG, OTHER] {
        change(&mut plan, path).edits.push(edit("1.4.2", Edit::Create));
    }
    plan.controls.push(PlannedControl {
        control: id("1.4.2"),
        title: "another".to_owned(),
        tier: plan.controls[0].tier,
        reversible: Reversibility::Bytes,
    });
    commit(&machine, &plan);
    undo(&machine, &Which::Control(id("1.4.1")));
    assert!(exists(&machine, CONFIG), "1.4.2 needs it");
    undo(&machine, &Which::Control(id("1.4.2")));
    assert_eq!(before.differences(&machine.snapshot()), Vec::<String>::new());
}

#[test]
fn files_that_nobody_names_any_more_go_without_a_restart() {
    let machine = Machine::new();
    let original = machine.text(SCHEDULER);
    let first = commit(&machine, &with_new_files(&machine));
    // As 'kubeadm upgrade' leaves it.
    machine.write(SCHEDULER, &original);
    let planned = plan_undo(&machine, &only(&first));
    let targets: Vec<StepTarget> = planned.plan.steps.iter().map(|step| step.target).collect();
    assert_eq!(targets, [StepTarget::Metadata]);
    undo(&machine, &only(&first));
    assert!(!exists(&machine, HARDENING));
}

#[test]
fn what_stands_in_the_way_of_a_second_undo_is_said() {
    let machine = Machine::new();
    let first = commit(&machine, &with_new_files(&machine));
    let gone = undo(&machine, &only(&first));
    machine.files.put_dir(HARDENING, 0o700);
    machine.files.put_file(CONFIG, 0o600, "theirs");
    let planned = rollback::plan(machine.boot().as_ref(), &only(&gone)).unwrap();
    let [conflict] = &planned.conflicts[..] else { panic!("{:?}", planned.conflicts) };
    assert!(conflict.contains(&format!("{CONFIG} is there again")), "{conflict}");
}

#[test]
fn a_person_is_told_how_to_take_it_away_by_hand() {
    let machine = Machine::new();
    let plan = with_new_files(&machine);
    let probe = machine.copy();
    let (node, faults) = probe.boot_faulty(Fault::Never);
    begin(&node, &plan).unwrap().run();
    let at = faults.log().iter().rposition(|op| op.path.ends_with(SCHEDULER)).unwrap() as u64;
    let fault = Fault::FailsFrom { at: at + 2, kind: NodeErrorKind::ReadOnly };
    let (node, _) = machine.boot_faulty(fault);
    let outcome = begin(&node, &plan).unwrap().run();
    let Outcome::Stuck { by_hand, .. } = outcome else { panic!("{outcome:?}") };
    assert!(by_hand.contains(&format!("rm -f {OTHER}")), "{by_hand:#?}");
    assert_eq!(by_hand.last(), Some(&format!("rmdir {HARDENING}")), "{by_hand:#?}");
    recover(machine.boot().as_ref()).unwrap();
    assert!(!exists(&machine, HARDENING));
}

#[test]
fn the_backup_says_what_was_not_there() {
    let machine = Machine::new();
    let first = commit(&machine, &with_new_files(&machine));
    let node = machine.boot();
    let kept = kube_temper::store::backup::manifest(node.as_ref(), &first).unwrap();
    let there: Vec<(&str, bool, bool)> = kept
        .entries
        .iter()
        .map(|entry| (entry.path.as_str(), entry.meta.is_some(), entry.content.is_some()))
        .collect();
    let new = [HARDENING, CONFIG, OTHER].map(|path| (path, false, false));
    assert_eq!(there, [&new[..], &[(SCHEDULER, true, true)]].concat());
    // What was written is what the journal says, or nothing is undone.
    let plan = format!("/transactions/{first}/plan.json");
    let text = String::from_utf8(machine.state.read(&plan, 1 << 20).unwrap()).unwrap();
    assert!(text.contains("kind: Other"), "{text}");
    machine.state.put_file(&plan, 0o600, text.replace("kind: Other", "kind: Forged"));
    let told = rollback::plan(node.as_ref(), &only(&first)).unwrap_err().to_string();
    assert!(told.contains("differs from the journal"), "{told}");
    assert_eq!(Store::new(node.as_ref()).list().unwrap(), [first]);
}

#[test]
fn a_plan_keeps_what_it_creates_on_its_way_through_a_file() {
    let machine = Machine::new();
    let plan = with_new_files(&machine);
    let text = serde_json::to_string(&plan).unwrap();
    let read: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(read, plan);
    let comes = |change: &&Change| matches!(change.kind, ChangeKind::Create { .. });
    assert_eq!(read.changes().filter(comes).count(), 3);
}
