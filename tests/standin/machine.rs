//! A node made of real processes, and the program under test on it.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
};

use jiff::Timestamp;
use kube_temper::{
    model::{Outcome, RecordKind},
    store::Journal,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use super::{
    common::{Unpacked, expect_code, listing, stdout},
    pki,
    spaces::{Spec, again},
    time,
    watching::{self, Watching, until},
};

/// The node has been at rest for so long, in seconds.
const AT_REST: u32 = 3600;

/// The static pods.
const COMPONENTS: [&str; 4] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// What of the node's own a change may touch: everything else is the stand-in's, or is left to run.
const OURS: [&str; 3] = ["etc/", "var/lib/kubelet/", "usr/lib/systemd/"];

/// What keeps services running there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manager {
    /// systemd's clients, and somebody who answers them.
    Systemd,
    /// None that can be asked.
    Nobody,
}

/// A node that runs. Everything of it ends when this is dropped.
pub(crate) struct Machine {
    node: Unpacked,
    _temp: tempfile::TempDir,
    outside: Child,
    first: String,
    hurried: bool,
    before: BTreeMap<String, String>,
    /// What every component was started with.
    arguments: BTreeMap<&'static str, Vec<String>>,
}

impl Machine {
    /// A control plane node whose time is in a hurry.
    pub(crate) fn control_plane(manager: Manager) -> Self {
        Self::start("kubeadm-1.36.2", manager, true)
    }

    pub(crate) fn worker(manager: Manager) -> Self {
        Self::start("kubeadm-1.36.2-worker", manager, true)
    }

    /// One whose time is the machine's.
    pub(crate) fn true_pace() -> Self {
        Self::start("kubeadm-1.36.2", Manager::Systemd, false)
    }

    fn start(name: &str, manager: Manager, hurried: bool) -> Self {
        let node = Unpacked::new(name);
        let temp = tempfile::tempdir().unwrap();
        let root = node.root();
        furnish(&root);
        let mut spec = Spec {
            root: root.clone(),
            groups: temp.path().join("groups"),
            binds: programs(manager),
            worker: name.ends_with("worker"),
            hurried,
        };
        fs::create_dir(&spec.groups).unwrap();
        let image = libraries();
        let inside: Vec<&str> = image.iter().map(|(_, inside)| inside.as_str()).collect();
        fs::write(root.join("standin/image"), inside.join("\n")).unwrap();
        spec.binds.extend(image);
        if !hurried {
            // Every process seems to have begun long ago: nothing else tells how old it is.
            let uptime = temp.path().join("uptime");
            let now = fs::read_to_string("/proc/uptime").unwrap();
            let now: f64 = now.split(' ').next().unwrap().parse().unwrap();
            fs::write(&uptime, format!("{:.2} 0.00\n", now + f64::from(AT_REST))).unwrap();
            spec.binds.push((uptime, "/proc/uptime".to_owned()));
        }
        if manager == Manager::Systemd {
            fs::create_dir_all(root.join("standin/system")).unwrap();
            spec.binds.push((root.join("standin/system"), "/run/systemd/system".to_owned()));
        }
        let path = temp.path().join("spec");
        fs::write(&path, serde_json::to_string(&spec).unwrap()).unwrap();
        let mut outside = again("outside")
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What ends the test by force does not end this, which then tidies up.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(outside.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let first = first.trim().to_owned();
        let mut machine = Self {
            node,
            _temp: temp,
            outside,
            first,
            hurried,
            before: BTreeMap::new(),
            arguments: BTreeMap::new(),
        };
        machine.comes_up(0);
        if hurried {
            fs::write(machine.standin("new"), AT_REST.to_string()).unwrap();
            fs::rename(machine.standin("new"), machine.path(time::LEAP)).unwrap();
            machine.comes_up(AT_REST);
        }
        machine.before = machine.listing();
        let components = COMPONENTS.iter().chain(["kubelet"].iter());
        let running = components.filter_map(|name| Some((*name, machine.process(name)?.1)));
        machine.arguments = running.collect();
        machine
    }

    /// Waits until everything is ready and leads, and renews its leases by today's time.
    fn comes_up(&self, ahead: u32) {
        let name = fs::read_to_string(self.standin("name")).unwrap();
        let mut leases = vec![format!("kube-node-lease%leases%{name}")];
        if self.path("/etc/kubernetes/manifests/etcd.yaml").exists() {
            for component in COMPONENTS {
                until(component, || self.is_ready(component).then_some(()));
            }
            leases.extend(
                ["scheduler", "controller-manager"]
                    .map(|name| format!("kube-system%leases%kube-{name}")),
            );
        }
        for lease in leases {
            until(&lease, || self.is_renewed(&lease, ahead).then_some(()));
        }
    }

    fn is_renewed(&self, lease: &str, ahead: u32) -> bool {
        let path = self.standin(&format!("api/%apis%coordination.k8s.io%v1%namespaces%{lease}"));
        let lease: Option<Value> =
            fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let renewed =
            lease.and_then(|lease| lease["spec"]["renewTime"].as_str()?.parse::<Timestamp>().ok());
        renewed.is_some_and(|at| {
            at.duration_since(Timestamp::now()).as_secs() >= i64::from(ahead) - 60
        })
    }

    /// The kubelet says so in the mirror pod.
    pub(crate) fn is_ready(&self, component: &str) -> bool {
        let path =
            self.standin(&format!("api/%api%v1%namespaces%kube-system%pods%{component}-cp1"));
        let pod: Value = fs::read(path)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        pod["status"]["containerStatuses"][0]["ready"] == true
    }

    /// A file of the stand-in itself.
    pub(crate) fn standin(&self, name: &str) -> PathBuf {
        self.node.path(&format!("standin/{name}"))
    }

    /// Tells a component to do wrong from its next start on.
    pub(crate) fn order(&self, component: &str, orders: &str) {
        fs::write(self.standin(&format!("orders/{component}")), orders).unwrap();
    }

    /// The program, not yet run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.inside(&[&["/usr/bin/kube-temper"], arguments].concat());
        if self.hurried {
            command.env("KUBE_TEMPER_PACE", time::FILE);
        }
        command
    }

