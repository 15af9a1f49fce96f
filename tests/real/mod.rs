//! The real program on real files with real processes: a recorded node below a temporary root, changed by
//! a guard of its own as on a live node, watched from a terminal.

#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod watching;

use std::{
    collections::BTreeMap,
    process::{Command, Output},
};

use kube_temper::{
    model::{Outcome, RecordKind},
    store::Journal,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

pub(crate) use self::watching::{Watching, until};
use crate::common::Unpacked;

/// What is applied: one flag of the API server, so that a person is asked.
pub(crate) const CHECK: &str = "1.2.15";

/// A node, and how it was.
pub(crate) struct Real {
    pub(crate) node: Unpacked,
    pub(crate) before: BTreeMap<String, String>,
}

pub(crate) fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

impl Real {
    pub(crate) fn new() -> Self {
        let node = Unpacked::new("kubeadm-1.36.2");
        let before = node.listing();
        Self { node, before }
    }

    /// The program for this node, its changes carried out by a guard.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.node.command(&["--guarded"]);
        command.args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The latest transaction that has a journal.
    pub(crate) fn id(&self) -> Option<String> {
        watching::latest(&self.node.state())
    }

    /// Its records.
    pub(crate) fn journal(&self) -> Journal {
        watching::journal(&self.node.state())
    }

    /// The program on a terminal.
    pub(crate) fn on_terminal(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Watching {
        Watching::of(&self.command(arguments), environment)
    }

    /// `apply` there, answered with yes, to be kept within this time.
    pub(crate) fn applies(&self, within: &str, environment: &[(&str, &str)]) -> Watching {
        let arguments = ["apply", "--check", CHECK, "--confirm-timeout", within];
        self.on_terminal(&arguments, environment).agrees()
    }

    pub(crate) fn has(&self, wanted: fn(&RecordKind) -> bool) -> bool {
        self.journal().records.iter().any(|record| wanted(&record.kind))
    }

    /// Waits until a person is asked; the transaction's name.
    pub(crate) fn waits(&self) -> String {
        until("it waits for a person", || self.journal().waiting_until());
        self.id().unwrap()
    }

    /// Waits for the end.
    pub(crate) fn outcome(&self) -> Outcome {
        until("it ends", || self.journal().outcome)
    }

    /// The guard, as the lock's file names it.
    pub(crate) fn guard(&self) -> i32 {
        let text = std::fs::read_to_string(self.node.state().join("lock")).unwrap();
        assert!(text.contains(" guard 2"), "not a guard: {text}");
        text.strip_prefix("pid ").unwrap().split(',').next().unwrap().parse().unwrap()
    }

    /// Waits until the guard is gone: nobody holds the lock.
    pub(crate) fn nobody_carries_out(&self) {
        let lock = self.node.state().join("lock");
        until("the lock is free", || {
            let file = std::fs::File::options().read(true).write(true).open(&lock).unwrap();
            nix::fcntl::Flock::lock(file, nix::fcntl::FlockArg::LockSharedNonblock).ok()
        });
    }

    #[track_caller]
    pub(crate) fn is_as_before(&self) {
        let now = self.node.listing();
        let differs: Vec<&String> = self
            .before
            .keys()
            .chain(now.keys())
            .filter(|path| self.before.get(*path) != now.get(*path))
            .collect();
        assert_eq!(differs, Vec::<&String>::new());
    }

    #[track_caller]
    pub(crate) fn is_changed(&self) {
        let now = self.node.listing();
        let manifest = "etc/kubernetes/manifests/kube-apiserver.yaml";
        let differs: Vec<&String> = now
            .iter()
            .filter(|(path, text)| self.before.get(*path) != Some(text))
            .map(|(path, _)| path)
            .collect();
        assert_eq!(differs, [manifest]);
        assert!(now[manifest].contains("--profiling=false"));
        assert_eq!(now.len(), self.before.len());
    }
}
