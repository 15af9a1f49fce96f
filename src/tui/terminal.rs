//! The terminal while it is ours, and everything that arrives from outside: keys, size, signals.
//!
//! Whatever happens, the terminal is given back as it was: the guard does it when it is dropped, also
//! while a panic unwinds.

use std::{
    io::{self, Stdout, Write as _},
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{self, Pid},
};
use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        clipboard::CopyToClipboard,
        cursor::{Hide, Show},
        event::{self, DisableBracketedPaste, EnableBracketedPaste, Event},
        execute,
        style::force_color_output,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP},
    iterator::{Handle, Signals},
    low_level,
};

use super::{
    TuiError,
    app::{Source, Wait},
    message::Msg,
    pager::Pager,
};
use crate::{node::failpoint, text::yaml};

type Hook = Box<dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync + 'static>;

/// The terminal in raw mode on its alternate screen. Dropping it gives the terminal back.
pub(super) struct Guard {
    previous: Option<Hook>,
    panics: Arc<Mutex<Vec<String>>>,
}

impl Guard {
    /// Takes the terminal.
    pub(super) fn enter() -> Result<(Self, Terminal<CrosstermBackend<Stdout>>), TuiError> {
        // The theme alone decides on colours. Left to itself crossterm turns colours into empty
        // commands under NO_COLOR, which reset reverse video and hide the cursor row.
        force_color_output(true);
        let panics = Arc::new(Mutex::new(Vec::new()));
        let guard = Self { previous: Some(panic::take_hook()), panics: Arc::clone(&panics) };
        // While the screen is ours no thread may print on it; what a panic said is told afterwards.
        panic::set_hook(Box::new(move |info| {
            if yaml::catches_panics() {
                return;
            }
            let mut said = panics.lock().unwrap_or_else(PoisonError::into_inner);
            said.push(info.to_string());
        }));
        take_screen().map_err(TuiError::terminal)?;
        let terminal =
            Terminal::new(CrosstermBackend::new(io::stdout())).map_err(TuiError::terminal)?;
        Ok((guard, terminal))
    }

    /// Gives the terminal back, and what panics said meanwhile.
    pub(super) fn leave(self) -> Vec<String> {
        let panics = Arc::clone(&self.panics);
        drop(self);
        let mut panics = panics.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *panics)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_screen_back();
        if let Some(previous) = self.previous.take() {
            // While a panic unwinds the hook cannot be changed; the process ends anyway.
            if !thread::panicking() {
                panic::set_hook(previous);
            }
        }
    }
}

fn take_screen() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)
}

fn give_screen_back() {
    // Each by itself: when one fails (the terminal is gone) the others are still tried.
    let mut out = io::stdout();
    let _ = execute!(out, DisableBracketedPaste);
    let _ = execute!(out, LeaveAlternateScreen);
    let _ = execute!(out, Show);
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// Whether a shell watches this program and can call it back: a program that leads its session has none.
fn has_job_control() -> bool {
    unistd::getsid(None).is_ok_and(|session| session != unistd::getpgrp())
}

/// How often a transaction under way is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How long the input thread waits before it asks whether it is still wanted.
const LISTEN: Duration = Duration::from_millis(200);

/// How long the input thread may take to leave the keys to a pager; one that is gone never answers.
const LETS_GO: Duration = Duration::from_secs(2);

/// Who reads the keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Reader {
    /// The input thread.
    #[default]
    Us,
    /// The input thread, which is to leave them to another program.
    Leaving,
    /// Another program.
    Other,
}

/// The input thread's turn to read.
#[derive(Debug, Default)]
struct Turn {
    reader: Mutex<Reader>,
    changed: Condvar,
}

impl Turn {
    /// Leaves the keys to another program, if that is wanted, until it has ended.
    fn look(&self) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if *reader == Reader::Leaving {
            // What was typed ahead was meant for nobody.
            while event::poll(Duration::ZERO).is_ok_and(|there| there && event::read().is_ok()) {}
            *reader = Reader::Other;
            self.changed.notify_all();
        }
        while *reader == Reader::Other {
            reader = self.changed.wait(reader).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until another program can read the keys.
    fn give(&self) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        *reader = Reader::Leaving;
        let (mut reader, _) = self
            .changed
            .wait_timeout_while(reader, LETS_GO, |reader| *reader == Reader::Leaving)
            .unwrap_or_else(PoisonError::into_inner);
        *reader = Reader::Other;
    }

    fn take_back(&self) {
        *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Reader::Us;
        self.changed.notify_all();
    }
}

/// Keys, sizes and signals of the real terminal.
pub(super) struct Events {
    receiver: Receiver<Msg>,
    start: Instant,
    stop: Arc<AtomicBool>,
    signals: Handle,
    pager: Pager,
    /// The pager that has the terminal; 0 when none has.
    paging: Arc<AtomicI32>,
    turn: Arc<Turn>,
    /// What arrived while a pager had the terminal.
    kept: Vec<Msg>,
}

