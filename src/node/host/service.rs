//! The kubelet's unit: three fixed commands of systemd, nothing else of it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use jiff::Timestamp;

use super::run::{Running, last_line};
use crate::node::{Clock, NodeError, NodeErrorKind, ServiceState};

/// The only unit that is ever restarted; flavours with another one are refused before.
const UNIT: &str = "kubelet.service";

/// Where systemd installs its client.
const SYSTEMCTL: [&str; 2] = ["/usr/bin/systemctl", "/bin/systemctl"];

/// Where systemd installs the reader of its journal.
const JOURNALCTL: [&str; 2] = ["/usr/bin/journalctl", "/bin/journalctl"];

/// So many lines of the kubelet's log say why it failed; one that starts says some hundred.
const LINES: &str = "1000";

/// What is done to it.
const VERB: &str = "restart";

/// Why it cannot be.
const NO_CLIENT: &str = "there is no systemctl on this node";

/// How long a restart may take: systemd itself waits 90 s for a unit that does not stop.
const RESTART: Duration = Duration::from_secs(100);

/// How long a question may take.
const ASK: Duration = Duration::from_secs(5);

/// How long reading the log may take: the journal of a slow disk is large.
const READ: Duration = Duration::from_secs(20);

/// systemd's clients, where there are any.
#[derive(Debug)]
pub(crate) struct Service {
    program: Option<PathBuf>,
    journal: Option<PathBuf>,
}

impl Service {
    /// This machine's.
    pub(crate) fn find() -> Self {
        let here = |places: [&str; 2]| places.iter().map(PathBuf::from).find(|path| path.exists());
        Self { program: here(SYSTEMCTL), journal: here(JOURNALCTL) }
    }

    /// Another program in place of both.
    #[cfg(test)]
    fn at(program: PathBuf) -> Self {
        Self { program: Some(program.clone()), journal: Some(program) }
    }

    /// An error says why that kubelet could not be restarted by its unit.
    pub(crate) fn can_restart(&self, clock: &dyn Clock) -> Result<(), NodeError> {
        match self.state(clock)? {
            None => Err(failed(VERB, NO_CLIENT.to_owned())),
            Some(state) if state.active != "active" => Err(failed(
                VERB,
                format!(
                    "systemd calls it {}, so it did not start the kubelet that runs",
                    state.active
                ),
            )),
            Some(_) => Ok(()),
        }
    }

    /// `systemctl restart kubelet.service`. It returns as soon as the process was started, and says nothing
    /// about whether it stays.
    pub(crate) fn restart(&self, clock: &dyn Clock) -> Result<(), NodeError> {
        let Some(program) = &self.program else {
            return Err(failed(VERB, NO_CLIENT.to_owned()));
        };
        run(program, VERB, &[VERB, UNIT], RESTART, clock).map(|_| ())
    }

    /// `journalctl`, of what the unit said and systemd said of it since then.
    pub(crate) fn log(
        &self,
        since: Timestamp,
        clock: &dyn Clock,
    ) -> Result<Option<String>, NodeError> {
        let Some(program) = &self.journal else { return Ok(None) };
        let since = format!("--since=@{}", since.as_second());
        let args =
            ["--unit", UNIT, &since, "--lines", LINES, "--output=cat", "--no-pager", "--quiet"];
        run(program, "read the log of", &args, READ, clock).map(Some)
    }

    /// `systemctl show`, of what tells whether the kubelet stays.
    pub(crate) fn state(&self, clock: &dyn Clock) -> Result<Option<ServiceState>, NodeError> {
        const OPERATION: &str = "ask systemd for the state of";
        let Some(program) = &self.program else { return Ok(None) };
        let args = ["show", UNIT, "-p", "ActiveState,SubState,NRestarts,ExecMainPID"];
        let output = run(program, OPERATION, &args, ASK, clock)?;
        match state(&output) {
            Some(state) => Ok(Some(state)),
            None => Err(failed(OPERATION, format!("it said '{}'", last_line(&output)))),
        }
    }
}

fn run(
    program: &Path,
    operation: &'static str,
    args: &[&str],
    deadline: Duration,
    clock: &dyn Clock,
) -> Result<String, NodeError> {
    let io = |error: std::io::Error| NodeError::io("run", &program.to_string_lossy(), &error);
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let shown = || format!("{name} {}", args.join(" "));
    #[allow(clippy::disallowed_methods, reason = "a fixed program, and this is the node floor")]
    let mut command = Command::new(program);
    // systemctl finds its bus by fixed paths; of the environment it needs nothing.
    command.args(args).env_clear().current_dir("/").stdin(Stdio::null());
    let mut running = Running::start(&mut command).map_err(io)?;
    match running.wait(deadline, clock).map_err(io)? {
        Some(status) if status.success() => Ok(running.output()),
        Some(status) => {
            let said = last_line(&running.output());
            Err(failed(operation, format!("'{}' ended with {status}: {said}", shown())))
        }
        None => {
            let seconds = deadline.as_secs();
            Err(failed(operation, format!("'{}' did not end within {seconds} s", shown())))
        }
    }
}

