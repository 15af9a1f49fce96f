//! Certificates and private keys in PEM.
//!
//! No byte of a key leaves this module, and no word of a decoder: it may quote what it could not read.

use std::fmt;

use jiff::Timestamp;
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer, pem::PemObject as _},
};
use x509_cert::{Certificate as X509, der::Decode as _, spki::SubjectPublicKeyInfoRef};

use super::ParseProblem;

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose, as RFC 4514 writes it.
    pub subject: String,
    /// Its organizations, which the API server takes for the groups of the one who logs in with it.
    pub organizations: Vec<String>,
    /// Not valid before.
    pub from: Timestamp,
    /// Not valid after.
    pub until: Timestamp,
    public_key: Vec<u8>,
}

/// A private key: it can be compared and nothing else.
pub struct PrivateKey {
    key: PrivateKeyDer<'static>,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

/// Every certificate of a file, in order; blocks of other kinds are skipped.
///
/// # Errors
/// There is none, or one of them cannot be read.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, ParseProblem> {
    let mut found = Vec::new();
    for block in CertificateDer::pem_slice_iter(bytes) {
        let block = block.map_err(|_| problem("a block in it is not PEM"))?;
        let number = found.len() + 1;
        let certificate = certificate(&block)
            .ok_or_else(|| problem(format!("certificate {number} cannot be read")))?;
        found.push(certificate);
    }
    if found.is_empty() {
        return Err(problem("it holds no certificate"));
    }
    Ok(found)
}

fn certificate(der: &[u8]) -> Option<Certificate> {
    let parsed = X509::from_der(der).ok()?;
    let certificate = parsed.tbs_certificate();
    let moment = |time: &x509_cert::time::Time| {
        let seconds = time.to_unix_duration().as_secs();
        Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
    };
    // As RFC 4514 writes it, an attribute begins with its name.
    let organizations = certificate
        .subject()
        .iter()
        .filter_map(|attribute| attribute.to_string().strip_prefix("O=").map(str::to_owned));
    let key = &certificate.subject_public_key_info().subject_public_key;
    Some(Certificate {
        subject: certificate.subject().to_string(),
        organizations: organizations.collect(),
        from: moment(&certificate.validity().not_before)?,
        until: moment(&certificate.validity().not_after)?,
        public_key: key.as_bytes()?.to_vec(),
    })
}

/// The first private key of a file: PKCS#8, PKCS#1 or SEC1, not encrypted.
///
/// # Errors
/// There is none.
pub fn private_key(bytes: &[u8]) -> Result<PrivateKey, ParseProblem> {
    PrivateKeyDer::from_pem_slice(bytes)
        .map(|key| PrivateKey { key })
        .map_err(|_| problem("it holds no private key (PEM, not encrypted)"))
}

/// Whether a file holds something to check signatures with: a public key, a certificate, or a private key.
pub fn has_public_keys(bytes: &[u8]) -> bool {
    SubjectPublicKeyInfoDer::from_pem_slice(bytes).is_ok()
        || CertificateDer::from_pem_slice(bytes).is_ok()
        || private_key(bytes).is_ok()
        || bytes.windows(RSA_PUBLIC_KEY.len()).any(|part| part == RSA_PUBLIC_KEY)
}

/// PKCS#1, which the decoder does not know.
const RSA_PUBLIC_KEY: &[u8] = b"-----BEGIN RSA PUBLIC KEY-----";

/// Whether the key is the one of the certificate; `None` when that cannot be told (a kind of key that is
/// rare among certificates).
pub fn belongs(key: &PrivateKey, certificate: &Certificate) -> Option<bool> {
    let signing =
        ring::default_provider().key_provider.load_private_key(key.key.clone_key()).ok()?;
    let public = signing.public_key()?;
    let info = SubjectPublicKeyInfoRef::from_der(public.as_ref()).ok()?;
    Some(info.subject_public_key.as_bytes()? == certificate.public_key)
}

fn problem(message: impl Into<String>) -> ParseProblem {
    ParseProblem { line: None, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(key: &rcgen::KeyPair) -> String {
        let mut params = rcgen::CertificateParams::new(vec!["cp1".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2027, 1, 1);
        params.self_signed(key).unwrap().pem()
    }

    #[test]
    fn a_key_belongs_to_its_certificate_and_to_no_other() {
        for algorithm in
            [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519]
        {
            let [own, other] = [(); 2].map(|()| rcgen::KeyPair::generate_for(algorithm).unwrap());
            let certificate = certificates(made(&own).as_bytes()).unwrap().remove(0);
            let belongs = |pair: &rcgen::KeyPair| {
                belongs(&private_key(pair.serialize_pem().as_bytes()).unwrap(), &certificate)
            };
            assert_eq!(belongs(&own), Some(true), "{algorithm:?}");
            assert_eq!(belongs(&other), Some(false), "{algorithm:?}");
        }
    }

    #[test]
    fn certificates_say_how_long_they_are_valid() {
        let key = rcgen::KeyPair::generate().unwrap();
        let two = format!("note\n{}{}{}", made(&key), key.serialize_pem(), made(&key));
        let found = certificates(two.as_bytes()).unwrap();
        assert_eq!(found.len(), 2);
        let first = found.first().unwrap();
        assert_eq!(first.from, "2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(first.until, "2027-01-01T00:00:00Z".parse().unwrap());
    }

    #[test]
    fn what_is_not_read_is_not_quoted() {
        let key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0!\n-----END PRIVATE KEY-----\n";
        let problems = [
            private_key(key.as_bytes()).unwrap_err().to_string(),
            private_key(b"secret").unwrap_err().to_string(),
            certificates(key.as_bytes()).unwrap_err().to_string(),
            certificates(b"-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n")
                .unwrap_err()
                .to_string(),
        ];
        for problem in problems {
            assert!(!problem.contains("c2Vj") && !problem.contains("secret"), "{problem}");
        }
        let encrypted = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
        assert!(private_key(encrypted.as_bytes()).is_err());
    }

    #[test]
    fn signatures_can_be_checked_with_many_things() {
        let key = rcgen::KeyPair::generate().unwrap();
        assert!(has_public_keys(key.public_key_pem().as_bytes()));
        assert!(has_public_keys(key.serialize_pem().as_bytes()));
        assert!(has_public_keys(made(&key).as_bytes()));
        assert!(has_public_keys(
            b"-----BEGIN RSA PUBLIC KEY-----\nAA==\n-----END RSA PUBLIC KEY-----\n"
        ));
        assert!(!has_public_keys(b"no key"));
    }
}
