//! No change of etcd, nor any other that touches data or quorum (R4), without a snapshot of all etcd keeps.
//!
//! etcd is asked for one, or somebody made one just now. It is what brings the cluster back when bytes put back
//! do not; what that means is written down with it.

use std::time::Duration;

use super::{Standing, Tell};
use crate::{
    apply::{Site, restore::quoted},
    model::{
        Component, NodeFacts, Observation, Order, Phase, Plan, RecordKind, StepTarget, Tier,
        TransactionId, facts::Mount,
    },
    node::{
        Etcd, EtcdError, Node, atomic,
        etcd::{Limits, MemberStatus},
    },
    store::snapshot::{self, Snapshot, SnapshotError},
    text::flags,
};

/// Bytes that stay free beside it: a disk that is full ends etcd itself.
const RESERVE: u64 = 1 << 30;

/// How old one may be that somebody else made, and how far ahead of our clock.
const FRESH: Duration = Duration::from_secs(15 * 60);
const AHEAD: Duration = Duration::from_secs(60);

/// How long one may take that is nearly empty, and so many bytes more per second.
const LEAST: Duration = Duration::from_secs(60);
const PER_SECOND: u64 = 4 << 20;

/// Whether this plan needs one.
pub(super) fn needed(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| step.target == StepTarget::Etcd || step.tier >= Tier::R4)
}

/// Whether one could be had: reads only.
pub(super) fn look(site: Site<'_>, plan: &Plan, order: &Order) -> Result<(), Standing> {
    if !needed(plan) {
        return Ok(());
    }
    match &order.etcd_snapshot {
        Some(path) => given(site.node, path).map(drop),
        None => asked(site.node).and_then(|(_, status)| room(site.node, &status)).map(drop),
    }
}

/// Takes one, or checks the one that was given; answers what the journal says of it.
pub(super) fn take(
    site: Site<'_>,
    (plan, order): (&Plan, &Order),
    id: &TransactionId,
    facts: &NodeFacts,
    tell: &mut Tell<'_>,
) -> Result<Option<RecordKind>, Standing> {
    let node = site.node;
    if !needed(plan) {
        return Ok(None);
    }
    let mut say = |text: String| {
        let component = Some(Component::Etcd);
        tell(Phase::Preflight, Observation { component, text, proves: false })
    };
    let (path, snapshot) = match &order.etcd_snapshot {
        Some(path) => {
            let (snapshot, open) = given(node, path)?;
            if open {
                say(format!("others may read {path}, and every Secret in it: chmod 0600"))?;
            }
            (path.clone(), snapshot)
        }
        None => (snapshot::shown_path(node, id), ask(node, id, &mut say)?),
    };
    let Snapshot { size, digest, .. } = snapshot;
    let restore = restore(facts, &path, node);
    Ok(Some(RecordKind::EtcdSnapshot { path, size, digest, restore }))
}

fn ask(
    node: &dyn Node,
    id: &TransactionId,
    say: &mut dyn FnMut(String) -> Result<(), crate::node::NodeError>,
) -> Result<Snapshot, Standing> {
    let (etcd, before) = asked(node)?;
    let largest = room(node, &before)?;
    say(format!("asking etcd {} for a snapshot of {} bytes", before.version, before.size))?;
    let within = LEAST + Duration::from_secs(before.size / PER_SECOND);
    let snapshot =
        snapshot::take(node, id, etcd, Limits { largest, within }).map_err(|error| none(&error))?;
    // The database only grows, unless somebody defragments it meanwhile.
    let after = etcd.status().map_err(|error| none(&error.into()))?.size;
    if (before.size.min(after)..=before.size.max(after)).contains(&snapshot.database) {
        return Ok(snapshot);
    }
    Err(none(&SnapshotError::Wrong(format!(
        "its database is {} bytes, and etcd speaks of {} before and {after} after it",
        snapshot.database, before.size
    ))))
}

/// The member, and how it is; refused when what it keeps cannot be trusted.
fn asked(node: &dyn Node) -> Result<(&dyn Etcd, MemberStatus), Standing> {
    let nobody = || none(&EtcdError::Silent("there is none to ask".to_owned()).into());
    let etcd = node.etcd().ok_or_else(nobody)?;
    let status = etcd.status().map_err(|error| none(&error.into()))?;
    if status.learner {
        return Err(Standing(
            "this member of etcd is a learner and may lack data: wait until it votes".to_owned(),
        ));
    }
    if !status.complaints.is_empty() {
        let what = status.complaints.join("; ");
        return Err(Standing(format!("etcd complains ({what}): repair that first")));
    }
    Ok((etcd, status))
}

