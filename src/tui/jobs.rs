//! Effects, done through the engine.

use std::sync::Arc;

use super::{
    app::{Backstage, Look},
    message::{Begun, Effect, Intent, JobMsg, Planned, Polled},
};
use crate::{
    engine::{By, Engine, EngineError, Filter, Log, Running, Selection, note_of_guard},
    model::{Outcome, TransactionId},
};

/// Who asks, for the journal.
const WHO: &str = "the terminal interface";

/// The job thread's side: the engine, and the transaction it is watching.
#[derive(Debug)]
pub struct EngineJobs {
    engine: Engine,
    running: Option<Running>,
    log: Option<Log>,
}

impl EngineJobs {
    /// Jobs for this engine.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, running: None, log: None }
    }

    /// What another process writes is told in this log.
    #[must_use]
    pub fn telling(mut self, log: Log) -> Self {
        self.log = Some(log);
        self
    }

    fn started(&mut self, running: Result<Running, EngineError>) -> JobMsg {
        JobMsg::Started(running.map(|running| {
            let begun = Begun { id: running.id().clone(), outlives_us: running.outlives_us() };
            self.running = Some(running);
            begun
        }))
    }

    fn poll(&mut self) -> Result<Polled, EngineError> {
        let Some(running) = &mut self.running else {
            return Err(EngineError::Internal("no transaction is under way".to_owned()));
        };
        let now = running.now();
        let records = running.poll()?;
        if let Some(log) = self.log.as_ref().filter(|_| running.outlives_us()) {
            note_of_guard(log, &records);
        }
        let notice = running.take_notice();
        let outcome = running.outcome().cloned();
        if outcome.is_some() {
            self.running = None;
        }
        Ok(Polled { now, records, notice, outcome })
    }
}

impl Backstage for EngineJobs {
    fn run(&mut self, effect: Effect) -> JobMsg {
        let engine = &self.engine;
        match effect {
            Effect::Scan => JobMsg::Scanned(engine.scan(&Filter::default()).map(Arc::new)),
            Effect::Plan { scan, controls, context } => {
                let chosen = Selection::Controls(controls.iter().cloned().collect());
                let result = engine.plan(&scan, &chosen).map(|plan| Planned {
                    diffs: engine.diff(&plan, context),
                    plan: Arc::new(plan),
                });
                JobMsg::Planned { controls, result }
            }
            Effect::Diff { plan, context } => {
                let diffs = engine.diff(&plan, context);
                JobMsg::Diffed { plan, context, diffs }
            }
            Effect::PlanRollback { undo, context } => {
                let result = engine.plan_rollback(&undo).map(|rollback| {
                    let diffs = engine.diff(&rollback.plan, context);
                    (Arc::new(rollback), diffs)
                });
                JobMsg::RollbackPlanned { undo, result }
            }
            Effect::Check(intent, terms) => {
                let result = match &intent {
                    Intent::Apply(plan) => engine.check_apply(plan, &terms),
                    Intent::Rollback(rollback) => engine.check_rollback(rollback, &terms),
                };
                JobMsg::Checked { question: (intent, terms), result }
            }
            Effect::Apply(plan, terms) => {
                let running = engine.apply(&plan, &terms);
                self.started(running)
            }
            Effect::Rollback(plan, terms) => {
                let running = engine.rollback(&plan, &terms);
                self.started(running)
            }
            Effect::Answer(id, answer) => {
                JobMsg::Answered(engine.answer(&id.0, answer, WHO).map(drop))
            }
            Effect::Decide(id, answer) => {
                let running = engine.answer(&id.0, answer, WHO);
                self.started(running)
            }
            Effect::NoteRollback(plan) => JobMsg::Noted(engine.note_rollback(&plan)),
            Effect::Recover => JobMsg::Recovered(engine.recover(By::Person)),
            Effect::Poll => JobMsg::Polled(self.poll()),
            Effect::History => JobMsg::History(engine.history()),
            Effect::Health => health(engine),
            Effect::Transaction(id) => JobMsg::Transaction(engine.transaction(&id.0).map(Box::new)),
        }
    }

    fn aside(&self, effect: &Effect) -> Option<Look> {
        // Whom it asks may not answer, and somebody may have a countdown to answer meanwhile.
        matches!(effect, Effect::Health).then(|| {
            let engine = self.engine.clone();
            let look: Look = Box::new(move || health(&engine));
            look
        })
    }

    fn finish(&mut self) -> Option<(TransactionId, Result<Outcome, EngineError>)> {
        let running = self.running.take()?;
        let id = running.id().clone();
        Some((id, running.wait(&mut |_| {})))
    }
}

fn health(engine: &Engine) -> JobMsg {
    JobMsg::Health(engine.health().map(Box::new))
}
