//! Proof that a static pod runs as its manifest says.
//!
//! The order of belief: a new process with the planned arguments first (the old one answers health checks
//! until it is gone), then the kubelet's own verdict on *that* pod and the manifest's own probes without
//! credentials, then all of it for a while without a restart.

use std::time::Duration;

use jiff::Timestamp;

use super::{CALM, Evidence, POLL, Unhealthy, wedge};
use crate::{
    apply::Site,
    model::{
        Component, Process, ProcessFact,
        facts::{Probe, StaticPod},
    },
    node::{KubeletView, Node, NodeError, PodStatus, ProbeAnswer, collect},
    text,
};

/// How long a probe may fail, once the time to start is over, before it counts as unhealthy.
const GRACE: Duration = Duration::from_secs(10);

/// How long the old manifest may take to run again, and then to serve.
const BACK: Duration = Duration::from_secs(180);

/// Ends of the process before the way is given up: the second is a crash loop.
const ENDS: u32 = 2;

/// What must run.
#[derive(Debug)]
pub(in crate::apply) struct Expected {
    component: Component,
    args: Vec<String>,
    probes: Vec<Probe>,
    /// How long the kubelet itself waits for the pod to start.
    startup_window: Duration,
}

impl Expected {
    /// What the manifest says of this component.
    pub(in crate::apply) fn of(component: Component, pod: &StaticPod) -> Option<Self> {
        let container = pod.container(component)?;
        let mut probes: Vec<Probe> = Vec::new();
        for probe in [&container.readiness, &container.liveness, &container.startup] {
            // The same request twice says nothing new.
            let target =
                |p: &Probe| (p.host.clone(), p.port, p.path.clone(), p.tls, p.headers.clone());
            if let Some(probe) = probe
                && !probes.iter().any(|known| target(known) == target(probe))
            {
                probes.push(probe.clone());
            }
        }
        let startup_window = container.startup.as_ref().map_or(Duration::ZERO, |probe| {
            let seconds = probe.initial_delay + probe.period * probe.failure_threshold;
            Duration::from_secs(u64::from(seconds))
        });
        let args = container.args.iter().map(|arg| arg.text.clone()).collect();
        Some(Self { component, args, probes, startup_window })
    }

    /// Whose.
    pub(in crate::apply) const fn component(&self) -> Component {
        self.component
    }

    /// Its arguments, the program first.
    pub(super) fn args(&self) -> &[String] {
        &self.args
    }

    /// What the kubelet asks it, each request once.
    pub(in crate::apply) fn probes(&self) -> &[Probe] {
        &self.probes
    }

    /// How long everything must stay good. Without the kubelet's verdict the whole time it gives the pod to
    /// start is watched.
    fn watched(&self, verdict: bool, deadlines: Deadlines) -> Duration {
        if verdict { deadlines.soak } else { deadlines.soak.max(self.startup_window) }
    }

    /// Longest time a proof can take; what still changes then never comes to rest.
    fn budget(&self, deadlines: Deadlines) -> Duration {
        deadlines.noticed + deadlines.serving + 2 * self.watched(false, deadlines)
    }

    /// What is new about the arguments, for a person.
    fn told(&self, old: Option<&Process>) -> String {
        let Some(old) = old else { return "runs with the planned arguments".to_owned() };
        let missing = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|arg| !those.contains(arg)).cloned().collect()
        };
        let [new, gone] = [missing(&self.args, &old.argv), missing(&old.argv, &self.args)];
        match (new.is_empty(), gone.is_empty()) {
            (true, true) => "runs with the same arguments".to_owned(),
            (false, _) => format!("runs with {}", new.join(" ")),
            (true, false) => format!("runs without {}", gone.join(" ")),
        }
    }

    /// The process runs with these arguments; `$(NAME)` is filled in by the kubelet, so the rest of such an
    /// argument is not compared.
    pub(in crate::apply) fn matches(&self, process: &Process) -> bool {
        self.args.len() == process.argv.len()
            && self.args.iter().zip(&process.argv).all(|(planned, actual)| {
                match planned.split_once("$(") {
                    Some((fixed, _)) => actual.starts_with(fixed),
                    None => planned == actual,
                }
            })
    }
}

