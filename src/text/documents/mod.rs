//! Configuration files that flags name: encryption, certificates. Keys never leave this module.

use x509_cert::{
    Certificate,
    der::{DecodePem as _, Encode as _},
};

use super::{ParseProblem, yaml};
use crate::model::{
    Digest,
    facts::{CertificateBundle, EncryptionRule},
};

/// Rules of an `EncryptionConfiguration`, without their keys.
///
/// Nothing of the text goes into a message: a line that cannot be read may be half a key.
pub fn encryption(text: &str) -> Result<Vec<EncryptionRule>, ParseProblem> {
    let document = yaml::parse(text).map_err(|problem| ParseProblem {
        line: problem.line,
        message: "it is not YAML as the API server reads it".to_owned(),
    })?;
    let problem = |message: &str| ParseProblem { line: None, message: message.to_owned() };
    let kind = document.value.get("kind").and_then(serde_json::Value::as_str);
    if kind != Some("EncryptionConfiguration") {
        return Err(problem("its kind is not EncryptionConfiguration"));
    }
    let rules = document.value.get("resources").and_then(serde_json::Value::as_array);
    let rules = rules.ok_or_else(|| problem("it has no list of resources"))?;
    rules
        .iter()
        .map(|rule| {
            let list = |key: &str| {
                let items = rule.get(key).and_then(serde_json::Value::as_array);
                items.ok_or_else(|| problem("each rule needs a list of resources and of providers"))
            };
            let resources = list("resources")?
                .iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| problem("a resource in it is not text"))?;
            let providers = list("providers")?
                .iter()
                .map(|provider| match provider.as_object().map(serde_json::Map::len) {
                    Some(1) => provider.as_object()?.keys().next().cloned(),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| problem("each provider needs exactly one kind"))?;
            Ok(EncryptionRule { resources, providers })
        })
        .collect()
}

/// Certificates of a PEM bundle, by the digest of their subject public key info (RFC 5280, 4.1.2.7).
///
/// Text between the blocks and blocks of other kinds are skipped, as Go's `AppendCertsFromPEM` does; a
/// certificate that cannot be read is a problem here, because two bundles could not be compared without it.
pub fn certificates(text: &str) -> Result<CertificateBundle, ParseProblem> {
    let mut public_keys = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        match (line, &mut block) {
            (BEGIN, _) => block = Some((index + 1, String::new())),
            (END, Some((start, body))) => {
                let key = public_key(body).map_err(|error| ParseProblem {
                    line: Some(*start),
                    message: format!("a certificate cannot be read: {error}"),
                })?;
                public_keys.push(key);
                block = None;
            }
            (_, Some((_, body))) => body.push_str(line),
            _ => {}
        }
    }
    if let Some((start, _)) = block {
        let message = "a certificate has no end".to_owned();
        return Err(ParseProblem { line: Some(start), message });
    }
    if public_keys.is_empty() {
        return Err(ParseProblem { line: None, message: "it holds no certificate".to_owned() });
    }
    Ok(CertificateBundle { public_keys })
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

fn public_key(body: &str) -> Result<Digest, x509_cert::der::Error> {
    // Go reads lines of any length, the decoder only those of 64.
    let mut pem = format!("{BEGIN}\n");
    for (at, letter) in body.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push('\n');
    pem.push_str(END);
    let certificate = Certificate::from_pem(pem)?;
    let info = certificate.tbs_certificate().subject_public_key_info().to_der()?;
    Ok(Digest::of(&info))
}

#[cfg(test)]
mod tests;
