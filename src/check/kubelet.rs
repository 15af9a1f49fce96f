//! The kubelet's effective configuration: defaults < `--config` < drop-ins < flags.
use std::borrow::Cow;

use crate::{
    model::{
        Component, Evidence, Expect, NodeFacts, Source, Status,
        control::{Absent, Alternative},
        facts::{KubeletLayer, Parsed},
    },
    text::{kubelet::effective, unit, values, yaml},
};

use super::{
    expect::{self, Value},
    flags,
    sides::{self, GivenFlag, Side},
    verdict::{SideVerdict, State, Verdict, combine},
    words,
};

/// What a control wants of one or several fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'c> {
    pub(super) fields: &'c [String],
    pub(super) flags: &'c [String],
    pub(super) expect: &'c Expect,
    pub(super) absent: &'c Absent,
    pub(super) absent_legacy: Option<&'c Absent>,
    pub(super) zero_means_default: bool,
    pub(super) accept: &'c [Alternative],
}

/// The sides of the kubelet; a configuration file alone is a side too.
pub(super) fn sides(facts: &NodeFacts) -> Result<Vec<Side<'_>>, Verdict> {
    sides::of(facts, Component::Kubelet).or_else(|verdict| match &facts.kubelet.config {
        Some(config) if verdict.status == Status::NotApplicable => {
            // Its flags could say anything.
            if let Some(why) = unit::untold(&facts.kubelet) {
                let why = format!("what would start the kubelet cannot be told: {why}");
                return Err(Verdict::error(why, Vec::new()));
            }
            Ok(vec![Side::unstarted(Component::Kubelet, Cow::Borrowed(&config.path))])
        }
        _ => Err(verdict),
    })
}

/// The configuration files that count for one side.
#[derive(Debug, Clone)]
pub(super) struct Layers<'f> {
    files: Vec<&'f KubeletLayer>,
    merged: serde_json::Value,
    /// No `--config`: the kubelet starts from other, older defaults.
    legacy: bool,
    problem: Option<SideVerdict>,
}

impl<'f> Layers<'f> {
    /// Collects the layers a side names.
    pub(super) fn of(facts: &'f NodeFacts, side: &Side<'_>) -> Self {
        let mut files: Vec<&KubeletLayer> = Vec::new();
        let mut problem = None;
        let unread = |given: &GivenFlag| {
            let reason = format!("{} was not read", given.value);
            Some(SideVerdict::new(State::Error, reason, given.text.clone(), given.source.clone()))
        };
        let known = facts.kubelet.config.as_ref();
        let named = side.flag("config").filter(|given| !given.value.is_empty());
        match (&named, known) {
            (Some(given), Some(layer)) if layer.path == given.value => files.push(layer),
            (Some(given), _) => problem = unread(given),
            (None, Some(layer)) if side.args.is_empty() => files.push(layer),
            (None, _) => {}
        }
        let legacy = files.is_empty() && problem.is_none();
        match side.flag("config-dir").filter(|given| !given.value.is_empty()) {
            Some(given) if facts.kubelet.drop_in_dir.as_ref() != Some(&given.value) => {
                problem = problem.or_else(|| unread(&given));
            }
            Some(_) => files.extend(&facts.kubelet.drop_ins),
            None if side.args.is_empty() => files.extend(&facts.kubelet.drop_ins),
            None => {}
        }
        for layer in &files {
            if let Parsed::Broken { why } = &layer.fields {
                let source = Source::File { path: layer.path.clone(), line: None };
                let reason = format!("{} cannot be understood: {why}", layer.path);
                problem = problem.or_else(|| {
                    Some(SideVerdict::new(State::Error, reason.clone(), reason, source))
                });
            }
        }
        let merged = effective(files.iter().copied());
        Self { files, merged, legacy, problem }
    }

    /// A field in force with the file that sets it; `None` when the default counts.
    pub(super) fn field(&self, field: &str) -> Result<Option<(Value, Source)>, SideVerdict> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let Some(value) = yaml::at(&self.merged, field).and_then(Value::of_json) else {
            return Ok(None);
        };
        let setter = self.files.iter().rev().find(|layer| {
            layer.fields.ok().is_some_and(|fields| yaml::at(fields, field).is_some())
        });
        let source = setter.map_or(Source::Note, |layer| {
            flags::field_source(&layer.path, layer.file.as_ref().map(|f| f.text.as_str()), field)
        });
        Ok(Some((value, source)))
    }
}

