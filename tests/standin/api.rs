//! Just enough of an API server: objects by their paths, kept in files, and who may ask for what.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{
    component::{Flags, health},
    orders::Orders,
    time::Since,
    wire::{self, Caller, Request},
};

/// Where objects are kept, each by its path.
const STORE: &str = "/standin/api";

/// How long its hooks take, in seconds.
const HOOKS: f64 = 2.0;

struct Server {
    anonymous: bool,
    profiling: bool,
    sick: bool,
    /// It has an etcd that it can ask.
    stored: bool,
    began: Since,
    /// One request changes objects at a time.
    writing: Mutex<()>,
}

/// Serves until the process ends.
pub(crate) fn start(flags: &Flags, orders: &Orders) {
    if flags.get("enable-admission-plugins").is_some_and(|list| list.contains("Nonsense")) {
        eprintln!("Error: admission-control plugin \"Nonsense\" is unknown");
        std::process::exit(1);
    }
    let server = Server {
        anonymous: flags.get("anonymous-auth") != Some("false")
            && orders.get("unauthorized").is_none(),
        profiling: flags.get("profiling") != Some("false"),
        sick: orders.get("sick").is_some(),
        stored: true,
        began: Since::now(),
        writing: Mutex::new(()),
    };
    let host: IpAddr = flags.get("bind-address").unwrap_or("0.0.0.0").parse().unwrap();
    let port = flags.get("secure-port").unwrap_or("6443").parse().unwrap();
    let file = |name: &str| flags.get(name).unwrap();
    let tls = wire::server(
        file("tls-cert-file"),
        file("tls-private-key-file"),
        Some(file("client-ca-file")),
    );
    if flags.get("endpoint-reconciler-type") != Some("none") {
        endpoints();
    }
    let answer = move |request: &Request| server.answer(request);
    wire::listen(SocketAddr::new(host, port), Some(tls), Arc::new(answer));
}

/// The API server of another machine: a worker's.
pub(crate) fn elsewhere() -> ! {
    let server = Server {
        anonymous: true,
        profiling: false,
        sick: false,
        stored: false,
        began: Since::now(),
        writing: Mutex::new(()),
    };
    let pki = |name: &str| format!("/standin/pki/{name}");
    let tls = wire::server(&pki("apiserver.crt"), &pki("apiserver.key"), Some(&pki("ca.crt")));
    let answer = move |request: &Request| server.answer(request);
    wire::listen("10.77.0.10:6443".parse().unwrap(), Some(tls), Arc::new(answer));
    loop {
        std::thread::park();
    }
}

fn endpoints() {
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "endpoints": [{"addresses": ["10.77.0.10"]}],
        "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
    });
    let path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes";
    fs::write(file(path), slice.to_string()).unwrap();
}

fn file(path: &str) -> String {
    format!("{STORE}/{}", path.replace('/', "%"))
}

fn refused(code: u16, reason: &str) -> (u16, String) {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason,
        "reason": reason, "code": code,
    });
    (code, status.to_string())
}

impl Server {
    fn answer(&self, request: &Request) -> (u16, String) {
        let health = health(request, self.is_ready());
        match &request.who {
            None if !self.anonymous => return refused(401, "Unauthorized"),
            None => return health.unwrap_or_else(|| refused(403, "Forbidden")),
            Some(who) if !may(who, request) => return refused(403, "Forbidden"),
            Some(_) => {}
        }
        if let Some(answer) = health {
            return answer;
        }
        if request.path.starts_with("/debug/pprof") {
            return if self.profiling { (200, String::new()) } else { refused(404, "NotFound") };
        }
        self.object(request)
    }

    fn is_ready(&self) -> bool {
        let etcd = || Caller::anonymous().get("http://127.0.0.1:2381/readyz");
        !self.sick
            && self.began.seconds() > HOOKS
            && (!self.stored || etcd().is_some_and(|(status, _)| status == 200))
    }

    fn object(&self, request: &Request) -> (u16, String) {
        let path = &request.path;
        let stored = |path: &str| fs::read_to_string(file(path)).ok();
        match request.method.as_str() {
            "GET" => match stored(path) {
                Some(text) => (200, text),
                None => list(path),
            },
            "POST" => {
                let name = request.body["metadata"]["name"].as_str().unwrap();
                self.write(&format!("{path}/{name}"), &request.body, true)
            }
            "PUT" => self.write(path, &request.body, false),
            other => panic!("{other} {path}"),
        }
    }

    /// Of two that write at once one is told so.
    fn write(&self, path: &str, sent: &Value, new: bool) -> (u16, String) {
        let _one = self.writing.lock().unwrap();
        let old: Option<Value> =
            fs::read(file(path)).ok().map(|text| serde_json::from_slice(&text).unwrap());
        let version =
            |object: &Value| object["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        let (now, expected) = (old.as_ref().and_then(version), version(sent));
        if (new && old.is_some()) || (expected.is_some() && expected != now) {
            return refused(409, "Conflict");
        }
        let mut object = sent.clone();
        let next = now.map_or(1, |now| now.parse::<u64>().unwrap() + 1);
        object["metadata"]["resourceVersion"] = next.to_string().into();
        let text = object.to_string();
        // Whoever reads meanwhile sees one or the other.
        fs::write(file("/new"), &text).unwrap();
        fs::rename(file("/new"), file(path)).unwrap();
        (if old.is_some() { 200 } else { 201 }, text)
    }
}

fn list(path: &str) -> (u16, String) {
    let prefix = format!("{}%", path.replace('/', "%"));
    let names =
        fs::read_dir(STORE).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let items: Vec<Value> = names
        .filter(|name| name.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('%')))
        .map(|name| serde_json::from_slice(&fs::read(format!("{STORE}/{name}")).unwrap()).unwrap())
        .collect();
    if items.is_empty() {
        return refused(404, "NotFound");
    }
    (200, json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}).to_string())
}

/// A node knows itself, its lease and its pods; others of the cluster know everything.
fn may(who: &str, request: &Request) -> bool {
    let own = [
        "/livez",
        "/readyz",
        "/api/v1/nodes/",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/",
        "/api/v1/namespaces/kube-system/pods",
    ];
    !who.contains("system:node:") || own.iter().any(|path| request.path.starts_with(path))
}
