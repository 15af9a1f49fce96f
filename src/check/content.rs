//! Files that flags name: encryption configuration, audit policy, certificate authorities.
use crate::model::{
    Component, Evidence, NodeFacts, Source, control::AuditRule, facts::EncryptionRule,
};

use super::{
    audit::Policy,
    flags::{self, Setting},
    sides::{self, GivenFlag, Side},
    verdict::{SideVerdict, State, Verdict, combine},
};

/// The first provider of every rule that covers Secrets must be among `allowed`.
pub(super) fn encryption(facts: &NodeFacts, allowed: &[String]) -> Verdict {
    match sides::of(facts, Component::KubeApiserver) {
        Ok(sides) => combine(&sides, |side| encryption_of(facts, side, allowed)),
        Err(verdict) => verdict,
    }
}

fn encryption_of(facts: &NodeFacts, side: &Side<'_>, allowed: &[String]) -> SideVerdict {
    let named = side.flag("encryption-provider-config").filter(|given| !given.value.is_empty());
    let Some(file) = named else {
        let text = "--encryption-provider-config is not set: Secrets are stored in clear in etcd";
        return SideVerdict::new(State::Bad, text, text, Source::Default);
    };
    let (path, rules) = match side.document(&facts.encryption, &file.value) {
        Ok(found) => found,
        Err(why) => return SideVerdict::new(State::Error, why, file.text, file.source),
    };
    let source = Source::File { path: path.clone(), line: None };
    let parts: Vec<SideVerdict> = rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| covers_secrets(rule))
        .map(|(index, rule)| {
            let first = rule.providers.first().map_or("nothing", String::as_str);
            let good = allowed.iter().any(|provider| provider == first);
            let text = format!(
                "block {} of {path} ({}) writes with {first}",
                index + 1,
                rule.resources.join(", ")
            );
            let reason = if good {
                text.clone()
            } else {
                format!("{text}, wanted {} first", allowed.join(", "))
            };
            SideVerdict::new(State::of(good), reason, text, source.clone())
        })
        .collect();
    if parts.is_empty() {
        let text = format!("no block of {path} covers secrets: they are stored in clear in etcd");
        return SideVerdict::new(State::Bad, text.clone(), text, source);
    }
    SideVerdict::all(parts)
}

/// `secrets`, all of the core group, or everything (`apiserver/pkg/apis/apiserver/v1`).
fn covers_secrets(rule: &EncryptionRule) -> bool {
    rule.resources.iter().any(|resource| matches!(resource.as_str(), "secrets" | "*." | "*.*"))
}

/// The audit policy logs what matters.
pub(super) fn audit_policy(facts: &NodeFacts, cover: &[AuditRule]) -> Verdict {
    match sides::of(facts, Component::KubeApiserver) {
        Ok(sides) => combine(&sides, |side| audit_policy_of(facts, side, cover)),
        Err(verdict) => verdict,
    }
}

fn audit_policy_of(facts: &NodeFacts, side: &Side<'_>, cover: &[AuditRule]) -> SideVerdict {
    let Some(file) = side.flag("audit-policy-file").filter(|given| !given.value.is_empty()) else {
        let text = "--audit-policy-file is not set: no event is logged";
        return SideVerdict::new(State::Bad, text, text, Source::Default);
    };
    let (path, document) = match side.document(&facts.documents, &file.value) {
        Ok(found) => found,
        Err(why) => return SideVerdict::new(State::Error, why, file.text, file.source),
    };
    let policy = match Policy::read(document) {
        Ok(policy) => policy,
        Err(why) => {
            let reason = format!("{path} is not an audit policy: {why}");
            return SideVerdict::new(State::Error, reason, file.text, file.source);
        }
    };
    let gaps: Vec<String> = cover.iter().flat_map(|rule| policy.gaps(rule)).collect();
    let source = Source::File { path: path.clone(), line: None };
    let [first, rest @ ..] = gaps.as_slice() else {
        let text = format!("{path} logs the key security events");
        return SideVerdict::new(State::Good, text.clone(), text, source);
    };
    let more = match rest.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    SideVerdict {
        state: State::Bad,
        reason: format!("{path}: {first}{more}"),
        found: gaps.join("; "),
        evidence: gaps
            .iter()
            .map(|gap| Evidence { value: gap.clone(), source: source.clone(), good: false })
            .collect(),
    }
}

/// etcd trusts no certificate authority that the API server accepts clients of.
pub(super) fn etcd_own_ca(facts: &NodeFacts) -> Verdict {
    let sides = match sides::of(facts, Component::Etcd) {
        Ok(sides) => sides,
        Err(verdict) => return verdict,
    };
    let apiserver: Vec<(Side<'_>, GivenFlag)> = sides::of(facts, Component::KubeApiserver)
        .unwrap_or_default()
        .into_iter()
        .filter(|side| side.decides)
        .filter_map(|side| side.flag("client-ca-file").map(|given| (side, given)))
        .collect();
    combine(&sides, |side| own_ca_of(facts, side, &apiserver))
}

fn own_ca_of(
    facts: &NodeFacts,
    side: &Side<'_>,
    apiserver: &[(Side<'_>, GivenFlag)],
) -> SideVerdict {
    let trusted = match flags::read(facts, side, "trusted-ca-file", &["config-file".to_owned()]) {
        Setting::Given(given) if !given.value.is_empty() => given,
        Setting::Untold(verdict) => return verdict,
        Setting::Given(_) | Setting::Absent => {
            let text = "--trusted-ca-file is not set: etcd verifies no client";
            return SideVerdict::new(State::Bad, text, text, Source::Default);
        }
    };
    let verdict = |state, reason: String| {
        SideVerdict::new(state, reason, trusted.text.clone(), trusted.source.clone())
    };
    let (path, own) = match side.document(&facts.certificates, &trusted.value) {
        Ok(found) => found,
        Err(why) => return verdict(State::Error, why),
    };
    if apiserver.is_empty() {
        return verdict(
            State::Manual,
            format!(
                "compare {path} with the client CA of the API servers, which is not on this node"
            ),
        );
    }
    let mut parts = Vec::new();
    for (other, given) in apiserver {
        let (client_path, clients) = match other.document(&facts.certificates, &given.value) {
            Ok(found) => found,
            Err(why) => {
                parts.push(verdict(State::Error, why));
                continue;
            }
        };
        let shared = own.public_keys.iter().any(|key| clients.public_keys.contains(key));
        let mut part = if shared {
            verdict(
                State::Bad,
                format!(
                    "{path} and {client_path} hold the same certificate authority: every client certificate of the cluster opens etcd"
                ),
            )
        } else {
            verdict(
                State::Good,
                format!("{path} and {client_path} have no certificate authority in common"),
            )
        };
        part.evidence.push(Evidence {
            value: given.text.clone(),
            source: given.source.clone(),
            good: !shared,
        });
        parts.push(part);
    }
    let found = trusted.text.clone();
    SideVerdict { found, ..SideVerdict::all(parts) }
}
