//! Verdicts, and how the verdicts on the places that hold a setting become one.
use crate::model::{Evidence, FoundObject, Source, Status};

use super::sides::{Side, SideKind};

/// How a control came out, before it is joined with what the control says of itself.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) status: Status,
    pub(super) reason: String,
    pub(super) evidence: Vec<Evidence>,
    /// Objects of the cluster, most dangerous first.
    pub(super) objects: Vec<FoundObject>,
    pub(super) drift: Option<String>,
}

impl Verdict {
    pub(super) fn new(status: Status, reason: impl Into<String>, evidence: Vec<Evidence>) -> Self {
        Self { status, reason: reason.into(), evidence, objects: Vec::new(), drift: None }
    }

    pub(super) fn not_applicable(reason: impl Into<String>) -> Self {
        Self::new(Status::NotApplicable, reason, Vec::new())
    }

    pub(super) fn manual(reason: impl Into<String>) -> Self {
        Self::new(Status::Manual, reason, Vec::new())
    }

    pub(super) fn error(reason: impl Into<String>, evidence: Vec<Evidence>) -> Self {
        Self::new(Status::Error, reason, evidence)
    }
}

/// How a setting came out in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Good,
    Bad,
    /// It should be readable and was not.
    Error,
    /// Only a person can tell.
    Manual,
}

impl State {
    pub(super) fn of(good: bool) -> Self {
        if good { Self::Good } else { Self::Bad }
    }
}

/// What one side says of a setting.
#[derive(Debug, Clone)]
pub(super) struct SideVerdict {
    pub(super) state: State,
    /// Why, as a clause: `--profiling=true, wanted false`.
    pub(super) reason: String,
    /// The setting itself, to compare the sides by: `--profiling=true`.
    pub(super) found: String,
    pub(super) evidence: Vec<Evidence>,
}

impl SideVerdict {
    /// A verdict that rests on one value.
    pub(super) fn new(
        state: State,
        reason: impl Into<String>,
        value: impl Into<String>,
        source: Source,
    ) -> Self {
        let value = value.into();
        Self {
            state,
            reason: reason.into(),
            found: value.clone(),
            evidence: vec![Evidence { value, source, good: state == State::Good }],
        }
    }

    /// All parts must be good; the first that is not gives the reason.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let state = worst(parts.iter().map(|part| part.state));
        let reason = if state == State::Good {
            join(parts.iter().map(|part| part.reason.as_str()), "; ")
        } else {
            join(parts.iter().filter(|p| p.state == state).map(|p| p.reason.as_str()), "; ")
        };
        let found = join(parts.iter().map(|part| part.found.as_str()), ", ");
        Self {
            state,
            reason,
            found,
            evidence: parts.into_iter().flat_map(|p| p.evidence).collect(),
        }
    }
}

fn worst(states: impl Iterator<Item = State>) -> State {
    states.fold(State::Good, |worst, state| match (worst, state) {
        (State::Bad, _) | (_, State::Bad) => State::Bad,
        (State::Error, _) | (_, State::Error) => State::Error,
        (State::Manual, _) | (_, State::Manual) => State::Manual,
        _ => State::Good,
    })
}

fn join<'t>(texts: impl Iterator<Item = &'t str>, separator: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for text in texts {
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen.join(separator)
}

/// Judges one side. What is right only as long as its arguments are read in one of several ways, or not at all,
/// is no pass.
fn clear(side: &Side<'_>, judge: impl Fn(&Side<'_>) -> SideVerdict) -> SideVerdict {
    let mut verdict = judge(side);
    if verdict.state != State::Good {
        return verdict;
    }
    let filled_in = verdict.evidence.iter().find(|piece| piece.value.contains("$("));
    let filled_in = filled_in
        .filter(|_| side.kind == SideKind::Start)
        .map(|piece| format!("{} is filled in from the environment of {}", piece.value, side.path));
    let doubt = side.refused().or(filled_in).or_else(|| {
        let wrong = |(_, other): &(&str, Side<'_>)| judge(other).state != State::Good;
        let (flag, _) = side.other_readings().into_iter().find(wrong)?;
        Some(format!(
            "{flag} is not known here: it may take the argument after it as its value, and then this would not be right; write {flag}=VALUE"
        ))
    });
    if let Some(why) = doubt {
        verdict.state = State::Error;
        verdict.reason = why;
        for piece in &mut verdict.evidence {
            piece.good = false;
        }
    }
    verdict
}

/// Judges every side and joins the verdicts: right only when it is right in every side that decides.
pub(super) fn combine(sides: &[Side<'_>], judge: impl Fn(&Side<'_>) -> SideVerdict) -> Verdict {
    let judged: Vec<(&Side<'_>, SideVerdict)> =
        sides.iter().map(|side| (side, clear(side, &judge))).collect();
    let deciding = || judged.iter().filter(|(side, _)| side.decides);
    let state = worst(deciding().map(|(_, verdict)| verdict.state));
    let status = match state {
        State::Good => Status::Pass,
        State::Bad => Status::Fail,
        State::Error => Status::Error,
        State::Manual => Status::Manual,
    };
    let all_equal = |mut texts: std::vec::IntoIter<&str>| {
        texts.next().is_none_or(|first| texts.all(|text| text == first))
    };
    let found: Vec<&str> = judged.iter().map(|(_, verdict)| verdict.found.as_str()).collect();
    let differs = !all_equal(found.into_iter());

    let reason = deciding()
        .find(|(_, verdict)| verdict.state == state)
        .map(|(side, verdict)| {
            let of = |kind| deciding().filter(move |(other, _)| other.kind == kind);
            let good = |(_, verdict): &&(&Side<'_>, SideVerdict)| verdict.state == State::Good;
            let running_right = of(SideKind::Running).any(|side| good(&side));
            let starts_right =
                of(SideKind::Start).count() > 0 && of(SideKind::Start).all(|side| good(&side));
            let another_right = of(SideKind::Start).find(good).map(|(other, _)| &other.path);
            let reason = &verdict.reason;
            match (side.kind, another_right) {
                _ if state != State::Bad => reason.clone(),
                (SideKind::Running, _) if starts_right => format!(
                    "{reason} in the running process; what starts it is right, and counts from its next start"
                ),
                (SideKind::Start, _) if running_right => format!(
                    "{reason} in {}: the running process is right, and loses that at its next start",
                    side.path
                ),
                (SideKind::Start, Some(other)) => {
                    format!("{reason} in {}, whatever {other} says", side.path)
                }
                _ => reason.clone(),
            }
        })
        .unwrap_or_default();
    let drift = differs.then(|| {
        let each: Vec<String> = judged
            .iter()
            .map(|(side, verdict)| format!("{}: {}", side.place(), verdict.found))
            .collect();
        each.join("; ")
    });
    let mut evidence: Vec<Evidence> = Vec::new();
    for (side, verdict) in judged {
        for mut piece in verdict.evidence {
            if differs && piece.source == Source::Default {
                piece.source = side.source(None);
            }
            if !evidence.contains(&piece) {
                evidence.push(piece);
            }
        }
    }
    Verdict { drift, ..Verdict::new(status, reason, evidence) }
}
