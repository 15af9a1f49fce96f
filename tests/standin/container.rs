//! What a container runtime leaves beside each container: a process that gives the component its own view of
//! the files, writes its log, and tells how it ended. It does not end with the kubelet.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use serde::{Deserialize, Serialize};

use super::{
    init::into,
    spaces::{bind, enter},
    time::now,
};

/// One attempt of one container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) component: String,
    /// The pod's hash.
    pub(crate) pod: String,
    pub(crate) attempt: u32,
    pub(crate) command: Vec<String>,
    /// Path of the host, path of the container, only to be read.
    pub(crate) mounts: Vec<(String, String, bool)>,
}

impl Container {
    /// Where its state is.
    pub(crate) fn folder(&self) -> PathBuf {
        let Self { component, pod, attempt, .. } = self;
        PathBuf::from(format!("/run/containers/{component}_{pod}_{attempt}"))
    }

    fn log(&self) -> PathBuf {
        let Self { component, pod, attempt, .. } = self;
        PathBuf::from(format!(
            "/var/log/pods/kube-system_{component}-cp1_{pod}/{component}/{attempt}.log"
        ))
    }
}

/// `shim FOLDER`.
pub(crate) fn shim(folder: &Path) -> ExitCode {
    let container: Container =
        serde_json::from_slice(&fs::read(folder.join("spec")).unwrap()).unwrap();
    let id = format!("{:0>64x}", std::process::id());
    let pod = &container.pod;
    into(&format!(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{pod}.slice/cri-containerd-{id}.scope"
    ));
    let log = container.log();
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    let log = Arc::new(Mutex::new(fs::File::create(log).unwrap()));
    let new = |name: &str| fs::File::create(folder.join(name)).unwrap();
    let (mut pid, mut end) = (new("pid"), new("end"));
    see(&container, &folder.join("root"));
    let mut child = Command::new(format!("/usr/local/bin/{}", container.component))
        .arg0(&container.command[0])
        .args(&container.command[1..])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    write!(pid, "{}", child.id()).unwrap();
    let out = copy("stdout", child.stdout.take().unwrap(), Arc::clone(&log));
    let err = copy("stderr", child.stderr.take().unwrap(), log);
    let status = child.wait().unwrap();
    out.join().unwrap();
    err.join().unwrap();
    write!(end, "{}", status.code().unwrap_or_else(|| 128 + status.signal().unwrap())).unwrap();
    ExitCode::SUCCESS
}

/// The files of the image, its volumes, and nothing else of the host.
fn see(container: &Container, root: &Path) {
    let none: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    fs::create_dir_all(root).unwrap();
    bind(root, root, false);
    let image = fs::read_to_string("/standin/image").unwrap();
    let program = format!("/usr/local/bin/{}", container.component);
    for path in image.lines().chain([program.as_str(), "/proc", "/dev/null", "/standin"]) {
        bind(Path::new(path), &root.join(path.trim_start_matches('/')), false);
    }
    for (host, inside, read_only) in &container.mounts {
        bind(Path::new(host), &root.join(inside.trim_start_matches('/')), *read_only);
    }
    enter(root);
}

/// `2026-11-24T05:26:01.123456789Z stderr F message`.
fn copy(
    name: &'static str,
    from: impl Read + Send + 'static,
    log: Arc<Mutex<fs::File>>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            writeln!(log.lock().unwrap(), "{:.9} {name} F {line}", now()).unwrap();
        }
    })
}
