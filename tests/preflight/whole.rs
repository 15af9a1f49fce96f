//! A refusal of a whole transaction: told in the journal, and nothing is written.

use std::sync::Arc;

use kube_temper::{
    model::{
        Component::{self, KubeApiserver, KubeScheduler},
        Outcome, Phase, Plan, RecordKind,
    },
    node::{Node, sim::Cause},
    store::{Journal, Store},
};

use crate::{Bench, argument, machine::begin};

/// The outcome of an apply, and what was told before its first write.
fn run(bench: &Bench, component: Component, flag: &str) -> (Outcome, Vec<(Phase, String)>) {
    carry_out(bench, &bench.manifest(component, argument(flag)))
}

fn carry_out(bench: &Bench, plan: &Plan) -> (Outcome, Vec<(Phase, String)>) {
    let node: Arc<dyn Node> = bench.node.clone();
    let transaction = begin(&node, plan).unwrap();
    let id = transaction.id().clone();
    let outcome = transaction.run();
    let journal = Journal::read(node.as_ref(), &id).unwrap();
    assert_eq!(journal.outcome.as_ref(), Some(&outcome));
    assert!(Store::new(node.as_ref()).unfinished().unwrap().is_empty());
    let told = journal.records.into_iter().filter_map(|record| match record.kind {
        RecordKind::Checked { phase, observation } => Some((phase, observation.text)),
        _ => None,
    });
    (outcome, told.collect())
}

#[test]
fn a_plan_that_cannot_work_is_refused_and_nothing_is_written() {
    let bench = Bench::new();
    let before = bench.node.snapshot();
    let (outcome, _) = run(&bench, KubeApiserver, "--anonymous-auth=false");
    let Outcome::Refused { cause } = outcome else { panic!("{outcome:?}") };
    assert!(cause.starts_with("/etc/kubernetes/manifests/kube-apiserver.yaml as planned would not work: --anonymous-auth=false"), "{cause}");
    assert_eq!(before.differences(&bench.node.snapshot()), Vec::<String>::new());
    assert_eq!(bench.node.starts(KubeApiserver, &Cause::Manifest), 0);
}

#[test]
fn what_was_checked_is_told_in_few_lines() {
    let bench = Bench::new();
    let (outcome, told) = run(&bench, KubeScheduler, "--profiling=false");
    assert_eq!(outcome, Outcome::Committed);
    let preflight = of(&told, Phase::Preflight);
    assert_eq!(
        preflight,
        [
            "names, probes and volumes are right; the file it names is there, 1 left out of this recording, valid until 2027-11-23",
            "its own program takes the planned arguments"
        ]
    );
}

/// What was told in one phase.
fn of(told: &[(Phase, String)], wanted: Phase) -> Vec<&str> {
    told.iter().filter(|(phase, _)| *phase == wanted).map(|(_, text)| text.as_str()).collect()
}

#[test]
fn the_planned_api_server_is_rehearsed() {
    let bench = Bench::new();
    let (outcome, told) = run(&bench, KubeApiserver, "--profiling=false");
    assert_eq!(outcome, Outcome::Committed);
    assert_eq!(
        of(&told, Phase::Rehearsal),
        ["as planned it started beside the real one, and was ended (ready after 2.7 s)"]
    );
    assert!(
        of(&told, Phase::Preflight).contains(&"its own program takes the planned arguments"),
        "{told:#?}"
    );
}

#[test]
fn what_only_the_program_knows_is_refused_too() {
    for (component, flag, wanted) in [
        (
            KubeScheduler,
            "--no-such-flag=1",
            "kube-scheduler itself refuses the planned arguments: Error: unknown flag: --no-such-flag",
        ),
        (
            KubeApiserver,
            "--profiling=perhaps",
            "kube-apiserver itself refuses the planned arguments: Error: invalid argument",
        ),
    ] {
        let bench = Bench::new();
        let before = bench.node.snapshot();
        let (outcome, _) = run(&bench, component, flag);
        let Outcome::Refused { cause } = outcome else { panic!("{outcome:?}") };
        assert!(cause.starts_with(wanted), "{cause}");
        assert_eq!(before.differences(&bench.node.snapshot()), Vec::<String>::new());
    }
}

#[test]
fn a_volume_from_elsewhere_is_not_rehearsed() {
    let bench = Bench::new();
    bench.put("/etc/other/ca-certificates/ca.crt", "none");
    let plan = bench.manifest(KubeApiserver, |text| {
        text.replace("path: /etc/ca-certificates\n", "path: /etc/other/ca-certificates\n")
    });
    let (outcome, told) = carry_out(&bench, &plan);
    assert_eq!(outcome, Outcome::Committed);
    let wanted = "not rehearsed: the running container has something else at /etc/ca-certificates than /etc/other/ca-certificates, as is planned";
    assert_eq!(of(&told, Phase::Rehearsal), [wanted]);
}

#[test]
fn encryption_is_never_rehearsed() {
    let bench = Bench::new();
    let path = "/etc/kubernetes/pki/enc.yaml";
    bench.put(path, "kind: EncryptionConfiguration\n");
    let (_, told) = run(&bench, KubeApiserver, &format!("--encryption-provider-config={path}"));
    let rehearsal = of(&told, Phase::Rehearsal);
    assert_eq!(rehearsal, ["not rehearsed: a change of encryption at rest is never rehearsed"]);
}
