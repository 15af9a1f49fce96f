//! Namespaces of a node: a process outside that waits for the test, the first process inside, and the way in
//! for everybody else. When the test ends, however it ends, everything inside ends and no trace is left.

use std::{
    fs,
    io::Read as _,
    net::Ipv4Addr,
    os::{fd::AsRawFd as _, unix::process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
    sys::{
        prctl,
        signal::Signal,
        socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, send, socket},
    },
    unistd::{chdir, pivot_root, sethostname},
};
use serde::{Deserialize, Serialize};

/// What the node is made of.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// Its root, on this machine.
    pub(crate) root: PathBuf,
    /// A folder for the tree of control groups, outside the root.
    pub(crate) groups: PathBuf,
    /// Files of this machine and where the node has them.
    pub(crate) binds: Vec<(PathBuf, String)>,
    /// Its API server is on another machine.
    pub(crate) worker: bool,
    /// Its time is in a hurry.
    pub(crate) hurried: bool,
}

const NONE: Option<&str> = None;

/// Starts this program again in another role.
pub(crate) fn again(role: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(format!("@{role}"));
    command
}

/// `outside SPEC`: makes the namespaces, starts the first process, and stays until its input is closed.
pub(crate) fn outside(spec: &Path) -> ExitCode {
    let Spec { groups, .. } = read(spec);
    unshare(
        CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWPID
            | CloneFlags::CLONE_NEWNET
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWIPC,
    )
    .unwrap();
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).unwrap();
    mount(Some("cgroup2"), &groups, Some("cgroup2"), MsFlags::empty(), NONE).unwrap();
    let group = groups.join(format!("kube-temper-standin-{}", std::process::id()));
    fs::create_dir(&group).unwrap();
    let mut first = again("init").arg(spec).arg(&group).stdin(Stdio::null()).spawn().unwrap();
    println!("{}", first.id());
    fcntl(std::io::stdin(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    // No thread can be started by who has a namespace of pids for its children.
    let status = loop {
        if let Some(status) = first.try_wait().unwrap() {
            break status;
        }
        if matches!(std::io::stdin().read(&mut [0]), Ok(0)) {
            // The test has ended, or gave this node up.
            first.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(20));
    };
    remove(&group);
    ExitCode::from(u8::from(status.signal() != Some(Signal::SIGKILL as i32)))
}

fn read(spec: &Path) -> Spec {
    serde_json::from_slice(&fs::read(spec).unwrap()).unwrap()
}

/// Removes a tree of control groups. Their processes were killed with the namespace, and are gone in a moment.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            remove(&entry.path());
        }
    }
    while fs::remove_dir(group).is_err_and(|error| error.raw_os_error() == Some(nix::libc::EBUSY)) {
        thread::yield_now();
    }
}

/// The first process: makes the node's root its own.
pub(crate) fn become_first(spec: &Path, group: &Path) -> Spec {
    prctl::set_pdeathsig(Signal::SIGKILL).unwrap();
    fs::write(group.join("cgroup.procs"), "0").unwrap();
    unshare(CloneFlags::CLONE_NEWCGROUP | CloneFlags::CLONE_NEWNS).unwrap();
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).unwrap();
    let spec = read(spec);
    let root = &spec.root;
    bind(root, root, false);
    for (kind, inside) in [("proc", "proc"), ("tmpfs", "run"), ("cgroup2", "sys/fs/cgroup")] {
        let at = root.join(inside);
        fs::create_dir_all(&at).unwrap();
        mount(Some(kind), &at, Some(kind), MsFlags::empty(), NONE).unwrap();
    }
    for (file, inside) in &spec.binds {
        bind(file, &root.join(inside.trim_start_matches('/')), false);
    }
    sethostname("cp1").unwrap();
    bring_up_loopback(Ipv4Addr::new(10, 77, 0, 10));
    enter(root);
    spec
}

/// Makes a folder the root of this process' mounts.
pub(crate) fn enter(root: &Path) {
    chdir(root).unwrap();
    pivot_root(".", ".").unwrap();
    umount2(".", MntFlags::MNT_DETACH).unwrap();
    chdir("/").unwrap();
}

/// Shows a file or folder at another place too.
pub(crate) fn bind(from: &Path, to: &Path, read_only: bool) {
    if !to.exists() {
        if from.is_dir() {
            fs::create_dir_all(to).unwrap();
        } else {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, "").unwrap();
        }
    }
    mount(Some(from), to, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)
        .unwrap_or_else(|error| panic!("{} at {}: {error}", from.display(), to.display()));
    if read_only {
        let again = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(NONE, to, NONE, again, NONE).unwrap();
    }
}

/// `enter PID PROGRAM ARGUMENTS`: runs a program of the node within it, and ends as it ends.
pub(crate) fn visit(first: &str, program: &[String]) -> ExitCode {
    let open = |name: &str| fs::File::open(format!("/proc/{first}/ns/{name}")).unwrap();
    let spaces = ["cgroup", "ipc", "uts", "net", "pid", "mnt"].map(open);
    for space in spaces {
        setns(space, CloneFlags::empty()).unwrap();
    }
    chdir("/").unwrap();
    let mut child = Command::new(&program[0]).args(&program[1..]).spawn().unwrap();
    // What is sent to the terminal's group is for the program.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, std::sync::Arc::default()).unwrap();
    }
    let status = child.wait().unwrap();
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
    ExitCode::from(u8::try_from(code).unwrap())
}

/// Two requests to the kernel: the device is up, and has an address (rtnetlink(7)).
fn bring_up_loopback(address: Ipv4Addr) {
    const LOOPBACK: u32 = 1;
    const UP: u32 = 1;
    let link: Vec<u8> =
        [&[0; 4][..], &LOOPBACK.to_ne_bytes(), &UP.to_ne_bytes(), &UP.to_ne_bytes()].concat();
    // Family, length of the prefix, flags, scope, index; then the address twice, as attributes.
    let mut inet = [&[2, 32, 0, 0][..], &LOOPBACK.to_ne_bytes()].concat();
    for attribute in [2_u16, 1] {
        inet.extend(8_u16.to_ne_bytes());
        inet.extend(attribute.to_ne_bytes());
        inet.extend(address.octets());
    }
    let route = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )
    .unwrap();
    for (kind, flags, body) in [(16_u16, 5_u16, link), (20, 0x405, inet)] {
        let length = u32::try_from(16 + body.len()).unwrap();
        let head = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &flags.to_ne_bytes(), &[0; 8]];
        let message = [head.concat(), body].concat();
        send(route.as_raw_fd(), &message, MsgFlags::empty()).unwrap();
        let mut answer = [0; 256];
        let got =
            nix::sys::socket::recv(route.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
        let error = i32::from_ne_bytes(answer[16..20].try_into().unwrap());
        assert!(got >= 20 && error == 0, "the loopback device: {error}");
    }
}
