//! What the types cannot say: rules between the entries of the remediations files.
//!
//! Each rule names the file and the line of the entry that breaks it, and what to write instead.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CatalogError,
    files::{Set, number},
};
use crate::model::{
    Benchmark, Check, Control, ControlId, Fix, FixAction, Minor, PathVar, Slug,
    control::Alternative,
};

/// Checks every rule; the first that is broken is the error.
pub(super) fn enforce(set: &Set<'_>) -> Result<(), CatalogError> {
    unique(set)?;
    for (file, control) in set.each() {
        let broken = prose(control)
            .or_else(|| flags_without_dashes(control))
            .or_else(|| fields_have_flags(&control.check))
            .or_else(|| fix_is_whole(&control.fix))
            .or_else(|| actions_fit(&control.check, &control.fix))
            .or_else(|| risk_is_told(control));
        if let Some(message) = broken {
            let slug = &control.slug;
            return Err(file.error_at("slug", &slug.0, format!("{slug}: {message}")));
        }
    }
    for benchmark in &set.benchmarks.content.benchmarks {
        differences(set, benchmark)?;
        numbers_once(set, benchmark)?;
    }
    numbered_somewhere(set)?;
    minors_once(set)?;
    paths_are_known(set)
}

/// No slug and no base number twice.
fn unique(set: &Set<'_>) -> Result<(), CatalogError> {
    let mut slugs: BTreeMap<&Slug, &str> = BTreeMap::new();
    let mut ids: BTreeMap<&ControlId, &Slug> = BTreeMap::new();
    for (file, control) in set.each() {
        let slug = &control.slug;
        if let Some(other) = slugs.insert(slug, file.name) {
            let message = format!("the slug '{slug}' is used twice, also in {other}");
            return Err(file.error_at("slug", &slug.0, message));
        }
        let Some(id) = &control.id else { continue };
        if let Some(other) = ids.insert(id, slug) {
            let message = format!("{slug}: {id} is already the number of '{other}'");
            return Err(file.error_at("slug", &slug.0, message));
        }
    }
    Ok(())
}

/// A page has a title, a reason, a change and a way back.
fn prose(control: &Control) -> Option<String> {
    let empty = [
        ("title", &control.title),
        ("why", &control.why),
        ("change", &control.change),
        ("undo", &control.undo),
    ]
    .into_iter()
    .find(|(_, text)| text.trim().is_empty())
    .map(|(key, _)| format!("'{key}' is empty: say it in a sentence or two"));
    let reference = || {
        let odd = control.references.iter().find(|link| !link.starts_with("https://"))?;
        Some(format!("the reference '{odd}' is not an https:// address"))
    };
    empty.or_else(reference)
}

/// Flags are names: `profiling`, not `--profiling`.
fn flags_without_dashes(control: &Control) -> Option<String> {
    let bad = |name: &&str| name.is_empty() || name.starts_with('-') || name.contains('=');
    let bad = flags_of_check(&control.check)
        .into_iter()
        .chain(flags_of_fix(&control.fix))
        .find(bad)
        .map(str::to_owned)?;
    Some(format!("'{bad}' is not a flag name: write it without dashes and without a value"))
}

fn flags_of_check(check: &Check) -> Vec<&str> {
    let (mut flags, accept): (Vec<&str>, &[Alternative]) = match check {
        Check::Flag { flags, requires, ignored_with, accept, .. } => {
            let all = flags.iter().chain(requires).chain(ignored_with);
            (all.map(String::as_str).collect(), accept)
        }
        Check::KubeletField { flags, accept, .. } => {
            (flags.iter().map(String::as_str).collect(), accept)
        }
        Check::KubeProxyField { flag, .. } => (vec![flag], &[]),
        _ => (Vec::new(), &[]),
    };
    flags.extend(accept.iter().filter_map(|alternative| match alternative {
        Alternative::Flag { flag, .. } | Alternative::Field { flag: Some(flag), .. } => {
            Some(flag.as_str())
        }
        _ => None,
    }));
    flags
}

fn flags_of_fix(fix: &Fix) -> Vec<&str> {
    let mut names: Vec<&str> = fix.conflicts.iter().map(|c| c.flag.as_str()).collect();
    for action in &fix.actions {
        match action {
            FixAction::SetFlag { flag, .. }
            | FixAction::RemoveFlag { flag, .. }
            | FixAction::AddToList { flag, .. }
            | FixAction::RemoveFromList { flag, .. } => names.push(flag),
            FixAction::KubeletField { flags, .. } | FixAction::RemoveKubeletField { flags, .. } => {
                names.extend(flags.iter().map(String::as_str));
            }
            FixAction::Mode {}
            | FixAction::Owner {}
            | FixAction::ProbeHost { .. }
            | FixAction::ClusterObject { .. } => {}
        }
    }
    names
}

