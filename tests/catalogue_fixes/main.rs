//! One generated test over the catalogue. For every control that is judged from the node: there is a
//! node on which it passes and one on which it fails; every offered fix turns each of its failing nodes
//! into a passing one, worsens nothing else, has nothing left to do afterwards, and is undone to the
//! byte.

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

mod node;
mod variants;

use std::{collections::BTreeSet, sync::Arc};

use kube_temper::{
    apply,
    catalog::{Catalog, Numbered},
    model::{BenchmarkId, Check, FixOffer, Order, Plan, Status, journal::Purpose},
    node::sim::{SimNode, VirtualClock},
};
use node::{Look, Node, plan_of};

/// Every control once, under the newest benchmark that has it.
fn controls_by_benchmark(catalog: &Catalog) -> Vec<(BenchmarkId, Vec<Numbered>, Vec<Numbered>)> {
    let mut seen = BTreeSet::new();
    BenchmarkId::ALL
        .into_iter()
        .rev()
        .map(|benchmark| {
            let all = catalog.controls(benchmark);
            let new = all
                .iter()
                .filter(|numbered| seen.insert(numbered.control.slug.clone()))
                .cloned()
                .collect();
            (benchmark, all, new)
        })
        .collect()
}

/// Controls that pass only because of what a fix ends, by the control fixed and the control that fails
/// from then on.
///
/// Beside `AlwaysAllow` the API server turns anonymous requests off by itself
/// (`pkg/kubeapiserver/options/authentication.go`, `ApplyAuthorization`).
const PASSED_BY_ACCIDENT: [(&str, &str); 1] =
    [("authorization-no-always-allow", "apiserver-anonymous-requests")];

fn status(look: &Look, numbered: &Numbered) -> Status {
    look.report.finding(&numbered.id).unwrap().status
}

#[test]
fn every_fix_turns_its_failing_nodes_into_passing_ones_and_can_be_undone() {
    let catalog = Catalog::embedded().unwrap();
    let base = Node::recorded();
    let mut problems = Vec::new();
    let (mut judged, mut fixes) = (0, 0);
    for (benchmark, all, new) in controls_by_benchmark(&catalog) {
        let facts = base.look(&catalog, benchmark, &all).facts;
        for numbered in new {
            let variants = variants::of(&numbered.control, &base, &facts);
            if variants.is_empty() {
                continue;
            }
            judged += 1;
            let (mut passes, mut fails) = (0, 0);
            for variant in variants {
                let before = variant.node.look(&catalog, benchmark, &all);
                match status(&before, &numbered) {
                    Status::Pass => passes += 1,
                    Status::Fail => fails += 1,
                    _ => continue,
                }
                let finding = before.report.finding(&numbered.id).unwrap();
                let offered = matches!(finding.offer, FixOffer::Offered { .. });
                if finding.status == Status::Fail && offered {
                    fixes += 1;
                    let tried = fix(&catalog, benchmark, &all, &numbered, &variant.node, &before);
                    problems.extend(
                        tried
                            .map_err(|why| format!("{} on '{}': {why}", numbered.id, variant.name))
                            .err(),
                    );
                }
            }
            if passes == 0 || fails == 0 {
                problems.push(format!(
                    "{} ({}): {passes} nodes pass, {fails} fail: neither may be none",
                    numbered.id, numbered.control.slug
                ));
            }
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(judged > 70, "only {judged} controls were judged from the node");
    assert!(fixes > 100, "only {fixes} fixes were tried");
}

/// On a running node with these files the fix is no reason to refuse it before the first write. What runs is
/// still the recorded process, so the broken file counts as a change of somebody else that waits.
fn not_refused(node: &Node, plan: &Plan) -> Result<(), String> {
    let clock = Arc::new(VirtualClock::default());
    let running = SimNode::of(node.files.copy(), "1.36.2", clock, 1);
    let controls = plan.controls.iter().map(|planned| planned.control.clone()).collect();
    let order = Order { consent_pending: true, ..Order::from(Purpose::Apply { controls }) };
    match apply::check(&running as &dyn kube_temper::node::Node, plan, order) {
        // With it an API server answers its own probes with 401: no such node ever ran, fixed or not.
        Err(why) if why.to_string().contains("--authorization-mode=AlwaysAllow") => Ok(()),
        answer => answer.map_err(|why| format!("refused before the first write: {why}")),
    }
}

/// Fixes one control on one node, looks again, and undoes it.
fn fix(
    catalog: &Catalog,
    benchmark: BenchmarkId,
    all: &[Numbered],
    numbered: &Numbered,
    node: &Node,
    before: &Look,
) -> Result<(), String> {
    let snapshot = node.files.snapshot();
    let plan = plan_of(all, before, &numbered.id);
    if let Some(left) = plan.left.first() {
        return Err(format!("left out: {}", left.reason));
    }
    not_refused(node, &plan)?;
    node.apply(&plan);
    let after = node.look(catalog, benchmark, all);
    let finding = after.report.finding(&numbered.id).unwrap();
    if finding.status != Status::Pass {
        return Err(format!("{} after its fix: {}", finding.status, finding.reason));
    }
    let worse = after.report.findings.iter().find(|finding| {
        let was = before.report.finding(&finding.control).map(|was| was.status);
        let pair = (numbered.control.slug.0.as_str(), finding.slug.0.as_str());
        was == Some(Status::Pass)
            && finding.status != Status::Pass
            && !PASSED_BY_ACCIDENT.contains(&pair)
    });
    if let Some(worse) = worse {
        return Err(format!("{} passed before and does not now: {}", worse.control, worse.reason));
    }
    let again = plan_of(all, &after, &numbered.id);
    if !again.is_empty() || !again.left.iter().any(|left| left.reason == "it passes already") {
        return Err(format!("planning again is not empty: {:?}", again.left));
    }
    node.undo(&plan);
    let differences = snapshot.differences(&node.files.snapshot());
    if !differences.is_empty() {
        return Err(format!("undo left traces: {}", differences.join("; ")));
    }
    Ok(())
}

#[test]
fn controls_without_variants_are_those_a_person_or_the_api_judges() {
    let catalog = Catalog::embedded().unwrap();
    let base = Node::recorded();
    for (benchmark, all, new) in controls_by_benchmark(&catalog) {
        let facts = base.look(&catalog, benchmark, &all).facts;
        for numbered in new {
            let none = variants::of(&numbered.control, &base, &facts).is_empty();
            let by_others =
                matches!(numbered.control.check, Check::Api { .. } | Check::Review { .. });
            assert_eq!(none, by_others, "{}", numbered.id);
        }
    }
}