/// How long each phase may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    /// Until the process is there.
    noticed: Duration,
    /// From then until kubelet and probes agree.
    serving: Duration,
    /// How long it must then stay so.
    soak: Duration,
    /// A restart within the new pod is a failure.
    no_restarts: bool,
    /// On the way back: when the change was begun that may have cut the kubelet off.
    wedged_since: Option<Timestamp>,
}

impl Deadlines {
    /// For a change.
    pub(super) fn forward(component: Component) -> Self {
        Self {
            noticed: Duration::from_secs(60),
            serving: serving(component),
            soak: soak(component),
            no_restarts: true,
            wedged_since: None,
        }
    }

    /// For the way back from a change that was begun then: longer, and a pod that had crashed may have to
    /// wait before it starts again.
    pub(super) fn back(component: Component, began: Timestamp) -> Self {
        Self {
            noticed: BACK,
            serving: BACK,
            soak: soak(component),
            no_restarts: false,
            wedged_since: Some(began),
        }
    }
}

fn serving(component: Component) -> Duration {
    Duration::from_secs(match component {
        Component::KubeApiserver | Component::Etcd => 120,
        _ => 60,
    })
}

/// How long it must stay well without a restart.
pub(in crate::apply) const fn soak(component: Component) -> Duration {
    Duration::from_secs(match component {
        Component::KubeApiserver | Component::Etcd => 90,
        _ => 60,
    })
}

/// It runs for an election and so renews a lease.
pub(super) fn leads(argv: &[String]) -> bool {
    let elects = text::flags::value(argv, "leader-elect");
    elects.and_then(|value| text::values::go_bool(&value)) != Some(false)
}

/// What the kubelet says of a component's pod: itself, or in the mirror pod it keeps in the API.
pub(super) fn pod_status(
    site: Site<'_>,
    view: &dyn KubeletView,
    component: Component,
) -> Result<Option<PodStatus>, NodeError> {
    let own = view.pod_status(component)?;
    // No answer of the API server is no verdict.
    Ok(own.or_else(|| site.cluster?.pod_status(component).ok().flatten()))
}

/// The process of a component for which `wanted` holds.
pub(super) fn running(
    node: &dyn Node,
    component: Component,
    wanted: impl Fn(&Process) -> bool,
) -> Option<Process> {
    match collect::processes(node.files()).remove(&component)? {
        ProcessFact::Running(process) => Some(process).filter(wanted),
        ProcessFact::Ambiguous { candidates } => candidates.into_iter().find(wanted),
        ProcessFact::Absent | ProcessFact::Unreadable { .. } => None,
    }
}

/// What is known of the process under watch.
struct Watch {
    process: Process,
    /// Seen since.
    since: Duration,
    /// The kubelet has spoken of this pod.
    verdict: bool,
    /// Everything has been good since.
    good: Option<Duration>,
    /// Good at the last look, or last good then.
    last_good: Duration,
}

/// One look at the process under watch.
struct Look {
    /// Probes answer and the kubelet (where it speaks) says started and ready.
    good: bool,
    /// What is missing, for a person.
    missing: String,
}

