//! What a batch run may take.

use kube_temper::{
    model::{Component, FieldValue, FixAction, PathVar, Plan, Tier},
    plan::Policy,
};

use super::{
    kubelet::set,
    left, mode_of,
    node::{KUBELET_CONFIG, Node, review},
    outline,
};

const SAFE: Policy =
    Policy { max_tier: Tier::R2, allow_single: false, other_apiserver: false, max_restarts: None };

/// One fix of each kind; the kubelet's configuration needs both a mode and a field.
fn node() -> Node {
    let mut node = Node::new();
    node.place(PathVar::KubeletConfig, KUBELET_CONFIG, 0o644, (0, 0));
    let check = mode_of(PathVar::KubeletConfig, 0o600);
    node.fails("4.1.9", Tier::R0, check, vec![FixAction::Mode {}]);
    let field = set("makeIPTablesUtilChains", FieldValue::Bool(true), &[]);
    node.fails("4.2.6", Tier::R2, review(), vec![field]);
    for (number, tier, component) in [
        ("1.2.15", Tier::R2, Component::KubeApiserver),
        ("1.2.30", Tier::R3, Component::KubeApiserver),
        ("1.3.2", Tier::R1, Component::KubeControllerManager),
        ("1.4.1", Tier::R1, Component::KubeScheduler),
    ] {
        if node.facts.manifests_of(component).is_empty() {
            node.manifest(component, &[]);
        }
        node.flag(number, tier, component, &format!("flag-{}", number.replace('.', "-")), "x");
    }
    node
}

fn planned(plan: &Plan) -> Vec<&str> {
    plan.controls.iter().map(|control| control.control.as_str()).collect()
}

#[test]
fn r2_needs_another_api_server_or_consent() {
    let node = node();
    let alone = node.restrict(SAFE);
    assert_eq!(planned(&alone), ["1.3.2", "1.4.1", "4.1.9"]);
    assert_eq!(
        outline(&alone),
        [
            format!("Metadata R0: {KUBELET_CONFIG}"),
            "KubeScheduler R1: /etc/kubernetes/manifests/kube-scheduler.yaml".into(),
            "KubeControllerManager R1: /etc/kubernetes/manifests/kube-controller-manager.yaml"
                .into(),
        ],
        "the mode of a file whose content stays is metadata again"
    );
    let reasons = left(&alone);
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[0].starts_with("1.2.15: no other healthy API server"), "{reasons:?}");
    assert!(reasons[1].starts_with("1.2.30: its risk here is R3"), "{reasons:?}");
    assert!(reasons[2].starts_with("4.2.6: no other healthy API server"), "{reasons:?}");

    for policy in [Policy { allow_single: true, ..SAFE }, Policy { other_apiserver: true, ..SAFE }]
    {
        let plan = node.restrict(policy);
        assert_eq!(planned(&plan), ["1.2.15", "1.3.2", "1.4.1", "4.1.9", "4.2.6"]);
        let text = serde_json::to_string(&plan.steps).unwrap();
        assert!(!text.contains("flag-1-2-30"), "edits of what is left out are gone");
    }
}

#[test]
fn restarts_are_counted_in_order() {
    let node = node();
    let policy = Policy { allow_single: true, ..SAFE };
    for (limit, want) in [
        (0, vec!["4.1.9"]),
        (1, vec!["1.4.1", "4.1.9"]),
        (3, vec!["1.2.15", "1.3.2", "1.4.1", "4.1.9"]),
        (4, vec!["1.2.15", "1.3.2", "1.4.1", "4.1.9", "4.2.6"]),
    ] {
        let plan = node.restrict(Policy { max_restarts: Some(limit), ..policy });
        assert_eq!(planned(&plan), want, "--max-restarts {limit}");
        let restarts = plan.steps.iter().filter(|step| step.target.restarts().is_some()).count();
        assert!(restarts <= limit);
        assert_eq!(plan.left.len() + plan.controls.len(), 6, "everything has an answer");
    }
    let one = node.restrict(Policy { max_restarts: Some(1), ..policy });
    assert!(
        left(&one).contains(
            &"1.3.2: kube-controller-manager would restart as well, and --max-restarts allows 1"
                .into()
        ),
        "{:?}",
        left(&one)
    );
}

#[test]
fn a_policy_that_allows_all_changes_nothing() {
    let node = node();
    let policy = Policy { max_tier: Tier::R4, allow_single: true, ..SAFE };
    assert_eq!(node.restrict(policy), node.plan());
}
