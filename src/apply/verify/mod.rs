//! Verification: what must be seen before a step counts as done, and before a rollback counts as whole.
//!
//! A [`Proof`] holds at least one observation that speaks for the change; nothing else lets a step be
//! journalled as verified. Nothing here writes to the node.

mod agreed;
mod effects;
mod held;
pub(super) mod kubelet;
mod look;
mod static_pod;
mod wedge;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Site,
    file::{self, Side},
};
use crate::{
    model::{
        Change, ChangeKind, Component, Observation, Process, ProcessFact, RecordKind, Step,
        StepTarget, facts::StaticPod, journal::FileIntent,
    },
    node::{KubeletView, Node, NodeError, collect},
    store::backup,
    text::{manifest, yaml},
};

pub(super) use effects::seen_of;
pub(super) use held::{Held, Seen};
pub(super) use look::{expected_of, kubelet_answers, well};
use static_pod::Deadlines;
pub(super) use static_pod::{Expected, shown, shown_answer, soak};

/// Time between two looks while something is awaited.
pub(super) const POLL: Duration = Duration::from_millis(200);

/// Time between two looks at what is well and only has to stay so.
pub(super) const CALM: Duration = Duration::from_secs(1);

/// How long controller-manager and scheduler may take to come back after the API server or etcd restarted:
/// they end themselves when they cannot renew their lease (`facts`: 10 s) and are started again.
pub(super) const BYSTANDERS: Duration = Duration::from_secs(120);

/// The same on the way back: after a long absence they wait for their next start up to five minutes.
const BYSTANDERS_BACK: Duration = Duration::from_secs(6 * 60);

/// Components that lead by a lease.
const LEADERS: [Component; 2] = [Component::KubeControllerManager, Component::KubeScheduler];

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
#[derive(Debug)]
pub(super) struct Baseline {
    processes: BTreeMap<Component, ProcessFact>,
    /// When it was taken.
    at: Timestamp,
}

impl Baseline {
    /// Looks at the processes now.
    pub(super) fn take(node: &dyn Node) -> Self {
        let processes =
            node.kubelet().map_or_else(BTreeMap::new, |_| collect::processes(node.files()));
        Self { processes, at: node.clock().now() }
    }

    pub(super) fn process(&self, component: Component) -> Option<&Process> {
        self.processes.get(&component).and_then(ProcessFact::running)
    }
}

/// Proves one step whose files were just written.
pub(super) fn step(
    site: Site<'_>,
    step: &Step,
    files: &[&FileIntent],
    baseline: &Baseline,
    emit: &mut Emit<'_>,
) -> Result<Proof, Unhealthy> {
    let mut evidence = Evidence::new(emit);
    if let (Some(kubelet), Some(component)) = (site.node.kubelet(), step.target.restarts()) {
        restarted(site, kubelet, component, step, baseline, &mut evidence)?;
    }
    for file in files {
        on_disk(site.node, file, step.target, &mut evidence)?;
    }
    evidence.proof()
}

fn restarted(
    site: Site<'_>,
    kubelet: &dyn KubeletView,
    component: Component,
    step: &Step,
    baseline: &Baseline,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    let old = baseline.process(component);
    if component == Component::Kubelet {
        kubelet::restarted(site, kubelet, old, baseline.at, evidence)?;
        return effects::show(site, component, &step.changes, &[], evidence);
    }
    let Some((change, pod)) =
        step.changes.iter().find_map(|c| Some((c, planned_pod(c, component)?)))
    else {
        return Err(Unhealthy(format!("the plan holds no manifest of {component}")));
    };
    if means_the_same(change) {
        return static_pod::unmoved(site.node, component, old, evidence);
    }
    let Some(expected) = Expected::of(component, &pod) else {
        return Err(Unhealthy(format!("the plan holds no container of {component}")));
    };
    static_pod::prove(site, kubelet, &expected, old, Deadlines::forward(component), evidence)?;
    effects::show(site, component, &step.changes, expected.probes(), evidence)?;
    bystanders(site, kubelet, component, baseline, evidence)?;
    let leaders = leaders(component, &expected, baseline);
    agreed::wait(site, &agreed::Wanted::leases(&leaders), evidence)
}

/// Whose leases must be renewed after this component restarted.
fn leaders(component: Component, expected: &Expected, baseline: &Baseline) -> Vec<Component> {
    match component {
        // Both lean on it, and were away while it was.
        Component::KubeApiserver | Component::Etcd => {
            let leads = |c: &Component| {
                baseline.process(*c).is_some_and(|process| static_pod::leads(&process.argv))
            };
            LEADERS.into_iter().filter(leads).collect()
        }
        _ if LEADERS.contains(&component) && static_pod::leads(expected.args()) => vec![component],
        _ => Vec::new(),
    }
}

