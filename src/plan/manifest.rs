//! The one manifest that starts a component, or why its flags must not be touched.

use super::{
    Reason,
    work::{Engine, Work},
};
use crate::{
    model::{
        AttributedEdit, Component, ControlId, Edit, NodeFacts, PathVar,
        facts::{ManifestFact, Parsed, StaticPod, TextFile},
    },
    text::flags,
};

/// Takes an element out of a list flag. Where the flag is not given its default is what is wrong, and
/// the value to write in the end is written at once.
pub(super) fn remove_from_list(
    facts: &NodeFacts,
    component: Component,
    control: &ControlId,
    flag: &str,
    element: &str,
    otherwise: Option<&str>,
) -> Result<Vec<Work>, Reason> {
    let (manifest, _) = only_manifest(facts, component)?;
    let args = manifest.pod.ok().and_then(|pod| pod.container(component)).map(|c| &c.args);
    let texts: Vec<&str> = args.into_iter().flatten().map(|arg| arg.text.as_str()).collect();
    let edit = match otherwise {
        Some(value) if flags::value(&texts, flag).is_none() => {
            Edit::SetFlag { flag: flag.to_owned(), value: value.to_owned() }
        }
        _ => Edit::RemoveFromList {
            flag: flag.to_owned(),
            value: element.to_owned(),
            otherwise: otherwise.map(str::to_owned),
        },
    };
    works(facts, component, control, edit)
}

/// A flag edit in the component's manifest.
pub(super) fn works(
    facts: &NodeFacts,
    component: Component,
    control: &ControlId,
    edit: Edit,
) -> Result<Vec<Work>, Reason> {
    let (manifest, file) = only_manifest(facts, component)?;
    let edit = AttributedEdit { control: control.clone(), edit };
    let engine = Engine::Manifest(component);
    Ok(vec![Work::on_text(facts, &manifest.path, file, engine, edit)?])
}

fn only_manifest(
    facts: &NodeFacts,
    component: Component,
) -> Result<(&ManifestFact, &TextFile), Reason> {
    let (manifest, pod) = match facts.manifests_of(component).as_slice() {
        [] => return Err(missing(facts, component)),
        [one] => match &one.pod {
            Parsed::Ok { value } => (*one, value),
            Parsed::Broken { why } => return Err(broken(&one.path, why)),
        },
        several => {
            let paths: Vec<&str> = several.iter().map(|m| m.path.as_str()).collect();
            return Err(shadowed(component, &paths));
        }
    };
    if let Some(other) = namesake(facts, manifest, pod) {
        return Err(shadowed(component, &[&manifest.path, &other.path]));
    }
    let path = &manifest.path;
    if let Some(uid) = &pod.uid {
        return Err(format!(
            "{path} fixes metadata.uid to {uid}, so the kubelet would not notice the change: remove \
             that line first"
        ));
    }
    if !pod.duplicate_keys.is_empty() {
        return Err(format!(
            "{path} holds keys twice ({}), and only the last one counts: remove the others first",
            pod.duplicate_keys.join(", ")
        ));
    }
    let file = manifest.file.as_ref().ok_or_else(|| format!("{path} could not be read"))?;
    Ok((manifest, file))
}

/// Another file that defines the same pod: the kubelet runs whichever it reads last.
fn namesake<'f>(
    facts: &'f NodeFacts,
    manifest: &ManifestFact,
    pod: &StaticPod,
) -> Option<&'f ManifestFact> {
    facts.manifests.iter().find(|other| {
        other.path != manifest.path
            && other
                .pod
                .ok()
                .is_some_and(|other| other.name == pod.name && other.namespace == pod.namespace)
    })
}

fn missing(facts: &NodeFacts, component: Component) -> Reason {
    let place = match component {
        Component::KubeApiserver => Some(PathVar::ApiserverManifest),
        Component::KubeControllerManager => Some(PathVar::ControllerManagerManifest),
        Component::KubeScheduler => Some(PathVar::SchedulerManifest),
        Component::Etcd => Some(PathVar::EtcdManifest),
        Component::Kubelet | Component::KubeProxy => None,
    };
    let paths = place.and_then(|place| facts.profile.paths.get(&place)).into_iter().flatten();
    for path in paths {
        let broken_here = facts.manifests.iter().find_map(|manifest| match &manifest.pod {
            Parsed::Broken { why } if &manifest.path == path => Some(broken(path, why)),
            _ => None,
        });
        if let Some(reason) = broken_here {
            return reason;
        }
    }
    if facts.unit_args.contains_key(&component) {
        return format!(
            "{component} is started by a systemd unit and not by a static pod: set the flag there \
             and restart the unit"
        );
    }
    match &facts.profile.manifest_dir {
        Some(dir) => format!(
            "no manifest in {dir} starts {component}: set the flag where this node configures it"
        ),
        None => format!(
            "this node has no static pod directory: set the flag where {component} is configured"
        ),
    }
}

fn broken(path: &str, why: &str) -> Reason {
    format!("{path} cannot be understood ({why}): mend it first")
}

fn shadowed(component: Component, paths: &[&str]) -> Reason {
    format!(
        "more than one file starts {component} ({}), and the kubelet runs whichever it reads last: \
         move the others out of the static pod directory first",
        paths.join(", ")
    )
}
