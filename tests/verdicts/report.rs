//! The report as a whole: offers, order, findings of our own.
use kube_temper::{
    model::{Distribution, FixOffer, Report, Status, Tier},
    report::{json, scan, style::Look},
};

use proptest::prelude::*;

use super::node_facts::node;
use super::{comes_out, kubelet};

#[test]
fn controls_that_need_the_api_or_a_person_say_what_to_look_at() {
    let node = node().apiserver(&[]);
    comes_out(&node.judge("5.1.1"), Status::Manual, "needs API access: ");
    let review = node.judge("3.1.1");
    assert_eq!(review.status, Status::Manual);
    assert!(!review.reason.is_empty());
}

#[test]
fn offers_follow_the_fix_and_the_layout() {
    let failing = || node().apiserver(&[]);
    let offered = failing().judge("1.2.15").offer;
    assert!(matches!(offered, FixOffer::Offered { tier: Tier::R2, .. }), "{offered:?}");
    let later = failing().judge("1.2.9").offer;
    assert!(matches!(&later, FixOffer::Later { reason } if reason.contains("needs")), "{later:?}");
    let elsewhere = failing().with(|facts| facts.profile.distribution = Distribution::Rke2);
    let none = elsewhere.judge("1.2.15").offer;
    assert!(matches!(&none, FixOffer::None { reason } if reason.contains("RKE2")), "{none:?}");
}

#[test]
fn where_nothing_was_judged_there_is_no_score() {
    let written = |report: &Report| {
        let (mut text, mut json) = (Vec::new(), Vec::new());
        scan::write(&mut text, report, Look::default()).unwrap();
        json::scan(&mut json, report, &[]).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        (String::from_utf8(text).unwrap(), json["percent"].clone())
    };
    let judged = node().apiserver(&["--profiling=false"]).report();
    let (text, percent) = written(&judged);
    assert!(text.contains("Score ") && percent.is_u64(), "{text}\n{percent}");

    let mut nothing = judged;
    nothing.findings.retain(|f| matches!(f.status, Status::Manual | Status::NotApplicable));
    let (text, percent) = written(&nothing);
    assert!(text.contains("no automated control was judged") && !text.contains('%'), "{text}");
    assert_eq!(percent, serde_json::Value::Null);
}

#[test]
fn a_fixed_uid_in_a_manifest_is_found() {
    let text = "kind: Pod\nmetadata:\n  name: kube-scheduler\n  namespace: kube-system\n  uid: abc\nspec:\n  containers:\n  - name: s\n    image: s:v1.36.2\n    command: [kube-scheduler]\n";
    let node = node().manifest_at("/etc/kubernetes/manifests/kube-scheduler.yaml", text);
    comes_out(&node.judge("KT-manifest-uid"), Status::Fail, "metadata.uid: abc");
}

#[test]
fn a_healthy_node_has_no_finding_of_our_own() {
    let node = kubelet("", &[]).apiserver(&["--profiling=false"]).etcd(&["--auto-tls=false"]);
    let own: Vec<_> = node.report().findings.into_iter().filter(|f| f.control.is_own()).collect();
    assert!(own.is_empty(), "{own:#?}");
}

#[test]
fn findings_are_ordered_and_one_per_control() {
    let report = kubelet("rotateCertificates: false\n", &[]).report();
    let ids: Vec<_> = report.findings.iter().map(|finding| finding.control.clone()).collect();
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(ids, sorted);
    assert_eq!(ids.iter().filter(|id| !id.is_own()).count(), 131);
    assert_eq!(ids.last().unwrap().as_str(), "KT-kubelet-duplicate-keys");
    assert!(report.findings.iter().all(|f| !f.reason.is_empty() && !f.expected.is_empty()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_the_arguments_every_control_gets_one_verdict(
        args in proptest::collection::vec("(--?[a-z]{1,4}|--profiling|--feature-gates|--config|--audit-log-path)(=|)\\PC{0,12}", 0..8),
        config in "\\PC{0,40}",
    ) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let node = node().apiserver(&args).etcd(&args).kubelet_with(&config, &args);
        let report = node.report();
        prop_assert_eq!(report.findings.iter().filter(|f| !f.control.is_own()).count(), 131);
        for finding in report.findings {
            let supported = finding.status != Status::Pass || !finding.evidence.is_empty();
            prop_assert!(supported, "a pass that rests on nothing: {:#?}", finding);
        }
    }
}
