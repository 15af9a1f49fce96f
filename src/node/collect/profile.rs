//! What this node is: its name, role, distribution and Kubernetes version.

use super::{processes::Processes, reader::Reader, views::Views};
use crate::{
    model::{
        Component, Distribution, ProcessFact, Role,
        facts::{StaticPod, VersionFact},
    },
    node::Node,
};

/// Images that carry the Kubernetes version in their tag, the API server's first. etcd has its own.
const VERSIONED: [Component; 3] =
    [Component::KubeApiserver, Component::KubeControllerManager, Component::KubeScheduler];

/// The name this node has in its cluster.
pub(super) fn name(reader: &mut Reader<'_>, views: &Views<'_>) -> String {
    let overridden =
        views.of(Component::Kubelet).into_iter().find_map(|v| v.flag("hostname-override"));
    if let Some(name) = overridden {
        return name.trim().to_lowercase();
    }
    let names = ["/etc/hostname", "/proc/sys/kernel/hostname"].map(|path| {
        let text = reader.note(path).unwrap_or_default();
        text.lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_lowercase)
    });
    let own = |name: &String| name != "localhost";
    names.into_iter().flatten().find(own).unwrap_or_else(|| "localhost".to_owned())
}

/// The Kubernetes version and where it was read; never a guess.
pub(super) fn version(
    reader: &mut Reader<'_>,
    node: &dyn Node,
    views: &Views<'_>,
) -> Option<VersionFact> {
    for component in VERSIONED {
        for manifest in views.manifests {
            let container = manifest.pod.ok().and_then(|pod| pod.container(component));
            let tag = container.and_then(|container| image_tag(&container.image));
            if let Some((tag, minor)) = tag.and_then(|tag| Some((tag, tag.parse().ok()?))) {
                let source = format!("image tag in {}", manifest.path);
                return Some(VersionFact { text: tag.to_owned(), minor, source });
            }
        }
    }
    match views.process(Component::Kubelet) {
        Some(kubelet) => kubelet_says(reader, node, kubelet.pid),
        None => rke2_program(reader, views),
    }
}

/// Where RKE2 links the programs of the version that it runs.
const RKE2_PROGRAMS: &str = "/var/lib/rancher/rke2/bin";

/// `v1.34.1-rke2r1-0123abc` of RKE2's link to `…/rke2/data/v1.34.1-rke2r1-0123abc/bin`; of no use where another
/// kubelet is set up, for then it is only left behind.
fn rke2_program(reader: &Reader<'_>, views: &Views<'_>) -> Option<VersionFact> {
    if !views.of(Component::Kubelet).is_empty() {
        return None;
    }
    let target = reader.files.read_link(RKE2_PROGRAMS).ok()?;
    let text = target.split_once("rke2/data/")?.1.split('/').next()?.to_owned();
    let minor = text.parse().ok()?;
    Some(VersionFact { text, minor, source: format!("link {RKE2_PROGRAMS}") })
}

fn kubelet_says(reader: &mut Reader<'_>, node: &dyn Node, pid: u32) -> Option<VersionFact> {
    match node.kubelet_version(pid) {
        Ok(answer) => {
            let answer = answer?;
            let text = answer.trim().trim_start_matches("Kubernetes").trim().to_owned();
            let minor = text.parse().ok()?;
            Some(VersionFact { text, minor, source: "kubelet --version".to_owned() })
        }
        Err(error) => {
            reader.problems.push(error.to_string());
            None
        }
    }
}

