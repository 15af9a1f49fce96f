//! The simulated kubelet tells the same story as a real one: every recorded trace is played again.
//!
//! A trace is one change in the manifest folder of a real kubeadm 1.36.2 node, sampled at 5 Hz: the
//! process, the readiness probe without credentials, the mirror pod. Here the simulated node is
//! sampled in the same way around the same change. Both must show the same changes in each of the
//! three channels, in the same order among them, and at times within one spread.

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

mod lab;
mod scenes;
mod story;

use std::{collections::BTreeSet, time::Duration};

use kube_temper::{
    catalog::Catalog,
    model::{BenchmarkId, Component, FixAction},
    node::{
        Clock as _, Node as _, ProbeAnswer,
        sim::{Cause, Event},
    },
};

use lab::Lab;
use scenes::{BAK, Scene, scenes, with_unknown_plugin};
use story::{CHANNELS, Seen, Story, channel, recorded, story, times};

/// Every trace is played with these seeds.
const SEEDS: std::ops::Range<u64> = 0..4;

/// Order between two channels is compared when the real node had this many seconds between them.
const APART: f64 = 2.0;

#[test]
fn every_trace_has_its_scene() {
    let folder = format!("{}/tests/data/traces", env!("CARGO_MANIFEST_DIR"));
    let mut traces: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().replace(".jsonl", ""))
        .collect();
    traces.sort();
    let mut scenes: Vec<String> = scenes().iter().map(|scene| scene.trace.to_owned()).collect();
    scenes.sort();
    assert_eq!(traces, scenes);
}

#[test]
fn the_simulated_kubelet_tells_the_same_story_as_the_real_one() {
    for scene in scenes() {
        let real = story(&recorded(scene.trace));
        check_spread(&scene, &real, "real");
        for seed in SEEDS {
            let lab = Lab::new(scene.component(), seed);
            lab.pass(33 + seed);
            (scene.before)(&lab);
            while real[0].1 == Seen::NoProcess && lab.process().is_some() {
                lab.pass(1);
            }
            let told = story(&lab.play(scene.seconds, scene.action));
            let what = format!("{} with seed {seed}\nreal {real:?}\ntold {told:?}", scene.trace);
            for which in CHANNELS {
                let (want, got) = (channel(&real, which), channel(&told, which));
                // A crash loop was cut off where the recording ends.
                let both = want.len().min(got.len());
                let crashes = scene.trace.contains("unknown-") && !scene.trace.contains("back");
                assert_eq!(want[..both], got[..both], "{what}");
                assert!(crashes || want.len() == got.len(), "{what}");
                assert!(!want.is_empty() && got.len() + 2 >= want.len(), "{what}");
            }
            check_order(&real, &told, &what);
            check_spread(&scene, &told, &what);
        }
    }
}

fn check_spread(scene: &Scene, story: &Story, what: &str) {
    let times = times(story);
    for (seen, nth, low, high) in scene.spread {
        // What was there before the action is the first of its kind.
        let before = times.get(&(seen.clone(), 1)) == Some(&-1.0) && *nth == 1;
        let at = times.get(&(seen.clone(), if before { 2 } else { *nth }));
        let at = at.unwrap_or_else(|| panic!("{seen:?} is missing: {what} {}", scene.trace));
        assert!((*low..=*high).contains(at), "{seen:?} at {at}: {what} {}", scene.trace);
    }
}

/// What was clearly before something else in the real world is before it here.
fn check_order(real: &Story, told: &Story, what: &str) {
    let (real, told) = (times(real), times(told));
    for (first, a) in &real {
        for (second, b) in &real {
            if b - a > APART
                && let (Some(x), Some(y)) = (told.get(first), told.get(second))
            {
                assert!(x < y, "{first:?} before {second:?}: {what}");
            }
        }
    }
}

#[test]
fn an_api_server_that_starts_answers_403_then_500_then_200() {
    for seed in SEEDS {
        let lab = Lab::new(Component::KubeApiserver, seed);
        lab.put(&lab.with_flag("--profiling=false"));
        let mut answers = Vec::new();
        for _ in 0..500 {
            let answer = lab.node.kubelet().unwrap().probe(&lab.probe);
            if answers.last() != Some(&answer) {
                answers.push(answer);
            }
            lab.clock.advance(Duration::from_millis(100));
        }
        let status = ProbeAnswer::Status;
        let want = [status(500), ProbeAnswer::Refused, status(403), status(500), status(200)];
        assert_eq!(answers, want);
    }
}

#[test]
fn the_simulated_components_know_every_flag_and_plugin_a_fix_writes() {
    let catalog = Catalog::embedded().unwrap();
    let mut fixes: BTreeSet<(Component, String, String)> = BTreeSet::new();
    for benchmark in BenchmarkId::ALL {
        for numbered in catalog.controls(benchmark) {
            for action in numbered.control.fix.actions {
                match action {
                    FixAction::SetFlag { component, flag, value }
                    | FixAction::AddToList { component, flag, value, .. } => {
                        fixes.insert((component, flag, value));
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(fixes.len() > 10, "{fixes:?}");
    for (component, flag, value) in fixes {
        let lab = Lab::new(component, 1);
        lab.put(&lab.with_flag(&format!("--{flag}={value}")));
        lab.pass(60);
        for event in lab.node.events() {
            if let Some((_, Cause::Crash(why))) = event.stopped() {
                // A fix that brings files along is not whole here.
                let file =
                    why.contains("no such file") || why.contains("limits: must not be empty");
                assert!(file, "{component} --{flag}={value}: {why}");
            }
        }
    }
}

/// The log after a bad change, its undo and a kubelet restart, looked at this often.
fn log_of(seed: u64, step: Duration) -> Vec<Event> {
    let lab = Lab::new(Component::KubeApiserver, seed);
    let wait = |seconds: u64| {
        let end = lab.clock.monotonic() + Duration::from_secs(seconds);
        while lab.clock.monotonic() < end {
            lab.clock.advance(step.min(end.saturating_sub(lab.clock.monotonic())));
            lab.process();
        }
    };
    with_unknown_plugin(&lab);
    wait(100);
    lab.put(&lab.original);
    wait(60);
    lab.node.replace(BAK, "kind: Nothing\n").unwrap();
    lab.node.kubelet().unwrap().restart().unwrap();
    wait(60);
    lab.node.events()
}

#[test]
fn the_same_seed_and_actions_give_the_same_log_however_often_one_looks() {
    let minute = Duration::from_secs(60);
    let log = log_of(5, minute);
    assert!(log.len() > 20, "{log:#?}");
    assert_eq!(log, log_of(5, minute));
    assert_eq!(log, log_of(5, Duration::from_millis(130)));
    assert_ne!(log, log_of(6, minute));
}
