//! HTTP and TLS between the parts of the stand-in: small, one request for each connection.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use serde_json::Value;
use ureq::tls::{Certificate, ClientCert, PrivateKey, TlsConfig};
use x509_cert::der::Decode as _;

/// One request.
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without its query.
    pub(crate) path: String,
    pub(crate) body: Value,
    /// Subject of the trusted certificate that came with it.
    pub(crate) who: Option<String>,
}

pub(crate) type Answer = dyn Fn(&Request) -> (u16, String) + Send + Sync;

/// Listens until the process ends.
pub(crate) fn listen(address: SocketAddr, tls: Option<Arc<ServerConfig>>, answer: Arc<Answer>) {
    let listener = TcpListener::bind(address).unwrap_or_else(|error| {
        eprintln!("Error: failed to create listener: listen tcp {address}: bind: {error}");
        std::process::exit(1);
    });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (tls, answer) = (tls.clone(), Arc::clone(&answer));
            thread::spawn(move || serve(stream, tls, &*answer));
        }
    });
}

fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, answer: &Answer) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let Some(tls) = tls else {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        return reply(stream, &read(&mut reader, None)?, answer);
    };
    let mut stream = StreamOwned::new(ServerConnection::new(tls).ok()?, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).ok()?;
    }
    let leaf = stream.conn.peer_certificates().and_then(|chain| chain.first());
    let subject = leaf.and_then(|der| x509_cert::Certificate::from_der(der).ok());
    let who = subject.map(|certificate| certificate.tbs_certificate().subject().to_string());
    let request = read(&mut BufReader::new(&mut stream), who)?;
    reply(stream, &request, answer)
}

fn read(reader: &mut impl BufReadMore, who: Option<String>) -> Option<Request> {
    let mut first = String::new();
    reader.line(&mut first)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let body = reader.bytes_exactly(length)?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let path = target.split('?').next()?.to_owned();
    Some(Request { method, path, body, who })
}

/// What a request is read by.
trait BufReadMore {
    fn line(&mut self, into: &mut String) -> Option<()>;
    fn bytes_exactly(&mut self, count: usize) -> Option<Vec<u8>>;
}

impl<R: Read> BufReadMore for BufReader<R> {
    fn line(&mut self, into: &mut String) -> Option<()> {
        self.read_line(into).ok().filter(|count| *count > 0).map(drop)
    }

    fn bytes_exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.read_exact(&mut bytes).ok().map(|()| bytes)
    }
}

fn reply(mut stream: impl Write, request: &Request, answer: &Answer) -> Option<()> {
    let (status, body) = answer(request);
    let head = format!(
        "HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    stream.flush().ok()
}

/// A server's half of TLS; certificates of this authority are trusted as clients'.
pub(crate) fn server(certificate: &str, key: &str, authority: Option<&str>) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(certificate).unwrap();
    let chain: Vec<_> = chain.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match authority {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_file_iter(authority).unwrap() {
                roots.add(certificate.unwrap()).unwrap();
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

/// Asks others, as somebody or as nobody.
pub(crate) struct Caller(ureq::Agent);

impl Caller {
    pub(crate) fn anonymous() -> Self {
        Self::new(None)
    }

    /// With the certificate and key of this name.
    pub(crate) fn of(name: &str) -> Self {
        let pem = |ending: &str| {
            std::fs::read(Path::new("/standin/pki").join(format!("{name}.{ending}"))).unwrap()
        };
        let certificate = Certificate::from_pem(&pem("crt")).unwrap();
        let key = PrivateKey::from_pem(&pem("key")).unwrap();
        Self::new(Some(ClientCert::new_with_certs(&[certificate], key)))
    }

    fn new(identity: Option<ClientCert>) -> Self {
        let tls = TlsConfig::builder()
            .disable_verification(true)
            .client_cert(identity)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_idle_connections(0)
            .timeout_global(Some(Duration::from_secs(2)))
            .tls_config(tls);
        Self(config.build().new_agent())
    }

    /// Status and body; nothing when nobody answers.
    pub(crate) fn get(&self, url: &str) -> Option<(u16, Value)> {
        let mut response = self.0.get(url).call().ok()?;
        let body = response.body_mut().read_to_vec().ok()?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Some((response.status().as_u16(), body))
    }

    pub(crate) fn put(&self, url: &str, body: &Value) -> Option<u16> {
        let response = self.0.put(url).send(body.to_string()).ok()?;
        Some(response.status().as_u16())
    }
}
