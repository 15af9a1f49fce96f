//! A cluster of 5,000 pods, 500 namespaces and 2,000 bindings, made page by page as it is asked for.
#![allow(dead_code, reason = "the benchmark uses it too")]

use std::sync::LazyLock;

use kube_temper::cluster::recorded::{API_1_36_2, RecordedApi};
use serde_json::{Value, json};

use super::server::{Answer, Request, page, refused};

pub const PODS: usize = 5_000;
pub const NAMESPACES: usize = 500;
pub const BINDINGS: usize = 2_000;

static RECORDED: LazyLock<RecordedApi> = LazyLock::new(|| RecordedApi::of(&API_1_36_2).unwrap());

/// The recorded pod of the Deployment, as large as real ones are.
static POD: LazyLock<Value> = LazyLock::new(|| {
    let pods = RECORDED.get("/api/v1/pods").unwrap();
    let web = |pod: &&Value| pod["metadata"]["name"].as_str().unwrap().starts_with("web-");
    pods["items"].as_array().unwrap().iter().find(web).unwrap().clone()
});

/// What this cluster answers.
pub fn answer(request: &Request) -> Answer {
    match request.path.as_str() {
        "/api/v1/pods" => Answer::Json(200, made(request, PODS, pod)),
        "/api/v1/namespaces" => Answer::Json(
            200,
            made(request, NAMESPACES, |i| json!({ "metadata": { "name": namespace(i) } })),
        ),
        "/apis/rbac.authorization.k8s.io/v1/rolebindings" => {
            Answer::Json(200, made(request, BINDINGS, binding))
        }
        "/apis/apps/v1/replicasets" => Answer::Json(200, made(request, PODS / 10, replica_set)),
        other => match RECORDED.get(other) {
            Some(list) if list["items"].is_array() => Answer::Json(200, page(&list, request)),
            Some(object) => Answer::Json(200, object),
            None => refused(404, "NotFound"),
        },
    }
}

fn made(request: &Request, count: usize, item: fn(usize) -> Value) -> Value {
    let number = |key: &str| request.query.get(key).and_then(|text| text.parse::<usize>().ok());
    let from = number("continue").unwrap_or(0).min(count);
    let to = (from + number("limit").unwrap_or(count)).min(count);
    let token = if to < count { to.to_string() } else { String::new() };
    json!({ "metadata": { "continue": token }, "items": (from..to).map(item).collect::<Vec<_>>() })
}

fn namespace(i: usize) -> String {
    format!("team-{}", i % NAMESPACES)
}

/// Ten pods to a Deployment.
fn pod(i: usize) -> Value {
    let mut pod = POD.clone();
    let metadata = &mut pod["metadata"];
    metadata["name"] = format!("app-{}-{i}", i / 10).into();
    metadata["namespace"] = namespace(i / 10).into();
    metadata["ownerReferences"][0]["name"] = format!("app-{}-x", i / 10).into();
    pod
}

fn replica_set(i: usize) -> Value {
    let owner = json!({ "kind": "Deployment", "name": format!("app-{i}"), "controller": true });
    json!({ "metadata": {
        "name": format!("app-{i}-x"), "namespace": namespace(i), "ownerReferences": [owner],
    } })
}

fn binding(i: usize) -> Value {
    let role = ["edit", "view", "admin", "secret-reader"][i % 4];
    json!({
        "metadata": { "name": format!("binding-{i}"), "namespace": namespace(i) },
        "roleRef": { "kind": "ClusterRole", "name": role },
        "subjects": [
            { "kind": "User", "name": format!("user-{i}") },
            { "kind": "ServiceAccount", "name": format!("app-{i}"), "namespace": namespace(i) },
        ],
    })
}
