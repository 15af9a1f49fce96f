//! What the API server knows of the pods, and what its absence does to others.
//!
//! The kubelet writes a pod's status to the API, so what a person reads there lags behind, and after
//! an outage the *old* pod is shown as ready for a moment.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{
    super::{Files as _, PodStatus},
    clock,
    events::{Cause, What},
    probes,
    queue::Timer,
    world::World,
};
use crate::{model::Component, text};

/// Scheduler and controller-manager give up their lease after this long without an API server.
const LEASE: Duration = Duration::from_millis(11_600);

/// A leader that came back has its lease again after this.
const LEADS: Duration = Duration::from_secs(2);

/// A kubelet notices an API server that came back within this.
const NOTICE: Duration = Duration::from_millis(800);

#[derive(Debug, Default)]
pub(super) struct Api {
    /// The API server runs on another node.
    pub(super) remote: bool,
    /// That one is away.
    pub(super) remote_down: bool,
    /// Its certificate, and until when that is valid.
    certificate: (Vec<u8>, Option<Timestamp>),
    /// Since when it answers; `None` while it does not.
    pub(super) up_since: Option<Duration>,
    /// When it last came up before this outage.
    was_up_since: Duration,
    /// When the last outage began.
    pub(super) down_at: Duration,
    /// Counts outages.
    outage: u64,
    /// Status by full pod name, as last written.
    stored: BTreeMap<String, Stored>,
}

#[derive(Debug, Clone)]
struct Stored {
    component: Component,
    status: PodStatus,
}

impl Api {
    /// What it answers about a component's pod.
    pub(super) fn status(&self, component: Component) -> Option<PodStatus> {
        self.up_since?;
        self.stored.values().find(|s| s.component == component).map(|s| s.status.clone())
    }
}

impl World {
    /// The kubelet writes a pod's status.
    pub(super) fn publish(&mut self, name: &str) {
        if self.api.up_since.is_none() || !self.service.connected || !self.service.works() {
            return;
        }
        let Some(slot) = self.slots.get(name) else { return };
        if self.now < slot.held_until {
            return;
        }
        match &slot.pod {
            Some(pod) if !pod.terminating => {
                let Some(component) = pod.manifest.component else { return };
                let status = PodStatus {
                    pod: pod.manifest.uid.clone(),
                    started: pod.started,
                    ready: pod.ready,
                    restarts: pod.restarts,
                };
                self.api.stored.insert(name.to_owned(), Stored { component, status });
            }
            None if slot.next.is_none() => drop(self.api.stored.remove(name)),
            _ => {}
        }
    }

    /// The API's copy of a replaced pod is no longer shown as ready.
    pub(super) fn stale(&mut self, name: &str) {
        let held = self.slots.get(name).is_some_and(|slot| self.now < slot.held_until);
        if let Some(stored) = self.api.stored.get_mut(name).filter(|_| held) {
            stored.status.started = false;
            stored.status.ready = false;
        }
    }

    /// Notes when the API server begins or ceases to answer.
    pub(super) fn api_check(&mut self) {
        match (self.api_serving(), self.api.up_since) {
            (true, None) => self.api_came_up(),
            (false, Some(since)) => {
                self.api.was_up_since = since;
                self.api.up_since = None;
                self.api.down_at = self.now;
                self.api.outage += 1;
                let outage = self.api.outage;
                self.tell(What::ApiDown);
                self.after(LEASE, Timer::LeaseLost { outage });
            }
            _ => {}
        }
    }

    fn api_came_up(&mut self) {
        self.api.up_since = Some(self.now);
        self.tell(What::ApiUp);
        let kubelet = self.service.kubelet;
        self.after(NOTICE, Timer::KubeletConnects { kubelet });
        for name in self.slots.keys().cloned().collect::<Vec<_>>() {
            let pod = self.slots.get(&name).and_then(|slot| slot.pod.as_ref());
            let uid = pod.map(|pod| pod.manifest.uid.clone());
            let stored = self.api.stored.get(&name).map(|stored| stored.status.pod.clone());
            if uid.is_some() && stored.is_some() && uid != stored {
                let hold = self.chance.between(1500, 9500);
                self.after(NOTICE, Timer::Stale { pod: name.clone() });
                self.after(hold, Timer::Publish { pod: name.clone() });
                let until = self.now + hold;
                if let Some(slot) = self.slots.get_mut(&name) {
                    slot.held_until = until;
                }
            } else {
                self.after(NOTICE, Timer::Publish { pod: name });
            }
        }
    }

    /// Leaders without an API server end themselves and begin again in the same pod.
    pub(super) fn lease_lost(&mut self, outage: u64) {
        if self.api.up_since.is_some() || self.api.outage != outage {
            return;
        }
        let began = self.now.saturating_sub(LEASE);
        let was_up = self.api.was_up_since;
        let losing: Vec<u64> = self
            .processes()
            .filter(|(component, ..)| {
                matches!(component, Component::KubeScheduler | Component::KubeControllerManager)
            })
            .filter(|(_, _, running)| {
                let elects = text::flags::value(&running.argv, "leader-elect");
                running.ending.is_none()
                    && elects.and_then(|value| text::values::go_bool(&value)) != Some(false)
                    && running.since.max(was_up) + LEADS <= began
            })
            .map(|(_, _, running)| running.instance)
            .collect();
        for instance in losing {
            self.ended(instance, Cause::LeaderElectionLost);
        }
    }

    /// Looks at the certificate of the running API server, as that itself does again and again.
    pub(super) fn read_certificate(&mut self) {
        let Some(running) = self.process(Component::KubeApiserver) else { return };
        let path = text::flags::value(&running.argv, "tls-cert-file");
        let bytes = path.and_then(|path| self.tree.read(&path, 1 << 20).ok()).unwrap_or_default();
        if bytes == self.api.certificate.0 {
            return;
        }
        let until = text::pem::certificates(&bytes).ok().and_then(|all| Some(all.first()?.until));
        self.api.certificate = (bytes, until);
    }

    /// Whoever verifies its certificate turns away; the kubelet's probes do not look.
    pub(super) fn certificate_expired(&self) -> bool {
        self.api.certificate.1.is_some_and(|until| clock::wall(self.now) >= until)
    }

    /// The API server answers requests with credentials.
    pub(super) fn api_serving(&self) -> bool {
        if self.certificate_expired() {
            return false;
        }
        (self.api.remote && !self.api.remote_down)
            || self.process(Component::KubeApiserver).is_some_and(|running| {
                running.ending.is_none()
                    && self.age(running) >= probes::API_ANSWERS
                    && self.etcd_serving()
            })
    }

    /// etcd answers the API server; an etcd outside this node always does.
    pub(super) fn etcd_serving(&self) -> bool {
        if !self.store.has(Component::Etcd) && self.process(Component::Etcd).is_none() {
            return true;
        }
        let Some(etcd) = self.process(Component::Etcd) else { return false };
        let older = self
            .process(Component::KubeApiserver)
            .is_some_and(|running| running.since < etcd.since && running.ending.is_none());
        let needed = if older { probes::ETCD_RECONNECTED } else { probes::ETCD_ANSWERS };
        etcd.ending.is_none() && self.age(etcd) >= needed
    }
}
