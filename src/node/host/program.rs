//! Runs one fixed program: the kubelet's own binary, for its version. Nothing else, never a shell.

use std::{
    io::Read as _,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use super::run::ordinary;
use crate::node::{Clock, NodeError, NodeErrorKind};

/// Longest answer that is read, in bytes.
const LIMIT: u64 = 4096;

/// How often a program that has said all is asked whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// Runs `program --version` with an empty environment and returns what it printed, trimmed.
///
/// It is ended when it takes longer than `deadline`.
pub(crate) fn version(
    program: &str,
    deadline: Duration,
    clock: &dyn Clock,
) -> Result<String, NodeError> {
    const OPERATION: &str = "ask for the version of";
    let failed = |error: &std::io::Error| NodeError::io(OPERATION, program, error);
    let other = |reason: String| NodeError {
        operation: OPERATION,
        path: program.to_owned(),
        kind: NodeErrorKind::Other(reason),
    };
    let end = clock.monotonic() + deadline;
    #[allow(clippy::disallowed_methods, reason = "the one program this floor runs")]
    let mut child = Command::new(program)
        .arg("--version")
        .env_clear()
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&error))?;
    ordinary(child.id());
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = output.take(LIMIT).read_to_end(&mut bytes).map(|_| bytes);
            // The receiver is gone when the deadline has passed: nobody waits for this any more.
            let _ = sender.send(read);
        });
    }
    let answer = receiver.recv_timeout(deadline);
    let status = loop {
        match child.try_wait() {
            Ok(None) if answer.is_ok() && clock.monotonic() < end => clock.sleep(POLL),
            Ok(None) => {
                // It may have ended by itself in between; then there is nothing to kill.
                let _ = child.kill();
                child.wait().map_err(|error| failed(&error))?;
                return Err(other(format!("no answer within {} s", deadline.as_secs())));
            }
            status => break status.map_err(|error| failed(&error))?,
        }
    };
    let bytes = answer.map_err(|_| other("it printed nothing".to_owned()))?;
    let bytes = bytes.map_err(|error| failed(&error))?;
    match status {
        Some(status) if status.success() => {
            let text = String::from_utf8_lossy(&bytes).trim().to_owned();
            if text.is_empty() { Err(other("it printed nothing".to_owned())) } else { Ok(text) }
        }
        Some(status) => Err(other(format!("it ended with {status}"))),
        None => Err(other("it did not end".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::host::{SystemClock, script};

    fn run(text: &str, deadline: Duration) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("kubelet");
        script::make(&program, text);
        version(program.to_str().unwrap(), deadline, &SystemClock::new())
            .map_err(|error| error.kind.to_string())
    }

    #[test]
    fn the_answer_is_what_it_prints() {
        let long = Duration::from_secs(60);
        let cases = [
            ("#!/bin/sh\necho Kubernetes v1.36.2\n", Ok("Kubernetes v1.36.2")),
            ("#!/bin/sh\necho \"$1 $# ${SECRET:-clean} $PWD\"\n", Ok("--version 1 clean /")),
            ("#!/bin/sh\nread line; echo \"stdin: $line\"\n", Ok("stdin:")),
            ("#!/bin/sh\necho noise >&2\n", Err("it printed nothing")),
            ("#!/bin/sh\necho half; exit 3\n", Err("it ended with exit status: 3")),
            ("#!/none/such\n", Err("no such file or directory")),
        ];
        for (script, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(run(script, long), expected, "{script}");
        }
    }

    #[test]
    fn a_program_that_hangs_or_floods_is_ended() {
        let short = Duration::from_millis(300);
        let hangs = run("#!/bin/sh\nexec sleep 1000\n", short);
        assert_eq!(hangs, Err("no answer within 0 s".to_owned()));
        let silent = run("#!/bin/sh\nexec >&-\nexec sleep 1000\n", short);
        assert_eq!(silent, Err("no answer within 0 s".to_owned()));
        let floods = run("#!/bin/sh\nexec yes\n", short).unwrap_err();
        assert!(floods.starts_with("it ended with signal: 13"), "{floods}");
    }
}
