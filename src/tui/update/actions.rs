//! What each action does to the model.

use std::{sync::Arc, time::Duration};

use super::{TABS, moves, tab};
use crate::{
    engine::{Answer, Undo},
    model::{ControlId, Tier},
    tui::{
        disabled,
        keys::Action,
        message::Effect,
        model::{
            Allowance, Confirm, Consent, Facet, Filter, Findings, Interruption, Leaving, List,
            LogPane, Model, Narrow, Objects, Overlay, Pane, Progress, Review, Screen, Tone, Write,
            findings_offered,
        },
        view::{self, Place},
    },
};

/// How much more time one key gives.
const MORE: Duration = Duration::from_secs(5 * 60);

/// Does it. The table has already asked whether it can be done.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Up
        | Action::Down
        | Action::PageUp
        | Action::PageDown
        | Action::HalfUp
        | Action::HalfDown
        | Action::Top
        | Action::Bottom => moves::go(model, action),
        Action::Open => return open(model),
        Action::Back => return back(model),
        Action::Pane => {
            model.focus = match model.focus {
                Pane::First => Pane::Second,
                Pane::Second => Pane::First,
            };
        }
        Action::Findings => model.show(Screen::Findings),
        Action::Plan => return show_plan(model),
        Action::History => return show_history(model),
        Action::Health => return show_health(model),
        Action::NextScreen => return turn(model, 1),
        Action::PreviousScreen => return turn(model, TABS.len() - 1),
        Action::Search => {
            let before = model.search().to_owned();
            model.overlays.push(Overlay::Search { before });
        }
        Action::Filter => {
            let cursor =
                Filter::ALL.iter().position(|(_, f, _)| *f == model.findings.filter).unwrap_or(0);
            model.overlays.push(Overlay::Filter { cursor });
        }
        Action::Mark => mark(model),
        Action::MarkSafe => mark_safe(model),
        Action::Unmark => model.findings.marked.clear(),
        Action::Diff => return diff(model),
        Action::Explain => model.overlays.push(Overlay::Explain { scroll: 0 }),
        Action::Objects => model.overlays.push(Overlay::Objects(Objects::default())),
        Action::MoreContext => return context(model, 1),
        Action::LessContext => return context(model, -1),
        Action::NextHunk => moves::jump(model, Place::Hunk, true),
        Action::PreviousHunk => moves::jump(model, Place::Hunk, false),
        Action::NextFile => moves::jump(model, Place::File, true),
        Action::PreviousFile => moves::jump(model, Place::File, false),
        Action::Apply => return apply(model),
        Action::UndoLast => return plan_undo(model, Undo::Last),
        Action::Undo => return undo(model),
        Action::Recover => recover(model),
        Action::KeepChange => {
            if let Some(id) = model.undecided().cloned() {
                ask(model, Write::Keep(id), Consent::default());
            }
        }
        Action::AllowPending => return allow(model, Allowance::Pending),
        Action::AllowSingle => return allow(model, Allowance::Single),
        Action::SkipRehearsal => return allow(model, Allowance::Unrehearsed),
        Action::Rescan => return rescan(model),
        Action::Confirm => return confirmed(model),
        Action::Keep => return answer(model, Answer::Keep),
        Action::PutBack => return answer(model, Answer::Revert { allow_single: false }),
        Action::MoreTime => return answer(model, Answer::More(MORE)),
        Action::Log if model.log_pane().is_some() => {
            model.overlays.pop();
        }
        Action::Log => model.overlays.push(Overlay::Log(LogPane::default())),
        Action::Copy => copy(model),
        Action::Page => match view::to_page(model) {
            Some(text) => model.interruption = Some(Interruption::Page(text)),
            None => model.say(Tone::Plain, "there is nothing here to show yet"),
        },
        Action::Help => model.overlays.push(Overlay::Help { scroll: 0 }),
        Action::Suspend => model.interruption = Some(Interruption::Suspend),
        Action::Quit => model.leaving = Some(Leaving::Quit),
        Action::QuitWithSummary => model.leaving = Some(Leaving::QuitWithSummary),
    }
    Vec::new()
}

/// Leaves a request; the process that carries the change out takes it, and its journal answers.
fn answer(model: &mut Model, answer: Answer) -> Vec<Effect> {
    let Some(id) = model.progress.as_ref().and_then(|progress| progress.id.clone()) else {
        return Vec::new();
    };
    if let Some(countdown) = model.countdown_mut() {
        countdown.asked = Some(answer);
    }
    vec![Effect::Answer(id, answer)]
}

