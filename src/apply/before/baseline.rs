//! The node is healthy before anything is touched: otherwise nobody could say afterwards whose fault it is.

use std::{collections::BTreeMap, time::Duration};

use super::Standing;
use crate::{
    apply::{
        Site,
        verify::{CALM, Emit, Expected, POLL, expected_of, shown, shown_answer},
    },
    model::{Component, NodeFacts, Observation, ProcessFact},
    node::{Files, KubeletView, collect},
};

/// How long everything must be good without a break.
pub(in crate::apply) const GOOD: Duration = Duration::from_secs(30);

/// How long to wait for such a stretch.
const PATIENCE: Duration = Duration::from_secs(90);

/// Process and start time of every component.
type Alive = BTreeMap<Component, (u32, u64)>;

/// Waits until every static pod's own probes and the kubelet's health check were good for [`GOOD`], and no
/// component restarted meanwhile.
pub(super) fn take(
    site: Site<'_>,
    kubelet: &dyn KubeletView,
    facts: &NodeFacts,
    emit: &mut Emit<'_>,
) -> Result<(), Standing> {
    let clock = site.node.clock();
    let watched = expected_of(facts);
    let began = clock.monotonic();
    let mut good: Option<(Duration, Alive)> = None;
    loop {
        let now = clock.monotonic();
        let alive = alive(site.node.files());
        let trouble = trouble(kubelet, &watched, &alive);
        good = match (&trouble, good) {
            (Some(_), _) => None,
            (None, Some((since, before))) if before == alive => Some((since, before)),
            (None, _) => Some((now, alive)),
        };
        if let Some((since, alive)) = &good
            && now.saturating_sub(*since) >= GOOD
        {
            let names: Vec<&str> = alive.keys().map(|component| component.as_str()).collect();
            let text =
                format!("healthy for {} s before the change: {}", GOOD.as_secs(), names.join(", "));
            return Ok(emit(Observation { component: None, text, proves: false })?);
        }
        if now.saturating_sub(began) > PATIENCE {
            let what = trouble.unwrap_or_else(|| "components restart".to_owned());
            return Err(Standing(format!(
                "the node is not healthy before the change ({what}): repair that first, so that a failure can be told from this one"
            )));
        }
        clock.sleep(if good.is_some() { CALM } else { POLL });
    }
}

fn alive(files: &dyn Files) -> Alive {
    collect::processes(files)
        .into_iter()
        .filter_map(|(component, fact)| match fact {
            ProcessFact::Running(process) => Some((component, (process.pid, process.start))),
            _ => None,
        })
        .collect()
}

/// The first thing that is not as it should be.
fn trouble(kubelet: &dyn KubeletView, watched: &[Expected], alive: &Alive) -> Option<String> {
    if !kubelet.healthy() {
        return Some("the kubelet does not answer its health check".to_owned());
    }
    watched.iter().find_map(|expected| {
        let component = expected.component();
        if !alive.contains_key(&component) {
            return Some(format!("{component} does not run"));
        }
        expected.probes().iter().find_map(|probe| {
            let answer = kubelet.probe(probe);
            (!answer.is_success())
                .then(|| format!("{component}: {} answers {}", shown(probe), shown_answer(answer)))
        })
    })
}
