//! A whole transaction on one component of a simulated node whose clock waits in no time: everything that
//! is not waiting. The aim is 200 ms or less per component.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark stops where it cannot go on"
)]

use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use kube_temper::{
    catalog::Catalog,
    cluster::simulated::SimCluster,
    engine::{Engine, Filter, Selection, Settings, Terms},
    model::{ControlId, Outcome, Plan},
    node::{
        recording::KUBEADM_1_36_2,
        sim::{SimNode, VirtualClock},
    },
};

/// One fix per component.
const FIXES: [(&str, &str); 5] = [
    ("metadata", "4.1.1"),
    ("kube-scheduler", "1.4.1"),
    ("kube-controller-manager", "1.3.2"),
    ("kube-apiserver", "1.2.15"),
    ("kubelet", "4.2.14"),
];

/// A fresh node with the plan for one control.
fn planned(catalog: &Arc<Catalog>, control: &str) -> (Engine, Plan) {
    let clock = Arc::new(VirtualClock::default());
    let node = Arc::new(SimNode::new(&KUBEADM_1_36_2, clock, 7).unwrap());
    let cluster = SimCluster::new(Arc::clone(&node));
    let engine = Engine::new(node, Arc::clone(catalog), Settings::default())
        .in_cluster(Some(Arc::new(cluster)));
    let scan = engine.scan(&Filter::default()).unwrap();
    let control: ControlId = control.parse().unwrap();
    let plan = engine.plan(&scan, &Selection::Controls(vec![control])).unwrap();
    assert_eq!(plan.steps.len(), 1);
    (engine, plan)
}

fn apply(criterion: &mut Criterion) {
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let terms = Terms { allow_single: true, ..Terms::default() };
    let mut group = criterion.benchmark_group("apply, all but the waiting");
    group.sample_size(20);
    for (name, control) in FIXES {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || planned(&catalog, control),
                |(engine, plan)| {
                    let running = engine.apply(&plan, &terms).unwrap();
                    let outcome = running.wait(&mut |_| {}).unwrap();
                    assert_eq!(outcome, Outcome::Committed);
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, apply);
criterion_main!(benches);
