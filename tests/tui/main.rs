//! Whole journeys through the terminal interface: the production loop, driven by the actions of the table of
//! keys, with the real engine on the simulated node, on a virtual clock and a terminal in memory.

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

/// What is shared with the tests of modules reaches the crate's own names.
mod tui {
    pub(crate) use kube_temper::tui::*;
}
mod node {
    pub(crate) use kube_temper::node::*;
}
mod store {
    pub(crate) use kube_temper::store::*;
}

#[path = "../../src/tui/tests/harness.rs"]
#[allow(dead_code, reason = "shared with the tests of the module")]
mod harness;
mod journey;
#[path = "../../src/cli/line/tests/patient.rs"]
mod patient;
mod read_only;
mod screens;
mod whole;
