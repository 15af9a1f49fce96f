//! Commands that change the node: show the diff, ask, apply, watch the journal, tell the outcome.

use std::{
    io::Write,
    path::{self, Path},
};

use super::{
    args::{ApplyArgs, Batch, Before, Format, PlanArgs, RecoverArgs, RollbackArgs},
    console::{Console as _, Gone, Stream},
    exit::Exit,
    open,
    prompt::Question,
    terminal::Terminal,
    usage, watch,
};
use crate::{
    engine::{By, Engine, EngineError, Filter, RollbackPlan, Scan, Selection, Terms, Undo},
    model::{ControlId, Plan, Status, Tier},
    report,
};

/// `plan`: the diff, or the plan as JSON, on stdout; `-o` writes it for a later `apply`.
pub(super) fn plan(engine: &Engine, args: &PlanArgs, terminal: &Terminal) -> anyhow::Result<Exit> {
    let scan = engine.scan(&Filter::of_node())?;
    let plan = engine.plan(&scan, &selection(&args.check, args.max_risk))?;
    match args.format {
        Format::Json => report::json::document(&mut terminal.out(), &plan)?,
        Format::Text => {
            let diffs = engine.diff(&plan, args.context);
            report::plan::write(&mut terminal.text(), &plan, &diffs, terminal.look())?;
        }
    }
    if let Some(path) = &args.output {
        let text = serde_json::to_string_pretty(&plan)?;
        open::write_private(path, &text)?;
        terminal.say(&format!("plan written; run: kube-temper apply {}", path.display()))?;
    }
    if plan.is_empty() {
        terminal.say("nothing to change")?;
    }
    Ok(Exit::Success)
}

/// Chosen controls are planned whatever their risk, so that the limit can be named; all others up to it.
fn selection(check: &[ControlId], max_risk: Tier) -> Selection {
    if check.is_empty() { Selection::UpTo(max_risk) } else { Selection::Controls(check.to_vec()) }
}

/// `apply`.
pub(super) fn apply(
    engine: &Engine,
    args: &ApplyArgs,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    if args.safe {
        return apply_safe_or_show(
            engine,
            args.batch,
            &terms(args.batch, &args.before)?,
            args.dry_run,
            terminal,
        );
    }
    let plan = match &args.plan {
        Some(path) => read_plan(path)?,
        None if args.check.is_empty() => {
            return Err(usage(
                "say what to apply: a plan file, --check IDS, or --safe; `kube-temper plan` shows what there is",
            ));
        }
        None => {
            let scan = engine.scan(&Filter::of_node())?;
            let plan = engine.plan(&scan, &selection(&args.check, args.max_risk))?;
            all_asked_is_planned(&scan, &plan)?;
            plan
        }
    };
    within(&plan, args.max_risk, args.batch.max_restarts)?;
    let terms = Terms {
        // Batch: the gates alone decide.
        confirm_within: terminal.may_ask().then_some(args.confirm_timeout),
        ..terms(args.batch, &args.before)?
    };
    carry_out(engine, &plan, &terms, args.dry_run, terminal)
}

/// What was asked of the checks before the first write; nobody is asked afterwards.
fn terms(batch: Batch, before: &Before) -> anyhow::Result<Terms> {
    let etcd_snapshot = match &before.etcd_snapshot {
        // The process that reads it may have another working directory.
        Some(path) => match path::absolute(path)?.to_str() {
            Some(path) => Some(path.to_owned()),
            None => return Err(usage("the name of the snapshot is not UTF-8: give it another")),
        },
        None => None,
    };
    Ok(Terms {
        confirm_within: None,
        allow_single: batch.allow_single,
        rehearse: !before.no_rehearsal,
        include_pending: before.include_pending,
        etcd_snapshot,
    })
}

/// The limits of a run hold for a roll back too: it restarts the same components.
fn within(plan: &Plan, max_risk: Tier, max_restarts: Option<usize>) -> Result<(), EngineError> {
    if let Some(tier) = plan.tier().filter(|tier| *tier > max_risk) {
        return Err(EngineError::Refused(format!(
            "the plan has risk {tier}; raise the limit with --max-risk {tier} after reading `kube-temper explain`"
        )));
    }
    let restarts = plan.steps.iter().filter(|step| step.target.restarts().is_some()).count();
    if let Some(most) = max_restarts.filter(|most| restarts > *most) {
        return Err(EngineError::Refused(format!(
            "the plan restarts {restarts} components, --max-restarts allows {most}"
        )));
    }
    Ok(())
}

/// A control that was named and is not in the plan is a refusal, unless it is right already.
fn all_asked_is_planned(scan: &Scan, plan: &Plan) -> Result<(), EngineError> {
    let reasons: Vec<String> = plan
        .left
        .iter()
        .filter(|left| {
            scan.report.finding(&left.control).is_none_or(|finding| finding.status != Status::Pass)
        })
        .map(|left| format!("{}: {}", left.control, left.reason))
        .collect();
    if reasons.is_empty() { Ok(()) } else { Err(EngineError::Refused(reasons.join("; "))) }
}

