//! A small HTTP server on the loopback, plain or TLS, that answers as a test says.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::{
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

/// What a test does with the connection: the head of the request, and whether a trusted client certificate
/// came with it.
pub(crate) type Answer = dyn Fn(&str, bool, &mut dyn Stream) + Send + Sync;

/// Both directions of a connection.
pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// How it is spoken to.
pub(crate) enum Speaks {
    Http,
    Https,
    /// TLS, and this certificate is trusted as a client's.
    HttpsKnowing(CertificateDer<'static>),
}

/// A server that listens until the test program ends.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
    /// The certificate it shows, as PEM; good for 127.0.0.1.
    pub(crate) certificate: String,
}

impl Server {
    pub(crate) fn start(
        speaks: Speaks,
        answer: impl Fn(&str, bool) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::start_at(0, speaks, answer)
    }

    /// Nothing to answer: the connection stays open until the client ends it.
    pub(crate) fn start_at(
        port: u16,
        speaks: Speaks,
        answer: impl Fn(&str, bool) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self::streaming_at(port, speaks, move |head, known, stream| match answer(head, known) {
            // A client that has gone is no failure of the server.
            Some(text) => drop(stream.write_all(text.as_bytes()).and_then(|()| stream.flush())),
            None => until_it_ends(stream),
        })
    }

    /// The test writes what it wants, as long as it wants.
    pub(crate) fn streaming(
        speaks: Speaks,
        answer: impl Fn(&str, bool, &mut dyn Stream) + Send + Sync + 'static,
    ) -> Self {
        Self::streaming_at(0, speaks, answer)
    }

    fn streaming_at(
        port: u16,
        speaks: Speaks,
        answer: impl Fn(&str, bool, &mut dyn Stream) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer): (_, Arc<Answer>) = (Arc::clone(&requests), Arc::new(answer));
        let (certificate, key) = certificate("127.0.0.1");
        let pem = certificate.pem();
        let config = config(speaks, &certificate, &key).map(Arc::new);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, seen, answer) = (config.clone(), seen.clone(), answer.clone());
                thread::spawn(move || match config {
                    None => serve(stream, |_| false, &seen, &*answer),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        let known = |stream: &StreamOwned<ServerConnection, TcpStream>| {
                            stream.conn.peer_certificates().is_some()
                        };
                        serve(StreamOwned::new(connection, stream), known, &seen, &*answer);
                    }
                });
            }
        });
        Self { port, requests, certificate: pem }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Says nothing until the client has gone.
pub(crate) fn until_it_ends(stream: &mut dyn Stream) {
    while stream.read(&mut [0]).is_ok_and(|length| length > 0) {}
}

fn serve<S: Read + Write>(
    mut stream: S,
    known: impl Fn(&S) -> bool,
    seen: &Mutex<Vec<String>>,
    answer: &Answer,
) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    seen.lock().unwrap().push(head.clone());
    let known = known(&stream);
    answer(&head, known, &mut stream);
}

fn config(
    speaks: Speaks,
    certificate: &rcgen::Certificate,
    key: &rcgen::KeyPair,
) -> Option<ServerConfig> {
    let client = match speaks {
        Speaks::Http => return None,
        Speaks::Https => None,
        Speaks::HttpsKnowing(client) => Some(client),
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(client).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    Some(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap())
}

/// A certificate that signed itself, with its key.
pub(crate) fn certificate(name: &str) -> (rcgen::Certificate, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.extended_key_usages = vec![
        rcgen::ExtendedKeyUsagePurpose::ServerAuth,
        rcgen::ExtendedKeyUsagePurpose::ClientAuth,
    ];
    (params.self_signed(&key).unwrap(), key)
}

/// An answer with this status and body.
pub(crate) fn response(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Told\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// An answer that leads elsewhere.
pub(crate) fn redirect(status: u16, to: &str) -> String {
    format!("HTTP/1.1 {status} Told\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}
