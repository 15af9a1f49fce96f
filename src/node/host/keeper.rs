//! The processes that carry transactions out and watch over them: systemd's, or a session of their own.
//!
//! Owns how this program starts itself again. Nothing here reads a journal or decides what such a process does.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::{
    clock::SystemClock,
    run::{Running, last_line},
};
use crate::{
    model::TransactionId,
    node::{Keeper, NodeError, NodeErrorKind},
};

/// How long systemd may take to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Exit status of `systemctl stop` for a unit that is not loaded.
const NOT_LOADED: i32 = 5;

/// Exit status of `recover` when the guard lives and holds the lock: nothing went wrong.
const LOCKED: &str = "SuccessExitStatus=5";

/// What keeps a guard running. It is started again when it dies (and then recovers); of all processes it is
/// among the last to go when memory runs out; a hung one ends. The time is longer than any transaction:
/// the longest countdown is one hour.
const GUARD: [&str; 6] = [
    "Restart=on-failure",
    "RestartSec=1s",
    "OOMScoreAdjust=-900",
    "KillMode=control-group",
    "TimeoutStopSec=10s",
    "RuntimeMaxSec=4h",
];

/// systemd's two clients.
#[derive(Debug, Clone)]
pub struct Systemd {
    /// `systemd-run`.
    pub run: PathBuf,
    /// `systemctl`.
    pub ctl: PathBuf,
}

impl Systemd {
    /// This machine's, where systemd is what runs it.
    pub fn find() -> Option<Self> {
        let client = |name: &str| {
            let places =
                ["/usr/bin", "/bin"].into_iter().map(|folder| Path::new(folder).join(name));
            places.into_iter().find(|path| path.exists())
        };
        Path::new("/run/systemd/system").is_dir().then_some(())?;
        Some(Self { run: client("systemd-run")?, ctl: client("systemctl")? })
    }
}

/// Starts this program again.
#[derive(Debug)]
pub struct ProcessKeeper {
    program: PathBuf,
    /// What names the node: `--root`, `--state-dir` and so on, with absolute paths.
    arguments: Vec<OsString>,
    systemd: Option<Systemd>,
    clock: SystemClock,
}

impl ProcessKeeper {
    /// Starts `program` with these arguments before the command's own.
    pub fn new(program: PathBuf, arguments: Vec<OsString>, systemd: Option<Systemd>) -> Self {
        Self { program, arguments, systemd, clock: SystemClock::new() }
    }

    /// Starts the program that runs now.
    pub fn of_this_program(arguments: Vec<OsString>) -> Result<Self, NodeError> {
        let program = std::env::current_exe()
            .map_err(|error| NodeError::io("find", "the running program", &error))?;
        Ok(Self::new(program, arguments, Systemd::find()))
    }

    fn command(&self, words: &[&str], id: &TransactionId) -> Vec<OsString> {
        let mut command = self.arguments.clone();
        command.extend(words.iter().map(OsString::from));
        command.push(OsString::from(&id.0));
        command
    }

    /// Runs one of systemd's clients.
    fn ask(
        &self,
        client: &Path,
        operation: &'static str,
        arguments: &[OsString],
        fine: &[i32],
    ) -> Result<(), NodeError> {
        let path = client.to_string_lossy();
        let io = |error: std::io::Error| NodeError::io(operation, &path, &error);
        let other = |what: String| NodeError {
            operation,
            path: path.to_string(),
            kind: NodeErrorKind::Other(what),
        };
        let mut command = fixed(client);
        let mut running = Running::start(command.args(arguments)).map_err(io)?;
        match running.wait(DEADLINE, &self.clock).map_err(io)? {
            Some(status) if status.success() => Ok(()),
            Some(status) if status.code().is_some_and(|code| fine.contains(&code)) => Ok(()),
            Some(status) => Err(other(format!("{status}: {}", last_line(&running.output())))),
            None => Err(other(format!("no answer within {} s", DEADLINE.as_secs()))),
        }
    }

