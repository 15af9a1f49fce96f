//! Where output goes and how it looks; whether there is a person to ask.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};

use super::{
    Screen,
    args::{Color, Global},
    console::{Stream, Tty},
    fold::Folded,
};
use crate::{
    report::Look,
    text::printable::{plain, printable},
};

/// What `main` read of the process environment, once.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Environment {
    /// Standard input is a terminal.
    pub terminal_in: bool,
    /// Standard output is a terminal.
    pub terminal_out: bool,
    /// The terminal does not say how large it is, so that no screen can be drawn: often a serial console.
    pub sizeless: bool,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// Who runs this, for the journal: the person behind `sudo` where it says so.
    pub user: String,
    /// `TERM`.
    pub term: String,
    /// The locale's character set is UTF-8 (`LC_ALL`, `LC_CTYPE`, `LANG`).
    pub utf8: bool,
}

impl Environment {
    /// The terminal can do nothing but print one line after the other.
    pub(super) fn is_dumb(&self) -> bool {
        matches!(self.term.as_str(), "" | "dumb")
    }
}

/// A stream for a terminal that may have only ASCII.
#[derive(Debug)]
pub(super) struct Plain<W> {
    stream: W,
    ascii: bool,
}

impl<W: Write> Write for Plain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.ascii {
            // Renderers write whole characters; what is none could not be shown either.
            self.stream.write_all(plain(&String::from_utf8_lossy(bytes)).as_bytes())?;
        } else {
            self.stream.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Standard output and error, with the user's wishes about them.
#[derive(Debug)]
pub(super) struct Terminal {
    environment: Environment,
    color: ColorChoice,
    look: Look,
    no_input: bool,
    yes: bool,
    line: bool,
}

impl Terminal {
    pub(super) fn new(global: &Global, environment: &Environment) -> Self {
        let dumb = environment.is_dumb();
        let colourful = match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => environment.terminal_out && !environment.no_color && !dumb,
        };
        let color = if colourful { ColorChoice::Always } else { ColorChoice::Never };
        Self {
            environment: environment.clone(),
            color,
            look: Look {
                ascii: global.ascii || !environment.utf8,
                verbose: global.verbose > 0,
                quiet: global.quiet,
                theme: global.theme.into(),
            },
            no_input: global.no_input,
            yes: global.yes,
            line: global.line,
        }
    }

    /// Data.
    pub(super) fn out(&self) -> AutoStream<io::Stdout> {
        AutoStream::new(io::stdout(), self.color)
    }

    /// Data for people: without the signs this terminal does not have.
    pub(super) fn text(&self) -> Plain<AutoStream<io::Stdout>> {
        Plain { stream: self.out(), ascii: self.look.ascii }
    }

    /// Talk: progress and hints.
    pub(super) fn err(&self) -> Plain<AutoStream<io::Stderr>> {
        Plain { stream: AutoStream::new(io::stderr(), self.color), ascii: self.look.ascii }
    }

    /// The person at this terminal, asked on this stream.
    pub(super) fn console(&self, stream: Stream, columns: usize) -> io::Result<Tty> {
        let out: Box<dyn Write> = match stream {
            Stream::Out => Box::new(self.text()),
            Stream::Err => Box::new(self.err()),
        };
        Tty::open(Folded::new(out, columns), stream, self.look.ascii)
    }

    /// One line of talk; nothing with `--quiet`.
    pub(super) fn say(&self, text: &str) -> io::Result<()> {
        if self.look.quiet { Ok(()) } else { writeln!(self.err(), "{}", printable(text)) }
    }

    /// An error. When even that cannot be written nobody can be told.
    pub(super) fn complain(&self, text: &str) {
        let _ = writeln!(self.err(), "kube-temper: {}", printable(text));
    }

    pub(super) const fn look(&self) -> Look {
        self.look
    }

    /// A person sits at both ends and may be shown a screen.
    pub(super) fn is_interactive(&self) -> bool {
        self.environment.terminal_in && self.environment.terminal_out && !self.no_input
    }

    /// Line mode was asked for.
    pub(super) const fn wants_lines(&self) -> bool {
        self.line
    }

    /// Why the interactive face is line mode, though nobody asked for it: this terminal can do nothing else.
    pub(super) fn only_lines(&self) -> Option<String> {
        if self.environment.is_dumb() {
            let term = &self.environment.term;
            return Some(format!("line mode, because TERM={term} can only print lines"));
        }
        self.environment.sizeless.then(|| {
            "line mode, because this terminal does not say how large it is (stty rows 24 columns 80)".to_owned()
        })
    }

    /// A person may be asked.
    pub(super) fn may_ask(&self) -> bool {
        self.is_interactive() && !self.yes
    }

    /// Who runs this.
    pub(super) fn user(&self) -> &str {
        if self.environment.user.is_empty() { "somebody" } else { &self.environment.user }
    }

    /// Questions are answered with yes.
    pub(super) const fn assume_yes(&self) -> bool {
        self.yes
    }

    /// How the interactive face is to look on this terminal.
    pub(super) fn screen(&self) -> Screen {
        let Look { ascii, theme, .. } = self.look;
        Screen { color: self.color == ColorChoice::Always, ascii, theme }
    }
}
