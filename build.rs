//! Tells the tests whether root builds them: as another user the tests that need root are left out, each
//! by name and with the reason. The program itself is the same for everybody.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "this is how a build script speaks to cargo, and it runs on no node"
)]

use std::{fs, os::unix::fs::MetadataExt as _};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=USER");
    println!("cargo::rerun-if-env-changed=HOME");
    println!("cargo::rustc-check-cfg=cfg(root)");
    if fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        println!("cargo::rustc-cfg=root");
    }
}