    /// `systemd-run OPTIONS -- THIS PROGRAM`.
    fn under_systemd(
        &self,
        systemd: &Systemd,
        operation: &'static str,
        options: Vec<String>,
        command: Vec<OsString>,
    ) -> Result<(), NodeError> {
        let always = ["--quiet", "--no-ask-password", "--collect"].map(str::to_owned);
        let mut arguments: Vec<OsString> =
            always.into_iter().chain(options).map(OsString::from).collect();
        arguments.push("--".into());
        arguments.push(self.program.clone().into());
        arguments.extend(command);
        self.ask(&systemd.run, operation, &arguments, &[])
    }

    /// Without systemd: a process that makes itself a session of its own and then starts the guard in it.
    fn in_a_session(&self, id: &TransactionId, between: bool) -> Result<(), NodeError> {
        const OPERATION: &str = "start";
        let path = self.program.to_string_lossy();
        let io = |error: std::io::Error| NodeError::io(OPERATION, &path, &error);
        let mut command = fixed(&self.program);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if between {
            // The guard is not the leader of that session: no terminal can become its own.
            nix::unistd::setsid().map_err(|errno| io(errno.into()))?;
            // Nobody waits for it: this process ends now, and it is handed on to init.
            command.args(self.command(&["guard"], id)).spawn().map_err(io)?;
            return Ok(());
        }
        let status = command.args(self.command(&["guard", "--detach"], id)).status().map_err(io)?;
        if status.success() {
            return Ok(());
        }
        let kind = NodeErrorKind::Other(format!("it ended with {status}"));
        Err(NodeError { operation: OPERATION, path: path.into_owned(), kind })
    }
}

/// A program with nothing of this one's environment but what a test wants of it.
fn fixed(program: &Path) -> Command {
    #[allow(clippy::disallowed_methods, reason = "this program itself, and systemd's clients")]
    let mut command = Command::new(program);
    command.env_clear().current_dir("/").stdin(Stdio::null());
    #[cfg(feature = "failpoints")]
    command.envs(crate::node::failpoint::handed_on());
    command
}

impl Keeper for ProcessKeeper {
    fn start_guard(&self, id: &TransactionId, between: bool) -> Result<String, NodeError> {
        let Some(systemd) = self.systemd.as_ref().filter(|_| !between) else {
            self.in_a_session(id, between)?;
            return Ok("a process in a session of its own".to_owned());
        };
        let unit = format!("kube-temper-guard-{id}.service");
        let mut options = vec![
            format!("--unit={unit}"),
            format!("--description=kube-temper: carries out transaction {id}"),
        ];
        options.extend(GUARD.map(|property| format!("--property={property}")));
        self.under_systemd(systemd, "start the guard with", options, self.command(&["guard"], id))?;
        Ok(unit)
    }

    fn shield(&self) {
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            // Noted and not acted on. A handler, not a mask: the programs it starts get none of it.
            let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
        }
        #[allow(clippy::disallowed_methods, reason = "of this process, not of the node's files")]
        // Without the right to it the guard is as likely to go as any other process.
        let _ = std::fs::write("/proc/self/oom_score_adj", "-900");
    }

    fn arm(&self, id: &TransactionId, pause: Duration) -> Result<Option<String>, NodeError> {
        let Some(systemd) = &self.systemd else { return Ok(None) };
        let unit = timer(id);
        let pause = pause.as_secs();
        let options = vec![
            format!("--unit={unit}"),
            format!("--description=kube-temper: puts transaction {id} back when its guard is dead"),
            format!("--on-active={pause}s"),
            format!("--on-unit-inactive={pause}s"),
            "--timer-property=AccuracySec=1s".to_owned(),
            format!("--property={LOCKED}"),
        ];
        self.under_systemd(
            systemd,
            "arm the timer with",
            options,
            self.command(&["recover", "--timer"], id),
        )?;
        Ok(Some(unit))
    }

    fn disarm(&self, id: &TransactionId) -> Result<(), NodeError> {
        let Some(systemd) = &self.systemd else { return Ok(()) };
        let arguments = ["stop".into(), OsString::from(timer(id))];
        self.ask(&systemd.ctl, "disarm the timer with", &arguments, &[NOT_LOADED])
    }
}

