//! The unit that recovers at boot: its keys are what systemd knows, and say what the design says.

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

use std::{fs, path::Path, process::Command};

const UNIT: &str = "packaging/systemd/kube-temper-recover.service";

fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(UNIT)).unwrap()
}

/// Section, key and value of each line.
fn settings(text: &str) -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_owned();
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
        found.push((section.clone(), key.to_owned(), value.to_owned()));
    }
    found
}

#[test]
fn it_recovers_before_the_kubelet_starts_and_only_where_something_was_changed() {
    let wanted = [
        (
            "Unit",
            "Description",
            "kube-temper: recover an interrupted change before the kubelet starts",
        ),
        ("Unit", "ConditionPathExists", "/var/lib/kube-temper/transactions"),
        ("Unit", "RequiresMountsFor", "/var/lib/kube-temper /etc/kubernetes /var/lib/kubelet"),
        ("Unit", "After", "local-fs.target"),
        ("Unit", "Before", "kubelet.service"),
        ("Service", "Type", "oneshot"),
        ("Service", "ExecStart", "/usr/bin/kube-temper --no-input recover --boot"),
        ("Service", "SuccessExitStatus", "5"),
        ("Service", "TimeoutStartSec", "60s"),
        ("Install", "WantedBy", "kubelet.service multi-user.target"),
    ];
    let found = settings(&text());
    let found: Vec<(&str, &str, &str)> =
        found.iter().map(|(s, k, v)| (s.as_str(), k.as_str(), v.as_str())).collect();
    assert_eq!(found, wanted);
}

#[test]
fn its_command_is_one_this_program_understands() {
    let settings = settings(&text());
    let (_, _, line) = settings.iter().find(|(_, key, _)| key == "ExecStart").unwrap();
    let words: Vec<&str> = line.split(' ').skip(1).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_kube-temper"))
        .args(&words)
        .args(["--state-dir", "/none/such", "--read-only"])
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(20), "{said}");
    assert!(said.contains("--read-only was given"), "{said}");
}

/// systemd's own judgement, where systemd is installed; the test above holds everywhere.
#[test]
#[allow(clippy::print_stderr, reason = "what is left out is said")]
fn systemd_finds_nothing_wrong_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("kube-temper-recover.service");
    // The program is not installed where the package puts it.
    fs::write(&unit, text().replace("/usr/bin/kube-temper", env!("CARGO_BIN_EXE_kube-temper")))
        .unwrap();
    match Command::new("systemd-analyze").arg("verify").arg(&unit).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{said}");
        }
        Err(error) => {
            eprintln!(
                "left out: systemd-analyze cannot be run here ({error}); its keys are compared above"
            );
        }
    }
}
