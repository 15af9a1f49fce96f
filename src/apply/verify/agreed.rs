//! What the API server says of the node after a step: the node is Ready, and those who lead renew their
//! leases.
//!
//! A renewal is judged by its age, or by one that comes while we look: the clock of another node's leader
//! may be wrong.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use super::{Evidence, POLL, Unhealthy};
use crate::{
    apply::Site,
    cluster::{Cluster, ClusterError, LEASE},
    model::Component,
};

/// How long the API server may take to agree.
const AGREES: Duration = Duration::from_secs(60);

/// Time between two rounds of questions.
const ASK: Duration = Duration::from_secs(1);

/// A node's lease older than this is stale (`nodeLeaseDurationSeconds`).
const NODE_LASTS: Duration = Duration::from_secs(40);

/// What has to hold.
#[derive(Debug)]
pub(super) struct Wanted<'w> {
    /// Components whose leases must be renewed.
    pub(super) leaders: &'w [Component],
    /// The node's lease must be newer than this.
    pub(super) since: Option<Timestamp>,
    /// No answer at all is noted, and not held against the node: its own API server was not touched.
    pub(super) may_be_silent: bool,
}

impl<'w> Wanted<'w> {
    /// The node is Ready, and these leases are renewed.
    pub(super) const fn leases(leaders: &'w [Component]) -> Self {
        Self { leaders, since: None, may_be_silent: false }
    }
}

/// What does not hold.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    pub(super) what: String,
    /// Nobody answered: nothing is known.
    silent: bool,
}

impl From<String> for Missing {
    fn from(what: String) -> Self {
        Self { what, silent: false }
    }
}

/// Renewals as they were at the first look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    first: BTreeMap<&'static str, Option<Timestamp>>,
    asked: Option<Duration>,
    last: Option<Result<Vec<Told>, Missing>>,
}

/// Something that holds, for the journal.
#[derive(Debug, Clone)]
pub(super) struct Told {
    component: Option<Component>,
    proves: bool,
    text: String,
}

impl Seen {
    /// One look, at most once in [`ASK`]: what holds, or what is missing.
    pub(super) fn look(
        &mut self,
        site: Site<'_>,
        cluster: &dyn Cluster,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Told>, Missing> {
        let now = site.node.clock().monotonic();
        if let Some(last) = &self.last
            && self.asked.is_some_and(|asked| now.saturating_sub(asked) < ASK)
        {
            return last.clone();
        }
        self.asked = Some(now);
        let answer = self.ask(site, cluster, wanted);
        self.last = Some(answer.clone());
        answer
    }

    fn ask(
        &mut self,
        site: Site<'_>,
        cluster: &dyn Cluster,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Told>, Missing> {
        let now = site.node.clock().now();
        let mut told = Vec::new();
        match cluster.node() {
            Ok(status) if !status.ready => return Err("the node is not Ready".to_owned().into()),
            Ok(status) => {
                let old = status.renewed.zip(wanted.since).is_some_and(|(at, since)| at <= since);
                if old || !self.is_fresh("node", status.renewed, NODE_LASTS, now) {
                    return Err("the kubelet does not renew the node's lease".to_owned().into());
                }
                let text = "the node is Ready and its lease is renewed".to_owned();
                told.push(Told { component: Some(Component::Kubelet), proves: true, text });
            }
            Err(error) => told.push(unasked(None, &error)?),
        }
        for &component in wanted.leaders {
            match cluster.lease(LEASE.0, component.as_str()) {
                Ok(None) => return Err(format!("{component} has no lease").into()),
                Ok(Some(lease)) => {
                    let lasts = Duration::from_secs(u64::from(lease.seconds));
                    if !self.is_fresh(component.as_str(), lease.renewed, lasts, now) {
                        return Err(format!("the lease of {component} is not renewed").into());
                    }
                    let text = format!("the lease of {component} is renewed by {}", lease.holder);
                    told.push(Told { component: Some(component), proves: true, text });
                }
                Err(error) => told.push(unasked(Some(component), &error)?),
            }
        }
        Ok(told)
    }

    /// Young enough by this node's clock, or renewed since the first look.
    fn is_fresh(
        &mut self,
        what: &'static str,
        renewed: Option<Timestamp>,
        lasts: Duration,
        now: Timestamp,
    ) -> bool {
        let first = *self.first.entry(what).or_insert(renewed);
        let age = renewed.and_then(|at| Duration::try_from(now.duration_since(at)).ok());
        renewed.is_some() && (age.is_some_and(|age| age <= lasts) || renewed != first)
    }
}

/// What could not be asked before the change either is not missed; no answer is.
fn unasked(component: Option<Component>, error: &ClusterError) -> Result<Told, Missing> {
    match error {
        ClusterError::Forbidden { .. } | ClusterError::NoAccess(_) => {
            Ok(Told { component, proves: false, text: error.to_string() })
        }
        other => Err(Missing { what: other.to_string(), silent: true }),
    }
}

/// Writes down what holds.
pub(super) fn tell(told: Vec<Told>, evidence: &mut Evidence<'_, '_>) -> Result<(), Unhealthy> {
    told.into_iter().try_for_each(|one| evidence.add(one.component, one.proves, one.text))
}

/// Waits until the API server agrees. Where there is none to ask, nobody disagrees.
pub(super) fn wait(
    site: Site<'_>,
    wanted: &Wanted<'_>,
    evidence: &mut Evidence<'_, '_>,
) -> Result<(), Unhealthy> {
    let Some(cluster) = site.cluster else { return Ok(()) };
    let clock = site.node.clock();
    let began = clock.monotonic();
    let mut seen = Seen::default();
    loop {
        match seen.look(site, cluster, wanted) {
            Ok(told) => return tell(told, evidence),
            Err(Missing { what, silent }) if clock.monotonic().saturating_sub(began) > AGREES => {
                if silent && wanted.may_be_silent {
                    return evidence.add(
                        None,
                        false,
                        format!("whether leases are renewed is not known ({what})"),
                    );
                }
                return Err(Unhealthy(format!("{what} for {} s", AGREES.as_secs())));
            }
            Err(_) => clock.sleep(POLL),
        }
    }
}
