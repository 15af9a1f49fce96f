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

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kube_temper::{
    model::{Component, facts::Probe},
    node::{
        Clock as _, Node as _, ProbeAnswer, recording,
        sim::{Event, SimNode, VirtualClock, What},
    },
    text,
};
use serde_json::Value;

/// Every trace is played with these seeds.
const SEEDS: std::ops::Range<u64> = 0..4;

/// Time between two samples.
const SAMPLE: Duration = Duration::from_millis(200);

/// Order between two channels is compared when the real node had this many seconds between them.
const APART: f64 = 2.0;

/// One sample of one channel. Pods are named by their hash, or the first digits of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Sample {
    Process(Option<String>),
    Probe(ProbeAnswer),
    Pod(Option<(String, bool)>),
}

/// What a channel shows, with pods named by their part: `new` is the one that is there in the end.
///
/// Left out is what only one side can show: phases, restart counts, and the answers in the tenths of
/// a second in which a port opens or closes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    NoProcess,
    NewProcess,
    OldProcess,
    Refused,
    Ok,
    NoPod,
    NewPod { ready: bool },
    OldPod { ready: bool },
}

/// Changes of the channels with seconds since the action; -1 is before it.
type Story = Vec<(f64, Seen)>;

/// Names the pods and keeps the changes only. A process that comes back within a second of its end
/// (the first restart of a crash loop) is one with the next: 5 Hz sees it by chance.
fn story(samples: &[(f64, Sample)]) -> Story {
    let last = samples.iter().rev().find_map(|(_, sample)| match sample {
        Sample::Process(Some(pod)) | Sample::Pod(Some((pod, _))) => Some(pod.clone()),
        _ => None,
    });
    let last = last.expect("a pod in the end");
    let is_new = |pod: &str| pod.starts_with(&last) || last.starts_with(pod);
    let mut channels: [Story; 3] = Default::default();
    for (at, sample) in samples {
        let (channel, seen) = match sample {
            Sample::Process(None) => (0, Seen::NoProcess),
            Sample::Process(Some(pod)) if is_new(pod) => (0, Seen::NewProcess),
            Sample::Process(Some(_)) => (0, Seen::OldProcess),
            Sample::Probe(ProbeAnswer::Refused) => (1, Seen::Refused),
            Sample::Probe(ProbeAnswer::Status(200)) => (1, Seen::Ok),
            Sample::Probe(_) => continue,
            Sample::Pod(None) => (2, Seen::NoPod),
            Sample::Pod(Some((pod, ready))) if is_new(pod) => (2, Seen::NewPod { ready: *ready }),
            Sample::Pod(Some((_, ready))) => (2, Seen::OldPod { ready: *ready }),
        };
        let story = &mut channels[channel];
        if story.last().is_some_and(|(_, before)| *before == seen) {
            continue;
        }
        let restart = channel == 0
            && story.len() > 2
            && story.last().is_some_and(|(gone, _)| at - gone < 1.0)
            && seen == Seen::NewProcess
            && story[story.len() - 2].1 == Seen::NewProcess;
        if restart {
            story.pop();
        } else {
            story.push((*at, seen));
        }
    }
    let mut all = channels.concat();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

/// The changes of one channel, in order. The copy of an old pod that is "not ready" for a moment is
/// left out: one of two real outages shows it.
fn channel(story: &Story, which: fn(&Seen) -> bool) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    for (_, change) in story.iter().filter(|(_, change)| which(change)) {
        let moment = *change == Seen::OldPod { ready: false }
            && seen.last() == Some(&Seen::OldPod { ready: true });
        if !moment {
            seen.push(change.clone());
        }
    }
    seen
}

const CHANNELS: [fn(&Seen) -> bool; 3] = [
    |seen| matches!(seen, Seen::NoProcess | Seen::NewProcess | Seen::OldProcess),
    |seen| matches!(seen, Seen::Refused | Seen::Ok),
    |seen| matches!(seen, Seen::NoPod | Seen::NewPod { .. } | Seen::OldPod { .. }),
];

