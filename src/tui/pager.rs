//! Another program shows a text, on a terminal that is its own for as long as it runs.
//!
//! It is started without a shell. A pager can start programs and write files, and here it may run as root: for
//! somebody who only borrows root's rights it is `less`, told to do neither (`LESSSECURE`), whatever `$PAGER` says.

use std::{
    io::{self, Write as _},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicI32, Ordering},
    thread,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// Where a `less` is found that nobody else can put in its place.
const LESS: [&str; 2] = ["/usr/bin/less", "/bin/less"];

/// What shows a text.
#[derive(Debug, Clone)]
pub struct Pager {
    wanted: Vec<String>,
    borrowed: bool,
}

impl Pager {
    /// The program that `$PAGER` names; `borrowed` says that this process has the rights of another user than who
    /// started it (`sudo`).
    pub fn new(wanted: &str, borrowed: bool) -> Self {
        let mut wanted: Vec<String> = wanted.split_whitespace().map(str::to_owned).collect();
        if wanted == ["cat"] {
            // Whoever wants none of the kind: the text would be gone before it is read.
            wanted.clear();
        }
        if wanted.len() == 1 && wanted.iter().all(|word| word.rsplit('/').next() == Some("less")) {
            wanted.push("-R".to_owned());
        }
        Self { wanted, borrowed }
    }

    /// Shows it, and comes back when the reader has seen enough; what went wrong, if anything did. `shown` holds
    /// the process meanwhile; `stopped` is called when the reader suspends it.
    pub(super) fn show(
        &self,
        text: &str,
        shown: &AtomicI32,
        mut stopped: impl FnMut(),
    ) -> Option<String> {
        let (name, mut child) = match self.start() {
            Ok(started) => started,
            Err(why) => return Some(why),
        };
        if let Some(mut inbox) = child.stdin.take() {
            let text = text.to_owned();
            // Who has seen enough of it reads no more.
            thread::spawn(move || drop(inbox.write_all(text.as_bytes())));
        }
        let Ok(id) = i32::try_from(child.id()) else { return None };
        shown.store(id, Ordering::SeqCst);
        let pid = Pid::from_raw(id);
        let ended = loop {
            match waitpid(pid, Some(WaitPidFlag::WUNTRACED)) {
                Err(Errno::EINTR) => {}
                Ok(WaitStatus::Stopped(..)) => {
                    stopped();
                    let _ = kill(pid, Signal::SIGCONT);
                }
                ended => break ended,
            }
        };
        shown.store(0, Ordering::SeqCst);
        match ended {
            Ok(WaitStatus::Exited(_, 0)) => None,
            Ok(WaitStatus::Exited(_, code)) => {
                Some(format!("the pager '{name}' ended with {code}"))
            }
            Ok(WaitStatus::Signaled(_, signal, _)) => {
                Some(format!("the pager '{name}' was ended by {signal}"))
            }
            _ => Some(format!("the pager '{name}' was lost")),
        }
    }

    fn start(&self) -> Result<(String, Child), String> {
        for words in self.candidates() {
            let Some((name, arguments)) = words.split_first() else { continue };
            match self.spawn(name, arguments) {
                Ok(child) => return Ok((name.clone(), child)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("the pager '{name}' cannot be started: {error}")),
            }
        }
        Err(match self.wanted.first() {
            Some(name) if !self.borrowed => {
                format!("the pager '{name}' of $PAGER is not to be found")
            }
            _ => "there is no pager here: install less".to_owned(),
        })
    }

    /// What to try, one after the other, as far as they are there.
    fn candidates(&self) -> Vec<Vec<String>> {
        let words = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect();
        if self.borrowed {
            LESS.iter().map(|less| words(&[less, "-R"])).collect()
        } else if self.wanted.is_empty() {
            vec![words(&["less", "-R"]), words(&["more"])]
        } else {
            vec![self.wanted.clone()]
        }
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "whoever has the terminal is the terminal's business"
    )]
    fn spawn(&self, name: &str, arguments: &[String]) -> io::Result<Child> {
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::piped());
        if self.borrowed {
            command.env("LESSSECURE", "1");
        }
        command.spawn()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borrowed_rights_start_nothing_but_less() {
        for (wanted, borrowed, candidates) in [
            ("", false, vec!["less -R", "more"]),
            ("cat", false, vec!["less -R", "more"]),
            ("less", false, vec!["less -R"]),
            ("/opt/bin/less", false, vec!["/opt/bin/less -R"]),
            ("less -S", false, vec!["less -S"]),
            ("most  +u", false, vec!["most +u"]),
            ("sh", true, vec!["/usr/bin/less -R", "/bin/less -R"]),
            ("", true, vec!["/usr/bin/less -R", "/bin/less -R"]),
        ] {
            let tried: Vec<String> =
                Pager::new(wanted, borrowed).candidates().iter().map(|c| c.join(" ")).collect();
            assert_eq!(tried, candidates, "{wanted:?} {borrowed}");
        }
    }

    #[test]
    fn a_pager_that_fails_is_told() {
        let shown = AtomicI32::new(0);
        let told = |wanted: &str| Pager::new(wanted, false).show("text\n", &shown, || {});
        assert_eq!(told("true"), None);
        assert_eq!(told("false").unwrap(), "the pager 'false' ended with 1");
        let missing = "the pager 'no-such-pager' of $PAGER is not to be found";
        assert_eq!(told("no-such-pager -x").unwrap(), missing);
        assert!(told("/").unwrap().starts_with("the pager '/' cannot be started"));
        assert_eq!(shown.load(Ordering::SeqCst), 0);
    }
}
