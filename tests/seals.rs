//! What even root may not change is refused before anything is written: immutable files and folders, what is
//! mounted read-only, and files that are mounts of their own. So are files with a second name.

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

mod common;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
    sync::Arc,
};

use common::{Unpacked, expect_code, stderr};
use kube_temper::{
    apply::{self, Refusal},
    model::{Plan, journal::Purpose},
    node::{Node, offline::OfflineNode},
};

const MANIFESTS: &str = "/etc/kubernetes/manifests";
const SCHEDULER: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml";
const CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// The content of a manifest, and the mode of a file.
const CONTENT: [&str; 4] = ["apply", "--check", "1.4.1", "--yes"];
const MODE: [&str; 4] = ["apply", "--check", "4.1.9", "--yes"];

/// An attribute of a file, taken away again so that the file can be removed.
struct Sealed(PathBuf, &'static str);

impl Sealed {
    fn new(path: PathBuf, letter: &'static str) -> Self {
        let sealed = Self(path, letter);
        sealed.chattr('+');
        sealed
    }

    fn chattr(&self, sign: char) {
        let flag = format!("{sign}{}", self.1);
        let status = Command::new("chattr").arg(flag).arg(&self.0).status().unwrap();
        assert!(status.success(), "{}", self.0.display());
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        self.chattr('-');
    }
}

/// Refused with these words and nothing written, or done where there are none.
#[track_caller]
fn expect(node: &Unpacked, run: impl Fn() -> Output, words: &[&str]) {
    let before = node.listing();
    let output = run();
    if words.is_empty() {
        return expect_code(&output, 0);
    }
    expect_code(&output, 20);
    for word in words {
        assert!(stderr(&output).contains(word), "'{word}' is not in: {}", stderr(&output));
    }
    assert_eq!(node.listing(), before);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it seals files")]
fn a_sealed_file_or_folder_is_refused() {
    for (path, letter, arguments, words) in [
        (SCHEDULER, "i", CONTENT, &["kube-scheduler.yaml is immutable", "chattr -i"][..]),
        (SCHEDULER, "a", CONTENT, &["may only be appended to", "chattr -a"]),
        (MANIFESTS, "i", CONTENT, &["manifests is immutable", "chattr -i"]),
        (MANIFESTS, "a", CONTENT, &["manifests may only be appended to"]),
        (CONFIG, "i", MODE, &["config.yaml is immutable"]),
        // A mode is the file's own.
        ("/var/lib/kubelet", "i", MODE, &[]),
    ] {
        let node = Unpacked::new("kubeadm-1.36.2");
        let sealed = Sealed::new(node.path(path), letter);
        expect(&node, || node.run(&arguments), words);
        drop(sealed);
        if !words.is_empty() {
            expect_code(&node.run(&arguments), 0);
        }
    }
}

/// The program with `mounts` made, which only it sees.
fn with_mounts(node: &Unpacked, mounts: &str, arguments: &[&str]) -> Output {
    let program = node.command(arguments);
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-ec"]);
    command.arg(format!("{mounts}; exec \"$@\"")).arg("sh");
    command.arg(program.get_program()).args(program.get_args());
    command.output().unwrap()
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it mounts")]
fn a_mount_is_refused_where_it_is_in_the_way() {
    let read_only = |path: &str| {
        format!("mount --bind ROOT{path} ROOT{path}; mount -o remount,ro,bind ROOT{path}")
    };
    let bound = |path: &str| format!("mount --bind ROOT{path} ROOT{path}");
    for (mounts, arguments, words) in [
        (
            read_only(MANIFESTS),
            CONTENT,
            &["kube-scheduler.yaml lies on a read-only mount", "remount,rw"][..],
        ),
        (read_only("/var/lib/kubelet"), MODE, &["config.yaml lies on a read-only mount"]),
        (read_only("/etc/cni"), CONTENT, &[]),
        (bound(SCHEDULER), CONTENT, &["kube-scheduler.yaml is a mount of its own"]),
        (bound(MANIFESTS), CONTENT, &[]),
        (bound(CONFIG), MODE, &[]),
    ] {
        let node = Unpacked::new("kubeadm-1.36.2");
        let mounts = mounts.replace("ROOT", node.root().to_str().unwrap());
        expect(&node, || with_mounts(&node, &mounts, &arguments), words);
    }
}

/// The plan knows second names; one that came after it is left to the transaction.
#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_second_name_that_came_after_the_plan_is_refused_too() {
    let unpacked = Unpacked::new("kubeadm-1.36.2");
    let output = unpacked.run(&["plan", "--check", "1.4.1", "--format", "json"]);
    let plan: Plan = serde_json::from_slice(&output.stdout).unwrap();
    fs::hard_link(unpacked.path(SCHEDULER), unpacked.path("/second.yaml")).unwrap();
    let before = unpacked.listing();
    let node: Arc<dyn Node> =
        Arc::new(OfflineNode::open(&unpacked.root(), Some(&unpacked.state())).unwrap());
    let purpose = Purpose::Apply { controls: vec!["1.4.1".parse().unwrap()] };
    match apply::begin(&node, &plan, purpose) {
        Err(Refusal::Refused(why)) => assert!(why.contains("has a second name"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(unpacked.listing(), before);
}
