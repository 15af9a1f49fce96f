//! Programs that tests copy, to run them under another name or as another user.

use std::{path::Path, process::Command};

/// Copies a program, so that it can be run at once.
///
/// Another process does it: a file that this one had open for writing while another test started a program
/// could not be run until that one has begun ("text file busy").
pub(crate) fn program(from: impl AsRef<Path>, to: &Path) {
    let copied = Command::new("install").args(["-m", "755"]).args([from.as_ref(), to]).status();
    assert!(copied.unwrap().success(), "{}", to.display());
}
