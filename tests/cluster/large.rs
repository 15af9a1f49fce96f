//! A cluster of as many pods, namespaces and bindings as one likes, made page by page as it is asked for.
#![allow(dead_code, reason = "the benchmark uses it too")]

use std::sync::LazyLock;

use kube_temper::cluster::recorded::{API_1_36_2, RecordedApi};
use serde_json::{Value, json};

use super::server::{Answer, Request, page, refused};

/// How large a cluster is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub pods: usize,
    pub namespaces: usize,
    pub bindings: usize,
}

/// What the aims speak of.
pub const LARGE: Size = Size { pods: 5_000, namespaces: 500, bindings: 2_000 };

static RECORDED: LazyLock<RecordedApi> = LazyLock::new(|| RecordedApi::of(&API_1_36_2).unwrap());

/// The recorded pod of the Deployment with what recordings leave out: who manages which of its fields.
static POD: LazyLock<Value> = LazyLock::new(|| {
    let pods = RECORDED.get("/api/v1/pods").unwrap();
    let web = |pod: &&Value| pod["metadata"]["name"].as_str().unwrap().starts_with("web-");
    let mut pod = pods["items"].as_array().unwrap().iter().find(web).unwrap().clone();
    let entry = |manager: &str, part: &str, pod: &Value| {
        json!({
            "manager": manager, "operation": "Update", "apiVersion": "v1",
            "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": { format!("f:{part}"): fields(&pod[part]) },
        })
    };
    let managers = [("kube-controller-manager", "spec"), ("kubelet", "status")];
    pod["metadata"]["managedFields"] =
        managers.map(|(manager, part)| entry(manager, part, &pod)).to_vec().into();
    pod
});

/// The names of all fields, as the API server writes them.
fn fields(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            object.iter().map(|(key, value)| (format!("f:{key}"), fields(value))).collect()
        }
        Value::Array(items) => {
            let key = |item: &Value| format!("k:{}", json!({ "name": item["name"] }));
            items.iter().map(|item| (key(item), fields(item))).collect()
        }
        _ => json!({}),
    }
}

impl Size {
    /// What this cluster answers.
    pub fn answer(self, request: &Request) -> Answer {
        let namespace = |i: usize| format!("team-{}", i % self.namespaces);
        match request.path.as_str() {
            "/api/v1/pods" => made(request, self.pods, |i| pod(i, &namespace(i / 10))),
            "/api/v1/namespaces" => {
                made(request, self.namespaces, |i| json!({ "metadata": { "name": namespace(i) } }))
            }
            "/apis/rbac.authorization.k8s.io/v1/rolebindings" => {
                made(request, self.bindings, |i| binding(i, &namespace(i)))
            }
            "/apis/apps/v1/replicasets" => {
                made(request, self.pods / 10, |i| replica_set(i, &namespace(i)))
            }
            other => match RECORDED.get(other) {
                Some(list) if list["items"].is_array() => Answer::Json(200, page(&list, request)),
                Some(object) => Answer::Json(200, object),
                None => refused(404, "NotFound"),
            },
        }
    }
}

/// A page of a list of so many.
fn made(request: &Request, count: usize, item: impl Fn(usize) -> Value) -> Answer {
    let number = |key: &str| request.query.get(key).and_then(|text| text.parse::<usize>().ok());
    let from = number("continue").unwrap_or(0).min(count);
    let to = (from + number("limit").unwrap_or(count)).min(count);
    let token = if to < count { to.to_string() } else { String::new() };
    let items: Vec<Value> = (from..to).map(item).collect();
    Answer::Json(200, json!({ "metadata": { "continue": token }, "items": items }))
}

/// Ten pods to a Deployment.
fn pod(i: usize, namespace: &str) -> Value {
    let mut pod = POD.clone();
    let metadata = &mut pod["metadata"];
    metadata["name"] = format!("app-{}-{i}", i / 10).into();
    metadata["namespace"] = namespace.into();
    metadata["ownerReferences"][0]["name"] = format!("app-{}-x", i / 10).into();
    pod
}

fn replica_set(i: usize, namespace: &str) -> Value {
    let owner = json!({ "kind": "Deployment", "name": format!("app-{i}"), "controller": true });
    json!({ "metadata": {
        "name": format!("app-{i}-x"), "namespace": namespace, "ownerReferences": [owner],
    } })
}

fn binding(i: usize, namespace: &str) -> Value {
    let role = ["edit", "view", "admin", "secret-reader"][i % 4];
    json!({
        "metadata": { "name": format!("binding-{i}"), "namespace": namespace },
        "roleRef": { "kind": "ClusterRole", "name": role },
        "subjects": [
            { "kind": "User", "name": format!("user-{i}") },
            { "kind": "ServiceAccount", "name": format!("app-{i}"), "namespace": namespace },
        ],
    })
}
