//! Configuration files that flags name: encryption, certificates. Keys never leave this module.
use super::ParseProblem;
use crate::model::facts::{CertificateBundle, EncryptionRule};

/// Rules of an `EncryptionConfiguration`, without their keys.
pub fn encryption(text: &str) -> Result<Vec<EncryptionRule>, ParseProblem> {
    let _ = text;
    todo!()
}

/// Certificates of a PEM bundle, by the digest of their subject public key info.
pub fn certificates(text: &str) -> Result<CertificateBundle, ParseProblem> {
    let _ = text;
    todo!()
}
