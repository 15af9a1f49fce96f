//! A small kubelet: watches the manifest folder, keeps static pods, tells what it knows of them, renews the
//! node's lease, and restarts as the real one does, without its containers.

use std::{
    collections::BTreeMap,
    fs,
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use super::{
    component::stamp,
    manifest,
    orders::Orders,
    pods::{Pods, Status},
    time::{Since, pause},
    wire::{self, Caller, Request},
};

const API: &str = "https://10.77.0.10:6443";

/// How often it renews the node's lease, in seconds.
const RENEWS: f64 = 10.0;

/// How often it reports its static pods.
const REPORTS: f64 = 1.0;

/// Runs it.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let value = |name: &str| {
        let flag =
            |argument: &String| Some(argument.strip_prefix(name)?.strip_prefix('=')?.to_owned());
        arguments.iter().rev().find_map(flag)
    };
    if arguments.iter().any(|argument| argument == "--version") {
        println!("Kubernetes v1.36.2");
        return ExitCode::SUCCESS;
    }
    let path = value("--config").unwrap();
    let text = fs::read_to_string(&path).unwrap_or_default();
    let orders = Orders::of("kubelet", &format!("{}\n{text}", arguments.join(" ")));
    let config = match configuration(&text) {
        Ok(config) => config,
        Err(why) => {
            eprintln!(
                "E1124 run.go:72] \"command failed\" err=\"failed to load kubelet config file, path: {path}, error: {why}\""
            );
            return ExitCode::FAILURE;
        }
    };
    if value("--kubeconfig").is_none() {
        eprintln!(
            "E1124 run.go:72] \"command failed\" err=\"failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint\""
        );
        return ExitCode::FAILURE;
    }
    if let Some(why) = orders.get("refuse") {
        eprintln!("E1124 run.go:72] \"command failed\" err=\"{why}\"");
        return ExitCode::FAILURE;
    }
    let stops = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stops)).unwrap();
    let status = Arc::new(Mutex::new(Vec::new()));
    serve(&config, &status);
    let reached = Arc::new(AtomicBool::new(false));
    let (shared, seen) = (Arc::clone(&status), Arc::clone(&reached));
    if orders.get("silent").is_none() {
        thread::spawn(move || report(&shared, &seen));
    }
    let crash = orders.seconds("crash").map(|seconds| (Since::now(), seconds));
    let mut pods = Pods::adopt();
    let mut folder = manifest::Folder::new(config["staticPodPath"].as_str().unwrap_or("/none"));
    while !stops.load(Ordering::SeqCst) {
        if crash.is_some_and(|(since, seconds)| since.seconds() > seconds) {
            eprintln!("panic: it was told to");
            return ExitCode::from(2);
        }
        pods.step(folder.pods(), reached.load(Ordering::SeqCst));
        *status.lock().unwrap() = pods.status();
        pause(0.2);
    }
    ExitCode::SUCCESS
}

/// Its configuration, or what it says of one it does not take.
fn configuration(text: &str) -> Result<Value, String> {
    let config: Value = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    if config["kind"] != "KubeletConfiguration" {
        return Err("no kind \"KubeletConfiguration\" is registered".to_owned());
    }
    for (field, wanted) in [("readOnlyPort", "int32"), ("podPidsLimit", "int64")] {
        if config.get(field).is_some_and(|value| !value.is_number()) {
            return Err(format!(
                "json: cannot unmarshal into Go struct field {field} of type {wanted}"
            ));
        }
    }
    Ok(config)
}

fn serve(config: &Value, status: &Arc<Mutex<Vec<Status>>>) {
    let health = |request: &Request| match request.path.as_str() {
        "/healthz" => (200, "ok".to_owned()),
        _ => (404, String::new()),
    };
    wire::listen("127.0.0.1:10248".parse().unwrap(), None, Arc::new(health));
    let authority = config["authentication"]["x509"]["clientCAFile"].as_str();
    let pki = "/var/lib/kubelet/pki";
    let tls = wire::server(&format!("{pki}/kubelet.crt"), &format!("{pki}/kubelet.key"), authority);
    let status = Arc::clone(status);
    let answer = move |request: &Request| match (&request.who, request.path.as_str()) {
        (None, _) => (401, "Unauthorized".to_owned()),
        (Some(_), "/pods") => {
            let pods: Vec<Value> = status.lock().unwrap().iter().map(pod).collect();
            (200, json!({"kind": "PodList", "apiVersion": "v1", "items": pods}).to_string())
        }
        (Some(_), _) => (404, String::new()),
    };
    wire::listen("0.0.0.0:10250".parse().unwrap(), Some(tls), Arc::new(answer));
}

fn pod(status: &Status) -> Value {
    let Status { name, hash, started, ready, restarts } = status;
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{name}-cp1"), "namespace": "kube-system",
            "annotations": {
                "kubernetes.io/config.hash": hash, "kubernetes.io/config.mirror": hash,
                "kubernetes.io/config.source": "file",
            },
        },
        "status": {"containerStatuses": [{
            "name": name, "image": "", "imageID": "",
            "started": started, "ready": ready, "restartCount": restarts,
        }]},
    })
}

/// Tells the API server that the node is Ready, renews its lease, and keeps the mirror pods.
fn report(status: &Mutex<Vec<Status>>, reached: &AtomicBool) {
    let caller = Caller::of("kubelet");
    let name = fs::read_to_string("/standin/name").unwrap();
    let put = |path: String, object: &Value| {
        matches!(caller.put(&format!("{API}{path}"), object), Some(200 | 201))
    };
    let node = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.77.0.10"}],
        },
    });
    let mut renewed: Option<Since> = None;
    let mut told = BTreeMap::new();
    loop {
        if renewed.is_none_or(|renewed| renewed.seconds() > RENEWS)
            && put(format!("/api/v1/nodes/{name}"), &node)
        {
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                "metadata": {"name": name, "namespace": "kube-node-lease"},
                "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": stamp()},
            });
            let path =
                format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}");
            if put(path, &lease) {
                renewed = Some(Since::now());
                reached.store(true, Ordering::SeqCst);
            }
        }
        let pods = status.lock().unwrap().clone();
        for status in &pods {
            let path = format!("/api/v1/namespaces/kube-system/pods/{}-cp1", status.name);
            if told.get(&status.name) != Some(status) && put(path, &pod(status)) {
                told.insert(status.name.clone(), status.clone());
            }
        }
        pause(REPORTS);
    }
}
