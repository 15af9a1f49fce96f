//! The door to the real machine: what any user can prove on any Linux, and what only root can.
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

mod copies;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
};

use kube_temper::node::{Node, NodeErrorKind, NodeKind, host::HostNode};

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A copy of `sleep` under another name: a real process whose `--version` answers.
fn run_as(name: &str, folder: &tempfile::TempDir) -> Running {
    let program = folder.path().join(name);
    copies::program("/bin/sleep", &program);
    let child = Command::new(&program)
        .arg("1000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

fn node(folder: &tempfile::TempDir) -> HostNode {
    HostNode::open(Some(&folder.path().join("state"))).unwrap()
}

#[test]
fn the_host_is_opened_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder);
    assert_eq!(node.kind(), NodeKind::Live);
    assert_eq!(node.uid(), nix::unistd::geteuid().as_raw());
    assert_eq!(node.state_dir(), folder.path().join("state").to_str().unwrap());
    let passwd = node.files().read("/etc/passwd", 1 << 20).unwrap();
    assert_eq!(passwd, fs::read("/etc/passwd").unwrap());
    assert!(!folder.path().join("state").exists());
    drop(node.lock().unwrap());
    assert!(folder.path().join("state/lock").is_file());
    let default = HostNode::open(None).unwrap();
    assert_eq!(default.state_dir(), "/var/lib/kube-temper");
}

#[test]
fn the_clock_goes_forward() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder);
    let (wall, start) = (node.clock().now(), node.clock().monotonic());
    let pause = std::time::Duration::from_millis(2);
    node.clock().sleep(pause);
    assert!(node.clock().monotonic() >= start + pause);
    assert!(wall.as_second() > 1_700_000_000);
}

#[test]
fn only_a_kubelet_is_asked_for_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder);
    let kubelet = run_as("kubelet", &folder);
    let version = node.kubelet_version(kubelet.0.id()).unwrap().unwrap();
    assert!(version.contains("sleep"), "what the program itself printed: {version}");
    let other = run_as("kubectl", &folder);
    let error = node.kubelet_version(other.0.id()).unwrap_err();
    assert!(error.to_string().ends_with("kubectl and no kubelet"), "{error}");
    let gone = node.kubelet_version(u32::MAX).unwrap_err();
    assert_eq!(gone.kind, NodeErrorKind::NotFound);
}

#[test]
fn a_replaced_kubelet_binary_is_still_a_kubelet() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder);
    let kubelet = run_as("kubelet", &folder);
    fs::remove_file(folder.path().join("kubelet")).unwrap();
    let version = node.kubelet_version(kubelet.0.id()).unwrap().unwrap();
    assert!(version.contains("sleep"), "{version}");
}

#[test]
fn a_content_has_a_date_and_a_mode_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder);
    let inside = folder.path().join("config.yaml");
    fs::write(&inside, "kind: KubeletConfiguration\n").unwrap();
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    fs::File::options().write(true).open(&inside).unwrap().set_modified(long_ago).unwrap();
    let path = inside.to_str().unwrap();
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o600)).unwrap();
    let at = node.files().modified(path).unwrap();
    assert_eq!(at, Some("2023-11-14T22:13:20Z".parse().unwrap()));
    assert_eq!(node.files().modified(&format!("{path}.none")).unwrap(), None);
}

#[test]
fn a_file_is_read_as_a_process_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let node = node(&folder);
    let pid = std::process::id();
    let seen = node.process_file(pid, "/etc/passwd", 1 << 20).unwrap().unwrap();
    assert_eq!(seen, fs::read("/etc/passwd").unwrap());
    let error = node.process_file(pid, "/etc/none", 10).unwrap_err();
    assert_eq!(error.kind, NodeErrorKind::NotFound);
}
