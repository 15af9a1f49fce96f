//! Flags of control plane components and etcd.
use crate::model::{
    Component, Expect, FileFact, NodeFacts, Source,
    control::{Absent, Alternative},
};

use super::{
    expect::{self, Value},
    lines,
    sides::{self, GivenFlag, HostFile, Side},
    verdict::{SideVerdict, State, Verdict, combine},
    words,
};

/// What a control wants of one or several flags.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'c> {
    pub(super) flags: &'c [String],
    pub(super) expect: &'c Expect,
    pub(super) absent: &'c Absent,
    pub(super) requires: &'c [String],
    pub(super) ignored_with: &'c [String],
    pub(super) accept: &'c [Alternative],
}

/// Flags that may be given several times with one file each, where every file counts.
const EVERY_FILE_COUNTS: [&str; 1] = ["service-account-key-file"];

/// Where the configuration file that silences a flag holds the same setting.
///
/// Sources: `etcd/server/embed/config.go` (`configYAML`), `pkg/scheduler/apis/config` (`DebuggingConfiguration`).
const IN_FILE: &[(Component, &str, &str)] = &[
    (Component::KubeScheduler, "profiling", "enableProfiling"),
    (Component::Etcd, "cert-file", "client-transport-security.cert-file"),
    (Component::Etcd, "key-file", "client-transport-security.key-file"),
    (Component::Etcd, "client-cert-auth", "client-transport-security.client-cert-auth"),
    (Component::Etcd, "trusted-ca-file", "client-transport-security.trusted-ca-file"),
    (Component::Etcd, "auto-tls", "client-transport-security.auto-tls"),
    (Component::Etcd, "peer-cert-file", "peer-transport-security.cert-file"),
    (Component::Etcd, "peer-key-file", "peer-transport-security.key-file"),
    (Component::Etcd, "peer-client-cert-auth", "peer-transport-security.client-cert-auth"),
    (Component::Etcd, "peer-trusted-ca-file", "peer-transport-security.trusted-ca-file"),
    (Component::Etcd, "peer-auto-tls", "peer-transport-security.auto-tls"),
];

/// The fields among them that are boolean; text is not decoded into those.
const BOOLEAN_FIELDS: [&str; 3] = ["enableProfiling", "client-cert-auth", "auto-tls"];

/// A setting as one side holds it.
#[derive(Debug, Clone)]
pub(super) enum Setting {
    /// By a flag, a variable, or a field of the file that replaces the flags.
    Given(GivenFlag),
    /// Nowhere: the default counts.
    Absent,
    /// It cannot be told.
    Untold(SideVerdict),
}

/// Reads a flag, or the file that silences it.
pub(super) fn read(
    facts: &NodeFacts,
    side: &Side<'_>,
    flag: &str,
    ignored_with: &[String],
) -> Setting {
    if let Some(why) = ignored_with.iter().find_map(|other| side.untold(other)) {
        return untold(side, why);
    }
    let Some((silencer, file)) =
        ignored_with.iter().find_map(|other| side.flag(other).map(|given| (other, given)))
    else {
        return match side.untold(flag) {
            Some(why) => untold(side, why),
            None => side.flag(flag).map_or(Setting::Absent, Setting::Given),
        };
    };
    let field = IN_FILE
        .iter()
        .find(|(component, name, _)| *component == side.component && *name == flag)
        .map(|(_, _, field)| *field);
    let Some(field) = field else {
        let reason = format!(
            "with --{silencer} the flag --{flag} counts for nothing: look into {}",
            file.value
        );
        return Setting::Untold(SideVerdict::new(State::Manual, reason, file.text, file.source));
    };
    match side.document(&facts.documents, &file.value) {
        Ok((path, document)) => {
            let found = crate::text::yaml::at(document, field);
            if let Some(text) = found.and_then(serde_json::Value::as_str)
                && BOOLEAN_FIELDS.iter().any(|name| field.ends_with(name))
            {
                let text = format!("{field}: {text:?}");
                let reason = format!(
                    "{text} is text where {} wants true or false: it would not start",
                    side.component
                );
                let source = Source::File { path, line: None };
                return Setting::Untold(SideVerdict::new(State::Error, reason, text, source));
            }
            match found.and_then(Value::of_json) {
                Some(value) => Setting::Given(GivenFlag {
                    text: format!("{field}: {}", value.text),
                    all: vec![value.text.clone()],
                    value: value.text,
                    list: value.list,
                    source: Source::File { path, line: None },
                }),
                None => Setting::Absent,
            }
        }
        Err(why) => {
            let reason =
                format!("with --{silencer} the flag --{flag} counts for nothing, and {why}");
            Setting::Untold(SideVerdict::new(State::Error, reason, file.text, file.source))
        }
    }
}

fn untold(side: &Side<'_>, why: String) -> Setting {
    Setting::Untold(SideVerdict::new(State::Error, why.clone(), why, side.source(None)))
}