/// What goes into one sequence of a terminal: 100,000 bytes is where many end, in base64 that is three quarters.
const LARGEST_COPY: usize = 74_000;

fn copy(model: &mut Model) {
    let Some(text) = view::to_copy(model) else {
        return model.say(Tone::Plain, "there is nothing here to copy yet");
    };
    if text.len() > LARGEST_COPY {
        let size = text.len() / 1000;
        return model.say(
            Tone::Warn,
            format!("{size} kB are more than a terminal's clipboard takes: o shows it in a pager"),
        );
    }
    let lines = text.lines().count();
    let plural = if lines == 1 { "" } else { "s" };
    model.say(Tone::Good, format!("copied {lines} line{plural} to the terminal's clipboard"));
    model.interruption = Some(Interruption::Copy(text));
}

fn current(model: &Model) -> Option<ControlId> {
    let scan = model.scan.as_ref()?;
    model.findings.current(scan).map(|finding| finding.control.clone())
}

/// Changes what is listed, and keeps the cursor on the finding it is on.
pub(super) fn narrow(model: &mut Model, change: impl FnOnce(&mut Findings)) {
    let at = current(model);
    change(&mut model.findings);
    if let Some(scan) = model.scan.clone() {
        model.findings.stay_on(at.as_ref(), &scan);
    }
}

/// Looks for another text in what is in sight: the log, the objects, the findings.
pub(super) fn search(model: &mut Model, text: &str) {
    if let Some(pane) = model.log_pane_mut() {
        text.clone_into(&mut pane.filter);
    } else if let Some(objects) = model.objects_mut() {
        *objects = Objects { search: text.to_owned(), ..Objects::default() };
    } else {
        narrow(model, |findings| text.clone_into(&mut findings.search));
    }
}

fn open(model: &mut Model) -> Vec<Effect> {
    match model.overlays.last() {
        Some(Overlay::Search { .. }) => {
            model.overlays.pop();
            return Vec::new();
        }
        Some(Overlay::Filter { cursor }) => {
            let place = *cursor;
            match (Filter::ALL.get(place), Facet::ALL.get(place.wrapping_sub(Filter::ALL.len()))) {
                (Some((_, filter, _)), _) => choose_filter(model, *filter),
                (None, Some((_, facet, _))) => turn_facet(model, *facet),
                (None, None) => {}
            }
            return Vec::new();
        }
        _ => {}
    }
    match model.screen {
        Screen::Findings => {
            model.overlays.push(Overlay::Explain { scroll: 0 });
            Vec::new()
        }
        Screen::History => {
            let Some(id) = model.history.current().map(|entry| entry.id.clone()) else {
                return Vec::new();
            };
            model.opened = None;
            model.show(Screen::Transaction);
            vec![Effect::Transaction(id)]
        }
        _ => diff(model),
    }
}

fn choose_filter(model: &mut Model, filter: Filter) {
    model.overlays.pop();
    narrow(model, |findings| findings.filter = filter);
}

/// Goes on to the next value of a line of the menu, which stays open.
fn turn_facet(model: &mut Model, facet: Facet) {
    let Some(scan) = model.scan.clone() else { return };
    narrow(model, |findings| match facet {
        Facet::Sort => findings.sort = findings.sort.next(),
        facet => findings.narrow.turn(facet, &scan),
    });
}

/// Takes the choice that a character names in the filter menu.
pub(super) fn choose_filter_by_key(model: &mut Model, c: char) {
    let filter = Filter::ALL.iter().find(|(key, _, _)| *key == c);
    let facet = Facet::ALL.iter().position(|(key, _, _)| *key == c);
    match (filter, facet.and_then(|place| Some((place, Facet::ALL.get(place)?)))) {
        (Some((_, filter, _)), _) => choose_filter(model, *filter),
        (None, Some((place, (_, facet, _)))) => {
            turn_facet(model, *facet);
            if let Some(Overlay::Filter { cursor }) = model.overlays.last_mut() {
                *cursor = Filter::ALL.len() + place;
            }
        }
        (None, None) => {}
    }
}

