//! Where this node keeps things: what the running process says first, then the catalogue's candidates.

use std::collections::BTreeMap;

use super::{
    PathCandidates,
    kubelet::Kubelet,
    reader::{Reader, base, ends_in, join, parent},
    views::Views,
};
use crate::model::{Component, FileFact, FileKind, PathVar};

/// Static pods by the file that starts them.
const MANIFESTS: [(PathVar, Component); 4] = [
    (PathVar::ApiserverManifest, Component::KubeApiserver),
    (PathVar::ControllerManagerManifest, Component::KubeControllerManager),
    (PathVar::SchedulerManifest, Component::KubeScheduler),
    (PathVar::EtcdManifest, Component::Etcd),
];

/// Files that one flag of a component names.
const FLAGS: [(PathVar, Component, &str); 4] = [
    (PathVar::EtcdDataDir, Component::Etcd, "data-dir"),
    (PathVar::SchedulerKubeconfig, Component::KubeScheduler, "kubeconfig"),
    (PathVar::ControllerManagerKubeconfig, Component::KubeControllerManager, "kubeconfig"),
    (PathVar::ProxyKubeconfig, Component::KubeProxy, "kubeconfig"),
];

/// Flags of the API server that lead to the PKI directory. Not its CA files: those may well be in the
/// folder of the whole system's certificates.
const PKI_FLAGS: [&str; 2] = ["tls-private-key-file", "service-account-signing-key-file"];

/// The folder must say in its path that it is the cluster's own.
const PKI_OWNERS: [&str; 3] = ["kubernetes", "rancher", "microk8s"];

/// The lock of the host-local address plugin: empty, and never a secret.
const IPAM_LOCK: &str = "lock";

/// Finds every place; each is looked at, and those that exist (or cannot be looked at) are listed.
pub(super) fn find(
    reader: &mut Reader<'_>,
    views: &Views<'_>,
    kubelet: &Kubelet,
    candidates: &PathCandidates,
) -> BTreeMap<PathVar, Vec<String>> {
    let mut places = Places { reader, candidates, found: BTreeMap::new() };
    for (var, component) in MANIFESTS {
        let starts = starting_files(views, component);
        places.add_or_first(var, starts);
    }
    for (var, component, flag) in FLAGS {
        let said = views.flag_paths(component, flag);
        // A kube-proxy in a pod has its kubeconfig from the cluster, not from this host.
        let in_pod = var == PathVar::ProxyKubeconfig
            && views.process(component).is_some_and(|process| process.pod.is_some());
        if in_pod {
            places.add(var, said);
        } else {
            places.add_or_first(var, said);
        }
    }
    let all = places.candidates(PathVar::AdminKubeconfigs);
    places.add(PathVar::AdminKubeconfigs, all);
    places.add_pki(views);
    places.add_cni();
    places.add_kubelet(kubelet);
    places.found
}

/// Manifests that start a component, broken ones by their name; else its unit and configuration file.
fn starting_files(views: &Views<'_>, component: Component) -> Vec<String> {
    let starts = |manifest: &&crate::model::facts::ManifestFact| match manifest.pod.ok() {
        Some(pod) => pod.runs(component),
        None => base(&manifest.path).split('.').next() == Some(component.as_str()),
    };
    let manifests: Vec<String> =
        views.manifests.iter().filter(starts).map(|manifest| manifest.path.clone()).collect();
    if !manifests.is_empty() || component != Component::Etcd {
        return manifests;
    }
    let unit = views.units.args.get(&component).and_then(|args| args.first());
    let mut files: Vec<String> = unit.map(|arg| arg.path.clone()).into_iter().collect();
    files.extend(views.flag_paths(component, "config-file"));
    files
}

struct Places<'p, 'n> {
    reader: &'p mut Reader<'n>,
    candidates: &'p PathCandidates,
    found: BTreeMap<PathVar, Vec<String>>,
}

impl Places<'_, '_> {
    fn candidates(&self, var: PathVar) -> Vec<String> {
        self.candidates.get(&var).cloned().unwrap_or_default()
    }

    /// Keeps those that are there.
    fn add(&mut self, var: PathVar, paths: impl IntoIterator<Item = String>) {
        let mut paths: Vec<String> =
            paths.into_iter().filter(|path| self.reader.is_there(path)).collect();
        paths.sort();
        paths.dedup();
        self.found.insert(var, paths);
    }

    /// Keeps what was said; the first candidate that is there when nothing was.
    fn add_or_first(&mut self, var: PathVar, said: Vec<String>) {
        if said.is_empty() {
            let first = self.first(var);
            self.add(var, first);
        } else {
            self.add(var, said);
        }
    }

    fn first(&self, var: PathVar) -> Option<String> {
        self.candidates(var).into_iter().find(|path| self.reader.may_have(path))
    }

