//! systemd units: what a service would be started with.
use super::EditRefused;
use crate::model::facts::{Arg, TextFile};

/// `EnvironmentFile=` lines in order: path, and whether a missing file is fine (`-`).
pub fn environment_files(units: &[TextFile]) -> Vec<(String, bool)> {
    let _ = units;
    todo!()
}

/// Arguments of the last `ExecStart=`, variables expanded from `Environment=` and the environment files, the program itself first.
pub fn start_args(units: &[TextFile], env_files: &[TextFile]) -> Option<Vec<Arg>> {
    let _ = (units, env_files);
    todo!()
}

/// Removes a flag from `Environment=` and `ExecStart=` lines of a unit. Every other byte stays.
pub fn remove_flag(text: &str, flag: &str, element: Option<&str>) -> Result<String, EditRefused> {
    let _ = (text, flag, element);
    todo!()
}
