//! The static pod directory, as the kubelet loads it: every file whose name has no leading dot.

use super::{
    kubelet::Kubelet,
    processes::Processes,
    reader::{Reader, base, join},
};
use crate::{
    model::{
        Component, FileFact, FileKind, ProcessFact,
        facts::{ManifestFact, Parsed, StaticPod, TextFile},
    },
    text::{manifest, yaml},
};

/// Where nothing says otherwise: the directories of kubeadm, RKE2 and K3s.
const DEFAULT_DIRS: [&str; 3] = [
    "/etc/kubernetes/manifests",
    "/var/lib/rancher/rke2/agent/pod-manifests",
    "/var/lib/rancher/k3s/agent/pod-manifests",
];

/// The directory and what is in it.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) dir: Option<String>,
    pub(super) pods: Vec<ManifestFact>,
}

/// Reads every manifest.
pub(super) fn read(reader: &mut Reader<'_>, kubelet: &Kubelet, processes: &Processes) -> Manifests {
    let said = kubelet.path("pod-manifest-path", "staticPodPath");
    let default = || DEFAULT_DIRS.into_iter().find(|dir| reader.has(dir)).map(str::to_owned);
    let Some(dir) = said.or_else(default) else {
        return Manifests::default();
    };
    // The setting may name a single file.
    if matches!(reader.look(&dir), FileFact::Present { kind: FileKind::File, .. }) {
        let pod = one(reader, &dir, FileKind::File);
        return Manifests { dir: Some(dir), pods: vec![pod] };
    }
    let entries = if reader.is_there(&dir) { reader.list(&dir) } else { Vec::new() };
    let mut pods: Vec<ManifestFact> = entries
        .into_iter()
        .filter(|entry| !entry.name.starts_with('.'))
        .map(|entry| one(reader, &join(&dir, &entry.name), entry.kind))
        .collect();
    if let FileFact::Unreadable { why } = reader.look(&dir) {
        let why = format!("{dir} cannot be read: {why}");
        pods = unseen(reader, &dir, processes, &why);
        reader.problems.push(why);
    }
    Manifests { dir: Some(dir), pods }
}

/// A running static pod has a manifest, also when the directory cannot be read: it is a fact that it could
/// not be seen.
fn unseen(
    reader: &mut Reader<'_>,
    dir: &str,
    processes: &Processes,
    why: &str,
) -> Vec<ManifestFact> {
    let runs = |component: &Component| {
        matches!(
            processes.facts.get(component),
            Some(ProcessFact::Running(_) | ProcessFact::Ambiguous { .. })
        )
    };
    let components = Component::STATIC_PODS.into_iter().filter(runs);
    components
        .map(|component| {
            let path = join(dir, &format!("{component}.yaml"));
            reader.facts.insert(path.clone(), FileFact::Unreadable { why: why.to_owned() });
            ManifestFact { path, file: None, pod: Parsed::Broken { why: why.to_owned() } }
        })
        .collect()
}

fn one(reader: &mut Reader<'_>, path: &str, kind: FileKind) -> ManifestFact {
    let (file, pod) = match read_one(reader, path, kind) {
        Ok((file, Ok(pod))) => (Some(file), Parsed::Ok { value: pod }),
        Ok((file, Err(why))) => (Some(file), Parsed::Broken { why }),
        Err(why) => (None, Parsed::Broken { why }),
    };
    ManifestFact { path: path.to_owned(), file, pod }
}

type Read = (TextFile, Result<StaticPod, String>);

fn read_one(reader: &mut Reader<'_>, path: &str, kind: FileKind) -> Result<Read, String> {
    let fact = reader.look(path);
    if kind == FileKind::Symlink && *fact == FileFact::Missing {
        return Err("it is a link to a file that does not exist".to_owned());
    }
    if matches!(fact, FileFact::Present { kind: FileKind::Directory, .. }) {
        return Err("it is a directory: the kubelet does not look into it".to_owned());
    }
    let file = reader.text(path)?;
    let pod = manifest::parse(path, &file.text).map_err(|problem| problem.to_string());
    let documents = yaml::parse(&file.text).map_or(1, |document| document.documents);
    if documents > 1 && pod.is_ok() {
        let name = base(path);
        let note = format!(
            "{name} holds {documents} documents: the kubelet reads the first and ignores the rest"
        );
        reader.problems.push(note);
    }
    Ok((file, pod))
}
