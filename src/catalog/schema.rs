//! JSON Schemas of the remediations files, derived from the types that read them.
//!
//! Committed under `snapshots/schema/`, where every YAML file points its editor to.

use serde_json::Value;

use super::files::{BenchmarksFile, ControlsFile, PathsFile};
use crate::model::control::KnownCluster;

/// Schema of a file of controls.
pub fn schema() -> Value {
    schemars::schema_for!(ControlsFile).to_value()
}

/// Schema of `benchmarks.yaml`.
pub fn benchmarks_schema() -> Value {
    schemars::schema_for!(BenchmarksFile).to_value()
}

/// Schema of `cluster.yaml`.
pub fn cluster_schema() -> Value {
    schemars::schema_for!(KnownCluster).to_value()
}

/// Schema of `paths.yaml`.
pub fn paths_schema() -> Value {
    schemars::schema_for!(PathsFile).to_value()
}