    /// Runs another program of the node.
    pub(crate) fn tool(&self, words: &[&str]) -> Output {
        self.inside(words).output().unwrap()
    }

    fn inside(&self, words: &[&str]) -> Command {
        let mut command = again("enter");
        command.env_clear().env("LANG", "C.UTF-8").env("TERM", "xterm").env("PATH", "/usr/bin");
        command.arg(&self.first).args(words);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.node.path(inside)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.node.path("/var/lib/kube-temper")
    }

    /// Everything of the node that a change could touch.
    pub(crate) fn listing(&self) -> BTreeMap<String, String> {
        let mut all = listing(&self.node.root());
        all.retain(|path, _| OURS.iter().any(|ours| path.starts_with(ours)));
        all
    }

    /// Paths that differ from what was there at first.
    pub(crate) fn changed(&self) -> Vec<String> {
        let now = self.listing();
        let mut paths: Vec<String> = self.before.keys().chain(now.keys()).cloned().collect();
        paths.sort();
        paths.dedup();
        paths.retain(|path| self.before.get(path) != now.get(path));
        paths
    }

    /// Process of a component as this machine counts them, with its arguments.
    pub(crate) fn process(&self, component: &str) -> Option<(u32, Vec<String>)> {
        self.processes().into_iter().find(|(_, argv)| {
            argv.first().is_some_and(|program| program.rsplit('/').next() == Some(component))
        })
    }

    /// The program under test, run with this word among its arguments.
    pub(crate) fn running(&self, word: &str) -> Option<i32> {
        let ours = |argv: &[String]| {
            argv[0].ends_with("/kube-temper") && argv.iter().any(|argument| argument == word)
        };
        let (pid, _) = self.processes().into_iter().find(|(_, argv)| ours(argv))?;
        Some(pid.try_into().unwrap())
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&self, word: &str) {
        let pid = until(word, || self.running(word));
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }

    /// Every process of the node.
    pub(crate) fn processes(&self) -> Vec<(u32, Vec<String>)> {
        let space = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let own = space(&self.first);
        let pids = fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        pids.filter(|pid| pid.parse::<u32>().is_ok() && space(pid) == own)
            .filter_map(|pid| {
                let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
                let argv = line.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
                Some((pid.parse().unwrap(), argv))
            })
            .collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its end is the sign to end everything.
        drop::<Option<ChildStdin>>(self.outside.stdin.take());
        let _ = self.outside.wait();
        if std::thread::panicking() {
            let said = fs::read_to_string(self.standin("kubelet.service.log")).unwrap_or_default();
            eprintln!("--- the kubelet\n{said}");
        }
    }
}

