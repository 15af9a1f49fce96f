//! The program on a terminal of its own, and what it leaves behind.

use std::{
    io::{Read as _, Write},
    num::NonZeroU16,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use vt100::{Parser, Screen};

/// The slowest machine this is tried on draws its first screen long before.
const PATIENCE: Duration = Duration::from_secs(60);

/// To the alternate screen and back.
pub(crate) const ENTER: &str = "\x1b[?1049h";
pub(crate) const LEAVE: &str = "\x1b[?1049l";

/// Job control in a script: `$0` runs, is told about when it stands still, and is called back.
const JOB: &str =
    r#"set -m; "$0" "$@"; echo "suspended: $?"; read go; fg >/dev/null; echo "ended: $?""#;

/// A program on a terminal of its own.
pub(crate) struct Program {
    pub(crate) master: Box<dyn MasterPty + Send>,
    pub(crate) keys: Box<dyn Write + Send>,
    pub(crate) child: Ending,
    pub(crate) output: Receiver<Vec<u8>>,
    pub(crate) parser: Parser,
    pub(crate) raw: Vec<u8>,
    /// The terminal's own settings before the program took it, as `stty` shows them.
    pub(crate) settings: String,
}

fn program() -> CommandBuilder {
    CommandBuilder::new(env!("CARGO_BIN_EXE_kube-temper"))
}

pub(crate) fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

pub(crate) fn some(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

#[allow(clippy::disallowed_methods, reason = "a deadline on a real program needs a real clock")]
fn now() -> Instant {
    Instant::now()
}

impl Program {
    /// `kube-temper demo`.
    pub(crate) fn demo(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::of(&[&["demo"], arguments].concat(), environment)
    }

    /// Another run of the program than `demo`.
    pub(crate) fn of(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::started(program(), size(80, 24), arguments, environment)
    }

    /// `kube-temper demo` on a terminal that does not say how large it is, as a serial console.
    pub(crate) fn demo_without_a_size(arguments: &[&str]) -> Self {
        Self::started(program(), size(0, 0), &[&["demo"], arguments].concat(), &[])
    }

    /// The program as the job of a shell, which tells when it stands still and then waits for a line.
    pub(crate) fn job(arguments: &[&str]) -> Self {
        Self::job_in(arguments, &[])
    }

    /// The same in an environment.
    pub(crate) fn job_in(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut shell = CommandBuilder::new("/bin/sh");
        shell.args(["-c", JOB, env!("CARGO_BIN_EXE_kube-temper")]);
        Self::started(shell, size(80, 24), arguments, environment)
    }

    fn started(
        mut command: CommandBuilder,
        size: PtySize,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system().openpty(size).unwrap();
        let settings = settings(pair.master.as_ref());
        command.args(arguments);
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = Ending(pair.slave.spawn_command(command).unwrap());
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (send, output) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = pair.master.take_writer().unwrap();
        let parser = Parser::new(some(24), some(80), 0);
        Self { master: pair.master, keys, child, output, parser, raw: Vec::new(), settings }
    }

    /// Waits until the screen is as wanted.
    pub(crate) fn wait_for(&mut self, what: &str, wanted: impl Fn(&Screen) -> bool) {
        self.wait_until(what, |program| wanted(program.parser.screen()));
    }

    /// Waits until this was written, wherever it stands on the screen.
    pub(crate) fn wait_for_bytes(&mut self, text: &str) {
        self.wait_until(text, |program| program.times(text) > 0);
    }

    /// Waits until it is as wanted.
    pub(crate) fn wait_until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let deadline = now() + PATIENCE;
        while !wanted(self) {
            let left = deadline.saturating_duration_since(now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => {
                    self.parser.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("never saw {what}:\n{}", self.parser.screen().contents())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended before {what}:\n{}", self.parser.screen().contents())
                }
            }
        }
    }

    pub(crate) fn wait_for_text(&mut self, text: &str) {
        self.wait_for(text, |screen| screen.contents().contains(text));
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Sends a signal to whatever has the terminal: the program, also below a shell.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.master.process_group_leader().unwrap()), signal).unwrap();
    }

    /// Waits for the end of the program and looks at what it left behind.
    pub(crate) fn ends_and_gives_the_terminal_back(&mut self) {
        self.ends();
        for (what, sequence) in [("entered", ENTER), ("left", LEAVE)] {
            assert_eq!(self.times(sequence), 1, "how often the alternate screen was {what}");
        }
    }

    /// How often this was written.
    pub(crate) fn times(&self, sequence: &str) -> usize {
        self.raw.windows(sequence.len()).filter(|w| *w == sequence.as_bytes()).count()
    }

    /// The terminal is as the program found it.
    pub(crate) fn has_the_terminal_back(&self) {
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was not left");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "pasted text is still bracketed");
        assert_eq!(settings(self.master.as_ref()), self.settings, "the terminal is still raw");
    }

    /// Waits for the end of the program, which is a good one.
    pub(crate) fn ends(&mut self) {
        let status = self.ended();
        assert!(status.success(), "{status:?}: {}", String::from_utf8_lossy(&self.raw));
        self.has_the_terminal_back();
    }

    /// Takes the terminal away; whether the program ends.
    pub(crate) fn hangs_up(self) -> bool {
        let Self { master, mut keys, mut child, output, .. } = self;
        // The reader goes with the next output that nobody wants.
        drop(output);
        keys.write_all(b"j").unwrap();
        drop((keys, master));
        let (send, ended) = mpsc::channel();
        let mut killer = child.0.clone_killer();
        thread::spawn(move || send.send(child.0.wait()));
        let ended = ended.recv_timeout(PATIENCE).is_ok();
        if !ended {
            killer.kill().unwrap();
        }
        ended
    }

    /// Waits for the end of the program.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => {
                    self.parser.process(&bytes);
                    self.raw.extend(bytes);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it did not end"),
            }
        }
        self.child.0.wait().unwrap()
    }
}

/// A failed test leaves no program behind.
pub(crate) struct Ending(Box<dyn Child + Send + Sync>);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

pub(crate) fn settings(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios().unwrap())
}
