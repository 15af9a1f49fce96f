//! The client against what a real API server answered, and against one that will not.

use std::sync::Arc;

use kube::client::Body;
use serde_json::{Value, json};

use super::*;
use crate::node::memory::MemoryFiles;

const NODES: &str = include_str!("../../tests/data/api-1.36.2/nodes.json");
const PODS: &str = include_str!("../../tests/data/api-1.36.2/static-pods.json");
const LEASES: &str = include_str!("../../tests/data/api-1.36.2/leases.json");
const SLICES: &str = include_str!("../../tests/data/api-1.36.2/endpointslices.json");

/// What is asked and sent, and what is answered: status and body.
type Answers = dyn Fn(&str, &str, Value) -> (u16, Value) + Send + Sync;

/// A client whose server answers so.
fn client(
    answers: impl Fn(&str, &str, Value) -> (u16, Value) + Send + Sync + 'static,
) -> ApiClient {
    let answers: Arc<Answers> = Arc::new(answers);
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let answers = Arc::clone(&answers);
        async move {
            let (head, body) = request.into_parts();
            let sent = body.collect_bytes().await?;
            let sent = serde_json::from_slice(&sent).unwrap_or(Value::Null);
            let (status, body) = answers(head.method.as_str(), head.uri.path(), sent);
            let body = Body::from(body.to_string().into_bytes());
            Ok::<_, kube::Error>(http::Response::builder().status(status).body(body).unwrap())
        }
    });
    let runtime = runtime().unwrap();
    let client = {
        let _entered = runtime.enter();
        Client::new(service, "default")
    };
    ApiClient {
        runtime: Mutex::new(runtime),
        client,
        config: None,
        node: "cp1".to_owned(),
        limits: Limits::OWN,
    }
}

/// What the recorded API server answers to these requests.
fn recorded(method: &str, path: &str, _: Value) -> (u16, Value) {
    assert_eq!(method, "GET", "{path}");
    let (folder, name) = path.rsplit_once('/').unwrap();
    let list = match folder {
        "/api/v1/nodes" => NODES,
        "/api/v1/namespaces/kube-system/pods" => PODS,
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        | "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases" => LEASES,
        "/apis/discovery.k8s.io/v1/namespaces/default" => {
            return (200, serde_json::from_str(SLICES).unwrap());
        }
        "/api/v1/namespaces/kube-system" => return (200, api_server_pods()),
        other => panic!("{other}"),
    };
    let list: Value = serde_json::from_str(list).unwrap();
    let items = list["items"].as_array().unwrap();
    match items.iter().find(|item| item["metadata"]["name"] == name) {
        Some(item) => (200, item.clone()),
        None => refused(404, "NotFound"),
    }
}

/// The recorded mirror pods of API servers.
fn api_server_pods() -> Value {
    let mut list: Value = serde_json::from_str(PODS).unwrap();
    let items = list["items"].as_array_mut().unwrap();
    items.retain(|item| item["metadata"]["labels"]["component"] == "kube-apiserver");
    list
}

fn refused(code: u16, reason: &str) -> (u16, Value) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no",
        "reason": reason, "code": code,
    });
    (code, status)
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

#[test]
fn a_recorded_node_is_ready_and_its_lease_has_a_time() {
    let status = client(recorded).node().unwrap();
    assert_eq!(
        status,
        NodeStatus { ready: true, renewed: Some(at("2026-11-23T22:03:29.377360Z")) }
    );
}

#[test]
fn a_recorded_leader_is_named_with_its_lease() {
    let client = client(recorded);
    let lease = client.lease("kube-system", "kube-scheduler").unwrap().unwrap();
    assert!(lease.holder.starts_with("vm_") || lease.holder.starts_with("cp1_"), "{lease:?}");
    assert_eq!(lease.seconds, 15);
    assert!(lease.renewed.is_some());
    assert_eq!(client.lease("kube-system", "nobody").unwrap(), None);
}

