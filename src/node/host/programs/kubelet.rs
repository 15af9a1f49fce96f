//! A kubelet that reads its configuration and goes no further.
//!
//! Without kubeconfig and with a runtime socket that is not there it loads and checks everything, and then
//! always ends with 1 (`facts` 3.3, measured; before it touches control groups or kernel settings). What it
//! says last tells how far it came. Paths in the configuration must be absolute, as kubeadm writes them: the
//! kubelet resolves others beside the file, and what it reads here is a copy.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::arguments::reason;
use crate::{
    model::FileKind,
    node::{Files, NodeError, Trial, host::run::last_line},
    text::flags,
};

/// Largest configuration file, in bytes.
const LIMIT: u64 = 10 << 20;

/// Deepest folder of drop-ins.
const DEEPEST: usize = 16;

/// Said only when all of the configuration was taken.
const TAKEN: [&str; 2] =
    ["no client provided, cannot use webhook authentication", "validate CRI v1 runtime API"];

/// Said when the configuration holds what this kubelet does not know.
const LENIENT: &str = "Using lenient decoding as strict decoding failed";

/// A folder that goes with everything in it.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes it anew: only who holds the lock of the state directory tries programs.
    pub(super) fn make(path: PathBuf) -> io::Result<Self> {
        remove(&path)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a text below it, with the folders on the way.
    fn write(&self, name: &str, text: &[u8]) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "our own temporary copy, not a file of the node"
        )]
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is removed when the next one is made.
        let _ = remove(&self.0);
    }
}

fn remove(path: &Path) -> io::Result<()> {
    #[allow(
        clippy::disallowed_methods,
        reason = "our own temporary folder, and links are not followed"
    )]
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a kubelet is tried with.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) args: Vec<String>,
    pub(super) env: Vec<String>,
}

/// Copies the configuration these arguments name into `folder`, with `files` in place of what is on the
/// disk, and says how the kubelet is to be started to read it.
pub(super) fn prepare(
    node: &dyn Files,
    folder: &Folder,
    args: &[String],
    files: &BTreeMap<String, String>,
) -> Result<Tried, String> {
    let copied = |error: io::Error| format!("its configuration cannot be copied: {error}");
    let unread = |error: NodeError| error.to_string();
    let given = |flag: &str| flags::value(args, flag).filter(|value| !value.is_empty());
    let mut tried = flags::without(args, |name| {
        matches!(
            name,
            "config"
                | "config-dir"
                | "kubeconfig"
                | "bootstrap-kubeconfig"
                | "root-dir"
                | "cert-dir"
                | "container-runtime-endpoint"
                | "lock-file"
                | "exit-on-lock-contention"
                | "v"
        )
    });
    let mut env = Vec::new();
    if let Some(path) = given("config") {
        let text = match files.get(&path) {
            Some(text) => Some(text.clone().into_bytes()),
            None => present(node.read(&path, LIMIT)).map_err(unread)?,
        };
        // A file that is missing is for the kubelet to miss.
        let path = match text {
            Some(text) => {
                folder.write("config.yaml", &text).map_err(copied)?.to_string_lossy().into_owned()
            }
            None => path,
        };
        tried.push(format!("--config={path}"));
    }
    if let Some(dir) = given("config-dir") {
        let dir = dir.trim_end_matches('/');
        let mut texts = BTreeMap::new();
        drop_ins(node, dir, 0, &mut texts).map_err(unread)?;
        texts.extend(files.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())));
        let below = texts
            .iter()
            .filter_map(|(path, text)| Some((path.strip_prefix(dir)?.strip_prefix('/')?, text)));
        for (name, text) in below.filter(|(name, _)| is_drop_in(name)) {
            folder.write(&format!("drop-ins/{name}"), text).map_err(copied)?;
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder.path().join("drop-ins"))
            .map_err(copied)?;
        tried.push(format!("--config-dir={}", folder.path().join("drop-ins").display()));
        // 1.28 and 1.29 refuse the flag without it, later ones do not look.
        env.push("KUBELET_CONFIG_DROPIN_DIR_ALPHA=true".to_owned());
    }
    tried.extend([
        format!("--root-dir={}", folder.path().join("root").display()),
        format!("--cert-dir={}", folder.path().join("certificates").display()),
        "--container-runtime-endpoint=unix:///nonexistent".to_owned(),
        "-v=5".to_owned(),
    ]);
    Ok(Tried { args: tried, env })
}

fn present<T>(read: Result<T, NodeError>) -> Result<Option<T>, NodeError> {
    match read {
        Err(error) if error.is_not_found() => Ok(None),
        read => read.map(Some),
    }
}

/// The kubelet reads these names only.
fn is_drop_in(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "conf")
}

/// Every `*.conf` below a folder.
fn drop_ins(
    node: &dyn Files,
    dir: &str,
    depth: usize,
    into: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), NodeError> {
    let Some(entries) = present(node.list(dir))? else { return Ok(()) };
    for entry in entries {
        let path = format!("{dir}/{}", entry.name);
        match entry.kind {
            FileKind::Directory if depth < DEEPEST => {
                drop_ins(node, &path, depth + 1, into)?;
            }
            FileKind::Directory => {}
            _ if is_drop_in(&path) => {
                into.extend(present(node.read(&path, LIMIT))?.map(|text| (path, text)));
            }
            _ => {}
        }
    }
    Ok(())
}

