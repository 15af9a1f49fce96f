//! Plans: which file a fix is made in, what is merged, in which order, how risky here, what is refused.

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

mod kubelet;
mod node;
mod policy;
mod recorded;

use std::collections::BTreeMap;

use kube_temper::model::{
    Change, ChangeKind, Check, Component, Conflict, Distribution, Edit, FieldValue, FileMeta,
    FixAction, FixOffer, Needs, PathVar, Plan, Status, StepTarget, Tier,
    control::{Mode, Owner},
};
use node::{Node, id, manifest_path, manifest_text, review};

/// What is done to a node so that something cannot be planned.
type Break = fn(&mut Node);

/// Path and text.
type Manifests<'t> = Vec<(&'t str, String)>;

fn meta(mode: u32, uid: u32, gid: u32) -> FileMeta {
    FileMeta { mode, uid, gid, xattrs: BTreeMap::new() }
}

fn mode_of(path: PathVar, at_most: u32) -> Check {
    Check::FileMode { path, at_most: Mode(at_most) }
}

fn owner_of(path: PathVar, owner: &str) -> Check {
    Check::FileOwner { path, owner: Owner::try_from(owner.to_owned()).unwrap() }
}

/// `step: path path` for every step.
fn outline(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let paths: Vec<&str> = step.changes.iter().map(|c| c.path.as_str()).collect();
            format!("{:?} {}: {}", step.target, step.tier, paths.join(" "))
        })
        .collect()
}

fn left(plan: &Plan) -> Vec<String> {
    plan.left.iter().map(|left| format!("{}: {}", left.control, left.reason)).collect()
}

fn only_change(plan: &Plan) -> &Change {
    let changes: Vec<&Change> = plan.changes().collect();
    assert_eq!(changes.len(), 1, "{:?}", left(plan));
    changes[0]
}

fn texts(change: &Change) -> (&str, &str) {
    match (change.kind.before(), change.kind.after()) {
        (Some(before), Some(after)) => (&before.text, &after.text),
        _ => panic!("{} has no content", change.path),
    }
}

fn metas(change: &Change) -> (FileMeta, FileMeta) {
    let [before, after] = [change.kind.meta_before(), change.kind.meta_after()];
    (before.unwrap().clone(), after.unwrap().clone())
}

#[test]
fn what_is_not_a_failing_control_with_an_offer_is_left_out_with_the_reason() {
    let cases: [(&str, Break, &str); 11] = [
        ("passes", |n| n.finding("1.4.1").status = Status::Pass, "passes already"),
        ("does not apply", |n| n.finding("1.4.1").status = Status::NotApplicable, "does not apply"),
        ("needs a person", |n| n.finding("1.4.1").status = Status::Manual, "a person must judge"),
        ("unreadable", |n| n.finding("1.4.1").status = Status::Error, "could not be judged"),
        (
            "offered later",
            |n| n.finding("1.4.1").offer = FixOffer::Later { reason: "it needs a CA".into() },
            "comes later: it needs a CA",
        ),
        (
            "no fix",
            |n| n.finding("1.4.1").offer = FixOffer::None { reason: "ask a person".into() },
            "no fix: ask a person",
        ),
        ("not judged", |n| n.report.findings.clear(), "was not judged"),
        ("not in the benchmark", |n| n.controls[0].id = id("9.9.9"), "cis-2.0 does not hold it"),
        (
            "RKE2",
            |n| n.facts.profile.distribution = Distribution::Rke2,
            "/etc/rancher/rke2/config.yaml",
        ),
        (
            "needs something",
            |n| n.controls[0].control.fix.needs = vec![Needs::Bundle { name: "audit".into() }],
            "bundle audit",
        ),
        (
            "stands beside another flag",
            |n| {
                n.controls[0].control.fix.conflicts = vec![Conflict {
                    component: Component::KubeScheduler,
                    flag: "config".into(),
                    because: "the flag would be ignored".into(),
                }];
                n.facts.manifests.clear();
                n.manifest(Component::KubeScheduler, &["config=/etc/scheduler.yaml"]);
            },
            "kube-scheduler is given --config: the flag would be ignored",
        ),
    ];
    for (name, change, reason) in cases {
        let mut node = Node::new();
        node.manifest(Component::KubeScheduler, &[]);
        node.flag("1.4.1", Tier::R1, Component::KubeScheduler, "profiling", "false");
        assert!(!node.plan().is_empty(), "{name}: planned when nothing stands against it");
        change(&mut node);
        let plan =
            kube_temper::plan::build(&node.controls, &node.report, &node.facts, &[id("1.4.1")]);
        assert!(plan.is_empty() && plan.controls.is_empty(), "{name}");
        assert!(left(&plan)[0].contains(reason), "{name}: {:?}", left(&plan));
        assert_eq!(plan.left.len(), 1, "{name}");
    }
}

