//! Objects a cluster's owner may want: written as YAML that says what it may break, and applied by nobody here.

use crate::{
    catalog::Numbered,
    model::{
        AttributedEdit, Check, ControlId, Danger, Edit, FieldValue, Finding, Report, Status,
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

/// One object for one control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The control it is for.
    pub control: ControlId,
    /// That control's title.
    pub title: String,
    /// A YAML document, with comments in front.
    pub yaml: String,
}

/// Every object these findings suggest, by control and name. `kube_proxy` is its configuration in the cluster.
pub fn export(controls: &[Numbered], report: &Report, kube_proxy: Option<&str>) -> Vec<Export> {
    let of = |numbered: &Numbered| {
        let finding = report.finding(&numbered.id)?;
        let documents = match &numbered.control.check {
            Check::Api { judge: ApiCheck::DefaultAccounts {}, .. } => {
                // Of those that somebody uses, only their users can be changed first.
                let unused = |danger| danger == Danger::Low;
                each(finding, "serviceaccount/", "/default", unused, DEFAULT_ACCOUNT)
            }
            Check::Api { judge: ApiCheck::PodPolicy {}, .. } => {
                each(finding, "namespace/", "", |_| true, POD_SECURITY)
            }
            Check::Api { judge: ApiCheck::NetworkPolicies {}, .. } => {
                each(finding, "namespace/", "", |_| true, DEFAULT_DENY)
            }
            Check::KubeProxyField { field, .. } if finding.status == Status::Fail => {
                kube_proxy.and_then(|text| proxy(&numbered.id, field, text)).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let export =
            |yaml| Export { control: numbered.id.clone(), title: finding.title.clone(), yaml };
        Some(documents.into_iter().map(export).collect::<Vec<_>>())
    };
    controls.iter().filter_map(of).flatten().collect()
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
