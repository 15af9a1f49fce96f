//! Nothing the catalogue offers on a recorded node is refused.

use std::sync::Arc;

use kube_temper::{
    catalog::Catalog,
    engine::{Engine, Filter, Selection, Settings},
    model::{FixOffer, Plan, Status},
    node::recording,
};

use crate::Bench;

fn engine(bench: &Bench) -> Engine {
    let catalog = Arc::new(Catalog::embedded().unwrap());
    Engine::new(Arc::clone(&bench.node) as _, catalog, Settings::default())
}

#[test]
fn every_offered_fix_passes_on_every_recorded_node() {
    let mut tried = 0;
    for recording in recording::ALL {
        let bench = Bench::of(&recording);
        let engine = engine(&bench);
        let scan = engine.scan(&Filter::default()).unwrap();
        let fixable: Vec<_> = scan
            .report
            .findings
            .iter()
            .filter(|finding| finding.status == Status::Fail)
            .filter(|finding| matches!(finding.offer, FixOffer::Offered { .. }))
            .map(|finding| finding.control.clone())
            .collect();
        let of = |ids: Vec<_>| -> Plan { engine.plan(&scan, &Selection::Controls(ids)).unwrap() };
        let plans = fixable.iter().map(|id| (id.to_string(), of(vec![id.clone()])));
        let together = ("all of them".to_owned(), of(fixable.clone()));
        for (name, plan) in plans.chain([together]).filter(|(_, plan)| !plan.is_empty()) {
            tried += 1;
            assert_eq!(bench.refusal(&plan), None, "{name} on {}", recording.name);
        }
    }
    assert!(tried > 40, "only {tried} plans");
}
