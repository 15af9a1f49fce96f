//! Verification: what must be seen before a step counts as done, and before a rollback counts as whole.
//!
//! A [`Proof`] holds at least one observation that speaks for the change; nothing else lets a step be
//! journalled as verified. Nothing here writes to the node.

mod held;
mod kubelet;
mod static_pod;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    time::Duration,
};

use super::file::{self, Side};
use crate::{
    model::{
        Change, ChangeKind, Component, Observation, Process, ProcessFact, RecordKind, Step,
        StepTarget, facts::StaticPod, journal::FileIntent,
    },
    node::{KubeletView, Node, NodeError, collect},
    store::backup,
    text::{manifest, yaml},
};

pub(super) use held::Held;
use static_pod::Deadlines;
pub(super) use static_pod::{Expected, shown, shown_answer};

/// Time between two looks.
pub(super) const POLL: Duration = Duration::from_millis(200);

/// How long controller-manager and scheduler may take to come back after the API server or etcd restarted:
/// they end themselves when they cannot renew their lease (`facts`: 10 s) and are started again.
const BYSTANDERS: Duration = Duration::from_secs(120);

/// Why something is not proved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unhealthy(String);

impl From<NodeError> for Unhealthy {
    fn from(error: NodeError) -> Self {
        Self(error.to_string())
    }
}

/// At least one observation spoke for the change. Only [`Evidence::proof`] makes one.
#[derive(Debug)]
pub(super) struct Proof {
    _observations: NonZeroUsize,
}

impl Proof {
    /// The journal's record that this step has proved itself: there is no other way to write it.
    pub(super) fn record(self, step: usize) -> RecordKind {
        let Self { _observations: _ } = self;
        RecordKind::Verified { step }
    }
}

/// Where observations are told as they are made.
pub(super) type Emit<'e> = dyn FnMut(Observation) -> Result<(), NodeError> + 'e;

/// Observations on their way to a proof.
struct Evidence<'e, 'f> {
    emit: &'e mut Emit<'f>,
    proving: usize,
}

impl<'e, 'f> Evidence<'e, 'f> {
    fn new(emit: &'e mut Emit<'f>) -> Self {
        Self { emit, proving: 0 }
    }

    fn add(
        &mut self,
        component: Option<Component>,
        proves: bool,
        text: String,
    ) -> Result<(), Unhealthy> {
        (self.emit)(Observation { component, text, proves })?;
        self.proving += usize::from(proves);
        Ok(())
    }

    /// Nothing observed is not healthy.
    fn proof(self) -> Result<Proof, Unhealthy> {
        match NonZeroUsize::new(self.proving) {
            Some(observations) => Ok(Proof { _observations: observations }),
            None => Err(Unhealthy("nothing was observed that proves the change".to_owned())),
        }
    }
}

/// What runs before a step; empty where no kubelet can be asked.
#[derive(Debug, Default)]
pub(super) struct Baseline(BTreeMap<Component, ProcessFact>);

impl Baseline {
    /// Looks at the processes now.
    pub(super) fn take(node: &dyn Node) -> Self {
        node.kubelet().map_or_else(Self::default, |_| Self(collect::processes(node.files())))
    }

    fn process(&self, component: Component) -> Option<&Process> {
        self.0.get(&component).and_then(ProcessFact::running)
    }
}

/// Proves one step whose files were just written.
pub(super) fn step(
    node: &dyn Node,
    step: &Step,
    files: &[&FileIntent],
    baseline: &Baseline,
    emit: &mut Emit<'_>,
) -> Result<Proof, Unhealthy> {
    let mut evidence = Evidence::new(emit);
    if let (Some(kubelet), Some(component)) = (node.kubelet(), step.target.restarts()) {
        restarted(node, kubelet, component, step, baseline, &mut evidence)?;
    }
    for file in files {
        on_disk(node, file, step.target, &mut evidence)?;
    }
    evidence.proof()
}

fn restarted(
    node: &dyn Node,
    kubelet: &dyn KubeletView,
    component: Component,
    step: &Step,
    baseline: &Baseline,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    if component == Component::Kubelet {
        return kubelet::restarted(node, kubelet, baseline.process(component), evidence);
    }
    let Some((change, pod)) =
        step.changes.iter().find_map(|c| Some((c, planned_pod(c, component)?)))
    else {
        return Err(Unhealthy(format!("the plan holds no manifest of {component}")));
    };
    if means_the_same(change) {
        return static_pod::unmoved(node, component, baseline.process(component), evidence);
    }
    let Some(expected) = Expected::of(component, &pod) else {
        return Err(Unhealthy(format!("the plan holds no container of {component}")));
    };
    let old = baseline.process(component);
    static_pod::prove(node, kubelet, &expected, old, Deadlines::forward(component), evidence)?;
    bystanders(node, kubelet, component, baseline, evidence)
}