fn read_plan(path: &Path) -> anyhow::Result<Plan> {
    let text = open::read_text(path)
        .map_err(|error| EngineError::Usage(format!("plan {}: {error}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| {
        EngineError::Usage(format!(
            "plan {}: {error}; make a new one with `kube-temper plan -o FILE`",
            path.display()
        ))
        .into()
    })
}

/// `--apply-safe`.
pub(super) fn apply_safe(
    engine: &Engine,
    batch: Batch,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let terms = Terms { allow_single: batch.allow_single, ..Terms::default() };
    apply_safe_or_show(engine, batch, &terms, false, terminal)
}

fn apply_safe_or_show(
    engine: &Engine,
    batch: Batch,
    terms: &Terms,
    dry_run: bool,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let scan = engine.scan(&Filter::of_node())?;
    let selection =
        Selection::Safe { allow_single: batch.allow_single, max_restarts: batch.max_restarts };
    let plan = engine.plan(&scan, &selection)?;
    let mut out = terminal.text();
    report::plan::write(&mut out, &plan, &engine.diff(&plan, 3), terminal.look())?;
    if plan.is_empty() {
        terminal.say("nothing safe is left to apply")?;
        return Ok(Exit::Success);
    }
    if dry_run {
        engine.check_apply(&plan, terms)?;
        return Ok(Exit::Success);
    }
    watch::to_the_end(engine, engine.apply(&plan, terms)?, terminal)
}

fn carry_out(
    engine: &Engine,
    plan: &Plan,
    terms: &Terms,
    dry_run: bool,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    report::plan::write(&mut terminal.text(), plan, &engine.diff(plan, 3), terminal.look())?;
    if plan.is_empty() {
        terminal.say("nothing to change")?;
        return Ok(Exit::Success);
    }
    if dry_run {
        engine.check_apply(plan, terms)?;
        return Ok(Exit::Success);
    }
    if !agreed(plan, "Apply this", terminal)? {
        terminal.say("nothing was written")?;
        return Ok(Exit::Refused);
    }
    watch::to_the_end(engine, engine.apply(plan, terms)?, terminal)
}

/// Asks on a terminal; in batch `--yes` has said it already.
fn agreed(plan: &Plan, what: &str, terminal: &Terminal) -> anyhow::Result<bool> {
    if terminal.assume_yes() {
        return Ok(true);
    }
    if !terminal.may_ask() {
        return Err(usage("there is nobody to ask here: add --yes after reading the diff"));
    }
    let mut console = terminal.console(Stream::Err, usize::MAX)?;
    match Question::for_plan(plan).ask(what, &mut console) {
        Err(Gone::Interrupted) => {
            writeln!(console.out(), "\nnothing was written")?;
            watch::interrupted(console).map(|_| false)
        }
        Err(Gone::Ended) => Ok(false),
        answer => Ok(answer?),
    }
}

/// `rollback`.
pub(super) fn rollback(
    engine: &Engine,
    args: &RollbackArgs,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let undo = match (&args.transaction, &args.check) {
        (Some(id), _) => Undo::Transaction(id.clone()),
        (None, Some(control)) => Undo::Control(control.clone()),
        (None, None) if args.all => Undo::All,
        (None, None) => Undo::Last,
    };
    let rollback = engine.plan_rollback(&undo)?;
    let RollbackPlan { plan, .. } = &rollback;
    report::plan::write(&mut terminal.text(), plan, &engine.diff(plan, 3), terminal.look())?;
    let mut out = terminal.text();
    for note in &rollback.notes {
        writeln!(out, "{note}")?;
    }
    if let Some(why) = rollback.refusal() {
        return Err(EngineError::Refused(why).into());
    }
    within(plan, args.max_risk, args.batch.max_restarts)?;
    let terms = terms(args.batch, &args.before)?;
    if plan.is_empty() {
        terminal.say("nothing of it is left in place")?;
        if !args.dry_run {
            let id = engine.note_rollback(&rollback)?;
            terminal.say(&format!("noted as undone by {id}"))?;
        }
        return Ok(Exit::Success);
    }
    if args.dry_run {
        engine.check_rollback(&rollback, &terms)?;
        return Ok(Exit::Success);
    }
    if !agreed(plan, "Put this back", terminal)? {
        terminal.say("nothing was written")?;
        return Ok(Exit::Refused);
    }
    watch::to_the_end(engine, engine.rollback(&rollback, &terms)?, terminal)
}

/// `recover`.
pub(super) fn recover(
    engine: &Engine,
    args: &RecoverArgs,
    terminal: &Terminal,
) -> anyhow::Result<Exit> {
    let by = match (args.boot, args.timer) {
        (true, _) => By::Boot,
        (_, true) => By::Timer,
        _ => By::Person,
    };
    let recovered = match &args.transaction {
        Some(id) => engine.recover_one(by, id)?.into_iter().collect(),
        None => engine.recover(by)?,
    };
    let mut out = terminal.text();
    if recovered.is_empty() {
        writeln!(out, "nothing to recover")?;
    }
    let mut worst = Exit::Success;
    for (id, outcome) in &recovered {
        write!(out, "{id}  ")?;
        report::history::write_outcome(&mut out, outcome, terminal.look())?;
        if Exit::from(outcome) == Exit::Stuck {
            worst = Exit::Stuck;
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_controls_are_planned_whatever_their_risk() {
        let id: ControlId = "1.2.30".parse().unwrap();
        assert!(
            matches!(selection(std::slice::from_ref(&id), Tier::R0), Selection::Controls(ids) if ids == [id.clone()])
        );
        assert!(matches!(selection(&[], Tier::R1), Selection::UpTo(Tier::R1)));
    }
}
