//! The command line, as clap sees it. Help, completions and the manual page come from here.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::{
    model::{BenchmarkId, ControlId, Level, Target, Tier},
    node::host::CONFINED,
    report,
};

/// Shown at the end of `--help`; pinned by a test, because scripts depend on it.
pub const EXIT_CODES: &str = "\
Exit codes:
   0  scan: no automated control fails; apply, rollback: all that was asked is done
   1  internal error
   2  wrong usage, or a broken file given on the command line
   3  nothing here to judge, or the Kubernetes version is unknown (give --benchmark)
   4  not enough rights
   5  another run holds the lock
  10  scan: findings remain
  20  refused before any write (stale plan, layout, unfinished transaction)
  21  a change was rolled back; the node is as before
  22  not confirmed in time: put back, and healthy
  30  rollback failed or health unknown: a person is needed";

/// Find what is soft on a Kubernetes node, see the diff of the fix, apply it, put it back.
///
/// Without a command on a terminal: the terminal interface.
#[derive(Debug, Parser)]
#[command(
    name = "kube-temper",
    version,
    after_help = EXIT_CODES,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Apply every fix that is safe without asking (R0, R1; R2 with --allow-single). Batch: no prompts.
    #[arg(long)]
    pub apply_safe: bool,

    /// Limits of --apply-safe.
    #[command(flatten)]
    pub batch: Batch,

    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own on the command line")]
pub struct Global {
    /// Look at this directory instead of /; read only unless --offline is given too.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub root: Option<PathBuf>,

    /// The --root is an image or a recording: its files decide, and they may be changed.
    #[arg(long, global = true, requires = "root", help_heading = "Global options")]
    pub offline: bool,

    /// Where backups and journals are kept [default: /var/lib/kube-temper below the root].
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub state_dir: Option<PathBuf>,

    /// Changes are carried out by a process of their own, as on a live node (for tests).
    #[arg(long, global = true, requires = "offline", hide = true)]
    pub guarded: bool,

    /// Judge the cluster by this kubeconfig instead of the node's own; its credential plugins may run.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub kubeconfig: Option<PathBuf>,

    /// Write nothing, whatever is asked.
    #[arg(long, global = true, help_heading = "Global options")]
    pub read_only: bool,

    /// Numbering to use instead of the one that fits the Kubernetes version (cis-1.7 … cis-1.12, cis-2.0, cis-2.1).
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub benchmark: Option<BenchmarkId>,

    /// Controls from this folder instead of the built-in ones.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub remediations: Option<PathBuf>,

    /// Colour: by itself on terminals, always, or never.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = Color::Auto,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    pub color: Color,

    /// What stands for good and bad: green and red, or blue and yellow for eyes that confuse those.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t = Theme::Default,
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub theme: Theme,

    /// Talk line by line instead of drawing screens: for screen readers and serial consoles. Chosen by itself where
    /// TERM is dumb or not set.
    #[arg(long, global = true, help_heading = "Global options")]
    pub line: bool,

    /// Draw with ASCII characters only.
    #[arg(long, global = true, help_heading = "Global options")]
    pub ascii: bool,

    /// Say less.
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,

    /// Say more: every finding with its evidence.
    #[arg(
        short,
        long,
        global = true,
        action = ArgAction::Count,
        conflicts_with = "quiet",
        help_heading = "Global options"
    )]
    pub verbose: u8,

    /// Never ask; fail where a question would be needed.
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_input: bool,

    /// Answer yes to every question (apply and rollback still stop at --max-risk).
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub yes: bool,
}

/// Colours by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Theme {
    Default,
    Colorblind,
}

