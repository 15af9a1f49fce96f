//! Shared by the tests that run the real program on real files: recorded nodes unpacked as root.

#![allow(dead_code, reason = "every test binary uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests touch their own temporary folders"
)]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A recorded node unpacked below a temporary folder, with a state directory beside it.
pub(crate) struct Unpacked {
    temp: tempfile::TempDir,
    name: String,
}

impl Unpacked {
    /// Unpacks `snapshots/nodes/<name>.tar.gz` with modes and owners. Needs root.
    pub(crate) fn new(name: &str) -> Self {
        require_root();
        let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("snapshots/nodes")
            .join(format!("{name}.tar.gz"));
        let temp = tempfile::tempdir().unwrap();
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(
            fs::File::open(&archive).unwrap_or_else(|e| panic!("{}: {e}", archive.display())),
        ));
        tar.set_preserve_permissions(true);
        tar.set_preserve_ownerships(true);
        tar.unpack(temp.path()).unwrap();
        Self { temp, name: name.to_owned() }
    }

    /// The node's root.
    pub(crate) fn root(&self) -> PathBuf {
        self.temp.path().join(&self.name)
    }

    /// A file of the node.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root().join(inside.trim_start_matches('/'))
    }

    /// Text of a file of the node.
    pub(crate) fn text(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap()
    }

    /// Overwrites a file of the node, keeping mode and owner.
    pub(crate) fn write(&self, inside: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(inside), text).unwrap();
    }

    /// Sets permission bits of a file of the node.
    pub(crate) fn chmod(&self, inside: &str, mode: u32) {
        fs::set_permissions(self.path(inside), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Where backups and journals go.
    pub(crate) fn state(&self) -> PathBuf {
        self.temp.path().join("state")
    }

    /// `kube-temper --root … --offline --state-dir … <arguments>`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The same, not yet run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.arg("--root").arg(self.root()).arg("--offline");
        command.arg("--state-dir").arg(self.state()).args(arguments);
        command
    }

    /// Everything below the root: path, kind, mode, owner, content or link target.
    pub(crate) fn listing(&self) -> BTreeMap<String, String> {
        listing(&self.root())
    }
}

/// The program under test, without the tester's environment.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kube-temper"));
    command.env_clear().env("LANG", "C.UTF-8").env("TERM", "xterm");
    command
}

/// Fails, rather than passing without testing anything.
pub(crate) fn require_root() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "this test changes owners: run it as root (CI does), or leave it out with `--skip`"
    );
}

/// Everything below a folder: path → kind, mode, owner and content.
pub(crate) fn listing(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if meta.is_dir() {
                folders.push(path.clone());
                "directory".to_owned()
            } else {
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
            };
            found.insert(
                path.strip_prefix(root).unwrap().display().to_string(),
                format!("{:o} {}:{} {content}", meta.mode(), meta.uid(), meta.gid()),
            );
        }
    }
    found
}

/// Exit code.
pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts the exit code, showing both streams when it differs.
#[track_caller]
pub(crate) fn expect_code(output: &Output, wanted: i32) {
    assert_eq!(
        code(output),
        wanted,
        "\n--- stdout\n{}\n--- stderr\n{}",
        stdout(output),
        stderr(output)
    );
}

/// `id → status` of a JSON scan.
pub(crate) fn statuses(output: &Output) -> BTreeMap<String, String> {
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            (f["control"].as_str().unwrap().to_owned(), f["status"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// Ids with this status, in the order of the benchmark's text.
pub(crate) fn with_status(output: &Output, status: &str) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["status"] == status)
        .map(|f| f["control"].as_str().unwrap().to_owned())
        .collect()
}

/// Takes the last records of the only transaction's journal away, as if its process had died before.
pub(crate) fn cut_the_journal(node: &Unpacked, records: usize) {
    let folder = fs::read_dir(node.state().join("transactions")).unwrap().next().unwrap().unwrap();
    let journal = folder.path().join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let kept: Vec<&str> = text.lines().collect();
    fs::write(&journal, format!("{}\n", kept[..kept.len() - records].join("\n"))).unwrap();
}
