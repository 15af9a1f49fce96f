//! Floor 8: the command line. Data on stdout, talk on stderr; prompts only on a terminal.

pub mod args;
mod change;
mod console;
pub mod exit;
mod fold;
mod line;
mod open;
mod prompt;
mod terminal;
mod watch;

use std::{ffi::OsString, io::Write};

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};

use self::{
    args::{Cli, Command, FailOn, Format, Global, GuardArgs, HistoryArgs, ScanArgs, ShowArgs},
    console::{Console as _, Stream},
    exit::Exit,
    terminal::Terminal,
};
use crate::{
    engine::{Answer, Engine, EngineError, Filter, Scan},
    model::{Finding, Outcome, Status},
    node::host::enter_confinement,
    report,
    text::printable::one_line,
};

pub use terminal::Environment;

/// How the interactive face is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Colours; without, none at all.
    pub color: bool,
    /// Plain characters only.
    pub ascii: bool,
    /// Which colours stand for good and bad.
    pub theme: report::Theme,
}

/// What an interactive session did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// What to print once the terminal is given back.
    pub lines: Vec<String>,
    /// What went wrong, for standard error.
    pub problems: Vec<String>,
    /// How its last transaction ended.
    pub outcome: Option<Outcome>,
}

/// The interactive face. Faces do not know each other, so `main` hands it in.
pub type Interface<'i> = &'i dyn Fn(Engine, Screen) -> anyhow::Result<Session>;

/// Runs one command line and says how it ended.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    interface: Interface<'_>,
) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
            return if error.print().is_ok() { exit } else { Exit::Internal };
        }
    };
    let mut terminal = Terminal::new(&cli.global, environment);
    match dispatch(cli, &mut terminal, interface) {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Success,
        Err(error) => {
            terminal.complain(&format!("{error:#}"));
            classify(&error)
        }
    }
}

/// `kube-temper scan | head`: the reader has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn classify(error: &anyhow::Error) -> Exit {
    if let Some(error) = error.downcast_ref::<EngineError>() {
        return error.into();
    }
    if let Some(error) = error.downcast_ref::<crate::node::NodeError>() {
        return error.into();
    }
    Exit::Internal
}

fn dispatch(cli: Cli, terminal: &mut Terminal, interface: Interface<'_>) -> anyhow::Result<Exit> {
    if cli.apply_safe {
        if cli.command.is_some() {
            return Err(usage("--apply-safe is a command of its own: leave the other one out"));
        }
        let engine = open::engine(&cli.global)?;
        return change::apply_safe(&engine, cli.batch, terminal);
    }
    if cli.batch.allow_single || cli.batch.max_restarts.is_some() {
        return Err(usage("--allow-single and --max-restarts belong to --apply-safe or apply"));
    }
    match cli.command {
        None if terminal.is_interactive() => {
            session(open::engine(&cli.global)?, terminal, interface)
        }
        None if terminal.wants_lines() => Err(nobody_to_talk_to()),
        None => {
            let help = Cli::command().render_help();
            terminal.say(&help.to_string())?;
            Ok(Exit::Usage)
        }
        Some(Command::Demo) => demo(&cli.global, terminal, interface),
        Some(Command::Scan(args)) => scan(&open::engine(&cli.global)?, &args, terminal),
        Some(Command::Plan(args)) => change::plan(&open::engine(&cli.global)?, &args, terminal),
        Some(Command::Apply(args)) => change::apply(&open::engine(&cli.global)?, &args, terminal),
        Some(Command::History(args)) => history(&open::engine(&cli.global)?, &args, terminal),
        Some(Command::Show(args)) => show(&open::engine(&cli.global)?, &args, terminal),
        Some(Command::Rollback(args)) => {
            change::rollback(&open::engine(&cli.global)?, &args, terminal)
        }
        Some(Command::Confirm(args)) => {
            watch::answer(&open::engine(&cli.global)?, &args.transaction, Answer::Keep, terminal)
        }
        Some(Command::Revert(args)) => {
            let answer = Answer::Revert { allow_single: args.allow_single };
            watch::answer(&open::engine(&cli.global)?, &args.transaction, answer, terminal)
        }
        Some(Command::Extend(args)) => {
            let answer = Answer::More(args.by);
            watch::answer(&open::engine(&cli.global)?, &args.transaction, answer, terminal)
        }
        Some(Command::Guard(args)) => guard(&open::engine(&cli.global)?, &args),
        Some(Command::Recover(args)) => {
            let engine = if args.boot {
                open::engine_at_boot(&cli.global)?
            } else {
                open::engine(&cli.global)?
            };
            change::recover(&engine, &args, terminal)
        }
        Some(Command::Confined { order }) => match enter_confinement(&order)? {},
        Some(Command::Export(args)) => {
            let exports = open::engine(&cli.global)?.export(&args.check)?;
            report::export::write(&mut terminal.out(), &exports)?;
            if exports.is_empty() {
                terminal.complain("nothing here has an object to suggest");
            }
            Ok(Exit::Success)
        }
        Some(Command::Explain(args)) => {
            let engine = open::engine(&cli.global)?;
            let numbered = engine.explain(&args.control)?;
            report::explain::write(&mut terminal.text(), &numbered, terminal.look())?;
            if let Some(finding) = engine.found_in_cluster(&numbered) {
                report::explain::write_found(&mut terminal.text(), &finding, terminal.look())?;
            }
            Ok(Exit::Success)
        }
    }
}

