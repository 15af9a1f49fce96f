//! Broken input of every kind, each with its documented outcome, and nothing written.

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

use std::{fs, os::unix::fs::symlink, path::PathBuf};

use common::{Unpacked, expect_code, program, statuses, stderr, stdout};

const SCHEDULER: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml";
const KUBELET: &str = "/var/lib/kubelet/config.yaml";

/// Breaks the scheduler's manifest, then: the scan goes on with `status` for 1.4.1, everything else
/// is judged as before, and a fix for it is refused with these words and nothing written.
#[track_caller]
fn broken_manifest(break_it: impl FnOnce(&Unpacked), status: &str, words: &str) {
    let node = Unpacked::new("kubeadm-1.36.2");
    break_it(&node);
    let before = node.listing();

    let scan = node.run(&["scan", "--format", "json"]);
    expect_code(&scan, 10);
    assert_eq!(stderr(&scan), "");
    let found = statuses(&scan);
    assert_eq!(found["1.4.1"], status);
    assert_eq!(found["1.3.2"], "FAIL", "the other components are judged as ever");
    assert_eq!(found.iter().filter(|(id, _)| !id.starts_with("KT-")).count(), 131);

    let apply = node.run(&["apply", "--check", "1.4.1", "--yes"]);
    expect_code(&apply, 20);
    assert!(stderr(&apply).contains(words), "{}", stderr(&apply));
    assert_eq!(node.listing(), before, "nothing was written");
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_manifest_that_is_not_yaml() {
    broken_manifest(
        |node| node.write(SCHEDULER, "kind: [Pod\n\t:"),
        "ERROR",
        "kube-scheduler.yaml",
    );
}

/// The parser panics at it; that is caught, and nobody hears of it.
#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_manifest_that_one_reader_gives_up_on() {
    broken_manifest(
        |node| node.write(SCHEDULER, "kind: Pod\nspec: [!!str, a]\n"),
        "ERROR",
        "not understood",
    );
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_manifest_that_is_empty() {
    broken_manifest(|node| node.write(SCHEDULER, ""), "ERROR", "empty");
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_manifest_that_is_not_utf8() {
    broken_manifest(|node| node.write(SCHEDULER, [0x66, 0xff, 0xfe]), "ERROR", "UTF-8");
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_manifest_of_twenty_megabytes() {
    broken_manifest(
        |node| node.write(SCHEDULER, "# padding\n".repeat(2 * 1024 * 1024)),
        "ERROR",
        "larger than",
    );
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_manifest_that_is_a_directory() {
    broken_manifest(
        |node| {
            fs::remove_file(node.path(SCHEDULER)).unwrap();
            fs::create_dir(node.path(SCHEDULER)).unwrap();
        },
        "ERROR",
        "kube-scheduler.yaml",
    );
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_manifest_that_is_a_link_out_of_the_root() {
    broken_manifest(
        |node| {
            let outside = node.state().with_file_name("outside.yaml");
            fs::copy(node.path(SCHEDULER), &outside).unwrap();
            fs::remove_file(node.path(SCHEDULER)).unwrap();
            // Inside the root this target does not exist: the link is followed there, never outside.
            symlink(&outside, node.path(SCHEDULER)).unwrap();
        },
        "ERROR",
        "kube-scheduler.yaml",
    );
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_manifest_with_two_documents_is_judged_by_the_first_and_not_edited() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let text = node.text(SCHEDULER);
    node.write(SCHEDULER, format!("{text}---\n{text}"));
    let before = node.listing();
    let apply = node.run(&["apply", "--check", "1.4.1", "--yes"]);
    expect_code(&apply, 20);
    assert!(stderr(&apply).contains("document"), "{}", stderr(&apply));
    assert_eq!(node.listing(), before);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_manifest_with_anchors_and_aliases_in_the_command_is_not_edited() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let text = node.text(SCHEDULER).replace("  - command:\n", "  - command: &flags\n");
    node.write(SCHEDULER, &text);
    assert!(text.contains("&flags"));
    let before = node.listing();
    assert_eq!(statuses(&node.run(&["scan", "--format", "json"]))["1.4.1"], "FAIL");
    let apply = node.run(&["apply", "--check", "1.4.1", "--yes"]);
    expect_code(&apply, 20);
    assert!(stderr(&apply).contains("anchor"), "{}", stderr(&apply));
    assert_eq!(node.listing(), before);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_kubelet_config_is_read_as_kubernetes_reads_it() {
    for (word, status) in
        [("off", "PASS"), ("no", "PASS"), ("n", "PASS"), ("on", "FAIL"), ("yes", "FAIL")]
    {
        let node = Unpacked::new("kubeadm-1.36.2");
        let text = node.text(KUBELET).replacen("enabled: false", &format!("enabled: {word}"), 1);
        node.write(KUBELET, text);
        let found = statuses(&node.run(&["scan", "--format", "json"]));
        assert_eq!(found["4.2.1"], status, "enabled: {word}");
    }
    // Plain 0600 is the octal number 384, so a limit of 0600 process ids is a limit.
    let node = Unpacked::new("kubeadm-1.36.2");
    node.write(KUBELET, format!("{}podPidsLimit: 0600\n", node.text(KUBELET)));
    let scan = node.run(&["scan", "--format", "json", "--check", "4.2.13"]);
    assert_eq!(statuses(&scan)["4.2.13"], "PASS");
    assert!(stdout(&scan).contains("384"), "{}", stdout(&scan));
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn duplicate_keys_are_found_and_the_last_one_wins() {
    let node = Unpacked::new("kubeadm-1.36.2");
    node.write(KUBELET, format!("{}rotateCertificates: false\n", node.text(KUBELET)));
    let found = statuses(&node.run(&["scan", "--format", "json"]));
    assert_eq!(found["4.2.10"], "FAIL", "the second rotateCertificates is the one in force");
    assert!(found.keys().any(|id| id.starts_with("KT-")), "{found:?}");
    let before = node.listing();
    let apply = node.run(&["apply", "--check", "4.2.10", "--yes"]);
    expect_code(&apply, 20);
    assert_eq!(node.listing(), before);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_kubelet_config_that_is_not_yaml() {
    let node = Unpacked::new("kubeadm-1.36.2");
    node.write(KUBELET, "authentication: [\n");
    let before = node.listing();
    let found = statuses(&node.run(&["scan", "--format", "json"]));
    assert_eq!(found["4.2.1"], "ERROR");
    assert_eq!(found["1.2.15"], "FAIL");
    expect_code(&node.run(&["apply", "--check", "4.2.14", "--max-risk", "R4", "--yes"]), 20);
    assert_eq!(node.listing(), before);
}

/// Applies the safe fixes and returns the node with the journal of that transaction.
fn applied() -> (Unpacked, PathBuf) {
    let node = Unpacked::new("kubeadm-1.36.2");
    expect_code(&node.run(&["--apply-safe"]), 0);
    let folder = fs::read_dir(node.state().join("transactions")).unwrap().next().unwrap().unwrap();
    (node, folder.path())
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_torn_journal_line_is_recovered() {
    let (node, folder) = applied();
    let journal = folder.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let whole = text.trim_end().rfind('\n').unwrap();
    fs::write(&journal, &text[..whole + 20]).unwrap();

    let scan = node.run(&["scan", "--check", "1.4.1"]);
    assert!(stderr(&scan).contains("recover"), "{}", stderr(&scan));
    let refused = node.run(&["apply", "--check", "1.2.15", "--yes"]);
    expect_code(&refused, 20);
    assert!(stderr(&refused).contains("recover"), "{}", stderr(&refused));
    expect_code(&node.run(&["recover"]), 0);
    expect_code(&node.run(&["apply", "--check", "1.2.15", "--yes"]), 0);
    let again = node.run(&["recover"]);
    assert!(stdout(&again).contains("nothing to recover"));
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_corrupted_journal_is_named_and_nothing_is_written_by_it() {
    let (node, folder) = applied();
    let journal = folder.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[2] = "{ this is not a record }";
    fs::write(&journal, format!("{}\n", lines.join("\n"))).unwrap();
    let before = node.listing();

    let history = node.run(&["history"]);
    expect_code(&history, 0);
    assert!(stdout(&history).contains("damaged"), "{}", stdout(&history));
    assert!(stdout(&history).contains("line 3"), "{}", stdout(&history));
    let rollback = node.run(&["rollback", "--all", "--yes"]);
    expect_code(&rollback, 20);
    assert!(stderr(&rollback).contains("journal"), "{}", stderr(&rollback));
    assert_eq!(node.listing(), before);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_corrupted_backup_is_never_put_back() {
    let (node, folder) = applied();
    let mut spoiled = 0;
    for entry in fs::read_dir(folder.join("backup")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        if bytes.windows(4).any(|w| w == b"Pod\n") {
            fs::write(&path, [&bytes[..], b"# spoiled\n"].concat()).unwrap();
            spoiled += 1;
        }
    }
    assert!(spoiled > 0, "there was a manifest in the backup");
    let before = node.listing();
    let rollback = node.run(&["rollback", "--all", "--yes"]);
    expect_code(&rollback, 20);
    assert!(stderr(&rollback).contains("backup"), "{}", stderr(&rollback));
    assert_eq!(node.listing(), before);
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn offline_is_refused_on_the_running_system() {
    common::require_root();
    let output = program().args(["--root", "/", "--offline", "--apply-safe"]).output().unwrap();
    expect_code(&output, 20);
    assert!(stderr(&output).contains("running"), "{}", stderr(&output));
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn offline_is_refused_on_a_bind_mount_of_the_running_system() {
    use nix::{
        mount::{MsFlags, mount},
        sched::{CloneFlags, unshare},
    };
    common::require_root();
    let temp = tempfile::tempdir().unwrap();
    // The mount lives in this thread's own mount namespace and ends with it.
    let output = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
                mount(
                    None::<&str>,
                    "/",
                    None::<&str>,
                    MsFlags::MS_REC | MsFlags::MS_PRIVATE,
                    None::<&str>,
                )
                .unwrap();
                mount(
                    Some("/"),
                    temp.path(),
                    None::<&str>,
                    MsFlags::MS_BIND | MsFlags::MS_REC,
                    None::<&str>,
                )
                .unwrap();
                program()
                    .arg("--root")
                    .arg(temp.path())
                    .args(["--offline", "--apply-safe"])
                    .output()
                    .unwrap()
            })
            .join()
            .unwrap()
    });
    expect_code(&output, 20);
    assert!(stderr(&output).contains("running"), "{}", stderr(&output));
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn remediations_of_ones_own_are_checked_with_file_and_line() {
    let temp = tempfile::tempdir().unwrap();
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("remediations");
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, temp.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let node = Unpacked::new("kubeadm-1.36.2");
    let folder = temp.path().to_str().unwrap();
    expect_code(&node.run(&["--remediations", folder, "scan"]), 10);

    let spoiled = temp.path().join("1.4-scheduler.yaml");
    let text = fs::read_to_string(&spoiled).unwrap();
    fs::write(&spoiled, text.replacen("    level:", "    lvel:", 1)).unwrap();
    let output = node.run(&["--remediations", folder, "scan"]);
    expect_code(&output, 2);
    assert!(stderr(&output).contains("1.4-scheduler.yaml:"), "{}", stderr(&output));
    assert!(stderr(&output).contains("lvel"), "{}", stderr(&output));
}

/// What must reach no terminal: a character that is not seen, other than a line break.
fn hidden(output: &std::process::Output) -> Vec<char> {
    let text = format!("{}{}", stdout(output), stderr(output));
    let hidden = |c: &char| kube_temper::text::printable::is_hidden(*c) && *c != '\n';
    text.chars().filter(hidden).collect()
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn nothing_on_the_node_commands_the_terminal_or_turns_a_line_around() {
    const ELECT: &str = "    - --leader-elect";
    let node = Unpacked::new("kubeadm-1.36.2");
    let manifest = node.text(SCHEDULER).replace(
        ELECT,
        &format!(
            "    # \u{202e}eurt=\u{202c}\u{200b}\n    - \"--profiling=on\\e[2J\\u202e\\n    wanted  nothing\"\n{ELECT}"
        ),
    );
    node.write(SCHEDULER, &manifest);
    let key = node.path("/etc/kubernetes/pki/a\u{1b}]0;b\u{7}\u{2066}c\n.key");
    fs::write(&key, "").unwrap();
    node.chmod("/etc/kubernetes/pki/a\u{1b}]0;b\u{7}\u{2066}c\n.key", 0o644);

    let run = |arguments: &[&str], code, shown: &[&str]| {
        let output = node.run(arguments);
        expect_code(&output, code);
        assert_eq!(hidden(&output), [], "{arguments:?}");
        let text = format!("{}{}", stdout(&output), stderr(&output));
        for shown in shown {
            assert!(text.contains(shown), "{arguments:?} shows no {shown}:\n{text}");
        }
    };
    let flag = r"--profiling=on\u{1b}[2J\u{202e}\n    wanted  nothing";
    let name = r"pki/a\u{1b}]0;b\u{7}\u{2066}c\n.key";
    run(&["scan", "-v"], 10, &[flag, name]);
    let comment = r"# \u{202e}eurt=\u{202c}\u{200b}";
    let told = r"shown as \u{...}, and written unchanged";
    run(&["plan", "--check", "1.4.1,1.1.21"], 0, &[comment, told, name]);
    run(&["apply", "--check", "1.4.1,1.1.21", "--yes"], 0, &[comment, told, name]);
    run(&["history"], 0, &["1.4.1"]);
    run(&["show", "2"], 0, &[comment, told, name]);
    run(&["rollback", "--last", "--dry-run"], 0, &[comment, told, name]);

    let written = node.text(SCHEDULER);
    assert!(written.contains("# \u{202e}eurt=\u{202c}\u{200b}\n"), "{written:?}");
    expect_code(&node.run(&["rollback", "--last", "--yes"]), 0);
    assert_eq!(node.text(SCHEDULER), manifest);

    fs::remove_file(&key).unwrap();
    node.write(KUBELET, "kind: \u{202e}[\n");
    run(&["apply", "--check", "4.2.14", "--yes"], 20, &[]);
    run(&["apply", "/no\u{1b}[2J\u{202e}.json"], 2, &[r"/no\u{1b}[2J\u{202e}.json"]);
}
