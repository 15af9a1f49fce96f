//! Whole journeys, from the first look to what is left on the node.

use kube_temper::{
    model::{Component, Outcome},
    tui::Action::{
        Apply, Back, Bottom, Confirm, Diff, Down, Filter, History, Keep, MoreTime, NextHunk, Open,
        Plan, PutBack, QuitWithSummary, Undo,
    },
};

use crate::journey::{
    Change::{Line, Mode},
    Journey, MANAGER, SCHEDULER, SERVER,
};

const PROFILING: &str = "    - --profiling=false";
const CNI: &str = "/etc/cni/net.d/10-bridge.conflist";
const UNIT: &str = "/usr/lib/systemd/system/kubelet.service";
const DROP_IN: &str = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf";

#[test]
fn three_fixes_are_kept_and_only_they_go_again() {
    let mut journey = Journey::begin();
    journey.shows(&["[1 Findings]", "DEMO", "cis-2.0", "filter: wrong here", "score 82%"]);
    journey
        .does(&[Filter])
        .shows(&["filter"])
        .does(&[Down, Down, Open])
        .does(&[Filter])
        .does(&[Back, Back])
        .shows(&["filter: wrong here"]);

    // The first, which stays.
    journey.mark("4.1.1").does(&[Plan, Apply, Confirm]).shows(&["COMMITTED", "4.1.1 is PASS now"]);
    let first = [Mode(UNIT, 0o644, 0o600), Mode(DROP_IN, 0o644, 0o600)];
    journey.node_has(&first);

    // Three at once: the middle one of the history.
    journey.does(&[Back]).mark("1.1.9").mark("1.3.2").mark("1.2.15").shows(&["3 marked"]);
    journey
        .does(&[Plan])
        .shows(&[
            "3 fixes, 3 files, 2 restarts, risk R2",
            "modes and owners",
            "kube-controller-manager restarts (R1)",
            "kube-apiserver restarts (R2)",
        ])
        .does(&[Diff])
        .shows(&["mode 0644 -> 0600", "1.3.2  +     - --profiling=false"])
        .does(&[NextHunk, Back])
        .does(&[Apply])
        .shows(&["Apply?", "yes, do it"])
        .node_has(&first);
    journey.does(&[Confirm]).shows(&[
        "NOT YET PERMANENT",
        "put back by itself in 05:00",
        "has proved itself",
    ]);
    let three = [Mode(CNI, 0o644, 0o600), Line(MANAGER, PROFILING), Line(SERVER, PROFILING)];
    journey.node_has(&[&first[..], &three].concat());
    journey.waits(120).shows(&["put back by itself in 03:00"]);
    journey.does(&[MoreTime]).waits(1).shows(&["put back by itself in 07:59"]);
    journey.does(&[Keep]).goes_on().shows(&[
        "COMMITTED",
        "1.1.9 is PASS now",
        "1.2.15 is PASS now",
        "1.3.2 is PASS now",
    ]);
    journey.node_has(&[&first[..], &three].concat()).journal_tells(&[
        "begun on cp1: apply 1.1.9 1.2.15 1.3.2",
        "healthy for 30 s",
        "backed up",
        "written /etc/cni",
        "verified",
        "written /etc/kubernetes/manifests/kube-controller-manager.yaml",
        "verified",
        "written /etc/kubernetes/manifests/kube-apiserver.yaml",
        "verified",
        "waiting to be confirmed",
        "more time",
        "confirmed by the terminal interface",
        "committed",
    ]);

    // The last, which stays.
    journey.does(&[Back]).mark("1.4.1").does(&[Plan, Apply, Confirm]).shows(&["COMMITTED"]);
    let last = [Line(SCHEDULER, PROFILING)];
    journey.node_has(&[&first[..], &three, &last].concat());

    // Exactly the middle one goes.
    journey
        .does(&[History])
        .shows(&["History 1/3", "apply 1.1.9 1.2.15"])
        .does(&[Down, Undo])
        .shows(&["Undoes ", "Diff, 3 files", "1.2.15 -     - --profiling=false"])
        .does(&[Undo])
        .shows(&["Roll back?"])
        .does(&[Confirm])
        .shows(&["COMMITTED", "roll back "])
        .node_has(&[&first[..], &last].concat())
        .does(&[History])
        .shows(&["History 3/4", "< UNDONE", "Undone   by "]);
    let undone: Vec<bool> =
        journey.history().iter().map(|entry| entry.undone_by.is_some()).collect();
    assert_eq!(undone, [false, false, true, false], "latest first");

    journey.does(&[QuitWithSummary]);
    let summary = journey.session.app().finish();
    assert_eq!(summary.problems, [""; 0]);
    assert!(summary.transactions.iter().all(|(_, outcome)| *outcome == Outcome::Committed));
    assert_eq!(summary.transactions.len(), 4);
}

#[test]
fn what_failed_is_unmarked_and_the_others_are_done_without_it() {
    let mut journey = Journey::begin();
    journey.node.crash_on(Component::KubeControllerManager, "--profiling=false");
    journey.mark("1.1.9").mark("1.3.2").mark("1.4.1").does(&[Plan, Apply, Confirm]);
    journey
        .shows(&[
            "ROLLED BACK: the node is as before and healthy",
            "likely because of 1.3.2",
            "1.3.2 is unmarked now: p plans the others without it",
        ])
        .node_has(&[])
        .journal_tells(&["its last words", "rolling back: ", "restored", "rolled back"]);
    journey
        .does(&[Plan])
        .shows(&["2 fixes, 2 files, 1 restart, risk R1"])
        .hides(&["kube-controller-manager restarts"])
        .does(&[Apply, Confirm])
        .shows(&["COMMITTED", "1.1.9 is PASS now", "1.4.1 is PASS now"])
        .node_has(&[Mode(CNI, 0o644, 0o600), Line(SCHEDULER, PROFILING)]);
}

#[test]
fn a_change_is_put_back_as_soon_as_it_is_asked_for() {
    let mut journey = Journey::begin();
    journey.mark("1.2.15").does(&[Plan, Apply, Confirm]).shows(&["NOT YET PERMANENT"]);
    journey.does(&[PutBack]).shows(&["asked to put it back"]).goes_on();
    journey.shows(&["ROLLED BACK", "the terminal interface asked for it"]).node_has(&[]);
    journey.does(&[Bottom]).shows(&["rolled back: "]);
}

#[test]
fn a_storm_of_sizes_in_a_countdown_loses_nothing_and_answers_nothing() {
    let mut journey = Journey::begin();
    journey.mark("1.2.15").does(&[Plan, Apply, Confirm]).waits(60);
    for step in 0..300_u16 {
        journey.session.watch_for(0).resize(20 + step * 37 % 180, 5 + step * 11 % 60);
        if step % 50 == 0 {
            journey.waits(1);
        }
    }
    journey.session.watch_for(0).resize(40, 10);
    // Too small to show what a key would decide: it decides nothing.
    journey.shows(&["needs 60x15"]).does(&[Keep, PutBack]);
    journey.session.watch_for(0).resize(120, 40);
    journey.shows(&["NOT YET PERMANENT", "put back by itself in 03:54", "written /etc/kubernetes"]);
    journey.hides(&["asked to"]).node_has(&[Line(SERVER, PROFILING)]);
    journey.does(&[Keep]).goes_on().shows(&["COMMITTED", "1.2.15 is PASS now"]);
    journey.node_has(&[Line(SERVER, PROFILING)]);
}
