//! The components' own programs, tried beside the running ones.
//!
//! | module | owns |
//! |---|---|
//! | `arguments` | what a program says of its arguments |
//! | `kubelet` | what a kubelet says of its configuration |
//! | `rehearsal` | what a second API server needs, and how it differs from the planned one |

pub(in crate::node) mod arguments;
mod kubelet;
pub(in crate::node) mod rehearsal;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use super::{
    SystemClock,
    confined::{Confinement, Limits, User, not_begun},
    files::DirFiles,
    http::Http,
    run::Running,
};
use crate::{
    model::{
        Component, Process,
        facts::{Container, Mount, Probe},
    },
    node::{Clock as _, Files as _, ProbeAnswer, Programs, Trial, collect},
};

/// How long a program may take to read its arguments; they take some 100 ms.
const READING: Duration = Duration::from_secs(10);

/// How long a kubelet may take to read its configuration; it takes less than 200 ms.
const KUBELET: Duration = Duration::from_secs(20);

/// How long telling everybody may take.
const TELLING: Duration = Duration::from_secs(5);

/// Where the command that tells everybody is.
const WALL: [&str; 2] = ["/usr/bin/wall", "/bin/wall"];

/// Largest file of `/proc` that is read, in bytes.
const PROC_LIMIT: u64 = 4 << 20;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// This very program, also when its file was replaced meanwhile.
const OURSELVES: &str = "/proc/self/exe";

/// What the name of our program's file begins with, however it was downloaded.
const OUR_NAME: &str = "kube-temper";

/// The programs of the node this program runs on.
#[derive(Debug)]
pub(crate) struct HostPrograms {
    files: Arc<DirFiles>,
    clock: SystemClock,
    /// Where temporary copies may lie: nobody else can look into it.
    state_dir: PathBuf,
    /// The program with the hidden command that confines others.
    launcher: PathBuf,
}

/// A component's program, opened, and the process that runs it.
struct Found {
    file: File,
    process: Process,
}

impl HostPrograms {
    pub(crate) fn new(files: Arc<DirFiles>, state_dir: PathBuf) -> Self {
        let clock = SystemClock::new();
        Self { files, clock, state_dir, launcher: PathBuf::from(OURSELVES) }
    }

    /// Lets another program confine.
    pub(crate) fn launched_by(&mut self, launcher: &Path) {
        launcher.clone_into(&mut self.launcher);
    }

    /// The program a component runs, or (the kubelet) would run at its next start.
    fn find(&self, component: Component) -> Result<Found, String> {
        let process = collect::processes(self.files.as_ref())
            .get(&component)
            .and_then(|fact| fact.running().cloned())
            .ok_or_else(|| format!("{component} does not run here, or several of them do"))?;
        let exe = format!("/proc/{}/exe", process.pid);
        let path = match component {
            Component::Kubelet => {
                let target = self.files.read_link(&exe).map_err(|error| error.to_string())?;
                target.strip_suffix(" (deleted)").unwrap_or(&target).to_owned()
            }
            _ => exe,
        };
        #[allow(clippy::disallowed_methods, reason = "a program to run, not a file of the node")]
        let file =
            File::open(&path).map_err(|error| format!("{path} cannot be opened: {error}"))?;
        Ok(Found { file, process })
    }

    fn start(&self, confinement: &Confinement, program: File) -> Result<Running, String> {
        if self.launcher == Path::new(OURSELVES) {
            // Used as a library, this process is another program, which would take the order for its own.
            let target = self.files.read_link(OURSELVES).map_err(|error| error.to_string())?;
            let name = target.rsplit('/').next().unwrap_or_default();
            if !name.starts_with(OUR_NAME) {
                return Err(format!("this process is {name} and not {OUR_NAME}"));
            }
        }
        confinement.start(&self.launcher, program)
    }

