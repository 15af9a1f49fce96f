//! A small component: reads flags as the real ones do, and tells or does what a test asks for.
//!
//! The test program is this component when it is started under a component's name.

use std::{
    fs,
    io::Write as _,
    process::{ExitCode, exit},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

use super::server::{Server, Speaks, response};

/// Flags every component here knows; the value of a bare one is `true`.
const KNOWN: [&str; 21] = [
    "feature-gates",
    "profiling",
    "v",
    "version",
    "tell",
    "hang",
    "mount",
    // of an API server
    "anonymous-auth",
    "audit-log-path",
    "audit-policy-file",
    "bind-address",
    "enable-admission-plugins",
    "endpoint-reconciler-type",
    "secure-port",
    "sick",
    // of a kubelet
    "cert-dir",
    "config",
    "config-dir",
    "container-runtime-endpoint",
    "node-ip",
    "root-dir",
];

/// Feature gates they know.
const GATES: [&str; 2] = ["AllBeta", "RotateKubeletServerCertificate"];

/// The first gate of a list that nobody knows, as the programs name it.
fn unknown_gate(list: &str) -> Option<String> {
    let names = list.split(',').filter_map(|gate| gate.split(['=', ':']).next());
    let unknown = names.map(str::trim).find(|name| !GATES.contains(name))?;
    Some(format!("unrecognized feature gate: {unknown}"))
}

/// Runs the component.
pub(crate) fn run(name: &str, arguments: &[String]) -> ExitCode {
    for argument in arguments {
        let Some((flag, value)) = flag(argument) else { return refuse(name, "unknown command") };
        if !KNOWN.contains(&flag) {
            return match name {
                "etcd" => refuse(name, &format!("flag provided but not defined: -{flag}")),
                _ => refuse(name, &format!("unknown flag: --{flag}")),
            };
        }
        // The kubelet looks at them only once it has its configuration.
        if flag == "feature-gates"
            && name != "kubelet"
            && let Some(why) = unknown_gate(value)
        {
            return refuse(name, &why);
        }
        if flag == "profiling" && value.parse::<bool>().is_err() {
            return refuse(name, &format!("invalid argument \"{value}\" for \"--profiling\" flag"));
        }
    }
    let value =
        |wanted: &str| arguments.iter().filter_map(|a| flag(a)).rfind(|(flag, _)| *flag == wanted);
    if value("hang").is_some() {
        wait();
    }
    match value("tell") {
        Some((_, "confinement")) => return refuse(name, &confinement()),
        Some((_, "flood")) => flood(),
        Some((_, file)) if file.starts_with("file:") => {
            let there = fs::metadata(&file["file:".len()..]).is_ok();
            return refuse(name, if there { "it is there" } else { "it is not there" });
        }
        _ => {}
    }
    if let Some((_, volume)) = value("mount") {
        mount_for_itself(volume);
    }
    if value("version").is_some() {
        println!("Kubernetes v1.36.2");
        return ExitCode::SUCCESS;
    }
    if let Some((_, config)) = value("config").filter(|_| value("root-dir").is_some()) {
        let folder = value("root-dir").unwrap().1;
        let gates = value("feature-gates").map_or("", |(_, gates)| gates);
        return refuse(name, &kubelet(config, folder, gates));
    }
    if value("enable-admission-plugins").is_some_and(|(_, plugin)| plugin == "Nonsense") {
        return refuse(name, "admission-control plugin \"Nonsense\" is unknown");
    }
    if let Some((_, file)) = value("audit-policy-file")
        && let Err(error) = fs::read(file)
    {
        return refuse(name, &format!("failed to read audit policy file {file}: {error}"));
    }
    if let Some((_, port)) = value("secure-port") {
        if value("audit-log-path").is_some() {
            return refuse(name, "this would write into the audit log");
        }
        assert_eq!(value("endpoint-reconciler-type"), Some(("endpoint-reconciler-type", "none")));
        assert_eq!(value("bind-address"), Some(("bind-address", "127.0.0.1")));
        let status = match (value("anonymous-auth"), value("sick")) {
            (Some((_, "false")), _) => 401,
            (_, Some(_)) => 500,
            _ => 200,
        };
        // An API server refuses at first, then its authorization works, then its hooks have run.
        let asked = AtomicUsize::new(0);
        let _server = Server::start_at(port.parse().unwrap(), Speaks::Https, move |_, _| {
            let status = match asked.fetch_add(1, Ordering::Relaxed) {
                0 => 403,
                1 | 2 => 500,
                _ => status,
            };
            Some(response(status, "told"))
        });
        wait();
    }
    println!("running");
    wait();
}

/// What a kubelet without kubeconfig and runtime ends with.
fn kubelet(config: &str, folder: &str, gates: &str) -> String {
    fs::create_dir(folder).unwrap();
    let text = fs::read_to_string(config).unwrap();
    let in_file = text.trim().strip_prefix("gates: ").unwrap_or("");
    let gates = [gates, in_file].into_iter().filter(|list| !list.is_empty());
    if let Some(why) = gates.filter_map(unknown_gate).next() {
        return format!("failed to set feature gates from initial flags-based config: {why}");
    }
    match text.trim() {
        "lenient" => {
            eprintln!("\"Using lenient decoding as strict decoding failed\" err=\"unknown field\"");
            "no client provided, cannot use webhook authentication".to_owned()
        }
        text if text == "good" || !in_file.is_empty() => {
            "validate CRI v1 runtime API for endpoint".to_owned()
        }
        text => format!("failed to load kubelet config file, path: {config}: {text}"),
    }
}

fn flag(argument: &str) -> Option<(&str, &str)> {
    let body = argument.strip_prefix('-')?.trim_start_matches('-');
    Some(body.split_once('=').unwrap_or((body, "true")))
}

fn refuse(name: &str, why: &str) -> ExitCode {
    if name == "etcd" {
        eprintln!("{why}\nUsage:\n\n  etcd [flags]\n    Start an etcd server.");
        return ExitCode::from(2);
    }
    eprintln!("Error: {why}");
    ExitCode::FAILURE
}

fn wait() -> ! {
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}

fn flood() {
    let line = [b'x'; 4096];
    for _ in 0..10_000 {
        if std::io::stdout().write_all(&line).is_err() {
            exit(9);
        }
    }
    println!();
}

/// A folder of the host at another place that only this process sees: what a container has.
fn mount_for_itself(volume: &str) {
    let (host, at) = volume.split_once(':').unwrap();
    let none: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
    mount(Some(host), at, none, MsFlags::MS_BIND, none).unwrap();
}

/// Everything a confined program can find out about itself, on one line.
fn confinement() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let status = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(",")
    };
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    // The first two lines are a heading; an empty network has a loopback that is down.
    let devices = fs::read_to_string("/proc/self/net/dev").unwrap().lines().count() - 2;
    let sent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", "127.0.0.1:9");
    let variables = std::env::vars_os().count();
    let input = fs::read_link("/proc/self/fd/0").unwrap();
    let open = fs::read_dir("/proc/self/fd").unwrap().count() - 1;
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let leads = stat.split(' ').nth(4) == Some(&std::process::id().to_string());
    format!(
        "uid={} gid={} groups=[{}] caps={}{}{}{}{} nnp={} core={} file={} open={} cpu={} devices={devices} sends={} env={variables} in={} fds={open} leads={leads} umask={} oom={}",
        status("Uid"),
        status("Gid"),
        status("Groups"),
        trimmed(&status("CapInh")),
        trimmed(&status("CapPrm")),
        trimmed(&status("CapEff")),
        trimmed(&status("CapBnd")),
        trimmed(&status("CapAmb")),
        status("NoNewPrivs"),
        limit("Max core file size"),
        limit("Max file size"),
        limit("Max open files"),
        limit("Max cpu time"),
        sent.is_ok(),
        input.display(),
        status("Umask"),
        fs::read_to_string("/proc/self/oom_score_adj").unwrap().trim(),
    )
}

fn trimmed(digits: &str) -> &str {
    match digits.trim_start_matches('0') {
        "" => "0",
        rest => rest,
    }
}
