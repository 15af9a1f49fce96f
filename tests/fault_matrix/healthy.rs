//! No false alarms: two hundred healthy applies on machines of every pace, with everything that happens on
//! a node without being anybody's fault.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kube_temper::{
    model::{Component, Outcome, Plan, StepTarget},
    node::{
        recording::{
            KUBEADM_1_32_5, KUBEADM_1_34_2, KUBEADM_1_35_3, KUBEADM_1_36_2, KUBEADM_1_36_2_WORKER,
            Recording,
        },
        sim::Pace,
    },
};

use crate::{
    deeds::{deed, file_of},
    lab::{Deed, Lab, When},
    machine::{
        plan,
        sim::{flag, rewritten},
        step,
    },
};

const RUNS: u64 = 200;

/// What is changed, in turn.
const CHANGES: [(Recording, Component); 8] = [
    (KUBEADM_1_36_2, Component::KubeScheduler),
    (KUBEADM_1_36_2, Component::KubeApiserver),
    (KUBEADM_1_35_3, Component::KubeControllerManager),
    (KUBEADM_1_36_2, Component::Etcd),
    (KUBEADM_1_36_2_WORKER, Component::Kubelet),
    (KUBEADM_1_34_2, Component::Kubelet),
    (KUBEADM_1_32_5, Component::KubeApiserver),
    (KUBEADM_1_36_2, Component::Kubelet),
];

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (self.0 >> 33) % (high - low + 1)
    }
}

fn planned(lab: &Lab, component: Component) -> Plan {
    match component {
        Component::Kubelet => {
            let path = file_of(component);
            let text = lab.node.text(&path).unwrap() + "podPidsLimit: 4096\n";
            plan(vec![step(StepTarget::Kubelet, vec![rewritten(&lab.node, &path, "4.2.13", text)])])
        }
        Component::Etcd => flag(&lab.node, component, "snapshot-count", "20000"),
        other => flag(&lab.node, other, "profiling", "false"),
    }
}

/// The machine is busy for some seconds: nothing answers in time.
fn stall(seconds: u64) -> Deed {
    Arc::new(move |lab: &Lab| lab.node.stall(Duration::from_secs(seconds)))
}

fn run(seed: u64) -> Result<(), String> {
    let (recording, component) = &CHANGES[(seed % CHANGES.len() as u64) as usize];
    let mut dice = Dice(seed);
    let mut at = 2;
    let mut deeds: Vec<(When, Deed)> = Vec::new();
    for _ in 0..dice.between(0, 4) {
        at += dice.between(3, 40);
        let what = match dice.between(0, 4) {
            0 => deed("leads-elsewhere kube-scheduler"),
            1 => deed("leads-elsewhere kube-controller-manager"),
            2 if *recording == KUBEADM_1_36_2 => deed("cni-rewrites"),
            _ => stall(dice.between(1, 6)),
        };
        deeds.push((When::Applied(at), what));
    }
    let lab = Lab::new(recording, seed, deeds);
    let pace = Pace {
        create: dice.between(50, 400) as u32,
        start: dice.between(50, 300) as u32,
        stop: dice.between(50, 111) as u32,
    };
    lab.node.set_pace(pace);
    lab.pass(dice.between(0, 40));
    let done = lab.run(&planned(&lab, *component), None).map_err(|refusal| refusal.to_string())?;
    match done.outcome {
        Outcome::Committed => Ok(()),
        _ => Err(format!("seed {seed} {} {component} {pace:?}\n{}", recording.name, done.told())),
    }
}

#[test]
fn two_hundred_healthy_applies_are_all_kept() {
    let next = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= RUNS {
                        break;
                    }
                    if let Err(why) = run(seed) {
                        failed.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {RUNS}:\n{}", failed.len(), failed.join("\n\n"));
}
