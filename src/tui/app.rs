//! The loop: a message in, the model changed, effects to the job thread, the screen drawn.
//!
//! Generic over the terminal, over where messages come from and over who does the jobs, so that tests
//! drive exactly what runs in production.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use ratatui::{
    Terminal,
    backend::Backend,
    layout::{Position, Rect},
};

use super::{
    ExitSummary, Options, TuiError,
    message::{Effect, JobMsg, Msg},
    model::{Ending, Interruption, Leaving, Model, Tone},
    update, view,
};
use crate::{
    engine::{EngineError, Log},
    model::{Outcome, TransactionId},
    node::{NodeKind, failpoint},
};

/// What the loop waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Jobs whose results are still to come.
    pub jobs: usize,
    /// Time matters: something is being watched.
    pub ticks: bool,
}

/// Where messages come from.
pub trait Source {
    /// What has happened, at least one thing; `None` gives the loop back to its caller.
    fn next(&mut self, wait: Wait) -> Option<Vec<Msg>>;
    /// Time since the start of the interface.
    fn now(&self) -> Duration;
    /// Gives the terminal to the shell and stands still until it calls the program back; `false` when
    /// there is no shell that would.
    fn suspend(&mut self) -> Result<bool, TuiError> {
        Ok(false)
    }
    /// Gives this to the terminal's clipboard, as far as it has one.
    fn copy(&mut self, text: &str) -> Result<(), TuiError> {
        let _ = text;
        Ok(())
    }
    /// Gives the terminal to a pager that shows this, until it ends; what went wrong, if anything did.
    fn page(&mut self, text: &str) -> Result<Option<String>, TuiError> {
        let _ = text;
        Ok(None)
    }
    /// Takes the terminal again after the program stood still without having given it back.
    fn resumed(&mut self) -> Result<(), TuiError> {
        Ok(())
    }
}

/// Who does the jobs, on the job thread.
pub trait Backstage: Send + 'static {
    /// Does one job.
    fn run(&mut self, effect: Effect) -> JobMsg;
    /// A job that only looks and may take long, to be done beside the others; `None` where it has to wait for them.
    fn aside(&self, effect: &Effect) -> Option<Look> {
        let _ = effect;
        None
    }
    /// Waits for the end of a transaction under way, if there is one.
    fn finish(&mut self) -> Option<(TransactionId, Result<Outcome, EngineError>)>;
}

/// A job on its own.
pub(super) type Look = Box<dyn FnOnce() -> JobMsg + Send>;

enum Order {
    Do(Effect),
    Finish(Sender<Finished>),
}

type Finished = Option<(TransactionId, Result<Outcome, EngineError>)>;

/// What is known of the node before it is read.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What kind of node this is.
    pub kind: NodeKind,
    /// Why nothing can be written.
    pub read_only: Option<String>,
}

/// The interface: a terminal, a model and a job thread.
#[derive(Debug)]
pub struct App<B: Backend> {
    terminal: Terminal<B>,
    model: Model,
    orders: Sender<Order>,
    log: Option<Log>,
    /// How much of the log the model has.
    logged: u64,
}

impl<B: Backend> App<B> {
    /// Starts the job thread and asks for the first scan. `messages` receives the results.
    pub fn new(
        terminal: Terminal<B>,
        backstage: impl Backstage,
        standing: Standing,
        options: Options,
        messages: Sender<Msg>,
    ) -> Result<Self, TuiError> {
        let size = terminal.size().map_err(TuiError::terminal)?;
        let (orders, inbox) = mpsc::channel();
        thread::Builder::new()
            .name("kube-temper job".to_owned())
            .spawn(move || work(backstage, &inbox, &messages))
            .map_err(TuiError::terminal)?;
        let model =
            Model::new(options, standing.kind, standing.read_only, (size.width, size.height));
        let mut app = Self { terminal, model, orders, log: None, logged: 0 };
        let effects = update::start(&mut app.model);
        app.order(effects)?;
        Ok(app)
    }

    /// What this log tells can be looked at.
    #[must_use]
    pub fn telling(mut self, log: Log) -> Self {
        self.log = Some(log);
        self
    }

