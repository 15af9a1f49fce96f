//! The live path on a node of real processes: namespaces of its own, a small kubelet and small components
//! with real pids, signals, control groups, TLS and time, and the program under test among them.
//!
//! Everything here needs root; another user sees these tests as ignored, never as passed, and CI runs them
//! as root. All but one need the feature `failpoints`, with which the node's time can be in a hurry.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::exit,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::pedantic,
    unreachable_pub,
    reason = "a test stops where it cannot go on, reads its own data, and tells one story"
)]

mod api;
#[path = "../common/mod.rs"]
mod common;
mod component;
mod container;
mod init;
mod journeys;
mod kubelet;
mod machine;
mod manifest;
mod orders;
mod pki;
mod pods;
mod spaces;
mod time;
#[path = "../real/watching.rs"]
mod watching;
mod wire;

use std::{path::Path, process::ExitCode};

use libtest_mimic::{Arguments, Trial};

/// Nodes that run at the same time: most of their time they wait.
const AT_ONCE: usize = 5;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map_or("", String::as_str) {
        "@outside" => return spaces::outside(Path::new(&words[2])),
        "@init" => return init::run(Path::new(&words[2]), Path::new(&words[3])),
        "@enter" => return spaces::visit(&words[2], &words[3..]),
        "@join" => return init::join(&words[2..]),
        "@shim" => return container::shim(Path::new(&words[2])),
        "@elsewhere" => api::elsewhere(),
        _ => {}
    }
    // Not by the first argument: a program may be started by any name.
    let program = std::env::current_exe().unwrap();
    match program.file_name().and_then(|name| name.to_str()).unwrap() {
        "kubelet" => kubelet::run(&words[1..]),
        "systemctl" => init::systemctl(&words[1..]),
        "systemd-run" => init::systemd_run(&words[1..]),
        "journalctl" => init::journalctl(&words[1..]),
        name if kube_temper::model::Component::from_binary(name).is_some() => {
            component::run(name, &words[1..])
        }
        _ => test(),
    }
}

/// A test with its name.
type Test = (&'static str, fn());

fn test() -> ExitCode {
    let root = nix::unistd::geteuid().is_root();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let tests = journeys::TESTS.iter().flat_map(|tests| tests.iter()).map(|(name, test)| {
        let test = *test;
        Trial::test(*name, move || {
            test();
            Ok(())
        })
        .with_ignored_flag(!root)
    });
    libtest_mimic::run(&arguments, tests.collect()).exit_code()
}
