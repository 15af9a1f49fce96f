//! The thin binary: reads the environment once and hands over.

use std::{env, io::IsTerminal, process::ExitCode};

use kube_temper::cli::{self, Environment};

fn main() -> ExitCode {
    cli::run(env::args_os(), &environment()).into()
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
    let term = variable("TERM");
    Environment {
        terminal_in: std::io::stdin().is_terminal(),
        terminal_out: std::io::stdout().is_terminal(),
        no_color: !variable("NO_COLOR").is_empty(),
        // The Linux console has no glyphs beyond its font, whatever the locale says.
        utf8: term != "linux" && (locale.contains("utf-8") || locale.contains("utf8")),
        term,
    }
}
