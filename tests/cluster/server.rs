//! An API server on the loopback: TLS, kept connections, pages, and every way to answer badly.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use serde_json::{Value, json};

/// One request, as far as an answer depends on it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub accept: String,
    pub authorization: String,
    pub content_type: String,
    pub body: String,
    /// A client certificate of the server's authority came with it.
    pub certificate: bool,
}

/// How the server answers.
pub enum Answer {
    Json(u16, Value),
    /// A body that was written before.
    Ready(Arc<str>),
    /// With `Retry-After`.
    Later(u64),
    /// The first half of what it promised.
    Cut(String),
    /// As much as anybody takes.
    Endless,
    /// Nothing, while the connection stays open.
    Silence,
}

type Answers = dyn Fn(&Request) -> Answer + Send + Sync;

/// What is wrong with its certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    Good,
    OfAnotherName,
    Expired,
}

/// A server that listens until the test program ends.
pub struct ApiServer {
    pub port: u16,
    /// Its authority, in PEM.
    pub authority: String,
    /// A certificate and key that it knows, in PEM.
    pub client: (String, String),
    requests: Arc<Mutex<Vec<Request>>>,
}

impl ApiServer {
    pub fn start(answers: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::with_certificate(Certificate::Good, answers)
    }

    pub fn with_certificate(
        certificate: Certificate,
        answers: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let name = if certificate == Certificate::OfAnotherName { "10.9.9.9" } else { "127.0.0.1" };
        let (own, own_key) = signed(&issuer, name, certificate == Certificate::Expired);
        let (client, client_key) = signed(&issuer, "client", false);
        let config = Arc::new(config(authority.der().clone(), own.der().clone(), &own_key));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers): (_, Arc<Answers>) = (Arc::clone(&requests), Arc::new(answers));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, seen, answers) = (config.clone(), seen.clone(), answers.clone());
                stream.set_nodelay(true).unwrap();
                thread::spawn(move || {
                    let connection = ServerConnection::new(config).unwrap();
                    serve(StreamOwned::new(connection, stream), &seen, &*answers)
                });
            }
        });
        Self {
            port,
            authority: authority.pem(),
            client: (client.pem(), client_key.serialize_pem()),
            requests,
        }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// A kubeconfig for it; `user` is what its user is, as a flow mapping without braces.
    pub fn kubeconfig(&self, user: &str) -> String {
        kubeconfig(&format!("https://127.0.0.1:{}", self.port), &self.authority, user)
    }

    /// A kubeconfig with the certificate it knows.
    pub fn trusted(&self) -> String {
        let (certificate, key) = &self.client;
        self.kubeconfig(&format!(
            "client-certificate-data: {}, client-key-data: {}",
            base64(certificate),
            base64(key)
        ))
    }
}

pub fn kubeconfig(server: &str, authority: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n\
         clusters: [{{name: test, cluster: {{server: \"{server}\", certificate-authority-data: {}}}}}]\n\
         users: [{{name: test, user: {{{user}}}}}]\n",
        base64(authority)
    )
}

pub fn base64(text: &str) -> String {
    use base64ct::Encoding as _;
    base64ct::Base64::encode_string(text.as_bytes())
}

fn signed(
    issuer: &rcgen::Issuer<'_, rcgen::KeyPair>,
    name: &str,
    expired: bool,
) -> (rcgen::Certificate, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.extended_key_usages = vec![
        rcgen::ExtendedKeyUsagePurpose::ServerAuth,
        rcgen::ExtendedKeyUsagePurpose::ClientAuth,
    ];
    if expired {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    }
    (params.signed_by(&key, issuer).unwrap(), key)
}

fn config(
    authority: CertificateDer<'static>,
    own: CertificateDer<'static>,
    key: &rcgen::KeyPair,
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![own], key)
        .unwrap()
}

/// Answers until the client has gone.
fn serve(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    seen: &Mutex<Vec<Request>>,
    answers: &Answers,
) -> std::io::Result<()> {
    loop {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let (mut request, length) = parsed(&String::from_utf8(head).unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        request.body = String::from_utf8(body).unwrap();
        request.certificate = stream.conn.peer_certificates().is_some();
        let answer = answers(&request);
        seen.lock().unwrap().push(request);
        match answer {
            Answer::Json(status, body) => {
                let body = body.to_string();
                write!(stream, "{}{body}", head_of(status, body.len(), ""))?;
            }
            Answer::Ready(body) => {
                write!(stream, "{}{body}", head_of(200, body.len(), ""))?;
            }
            Answer::Later(seconds) => {
                let again = format!("Retry-After: {seconds}\r\n");
                write!(stream, "{}", head_of(429, 0, &again))?;
            }
            Answer::Cut(text) => {
                write!(stream, "{}{text}", head_of(200, text.len() * 2, ""))?;
                stream.flush()?;
                return Ok(());
            }
            Answer::Endless => {
                write!(stream, "{}", head_of(200, usize::MAX >> 4, ""))?;
                let blanks = vec![b' '; 1 << 16];
                loop {
                    stream.write_all(&blanks)?;
                }
            }
            Answer::Silence => return stream.read_exact(&mut byte),
        }
        stream.flush()?;
    }
}

fn head_of(status: u16, length: usize, more: &str) -> String {
    format!(
        "HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\n{more}Content-Length: {length}\r\n\r\n"
    )
}

/// A request without its body, and how long that is.
fn parsed(head: &str) -> (Request, usize) {
    let [method, target] = [0, 1].map(|part| head.split(' ').nth(part).unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    };
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        accept: header("accept").to_owned(),
        authorization: header("authorization").to_owned(),
        content_type: header("content-type").to_owned(),
        ..Request::default()
    };
    (request, header("content-length").parse().unwrap_or(0))
}

/// The page of a list that was asked for.
pub fn page(list: &Value, request: &Request) -> Value {
    let number = |key: &str| request.query.get(key).and_then(|text| text.parse::<usize>().ok());
    let items = list["items"].as_array().unwrap();
    let from = number("continue").unwrap_or(0).min(items.len());
    let to = (from + number("limit").unwrap_or(items.len())).min(items.len());
    let token = if to < items.len() { to.to_string() } else { String::new() };
    json!({ "metadata": { "resourceVersion": "1", "continue": token }, "items": items[from..to] })
}

/// A refusal, as Kubernetes words it.
pub fn refused(code: u16, reason: &str) -> Answer {
    Answer::Json(
        code,
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code }),
    )
}
