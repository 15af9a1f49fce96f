//! A small component: reads flags as pflag does, serves its health, leads by a lease, and does wrong when
//! it is told to.

use std::{
    net::{IpAddr, SocketAddr},
    process::{ExitCode, exit},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use super::{
    api,
    orders::Orders,
    time::{Since, now, pause},
    wire::{self, Caller, Request},
};

/// Flags a component knows beside those it is recorded with.
const KNOWN: [&str; 14] = [
    "anonymous-auth",
    "audit-log-path",
    "bind-address",
    "enable-admission-plugins",
    "endpoint-reconciler-type",
    "feature-gates",
    "profiling",
    "request-timeout",
    "secure-port",
    "service-account-extend-token-expiration",
    "service-account-lookup",
    "terminated-pod-gc-threshold",
    "v",
    "version",
];

/// Where leases of the control plane are.
const LEASES: &str =
    "https://10.77.0.10:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

/// `leaseDurationSeconds`, and after how long without a renewal a leader gives up.
const LEASE: i64 = 15;
const GIVES_UP: f64 = 10.0;

/// The arguments of a component.
pub(crate) struct Flags(Vec<(String, String)>);

impl Flags {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let mut flags = Vec::new();
        for argument in arguments {
            let Some(body) = argument.strip_prefix("--") else {
                return Err(format!("unknown command \"{argument}\""));
            };
            let (name, value) = body.split_once('=').unwrap_or((body, "true"));
            flags.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(flags))
    }

    /// The last one wins.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rfind(|(flag, _)| flag == name).map(|(_, value)| value.as_str())
    }
}

/// Runs the component.
pub(crate) fn run(name: &str, arguments: &[String]) -> ExitCode {
    let orders = Orders::of(name, &arguments.join(" "));
    let flags = match Flags::read(arguments).and_then(|flags| known(name, flags, &orders)) {
        Ok(flags) => flags,
        Err(why) => return refuse(name, &why),
    };
    if flags.get("version").is_some() {
        println!("Kubernetes v1.36.2");
        return ExitCode::SUCCESS;
    }
    if let Some(why) = orders.get("refuse") {
        return refuse(name, why);
    }
    let stops = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&stops)).unwrap();
    if let Some(seconds) = orders.seconds("crash") {
        thread::spawn(move || {
            pause(seconds);
            eprintln!("panic: it was told to");
            exit(2);
        });
    }
    pause(orders.seconds("slow-start").unwrap_or(1.0));
    match name {
        "kube-apiserver" => api::start(&flags, &orders),
        "etcd" => etcd(&orders),
        _ => controller(name, &flags, &orders),
    }
    while !stops.load(Ordering::SeqCst) {
        pause(0.5);
    }
    pause(orders.seconds("slow-stop").unwrap_or(if name == "kube-apiserver" { 5.0 } else { 0.5 }));
    ExitCode::SUCCESS
}

/// The flags it was recorded with and those above; a value that is no boolean is refused as pflag refuses it.
fn known(name: &str, flags: Flags, orders: &Orders) -> Result<Flags, String> {
    let recorded = std::fs::read_to_string(format!("/standin/known/{name}")).unwrap();
    for (flag, value) in &flags.0 {
        let known = KNOWN.contains(&flag.as_str()) || recorded.lines().any(|line| line == flag);
        if !known || orders.get("unknown") == Some(flag) {
            return Err(match name {
                "etcd" => format!("flag provided but not defined: -{flag}"),
                _ => format!("unknown flag: --{flag}"),
            });
        }
        if flag == "profiling" && value.parse::<bool>().is_err() {
            return Err(format!("invalid argument \"{value}\" for \"--{flag}\" flag"));
        }
    }
    Ok(flags)
}

fn refuse(name: &str, why: &str) -> ExitCode {
    eprintln!("{}{why}", if name == "etcd" { "" } else { "Error: " });
    ExitCode::from(if name == "etcd" { 2 } else { 1 })
}

/// Health as all of them serve it; nothing for other paths.
pub(crate) fn health(request: &Request, healthy: bool) -> Option<(u16, String)> {
    matches!(request.path.as_str(), "/livez" | "/readyz" | "/healthz")
        .then(|| if healthy { (200, "ok".to_owned()) } else { (500, "[-]told failed".to_owned()) })
}

fn etcd(orders: &Orders) {
    let healthy = orders.get("sick").is_none();
    let answer =
        move |request: &Request| health(request, healthy).unwrap_or_else(|| (404, String::new()));
    wire::listen("127.0.0.1:2381".parse().unwrap(), None, Arc::new(answer));
}

fn controller(name: &str, flags: &Flags, orders: &Orders) {
    let port = if name == "kube-scheduler" { 10_259 } else { 10_257 };
    let host: IpAddr = flags.get("bind-address").unwrap_or("0.0.0.0").parse().unwrap();
    let healthy = orders.get("sick").is_none();
    let answer =
        move |request: &Request| health(request, healthy).unwrap_or_else(|| (403, String::new()));
    let tls = wire::server("/standin/pki/component.crt", "/standin/pki/component.key", None);
    wire::listen(SocketAddr::new(host, port), Some(tls), Arc::new(answer));
    let name = name.to_owned();
    thread::spawn(move || lead(&name));
}

/// Takes the lease when nobody has it, renews it every two seconds, and ends when it cannot.
fn lead(name: &str) {
    let caller = Caller::of("controller");
    let url = format!("{LEASES}/{name}");
    let own = format!("cp1_{}", std::process::id());
    let mut renewed: Option<Since> = None;
    loop {
        let found = caller.get(&url);
        let free = match &found {
            Some((200, lease)) => {
                holder(lease).is_none_or(|holder| holder == own) || is_over(lease)
            }
            Some((404, _)) => true,
            _ => false,
        };
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": name, "namespace": "kube-system"},
            "spec": {"holderIdentity": own, "leaseDurationSeconds": LEASE, "renewTime": stamp()},
        });
        if free && matches!(caller.put(&url, &lease), Some(200 | 201)) {
            renewed = Some(Since::now());
        } else if renewed.is_some_and(|renewed| renewed.seconds() > GIVES_UP) {
            eprintln!("E1124 leaderelection.go:340] \"leaderelection lost\"");
            exit(1);
        }
        pause(2.0);
    }
}

/// A moment as Kubernetes writes it.
pub(crate) fn stamp() -> String {
    format!("{:.6}", now())
}

fn holder(lease: &Value) -> Option<&str> {
    lease["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty())
}

fn is_over(lease: &Value) -> bool {
    let renewed =
        lease["spec"]["renewTime"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    renewed.is_none_or(|at| now().duration_since(at).as_secs() > LEASE)
}
