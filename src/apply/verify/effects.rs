//! Visible effects: what a change shows to somebody who asks without credentials.
//!
//! More evidence, never the only one: most answers are the same before and after where a component asks
//! everybody for credentials first, and then nothing is said.

use super::{Evidence, Unhealthy, shown};
use crate::{
    apply::Site,
    model::{Change, Component, Edit, control::FixAction, facts::Probe},
    node::ProbeAnswer,
};

/// Where to ask.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Where the component's own probes ask.
    Probe(&'static str),
    /// A port of this machine.
    Port(u16, Option<&'static str>),
}

/// A question with the answers that mean something.
#[derive(Debug)]
struct Effect {
    /// Flag or field, and its value.
    setting: (&'static str, &'static str),
    place: Place,
    proves: fn(ProbeAnswer) -> bool,
    /// The change has no effect.
    denies: fn(ProbeAnswer) -> bool,
    /// What is seen when it is there, in words.
    seen: &'static str,
}

const fn is_401(answer: ProbeAnswer) -> bool {
    matches!(answer, ProbeAnswer::Status(401))
}

const EFFECTS: [Effect; 4] = [
    Effect {
        setting: ("profiling", "false"),
        place: Place::Probe("/debug/pprof/"),
        proves: |answer| answer == ProbeAnswer::Status(404),
        // 403 is what anybody without credentials is told, whether it is there or not.
        denies: ProbeAnswer::is_success,
        seen: "profiles are not served, where somebody without credentials can tell",
    },
    Effect {
        setting: ("authentication-config", ""),
        place: Place::Probe("/api"),
        proves: is_401,
        denies: |answer| matches!(answer, ProbeAnswer::Status(200..=399 | 403)),
        seen: "/api refuses a request without credentials (401)",
    },
    Effect {
        setting: ("authentication.anonymous.enabled", "false"),
        place: Place::Port(10_250, Some("/pods")),
        proves: is_401,
        denies: |answer| matches!(answer, ProbeAnswer::Status(200..=399 | 403)),
        seen: "the kubelet refuses a request without credentials (401)",
    },
    Effect {
        setting: ("readOnlyPort", "0"),
        place: Place::Port(10_255, None),
        proves: |answer| answer == ProbeAnswer::Refused,
        denies: ProbeAnswer::is_success,
        seen: "nothing answers on port 10255 any more",
    },
];

impl Effect {
    fn is_of(&self, edit: &Edit) -> bool {
        match edit {
            Edit::SetFlag { flag, value } => self.is(flag, value),
            Edit::SetField { field, value } => self.is(field, &value.to_string()),
            _ => false,
        }
    }

    fn is(&self, name: &str, value: &str) -> bool {
        let (setting, wanted) = self.setting;
        name == setting && (wanted.is_empty() || value == wanted)
    }

    fn request(&self, probes: &[Probe]) -> Option<Probe> {
        match self.place {
            Place::Probe(path) => {
                let probe = probes.iter().find(|probe| probe.path.is_some())?.clone();
                Some(Probe { path: Some(path.to_owned()), headers: Vec::new(), ..probe })
            }
            Place::Port(port, path) => Some(Probe {
                path: path.map(str::to_owned),
                host: Some("127.0.0.1".to_owned()),
                port,
                tls: path.is_some(),
                headers: Vec::new(),
                initial_delay: 0,
                period: 1,
                timeout: 2,
                failure_threshold: 1,
            }),
        }
    }
}

/// What is asked for when a fix does this.
pub(in crate::apply) fn seen_of(action: &FixAction) -> Option<&'static str> {
    let (name, value) = match action {
        FixAction::SetFlag { flag, value, .. } => (flag, value.clone()),
        FixAction::KubeletField { field, value, .. } => (field, value.to_string()),
        _ => return None,
    };
    EFFECTS.iter().find(|effect| effect.is(name, &value)).map(|effect| effect.seen)
}

/// Asks for every effect these changes should have; one that clearly is not there fails the step.
pub(super) fn show(
    site: Site<'_>,
    component: Component,
    changes: &[Change],
    probes: &[Probe],
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    let Some(kubelet) = site.node.kubelet() else { return Ok(()) };
    for effect in &EFFECTS {
        let mut edits = changes.iter().flat_map(|change| &change.edits);
        if !edits.any(|attributed| effect.is_of(&attributed.edit)) {
            continue;
        }
        let Some(request) = effect.request(probes) else { continue };
        let answer = kubelet.probe(&request);
        let told = format!("{} answers {}", shown(&request), super::shown_answer(answer));
        if (effect.denies)(answer) {
            let (name, _) = effect.setting;
            return Err(Unhealthy(format!("{component}: {name} has no effect: {told}")));
        }
        if (effect.proves)(answer) {
            evidence.add(Some(component), true, told)?;
        }
    }
    Ok(())
}
