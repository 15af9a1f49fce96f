//! What the kubelet says, does not say, or says of another pod.

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

mod machine;

use std::{sync::Arc, time::Duration};

use kube_temper::{
    apply,
    model::{Component, Outcome, RecordKind, StepTarget, facts::Probe},
    node::{
        Clock, Files, KubeletView, Lock, Node, NodeError, NodeKind, PodStatus, ProbeAnswer,
        memory::{MemoryFiles, Snapshot},
        recording,
        sim::{SimNode, VirtualClock},
    },
    store::Journal,
};
use machine::{SCHEDULER, content, plan, purpose, set_flag, step, with_flag};

/// The pod hash of the recorded scheduler.
const OLD_POD: &str = "ec8e77695191d9f7fecf5089141de1cd";

/// What a kubelet makes of what it really saw, at a time since the test began.
/// How long a node is watched before it is touched.
const BASELINE: Duration = Duration::from_secs(30);

type Verdict = fn(Duration, Option<PodStatus>) -> Option<PodStatus>;
type Answer = fn(Duration, ProbeAnswer) -> ProbeAnswer;

/// A simulated node whose kubelet talks otherwise than it should.
#[derive(Debug)]
struct Talker {
    sim: SimNode,
    began: Duration,
    verdict: Verdict,
    answer: Answer,
}

impl Talker {
    fn new(verdict: Verdict, answer: Answer) -> Self {
        let clock = VirtualClock::default();
        let sim = SimNode::new(&recording::KUBEADM_1_36_2, Arc::new(clock), 7).unwrap();
        let began = sim.clock().monotonic();
        Self { sim, began, verdict, answer }
    }

    /// Time since the first write, which comes after the look at the healthy node.
    fn since(&self) -> Duration {
        self.sim.clock().monotonic().saturating_sub(self.began + BASELINE)
    }

    fn real(&self) -> &dyn KubeletView {
        self.sim.kubelet().unwrap()
    }
}

impl KubeletView for Talker {
    fn pod_status(&self, component: Component) -> Result<Option<PodStatus>, NodeError> {
        Ok((self.verdict)(self.since(), self.real().pod_status(component)?))
    }

    fn probe(&self, probe: &Probe) -> ProbeAnswer {
        (self.answer)(self.since(), self.real().probe(probe))
    }

    fn restart(&self) -> Result<(), NodeError> {
        self.real().restart()
    }

    fn healthy(&self) -> bool {
        self.real().healthy()
    }
}

impl Node for Talker {
    fn kind(&self) -> NodeKind {
        self.sim.kind()
    }
    fn files(&self) -> &dyn Files {
        self.sim.files()
    }
    fn state(&self) -> &dyn Files {
        self.sim.state()
    }
    fn state_dir(&self) -> String {
        self.sim.state_dir()
    }
    fn clock(&self) -> &dyn Clock {
        self.sim.clock()
    }
    fn uid(&self) -> u32 {
        self.sim.uid()
    }
    fn lock(&self) -> Result<Box<dyn Lock>, NodeError> {
        self.sim.lock()
    }
    fn kubelet(&self) -> Option<&dyn KubeletView> {
        Some(self)
    }
    fn kubelet_version(&self, pid: u32) -> Result<Option<String>, NodeError> {
        self.sim.kubelet_version(pid)
    }
}

struct Told {
    outcome: Outcome,
    took: Duration,
    seen: Vec<String>,
    differences: Vec<String>,
}

/// `--profiling=false` for the scheduler, under this kubelet.
fn told(verdict: Verdict, answer: Answer) -> Told {
    let node = Arc::new(Talker::new(verdict, answer));
    let before: Snapshot = node.sim.snapshot();
    let trees = machine::Machine {
        files: Arc::clone(node.sim.tree()),
        state: Arc::new(MemoryFiles::new()),
    };
    let text = with_flag(&trees.text(SCHEDULER), "kube-scheduler", "profiling", "false");
    let edits = vec![set_flag("1.4.1", "profiling", "false")];
    let change = content(&trees, SCHEDULER, &text, edits);
    let plan = plan(vec![step(StepTarget::KubeScheduler, vec![change])]);
    let shared: Arc<dyn Node> = node.clone();
    let transaction = apply::begin(&shared, &plan, purpose(&plan)).unwrap();
    let id = transaction.id().clone();
    let outcome = transaction.run();
    let journal = Journal::read(node.as_ref(), &id).unwrap();
    let seen = journal.records.into_iter().filter_map(|record| match record.kind {
        RecordKind::Observed { observation, .. } => Some(observation.text),
        _ => None,
    });
    Told {
        outcome,
        took: node.since(),
        seen: seen.collect(),
        differences: before.differences(&node.sim.snapshot()),
    }
}

