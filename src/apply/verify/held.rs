//! What was proved still holds: looked at again and again while a person decides.
//!
//! A component that was changed goes on as the very process that proved itself. Scheduler and
//! controller-manager are the exception: they end themselves when they could not renew their lease, and
//! then count as what they are after it. Of what leans on a changed component only that it is there and well
//! counts: it may restart, not go on restarting. A kubelet that was not changed is nobody's proof and nobody's
//! fault: that it is away is told, and how long.

use std::time::Duration;

use super::{
    super::{
        Site,
        file::{self, Side},
    },
    BYSTANDERS, LEADERS, leaning_on,
    look::{self, Id, Look},
    static_pod::Expected,
};
use crate::{
    model::{Component, Observation, StepTarget, journal::FileIntent},
    node::{KubeletView, Node, NodeError},
};

/// How long something may be unwell: a busy machine, or a kubelet that was restarted, is so for a moment.
const UNWELL: Duration = Duration::from_secs(30);

/// A leader that ends so soon after the API server was away ended because of that.
const EXCUSED: Duration = Duration::from_secs(30);

/// Ends of something that leans on a change before the change is blamed.
const ENDS: u32 = 2;

/// Why a component is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It was changed.
    Changed,
    /// It leans on what was changed.
    Leans,
    /// Its absence excuses others.
    Excuse,
}

/// A static pod under watch.
#[derive(Debug)]
struct Pod {
    expected: Expected,
    part: Part,
    process: Option<Id>,
    unwell_since: Option<Duration>,
    gone_since: Option<Duration>,
    ends: u32,
}

/// The kubelet, of which every static pod is.
#[derive(Debug)]
struct Kubelet {
    changed: bool,
    process: Id,
    unwell_since: Option<Duration>,
}

/// What runs of what was changed and what leans on it, and the files that were changed.
#[derive(Debug)]
pub(in crate::apply) struct Held<'f> {
    files: &'f [FileIntent],
    pods: Vec<Pod>,
    kubelet: Option<Kubelet>,
    /// When the API server was last seen away.
    api_away: Option<Duration>,
}

/// One look at all of it.
#[derive(Debug)]
pub(in crate::apply) struct Seen {
    /// What is worth telling.
    pub(in crate::apply) told: Vec<Observation>,
    /// Nothing is unwell or on its way back.
    pub(in crate::apply) settled: bool,
    /// How long the kubelet has been away, which was not changed itself.
    pub(in crate::apply) kubelet_away: Option<Duration>,
}

impl<'f> Held<'f> {
    /// Remembers what runs now.
    pub(in crate::apply) fn take(
        node: &dyn Node,
        files: &'f [FileIntent],
        targets: impl Iterator<Item = StepTarget>,
    ) -> Result<Self, NodeError> {
        let mut held = Self { files, pods: Vec::new(), kubelet: None, api_away: None };
        if node.kubelet().is_none() {
            return Ok(held);
        }
        let changed: Vec<Component> = targets.filter_map(StepTarget::restarts).collect();
        let leans = |component| changed.iter().any(|other| leaning_on(*other).contains(&component));
        for expected in look::expected_here(node)? {
            let component = expected.component();
            let part = if changed.contains(&component) {
                Part::Changed
            } else if leans(component) {
                Part::Leans
            } else if component == Component::KubeApiserver {
                Part::Excuse
            } else {
                continue;
            };
            let process = look::process(node, component);
            let (unwell_since, gone_since) = (None, None);
            held.pods.push(Pod { expected, part, process, unwell_since, gone_since, ends: 0 });
        }
        // What others lean on is looked at before them.
        held.pods.sort_by_key(|pod| LEADERS.contains(&pod.expected.component()));
        if !changed.is_empty() {
            let changed = changed.contains(&Component::Kubelet);
            held.kubelet = look::process(node, Component::Kubelet).map(|process| Kubelet {
                changed,
                process,
                unwell_since: None,
            });
        }
        Ok(held)
    }

