//! Kubeconfigs as people have them: what each leads to, and how clearly a broken one is refused.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use kube_temper::{
    cluster::{Reader as _, client::ApiClient, read::Limits},
    model::cluster::Resource,
    node::memory::{FixedNode, MemoryFiles},
};

use super::{
    recorded,
    server::{Answer, ApiServer, Request, base64, kubeconfig, refused},
};

/// A server that wants these credentials.
fn wanting(good: fn(&Request) -> bool) -> ApiServer {
    ApiServer::start(
        move |request| {
            if good(request) { recorded(request) } else { refused(401, "Unauthorized") }
        },
    )
}

/// The version of the server, asked with this kubeconfig.
fn version(path: &Path, text: &str) -> Result<String, String> {
    fs::write(path, text).unwrap();
    let client = ApiClient::within(path.to_str().unwrap(), text.as_bytes(), Limits::OWN)
        .map_err(|error| error.to_string())?;
    let facts = client.read(&[Resource::Namespaces].into()).map_err(|error| error.to_string())?;
    assert_eq!(facts.namespaces.len(), 7);
    Ok(facts.version.unwrap())
}

fn script(path: &Path, text: &str) {
    // Written by another process: this one may be forking while the file is open for writing.
    let written = std::process::Command::new("/bin/sh")
        .args(["-c", "printf '%s' \"$1\" > \"$0\""])
        .args([path.to_str().unwrap(), text])
        .status()
        .unwrap();
    assert!(written.success());
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn every_kind_of_credentials_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let certified = wanting(|request| request.certificate);
    let token = wanting(|request| request.authorization == "Bearer sesame");
    let (certificate, key) = &certified.client;
    fs::create_dir(at("pki")).unwrap();
    fs::write(at("pki/client.crt"), certificate).unwrap();
    fs::write(at("pki/client.key"), key).unwrap();
    fs::write(at("token"), "sesame\n").unwrap();
    script(
        &at("login"),
        "#!/bin/sh\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"sesame\"}}'\n",
    );
    let login = at("login").display().to_string();
    let exec = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: {login}, interactiveMode: Never}}"
    );
    let relative = "client-certificate: pki/client.crt, client-key: pki/client.key";
    let several = token
        .kubeconfig("token: sesame")
        .replace("contexts: [", "contexts: [{name: other, context: {cluster: none, user: none}}, ");
    for (what, text) in [
        ("data", certified.trusted()),
        ("files beside it", certified.kubeconfig(relative)),
        ("a token", token.kubeconfig("token: sesame")),
        ("a token in a file", token.kubeconfig("tokenFile: token")),
        ("a program", token.kubeconfig(&exec)),
        ("several contexts", several),
    ] {
        assert_eq!(version(&at("config"), &text), Ok("v1.36.2".to_owned()), "{what}");
    }
    let wrong = version(&at("config"), &token.kubeconfig("token: guess")).unwrap_err();
    assert_eq!(wrong, "the API server does not accept these credentials");
}