#[test]
fn all_edits_of_a_file_are_one_change_with_its_metadata() {
    let mut node = Node::new();
    let path = manifest_path(Component::KubeApiserver);
    node.manifest(Component::KubeApiserver, &["authorization-mode=Node"]);
    node.place(PathVar::ApiserverManifest, &path, 0o4664, (1000, 1000));
    node.fails(
        "1.1.1",
        Tier::R0,
        mode_of(PathVar::ApiserverManifest, 0o600),
        vec![FixAction::Mode {}],
    );
    node.fails(
        "1.1.2",
        Tier::R0,
        owner_of(PathVar::ApiserverManifest, "root:root"),
        vec![FixAction::Owner {}],
    );
    node.flag("1.2.15", Tier::R2, Component::KubeApiserver, "profiling", "false");
    node.fails(
        "1.2.8",
        Tier::R2,
        review(),
        vec![FixAction::AddToList {
            component: Component::KubeApiserver,
            flag: "authorization-mode".into(),
            value: "RBAC".into(),
            first: false,
        }],
    );
    let plan = node.plan();
    assert_eq!(outline(&plan), [format!("KubeApiserver R2: {path}")]);
    let change = only_change(&plan);
    assert_eq!(metas(change), (meta(0o4664, 1000, 1000), meta(0o600, 0, 0)));
    let (before, after) = texts(change);
    assert_eq!(before, manifest_text(Component::KubeApiserver, &["authorization-mode=Node"]));
    assert!(after.contains("--authorization-mode=Node,RBAC\n"), "{after}");
    assert!(after.contains("--profiling=false\n"), "{after}");
    let by: Vec<&str> = change.edits.iter().map(|edit| edit.control.as_str()).collect();
    assert_eq!(by, ["1.1.1", "1.1.2", "1.2.8", "1.2.15"]);
    assert_eq!(change.edits[0].edit, Edit::Mode { mode: 0o600 });
    let tiers: Vec<String> =
        plan.controls.iter().map(|c| format!("{} {}", c.control, c.tier)).collect();
    assert_eq!(tiers, ["1.1.1 R0", "1.1.2 R0", "1.2.8 R2", "1.2.15 R2"]);
}

#[test]
fn steps_come_in_the_order_of_risk_and_the_selection_does_not_matter() {
    let mut node = Node::new();
    for (number, tier, component) in [
        ("2.2", Tier::R4, Component::Etcd),
        ("1.2.15", Tier::R2, Component::KubeApiserver),
        ("1.3.2", Tier::R1, Component::KubeControllerManager),
        ("1.4.1", Tier::R1, Component::KubeScheduler),
    ] {
        node.manifest(component, &[]);
        node.flag(number, tier, component, "profiling", "false");
    }
    node.fails(
        "4.2.6",
        Tier::R2,
        review(),
        vec![kubelet::set("makeIPTablesUtilChains", FieldValue::Bool(true), &[])],
    );
    for path in ["/etc/z", "/etc/a"] {
        node.place(PathVar::CniFiles, path, 0o644, (0, 0));
    }
    node.fails("1.1.9", Tier::R0, mode_of(PathVar::CniFiles, 0o600), vec![FixAction::Mode {}]);

    let plan = node.plan();
    let targets: Vec<StepTarget> = plan.steps.iter().map(|step| step.target).collect();
    assert_eq!(
        targets,
        [
            StepTarget::Metadata,
            StepTarget::KubeScheduler,
            StepTarget::KubeControllerManager,
            StepTarget::KubeApiserver,
            StepTarget::Kubelet,
            StepTarget::Etcd,
        ]
    );
    assert_eq!(outline(&plan)[0], "Metadata R0: /etc/a /etc/z");
    assert_eq!(plan.tier(), Some(Tier::R4));
    assert_eq!(plan.created, node.facts.at);
    assert_eq!(plan.node, "cp1");

    let mut turned = node.all();
    turned.reverse();
    turned.extend(node.all());
    let again = kube_temper::plan::build(&node.controls, &node.report, &node.facts, &turned);
    assert_eq!(again, plan);
}

