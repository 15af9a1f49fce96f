//! The part of an API server that takes objects: a server-side apply in a dry run with strict validation.
//!
//! An object is held to the types of the API, in which no field may be unknown; to the schema of a real API
//! server, as far as that is recorded; and to what an API server asks beyond both: names, labels, levels of
//! Pod Security, a namespace that is there. Nothing is kept.

use std::sync::LazyLock;

use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace, ServiceAccount},
    networking::v1::NetworkPolicy,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    RECORDED,
    server::{Answer, Request},
};

/// What it can take: kind, version, the list it belongs to, and its type.
type Kind = (&'static str, &'static str, &'static str, fn(&Value) -> Result<(), String>);

const KINDS: [Kind; 4] = [
    ("Namespace", "v1", "/api/v1/namespaces", typed::<Namespace>),
    (
        "ServiceAccount",
        "v1",
        "/api/v1/namespaces/NAMESPACE/serviceaccounts",
        typed::<ServiceAccount>,
    ),
    ("ConfigMap", "v1", "/api/v1/namespaces/NAMESPACE/configmaps", typed::<ConfigMap>),
    (
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "/apis/networking.k8s.io/v1/namespaces/NAMESPACE/networkpolicies",
        typed::<NetworkPolicy>,
    ),
];

/// What an API server of 1.36.2 says of its own types (`/openapi/v3/api/v1`), with no field beyond them.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../data/api-1.36.2/openapi-v3.json");
    let mut schema: Value = serde_json::from_str(text).unwrap();
    for schema in schema["components"]["schemas"].as_object_mut().unwrap().values_mut() {
        if schema.get("properties").is_some() {
            schema["additionalProperties"] = false.into();
        }
    }
    schema
});

/// Where an object is applied to.
pub fn address(object: &Value) -> Option<String> {
    let (_, _, list, _) = kind(object)?;
    let list = list.replace("NAMESPACE", text(object, "/metadata/namespace"));
    Some(format!("{list}/{}", text(object, "/metadata/name")))
}

fn kind(object: &Value) -> Option<Kind> {
    let (wanted, version) = (text(object, "/kind"), text(object, "/apiVersion"));
    KINDS.into_iter().find(|(kind, of, ..)| *kind == wanted && *of == version)
}

fn text<'o>(object: &'o Value, at: &str) -> &'o str {
    object.pointer(at).and_then(Value::as_str).unwrap_or("")
}

/// Answers a server-side apply; everything else is answered as recorded.
pub fn answer(request: &Request) -> Answer {
    if request.method == "GET" {
        return super::recorded(request);
    }
    let asked = |key: &str| request.query.get(key).map(String::as_str);
    if request.method != "PATCH" || request.content_type != "application/apply-patch+yaml" {
        return said(405, "MethodNotAllowed", "only a server-side apply is taken here");
    }
    if asked("dryRun") != Some("All") || asked("fieldValidation") != Some("Strict") {
        return said(403, "Forbidden", "nothing is written here: ask for a strict dry run");
    }
    let object: Value = match serde_yaml::from_str(&request.body) {
        Ok(object) => object,
        Err(error) => return said(400, "BadRequest", &error.to_string()),
    };
    match refusal(&object, &request.path) {
        None => Answer::Json(200, object),
        Some((code, reason, why)) => said(code, reason, &why),
    }
}

fn said(code: u16, reason: &str, message: &str) -> Answer {
    let (kind, version) = ("Status", "v1");
    Answer::Json(
        code,
        json!({
            "kind": kind, "apiVersion": version, "status": "Failure", "code": code,
            "reason": reason, "message": message,
        }),
    )
}

/// Why an object is not taken at this address.
fn refusal(object: &Value, path: &str) -> Option<(u16, &'static str, String)> {
    let bad = |why: String| Some((400, "BadRequest", why));
    let invalid = |why: String| Some((422, "Invalid", why));
    let Some((name, _, _, typed)) = kind(object) else {
        return bad("no such kind is served".to_owned());
    };
    if address(object).as_deref() != Some(path) {
        return bad(format!("the object belongs to {}", address(object).unwrap_or_default()));
    }
    if let Err(why) = typed(object) {
        return bad(why);
    }
    let recorded = [
        (name == "ConfigMap", "io.k8s.api.core.v1.ConfigMap", "/"),
        (true, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "/metadata"),
        (
            name == "NetworkPolicy",
            "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
            "/spec/podSelector",
        ),
    ];
    for (_, schema, at) in recorded.into_iter().filter(|(concerned, ..)| *concerned) {
        let part = if at == "/" { Some(object) } else { object.pointer(at) };
        if let Some(why) = part.and_then(|part| unlike(schema, part)) {
            return invalid(format!("{at}: {why}"));
        }
    }
    let namespace = text(object, "/metadata/namespace");
    let there = RECORDED.get("/api/v1/namespaces").unwrap();
    let there = there["items"].as_array().unwrap();
    if !namespace.is_empty() && !there.iter().any(|it| it["metadata"]["name"] == namespace) {
        return Some((404, "NotFound", format!("namespaces {namespace:?} not found")));
    }
    beyond_types(name, object).and_then(invalid)
}

