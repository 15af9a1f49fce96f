//! Leases in the API: the node's own, and those of scheduler and controller-manager.
//!
//! Nothing is scheduled for them: between two events either somebody renews a lease or nobody does, so
//! when it was renewed last follows from when that began ([`World::keep_leases`] notes it).

use std::{collections::BTreeMap, time::Duration};

use super::{pods::Running, world::World};
use crate::{model::Component, text};

/// The kubelet renews the node's lease this often (`nodeLeaseDurationSeconds` / 4).
const NODE: Duration = Duration::from_secs(10);

/// A leader renews its lease this often (`leader-elect-retry-period`).
const LEADER: Duration = Duration::from_secs(2);

/// A lease nobody renewed for this long may be taken (`leader-elect-lease-duration`).
pub(super) const LEADER_LASTS: Duration = Duration::from_secs(15);

/// From a process or an API server that is there to the first request for the lease.
const ASKS: Duration = Duration::from_secs(1);

/// Components with a lease of their own.
pub(super) const LEADERS: [Component; 2] =
    [Component::KubeControllerManager, Component::KubeScheduler];

/// Who has a lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Owner {
    #[default]
    Nobody,
    /// A process of this node.
    Process(u64),
    /// Somebody on another node.
    Elsewhere,
}

#[derive(Debug, Clone, Default)]
struct Lease {
    owner: Owner,
    holder: String,
    /// Renewed again and again since; `None` while nobody does.
    since: Option<Duration>,
    /// The last time before that.
    renewed: Duration,
}

impl Lease {
    fn renewed(&self, now: Duration, period: Duration) -> Duration {
        let Some(since) = self.since else { return self.renewed };
        let passed = now.saturating_sub(since).as_secs();
        since + Duration::from_secs(passed - passed % period.as_secs().max(1))
    }

    fn stop(&mut self, now: Duration, period: Duration) {
        self.renewed = self.renewed(now, period);
        self.since = None;
    }

    fn begin(&mut self, at: Duration) {
        self.since = self.since.or(Some(at));
    }
}

/// Every lease this node's components renew.
#[derive(Debug, Default)]
pub(super) struct Leases {
    node: Lease,
    leaders: BTreeMap<Component, Lease>,
}

/// A lease as the API shows it: who has it, and when (since boot) it was renewed.
pub(super) type Held = (String, Duration);

impl World {
    /// The recorded components have led for long.
    pub(super) fn take_over_leases(&mut self) {
        let begun = self.now.saturating_sub(ASKS);
        self.leases.node.begin(begun);
        for component in LEADERS {
            let lease = match self.process(component) {
                Some(running) => Lease {
                    owner: Owner::Process(running.instance),
                    holder: self.holder(running),
                    since: Some(begun),
                    renewed: begun,
                },
                None if self.api.remote => elsewhere(begun),
                None => continue,
            };
            self.leases.leaders.insert(component, lease);
        }
        self.keep_leases();
    }

    fn holder(&self, running: &Running) -> String {
        format!("{}_{}", self.hostname, running.pid)
    }

    /// Notes who renews and who ceased to: called before and after everything that happens.
    pub(super) fn keep_leases(&mut self) {
        let now = self.now;
        let up = self.api.up_since;
        let renews = up.is_some() && self.service.works() && self.service.connected;
        match (renews, self.leases.node.since) {
            (true, None) => self.leases.node.begin(now),
            (false, Some(_)) => self.leases.node.stop(now, NODE),
            _ => {}
        }
        for component in LEADERS {
            let running = self.process(component).filter(|running| running.ending.is_none());
            let running = running.map(|r| (r.instance, r.since));
            let Some(lease) = self.leases.leaders.get(&component) else { continue };
            let (has, since) = match lease.owner {
                Owner::Elsewhere => (up.is_some(), lease.since),
                Owner::Process(instance) => {
                    let lives = running.is_some_and(|(other, _)| other == instance);
                    (up.is_some() && lives, lease.since)
                }
                Owner::Nobody => (false, lease.since),
            };
            match (has, since) {
                (true, None) => self.lease(component, |lease| lease.begin(now)),
                (false, Some(_)) => self.lease(component, |lease| lease.stop(now, LEADER)),
                (false, None) => self.elect(component, running.zip(up)),
                (true, Some(_)) => {}
            }
        }
    }

    fn lease(&mut self, component: Component, change: impl FnOnce(&mut Lease)) {
        if let Some(lease) = self.leases.leaders.get_mut(&component) {
            change(lease);
        }
    }

    /// A process asks for a lease nobody renews; it gets it once that has run out.
    fn elect(&mut self, component: Component, asking: Option<((u64, Duration), Duration)>) {
        let Some(((instance, since), up)) = asking else { return };
        let Some(lease) = self.leases.leaders.get(&component) else { return };
        let at = (since.max(up) + ASKS).max(lease.renewed + LEADER_LASTS);
        let Some(running) = self.process(component).filter(|_| at <= self.now) else { return };
        let elects = text::flags::value(&running.argv, "leader-elect");
        if elects.and_then(|value| text::values::go_bool(&value)) == Some(false) {
            return;
        }
        let holder = self.holder(running);
        self.lease(component, |lease| {
            *lease =
                Lease { owner: Owner::Process(instance), holder, since: Some(at), renewed: at };
        });
    }

    /// Somebody on another node leads now.
    pub(super) fn leads_elsewhere(&mut self, component: Component) {
        let lease = elsewhere(self.now);
        self.leases.leaders.insert(component, lease);
    }

    /// When the kubelet last renewed the node's lease.
    pub(super) fn node_renewed(&self) -> Duration {
        self.leases.node.renewed(self.now, NODE)
    }

    /// The lease of a component, if it ever had one.
    pub(super) fn leader(&self, component: Component) -> Option<Held> {
        let lease = self.leases.leaders.get(&component)?;
        Some((lease.holder.clone(), lease.renewed(self.now, LEADER)))
    }

    /// Nobody heard of the node for too long: the controller-manager calls it not ready.
    pub(super) fn node_ready(&self) -> bool {
        self.now.saturating_sub(self.node_renewed()) <= self.grace
    }
}

fn elsewhere(since: Duration) -> Lease {
    Lease {
        owner: Owner::Elsewhere,
        holder: "cp2_9f3c".to_owned(),
        since: Some(since),
        renewed: since,
    }
}
