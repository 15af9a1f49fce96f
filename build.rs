//! Two things only a build can know.
//!
//! * The controls as JSON: `remediations/*.yaml` stays their one source, and JSON is read ten times as fast.
//! * Whether root builds the tests: as another user those that need root are left out, each by name and
//!   with the reason.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "this is how a build script speaks to cargo, and it runs on no node"
)]

use std::{env, error::Error, fs, os::unix::fs::MetadataExt as _, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    root()?;
    controls()
}

fn root() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=USER");
    println!("cargo::rerun-if-env-changed=HOME");
    println!("cargo::rustc-check-cfg=cfg(root)");
    if fs::metadata("/proc/self")?.uid() == 0 {
        println!("cargo::rustc-cfg=root");
    }
    Ok(())
}

fn controls() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=remediations");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for entry in fs::read_dir("remediations")? {
        let path = entry?.path();
        let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|e| e == "yaml"))
        else {
            continue;
        };
        let text = fs::read_to_string(&path)?;
        let value: serde_json::Value =
            serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        fs::write(out.join(name).with_extension("json"), value.to_string())?;
    }
    Ok(())
}