/// When each change was seen for the n-th time.
fn times(story: &Story) -> BTreeMap<(Seen, usize), f64> {
    let mut times = BTreeMap::new();
    let mut count: BTreeMap<Seen, usize> = BTreeMap::new();
    for (at, seen) in story {
        let nth = count.entry(seen.clone()).or_default();
        *nth += 1;
        times.insert((seen.clone(), *nth), *at);
    }
    times
}

/// A recorded trace as samples.
fn recorded(name: &str) -> Vec<(f64, Sample)> {
    let path = format!("{}/tests/data/traces/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut samples = Vec::new();
    for line in text.lines().skip(1) {
        let line: Value = serde_json::from_str(line).unwrap();
        let at = line["t"].as_f64().unwrap();
        if let Some(processes) = line["processes"].as_array() {
            let pod = processes.first().map(|p| p["uid"].as_str().unwrap().to_owned());
            samples.push((at, Sample::Process(pod)));
        }
        match &line["probe"] {
            Value::String(text) if text == "refused" => {
                samples.push((at, Sample::Probe(ProbeAnswer::Refused)));
            }
            Value::Number(status) => {
                let status = u16::try_from(status.as_u64().unwrap()).unwrap();
                samples.push((at, Sample::Probe(ProbeAnswer::Status(status))));
            }
            _ => {}
        }
        match &line["pod"] {
            Value::Null => {}
            Value::Object(status) => {
                let pod = status["hash"].as_str().unwrap().to_owned();
                samples.push((at, Sample::Pod(Some((pod, status["ready"] == true)))));
            }
            _ => samples.push((at, Sample::Pod(None))),
        }
    }
    samples
}

/// A simulated node that is looked at as the real one was.
struct Lab {
    node: SimNode,
    clock: VirtualClock,
    component: Component,
    probe: Probe,
    original: String,
    seed: u64,
}

impl Lab {
    fn new(component: Component, seed: u64) -> Self {
        let clock = VirtualClock::default();
        let node = SimNode::new(&recording::KUBEADM_1_36_2, Arc::new(clock.clone()), seed).unwrap();
        let path = format!("/etc/kubernetes/manifests/{component}.yaml");
        let original = node.text(&path).unwrap();
        let pod = text::manifest::parse(&path, &original).unwrap();
        let probe = pod.container(component).unwrap().readiness.clone().unwrap();
        Self { node, clock, component, probe, original, seed }
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn path(&self) -> String {
        format!("/etc/kubernetes/manifests/{}.yaml", self.component)
    }

    fn put(&self, text: &str) {
        self.node.replace(&self.path(), text).unwrap();
    }

    /// The original manifest with one more argument.
    fn with_flag(&self, flag: &str) -> String {
        let command = format!("    - {}\n", self.component);
        let text = self.original.replacen(&command, &format!("{command}    - {flag}\n"), 1);
        assert_ne!(text, self.original);
        text
    }

    /// The pod of the component's process, from `/proc` as anybody would read it.
    fn process(&self) -> Option<String> {
        let files = self.node.files();
        files.list("/proc").unwrap().into_iter().find_map(|entry| {
            let pid: u32 = entry.name.parse().ok()?;
            let read = |name: &str| {
                let bytes = files.read(&format!("/proc/{pid}/{name}"), 1 << 16).unwrap();
                String::from_utf8(bytes).unwrap()
            };
            let is_it = read("cmdline").split('\0').next() == Some(self.component.as_str());
            is_it.then(|| text::cgroup::membership(&read("cgroup")).pod.unwrap())
        })
    }

    fn samples(&self, at: f64) -> [(f64, Sample); 3] {
        let kubelet = self.node.kubelet().unwrap();
        let status = kubelet.pod_status(self.component).unwrap();
        let pod = status.map(|status| (status.pod, status.started && status.ready));
        [
            (at, Sample::Process(self.process())),
            (at, Sample::Probe(kubelet.probe(&self.probe))),
            (at, Sample::Pod(pod)),
        ]
    }

    /// Samples before and for some seconds after an action.
    fn play(&self, seconds: u64, action: impl FnOnce(&Self)) -> Vec<(f64, Sample)> {
        let mut samples = self.samples(-1.0).to_vec();
        action(self);
        let mut passed = Duration::ZERO;
        while passed <= Duration::from_secs(seconds) {
            samples.extend(self.samples(passed.as_secs_f64()));
            self.clock.advance(SAMPLE);
            passed += SAMPLE;
        }
        samples
    }
}

/// One trace: what was done before it, the action, how long it was watched, and when its changes may
/// come, in the real world and in the simulated one.
struct Scene {
    trace: &'static str,
    component: Component,
    before: fn(&Lab),
    action: fn(&Lab),
    seconds: u64,
    spread: &'static [(Seen, usize, f64, f64)],
}

const BAK: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml.bak";
const NOTHING: fn(&Lab) = |_| {};
const PLUGIN: &str = "--enable-admission-plugins=NodeRestriction,Nope";

/// The API server with `--profiling=false`, in its place and ready.
fn with_profiling_off(lab: &Lab) {
    lab.put(&lab.with_flag("--profiling=false"));
    lab.pass(120);
}

/// Waits until the kubelet's last reading of the whole folder was some seconds ago: it trips over a
/// file that appeared behind its back.
fn between_two_readings(lab: &Lab) {
    let stray = "/etc/kubernetes/manifests/stray";
    let rejected =
        |event: &Event| matches!(&event.what, What::Rejected { path, .. } if path == stray);
    lab.node.tree().put_file(stray, 0o600, "no manifest");
    while !lab.node.events().iter().any(rejected) {
        lab.pass(1);
    }
    lab.node.tree().remove_tree(stray);
    lab.pass(lab.seed);
}

fn with_unknown_plugin(lab: &Lab) {
    let text = lab.with_flag("--profiling=false");
    lab.put(&text.replace("--enable-admission-plugins=NodeRestriction", PLUGIN));
}

fn scenes() -> Vec<Scene> {
    use Component::{KubeApiserver, KubeScheduler};
    use Seen::{NewPod, NewProcess, NoPod, NoProcess, OldPod, Refused};
    const READY: Seen = NewPod { ready: true };
    const STARTING: Seen = NewPod { ready: false };
    vec![
        Scene {
            trace: "kube-scheduler--flag-added",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| lab.put(&lab.with_flag("--profiling=false")),
            seconds: 40,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (Refused, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (STARTING, 1, 10.0, 16.5),
                (READY, 1, 28.0, 37.5),
            ],
        },
        Scene {
            trace: "kube-scheduler--same-bytes-put-back",
            component: KubeScheduler,
            before: with_profiling_off,
            action: |lab| lab.put(&lab.original),
            seconds: 40,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (READY, 1, 28.0, 37.5),
            ],
        },
        Scene {
            trace: "kube-scheduler--comment-and-mode-only",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| {
                lab.put(&format!("# a comment\n{}", lab.original));
                lab.node.files().set_mode(&lab.path(), 0o640).unwrap();
            },
            seconds: 60,
            spread: &[],
        },
        Scene {
            trace: "kube-scheduler--older-copy-appears-as-bak",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| lab.node.replace(BAK, &lab.with_flag("--profiling=true")).unwrap(),
            seconds: 45,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (READY, 1, 28.0, 37.5),
            ],
        },
        Scene {
            trace: "kube-scheduler--bak-is-removed",
            component: KubeScheduler,
            before: |lab| {
                lab.node.replace(BAK, &lab.with_flag("--profiling=true")).unwrap();
                lab.pass(120);
                between_two_readings(lab);
            },
            action: |lab| lab.node.files().remove(BAK).unwrap(),
            seconds: 45,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (NoPod, 1, 0.2, 2.5),
                (NewProcess, 1, 2.0, 21.4),
                (READY, 1, 10.0, 42.5),
            ],
        },
        Scene {
            trace: "kube-scheduler--manifest-is-not-yaml",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| lab.put("not: [a manifest\n"),
            seconds: 45,
            spread: &[(NoProcess, 1, 0.2, 20.4), (Refused, 1, 0.2, 20.4), (NoPod, 1, 0.4, 23.0)],
        },
        Scene {
            trace: "kube-scheduler--good-bytes-back-after-bad-yaml",
            component: KubeScheduler,
            before: |lab| {
                lab.put("not: [a manifest\n");
                lab.pass(60);
            },
            action: |lab| lab.put(&lab.original),
            seconds: 40,
            spread: &[(NewProcess, 1, 0.2, 1.2), (STARTING, 1, 0.0, 1.5), (READY, 1, 18.0, 22.5)],
        },
        Scene {
            trace: "kube-scheduler--unknown-flag",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| lab.put(&lab.with_flag("--no-such-flag=1")),
            seconds: 44,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (STARTING, 1, 10.0, 16.5),
                (NewProcess, 2, 20.5, 29.0),
            ],
        },
        Scene {
            trace: "kube-scheduler--good-bytes-back-after-unknown-flag",
            component: KubeScheduler,
            before: |lab| {
                lab.put(&lab.with_flag("--no-such-flag=1"));
                lab.pass(55);
            },
            action: |lab| lab.put(&lab.original),
            seconds: 40,
            spread: &[(NewProcess, 1, 10.0, 16.5), (READY, 1, 28.0, 37.5)],
        },
        Scene {
            trace: "kube-apiserver--flag-added",
            component: KubeApiserver,
            before: NOTHING,
            action: |lab| lab.put(&lab.with_flag("--profiling=false")),
            seconds: 75,
            spread: &[
                (NoPod, 1, 0.0, 0.4),
                (Refused, 1, 0.0, 0.4),
                (NoProcess, 1, 30.0, 30.6),
                (NewProcess, 1, 30.2, 46.0),
                (Seen::Ok, 2, 32.5, 49.0),
                (OldPod { ready: true }, 2, 31.0, 47.5),
                (STARTING, 1, 31.0, 57.0),
                (READY, 1, 50.0, 67.5),
            ],
        },
        Scene {
            trace: "kube-apiserver--unknown-admission-plugin",
            component: KubeApiserver,
            before: with_profiling_off,
            action: with_unknown_plugin,
            seconds: 54,
            spread: &[
                (NoPod, 1, 0.0, 0.4),
                (Refused, 1, 0.0, 0.4),
                (NoProcess, 1, 30.0, 30.6),
                (NewProcess, 1, 30.2, 46.0),
            ],
        },
        Scene {
            trace: "kube-apiserver--good-bytes-back-after-unknown-plugin",
            component: KubeApiserver,
            before: |lab| {
                with_profiling_off(lab);
                with_unknown_plugin(lab);
                lab.pass(70);
            },
            action: |lab| lab.put(&lab.original),
            seconds: 55,
            spread: &[
                (NewProcess, 1, 10.0, 16.5),
                (OldPod { ready: true }, 1, 11.0, 18.0),
                (Seen::Ok, 1, 12.0, 19.5),
                (STARTING, 1, 11.0, 27.0),
                (READY, 1, 28.0, 38.0),
            ],
        },
    ]
}

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
            let lab = Lab::new(scene.component, seed);
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

/// The log after a bad change, its undo and a kubelet restart, looked at this often.
fn log_of(seed: u64, step: Duration) -> Vec<Event> {
    let lab = Lab::new(Component::KubeApiserver, seed);
    let wait = |seconds: u64| {
        let end = lab.clock.monotonic() + Duration::from_secs(seconds);
        while lab.clock.monotonic() < end {
            lab.clock.advance(step.min(end - lab.clock.monotonic()));
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