fn timer(id: &TransactionId) -> String {
    format!("kube-temper-recover-{id}.timer")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests make real programs")]

    use std::fs;

    use super::*;
    use crate::node::host::script;

    /// A stand-in for both of systemd's clients: writes down how it was called, and ends as told.
    fn keeper(folder: &Path, status: u8) -> ProcessKeeper {
        let program = folder.join("client");
        let called = folder.join("called");
        let text = format!(
            "#!/bin/sh\nfor word in \"$@\"; do echo \"$word\" >> {0}; done\necho broken bus >&2\nexit {status}\n",
            called.display()
        );
        script::make(&program, &text);
        let systemd = Systemd { run: program.clone(), ctl: program };
        let arguments = vec!["--state-dir".into(), "/with space".into()];
        ProcessKeeper::new("/opt/kube-temper".into(), arguments, Some(systemd))
    }

    fn called(folder: &Path) -> Vec<String> {
        fs::read_to_string(folder.join("called")).unwrap().lines().map(str::to_owned).collect()
    }

    fn id() -> TransactionId {
        TransactionId("20261124T052601Z-3f9a".to_owned())
    }

    #[test]
    fn systemd_is_told_to_keep_the_guard_and_to_look_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = keeper(folder.path(), 0);
        assert_eq!(
            keeper.start_guard(&id(), false).unwrap(),
            "kube-temper-guard-20261124T052601Z-3f9a.service"
        );
        let timer = keeper.arm(&id(), Duration::from_secs(60)).unwrap();
        assert_eq!(timer.as_deref(), Some("kube-temper-recover-20261124T052601Z-3f9a.timer"));
        keeper.disarm(&id()).unwrap();
        insta::assert_snapshot!(called(folder.path()).join("\n"), @r"
        --quiet
        --no-ask-password
        --collect
        --unit=kube-temper-guard-20261124T052601Z-3f9a.service
        --description=kube-temper: carries out transaction 20261124T052601Z-3f9a
        --property=Restart=on-failure
        --property=RestartSec=1s
        --property=OOMScoreAdjust=-900
        --property=KillMode=control-group
        --property=TimeoutStopSec=10s
        --property=RuntimeMaxSec=4h
        --
        /opt/kube-temper
        --state-dir
        /with space
        guard
        20261124T052601Z-3f9a
        --quiet
        --no-ask-password
        --collect
        --unit=kube-temper-recover-20261124T052601Z-3f9a.timer
        --description=kube-temper: puts transaction 20261124T052601Z-3f9a back when its guard is dead
        --on-active=60s
        --on-unit-inactive=60s
        --timer-property=AccuracySec=1s
        --property=SuccessExitStatus=5
        --
        /opt/kube-temper
        --state-dir
        /with space
        recover
        --timer
        20261124T052601Z-3f9a
        stop
        kube-temper-recover-20261124T052601Z-3f9a.timer
        ");
    }

    #[test]
    fn what_systemd_refuses_is_said_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = keeper(folder.path(), 1);
        let error = keeper.start_guard(&id(), false).unwrap_err().to_string();
        assert!(error.starts_with("cannot start the guard with "), "{error}");
        assert!(error.ends_with("exit status: 1: broken bus"), "{error}");
        assert!(keeper.arm(&id(), Duration::from_secs(60)).is_err());
        assert!(keeper.disarm(&id()).is_err());
    }

    #[test]
    fn a_timer_that_is_not_there_is_disarmed() {
        let folder = tempfile::tempdir().unwrap();
        keeper(folder.path(), 5).disarm(&id()).unwrap();
    }

    #[test]
    fn without_systemd_nothing_is_armed_and_a_guard_that_cannot_start_is_an_error() {
        let keeper = ProcessKeeper::new("/bin/false".into(), Vec::new(), None);
        assert_eq!(keeper.arm(&id(), Duration::from_secs(60)).unwrap(), None);
        keeper.disarm(&id()).unwrap();
        let error = keeper.start_guard(&id(), false).unwrap_err().to_string();
        assert_eq!(error, "cannot start /bin/false: it ended with exit status: 1");
    }
}