    /// Runs until the user leaves, the program is told to leave, or the source gives the loop back.
    pub fn run(&mut self, source: &mut impl Source) -> Result<(), TuiError> {
        self.draw(source)?;
        while self.model.leaving.is_none() {
            let wait = Wait { jobs: self.model.jobs, ticks: update::wants_ticks(&self.model) };
            let Some(messages) = source.next(wait) else { break };
            for message in messages {
                self.take(message)?;
            }
            self.interrupt(source)?;
            self.draw(source)?;
        }
        Ok(())
    }

    /// Lets others use the terminal, or takes it back from them.
    fn interrupt(&mut self, source: &mut impl Source) -> Result<(), TuiError> {
        match self.model.interruption.take() {
            None => return Ok(()),
            Some(Interruption::Suspend) => {
                if !source.suspend()? {
                    self.model.say(Tone::Warn, "there is no shell here to go back to");
                    return Ok(());
                }
            }
            Some(Interruption::Resumed) => source.resumed()?,
            Some(Interruption::Copy(text)) => return source.copy(&text),
            Some(Interruption::Page(text)) => {
                if let Some(why) = source.page(&text)? {
                    self.model.say(Tone::Warn, why);
                }
            }
        }
        // Clears, and draws every cell next; `clear` would ask the terminal where its cursor is, and
        // the input thread would take the answer for keys.
        let size = self.terminal.size().map_err(TuiError::terminal)?;
        self.terminal.resize(Rect::from((Position::ORIGIN, size))).map_err(TuiError::terminal)
    }

    /// The user has left, or the program was told to.
    pub fn has_left(&self) -> bool {
        self.model.leaving.is_some()
    }

    /// The terminal, to look at what is on it.
    pub fn terminal(&self) -> &Terminal<B> {
        &self.terminal
    }

    /// The terminal, to change its size.
    pub fn terminal_mut(&mut self) -> &mut Terminal<B> {
        &mut self.terminal
    }

    fn take(&mut self, message: Msg) -> Result<(), TuiError> {
        let effects = update::update(&mut self.model, message);
        self.order(effects)
    }

    fn order(&mut self, effects: Vec<Effect>) -> Result<(), TuiError> {
        effects
            .into_iter()
            .try_for_each(|effect| self.orders.send(Order::Do(effect)))
            .map_err(|_| TuiError::Internal("the job thread has ended".to_owned()))
    }

    fn draw(&mut self, source: &impl Source) -> Result<(), TuiError> {
        self.terminal.autoresize().map_err(TuiError::terminal)?;
        let size = self.terminal.size().map_err(TuiError::terminal)?;
        if self.model.size != (size.width, size.height) {
            self.take(Msg::Resize(size.width, size.height))?;
        }
        if self.model.log_pane().is_some()
            && let Some(log) = &self.log
            && let Some(lines) = log.news(&mut self.logged)
        {
            self.take(Msg::Logged(lines))?;
        }
        let model = &self.model;
        self.terminal.draw(|frame| view::view(model, frame)).map_err(TuiError::terminal)?;
        failpoint::reached("screen-drawn");
        if update::wants_drawn(&self.model) {
            self.take(Msg::Drawn(source.now()))?;
        }
        Ok(())
    }

    /// Waits until a transaction under way has ended, unless a process of its own carries it out (it is never
    /// left alone half done), and tells what this session did. Call it when the terminal is the user's again.
    pub fn finish(self) -> ExitSummary {
        let mut transactions = self.model.ended.clone();
        let mut problems = Vec::new();
        let left_behind = self.model.left_behind().cloned();
        if self.model.transaction_runs() && left_behind.is_none() {
            let (answer, finished) = mpsc::channel();
            let _ = self.orders.send(Order::Finish(answer));
            match finished.recv() {
                Ok(Some((id, Ok(outcome)))) => transactions.push((id, outcome)),
                Ok(Some((id, Err(error)))) => problems.push(format!("{id}: {error}")),
                Ok(None) => {}
                Err(_) => problems.push("the job thread has ended".to_owned()),
            }
        }
        let mut lines = Vec::new();
        if self.model.leaving == Some(Leaving::QuitWithSummary) {
            lines = summary(&self.model);
        }
        if let Some(id) = left_behind {
            lines.push(format!(
                "{id} goes on without this terminal: 'kube-temper show {id}' tells how it ends, 'kube-temper confirm {id}' keeps it when it waits for that"
            ));
        }
        let told = match self.model.leaving {
            Some(Leaving::Told(why)) => Some(why),
            _ => None,
        };
        ExitSummary { transactions, told, lines, problems }
    }
}

