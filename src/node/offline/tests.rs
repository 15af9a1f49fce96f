#![allow(clippy::disallowed_methods, reason = "tests build real trees")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

use super::*;
use crate::{model::FileMeta, node::NodeErrorKind};

/// A machine in a folder: a node's tree, an image, and a `/proc` in which a kubelet runs on the node.
struct Machine {
    top: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { top: tempfile::tempdir().unwrap() };
        for tree in ["node", "image"] {
            for folder in ["etc/kubernetes/manifests", "var/lib/kubelet", "var/lib/etcd", "proc"] {
                fs::create_dir_all(machine.at(tree).join(folder)).unwrap();
            }
        }
        machine.process(1, "systemd", "elsewhere");
        machine.process(700, "containerd", "node");
        machine.process(980, "kubelet", "node");
        fs::create_dir(machine.at("proc/sys")).unwrap();
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        self.top.path().join(path)
    }

    fn process(&self, pid: u32, comm: &str, root: &str) {
        let folder = self.at(&format!("proc/{pid}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("comm"), format!("{comm}\n")).unwrap();
        symlink(self.at(root), folder.join("root")).unwrap();
    }

    /// Why the tree is refused; empty when it is not.
    fn why(&self, tree: &str) -> String {
        let root = DirFiles::open(&self.at(tree)).unwrap();
        match refuse_running(&root, &self.at("proc")) {
            Ok(()) => String::new(),
            Err(OpenError::Running { why, root }) => {
                assert!(root.ends_with(tree), "{root}");
                why
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn bind(&self, from: &Path, to: &str) {
        let none: Option<&str> = None;
        mount(Some(from), &self.at(to), none, MsFlags::MS_BIND, none).unwrap();
    }
}

#[test]
fn an_image_beside_a_running_node_is_accepted() {
    assert_eq!(Machine::new().why("image"), "");
}

#[test]
fn the_root_of_a_kubelet_is_refused_by_any_name() {
    let machine = Machine::new();
    assert_eq!(machine.why("node"), "it is the root of process 980");
    symlink(machine.at("node"), machine.at("alias")).unwrap();
    assert_eq!(machine.why("alias"), "it is the root of process 980");
}

#[test]
fn programs_that_hold_a_kubelet_count_and_others_do_not() {
    for (comm, refused) in [
        ("kubelet", true),
        ("k3s-server", true),
        ("k3s", true),
        ("rke2", true),
        ("kubelite", true),
        ("kubectl", false),
        ("kubelet-wrapper", false),
        ("bash", false),
    ] {
        let machine = Machine::new();
        machine.process(1000, comm, "image");
        assert_eq!(!machine.why("image").is_empty(), refused, "{comm}");
    }
    let machine = Machine::new();
    fs::remove_file(machine.at("proc/1/root")).unwrap();
    symlink(machine.at("image"), machine.at("proc/1/root")).unwrap();
    assert_eq!(machine.why("image"), "it is the root of process 1");
}

#[test]
fn this_machine_itself_is_refused() {
    for root in ["/", "/proc/self/root", "/etc/.."] {
        let error = OfflineNode::open(Path::new(root), None).unwrap_err();
        assert!(matches!(&error, OpenError::Running { why, .. } if why.contains("own root")));
        assert!(error.to_string().contains("leave --offline away"), "{error}");
    }
}

#[test]
fn without_a_proc_nothing_can_be_told() {
    let machine = Machine::new();
    fs::remove_dir_all(machine.at("proc")).unwrap();
    let root = DirFiles::open(&machine.at("image")).unwrap();
    let error = refuse_running(&root, &machine.at("proc")).unwrap_err();
    assert!(matches!(error, OpenError::Node(error) if error.is_not_found()));
}

/// Bind mounts, in a mount namespace of one thread. Only root may: for others the kernel's refusal is
/// what there is to see, and continuous integration runs this as root.
#[test]
fn folders_bound_from_a_running_node_are_refused() {
    std::thread::spawn(|| {
        let entered = unshare(CloneFlags::CLONE_NEWNS);
        if !nix::unistd::geteuid().is_root() {
            assert_eq!(entered, Err(Errno::EPERM));
            return;
        }
        entered.unwrap();
        let none: Option<&str> = None;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
        for folder in ["etc/kubernetes", "etc/kubernetes/manifests", "var/lib/kubelet"] {
            let machine = Machine::new();
            machine.bind(&machine.at("node").join(folder), &format!("image/{folder}"));
            let expected = format!("its /{folder} is that of the kubelet, process 980");
            assert_eq!(machine.why("image"), expected);
        }
        let machine = Machine::new();
        fs::create_dir(machine.at("host")).unwrap();
        machine.bind(&machine.at("node"), "host");
        assert_eq!(machine.why("host"), "it is the root of process 980");

        let machine = Machine::new();
        machine.bind(Path::new("/proc"), "image/proc");
        assert_eq!(machine.why("image"), "its /proc is that of a running kernel");
    })
    .join()
    .unwrap();
}

fn own_meta() -> FileMeta {
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    FileMeta { mode: 0o600, uid, gid, xattrs: std::collections::BTreeMap::new() }
}

#[test]
fn state_lies_in_the_image_and_appears_with_the_first_write() {
    let machine = Machine::new();
    let node = OfflineNode::open(&machine.at("image"), None).unwrap();
    let folder = machine.at("image/var/lib/kube-temper");
    assert_eq!((node.kind(), node.uid()), (NodeKind::Offline, own_meta().uid));
    assert_eq!(node.state_dir(), folder.to_str().unwrap());
    let state = node.state();
    assert_eq!(state.stat("/").unwrap(), None);
    assert!(state.list("/transactions").unwrap_err().is_not_found());
    assert!(state.remove("/x").unwrap_err().is_not_found());
    assert!(state.free_space("/").unwrap() > 0);
    assert!(!folder.exists(), "reading creates nothing");
    state.append("/note", b"one").unwrap();
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(state.read("/note", 10).unwrap(), b"one");
    let error = state.read("/gone", 10).unwrap_err();
    assert_eq!(error.path, folder.join("gone").to_str().unwrap(), "named as a person finds it");
}

#[test]
fn state_can_lie_elsewhere() {
    let machine = Machine::new();
    let elsewhere = machine.at("state/of/image");
    let node = OfflineNode::open(&machine.at("image"), Some(&elsewhere)).unwrap();
    node.state().make_dir("/transactions", 0o700).unwrap();
    assert!(elsewhere.join("transactions").is_dir());
    assert!(!machine.at("image/var/lib/kube-temper").exists());
    assert_eq!(node.state_dir(), elsewhere.to_str().unwrap());
}

#[test]
fn a_state_directory_open_to_others_is_not_used() {
    let machine = Machine::new();
    let folder = machine.at("image/var/lib/kube-temper");
    fs::create_dir(&folder).unwrap();
    for mode in [0o755, 0o701, 0o720] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        let node = OfflineNode::open(&machine.at("image"), None).unwrap();
        for error in [
            node.state().list("/").unwrap_err(),
            node.state().append("/x", b"").unwrap_err(),
            node.lock().unwrap_err(),
        ] {
            assert!(error.to_string().contains(&format!("its mode is {mode:04o}")), "{error}");
        }
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let node = OfflineNode::open(&machine.at("image"), None).unwrap();
    assert_eq!(node.state().list("/").unwrap(), []);
}

#[test]
fn a_state_directory_of_somebody_else_is_not_used() {
    let machine = Machine::new();
    let folder = machine.at("image/var/lib/kube-temper");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let given = nix::unistd::chown(&folder, Some(4242.into()), None);
    let node = OfflineNode::open(&machine.at("image"), None).unwrap();
    if nix::unistd::geteuid().is_root() {
        given.unwrap();
        let error = node.lock().unwrap_err();
        assert!(error.to_string().contains("it belongs to uid 4242"), "{error}");
    } else {
        assert_eq!(given, Err(Errno::EPERM));
        drop(node.lock().unwrap());
    }
}

#[test]
fn a_link_in_place_of_the_state_directory_is_refused() {
    let machine = Machine::new();
    symlink("/etc", machine.at("image/var/lib/kube-temper")).unwrap();
    let node = OfflineNode::open(&machine.at("image"), None).unwrap();
    let error = node.state().append("/x", b"").unwrap_err();
    assert!(error.to_string().ends_with("it is not a directory"), "{error}");
    assert!(!machine.at("image/etc/x").exists());
}

#[test]
fn the_second_run_learns_who_holds_the_lock() {
    let machine = Machine::new();
    let first = OfflineNode::open(&machine.at("image"), None).unwrap();
    let second = OfflineNode::open(&machine.at("image"), None).unwrap();
    let held = first.lock().unwrap();
    let error = second.lock().unwrap_err();
    let NodeErrorKind::Locked { holder } = &error.kind else { panic!("{error}") };
    assert!(holder.starts_with(&format!("pid {}, ", std::process::id())), "{holder}");
    assert!(holder.contains(", since 20") && holder.ends_with('Z'), "{holder}");
    drop(held);
    drop(second.lock().unwrap());
}

#[test]
fn a_root_without_offline_is_never_written() {
    let machine = Machine::new();
    let node = OfflineNode::read_only(&machine.at("node"), None).unwrap();
    assert_eq!(node.kind(), NodeKind::ReadOnlyRoot);
    for error in [
        node.lock().unwrap_err(),
        node.state().append("/x", b"").unwrap_err(),
        node.files().create("/x", b"", &own_meta()).unwrap_err(),
    ] {
        assert_eq!(error.kind, NodeErrorKind::ReadOnly);
    }
    assert!(!machine.at("node/var/lib/kube-temper").exists());
}

#[test]
fn nothing_runs_on_an_image() {
    let machine = Machine::new();
    let node = OfflineNode::open(&machine.at("image"), None).unwrap();
    let pid = std::process::id();
    assert!(node.kubelet().is_none());
    assert_eq!(node.kubelet_version(pid).unwrap(), None);
    assert_eq!(node.process_file(pid, "/etc/passwd", 1 << 20).unwrap(), None);
}
