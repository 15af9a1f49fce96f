//! The program on a terminal of its own, and the journal it writes.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::{
    io::{Read as _, Write},
    num::NonZeroU16,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use kube_temper::store::Journal;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// A busy machine, with a node on it whose time waits for everybody, needs a minute.
const PATIENCE: Duration = Duration::from_secs(180);

/// Time between two looks at a condition.
const LOOK: Duration = Duration::from_millis(5);

/// Waits for a condition, however long it takes up to a deadline nothing comes near.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        thread::park_timeout(LOOK);
    }
}

/// The latest transaction below a state directory that has a journal.
pub(crate) fn latest(state: &Path) -> Option<String> {
    let folders = std::fs::read_dir(state.join("transactions")).ok()?;
    let mut names: Vec<String> = folders
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.path().join("journal.jsonl").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names.pop()
}

/// Its records.
pub(crate) fn journal(state: &Path) -> Journal {
    let Some(id) = latest(state) else { return Journal::default() };
    let path = state.join("transactions").join(id).join("journal.jsonl");
    Journal::parse("journal", &std::fs::read(path).unwrap_or_default())
}

/// The program on a terminal of its own.
pub(crate) struct Watching {
    /// `None` once the terminal was closed.
    pub(crate) master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    pub(crate) child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    closing: Arc<AtomicBool>,
    pub(crate) text: String,
}

impl Watching {
    pub(crate) fn of(program: &Command, environment: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: 40, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(program.get_program());
        command.args(program.get_args());
        command.env_clear();
        for (name, value) in program.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        for (name, value) in
            [("TERM", "xterm"), ("LANG", "C.UTF-8"), ("USER", "anna")].iter().chain(environment)
        {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (send, output) = mpsc::channel();
        let closing = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&closing);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if closed.load(Ordering::SeqCst) || send.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = Some(pair.master.take_writer().unwrap());
        Self { master: Some(pair.master), keys, child, output, closing, text: String::new() }
    }

    /// Says yes to what is shown.
    pub(crate) fn agrees(mut self) -> Self {
        self.sees("Type y to go on");
        self.types("y\r");
        self
    }

    pub(crate) fn types(&mut self, keys: &str) {
        let writer = self.keys.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    /// Reads until this text was shown.
    pub(crate) fn sees(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.text.contains(text) {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!("never saw '{text}' ({error}):\n{}", self.text),
            }
        }
    }

    /// Reads until this text is on the screen.
    pub(crate) fn shows(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if screen.contains(text) {
                return;
            }
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!("never saw '{text}' ({error}):\n{screen}"),
            }
        }
    }

    /// What is on the screen now.
    pub(crate) fn screen(&mut self) -> String {
        for bytes in self.output.try_iter() {
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        let [rows, columns] = [40, 200].map(|size| NonZeroU16::new(size).unwrap());
        let mut parser = vt100::Parser::new(rows, columns, 0);
        parser.process(self.text.as_bytes());
        parser.screen().contents()
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.process_id().unwrap().try_into().unwrap()
    }

    /// The terminal goes away, as when a link drops: the kernel hangs up on whoever is on it.
    pub(crate) fn closes(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // Its echo wakes the reader, which gives up its copy of the terminal.
        self.types(" ");
        while self.output.recv_timeout(PATIENCE).is_ok() {}
        self.keys = None;
        self.master = None;
    }

    /// Waits for its end; exit code, or 128 and the signal.
    pub(crate) fn ends(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it did not end:\n{}", self.text),
            }
        }
        self.child.wait().unwrap().exit_code()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // A failed test leaves no program behind.
        let _ = self.child.kill();
    }
}
