//! Feature gates, by `--feature-gates` and the kubelet's `featureGates`.
//!
//! A gate that is mentioned is as it is mentioned, else `AllAlpha` or `AllBeta` decide for theirs, else its default
//! (`staging/src/k8s.io/component-base/featuregate/feature_gate.go`, `SetFromMap`). The kubelet joins flag and file
//! name by name, the flag winning, before any of that (`cmd/kubelet/app/server.go`, `kubeletConfigFlagPrecedence`).
use crate::{
    model::{Component, NodeFacts, Source, control::GateStage},
    text::values,
};

use super::{
    kubelet::Layers,
    sides::{self, Side},
    verdict::{SideVerdict, State, Verdict, combine},
};

/// What a control wants of a gate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'c> {
    pub(super) gate: &'c str,
    pub(super) enabled: bool,
    pub(super) on_by_default: bool,
    pub(super) stage: GateStage,
}

/// A feature gate must be on or off.
pub(super) fn judge(facts: &NodeFacts, component: Component, wanted: &Wanted<'_>) -> Verdict {
    let sides = match component {
        Component::Kubelet => super::kubelet::sides(facts),
        _ => sides::of(facts, component),
    };
    match sides {
        Ok(sides) => {
            combine(&sides, |side| one(facts, side, wanted).unwrap_or_else(|verdict| verdict))
        }
        Err(verdict) => verdict,
    }
}

fn one(
    facts: &NodeFacts,
    side: &Side<'_>,
    wanted: &Wanted<'_>,
) -> Result<SideVerdict, SideVerdict> {
    let gate = wanted.gate;
    let mentioned = match mention(facts, side, gate)? {
        None => wanted.stage.all().map(|all| mention(facts, side, all)).transpose()?.flatten(),
        own => own,
    };
    let is = if wanted.on_by_default { "on" } else { "off" };
    let (on, text, source) = mentioned.unwrap_or_else(|| {
        (wanted.on_by_default, format!("gate {gate} is not set (default {is})"), Source::Default)
    });
    let reason = match (on == wanted.enabled, wanted.enabled) {
        (true, _) => text.clone(),
        (false, true) => format!("{text}, wanted on"),
        (false, false) => format!("{text}, wanted off"),
    };
    Ok(SideVerdict::new(State::of(on == wanted.enabled), reason, text, source))
}

type Mention = (bool, String, Source);

/// What a side says of a gate by this name; `Err` when the component would not start with what is written.
fn mention(facts: &NodeFacts, side: &Side<'_>, gate: &str) -> Result<Option<Mention>, SideVerdict> {
    if let Some(mention) = by_flag(facts, side, gate)? {
        return Ok(Some(mention));
    }
    if side.component != Component::Kubelet {
        return Ok(None);
    }
    let field = format!("featureGates.{gate}");
    let written = Layers::of(facts, side).field(&field)?;
    Ok(written.map(|(value, source)| {
        let text = format!("{field}: {}", value.text);
        (value.text == "true", text, source)
    }))
}

/// The last mention of a gate in the flag.
///
/// From 1.32 on the control plane takes `kube:Gate=true` too, other components before the colon being none of its
/// business; the kubelet, and all of them before, know no such gate and end
/// (`component-base/compatibility/registry.go`; `cmd/kubelet/app/options/options.go`, `NewMapStringBool`).
fn by_flag(facts: &NodeFacts, side: &Side<'_>, gate: &str) -> Result<Option<Mention>, SideVerdict> {
    let Some(given) = side.flag("feature-gates") else { return Ok(None) };
    let old =
        facts.profile.version.as_ref().is_some_and(|v| (v.minor.major, v.minor.minor) < (1, 32));
    let takes_components =
        !old && !matches!(side.component, Component::Kubelet | Component::KubeProxy);
    let mut last = None;
    for element in &given.list {
        let refused = |what: &str| {
            let reason = format!(
                "{} {what} {element:?} in --feature-gates, and would end at its start",
                side.component
            );
            SideVerdict::new(State::Error, reason, given.text.clone(), given.source.clone())
        };
        let (name, value) = element.split_once('=').ok_or_else(|| refused("knows no value in"))?;
        let on = values::go_bool(value.trim()).ok_or_else(|| refused("reads no boolean in"))?;
        let name = match name.trim().split_once(':') {
            None => name.trim(),
            Some(_) if !takes_components => {
                return Err(refused("takes gates without a component before them, not"));
            }
            Some(("kube", name)) => name,
            Some(_) => continue,
        };
        if name == gate {
            last =
                Some((on, format!("--feature-gates has {}", element.trim()), given.source.clone()));
        }
    }
    Ok(last)
}
