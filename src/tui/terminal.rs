//! The terminal while it is ours, and everything that arrives from outside: keys, size, signals.
//!
//! Whatever happens, the terminal is given back as it was: the guard does it when it is dropped, also
//! while a panic unwinds.

use std::{
    io::{self, Stdout, Write as _},
    panic,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::{Hide, Show},
        event::{self, DisableBracketedPaste, EnableBracketedPaste, Event},
        execute,
        style::force_color_output,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::{Handle, Signals},
};

use super::{
    TuiError,
    app::{Source, Wait},
    message::Msg,
};
use crate::text::yaml;

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
        enable_raw_mode().map_err(TuiError::terminal)?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)
            .map_err(TuiError::terminal)?;
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
        // Each by itself: when one fails (the terminal is gone) the others are still tried.
        let mut out = io::stdout();
        let _ = execute!(out, DisableBracketedPaste);
        let _ = execute!(out, LeaveAlternateScreen);
        let _ = execute!(out, Show);
        let _ = out.flush();
        let _ = disable_raw_mode();
        if let Some(previous) = self.previous.take() {
            // While a panic unwinds the hook cannot be changed; the process ends anyway.
            if !thread::panicking() {
                panic::set_hook(previous);
            }
        }
    }
}

/// How often a transaction under way is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How long the input thread waits before it asks whether it is still wanted.
const LISTEN: Duration = Duration::from_millis(200);

/// Keys, sizes and signals of the real terminal.
pub(super) struct Events {
    receiver: Receiver<Msg>,
    start: Instant,
    stop: Arc<AtomicBool>,
    signals: Handle,
}

impl Events {
    /// Starts to listen.
    #[allow(
        clippy::disallowed_methods,
        reason = "the time between keys is the terminal's business; the node's clock may be virtual"
    )]
    pub(super) fn listen(sender: Sender<Msg>, receiver: Receiver<Msg>) -> Result<Self, TuiError> {
        let start = Instant::now();
        let stop = Arc::new(AtomicBool::new(false));
        let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT]).map_err(TuiError::terminal)?;
        let handle = signals.handle();
        let to_loop = sender.clone();
        thread::Builder::new()
            .name("kube-temper signals".to_owned())
            .spawn(move || {
                for signal in signals.forever() {
                    let name = match signal {
                        SIGHUP => "SIGHUP",
                        SIGINT => "SIGINT",
                        _ => "SIGTERM",
                    };
                    if to_loop.send(Msg::Leave(name.to_owned())).is_err() {
                        break;
                    }
                }
            })
            .map_err(TuiError::terminal)?;
        let stopped = Arc::clone(&stop);
        thread::Builder::new()
            .name("kube-temper input".to_owned())
            .spawn(move || input(&sender, start, &stopped))
            .map_err(TuiError::terminal)?;
        Ok(Self { receiver, start, stop, signals: handle })
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.signals.close();
    }
}

fn input(sender: &Sender<Msg>, start: Instant, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let event = match event::poll(LISTEN) {
            Ok(false) => continue,
            Ok(true) => event::read(),
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
}
