//! The kubelet's own configuration: unit, environment files, `--config` and drop-ins.

use serde_json::Value;

use super::{
    PathCandidates,
    processes::{KUBELET_UNIT, Processes},
    reader::{Reader, ends_in, join, parent},
    units::{self, Unit},
};
use crate::{
    model::{
        Component, FileFact, PathVar,
        facts::{KubeletFacts, KubeletLayer, Parsed},
    },
    text::{flags, kubelet, yaml},
};

/// What is known of the kubelet.
#[derive(Debug)]
pub(super) struct Kubelet {
    pub(super) facts: KubeletFacts,
    /// Unit file and drop-ins as named.
    pub(super) service_files: Vec<String>,
    /// The arguments that settle where things are; empty when nothing tells.
    args: Vec<String>,
    effective: Value,
}

impl Kubelet {
    /// Nothing tells how this kubelet is started: only the catalogue's candidates are left.
    pub(super) fn is_unknown(&self) -> bool {
        self.args.is_empty()
    }

    /// A flag that is given and not empty.
    pub(super) fn flag(&self, name: &str) -> Option<String> {
        flags::value(&self.args, name).filter(|value| !value.is_empty())
    }

    /// The first layer that cannot be understood: what no flag sets cannot be told then.
    pub(super) fn broken_layer(&self) -> Option<(&str, &str)> {
        let mut layers = self.facts.config.iter().chain(&self.facts.drop_ins);
        layers.find_map(|layer| match &layer.fields {
            Parsed::Broken { why } => Some((layer.path.as_str(), why.as_str())),
            Parsed::Ok { .. } => None,
        })
    }

    /// A path by flag, else by field; a relative one in the file lies beside the file
    /// (`cmd/kubelet/app/server.go`, `ResolveRelativePaths`).
    pub(super) fn path(&self, flag: &str, field: &str) -> Option<String> {
        if let Some(path) = self.flag(flag) {
            return Some(path);
        }
        let path = yaml::at(&self.effective, field)?.as_str().filter(|path| !path.is_empty())?;
        if path.starts_with('/') {
            return Some(path.to_owned());
        }
        let folder = parent(&self.facts.config.as_ref()?.path)?;
        Some(join(folder, path))
    }
}

/// Reads everything the kubelet's configuration is made of.
///
/// On a running node the process says which files those are, elsewhere what the unit would start.
pub(super) fn read(
    reader: &mut Reader<'_>,
    processes: &Processes,
    live: bool,
    candidates: &PathCandidates,
) -> Kubelet {
    let process = processes.running(Component::Kubelet);
    let Unit { named, files, env_files, specifiers, args: start_args, .. } =
        unit_of(reader, process.and_then(|process| process.unit.as_deref()));
    let running = process.map(|process| process.argv.clone());
    let start = start_args.as_ref().map(|args| args.iter().map(|arg| arg.text.clone()).collect());
    let args: Vec<String> =
        if live { running.or(start) } else { start.or(running) }.unwrap_or_default();

    let given = |flag: &str| flags::value(&args, flag).filter(|value| !value.is_empty());
    let first = |var: PathVar, reader: &Reader<'_>| {
        candidates.get(&var)?.iter().find(|path| reader.may_have(path)).cloned()
    };
    let (config, drop_in_dir) = if args.is_empty() {
        (first(PathVar::KubeletConfig, reader), first(PathVar::KubeletDropInDir, reader))
    } else {
        (given("config"), given("config-dir"))
    };
    let config = config.map(|path| layer(reader, &path));
    let drop_ins = drop_in_dir.as_deref().map(|dir| drop_ins(reader, dir)).unwrap_or_default();
    let effective = kubelet::effective(config.iter().chain(&drop_ins));
    let facts = KubeletFacts {
        config,
        drop_in_dir,
        drop_ins,
        unit_files: files,
        env_files,
        specifiers,
        start_args,
    };
    Kubelet { facts, service_files: named, args, effective }
}

/// The configuration that a kubelet with these arguments reads: file and drop-ins merged.
pub(super) fn configured(reader: &mut Reader<'_>, args: &[String]) -> Value {
    let given = |flag: &str| flags::value(args, flag).filter(|value| !value.is_empty());
    let config = given("config").map(|path| layer(reader, &path));
    let drop_ins = given("config-dir").map(|dir| drop_ins(reader, &dir)).unwrap_or_default();
    kubelet::effective(config.iter().chain(&drop_ins))
}

/// The unit that starts the kubelet itself: the process's own, else `kubelet.service`. A unit that starts
/// something around it (RKE2, a wrapper) gives no arguments.
fn unit_of(reader: &mut Reader<'_>, own: Option<&str>) -> Unit {
    let is_kubelet = |unit: &Unit| unit.program() == Some(Component::Kubelet.as_str());
    if let Some(own) = own.filter(|own| *own != KUBELET_UNIT)
        && let Some(unit) = units::find(reader, own).filter(is_kubelet)
    {
        return unit;
    }
    let mut unit = units::find(reader, KUBELET_UNIT).unwrap_or_default();
    if !is_kubelet(&unit) {
        unit.args = None;
    }
    unit
}

fn layer(reader: &mut Reader<'_>, path: &str) -> KubeletLayer {
    let (file, fields) = match reader.text(path) {
        Ok(file) => {
            let fields = kubelet::parse(&file.text).map_err(|problem| problem.to_string());
            (Some(file), fields)
        }
        Err(why) => (None, Err(why)),
    };
    let (fields, duplicate_keys) = match fields {
        Ok((value, duplicate_keys)) => (Parsed::Ok { value }, duplicate_keys),
        Err(why) => (Parsed::Broken { why }, Vec::new()),
    };
    KubeletLayer { path: path.to_owned(), file, fields, duplicate_keys }
}

/// `*.conf` in all folders, in the order of Go's `WalkDir` (`cmd/kubelet/app/server.go`,
/// `mergeKubeletConfigurations`).
fn drop_ins(reader: &mut Reader<'_>, dir: &str) -> Vec<KubeletLayer> {
    if !reader.is_there(dir) {
        return Vec::new();
    }
    let walk = reader.walk(dir);
    let configs = walk.files.into_iter().filter(|(path, _)| ends_in(path, "conf"));
    let mut layers: Vec<KubeletLayer> = configs.map(|(path, _)| layer(reader, &path)).collect();
    // What is in a closed folder would count as well: no field can be told without it.
    for folder in walk.directories {
        if let Some(FileFact::Unreadable { why }) = reader.facts.get(&folder) {
            let fields = Parsed::Broken { why: why.clone() };
            layers.push(KubeletLayer {
                path: folder,
                file: None,
                fields,
                duplicate_keys: Vec::new(),
            });
        }
    }
    layers
}