impl From<Theme> for report::Theme {
    fn from(theme: Theme) -> Self {
        match theme {
            Theme::Default => Self::Default,
            Theme::Colorblind => Self::Colorblind,
        }
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Limits of a batch run.
#[derive(Debug, Clone, Copy, Args)]
pub struct Batch {
    /// Restart an API server, its kubelet or etcd although no other API server is known to be healthy.
    #[arg(long)]
    pub allow_single: bool,

    /// Restart at most this many components.
    #[arg(long, value_name = "N")]
    pub max_restarts: Option<usize>,
}

/// What is looked at before the first write.
#[derive(Debug, Clone, Args)]
pub struct Before {
    /// Do not start the planned API server beside the real one first.
    #[arg(long)]
    pub no_rehearsal: bool,

    /// Let changes of others take effect too, that wait for the next restart of the same component.
    #[arg(long)]
    pub include_pending: bool,

    /// For what touches etcd (R4): check and rely on this snapshot, made by `etcdctl snapshot save` in the last
    /// 15 minutes, instead of asking etcd for one.
    #[arg(long, value_name = "FILE")]
    pub etcd_snapshot: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try everything on a built-in recorded node with a simulated kubelet; touches nothing real.
    Demo,
    /// Judge this node.
    Scan(ScanArgs),
    /// Show what fixes would change, as a diff.
    Plan(PlanArgs),
    /// Apply fixes, with backups.
    Apply(ApplyArgs),
    /// List every change made here, latest first.
    History(HistoryArgs),
    /// Show one change in full.
    Show(ShowArgs),
    /// Put back what was changed.
    Rollback(RollbackArgs),
    /// Finish or undo a change that was interrupted.
    Recover(RecoverArgs),
    /// Keep a change that waits for it.
    Confirm(ConfirmArgs),
    /// Put back a change that waits to be kept.
    Revert(RevertArgs),
    /// More time to decide whether a change is kept.
    Extend(ExtendArgs),
    /// Carry out a prepared transaction: started by apply and rollback.
    #[command(hide = true)]
    Guard(GuardArgs),
    /// Write objects for the cluster as YAML, with what each may break; applies nothing.
    Export(ExportArgs),
    /// Why a control matters, what its fix changes and may break, how it is undone; and who has a right.
    Explain(ExplainArgs),
    /// Becomes the program on standard input with what the order allows: how this program tries others.
    #[command(name = CONFINED, hide = true)]
    Confined {
        /// The confinement, as JSON.
        order: String,
    },
}

/// Which controls.
#[derive(Debug, Clone, Default, Args)]
pub struct Narrow {
    /// Only these targets, as kube-bench names them: master, node, etcd, controlplane, policies.
    #[arg(short = 's', long, value_delimiter = ',', value_name = "TARGETS")]
    pub targets: Vec<Target>,

    /// Only these controls: 1.2.15,4.1.1
    #[arg(short = 'c', long, value_delimiter = ',', value_name = "IDS")]
    pub check: Vec<ControlId>,

    /// Only these sections: 1.2,4
    #[arg(long, value_delimiter = ',', value_name = "SECTIONS")]
    pub section: Vec<String>,

    /// Only controls up to this CIS level.
    #[arg(long, value_name = "1|2", value_parser = parse_level)]
    pub level: Option<Level>,
}

fn parse_level(text: &str) -> Result<Level, String> {
    text.parse::<u8>().map_err(|_| "a CIS level is 1 or 2".to_owned()).and_then(Level::try_from)
}

fn parse_tier(text: &str) -> Result<Tier, String> {
    match text.to_ascii_uppercase().as_str() {
        "R0" => Ok(Tier::R0),
        "R1" => Ok(Tier::R1),
        "R2" => Ok(Tier::R2),
        "R3" => Ok(Tier::R3),
        "R4" => Ok(Tier::R4),
        _ => Err("a risk is one of R0, R1, R2, R3, R4".to_owned()),
    }
}

/// How findings and plans are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Format {
    Text,
    Json,
}

/// What makes a scan exit with 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// An automated control fails or cannot be read.
    Automated,
    /// Any control fails or cannot be read.
    Any,
    /// As automated, and our own findings (KT-…).
    Kt,
    /// Nothing.
    None,
}

/// Options of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Which controls.
    #[command(flatten)]
    pub narrow: Narrow,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// What makes the exit code 10.
    #[arg(long, value_enum, default_value_t = FailOn::Automated, value_name = "WHAT")]
    pub fail_on: FailOn,
}

/// Options of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Fix these controls; without it every fix up to --max-risk.
    #[arg(short = 'c', long, value_delimiter = ',', value_name = "IDS")]
    pub check: Vec<ControlId>,

    /// Highest risk to plan.
    #[arg(long, value_parser = parse_tier, default_value = "R2", value_name = "R0..R4")]
    pub max_risk: Tier,

    /// Write the plan to this file (mode 0600) for `apply FILE`.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Lines of context around each change.
    #[arg(long, default_value_t = 3, value_name = "LINES")]
    pub context: usize,
}

/// Options of `apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A plan made by `plan -o`; applied exactly, or refused when the node has changed since.
    #[arg(value_name = "PLAN.JSON", conflicts_with_all = ["check", "safe"])]
    pub plan: Option<PathBuf>,

    /// Fix these controls.
    #[arg(short = 'c', long, value_delimiter = ',', value_name = "IDS")]
    pub check: Vec<ControlId>,

    /// As --apply-safe.
    #[arg(long, conflicts_with_all = ["check", "max_risk"])]
    pub safe: bool,

    /// Highest risk to apply.
    #[arg(long, value_parser = parse_tier, default_value = "R2", value_name = "R0..R4")]
    pub max_risk: Tier,

    /// Show the diff, check all that is checked before the first write, and stop (no lock is taken).
    #[arg(long)]
    pub dry_run: bool,

    /// How long you may take to keep what restarted a component; then it is put back. Not with --yes.
    #[arg(long, value_parser = parse_time, default_value = "5m", value_name = "TIME")]
    pub confirm_timeout: Duration,

    /// Limits of a batch run.
    #[command(flatten)]
    pub batch: Batch,

    /// What is looked at before the first write.
    #[command(flatten)]
    pub before: Before,
}

