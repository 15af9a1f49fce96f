//! The program from outside: exit codes, streams, and the whole path on an unpacked recorded node.

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
mod copies;

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
};

use common::{
    Unpacked, cut_the_journal, expect_code, program, statuses, stderr, stdout, with_status,
};

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const SCHEDULER: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml";

#[test]
fn without_a_terminal_the_help_goes_to_stderr_and_the_exit_code_is_2() {
    let output = program().output().unwrap();
    expect_code(&output, 2);
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).contains("Usage: kube-temper"), "{}", stderr(&output));
}

#[test]
fn the_help_is_approved() {
    let output = program().arg("--help").output().unwrap();
    expect_code(&output, 0);
    insta::with_settings!({snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("help", stdout(&output));
    });
}

/// One of each kind: modes, a component without and with clients, the kubelet, etcd, and what bytes do not undo.
#[test]
fn explanations_say_what_is_watched_and_what_is_left_to_a_person() {
    for id in ["1.1.9", "1.4.1", "1.2.15", "4.2.4", "2.3", "1.2.27"] {
        let output = program().args(["--benchmark", "cis-2.0", "explain", id]).output().unwrap();
        expect_code(&output, 0);
        insta::with_settings!({snapshot_path => "../snapshots/cli", prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(format!("explain-{id}"), stdout(&output));
        });
    }
}

