//! What is planned can work on this node, as far as texts and files tell.
//!
//! A component's own program checks its flags; these checks are for what it would say only after the old one
//! is gone. Nothing is run and nothing is written. What the running component already has is known to work,
//! however strange it looks: only what is new can be wrong there.

mod eye;
mod files;
mod kubelet;
pub(super) mod lockout;
mod named;
mod names;
mod probes;
mod reader;
mod settings;
mod shape;
mod sight;

use serde_json::Value;

pub(super) use self::kubelet::arguments;
use self::{
    eye::Eye,
    files::{Found, day},
    reader::Reader,
    settings::Settings,
};
use super::{Standing, planned::Planned};
use crate::{
    apply::verify::{Emit, Expected},
    model::{
        Change, ChangeKind, Component, Minor, NodeFacts, Observation, Plan, Step,
        change::LARGEST_TEXT,
        facts::{Container, Mount, StaticPod},
    },
    node::{
        Files, Node, NodeError,
        collect::{PathCandidates, collect},
    },
    text::{flags, manifest, yaml},
};

/// How many complaints one refusal names.
const TOLD: usize = 3;

/// A manifest as it is or will be.
struct Manifest {
    component: Component,
    path: String,
    value: Value,
    pod: StaticPod,
}

impl Manifest {
    fn read(component: Component, path: &str, text: &str) -> Option<Self> {
        let value = yaml::parse(text).ok()?.value;
        let pod = manifest::parse(path, text).ok()?;
        pod.container(component)?;
        Some(Self { component, path: path.to_owned(), value, pod })
    }

    fn container(&self) -> Option<&Container> {
        self.pod.container(self.component)
    }
}

/// What came of the checks of one component.
#[derive(Debug)]
pub(super) struct Checked {
    component: Component,
    found: Found,
}

impl Checked {
    fn of(component: Component, found: Found) -> Self {
        Self { component, found }
    }

    /// Few lines, however much was looked at.
    fn tell(&self, emit: &mut Emit<'_>) -> Result<(), Standing> {
        let Self { component, found } = self;
        let files = match found.files.len() {
            0 => None,
            1 => Some("the file it names is there".to_owned()),
            many => Some(format!("the {many} files it names are there")),
        };
        let keys = match found.keys {
            0 => None,
            1 => Some("a key matches its certificate".to_owned()),
            many => Some(format!("{many} keys match their certificates")),
        };
        let withheld = found.withheld.len();
        let withheld = (withheld > 0).then(|| format!("{withheld} left out of this recording"));
        let until = found.until.map(|until| format!("valid until {}", day(until)));
        let parts: Vec<String> = [files, keys, withheld, until].into_iter().flatten().collect();
        let parts =
            if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) };
        let text = format!("names, probes and volumes are right{parts}");
        let component = Some(*component);
        emit(Observation { component, text, proves: false })?;
        for note in &found.notes {
            emit(Observation { component, text: note.clone(), proves: false })?;
        }
        Ok(())
    }
}

/// Checks every step that restarts a component.
pub(super) fn check(
    node: &dyn Node,
    plan: &Plan,
    facts: &NodeFacts,
    emit: &mut Emit<'_>,
) -> Result<(), Standing> {
    let planned = Planned::new(node, plan);
    for step in &plan.steps {
        match step.target.restarts() {
            None => {}
            Some(Component::Kubelet) => kubelet_step(node, &planned, facts)?.tell(emit)?,
            Some(component) => {
                static_pod_step(&planned, step, component, facts)?.tell(emit)?;
            }
        }
    }
    Ok(())
}

fn refuse(place: &str, wrong: &[String]) -> Result<(), Standing> {
    if wrong.is_empty() {
        return Ok(());
    }
    let told: Vec<&str> = wrong.iter().take(TOLD).map(String::as_str).collect();
    let more = match wrong.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Err(Standing(format!("{place} as planned would not work: {}{more}", told.join("; "))))
}