#[test]
fn a_mirror_pod_tells_what_the_kubelet_said() {
    let client = client(recorded);
    let status = client.pod_status(Component::KubeApiserver).unwrap();
    let expected = PodStatus {
        pod: "2b6aae3df1852cc7043f7618430ee72f".to_owned(),
        started: true,
        ready: true,
        restarts: 0,
    };
    assert_eq!(status, Some(expected));
    let scheduler = client.pod_status(Component::KubeScheduler).unwrap().unwrap();
    assert!(scheduler.started && !scheduler.ready, "{scheduler:?}");
    assert_eq!(scheduler.restarts, 3);
}

#[test]
fn every_api_server_is_found_and_the_own_one_known() {
    let servers = client(recorded).api_servers().unwrap();
    let found: Vec<(&str, bool)> =
        servers.iter().map(|server| (server.address.as_str(), server.own)).collect();
    assert_eq!(found, [("10.77.0.10:6443", true)]);
}

/// An API server that ended no longer renews its place among the endpoints, and is taken from them.
#[test]
fn an_api_server_that_is_down_is_known_by_its_pod() {
    let client = client(|method, path, body| {
        if path != "/api/v1/namespaces/kube-system/pods" {
            return recorded(method, path, body);
        }
        let mut list = api_server_pods();
        let mut other = list["items"][0].clone();
        other["metadata"]["annotations"]["kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"] =
            json!("10.77.0.12:6443");
        list["items"].as_array_mut().unwrap().push(other);
        (200, list)
    });
    let servers = client.api_servers().unwrap();
    let found: Vec<(&str, bool)> =
        servers.iter().map(|server| (server.address.as_str(), server.own)).collect();
    assert_eq!(found, [("10.77.0.10:6443", true), ("10.77.0.12:6443", false)]);
}

#[test]
fn whoever_may_not_see_pods_sees_the_endpoints() {
    let client = client(|method, path, body| match path {
        "/api/v1/namespaces/kube-system/pods" => refused(403, "Forbidden"),
        _ => recorded(method, path, body),
    });
    assert_eq!(client.api_servers().unwrap().len(), 1);
}

#[test]
fn refusals_say_what_was_lacking() {
    let forbidden = client(|_, _, _| refused(403, "Forbidden")).node().unwrap_err();
    assert_eq!(forbidden, ClusterError::Forbidden { verb: "get", resource: "nodes".to_owned() });
    let down = client(|_, _, _| refused(503, "ServiceUnavailable")).node().unwrap_err();
    assert!(matches!(down, ClusterError::Unreachable(_)), "{down:?}");
}

/// The Lease as the server has it: created when absent, else replaced by what was sent.
fn holding(
    lease: Option<Value>,
    holder: &str,
    now: &str,
) -> (Result<(), ClusterError>, Vec<Value>) {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sent);
    let client = client(move |method, _, body| match (method, &lease) {
        ("GET", Some(lease)) => (200, lease.clone()),
        ("GET", None) => refused(404, "NotFound"),
        ("POST" | "PUT", _) => {
            seen.lock().unwrap().push(body.clone());
            (200, body)
        }
        other => panic!("{other:?}"),
    });
    let held = client.hold(holder, Duration::from_secs(600), at(now));
    let sent = sent.lock().unwrap().clone();
    (held, sent)
}

fn lease(holder: &str, renewed: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": "kube-temper", "namespace": "kube-system", "resourceVersion": "7" },
        "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": 600, "renewTime": renewed,
            "acquireTime": "2026-11-24T05:00:00.000000Z", "leaseTransitions": 4,
        },
    })
}

