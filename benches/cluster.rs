//! A whole scan of a cluster of 5,000 pods, 500 namespaces and 2,000 bindings, over TLS on the loopback.
//! The aims are 3 s and 250 MB or less.
//!
//! Each scan is a process of its own, so that its memory is nobody else's; the server of the tests answers
//! from this one, with pages that the first scan made it write. Then the same pages are parsed, and what they
//! say is judged, without any connection: that tells what dominates.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::pedantic,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark stops where it cannot go on, and prints what it measured"
)]

#[path = "../tests/cluster/large.rs"]
mod large;
#[path = "../tests/cluster/server.rs"]
mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use kube_temper::{
    catalog::Catalog,
    check::{check_with, cluster::Cluster},
    cluster::{Reader, reader_of_kubeconfig},
    engine::{Engine, Filter, Settings},
    model::{
        BenchmarkId, Report,
        cluster::{ClusterFacts, ClusterReading, Pod, Resource},
    },
    node::{
        collect::collect,
        memory::{FixedNode, MemoryFiles},
    },
};
use nix::sys::resource::{UsageWho, getrusage};
use serde::Deserialize;
use server::{Answer, ApiServer, Request};

/// How often it is measured; the middle one counts.
const SCANS: usize = 7;

/// Tells the process that scans which kubeconfig to use.
const KUBECONFIG: &str = "KUBE_TEMPER_BENCH_KUBECONFIG";

/// What one scan took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    whole: Duration,
    /// The time this process had the processor.
    busy: Duration,
    /// The most that was resident, in KiB.
    resident: u64,
}

fn main() {
    match env::var_os(KUBECONFIG) {
        Some(path) => scan(Path::new(&path)),
        None => measure(),
    }
}

fn reader(path: &Path) -> Arc<dyn Reader> {
    let bytes = fs::read(path).unwrap();
    reader_of_kubeconfig(path.to_str().unwrap(), &bytes).unwrap()
}

/// One scan, as `kube-temper scan --kubeconfig` makes it away from any node; prints what it took.
fn scan(kubeconfig: &Path) {
    let began = Instant::now();
    let node = Arc::new(FixedNode::new(Arc::new(MemoryFiles::default())));
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let engine = Engine::new(node, catalog, Settings::default()).reading(Some(reader(kubeconfig)));
    let report = engine.scan(&Filter::default()).unwrap().report;
    let whole = began.elapsed();
    assert!(objects(&report) > 1_000, "{report:?}");
    println!("{} {} {}", whole.as_micros(), busy().as_micros(), resident());
}

/// How many objects its findings speak of.
fn objects(report: &Report) -> usize {
    report.findings.iter().map(|finding| finding.objects.len()).sum()
}

/// The processor's time of this process.
fn busy() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = |time: nix::sys::time::TimeVal| {
        Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()) as u64)
    };
    micros(usage.user_time()) + micros(usage.system_time())
}

/// The most this process ever had, in KiB; what ran before `exec` is not in it.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// One scan in a process of its own.
fn cost(kubeconfig: &Path) -> Cost {
    let program = env::current_exe().unwrap();
    let output = Command::new(program).env(KUBECONFIG, kubeconfig).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
    let out = out.unwrap();
    let numbers: Vec<u64> = out.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [whole, busy, resident] = numbers[..] else { panic!("{out}{}", err.unwrap()) };
    Cost { whole: Duration::from_micros(whole), busy: Duration::from_micros(busy), resident }
}

type Pages = Arc<Mutex<BTreeMap<(String, String), Arc<str>>>>;

/// What the large cluster answers, written once.
fn answered(pages: &Pages, request: &Request) -> Answer {
    let token = request.query.get("continue").cloned().unwrap_or_default();
    let key = (request.path.clone(), token);
    if let Some(page) = pages.lock().unwrap().get(&key) {
        return Answer::Ready(page.clone());
    }
    match large::LARGE.answer(request) {
        Answer::Json(200, body) => {
            let page: Arc<str> = body.to_string().into();
            pages.lock().unwrap().insert(key, page.clone());
            Answer::Ready(page)
        }
        other => other,
    }
}

fn measure() {
    let pages = Pages::default();
    let server = {
        let pages = pages.clone();
        ApiServer::start(move |request| answered(&pages, request))
    };
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    fs::write(&kubeconfig, server.trusted()).unwrap();

    cost(&kubeconfig);
    let before = server.requests().len();
    let mut costs: Vec<Cost> = (0..SCANS).map(|_| cost(&kubeconfig)).collect();
    let requests = (server.requests().len() - before) / SCANS;
    costs.sort_by_key(|cost| cost.whole);
    let [middle, last] = [SCANS / 2, SCANS - 1].map(|at| costs[at]);
    let resident = costs.iter().map(|cost| cost.resident).max().unwrap();
    let pages = pages.lock().unwrap().clone();
    let bytes: usize = pages.values().map(|page| page.len()).sum();
    println!(
        "cluster of {:?}: {requests} requests, {} MB of JSON",
        large::LARGE,
        bytes / 1_000_000
    );
    println!(
        "  whole scan      {:>6.0} ms  (slowest {:.0} ms; the aim is 3000 ms)",
        ms(middle.whole),
        ms(last.whole)
    );
    println!("  most resident   {:>6.0} MB  (the aim is 250 MB)", resident as f64 * 1024.0 / 1e6);

    let json = parsing(&pages);
    let judging = judging(&kubeconfig);
    let rest = middle.busy.saturating_sub(json + judging);
    println!("of the processor's {:.0} ms:", ms(middle.busy));
    println!("  JSON            {:>6.0} ms", ms(json));
    println!("  judgement       {:>6.0} ms", ms(judging));
    println!("  TLS and the rest{:>6.0} ms", ms(rest));
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The processor's time it takes, the middle one of several.
fn middle(mut once: impl FnMut()) -> Duration {
    let time = |_| {
        let began = busy();
        once();
        busy() - began
    };
    let mut times: Vec<Duration> = (0..SCANS).map(time).collect();
    times.sort();
    times[SCANS / 2]
}

/// Parsing every page of the pods, which are nearly all of it.
fn parsing(pages: &BTreeMap<(String, String), Arc<str>>) -> Duration {
    #[derive(Deserialize)]
    struct Page {
        items: Vec<Pod>,
    }
    let pods = pages.iter().filter(|((path, _), _)| path == "/api/v1/pods");
    let pods: Vec<Arc<str>> = pods.map(|(_, page)| page.clone()).collect();
    middle(|| {
        let count: usize = pods
            .iter()
            .map(|page| serde_json::from_slice::<Page>(page.as_bytes()).unwrap().items.len())
            .sum();
        assert_eq!(count, large::LARGE.pods);
    })
}

/// Judging what was read.
fn judging(kubeconfig: &Path) -> Duration {
    let facts: ClusterFacts = reader(kubeconfig).read(&BTreeSet::from(Resource::ALL)).unwrap();
    assert!(facts.unread.is_empty(), "{:?}", facts.unread);
    let reading = ClusterReading::Read(Box::new(facts));
    let catalog = Catalog::embedded().unwrap();
    let node = FixedNode::new(Arc::new(MemoryFiles::default()));
    let node = collect(&node, catalog.path_candidates()).unwrap();
    let controls = catalog.controls(BenchmarkId::Cis2_0);
    middle(|| {
        let cluster = Cluster { reading: &reading, known: catalog.known_cluster() };
        let report = check_with(BenchmarkId::Cis2_0, Vec::new(), &controls, &node, Some(cluster));
        assert!(objects(&report) > 1_000);
    })
}