/// A type of the API takes it, and gives every field back: none is unknown to it.
fn typed<T: DeserializeOwned + Serialize>(object: &Value) -> Result<(), String> {
    let typed: T = serde_json::from_value(object.clone()).map_err(|error| error.to_string())?;
    let known = serde_json::to_value(typed).map_err(|error| error.to_string())?;
    if known == *object {
        Ok(())
    } else {
        Err(format!("strict decoding error: of {object} only {known} is known"))
    }
}

/// Why it is not what the recorded API server calls by this name.
fn unlike(name: &str, part: &Value) -> Option<String> {
    let mut schema = SCHEMA.clone();
    schema["$ref"] = format!("#/components/schemas/{name}").into();
    let validator = jsonschema::validator_for(&schema).unwrap();
    validator.iter_errors(part).next().map(|error| error.to_string())
}

/// What an API server asks of an object beyond its type.
fn beyond_types(kind: &str, object: &Value) -> Option<String> {
    let name = text(object, "/metadata/name");
    // Only a namespace's own name is a single label.
    if !(if kind == "Namespace" { is_label(name) } else { is_subdomain(name) }) {
        return Some(format!("metadata.name: {name:?} is no name"));
    }
    let empty = serde_json::Map::new();
    let map = |at: &str| object.pointer(at).and_then(Value::as_object).unwrap_or(&empty);
    for (key, value) in map("/metadata/labels") {
        let value = value.as_str().unwrap_or("");
        if !is_qualified(key) || !(value.is_empty() || is_word(value)) {
            return Some(format!("metadata.labels: {key}: {value}"));
        }
        let Some(mode) = key.strip_prefix("pod-security.kubernetes.io/") else { continue };
        let fits = match mode {
            "enforce" | "audit" | "warn" => {
                ["privileged", "baseline", "restricted"].contains(&value)
            }
            "enforce-version" | "audit-version" | "warn-version" => {
                value == "latest" || value.starts_with("v1.")
            }
            _ => true,
        };
        if !fits {
            return Some(format!("metadata.labels[{key}]: {value}: no level of Pod Security"));
        }
    }
    if let Some(key) = map("/data").keys().find(|key| key.len() > 253 || !is_key(key)) {
        return Some(format!("data[{key}]: is no key"));
    }
    let types = object.pointer("/spec/policyTypes").and_then(Value::as_array);
    let unknown =
        types.into_iter().flatten().find(|it| !["Ingress", "Egress"].map(Value::from).contains(it));
    unknown.map(|unknown| format!("spec.policyTypes: {unknown} is not supported"))
}

fn ends_well(text: &str) -> bool {
    let ends = [text.chars().next(), text.chars().last()];
    ends.into_iter().all(|end| end.is_some_and(|c| c.is_ascii_alphanumeric()))
}

/// RFC 1123: lower case, digits and dashes, at most 63.
fn is_label(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= 63 && ends_well(text) && text.chars().all(fits)
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// A label's value, or the name of one.
fn is_word(text: &str) -> bool {
    text.len() <= 63 && ends_well(text) && is_key(text)
}

/// `name` or `prefix/name`.
fn is_qualified(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_word(name),
        None => is_word(text),
    }
}

#[test]
fn the_recorded_schema_knows_its_fields_and_no_others() {
    let meta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    let map = "io.k8s.api.core.v1.ConfigMap";
    assert_eq!(unlike(meta, &json!({ "name": "a", "labels": { "b": "c" } })), None);
    assert_eq!(unlike(map, &json!({ "metadata": { "name": "a" }, "data": { "b": "c" } })), None);
    for (name, part) in [
        (meta, json!({ "name": "a", "label": {} })),
        (meta, json!({ "labels": { "b": 1 } })),
        (map, json!({ "metadata": { "nam": "a" } })),
        (map, json!({ "data": { "b": true } })),
    ] {
        assert!(unlike(name, &part).is_some(), "{name}: {part}");
    }
}
