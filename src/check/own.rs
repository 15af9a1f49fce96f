//! Findings of our own (`KT-…`), outside the benchmark's numbers; only what was found.
use std::collections::BTreeMap;

use crate::{
    model::{
        Assessment, Component, ControlId, Evidence, Finding, FixOffer, Level, NodeFacts, Slug,
        Source, Status,
        facts::{KubeletLayer, Parsed},
    },
    text::values,
};

use super::{
    expect::Value,
    kubelet::Layers,
    sides::{self, Side, SideKind},
};

/// One kind of finding: its id, what it is, what was wanted, and what a person does.
struct Kind {
    id: &'static str,
    title: &'static str,
    expected: &'static str,
    advice: &'static str,
    look: fn(&NodeFacts) -> Vec<Evidence>,
}

const KINDS: [Kind; 7] = [
    Kind {
        id: "KT-broken-manifest",
        title: "A file in the static pod directory is not a pod",
        expected: "every file the kubelet loads as a static pod can be read",
        advice: "repair the file, or move it out of the directory (names that begin with a dot are not loaded)",
        look: broken_manifests,
    },
    Kind {
        id: "KT-drift",
        title: "A running process differs from what starts it",
        expected: "process and manifest (or unit) give the same arguments",
        advice: "find out which of the two is meant before anything restarts the component",
        look: drift,
    },
    Kind {
        id: "KT-kubelet-duplicate-keys",
        title: "A kubelet configuration file has a key twice",
        expected: "every key is written once",
        advice: "the kubelet takes the last one: remove the others",
        look: kubelet_duplicate_keys,
    },
    Kind {
        id: "KT-kubelet-flag-overrides",
        title: "A kubelet flag overrides its configuration file",
        expected: "a setting has one place",
        advice: "edits of the file have no effect while the flag is there: remove the flag where it is set",
        look: kubelet_flag_overrides,
    },
    Kind {
        id: "KT-manifest-duplicate-keys",
        title: "A static pod manifest has a key twice",
        expected: "every key is written once",
        advice: "the kubelet takes the last one: remove the others",
        look: manifest_duplicate_keys,
    },
    Kind {
        id: "KT-manifest-uid",
        title: "A static pod manifest sets metadata.uid",
        expected: "no metadata.uid: the kubelet derives it from the content",
        advice: "with a fixed uid the kubelet does not notice changed flags: remove metadata.uid",
        look: manifest_uid,
    },
    Kind {
        id: "KT-shadow-manifest",
        title: "Two files define the same static pod",
        expected: "one file for each static pod",
        advice: "the kubelet loads every file whose name does not begin with a dot, also backups: move the wrong one elsewhere",
        look: shadow_manifests,
    },
];

/// Everything of our own that was found on this node.
pub(super) fn findings(facts: &NodeFacts) -> Vec<Finding> {
    KINDS.iter().filter_map(|kind| finding(kind, facts)).collect()
}

fn finding(kind: &Kind, facts: &NodeFacts) -> Option<Finding> {
    let control: ControlId = kind.id.parse().ok()?;
    let evidence = (kind.look)(facts);
    let first = evidence.first()?;
    let more = match evidence.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Some(Finding {
        control,
        slug: Slug(kind.id.to_ascii_lowercase()),
        title: kind.title.to_owned(),
        level: Level::L1,
        assessment: Assessment::Automated,
        status: Status::Fail,
        reason: format!("{}: {}{more}", first.source, first.value),
        expected: kind.expected.to_owned(),
        evidence,
        objects: Vec::new(),
        drift: None,
        mark: None,
        offer: FixOffer::None { reason: kind.advice.to_owned() },
    })
}

fn at(path: &str, value: String) -> Evidence {
    Evidence { value, source: Source::File { path: path.to_owned(), line: None }, good: false }
}

fn broken_manifests(facts: &NodeFacts) -> Vec<Evidence> {
    let broken = facts.manifests.iter().filter_map(|manifest| match &manifest.pod {
        Parsed::Broken { why } => Some(at(&manifest.path, why.clone())),
        Parsed::Ok { .. } => None,
    });
    broken.collect()
}

fn shadow_manifests(facts: &NodeFacts) -> Vec<Evidence> {
    let mut pods: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for manifest in &facts.manifests {
        if let Some(pod) = manifest.pod.ok() {
            pods.entry((&pod.namespace, &pod.name)).or_default().push(&manifest.path);
        }
    }
    let shadowed = pods.into_iter().filter(|(_, paths)| paths.len() > 1);
    shadowed
        .flat_map(|((namespace, name), paths)| {
            paths.into_iter().map(move |path| at(path, format!("defines pod {namespace}/{name}")))
        })
        .collect()
}

fn manifest_uid(facts: &NodeFacts) -> Vec<Evidence> {
    let with_uid = facts.manifests.iter().filter_map(|manifest| {
        let uid = manifest.pod.ok()?.uid.as_ref()?;
        Some(at(&manifest.path, format!("metadata.uid: {uid}")))
    });
    with_uid.collect()
}