#[test]
fn modes_only_lose_bits() {
    let mut node = Node::new();
    for (path, mode) in
        [("/pki/wide.crt", 0o777), ("/pki/tight.crt", 0o400), ("/pki/odd.crt", 0o2466)]
    {
        node.place(PathVar::PkiCertificates, path, mode, (0, 0));
    }
    node.facts.profile.paths.entry(PathVar::PkiCertificates).or_default().push("/pki/gone".into());
    node.facts.files.insert("/pki/gone".into(), kube_temper::model::FileFact::Missing);
    node.fails(
        "1.1.20",
        Tier::R0,
        mode_of(PathVar::PkiCertificates, 0o644),
        vec![FixAction::Mode {}],
    );
    let plan = node.plan();
    let modes: Vec<(String, u32)> =
        plan.changes().map(|change| (change.path.clone(), metas(change).1.mode)).collect();
    assert_eq!(modes, [("/pki/odd.crt".into(), 0o444), ("/pki/wide.crt".into(), 0o644)]);
    assert!(plan.changes().all(|change| matches!(change.kind, ChangeKind::Metadata { .. })));
}

#[test]
fn a_file_two_controls_judge_gets_the_tighter_mode() {
    let mut node = Node::new();
    node.place(PathVar::PkiCertificates, "/pki/ca.crt", 0o666, (0, 0));
    node.place(PathVar::KubeletClientCa, "/pki/ca.crt", 0o666, (0, 0));
    node.fails(
        "1.1.20",
        Tier::R0,
        mode_of(PathVar::PkiCertificates, 0o644),
        vec![FixAction::Mode {}],
    );
    node.fails(
        "4.1.7",
        Tier::R0,
        mode_of(PathVar::KubeletClientCa, 0o600),
        vec![FixAction::Mode {}],
    );
    let plan = node.plan();
    assert_eq!(metas(only_change(&plan)), (meta(0o666, 0, 0), meta(0o600, 0, 0)));
    assert_eq!(plan.controls.len(), 2);
}

#[test]
fn owners_are_numbers_of_this_node() {
    let mut node = Node::new();
    node.place(PathVar::EtcdDataDir, "/var/lib/etcd", 0o700, (0, 0));
    let check = owner_of(PathVar::EtcdDataDir, "etcd:etcd");
    node.fails("1.1.12", Tier::R4, check, vec![FixAction::Owner {}]);
    assert_eq!(
        left(&node.plan()),
        ["1.1.12: this node has no user 'etcd' in /etc/passwd: create it first"]
    );
    node.facts.accounts.users.insert("etcd".into(), 117);
    assert_eq!(
        left(&node.plan()),
        ["1.1.12: this node has no group 'etcd' in /etc/group: create it first"]
    );
    node.facts.accounts.groups.insert("etcd".into(), 125);
    assert_eq!(metas(only_change(&node.plan())).1, meta(0o700, 117, 125));
}

#[test]
fn a_directory_and_its_files_are_one_control() {
    let mut node = Node::new();
    node.place(PathVar::KubeletDropInDir, "/etc/kubelet.d", 0o777, (0, 0));
    node.place(PathVar::KubeletDropInFiles, "/etc/kubelet.d/1.conf", 0o666, (7, 7));
    let check = Check::Directory {
        dir: PathVar::KubeletDropInDir,
        dir_mode: Mode(0o755),
        files: PathVar::KubeletDropInFiles,
        file_mode: Mode(0o644),
        owner: Owner::try_from("root:root".to_owned()).unwrap(),
    };
    node.fails("4.1.11", Tier::R0, check, vec![FixAction::Mode {}, FixAction::Owner {}]);
    let plan = node.plan();
    let after: Vec<(String, FileMeta)> =
        plan.changes().map(|change| (change.path.clone(), metas(change).1)).collect();
    assert_eq!(
        after,
        [
            ("/etc/kubelet.d".into(), meta(0o755, 0, 0)),
            ("/etc/kubelet.d/1.conf".into(), meta(0o644, 0, 0))
        ]
    );
}

