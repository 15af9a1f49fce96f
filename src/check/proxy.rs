//! kube-proxy: with `--config` its flags do not count, the reverse of the kubelet.
use crate::{
    model::{Component, Expect, NodeFacts, Source, control::Absent},
    text::yaml,
};

use super::{
    expect::{self, Value},
    flags,
    sides::{self, Side},
    verdict::{SideVerdict, State, Verdict, combine},
    words,
};

/// A field of kube-proxy's configuration, or the flag where it has no `--config`.
pub(super) fn judge(
    facts: &NodeFacts,
    field: &str,
    flag: &str,
    wanted: &Expect,
    absent: &Absent,
) -> Verdict {
    match sides::of(facts, Component::KubeProxy) {
        Ok(sides) => combine(&sides, |side| one(facts, side, field, flag, wanted, absent)),
        Err(verdict) => verdict,
    }
}

fn one(
    facts: &NodeFacts,
    side: &Side<'_>,
    field: &str,
    flag: &str,
    wanted: &Expect,
    absent: &Absent,
) -> SideVerdict {
    let Some(config) = side.flag("config").filter(|given| !given.value.is_empty()) else {
        return match side.flag(flag).filter(|given| !given.value.is_empty()) {
            Some(given) => flags::given_flag(facts, side, flag, &given, wanted),
            None => flags::absent(flag, wanted, absent),
        };
    };
    let (path, document) = match side.document(&facts.documents, &config.value) {
        Ok(found) => found,
        Err(why) if facts.documents.contains_key(&config.value) => {
            return SideVerdict::new(State::Error, why, config.text, config.source);
        }
        Err(_) => {
            let reason = format!(
                "needs API access: look at {field} in ConfigMap kube-system/kube-proxy; {} lies inside its pod, and beside --config the flags of kube-proxy do not count",
                config.value
            );
            return SideVerdict::new(State::Manual, reason, config.text, config.source);
        }
    };
    let source = Source::File { path, line: None };
    let Some(value) = yaml::at(document, field).and_then(Value::of_json) else {
        let text = format!("{field} is not set ({})", absent.means);
        return SideVerdict::new(State::of(absent.passes), text.clone(), text, source);
    };
    let text = format!("{field}: {}", value.text);
    let good = expect::satisfied(&value, wanted);
    let reason =
        if good { text.clone() } else { format!("{text}, wanted {}", words::value(wanted)) };
    SideVerdict::new(State::of(good), reason, text, source)
}
