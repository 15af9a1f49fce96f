//! How quickly the terminal interface is there, how quickly it follows a key, and how much memory it keeps.
//!
//! The aims: the demo's first whole screen within 100 ms of the start of its process; 4 ms or less from a key
//! to a drawn screen of 200x60, on any screen, with 134 findings and a diff of 5,000 lines; 30 MB or less
//! resident while nothing happens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark reads its own data, stops where it cannot go on, and tells what it saw"
)]

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use harness::{PLAIN, Session};
use kube_temper::{
    catalog::Catalog,
    cluster::simulated::SimCluster,
    engine::{Engine, EngineError, Filter, Settings},
    model::{BenchmarkId, ChangeKind, Outcome, Plan, RecordKind, TransactionId},
    node::{
        recording::KUBEADM_1_36_2,
        sim::{SimNode, VirtualClock},
    },
    text::diff::{self, FileDiff},
    tui::{Action, Backstage, Effect, EngineJobs, JobMsg, Planned, Polled, Standing},
};
use program::Program;

/// What the harness calls `crate::tui`.
mod tui {
    pub(crate) use kube_temper::tui::*;
}

#[path = "../src/tui/tests/harness.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod harness;
#[path = "../tests/pty/program.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod program;

const DIFF_LINES: usize = 5_000;

/// The engine's jobs, but for two things: what is planned changes thousands of lines, and a change that waits
/// to be kept waits for ever.
struct Jobs {
    engine: EngineJobs,
    /// Since when it waits, on the node's clock.
    waits: Option<jiff::Timestamp>,
}

impl Backstage for Jobs {
    fn run(&mut self, effect: Effect) -> JobMsg {
        if let (Effect::Poll, Some(now)) = (&effect, self.waits) {
            let silence = Polled { now, records: Vec::new(), notice: None, outcome: None };
            return JobMsg::Polled(Ok(silence));
        }
        match self.engine.run(effect) {
            JobMsg::Planned { controls, result } => {
                let result = result.map(|planned| Planned {
                    diffs: vec![long(&planned.plan)],
                    plan: planned.plan,
                });
                JobMsg::Planned { controls, result }
            }
            JobMsg::Polled(Ok(mut polled)) => {
                let waiting = |kind: &RecordKind| matches!(kind, RecordKind::Waiting { .. });
                if let Some(at) = polled.records.iter().position(|r| waiting(&r.kind)) {
                    polled.now = polled.records[at].at;
                    polled.records.truncate(at + 1);
                    polled.outcome = None;
                    self.waits = Some(polled.now);
                }
                JobMsg::Polled(Ok(polled))
            }
            other => other,
        }
    }

    fn finish(&mut self) -> Option<(TransactionId, Result<Outcome, EngineError>)> {
        self.engine.finish()
    }
}

/// The difference of the plan's last file, with every line of a long one changed.
fn long(plan: &Plan) -> FileDiff {
    let mut change = plan.changes().last().unwrap().clone();
    let ChangeKind::Content { before, after } = &mut change.kind else { panic!("it has lines") };
    let lines = |word: &str| -> String {
        (0..DIFF_LINES / 2)
            .map(|n| format!("    - --line-{n}={word}, quite as long as a flag\n"))
            .collect()
    };
    before.text.push_str(&lines("before"));
    after.text.push_str(&lines("after"));
    let diff = diff::of_change(&change, 3);
    assert!(diff.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>() >= DIFF_LINES);
    diff
}

/// A session at 200x60, brought to a screen by these actions.
fn session(way: &[Action], shows: &str) -> Session {
    let node =
        Arc::new(SimNode::new(&KUBEADM_1_36_2, Arc::new(VirtualClock::default()), 1).unwrap());
    let cluster = SimCluster::new(Arc::clone(&node));
    let settings = Settings { benchmark: Some(BenchmarkId::Cis2_1), ..Settings::default() };
    let engine = Engine::new(node, Arc::new(Catalog::embedded().unwrap()), settings)
        .in_cluster(Some(Arc::new(cluster)));
    let findings = engine.scan(&Filter::default()).unwrap().report.findings.len();
    assert!(findings >= 134, "{findings}");
    let standing = Standing { kind: engine.kind(), read_only: None };
    let jobs = Jobs { engine: EngineJobs::new(engine), waits: None };
    let mut session = Session::start(jobs, standing, (200, 60), PLAIN);
    session.press(way);
    assert!(session.shows(shows), "no \"{shows}\" on\n{}", session.text());
    session
}

