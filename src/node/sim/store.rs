//! The kubelet's file source: which pods the manifest folder asks for.
//!
//! As `pkg/kubelet/config/file.go` does it: names with a leading dot are ignored and nothing else is;
//! of two files with one pod name the last one processed wins, which is the last one sorted at a full
//! reading; a file that cannot be used is skipped, so its pod is gone after the next full reading.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::super::{Files as _, memory::MemoryFiles};
use crate::{
    model::{Component, Digest, FileKind, facts::StaticPod},
    text,
};

/// The kubelet reads manifests up to this size.
const LIMIT: u64 = 10 << 20;

/// A manifest the kubelet accepts.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    /// Pod uid: `metadata.uid`, else the hash of content and path.
    pub(super) uid: String,
    /// The component it runs, if it is one.
    pub(super) component: Option<Component>,
    /// What is in it.
    pub(super) pod: StaticPod,
    /// Argument vector of the component's container.
    pub(super) argv: Vec<String>,
    /// Host paths that must exist before a container is created, and whether as folders.
    pub(super) needs: Vec<(String, FileKind)>,
}

impl Manifest {
    /// A host path that keeps the pod from getting a container.
    pub(super) fn blocked_by(&self, tree: &MemoryFiles) -> Option<&str> {
        self.needs
            .iter()
            .find(|(path, kind)| {
                tree.stat(path).ok().flatten().is_none_or(|stat| stat.kind != *kind)
            })
            .map(|(path, _)| path.as_str())
    }
}

/// The bytes of a file and what they were found to be.
type Known = (Vec<u8>, Result<Arc<Manifest>, String>);

/// What the folder asks for.
#[derive(Debug, Default)]
pub(super) struct Store {
    wanted: BTreeMap<String, Arc<Manifest>>,
    /// Full pod name by file.
    names: BTreeMap<String, String>,
    /// Recorded pod hash by our own digest of the manifest.
    recorded: BTreeMap<String, String>,
    /// What each file was found to be when it last was read: bytes and result.
    known: BTreeMap<String, Known>,
}

impl Store {
    /// Manifests by full pod name.
    pub(super) fn wanted(&self) -> &BTreeMap<String, Arc<Manifest>> {
        &self.wanted
    }

    /// A manifest of this component is there.
    pub(super) fn has(&self, component: Component) -> bool {
        self.wanted.values().any(|manifest| manifest.component == Some(component))
    }

    /// Takes the recorded pod hash as the hash of the manifest as it is now.
    pub(super) fn remember(
        &mut self,
        tree: &MemoryFiles,
        folder: &str,
        component: Component,
        pod: &str,
    ) {
        for path in paths(tree, folder) {
            if let Ok(manifest) = self.read(tree, &path)
                && manifest.component == Some(component)
            {
                self.recorded.insert(manifest.uid.clone(), pod.to_owned());
                let manifest = Manifest { uid: pod.to_owned(), ..manifest.as_ref().clone() };
                if let Some((_, known)) = self.known.get_mut(&path) {
                    *known = Ok(Arc::new(manifest));
                }
            }
        }
    }