fn back(model: &mut Model) -> Vec<Effect> {
    match model.overlays.pop() {
        Some(Overlay::Search { before }) => {
            search(model, &before);
            return Vec::new();
        }
        // As on the findings: first the search goes, then the table.
        Some(Overlay::Objects(objects)) if !objects.search.is_empty() => {
            model.overlays.push(Overlay::Objects(Objects::default()));
            return Vec::new();
        }
        Some(Overlay::Confirm(_)) => {
            model.say(Tone::Plain, "cancelled: nothing was written");
            return Vec::new();
        }
        Some(_) => return Vec::new(),
        None => {}
    }
    match model.screen {
        Screen::Findings if model.focus == Pane::Second => model.focus = Pane::First,
        Screen::Findings if !model.findings.search.is_empty() => {
            narrow(model, |findings| findings.search.clear());
        }
        Screen::Findings if model.findings.is_narrowed() => {
            narrow(model, |findings| {
                findings.filter = Filter::default();
                findings.narrow = Narrow::default();
            });
        }
        Screen::Findings => model.say(Tone::Plain, "q quits"),
        Screen::Undo | Screen::Transaction => model.show(Screen::History),
        Screen::Health if model.transaction_runs() => model.show(Screen::Progress),
        Screen::Plan | Screen::Outcome | Screen::History | Screen::Progress | Screen::Health => {
            model.show(Screen::Findings);
        }
    }
    Vec::new()
}

/// To the next numbered screen that has something to show.
fn turn(model: &mut Model, by: usize) -> Vec<Effect> {
    let mut place = tab(model.screen);
    for _ in TABS {
        place = (place + by) % TABS.len();
        match TABS.get(place) {
            Some(Screen::Plan) if disabled::plan(model).is_some() => {}
            Some(Screen::Plan) => return show_plan(model),
            Some(Screen::History) => return show_history(model),
            Some(Screen::Health) => return show_health(model),
            _ => {
                model.show(Screen::Findings);
                break;
            }
        }
    }
    Vec::new()
}

fn show_history(model: &mut Model) -> Vec<Effect> {
    model.show(Screen::History);
    vec![Effect::History]
}

/// What was seen earlier stays on the screen until the node has answered.
fn show_health(model: &mut Model) -> Vec<Effect> {
    model.show(Screen::Health);
    vec![Effect::Health]
}

/// Shows the plan of what is marked, and asks for it unless it is at hand.
pub(super) fn show_plan(model: &mut Model) -> Vec<Effect> {
    model.show(Screen::Plan);
    model.focus = Pane::Second;
    let at_hand = model.plan.as_ref().is_some_and(|review| {
        review.controls == model.findings.marked
            && !matches!(review.state, super::super::model::ReviewState::Failed(_))
    });
    if at_hand {
        // What stood in the way may be gone.
        if let Some(review) = &mut model.plan {
            review.forget_refusal();
        }
        return super::jobs::check(model);
    }
    let Some(scan) = model.scan.clone() else { return Vec::new() };
    let controls = model.findings.marked.clone();
    model.plan = Some(Review::loading(controls.clone()));
    vec![Effect::Plan { scan, controls, context: Review::CONTEXT }]
}

fn mark(model: &mut Model) {
    if let Some(id) = current(model) {
        if !model.findings.marked.remove(&id) {
            model.findings.marked.insert(id);
        }
        moves::go(model, Action::Down);
    }
}

fn mark_safe(model: &mut Model) {
    let Some(scan) = model.scan.clone() else { return };
    let safe: Vec<ControlId> = model
        .findings
        .visible(&scan)
        .into_iter()
        .filter(|f| f.mark.is_none() && findings_offered(f).is_some_and(|tier| tier <= Tier::R1))
        .map(|finding| finding.control.clone())
        .collect();
    model.say(Tone::Plain, format!("{} fixes of tier R0 and R1 are marked", safe.len()));
    model.findings.marked.extend(safe);
}

fn diff(model: &mut Model) -> Vec<Effect> {
    match model.screen {
        Screen::Findings => {
            let (Some(scan), Some(id)) = (model.scan.clone(), current(model)) else {
                return Vec::new();
            };
            let review = Review::loading([id].into());
            let controls = review.controls.clone();
            model.overlays.push(Overlay::Diff(Box::new(review)));
            vec![Effect::Plan { scan, controls, context: Review::CONTEXT }]
        }
        Screen::Transaction => {
            let Some(plan) = model.opened.as_ref().and_then(|(t, _)| t.plan.clone()) else {
                return Vec::new();
            };
            let review = Review::loading(std::collections::BTreeSet::new());
            model.overlays.push(Overlay::Diff(Box::new(review)));
            vec![Effect::Diff { plan: Arc::new(plan), context: Review::CONTEXT }]
        }
        _ => {
            if let Some(review) = model.review().cloned() {
                model.overlays.push(Overlay::Diff(Box::new(review)));
            }
            Vec::new()
        }
    }
}