fn kubelet_step(
    node: &dyn Node,
    planned: &Planned<'_>,
    now: &NodeFacts,
) -> Result<Checked, Standing> {
    let then = collect(planned, &PathCandidates::new())?;
    let excused = kubelet::wrong(now);
    let mut wrong = kubelet::wrong(&then);
    wrong.retain(|complaint| !excused.contains(complaint));
    let mut checked = kubelet::look(node, planned.files(), &then)?;
    wrong.append(&mut checked.found.wrong);
    refuse("the kubelet's configuration", &wrong)?;
    Ok(checked)
}

fn static_pod_step(
    planned: &Planned<'_>,
    step: &Step,
    component: Component,
    facts: &NodeFacts,
) -> Result<Checked, Standing> {
    let (before, after) = manifests(step, component)
        .ok_or_else(|| Standing(format!("the plan holds no manifest of {component}")))?;
    let files = planned.files();
    let version = facts.profile.version.as_ref().map(|version| version.minor);
    let process = facts.process(component);
    // What runs is known to work, when it is what the manifest says.
    let runs_as_written = process
        .zip(Expected::of(component, &before.pod))
        .is_some_and(|(process, expected)| expected.matches(process));
    let mut wrong = by_text(files, &after, version)?;
    if runs_as_written {
        let excused = by_text(files, &before, version)?;
        wrong.retain(|complaint| !excused.contains(complaint));
    }
    wrong.extend(shape::host_paths(files, &after)?);
    let mut checked = Checked::of(component, Found::default());
    if let Some(container) = after.container() {
        let settings = Settings::of(component, container);
        let same_image = before.container().is_some_and(|old| old.image == container.image);
        let eye = Eye {
            node: planned.node(),
            files,
            mounts: Some(&container.mounts),
            reader: Reader::of(container, process),
            same_image: process.filter(|_| same_image).map(|process| process.pid),
        };
        let (named, mut unclear) = named::named(&settings);
        checked.found = files::look(&eye, &named, planned.node().clock().now())?;
        checked.found.notes.extend(settings.unread());
        wrong.append(&mut unclear);
        wrong.append(&mut checked.found.wrong);
        wrong.extend(unwritable(container));
    }
    refuse(&after.path, &wrong)?;
    Ok(checked)
}

/// The manifest of a step, before and after.
fn manifests(step: &Step, component: Component) -> Option<(Manifest, Manifest)> {
    step.changes.iter().find_map(|change: &Change| {
        let ChangeKind::Content { before, after } = &change.kind else { return None };
        Some((
            Manifest::read(component, &change.path, &before.text)?,
            Manifest::read(component, &change.path, &after.text)?,
        ))
    })
}

/// What is wrong with the text of a manifest.
fn by_text(
    files: &dyn Files,
    manifest: &Manifest,
    version: Option<Minor>,
) -> Result<Vec<String>, NodeError> {
    let mut wrong = shape::wrong(manifest);
    let Some(container) = manifest.container() else { return Ok(wrong) };
    let settings = Settings::of(manifest.component, container);
    wrong.extend(names::of_static_pod(manifest.component, &settings, version));
    let authentication = authentication(files, container, settings.args())?;
    wrong.extend(probes::unanswered(
        manifest.component,
        container,
        &settings,
        authentication.as_ref(),
    ));
    Ok(wrong)
}

/// The file of `--authentication-config`, where there is one that can be read.
fn authentication(
    files: &dyn Files,
    container: &Container,
    args: &[String],
) -> Result<Option<Value>, NodeError> {
    let Some(path) = flags::value(args, "authentication-config") else { return Ok(None) };
    let sight::Sight::Host(host) = sight::of(files, &container.mounts, &path)? else {
        return Ok(None);
    };
    let text = files.read(&host, LARGEST_TEXT as u64)?;
    Ok(std::str::from_utf8(&text).ok().and_then(|text| yaml::parse(text).ok()).map(|d| d.value))
}

/// A log that could not be written.
fn unwritable(container: &Container) -> Option<String> {
    let args: Vec<&str> = container.args.iter().map(|arg| arg.text.as_str()).collect();
    let path = flags::value(&args, "audit-log-path").filter(|path| path.starts_with('/'))?;
    let (mount, _) = Mount::of(&container.mounts, &path)?;
    mount.read_only.then(|| {
        format!(
            "--audit-log-path is {path}, and {} is mounted read-only: mount a folder that may be written",
            mount.container
        )
    })
}