    /// Runs a program to its end; what it printed, and its exit code.
    fn run(
        &self,
        confinement: &Confinement,
        program: File,
        deadline: Duration,
    ) -> Result<(Option<i32>, String), String> {
        let mut running = self.start(confinement, program)?;
        let ended = running.wait(deadline, &self.clock).map_err(|error| error.to_string())?;
        let Some(status) = ended else {
            return Err(format!("it did not end within {} s", deadline.as_secs()));
        };
        let output = running.output();
        match not_begun(&output) {
            Some(why) => Err(format!("it could not be confined: {why}")),
            None => Ok((status.code(), output)),
        }
    }

    fn parsed(&self, component: Component, args: &[String]) -> Result<Trial, String> {
        arguments::fit(component, args)?;
        let Found { file, process } = self.find(component)?;
        let mut confinement = Confinement::reading(arguments::with_version(args));
        confinement.inside = (component != Component::Kubelet).then_some(process.pid);
        let (code, output) = self.run(&confinement, file, READING)?;
        Ok(arguments::judge(component, code, &output))
    }

    fn text(&self, path: &str) -> Result<String, String> {
        let bytes = self.files.read(path, PROC_LIMIT).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn rehearsed(&self, planned: &Container, written: &[String]) -> Result<Trial, String> {
        const COMPONENT: Component = Component::KubeApiserver;
        let args: Vec<String> = planned.args.iter().map(|arg| arg.text.clone()).collect();
        arguments::fit(COMPONENT, &args)?;
        let Found { file, process } = self.find(COMPONENT)?;
        let of = |name: &str| self.text(&format!("/proc/{}/{name}", process.pid));
        let (status, mountinfo, meminfo) =
            (of("status")?, of("mountinfo")?, self.text("/proc/meminfo")?);
        let differing = self.differing(&process, &planned.mounts)?;
        let situation = rehearsal::Situation {
            args: &args,
            mounts: &planned.mounts,
            differing: &differing,
            written,
            running: &process.argv,
            mountinfo: &mountinfo,
            resident: rehearsal::resident(&status),
            meminfo: &meminfo,
        };
        if let Some(obstacle) = situation.obstacle() {
            return Err(obstacle);
        }
        let port = spare_port()?;
        let confinement = Confinement {
            user: User::of(&status).ok_or("the user of the running one cannot be told")?,
            network: true,
            inside: Some(process.pid),
            limits: Limits {
                data: rehearsal::available(&meminfo).unwrap_or_default(),
                ..Limits::SERVER
            },
            ..Confinement::reading(rehearsal::arguments(&args, port))
        };
        let probes = rehearsal::probes(planned, port);
        let running = self.start(&confinement, file)?;
        self.watched(running, &probes)
    }

    /// Folders and files of the host that are not what a process has at their places.
    fn differing<'m>(
        &self,
        process: &Process,
        mounts: &'m [Mount],
    ) -> Result<Vec<&'m Mount>, String> {
        let root = format!("/proc/{}/root", process.pid);
        let inside = DirFiles::read_only(Path::new(&root)).map_err(|error| error.to_string())?;
        let id = |files: &DirFiles, path: &str| {
            files.stat(path).map(|stat| stat.map(|stat| stat.id)).map_err(|error| error.to_string())
        };
        let mut differing = Vec::new();
        for mount in mounts {
            let Some(host) = &mount.host else { continue };
            let planned = id(&self.files, host)?;
            if planned.is_none() || planned != id(&inside, &mount.container)? {
                differing.push(mount);
            }
        }
        Ok(differing)
    }

    /// Asks a rehearsed API server until it is good or surely is not; it ends with this.
    fn watched(&self, mut running: Running, probes: &[Probe]) -> Result<Trial, String> {
        if probes.is_empty() {
            return Err("its manifest has no probe to ask it by".to_owned());
        }
        let http = Http::anonymous();
        let began = self.clock.monotonic();
        let since = || self.clock.monotonic().saturating_sub(began);
        let mut unknown_since: Option<Duration> = None;
        loop {
            if let Some(status) = running.ended().map_err(|error| error.to_string())? {
                let output = running.output();
                if let Some(why) = not_begun(&output) {
                    return Err(format!("it could not be confined: {why}"));
                }
                return rehearsal::judge(status, arguments::reason(&output));
            }
            let asked = probes.iter().map(|probe| (probe, http.probe(probe, LOOPBACK)));
            let Some((probe, answer)) = asked.into_iter().find(|(_, answer)| !answer.is_success())
            else {
                // It may have ended just now, and another program may have answered.
                if running.ended().map_err(|error| error.to_string())?.is_some() {
                    continue;
                }
                let seconds = since().as_secs_f32();
                return Ok(Trial::Accepted { note: Some(format!("ready after {seconds:.1} s")) });
            };
            let told = rehearsal::told(probe, answer);
            unknown_since = match (answer, unknown_since) {
                (ProbeAnswer::Status(401), None) => Some(since()),
                (ProbeAnswer::Status(401), known) => known,
                _ => None,
            };
            if unknown_since.is_some_and(|at| since().saturating_sub(at) >= rehearsal::UNKNOWN) {
                return Ok(Trial::rejected(rehearsal::refused(&told)));
            }
            if since() >= rehearsal::READY {
                return Ok(rehearsal::slow(&told));
            }
            self.clock.sleep(rehearsal::LOOK);
        }
    }

    fn kubelet_tried(
        &self,
        args: &[String],
        files: &BTreeMap<String, String>,
    ) -> Result<Trial, String> {
        arguments::fit(Component::Kubelet, args)?;
        let Found { file, .. } = self.find(Component::Kubelet)?;
        let place = self.state_dir.join("dry-run");
        let folder = kubelet::Folder::make(place)
            .map_err(|error| format!("no temporary folder can be made: {error}"))?;
        let tried = kubelet::prepare(self.files.as_ref(), &folder, args, files)?;
        let confinement = Confinement {
            env: tried.env,
            user: User::powerless_root(),
            limits: Limits::KUBELET,
            ..Confinement::reading(tried.args)
        };
        let (code, output) = self.run(&confinement, file, KUBELET)?;
        Ok(kubelet::judge(code, &output))
    }
}