#[test]
fn a_symlinked_manifest_is_changed_where_it_leads() {
    let mut node = Node::new();
    let link = manifest_path(Component::KubeScheduler);
    let target = "/srv/manifests/scheduler.yaml";
    node.manifest_at(&link, target, &manifest_text(Component::KubeScheduler, &[]));
    node.stat(&link, target, 0o644, (0, 0));
    node.facts.profile.paths.insert(PathVar::SchedulerManifest, vec![link.clone()]);
    node.flag("1.4.1", Tier::R1, Component::KubeScheduler, "profiling", "false");
    let check = mode_of(PathVar::SchedulerManifest, 0o600);
    node.fails("1.1.5", Tier::R0, check, vec![FixAction::Mode {}]);
    let plan = node.plan();
    let change = only_change(&plan);
    assert_eq!((change.path.as_str(), change.named.as_deref()), (target, Some(link.as_str())));
    assert_eq!(metas(change), (meta(0o644, 0, 0), meta(0o600, 0, 0)));
}

#[test]
fn a_file_with_two_names_is_changed_once() {
    let mut node = Node::new();
    let unit = "/usr/lib/systemd/system/kubelet.service";
    node.place(PathVar::KubeletServiceFiles, unit, 0o644, (0, 0));
    node.place(PathVar::KubeletServiceFiles, "/lib/systemd/system/kubelet.service", 0o644, (0, 0));
    node.stat("/lib/systemd/system/kubelet.service", unit, 0o644, (0, 0));
    let check = mode_of(PathVar::KubeletServiceFiles, 0o600);
    node.fails("4.1.1", Tier::R0, check, vec![FixAction::Mode {}]);
    let plan = node.plan();
    let change = only_change(&plan);
    assert_eq!((change.path.as_str(), change.edits.len()), (unit, 1));
    assert_eq!(metas(change), (meta(0o644, 0, 0), meta(0o600, 0, 0)));
}

#[test]
fn a_manifest_that_is_not_clear_is_not_touched() {
    let scheduler = Component::KubeScheduler;
    let good = manifest_text(scheduler, &[]);
    let twin = "/etc/kubernetes/manifests/kube-scheduler.yaml.bak";
    let path = manifest_path(scheduler);
    let cases: Vec<(&str, Manifests<'_>, &str)> = vec![
        ("none", vec![], "no manifest in /etc/kubernetes/manifests starts kube-scheduler"),
        ("shadowed", vec![(&path, good.clone()), (twin, good.clone())], "more than one file"),
        (
            "shadowed by name only",
            vec![
                (&path, good.clone()),
                (twin, good.replace("- kube-scheduler\n", "- /bin/other\n")),
            ],
            "kube-scheduler.yaml.bak",
        ),
        ("broken", vec![(&path, "kind: [".into())], "cannot be understood"),
        (
            "uid",
            vec![(&path, good.replace("metadata:\n", "metadata:\n  uid: abc\n"))],
            "metadata.uid",
        ),
        (
            "twice",
            vec![(&path, good.replace("metadata:\n", "metadata:\n  name: x\n"))],
            "metadata.name",
        ),
    ];
    for (name, manifests, reason) in cases {
        let mut node = Node::new();
        for (path, text) in manifests {
            node.manifest_at(path, path, &text);
        }
        node.facts.profile.paths.insert(PathVar::SchedulerManifest, vec![path.clone()]);
        node.flag("1.4.1", Tier::R1, scheduler, "profiling", "false");
        let plan = node.plan();
        assert!(plan.is_empty(), "{name}");
        assert!(left(&plan)[0].contains(reason), "{name}: {:?}", left(&plan));
    }
    let mut node = Node::new();
    node.facts.unit_args.insert(Component::Etcd, Vec::new());
    node.flag("2.2", Tier::R4, Component::Etcd, "client-cert-auth", "true");
    assert!(left(&node.plan())[0].contains("systemd unit"), "{:?}", left(&node.plan()));
}