#[test]
fn a_broken_kubeconfig_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let server = ApiServer::start(recorded);
    let good = server.kubeconfig("token: t");
    let skipping = good.replace("server: ", "insecure-skip-tls-verify: true, server: ");
    let plain = good.replace(&format!("https://127.0.0.1:{}", server.port), "http://10.0.0.1:8080");
    let failing = "exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/false, interactiveMode: Never}";
    for (text, words) in [
        ("\u{1}: [".to_owned(), "it is not a kubeconfig"),
        (good.replace("current-context: test", "current-context: gone"), "gone"),
        (good.replace("cluster: test", "cluster: gone"), "cluster"),
        (good.replace(&base64(&server.authority), "a=b=c"), "base64"),
        (server.kubeconfig("client-certificate: a.crt, client-key: a.key"), "a.crt"),
        (server.kubeconfig("tokenFile: no-token"), "no-token"),
        (server.kubeconfig(failing), "/bin/false"),
        (skipping, "TLS is always verified"),
        (plain, "is not an https:// address"),
    ] {
        let error = version(&path, &text).unwrap_err();
        assert!(error.starts_with(path.to_str().unwrap()), "{error}");
        let told = error.to_lowercase().contains(&words.to_lowercase());
        assert!(told, "{words}: {error}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_proxy_is_used_and_its_absence_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let server = ApiServer::start(recorded);
    for (scheme, proxy) in [("http", proxies::http as fn(u16) -> u16), ("socks5", proxies::socks5)]
    {
        let address = format!("{scheme}://127.0.0.1:{}", proxy(server.port));
        let through =
            server.trusted().replace("server: ", &format!("proxy-url: \"{address}\", server: "));
        assert_eq!(version(&path, &through), Ok("v1.36.2".to_owned()), "{scheme}");
    }
    let gone = server.trusted().replace("server: ", "proxy-url: \"http://127.0.0.1:1\", server: ");
    let error = version(&path, &gone).unwrap_err();
    assert!(error.starts_with("the API server does not answer: "), "{error}");
}

/// Proxies that lead everything to one port.
mod proxies {
    use std::{
        io::{self, Read as _, Write as _},
        net::{Ipv4Addr, TcpListener, TcpStream},
        thread,
    };

    fn listen(port: u16, greet: fn(&mut TcpStream) -> io::Result<()>) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut near in listener.incoming().flatten() {
                thread::spawn(move || -> io::Result<()> {
                    greet(&mut near)?;
                    let mut far = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
                    let (mut back, mut from) = (near.try_clone()?, far.try_clone()?);
                    thread::spawn(move || io::copy(&mut from, &mut back));
                    io::copy(&mut near, &mut far).map(drop)
                });
            }
        });
        own
    }

    pub fn http(port: u16) -> u16 {
        listen(port, |stream| {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte)?;
                head.push(byte[0]);
            }
            assert!(head.starts_with(b"CONNECT "));
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")
        })
    }

    pub fn socks5(port: u16) -> u16 {
        listen(port, |stream| {
            let mut hello = [0; 2];
            stream.read_exact(&mut hello)?;
            stream.read_exact(&mut vec![0; hello[1].into()])?;
            stream.write_all(&[5, 0])?;
            let mut request = [0; 10];
            stream.read_exact(&mut request)?;
            assert_eq!(request[..4], [5, 1, 0, 1], "connect to an IPv4 address");
            stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0])
        })
    }
}

#[test]
fn a_kubeconfig_of_the_node_starts_no_program_and_only_administrators_read() {
    let server = ApiServer::start(recorded);
    let exec = "exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true}";
    let files =
        |admin: &str| MemoryFiles::new().with_file("/etc/kubernetes/admin.conf", 0o600, admin);
    let read =
        |files: MemoryFiles| ApiClient::reader_of_node(&FixedNode::new(std::sync::Arc::new(files)));
    let refused = read(files(&server.kubeconfig(exec))).unwrap_err().to_string();
    assert!(refused.contains("name it with --kubeconfig"), "{refused}");
    let kubelet =
        MemoryFiles::new().with_file("/etc/kubernetes/kubelet.conf", 0o600, server.trusted());
    let none = read(kubelet).unwrap_err().to_string();
    assert!(none.contains("no administrator's kubeconfig"), "{none}");
    let reader = read(files(&server.trusted())).unwrap();
    assert_eq!(reader.read(&[Resource::Pods].into()).unwrap().pods.len(), 13);
}

#[test]
fn credentials_never_show() {
    let server = ApiServer::start(|_| Answer::Json(200, serde_json::json!({})));
    let text = kubeconfig("https://127.0.0.1:1", &server.authority, "token: hunter2");
    let client = ApiClient::within("/c.conf", text.as_bytes(), Limits::OWN).unwrap();
    assert!(!format!("{client:?}").contains("hunter2"));
    let broken = ApiClient::within("/c.conf", b"users: {token: hunter2", Limits::OWN).unwrap_err();
    assert!(!format!("{broken} {broken:?}").contains("hunter2"));
}