fn failed(operation: &'static str, why: String) -> NodeError {
    NodeError { operation, path: UNIT.to_owned(), kind: NodeErrorKind::Other(why) }
}

/// Reads `NAME=value` lines.
fn state(output: &str) -> Option<ServiceState> {
    let value = |name: &str| {
        output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::trim)
    };
    Some(ServiceState {
        active: value("ActiveState")?.to_owned(),
        sub: value("SubState")?.to_owned(),
        restarts: value("NRestarts").and_then(|count| count.parse().ok()).unwrap_or(0),
        pid: value("ExecMainPID").and_then(|pid| pid.parse().ok()).filter(|pid| *pid != 0),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests make real programs")]

    use std::fs;

    use super::*;
    use crate::node::host::{SystemClock, script};

    /// A program in the place of systemctl, and the folder it writes into.
    fn stub(text: &str) -> (Service, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("systemctl");
        let text = text.replace("HERE", folder.path().to_str().unwrap());
        script::make(&program, &format!("#!/bin/sh\n{text}\n"));
        (Service::at(program), folder)
    }

    #[test]
    fn exactly_one_command_restarts_the_kubelet() {
        let (service, folder) = stub("echo \"$@\" > HERE/said; /usr/bin/env >> HERE/said");
        service.restart(&SystemClock::new()).unwrap();
        let said = fs::read_to_string(folder.path().join("said")).unwrap();
        let mut lines = said.lines();
        assert_eq!(lines.next(), Some("restart kubelet.service"));
        // What a shell sets by itself is all there is.
        assert!(lines.all(|line| line.starts_with("PWD=") || line.starts_with("_=")), "{said}");
    }

    #[test]
    fn a_failed_restart_keeps_what_systemd_said() {
        let (service, _folder) = stub("echo 'Job for kubelet.service failed.' >&2; exit 1");
        let error = service.restart(&SystemClock::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot restart kubelet.service: 'systemctl restart kubelet.service' ended with exit status: 1: Job for kubelet.service failed."
        );
        let none =
            Service { program: None, journal: None }.restart(&SystemClock::new()).unwrap_err();
        assert_eq!(
            none.to_string(),
            "cannot restart kubelet.service: there is no systemctl on this node"
        );
    }

    #[test]
    fn the_log_of_the_unit_is_read_by_one_fixed_command() {
        let (service, folder) =
            stub("echo \"$@\" > HERE/said; /usr/bin/env >> HERE/said; echo first; echo last");
        let since = "2026-11-24T05:26:01.9Z".parse().unwrap();
        let log = service.log(since, &SystemClock::new()).unwrap();
        assert_eq!(log.as_deref(), Some("first\nlast\n"));
        let said = fs::read_to_string(folder.path().join("said")).unwrap();
        let mut lines = said.lines();
        assert_eq!(
            lines.next(),
            Some(
                "--unit kubelet.service --since=@1795497961 --lines 1000 --output=cat --no-pager --quiet"
            )
        );
        assert!(lines.all(|line| line.starts_with("PWD=") || line.starts_with("_=")), "{said}");
        let none = Service { program: None, journal: None };
        assert_eq!(none.log(since, &SystemClock::new()), Ok(None));
    }

    #[test]
    fn only_a_kubelet_that_systemd_started_can_be_restarted() {
        let why = |service: &Service| {
            service.can_restart(&SystemClock::new()).map_err(|error| error.to_string())
        };
        let none = Service { program: None, journal: None };
        let says = "cannot restart kubelet.service: there is no systemctl on this node";
        assert_eq!(why(&none), Err(says.to_owned()));
        let (runs, _folder) = stub("printf 'ActiveState=active\\nSubState=running\\n'");
        assert_eq!(why(&runs), Ok(()));
        let (dead, _folder) = stub("printf 'ActiveState=inactive\\nSubState=dead\\n'");
        let says = "cannot restart kubelet.service: systemd calls it inactive, so it did not start the kubelet that runs";
        assert_eq!(why(&dead), Err(says.to_owned()));
    }

    #[test]
    fn the_state_of_the_unit_is_read() {
        let text = "ExecMainPID=4711\nActiveState=activating\nSubState=auto-restart\nNRestarts=3\n";
        let (service, _folder) = stub(&format!("printf '{}'", text.replace('\n', "\\n")));
        let want = ServiceState {
            active: "activating".to_owned(),
            sub: "auto-restart".to_owned(),
            restarts: 3,
            pid: Some(4711),
        };
        assert_eq!(service.state(&SystemClock::new()).unwrap(), Some(want));
        assert_eq!(
            state("ActiveState=active\nSubState=running\nExecMainPID=0\n").unwrap().pid,
            None
        );
        let (odd, _folder) = stub("echo hello");
        let error = odd.state(&SystemClock::new()).unwrap_err();
        assert!(error.to_string().ends_with("it said 'hello'"), "{error}");
        assert_eq!(Service { program: None, journal: None }.state(&SystemClock::new()), Ok(None));
    }
}