/// Judges flags on every side.
pub(super) fn judge(facts: &NodeFacts, component: Component, wanted: &Wanted<'_>) -> Verdict {
    match sides::of(facts, component) {
        Ok(sides) => combine(&sides, |side| {
            SideVerdict::all(
                wanted.flags.iter().map(|flag| one(facts, side, flag, wanted)).collect(),
            )
        }),
        Err(verdict) => verdict,
    }
}

fn one(facts: &NodeFacts, side: &Side<'_>, flag: &str, wanted: &Wanted<'_>) -> SideVerdict {
    if let Some(accepted) = wanted.accept.iter().find_map(|other| alternative(side, flag, other)) {
        return accepted;
    }
    let setting = read(facts, side, flag, wanted.ignored_with);
    let mut verdict = match &setting {
        Setting::Untold(verdict) => return verdict.clone(),
        Setting::Absent => absent(flag, wanted.expect, wanted.absent),
        Setting::Given(given) => given_flag(facts, side, flag, given, wanted.expect),
    };
    let missing = wanted.requires.iter().find(|other| side.flag(other).is_none());
    if let Some(missing) = missing {
        verdict.reason = match &setting {
            Setting::Given(given) => {
                format!("{} does nothing: --{missing} is not set", given.text)
            }
            _ => format!(
                "--{flag} is not set, and neither is --{missing}, without which it does nothing"
            ),
        };
        verdict.state = State::Bad;
        for piece in &mut verdict.evidence {
            piece.good = false;
        }
        verdict.evidence.push(crate::model::Evidence {
            value: format!("--{missing} is not set"),
            source: Source::Default,
            good: false,
        });
    }
    verdict
}

/// The default counts.
pub(super) fn absent(flag: &str, expect: &Expect, absent: &Absent) -> SideVerdict {
    let value = if *expect == (Expect::Absent {}) {
        format!("--{flag} is not set")
    } else {
        format!("--{flag} is not set ({})", absent.means)
    };
    SideVerdict::new(State::of(absent.passes), value.clone(), value, Source::Default)
}

/// Another setting that satisfies the control, where this side has it.
fn alternative(side: &Side<'_>, flag: &str, other: &Alternative) -> Option<SideVerdict> {
    let (given, because) = match other {
        Alternative::Flag { flag, expect, because } => {
            let given = side.flag(flag)?;
            expect::satisfied(&value_of(&given), expect).then_some((given, because))?
        }
        Alternative::Value { value, because } => {
            let given = side.flag(flag)?;
            expect::equals(&value_of(&given), value).then_some((given, because))?
        }
        Alternative::Field { .. } => return None,
    };
    let reason = format!("{}: {because}", given.text);
    Some(SideVerdict::new(State::Good, reason, given.text, given.source))
}

fn value_of(given: &GivenFlag) -> Value {
    Value { text: given.value.clone(), list: given.list.clone() }
}

/// A given value against what is expected.
pub(super) fn given_flag(
    facts: &NodeFacts,
    side: &Side<'_>,
    flag: &str,
    given: &GivenFlag,
    wanted: &Expect,
) -> SideVerdict {
    if !expect::satisfied(&value_of(given), wanted) {
        let reason = format!("{}, wanted {}", given.text, words::value(wanted));
        return SideVerdict::new(State::Bad, reason, given.text.clone(), given.source.clone());
    }
    if *wanted != (Expect::File {}) {
        let text = given.text.clone();
        return SideVerdict::new(State::Good, text.clone(), text, given.source.clone());
    }
    let named: Vec<&String> = if EVERY_FILE_COUNTS.contains(&flag) {
        given.all.iter().collect()
    } else {
        given.all.last().into_iter().collect()
    };
    let parts = named.into_iter().map(|path| existing(facts, side, path, given)).collect();
    SideVerdict::all(parts)
}

/// Whether a file that a flag names is there.
fn existing(facts: &NodeFacts, side: &Side<'_>, path: &str, given: &GivenFlag) -> SideVerdict {
    let verdict = |state, reason: String| {
        SideVerdict::new(state, reason, given.text.clone(), given.source.clone())
    };
    let host = match side.host_file(path) {
        HostFile::At(host) => host,
        HostFile::Unknown(why) => {
            return verdict(State::Good, format!("{} (existence not checked: {why})", given.text));
        }
    };
    match sides::file_fact(facts, &host) {
        Some(FileFact::Present { .. }) => verdict(State::Good, given.text.clone()),
        Some(FileFact::Missing) => verdict(
            State::Bad,
            format!("{} names {host}, which does not exist on this host", given.text),
        ),
        Some(FileFact::Unreadable { why }) => {
            verdict(State::Error, format!("{host} cannot be looked at: {why}"))
        }
        None => verdict(State::Good, format!("{} (existence of {host} not checked)", given.text)),
    }
}

/// A field of a file, as evidence: `field: value` with its line where the text is known.
pub(super) fn field_source(path: &str, text: Option<&str>, field: &str) -> Source {
    Source::File { path: path.to_owned(), line: text.and_then(|text| lines::of_field(text, field)) }
}