/// What `Q` leaves on the terminal.
fn summary(model: &Model) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(scan) = &model.scan {
        let report = &scan.report;
        let score = report.score();
        lines.push(format!(
            "{} {}: {} automated controls pass, {} fail, {}",
            report.node,
            report.benchmark,
            score.pass,
            score.fail,
            score.percent().map_or("no score".to_owned(), |percent| format!("score {percent}%"))
        ));
    }
    for (id, outcome) in &model.ended {
        match outcome {
            Outcome::Committed => lines.push(format!("{id} committed")),
            Outcome::Refused { cause } => lines.push(format!("{id} refused: {cause}")),
            Outcome::RolledBack { cause, .. } => lines.push(format!("{id} rolled back: {cause}")),
            Outcome::Stuck { cause, by_hand, .. } => {
                lines.push(format!("{id} stuck: {cause}"));
                lines.extend(by_hand.iter().cloned());
            }
        }
    }
    if let Some(Ending::Refused(why)) = model.progress.as_ref().and_then(|p| p.ending.as_ref()) {
        lines.push(format!("refused, nothing was written: {why}"));
    }
    lines
}

/// The job thread: one job after the other, and beside them those that only look.
fn work(mut backstage: impl Backstage, inbox: &Receiver<Order>, messages: &Sender<Msg>) {
    for order in inbox {
        match order {
            Order::Do(effect) => {
                let during = effect.doing();
                let Some(look) = backstage.aside(&effect) else {
                    tell(messages, during, || backstage.run(effect));
                    continue;
                };
                let its = messages.clone();
                let beside = thread::Builder::new().name("kube-temper look".to_owned());
                if let Err(error) = beside.spawn(move || tell(&its, during, look)) {
                    let message = error.to_string();
                    let _ = messages.send(Msg::Job(JobMsg::Panicked { during, message }));
                }
            }
            Order::Finish(answer) => {
                let finished =
                    catch_unwind(AssertUnwindSafe(|| backstage.finish())).unwrap_or_default();
                let _ = answer.send(finished);
            }
        }
    }
}

/// Does a job and tells its result, also when it is a bug.
fn tell(messages: &Sender<Msg>, during: &'static str, job: impl FnOnce() -> JobMsg) {
    let result = catch_unwind(AssertUnwindSafe(|| {
        failpoint::reached("job-begun");
        job()
    }))
    .unwrap_or_else(|panic| JobMsg::Panicked { during, message: said(panic.as_ref()) });
    // Nobody may look any more; a transaction under way is still waited for.
    let _ = messages.send(Msg::Job(result));
}

/// What a panic said.
pub(super) fn said(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A node whose health is told when somebody lets it.
    struct Slow(Mutex<Option<Receiver<()>>>);

    fn nothing() -> EngineError {
        EngineError::Internal(String::new())
    }

    impl Backstage for Slow {
        fn run(&mut self, _: Effect) -> JobMsg {
            JobMsg::Polled(Err(nothing()))
        }

        fn aside(&self, effect: &Effect) -> Option<Look> {
            let let_go = self.0.lock().unwrap().take_if(|_| matches!(effect, Effect::Health))?;
            Some(Box::new(move || {
                let_go.recv_timeout(LONG).unwrap();
                JobMsg::Health(Err(nothing()))
            }))
        }

        fn finish(&mut self) -> Finished {
            None
        }
    }

    /// An answer to a countdown must not wait behind a look at a node that does not answer.
    #[test]
    fn a_look_that_takes_long_keeps_nobody_waiting() {
        let ((let_go, slow), (orders, inbox)) = (mpsc::channel(), mpsc::channel());
        let (messages, told) = mpsc::channel();
        let worker = thread::spawn(move || work(Slow(Mutex::new(Some(slow))), &inbox, &messages));
        orders.send(Order::Do(Effect::Health)).unwrap();
        orders.send(Order::Do(Effect::Poll)).unwrap();
        assert!(matches!(told.recv_timeout(LONG), Ok(Msg::Job(JobMsg::Polled(_)))));
        let_go.send(()).unwrap();
        assert!(matches!(told.recv_timeout(LONG), Ok(Msg::Job(JobMsg::Health(_)))));
        drop(orders);
        worker.join().unwrap();
    }
}
