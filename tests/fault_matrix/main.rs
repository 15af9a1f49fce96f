//! What goes wrong, and what comes of it: component × phase × fault as data (`matrix.yaml`), and two hundred
//! times nothing that goes wrong.
//!
//! Every row is a transaction on a simulated node in a simulated cluster, on a virtual clock.

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

#[path = "../machine/mod.rs"]
mod machine;

mod alarm;
mod deeds;
mod effects;
mod etcd;
mod evidence;
mod healthy;
mod lab;
mod matrix;
