//! systemd units: where their files lie and what they would start.
//!
//! Follows `systemd.unit(5)`: the first directory that has a unit file wins, drop-ins of all directories
//! are merged by file name, and a link to `/dev/null` takes a file out.

use std::collections::BTreeMap;

use super::{
    UNIT_COMPONENTS,
    processes::Processes,
    reader::{Reader, base, ends_in, join},
};
use crate::{
    model::{
        Component, FileFact, FileKind,
        facts::{Arg, ManifestFact, TextFile, Variable, Variables},
    },
    text::{flags::variables, unit},
};

/// Unit directories, strongest first.
const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Where a unit that starts at boot is linked.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

/// A unit with its drop-ins and environment files.
#[derive(Debug, Default)]
pub(super) struct Unit {
    /// Unit file, then drop-ins, as named.
    pub(super) named: Vec<String>,
    /// The same, read.
    pub(super) files: Vec<TextFile>,
    pub(super) env_files: Vec<TextFile>,
    /// The arguments it would start its program with, the program first.
    pub(super) args: Option<Vec<Arg>>,
    /// The variables of etcd it would give its program.
    variables: Variables,
}

impl Unit {
    /// File name of the program it starts.
    pub(super) fn program(&self) -> Option<&str> {
        self.args.as_ref()?.first().map(|arg| base(&arg.text))
    }
}

/// Reads a unit; `None` when nothing of it exists, or it is masked.
pub(super) fn find(reader: &mut Reader<'_>, name: &str) -> Option<Unit> {
    let mut named = Vec::new();
    for directory in DIRECTORIES {
        let path = join(directory, name);
        match link_or_file(reader, &path) {
            None => {}
            Some(Found::Masked) => return None,
            Some(Found::File) => {
                named.push(path);
                break;
            }
        }
    }
    let mut closed = Vec::new();
    let mut drop_ins: BTreeMap<String, Option<String>> = BTreeMap::new();
    for directory in DIRECTORIES {
        let folder = join(directory, &format!("{name}.d"));
        let entries = reader.list(&folder);
        if let Some(FileFact::Unreadable { why }) = reader.facts.get(&folder) {
            closed.push(format!("cannot read {folder}: {why}"));
        }
        for entry in entries {
            if ends_in(&entry.name, "conf") && !drop_ins.contains_key(&entry.name) {
                let path = join(&folder, &entry.name);
                let kept = matches!(link_or_file(reader, &path), Some(Found::File));
                drop_ins.insert(entry.name, kept.then_some(path));
            }
        }
    }
    named.extend(drop_ins.into_values().flatten());
    if named.is_empty() {
        return None;
    }
    let mut unit = Unit { named, ..Unit::default() };
    for path in &unit.named {
        match reader.text(path) {
            Ok(file) => unit.files.push(file),
            Err(why) => reader.problems.push(format!("cannot read {path}: {why}")),
        }
    }
    let mut complete = unit.files.len() == unit.named.len() && closed.is_empty();
    reader.problems.extend(closed);
    for (path, optional) in unit::environment_files(&unit.files) {
        match reader.text(&path) {
            Ok(file) => unit.env_files.push(file),
            Err(_) if optional && !reader.is_there(&path) => {}
            Err(why) => {
                reader.problems.push(format!("cannot read {path}, which {name} needs: {why}"));
                // What it holds may be anything, an argument or a variable.
                complete = false;
            }
        }
    }
    let variables = unit::environment(&unit.files, &unit.env_files).into_iter();
    unit.variables.set = variables
        .filter(|(name, _)| variables::is_ours(name))
        .map(|(name, Arg { text, path, line })| (name, Variable { value: Some(text), path, line }))
        .collect();
    unit.args = unit::start_args(&unit.files, &unit.env_files).filter(|_| complete);
    Some(unit)
}

enum Found {
    File,
    Masked,
}

fn link_or_file(reader: &Reader<'_>, path: &str) -> Option<Found> {
    match reader.files.lstat(path) {
        Ok(Some(stat)) if stat.kind == FileKind::Symlink => {
            match reader.files.read_link(path).as_deref() {
                Ok("/dev/null") => Some(Found::Masked),
                _ => Some(Found::File),
            }
        }
        Ok(None) => None,
        // What cannot be looked at is there; reading it will say why not.
        Ok(Some(_)) | Err(_) => Some(Found::File),
    }
}

/// What units give the components they start instead of a manifest.
#[derive(Debug, Default)]
pub(super) struct Components {
    pub(super) args: BTreeMap<Component, Vec<Arg>>,
    /// Of etcd.
    pub(super) variables: Variables,
}

/// Reads the units of components that no manifest starts.
pub(super) fn components(
    reader: &mut Reader<'_>,
    processes: &Processes,
    manifests: &[ManifestFact],
) -> Components {
    let mut found = Components::default();
    for component in UNIT_COMPONENTS {
        let in_manifest =
            manifests.iter().any(|m| m.pod.ok().is_some_and(|pod| pod.runs(component)));
        if in_manifest {
            continue;
        }
        let Some(name) = unit_name(reader, processes, component) else { continue };
        let Some(unit) = find(reader, &name) else { continue };
        if unit.program() == Some(component.as_str())
            && let Some(args) = unit.args
        {
            found.args.insert(component, args);
            if component == Component::Etcd {
                found.variables = unit.variables;
            }
        }
    }
    found
}

/// The unit of the running process; when none runs, the one that would start at boot.
fn unit_name(reader: &Reader<'_>, processes: &Processes, component: Component) -> Option<String> {
    match processes.running(component) {
        Some(process) if process.pod.is_some() => None,
        Some(process) => process.unit.clone(),
        None => {
            let name = format!("{component}.service");
            let wanted = matches!(reader.files.lstat(&join(WANTS, &name)), Ok(Some(_)));
            wanted.then_some(name)
        }
    }
}