/// What the stand-in itself needs in the node, and the node of it.
fn furnish(root: &Path) {
    let recorded = root.join("proc");
    for component in COMPONENTS {
        let flags = recorded_flags(&recorded, component);
        fs::create_dir_all(root.join("standin/known")).unwrap();
        fs::write(root.join("standin/known").join(component), flags.join("\n")).unwrap();
    }
    fs::remove_dir_all(recorded).unwrap();
    for folder in ["standin/api", "standin/orders", "dev", "run", "tmp"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::copy(root.join("etc/hostname"), root.join("standin/name")).unwrap();
    let name = fs::read_to_string(root.join("standin/name")).unwrap();
    fs::write(root.join("standin/name"), name.trim()).unwrap();
    pki::install(root);
}

/// Names of the flags a component was recorded with.
fn recorded_flags(proc: &Path, component: &str) -> Vec<String> {
    for entry in fs::read_dir(proc).unwrap().flatten() {
        let Ok(line) = fs::read_to_string(entry.path().join("cmdline")) else { continue };
        let mut words = line.split('\0');
        if words.next() == Some(component) {
            let flag = |word: &str| word.strip_prefix("--")?.split('=').next().map(str::to_owned);
            return words.filter_map(flag).collect();
        }
    }
    Vec::new()
}

/// Programs and where the node has them.
fn programs(manager: Manager) -> Vec<(PathBuf, String)> {
    let own = std::env::current_exe().unwrap();
    let mut names = vec!["/usr/bin/kubelet".to_owned()];
    for component in COMPONENTS {
        names.push(format!("/usr/local/bin/{component}"));
    }
    if manager == Manager::Systemd {
        names.extend(
            ["systemctl", "systemd-run", "journalctl"].map(|name| format!("/usr/bin/{name}")),
        );
    }
    let mut programs: Vec<_> = names.into_iter().map(|name| (own.clone(), name)).collect();
    programs.push((env!("CARGO_BIN_EXE_kube-temper").into(), "/usr/bin/kube-temper".to_owned()));
    programs.push(("/dev/null".into(), "/dev/null".to_owned()));
    programs
}

/// What programs of this machine are linked with, at every place where they look for it.
fn libraries() -> Vec<(PathBuf, String)> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut files: Vec<&str> =
        maps.lines().filter_map(|line| line.split_whitespace().nth(5)).collect();
    files.retain(|path| path.contains(".so"));
    files.sort_unstable();
    files.dedup();
    let mut places = Vec::new();
    for file in files {
        places.push((file.into(), file.to_owned()));
        if let Some(short) = file.strip_prefix("/usr") {
            places.push((file.into(), short.to_owned()));
        }
    }
    // The loader, by the name that is written at the beginning of every program.
    let head = fs::read("/proc/self/exe").unwrap();
    let head = String::from_utf8_lossy(&head[..4096]);
    if let Some(at) = head.find("/lib") {
        let loader = head[at..].split('\0').next().unwrap().to_owned();
        if !places.iter().any(|(_, inside)| *inside == loader) {
            places.push((fs::canonicalize(&loader).unwrap(), loader));
        }
    }
    places
}

/// Transactions of a machine.
impl Machine {
    /// The latest transaction that has a journal.
    pub(crate) fn id(&self) -> Option<String> {
        watching::latest(&self.state())
    }

    pub(crate) fn journal(&self) -> Journal {
        watching::journal(&self.state())
    }

    pub(crate) fn has(&self, wanted: fn(&RecordKind) -> bool) -> bool {
        self.journal().records.iter().any(|record| wanted(&record.kind))
    }

    /// Waits for the end.
    pub(crate) fn outcome(&self) -> Outcome {
        until("it ends", || self.journal().outcome)
    }

    /// Waits until a person is asked; the transaction's name.
    pub(crate) fn waits(&self) -> String {
        until("it waits for a person", || self.journal().waiting_until());
        self.id().unwrap()
    }

    /// The program on a terminal.
    pub(crate) fn on_terminal(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Watching {
        Watching::of(&self.command(arguments), environment)
    }

    /// `recover`: what it says.
    #[track_caller]
    pub(crate) fn recovers(&self) -> String {
        let output = self.run(&["recover"]);
        expect_code(&output, 0);
        stdout(&output)
    }

    /// Exactly these files are changed, and nothing of the stand-in was left to run.
    #[track_caller]
    pub(crate) fn is_changed(&self, files: &[&str]) {
        assert_eq!(self.changed(), files);
    }

    /// Every file is as it was, and every component runs with the arguments it had.
    #[track_caller]
    pub(crate) fn is_as_before(&self) {
        self.is_changed(&[]);
        for (component, argv) in &self.arguments {
            let now = self.process(component).map(|(_, argv)| argv);
            assert_eq!(now.as_ref(), Some(argv), "{component}");
        }
    }
}
