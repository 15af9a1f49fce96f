//! Floor 8: the terminal interface.
//!
//! `update` takes messages into the model and asks for effects; it has no I/O and no clock. `view`
//! draws the model and changes nothing. One thread reads the terminal, at most one does jobs through
//! the engine, and everything arrives on one channel ([`App`]). Nothing here touches the node, and
//! nothing is written without a plan that was on the screen and a question that was answered.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
};

use crate::{
    engine::Engine,
    model::{Outcome, TransactionId},
};

mod app;
mod disabled;
mod jobs;
mod keys;
mod message;
mod model;
mod pager;
mod terminal;
#[cfg(test)]
mod tests;
mod update;
mod view;

pub use crate::report::Theme;
pub use app::{App, Backstage, Source, Standing, Wait};
pub use jobs::EngineJobs;
pub use keys::{Action, key_table};
pub use message::{Begun, Effect, Intent, JobMsg, Msg, Planned, Polled};
pub use pager::Pager;

/// How the interface looks. Whoever reads the environment decides (`NO_COLOR`, locale, `TERM`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Sixteen colours; without, none at all.
    pub color: bool,
    /// Plain characters only.
    pub ascii: bool,
    /// Which colours stand for good and bad.
    pub theme: Theme,
}

/// What a session did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExitSummary {
    /// Its transactions with their outcomes, oldest first.
    pub transactions: Vec<(TransactionId, Outcome)>,
    /// Why it ended, when the user did not end it: `SIGTERM`.
    pub told: Option<String>,
    /// What the user asked to be left on the terminal (`Q`).
    pub lines: Vec<String>,
    /// What went wrong behind the screen, to be told on stderr.
    pub problems: Vec<String>,
}

/// The interface could not start or go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TuiError {
    /// The terminal failed.
    #[error("the terminal failed: {0} (the command line works without one: kube-temper scan)")]
    Terminal(String),
    /// A bug of this program.
    #[error("internal error in the terminal interface: {0}")]
    Internal(String),
}

impl TuiError {
    fn terminal(error: impl std::fmt::Display) -> Self {
        Self::Terminal(error.to_string())
    }
}

/// Runs the interface on this process's terminal until it is left. A transaction that is under way
/// then is waited for, with the terminal already given back.
pub fn run(engine: Engine, options: Options, pager: Pager) -> Result<ExitSummary, TuiError> {
    let standing = Standing { kind: engine.kind(), read_only: engine.read_only_reason() };
    let (sender, receiver) = mpsc::channel();
    let (guard, terminal) = terminal::Guard::enter()?;
    let mut events = terminal::Events::listen(sender.clone(), receiver, pager)?;
    let (engine, log) = engine.logged();
    let jobs = EngineJobs::new(engine).telling(log.clone());
    let mut app = App::new(terminal, jobs, standing, options, sender)?.telling(log);
    let result = catch_unwind(AssertUnwindSafe(|| app.run(&mut events)));
    let panics = guard.leave();
    let mut summary = app.finish();
    drop(events);
    summary.problems.extend(panics);
    match result {
        Ok(Ok(())) => Ok(summary),
        // A terminal that is gone ends the session as a signal does; what was done still counts.
        Ok(Err(error)) => {
            summary.told = Some(error.to_string());
            Ok(summary)
        }
        Err(panic) if summary.transactions.is_empty() => {
            Err(TuiError::Internal(app::said(panic.as_ref())))
        }
        Err(panic) => {
            summary.problems.push(app::said(panic.as_ref()));
            Ok(summary)
        }
    }
}