/// Options of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Id of the transaction, or an unambiguous beginning of it.
    #[arg(value_name = "TXN")]
    pub transaction: String,

    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub struct RollbackArgs {
    /// Undo this transaction (id or unambiguous beginning of it).
    #[arg(value_name = "TXN", group = "which")]
    pub transaction: Option<String>,

    /// Undo the latest transaction.
    #[arg(long, group = "which")]
    pub last: bool,

    /// Undo what was done for this control.
    #[arg(short = 'c', long, value_name = "ID", group = "which")]
    pub check: Option<ControlId>,

    /// Undo everything.
    #[arg(long, group = "which")]
    pub all: bool,

    /// Highest risk to roll back: it restarts the same components as the change did.
    #[arg(long, value_parser = parse_tier, default_value = "R2", value_name = "R0..R4")]
    pub max_risk: Tier,

    /// Limits of the run.
    #[command(flatten)]
    pub batch: Batch,

    /// What is looked at before the first write.
    #[command(flatten)]
    pub before: Before,

    /// Show the diff, check all that is checked before the first write, and stop (no lock is taken).
    #[arg(long)]
    pub dry_run: bool,
}

/// A length of time as Go writes it: `90s`, `5m`, `1h30m`.
fn parse_time(text: &str) -> Result<Duration, String> {
    const EXAMPLES: &str = "write a number and its unit, as in 90s, 5m or 1h30m";
    let time: jiff::SignedDuration =
        text.parse().map_err(|_| format!("not a length of time: {EXAMPLES}"))?;
    match Duration::try_from(time) {
        Ok(time) if time.as_secs() > 0 => Ok(time),
        _ => Err(format!("less than a second leaves nobody time to answer: {EXAMPLES}")),
    }
}

/// Options of `confirm`.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// Id of the transaction, or an unambiguous beginning of it.
    #[arg(value_name = "TXN")]
    pub transaction: String,
}

/// Options of `revert`.
#[derive(Debug, Args)]
pub struct RevertArgs {
    /// Id of the transaction, or an unambiguous beginning of it.
    #[arg(value_name = "TXN")]
    pub transaction: String,

    /// Also one that stayed because another API server is down, while that still is so.
    #[arg(long)]
    pub allow_single: bool,
}

/// Options of `extend`.
#[derive(Debug, Args)]
pub struct ExtendArgs {
    /// Id of the transaction, or an unambiguous beginning of it.
    #[arg(value_name = "TXN")]
    pub transaction: String,

    /// How much more.
    #[arg(long, value_parser = parse_time, default_value = "5m", value_name = "TIME")]
    pub by: Duration,
}

/// Options of `guard`.
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// Id of the transaction.
    #[arg(value_name = "TXN")]
    pub transaction: String,

    /// Leave the terminal's session first, and start again in a new one.
    #[arg(long)]
    pub detach: bool,
}

/// Options of `recover`.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// Only this transaction (id or unambiguous beginning of it) [default: every one that was interrupted].
    #[arg(value_name = "TXN")]
    pub transaction: Option<String>,

    /// The machine starts and the kubelet does not run yet: put the files back, its start shows the rest.
    #[arg(long, conflicts_with = "root")]
    pub boot: bool,

    /// Started by the timer of a transaction: nothing that a person must decide is tried again.
    #[arg(long, hide = true, conflicts_with = "boot", requires = "transaction")]
    pub timer: bool,
}

/// Options of `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// For these controls [default: every one that has some].
    #[arg(short = 'c', long, value_delimiter = ',', value_name = "IDS")]
    pub check: Vec<ControlId>,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Number of the control.
    #[arg(value_name = "ID")]
    pub control: ControlId,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn kube_bench_spellings_are_accepted() {
        let cli = Cli::try_parse_from([
            "kube-temper",
            "scan",
            "--targets",
            "master,worker",
            "--check",
            "1.2.15,4.1.1",
        ])
        .unwrap();
        let Some(Command::Scan(scan)) = cli.command else { panic!("not a scan") };
        assert_eq!(scan.narrow.targets, [Target::Master, Target::Node]);
        assert_eq!(scan.narrow.check.len(), 2);
    }

    #[test]
    fn times_are_written_as_go_writes_them() {
        let seconds = |text: &str| parse_time(text).map(|time| time.as_secs());
        for (text, wanted) in [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1m30s", 90)] {
            assert_eq!(seconds(text), Ok(wanted), "{text}");
        }
        for (text, why) in [
            ("0", "not a length of time"),
            ("5", "not a length of time"),
            ("", "not a length of time"),
            ("0s", "less than a second"),
            ("100ms", "less than a second"),
            ("-5m", "less than a second"),
        ] {
            let error = seconds(text).unwrap_err();
            assert!(error.starts_with(why) && error.ends_with("as in 90s, 5m or 1h30m"), "{error}");
        }
    }

    #[test]
    fn a_rollback_says_what_to_undo_and_only_one_thing() {
        for (line, good) in [
            ("rollback --last", true),
            ("rollback --all", true),
            ("rollback --check 1.2.15", true),
            ("rollback 20261124", true),
            ("rollback", false),
            ("rollback --last --all", false),
            ("rollback 2026 --check 1.2.15", false),
            ("rollback --last --dry-run", true),
            ("--offline scan", false),
        ] {
            let words = std::iter::once("kube-temper").chain(line.split(' '));
            assert_eq!(Cli::try_parse_from(words).is_ok(), good, "{line}");
        }
    }
}