    /// Reads the whole folder; answers the files that cannot be used, and why.
    pub(super) fn read_all(&mut self, tree: &MemoryFiles, folder: &str) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        self.wanted.clear();
        for path in paths(tree, folder) {
            if let Err(why) = self.read_one(tree, &path) {
                problems.push((path, why));
            }
        }
        problems
    }

    /// Reads one file that appeared or changed.
    pub(super) fn read_one(&mut self, tree: &MemoryFiles, path: &str) -> Result<(), String> {
        let manifest = self.read(tree, path)?;
        let name = full_name(&manifest.pod);
        self.names.insert(path.to_owned(), name.clone());
        self.wanted.insert(name, manifest);
        Ok(())
    }

    /// Forgets the pod of a file that went away, even when another file asks for the same pod.
    pub(super) fn forget(&mut self, path: &str) {
        if let Some(name) = self.names.remove(path) {
            self.wanted.remove(&name);
        }
    }

    /// Reads a file; an unchanged one is not parsed again.
    fn read(&mut self, tree: &MemoryFiles, path: &str) -> Result<Arc<Manifest>, String> {
        let bytes = tree.read(path, LIMIT).map_err(|error| error.kind.to_string())?;
        if let Some((known, result)) = self.known.get(path)
            && *known == bytes
        {
            return result.clone();
        }
        let result = self.parse(path, &bytes).map(Arc::new);
        self.known.insert(path.to_owned(), (bytes, result.clone()));
        result
    }

    fn parse(&self, path: &str, bytes: &[u8]) -> Result<Manifest, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let document = text::yaml::parse(text).map_err(|problem| problem.to_string())?;
        let value = document.value;
        check(&value)?;
        let pod = text::manifest::parse(path, text).map_err(|problem| problem.to_string())?;
        let component = Component::ALL.into_iter().find(|c| pod.container(*c).is_some());
        let argv = component
            .and_then(|component| pod.container(component))
            .map(|container| container.args.iter().map(|arg| arg.text.clone()).collect())
            .unwrap_or_default();
        let hash = self.hash(&value, path);
        let uid = pod.uid.clone().unwrap_or(hash);
        Ok(Manifest { uid, component, argv, needs: needs(&value), pod })
    }

    /// 32 hex digits of what the manifest means and where it lies.
    fn hash(&self, value: &Value, path: &str) -> String {
        let digest = Digest::of(format!("{}file:{path}", sorted(value)).as_bytes()).0;
        let ours = digest.get(..32).unwrap_or_default().to_owned();
        self.recorded.get(&ours).cloned().unwrap_or(ours)
    }
}

/// Namespace and name: one pod of that name exists at a time.
pub(super) fn full_name(pod: &StaticPod) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}

/// The files of a folder the kubelet reads, sorted.
fn paths(tree: &MemoryFiles, folder: &str) -> Vec<String> {
    tree.list(folder)
        .unwrap_or_default()
        .into_iter()
        .filter(|entry| !entry.name.starts_with('.') && entry.kind != FileKind::Directory)
        .map(|entry| format!("{folder}/{}", entry.name))
        .collect()
}

/// The same value with every mapping in order of its keys: key order means nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<&String, Value> =
                map.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(ordered.into_iter().map(|(k, v)| (k.clone(), v)).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// What API validation refuses, as far as an edit can break it.
fn check(value: &Value) -> Result<(), String> {
    let text = |path: &str| text::yaml::at(value, path).and_then(Value::as_str);
    if text("kind") != Some("Pod") || text("apiVersion") != Some("v1") {
        return Err("it is not a Pod of version v1".to_owned());
    }
    if text("metadata.name").is_none_or(str::is_empty) {
        return Err("metadata.name is missing".to_owned());
    }
    let volumes: BTreeSet<&str> =
        list(value, "spec.volumes").filter_map(|volume| volume.get("name")?.as_str()).collect();
    let mut containers = list(value, "spec.containers").peekable();
    if containers.peek().is_none() {
        return Err("spec.containers is empty".to_owned());
    }
    for container in containers {
        for mount in list(container, "volumeMounts") {
            let name = mount.get("name").and_then(Value::as_str).unwrap_or_default();
            if !volumes.contains(name) {
                return Err(format!("volumeMounts: no volume is named '{name}'"));
            }
        }
    }
    Ok(())
}

fn list<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    text::yaml::at(value, path).and_then(Value::as_array).into_iter().flatten()
}

/// Host paths of type `File` and `Directory`: the kubelet checks those.
fn needs(value: &Value) -> Vec<(String, FileKind)> {
    list(value, "spec.volumes")
        .filter_map(|volume| {
            let host = volume.get("hostPath")?;
            let kind = match host.get("type")?.as_str()? {
                "File" => FileKind::File,
                "Directory" => FileKind::Directory,
                _ => return None,
            };
            Some((host.get("path")?.as_str()?.to_owned(), kind))
        })
        .collect()
}
