//! Tests of the interface: decisions on plain values, the key table, screens, and the loop.

mod any_keys;
#[allow(dead_code, reason = "shared with `tests/tui`")]
pub(crate) mod harness;
mod keys;
mod logged;
mod loops;
mod screens;
pub(crate) mod support;
mod update;
mod well;