/// Judges fields on every side.
pub(super) fn judge(facts: &NodeFacts, wanted: &Wanted<'_>) -> Verdict {
    match sides(facts) {
        Ok(sides) => combine(&sides, |side| {
            let layers = Layers::of(facts, side);
            let parts = wanted.fields.iter().enumerate().map(|(index, field)| {
                one(facts, side, &layers, field, wanted.flags.get(index), wanted)
            });
            SideVerdict::all(parts.collect())
        }),
        Err(verdict) => verdict,
    }
}

fn one(
    facts: &NodeFacts,
    side: &Side<'_>,
    layers: &Layers<'_>,
    field: &str,
    flag: Option<&String>,
    wanted: &Wanted<'_>,
) -> SideVerdict {
    for other in wanted.accept {
        if let Some(accepted) = alternative(side, layers, field, flag, other) {
            return accepted;
        }
    }
    let given = flag.and_then(|flag| side.flag(flag));
    let written = match layers.field(field) {
        Ok(written) => written,
        // A flag is stronger than a file that cannot be read.
        Err(problem) if given.is_none() => return problem,
        Err(_) => None,
    };
    match (given, written) {
        (Some(given), written) => {
            let name = flag.map_or("", String::as_str);
            let mut verdict = flags::given_flag(facts, side, name, &given, wanted.expect);
            if let Some((value, source)) = written {
                verdict.evidence.push(Evidence {
                    good: expect::satisfied(&value, wanted.expect),
                    value: format!("{field}: {} (the flag overrides it)", value.text),
                    source,
                });
            }
            verdict
        }
        (None, Some((value, source))) => from_file(facts, side, field, value, source, wanted),
        (None, None) => {
            let absent = match wanted.absent_legacy {
                Some(legacy) if layers.legacy => legacy,
                _ => wanted.absent,
            };
            let beside = if layers.legacy { ", and the kubelet has no --config" } else { "" };
            let text = format!("{field} is not set{beside} ({})", absent.means);
            SideVerdict::new(State::of(absent.passes), text.clone(), text, Source::Default)
        }
    }
}

/// A field that a file sets and no flag overrides.
fn from_file(
    facts: &NodeFacts,
    side: &Side<'_>,
    field: &str,
    value: Value,
    source: Source,
    wanted: &Wanted<'_>,
) -> SideVerdict {
    let text = format!("{field}: {}", value.text);
    let zero = value.text == "0" || values::is_zero_duration(&value.text) == Some(true);
    if wanted.zero_means_default && zero {
        let text = format!("{text}, which means the default ({})", wanted.absent.means);
        return SideVerdict::new(State::of(wanted.absent.passes), text.clone(), text, source);
    }
    let path = match (&source, value.text.starts_with('/')) {
        // Relative paths are relative to the folder of the configuration file.
        (Source::File { path, .. }, false) => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{}", value.text)
        }
        _ => value.text.clone(),
    };
    if !expect::satisfied(&value, wanted.expect) {
        let reason = format!("{text}, wanted {}", words::value(wanted.expect));
        return SideVerdict::new(State::Bad, reason, text, source);
    }
    let is_file = *wanted.expect == (Expect::File {});
    let given = GivenFlag {
        value: if is_file { path.clone() } else { value.text },
        list: value.list,
        all: vec![path],
        text,
        source,
    };
    if is_file {
        return flags::given_flag(facts, side, "", &given, wanted.expect);
    }
    SideVerdict::new(State::Good, given.text.clone(), given.text, given.source)
}

/// Another setting that satisfies the control, where this side has it.
fn alternative(
    side: &Side<'_>,
    layers: &Layers<'_>,
    field: &str,
    flag: Option<&String>,
    other: &Alternative,
) -> Option<SideVerdict> {
    let effective = |field: &str, flag: Option<&String>| {
        if let Some(given) = flag.and_then(|flag| side.flag(flag)) {
            let value = Value { text: given.value, list: given.list };
            return Some((value, given.text, given.source));
        }
        let (value, source) = layers.field(field).ok()??;
        let text = format!("{field}: {}", value.text);
        Some((value, text, source))
    };
    let (text, source, because) = match other {
        Alternative::Flag { flag, expect, because } => {
            let given = side.flag(flag)?;
            let value = Value { text: given.value, list: given.list };
            expect::satisfied(&value, expect).then_some((given.text, given.source, because))?
        }
        Alternative::Field { field, flag, expect, because } => {
            let (value, text, source) = effective(field, flag.as_ref())?;
            expect::satisfied(&value, expect).then_some((text, source, because))?
        }
        Alternative::Value { value: wanted, because } => {
            let (value, text, source) = effective(field, flag)?;
            expect::equals(&value, wanted).then_some((text, source, because))?
        }
    };
    Some(SideVerdict::new(State::Good, format!("{text}: {because}"), text, source))
}
