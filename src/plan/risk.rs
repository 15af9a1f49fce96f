//! How risky a fix is on this node: the catalogue's tier, raised where this node is different.

use super::{actions, select::Candidate, work::Work};
use crate::model::{Component, Minor, NodeFacts, PathVar, StepTarget, Tier};

/// Up to this version a restarted kubelet turns all its pods `NotReady` for a moment.
const NOT_READY_UP_TO: Minor = Minor { major: 1, minor: 34 };

/// Files that control plane components read: a wrong owner there stops one that does not run as root.
const READ_BY_CONTROL_PLANE: [PathVar; 11] = [
    PathVar::ApiserverManifest,
    PathVar::ControllerManagerManifest,
    PathVar::SchedulerManifest,
    PathVar::EtcdManifest,
    PathVar::EtcdDataDir,
    PathVar::AdminKubeconfigs,
    PathVar::SchedulerKubeconfig,
    PathVar::ControllerManagerKubeconfig,
    PathVar::PkiTree,
    PathVar::PkiCertificates,
    PathVar::PkiKeys,
];

/// The tier of a control's fix on this node.
pub(super) fn on_this_node(facts: &NodeFacts, candidate: &Candidate<'_>, works: &[Work]) -> Tier {
    let restarts_kubelet = works
        .iter()
        .filter_map(|work| work.content.as_ref())
        .any(|(_, engine)| engine.target() == StepTarget::Kubelet);
    let unsettles_pods =
        facts.profile.version.as_ref().is_none_or(|version| version.minor <= NOT_READY_UP_TO);
    let locks_out = runs_rootless(facts)
        && actions::places(&candidate.control.check)
            .iter()
            .any(|place| READ_BY_CONTROL_PLANE.contains(place));
    if locks_out || (restarts_kubelet && unsettles_pods) {
        candidate.tier.max(Tier::R3)
    } else {
        candidate.tier
    }
}

/// A control plane component runs as another user than root.
fn runs_rootless(facts: &NodeFacts) -> bool {
    Component::STATIC_PODS.into_iter().any(|component| {
        let by_manifest = facts
            .manifests_of(component)
            .into_iter()
            .filter_map(|manifest| manifest.pod.ok()?.container(component)?.run_as_user)
            .any(|user| user != 0);
        by_manifest || facts.process(component).is_some_and(|process| process.uid != 0)
    })
}
