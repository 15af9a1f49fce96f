//! What the state directory must be before anything is written, and who else may be writing.

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
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use common::{Unpacked, expect_code, require_root, stderr};
use nix::fcntl::{Flock, FlockArg};

/// The node, and what must be the same afterwards.
fn node() -> Unpacked {
    require_root();
    Unpacked::new("kubeadm-1.36.2")
}

fn refuses(node: &Unpacked, arguments: &[&str], words: &[&str]) {
    let before = node.listing();
    let output = node.run(arguments);
    expect_code(&output, 20);
    let said = stderr(&output);
    for word in words {
        assert!(said.contains(word), "{arguments:?}: '{word}' is not in: {said}");
    }
    assert_eq!(node.listing(), before, "{arguments:?} wrote to the node");
}

fn made(path: &Path, mode: u32) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The folder of the only transaction.
fn transaction(node: &Unpacked) -> PathBuf {
    let folders = fs::read_dir(node.state().join("transactions")).unwrap();
    let mut folders: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1);
    folders.pop().unwrap()
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_directory_that_others_can_use_is_not_used() {
    let node = node();
    let state = node.state();
    let apply = ["apply", "--check", "4.1.9", "--yes"];

    made(&state, 0o755);
    refuses(&node, &apply, &["0755", "chmod 0700"]);
    refuses(&node, &["history"], &["0755", "chmod 0700"]);
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::chown(&state, Some(1000), Some(1000)).unwrap();
    refuses(&node, &apply, &["uid 1000", "--state-dir"]);
    fs::remove_dir(&state).unwrap();

    symlink("/tmp", &state).unwrap();
    refuses(&node, &apply, &["not a directory"]);
    fs::remove_file(&state).unwrap();

    fs::write(&state, "").unwrap();
    refuses(&node, &apply, &["not a directory"]);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn transactions_that_are_no_directory_are_an_error_and_no_empty_history() {
    let node = node();
    made(&node.state(), 0o700);
    let transactions = node.state().join("transactions");
    let link: fn(&Path) = |path| symlink("/tmp", path).unwrap();
    let file: fn(&Path) = |path| fs::write(path, "").unwrap();
    for make in [link, file] {
        make(&transactions);
        refuses(&node, &["history"], &["transactions", "no directory"]);
        refuses(&node, &["apply", "--check", "4.1.9", "--yes"], &["transactions", "no directory"]);
        refuses(&node, &["rollback", "--last", "--yes"], &["transactions", "no directory"]);
        fs::remove_file(&transactions).unwrap();
    }
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_transaction_that_lost_its_plan_or_journal_is_named_and_not_undone() {
    let node = node();
    expect_code(&node.run(&["apply", "--check", "4.1.9", "--yes"]), 0);
    let folder = transaction(&node);
    let aside = node.state().join("aside");

    fs::rename(folder.join("plan.json"), &aside).unwrap();
    refuses(&node, &["rollback", "--last", "--yes"], &["plan.json"]);
    fs::rename(&aside, folder.join("plan.json")).unwrap();

    fs::rename(folder.join("journal.jsonl"), &aside).unwrap();
    fs::create_dir(folder.join("journal.jsonl")).unwrap();
    refuses(&node, &["rollback", "--last", "--yes"], &["journal.jsonl"]);
    refuses(&node, &["history"], &["journal.jsonl"]);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn it_never_lies_where_the_kubelet_reads_every_file() {
    let node = node();
    let manifests = node.path("etc/kubernetes/manifests");
    let inside = manifests.join("state");
    for state in [&manifests, &inside] {
        let before = node.listing();
        let output = common::program()
            .args(["--root", node.root().to_str().unwrap(), "--offline"])
            .args(["--state-dir", state.to_str().unwrap()])
            .args(["apply", "--check", "4.1.9", "--yes"])
            .output()
            .unwrap();
        expect_code(&output, 20);
        assert!(stderr(&output).contains("--state-dir"), "{}", stderr(&output));
        assert_eq!(node.listing(), before);
    }
}

/// The program with another state directory than the node's own.
fn with_state(node: &Unpacked, state: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = common::program();
    command.arg("--root").arg(node.root()).arg("--offline").arg("--state-dir").arg(state);
    command.args(arguments).output().unwrap()
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_way_around_its_path_is_no_way_around() {
    let linked = |node: &Unpacked, to: &str| {
        let link = node.root().with_file_name("linked");
        symlink(node.path(to), &link).unwrap();
        link
    };
    // (where the kubelet has its static pods and its drop-ins, where the state directory is to be)
    let moved: fn(&Unpacked) = |node| {
        let config = node.text("/var/lib/kubelet/config.yaml");
        fs::rename(node.path("/etc/kubernetes/manifests"), node.path("/etc/kubernetes/pods"))
            .unwrap();
        node.write(
            "/var/lib/kubelet/config.yaml",
            config.replace("/etc/kubernetes/manifests", "/etc/kubernetes/pods"),
        );
    };
    let drop_ins: fn(&Unpacked) = |node| {
        fs::create_dir_all(node.path("/etc/kubelet.conf.d")).unwrap();
        let path = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf";
        let unit = node.text(path);
        let more = unit.replace("$KUBELET_EXTRA_ARGS", "--config-dir=/etc/kubelet.conf.d");
        assert_ne!(unit, more);
        node.write(path, more);
    };
    let as_it_is: fn(&Unpacked) = |_| ();
    for (make, folder) in [
        (as_it_is, "/etc/kubernetes/manifests"),
        (moved, "/etc/kubernetes/pods"),
        (drop_ins, "/etc/kubelet.conf.d"),
        (as_it_is, "/usr/lib/systemd/system/kubelet.service.d"),
    ] {
        let node = node();
        make(&node);
        let link = linked(&node, folder);
        for state in [node.path(folder), node.path(folder).join("a/b"), link.join("state")] {
            let before = node.listing();
            let output = with_state(&node, &state, &["apply", "--check", "4.1.9", "--yes"]);
            expect_code(&output, 20);
            let said = stderr(&output);
            assert!(said.contains("where every file is read as configuration"), "{said}");
            assert!(node.listing() == before, "{} was written", state.display());
            // Nothing to recover is no reason to make it, or to write there.
            let recovered = with_state(&node, &state, &["recover"]);
            let said = stderr(&recovered);
            assert!(recovered.status.success() || said.contains("chmod 0700"), "{said}");
            assert!(node.listing() == before, "{} was written", state.display());
        }
        let beside = node.root().with_file_name("beside");
        expect_code(&with_state(&node, &beside, &["apply", "--check", "4.1.9", "--yes"]), 0);
    }
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn two_state_directories_do_not_make_two_nodes() {
    let node = node();
    let root = fs::File::open(node.root()).unwrap();
    let held = Flock::lock(root, FlockArg::LockExclusiveNonblock).unwrap();
    let before = node.listing();
    let output = node.run(&["apply", "--check", "4.1.9", "--yes"]);
    expect_code(&output, 5);
    assert!(stderr(&output).contains("another --state-dir"), "{}", stderr(&output));
    assert_eq!(node.listing(), before);
    assert!(!node.state().exists(), "the run that lost left something behind");
    drop(held);
    expect_code(&node.run(&["apply", "--check", "4.1.9", "--yes"]), 0);
}
