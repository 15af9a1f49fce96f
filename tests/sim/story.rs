//! Samples of the three channels, and the story they tell.

use std::collections::BTreeMap;

use kube_temper::node::ProbeAnswer;
use serde_json::Value;

/// One sample of one channel. Pods are named by their hash, or the first digits of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sample {
    Process(Option<String>),
    Probe(ProbeAnswer),
    Pod(Option<(String, bool)>),
}

/// What a channel shows, with pods named by their part: `new` is the one that is there in the end.
///
/// Left out is what only one side can show: phases, restart counts, and the answers in the tenths of
/// a second in which a port opens or closes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
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
pub(crate) type Story = Vec<(f64, Seen)>;

/// Names the pods and keeps the changes only. A process that comes back within a second of its end
/// (the first restart of a crash loop) is one with the next: 5 Hz sees it by chance.
pub(crate) fn story(samples: &[(f64, Sample)]) -> Story {
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
pub(crate) fn channel(story: &Story, which: fn(&Seen) -> bool) -> Vec<Seen> {
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

pub(crate) const CHANNELS: [fn(&Seen) -> bool; 3] = [
    |seen| matches!(seen, Seen::NoProcess | Seen::NewProcess | Seen::OldProcess),
    |seen| matches!(seen, Seen::Refused | Seen::Ok),
    |seen| matches!(seen, Seen::NoPod | Seen::NewPod { .. } | Seen::OldPod { .. }),
];

/// When each change was seen for the n-th time.
pub(crate) fn times(story: &Story) -> BTreeMap<(Seen, usize), f64> {
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
pub(crate) fn recorded(name: &str) -> Vec<(f64, Sample)> {
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
