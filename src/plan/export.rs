//! Objects a cluster's owner may want: written as YAML that says what it may break, and applied by nobody here.

use std::collections::BTreeMap;

use crate::{
    catalog::Numbered,
    model::{
        AttributedEdit, Check, ControlId, Danger, Edit, FieldValue, Finding, Report, Status,
        cluster::{ClusterFacts, Metadata, PodSecurity},
        control::ApiCheck,
    },
    text::kubelet,
};

const DEFAULT_ACCOUNT: &str =
    include_str!("../../remediations/exports/default-service-account.yaml");
const POD_SECURITY: &str = include_str!("../../remediations/exports/pod-security.yaml");
const DEFAULT_DENY: &str = include_str!("../../remediations/exports/default-deny.yaml");
const KUBE_PROXY: &str = include_str!("../../remediations/exports/kube-proxy.yaml");

/// Where kube-proxy's metrics belong.
const LOOPBACK: &str = "127.0.0.1:10249";

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The controls it is for.
    pub controls: Vec<ControlId>,
    /// What it is for, in a line.
    pub title: String,
    /// A YAML document, with comments in front.
    pub yaml: String,
}

/// Every object these findings suggest, by control and name. `own` are the namespaces of the system.
pub fn export(
    controls: &[Numbered],
    report: &Report,
    facts: &ClusterFacts,
    own: &[String],
) -> Vec<Export> {
    let mut labels = Some(pod_security(controls, report, facts, own));
    let of = |numbered: &Numbered| {
        let finding = report.finding(&numbered.id)?;
        let documents = match &numbered.control.check {
            Check::Api { judge: ApiCheck::DefaultAccounts {}, .. } => {
                // Of those that somebody uses, only their users can be changed first.
                let unused = |danger| danger == Danger::Low;
                each(finding, "serviceaccount/", "/default", unused, DEFAULT_ACCOUNT)
            }
            // Labels answer several controls at once: they stand where the first of these does.
            Check::Api { judge, .. } if refused_by(judge).is_some() => return labels.take(),
            Check::Api { judge: ApiCheck::NetworkPolicies {}, .. } => {
                each(finding, "namespace/", "", |_| true, DEFAULT_DENY)
            }
            Check::KubeProxyField { field, .. } if finding.status == Status::Fail => {
                let text = facts.kube_proxy.as_deref();
                text.and_then(|text| proxy(&numbered.id, field, text)).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let export = |yaml| Export {
            controls: vec![numbered.id.clone()],
            title: finding.title.clone(),
            yaml,
        };
        Some(documents.into_iter().map(export).collect::<Vec<_>>())
    };
    controls.iter().filter_map(of).flatten().collect()
}

/// The level of Pod Security that answers a check.
const fn refused_by(judge: &ApiCheck) -> Option<PodSecurity> {
    match judge {
        ApiCheck::PodPolicy {} => Some(PodSecurity::Baseline),
        ApiCheck::Pods { has } => has.refused_by(),
        _ => None,
    }
}

/// Labels that warn and audit, for every namespace with such pods: at the lowest level that answers all that
/// was found there, and never below what it has.
fn pod_security(
    controls: &[Numbered],
    report: &Report,
    facts: &ClusterFacts,
    own: &[String],
) -> Vec<Export> {
    let mut wanted: BTreeMap<&str, (PodSecurity, Vec<ControlId>)> = BTreeMap::new();
    for numbered in controls {
        let Check::Api { judge, .. } = &numbered.control.check else { continue };
        let Some(level) = refused_by(judge) else { continue };
        let objects = report.finding(&numbered.id).into_iter().flat_map(|finding| &finding.objects);
        // `namespace/name`, or `kind/namespace/name`.
        for namespace in objects.filter_map(|object| object.object.split('/').nth(1)) {
            let (most, answered) = wanted.entry(namespace).or_insert((level, Vec::new()));
            *most = level.max(*most);
            if !answered.contains(&numbered.id) {
                answered.push(numbered.id.clone());
            }
        }
    }
    let namespaces = facts.namespaces.iter().map(|namespace| &namespace.metadata);
    let labelled = namespaces.filter(|namespace| !own.contains(&namespace.name));
    let export = |namespace: &Metadata| {
        let (level, controls) = wanted.get(namespace.name.as_str())?;
        let has = |label| PodSecurity::of(namespace, label);
        let (warns, audits) = (has(PodSecurity::WARN), has(PodSecurity::AUDIT));
        if has(PodSecurity::ENFORCE) >= *level || warns.min(audits) >= *level {
            return None;
        }
        let level = (*level).max(warns).max(audits).to_string();
        let yaml = POD_SECURITY.replace("NAMESPACE", &namespace.name).replace("LEVEL", &level);
        let title = format!("Say which pods of {} are beyond level {level}", namespace.name);
        is_name(&namespace.name).then(|| Export { controls: controls.clone(), title, yaml })
    };
    labelled.filter_map(export).collect()
}

/// The template for every namespace among the objects of a finding.
fn each(
    finding: &Finding,
    before: &str,
    after: &str,
    wanted: impl Fn(Danger) -> bool,
    template: &str,
) -> Vec<String> {
    let objects = finding.objects.iter().filter(|object| wanted(object.danger));
    let namespaces = objects.filter_map(|object| {
        object.object.strip_prefix(before)?.strip_suffix(after).filter(|name| is_name(name))
    });
    namespaces.map(|namespace| template.replace("NAMESPACE", namespace)).collect()
}

/// Nothing else may get into a document.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The `ConfigMap` with this field set; `None` where its text cannot be edited safely.
fn proxy(control: &ControlId, field: &str, text: &str) -> Option<String> {
    let edit =
        Edit::SetField { field: field.to_owned(), value: FieldValue::Text(LOOPBACK.to_owned()) };
    let edited = kubelet::edit(text, &[AttributedEdit { control: control.clone(), edit }]).ok()?;
    let lines = edited.lines().map(|line| format!("    {line}\n").replace("    \n", "\n"));
    Some(KUBE_PROXY.to_owned() + &lines.collect::<String>())
}