/// How far the kubelet came.
pub(super) fn judge(code: Option<i32>, output: &str) -> Trial {
    if TAKEN.iter().any(|words| output.contains(words)) {
        let lenient = output.lines().find(|line| line.contains(LENIENT));
        let note = lenient.map(|line| {
            format!(
                "the kubelet does not know all of it, and ignores the rest: {}",
                last_line(line)
            )
        });
        return Trial::Accepted { note };
    }
    let why = reason(output);
    match code {
        // Root without its power to read everything is not the kubelet.
        _ if output.contains("permission denied") => {
            Trial::untried(format!("confined, it says: {why}"))
        }
        Some(1) if !why.is_empty() => Trial::rejected(why),
        Some(code) => Trial::untried(format!("the kubelet ended with {code}: {why}")),
        None => Trial::untried("the kubelet was ended by a signal"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests look at the copies from outside")]

    use super::*;
    use crate::node::memory::MemoryFiles;

    #[test]
    fn how_far_it_came_is_read_from_its_last_words() {
        let run = |err: &str| {
            format!("I1124 server.go:1] \"x\"\nE1124 run.go:72] \"command failed\" err=\"{err}\"\n")
        };
        let webhook = run("no client provided, cannot use webhook authentication");
        let runtime = run(
            "failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint \\\"unix:///nonexistent\\\": rpc error",
        );
        let lenient = format!(
            "W1124 server.go:9] \"Using lenient decoding as strict decoding failed\" err=\"unknown field \\\"x\\\"\"\n{webhook}"
        );
        let accepted = Trial::accepted();
        assert_eq!(judge(Some(1), &webhook), accepted);
        assert_eq!(judge(Some(1), &runtime), accepted);
        let Trial::Accepted { note: Some(note) } = judge(Some(1), &lenient) else {
            panic!("a lenient reading has a note")
        };
        assert!(note.starts_with("the kubelet does not know all of it, and ignores"), "{note}");
        assert!(note.contains("unknown field"), "{note}");
        for err in [
            "failed to parse kubelet flag: unknown flag: --x",
            "failed to load kubelet config file, path: /x, error: json: cannot unmarshal",
            "failed to validate kubelet configuration, error: invalid configuration: podPidsLimit",
            "Cipher suite X not supported or doesn't exist",
            "open /etc/kubernetes/pki/none.crt: no such file or directory",
        ] {
            let Trial::Rejected { why } = judge(Some(1), &run(err)) else { panic!("{err}") };
            assert!(why.contains(err), "{why}");
        }
        let denied = judge(Some(1), &run("open /etc/x: permission denied"));
        assert!(matches!(&denied, Trial::Untried { why } if why.contains("/etc/x")), "{denied:?}");
        for (code, output) in [(Some(2), "panic"), (Some(0), "ok"), (None, ""), (Some(1), "")] {
            assert!(matches!(judge(code, output), Trial::Untried { .. }), "{code:?} {output}");
        }
    }

    #[test]
    fn it_is_given_a_copy_and_nothing_it_could_reach() {
        let node = MemoryFiles::new()
            .with_file("/var/lib/kubelet/config.yaml", 0o600, "old")
            .with_file("/etc/kubelet.d/10.conf", 0o600, "ten")
            .with_file("/etc/kubelet.d/sub/20.conf", 0o600, "twenty")
            .with_file("/etc/kubelet.d/readme", 0o600, "no");
        let top = tempfile::tempdir().unwrap();
        let place = top.path().join("dry-run");
        fs::create_dir(&place).unwrap();
        fs::write(place.join("left"), "from an earlier run").unwrap();
        let folder = Folder::make(place.clone()).unwrap();
        let args: Vec<String> = "kubelet --bootstrap-kubeconfig=/a --kubeconfig /b --config=/var/lib/kubelet/config.yaml --config-dir=/etc/kubelet.d/ --container-runtime-endpoint=unix:///run/x --root-dir=/y --lock-file=/z --node-ip=10.0.0.1 --v=2"
            .split(' ')
            .map(str::to_owned)
            .collect();
        let files = BTreeMap::from([
            ("/var/lib/kubelet/config.yaml".to_owned(), "new".to_owned()),
            ("/etc/kubelet.d/30.conf".to_owned(), "thirty".to_owned()),
            ("/etc/kubernetes/manifests/x.yaml".to_owned(), "other".to_owned()),
        ]);
        let tried = prepare(&node, &folder, &args, &files).unwrap();
        let at = place.display();
        let want = format!(
            "kubelet --node-ip=10.0.0.1 --config={at}/config.yaml --config-dir={at}/drop-ins --root-dir={at}/root --cert-dir={at}/certificates --container-runtime-endpoint=unix:///nonexistent -v=5"
        );
        assert_eq!(tried.args.join(" "), want);
        assert_eq!(tried.env, ["KUBELET_CONFIG_DROPIN_DIR_ALPHA=true"]);
        let text = |name: &str| fs::read_to_string(place.join(name)).ok();
        assert_eq!(text("config.yaml").as_deref(), Some("new"));
        assert_eq!(text("drop-ins/10.conf").as_deref(), Some("ten"));
        assert_eq!(text("drop-ins/sub/20.conf").as_deref(), Some("twenty"));
        assert_eq!(text("drop-ins/30.conf").as_deref(), Some("thirty"));
        assert_eq!((text("left"), text("drop-ins/readme")), (None, None));
        drop(folder);
        assert!(!place.exists());
    }

    #[test]
    fn a_missing_file_is_for_the_kubelet_to_miss() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::make(top.path().join("dry-run")).unwrap();
        let args = ["kubelet".to_owned(), "--config=/none".to_owned()];
        let tried = prepare(&MemoryFiles::new(), &folder, &args, &BTreeMap::new()).unwrap();
        assert_eq!(tried.args.get(1).map(String::as_str), Some("--config=/none"));
        assert!(tried.env.is_empty());
    }
}
