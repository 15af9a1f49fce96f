//! Collection: what is read of recorded nodes and of layouts built in memory.
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

mod closed;
mod documents;
mod kubelet;
mod layouts;
mod manifests;
mod places;
mod processes;
mod recorded;

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use kube_temper::{
    catalog::Catalog,
    model::{
        Component, Distribution, FileFact, FileKind, NodeFacts, PathVar, Process, ProcessFact,
        Role,
        facts::{ManifestFact, Parsed},
    },
    node::{
        Files as _, NodeKind,
        collect::collect,
        memory::{FixedNode, MemoryFiles},
        recording::{self, Recording},
    },
};

const HASH: &str = "2b6aae3df1852cc7043f7618430ee72f";
const OTHER_HASH: &str = "7ae4dc51dceae027f95f6f9122090d5d";
const TENANT: &str = "11111111-2222-4333-8444-555555555555";

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().unwrap());

fn facts_of(node: &FixedNode) -> NodeFacts {
    collect(node, CATALOG.path_candidates()).unwrap()
}

fn facts(files: MemoryFiles, kind: NodeKind) -> NodeFacts {
    facts_of(&FixedNode::new(Arc::new(files)).of_kind(kind))
}

fn recorded(recording: Recording) -> MemoryFiles {
    recording.files().unwrap()
}

fn texts<'f>(found: impl IntoIterator<Item = &'f String>) -> Vec<&'f str> {
    found.into_iter().map(String::as_str).collect()
}

fn paths(facts: &NodeFacts, var: PathVar) -> Vec<&str> {
    texts(&facts.profile.paths[&var])
}

fn base_names<'f>(manifests: impl IntoIterator<Item = &'f ManifestFact>) -> Vec<&'f str> {
    manifests.into_iter().map(|m| m.path.rsplit('/').next().unwrap()).collect()
}

fn mode(facts: &NodeFacts, path: &str) -> u32 {
    match &facts.files[path] {
        FileFact::Present { mode, .. } => *mode,
        other => panic!("{path}: {other:?}"),
    }
}

fn broken<'f>(facts: &'f NodeFacts, path: &str) -> &'f str {
    let manifest = facts.manifests.iter().find(|manifest| manifest.path == path).unwrap();
    match &manifest.pod {
        Parsed::Broken { why } => why,
        Parsed::Ok { .. } => panic!("{path} is not broken"),
    }
}

/// A process in `/proc`, as the kernel shows it.
struct Proc<'p> {
    pid: u32,
    parent: u32,
    exe: Option<&'p str>,
    argv: &'p [&'p str],
    cgroup: String,
    environ: &'p str,
    uid: u32,
}

impl<'p> Proc<'p> {
    fn new(pid: u32, argv: &'p [&'p str], cgroup: impl Into<String>) -> Self {
        Self {
            pid,
            parent: 1,
            exe: Some(argv[0]),
            argv,
            cgroup: cgroup.into(),
            environ: "",
            uid: 0,
        }
    }

    fn put(&self, files: &MemoryFiles) {
        let folder = format!("/proc/{}", self.pid);
        let program = self.exe.unwrap_or(self.argv[0]).rsplit('/').next().unwrap();
        let comm: String = program.chars().take(15).collect();
        let file =
            |name: &str, text: String| files.put_file(&format!("{folder}/{name}"), 0o444, text);
        file("comm", format!("{comm}\n"));
        file("cmdline", self.argv.iter().map(|arg| format!("{arg}\0")).collect());
        file("cgroup", self.cgroup.clone());
        file("environ", self.environ.to_owned());
        file(
            "stat",
            format!(
                "{} ({comm}) S {} 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {}00 0",
                self.pid, self.parent, self.pid
            ),
        );
        file("status", format!("Name:\t{comm}\nUid:\t0\t{}\t0\t0\nGid:\t0\t0\t0\t0\n", self.uid));
        if let Some(exe) = self.exe {
            files.put_link(&format!("{folder}/exe"), exe);
        }
    }
}

fn pod_cgroup(pod: &str) -> String {
    let pod = pod.replace('-', "_");
    format!("0::/kubepods.slice/kubepods-pod{pod}.slice/cri-containerd-{}.scope\n", "ab".repeat(32))
}

fn init(files: &MemoryFiles) {
    Proc::new(1, &["/sbin/init"], "0::/init.scope").put(files);
}

/// A tree with accounts, a host name and a first process, and nothing of Kubernetes.
fn bare() -> MemoryFiles {
    let files = MemoryFiles::new()
        .with_file("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\n")
        .with_file("/etc/group", 0o644, "root:x:0:\n")
        .with_file("/etc/hostname", 0o644, "Node-7\n");
    init(&files);
    files
}

/// Process ids of a fact; a `/proc` that could not be read fails the test.
fn pids(fact: &ProcessFact) -> Vec<u32> {
    match fact {
        ProcessFact::Absent => Vec::new(),
        ProcessFact::Running(process) => vec![process.pid],
        ProcessFact::Ambiguous { candidates } => candidates.iter().map(|p| p.pid).collect(),
        ProcessFact::Unreadable { why } => panic!("{why}"),
    }
}

/// A file of the tree, as text.
fn files_text(files: &MemoryFiles, path: &str) -> String {
    String::from_utf8(files.read(path, 1 << 20).unwrap()).unwrap()
}
