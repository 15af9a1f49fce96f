#![allow(clippy::disallowed_methods, reason = "tests write the files of a node from outside")]

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, path::Path};

use super::{
    super::stub::{Server, Speaks, certificate, redirect, response},
    *,
};

/// A node in a folder, with a kubelet in its `/proc` and this configuration.
struct Fake {
    top: tempfile::TempDir,
}

impl Fake {
    fn new(arguments: &[&str], config: &str) -> Self {
        let fake = Self { top: tempfile::tempdir().unwrap() };
        fake.write("proc/1/comm", "systemd\n");
        fake.write("proc/1/cgroup", "0::/init.scope\n");
        let config = format!("kind: KubeletConfiguration\n{config}");
        fake.write("var/lib/kubelet/config.yaml", &config);
        let argv: Vec<&str> = ["kubelet", "--config=/var/lib/kubelet/config.yaml"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        for (file, text) in [
            ("comm", "kubelet\n".to_owned()),
            ("cmdline", format!("{}\0", argv.join("\0"))),
            ("stat", "77 (kubelet) S 1 77 77 0 -1 0 0 0 0 0 0 0 0 0 20 0 9 0 500 0 0".to_owned()),
            ("status", "Uid:\t0\t0\t0\t0\n".to_owned()),
            ("cgroup", "0::/system.slice/kubelet.service\n".to_owned()),
        ] {
            fake.write(&format!("proc/77/{file}"), &text);
        }
        fake
    }

    fn root(&self) -> &Path {
        self.top.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn kubelet(&self) -> HostKubelet {
        let files = Arc::new(DirFiles::read_only(self.root()).unwrap());
        HostKubelet::new(files, SystemClock::new())
    }
}

fn probe(port: u16, path: Option<&str>) -> Probe {
    Probe {
        path: path.map(str::to_owned),
        host: Some("127.0.0.1".to_owned()),
        port,
        tls: false,
        headers: Vec::new(),
        initial_delay: 0,
        period: 10,
        timeout: 30,
        failure_threshold: 3,
    }
}

fn ask(probe: &Probe) -> ProbeAnswer {
    Fake::new(&[], "").kubelet().probe(probe)
}

#[test]
fn a_probe_is_the_request_the_kubelet_makes() {
    let server = Server::start(Speaks::Https, |_, known| {
        assert!(!known);
        Some(response(200, "ok"))
    });
    let path = Some("/health?exclude=NOSPACE&serializable=true");
    let mut asked = Probe { tls: true, ..probe(server.port, path) };
    asked.headers = vec![("X-Probe".to_owned(), "yes".to_owned())];
    assert_eq!(ask(&asked), ProbeAnswer::Status(200));
    let [request] = server.requests().try_into().unwrap();
    let lines: Vec<String> = request.lines().map(str::to_ascii_lowercase).collect();
    assert_eq!(lines[0], "get /health?exclude=nospace&serializable=true http/1.1");
    assert!(lines.contains(&"x-probe: yes".to_owned()), "{request}");
    assert!(lines.contains(&format!("host: 127.0.0.1:{}", server.port)), "{request}");
    assert!(lines.iter().any(|line| line.starts_with("user-agent: kube-probe/")), "{request}");
    assert!(!lines.iter().any(|line| line.starts_with("authorization")), "{request}");
}

#[test]
fn every_status_is_told_and_redirects_are_followed_within_the_host() {
    let server = Server::start(Speaks::Http, |head, _| {
        let path = head.split(' ').nth(1).unwrap();
        Some(match path.strip_prefix("/status/").map(|status| status.parse().unwrap()) {
            Some(status) => response(status, "x"),
            None if path == "/within" => redirect(302, "/status/500"),
            None if path == "/outside" => redirect(302, "http://192.0.2.1/status/500"),
            None => redirect(307, path),
        })
    });
    let status = ProbeAnswer::Status;
    for (path, want) in [
        ("/status/200", status(200)),
        ("/status/204", status(204)),
        ("/status/401", status(401)),
        ("/status/403", status(403)),
        ("/status/500", status(500)),
        ("/within", status(500)),
        ("/outside", status(302)),
        ("/circle", ProbeAnswer::Broken),
    ] {
        assert_eq!(ask(&probe(server.port, Some(path))), want, "{path}");
    }
    assert!(status(302).is_success());
    assert!(!ProbeAnswer::Broken.is_success());
}

#[test]
fn silence_has_its_kinds() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(ask(&probe(closed, Some("/"))), ProbeAnswer::Refused);
    assert_eq!(ask(&probe(closed, None)), ProbeAnswer::Refused);
    let silent = Server::start(Speaks::Http, |_, _| None);
    let impatient = Probe { timeout: 1, ..probe(silent.port, Some("/")) };
    assert_eq!(ask(&impatient), ProbeAnswer::TimedOut);
    // A TCP probe asks for no more than the connection.
    assert_eq!(ask(&probe(silent.port, None)), ProbeAnswer::Status(200));
    let plain = Server::start(Speaks::Http, |_, _| Some(response(200, "")));
    assert!(!ask(&Probe { tls: true, ..impatient.clone() }).is_success());
    let odd = Server::start(Speaks::Http, |_, _| Some("what?\r\n\r\n".to_owned()));
    assert_eq!(ask(&probe(odd.port, Some("/"))), ProbeAnswer::Broken);
    let nobody = Probe { host: Some("no host".to_owned()), ..probe(plain.port, Some("/")) };
    assert_eq!(ask(&nobody), ProbeAnswer::Broken);
}

#[test]
fn a_probe_without_a_host_asks_the_nodes_own_address() {
    let server = Server::start(Speaks::Http, |_, _| Some(response(200, "")));
    let own = Probe { host: None, ..probe(server.port, Some("/")) };
    let named = Fake::new(&["--node-ip=127.0.0.1"], "");
    assert_eq!(named.kubelet().probe(&own), ProbeAnswer::Status(200));
    assert_eq!(named.kubelet().own_address(), LOOPBACK);
    assert_eq!(Fake::new(&["--node-ip", "::1"], "").kubelet().own_address().to_string(), "::1");
    // Not named, or only "any": the address of the default route, else the loopback.
    for arguments in [&["--node-ip=0.0.0.0"][..], &["--hostname-override=cp1"], &[]] {
        let address = Fake::new(arguments, "").kubelet().own_address();
        assert_eq!(address, default_address().unwrap_or(LOOPBACK), "{arguments:?}");
    }
}

#[test]
fn health_is_asked_where_the_configuration_says() {
    let health = |arguments: &[&str], config: &str| {
        let fake = Fake::new(arguments, config);
        super::health(&RunningKubelet::find(fake.kubelet().files.as_ref()).unwrap())
    };
    let at = |url: &str| Health::At(url.to_owned());
    let server = |url: &str| Health::Server(url.to_owned());
    for (arguments, config, want) in [
        (&[][..], "", at("http://127.0.0.1:10248/healthz")),
        (&[], "healthzPort: 10299\n", at("http://127.0.0.1:10299/healthz")),
        (&[], "healthzBindAddress: 0.0.0.0\n", at("http://127.0.0.1:10248/healthz")),
        (&[], "healthzBindAddress: 10.0.0.7\n", at("http://10.0.0.7:10248/healthz")),
        (&[], "healthzBindAddress: '::'\n", at("http://[::1]:10248/healthz")),
        (&["--healthz-port=10300"], "healthzPort: 10299\n", at("http://127.0.0.1:10300/healthz")),
        (&[], "healthzPort: 0\n", server("https://127.0.0.1:10250/healthz")),
        (
            &["--healthz-port", "0", "--port=10251"],
            "address: '10.0.0.7'\n",
            server("https://10.0.0.7:10251/healthz"),
        ),
    ] {
        assert_eq!(health(arguments, config), want, "{arguments:?} {config}");
    }
}

#[test]
fn healthy_is_a_running_kubelet_that_answers() {
    let good = Server::start(Speaks::Http, |head, _| {
        Some(response(if head.starts_with("GET /healthz ") { 200 } else { 404 }, "ok"))
    });
    let sick = Server::start(Speaks::Http, |_, _| Some(response(500, "")));
    let guarded = Server::start(Speaks::Https, |_, _| Some(response(401, "")));
    let healthy = |config: String| Fake::new(&[], &config).kubelet().healthy();
    assert!(healthy(format!("healthzPort: {}\n", good.port)));
    assert!(!healthy(format!("healthzPort: {}\n", sick.port)));
    assert!(healthy(format!("healthzPort: 0\nport: {}\n", guarded.port)));
    assert!(!healthy(format!("healthzPort: 0\nport: {}\n", sick.port)));
    let gone = Fake::new(&[], &format!("healthzPort: {}\n", good.port));
    fs::remove_dir_all(gone.root().join("proc/77")).unwrap();
    assert!(!gone.kubelet().healthy());
}

const HASH: &str = "2b6aae3df1852cc7043f7618430ee72f";

fn pod(hash: &str, container: &str, more: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"x","namespace":"kube-system","annotations":{{"kubernetes.io/config.hash":"{hash}","kubernetes.io/config.source":"file"}}{more}}},
        "status":{{"containerStatuses":[{{"name":"{container}","ready":true,"started":true,"restartCount":2,"state":{{}}}}]}}}}"#
    )
}