impl Programs for HostPrograms {
    fn parse(&self, component: Component, args: &[String]) -> Trial {
        self.parsed(component, args).unwrap_or_else(Trial::untried)
    }

    fn try_kubelet(&self, args: &[String], files: &BTreeMap<String, String>) -> Trial {
        self.kubelet_tried(args, files).unwrap_or_else(Trial::untried)
    }

    fn rehearse(&self, planned: &Container, written: &[String]) -> Trial {
        self.rehearsed(planned, written).unwrap_or_else(Trial::untried)
    }

    fn message(&self, text: &str) {
        let Some(wall) = WALL.iter().find(|path| Path::new(path).exists()) else { return };
        #[allow(clippy::disallowed_methods, reason = "a fixed program, and this is the node floor")]
        let mut command = Command::new(wall);
        // Nobody may be logged in, and nobody may be able to be told: the journal says all of it too.
        let Ok(input) = said(text) else { return };
        command.env_clear().current_dir("/").stdin(input);
        if let Ok(mut running) = Running::start(&mut command) {
            let _ = running.wait(TELLING, &self.clock);
        }
    }
}

/// A port of the loopback that nobody uses now.
fn spare_port() -> Result<u16, String> {
    let listener = TcpListener::bind((LOOPBACK, 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("there is no port: {error}"))
}

/// Longest message, in characters; a pipe holds it without a reader.
const LONGEST: usize = 2048;

/// An input that says this.
fn said(text: &str) -> io::Result<io::PipeReader> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(shown(text).as_bytes())?;
    Ok(reader)
}

/// A text as it may stand on other people's terminals.
fn shown(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control() || *c == '\n').take(LONGEST);
    format!("kube-temper: {}\n", clean.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_message_carries_no_control_characters() {
        assert_eq!(shown("a\u{1b}[2Jb\r\nc\u{7}"), "kube-temper: a[2Jb\nc\n");
        assert_eq!(shown(&"ä".repeat(9000)).chars().count(), "kube-temper: \n".len() + LONGEST);
        let mut read = String::new();
        said("kept").unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "kube-temper: kept\n");
    }
}
