//! The shape of a planned manifest: what the kubelet would drop, refuse or not notice.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Manifest;
use crate::{
    model::FileKind,
    node::{Files, NodeError},
    text::yaml,
};

/// What the kubelet would not load, or not run.
pub(super) fn wrong(manifest: &Manifest) -> Vec<String> {
    let Manifest { component, value, pod, .. } = manifest;
    let mut wrong = Vec::new();
    if pod.uid.is_some() {
        wrong.push(
            "it has metadata.uid, and with it the kubelet does not notice other arguments: remove that line (the component restarts once)"
                .to_owned(),
        );
    }
    let running = pod
        .containers
        .iter()
        .filter(|container| {
            let program = container.args.first();
            program.is_some_and(|arg| arg.text.rsplit('/').next() == Some(component.as_str()))
        })
        .count();
    if running != 1 {
        wrong.push(format!("{running} containers run {component}, and one must"));
    }
    let volumes = names(value, "spec.volumes");
    wrong.extend(twice(&volumes).map(|name| format!("the volume {name} is there twice")));
    let containers: Vec<String> = pod.containers.iter().map(|c| c.name.clone()).collect();
    wrong.extend(twice(&containers).map(|name| format!("the container {name} is there twice")));
    for container in list(value, "spec.initContainers").iter().chain(list(value, "spec.containers"))
    {
        let of = text(container, "name").unwrap_or_default();
        let mut places = BTreeSet::new();
        for mount in list(container, "volumeMounts") {
            let name = text(mount, "name").unwrap_or_default();
            if !volumes.iter().any(|volume| volume == name) {
                wrong.push(format!(
                    "container {of} mounts the volume '{name}', which the pod does not have"
                ));
            }
            let place = text(mount, "mountPath").unwrap_or_default();
            if !places.insert(place) {
                wrong.push(format!("container {of} mounts two volumes at {place}"));
            }
        }
    }
    wrong
}

/// Host paths that are not what their volume says: the pod would get no container, and no word of it in any
/// log of a container.
pub(super) fn host_paths(files: &dyn Files, manifest: &Manifest) -> Result<Vec<String>, NodeError> {
    let mut wrong = Vec::new();
    for volume in list(&manifest.value, "spec.volumes") {
        let Some(path) = yaml::at(volume, "hostPath.path").and_then(Value::as_str) else {
            continue;
        };
        let kind = yaml::at(volume, "hostPath.type").and_then(Value::as_str).unwrap_or_default();
        let name = text(volume, "name").unwrap_or_default();
        let there = files.stat(path)?.map(|stat| stat.kind);
        let fits = match (kind, there) {
            ("", _) | ("DirectoryOrCreate" | "FileOrCreate", None) => true,
            ("Directory" | "DirectoryOrCreate", Some(there)) => there == FileKind::Directory,
            ("File" | "FileOrCreate", Some(there)) => there == FileKind::File,
            ("Socket" | "CharDevice" | "BlockDevice", Some(there)) => there == FileKind::Other,
            (_, None) => false,
            (_, Some(_)) => true,
        };
        if !fits {
            let is = match there {
                None => "there is nothing at that path",
                Some(FileKind::File) => "it is a file",
                Some(FileKind::Directory) => "it is a directory",
                Some(_) => "it is something else",
            };
            wrong.push(format!(
                "the volume {name} wants a {kind} at {path}, and {is}: the kubelet would start no container; create it first"
            ));
        }
    }
    Ok(wrong)
}

fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    yaml::at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

fn names(value: &Value, path: &str) -> Vec<String> {
    list(value, path).iter().filter_map(|item| text(item, "name").map(str::to_owned)).collect()
}

/// Names that come again.
fn twice(names: &[String]) -> impl Iterator<Item = &String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(move |name| !seen.insert(name.as_str()))
}
