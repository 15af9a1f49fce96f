//! A static pod as the kubelet reads it from its file.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// A pod of one container.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) hash: String,
    pub(crate) command: Vec<String>,
    pub(crate) mounts: Vec<(String, String, bool)>,
    pub(crate) startup: Option<Probe>,
    pub(crate) liveness: Option<Probe>,
    pub(crate) readiness: Option<Probe>,
}

/// A probe, times in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) url: String,
    pub(crate) delay: f64,
    pub(crate) period: f64,
    pub(crate) failures: u32,
}

/// The manifest folder, read again when something of it has changed.
pub(crate) struct Folder {
    path: PathBuf,
    seen: Vec<(PathBuf, u64, i64, i64)>,
    pods: BTreeMap<String, Pod>,
}

impl Folder {
    pub(crate) fn new(path: &str) -> Self {
        Self { path: path.into(), seen: Vec::new(), pods: BTreeMap::new() }
    }

    /// Every pod, by name: the last file in the order of names wins, and what begins with a dot or cannot be
    /// read is not there.
    pub(crate) fn pods(&mut self) -> &BTreeMap<String, Pod> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let visible = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
        let mut seen: Vec<_> = visible
            .filter_map(|entry| {
                let meta = entry.metadata().ok()?;
                Some((entry.path(), meta.ino(), meta.mtime(), meta.mtime_nsec()))
            })
            .collect();
        seen.sort();
        if seen != self.seen {
            let read = |path: &PathBuf| pod(path, &fs::read_to_string(path).ok()?);
            let pods = seen.iter().filter_map(|(path, ..)| read(path));
            self.pods = pods.map(|pod| (pod.name.clone(), pod)).collect();
            self.seen = seen;
        }
        &self.pods
    }
}

fn pod(path: &Path, text: &str) -> Option<Pod> {
    let manifest: Value = serde_yaml::from_str(text).ok()?;
    let container = &manifest["spec"]["containers"][0];
    // What the pod means and where it lies: a comment changes nothing.
    let hash = Sha256::digest(format!("{manifest} file:{}", path.display()));
    let volume = |name: &Value| {
        let volumes = manifest["spec"]["volumes"].as_array()?;
        let volume = volumes.iter().find(|volume| volume["name"] == *name)?;
        text_of(&volume["hostPath"]["path"])
    };
    let mounts = container["volumeMounts"].as_array().into_iter().flatten().map(|mount| {
        Some((volume(&mount["name"])?, text_of(&mount["mountPath"])?, mount["readOnly"] == true))
    });
    let words = container["command"].as_array()?.iter().map(text_of);
    Some(Pod {
        name: text_of(&manifest["metadata"]["name"])?,
        hash: hash[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
        command: words.collect::<Option<_>>()?,
        mounts: mounts.collect::<Option<_>>()?,
        startup: probe(container, "startupProbe"),
        liveness: probe(container, "livenessProbe"),
        readiness: probe(container, "readinessProbe"),
    })
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn probe(container: &Value, name: &str) -> Option<Probe> {
    let probe = container.get(name)?;
    let get = &probe["httpGet"];
    let named = |port: &Value| {
        let ports = container["ports"].as_array()?;
        ports.iter().find(|known| known["name"] == *port)?["containerPort"].as_u64()
    };
    let port = get["port"].as_u64().or_else(|| named(&get["port"]))?;
    let scheme = get["scheme"].as_str()?.to_ascii_lowercase();
    let number = |name: &str, default: f64| probe[name].as_f64().unwrap_or(default);
    Some(Probe {
        url: format!("{scheme}://{}:{port}{}", get["host"].as_str()?, get["path"].as_str()?),
        delay: number("initialDelaySeconds", 0.0),
        period: number("periodSeconds", 10.0),
        failures: number("failureThreshold", 3.0) as u32,
    })
}
