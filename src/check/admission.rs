//! The API server's admission plugins, authorization modes and anonymous requests.
use crate::{
    model::{Component, NodeFacts, Source},
    text::values,
};

use super::{
    flags::field_source,
    sides::{self, GivenFlag, Side},
    verdict::{SideVerdict, State, Verdict, combine},
};

fn each(facts: &NodeFacts, judge: impl Fn(&Side<'_>) -> SideVerdict) -> Verdict {
    match sides::of(facts, Component::KubeApiserver) {
        Ok(sides) => combine(&sides, judge),
        Err(verdict) => verdict,
    }
}

/// An admission plugin must be on or off after all three plugin flags.
pub(super) fn plugin(
    facts: &NodeFacts,
    plugin: &str,
    enabled: bool,
    on_by_default: bool,
) -> Verdict {
    each(facts, |side| {
        let (on, given) = plugin_state(side, plugin, on_by_default);
        let state = State::of(on == enabled);
        let is = if on { "on" } else { "off" };
        let by_default = format!("{plugin} is {is} by default, and no flag names it");
        let (reason, value, source) = given
            .map_or((by_default.clone(), by_default, Source::Default), |given| {
                (format!("{plugin} is {is}: {}", given.text), given.text, given.source)
            });
        let found = format!("{plugin} is {is}");
        SideVerdict { found, ..SideVerdict::new(state, reason, value, source) }
    })
}

/// Whether a plugin is on, and the flag that decides it.
///
/// `--admission-control` (deprecated) is the whole list; else defaults, plus enabled, minus disabled
/// (`staging/src/k8s.io/apiserver/pkg/server/options/admission.go`).
fn plugin_state(side: &Side<'_>, plugin: &str, on_by_default: bool) -> (bool, Option<GivenFlag>) {
    let names = |given: &GivenFlag| given.list.iter().any(|element| element == plugin);
    if let Some(whole) = side.flag("admission-control").filter(|given| !given.list.is_empty()) {
        return (names(&whole), Some(whole));
    }
    if let Some(disabled) = side.flag("disable-admission-plugins").filter(|given| names(given)) {
        return (false, Some(disabled));
    }
    match side.flag("enable-admission-plugins") {
        Some(enabled) if names(&enabled) => (true, Some(enabled)),
        enabled => (on_by_default, enabled.filter(|_| !on_by_default)),
    }
}

/// An authorization mode must be, or not be, among the modes.
pub(super) fn authorization_mode(facts: &NodeFacts, mode: &str, enabled: bool) -> Verdict {
    each(facts, |side| match authorization_modes(facts, side) {
        Ok((modes, text, source)) => {
            let has = modes.iter().any(|element| element == mode);
            let reason = match (has == enabled, enabled) {
                (true, _) => text.clone(),
                (false, true) => format!("{text}: {mode} is not among the authorization modes"),
                (false, false) => format!("{text}: {mode} is among the authorization modes"),
            };
            SideVerdict::new(State::of(has == enabled), reason, text, source)
        }
        Err(verdict) => verdict,
    })
}

/// The modes in force, with the text and place that say so.
fn authorization_modes(
    facts: &NodeFacts,
    side: &Side<'_>,
) -> Result<(Vec<String>, String, Source), SideVerdict> {
    if let Some(file) = side.flag("authorization-config").filter(|given| !given.value.is_empty()) {
        let (path, document) = side.document(&facts.documents, &file.value).map_err(|why| {
            SideVerdict::new(State::Error, why, file.text.clone(), file.source.clone())
        })?;
        let modes: Vec<String> = document
            .get("authorizers")
            .and_then(serde_json::Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|authorizer| authorizer.get("type")?.as_str().map(str::to_owned))
            .collect();
        if modes.is_empty() {
            let reason = format!("{path} names no authorizers, and kube-apiserver would not start");
            return Err(SideVerdict::new(State::Error, reason, file.text, file.source));
        }
        let text = format!("authorizers in {path}: {}", modes.join(", "));
        return Ok((modes, text, Source::File { path, line: None }));
    }
    Ok(match side.flag("authorization-mode").filter(|given| !given.list.is_empty()) {
        Some(given) => (given.list, given.text, given.source),
        None => (
            vec!["AlwaysAllow".to_owned()],
            "--authorization-mode is not set (default AlwaysAllow)".to_owned(),
            Source::Default,
        ),
    })
}

/// Anonymous requests must be off, or limited to exact paths.
pub(super) fn anonymous_requests(facts: &NodeFacts) -> Verdict {
    each(facts, |side| anonymous(facts, side))
}

fn anonymous(facts: &NodeFacts, side: &Side<'_>) -> SideVerdict {
    if let Some(file) = side.flag("authentication-config").filter(|given| !given.value.is_empty()) {
        match side.document(&facts.documents, &file.value) {
            Err(why) => return SideVerdict::new(State::Error, why, file.text, file.source),
            Ok((path, document)) => {
                // Without this block the flag counts.
                if let Some(block) = document.get("anonymous").filter(|block| !block.is_null()) {
                    return anonymous_block(&path, block);
                }
            }
        }
    }
    let Some(given) = side.flag("anonymous-auth") else {
        // AlwaysAllow switches anonymous requests off (`kubeapiserver/options/authentication.go`).
        if let Some(modes) = side.flag("authorization-mode")
            && modes.list.iter().any(|mode| mode == "AlwaysAllow")
        {
            let reason = format!("{} switches anonymous requests off", modes.text);
            return SideVerdict::new(State::Good, reason, modes.text, modes.source);
        }
        let text = "--anonymous-auth is not set (default true: anonymous requests are accepted)";
        return SideVerdict::new(State::Bad, text, text, Source::Default);
    };
    let off = values::go_bool(&given.value) == Some(false);
    let reason = if off { given.text.clone() } else { format!("{}, wanted false", given.text) };
    SideVerdict::new(State::of(off), reason, given.text, given.source)
}

/// The `anonymous` block of an `AuthenticationConfiguration`.
fn anonymous_block(path: &str, block: &serde_json::Value) -> SideVerdict {
    let source = field_source(path, None, "anonymous");
    let enabled = block.get("enabled").filter(|enabled| !enabled.is_null());
    if let Some(wrong) = enabled.filter(|enabled| !enabled.is_boolean()) {
        let text = format!("anonymous.enabled is {wrong} in {path}");
        let reason = format!("{text}: kube-apiserver wants true or false, and would not start");
        return SideVerdict::new(State::Error, reason, text, source);
    }
    if enabled.and_then(serde_json::Value::as_bool) != Some(true) {
        let text = format!("anonymous.enabled is false in {path}");
        return SideVerdict::new(State::Good, text.clone(), text, source);
    }
    let paths: Vec<&str> = block
        .get("conditions")
        .and_then(serde_json::Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|condition| condition.get("path")?.as_str())
        .collect();
    if paths.is_empty() {
        let text = format!("anonymous.enabled is true in {path}, without conditions");
        return SideVerdict::new(State::Bad, text.clone(), text, source);
    }
    let text = format!("anonymous requests only for {} (in {path})", paths.join(", "));
    SideVerdict::new(State::Good, text.clone(), text, source)
}
