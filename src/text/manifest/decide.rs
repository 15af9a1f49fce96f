//! Which arguments change for an edit. Knows flags, nothing of text or YAML.
//!
//! `kubeadm` sorts its flags: a new flag goes to its place among sorted flags, else after the last
//! one. A flag that is set ends up written exactly once.

use crate::{
    model::Edit,
    text::flags::{self, Occurrence},
};

/// A change of one argument; indices count `command` and `args` as one vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Other text at this index.
    Replace(usize, String),
    /// The argument at this index goes.
    Remove(usize),
    /// A new argument in front of this index.
    Insert(usize, String),
}

impl Step {
    pub(super) const fn index(&self) -> usize {
        match self {
            Self::Replace(index, _) | Self::Remove(index) | Self::Insert(index, _) => *index,
        }
    }
}

/// The steps of an edit, last argument first, so that each leaves the indices of the next alone.
///
/// # Errors
/// Half a sentence that says what stands in the way.
pub(super) fn steps(args: &[String], edit: &Edit) -> Result<Vec<Step>, String> {
    if let Some(arg) = args.iter().find(|arg| arg.starts_with("$(")) {
        return Err(format!("the argument '{arg}' is filled in from the environment"));
    }
    let mut steps = match edit {
        Edit::SetFlag { flag, value } => set(args, flag, value)?,
        Edit::RemoveFlag { flag } => remove(args, &found(args, flag)?),
        Edit::AddToList { flag, value, first } => add(args, flag, value, *first)?,
        Edit::RemoveFromList { flag, value, otherwise } => {
            take_out(args, flag, value, otherwise.as_deref())?
        }
        _ => Vec::new(),
    };
    if !steps.is_empty() {
        certain(args)?;
    }
    steps.sort_by_key(|step| std::cmp::Reverse(step.index()));
    Ok(steps)
}

/// Arguments that can be read in one way only, also when something is written after the last of them.
fn certain(args: &[String]) -> Result<(), String> {
    if let Some(why) = flags::refused(args) {
        return Err(format!("the component does not take its arguments: {why}"));
    }
    let followed: Vec<&str> = args.iter().map(String::as_str).chain(["--v=0"]).collect();
    match flags::unclear(&followed).first().and_then(|index| args.get(*index)) {
        Some(flag) => {
            Err(format!("{flag} may take the argument after it as its value: write {flag}=VALUE"))
        }
        None => Ok(()),
    }
}

/// The flag an edit is about, and the value it brings; `None` for edits that are not about flags.
pub(super) fn subject(edit: &Edit) -> Option<(&str, Option<&str>)> {
    match edit {
        Edit::SetFlag { flag, value } | Edit::AddToList { flag, value, .. } => {
            Some((flag, Some(value)))
        }
        Edit::RemoveFlag { flag } => Some((flag, None)),
        Edit::RemoveFromList { flag, otherwise, .. } => Some((flag, otherwise.as_deref())),
        _ => None,
    }
}

/// Where the flag is, all its values being written out.
fn found(args: &[String], flag: &str) -> Result<Vec<Occurrence>, String> {
    let found = flags::occurrences(args, flag);
    if found.iter().any(|o| o.value.contains("$(")) {
        return Err(format!("the value of --{flag} is filled in from the environment"));
    }
    Ok(found)
}

fn set(args: &[String], flag: &str, value: &str) -> Result<Vec<Step>, String> {
    let found = found(args, flag)?;
    match found.as_slice() {
        [] => Ok(vec![Step::Insert(place(args, flag), format!("--{flag}={value}"))]),
        [only] if only.value == value => Ok(Vec::new()),
        [earlier @ .., last] => {
            let mut steps = remove(args, earlier);
            if last.value != value {
                steps.push(rewrite(args, last, value));
            }
            Ok(steps)
        }
    }
}

fn remove(args: &[String], found: &[Occurrence]) -> Vec<Step> {
    found
        .iter()
        .flat_map(|o| o.index..o.index + o.width)
        .filter(|index| *index < args.len())
        .map(Step::Remove)
        .collect()
}

/// An occurrence with another value, in the form it has.
fn rewrite(args: &[String], occurrence: &Occurrence, value: &str) -> Step {
    let written = args.get(occurrence.index).map_or("", String::as_str);
    match written.split_once('=') {
        _ if occurrence.width > 1 => Step::Replace(occurrence.index + 1, value.to_owned()),
        Some((name, _)) => Step::Replace(occurrence.index, format!("{name}={value}")),
        None => Step::Replace(occurrence.index, format!("{written}={value}")),
    }
}

fn add(args: &[String], flag: &str, value: &str, first: bool) -> Result<Vec<Step>, String> {
    let found = found(args, flag)?;
    let elements = flags::list(args, flag).unwrap_or_default();
    if elements.iter().any(|element| element == value) {
        return Ok(Vec::new());
    }
    let target = if first { found.first() } else { found.last() };
    let Some(target) = target else { return set(args, flag, value) };
    quoted(flag, &found)?;
    let longer = match (target.value.as_str(), first) {
        ("", _) => value.to_owned(),
        (old, true) => format!("{value},{old}"),
        (old, false) => format!("{old},{value}"),
    };
    Ok(vec![rewrite(args, target, &longer)])
}

fn take_out(
    args: &[String],
    flag: &str,
    value: &str,
    otherwise: Option<&str>,
) -> Result<Vec<Step>, String> {
    let found = found(args, flag)?;
    let elements = flags::list(args, flag).unwrap_or_default();
    if !elements.iter().any(|element| element == value) {
        return Ok(Vec::new());
    }
    quoted(flag, &found)?;
    if elements.iter().all(|element| element == value) {
        return match otherwise {
            Some(otherwise) => set(args, flag, otherwise),
            None => Ok(remove(args, &found)),
        };
    }
    let mut steps = Vec::new();
    for occurrence in &found {
        let kept: Vec<&str> = occurrence.value.split(',').filter(|e| *e != value).collect();
        let shorter = kept.join(",");
        if shorter == occurrence.value {
            continue;
        }
        if kept.iter().all(|element| element.is_empty()) {
            steps.extend(remove(args, std::slice::from_ref(occurrence)));
        } else {
            steps.push(rewrite(args, occurrence, &shorter));
        }
    }
    Ok(steps)
}

/// Quotes in a list are read by pflag's CSV reader; we do not write such lists.
fn quoted(flag: &str, found: &[Occurrence]) -> Result<(), String> {
    if found.iter().any(|o| o.value.contains('"')) {
        return Err(format!("the value of --{flag} holds quotes"));
    }
    Ok(())
}

/// The index a new flag goes to.
fn place(args: &[String], flag: &str) -> usize {
    let mut flags = Vec::new();
    for (index, arg) in args.iter().enumerate().skip(1) {
        let name = arg.trim_start_matches('-').split('=').next().unwrap_or("");
        if name.len() == arg.len() || name.is_empty() {
            continue;
        }
        let here = flags::occurrences(args, name).into_iter().find(|o| o.index == index);
        flags.extend(here.map(|o| (name, o)));
    }
    let sorted = flags.is_sorted_by(|(a, _), (b, _)| a <= b);
    let next = flags.iter().find(|(name, _)| sorted && *name > flag);
    let after_last = flags.last().map_or(1, |(_, last)| last.index + last.width);
    next.map_or(after_last, |(_, next)| next.index).min(args.len())
}
