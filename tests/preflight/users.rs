//! Components that do not run as root: what they read must be theirs to read, now and after a change.

use std::collections::BTreeMap;

use kube_temper::{
    model::{
        Change, ChangeKind,
        Component::{KubeApiserver, KubeScheduler},
        FileMeta, Plan, StepTarget,
    },
    node::Node as _,
};

use crate::{
    Bench, argument, expect,
    machine::{plan, step},
};

const CONF: &str = "/etc/kubernetes/scheduler.conf";
const PKI: &str = "/etc/kubernetes/pki";
const DATA: &str = "/var/lib/etcd";

/// A manifest of a container that runs as user 2000, with more of its security context.
fn rootless(text: &str, more: &str) -> String {
    text.replace(
        "  securityContext:\n",
        &format!("  securityContext:\n    runAsUser: 2000\n{more}"),
    )
}

#[test]
fn a_container_of_another_user_must_be_able_to_read() {
    // (security context, owner, mode, wanted)
    let cannot = "which user 2000, as whom the container runs, may not read";
    let table: &[(&str, (u32, u32), u32, &str)] = &[
        ("", (0, 0), 0o600, "may not read (0600 0:0): give it to that user or one of its groups"),
        ("", (2000, 2000), 0o600, ""),
        ("", (1, 1), 0o604, ""),
        ("", (1, 0), 0o604, cannot),
        ("", (2000, 0), 0o044, cannot),
        ("", (1, 2001), 0o640, cannot),
        // Without a word it is of the group root.
        ("", (1, 0), 0o640, ""),
        ("    runAsGroup: 2001\n", (1, 0), 0o640, cannot),
        ("    runAsGroup: 2001\n", (1, 2001), 0o640, ""),
        ("    runAsGroup: 2001\n", (1, 2001), 0o604, cannot),
        ("    supplementalGroups: [5, 2002]\n", (1, 2002), 0o640, ""),
        ("    fsGroup: 2003\n", (1, 2003), 0o640, ""),
    ];
    for (context, (uid, gid), mode, wanted) in table {
        let bench = Bench::new();
        bench.node.files().set_owner(CONF, *uid, *gid).unwrap();
        bench.node.files().set_mode(CONF, *mode).unwrap();
        let plan = bench.manifest(KubeScheduler, |text| {
            rootless(&argument("--profiling=false")(text), context)
        });
        expect(&format!("{context} {uid}:{gid} {mode:o}"), bench.refusal(&plan), wanted);
    }
}

#[test]
fn folders_on_the_way_must_let_it_pass() {
    for (mode, wanted) in [
        (0o755, ""),
        (0o711, ""),
        (
            0o700,
            "lies in /etc/kubernetes/pki, which user 2000, as whom the container runs, may not enter",
        ),
    ] {
        let bench = Bench::new();
        open_to_all(&bench);
        bench.node.files().set_mode(PKI, mode).unwrap();
        // What is above the volume is no matter to the container.
        bench.node.files().set_mode("/etc/kubernetes", 0o700).unwrap();
        let plan = bench
            .manifest(KubeApiserver, |text| rootless(&argument("--profiling=false")(text), ""));
        expect(&format!("{mode:o}"), bench.refusal(&plan), wanted);
    }
}

/// Every key and certificate may be read by everybody.
fn open_to_all(bench: &Bench) {
    for folder in [PKI.to_owned(), format!("{PKI}/etcd")] {
        for entry in bench.node.files().list(&folder).unwrap() {
            bench.node.files().set_mode(&format!("{folder}/{}", entry.name), 0o755).unwrap();
        }
    }
}

/// A plan that changes nothing but a mode or an owner.
fn metadata(bench: &Bench, path: &str, mode: u32, uid: u32) -> Plan {
    let stat = bench.node.files().lstat(path).unwrap().unwrap();
    let meta = |mode, uid| FileMeta { mode, uid, gid: stat.gid, xattrs: BTreeMap::new() };
    let kind = ChangeKind::Metadata { before: meta(stat.mode, stat.uid), after: meta(mode, uid) };
    let change = Change { path: path.to_owned(), named: None, edits: Vec::new(), kind };
    plan(vec![step(StepTarget::Metadata, vec![change])])
}

/// A node whose component runs as user 2000.
fn run_rootless(bench: &Bench, component: &str) {
    let path = format!("/etc/kubernetes/manifests/{component}.yaml");
    bench.put(&path, &rootless(&bench.node.text(&path).unwrap(), ""));
}

#[test]
fn a_mode_or_owner_that_locks_a_component_out_is_refused() {
    let wrong = "kube-scheduler, which runs as user 2000, would not be able to read /etc/kubernetes/scheduler.conf (--authentication-kubeconfig, --authorization-kubeconfig, --kubeconfig) at its next start";
    // (mode and owner now, then, wanted)
    let table = [
        ((0o644, 0), (0o600, 0), wrong),
        ((0o600, 2000), (0o600, 0), wrong),
        ((0o644, 2000), (0o600, 2000), ""),
        ((0o644, 0), (0o640, 2000), ""),
        // It was so before.
        ((0o600, 0), (0o400, 0), ""),
    ];
    for (now, then, wanted) in table {
        let bench = Bench::new();
        run_rootless(&bench, "kube-scheduler");
        bench.node.files().set_owner(CONF, now.1, 1).unwrap();
        bench.node.files().set_mode(CONF, now.0).unwrap();
        let plan = metadata(&bench, CONF, then.0, then.1);
        expect(&format!("{now:?} {then:?}"), bench.refusal(&plan), wanted);
    }
    let bench = Bench::new();
    bench.node.files().set_mode(CONF, 0o644).unwrap();
    expect("of root", bench.refusal(&metadata(&bench, CONF, 0o600, 0)), "");
}

#[test]
fn a_folder_that_locks_a_component_out_is_refused() {
    let bench = Bench::new();
    open_to_all(&bench);
    run_rootless(&bench, "kube-apiserver");
    let plan = metadata(&bench, PKI, 0o700, 0);
    let wanted =
        "kube-apiserver, which runs as user 2000, would not be able to read /etc/kubernetes/pki/";
    expect("folder", bench.refusal(&plan), wanted);
}

#[test]
fn the_data_of_etcd_stay_its_own() {
    let bench = Bench::new();
    run_rootless(&bench, "etcd");
    bench.node.files().set_owner(DATA, 2000, 2000).unwrap();
    let wanted = "etcd, which runs as user 2000, would not be able to use /var/lib/etcd (--data-dir) at its next start";
    expect("given away", bench.refusal(&metadata(&bench, DATA, 0o700, 0)), wanted);
    bench.node.files().set_mode(DATA, 0o755).unwrap();
    expect("narrowed", bench.refusal(&metadata(&bench, DATA, 0o700, 2000)), "");
}