/// How large a snapshot may be here.
fn room(node: &dyn Node, status: &MemberStatus) -> Result<u64, Standing> {
    let free = node.state().free_space("/")?;
    let largest = free.saturating_sub(RESERVE);
    if largest > status.size {
        return Ok(largest);
    }
    Err(none(&SnapshotError::Wrong(format!(
        "it needs {} bytes and {RESERVE} more are to stay free; {} has {free}",
        status.size,
        node.state_dir()
    ))))
}

/// One that somebody made, and whether others may read it.
fn given(node: &dyn Node, path: &str) -> Result<(Snapshot, bool), Standing> {
    let files = node.files();
    let standing = |why: &str| Standing(format!("the snapshot of etcd {path} is not taken: {why}"));
    let snapshot = snapshot::check(files, path).map_err(|error| standing(&error.to_string()))?;
    let made = files.modified(path)?.ok_or_else(|| standing("when it was made is not known"))?;
    let age = node.clock().now().duration_since(made);
    if age.unsigned_abs() > if age.is_negative() { AHEAD } else { FRESH } {
        return Err(standing(&format!(
            "it was made at {made:.0}, and must not be older than {} minutes: take a new one",
            FRESH.as_secs() / 60
        )));
    }
    let open = files.stat(path)?.is_some_and(|stat| stat.mode & 0o077 != 0);
    Ok((snapshot, open))
}

/// Why there is none, and what to do.
fn none(error: &SnapshotError) -> Standing {
    let gateway = match error {
        SnapshotError::Etcd(EtcdError::NoGateway(_)) => {
            "let it serve one again (--enable-grpc-gateway=true), or "
        }
        _ => "",
    };
    Standing(format!(
        "etcd is not changed without a snapshot, and none could be taken ({error}): {gateway}take one with 'etcdctl snapshot save FILE' (etcdctl is in etcd's image) and give it with --etcd-snapshot FILE"
    ))
}

/// The last resort as commands: the whole cluster goes back to the snapshot. Each is a comment, so that nobody
/// who copies all that a stuck change prints runs them.
fn restore(facts: &NodeFacts, snapshot: &str, node: &dyn Node) -> Vec<String> {
    let argv = facts.process(Component::Etcd).map(|process| process.argv.clone());
    let flag = |name: &str, default: &str| {
        let value = argv.as_ref().and_then(|argv| flags::value(argv, name));
        value.filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
    };
    let manifests: Vec<&str> = [Component::KubeApiserver, Component::Etcd]
        .into_iter()
        .filter_map(|component| Some(facts.manifests_of(component).first()?.path.as_str()))
        .collect();
    let folder = manifests.first().map_or("/etc/kubernetes/manifests", |p| atomic::folder_of(p));
    let aside = atomic::folder_of(folder);
    let stopped: Vec<String> = manifests.iter().map(|path| quoted(path)).collect();
    let started: Vec<String> = manifests
        .iter()
        .map(|path| quoted(&format!("{aside}{}", path.strip_prefix(folder).unwrap_or(path))))
        .collect();
    let name = flag("name", "default");
    let peer = flag("initial-advertise-peer-urls", "http://localhost:2380");
    let data = data_dir(facts, &flag("data-dir", "/var/lib/etcd"));
    let time = node.clock().now();
    vec![
        format!(
            "# ONLY when etcd's data is damaged. This takes the whole cluster back to {time:.0}, all written since is lost:"
        ),
        format!("# mv {} {}/", stopped.join(" "), quoted(aside)),
        "#   (wait until both have ended)".to_owned(),
        format!("# mv {} {}", quoted(&data), quoted(&format!("{data}.damaged"))),
        format!(
            "# etcdutl snapshot restore {} --data-dir {} --name {} --initial-cluster {} --initial-advertise-peer-urls {}",
            quoted(snapshot),
            quoted(&data),
            quoted(&name),
            quoted(&format!("{name}={peer}")),
            quoted(&peer)
        ),
        "#   (etcdutl is in etcd's image; with more members: stop all, restore each from this file, with all of them in --initial-cluster)".to_owned(),
        format!("# mv {} {}/", started.join(" "), quoted(folder)),
        "#   (then restart the kubelets, and end schedulers and controller-managers: what they remember is too new)".to_owned(),
    ]
}

/// Where the data is on the host.
fn data_dir(facts: &NodeFacts, inside: &str) -> String {
    let manifests = facts.manifests_of(Component::Etcd);
    let pod = manifests.first().and_then(|manifest| manifest.pod.ok());
    let mounts = pod.and_then(|pod| pod.container(Component::Etcd)).map(|c| c.mounts.as_slice());
    Mount::host_path(mounts.unwrap_or_default(), inside).unwrap_or_else(|| inside.to_owned())
}
