//! Discovery and collection: one pass over `/proc` and the files, everything recorded.
//!
//! Owns which process is which component, where this node keeps things, and what is read of them.
//! Of private keys only mode and owner are looked at, of kubeconfigs also as whom they log in. It must not
//! judge: what cannot be read becomes a fact like any other.

mod documents;
mod kubelet;
mod logins;
mod manifests;
mod places;
mod processes;
mod profile;
mod reader;
mod running;
mod units;
mod views;

use std::collections::BTreeMap;

pub use self::running::{RunningKubelet, began};
use self::{reader::Reader, views::Views};
use super::{Files, Node, NodeError, NodeErrorKind, NodeKind};
use crate::{
    model::{Component, NodeFacts, NodeProfile, PathVar, ProcessFact, facts::Accounts},
    text::accounts,
};

/// Where to look when the running process does not say (`remediations/paths.yaml`), in order of preference.
pub type PathCandidates = BTreeMap<PathVar, Vec<String>>;

/// Reads everything once. What cannot be read is recorded inside, not returned as an error;
/// an error means that nothing could be read at all.
pub fn collect(node: &dyn Node, candidates: &PathCandidates) -> Result<NodeFacts, NodeError> {
    let at = node.clock().now();
    node.files().stat("/")?.ok_or_else(|| NodeError {
        operation: "look at",
        path: "/".to_owned(),
        kind: NodeErrorKind::NotFound,
    })?;
    let live = matches!(node.kind(), NodeKind::Live | NodeKind::Simulated);
    let mut reader = Reader::new(node.files());

    let processes = processes::scan(&mut reader, live);
    let kubelet = kubelet::read(&mut reader, &processes, live, candidates);
    let manifests = manifests::read(&mut reader, &kubelet, &processes);
    let units = units::components(&mut reader, &processes, &manifests.pods);
    let views = Views {
        processes: &processes.facts,
        manifests: &manifests.pods,
        units: &units,
        kubelet: &kubelet.facts,
        live,
    };

    let paths = places::find(&mut reader, &views, &kubelet, candidates);
    for path in views.host_paths() {
        reader.look(&path);
        if let Some(folder) = reader::parent(&path) {
            reader.look(folder);
        }
    }
    let documents = documents::read(&mut reader, node, &views);
    let logins = logins::read(&reader, &paths);
    let accounts = Accounts {
        users: reader.names("/etc/passwd", accounts::parse),
        groups: reader.names("/etc/group", accounts::parse),
    };
    let version = profile::version(&mut reader, node, &views);
    let role = profile::role(&views, &processes);
    let distribution = profile::distribution(
        &mut reader,
        &profile::Signs {
            views: &views,
            processes: &processes,
            manifest_dir: manifests.dir.as_deref(),
            version: version.as_ref(),
            role,
        },
    );
    let profile = NodeProfile {
        name: profile::name(&mut reader, &views),
        role,
        distribution,
        version,
        manifest_dir: manifests.dir,
        paths,
    };
    Ok(NodeFacts {
        at,
        live,
        profile,
        processes: processes.facts,
        manifests: manifests.pods,
        unit_args: units.args,
        unit_variables: units.variables,
        kubelet: kubelet.facts,
        files: reader.facts,
        documents: documents.plain,
        encryption: documents.encryption,
        certificates: documents.certificates,
        logins,
        accounts,
        problems: reader.problems,
    })
}

/// Which process is which component right now, from one pass over `/proc`: what a transaction watches
/// while a component restarts.
pub fn processes(files: &dyn Files) -> BTreeMap<Component, ProcessFact> {
    processes::scan(&mut Reader::new(files), true).facts
}

/// Components that systemd may start instead of the kubelet.
const UNIT_COMPONENTS: [Component; 5] = [
    Component::KubeApiserver,
    Component::KubeControllerManager,
    Component::KubeScheduler,
    Component::Etcd,
    Component::KubeProxy,
];
