//! Feature gates, by `--feature-gates` and the kubelet's `featureGates`.
use crate::{
    model::{Component, NodeFacts, Source},
    text::values,
};

use super::{
    kubelet::Layers,
    sides::{self, Side},
    verdict::{SideVerdict, State, Verdict, combine},
};

/// A feature gate must be on or off. A flag wins over the file, gate by gate.
pub(super) fn judge(
    facts: &NodeFacts,
    component: Component,
    gate: &str,
    enabled: bool,
    on_by_default: bool,
) -> Verdict {
    let sides = match component {
        Component::Kubelet => super::kubelet::sides(facts),
        _ => sides::of(facts, component),
    };
    match sides {
        Ok(sides) => combine(&sides, |side| one(facts, side, gate, enabled, on_by_default)),
        Err(verdict) => verdict,
    }
}

fn one(
    facts: &NodeFacts,
    side: &Side<'_>,
    gate: &str,
    enabled: bool,
    on_by_default: bool,
) -> SideVerdict {
    let judged = |on: bool, text: String, source: Source| {
        let state = State::of(on == enabled);
        let wanted = if enabled { "on" } else { "off" };
        let reason = if on == enabled { text.clone() } else { format!("{text}, wanted {wanted}") };
        SideVerdict::new(state, reason, text, source)
    };
    if let Some((on, source)) = by_flag(side, gate) {
        return judged(on, format!("--feature-gates has {gate}={on}"), source);
    }
    if side.component == Component::Kubelet {
        match Layers::of(facts, side).field(&format!("featureGates.{gate}")) {
            Err(verdict) => return verdict,
            Ok(Some((value, source))) => {
                let on = values::go_bool(&value.text).unwrap_or(on_by_default);
                return judged(on, format!("featureGates.{gate}: {}", value.text), source);
            }
            Ok(None) => {}
        }
    }
    let is = if on_by_default { "on" } else { "off" };
    judged(on_by_default, format!("gate {gate} is not set (default {is})"), Source::Default)
}

/// The last mention of a gate in the flag; `kube:Gate=true` names a component before the gate.
fn by_flag(side: &Side<'_>, gate: &str) -> Option<(bool, Source)> {
    let given = side.flag("feature-gates")?;
    let mention = given.list.iter().rev().find_map(|element| {
        let (name, value) = element.split_once('=')?;
        let name = name.trim();
        let name = name.split_once(':').map_or(name, |(_, gate)| gate);
        (name == gate).then(|| values::go_bool(value.trim()))
    })?;
    mention.map(|on| (on, given.source))
}