    fn add_pki(&mut self, views: &Views<'_>) {
        let folders = self.candidates(PathVar::PkiTree);
        let said = PKI_FLAGS
            .iter()
            .flat_map(|flag| views.flag_paths(Component::KubeApiserver, flag))
            .find_map(|key| parent(&key).map(str::to_owned));
        let root = match said {
            // The key may lie in a folder of the folder.
            Some(said) => folders
                .into_iter()
                .find(|folder| said == *folder || said.starts_with(&join(folder, "")))
                .or_else(|| is_own_folder(&said).then_some(said)),
            None => None,
        };
        let root = root.or_else(|| self.first(PathVar::PkiTree));
        let (mut tree, mut files) = (Vec::new(), Vec::new());
        if let Some(root) = root.filter(|root| self.reader.is_dir(root)) {
            let walk = self.reader.walk(&root);
            files = walk.files.into_iter().map(|(path, _)| path).collect();
            tree = walk.directories;
            tree.extend(files.iter().cloned());
        }
        let ending = |ending: &str| -> Vec<String> {
            files.iter().filter(|path| ends_in(path, ending)).cloned().collect()
        };
        let (certificates, keys) = (ending("crt"), ending("key"));
        self.add(PathVar::PkiTree, tree);
        self.add(PathVar::PkiCertificates, certificates);
        self.add(PathVar::PkiKeys, keys);
    }

    fn add_cni(&mut self) {
        let mut files = Vec::new();
        for folder in self.candidates(PathVar::CniFiles) {
            if !self.reader.is_there(&folder) {
                continue;
            }
            let walk = self.reader.walk(&folder);
            // A folder that cannot be listed hides files.
            let unlisted = walk.directories.into_iter().filter(|directory| {
                matches!(self.reader.facts.get(directory), Some(FileFact::Unreadable { .. }))
            });
            files.extend(unlisted.collect::<Vec<_>>());
            for (path, _) in walk.files {
                let file = match self.reader.look(&path) {
                    FileFact::Present { kind, .. } => *kind == FileKind::File,
                    FileFact::Missing => false,
                    FileFact::Unreadable { .. } => true,
                };
                let lock = folder.starts_with("/var/lib/cni") && base(&path) == IPAM_LOCK;
                if file && !lock {
                    files.push(path);
                }
            }
        }
        self.add(PathVar::CniFiles, files);
    }

    fn add_kubelet(&mut self, kubelet: &Kubelet) {
        let services = if kubelet.service_files.is_empty() {
            self.unit_candidates()
        } else {
            kubelet.service_files.clone()
        };
        self.add(PathVar::KubeletServiceFiles, services);

        let facts = &kubelet.facts;
        let config = facts.config.as_ref().map(|layer| layer.path.clone());
        self.add(PathVar::KubeletConfig, config);
        self.add(PathVar::KubeletDropInDir, facts.drop_in_dir.clone());
        let drop_ins: Vec<String> = facts.drop_ins.iter().map(|layer| layer.path.clone()).collect();
        self.add(PathVar::KubeletDropInFiles, drop_ins);

        let unknown = kubelet.is_unknown();
        let kubeconfig = kubelet.flag("kubeconfig");
        let kubeconfig =
            kubeconfig.or_else(|| self.first(PathVar::KubeletKubeconfig).filter(|_| unknown));
        self.add(PathVar::KubeletKubeconfig, kubeconfig);

        let said = kubelet.path("client-ca-file", "authentication.x509.clientCAFile");
        let client_ca = match (said, kubelet.broken_layer()) {
            (Some(path), _) => Some(path),
            (None, Some((layer, why))) => {
                let place = format!("clientCAFile in {layer}");
                let why = format!("{layer} cannot be understood: {why}");
                self.reader.facts.insert(place.clone(), FileFact::Unreadable { why });
                Some(place)
            }
            (None, None) => self.first(PathVar::KubeletClientCa).filter(|_| unknown),
        };
        self.add(PathVar::KubeletClientCa, client_ca);
    }

    /// Unit files and files of unit folders, each once whatever links lead there.
    fn unit_candidates(&mut self) -> Vec<String> {
        let mut files: Vec<String> = Vec::new();
        let mut seen = Vec::new();
        for path in self.candidates(PathVar::KubeletServiceFiles) {
            let paths = if self.reader.is_dir(&path) {
                self.reader.walk(&path).files.into_iter().map(|(path, _)| path).collect()
            } else {
                vec![path]
            };
            for path in paths {
                if let FileFact::Present { resolved, .. } = self.reader.look(&path) {
                    if seen.contains(resolved) {
                        continue;
                    }
                    seen.push(resolved.clone());
                }
                files.push(path);
            }
        }
        files
    }
}

/// Whether a folder of keys belongs to the cluster alone. `/etc/kubernetes` itself holds more than keys.
fn is_own_folder(path: &str) -> bool {
    path.split('/').any(|part| PKI_OWNERS.contains(&part)) && !PKI_OWNERS.contains(&base(path))
}
