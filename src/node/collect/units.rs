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
    text::{
        flags::variables,
        unit::{self, glob},
    },
};

/// Unit directories, strongest first (`systemd.unit(5)`, "System Unit Search Path").
const DIRECTORIES: [&str; 10] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Where a unit that starts at boot is linked.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

/// A unit with its drop-ins and environment files.
#[derive(Debug, Default)]
pub(super) struct Unit {
    /// Unit file, then drop-ins, as named; without those that are for every service.
    pub(super) named: Vec<String>,
    /// All of them, read, in the order they are applied.
    pub(super) files: Vec<TextFile>,
    pub(super) specifiers: BTreeMap<char, String>,
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
    let template = name.split_once('@').and_then(|(prefix, rest)| {
        rest.rsplit_once('.').map(|(_, suffix)| format!("{prefix}@.{suffix}"))
    });
    let places = [Some(name), template.as_deref()].into_iter().flatten();
    let first = places
        .flat_map(|file| DIRECTORIES.map(|directory| join(directory, file)))
        .find_map(|path| Some((link_or_file(reader, &path)?, path)));
    let mut paths = match first {
        Some((Found::Masked, _)) => return None,
        Some((Found::File, path)) => vec![path],
        None => Vec::new(),
    };
    let DropIns { found, mut complete } = drop_ins(reader, name, template.as_deref());
    paths.extend(found);
    let mut unit = Unit::default();
    let of_all = |path: &String| path.contains("/service.d/");
    unit.named = paths.iter().filter(|path| !of_all(path)).cloned().collect();
    if unit.named.is_empty() {
        return None;
    }
    for path in &paths {
        match reader.text(path) {
            Ok(file) => unit.files.push(file),
            Err(why) => {
                reader.problems.push(format!("cannot read {path}: {why}"));
                complete = false;
            }
        }
    }
    unit.specifiers = unit::specifiers(name, &host_name(reader));
    for (path, optional) in unit::environment_files(&unit.files, &unit.specifiers) {
        let files = matching(reader, &path);
        if files.is_empty() && !optional {
            reader.problems.push(format!("nothing is {path}, which {name} needs"));
            complete = false;
        }
        for path in files {
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
    }
    match given(&unit) {
        Ok((args, variables)) => {
            unit.args = args.filter(|_| complete);
            unit.variables = variables;
        }
        Err(why) => reader.problems.push(format!("what {name} would start cannot be told: {why}")),
    }
    Some(unit)
}

/// The arguments of a unit and the variables of etcd that it sets.
fn given(unit: &Unit) -> Result<(Option<Vec<Arg>>, Variables), String> {
    let Unit { files, env_files, specifiers, .. } = unit;
    let set: BTreeMap<String, Variable> = unit::environment(files, env_files, specifiers)?
        .into_iter()
        .filter(|(name, _)| variables::is_ours(name))
        .map(|(name, Arg { text, path, line })| (name, Variable { value: Some(text), path, line }))
        .collect();
    let passed = unit::passed(files, specifiers);
    let more = passed.iter().any(|name| variables::is_ours(name) && !set.contains_key(name));
    let more = more.then(|| "PassEnvironment=".to_owned());
    Ok((unit::start_args(files, env_files, specifiers)?, Variables { set, more }))
}

/// Drop-ins in the order they are applied.
struct DropIns {
    found: Vec<String>,
    /// Every folder of them could be looked into.
    complete: bool,
}

/// The drop-ins of a unit, by file name; of two with the same name the one in the stronger folder.
///
/// Folders of the unit's own name come before those of its template, these before those of all services, each in
/// the order of the unit directories with the shorter names (`a-.service.d` of `a-b.service`) after the longer
/// (`unit_file_find_dropin_paths` in systemd's `src/shared/dropin.c`).
fn drop_ins(reader: &mut Reader<'_>, name: &str, template: Option<&str>) -> DropIns {
    let suffix = name.rsplit_once('.').map_or("service", |(_, suffix)| suffix);
    let mut chosen: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut complete = true;
    for owner in [Some(name), template, Some(suffix)].into_iter().flatten() {
        let mut names = vec![owner.to_owned()];
        if let Some((stem, _)) = owner.rsplit_once('.') {
            let dashes: Vec<usize> = stem.match_indices('-').map(|(at, _)| at).collect();
            let prefixes = dashes.into_iter().rev().filter_map(|at| stem.get(..=at));
            names.extend(prefixes.map(|prefix| format!("{prefix}.{suffix}")));
        }
        for directory in DIRECTORIES {
            for name in &names {
                let folder = join(directory, &format!("{name}.d"));
                let entries = reader.list(&folder);
                if let Some(FileFact::Unreadable { why }) = reader.facts.get(&folder) {
                    let problem = format!("cannot read {folder}: {why}");
                    reader.problems.push(problem);
                    complete = false;
                }
                for entry in entries {
                    if ends_in(&entry.name, "conf") && !chosen.contains_key(&entry.name) {
                        let path = join(&folder, &entry.name);
                        let kept = matches!(link_or_file(reader, &path), Some(Found::File));
                        chosen.insert(entry.name, kept.then_some(path));
                    }
                }
            }
        }
    }
    DropIns { found: chosen.into_values().flatten().collect(), complete }
}

/// The name the host has, as `%H` gives it; empty when nothing tells.
fn host_name(reader: &mut Reader<'_>) -> String {
    let text = reader.note("/proc/sys/kernel/hostname").or_else(|| reader.note("/etc/hostname"));
    text.unwrap_or_default().lines().next().unwrap_or_default().trim().to_owned()
}

/// The files a path with patterns in any of its parts stands for, sorted; a path without one is itself.
fn matching(reader: &mut Reader<'_>, path: &str) -> Vec<String> {
    if !glob::is_pattern(path) {
        return vec![path.to_owned()];
    }
    let mut found = vec![String::new()];
    for part in path.split('/').filter(|part| !part.is_empty()) {
        found = found
            .into_iter()
            .flat_map(|folder| {
                if !glob::is_pattern(part) {
                    return vec![format!("{folder}/{part}")];
                }
                let inside = if folder.is_empty() { "/" } else { &folder };
                let mut names: Vec<String> =
                    reader.list(inside).into_iter().map(|entry| entry.name).collect();
                names.retain(|name| glob::matches(part, name));
                names.sort();
                names.into_iter().map(|name| format!("{folder}/{name}")).collect()
            })
            .collect();
    }
    found.retain(|path| reader.is_there(path));
    found
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
