use std::{collections::BTreeMap, sync::Arc};

use super::*;
use crate::{
    model::{Component, FileMeta, facts::Probe},
    node::{
        Node, NodeErrorKind,
        collect::{PathCandidates, collect},
        fault::{Fault, Faults, FaultyFiles},
        memory::{FixedNode, MemoryFiles},
        recording::KUBEADM_1_36_2,
        sim::SimNode,
    },
};

/// What must never be in a log.
const SECRET: &str = "S3CRET";

fn noted<'n>(kind: Kind, verb: &'static str, what: &'n str) -> Noted<'n> {
    Noted { who: Who::Us, kind, verb, before: "", what, size: Some(10), end: End::Done }
}

fn lines(log: &Log) -> Vec<String> {
    let lines = log.news(&mut 0).unwrap_or_default();
    let told = |line: LogLine| {
        let LogLine { verb, what, size, end, times, .. } = line;
        format!("{verb} {what} {} {times}x {end}", size.unwrap_or(0))
    };
    lines.into_iter().map(told).collect()
}

#[test]
fn the_last_lines_are_kept_and_news_are_told_once() {
    let log = Log::default();
    let mut seen = 0;
    assert_eq!(log.news(&mut seen), None);
    for number in 0..LINES + 5 {
        log.note(noted(Kind::Written, "create", &format!("/{number}")), Timestamp::UNIX_EPOCH);
    }
    let kept = log.news(&mut seen).unwrap();
    assert_eq!(kept.len(), LINES);
    assert_eq!(kept[0].what, "/5");
    assert_eq!(kept[LINES - 1].what, format!("/{}", LINES + 4));
    assert_eq!(log.news(&mut seen), None);
    // What was written is kept longest.
    let kept = |log: &Log| {
        let lines = log.news(&mut 0).unwrap();
        (lines.len(), lines.iter().filter(|line| line.kind == Kind::Read).count())
    };
    for number in 0..3 {
        log.note(noted(Kind::Read, "read", &format!("/{number}")), Timestamp::UNIX_EPOCH);
        log.note(noted(Kind::Written, "create", &format!("/{number}")), Timestamp::UNIX_EPOCH);
    }
    assert_eq!(kept(&log), (LINES, 0));
    log.news(&mut seen).unwrap();
    log.clone().note(noted(Kind::Read, "read", "/new"), Timestamp::UNIX_EPOCH);
    assert_eq!(log.news(&mut seen).unwrap()[LINES - 1].what, "/new");
}

#[test]
fn what_is_read_again_is_counted_and_every_write_is_told() {
    let log = Log::default();
    let note = |kind, verb, what| log.note(noted(kind, verb, what), Timestamp::UNIX_EPOCH);
    for _ in 0..3 {
        note(Kind::Read, "read", "/a");
        note(Kind::Read, "look", "/b");
    }
    for what in ["/a", "/b", "/a"] {
        note(Kind::Written, "rename", what);
    }
    // One process is one line, whatever is read of it; so are many, also when they are read again.
    note(Kind::Read, "read", "/proc/12/cmdline");
    note(Kind::Read, "look", "/proc/12/exe");
    for _ in 0..2 {
        note(Kind::Read, "list", "/proc");
        note(Kind::Read, "read", "/proc/123/cmdline");
        note(Kind::Read, "look", "/proc/123/exe");
        note(Kind::Read, "read", "/proc/4567/cmdline");
    }
    note(Kind::Read, "read", "/proc/version");
    assert_eq!(
        lines(&log),
        [
            "read /a 30 3x ok",
            "look /b 30 3x ok",
            "rename /a 10 1x ok",
            "rename /b 10 1x ok",
            "rename /a 10 1x ok",
            "read /proc/12 20 2x ok",
            "list /proc 20 2x ok",
            "read /proc/* 60 6x ok",
            "read /proc/version 10 1x ok",
        ]
    );
}

