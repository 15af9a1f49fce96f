//! What is refused, and that the reason tells a person what to do.

use kube_temper::{
    model::{Component, Edit, FieldValue},
    text::{kubelet, manifest},
};

use super::{asked, remove_flag, set_flag};

fn pod(container: &str) -> String {
    format!("kind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - name: c\n{container}")
}

fn refused(text: &str, edit: &Edit, what: &str) {
    let result = manifest::edit(text, Component::KubeApiserver, &asked(std::slice::from_ref(edit)));
    let reason = result.expect_err(text).reason;
    assert!(reason.contains(what), "{reason}\n{text}");
    assert!(reason.contains("edit the manifest by hand: "), "{reason}");
}

#[test]
fn manifests_that_text_edits_could_get_wrong() {
    let set = set_flag("profiling", "false");
    let plain = "    command:\n    - kube-apiserver\n    - --v=2\n";
    for (text, what) in [
        (pod(plain) + "---\nkind: Pod\n", "several documents"),
        (pod(plain).replace("  name: p", "  name: p\n  uid: u"), "metadata.uid"),
        (
            pod(plain) + "    command: [kube-apiserver]\n",
            "key spec.containers.0.command is written twice",
        ),
        (
            pod(plain) + "spec:\n  containers:\n  - command: [kube-apiserver]\n",
            "key spec is written twice",
        ),
        (pod("    command: &c\n    - kube-apiserver\n    - --v=2\n"), "carries an anchor (line 7)"),
        (
            pod("    x: &c [kube-apiserver, --v=2]\n    command: *c\n"),
            "command is an alias (line 8)",
        ),
        (
            pod("    command: [kube-apiserver]\n    args: &a [--v=2]\n"),
            "the container's args carries an anchor",
        ),
        (
            pod("    command: [&k kube-apiserver, --v=2]\n    workingDir: *k\n"),
            "an item of the container's command carries an anchor",
        ),
        (
            pod("    x: &x {command: [kube-apiserver, --v=2]}\n    <<: *x\n"),
            "the container uses a merge (<<)",
        ),
        (
            pod("    command: [kube-apiserver]\n").replace("spec:", "spec: &s"),
            "spec carries an anchor",
        ),
        (
            pod("    command: [kube-apiserver, -profiling=true]\n"),
            "does not take its arguments: -profiling=true is no flag",
        ),
        (pod("    command: [kube-apiserver, --brand-new]\n"), "write --brand-new=VALUE"),
        (pod("    command: !!seq [kube-apiserver]\n"), "carries a tag"),
        (pod("    command: [kube-apiserver, !!str --v=2]\n"), "carries a tag"),
        (
            pod("    command:\n    - kube-apiserver\n    - |-\n      --v=2\n"),
            "is a text block (line 9)",
        ),
        (pod("    command:\n    - kube-apiserver\n    -\n"), "is no text"),
        (
            pod("    command:\n    -\tkube-apiserver\n    -\t--v=2\n"),
            "cannot start any token (line 8)",
        ),
        (pod("    command:\n    - kube-apiserver\n    - $(EXTRA)\n"), "from the environment"),
        (
            pod("    command:\n    - kube-apiserver\n    - --profiling=$(P)\n"),
            "from the environment",
        ),
        (pod("    command: [kube-scheduler]\n"), "no container runs kube-apiserver"),
        (
            pod("    command: [kube-apiserver]\n  - name: d\n    command: [kube-apiserver]\n"),
            "several containers run kube-apiserver",
        ),
        ("kind: [\n".to_owned(), "(line 2)"),
        (String::new(), "empty"),
    ] {
        refused(&text, &set, what);
    }
}

#[test]
fn edits_that_a_manifest_cannot_have() {
    let text = pod("    command:\n    - kube-apiserver\n    - --a=1\n    - --l=\"x,y\",z\n");
    for (edit, what) in [
        (set_flag("a", "$(HOME)"), "from the environment"),
        (
            Edit::SetField { field: "a.b".into(), value: FieldValue::Bool(true) },
            "no such field; edit the manifest by hand: set a.b to true",
        ),
        (
            Edit::AddToList { flag: "l".into(), value: "w".into(), first: false },
            "holds quotes; edit the manifest by hand: add w to --l",
        ),
        (
            Edit::RemoveFromList { flag: "l".into(), value: "z".into(), otherwise: None },
            "holds quotes; edit the manifest by hand: remove z from --l",
        ),
    ] {
        refused(&text, &edit, what);
    }
    let commented = pod("    command: [kube-apiserver, # the binary\n      --a=1, --b=2]\n");
    refused(&commented, &remove_flag("a"), "a comment beside it would be lost");
}

