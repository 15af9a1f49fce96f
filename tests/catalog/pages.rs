//! Every control as a page a person reads, and the files a fix brings along.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use kube_temper::{
    engine::watched,
    model::{Check, Control, FixAction, Needs, Reversibility, control::Alternative},
};
use serde_json::Value;

use crate::{all, root};

/// A text of a page with what it is called and the fewest words it may have.
fn texts(control: &Control) -> Vec<(&'static str, &str, usize)> {
    let mut texts = vec![
        ("title", control.title.as_str(), 3),
        ("why", control.why.as_str(), 25),
        ("change", control.change.as_str(), 8),
        ("undo", control.undo.as_str(), 6),
    ];
    texts.extend(control.breaks.iter().map(|text| ("breaks", text.as_str(), 5)));
    match &control.check {
        Check::Api { look_at, .. } | Check::Review { look_at, .. } => {
            texts.push(("look_at", look_at, 10))
        }
        Check::Flag { absent, accept, .. } | Check::KubeletField { absent, accept, .. } => {
            texts.push(("means", &absent.means, 1));
            texts.extend(accept.iter().map(|alternative| {
                let (Alternative::Flag { because, .. }
                | Alternative::Field { because, .. }
                | Alternative::Value { because, .. }) = alternative;
                ("because", because.as_str(), 4)
            }));
        }
        Check::KubeProxyField { absent, .. } => texts.push(("means", &absent.means, 1)),
        _ => {}
    }
    texts.extend(control.fix.none.iter().map(|reason| ("none", reason.as_str(), 10)));
    texts.extend(control.fix.conflicts.iter().map(|c| ("because", c.because.as_str(), 10)));
    texts.extend(control.fix.needs.iter().filter_map(|need| match need {
        Needs::Value { why, .. } | Needs::Api { why } => Some(("needs", why.as_str(), 8)),
        Needs::Bundle { .. } => None,
    }));
    texts.extend(control.fix.actions.iter().filter_map(|action| match action {
        FixAction::ClusterObject { what } => Some(("what", what.as_str(), 8)),
        _ => None,
    }));
    texts.extend(control.accepted.iter().map(|a| ("reason", a.reason.as_str(), 10)));
    texts
}

/// Whoever is offered a fix reads what proves it, and what nobody proves.
#[test]
fn every_fix_that_bytes_undo_says_what_is_watched_and_what_is_not() {
    let mut problems = Vec::new();
    for (slug, control) in all() {
        let here = |action: &FixAction| !matches!(action, FixAction::ClusterObject { .. });
        let local = control.fix.actions.iter().any(here);
        let bytes = control.reversible == Some(Reversibility::Bytes);
        let said = watched(&control);
        let whole = said.as_ref().is_some_and(|w| w.parts().iter().all(|(_, l)| !l.is_empty()));
        if (local && bytes) != whole || said.is_some() != whole {
            problems.push(slug);
        }
    }
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn every_page_is_worth_reading() {
    let mut problems = Vec::new();
    for (slug, control) in all() {
        for (key, text, least) in texts(&control) {
            let words = text.split_whitespace().count();
            if words < least {
                problems.push(format!("{slug}: '{key}' has only {words} words: {text}"));
            }
            if text.contains("  ") || text != text.trim() {
                problems.push(format!("{slug}: stray blanks in '{key}': {text}"));
            }
            let sentence = !matches!(key, "title" | "means" | "because");
            if sentence && !text.ends_with(['.', '!', '?']) {
                problems.push(format!("{slug}: '{key}' ends in the middle of a sentence: {text}"));
            }
        }
        if control.title.ends_with('.') || control.title.chars().count() > 72 {
            problems.push(format!("{slug}: the title is no line of a list: {}", control.title));
        }
        if control.references.is_empty() {
            problems.push(format!("{slug}: no reference"));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_bundle_is_there_and_named_by_a_fix() {
    let named: BTreeSet<String> = all()
        .into_values()
        .flat_map(|control| control.fix.needs)
        .filter_map(|need| match need {
            Needs::Bundle { name } => Some(name),
            _ => None,
        })
        .collect();
    let mut kinds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for bundle in fs::read_dir(root().join("remediations/bundles")).unwrap() {
        let bundle = bundle.unwrap();
        for file in fs::read_dir(bundle.path()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let value: Value = serde_yaml::from_str(&text).unwrap();
            let kind = value["kind"].as_str().unwrap_or_default().to_owned();
            kinds.entry(bundle.file_name().into_string().unwrap()).or_default().insert(kind);
        }
    }
    let want = [
        ("audit", vec!["Policy"]),
        ("authentication-config", vec!["AuthenticationConfiguration"]),
        ("encryption", vec!["EncryptionConfiguration"]),
        ("event-rate-limit", vec!["AdmissionConfiguration", "Configuration"]),
    ];
    let want: BTreeMap<String, BTreeSet<String>> = want
        .into_iter()
        .map(|(name, kinds)| (name.to_owned(), kinds.into_iter().map(str::to_owned).collect()))
        .collect();
    assert_eq!(kinds, want);
    assert_eq!(named, want.into_keys().collect());
}

#[test]
fn no_page_is_a_copy_of_another() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (slug, control) in all() {
        for text in [control.title, control.why] {
            if let Some(other) = seen.insert(text.clone(), slug.clone()) {
                panic!("{slug} and {other} say the same: {text}");
            }
        }
    }
}