/// `v1.36.2` of `registry.k8s.io:443/kube-apiserver:v1.36.2@sha256:…`.
fn image_tag(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

/// A control plane node runs, or would start, at least one of its components.
pub(super) fn role(views: &Views<'_>, processes: &Processes) -> Role {
    let starts =
        |pod: &StaticPod| Component::STATIC_PODS.iter().any(|component| pod.runs(*component));
    let in_manifest = views.manifests.iter().any(|manifest| match manifest.pod.ok() {
        Some(pod) => starts(pod),
        None => Component::STATIC_PODS
            .iter()
            .any(|c| super::reader::base(&manifest.path).split('.').next() == Some(c.as_str())),
    });
    let runs = Component::STATIC_PODS.iter().any(|component| {
        matches!(
            views.processes.get(component),
            Some(ProcessFact::Running(_) | ProcessFact::Ambiguous { .. })
        )
    });
    let in_unit = Component::STATIC_PODS.iter().any(|c| views.units.args.contains_key(c));
    let bundled = ["k3s-server", "kubelite"].iter().any(|name| processes.bundles.contains(*name));
    if in_manifest || runs || in_unit || bundled { Role::ControlPlane } else { Role::Worker }
}

/// What tells one distribution from another.
#[derive(Debug)]
pub(super) struct Signs<'s> {
    pub(super) views: &'s Views<'s>,
    pub(super) processes: &'s Processes,
    pub(super) manifest_dir: Option<&'s str>,
    pub(super) version: Option<&'s VersionFact>,
    pub(super) role: Role,
}

impl Signs<'_> {
    /// Whether the kubelet takes something from below `folder`.
    fn kubelet_uses(&self, folder: &str) -> bool {
        let named = self.views.of(Component::Kubelet).into_iter().any(|view| {
            ["config", "config-dir", "kubeconfig", "pod-manifest-path", "root-dir"]
                .iter()
                .any(|flag| view.flag(flag).is_some_and(|path| path.starts_with(folder)))
        });
        named || self.manifest_dir.is_some_and(|dir| dir.starts_with(folder))
    }

    fn runs(&self, bundle: &str) -> bool {
        self.processes.bundles.iter().any(|name| name.starts_with(bundle))
    }

    fn version_says(&self, marks: &[&str]) -> bool {
        self.version.is_some_and(|version| marks.iter().any(|mark| version.text.contains(mark)))
    }

    /// kubeadm leaves its flags file or its unit drop-in on every node, and its annotations in manifests.
    fn kubeadm(&self, reader: &Reader<'_>) -> bool {
        let kubelet = self.views.kubelet;
        let drop_in = kubelet.unit_files.iter().any(|file| file.path.ends_with("/10-kubeadm.conf"));
        let annotated = self.views.manifests.iter().any(|manifest| {
            manifest.file.as_ref().is_some_and(|file| file.text.contains("kubeadm.kubernetes.io/"))
        });
        let config = self.views.of(Component::Kubelet).iter().any(|view| {
            view.flag("config").is_some_and(|path| path.starts_with("/var/lib/kubelet/"))
        });
        annotated || ((drop_in || config) && reader.may_have("/var/lib/kubelet/kubeadm-flags.env"))
    }
}

/// How this node was set up: by what runs first, then by marks that stay behind.
pub(super) fn distribution(reader: &mut Reader<'_>, signs: &Signs<'_>) -> Distribution {
    if signs.runs("kubelite") || signs.kubelet_uses("/var/snap/microk8s/") {
        return Distribution::Microk8s;
    }
    if signs.runs("k3s") || signs.kubelet_uses("/var/lib/rancher/k3s/") {
        return Distribution::K3s;
    }
    if signs.runs("rke2") || signs.kubelet_uses("/var/lib/rancher/rke2/") {
        return Distribution::Rke2;
    }
    if signs.kubeadm(reader) {
        return Distribution::Kubeadm;
    }
    let managed_file =
        ["/etc/eks", "/etc/srv/kubernetes", "/home/kubernetes", "/etc/kubernetes/azure.json"]
            .iter()
            .any(|path| reader.has(path));
    if signs.role == Role::Worker && (managed_file || signs.version_says(&["-eks-", "-gke."])) {
        return Distribution::Managed;
    }
    let left_behind = [
        ("/var/lib/rancher/rke2", Distribution::Rke2),
        ("/etc/rancher/rke2", Distribution::Rke2),
        ("/var/lib/rancher/k3s", Distribution::K3s),
        ("/etc/rancher/k3s", Distribution::K3s),
        ("/var/snap/microk8s/current", Distribution::Microk8s),
    ];
    // Another kubelet of this node's own says that they are only left behind.
    let known = !signs.views.of(Component::Kubelet).is_empty();
    left_behind
        .into_iter()
        .find(|(path, _)| !known && reader.has(path))
        .map_or(Distribution::Unknown, |(_, distribution)| distribution)
}
