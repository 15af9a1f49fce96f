//! Confinement of a component's program: what it may do while it is tried.
//!
//! The calling side is [`Confinement`]: it starts this very program again with the hidden command `confined`,
//! the component's program as its standard input. The other side is [`enter`]: it gives up everything that
//! is not needed and becomes that program. No shell, and no code of ours between a fork and its exec.

use std::{
    convert::Infallible,
    ffi::CString,
    fs::{self, File},
    io::{self, Write as _},
    os::{
        fd::{AsFd as _, AsRawFd as _, OwnedFd},
        linux::fs::MetadataExt as _,
        unix::fs::OpenOptionsExt as _,
    },
    path::PathBuf,
    process::Command,
};

use nix::{
    errno::Errno,
    libc,
    sched::{CloneFlags, unshare},
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        signal::Signal,
        stat::{Mode, umask},
    },
    unistd::{self, Gid, Uid},
};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};
use serde::{Deserialize, Serialize};

use super::run::Running;
use crate::node::NodeError;

/// The hidden command of this program that [`enter`] is behind.
pub const COMMAND: &str = "confined";

/// What the other side says first when it could not become the program.
const SIGN: &str = "kube-temper cannot confine a program: ";

/// The user who owns nothing.
const NOBODY: u32 = 65_534;

/// Everything a confined program may do. The other side of a process boundary reads it: it changes on both
/// sides at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confinement {
    /// Argument vector, with the program's name first.
    pub(crate) args: Vec<String>,
    /// Environment: `NAME=value`.
    pub(crate) env: Vec<String>,
    /// User, group and supplementary groups; never any capability.
    pub(crate) user: User,
    /// May use the network of this node; otherwise it has an empty one.
    pub(crate) network: bool,
    /// Sees the files of this process' container; otherwise those of this node.
    pub(crate) inside: Option<u32>,
    /// Ends when this process ends.
    pub(crate) parent: u32,
    pub(crate) limits: Limits,
}

/// Who a program runs as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

impl User {
    /// Owns nothing, belongs nowhere.
    pub(crate) const fn nobody() -> Self {
        Self { uid: NOBODY, gid: NOBODY, groups: Vec::new() }
    }

    /// Owns what root owns, and has no power beyond that.
    pub(crate) const fn powerless_root() -> Self {
        Self { uid: 0, gid: 0, groups: Vec::new() }
    }

    /// Who a process runs as, from its `/proc/PID/status`.
    pub(crate) fn of(status: &str) -> Option<Self> {
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        // Real, effective, saved, file system.
        let effective = |name| line(name)?.split_ascii_whitespace().nth(1)?.parse().ok();
        let groups = line("Groups:")?.split_ascii_whitespace().map(str::parse);
        Some(Self {
            uid: effective("Uid:")?,
            gid: effective("Gid:")?,
            groups: groups.collect::<Result<_, _>>().ok()?,
        })
    }
}

/// Limits of resources, soft and hard alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// Seconds of processor time.
    pub(crate) cpu: u64,
    /// Bytes of private memory. A Go program reserves far more address space than it uses.
    pub(crate) data: u64,
    /// Bytes of the largest file it may write.
    pub(crate) file: u64,
    /// Open files.
    pub(crate) files: u64,
}

/// Address space beyond the private memory, in bytes.
const ADDRESSES: u64 = 16 << 30;

impl Limits {
    /// For a program that reads its arguments and ends.
    pub(crate) const SHORT: Self = Self { cpu: 10, data: 2 << 30, file: 0, files: 256 };

    /// For a server that is asked for two minutes; its memory is what the node can spare.
    pub(crate) const SERVER: Self = Self { cpu: 240, data: 0, file: 64 << 20, files: 65_536 };

    /// For a kubelet that reads its configuration and makes itself a certificate.
    pub(crate) const KUBELET: Self = Self { cpu: 20, data: 2 << 30, file: 16 << 20, files: 1024 };
}

impl Confinement {
    /// For a program that only reads its arguments: nobody, no network, nothing written.
    pub(crate) fn reading(args: Vec<String>) -> Self {
        Self {
            args,
            env: Vec::new(),
            user: User::nobody(),
            network: false,
            inside: None,
            parent: std::process::id(),
            limits: Limits::SHORT,
        }
    }

    /// Starts `program` with what this allows. It ends with the *thread* that starts it, at the latest. `launcher` is the program that knows the hidden command.
    pub(crate) fn start(&self, launcher: &PathBuf, program: File) -> Result<Running, String> {
        if !Uid::effective().is_root() {
            return Err("only root can confine a program".to_owned());
        }
        let order = serde_json::to_string(self).map_err(|error| error.to_string())?;
        #[allow(
            clippy::disallowed_methods,
            reason = "this very program, and this is the node floor"
        )]
        let mut command = Command::new(launcher);
        command.args([COMMAND, &order]).env_clear().current_dir("/").stdin(program);
        Running::start_unchanged(&mut command).map_err(|error| {
            NodeError::io("start", &launcher.to_string_lossy(), &error).to_string()
        })
    }
}

/// Why a program never began, when that is what this output says.
pub(crate) fn not_begun(output: &str) -> Option<&str> {
    output.lines().find_map(|line| line.split_once(SIGN)).map(|(_, why)| why.trim())
}

