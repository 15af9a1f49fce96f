//! How the simulated components answer their probes, and what the kubelet makes of it.

use std::{sync::Arc, time::Duration};

use super::{
    super::ProbeAnswer,
    events::Cause,
    pods::{Pod, Running},
    queue::Timer,
    world::World,
};
use crate::{
    model::{Component, facts::Probe},
    text,
};

/// An API server answers (with 403 at first) after this.
pub(super) const API_ANSWERS: Duration = Duration::from_secs(1);
/// Its authorization works; post-start hooks are under way (500).
const API_AUTHORIZES: Duration = Duration::from_millis(1200);
/// It is ready.
const API_READY: Duration = Duration::from_millis(2300);
/// A new etcd answers after this.
pub(super) const ETCD_ANSWERS: Duration = Duration::from_secs(3);
/// An API server that lost its etcd has it again after this.
pub(super) const ETCD_RECONNECTED: Duration = Duration::from_secs(16);
/// The others listen after this.
const LISTENS: Duration = Duration::from_millis(200);
/// A scheduler's caches are filled after this.
const SYNCED: Duration = Duration::from_millis(400);
/// A process that is being ended closes its port after this.
const CLOSES: Duration = Duration::from_millis(200);
/// The kubelet's own health endpoint answers after this.
pub(super) const KUBELET_ANSWERS: Duration = Duration::from_secs(3);

/// Ages of a process at which the API server's state may change.
pub(super) const READY: [Duration; 3] = [API_ANSWERS, ETCD_ANSWERS, ETCD_RECONNECTED];

/// Paths that answer without credentials.
fn known_path(component: Component, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    match component {
        Component::KubeApiserver | Component::KubeScheduler => {
            matches!(path, "/livez" | "/readyz" | "/healthz")
        }
        Component::KubeControllerManager | Component::Kubelet => path == "/healthz",
        Component::Etcd => matches!(path, "/livez" | "/readyz" | "/health"),
        Component::KubeProxy => false,
    }
}

/// Where a process listens for probes: address (`None`: all) and port.
fn listens_at(component: Component, argv: &[String]) -> Option<(Option<String>, u16)> {
    let flag = |name: &str| text::flags::value(argv, name);
    let port =
        |default: u16| flag("secure-port").and_then(|text| text.parse().ok()).unwrap_or(default);
    let address = || flag("bind-address").filter(|a| a != "0.0.0.0" && a != "::");
    match component {
        Component::KubeApiserver => Some((address(), port(6443))),
        Component::KubeControllerManager => Some((address(), port(10_257))),
        Component::KubeScheduler => Some((address(), port(10_259))),
        Component::Etcd => {
            let url = flag("listen-metrics-urls")?;
            let (host, port) = url.split(',').next()?.rsplit_once("://")?.1.rsplit_once(':')?;
            let host = Some(host.to_owned()).filter(|host| host != "0.0.0.0");
            Some((host, port.trim_end_matches('/').parse().ok()?))
        }
        Component::Kubelet | Component::KubeProxy => None,
    }
}

/// A request to this host reaches a socket bound to this address. No host means the pod's own
/// address, which is never the loopback.
fn reaches(host: Option<&str>, bound: Option<&str>) -> bool {
    let loopback = |host: &str| text::values::is_loopback(host) == Some(true);
    match (host, bound) {
        (_, None) => true,
        (None, Some(bound)) => !loopback(bound),
        (Some(host), Some(bound)) => host == bound || (loopback(host) && loopback(bound)),
    }
}

impl World {
    /// How long a process has been running, as far as its start goes.
    pub(super) fn age(&self, running: &Running) -> Duration {
        let age = self.now.saturating_sub(running.since);
        match self.pace.start {
            100 | 0 => age,
            // On a slow machine a process is younger than the clock says.
            percent => age * 100 / percent,
        }
    }

    /// How a request without credentials is answered.
    pub(super) fn answer(&self, probe: &Probe) -> ProbeAnswer {
        if self.now < self.stalled_until {
            return ProbeAnswer::TimedOut;
        }
        let node_port = self.service.answer(probe, self.now);
        if let Some(answer) = node_port {
            return answer;
        }
        let listener = self.processes().find(|(component, _, running)| {
            listens_at(*component, &running.argv).is_some_and(|(bound, port)| {
                port == probe.port && reaches(probe.host.as_deref(), bound.as_deref())
            })
        });
        match listener {
            Some((component, _, running)) => self.answer_of(component, running, probe),
            None => ProbeAnswer::Refused,
        }
    }

