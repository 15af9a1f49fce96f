//! The place that wins: where a kubelet field must be written so that the kubelet runs with it.
//!
//! defaults < `--config` file < `--config-dir` drop-ins in order < flags. A flag that overrides the
//! field is removed where it is written; the field is set in the last layer that sets it.

use serde_json::Value;

use super::{
    Reason,
    work::{Engine, Work},
};
use crate::{
    model::{
        AttributedEdit, Component, ControlId, Edit, FieldValue, NodeFacts,
        facts::{Arg, KubeletLayer, Parsed, TextFile},
    },
    text::{self, flags, yaml},
};

/// Sets a field, and removes the flags that would override it.
pub(super) fn set(
    facts: &NodeFacts,
    control: &ControlId,
    field: &str,
    value: &FieldValue,
    flags: &[String],
) -> Result<Vec<Work>, Reason> {
    let (main, layers) = layers(facts)?;
    let mut works = flag_works(facts, control, flags, None)?;
    let effective = text::kubelet::effective(layers.iter().copied());
    if yaml::at(&effective, field) != Some(&json(value)) {
        let winner =
            layers.iter().rev().find(|layer| settles(layer, field)).copied().unwrap_or(main);
        let edit = Edit::SetField { field: field.to_owned(), value: value.clone() };
        works.push(layer_work(facts, control, winner, edit)?);
    }
    Ok(works)
}

/// Removes a field in every layer that sets it, and the flags (or one element of them) that would
/// bring it back.
pub(super) fn remove(
    facts: &NodeFacts,
    control: &ControlId,
    field: &str,
    flags: &[String],
    element: Option<&str>,
) -> Result<Vec<Work>, Reason> {
    let (_, layers) = layers(facts)?;
    let mut works = flag_works(facts, control, flags, element)?;
    for layer in layers {
        if layer.fields.ok().is_some_and(|fields| yaml::at(fields, field).is_some()) {
            let edit = Edit::RemoveField { field: field.to_owned() };
            works.push(layer_work(facts, control, layer, edit)?);
        }
    }
    Ok(works)
}

/// The main file, and every layer, weakest first; all of them understood.
fn layers(facts: &NodeFacts) -> Result<(&KubeletLayer, Vec<&KubeletLayer>), Reason> {
    let main = facts.kubelet.config.as_ref().ok_or_else(|| {
        "this kubelet runs without --config, so its older defaults are in force: move its flags to a \
         configuration file first (kubelet --config FILE)"
            .to_owned()
    })?;
    let layers: Vec<&KubeletLayer> = std::iter::once(main).chain(&facts.kubelet.drop_ins).collect();
    for layer in &layers {
        if let Parsed::Broken { why } = &layer.fields {
            return Err(format!("{} cannot be understood ({why}): mend it first", layer.path));
        }
    }
    Ok((main, layers))
}

/// Whether a layer decides a field: it sets it, or something above it that is no mapping.
fn settles(layer: &KubeletLayer, field: &str) -> bool {
    let Some(mut value) = layer.fields.ok() else { return false };
    for key in field.split('.') {
        match value {
            Value::Object(map) => match map.get(key) {
                Some(inner) => value = inner,
                None => return false,
            },
            _ => return true,
        }
    }
    true
}

fn layer_work(
    facts: &NodeFacts,
    control: &ControlId,
    layer: &KubeletLayer,
    edit: Edit,
) -> Result<Work, Reason> {
    if !layer.duplicate_keys.is_empty() {
        return Err(format!(
            "{} holds keys twice ({}), and only the last one counts: remove the others first",
            layer.path,
            layer.duplicate_keys.join(", ")
        ));
    }
    let file = layer.file.as_ref().ok_or_else(|| format!("{} could not be read", layer.path))?;
    let edit = AttributedEdit { control: control.clone(), edit };
    Work::on_text(facts, &layer.path, file, Engine::KubeletConfig, edit)
}

/// Removals of every given flag, where it is written.
fn flag_works(
    facts: &NodeFacts,
    control: &ControlId,
    names: &[String],
    element: Option<&str>,
) -> Result<Vec<Work>, Reason> {
    let mut works: Vec<Work> = Vec::new();
    for name in names {
        let Some(start_args) = &facts.kubelet.start_args else {
            let running = facts.process(Component::Kubelet);
            if running.is_some_and(|process| gives(&process.argv, name, element)) {
                let why = text::unit::untold(&facts.kubelet)
                    .unwrap_or_else(|| "nothing tells where that is written".to_owned());
                return Err(format!(
                    "the kubelet runs with --{name}, which overrides its configuration, and {why}: \
                     remove it where the kubelet is started"
                ));
            }
            continue;
        };
        let texts: Vec<&str> = start_args.iter().map(|arg| arg.text.as_str()).collect();
        for occurrence in flags::occurrences(&texts, name) {
            if element.is_some_and(|element| !holds(&occurrence.value, element)) {
                continue;
            }
            let Some(arg) = start_args.get(occurrence.index) else { continue };
            let work = flag_work(facts, control, arg, name, element)?;
            if !works.iter().any(|other| other.path == work.path && other.edit == work.edit) {
                works.push(work);
            }
        }
    }
    Ok(works)
}

