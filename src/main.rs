//! The thin binary: reads the environment once and hands over.

use std::{env, io::IsTerminal, panic, process::ExitCode};

use kube_temper::{
    cli::{self, Environment, Screen, Session},
    engine::Engine,
    text::yaml,
    tui,
};
use nix::unistd::{geteuid, getuid};

fn main() -> ExitCode {
    say_nothing_of_caught_panics();
    cli::run(env::args_os(), &environment(), &interface).into()
}

/// A panic that is caught and told as a problem of a file is nobody's business.
fn say_nothing_of_caught_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !yaml::catches_panics() {
            before(info);
        }
    }));
}

/// Faces do not know each other: the command line gets the interactive one from here.
fn interface(engine: Engine, screen: Screen) -> anyhow::Result<Session> {
    let options = tui::Options { color: screen.color, ascii: screen.ascii, theme: screen.theme };
    let mut done = tui::run(engine, options, pager())?;
    let outcome = done.transactions.pop().map(|(_, outcome)| outcome);
    Ok(Session { lines: done.lines, problems: done.problems, outcome })
}

/// Who became root by one of these programs has rights that are not all his own.
#[expect(clippy::disallowed_methods, reason = "main reads the environment")]
fn pager() -> tui::Pager {
    let by = ["SUDO_UID", "DOAS_USER", "PKEXEC_UID"];
    let borrowed = geteuid() != getuid()
        || (geteuid().is_root() && by.into_iter().any(|name| env::var_os(name).is_some()));
    tui::Pager::new(&env::var("PAGER").unwrap_or_default(), borrowed)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment() -> Environment {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .map(variable)
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let user = ["SUDO_USER", "LOGNAME", "USER"]
        .into_iter()
        .map(variable)
        .find(|value| !value.is_empty())
        .unwrap_or_default();
    let term = variable("TERM");
    Environment {
        terminal_in: std::io::stdin().is_terminal(),
        terminal_out: std::io::stdout().is_terminal(),
        sizeless: rustix::termios::tcgetwinsize(std::io::stdout())
            .is_ok_and(|size| size.ws_col == 0 || size.ws_row == 0),
        user,
        no_color: !variable("NO_COLOR").is_empty(),
        // The Linux console has no glyphs beyond its font, and who says vt220 is often a serial console,
        // whatever the locale says.
        utf8: term != "linux"
            && !term.starts_with("vt")
            && (locale.contains("utf-8") || locale.contains("utf8")),
        term,
    }
}
