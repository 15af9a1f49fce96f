//! The place that wins, and what a kubelet restart costs.

use kube_temper::model::{Component, Evidence, FieldValue, FixAction, Plan, Source, Tier};

use super::{
    Break, left,
    node::{FLAGS_ENV, HEADER, KUBELET_CONFIG, Node, UNIT_DROP_IN, review},
    texts,
};

const UNIT: &str = "[Service]\nEnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nExecStart=\n\
                    ExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml \
                    $KUBELET_KUBEADM_ARGS\n";

pub(super) fn set(field: &str, value: FieldValue, flags: &[&str]) -> FixAction {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    FixAction::KubeletField { field: field.into(), value, flags }
}

/// Path and fields.
type DropIns<'t> = &'t [(&'t str, &'t str)];

fn anonymous() -> FixAction {
    set("authentication.anonymous.enabled", FieldValue::Bool(false), &["anonymous-auth"])
}

/// Path and new text of every change, without the lines of the header.
fn changed(plan: &Plan) -> Vec<(&str, String)> {
    let text = |after: &str| -> String {
        after.split_inclusive('\n').filter(|line| !HEADER.contains(line)).collect()
    };
    plan.changes().map(|change| (change.path.as_str(), text(texts(change).1))).collect()
}

fn owned<'p>(changes: &[(&'p str, &str)]) -> Vec<(&'p str, String)> {
    changes.iter().map(|(path, text)| (*path, (*text).to_owned())).collect()
}

fn node_with(action: FixAction) -> Node {
    let mut node = Node::new();
    node.fails("4.2.1", Tier::R2, review(), vec![action]);
    node
}

const ON: &str = "authentication:\n  anonymous:\n    enabled: true\n";
const OFF: &str = "authentication:\n  anonymous:\n    enabled: false\n";

