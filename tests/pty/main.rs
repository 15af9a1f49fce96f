//! The interface on a real terminal: what is left behind, and what only a terminal shows.
//!
//! Nothing here waits for a time: each test waits for what it wants to see, up to a deadline.

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

mod elsewhere;
mod line;
#[cfg(feature = "failpoints")]
mod panics;
mod program;
mod screen;
mod suspend;