#[test]
fn the_lease_is_taken_when_it_is_free_and_only_then() {
    let now = "2026-11-24T06:00:00Z";
    let (held, sent) = holding(None, "cp1/a", now);
    assert_eq!(held, Ok(()));
    assert_eq!(sent[0]["spec"]["holderIdentity"], "cp1/a");
    assert_eq!(sent[0]["spec"]["leaseDurationSeconds"], 600);

    let (held, sent) = holding(Some(lease("cp2/b", "2026-11-24T05:55:00.000000Z")), "cp1/a", now);
    assert_eq!(held, Err(ClusterError::Held { holder: "cp2/b".to_owned() }));
    assert!(sent.is_empty());

    for free in [lease("cp2/b", "2026-11-24T05:49:00.000000Z"), lease("", "2026-11-24T05:59:00Z")] {
        let (held, sent) = holding(Some(free), "cp1/a", now);
        assert_eq!(held, Ok(()));
        assert_eq!(sent[0]["spec"]["leaseTransitions"], 5);
        // Of two that find it free, the server lets the second one fail.
        assert_eq!(sent[0]["metadata"]["resourceVersion"], "7");
    }

    let (held, sent) = holding(Some(lease("cp1/a", "2026-11-24T05:59:00.000000Z")), "cp1/a", now);
    assert_eq!(held, Ok(()));
    assert_eq!(sent[0]["spec"]["leaseTransitions"], 4, "a renewal is no new holder");
    assert_eq!(sent[0]["spec"]["acquireTime"], "2026-11-24T05:00:00.000000Z");
}

#[test]
fn only_the_own_lease_is_given_back() {
    for (holder, given_back) in [("cp1/a", true), ("cp2/b", false)] {
        let written = Arc::new(Mutex::new(false));
        let seen = Arc::clone(&written);
        let client = client(move |method, _, body| {
            if method == "GET" {
                return (200, lease(holder, "2026-11-24T05:59:00Z"));
            }
            assert_eq!(body["spec"]["holderIdentity"], "");
            *seen.lock().unwrap() = true;
            (200, body)
        });
        client.release("cp1/a").unwrap();
        assert_eq!(*written.lock().unwrap(), given_back, "{holder}");
    }
}

/// A kubeconfig with these credentials.
fn kubeconfig(user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster:\n    server: https://127.0.0.1:1\n{user}contexts:\n- name: c\n  context: {{cluster: k, user: u}}\n"
    )
}

fn opened(path: &str, text: &str) -> Result<Option<ApiClient>, String> {
    let files = MemoryFiles::new();
    files.put_file(path, 0o600, text);
    let node = crate::node::memory::FixedNode::new(Arc::new(files));
    ApiClient::of_node(&node, "cp1").map_err(|error| error.to_string())
}

#[test]
fn a_kubeconfig_of_the_node_starts_no_program() {
    let exec = "users:\n- name: u\n  user:\n    exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}\n";
    let refusal = opened("/etc/kubernetes/admin.conf", &kubeconfig(exec)).unwrap_err();
    assert!(refusal.contains("--kubeconfig"), "{refusal}");
    let token = "users:\n- name: u\n  user: {token: geheim}\n";
    let client = opened("/etc/kubernetes/super-admin.conf", &kubeconfig(token)).unwrap().unwrap();
    assert!(!format!("{client:?}").contains("geheim"));
    let unreachable = client.node().unwrap_err();
    assert!(matches!(unreachable, ClusterError::Unreachable(_)), "{unreachable:?}");
    assert!(!unreachable.to_string().contains("geheim"));
    assert!(opened("/root/.kube/config", &kubeconfig(token)).unwrap().is_none());
}

#[test]
fn a_node_without_a_kubeconfig_says_so_to_every_question() {
    let node = crate::node::memory::FixedNode::new(Arc::new(MemoryFiles::new()));
    let cluster = super::super::of_node(&node, "cp1");
    let reason = cluster.node().unwrap_err().to_string();
    assert!(reason.contains("/etc/kubernetes"), "{reason}");
    assert!(
        cluster.api_servers().is_err()
            && cluster.hold("a", DEADLINE, at("2026-11-24T05:00:00Z")).is_err()
    );
}

#[test]
fn a_broken_kubeconfig_is_not_repeated_in_the_error() {
    let error = opened("/etc/kubernetes/admin.conf", "users: [geheim").unwrap_err();
    assert!(error.starts_with("/etc/kubernetes/admin.conf"), "{error}");
    assert!(!error.contains("geheim"), "{error}");
}

#[test]
fn certificates_are_always_verified() {
    let blind = kubeconfig(
        "    insecure-skip-tls-verify: true\nusers:\n- name: u\n  user: {token: geheim}\n",
    );
    let refusal = opened("/etc/kubernetes/admin.conf", &blind).unwrap_err();
    assert!(refusal.contains("always verified"), "{refusal}");
}
