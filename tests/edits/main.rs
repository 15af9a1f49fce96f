//! Edits of manifests and configuration files, over many generated texts and all recorded nodes.
//!
//! The generators write the texts themselves: styles, indentation, comments, line breaks, quotes,
//! spellings of flags. What an edit must do is said here again, on values, in other words than the
//! program's own.

#![allow(clippy::tests_outside_test_module, reason = "an integration test is a test module")]

mod manifests;
mod reading;
mod recorded;
mod refusals;

use kube_temper::model::{AttributedEdit, Edit};

/// Edits that a control asks for.
fn asked(edits: &[Edit]) -> Vec<AttributedEdit> {
    edits
        .iter()
        .map(|edit| AttributedEdit { control: "1.2.15".parse().unwrap(), edit: edit.clone() })
        .collect()
}

fn set_flag(flag: &str, value: &str) -> Edit {
    Edit::SetFlag { flag: flag.into(), value: value.into() }
}

fn remove_flag(flag: &str) -> Edit {
    Edit::RemoveFlag { flag: flag.into() }
}

/// Ten thousand cases a property; failures are shown, not kept in files.
fn cases() -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: 10_000,
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}
