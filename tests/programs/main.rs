//! The components' own programs tried on this machine: real processes, confined for real.
//!
//! Everything here needs root, to confine; another user sees these tests as ignored, never as passed, and CI
//! runs them as root. They run one after the other: each component is found by its name on this machine.
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

mod arguments;
mod confinement;
#[path = "../copies/mod.rs"]
mod copies;
mod kubelet;
mod machine;
mod rehearsal;
#[path = "../stub/server.rs"]
mod server;
mod stub;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    if kube_temper::model::Component::from_binary(name).is_some() {
        return stub::run(name, &words.collect::<Vec<_>>());
    }
    let root = nix::unistd::geteuid().is_root();
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let tests = [arguments::TESTS, confinement::TESTS, kubelet::TESTS, rehearsal::TESTS];
    let tests = tests.into_iter().flatten().map(|(name, test)| {
        Trial::test(*name, move || {
            test();
            Ok(())
        })
        .with_ignored_flag(!root)
    });
    libtest_mimic::run(&arguments, tests.collect()).exit_code()
}

/// A test with its name.
type Test = (&'static str, fn());
