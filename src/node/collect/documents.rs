//! Files that flags name and checks look into. Of an encryption configuration only the kinds of providers
//! are kept, of certificates only digests.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    reader::{LIMIT, Reader, why},
    views::{View, Views},
};
use crate::{
    model::{
        Component,
        facts::{CertificateBundle, EncryptionRule, Parsed},
    },
    node::Node,
    text::{ParseProblem, documents, yaml},
};

/// What a file is read as.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Document,
    Encryption,
    Certificates,
}

/// The flags that name such files.
const FLAGS: [(Component, &str, Kind); 10] = [
    (Component::KubeApiserver, "admission-control-config-file", Kind::Document),
    (Component::KubeApiserver, "audit-policy-file", Kind::Document),
    (Component::KubeApiserver, "authentication-config", Kind::Document),
    (Component::KubeApiserver, "authorization-config", Kind::Document),
    (Component::KubeApiserver, "client-ca-file", Kind::Certificates),
    (Component::KubeApiserver, "encryption-provider-config", Kind::Encryption),
    (Component::KubeScheduler, "config", Kind::Document),
    (Component::KubeProxy, "config", Kind::Document),
    (Component::Etcd, "config-file", Kind::Document),
    (Component::Etcd, "trusted-ca-file", Kind::Certificates),
];

/// What was read, by host path; by the path in the container where only the process sees the file.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub(super) plain: BTreeMap<String, Parsed<Value>>,
    pub(super) encryption: BTreeMap<String, Parsed<Vec<EncryptionRule>>>,
    pub(super) certificates: BTreeMap<String, Parsed<CertificateBundle>>,
}

/// Reads them all, each once.
pub(super) fn read(reader: &mut Reader<'_>, node: &dyn Node, views: &Views<'_>) -> Documents {
    let mut found = Documents::default();
    for (component, flag, kind) in FLAGS {
        for view in views.of(component) {
            let Some(named) = view.flag(flag) else { continue };
            match view.host(&named) {
                Some(path) => {
                    found.add(kind, path.clone(), || reader.text(&path).map(|file| file.text));
                }
                None => {
                    if let Some(text) = in_container(node, &view, &named) {
                        found.add(kind, named, || text);
                    }
                }
            }
        }
    }
    found
}

/// A file that no host path leads to, as the running process sees it.
fn in_container(node: &dyn Node, view: &View<'_>, path: &str) -> Option<Result<String, String>> {
    let process = view.process?;
    match node.process_file(process.pid, path, LIMIT) {
        Ok(bytes) => {
            let text = bytes.map(String::from_utf8)?;
            Some(text.map_err(|_| "it is not text: it is not UTF-8".to_owned()))
        }
        Err(error) => Some(Err(why(&error))),
    }
}

impl Documents {
    fn add(&mut self, kind: Kind, path: String, text: impl FnOnce() -> Result<String, String>) {
        match kind {
            Kind::Document => add(&mut self.plain, path, text, |text| {
                yaml::parse(text).map(|document| document.value)
            }),
            Kind::Encryption => add(&mut self.encryption, path, text, documents::encryption),
            Kind::Certificates => add(&mut self.certificates, path, text, documents::certificates),
        }
    }
}

fn add<T>(
    map: &mut BTreeMap<String, Parsed<T>>,
    path: String,
    text: impl FnOnce() -> Result<String, String>,
    parse: impl FnOnce(&str) -> Result<T, ParseProblem>,
) {
    map.entry(path).or_insert_with(|| {
        let parsed = text().and_then(|text| parse(&text).map_err(|problem| problem.to_string()));
        match parsed {
            Ok(value) => Parsed::Ok { value },
            Err(why) => Parsed::Broken { why },
        }
    });
}
