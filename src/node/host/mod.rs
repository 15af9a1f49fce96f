//! The running node, and plain directory trees ([`DirFiles`]).

mod files;

pub use files::DirFiles;
