//! The components' own programs, tried beside the running ones.
//!
//! | module | owns |
//! |---|---|
//! | `arguments` | what a program says of its arguments |

mod arguments;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use super::{
    SystemClock,
    confined::{Confinement, not_begun},
    files::DirFiles,
    run::Running,
};
use crate::{
    model::{Component, Process, facts::Container},
    node::{Files as _, Programs, Trial, collect},
};

/// How long a program may take to read its arguments; they take some 100 ms.
const READING: Duration = Duration::from_secs(10);

/// How long telling everybody may take.
const TELLING: Duration = Duration::from_secs(5);

/// Where the command that tells everybody is.
const WALL: [&str; 2] = ["/usr/bin/wall", "/bin/wall"];

/// This very program, also when its file was replaced meanwhile.
const OURSELVES: &str = "/proc/self/exe";

/// What the name of our program's file begins with, however it was downloaded.
const OUR_NAME: &str = "kube-temper";

/// The programs of the node this program runs on.
#[derive(Debug)]
pub(crate) struct HostPrograms {
    files: Arc<DirFiles>,
    clock: SystemClock,
    /// The program with the hidden command that confines others.
    launcher: PathBuf,
}

/// A component's program, opened, and the process that runs it.
struct Found {
    file: File,
    process: Process,
}

impl HostPrograms {
    pub(crate) fn new(files: Arc<DirFiles>, clock: SystemClock) -> Self {
        Self { files, clock, launcher: PathBuf::from(OURSELVES) }
    }

    /// Lets another program confine.
    pub(crate) fn launched_by(&mut self, launcher: &Path) {
        launcher.clone_into(&mut self.launcher);
    }

    /// The program a component runs, or (the kubelet) would run at its next start.
    fn find(&self, component: Component) -> Result<Found, String> {
        let process = collect::processes(self.files.as_ref())
            .get(&component)
            .and_then(|fact| fact.running().cloned())
            .ok_or_else(|| format!("{component} does not run here, or several of them do"))?;
        let exe = format!("/proc/{}/exe", process.pid);
        let path = match component {
            Component::Kubelet => {
                let target = self.files.read_link(&exe).map_err(|error| error.to_string())?;
                target.strip_suffix(" (deleted)").unwrap_or(&target).to_owned()
            }
            _ => exe,
        };
        #[allow(clippy::disallowed_methods, reason = "a program to run, not a file of the node")]
        let file =
            File::open(&path).map_err(|error| format!("{path} cannot be opened: {error}"))?;
        Ok(Found { file, process })
    }

    fn start(&self, confinement: &Confinement, program: File) -> Result<Running, String> {
        if self.launcher == Path::new(OURSELVES) {
            // Used as a library, this process is another program, which would take the order for its own.
            let target = self.files.read_link(OURSELVES).map_err(|error| error.to_string())?;
            let name = target.rsplit('/').next().unwrap_or_default();
            if !name.starts_with(OUR_NAME) {
                return Err(format!("this process is {name} and not {OUR_NAME}"));
            }
        }
        confinement.start(&self.launcher, program)
    }

    /// Runs a program to its end; what it printed, and its exit code.
    fn run(
        &self,
        confinement: &Confinement,
        program: File,
        deadline: Duration,
    ) -> Result<(Option<i32>, String), String> {
        let mut running = self.start(confinement, program)?;
        let ended = running.wait(deadline, &self.clock).map_err(|error| error.to_string())?;
        let Some(status) = ended else {
            return Err(format!("it did not end within {} s", deadline.as_secs()));
        };
        let output = running.output();
        match not_begun(&output) {
            Some(why) => Err(format!("it could not be confined: {why}")),
            None => Ok((status.code(), output)),
        }
    }

    fn parsed(&self, component: Component, args: &[String]) -> Result<Trial, String> {
        arguments::fit(component, args)?;
        let Found { file, process } = self.find(component)?;
        let mut confinement = Confinement::reading(arguments::with_version(args));
        confinement.inside = (component != Component::Kubelet).then_some(process.pid);
        let (code, output) = self.run(&confinement, file, READING)?;
        Ok(arguments::judge(component, code, &output))
    }
}

impl Programs for HostPrograms {
    fn parse(&self, component: Component, args: &[String]) -> Trial {
        self.parsed(component, args).unwrap_or_else(Trial::untried)
    }

    fn try_kubelet(&self, _args: &[String], _files: &BTreeMap<String, String>) -> Trial {
        Trial::untried("this version does not try a kubelet's configuration")
    }

    fn rehearse(&self, _planned: &Container, _written: &[String]) -> Trial {
        Trial::untried("this version does not rehearse")
    }

    fn message(&self, text: &str) {
        let Some(wall) = WALL.iter().find(|path| Path::new(path).exists()) else { return };
        #[allow(clippy::disallowed_methods, reason = "a fixed program, and this is the node floor")]
        let mut command = Command::new(wall);
        // Nobody may be logged in, and nobody may be able to be told: the journal says all of it too.
        let Ok(input) = said(text) else { return };
        command.env_clear().current_dir("/").stdin(input);
        if let Ok(mut running) = Running::start(&mut command) {
            let _ = running.wait(TELLING, &self.clock);
        }
    }
}

/// Longest message, in characters; a pipe holds it without a reader.
const LONGEST: usize = 2048;

/// An input that says this.
fn said(text: &str) -> io::Result<io::PipeReader> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(shown(text).as_bytes())?;
    Ok(reader)
}

/// A text as it may stand on other people's terminals.
fn shown(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control() || *c == '\n').take(LONGEST);
    format!("kube-temper: {}\n", clean.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_message_carries_no_control_characters() {
        assert_eq!(shown("a\u{1b}[2Jb\r\nc\u{7}"), "kube-temper: a[2Jb\nc\n");
        assert_eq!(shown(&"ä".repeat(9000)).chars().count(), "kube-temper: \n".len() + LONGEST);
        let mut read = String::new();
        said("kept").unwrap().read_to_string(&mut read).unwrap();
        assert_eq!(read, "kube-temper: kept\n");
    }
}
