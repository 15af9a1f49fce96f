//! A person who reads line by line and types lines: what is asked is appended, nothing is drawn again.
//!
//! The terminal stays in its own mode, so that it echoes and edits the line itself and nothing can leave it in
//! another one. Of what dialoguer writes, only what appends reaches the terminal.

use std::{
    io::{self, Write},
    os::fd::{AsRawFd, RawFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anstream::adapter::strip_str;
use dialoguer::{Input, console::Term, theme::SimpleTheme};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::termios::{FlushArg, tcflush},
    unistd,
};
use signal_hook::{
    consts::{SIGCONT, SIGINT},
    flag,
};

use super::fold::Folded;
use crate::text::printable::{one_line, plain};

/// Why nothing was heard.
#[derive(Debug, thiserror::Error)]
pub(super) enum Gone {
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Ctrl-D, or the terminal is gone.
    #[error("nobody types here any more")]
    Ended,
    /// The terminal failed.
    #[error("reading the answer: {0}")]
    Failed(#[from] io::Error),
}

/// Says what is wrong with a line, if anything is.
pub(super) type Wrong<'w> = &'w dyn Fn(&str) -> Option<String>;

/// Where a person reads and types.
pub(super) trait Console {
    /// Where everything is written.
    fn out(&mut self) -> &mut dyn Write;
    /// A line that somebody will copy: it is never folded.
    fn verbatim(&mut self, line: &str) -> io::Result<()>;
    /// Asks, again while the answer is wrong. What was typed before does not answer.
    fn ask(&mut self, prompt: &str, wrong: Wrong<'_>) -> Result<String, Gone>;
    /// Drops what was typed so far.
    fn forget(&mut self);
    /// A line that was typed meanwhile. Never waits.
    fn heard(&mut self) -> Result<Option<String>, Gone>;
    /// Ctrl-C was pressed.
    fn interrupted(&self) -> bool;
}

/// The terminal of this process.
pub(super) struct Tty {
    out: Folded<Box<dyn Write>>,
    stream: Stream,
    ascii: bool,
    ear: Ear,
}

impl Tty {
    /// Prompts appear on `stream`, and so does `out`. Until this is dropped, Ctrl-C only tells.
    pub(super) fn open(
        out: Folded<Box<dyn Write>>,
        stream: Stream,
        ascii: bool,
    ) -> io::Result<Self> {
        Ok(Self { out, stream, ascii, ear: Ear::open()? })
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        self.ear.deaf.store(true, Ordering::SeqCst);
    }
}

impl Console for Tty {
    fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    fn verbatim(&mut self, line: &str) -> io::Result<()> {
        self.out.verbatim(line)
    }

    fn ask(&mut self, prompt: &str, wrong: Wrong<'_>) -> Result<String, Gone> {
        self.out.flush()?;
        self.forget();
        let ear = self.ear.clone();
        let writer = Appending {
            stream: self.stream,
            ascii: self.ascii,
            ear: ear.clone(),
            open: String::new(),
            typed: false,
        };
        let answer = Input::<String>::with_theme(&SimpleTheme)
            .with_prompt(one_line(prompt))
            .allow_empty(true)
            .report(false)
            .validate_with(|line: &String| wrong(line.trim()).map_or(Ok(()), Err))
            .interact_on(&Term::read_write_pair(io::stdin(), writer));
        match answer {
            _ if ear.interrupted() => Err(Gone::Interrupted),
            Ok(answer) => Ok(answer.trim().to_owned()),
            Err(dialoguer::Error::IO(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Gone::Ended)
            }
            Err(dialoguer::Error::IO(error)) => Err(Gone::Failed(error)),
        }
    }

    fn forget(&mut self) {
        // A terminal that is gone is told by the next look at it.
        let _ = tcflush(io::stdin(), FlushArg::TCIFLUSH);
    }

    fn heard(&mut self) -> Result<Option<String>, Gone> {
        self.out.flush()?;
        if self.ear.interrupted() {
            return Err(Gone::Interrupted);
        }
        if !Ear::line_within(PollTimeout::ZERO)? {
            return Ok(None);
        }
        let mut line = [0; 4096];
        match unistd::read(io::stdin(), &mut line).map_err(io::Error::from)? {
            0 => Err(Gone::Ended),
            length => {
                let typed = line.get(..length).unwrap_or_default();
                Ok(Some(String::from_utf8_lossy(typed).trim().to_owned()))
            }
        }
    }

    fn interrupted(&self) -> bool {
        self.ear.interrupted()
    }
}

/// One of the two streams a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Hears lines and Ctrl-C.
#[derive(Debug, Clone)]
struct Ear {
    interrupted: Arc<AtomicBool>,
    /// The program was called back to the foreground.
    called_back: Arc<AtomicBool>,
    /// Nobody listens: Ctrl-C ends the program.
    deaf: Arc<AtomicBool>,
}

/// What hears stays for as long as the process: a handler of a signal cannot be taken back.
static EAR: Mutex<Option<Ear>> = Mutex::new(None);

/// How long a wait lasts before it is asked whether a signal came in between.
const LOOK: u16 = 200;

impl Ear {
    fn open() -> io::Result<Self> {
        let mut shared = EAR.lock().unwrap_or_else(PoisonError::into_inner);
        let ear = match shared.as_ref() {
            Some(ear) => ear.clone(),
            None => shared.insert(Self::registered()?).clone(),
        };
        ear.interrupted.store(false, Ordering::SeqCst);
        ear.deaf.store(false, Ordering::SeqCst);
        Ok(ear)
    }

    fn registered() -> io::Result<Self> {
        let ear =
            Self { interrupted: Arc::default(), called_back: Arc::default(), deaf: Arc::default() };
        flag::register_conditional_default(SIGINT, Arc::clone(&ear.deaf))?;
        flag::register(SIGINT, Arc::clone(&ear.interrupted))?;
        flag::register(SIGCONT, Arc::clone(&ear.called_back))?;
        Ok(ear)
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// Whether a whole line, or the end of all lines, is there within this time.
    fn line_within(time: PollTimeout) -> io::Result<bool> {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(std::os::fd::AsFd::as_fd(&stdin), PollFlags::POLLIN)];
        match poll(&mut fds, time) {
            Ok(ready) => Ok(ready > 0),
            Err(nix::errno::Errno::EINTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for a line; `again` is called when the terminal was somebody else's in between.
    fn wait(&self, again: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        while !Self::line_within(PollTimeout::from(LOOK))? {
            if self.interrupted() {
                return Err(io::Error::other(Gone::Interrupted));
            }
            if self.called_back.swap(false, Ordering::SeqCst) {
                again()?;
            }
        }
        // The end of input counts no characters; dialoguer would wait for more.
        if rustix::io::ioctl_fionread(io::stdin())? == 0 {
            let _ = unistd::read(io::stdin(), &mut [0; 1]);
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// What dialoguer writes to. It asks for a line key by key and then draws the answer; here the terminal has the
/// whole line first, echoed by itself, and neither the second echo nor a sequence that moves the cursor gets out.
#[derive(Debug)]
struct Appending {
    stream: Stream,
    ascii: bool,
    ear: Ear,
    /// A line that was begun and not ended: a prompt.
    open: String,
    /// The answer is on the screen already.
    typed: bool,
}

impl Appending {
    fn put(&self, text: &str) -> io::Result<()> {
        let text = if self.ascii { plain(text) } else { text.into() };
        match self.stream {
            Stream::Err => io::stderr().write_all(text.as_bytes()),
            Stream::Out => {
                io::stdout().write_all(text.as_bytes())?;
                io::stdout().flush()
            }
        }
    }
}

impl Write for Appending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let text = strip_str(&text).to_string().replace('\r', "");
        if self.typed {
            self.typed = !text.contains('\n');
        } else if !text.is_empty() {
            // Whoever is stopped from here on is asked again.
            self.ear.called_back.store(false, Ordering::SeqCst);
            self.put(&text)?;
            self.open = if text.ends_with('\n') { String::new() } else { text };
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.open.is_empty() {
            let prompt = std::mem::take(&mut self.open);
            self.ear.wait(&mut || self.put(&prompt))?;
            self.typed = true;
        }
        Ok(())
    }
}

impl AsRawFd for Appending {
    fn as_raw_fd(&self) -> RawFd {
        match self.stream {
            Stream::Out => io::stdout().as_raw_fd(),
            Stream::Err => io::stderr().as_raw_fd(),
        }
    }
}
