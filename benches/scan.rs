//! A whole scan — collect and judge all 131 controls — of the recorded 1.36.2 control plane with 500
//! more processes in its `/proc`, as on a busy node. The aim is 20 ms or less.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark works in its own temporary folder and stops where it cannot go on"
)]

use std::{fs, path::Path, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use kube_temper::{
    catalog::Catalog,
    engine::{Engine, Filter, Settings},
    node::{
        Node,
        memory::{FixedNode, MemoryFiles},
        offline::OfflineNode,
        recording::KUBEADM_1_36_2,
    },
};

const EXTRA_PROCESSES: u32 = 500;

/// The files of one unrelated process, as `/proc` shows them.
fn process(pid: u32) -> [(&'static str, String); 5] {
    let name = format!("worker-{}", pid % 17);
    [
        ("cmdline", format!("/usr/bin/{name}\0--config=/etc/{name}.conf\0--verbose\0")),
        ("comm", format!("{name}\n")),
        (
            "stat",
            format!(
                "{pid} ({name}) S 1 {pid} {pid} 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 9 0 {pid} 0 0\n"
            ),
        ),
        ("status", format!("Name:\t{name}\nUid:\t1000\t1000\t1000\t1000\n")),
        (
            "cgroup",
            format!(
                "0::/kubepods.slice/kubepods-pod{pid:08x}_2222_4333_8444_555555555555.slice/cri-{pid}.scope\n"
            ),
        ),
    ]
}

fn in_memory() -> Arc<dyn Node> {
    let mut files: MemoryFiles = KUBEADM_1_36_2.files().unwrap();
    for pid in 10_000..10_000 + EXTRA_PROCESSES {
        for (file, text) in process(pid) {
            files = files.with_file(&format!("/proc/{pid}/{file}"), 0o444, &text);
        }
    }
    Arc::new(FixedNode::new(Arc::new(files)))
}

fn on_disk(folder: &Path) -> Arc<dyn Node> {
    let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/nodes/kubeadm-1.36.2.tar.gz");
    let file = fs::File::open(archive).unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(file)).unpack(folder).unwrap();
    let root = folder.join("kubeadm-1.36.2");
    for pid in 10_000..10_000 + EXTRA_PROCESSES {
        let folder = root.join("proc").join(pid.to_string());
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink("/usr/bin/worker", folder.join("exe")).unwrap();
        for (file, text) in process(pid) {
            fs::write(folder.join(file), text).unwrap();
        }
    }
    Arc::new(OfflineNode::open(&root, None).unwrap())
}

fn scan(criterion: &mut Criterion) {
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let temp = tempfile::tempdir().unwrap();
    let mut group = criterion.benchmark_group("scan with 500 more processes");
    for (name, node) in [("in memory", in_memory()), ("on disk", on_disk(temp.path()))] {
        let engine = Engine::new(node, Arc::clone(&catalog), Settings::default());
        let findings = engine.scan(&Filter::default()).unwrap().report.findings.len();
        assert!(findings >= 131, "{findings}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| engine.scan(&Filter::default()).unwrap());
        });
    }
    // As the terminal interface has it scan.
    let (engine, _) = Engine::new(in_memory(), Arc::clone(&catalog), Settings::default()).logged();
    group.bench_function("in memory, with a log of it", |bencher| {
        bencher.iter(|| engine.scan(&Filter::default()).unwrap());
    });
    group.finish();
    criterion.bench_function("load the controls", |bencher| {
        bencher.iter(|| Catalog::embedded().unwrap());
    });
}

criterion_group!(benches, scan);
criterion_main!(benches);