/// Proves that the component runs as expected: not as `old`, with the expected arguments, ready, and stays so.
pub(super) fn prove(
    site: Site<'_>,
    view: &dyn KubeletView,
    expected: &Expected,
    old: Option<&Process>,
    deadlines: Deadlines,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    let component = expected.component;
    let node = site.node;
    let clock = node.clock();
    let began = clock.monotonic();
    let mut wedge = deadlines.wedged_since.map(wedge::Wedge::since);
    let is_new = |process: &Process| old.is_none_or(|old| differs(old, process));
    let mut watch: Option<Watch> = None;
    let mut ends = 0;
    let mut first_seen = None;
    loop {
        let now = clock.monotonic();
        if now.saturating_sub(began) > expected.budget(deadlines) {
            return Err(Unhealthy(format!("{component} does not come to rest")));
        }
        let process = running(node, component, |p| is_new(p) && expected.matches(p));
        let same = match (&watch, &process) {
            (Some(watch), Some(process)) => !differs_in_id(&watch.process, process),
            (None, None) => true,
            _ => false,
        };
        if !same {
            if let Some(ended) = watch.take() {
                ends += 1;
                if deadlines.no_restarts && (ended.good.is_some() || ends >= ENDS) {
                    let pid = ended.process.pid;
                    let when = if ended.good.is_some() {
                        "ended while it was watched"
                    } else {
                        "ended soon after its start, again"
                    };
                    return Err(Unhealthy(format!(
                        "{component} process {pid} {when}: its log in /var/log/pods says why"
                    )));
                }
            }
            if let Some(process) = process {
                first_seen.get_or_insert(now);
                let text = format!("new process {} {}", process.pid, expected.told(old));
                evidence.add(Some(component), true, text)?;
                watch =
                    Some(Watch { process, since: now, verdict: false, good: None, last_good: now });
            }
        }
        if let Some(watch) = &mut watch {
            let look = look(site, view, expected, watch, deadlines)?;
            if settle(watch, &look, now, expected, deadlines, evidence)? {
                return Ok(());
            }
        } else {
            absent(node, expected, &is_new, first_seen, began, now, deadlines)?;
            if let Some(wedge) = &mut wedge {
                wedge.break_up(node, view, component, now.saturating_sub(began), evidence)?;
            }
        }
        let calm = watch.as_ref().is_some_and(|watch| watch.good.is_some());
        clock.sleep(if calm { CALM } else { POLL });
    }
}

/// The process is not there (yet, or any more): says when that has lasted too long.
fn absent(
    node: &dyn Node,
    expected: &Expected,
    is_new: &dyn Fn(&Process) -> bool,
    first_seen: Option<Duration>,
    began: Duration,
    now: Duration,
    deadlines: Deadlines,
) -> Result<(), Unhealthy> {
    let component = expected.component;
    let (since, limit) = match first_seen {
        Some(seen) => (seen, deadlines.serving + expected.watched(false, deadlines)),
        None => (began, deadlines.noticed),
    };
    if now.saturating_sub(since) <= limit {
        return Ok(());
    }
    let seconds = limit.as_secs();
    let why = if first_seen.is_some() {
        format!("{component} ended and did not come back within {seconds} s")
    } else if running(node, component, is_new).is_some() {
        format!(
            "{component} restarted with other arguments than planned: is there a second manifest for it in the same folder?"
        )
    } else {
        format!(
            "no new {component} process within {seconds} s: 'journalctl -u kubelet' says why the manifest was not taken, if no second manifest in its folder takes its place"
        )
    };
    Err(Unhealthy(why))
}

/// Asks the kubelet and the probes.
fn look(
    site: Site<'_>,
    view: &dyn KubeletView,
    expected: &Expected,
    watch: &mut Watch,
    deadlines: Deadlines,
) -> Result<Look, Unhealthy> {
    let component = expected.component;
    let status = pod_status(site, view, component)?
        .filter(|status| watch.process.pod.as_ref() == Some(&status.pod));
    let mut missing = Vec::new();
    if let Some(status) = status {
        watch.verdict = true;
        if deadlines.no_restarts && status.restarts > 0 {
            return Err(Unhealthy(format!(
                "{component} crashes: the kubelet restarted it {} times (see 'crictl ps -a --name {component}')",
                status.restarts
            )));
        }
        if !(status.started && status.ready) {
            missing.push("the kubelet does not say ready".to_owned());
        }
    } else if watch.verdict {
        // It spoke of this pod before: silence is no consent.
        missing.push("the kubelet gives no verdict any more".to_owned());
    }
    for probe in &expected.probes {
        let answer = view.probe(probe);
        if answer == ProbeAnswer::Status(401) {
            return Err(Unhealthy(format!(
                "{component} answers its own probe {} with 401: the kubelet asks without credentials and would end it again and again",
                shown(probe)
            )));
        }
        if !answer.is_success() {
            missing.push(format!("{} answers {}", shown(probe), shown_answer(answer)));
        }
    }
    Ok(Look { good: missing.is_empty(), missing: missing.join(", ") })
}