fn context(model: &mut Model, by: isize) -> Vec<Effect> {
    let review = match model.overlays.last_mut() {
        Some(Overlay::Diff(review)) => Some(review.as_mut()),
        _ => match model.screen {
            Screen::Undo => model.undo.as_mut(),
            _ => model.plan.as_mut(),
        },
    };
    let Some(review) = review else { return Vec::new() };
    let context = review.context.saturating_add_signed(by).min(50);
    if context == review.context {
        return Vec::new();
    }
    review.context = context;
    let plan = match review.ready().map(|ready| &ready.write) {
        Some(Write::Apply(plan)) => Arc::clone(plan),
        Some(Write::Rollback(rollback)) => Arc::new(rollback.plan.clone()),
        _ => return Vec::new(),
    };
    vec![Effect::Diff { plan, context }]
}

fn apply(model: &mut Model) -> Vec<Effect> {
    if model.screen == Screen::Plan {
        ask_about_review(model);
        return Vec::new();
    }
    let effects = show_plan(model);
    model.say(Tone::Plain, "this is what would be written: A again asks whether to do it");
    effects
}

fn plan_undo(model: &mut Model, undo: Undo) -> Vec<Effect> {
    model.show(Screen::Undo);
    model.focus = Pane::Second;
    model.undo = Some(Review::loading_undo(undo.clone()));
    vec![Effect::PlanRollback { undo, context: Review::CONTEXT }]
}

fn undo(model: &mut Model) -> Vec<Effect> {
    let id = match model.screen {
        Screen::Undo => {
            ask_about_review(model);
            return Vec::new();
        }
        Screen::Transaction => model.opened.as_ref().map(|(t, _)| t.summary.id.0.clone()),
        _ => model.history.current().map(|entry| entry.id.0.clone()),
    };
    id.map_or_else(Vec::new, |id| plan_undo(model, Undo::Transaction(id)))
}

/// Asks about what was interrupted, else about the change that stayed.
fn recover(model: &mut Model) {
    if let Some(id) = model.puts_back().cloned() {
        let consent = model.put_back;
        ask(model, Write::PutBack(id), consent);
    } else {
        let interrupted = model.to_recover();
        ask(model, Write::Recover(interrupted), Consent::default());
    }
}

/// Allows something for the plan on the screen or the change that is put back, or takes that back.
fn allow(model: &mut Model, allowance: Allowance) -> Vec<Effect> {
    if !matches!(model.screen, Screen::Plan | Screen::Undo) {
        model.put_back.toggle(allowance);
        let given = model.put_back.gives(allowance);
        let word = if given { "allowed" } else { "not allowed any more" };
        model.say(Tone::Warn, format!("{word}: {}", allowance.words()));
        return Vec::new();
    }
    if let Some(review) = model.review_mut() {
        review.toggle(allowance);
    }
    super::jobs::check(model)
}

/// Opens the question before what the screen shows is written.
fn ask_about_review(model: &mut Model) {
    let Some(review) = model.review() else { return };
    let consent = review.consent;
    if let Some(write) = review.ready().map(|ready| ready.write.clone()) {
        ask(model, write, consent);
    }
}

/// Opens the question before a write.
fn ask(model: &mut Model, write: Write, consent: Consent) {
    model.overlays.push(Overlay::Confirm(Box::new(Confirm::new(write, consent))));
}

fn confirmed(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Confirm(confirm)) = model.overlays.pop() else { return Vec::new() };
    let effect = confirm.write.effect(confirm.consent);
    if confirm.write.only_noted() {
        return vec![effect];
    }
    model.put_back = Consent::default();
    model.progress = Some(Progress::new(confirm.write, model.now));
    model.show(Screen::Progress);
    vec![effect]
}

/// Reads the node again.
pub(super) fn rescan(model: &mut Model) -> Vec<Effect> {
    model.scanning = true;
    model.scan_error = None;
    model.history.list = List { offset: 0, ..model.history.list };
    let mut effects = vec![Effect::Scan, Effect::History];
    if model.screen == Screen::Health {
        effects.push(Effect::Health);
    }
    effects
}