/// Why this process did not become the program it was ordered to be.
#[derive(Debug, thiserror::Error)]
#[error("{SIGN}{what}: {error}")]
pub struct NotConfined {
    what: &'static str,
    error: String,
}

/// Gives up everything the order does not name and becomes the program on standard input.
///
/// # Errors
/// When any of it fails: nothing has run then.
pub fn enter(order: &str) -> Result<Infallible, NotConfined> {
    let Confinement { args, env, user, network, inside, parent, limits } =
        serde_json::from_str(order).map_err(failed("read the order"))?;
    let words =
        |words: Vec<String>| words.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
    let args = words(args).map_err(failed("read the arguments"))?;
    let env = words(env).map_err(failed("read the environment"))?;

    let program = take_input().map_err(failed("take the program from standard input"))?;
    sacrifice().map_err(failed("become the first to go when memory is short"))?;
    close_the_rest(&program).map_err(failed("close what was left open"))?;
    if let Some(pid) = inside {
        enter_root(pid, &program).map_err(failed("enter the container's files"))?;
    }
    let mut apart = CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    if !network {
        apart |= CloneFlags::CLONE_NEWNET;
    }
    unshare(apart).map_err(failed("leave the namespaces of the node"))?;
    umask(Mode::from_bits_truncate(0o077));
    limit(limits).map_err(failed("limit resources"))?;
    give_up_power(&user).map_err(failed("give up privileges"))?;

    // Last, because a change of user clears it. Whoever ordered this may have ended before.
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(failed("be ended with its parent"))?;
    if unistd::getppid().as_raw().unsigned_abs() != parent {
        return Err(failed("be ended with its parent")("the parent is gone"));
    }
    unistd::fexecve(&program, &args, &env).map_err(failed("become the program"))
}

fn failed<E: ToString>(what: &'static str) -> impl FnOnce(E) -> NotConfined {
    move |error| NotConfined { what, error: error.to_string() }
}

/// Standard input, which then is empty.
fn take_input() -> io::Result<OwnedFd> {
    let program = io::stdin().as_fd().try_clone_to_owned()?;
    let empty = fs::OpenOptions::new().read(true).open("/dev/null")?;
    unistd::dup2_stdin(empty)?;
    Ok(program)
}

/// Tells the kernel to end this process before any other when memory is short.
fn sacrifice() -> io::Result<()> {
    fs::OpenOptions::new().write(true).open("/proc/self/oom_score_adj")?.write_all(b"1000")
}

/// Closes what whoever started us had left open.
fn close_the_rest(program: &OwnedFd) -> io::Result<()> {
    #[allow(clippy::disallowed_methods, reason = "this is the node floor, and no file of the node")]
    let names: Vec<_> = fs::read_dir("/proc/self/fd")?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<_>>()?;
    let numbers = names.iter().filter_map(|name| name.to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|&number| number > 2 && number != program.as_raw_fd()) {
        // The list itself was one of them and is closed already.
        let _ = unistd::close(number);
    }
    Ok(())
}

/// Makes the root of a process ours, once it is sure that it runs this program.
fn enter_root(pid: u32, program: &OwnedFd) -> io::Result<()> {
    let root = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC)
        .open(format!("/proc/{pid}/root"))?;
    #[allow(clippy::disallowed_methods, reason = "this is the node floor, and no file of the node")]
    let theirs = fs::metadata(format!("/proc/{pid}/exe"))?;
    let ours = File::from(program.try_clone()?).metadata()?;
    if (theirs.st_dev(), theirs.st_ino()) != (ours.st_dev(), ours.st_ino()) {
        return Err(io::Error::other(format!("process {pid} runs another program now")));
    }
    unistd::fchdir(&root)?;
    unistd::chroot(".")?;
    unistd::chdir("/")?;
    Ok(())
}

fn limit(limits: Limits) -> Result<(), Errno> {
    for (resource, value) in [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_MEMLOCK, 0),
        (Resource::RLIMIT_AS, limits.data.saturating_mul(4).saturating_add(ADDRESSES)),
        (Resource::RLIMIT_CPU, limits.cpu),
        (Resource::RLIMIT_DATA, limits.data),
        (Resource::RLIMIT_FSIZE, limits.file),
        (Resource::RLIMIT_NOFILE, limits.files),
    ] {
        // Never more than this process itself may have.
        let (_, most) = getrlimit(resource)?;
        setrlimit(resource, value.min(most), value.min(most))?;
    }
    Ok(())
}

/// Becomes this user, without any capability, for good.
fn give_up_power(user: &User) -> io::Result<()> {
    rustix::thread::set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED,
    )?;
    for (_, capability) in CapabilitySet::all().iter_names() {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // This kernel does not know it yet.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let groups: Vec<Gid> = user.groups.iter().copied().map(Gid::from_raw).collect();
    unistd::setgroups(&groups)?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    unistd::setresgid(gid, gid, gid)?;
    unistd::setresuid(uid, uid, uid)?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets)?;
    prctl::set_no_new_privs()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_somebody() {
        let status = "Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n";
        let want = User { uid: 2, gid: 6, groups: vec![9, 10] };
        assert_eq!(User::of(status), Some(want));
        assert_eq!(User::of("Uid:\t1\n"), None);
        assert_eq!(User::of(&status.replace("9 10", "x")), None);
        let alone = User::of("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\n");
        assert_eq!(alone, Some(User::powerless_root()));
    }
}
