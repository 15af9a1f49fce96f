//! Opens what a command line names: the node, the remediations, plan files.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::args::Global;
use crate::{
    catalog::Catalog,
    cluster::{self, Reader, simulated::SimCluster},
    engine::{Engine, EngineError, Settings},
    model::{FileKind, FileMeta},
    node::{
        Files, Node, NodeError, OpenError, atomic,
        host::{DirFiles, HostNode, ProcessKeeper},
        offline::OfflineNode,
        recording,
        sim::SimNode,
    },
};

/// Larger than any plan or remediations file.
const LIMIT: u64 = 64 << 20;

/// How many times faster than on a real node time passes in the demo.
const DEMO_HURRY: u32 = 10;

/// The engine for the node the options name.
pub(super) fn engine(global: &Global) -> anyhow::Result<Engine> {
    let state_dir = global.state_dir.as_deref();
    let node: Arc<dyn Node> = match (&global.root, global.offline) {
        (None, _) => Arc::new(HostNode::open(state_dir)?.kept_by(keeper(global)?)),
        (Some(root), true) => {
            let node = OfflineNode::open(root, state_dir).map_err(refused)?;
            Arc::new(if global.guarded { node.kept_by(keeper(global)?) } else { node })
        }
        (Some(root), false) => Arc::new(OfflineNode::read_only(root, state_dir).map_err(refused)?),
    };
    with(node, global)
}

/// The engine for this machine while it starts.
pub(super) fn engine_at_boot(global: &Global) -> anyhow::Result<Engine> {
    let node = HostNode::open(global.state_dir.as_deref())?.kept_by(keeper(global)?).at_boot();
    with(Arc::new(node), global)
}

fn with(node: Arc<dyn Node>, global: &Global) -> anyhow::Result<Engine> {
    let catalog = catalog(global.remediations.as_deref())?;
    let engine = Engine::new(node, Arc::new(catalog), settings(global));
    let reader = global.kubeconfig.as_deref().map(reader).transpose()?;
    Ok(engine.reading(reader))
}

fn settings(global: &Global) -> Settings {
    Settings { benchmark: global.benchmark, read_only: global.read_only }
}

/// The cluster of a kubeconfig the user named.
fn reader(path: &Path) -> anyhow::Result<Arc<dyn Reader>> {
    let path = inside_root(path)?;
    let usage = |error: String| EngineError::Usage(format!("--kubeconfig: {error}"));
    let bytes = DirFiles::read_only(Path::new("/"))?
        .read(&path, LIMIT)
        .map_err(|error| usage(error.to_string()))?;
    Ok(cluster::reader_of_kubeconfig(&path, &bytes).map_err(|error| usage(error.to_string()))?)
}

/// Starts this program again for the same node.
fn keeper(global: &Global) -> anyhow::Result<ProcessKeeper> {
    let mut arguments: Vec<OsString> = Vec::new();
    let places = [
        ("--root", &global.root),
        ("--state-dir", &global.state_dir),
        ("--remediations", &global.remediations),
    ];
    for (option, path) in places {
        if let Some(path) = path {
            arguments.extend([option.into(), absolute(path)?.into()]);
        }
    }
    let switches = [("--offline", global.offline), ("--guarded", global.guarded)];
    arguments.extend(switches.iter().filter(|(_, given)| *given).map(|(switch, _)| switch.into()));
    Ok(ProcessKeeper::of_this_program(arguments)?)
}

fn refused(error: OpenError) -> EngineError {
    match error {
        OpenError::Running { .. } => EngineError::Refused(error.to_string()),
        OpenError::Node(error) if error.is_not_found() => EngineError::Usage(error.to_string()),
        OpenError::Node(error) => EngineError::Node(error),
    }
}

/// The engine on the built-in recorded node with a simulated kubelet, and on the recorded cluster around it.
pub(super) fn demo(global: &Global) -> anyhow::Result<Engine> {
    let node = Arc::new(SimNode::demo(&recording::KUBEADM_1_36_2, DEMO_HURRY)?);
    let cluster = Arc::new(SimCluster::new(Arc::clone(&node)));
    let catalog = Catalog::embedded().map_err(EngineError::from)?;
    let engine = Engine::new(node, Arc::new(catalog), settings(global));
    Ok(engine.in_cluster(Some(cluster.clone())).reading(Some(cluster)))
}

fn catalog(folder: Option<&Path>) -> Result<Catalog, EngineError> {
    let Some(folder) = folder else { return Ok(Catalog::embedded()?) };
    let folder = absolute(folder)?;
    let usage = |error: NodeError| EngineError::Usage(format!("--remediations: {error}"));
    let files = DirFiles::read_only(&folder).map_err(usage)?;
    let mut texts = Vec::new();
    for entry in files.list("/").map_err(usage)? {
        if Path::new(&entry.name).extension().is_some_and(|extension| extension == "yaml") {
            let text = utf8(files.read(&format!("/{}", entry.name), LIMIT).map_err(usage)?);
            let text = text.map_err(|why| EngineError::Usage(format!("{}: {why}", entry.name)))?;
            texts.push((entry.name, text));
        }
    }
    Ok(Catalog::parse(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))?)
}

/// Text of a file the user named.
pub(super) fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = DirFiles::read_only(Path::new("/"))?.read(&inside_root(path)?, LIMIT)?;
    utf8(bytes).map_err(anyhow::Error::msg)
}

fn utf8(bytes: Vec<u8>) -> Result<String, &'static str> {
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")
}

/// Writes a file the user named, mode 0600, whole or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let meta = FileMeta {
        mode: 0o600,
        uid: nix::unistd::geteuid().as_raw(),
        gid: nix::unistd::getegid().as_raw(),
        xattrs: std::collections::BTreeMap::new(),
    };
    let name = inside_root(path)?;
    let usage = |error: NodeError| EngineError::Usage(format!("{}: {error}", path.display()));
    let files = DirFiles::open(Path::new("/"))?;
    if files.lstat(&name).map_err(usage)?.is_some_and(|stat| stat.kind != FileKind::File) {
        return Err(EngineError::Usage(format!(
            "{} exists and is not a regular file: name a new one",
            path.display()
        ))
        .into());
    }
    atomic::replace(&files, &name, text.as_bytes(), &meta).map_err(usage)?;
    Ok(())
}

fn inside_root(path: &Path) -> anyhow::Result<String> {
    Ok(absolute(path)?.to_string_lossy().into_owned())
}

fn absolute(path: &Path) -> Result<PathBuf, EngineError> {
    std::path::absolute(path)
        .map_err(|error| EngineError::Usage(format!("{}: {error}", path.display())))
}