#[test]
fn one_refusal_refuses_all_edits() {
    let text = pod("    command: [kube-apiserver]\n");
    let edits = asked(&[set_flag("a", "1"), set_flag("b", "$(X)")]);
    assert!(manifest::edit(&text, Component::KubeApiserver, &edits).is_err());
}

#[test]
fn configurations_that_text_edits_could_get_wrong() {
    let set =
        |field: &str| Edit::SetField { field: field.into(), value: FieldValue::Text("x".into()) };
    let list = |field: &str| Edit::SetField {
        field: field.into(),
        value: FieldValue::List(vec!["x".into()]),
    };
    let remove = |field: &str| Edit::RemoveField { field: field.into() };
    for (text, edit, what) in [
        ("a: 1\n---\nb: 2\n", set("a"), "several documents"),
        ("a: 1\na: 2\n", set("a"), "key a is written twice"),
        ("a:\n  b: 1\na:\n  b: 2\n", set("a.b"), "key a is written twice"),
        ("a:\n  b: 1\n  b: 2\n", remove("a.b"), "key a.b is written twice"),
        ("a: &x {b: 1}\nc: *x\n", set("a.b"), "a carries an anchor (line 1)"),
        ("a: &x {b: 1}\nc: *x\n", set("c.b"), "c is an alias (line 2)"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", set("c.b"), "c uses a merge (<<)"),
        ("a: &x 1\nb: *x\n", set("b"), "b is an alias"),
        ("a: !!str 1\n", set("a"), "a carries a tag"),
        ("a: |\n  text\n", set("a"), "is a text block"),
        ("a: 1\n", set("a.b"), "a (line 1) is no mapping"),
        ("a: [1]\n", set("a.b"), "a (line 1) is no mapping"),
        ("a:\n  b: 1\nc: 2\n", set("a"), "holds more than one value"),
        ("a:\n- b: 1\n", list("a"), "is no plain text"),
        ("a:\n- |\n  b\n", list("a"), "is a text block"),
        ("a:\n- &b b\n", list("a"), "is no plain text"),
        ("a: 1\n", remove("a"), "the only one"),
        ("- a\n", set("a"), "is no mapping"),
        ("{a: 1, # one\n b: 2}\n", remove("b"), "a comment beside it would be lost"),
        ("? a\n: 1\nb: 2\n", remove("a"), "does not begin its line"),
        ("", set("a"), "empty"),
        ("a: [\n", set("a"), "(line 2)"),
        ("a: 1\n", set_flag("a", "b"), "has fields, no flags"),
    ] {
        let reason = kubelet::edit(text, &asked(&[edit])).expect_err(text).reason;
        assert!(reason.contains(what), "{text:?}: {reason}");
        assert!(reason.contains("edit the file by hand: "), "{reason}");
    }
}

#[test]
fn what_is_already_so_is_left_alone_whatever_the_text_looks_like() {
    let text = pod("    command:\n    - kube-apiserver\n    -  '--a=1'   # one\n    - --b\n");
    for edit in [
        set_flag("a", "1"),
        set_flag("b", "true"),
        remove_flag("c"),
        Edit::AddToList { flag: "a".into(), value: "1".into(), first: true },
        Edit::RemoveFromList { flag: "a".into(), value: "2".into(), otherwise: None },
        Edit::Mode { mode: 0o600 },
        Edit::Owner { uid: 0, gid: 0 },
    ] {
        let same =
            manifest::edit(&text, Component::KubeApiserver, &asked(std::slice::from_ref(&edit)));
        assert_eq!(same.as_ref(), Ok(&text), "{edit:?}");
    }
    let text = "a: off\nb: 0600 # octal\nc: [ x ,'y' ]\n";
    for (field, value) in [
        ("a", FieldValue::Bool(false)),
        ("b", FieldValue::Int(384)),
        ("c", FieldValue::List(vec!["x".into(), "y".into()])),
    ] {
        let edit = Edit::SetField { field: field.into(), value };
        assert_eq!(kubelet::edit(text, &asked(&[edit])).as_deref(), Ok(text), "{field}");
    }
    let edit = Edit::RemoveField { field: "a.b.c".into() };
    assert_eq!(kubelet::edit(text, &asked(&[edit])).as_deref(), Ok(text));
}