/// Something is judged, and every kubelet field has the flag that overrides it.
fn fields_have_flags(check: &Check) -> Option<String> {
    match check {
        Check::Flag { flags, .. } if flags.is_empty() => Some("'flags' is empty".to_owned()),
        Check::KubeletField { fields, flags, .. } if fields.len() != flags.len() => Some(format!(
            "{} fields and {} flags: name the flag that overrides each field, in the same order",
            fields.len(),
            flags.len()
        )),
        Check::KubeletField { fields, .. } if fields.is_empty() => {
            Some("'fields' is empty".to_owned())
        }
        _ => None,
    }
}

/// A fix has actions, or says why there is none.
fn fix_is_whole(fix: &Fix) -> Option<String> {
    let message = match (&fix.none, fix.actions.is_empty()) {
        (None, true) => "the fix has neither 'actions' nor 'none': say why there is no fix",
        (Some(_), false) => "the fix has both 'actions' and 'none': keep one",
        (Some(reason), true) if reason.trim().is_empty() => {
            "'none' is empty: say why there is no fix and what a person does instead"
        }
        (Some(_), true) if !fix.needs.is_empty() || !fix.conflicts.is_empty() => {
            "'needs' and 'conflicts' belong to a fix with actions"
        }
        _ => return None,
    };
    Some(message.to_owned())
}

/// The action fixes what the check looks at.
fn actions_fit(check: &Check, fix: &Fix) -> Option<String> {
    let modes = matches!(check, Check::FileMode { .. } | Check::Directory { .. });
    let owners = matches!(check, Check::FileOwner { .. } | Check::Directory { .. });
    fix.actions.iter().find_map(|action| match action {
        FixAction::Mode {} if !modes => {
            Some("the action 'mode' needs a check of kind 'file-mode' or 'directory'".to_owned())
        }
        FixAction::Owner {} if !owners => {
            Some("the action 'owner' needs a check of kind 'file-owner' or 'directory'".to_owned())
        }
        _ => None,
    })
}

/// What changes the node has a tier and a way back; what does not has neither.
fn risk_is_told(control: &Control) -> Option<String> {
    let local = |action: &FixAction| !matches!(action, FixAction::ClusterObject { .. });
    let message = match (control.tier, control.reversible) {
        (None, None) if control.fix.actions.iter().any(local) => {
            "there are actions but no 'tier' (R0 to R4) and no 'reversible' (bytes, procedure, one-way)"
        }
        (Some(_), None) => "'tier' without 'reversible': write bytes, procedure or one-way",
        (None, Some(_)) => "'reversible' without 'tier': write R0 to R4",
        (Some(_), Some(_)) if control.fix.actions.is_empty() => {
            "'tier' and 'reversible' belong to a fix with actions"
        }
        _ => return None,
    };
    Some(message.to_owned())
}

/// Why a control cannot differ in this way; `None` when it can.
type Fits = fn(&Control) -> Option<&'static str>;

