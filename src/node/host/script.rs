//! Scripts that stand in for programs. Only in tests.

use std::{fs, path::Path, process::Command};

/// Makes a script that can be run at once.
///
/// Another process puts it in place: a file that this one had open for writing while another test started a
/// program could not be run until that one has begun ("text file busy").
#[allow(clippy::disallowed_methods, reason = "tests make real programs")]
pub(super) fn make(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, text).unwrap();
    let copied = Command::new("install").args(["-m", "755"]).args([&draft, path]).status();
    assert!(copied.unwrap().success(), "{}", path.display());
}