/// The pod a change plans, when it runs this component.
fn planned_pod(change: &Change, component: Component) -> Option<StaticPod> {
    let after = change.kind.after()?;
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

/// What cannot do without a component.
const fn leaning_on(component: Component) -> &'static [Component] {
    match component {
        Component::Etcd => {
            &[Component::KubeApiserver, Component::KubeControllerManager, Component::KubeScheduler]
        }
        Component::KubeApiserver => &LEADERS,
        _ => &[],
    }
}

/// What restarts by itself when the API server or etcd was away must be back before the next step, whose
/// own baseline is then taken from it.
fn bystanders(
    site: Site<'_>,
    kubelet: &dyn KubeletView,
    component: Component,
    baseline: &Baseline,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    for &other in leaning_on(component) {
        let Some(old) = baseline.process(other) else { continue };
        let pid = static_pod::back(site, kubelet, other, BYSTANDERS)?;
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
    let side = file::side(node, file)?;
    match &side {
        Side::After | Side::Either => {}
        Side::Before => return Err(Unhealthy(format!("{} has its old state again", file.path))),
        Side::Between => return Err(Unhealthy(format!("{} is changed only half", file.path))),
        Side::Foreign(what) => {
            return Err(Unhealthy(format!("{} was changed by somebody else: {what}", file.path)));
        }
    }
    let state = match &file.after {
        Some(meta) => format!("{} is {:04o} {}:{}", file.path, meta.mode, meta.uid, meta.gid),
        None if side == Side::Either => format!("{} stays, there is something in it", file.path),
        None => format!("{} is gone", file.path),
    };
    let text = match (target.restarts(), node.kubelet()) {
        (Some(_), None) => format!("{state} on disk, takes effect at the next start"),
        _ => format!("{state} on disk"),
    };
    evidence.add(target.restarts(), true, text)
}

/// Proves that the node is as before, after the files came back: the old arguments run again, and stay.
/// `began` is when the first file was written.
pub(super) fn restored(
    site: Site<'_>,
    files: &[FileIntent],
    targets: &BTreeSet<StepTarget>,
    began: Timestamp,
    emit: &mut Emit<'_>,
) -> Result<(), Unhealthy> {
    let Some(view) = site.node.kubelet() else { return Ok(()) };
    let mut evidence = Evidence::new(emit);
    let restart = || -> Result<Baseline, Unhealthy> {
        let old = Baseline::take(site.node);
        view.restart()?;
        Ok(old)
    };
    // Only a kubelet that runs starts what was put back.
    let ours = targets.contains(&StepTarget::Kubelet);
    let gone = ours && look::process(site.node, Component::Kubelet).is_none();
    let started = gone.then(restart).transpose()?;
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
        let Some(expected) = restored_pod(site.node, files, component)? else { continue };
        let deadlines = Deadlines::back(component, began);
        static_pod::prove(site, view, &expected, None, deadlines, &mut evidence)?;
    }
    leaning_again(site, view, targets, &mut evidence)?;
    if ours {
        let old = started.map_or_else(restart, Ok)?;
        let process = old.process(Component::Kubelet);
        kubelet::restarted(site, view, process, old.at, &mut evidence)?;
    }
    Ok(())
}

/// What was away with the components that were put back is back too, and whoever leads renews its lease.
fn leaning_again(
    site: Site<'_>,
    view: &dyn KubeletView,
    targets: &BTreeSet<StepTarget>,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    let put_back: BTreeSet<Component> =
        targets.iter().filter_map(|target| target.restarts()).collect();
    let leans = |component| put_back.iter().any(|other| leaning_on(*other).contains(&component));
    let mut leaders = Vec::new();
    for expected in look::expected_here(site.node)? {
        let component = expected.component();
        if leans(component) && !put_back.contains(&component) {
            let pid = static_pod::back(site, view, component, BYSTANDERS_BACK)?;
            evidence.add(
                Some(component),
                false,
                format!("{component} runs too (process {pid})"),
            )?;
        } else if !put_back.contains(&component) {
            continue;
        }
        if LEADERS.contains(&component) && static_pod::leads(expected.args()) {
            leaders.push(component);
        }
    }
    if put_back.iter().all(|component| *component == Component::Kubelet) {
        return Ok(());
    }
    let own = put_back.iter().any(|c| matches!(c, Component::KubeApiserver | Component::Etcd));
    let wanted = agreed::Wanted { may_be_silent: !own, ..agreed::Wanted::leases(&leaders) };
    agreed::wait(site, &wanted, evidence)
}

/// The pod that runs once a file has its old text again, read from the disk.
fn restored_pod(
    node: &dyn Node,
    files: &[FileIntent],
    component: Component,
) -> Result<Option<Expected>, Unhealthy> {
    for file in files.iter().filter(|file| file.content.is_some() && file.before.is_some()) {
        let bytes = node.files().read(&file.path, backup::LIMIT)?;
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let Ok(pod) = manifest::parse(&file.path, &text) else { continue };
        if let Some(expected) = Expected::of(component, &pod) {
            return Ok(Some(expected));
        }
    }
    Ok(None)
}