/// How the transaction ended stands in its journal; a guard that came to an end of it has done its work.
fn guard(engine: &Engine, args: &GuardArgs) -> anyhow::Result<Exit> {
    if args.detach {
        engine.detach_guard(&args.transaction)?;
    } else {
        engine.guard(&args.transaction)?;
    }
    Ok(Exit::Success)
}

fn usage(message: &str) -> anyhow::Error {
    EngineError::Usage(message.to_owned()).into()
}

fn session(
    engine: Engine,
    terminal: &mut Terminal,
    interface: Interface<'_>,
) -> anyhow::Result<Exit> {
    let only_lines = terminal.only_lines();
    if terminal.wants_lines() || only_lines.is_some() {
        if let Some(why) = only_lines.filter(|_| !terminal.wants_lines()) {
            terminal.say(&why)?;
        }
        return lines(&engine, terminal);
    }
    let session = interface(engine, terminal.screen()).context("the terminal interface")?;
    for line in &session.lines {
        writeln!(terminal.text(), "{}", one_line(line))?;
    }
    for problem in &session.problems {
        terminal.complain(problem);
    }
    Ok(session.outcome.as_ref().map_or(Exit::Success, Exit::from))
}

fn lines(engine: &Engine, terminal: &Terminal) -> anyhow::Result<Exit> {
    let mut console = terminal.console(Stream::Out, fold::COLUMNS)?;
    let session = line::Session::new(engine, &mut console, terminal.look(), terminal.user());
    let outcome = session.run()?;
    if console.interrupted() {
        return watch::interrupted(console);
    }
    Ok(outcome.as_ref().map_or(Exit::Success, Exit::from))
}

fn nobody_to_talk_to() -> anyhow::Error {
    usage("--line talks to a person at a terminal; here use the commands: kube-temper --help")
}

fn demo(
    global: &Global,
    terminal: &mut Terminal,
    interface: Interface<'_>,
) -> anyhow::Result<Exit> {
    let engine = open::demo(global)?;
    if terminal.is_interactive() {
        return session(engine, terminal, interface);
    }
    if terminal.wants_lines() {
        return Err(nobody_to_talk_to());
    }
    let scan = engine.scan(&Filter::default())?;
    report::scan::write(&mut terminal.text(), &scan.report, terminal.look())?;
    Ok(scan_exit(&scan, FailOn::Automated))
}

fn scan(engine: &Engine, args: &ScanArgs, terminal: &mut Terminal) -> anyhow::Result<Exit> {
    let filter = Filter {
        targets: args.narrow.targets.clone(),
        checks: args.narrow.check.clone(),
        sections: args.narrow.section.clone(),
        level: args.narrow.level,
        node_only: false,
    };
    let scan = engine.scan(&filter)?;
    match args.format {
        Format::Text => report::scan::write(&mut terminal.text(), &scan.report, terminal.look())?,
        Format::Json => {
            report::json::scan(&mut terminal.out(), &scan.report, &scan.unfinished)?;
        }
    }
    terminal.out().flush()?;
    for id in &scan.unfinished {
        terminal.complain(&format!(
            "transaction {id} did not end: run `kube-temper recover` before the next change"
        ));
    }
    Ok(scan_exit(&scan, args.fail_on))
}

/// 10 when something that counts fails or could not be read.
fn scan_exit(scan: &Scan, fail_on: FailOn) -> Exit {
    let counts = |finding: &Finding| match fail_on {
        FailOn::None => false,
        FailOn::Automated => automated_failure(finding),
        FailOn::Kt => automated_failure(finding) || finding.control.is_own(),
        FailOn::Any => {
            finding.mark.is_none() && matches!(finding.status, Status::Fail | Status::Error)
        }
    };
    if scan.report.findings.iter().any(counts) { Exit::Findings } else { Exit::Success }
}

fn automated_failure(finding: &Finding) -> bool {
    finding.counts_as_failure()
        || (finding.status == Status::Error
            && finding.assessment == crate::model::Assessment::Automated
            && !finding.control.is_own())
}

fn history(engine: &Engine, args: &HistoryArgs, terminal: &mut Terminal) -> anyhow::Result<Exit> {
    let history = engine.history()?;
    match args.format {
        Format::Text => report::history::write(&mut terminal.text(), &history, terminal.look())?,
        Format::Json => report::json::history(&mut terminal.out(), &history)?,
    }
    Ok(Exit::Success)
}

fn show(engine: &Engine, args: &ShowArgs, terminal: &mut Terminal) -> anyhow::Result<Exit> {
    let transaction = engine.transaction(&args.transaction)?;
    let look = terminal.look();
    match args.format {
        Format::Json => report::json::transaction(&mut terminal.out(), &transaction)?,
        Format::Text => {
            let mut out = terminal.text();
            report::history::write_one(&mut out, &transaction, look)?;
            if let Some(plan) = &transaction.plan {
                writeln!(out)?;
                report::plan::write(&mut out, plan, &engine.diff(plan, 3), look)?;
            }
        }
    }
    Ok(Exit::Success)
}
