//! A refusal of a whole transaction: told in the journal, and nothing is written.

use std::sync::Arc;

use kube_temper::{
    model::{
        Component::{self, KubeApiserver, KubeScheduler},
        Outcome, Phase, RecordKind,
    },
    node::{Node, sim::Cause},
    store::{Journal, Store},
};

use crate::{Bench, argument, machine::begin};

/// The outcome of an apply, and what was told before its first write.
fn run(bench: &Bench, component: Component, flag: &str) -> (Outcome, Vec<(Phase, String)>) {
    let plan = bench.manifest(component, argument(flag));
    let node: Arc<dyn Node> = bench.node.clone();
    let transaction = begin(&node, &plan).unwrap();
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
    let preflight: Vec<_> = told
        .iter()
        .filter(|(phase, _)| *phase == Phase::Preflight)
        .map(|(_, text)| text.as_str())
        .collect();
    assert_eq!(
        preflight,
        [
            "kube-scheduler can start as planned, as far as names and files tell: the file it names is there, valid until 2027-11-23 or longer"
        ]
    );
}