#[test]
fn the_last_layer_that_sets_a_field_is_changed() {
    let cases: [(&str, &str, DropIns<'_>, &str); 5] = [
        ("only the main file", ON, &[], KUBELET_CONFIG),
        ("nobody sets it", "", &[], KUBELET_CONFIG),
        ("a drop-in sets it", OFF, &[("/d/1.conf", ON)], "/d/1.conf"),
        ("the last of two", OFF, &[("/d/1.conf", OFF), ("/d/2.conf", ON)], "/d/2.conf"),
        (
            "the last drop-in is about something else",
            OFF,
            &[("/d/1.conf", ON), ("/d/2.conf", "readOnlyPort: 0\n")],
            "/d/1.conf",
        ),
    ];
    for (name, main, drop_ins, place) in cases {
        let mut node = node_with(anonymous());
        node.kubelet_config(main);
        for (path, text) in drop_ins {
            node.drop_in(path, text);
        }
        let plan = node.plan();
        let changes = changed(&plan);
        assert_eq!(changes.len(), 1, "{name}: {:?}", left(&plan));
        assert_eq!(changes[0].0, place, "{name}");
        assert_eq!(changes[0].1, OFF, "{name}");
    }
}

#[test]
fn a_flag_that_overrides_the_field_is_removed_where_it_is_written() {
    let env = "KUBELET_KUBEADM_ARGS=\"--anonymous-auth=true --v=2\"\n";
    let mut node = node_with(anonymous());
    node.kubelet_config(ON);
    node.kubelet_unit(UNIT, env);
    let plan = node.plan();
    assert_eq!(
        changed(&plan),
        owned(&[(KUBELET_CONFIG, OFF), (FLAGS_ENV, "KUBELET_KUBEADM_ARGS=\"--v=2\"\n")]),
        "{:?}",
        left(&plan)
    );
    assert_eq!(plan.steps.len(), 1, "one restart");

    node.kubelet_config(OFF);
    assert_eq!(changed(&node.plan()).len(), 1, "the field is right: only the flag goes");

    let unit = UNIT.replace("$KUBELET", "--anonymous-auth=true $KUBELET");
    node.kubelet_unit(&unit, "KUBELET_KUBEADM_ARGS=\"--v=2\"\n");
    assert_eq!(changed(&node.plan()), owned(&[(UNIT_DROP_IN, UNIT)]), "{:?}", left(&node.plan()));
}

#[test]
fn a_variable_of_the_service_manager_is_believed_as_it_runs() {
    let unit = UNIT.replace("[Service]\n", "[Service]\nPassEnvironment=HARDEN\n");
    let unit = unit.replace("$KUBELET_KUBEADM_ARGS", "$KUBELET_KUBEADM_ARGS $HARDEN");
    let node = |argv: &[&str], env: &str| {
        let mut node = node_with(anonymous());
        node.kubelet_config(ON);
        node.kubelet_unit(&unit, env);
        if !argv.is_empty() {
            node.process(Component::Kubelet, argv, 0);
        }
        node.plan()
    };
    let env = "KUBELET_KUBEADM_ARGS=--v=2\n";
    let config = "--config=/var/lib/kubelet/config.yaml";
    let planned = node(&["kubelet", config, "--v=2", "--v=3"], env);
    assert_eq!(changed(&planned), owned(&[(KUBELET_CONFIG, OFF)]), "{:?}", left(&planned));
    for (argv, words) in [
        (
            &["kubelet", config, "--v=2", "--anonymous-auth=true"][..],
            &["runs with --anonymous-auth", "$HARDEN", "PassEnvironment="],
        ),
        (&[], &["what would start the kubelet cannot be told", "$HARDEN", "PassEnvironment="]),
    ] {
        let plan = node(argv, env);
        assert!(plan.is_empty(), "{argv:?}");
        let said = left(&plan).join("\n");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    }
    // What a file sets wins, and is known.
    let set = "KUBELET_KUBEADM_ARGS=--v=2\nHARDEN=--anonymous-auth=true\n";
    let plan = node(&[], set);
    let gone = "KUBELET_KUBEADM_ARGS=--v=2\nHARDEN=\n";
    assert_eq!(changed(&plan), owned(&[(KUBELET_CONFIG, OFF), (FLAGS_ENV, gone)]));
}

#[test]
fn one_element_of_a_flag_goes_and_the_rest_stays() {
    let gate = "featureGates:\n  RotateKubeletServerCertificate: false\n  Other: true\n";
    let mut node = node_with(FixAction::RemoveKubeletField {
        field: "featureGates.RotateKubeletServerCertificate".into(),
        flags: vec!["feature-gates".into()],
        element: Some("RotateKubeletServerCertificate=false".into()),
    });
    node.kubelet_config(gate);
    node.drop_in(
        "/d/1.conf",
        "featureGates:\n  RotateKubeletServerCertificate: false\n  B: true\n",
    );
    node.kubelet_unit(
        UNIT,
        "KUBELET_KUBEADM_ARGS=\"--feature-gates=A=true,RotateKubeletServerCertificate=false\"\n",
    );
    let plan = node.plan();
    assert_eq!(
        changed(&plan),
        owned(&[
            ("/d/1.conf", "featureGates:\n  B: true\n"),
            (KUBELET_CONFIG, "featureGates:\n  Other: true\n"),
            (FLAGS_ENV, "KUBELET_KUBEADM_ARGS=\"--feature-gates=A=true\"\n"),
        ]),
        "{:?}",
        left(&plan)
    );
}

#[test]
fn what_is_written_in_a_way_the_fix_does_not_know_is_left_to_a_person() {
    let mut node = node_with(FixAction::RemoveKubeletField {
        field: "featureGates.RotateKubeletServerCertificate".into(),
        flags: vec!["feature-gates".into()],
        element: Some("RotateKubeletServerCertificate=false".into()),
    });
    node.kubelet_config("featureGates:\n  AllBeta: false\n");
    let number = node.all()[0].to_string();
    let started_before = left(&node.plan());
    assert!(started_before[0].contains("takes them up at its next start"), "{started_before:?}");
    node.finding(&number).evidence.push(Evidence {
        value: "featureGates.AllBeta: false".into(),
        source: Source::File { path: KUBELET_CONFIG.into(), line: Some(2) },
        good: false,
    });
    let reasons = left(&node.plan());
    let says = "how this is written: featureGates.AllBeta: false (/var/lib/kubelet/config.yaml:2); change it";
    assert!(reasons[0].contains(says), "{reasons:?}");
}

#[test]
fn what_cannot_be_proved_to_win_is_left_out() {
    let cases: [(&str, Break, &str); 5] = [
        ("no --config", |n| n.facts.kubelet.config = None, "runs without --config"),
        ("broken layer", |n| n.drop_in("/d/1.conf", "a: ["), "/d/1.conf cannot be understood"),
        (
            "keys twice",
            |n| n.kubelet_config("readOnlyPort: 1\nreadOnlyPort: 0\n"),
            "holds keys twice (readOnlyPort)",
        ),
        (
            "a flag from nowhere",
            |n| {
                n.facts.kubelet.start_args = None;
                n.process(Component::Kubelet, &["kubelet", "--anonymous-auth"], 0);
            },
            "nothing tells where that is written",
        ),
        (
            "a flag of a wrapper",
            |n| n.start_args(&[("kubelet", "/u"), ("--anonymous-auth=true", "/usr/bin/wrap")]),
            "written in /usr/bin/wrap",
        ),
    ];
    for (name, change, reason) in cases {
        let mut node = node_with(anonymous());
        node.kubelet_config(ON);
        change(&mut node);
        let plan = node.plan();
        assert!(plan.is_empty(), "{name}");
        assert!(left(&plan)[0].contains(reason), "{name}: {:?}", left(&plan));
    }
}

#[test]
fn a_kubelet_restart_is_risky_up_to_1_34_and_where_the_version_is_unknown() {
    for (version, want) in [
        (Some("1.33.1"), Tier::R3),
        (Some("1.34.9"), Tier::R3),
        (Some("1.35.0"), Tier::R2),
        (None, Tier::R3),
    ] {
        let mut node = node_with(anonymous());
        match version {
            Some(version) => node.version(version),
            None => node.facts.profile.version = None,
        }
        let plan = node.plan();
        assert_eq!((plan.controls[0].tier, plan.tier()), (want, Some(want)), "{version:?}");
    }
}