fn manifest_duplicate_keys(facts: &NodeFacts) -> Vec<Evidence> {
    let manifests = facts.manifests.iter().filter_map(|m| Some((&m.path, m.pod.ok()?)));
    manifests
        .flat_map(|(path, pod)| {
            pod.duplicate_keys.iter().map(|key| at(path, format!("{key} is written twice")))
        })
        .collect()
}

fn kubelet_duplicate_keys(facts: &NodeFacts) -> Vec<Evidence> {
    let layers: Vec<&KubeletLayer> =
        facts.kubelet.config.iter().chain(&facts.kubelet.drop_ins).collect();
    layers
        .into_iter()
        .flat_map(|layer| {
            layer
                .duplicate_keys
                .iter()
                .map(|key| at(&layer.path, format!("{key} is written twice")))
        })
        .collect()
}

/// Arguments that one side has and another has not, per component.
fn drift(facts: &NodeFacts) -> Vec<Evidence> {
    if !facts.live {
        return Vec::new();
    }
    let mut found = Vec::new();
    for component in Component::ALL {
        let Ok(sides) = sides::of(facts, component) else { continue };
        let running = sides.iter().find(|side| side.kind == SideKind::Running);
        let starts = sides.iter().filter(|side| side.kind == SideKind::Start);
        let Some(running) = running else { continue };
        for start in starts {
            for (one, other, word) in
                [(running, start, "only in the process"), (start, running, "not in the process")]
            {
                found.extend(only_in(one, other).into_iter().map(|(index, argument)| Evidence {
                    value: format!("{argument} is {word}"),
                    source: one.source(Some(index)),
                    good: false,
                }));
            }
        }
    }
    found
}

/// Arguments of `one` that `other` lacks; the program itself is not compared.
fn only_in<'s>(one: &Side<'s>, other: &Side<'s>) -> Vec<(usize, &'s str)> {
    let mut left: Vec<&str> = other.args.iter().skip(1).copied().collect();
    let arguments = one.args.iter().copied().enumerate().skip(1);
    arguments
        .filter(|(_, argument)| match left.iter().position(|candidate| candidate == argument) {
            Some(index) => {
                left.swap_remove(index);
                false
            }
            None => true,
        })
        .collect()
}

/// Kubelet flags with the fields they override (`cmd/kubelet/app/options/options.go`, `AddKubeletConfigFlags`).
const OVERRIDES: &[(&str, &str)] = &[
    ("address", "address"),
    ("anonymous-auth", "authentication.anonymous.enabled"),
    ("authentication-token-webhook", "authentication.webhook.enabled"),
    ("authorization-mode", "authorization.mode"),
    ("cgroup-driver", "cgroupDriver"),
    ("client-ca-file", "authentication.x509.clientCAFile"),
    ("cluster-domain", "clusterDomain"),
    ("container-runtime-endpoint", "containerRuntimeEndpoint"),
    ("event-qps", "eventRecordQPS"),
    ("fail-swap-on", "failSwapOn"),
    ("healthz-bind-address", "healthzBindAddress"),
    ("healthz-port", "healthzPort"),
    ("make-iptables-util-chains", "makeIPTablesUtilChains"),
    ("max-pods", "maxPods"),
    ("pod-manifest-path", "staticPodPath"),
    ("pod-max-pids", "podPidsLimit"),
    ("port", "port"),
    ("protect-kernel-defaults", "protectKernelDefaults"),
    ("read-only-port", "readOnlyPort"),
    ("resolv-conf", "resolvConf"),
    ("rotate-certificates", "rotateCertificates"),
    ("rotate-server-certificates", "serverTLSBootstrap"),
    ("streaming-connection-idle-timeout", "streamingConnectionIdleTimeout"),
    ("tls-cert-file", "tlsCertFile"),
    ("tls-cipher-suites", "tlsCipherSuites"),
    ("tls-min-version", "tlsMinVersion"),
    ("tls-private-key-file", "tlsPrivateKeyFile"),
];

/// Flags whose field says something else.
fn kubelet_flag_overrides(facts: &NodeFacts) -> Vec<Evidence> {
    let Ok(sides) = sides::of(facts, Component::Kubelet) else { return Vec::new() };
    let mut found: Vec<Evidence> = Vec::new();
    for side in sides.iter().filter(|side| side.decides) {
        let layers = Layers::of(facts, side);
        for (flag, field) in OVERRIDES {
            let Some(given) = side.flag(flag) else { continue };
            let Ok(Some((Value { text, .. }, source))) = layers.field(field) else { continue };
            if text != given.value && values::is_zero_duration(&text) != Some(true) {
                let value = format!("{} overrides {field}: {text} ({source})", given.text);
                found.push(Evidence { value, source: given.source, good: false });
            }
        }
    }
    found
}