    fn answer_of(&self, component: Component, running: &Running, probe: &Probe) -> ProbeAnswer {
        let status = ProbeAnswer::Status;
        if let Some((since, _)) = &running.ending {
            let open = self.now.saturating_sub(*since) < CLOSES;
            return if open { status(500) } else { ProbeAnswer::Refused };
        }
        let age = self.age(running);
        let listens = match component {
            Component::KubeApiserver => API_ANSWERS,
            _ => LISTENS,
        };
        if age < listens {
            return ProbeAnswer::Refused;
        }
        let Some(path) = probe.path.as_deref() else { return status(200) };
        if path.starts_with("/readyz") && self.unready.contains(&running.instance) {
            return status(500);
        }
        if component == Component::KubeApiserver {
            return status(self.api_answer(running, age, path));
        }
        if path.starts_with("/debug/") {
            // Whoever has no credentials is not told whether it is there; etcd serves it elsewhere.
            return status(if component == Component::Etcd { 404 } else { 403 });
        }
        if !known_path(component, path) {
            return status(404);
        }
        // A scheduler's caches are filled once it has met an API server.
        let met = self.api.up_since.is_some() || self.api.down_at > running.since;
        let ready = match component {
            Component::KubeScheduler => !path.starts_with("/readyz") || (age >= SYNCED && met),
            Component::Etcd => age >= ETCD_ANSWERS,
            _ => true,
        };
        status(if ready { 200 } else { 500 })
    }

    fn api_answer(&self, running: &Running, age: Duration, path: &str) -> u16 {
        let flag = |name: &str| text::flags::value(&running.argv, name);
        let off = flag("anonymous-auth").and_then(|v| text::values::go_bool(&v)) == Some(false);
        if off
            || flag("authorization-mode").as_deref() == Some("AlwaysAllow")
            || self.rules.lock_out(&running.argv)
        {
            return 401;
        }
        let known = known_path(Component::KubeApiserver, path);
        // Its conditions let nobody without credentials ask for anything else.
        if !known && flag("authentication-config").is_some() {
            return 401;
        }
        if age < API_AUTHORIZES || !known {
            return 403;
        }
        if age < API_READY || !self.etcd_serving() { 500 } else { 200 }
    }

    /// The kubelet's probes of a container, once a second.
    pub(super) fn probe_tick(&mut self, instance: u64) {
        let Some(name) = self.name_of(instance) else { return };
        let Some(pod) = self.slots.get(&name).and_then(|slot| slot.pod.as_ref()) else { return };
        let manifest = Arc::clone(&pod.manifest);
        let Some(component) = manifest.component else { return };
        if component == Component::KubeApiserver {
            self.read_certificate();
            self.api_check();
        }
        let Some(pod) = self.slots.get(&name).and_then(|slot| slot.pod.as_ref()) else { return };
        let Some(running) = pod.running.as_ref().filter(|r| r.ending.is_none()) else { return };
        let Some(container) = manifest.pod.container(component) else { return };
        if !self.service.works() {
            return self.after(Duration::from_secs(1), Timer::Probe { instance });
        }
        let (age, elapsed) = (self.age(running), self.now.saturating_sub(pod.since));
        let ask = |probe: &Option<Probe>| {
            let Some(probe) = probe else { return Asked::Never };
            let period = u64::from(probe.period.max(1));
            let delay = Duration::from_secs(u64::from(probe.initial_delay));
            if !elapsed.as_secs().is_multiple_of(period) || age < delay {
                Asked::NotNow
            } else if self.answer(probe).is_success() {
                Asked::Success
            } else {
                Asked::Failure { threshold: probe.failure_threshold.max(1) }
            }
        };
        let before = (pod.started, pod.ready);
        let (first, second) = if pod.started {
            (ask(&container.liveness), ask(&container.readiness))
        } else {
            (ask(&container.startup), Asked::NotNow)
        };
        let Some(pod) = self.slots.get_mut(&name).and_then(|slot| slot.pod.as_mut()) else {
            return;
        };
        let kill = if pod.started { pod.lives(first, second) } else { pod.starts(first) };
        if (pod.started, pod.ready) != before {
            self.after(Duration::from_millis(200), Timer::Publish { pod: name });
        }
        match kill {
            Some(cause) => self.end_process(instance, cause),
            None => self.after(Duration::from_secs(1), Timer::Probe { instance }),
        }
    }
}

/// How a probe of a container went.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// The container has no such probe.
    Never,
    /// It is not due.
    NotNow,
    Success,
    /// The verdict turns after this many in a row.
    Failure {
        threshold: u32,
    },
}

impl Pod {
    /// What the startup probe means; answers why the container is to be killed.
    fn starts(&mut self, startup: Asked) -> Option<Cause> {
        match startup {
            Asked::NotNow => None,
            Asked::Never | Asked::Success => {
                (self.started, self.failures) = (true, 0);
                None
            }
            Asked::Failure { threshold } => {
                self.failures += 1;
                (self.failures >= threshold).then_some(Cause::StartupProbe)
            }
        }
    }

    /// What liveness and readiness probe mean; answers why the container is to be killed.
    fn lives(&mut self, liveness: Asked, readiness: Asked) -> Option<Cause> {
        match readiness {
            Asked::Never | Asked::Success => (self.ready, self.unready) = (true, 0),
            Asked::NotNow => {}
            Asked::Failure { threshold } => {
                self.unready += 1;
                self.ready = self.ready && self.unready < threshold;
            }
        }
        match liveness {
            Asked::Never | Asked::NotNow => None,
            Asked::Success => {
                self.failures = 0;
                None
            }
            Asked::Failure { threshold } => {
                self.failures += 1;
                (self.failures >= threshold).then_some(Cause::LivenessProbe)
            }
        }
    }
}