/// Every difference of a benchmark speaks of a control that exists and can differ in that way.
fn differences(set: &Set<'_>, benchmark: &Benchmark) -> Result<(), CatalogError> {
    let controls: BTreeMap<&Slug, &Control> = set.each().map(|(_, c)| (&c.slug, c)).collect();
    let broken = |key: &str, slug: &Slug, message: String| {
        let id = benchmark.id;
        let message = format!("{id}, {key}, {slug}: {message}");
        Err(set.benchmarks.error_below(("id", id.as_str()), &[key, &slug.0], message))
    };
    let any: Fits = |_| None;
    let rules: [(&str, Vec<&Slug>, Fits); 8] = [
        ("without", benchmark.without.iter().collect(), |control| {
            control.id.is_none().then_some("it has no number in the base, so nothing is left out")
        }),
        ("numbers", benchmark.numbers.keys().collect(), any),
        ("assessment", benchmark.assessment.keys().collect(), any),
        ("level", benchmark.level.keys().collect(), any),
        ("title_of", benchmark.title_of.keys().collect(), any),
        ("expect", benchmark.expect.keys().collect(), |control| {
            let expects = matches!(
                control.check,
                Check::Flag { .. } | Check::KubeletField { .. } | Check::KubeProxyField { .. }
            );
            (!expects).then_some("its check has no 'expect'")
        }),
        ("at_most", benchmark.at_most.keys().collect(), |control| {
            let mode = matches!(control.check, Check::FileMode { .. });
            (!mode).then_some("its check is not of kind 'file-mode'")
        }),
        ("cover_also", benchmark.cover_also.keys().collect(), |control| {
            let policy = matches!(control.check, Check::AuditPolicy { .. });
            (!policy).then_some("its check is not of kind 'audit-policy'")
        }),
    ];
    for (key, slugs, fits) in rules {
        for slug in slugs {
            let Some(control) = controls.get(slug) else {
                return broken(key, slug, "no control has this slug".to_owned());
            };
            if let Some(message) = fits(control) {
                return broken(key, slug, message.to_owned());
            }
            if key != "without" && number(benchmark, control).is_none() {
                return broken(key, slug, "this benchmark does not have that control".to_owned());
            }
        }
    }
    Ok(())
}

/// No number twice within a benchmark.
fn numbers_once(set: &Set<'_>, benchmark: &Benchmark) -> Result<(), CatalogError> {
    let mut taken: BTreeMap<&ControlId, &Slug> = BTreeMap::new();
    for (_, control) in set.each() {
        let Some(id) = number(benchmark, control) else { continue };
        if let Some(other) = taken.insert(id, &control.slug) {
            let message = format!(
                "{}: {id} is the number of both '{other}' and '{}'",
                benchmark.id, control.slug
            );
            let entry = ("id", benchmark.id.as_str());
            return Err(set.benchmarks.error_below(entry, &["numbers", id.as_str()], message));
        }
    }
    Ok(())
}

/// A control that no benchmark numbers would never be seen.
fn numbered_somewhere(set: &Set<'_>) -> Result<(), CatalogError> {
    let benchmarks = &set.benchmarks.content.benchmarks;
    for (file, control) in set.each() {
        if benchmarks.iter().all(|benchmark| number(benchmark, control).is_none()) {
            let slug = &control.slug;
            let message = format!(
                "{slug}: no benchmark has it: give it an 'id', or a number in benchmarks.yaml"
            );
            return Err(file.error_at("slug", &slug.0, message));
        }
    }
    Ok(())
}

/// A Kubernetes minor leads to one benchmark.
fn minors_once(set: &Set<'_>) -> Result<(), CatalogError> {
    let mut taken: BTreeMap<Minor, &Benchmark> = BTreeMap::new();
    for benchmark in &set.benchmarks.content.benchmarks {
        for minor in &benchmark.kubernetes {
            if let Some(other) = taken.insert(*minor, benchmark) {
                let message = format!(
                    "Kubernetes {minor} is claimed by both {} and {}",
                    other.id, benchmark.id
                );
                let entry = ("id", benchmark.id.as_str());
                return Err(set.benchmarks.error_below(entry, &[&minor.to_string()], message));
            }
        }
    }
    Ok(())
}

/// Every place a check names has candidates, and they are absolute.
fn paths_are_known(set: &Set<'_>) -> Result<(), CatalogError> {
    let paths = &set.paths.content.paths;
    for (place, candidates) in paths {
        if let Some(odd) = candidates.iter().find(|path| !path.starts_with('/')) {
            let place = name(*place);
            let message = format!("{place}: '{odd}' is not an absolute path");
            return Err(set.paths.error_below((&place, ""), &[odd], message));
        }
    }
    for (file, control) in set.each() {
        let missing = places(&control.check)
            .into_iter()
            .find(|place| paths.get(place).is_none_or(Vec::is_empty));
        if let Some(place) = missing {
            let slug = &control.slug;
            let message = format!("{slug}: paths.yaml has no candidates for '{}'", name(place));
            return Err(file.error_at("slug", &slug.0, message));
        }
    }
    Ok(())
}

fn places(check: &Check) -> BTreeSet<PathVar> {
    match check {
        Check::FileMode { path, .. } | Check::FileOwner { path, .. } => BTreeSet::from([*path]),
        Check::Directory { dir, files, .. } => BTreeSet::from([*dir, *files]),
        _ => BTreeSet::new(),
    }
}

/// The name of a place as the files write it.
fn name(place: PathVar) -> String {
    serde_json::to_value(place)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
