//! Follows a transaction's journal to its end, and asks the person at the terminal whether it is kept.
//!
//! Nothing here carries a change out: whoever stops watching stops nothing.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use dialoguer::{Input, theme::SimpleTheme};
use signal_hook::{consts::SIGINT, flag, low_level};

use super::{exit::Exit, terminal::Terminal};
use crate::{
    engine::{Answer, Engine, Running},
    model::{Record, RecordKind},
    report,
};

/// What `more` gives.
const MORE: Duration = Duration::from_secs(5 * 60);

/// Watches a transaction that this command began.
pub(super) fn to_the_end(
    engine: &Engine,
    running: Running,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    terminal.say(&format!("transaction {}", running.id()))?;
    follow(engine, running, terminal, terminal.may_ask(), |_| false)
}

/// `confirm`, `revert`, `extend`: leaves the request and prints what the journal answers.
pub(super) fn answer(
    engine: &Engine,
    transaction: &str,
    answer: Answer,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let running = engine.answer(transaction, answer, terminal.user())?;
    let wants_more = matches!(answer, Answer::More(_));
    follow(engine, running, terminal, false, |record| {
        wants_more && matches!(record.kind, RecordKind::Extended { .. })
    })
}

/// Prints records until the transaction ends or `enough` has been seen.
fn follow(
    engine: &Engine,
    mut running: Running,
    terminal: &Terminal,
    ask: bool,
    enough: impl Fn(&Record) -> bool,
) -> anyhow::Result<Exit> {
    let look = terminal.look();
    let mut err = terminal.err();
    let interrupted = Arc::new(AtomicBool::new(false));
    if running.outlives_us() {
        flag::register(SIGINT, Arc::clone(&interrupted))?;
    }
    let (send, answers) = mpsc::channel();
    let mut sender = ask.then_some(send);
    loop {
        for record in running.poll()? {
            if !look.quiet {
                // The transaction does not depend on anyone reading along.
                let _ = report::history::write_record(&mut err, &record, look);
            }
            if enough(&record) {
                return Ok(Exit::Success);
            }
            if let RecordKind::Waiting { .. } = record.kind
                && let Some(sender) = sender.take()
            {
                std::thread::spawn(move || questions(&sender));
            }
        }
        if let Some(notice) = running.take_notice() {
            terminal.complain(&notice);
        }
        if let Some(outcome) = running.outcome() {
            report::history::write_outcome(&mut terminal.text(), outcome, look)?;
            return Ok(Exit::from(outcome));
        }
        for answer in answers.try_iter() {
            if let Err(error) = engine.answer(&running.id().0, answer, terminal.user()) {
                // It may have ended in this moment; the journal says so next.
                terminal.complain(&error.to_string());
            }
        }
        if interrupted.load(Ordering::SeqCst) {
            detached(&running.id().0, terminal)?;
        }
        running.rest();
    }
}

/// Ctrl-C ends the watching and nothing else.
fn detached(id: &str, terminal: &Terminal) -> io::Result<()> {
    writeln!(
        terminal.err(),
        "\nno longer watching; transaction {id} goes on without this command.\n\
         kube-temper show {id}     how it stands\n\
         kube-temper confirm {id}  keeps it, kube-temper revert {id} puts it back, while it waits"
    )?;
    // The shell is to see what any command that was interrupted shows.
    low_level::emulate_default_handler(SIGINT)
}

/// Asks on a thread of its own until there is a final answer, so that the journal is printed meanwhile. It
/// may never be answered: the process ends all the same.
fn questions(answers: &mpsc::Sender<Answer>) {
    loop {
        // Line by line: the terminal is never left in another mode.
        let answer = Input::<String>::with_theme(&SimpleTheme)
            .with_prompt("Keep it? Type keep, revert, or more (5 minutes)")
            .allow_empty(true)
            .interact();
        let Ok(answer) = answer else { return };
        let answer = match answer.trim() {
            "keep" => Answer::Keep,
            "revert" => Answer::Revert { allow_single: false },
            "more" => Answer::More(MORE),
            _ => continue,
        };
        let last = !matches!(answer, Answer::More(_));
        if answers.send(answer).is_err() || last {
            return;
        }
    }
}
