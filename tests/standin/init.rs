//! The node's first process: starts services, starts them again, runs timers; and the two clients of systemd
//! that ask it to.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{ExitCode, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

use super::{
    spaces::{again, become_first},
    time::{self, Since, pause},
};

const SOCKET: &str = "/run/standin";

/// The unit of the kubelet.
const KUBELET: &str = "kubelet.service";

/// What a client asks for.
#[derive(Debug, Serialize, Deserialize)]
enum Asked {
    Restart(String),
    Stop(String),
    Show(String),
    Run(Transient),
}

/// A unit that `systemd-run` makes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Transient {
    unit: String,
    properties: Vec<String>,
    /// Seconds: first after the one, then again after the other.
    timer: Option<(f64, f64)>,
    program: Vec<String>,
    variables: Vec<(String, String)>,
}

#[derive(Debug)]
struct Unit {
    transient: Transient,
    pid: Option<i32>,
    restarts: u32,
    /// When it is to start, or (a timer) to fire: so many seconds from then on.
    due: Option<(Since, f64)>,
    /// A person stopped it.
    stopped: bool,
}

type Units = Arc<Mutex<BTreeMap<String, Unit>>>;

/// Runs the node.
#[expect(clippy::zombie_processes, reason = "the loop at its end collects every process")]
pub(crate) fn run(spec: &Path, group: &Path) -> ExitCode {
    let spec = become_first(spec, group);
    if spec.hurried {
        time::run();
    }
    let listener = UnixListener::bind(SOCKET).unwrap();
    let units = Units::default();
    if spec.worker {
        again("elsewhere").spawn().unwrap();
    }
    let kubelet = Transient { unit: KUBELET.to_owned(), ..Transient::default() };
    units.lock().unwrap().insert(KUBELET.to_owned(), Unit::new(kubelet, 0.0));
    let asked = Arc::clone(&units);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let asked = Arc::clone(&asked);
            thread::spawn(move || answer(stream, &asked));
        }
    });
    loop {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            let good = match status {
                WaitStatus::Exited(pid, code) => Some((pid, code)),
                WaitStatus::Signaled(pid, ..) => Some((pid, -1)),
                _ => break,
            };
            if let Some((pid, code)) = good {
                ended(&mut units.lock().unwrap(), pid.as_raw(), code);
            }
        }
        due(&mut units.lock().unwrap());
        pause(0.1);
    }
}

impl Unit {
    fn new(transient: Transient, after: f64) -> Self {
        let due = Some((Since::now(), after));
        Self { transient, pid: None, restarts: 0, due, stopped: false }
    }

    fn property(&self, text: &str) -> bool {
        self.transient.properties.iter().any(|property| property == text)
    }

    /// The kubelet's arguments are those of its unit and environment file.
    fn program(&self) -> Vec<String> {
        if self.transient.unit != KUBELET {
            return self.transient.program.clone();
        }
        let fixed = "/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml";
        let more = fs::read_to_string("/var/lib/kubelet/kubeadm-flags.env").unwrap();
        let more = more.trim().split_once('=').unwrap().1.trim_matches('"');
        fixed.split(' ').chain(more.split_whitespace()).map(str::to_owned).collect()
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid {
            kill(Pid::from_raw(pid), signal).unwrap();
        }
    }

    fn start(&mut self) {
        let unit = self.transient.unit.replace(".timer", ".service");
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(format!("/standin/{unit}.log"))
            .unwrap();
        let mut command = again("join");
        command.arg(format!("/system.slice/{unit}")).args(self.program());
        command.env_clear().envs(self.transient.variables.clone());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.pid = Some(command.spawn().unwrap().id().try_into().unwrap());
        // Whoever takes its place is not to end at the same point again.
        self.transient.variables.retain(|(name, _)| name != "KUBE_TEMPER_FAILPOINT");
    }
}

/// Starts what is due.
fn due(units: &mut BTreeMap<String, Unit>) {
    for unit in units.values_mut() {
        if unit.pid.is_none() && unit.due.is_some_and(|(since, after)| since.seconds() >= after) {
            unit.due = None;
            unit.start();
        }
    }
}

/// A test wants to see what else puts a change right.
fn may_restart() -> bool {
    !Path::new("/standin/no-restart").exists()
}

/// A process has ended: it may be a service's.
fn ended(units: &mut BTreeMap<String, Unit>, pid: i32, code: i32) {
    let Some(unit) = units.values_mut().find(|unit| unit.pid == Some(pid)) else { return };
    unit.pid = None;
    let after = match &unit.transient {
        Transient { timer: Some((_, again)), .. } => Some(*again),
        Transient { unit, .. } if unit == KUBELET => Some(10.0),
        _ if unit.property("Restart=on-failure") && code != 0 && may_restart() => Some(1.0),
        _ => None,
    };
    unit.restarts += 1;
    unit.due = after.filter(|_| !unit.stopped).map(|after| (Since::now(), after));
}

