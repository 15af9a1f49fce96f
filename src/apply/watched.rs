//! What the watch over a fix covers, and what only a person can see: in words, before anybody decides.
//!
//! Pure. It speaks of what `before` and `verify` do, and takes its numbers
//! and its visible effects from them.

use super::{before::baseline, verify};
use crate::model::{
    Component, Control, Reversibility, Tier,
    control::{FixAction, Needs},
};

/// Lists for a person; each line is a sentence's rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// What is proved before the first write; else the fix is refused.
    pub before: Vec<String>,
    /// What is proved after it; else it is put back.
    pub after: Vec<String>,
    /// What nobody proves.
    pub yours: Vec<String>,
}

impl Watched {
    /// The lists with their headings.
    pub fn parts(&self) -> [(&'static str, &[String]); 3] {
        [
            ("What is proved before the first write", &self.before),
            ("What is proved after it", &self.after),
            ("What you must look at yourself", &self.yours),
        ]
    }
}

/// For a control with a fix of this node's files; `None` for others, and for fixes that bytes do not undo.
pub fn watched(control: &Control) -> Option<Watched> {
    let actions = &control.fix.actions;
    let local = |action: &FixAction| !matches!(action, FixAction::ClusterObject { .. });
    if !actions.iter().any(local) || control.reversible != Some(Reversibility::Bytes) {
        return None;
    }
    let mut watched = match control.restarts() {
        None => metadata(),
        Some(Component::Kubelet) => kubelet(),
        Some(component) => static_pod(component),
    };
    if control.tier == Some(Tier::R4) {
        watched.before.push("a snapshot of etcd is saved, and whole".to_owned());
    }
    watched.after.extend(actions.iter().filter_map(verify::seen_of).map(str::to_owned));
    watched.after.push("a new scan passes this control".to_owned());
    if control.fix.needs.iter().any(|need| matches!(need, Needs::Value { .. })) {
        watched
            .yours
            .push("whether the value you gave is the right one for your cluster".to_owned());
    }
    if !control.breaks.is_empty() {
        watched.yours.push("everything under \"What may break\"".to_owned());
    }
    Some(watched)
}

fn list<const N: usize>(lines: [&str; N]) -> Vec<String> {
    lines.map(str::to_owned).into()
}

fn healthy() -> String {
    format!("the node is healthy as it is, for {} s", baseline::GOOD.as_secs())
}

fn metadata() -> Watched {
    Watched {
        before: list(["no component running here loses a file it needs"]),
        after: list([
            "mode and owner are so on the disk; nothing restarts, nothing else is watched",
        ]),
        yours: list([
            "other users' programs that read these files (backups, monitoring, network plugins): they fail when they next open them, not now",
        ]),
    }
}

fn static_pod(component: Component) -> Watched {
    let takes_away_api = matches!(component, Component::KubeApiserver | Component::Etcd);
    let mut before = vec![
        healthy(),
        format!(
            "{component} itself takes the planned arguments; the files they name are in its container"
        ),
    ];
    if component == Component::KubeApiserver {
        before.push(
            "the planned API server starts beside the real one, and answers its probes without credentials"
                .to_owned(),
        );
    }
    if takes_away_api {
        before.push("every other API server is ready".to_owned());
    }
    let soak = verify::soak(component).as_secs();
    let after = vec![
        "a new process runs with the planned arguments, and the kubelet calls it started and ready"
            .to_owned(),
        format!("its own probes are answered without credentials, for {soak} s without a restart"),
        if takes_away_api {
            "scheduler and controller-manager are back, their leases renewed, and the node is Ready"
        } else {
            "its lease is renewed, and the node is Ready"
        }
        .to_owned(),
        "the kubelet is there while you decide: without it the change is neither kept nor put back"
            .to_owned(),
    ];
    let yours = match component {
        Component::KubeApiserver => list([
            "kubectl from where your users are: through the load balancer, whose health check may ask without credentials",
            "whatever calls the API: controllers, webhooks, pipelines; their logs say what is refused now",
        ]),
        Component::Etcd => list([
            "the other members: 'etcdctl endpoint status --cluster' lists all of them, with one leader",
            "whatever else speaks to etcd: API servers of other nodes, backup jobs, monitoring",
        ]),
        Component::KubeScheduler => {
            list(["that a new pod is placed: the watch sees the lease, not the work"])
        }
        _ => list([
            "that a Deployment you scale gets its pods: the watch sees the lease, not the work",
        ]),
    };
    Watched { before, after, yours }
}

fn kubelet() -> Watched {
    let stay = verify::kubelet::STAY.as_secs();
    Watched {
        before: vec![
            healthy(),
            "the kubelet itself takes its configuration, today's and the planned one".to_owned(),
        ],
        after: vec![
            format!("a new process answers its health check, for {stay} s without a restart"),
            "the node is Ready, with a lease renewed after the restart".to_owned(),
        ],
        yours: list([
            "kubectl logs, exec and port-forward with a pod of this node",
            "scrapers of the kubelet's ports",
            "pods that start from now on: the watch starts none",
        ]),
    }
}