impl Events {
    /// Starts to listen.
    #[allow(
        clippy::disallowed_methods,
        reason = "the time between keys is the terminal's business; the node's clock may be virtual"
    )]
    pub(super) fn listen(
        sender: Sender<Msg>,
        receiver: Receiver<Msg>,
        pager: Pager,
    ) -> Result<Self, TuiError> {
        let start = Instant::now();
        let stop = Arc::new(AtomicBool::new(false));
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT])
            .map_err(TuiError::terminal)?;
        let handle = signals.handle();
        let to_loop = sender.clone();
        let paging = Arc::new(AtomicI32::new(0));
        let shown = Arc::clone(&paging);
        watch("signals", sender.clone(), move || {
            for signal in signals.forever() {
                failpoint::reached("signal-taken");
                match (shown.load(Ordering::SeqCst), signal) {
                    // Typed for the pager.
                    (1.., SIGINT) => continue,
                    // The loop waits for it.
                    (pager @ 1.., SIGTERM | SIGHUP) => {
                        let _ = kill(Pid::from_raw(pager), Signal::SIGTERM);
                    }
                    _ => {}
                }
                let message = match signal {
                    SIGTSTP => Msg::Suspend,
                    SIGCONT => Msg::Resumed,
                    SIGHUP => Msg::Leave("SIGHUP".to_owned()),
                    SIGINT => Msg::Leave("SIGINT".to_owned()),
                    _ => Msg::Leave("SIGTERM".to_owned()),
                };
                if to_loop.send(message).is_err() {
                    break;
                }
            }
        })?;
        let stopped = Arc::clone(&stop);
        let turn = Arc::new(Turn::default());
        let ours = Arc::clone(&turn);
        watch("input", sender.clone(), move || input(&sender, start, &stopped, &ours))?;
        let kept = Vec::new();
        Ok(Self { receiver, start, stop, signals: handle, pager, paging, turn, kept })
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.signals.close();
    }
}

/// Starts a thread that listens. Without it nobody could leave any more, so its panic ends the session.
fn watch(
    name: &'static str,
    sender: Sender<Msg>,
    listen: impl FnOnce() + Send + 'static,
) -> Result<(), TuiError> {
    thread::Builder::new()
        .name(format!("kube-temper {name}"))
        .spawn(move || {
            if panic::catch_unwind(AssertUnwindSafe(listen)).is_err() {
                let _ = sender.send(Msg::Leave(format!("the {name} thread has ended")));
            }
        })
        .map(drop)
        .map_err(TuiError::terminal)
}

fn input(sender: &Sender<Msg>, start: Instant, stop: &AtomicBool, turn: &Turn) {
    while !stop.load(Ordering::Relaxed) {
        turn.look();
        let event = match event::poll(LISTEN) {
            Ok(false) => continue,
            Ok(true) => {
                failpoint::reached("key-read");
                event::read()
            }
            Err(error) => Err(error),
        };
        let message = match event {
            Ok(Event::Key(key)) => Msg::Key(key, start.elapsed()),
            Ok(Event::Paste(text)) => Msg::Paste(text),
            Ok(Event::Resize(columns, rows)) => Msg::Resize(columns, rows),
            Ok(_) => continue,
            Err(error) => {
                let _ = sender.send(Msg::Leave(format!("the terminal is gone: {error}")));
                return;
            }
        };
        if sender.send(message).is_err() {
            return;
        }
    }
}

impl Source for Events {
    fn next(&mut self, wait: Wait) -> Option<Vec<Msg>> {
        if !self.kept.is_empty() {
            return Some(std::mem::take(&mut self.kept));
        }
        let first = if wait.ticks {
            match self.receiver.recv_timeout(TICK) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => Msg::Tick(self.now()),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        } else {
            self.receiver.recv().ok()?
        };
        // Everything that waits is taken in before the screen is drawn once.
        Some(std::iter::once(first).chain(self.receiver.try_iter()).collect())
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn suspend(&mut self) -> Result<bool, TuiError> {
        if !has_job_control() {
            return Ok(false);
        }
        give_screen_back();
        low_level::emulate_default_handler(SIGTSTP).map_err(TuiError::terminal)?;
        take_screen().map_err(TuiError::terminal)?;
        Ok(true)
    }

    fn copy(&mut self, text: &str) -> Result<(), TuiError> {
        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text)).map_err(TuiError::terminal)
    }

    fn page(&mut self, text: &str) -> Result<Option<String>, TuiError> {
        self.turn.give();
        give_screen_back();
        let trouble = self.pager.show(text, &self.paging, || {
            if has_job_control() {
                let _ = low_level::emulate_default_handler(SIGTSTP);
            }
        });
        let taken = take_screen();
        self.turn.take_back();
        // What was typed and signalled meanwhile was the pager's.
        let ours = |message: &Msg| match message {
            Msg::Leave(signal) => signal != "SIGINT",
            message => matches!(message, Msg::Job(_) | Msg::Resize(..)),
        };
        self.kept = self.receiver.try_iter().filter(ours).collect();
        taken.map_err(TuiError::terminal)?;
        Ok(trouble)
    }

    fn resumed(&mut self) -> Result<(), TuiError> {
        // Who stopped it from outside left the screen to us, but a shell may have changed its mode.
        disable_raw_mode()
            .and_then(|()| enable_raw_mode())
            .and_then(|()| execute!(io::stdout(), EnableBracketedPaste, Hide))
            .map_err(TuiError::terminal)
    }
}
