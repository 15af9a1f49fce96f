//! Verdicts on nodes that were built for one question each.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::pedantic,
    unreachable_pub,
    reason = "a test stops where it cannot go on, reads its own data, and tells one story"
)]

mod files;
mod flags;
mod kube_bench;
mod kubelet;
mod node_facts;
mod report;
mod sources;

use kube_temper::model::{Finding, Status};
use node_facts::{Node, node};

/// The status, and a part of the reason.
#[track_caller]
fn comes_out(finding: &Finding, status: Status, reason: &str) {
    assert_eq!(finding.status, status, "{finding:#?}");
    assert!(finding.reason.contains(reason), "{:?} does not say {reason:?}", finding.reason);
}

/// One piece of evidence with this text and place.
#[track_caller]
fn rests_on(finding: &Finding, value: &str, place: &str) {
    let found = finding.evidence.iter().any(|e| e.value == value && e.source.to_string() == place);
    assert!(found, "no evidence {value:?} at {place:?} in {:#?}", finding.evidence);
}

const STOCK: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: false\n  x509:\n    clientCAFile: /etc/kubernetes/pki/ca.crt\nauthorization:\n  mode: Webhook\nrotateCertificates: true\nstreamingConnectionIdleTimeout: 0s\n";

fn kubelet(extra: &str, args: &[&str]) -> Node {
    node().kubelet_with(&format!("{STOCK}{extra}"), args)
}
