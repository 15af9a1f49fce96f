//! HTTP requests to this machine's own components, as the kubelet makes them.
//!
//! Owns [`Http`]. Certificates of servers are not verified, as the kubelet does not verify those of the
//! containers it probes (`pkg/probe/http/http.go`): it asks whether they live, not who they are. Only who is
//! asked for data ([`Http::of`]) must show a certificate of a CA. No proxy, no connection kept.

use std::{
    io::{self, Read as _},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use ureq::{
    Agent,
    tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig},
};

use crate::{model::facts::Probe, node::ProbeAnswer};

/// Redirects the kubelet follows within one host.
const REDIRECTS: usize = 10;

/// Who asks: a client certificate with its key. Its bytes never leave this type.
pub(crate) struct Identity(ClientCert);

impl Identity {
    /// Reads both from PEM; `None` when they are no certificate with a key.
    pub(crate) fn from_pem(certificates: &[u8], key: &[u8]) -> Option<Self> {
        let chain = self::certificates(certificates);
        // The client panics on what does not fit together, so that is found out here.
        let ders = chain.iter().map(|c| CertificateDer::from(c.der().to_vec())).collect();
        let provider = rustls::crypto::ring::default_provider();
        CertifiedKey::from_der(ders, PrivateKeyDer::from_pem_slice(key).ok()?, &provider).ok()?;
        Some(Self(ClientCert::new_with_certs(&chain, PrivateKey::from_pem(key).ok()?)))
    }
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let items = ureq::tls::parse_pem(pem).filter_map(Result::ok);
    items
        .filter_map(|item| match item {
            ureq::tls::PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect()
}

/// Makes the requests.
#[derive(Debug)]
pub(crate) struct Http {
    agent: Agent,
}

impl Http {
    /// Asks without credentials.
    pub(crate) fn anonymous() -> Self {
        Self::new(None, None)
    }

    /// Asks as somebody.
    pub(crate) fn with(identity: Identity) -> Self {
        Self::new(Some(identity), None)
    }

    /// Asks servers with a certificate of these CAs (PEM); `None` when there is none in it.
    pub(crate) fn of(identity: Option<Identity>, authorities: &[u8]) -> Option<Self> {
        let roots = certificates(authorities);
        (!roots.is_empty()).then(|| Self::new(identity, Some(roots)))
    }

    fn new(identity: Option<Identity>, roots: Option<Vec<Certificate<'static>>>) -> Self {
        let tls = TlsConfig::builder()
            .disable_verification(roots.is_none())
            .root_certs(RootCerts::from(roots.unwrap_or_default()))
            .client_cert(identity.map(|identity| identity.0))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .user_agent("kube-probe/kube-temper")
            .accept("*/*")
            .accept_encoding("")
            .tls_config(tls)
            .build()
            .new_agent();
        Self { agent }
    }

    /// Status of a GET.
    pub(crate) fn status(&self, url: &str, timeout: Duration) -> ProbeAnswer {
        match self.get(url, &[], timeout) {
            Ok(response) => ProbeAnswer::Status(response.status().as_u16()),
            Err(silence) => silence,
        }
    }

    /// Body of a GET that is answered with 200; nothing otherwise, or when it is longer than `limit`.
    pub(crate) fn body(&self, url: &str, timeout: Duration, limit: u64) -> Option<Vec<u8>> {
        let response = self.get(url, &[], timeout).ok()?;
        if response.status().as_u16() != 200 {
            return None;
        }
        let mut bytes = Vec::new();
        response.into_body().into_reader().take(limit + 1).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= limit).then_some(bytes)
    }

    /// Posts JSON. The body comes as it is read: all of it within `whole`, each read within `each`.
    pub(crate) fn post(
        &self,
        url: &str,
        json: &'static str,
        (whole, each): (Duration, Duration),
    ) -> io::Result<(u16, Body)> {
        let request = self.agent.post(url).header("content-type", "application/json");
        let config = request.config().timeout_global(Some(whole)).timeout_per_read(Some(each));
        let response = config.build().send(json).map_err(in_words)?;
        let status = response.status().as_u16();
        Ok((status, Body(response.into_body().into_reader())))
    }

    /// A probe as the kubelet makes it. `own` is the pod's own address, for probes that name no host.
    pub(crate) fn probe(&self, probe: &Probe, own: IpAddr) -> ProbeAnswer {
        let host = probe.host.clone().unwrap_or_else(|| own.to_string());
        let timeout = Duration::from_secs(u64::from(probe.timeout.max(1)));
        let Some(path) = &probe.path else { return connect(&host, probe.port, timeout) };
        let scheme = if probe.tls { "https" } else { "http" };
        let place = if host.contains(':') { format!("[{host}]") } else { host };
        let slash = if path.starts_with('/') { "" } else { "/" };
        let mut url = format!("{scheme}://{place}:{}{slash}{path}", probe.port);
        for _ in 0..=REDIRECTS {
            let response = match self.get(&url, &probe.headers, timeout) {
                Ok(response) => response,
                Err(silence) => return silence,
            };
            let status = response.status().as_u16();
            let target = matches!(status, 301..=303 | 307 | 308)
                .then(|| response.headers().get("location")?.to_str().ok().map(str::to_owned))
                .flatten();
            match target.and_then(|target| within_host(&url, &target)) {
                Some(next) => url = next,
                None => return ProbeAnswer::Status(status),
            }
        }
        ProbeAnswer::Broken
    }

    fn get(
        &self,
        url: &str,
        headers: &[(String, String)],
        timeout: Duration,
    ) -> Result<ureq::http::Response<ureq::Body>, ProbeAnswer> {
        let mut request = self.agent.get(url).config().timeout_global(Some(timeout)).build();
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.call().map_err(|error| silence(&error))
    }
}

/// What a server answers, read as it comes.
pub(crate) struct Body(ureq::BodyReader<'static>);

impl io::Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| in_words(ureq::Error::from(error)))
    }
}

