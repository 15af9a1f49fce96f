//! The committed schemas: derived from the types, kept by every file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use kube_temper::catalog::{benchmarks_schema, cluster_schema, paths_schema, schema};
use serde_json::Value;

use crate::{folder, root};

/// The committed schemas, with the functions that derive them.
fn schemas() -> [(&'static str, Value); 4] {
    [
        ("remediations.schema.json", schema()),
        ("benchmarks.schema.json", benchmarks_schema()),
        ("cluster.schema.json", cluster_schema()),
        ("paths.schema.json", paths_schema()),
    ]
}

#[test]
fn the_committed_schemas_are_the_types() {
    for (name, schema) in schemas() {
        let path = root().join("snapshots/schema").join(name);
        let derived = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &derived).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == derived,
            "snapshots/schema/{name} is stale: run `UPDATE_SCHEMAS=1 cargo test --test catalog` and commit it"
        );
    }
}

/// The schema a file points its editor to.
fn pointed_schema<'s>(name: &str, text: &str, known: &'s BTreeSet<&str>) -> &'s str {
    let first = text.lines().next().unwrap_or_default();
    let path = first
        .strip_prefix("# yaml-language-server: $schema=")
        .unwrap_or_else(|| panic!("{name} does not begin with its schema: {first}"));
    let target = Path::new("remediations").join(path);
    assert_eq!(target.parent(), Some(Path::new("remediations/../snapshots/schema")), "{name}");
    let file = target.file_name().unwrap().to_str().unwrap();
    known.get(file).unwrap_or_else(|| panic!("{name} points to an unknown schema: {path}"))
}

#[test]
fn every_file_keeps_its_schema() {
    let schemas = BTreeMap::from(schemas());
    let known: BTreeSet<&str> = schemas.keys().copied().collect();
    for (name, text) in folder() {
        let file = pointed_schema(&name, &text, &known);
        let validator = jsonschema::validator_for(&schemas[file]).unwrap();
        let value: Value = serde_yaml::from_str(&text).unwrap();
        let problems: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{name}: {problems:#?}");
    }
}

#[test]
fn the_schema_refuses_what_the_loader_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let text = &folder()["1.2-requests.yaml"];
    for (old, new) in [
        ("level: 1", "level: 3"),
        ("kind: flag", "kind: script"),
        ("assessment: automated", "assessment: perhaps"),
        ("slug: apiserver-profiling-off", "slug: Profiling Off"),
        ("title:", "titel:"),
        ("tier: R2", "tier: R9"),
    ] {
        assert!(text.contains(old), "'{old}' is not in the file");
        let value: Value = serde_yaml::from_str(&text.replace(old, new)).unwrap();
        assert!(!validator.is_valid(&value), "'{new}' keeps the schema");
    }
}