/// Whether the process under watch has proved itself.
fn settle(
    watch: &mut Watch,
    look: &Look,
    now: Duration,
    expected: &Expected,
    deadlines: Deadlines,
    evidence: &mut Evidence<'_, '_>,
) -> Result<bool, Unhealthy> {
    let component = Some(expected.component);
    let needed = expected.watched(watch.verdict, deadlines);
    if !look.good {
        watch.good = None;
        let late = now.saturating_sub(watch.since) > deadlines.serving;
        if late && now.saturating_sub(watch.last_good) > GRACE {
            return Err(Unhealthy(format!(
                "{} is not healthy {} s after its start: {}",
                expected.component,
                now.saturating_sub(watch.since).as_secs(),
                look.missing
            )));
        }
        return Ok(false);
    }
    watch.last_good = now;
    let Some(since) = watch.good else {
        watch.good = Some(now);
        let text = if watch.verdict {
            format!("the kubelet says started and ready; watching for {} s", needed.as_secs())
        } else {
            "it answers its probes; the kubelet has not said ready yet".to_owned()
        };
        evidence.add(component, false, text)?;
        return Ok(false);
    };
    if now.saturating_sub(since) < needed {
        return Ok(false);
    }
    if watch.verdict {
        evidence.add(component, true, "the kubelet says started and ready".to_owned())?;
    } else {
        let text = "the kubelet gave no verdict; watched for as long as it lets the pod start";
        evidence.add(component, false, text.to_owned())?;
    }
    for probe in &expected.probes {
        let text = format!("{} answers without credentials", shown(probe));
        evidence.add(component, true, text)?;
    }
    evidence.add(component, true, format!("no restart for {} s", needed.as_secs()))?;
    Ok(true)
}

/// A manifest that means the same restarts nothing: the same process goes on.
pub(super) fn unmoved(
    node: &dyn Node,
    component: Component,
    old: Option<&Process>,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    let Some(old) = old else { return Ok(()) };
    if running(node, component, |process| !differs_in_id(old, process)).is_none() {
        return Err(Unhealthy(format!(
            "{component} restarted although its manifest means the same"
        )));
    }
    let text = format!("process {} goes on: the manifest means the same as before", old.pid);
    evidence.add(Some(component), true, text)
}

/// Waits until a component that was not changed runs and is ready; answers its process.
pub(super) fn back(
    site: Site<'_>,
    view: &dyn KubeletView,
    component: Component,
    limit: Duration,
) -> Result<u32, Unhealthy> {
    let clock = site.node.clock();
    let began = clock.monotonic();
    loop {
        let process = running(site.node, component, |_| true);
        let status = pod_status(site, view, component)?;
        let late = clock.monotonic().saturating_sub(began) > limit;
        match (process, status) {
            (Some(process), Some(status))
                if process.pod.as_ref() == Some(&status.pod) && status.started && status.ready =>
            {
                return Ok(process.pid);
            }
            // The kubelet's verdict cannot be had: that it runs is all there is to see.
            (Some(process), None) if late => return Ok(process.pid),
            _ if late => {
                return Err(Unhealthy(format!(
                    "{component} did not come back within {} s",
                    limit.as_secs()
                )));
            }
            _ => clock.sleep(POLL),
        }
    }
}

fn differs_in_id(one: &Process, other: &Process) -> bool {
    (one.pid, one.start) != (other.pid, other.start)
}

/// Another process in another pod: a restart within the old pod is still the old arguments.
fn differs(old: &Process, process: &Process) -> bool {
    differs_in_id(old, process) && (old.pod.is_none() || old.pod != process.pod)
}

/// A probe as a person reads it.
pub(in crate::apply) fn shown(probe: &Probe) -> String {
    let scheme = match (&probe.path, probe.tls) {
        (None, _) => "tcp",
        (Some(_), true) => "https",
        (Some(_), false) => "http",
    };
    let host = probe.host.as_deref().unwrap_or("127.0.0.1");
    format!("{scheme}://{host}:{}{}", probe.port, probe.path.as_deref().unwrap_or_default())
}

/// What came back, as a person reads it.
pub(in crate::apply) fn shown_answer(answer: ProbeAnswer) -> String {
    match answer {
        ProbeAnswer::Status(status) => status.to_string(),
        ProbeAnswer::Refused => "nothing (connection refused)".to_owned(),
        ProbeAnswer::TimedOut => "nothing in time".to_owned(),
        ProbeAnswer::Broken => "nothing it could read (connection broken)".to_owned(),
    }
}