/// The operating system's kind of error, where the client wraps it in one of its own.
fn in_words(error: ureq::Error) -> io::Error {
    match error {
        ureq::Error::Timeout(_) => io::ErrorKind::TimedOut.into(),
        ureq::Error::ConnectionFailed => io::ErrorKind::ConnectionRefused.into(),
        other => other.into_io(),
    }
}

/// Where a redirect leads when it stays with the host that was asked: the kubelet follows no other.
fn within_host(url: &str, target: &str) -> Option<String> {
    let from: ureq::http::Uri = url.parse().ok()?;
    if target.starts_with('/') && !target.starts_with("//") {
        return Some(format!("{}://{}{target}", from.scheme_str()?, from.authority()?));
    }
    let to: ureq::http::Uri = target.parse().ok()?;
    (to.scheme().is_some() && to.host() == from.host()).then(|| target.to_owned())
}

/// A TCP probe.
fn connect(host: &str, port: u16, timeout: Duration) -> ProbeAnswer {
    let Ok(addresses) = (host, port).to_socket_addrs() else { return ProbeAnswer::Broken };
    let mut answer = ProbeAnswer::Broken;
    for address in addresses {
        answer = match TcpStream::connect_timeout(&address, timeout) {
            Ok(_) => return ProbeAnswer::Status(200),
            Err(error) => io_silence(&error),
        };
    }
    answer
}

fn silence(error: &ureq::Error) -> ProbeAnswer {
    match error {
        ureq::Error::Timeout(_) => ProbeAnswer::TimedOut,
        ureq::Error::ConnectionFailed => ProbeAnswer::Refused,
        ureq::Error::Io(error) => io_silence(error),
        _ => ProbeAnswer::Broken,
    }
}

fn io_silence(error: &io::Error) -> ProbeAnswer {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ProbeAnswer::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ProbeAnswer::TimedOut,
        _ => ProbeAnswer::Broken,
    }
}

/// The address of this machine that its default route leaves from: what the kubelet takes for the node's own
/// when nobody names one (`ChooseHostInterface`). Nothing is sent.
pub(crate) fn default_address() -> Option<IpAddr> {
    // Documentation addresses (RFC 5737, RFC 3849): nobody answers there.
    const OUTSIDE: [(&str, &str); 2] =
        [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    OUTSIDE.iter().find_map(|(from, to)| {
        let socket = std::net::UdpSocket::bind(*from).ok()?;
        socket.connect(to.parse::<SocketAddr>().ok()?).ok()?;
        let address = socket.local_addr().ok()?.ip();
        (!address.is_unspecified()).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_with_their_host() {
        let url = "https://10.0.0.1:6443/livez";
        for (target, want) in [
            ("/readyz?verbose", Some("https://10.0.0.1:6443/readyz?verbose")),
            ("https://10.0.0.1:6444/x", Some("https://10.0.0.1:6444/x")),
            ("http://10.0.0.1/", Some("http://10.0.0.1/")),
            ("https://elsewhere:6443/livez", None),
            ("//elsewhere/livez", None),
            ("livez", None),
            ("", None),
        ] {
            assert_eq!(within_host(url, target).as_deref(), want, "{target}");
        }
    }

    #[test]
    fn only_a_certificate_with_its_key_is_an_identity() {
        assert!(Identity::from_pem(b"", b"").is_none());
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["x".to_owned()]).unwrap().self_signed(&key).unwrap();
        let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let [certificate, key] = [certificate.pem(), key.serialize_pem()];
        assert!(Identity::from_pem(certificate.as_bytes(), other.as_bytes()).is_none());
        assert!(Identity::from_pem(certificate.as_bytes(), key.as_bytes()).is_some());
        assert!(Identity::from_pem(key.as_bytes(), certificate.as_bytes()).is_none());
        assert!(Identity::from_pem(certificate.as_bytes(), b"").is_none());
    }
}
