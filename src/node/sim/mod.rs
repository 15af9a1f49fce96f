//! A simulated node: a recorded tree with a simulated kubelet.

mod clock;

pub use clock::{HurriedClock, VirtualClock};
