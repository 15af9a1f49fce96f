//! kube-proxy: with `--config` its flags do not count, the reverse of the kubelet.
use crate::{
    model::{Component, Evidence, Expect, NodeFacts, Source, Status, control::Absent},
    text::yaml,
};

use super::{
    expect::{self, Value},
    flags,
    sides::{self, Side},
    verdict::{SideVerdict, State, Verdict, combine},
    words,
};

/// Where kubeadm keeps the configuration of every kube-proxy.
const CONFIG_MAP: &str = "configmap/kube-system/kube-proxy";

/// What is asked of kube-proxy.
pub(super) struct Wanted<'w> {
    pub(super) field: &'w str,
    pub(super) flag: &'w str,
    pub(super) expect: &'w Expect,
    pub(super) absent: &'w Absent,
}

/// A field of kube-proxy's configuration, or the flag where it has no `--config`. What the cluster gives every
/// node counts where the configuration is not on this one.
pub(super) fn judge(facts: &NodeFacts, cluster: Option<&str>, wanted: &Wanted<'_>) -> Verdict {
    match (sides::of(facts, Component::KubeProxy), cluster) {
        (Ok(sides), _) => combine(&sides, |side| one(facts, side, cluster, wanted)),
        (Err(_), Some(text)) => {
            let (state, reason) = of_cluster(text, wanted);
            let status = match state {
                State::Good => Status::Pass,
                State::Bad => Status::Fail,
                State::Error | State::Manual => Status::Error,
            };
            let source = Source::Object { object: CONFIG_MAP.to_owned() };
            let seen = Evidence { value: reason.clone(), source, good: status == Status::Pass };
            Verdict::new(status, reason, vec![seen])
        }
        (Err(verdict), None) => verdict,
    }
}

fn one(
    facts: &NodeFacts,
    side: &Side<'_>,
    cluster: Option<&str>,
    wanted: &Wanted<'_>,
) -> SideVerdict {
    let Wanted { field, flag, expect, absent } = *wanted;
    let Some(config) = side.flag("config").filter(|given| !given.value.is_empty()) else {
        return match side.flag(flag).filter(|given| !given.value.is_empty()) {
            Some(given) => flags::given_flag(facts, side, flag, &given, expect),
            None => flags::absent(flag, expect, absent),
        };
    };
    let (path, document) = match side.document(&facts.documents, &config.value) {
        Ok(found) => found,
        Err(why) if facts.documents.contains_key(&config.value) => {
            return SideVerdict::new(State::Error, why, config.text, config.source);
        }
        Err(_) => {
            if let Some(text) = cluster {
                let (state, reason) = of_cluster(text, wanted);
                let source = Source::Object { object: CONFIG_MAP.to_owned() };
                return SideVerdict::new(state, reason.clone(), reason, source);
            }
            let reason = format!(
                "needs API access: look at {field} in ConfigMap kube-system/kube-proxy; {} lies inside its pod, and beside --config the flags of kube-proxy do not count",
                config.value
            );
            return SideVerdict::new(State::Manual, reason, config.text, config.source);
        }
    };
    let (good, text, reason) = field_of(document, wanted);
    SideVerdict::new(State::of(good), reason, text, Source::File { path, line: None })
}

/// What the configuration of the cluster says.
fn of_cluster(text: &str, wanted: &Wanted<'_>) -> (State, String) {
    match yaml::parse(text) {
        Ok(document) => {
            let (good, _, reason) = field_of(&document.value, wanted);
            (State::of(good), format!("{reason} in {CONFIG_MAP}"))
        }
        Err(problem) => (State::Error, format!("{CONFIG_MAP}: {problem}")),
    }
}

/// Whether a field is right, what it is, and why. kube-proxy takes an empty address for none.
fn field_of(document: &serde_json::Value, wanted: &Wanted<'_>) -> (bool, String, String) {
    let Wanted { field, expect, absent, .. } = *wanted;
    let value = yaml::at(document, field).and_then(Value::of_json);
    let Some(value) = value.filter(|value| !value.text.is_empty()) else {
        let text = format!("{field} is not set ({})", absent.means);
        return (absent.passes, text.clone(), text);
    };
    let text = format!("{field}: {}", value.text);
    let good = expect::satisfied(&value, expect);
    let reason =
        if good { text.clone() } else { format!("{text}, wanted {}", words::value(expect)) };
    (good, text, reason)
}