#[test]
fn each_operation_says_to_what_how_much_and_how_it_ended() {
    let log = Log::default();
    let memory = MemoryFiles::new().with_file("/etc/x.yaml", 0o600, "12345");
    let node = LoggedNode::new(Arc::new(FixedNode::new(Arc::new(memory))), &log);
    node.files().read("/etc/x.yaml", 100).unwrap();
    node.files().read("/etc/x.yaml", 2).unwrap_err();
    node.files().stat("/etc/none").unwrap();
    let meta = FileMeta { mode: 0o600, uid: 0, gid: 0, xattrs: BTreeMap::new() };
    node.state().create("/plan.json", b"123", &meta).unwrap();
    node.files().set_mode("/etc/x.yaml", 0o400).unwrap();
    let held = node.lock().unwrap();
    node.lock().unwrap_err();
    drop(held);
    assert_eq!(
        lines(&log),
        [
            "read /etc/x.yaml 5 1x ok",
            "read /etc/x.yaml 0 1x too large",
            "look /etc/none 0 1x not there",
            "create /var/lib/kube-temper/plan.json 3 1x ok",
            "chmod /etc/x.yaml 0 1x ok",
            "lock /var/lib/kube-temper/lock 0 1x ok",
            "lock /var/lib/kube-temper/lock 0 1x locked",
        ]
    );
}

#[test]
fn no_content_comes_into_a_log() {
    let log = Log::default();
    let inner = MemoryFiles::new().with_file("/etc/kubernetes/admin.conf", 0o600, SECRET);
    let kind = NodeErrorKind::Other(SECRET.to_owned());
    let faults = Faults::new(Fault::FailsFrom { at: 2, kind });
    let files = FaultyFiles::new("files", Arc::new(inner), &faults);
    let node = LoggedNode::new(Arc::new(FixedNode::new(Arc::new(files))), &log);
    let meta = FileMeta { mode: 0o600, uid: 0, gid: 0, xattrs: BTreeMap::new() };
    let files = node.files();
    files.read("/etc/kubernetes/admin.conf", 100).unwrap();
    files.read_part("/etc/kubernetes/admin.conf", 0, 100).unwrap();
    files.create("/a", SECRET.as_bytes(), &meta).unwrap();
    files.append("/a", SECRET.as_bytes()).unwrap_err();

    let sim = SimNode::demo(&KUBEADM_1_36_2, 10).unwrap();
    let node = LoggedNode::new(Arc::new(sim), &log);
    let probe = Probe {
        path: Some(format!("/readyz?token={SECRET}")),
        host: Some("127.0.0.1".to_owned()),
        port: 6443,
        tls: true,
        headers: vec![("Authorization".to_owned(), format!("Bearer {SECRET}"))],
        initial_delay: 0,
        period: 1,
        timeout: 1,
        failure_threshold: 1,
    };
    node.kubelet().unwrap().probe(&probe);
    let planned = [format!("--token={SECRET}")];
    node.programs().unwrap().parse(Component::KubeApiserver, &planned);
    node.programs().unwrap().message(SECRET);
    let told = log.news(&mut 0).unwrap();
    assert_eq!(told.len(), 6, "{told:?}");
    assert!(told.iter().any(|line| line.what == "https://127.0.0.1:6443/readyz"), "{told:?}");
    assert!(!format!("{told:?}").contains(SECRET), "{told:?}");
}

#[test]
fn a_node_answers_the_same_with_a_log_in_front_of_it() {
    let sim = Arc::new(SimNode::demo(&KUBEADM_1_36_2, 10).unwrap());
    let logged = LoggedNode::new(Arc::clone(&sim) as Arc<dyn Node>, &Log::default());
    let candidates = PathCandidates::default();
    let mut facts = [collect(sim.as_ref(), &candidates), collect(&logged, &candidates)]
        .map(|facts| facts.unwrap());
    facts[1].at = facts[0].at;
    assert_eq!(facts[0], facts[1]);
}

/// The methods a trait declares, or an implementation has.
fn methods<'s>(source: &'s str, from: &str) -> Vec<&'s str> {
    let body = source.split_once(from).unwrap().1.split_once("\n}\n").unwrap().0;
    let named = |line: &'s str| line.strip_prefix("    fn ")?.split(['(', '<']).next();
    body.lines().filter_map(named).collect()
}

/// A method that has a body in the trait and none here would answer for a node it does not know.
#[test]
fn every_question_is_passed_on() {
    let node = include_str!("../mod.rs");
    let parts = include_str!("parts.rs");
    for (declared, name, here) in [
        (node, "Files", include_str!("files.rs")),
        (node, "Node", include_str!("node.rs")),
        (node, "KubeletView", parts),
        (node, "Keeper", parts),
        (include_str!("../programs.rs"), "Programs", parts),
        (include_str!("../etcd/mod.rs"), "Etcd", parts),
    ] {
        let wanted = methods(declared, &format!("pub trait {name}: "));
        assert!(wanted.len() >= 3, "{name} {wanted:?}");
        assert_eq!(methods(here, &format!("impl {name} for ")), wanted, "{name}");
    }
}