#[test]
fn a_refused_edit_leaves_its_control_out_and_nothing_else() {
    let mut node = Node::new();
    let path = manifest_path(Component::KubeScheduler);
    let text = manifest_text(Component::KubeScheduler, &[]).replace(
        "  - command:\n    - kube-scheduler\n",
        "  - command: &a [kube-scheduler]\n    args: *a\n",
    );
    node.manifest_at(&path, &path, &text);
    node.place(PathVar::SchedulerManifest, &path, 0o644, (0, 0));
    node.flag("1.4.1", Tier::R1, Component::KubeScheduler, "profiling", "false");
    let check = mode_of(PathVar::SchedulerManifest, 0o600);
    node.fails("1.1.5", Tier::R0, check, vec![FixAction::Mode {}]);
    let plan = node.plan();
    assert_eq!(outline(&plan), [format!("Metadata R0: {path}")], "{:?}", left(&plan));
    assert!(left(&plan)[0].starts_with("1.4.1: "), "{:?}", left(&plan));
}

#[test]
fn of_two_controls_that_contradict_the_first_is_planned() {
    let apiserver = Component::KubeApiserver;
    let list = |value: &str, add: bool| {
        let (flag, value) = ("enable-admission-plugins".to_owned(), value.to_owned());
        if add {
            FixAction::AddToList { component: apiserver, flag, value, first: false }
        } else {
            FixAction::RemoveFromList { component: apiserver, flag, value, otherwise: None }
        }
    };
    let on = |flag: &str, value: &str| FixAction::AddToList {
        component: apiserver,
        flag: flag.into(),
        value: value.into(),
        first: false,
    };
    let set = |value: &str| FixAction::SetFlag {
        component: apiserver,
        flag: "profiling".into(),
        value: value.into(),
    };
    let cases = [
        ("two values", set("false"), set("true"), true),
        ("one value", set("false"), set("false"), false),
        ("two elements", list("A", true), list("B", true), false),
        ("in and out", list("A", true), list("A", false), true),
        ("another in and out", list("A", true), list("Old", false), false),
        ("set with the element", set("A,B"), on("profiling", "A"), false),
        ("set without the element", set("B"), on("profiling", "A"), true),
        (
            "set and removed",
            set("false"),
            FixAction::RemoveFlag { component: apiserver, flag: "profiling".into() },
            true,
        ),
    ];
    for (name, first, second, contradict) in cases {
        let mut node = Node::new();
        node.manifest(apiserver, &["enable-admission-plugins=Old", "profiling=1"]);
        node.fails("1.2.9", Tier::R2, review(), vec![first]);
        node.fails("1.2.10", Tier::R2, review(), vec![second]);
        let plan = node.plan();
        let planned: Vec<&str> = plan.controls.iter().map(|c| c.control.as_str()).collect();
        if contradict {
            assert_eq!(planned, ["1.2.9"], "{name}");
            assert!(left(&plan)[0].starts_with("1.2.10: 1.2.9 asks for something else"), "{name}");
        } else {
            assert_eq!(planned, ["1.2.9", "1.2.10"], "{name}: {:?}", left(&plan));
        }
    }
}

#[test]
fn an_element_of_a_flag_that_is_not_given_is_its_default() {
    let fix = |otherwise: Option<&str>| FixAction::RemoveFromList {
        component: Component::KubeApiserver,
        flag: "authorization-mode".into(),
        value: "AlwaysAllow".into(),
        otherwise: otherwise.map(str::to_owned),
    };
    for (flags, otherwise, want) in [
        (vec![], Some("Node,RBAC"), Some("--authorization-mode=Node,RBAC\n")),
        (vec!["authorization-mode=AlwaysAllow"], Some("Node"), Some("--authorization-mode=Node\n")),
        (vec!["authorization-mode=AlwaysAllow,RBAC"], None, Some("--authorization-mode=RBAC\n")),
        (vec![], None, None),
    ] {
        let mut node = Node::new();
        node.manifest(Component::KubeApiserver, &flags);
        node.fails("1.2.6", Tier::R3, review(), vec![fix(otherwise)]);
        let plan = node.plan();
        match want {
            Some(want) => assert!(texts(only_change(&plan)).1.contains(want), "{flags:?}"),
            None => assert!(left(&plan)[0].contains("change nothing on disk"), "{flags:?}"),
        }
    }
}