fn answer(mut stream: UnixStream, units: &Units) {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    let (code, text) = match serde_json::from_str(&line).unwrap() {
        Asked::Run(transient) => {
            let after = transient.timer.map_or(0.0, |(first, _)| first);
            let unit = Unit::new(transient, after);
            units.lock().unwrap().insert(unit.transient.unit.clone(), unit);
            (0, String::new())
        }
        Asked::Show(name) => (0, units.lock().unwrap().get(&name).map(shown).unwrap_or_default()),
        Asked::Stop(name) => match units.lock().unwrap().get_mut(&name) {
            Some(unit) => {
                (unit.stopped, unit.due) = (true, None);
                unit.signal(Signal::SIGTERM);
                (0, String::new())
            }
            None => (5, format!("Failed to stop {name}: Unit {name} not loaded.")),
        },
        Asked::Restart(name) => (restart(units, &name), String::new()),
    };
    writeln!(stream, "{code}\n{text}").unwrap();
}

/// Ends the process of a service, and waits for the next one.
fn restart(units: &Units, name: &str) -> i32 {
    let old = {
        let unit = &mut units.lock().unwrap();
        let unit = unit.get_mut(name).unwrap();
        unit.stopped = false;
        unit.signal(Signal::SIGTERM);
        unit.pid
    };
    loop {
        let mut units = units.lock().unwrap();
        let unit = units.get_mut(name).unwrap();
        match unit.pid {
            Some(pid) if Some(pid) != old => {
                unit.restarts = 0;
                return 0;
            }
            // By hand it starts at once.
            None => unit.due = Some((Since::now(), 0.0)),
            Some(_) => {}
        }
        drop(units);
        pause(0.1);
    }
}

fn shown(unit: &Unit) -> String {
    let (active, sub) = match unit.pid {
        Some(_) => ("active", "running"),
        None => ("activating", "auto-restart"),
    };
    format!(
        "ExecMainPID={}\nActiveState={active}\nSubState={sub}\nNRestarts={}",
        unit.pid.unwrap_or(0),
        unit.restarts
    )
}

fn ask(asked: &Asked) -> ExitCode {
    let mut stream = UnixStream::connect(SOCKET).unwrap();
    writeln!(stream, "{}", serde_json::to_string(asked).unwrap()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let code: u8 = lines.next().unwrap().parse().unwrap();
    let text = lines.collect::<Vec<_>>().join("\n");
    if code == 0 {
        println!("{text}")
    } else {
        eprintln!("{text}")
    }
    ExitCode::from(code)
}

/// `systemctl restart|stop|show UNIT`.
pub(crate) fn systemctl(words: &[String]) -> ExitCode {
    let unit = words[1].clone();
    ask(&match words[0].as_str() {
        "restart" => Asked::Restart(unit),
        "stop" => Asked::Stop(unit),
        "show" => Asked::Show(unit),
        other => panic!("systemctl {other}"),
    })
}

/// `journalctl --unit UNIT`: all it ever said.
pub(crate) fn journalctl(words: &[String]) -> ExitCode {
    assert_eq!(words[0], "--unit");
    print!("{}", fs::read_to_string(format!("/standin/{}.log", words[1])).unwrap());
    ExitCode::SUCCESS
}

/// `systemd-run OPTIONS -- PROGRAM`.
pub(crate) fn systemd_run(words: &[String]) -> ExitCode {
    let end = words.iter().position(|word| word == "--").unwrap();
    let option = |name: &'static str| {
        words[..end].iter().filter_map(move |word| word.strip_prefix(name)?.strip_prefix('='))
    };
    let seconds = |name: &'static str| {
        option(name).next().map(|time| time.trim_end_matches('s').parse().unwrap())
    };
    ask(&Asked::Run(Transient {
        unit: option("--unit").next().unwrap().to_owned(),
        properties: option("--property").map(str::to_owned).collect(),
        timer: seconds("--on-active").zip(seconds("--on-unit-inactive")),
        program: words[end + 1..].to_vec(),
        // systemd gives none of them on; a test does.
        variables: std::env::vars().collect(),
    }))
}

/// `join GROUP PROGRAM ARGUMENTS`: becomes a program in a control group.
pub(crate) fn join(words: &[String]) -> ExitCode {
    use std::os::unix::process::CommandExt as _;
    into(&words[0]);
    let error = std::process::Command::new(&words[1]).args(&words[2..]).exec();
    panic!("{}: {error}", words[1]);
}

/// Moves this process into a control group.
pub(crate) fn into(group: &str) {
    let folder = format!("/sys/fs/cgroup{group}");
    fs::create_dir_all(&folder).unwrap();
    fs::write(format!("{folder}/cgroup.procs"), "0").unwrap();
}
