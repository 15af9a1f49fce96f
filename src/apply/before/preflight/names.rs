//! Names that flag parsers take and components do not: admission plugins, cipher suites, feature gates.

use serde_json::Value;

use super::settings::Settings;
use crate::{
    model::{Component, Minor},
    text::{
        flags,
        known::{self, Plugin},
        values,
    },
};

/// What is wrong with the names in the settings of a static pod.
pub(super) fn of_static_pod(
    component: Component,
    settings: &Settings,
    version: Option<Minor>,
) -> Vec<String> {
    let args = settings.args();
    let mut wrong = Vec::new();
    if component == Component::KubeApiserver {
        wrong.extend(plugins(args, version));
    }
    let suites_flag =
        if component == Component::Etcd { "cipher-suites" } else { "tls-cipher-suites" };
    if let Some(suites) = flags::list(args, suites_flag) {
        let http2 = component != Component::Etcd && speaks_http2(args);
        wrong.extend(suites_of(&settings.by(suites_flag), &suites, http2));
    }
    if component != Component::Etcd {
        wrong.extend(gates_of(&flags::list(args, "feature-gates").unwrap_or_default()));
    }
    wrong
}

/// What is wrong with the names in the kubelet's merged configuration and arguments. That the gates in its
/// files are true or false is known from reading them.
pub(super) fn of_kubelet(merged: &Value, args: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    let in_file: Vec<String> = merged
        .get("tlsCipherSuites")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|suite| suite.as_str().map(str::to_owned))
        .collect();
    let (place, suites) = match flags::list(args, "tls-cipher-suites") {
        Some(suites) => ("--tls-cipher-suites", suites),
        None => ("tlsCipherSuites", in_file),
    };
    let newest_only = flags::value(args, "tls-min-version")
        .or_else(|| merged.get("tlsMinVersion").and_then(Value::as_str).map(str::to_owned))
        .is_some_and(|version| version == "VersionTLS13");
    wrong.extend(suites_of(place, &suites, !newest_only));
    wrong.extend(gates_of(&flags::list(args, "feature-gates").unwrap_or_default()));
    wrong
}

fn plugins(args: &[String], version: Option<Minor>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut named = Vec::new();
    for flag in ["enable-admission-plugins", "disable-admission-plugins"] {
        let list = flags::list(args, flag).unwrap_or_default();
        for plugin in &list {
            let what = match known::admission_plugin(plugin, version) {
                Plugin::Known | Plugin::Unjudged => continue,
                Plugin::Unknown => "which is no admission plugin: correct the name".to_owned(),
                Plugin::UpTo(last) => {
                    format!(
                        "which Kubernetes has no more since 1.{}: leave it out",
                        last.saturating_add(1)
                    )
                }
                Plugin::Since(first) => {
                    format!("which Kubernetes has only since 1.{first}: leave it out")
                }
            };
            wrong.push(format!("--{flag} names {plugin}, {what}"));
        }
        named.push(list);
    }
    if let [enabled, disabled] = named.as_slice() {
        let both = enabled.iter().find(|plugin| disabled.contains(plugin));
        wrong.extend(both.map(|plugin| {
            format!(
                "{plugin} is in --enable-admission-plugins and in --disable-admission-plugins: leave it out of one"
            )
        }));
        let configured = flags::value(args, "admission-control-config-file");
        if configured.is_none_or(|path| path.is_empty())
            && enabled.iter().any(|plugin| plugin == "EventRateLimit")
        {
            wrong.push(
                "--enable-admission-plugins names EventRateLimit, which needs its limits in --admission-control-config-file: set that too"
                    .to_owned(),
            );
        }
    }
    wrong
}

/// Whether the server of a component chooses cipher suites for HTTP/2.
fn speaks_http2(args: &[String]) -> bool {
    let off = flags::value(args, "disable-http2-serving")
        .is_some_and(|value| values::go_bool(&value) == Some(true));
    let newest_only =
        flags::value(args, "tls-min-version").is_some_and(|version| version == "VersionTLS13");
    !off && !newest_only
}

fn suites_of(place: &str, suites: &[String], http2: bool) -> Vec<String> {
    let mut wrong: Vec<String> = suites
        .iter()
        .filter(|suite| !known::is_cipher_suite(suite))
        .map(|suite| format!("{place} names {suite}, which is no cipher suite: correct the name"))
        .collect();
    let chosen =
        known::HTTP2_SUITES.iter().any(|wanted| suites.iter().any(|suite| suite == wanted));
    if http2 && !suites.is_empty() && !chosen {
        wrong.push(format!(
            "{place} leaves out what HTTP/2 needs, and the server would not start: add {}",
            known::HTTP2_SUITES.join(" or ")
        ));
    }
    wrong
}

/// `Name=bool`, since 1.31 with a component before it (`kube:Name=bool`).
fn gates_of(gates: &[String]) -> Vec<String> {
    gates
        .iter()
        .filter(|gate| !is_gate(gate))
        .map(|gate| format!("--feature-gates has '{gate}': write Name=true or Name=false"))
        .collect()
}

fn is_gate(gate: &str) -> bool {
    let Some((name, value)) = gate.split_once('=') else { return false };
    let name = name.trim();
    let name = name.split_once(':').map_or(name, |(_, name)| name);
    let word = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    word(name) && values::go_bool(value.trim()).is_some()
}