fn key_to_screen(criterion: &mut Criterion) {
    use Action::{
        Apply, Bottom, Confirm, Diff, Down, Explain, Filter, Findings, Health, Help, History, Mark,
        MarkSafe, NextHunk, Open, PageDown, PageUp, Plan, PreviousHunk, Up,
    };
    /// The API server's profiling, the first of its section: it restarts it, and waits to be kept.
    const R2: [Action; 3] = [Down, Mark, Plan];
    let applied = [&R2[..], &[Apply, Confirm]].concat();
    let line = [Down, Up];
    let page = [PageDown, PageUp];
    let screens: [(&str, Vec<Action>, &str, [Action; 2]); 15] = [
        ("findings", vec![], "[1 Findings]", line),
        ("findings, all, by the page", vec![Filter, Down, Down, Open], "[1 Findings]", page),
        ("explain", vec![Explain], "Why it matters", line),
        ("help", vec![Help], "quit", line),
        ("filter", vec![Filter], "filter", line),
        ("plan", vec![MarkSafe, Plan], "Diff", page),
        ("diff", vec![MarkSafe, Plan, Diff], "next file", page),
        ("diff, its end", vec![MarkSafe, Plan, Diff, Bottom], "next file", [Up, Down]),
        (
            "diff, from hunk to hunk",
            vec![MarkSafe, Plan, Diff],
            "next file",
            [NextHunk, PreviousHunk],
        ),
        ("question", [&R2[..], &[Apply]].concat(), "Apply?", line),
        ("countdown", applied.clone(), "NOT YET PERMANENT", line),
        ("outcome", vec![MarkSafe, Plan, Apply, Confirm], "Apply:", line),
        ("history", vec![MarkSafe, Plan, Apply, Confirm, History], "History 1/1", line),
        ("transaction", vec![MarkSafe, Plan, Apply, Confirm, History, Open], "[3 History]", page),
        ("health", vec![Findings, Health], "[4 Health]", line),
    ];
    let mut group = criterion.benchmark_group("a key to its screen, 200x60");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    for (name, way, shows, keys) in screens {
        let mut session = session(&way, shows);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let keys: Vec<Action> =
                    keys.iter().copied().cycle().take(usize::try_from(times).unwrap()).collect();
                let start = Instant::now();
                session.watch_for(0).press(&keys);
                start.elapsed()
            });
        });
        assert!(session.shows(shows), "left {name}:\n{}", session.text());
    }
    group.finish();
}

/// The demo on a terminal, once its findings and its keys are on the screen.
fn demo() -> Program {
    let mut demo = Program::demo(&[], &[]);
    demo.wait_for("the first whole screen", |screen| {
        let text = screen.contents();
        text.contains("score ") && text.contains("x FAIL") && text.contains("q quit")
    });
    demo
}

fn first_screen(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("demo");
    group.sample_size(20);
    group.bench_function("from the start of its process to the first whole screen", |bencher| {
        bencher.iter_custom(|times| {
            let mut all = Duration::ZERO;
            for _ in 0..times {
                let start = Instant::now();
                let mut demo = demo();
                all += start.elapsed();
                demo.press("q");
                demo.ends();
            }
            all
        });
    });
    group.finish();

    let mut demo = demo();
    let leader = demo.master.process_group_leader().unwrap();
    let status = fs::read_to_string(format!("/proc/{leader}/status")).unwrap();
    for line in status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"))
    {
        eprintln!("demo, idle: {line}");
    }
    demo.press("q");
    demo.ends();
}

criterion_group!(benches, first_screen, key_to_screen);
criterion_main!(benches);