#[test]
fn a_fix_that_is_on_disk_already_is_left_to_the_next_start() {
    let mut node = Node::new();
    node.manifest(Component::KubeScheduler, &["profiling=false"]);
    node.process(Component::KubeScheduler, &["kube-scheduler"], 0);
    node.flag("1.4.1", Tier::R1, Component::KubeScheduler, "profiling", "false");
    assert!(left(&node.plan())[0].contains("takes them up at its next start"));
}

#[test]
fn a_control_plane_without_root_makes_modes_and_owners_risky() {
    let scheduler = Component::KubeScheduler;
    let by_manifest = |user: &str| {
        manifest_text(scheduler, &[]).replace(
            "  hostNetwork",
            &format!("  securityContext: {{runAsUser: {user}}}\n  hostNetwork"),
        )
    };
    let cases: [(&str, String, u32, Tier); 4] = [
        ("root", manifest_text(scheduler, &[]), 0, Tier::R0),
        ("root by name", by_manifest("0"), 0, Tier::R0),
        ("another user in the manifest", by_manifest("2001"), 0, Tier::R3),
        ("another user in the process", manifest_text(scheduler, &[]), 2001, Tier::R3),
    ];
    for (name, text, uid, want) in cases {
        let mut node = Node::new();
        let path = manifest_path(scheduler);
        node.manifest_at(&path, &path, &text);
        node.process(scheduler, &["kube-scheduler"], uid);
        node.place(PathVar::PkiKeys, "/etc/kubernetes/pki/ca.key", 0o640, (0, 0));
        node.place(PathVar::KubeletConfig, "/var/lib/kubelet/config.yaml", 0o644, (0, 0));
        for (number, place) in [("1.1.21", PathVar::PkiKeys), ("4.1.9", PathVar::KubeletConfig)] {
            node.fails(number, Tier::R0, mode_of(place, 0o600), vec![FixAction::Mode {}]);
        }
        let tiers: Vec<Tier> = node.plan().controls.iter().map(|c| c.tier).collect();
        assert_eq!(tiers, [want, Tier::R0], "{name}");
    }
}

#[test]
fn a_file_with_a_second_name_keeps_its_content_and_may_change_its_mode() {
    let linked = |paths: &[&str]| {
        let mut node = Node::new();
        node.manifest(Component::KubeScheduler, &[]);
        node.kubelet_config("readOnlyPort: 10255\n");
        node.flag("1.4.1", Tier::R1, Component::KubeScheduler, "profiling", "false");
        let port = FixAction::RemoveKubeletField {
            field: "readOnlyPort".into(),
            flags: Vec::new(),
            element: None,
        };
        node.fails("4.2.4", Tier::R2, review(), vec![port]);
        node.place(PathVar::KubeletConfig, node::KUBELET_CONFIG, 0o644, (0, 0));
        let mode = mode_of(PathVar::KubeletConfig, 0o600);
        node.fails("4.1.9", Tier::R0, mode, vec![FixAction::Mode {}]);
        for path in paths {
            node.hard_link(path);
        }
        node.plan()
    };
    let scheduler = manifest_path(Component::KubeScheduler);
    assert_eq!(left(&linked(&[])), Vec::<String>::new());
    for (path, control, rest) in [
        (scheduler.as_str(), "1.4.1", ["4.1.9", "4.2.4"]),
        (node::KUBELET_CONFIG, "4.2.4", ["1.4.1", "4.1.9"]),
    ] {
        let plan = linked(&[path]);
        let said = left(&plan);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with(&format!("{control}: {path} has a second name")), "{said:?}");
        let planned: Vec<&str> = plan.controls.iter().map(|c| c.control.as_str()).collect();
        assert_eq!(planned, rest, "{path}");
        let change = plan.changes().find(|change| change.path == path);
        assert!(
            change.is_none_or(|change| matches!(change.kind, ChangeKind::Metadata { .. })),
            "{path}: {change:?}"
        );
    }
}