fn as_it_is(_: Duration, status: Option<PodStatus>) -> Option<PodStatus> {
    status
}

fn as_answered(_: Duration, answer: ProbeAnswer) -> ProbeAnswer {
    answer
}

#[test]
fn a_verdict_on_another_pod_is_no_verdict_and_without_one_the_whole_startup_is_watched() {
    let silent: Verdict = |_, _| None;
    let of_another: Verdict =
        |_, status| status.map(|status| PodStatus { pod: "0".repeat(32), ..status });
    for verdict in [silent, of_another] {
        let told = told(verdict, as_answered);
        assert_eq!(told.outcome, Outcome::Committed);
        // The kubelet gives the recorded scheduler 10 s and 24 tries 10 s apart to start.
        assert!(told.took >= Duration::from_secs(250), "{:?}", told.took);
        assert!(told.seen.iter().any(|text| text.contains("gave no verdict")), "{:#?}", told.seen);
        assert!(!told.seen.iter().any(|text| text.contains("ready; watching")), "{:#?}", told.seen);
    }
}

#[test]
fn a_pod_that_never_gets_ready_is_rolled_back() {
    let told = told(
        |_, status| {
            let new = |status: &PodStatus| status.pod != OLD_POD;
            status.map(|status| PodStatus { ready: status.ready && !new(&status), ..status })
        },
        as_answered,
    );
    let Outcome::RolledBack { cause, .. } = &told.outcome else { panic!("{:?}", told.outcome) };
    assert!(cause.contains("does not say ready"), "{cause}");
    assert_eq!(told.differences, Vec::<String>::new());
}

#[test]
fn one_restart_is_a_failure_at_once() {
    let told = told(
        |_, status| {
            status.map(|status| PodStatus { restarts: u32::from(status.pod != OLD_POD), ..status })
        },
        as_answered,
    );
    let Outcome::RolledBack { cause, .. } = &told.outcome else { panic!("{:?}", told.outcome) };
    assert!(cause.contains("crashes"), "{cause}");
    assert!(told.took < Duration::from_secs(120), "{:?}", told.took);
}

#[test]
fn a_kubelet_that_falls_silent_is_not_consent() {
    let told =
        told(|since, status| status.filter(|_| since < Duration::from_secs(60)), as_answered);
    let Outcome::RolledBack { cause, .. } = &told.outcome else { panic!("{:?}", told.outcome) };
    assert!(cause.contains("gives no verdict any more"), "{cause}");
    assert_eq!(told.differences, Vec::<String>::new());
}

#[test]
fn what_never_comes_to_rest_is_given_up() {
    let told =
        told(
            as_it_is,
            |since, answer| {
                if since.as_secs() % 40 < 35 { answer } else { ProbeAnswer::Refused }
            },
        );
    let Outcome::Stuck { cause, .. } = &told.outcome else { panic!("{:?}", told.outcome) };
    assert!(cause.starts_with("kube-scheduler does not come to rest"), "{cause}");
    assert_eq!(told.differences, Vec::<String>::new());
}

#[test]
fn a_probe_that_is_answered_401_fails_at_once() {
    let told =
        told(
            as_it_is,
            |since, answer| {
                if since.as_secs() == 25 { ProbeAnswer::Status(401) } else { answer }
            },
        );
    let Outcome::RolledBack { cause, .. } = &told.outcome else { panic!("{:?}", told.outcome) };
    assert!(cause.contains("with 401: the kubelet asks without credentials"), "{cause}");
    assert_eq!(told.differences, Vec::<String>::new());
}

#[test]
fn a_short_stumble_only_starts_the_watch_again() {
    let told = told(as_it_is, |since, answer| {
        if (60..63).contains(&since.as_secs()) { ProbeAnswer::TimedOut } else { answer }
    });
    assert_eq!(told.outcome, Outcome::Committed);
    assert!(told.took >= Duration::from_secs(63 + 60), "{:?}", told.took);
}
