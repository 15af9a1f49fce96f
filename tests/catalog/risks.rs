//! How risky a fix is, what it needs, and that a check without one says why.

use std::collections::BTreeMap;

use kube_temper::model::{Check, FixAction, Reversibility, Tier};

use crate::{all, base};

/// Risk and way back of every control of cis-1.12 with a fix for the node.
const RISKS: &[(Tier, Reversibility, &str)] = &[
    (
        Tier::R0,
        Reversibility::Bytes,
        "1.1.1 1.1.2 1.1.3 1.1.4 1.1.5 1.1.6 1.1.7 1.1.8 1.1.9 1.1.10 1.1.11 1.1.13 \
         1.1.14 1.1.15 1.1.16 1.1.17 1.1.18 1.1.19 1.1.20 1.1.21 4.1.1 4.1.2 4.1.3 \
         4.1.4 4.1.5 4.1.6 4.1.7 4.1.8 4.1.9 4.1.10",
    ),
    (Tier::R1, Reversibility::Bytes, "1.3.2 1.3.3 1.3.4 1.3.5 1.3.6 1.4.1"),
    (
        Tier::R2,
        Reversibility::Bytes,
        "1.2.4 1.2.7 1.2.8 1.2.10 1.2.13 1.2.14 1.2.15 1.2.21 1.2.23 1.2.25 1.2.26 \
         4.2.1 4.2.3 4.2.5 4.2.6 4.2.8 4.2.10 4.2.11",
    ),
    (
        Tier::R3,
        Reversibility::Bytes,
        "1.2.1 1.2.2 1.2.3 1.2.5 1.2.6 1.2.9 1.2.11 1.2.12 1.2.16 1.2.17 1.2.18 1.2.19 \
         1.2.24 1.2.29 1.2.30 1.3.7 1.4.2 3.2.1 3.2.2 4.2.2 4.2.4 4.2.9 4.2.12 4.2.13 \
         4.2.14 4.3.1",
    ),
    (Tier::R3, Reversibility::OneWay, "1.3.1"),
    (Tier::R4, Reversibility::Bytes, "1.1.12 2.2 2.3 2.5 2.6"),
    (Tier::R4, Reversibility::Procedure, "1.2.27 1.2.28"),
];

#[test]
fn risks_are_as_they_were_judged() {
    let mut want = BTreeMap::new();
    for (tier, reversible, ids) in RISKS {
        for id in ids.split(' ') {
            assert!(want.insert(id, (*tier, *reversible)).is_none(), "{id} is in two rows");
        }
    }
    for numbered in base() {
        let control = &numbered.control;
        let risk = control.tier.zip(control.reversible);
        assert_eq!(risk, want.remove(numbered.id.as_str()), "{}", numbered.id);
    }
    assert!(want.is_empty(), "not in the base: {want:?}");
}

/// What a fresh kubeadm control plane may close without a question: no value, no file, no API.
#[test]
fn fixes_without_needs_are_the_ones_a_batch_may_take() {
    let offered = |tier| -> Vec<String> {
        base()
            .iter()
            .filter(|c| c.control.tier == Some(tier) && c.control.fix.needs.is_empty())
            .map(|c| c.id.to_string())
            .collect()
    };
    assert_eq!(offered(Tier::R1), ["1.3.2", "1.3.3", "1.3.6", "1.4.1"]);
    assert_eq!(
        offered(Tier::R2),
        [
            "1.2.7", "1.2.8", "1.2.10", "1.2.13", "1.2.14", "1.2.15", "1.2.21", "4.2.1", "4.2.5",
            "4.2.6", "4.2.8", "4.2.10", "4.2.11",
        ]
    );
    assert_eq!(
        offered(Tier::R3),
        [
            "1.2.2", "1.2.6", "1.2.11", "1.2.12", "1.2.30", "1.3.7", "1.4.2", "4.2.2", "4.2.4",
            "4.2.14", "4.3.1",
        ]
    );
    assert_eq!(offered(Tier::R4), ["2.3", "2.6"]);
}

#[test]
fn a_check_that_can_fail_has_a_fix_or_a_reason() {
    for (slug, control) in all() {
        let fix = &control.fix;
        assert_ne!(fix.actions.is_empty(), fix.none.is_none(), "{slug}");
        let judged = !matches!(control.check, Check::Api { .. } | Check::Review { .. });
        let local = fix.actions.iter().any(|a| !matches!(a, FixAction::ClusterObject { .. }));
        assert!(!local || judged, "{slug}: a fix for the node, but nothing on the node is judged");
    }
}
