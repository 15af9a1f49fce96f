//! A plan kept in a file is not believed, and a dry run refuses what the real run would.

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

mod common;

use std::{fs, os::unix::fs::MetadataExt as _};

use common::{Unpacked, cut_the_journal, expect_code, stderr};

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

/// Plans these controls into a file beside the state directory.
fn plan_file(node: &Unpacked, ids: &str) -> String {
    let plan = node.state().with_file_name("plan.json").to_str().unwrap().to_owned();
    expect_code(&node.run(&["plan", "--check", ids, "-o", &plan]), 0);
    plan
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_plan_is_applied_exactly_or_refused_when_the_node_changed() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let plan = plan_file(&node, "1.2.15");
    let plan = plan.as_str();
    assert_eq!(fs::metadata(plan).unwrap().mode() & 0o7777, 0o600);

    let original = node.text(MANIFEST);
    node.write(MANIFEST, format!("{original}# a person was here\n"));
    let changed = node.listing();
    for how in ["--yes", "--dry-run"] {
        let output = node.run(&["apply", plan, how]);
        expect_code(&output, 20);
        assert!(stderr(&output).contains("kube-apiserver.yaml"), "{}", stderr(&output));
        assert_eq!(node.listing(), changed, "nothing was written");
    }

    node.write(MANIFEST, &original);
    expect_code(&node.run(&["apply", plan, "--yes"]), 0);
    assert!(node.text(MANIFEST).contains("--profiling=false"));

    expect_code(&node.run(&["apply", plan, "--dry-run"]), 20);

    fs::write(plan, "{ \"schema\": 1 }").unwrap();
    expect_code(&node.run(&["apply", plan, "--yes"]), 2);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_plan_file_with_an_impossible_mode_or_size_is_not_read() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let plan = plan_file(&node, "1.2.15,4.1.9");
    let plan = plan.as_str();
    let honest: serde_json::Value = serde_json::from_slice(&fs::read(plan).unwrap()).unwrap();
    let before = node.listing();
    for (place, value, words) in [
        ("/steps/0/changes/0/after/mode", 0o10_600.into(), "octal 10600"),
        ("/steps/0/changes/0/edits/0/mode", 0o100_600.into(), "octal 100600"),
        ("/steps/1/changes/0/before/meta/mode", 0o10_600.into(), "octal 10600"),
        ("/steps/1/changes/0/after/text", "x".repeat((10 << 20) + 1).into(), "10485761 bytes"),
    ] {
        let mut changed = honest.clone();
        *changed.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
        fs::write(plan, changed.to_string()).unwrap();
        let output = node.run(&["apply", plan, "--yes"]);
        expect_code(&output, 2);
        assert!(stderr(&output).contains(words), "{place}: {}", stderr(&output));
        assert_eq!(node.listing(), before, "{place}");
    }
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn nothing_in_a_plan_file_is_believed() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let plan = plan_file(&node, "1.2.15,4.1.9");
    let plan = plan.as_str();
    let honest: serde_json::Value = serde_json::from_slice(&fs::read(plan).unwrap()).unwrap();
    let before = node.listing();

    type Tamper = fn(&mut serde_json::Value);
    let tampers: [(&str, Tamper); 9] = [
        ("another file", |p| p["steps"][0]["changes"][0]["path"] = "/etc/passwd".into()),
        ("a wider mode", |p| p["steps"][0]["changes"][0]["after"]["mode"] = 0o4777.into()),
        ("another owner", |p| p["steps"][0]["changes"][0]["after"]["uid"] = 1000.into()),
        ("a lower risk", |p| p["steps"][1]["tier"] = "R0".into()),
        ("another node", |p| p["node"] = "other".into()),
        ("another benchmark", |p| p["benchmark"] = "cis-1.7".into()),
        ("no controls", |p| p["controls"] = serde_json::json!([])),
        ("another text", |p| {
            let text = &mut p["steps"][1]["changes"][0]["after"]["text"];
            *text = format!("{}# more\n", text.as_str().unwrap()).into();
        }),
        ("an attribute", |p| {
            p["steps"][1]["changes"][0]["after"]["meta"]["xattrs"] =
                serde_json::json!({"user.foo": [98]});
        }),
    ];
    for (what, tamper) in tampers {
        let mut changed = honest.clone();
        tamper(&mut changed);
        assert_ne!(changed, honest, "{what}");
        fs::write(plan, changed.to_string()).unwrap();
        let output = node.run(&["apply", plan, "--yes", "--max-risk", "R4"]);
        expect_code(&output, 20);
        assert_eq!(node.listing(), before, "{what}");
    }
    fs::write(plan, honest.to_string()).unwrap();
    expect_code(&node.run(&["apply", plan, "--yes"]), 0);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_plan_is_only_written_over_a_plan() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let folder = node.state().with_file_name("somewhere");
    fs::create_dir(&folder).unwrap();
    let pipe = folder.join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for name in [&folder, &pipe, &folder.join("missing/plan.json")] {
        let output = node.run(&["plan", "--check", "4.1.9", "-o", name.to_str().unwrap()]);
        expect_code(&output, 2);
    }
    use std::os::unix::fs::FileTypeExt as _;
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_dry_run_refuses_what_the_run_would_and_leaves_no_trace() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let before = node.listing();
    let dry = |arguments: &[&str], code| {
        let output = node.run(&[arguments, &["--dry-run"]].concat());
        expect_code(&output, code);
        stderr(&output)
    };
    dry(&["apply", "--check", "1.2.15"], 0);
    dry(&["apply", "--safe"], 0);
    assert!(dry(&["apply", "--check", "1.2.15", "--read-only"], 20).contains("--read-only"));
    assert_eq!(node.listing(), before);
    assert!(!node.state().exists(), "not even a state directory");

    expect_code(&node.run(&["apply", "--check", "4.1.9", "--yes"]), 0);
    dry(&["rollback", "--last"], 0);
    assert!(dry(&["rollback", "--last", "--read-only"], 20).contains("--read-only"));
    cut_the_journal(&node, 1);
    for arguments in [&["apply", "--check", "1.2.15"][..], &["apply", "--safe"]] {
        assert!(dry(arguments, 20).contains("kube-temper recover"));
    }
}