/// A kubelet that tells its pods to one certificate only.
fn telling(pods: String, known: bool) -> (Fake, Server, String) {
    let (client, key) = certificate("kube-apiserver-kubelet-client");
    let speaks = if known { Speaks::HttpsKnowing(client.der().clone()) } else { Speaks::Https };
    let server = Server::start(speaks, move |head, known| {
        assert!(head.starts_with("GET /pods "), "{head}");
        Some(if known { response(200, &pods) } else { response(401, "Unauthorized") })
    });
    let fake = Fake::new(&[], &format!("port: {}\n", server.port));
    fake.write(&CERTIFICATE[1..], &client.pem());
    let key = key.serialize_pem();
    fake.write(&KEY[1..], &key);
    (fake, server, key)
}

#[test]
fn the_kubelet_says_how_a_static_pod_is() {
    let other = "0000000000000000000000000000000a";
    let list = [
        pod(other, "kube-scheduler", r#","deletionTimestamp":"2026-11-24T00:00:00Z""#),
        pod(HASH, "kube-scheduler", ""),
        pod(HASH, "etcd", "").replace("kube-system", "tenant"),
        pod(HASH, "kube-apiserver", "").replace("\"file\"", "\"api\""),
        r#"{"metadata":{"namespace":"kube-system"}}"#.to_owned(),
    ];
    let list = format!(r#"{{"kind":"PodList","metadata":{{}},"items":[{}]}}"#, list.join(","));
    let (fake, server, _) = telling(list, true);
    let kubelet = fake.kubelet();
    let status = kubelet.pod_status(Component::KubeScheduler).unwrap();
    let want = PodStatus { pod: HASH.to_owned(), started: true, ready: true, restarts: 2 };
    assert_eq!(status, Some(want));
    // A tenant's pod, a pod from the API, and one that is not there.
    for other in [Component::Etcd, Component::KubeApiserver, Component::KubeControllerManager] {
        assert_eq!(kubelet.pod_status(other).unwrap(), None, "{other}");
    }
    // One list serves all who ask within a moment.
    assert!(server.requests().len() < 4, "{}", server.requests().len());
}

#[test]
fn a_kubelet_that_does_not_tell_is_no_verdict_and_no_key_is_shown() {
    let (fake, _server, key) = telling(String::new(), false);
    let kubelet = fake.kubelet();
    let ask = || kubelet.pod_status(Component::KubeScheduler);
    assert_eq!(ask(), Ok(None));
    let secret = key.lines().nth(1).unwrap();
    assert!(!format!("{kubelet:?}").contains(secret));
    for broken in ["", "no key", &key.replace('M', "x")] {
        fake.write(&KEY[1..], broken);
        assert_eq!(ask(), Ok(None), "{broken}");
    }
    fs::remove_file(fake.root().join(&KEY[1..])).unwrap();
    assert_eq!(ask(), Ok(None));
    fs::set_permissions(fake.root().join("proc/77"), fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(ask(), Ok(None));
    for list in ["", "[]", "{}", r#"{"items":[{}]}"#] {
        let (fake, _server, _) = telling(list.to_owned(), true);
        assert_eq!(fake.kubelet().pod_status(Component::Etcd), Ok(None), "{list}");
    }
}
