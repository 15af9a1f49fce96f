//! Components that run on this machine while a test lasts.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use kube_temper::node::{Node as _, Programs, host::HostNode};

use super::copies;

/// Our own program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kube-temper");

/// A process that ends with the test.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }
}

/// A folder, and the node this machine is.
pub(crate) struct Machine {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) node: HostNode,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The programs must be reachable for a user who owns nothing.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.path(), mode).unwrap();
        let node = HostNode::open(Some(&folder.path().join("state"))).unwrap();
        Self { folder, node: node.launched_by(Path::new(PROGRAM)) }
    }

    pub(crate) fn programs(&self) -> &dyn Programs {
        self.node.programs().unwrap()
    }

    /// This test program under a component's name.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        if !path.exists() {
            copies::program(std::env::current_exe().unwrap(), &path);
        }
        path
    }

    /// A folder of the host with a file in it, and where a container has it.
    pub(crate) fn volume(&self) -> Volume {
        let make = |name: &str| {
            let path = self.folder.path().join(name);
            fs::create_dir(&path).unwrap();
            path.display().to_string()
        };
        let volume = Volume { host: make("volume"), seen: make("seen") };
        fs::write(format!("{}/only-here", volume.host), "here").unwrap();
        volume
    }

    /// A component that has begun to run.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> Process {
        let mut child = Command::new(self.program(name))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "running\n");
        Process(child)
    }
}

/// A folder of the host, and the place where a container has it.
pub(crate) struct Volume {
    pub(crate) host: String,
    pub(crate) seen: String,
}

impl Volume {
    /// What a component is told to have it.
    pub(crate) fn flag(&self) -> String {
        format!("--mount={}:{}", self.host, self.seen)
    }
}

pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}