    /// An error says what does not hold any more.
    pub(in crate::apply) fn still(&mut self, site: Site<'_>) -> Result<Seen, String> {
        self.on_disk(site.node)?;
        let mut seen = Seen { told: Vec::new(), settled: true, kubelet_away: None };
        let Some(view) = site.node.kubelet() else { return Ok(seen) };
        let now = site.node.clock().monotonic();
        for pod in &mut self.pods {
            let look = look::at(site, view, &pod.expected);
            let component = pod.expected.component();
            let moved = look.id() != pod.process || !matches!(look, Look::Well(_));
            if component == Component::KubeApiserver && moved {
                self.api_away = Some(now);
            }
            if pod.part == Part::Excuse {
                pod.process = look.id();
                continue;
            }
            let excused = self.api_away.filter(|away| {
                LEADERS.contains(&component) && now.saturating_sub(*away) <= EXCUSED
            });
            seen.told.extend(pod.judge(look, now, excused)?);
            seen.settled &= pod.unwell_since.is_none() && pod.gone_since.is_none();
        }
        if let Some(kubelet) = &mut self.kubelet {
            seen.told.extend(kubelet.judge(site.node, view, now)?);
            seen.settled &= kubelet.unwell_since.is_none();
            let away = kubelet.unwell_since.filter(|_| !kubelet.changed);
            seen.kubelet_away = away.map(|since| now.saturating_sub(since));
        }
        Ok(seen)
    }

    fn on_disk(&self, node: &dyn Node) -> Result<(), String> {
        for file in self.files {
            match file::side(node, file).map_err(|error| error.to_string())? {
                Side::After | Side::Either => {}
                Side::Foreign(what) => {
                    return Err(format!("{} was changed by somebody else: {what}", file.path));
                }
                Side::Before | Side::Between => {
                    return Err(format!("{} has not its new state any more", file.path));
                }
            }
        }
        Ok(())
    }
}

impl Pod {
    fn judge(
        &mut self,
        look: Look,
        now: Duration,
        excused: Option<Duration>,
    ) -> Result<Option<Observation>, String> {
        let component = self.expected.component();
        if look.id().is_some() && look.id() == self.process {
            self.gone_since = None;
            let Look::Unwell(_, why) = look else {
                self.unwell_since = None;
                return Ok(None);
            };
            let since = *self.unwell_since.get_or_insert(now);
            if now.saturating_sub(since) > UNWELL {
                let seconds = UNWELL.as_secs();
                return Err(format!("{component} is not well for more than {seconds} s: {why}"));
            }
            return Ok(None);
        }
        if self.gone_since.is_none() {
            if self.part == Part::Changed && excused.is_none() {
                let pid = self.process.map_or(0, |(pid, _)| pid);
                return Err(format!("{component} process {pid} ended after it had proved itself"));
            }
            self.ends += u32::from(excused.is_none());
            if self.ends >= ENDS {
                return Err(format!("{component} ends again and again since the change"));
            }
            self.gone_since = Some(now);
        }
        if let Look::Well(id) = look {
            (self.process, self.gone_since, self.unwell_since) = (Some(id), None, None);
            let because = if excused.is_some() { " because the API server was away" } else { "" };
            let text = format!("{component} restarted by itself{because} (process {})", id.0);
            return Ok(Some(Observation { component: Some(component), text, proves: false }));
        }
        let since = self.gone_since.max(excused).unwrap_or(now);
        if now.saturating_sub(since) > BYSTANDERS {
            let seconds = BYSTANDERS.as_secs();
            return Err(format!("{component} ended and did not come back within {seconds} s"));
        }
        Ok(None)
    }
}

impl Kubelet {
    fn judge(
        &mut self,
        node: &dyn Node,
        view: &dyn KubeletView,
        now: Duration,
    ) -> Result<Option<Observation>, String> {
        let process = look::process(node, Component::Kubelet);
        if self.changed && process != Some(self.process) {
            let pid = self.process.0;
            return Err(format!("kubelet process {pid} ended after it had proved itself"));
        }
        let Some(process) = process.filter(|_| view.healthy()) else {
            let first = self.unwell_since.is_none();
            let since = *self.unwell_since.get_or_insert(now);
            if self.changed && now.saturating_sub(since) > UNWELL {
                let seconds = UNWELL.as_secs();
                return Err(format!(
                    "the kubelet does not answer its health check for {seconds} s"
                ));
            }
            let what = if process.is_some() { "answer its health check" } else { "run" };
            let text =
                format!("the kubelet does not {what}: no static pod is started until it does");
            return Ok(Some(told(text)).filter(|_| first));
        };
        let was_unwell = self.unwell_since.take().is_some();
        let text = if process != self.process {
            format!("the kubelet runs again (process {})", process.0)
        } else if was_unwell {
            "the kubelet answers again".to_owned()
        } else {
            return Ok(None);
        };
        self.process = process;
        Ok(Some(told(text)))
    }
}

fn told(text: String) -> Observation {
    Observation { component: Some(Component::Kubelet), text, proves: false }
}