fn flag_work(
    facts: &NodeFacts,
    control: &ControlId,
    arg: &Arg,
    flag: &str,
    element: Option<&str>,
) -> Result<Work, Reason> {
    let find = |files: &'_ [TextFile]| files.iter().find(|file| file.path == arg.path).cloned();
    let (file, engine) = find(&facts.kubelet.env_files)
        .map(|file| (file, Engine::EnvFile))
        .or_else(|| find(&facts.kubelet.unit_files).map(|file| (file, Engine::Unit)))
        .ok_or_else(|| {
            format!(
                "--{flag} of the kubelet is written in {}, which is neither its unit nor an \
                 environment file of it: remove it there",
                arg.path
            )
        })?;
    let edit = AttributedEdit {
        control: control.clone(),
        edit: Edit::RemoveEnvFlag { flag: flag.to_owned(), element: element.map(str::to_owned) },
    };
    Work::on_text(facts, &file.path, &file, engine, edit)
}

fn gives<S: AsRef<str>>(args: &[S], flag: &str, element: Option<&str>) -> bool {
    flags::occurrences(args, flag)
        .iter()
        .any(|occurrence| element.is_none_or(|element| holds(&occurrence.value, element)))
}

/// Whether a list flag's value holds an element: itself, or `element=…`.
fn holds(value: &str, element: &str) -> bool {
    value.split(',').map(str::trim).any(|part| {
        part == element || part.split_once('=').is_some_and(|(name, _)| name.trim() == element)
    })
}

/// The value as it stands in a parsed configuration.
fn json(value: &FieldValue) -> Value {
    match value {
        FieldValue::Bool(value) => Value::from(*value),
        FieldValue::Int(value) => Value::from(*value),
        FieldValue::Text(value) => Value::from(value.as_str()),
        FieldValue::List(values) => Value::from(values.clone()),
    }
}

/// Proves edits against the kubelet's own rules: with these texts every field that was to be set is in
/// force and every one that was to go is gone. `after` gives the new text of a path, if it changes.
pub(super) fn prove<'w>(
    facts: &NodeFacts,
    works: impl IntoIterator<Item = &'w Work>,
    after: &dyn Fn(&str) -> Option<String>,
) -> Result<(), Reason> {
    let works: Vec<&Work> = works.into_iter().collect();
    let renewed: Vec<KubeletLayer> = facts
        .kubelet
        .config
        .iter()
        .chain(&facts.kubelet.drop_ins)
        .map(|layer| renew(layer, after))
        .collect::<Result<_, _>>()?;
    let effective = text::kubelet::effective(&renewed);
    let new_texts = |files: &[TextFile]| -> Vec<TextFile> {
        files
            .iter()
            .map(|file| TextFile {
                text: after(&file.path).unwrap_or_else(|| file.text.clone()),
                ..file.clone()
            })
            .collect()
    };
    let started = text::unit::start_args(
        &new_texts(&facts.kubelet.unit_files),
        &new_texts(&facts.kubelet.env_files),
        &facts.kubelet.specifiers,
    );
    let args: Vec<String> = match (started, facts.process(Component::Kubelet)) {
        (Ok(args), _) => args.into_iter().flatten().map(|arg| arg.text).collect(),
        // What its files do not tell, it runs with.
        (Err(_), Some(process)) => process.argv.clone(),
        (Err(why), None) => {
            return Err(format!("what would start the kubelet cannot be told: {why}"));
        }
    };
    for work in works {
        let wrong = match &work.edit.edit {
            Edit::SetField { field, value } => {
                (yaml::at(&effective, field) != Some(&json(value))).then_some(field)
            }
            Edit::RemoveField { field } => yaml::at(&effective, field).map(|_| field),
            Edit::RemoveEnvFlag { flag, element } => {
                gives(&args, flag, element.as_deref()).then_some(flag)
            }
            _ => None,
        };
        if let Some(name) = wrong {
            return Err(format!(
                "after the edit of {} the kubelet would still not run with the wanted {name}: change \
                 it by hand",
                work.path
            ));
        }
    }
    Ok(())
}

fn renew(
    layer: &KubeletLayer,
    after: &dyn Fn(&str) -> Option<String>,
) -> Result<KubeletLayer, Reason> {
    let Some(text) = layer.file.as_ref().and_then(|file| after(&file.path)) else {
        return Ok(layer.clone());
    };
    let (value, duplicate_keys) = text::kubelet::parse(&text)
        .map_err(|problem| format!("{} would be broken by the edit: {problem}", layer.path))?;
    Ok(KubeletLayer { fields: Parsed::Ok { value }, duplicate_keys, ..layer.clone() })
}