/// The pod a change plans, when it runs this component.
fn planned_pod(change: &Change, component: Component) -> Option<StaticPod> {
    let ChangeKind::Content { after, .. } = &change.kind else { return None };
    let pod = manifest::parse(&change.path, &after.text).ok()?;
    pod.container(component).is_some().then_some(pod)
}

/// The kubelet compares pods, not bytes: a changed comment restarts nothing.
fn means_the_same(change: &Change) -> bool {
    let ChangeKind::Content { before, after } = &change.kind else { return true };
    match (yaml::parse(&before.text), yaml::parse(&after.text)) {
        (Ok(before), Ok(after)) => before.value == after.value,
        _ => false,
    }
}

/// What restarts by itself when the API server or etcd was away must be back before the next step, whose
/// own baseline is then taken from it.
fn bystanders(
    node: &dyn Node,
    kubelet: &dyn KubeletView,
    component: Component,
    baseline: &Baseline,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    let leaning: &[Component] = match component {
        Component::Etcd => {
            &[Component::KubeApiserver, Component::KubeControllerManager, Component::KubeScheduler]
        }
        Component::KubeApiserver => &[Component::KubeControllerManager, Component::KubeScheduler],
        _ => &[],
    };
    for &other in leaning {
        let Some(old) = baseline.process(other) else { continue };
        let pid = static_pod::back(node, kubelet, other, BYSTANDERS)?;
        let text = if pid == old.pid {
            format!("{other} kept running (process {pid})")
        } else {
            format!("{other} restarted because {component} was away, as expected (process {pid})")
        };
        evidence.add(Some(other), false, text)?;
    }
    Ok(())
}

/// The file still is what was planned, read again.
fn on_disk(
    node: &dyn Node,
    file: &FileIntent,
    target: StepTarget,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    match file::side(node, file)? {
        Side::After => {}
        Side::Before => return Err(Unhealthy(format!("{} has its old state again", file.path))),
        Side::Between => return Err(Unhealthy(format!("{} is changed only half", file.path))),
        Side::Foreign(what) => {
            return Err(Unhealthy(format!("{} was changed by somebody else: {what}", file.path)));
        }
    }
    let meta = &file.after;
    let state = format!("{} is {:04o} {}:{}", file.path, meta.mode, meta.uid, meta.gid);
    let text = match (target.restarts(), node.kubelet()) {
        (Some(_), None) => format!("{state} on disk, takes effect at the next start"),
        _ => format!("{state} on disk"),
    };
    evidence.add(target.restarts(), true, text)
}

/// Proves that the node is as before, after the files came back: the old arguments run again, and stay.
pub(super) fn restored(
    node: &dyn Node,
    files: &[FileIntent],
    targets: &BTreeSet<StepTarget>,
) -> Result<(), Unhealthy> {
    let Some(view) = node.kubelet() else { return Ok(()) };
    let mut nobody = |_: Observation| Ok(());
    // What others lean on comes first; the kubelet never restarts before its API server is back.
    for component in [
        Component::Etcd,
        Component::KubeApiserver,
        Component::KubeScheduler,
        Component::KubeControllerManager,
    ] {
        if !StepTarget::of(component).is_some_and(|target| targets.contains(&target)) {
            continue;
        }
        let Some(expected) = restored_pod(node, files, component)? else { continue };
        let deadlines = Deadlines::back(component);
        static_pod::prove(node, view, &expected, None, deadlines, &mut Evidence::new(&mut nobody))?;
    }
    if targets.contains(&StepTarget::Kubelet) {
        let old = Baseline::take(node);
        view.restart()?;
        let old = old.process(Component::Kubelet);
        kubelet::restarted(node, view, old, &mut Evidence::new(&mut nobody))?;
    }
    Ok(())
}

/// The pod that runs once a file has its old text again, read from the disk.
fn restored_pod(
    node: &dyn Node,
    files: &[FileIntent],
    component: Component,
) -> Result<Option<Expected>, Unhealthy> {
    for file in files.iter().filter(|file| file.content.is_some()) {
        let bytes = node.files().read(&file.path, backup::LIMIT)?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let Ok(pod) = manifest::parse(&file.path, &text) else { continue };
        if let Some(expected) = Expected::of(component, &pod) {
            return Ok(Some(expected));
        }
    }
    Ok(None)
}
