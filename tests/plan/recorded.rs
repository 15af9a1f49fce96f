//! Plans on the recorded fresh control plane of 1.36.2: the diffs people will see, and what a batch run
//! takes.

use std::sync::Arc;

use kube_temper::{
    catalog::{Catalog, Numbered},
    check,
    model::{BenchmarkId, ControlId, FixOffer, NodeFacts, Plan, Report, Status, Tier},
    node::{NodeKind, collect::collect, memory::FixedNode, recording},
    plan::{self, Policy},
    text::diff,
};

use super::left;

struct Scan {
    controls: Vec<Numbered>,
    facts: NodeFacts,
    report: Report,
}

fn scan(kind: NodeKind) -> Scan {
    let catalog = Catalog::embedded().unwrap();
    let files = Arc::new(recording::KUBEADM_1_36_2.files().unwrap());
    let node = FixedNode::new(files).of_kind(kind);
    let facts = collect(&node, catalog.path_candidates()).unwrap();
    let controls = catalog.controls(BenchmarkId::Cis2_0);
    let report = check::check(BenchmarkId::Cis2_0, Vec::new(), &controls, &facts);
    Scan { controls, facts, report }
}

impl Scan {
    fn offered(&self) -> Vec<ControlId> {
        self.report
            .findings
            .iter()
            .filter(|f| f.status == Status::Fail && matches!(f.offer, FixOffer::Offered { .. }))
            .map(|f| f.control.clone())
            .collect()
    }

    fn plan(&self, selected: &[ControlId]) -> Plan {
        plan::build(&self.controls, &self.report, &self.facts, selected)
    }

    fn restrict(&self, policy: Policy) -> Plan {
        let plan = self.plan(&self.offered());
        plan::restrict(&self.controls, &self.report, &self.facts, &plan, policy)
    }
}

fn diffs(plan: &Plan) -> String {
    plan.changes().map(|change| diff::of_change(change, 3).to_string()).collect()
}

fn assert_diff(name: &str, plan: &Plan) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/diffs"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, diffs(plan)));
}

#[test]
fn the_diff_of_every_offered_fix() {
    let scan = scan(NodeKind::Offline);
    for id in scan.offered() {
        let plan = scan.plan(std::slice::from_ref(&id));
        assert!(plan.left.is_empty(), "{:?}", left(&plan));
        assert_diff(id.as_str(), &plan);
    }
    assert_diff("all", &scan.plan(&scan.offered()));
}

#[test]
fn every_changed_line_names_one_control() {
    let scan = scan(NodeKind::Offline);
    let plan = scan.plan(&scan.offered());
    for change in plan.changes() {
        for line in diff::of_change(change, 0).hunks.iter().flat_map(|hunk| &hunk.lines) {
            assert_eq!(line.controls.len(), 1, "{}: {}", change.path, line.text());
        }
    }
}

#[test]
fn safe_takes_exactly_what_the_product_promises() {
    for kind in [NodeKind::Offline, NodeKind::Simulated] {
        let scan = scan(kind);
        let safe = Policy {
            max_tier: Tier::R2,
            allow_single: false,
            other_apiserver: false,
            max_restarts: None,
        };
        let tiers = |plan: &Plan| -> Vec<String> {
            plan.controls.iter().map(|c| format!("{} {}", c.control, c.tier)).collect()
        };
        assert_eq!(
            tiers(&scan.restrict(safe)),
            ["1.1.9 R0", "1.3.2 R1", "1.4.1 R1", "4.1.1 R0", "4.1.9 R0"],
            "{kind:?}"
        );
        assert_eq!(
            tiers(&scan.restrict(Policy { allow_single: true, ..safe })),
            ["1.1.9 R0", "1.2.15 R2", "1.3.2 R1", "1.4.1 R1", "4.1.1 R0", "4.1.9 R0"],
            "{kind:?}"
        );
    }
}
