//! Runs a program to its end: its output bounded, its time too, its process group ended with it.
//!
//! Owns [`Running`]. Which programs are run is decided by the callers: fixed ones, and a component's own.

use std::{
    collections::VecDeque,
    io::{self, Read as _},
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use crate::node::Clock;

/// How much of the end of an output is kept, in bytes.
const KEPT: usize = 1 << 20;

/// How often a program is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// How long the rest of an output may take once the program has ended: something else may hold it open.
const REST: Duration = Duration::from_secs(1);

/// A program that runs. When this is dropped, its whole process group is ended and waited for.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    status: Option<ExitStatus>,
    output: Arc<Mutex<VecDeque<u8>>>,
    closed: mpsc::Receiver<()>,
}

impl Running {
    /// Starts it in a process group of its own, as likely to be ended as any other when memory runs out; what
    /// it prints on both outputs is kept in the order it came.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let running = Self::start_unchanged(command)?;
        ordinary(running.child.id());
        Ok(running)
    }

    /// The same for a program that says itself what becomes of it when memory runs out.
    pub(crate) fn start_unchanged(command: &mut Command) -> io::Result<Self> {
        let (mut reader, writer) = io::pipe()?;
        let child = command.process_group(0).stdout(writer.try_clone()?).stderr(writer).spawn();
        // The command holds the writing ends until it is given something else.
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let child = child?;
        let output = Arc::new(Mutex::new(VecDeque::new()));
        let (sender, closed) = mpsc::channel();
        let kept = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(buffer.get(..count).unwrap_or_default());
                let surplus = kept.len().saturating_sub(KEPT);
                kept.drain(..surplus);
            }
            // Nobody waits any more once the program was given up.
            let _ = sender.send(());
        });
        Ok(Self { child, status: None, output, closed })
    }

    /// How it ended, once it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Waits for its end; `None` when it still runs after this long.
    pub(crate) fn wait(
        &mut self,
        deadline: Duration,
        clock: &dyn Clock,
    ) -> io::Result<Option<ExitStatus>> {
        let end = clock.monotonic() + deadline;
        loop {
            match self.ended()? {
                None if clock.monotonic() < end => clock.sleep(POLL),
                status => return Ok(status),
            }
        }
    }

    /// What it printed so far; all of it when it has ended.
    pub(crate) fn output(&self) -> String {
        if self.status.is_some() {
            // Both outcomes are fine: the end was seen, or what came until now is all we get.
            let _ = self.closed.recv_timeout(REST);
        }
        let kept = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The group bears the child's id; it may live on in children after the child was waited for.
        if let Ok(group) = i32::try_from(self.child.id()) {
            // No such group: all have ended already.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        if self.status.is_none() {
            // It cannot outlive the signal; an error means that it was waited for.
            let _ = self.child.wait();
        }
    }
}

/// Takes the guard's protection against the end of memory from a process it started: it is the guard that
/// must stay.
pub(crate) fn ordinary(pid: u32) {
    unprotect(Path::new(&format!("/proc/{pid}/oom_score_adj")));
}

/// What is worse off already stays so.
#[allow(clippy::disallowed_methods, reason = "of a process of ours, not of the node's files")]
fn unprotect(score: &Path) {
    if std::fs::read_to_string(score).is_ok_and(|adjusted| adjusted.starts_with('-')) {
        // It may have ended by now; else it takes no right to make it worse off.
        let _ = std::fs::write(score, "0");
    }
}

/// The last line that says something, cut to a length a person reads.
pub(crate) fn last_line(output: &str) -> String {
    const LONGEST: usize = 500;
    let line =
        output.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let clean = line.chars().filter(|c| !c.is_control());
    clean.take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests run real programs")]

    use std::{process::Stdio, time::Instant};

    use super::*;
    use crate::node::host::SystemClock;

    const LONG: Duration = Duration::from_secs(60);

    fn start(script: &str) -> Running {
        let mut command = Command::new("/bin/sh");
        Running::start(command.args(["-c", script]).stdin(Stdio::null())).unwrap()
    }

    #[test]
    fn both_outputs_are_kept_in_order_and_the_end_is_told() {
        let mut running = start("echo one; echo two >&2; echo three; exit 7");
        let status = running.wait(LONG, &SystemClock::new()).unwrap().unwrap();
        assert_eq!(status.code(), Some(7));
        assert_eq!(running.output(), "one\ntwo\nthree\n");
    }

    #[test]
    fn of_a_flood_only_the_end_is_kept() {
        let mut running = start("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo the reason");
        running.wait(LONG, &SystemClock::new()).unwrap().unwrap();
        let output = running.output();
        assert_eq!(output.len(), KEPT);
        assert_eq!(last_line(&output), "the reason");
    }

    #[test]
    fn whatever_it_started_ends_with_it() {
        let mut running = start("sleep 1000 & echo $!; wait");
        let clock = SystemClock::new();
        while running.output().is_empty() {
            clock.sleep(POLL);
        }
        assert_eq!(running.wait(Duration::ZERO, &clock).unwrap(), None);
        let grandchild: i32 = running.output().trim().parse().unwrap();
        let before = Instant::now();
        drop(running);
        assert!(before.elapsed() < LONG);
        // An orphan that was killed is a zombie until init collects it.
        let state = || std::fs::read_to_string(format!("/proc/{grandchild}/stat"));
        while let Ok(stat) = state()
            && !stat.contains(") Z ")
        {
            assert!(before.elapsed() < LONG, "{stat}");
            clock.sleep(POLL);
        }
    }

    #[test]
    fn an_output_held_open_by_others_does_not_hold_us() {
        let mut running = start("sleep 1000 & echo said");
        running.wait(LONG, &SystemClock::new()).unwrap().unwrap();
        assert_eq!(running.output(), "said\n");
    }

    #[test]
    fn what_a_guard_starts_is_not_protected_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let score = folder.path().join("oom_score_adj");
        for (inherited, left) in [("-900\n", "0"), ("0\n", "0\n"), ("1000\n", "1000\n")] {
            std::fs::write(&score, inherited).unwrap();
            unprotect(&score);
            assert_eq!(std::fs::read_to_string(&score).unwrap(), left, "{inherited}");
        }
        // Whoever is gone already needs none of it.
        unprotect(&folder.path().join("gone"));
    }

    #[test]
    fn the_last_line_says_something_and_not_too_much() {
        assert_eq!(last_line("a\nError: unknown flag: --x\n\n  \n"), "Error: unknown flag: --x");
        assert_eq!(last_line(""), "");
        assert_eq!(last_line("\u{1b}[31mred"), "[31mred");
        assert_eq!(last_line(&"x".repeat(9000)).len(), 500);
    }
}