#[test]
fn the_demo_on_a_pipe_prints_its_scan_and_exits_10() {
    let output = program().arg("demo").output().unwrap();
    expect_code(&output, 10);
    let text = stdout(&output);
    assert!(text.contains("1.2.15"), "{text}");
    assert!(text.contains("privileged containers in 1 workload: pod/legacy/privileged"), "{text}");
    assert!(text.contains("Score"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour on a pipe");
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn every_recorded_node_gives_one_finding_per_control_and_no_error() {
    for (node, extra, benchmark, controls) in [
        ("kubeadm-1.32.5", &[][..], "cis-1.12", 131),
        ("kubeadm-1.34.2", &[], "cis-2.0", 131),
        ("kubeadm-1.35.3", &[], "cis-2.0", 131),
        ("kubeadm-1.36.2", &[], "cis-2.0", 131),
        ("kubeadm-1.36.2", &["--benchmark", "cis-2.1"], "cis-2.1", 134),
        ("kubeadm-1.36.2-worker", &["--benchmark", "cis-2.0"], "cis-2.0", 131),
    ] {
        let unpacked = Unpacked::new(node);
        let mut arguments = vec!["scan", "--format", "json"];
        arguments.extend(extra);
        let output = unpacked.run(&arguments);
        expect_code(&output, 10);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["schema"], "kube-temper/scan/v1");
        assert_eq!(json["benchmark"], benchmark, "{node}");
        let counted: Vec<_> =
            statuses(&output).into_iter().filter(|(id, _)| !id.starts_with("KT-")).collect();
        assert_eq!(counted.len(), controls, "{node}");
        assert_eq!(with_status(&output, "ERROR"), Vec::<String>::new(), "{node}");
    }
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_worker_without_a_version_asks_for_the_benchmark() {
    let output = Unpacked::new("kubeadm-1.36.2-worker").run(&["scan"]);
    expect_code(&output, 3);
    assert!(stderr(&output).contains("--benchmark"), "{}", stderr(&output));
}

#[test]
fn a_directory_without_kubernetes_has_nothing_to_judge() {
    let temp = tempfile::tempdir().unwrap();
    let output =
        program().arg("--root").arg(temp.path()).args(["--offline", "scan"]).output().unwrap();
    expect_code(&output, 3);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn wrong_usage_exits_2_and_says_what_to_do() {
    for (arguments, words) in [
        (&["scan", "--check", "1.x"][..], "1.x"),
        (&["scan", "--check", "9.9.9"], "9.9.9"),
        (&["scan", "--targets", "nodes"], "master, node"),
        (&["scan", "--benchmark", "cis-9"], "cis-2.0"),
        (&["apply"], "--check"),
        (&["apply", "/does/not/exist.json"], "exist.json"),
        (&["--offline", "scan"], "--root"),
        (&["rollback"], "--last"),
        (&["show", "nothing"], "nothing"),
        (&["--apply-safe", "scan"], "--apply-safe"),
        (&["--apply-safe", "--max-risk", "R1"], "--max-risk"),
        (&["apply", "--safe", "--max-risk", "R1"], "cannot be used with '--max-risk"),
    ] {
        let unpacked = Unpacked::new("kubeadm-1.36.2");
        let output = if arguments.contains(&"--offline") {
            program().args(arguments).output().unwrap()
        } else {
            unpacked.run(arguments)
        };
        expect_code(&output, 2);
        assert!(stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
    }
}

/// What `--apply-safe` closes on the fresh 1.36 control plane (`design/1-product.md`).
const SAFE: [&str; 5] = ["1.1.9", "1.3.2", "1.4.1", "4.1.1", "4.1.9"];

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn apply_safe_closes_exactly_the_safe_ids_and_rollback_all_restores_every_byte() {
    for (extra, mut ids) in [
        (&[][..], SAFE.to_vec()),
        (&["--allow-single"][..], {
            let mut ids = SAFE.to_vec();
            ids.push("1.2.15");
            ids
        }),
    ] {
        let node = Unpacked::new("kubeadm-1.36.2");
        let before = node.listing();
        let failing = with_status(&node.run(&["scan", "--format", "json"]), "FAIL");

        let mut arguments = vec!["--apply-safe"];
        arguments.extend(extra);
        expect_code(&node.run(&arguments), 0);

        let still = with_status(&node.run(&["scan", "--format", "json"]), "FAIL");
        let mut closed: Vec<&str> = failing
            .iter()
            .map(String::as_str)
            .filter(|id| !still.iter().any(|s| s == id))
            .collect();
        closed.sort_unstable();
        ids.sort_unstable();
        assert_eq!(closed, ids);
        assert_ne!(node.listing(), before);

        expect_code(&node.run(&["rollback", "--all", "--yes"]), 0);
        assert_eq!(node.listing(), before, "every byte, mode and owner is back");

        expect_code(&node.run(&["--apply-safe"]), 0);
        expect_code(&node.run(&["--apply-safe"]), 0);
        let history = stdout(&node.run(&["history"]));
        assert_eq!(history.lines().count(), 3, "nothing to do makes no transaction:\n{history}");
    }
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_kubeadm_upgrade_in_between_keeps_its_lines() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let fresh = node.text(SCHEDULER);
    expect_code(&node.run(&["--apply-safe"]), 0);
    let applied = node.text(SCHEDULER);
    assert!(applied.contains("--profiling=false"));

    let upgrade = |text: &str| {
        text.replace("v1.36.2", "v1.36.4").replace("failureThreshold: 24", "failureThreshold: 30")
    };
    node.write(SCHEDULER, upgrade(&applied));
    assert_ne!(upgrade(&applied), applied, "the upgrade changes something");

    let shown = node.run(&["rollback", "--all", "--dry-run"]);
    expect_code(&shown, 0);
    assert!(
        stdout(&shown).contains("---    - --profiling=false")
            || stdout(&shown).contains("-    - --profiling=false"),
        "{}",
        stdout(&shown)
    );
    expect_code(&node.run(&["rollback", "--all", "--yes"]), 0);
    assert_eq!(node.text(SCHEDULER), upgrade(&fresh), "our line went, the upgrade stayed");
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn one_control_of_a_transaction_can_be_rolled_back() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let fresh = node.text(MANIFEST);
    expect_code(&node.run(&["apply", "--check", "1.2.15,1.2.30", "--max-risk", "R3", "--yes"]), 0);
    let applied = node.listing();
    for limit in [&[][..], &["--max-restarts", "0", "--max-risk", "R3"]] {
        let output = node.run(&[&["rollback", "--check", "1.2.30", "--yes"], limit].concat());
        expect_code(&output, 20);
        let words = if limit.is_empty() { "--max-risk R3" } else { "--max-restarts allows 0" };
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
        assert_eq!(node.listing(), applied, "nothing was written");
    }
    expect_code(&node.run(&["rollback", "--check", "1.2.30", "--yes", "--max-risk", "R3"]), 0);
    let history = stdout(&node.run(&["history"]));
    assert!(history.contains("  partly undone by "), "{history}");
    let text = node.text(MANIFEST);
    assert!(text.contains("--profiling=false"), "{text}");
    assert!(!text.contains("extend-token"), "{text}");
    expect_code(&node.run(&["rollback", "--all", "--yes", "--max-risk", "R3"]), 0);
    assert_eq!(node.text(MANIFEST), fresh);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn the_risk_limit_and_the_missing_person_are_respected() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let before = node.listing();
    let output = node.run(&["apply", "--check", "1.2.30", "--yes"]);
    expect_code(&output, 20);
    assert!(stderr(&output).contains("--max-risk R3"), "{}", stderr(&output));
    let output = node.run(&["apply", "--check", "1.2.15"]);
    expect_code(&output, 2);
    assert!(stderr(&output).contains("--yes"), "{}", stderr(&output));
    let output = node.run(&["apply", "--check", "1.2.16", "--yes", "--max-risk", "R4"]);
    expect_code(&output, 20);
    assert_eq!(node.listing(), before);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn what_touches_data_or_quorum_is_asked_for_by_name_and_done_alone() {
    const ETCD: &str = "/etc/kubernetes/manifests/etcd.yaml";
    let node = Unpacked::new("kubeadm-1.36.2");
    let fresh = node.text(ETCD);
    let risky = fresh.replace("    - etcd\n", "    - etcd\n    - --auto-tls=true\n");
    assert_ne!(risky, fresh);
    node.write(ETCD, &risky);
    for arguments in [
        &["--apply-safe", "--allow-single"][..],
        &["apply", "--safe", "--allow-single", "--dry-run"],
    ] {
        let output = node.run(arguments);
        expect_code(&output, 0);
        let told = stdout(&output);
        assert!(told.contains("2.3") && told.contains("its risk here is R4"), "{told}");
        assert_eq!(node.text(ETCD), risky);
    }
    for (arguments, why) in [
        (&["--check", "2.3"][..], "--max-risk R4"),
        (&["--check", "2.3,1.2.11", "--max-risk", "R4"], "2.3 (R4) touches data or quorum"),
    ] {
        let output = node.run(&[&["apply", "--yes"], arguments].concat());
        expect_code(&output, 20);
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
        assert_eq!(node.text(ETCD), risky);
    }
    // On an image nothing runs that could be asked for a snapshot.
    expect_code(&node.run(&["apply", "--check", "2.3", "--max-risk", "R4", "--yes"]), 0);
    assert_eq!(node.text(ETCD), fresh);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn read_only_means_read_only() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let before = node.listing();
    for mut command in [node.command(&["--read-only", "--apply-safe"]), {
        let mut command = program();
        command.arg("--root").arg(node.root()).arg("--state-dir").arg(node.state());
        command.arg("--apply-safe");
        command
    }] {
        let output = command.output().unwrap();
        expect_code(&output, 20);
        assert_eq!(node.listing(), before);
        assert!(!node.state().exists(), "not even a state directory");
    }
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn another_user_may_not_write() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let before = node.listing();
    // The other user must reach the node's copy and the program.
    let top = node.root().parent().unwrap().to_owned();
    fs::set_permissions(&top, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let copy = top.join("kube-temper");
    copies::program(env!("CARGO_BIN_EXE_kube-temper"), &copy);
    let run = |arguments: &[&str]| {
        std::process::Command::new(&copy)
            .env_clear()
            .arg("--root")
            .arg(node.root())
            .args(["--offline", "--state-dir"])
            .arg(node.state())
            .args(arguments)
            .uid(65534)
            .gid(65534)
            .output()
            .unwrap()
    };
    let unknown = run(&["scan"]);
    expect_code(&unknown, 4);
    assert!(stderr(&unknown).contains("root"), "{}", stderr(&unknown));
    let scan = run(&["scan", "--benchmark", "cis-2.0", "--check", "4.1.9", "--format", "json"]);
    expect_code(&scan, 10);
    assert_eq!(statuses(&scan)["4.1.9"], "ERROR", "behind a folder that only root may enter");
    let output = run(&["apply", "--benchmark", "cis-2.0", "--check", "1.1.9", "--yes"]);
    expect_code(&output, 4);
    assert!(stderr(&output).contains("root"), "{}", stderr(&output));
    assert_eq!(node.listing(), before);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_second_run_is_told_who_holds_the_lock() {
    let node = Unpacked::new("kubeadm-1.36.2");
    expect_code(&node.run(&["--apply-safe"]), 0);
    let lock = fs::File::open(node.state().join("lock")).unwrap();
    let held = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusiveNonblock)
        .map_err(|(_, e)| e)
        .unwrap();
    let before = node.listing();
    let output = node.run(&["rollback", "--all", "--yes"]);
    expect_code(&output, 5);
    assert_eq!(node.listing(), before);
    drop(held);
    expect_code(&node.run(&["rollback", "--all", "--yes"]), 0);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn key_files_are_fixed_without_copying_a_byte_of_them() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let mut keys = Vec::new();
    for entry in walk(&node.path("/etc/kubernetes/pki")) {
        if entry.extension().is_some_and(|e| e == "key") {
            fs::write(&entry, "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0LWtleS1tYXRlcmlhbA==\n")
                .unwrap();
            fs::set_permissions(&entry, std::os::unix::fs::PermissionsExt::from_mode(0o644))
                .unwrap();
            keys.push(entry);
        }
    }
    assert!(keys.len() >= 8, "{keys:?}");
    let plan = node.state().with_file_name("plan.json");
    let outputs = [
        node.run(&["scan", "--format", "json", "-v"]),
        node.run(&["plan", "--check", "1.1.21", "-o", plan.to_str().unwrap()]),
        node.run(&["apply", plan.to_str().unwrap(), "--yes"]),
        node.run(&["show", "2"]),
    ];
    expect_code(&outputs[2], 0);
    for key in &keys {
        assert_eq!(fs::metadata(key).unwrap().mode() & 0o777, 0o600, "{}", key.display());
    }
    let mut written = fs::read(&plan).unwrap();
    for output in &outputs {
        written.extend(&output.stdout);
        written.extend(&output.stderr);
    }
    for file in walk(&node.state()) {
        written.extend(fs::read(file).unwrap());
    }
    let text = String::from_utf8_lossy(&written);
    assert!(text.contains("apiserver.key"), "the change itself is recorded");
    for secret in ["PRIVATE KEY", "c2VjcmV0LWtleS1tYXRlcmlhbA"] {
        assert!(!text.contains(secret), "{secret} leaked");
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn the_limit_on_restarts_holds_for_chosen_controls_too() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let before = node.listing();
    let arguments = ["apply", "--check", "1.3.2,1.4.1", "--max-restarts", "1", "--yes"];
    expect_code(&node.run(&arguments), 20);
    assert_eq!(node.listing(), before);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_roll_back_that_cannot_do_all_it_was_asked_writes_nothing() {
    let node = Unpacked::new("kubeadm-1.36.2");
    expect_code(&node.run(&["apply", "--check", "1.3.2,1.4.1", "--yes"]), 0);
    fs::remove_file(node.path(SCHEDULER)).unwrap();
    let before = node.listing();
    let output = node.run(&["rollback", "--last", "--yes"]);
    expect_code(&output, 20);
    let told = stderr(&output);
    assert!(told.contains("kube-scheduler.yaml no longer exists"), "{told}");
    assert!(told.contains("'kube-temper rollback --check 1.3.2'"), "{told}");
    assert_eq!(node.listing(), before, "nothing was written");
    assert!(!stdout(&node.run(&["history"])).contains("undone by"));
    expect_code(&node.run(&["rollback", "--check", "1.3.2", "--yes"]), 0);
    assert!(stdout(&node.run(&["history"])).contains("  partly undone by "));
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_file_with_a_second_name_is_not_separated_from_it() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let plan = node.state().with_file_name("plan.json");
    expect_code(&node.run(&["plan", "--check", "1.4.1", "-o", plan.to_str().unwrap()]), 0);
    let second = node.state().with_file_name("second.yaml");
    fs::hard_link(node.path(SCHEDULER), &second).unwrap();
    node.chmod(SCHEDULER, 0o644);
    let before = node.listing();
    for arguments in
        [&["apply", "--check", "1.4.1", "--yes"][..], &["apply", "--check", "1.4.1", "--dry-run"]]
    {
        let output = node.run(arguments);
        expect_code(&output, 20);
        assert!(stderr(&output).contains("1.4.1: /etc"), "{}", stderr(&output));
        assert!(stderr(&output).contains("has a second name"), "{}", stderr(&output));
        assert_eq!(node.listing(), before);
    }
    // Its mode belongs to both names, and changes for both.
    expect_code(&node.run(&["apply", "--check", "1.1.5", "--yes"]), 0);
    assert_eq!(fs::metadata(&second).unwrap().mode() & 0o777, 0o600);

    // A plan from before the second name.
    let before = node.listing();
    let output = node.run(&["apply", plan.to_str().unwrap(), "--yes"]);
    expect_code(&output, 20);
    assert!(stderr(&output).contains("has a second name"), "{}", stderr(&output));
    assert_eq!(node.listing(), before);

    // Everything else is fixed.
    let output = node.run(&["--apply-safe"]);
    expect_code(&output, 0);
    let shown = stdout(&output);
    assert!(
        shown.lines().any(|l| l.contains("1.4.1") && l.contains("has a second name")),
        "{shown}"
    );
    let scan = node.run(&["scan", "--format", "json"]);
    let failed = with_status(&scan, "FAIL");
    assert!(failed.contains(&"1.4.1".to_owned()), "{failed:?}");
    assert!(!failed.contains(&"1.3.2".to_owned()), "{failed:?}");

    fs::remove_file(&second).unwrap();
    expect_code(&node.run(&["apply", "--check", "1.4.1", "--yes"]), 0);
    fs::hard_link(node.path(SCHEDULER), &second).unwrap();
    let applied = node.listing();
    let output = node.run(&["rollback", "--last", "--yes"]);
    expect_code(&output, 20);
    assert!(stderr(&output).contains("has a second name"), "{}", stderr(&output));
    assert_eq!(node.listing(), applied);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_roll_back_shows_the_attribute_it_keeps() {
    let node = Unpacked::new("kubeadm-1.36.2");
    expect_code(&node.run(&["apply", "--check", "1.4.1", "--yes"]), 0);
    xattr::set(node.path(SCHEDULER), "user.x", b"theirs").unwrap();
    let shown = node.run(&["rollback", "--last", "--dry-run"]);
    expect_code(&shown, 0);
    let words = "kube-scheduler.yaml: extended attribute user.x was set since; kept";
    assert!(stdout(&shown).contains(words), "{}", stdout(&shown));
    expect_code(&node.run(&["rollback", "--last", "--yes"]), 0);
    assert_eq!(xattr::get(node.path(SCHEDULER), "user.x").unwrap().unwrap(), b"theirs");
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn commands_for_a_person_name_the_files_below_the_root() {
    let node = Unpacked::new("kubeadm-1.36.2");
    expect_code(&node.run(&["apply", "--check", "1.2.15", "--yes"]), 0);
    cut_the_journal(&node, 3);
    let edited = node.text(MANIFEST).replace("--allow-privileged=true", "--allow-privileged=false");
    node.write(MANIFEST, edited);
    let output = node.run(&["recover"]);
    expect_code(&output, 30);
    let path = node.path(MANIFEST);
    assert!(stdout(&output).contains(&format!(" {}", path.display())), "{}", stdout(&output));
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_stray_folder_among_the_transactions_stops_nothing() {
    let node = Unpacked::new("kubeadm-1.36.2");
    expect_code(&node.run(&["apply", "--check", "4.1.9", "--yes"]), 0);
    fs::create_dir(node.state().join("transactions").join("z".repeat(255))).unwrap();
    fs::create_dir(node.state().join("transactions").join("zzz")).unwrap();
    expect_code(&node.run(&["apply", "--check", "4.1.1", "--yes"]), 0);
    expect_code(&node.run(&["rollback", "--all", "--yes"]), 0);
}
