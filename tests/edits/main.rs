//! Edits of manifests and configuration files, over many generated texts and all recorded nodes.
//!
//! The generators write the texts themselves: styles, indentation, comments, line breaks, quotes,
//! spellings of flags. What an edit must do is said here again, on values, in other words than the
//! program's own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::struct_excessive_bools,
    reason = "a test may fail, and its generators have many switches"
)]

mod fields;
mod manifests;
mod mounts;
mod probes;
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

/// So many cases; failures are shown, not kept in files.
fn cases(cases: u32) -> proptest::test_runner::Config {
    let failure_persistence = None;
    proptest::test_runner::Config { cases, failure_persistence, ..Default::default() }
}

/// JSON with this indentation, by line.
fn pretty(value: &serde_json::Value, indent: &str) -> Vec<String> {
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    serde::Serialize::serialize(value, &mut serializer).unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}
