//! The interface on a real terminal: what is left behind, and what only a terminal shows.
//!
//! Nothing here waits for a time: each test waits for what it wants to see, up to a deadline.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::pedantic,
    unreachable_pub,
    reason = "a test stops where it cannot go on, reads its own data, and tells one story"
)]

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
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::{Color, Parser, Screen};

/// The slowest machine this is tried on draws its first screen long before.
const PATIENCE: Duration = Duration::from_secs(60);

/// `kube-temper demo` on a terminal of its own.
struct Demo {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Receiver<Vec<u8>>,
    parser: Parser,
    raw: Vec<u8>,
    /// The terminal's own settings before the program took it, as `stty` shows them.
    settings: String,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn some(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

#[allow(clippy::disallowed_methods, reason = "a deadline on a real program needs a real clock")]
fn now() -> Instant {
    Instant::now()
}

impl Demo {
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::of(&[&["demo"], arguments].concat(), environment)
    }

    /// Another run of the program than `demo`.
    fn of(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(size(80, 24)).unwrap();
        let settings = settings(pair.master.as_ref());
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_kube-temper"));
        command.args(arguments);
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
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
    fn wait_for(&mut self, what: &str, wanted: impl Fn(&Screen) -> bool) {
        let deadline = now() + PATIENCE;
        while !wanted(self.parser.screen()) {
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

    fn wait_for_text(&mut self, text: &str) {
        self.wait_for(text, |screen| screen.contents().contains(text));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    /// Waits for the end of the program and looks at what it left behind.
    fn ends_and_gives_the_terminal_back(&mut self) {
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
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status:?}");
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was not left");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "pasted text is still bracketed");
        assert_eq!(settings(self.master.as_ref()), self.settings, "the terminal is still raw");
        for (what, sequence) in [("entered", "\x1b[?1049h"), ("left", "\x1b[?1049l")] {
            let times =
                self.raw.windows(sequence.len()).filter(|w| *w == sequence.as_bytes()).count();
            assert_eq!(times, 1, "the alternate screen was {what} {times} times");
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // A failed test leaves no program behind.
        let _ = self.child.kill();
    }
}

fn settings(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios().unwrap())
}

#[test]
fn quitting_gives_the_terminal_back() {
    let mut demo = Demo::start(&[], &[]);
    demo.wait_for_text("[1 Findings]");
    demo.wait_for_text("x FAIL");
    assert!(demo.parser.screen().alternate_screen());
    assert_ne!(settings(demo.master.as_ref()), demo.settings, "it never was raw");
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let mut demo = Demo::start(&[], &[]);
        demo.wait_for_text("x FAIL");
        demo.signal(signal);
        demo.ends_and_gives_the_terminal_back();
    }
}

#[test]
fn a_resized_terminal_is_filled_again() {
    let mut demo = Demo::start(&[], &[]);
    demo.wait_for_text("x FAIL");
    for (columns, rows) in [(120, 40), (60, 15), (80, 24)] {
        demo.parser.screen_mut().set_size(some(rows), some(columns));
        demo.master.resize(size(columns, rows)).unwrap();
        demo.wait_for("the keys on the last row", |screen| {
            let last = screen.rows(0, columns).nth(usize::from(rows) - 1).unwrap();
            last.contains("? help") && last.contains("q quit")
        });
        // Beside each other on a wide terminal, else below each other.
        demo.wait_for("the panes", |screen| {
            let corners = screen.rows(0, columns).nth(2).unwrap().matches('┌').count();
            corners == if columns >= 100 { 2 } else { 1 }
        });
    }
    demo.master.resize(size(40, 10)).unwrap();
    demo.parser.screen_mut().set_size(some(10), some(40));
    demo.wait_for_text("needs 60x15");
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

/// The row of the cursor: the first cell is `>` in reverse video.
fn cursor_row(screen: &Screen) -> Option<u16> {
    let (rows, _) = screen.size();
    (0..rows.get()).find(|row| {
        screen.cell(*row, 1).is_some_and(|cell| cell.contents() == ">" && cell.inverse())
    })
}

#[test]
fn without_colours_the_cursor_is_seen_and_nothing_is_coloured() {
    for (arguments, environment) in
        [(&[][..], &[("NO_COLOR", "1")][..]), (&["--color", "never"], &[])]
    {
        let mut demo = Demo::start(arguments, environment);
        demo.wait_for("the cursor row", |screen| cursor_row(screen).is_some());
        let first = cursor_row(demo.parser.screen()).unwrap();
        demo.press("j");
        demo.wait_for("the cursor below", |screen| cursor_row(screen).is_some_and(|r| r > first));
        let screen = demo.parser.screen();
        let row = cursor_row(screen).unwrap();
        for column in 1..79 {
            assert!(screen.cell(row, column).unwrap().inverse(), "column {column} is not reversed");
        }
        for row in 0..24 {
            for column in 0..80 {
                let cell = screen.cell(row, column).unwrap();
                let colours = (cell.fgcolor(), cell.bgcolor());
                assert_eq!(colours, (Color::Default, Color::Default), "{row}:{column}");
            }
        }
        demo.press("q");
        demo.ends_and_gives_the_terminal_back();
    }
}

#[test]
fn pasted_keys_are_no_keys() {
    let mut demo = Demo::start(&[], &[]);
    demo.wait_for_text("x FAIL");
    demo.press("\x1b[200~aAAyq\x1b[201~");
    demo.wait_for_text("pasted text was ignored");
    assert!(!demo.parser.screen().contents().contains("marked"));
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

#[test]
fn a_console_without_utf_8_gets_plain_characters() {
    let mut demo = Demo::start(&[], &[("LANG", "C"), ("TERM", "linux")]);
    demo.wait_for_text("x FAIL");
    demo.wait_for_text("+ Findings 1/");
    assert!(demo.raw.is_ascii());
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

#[test]
fn a_parser_that_gives_up_leaves_no_word_on_the_screen_nor_after_it() {
    let root = tempfile::tempdir().unwrap();
    let manifests = root.path().join("etc/kubernetes/manifests");
    std::fs::create_dir_all(&manifests).unwrap();
    std::fs::write(manifests.join("kube-scheduler.yaml"), "kind: Pod\nspec: [!!str, a]\n").unwrap();
    let root = root.path().to_str().unwrap();
    let arguments = ["--root", root, "--offline", "--benchmark", "cis-2.0"];
    let mut session = Demo::of(&arguments, &[]);
    session.wait_for_text("E ERROR");
    session.press("q");
    session.ends_and_gives_the_terminal_back();
    let said = String::from_utf8_lossy(&session.raw);
    assert!(!said.contains("panicked"), "{said}");
}
