//! Which files a static pod's settings name.

use super::settings::Settings;
use crate::text::{
    flags,
    known::{self, Holds},
};

/// A file that a flag, variable or field names, or a part of a kubeconfig.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// `--client-ca-file`, `tlsCertFile`, `ETCD_CERT_FILE`.
    pub(super) by: String,
    pub(super) path: String,
    pub(super) holds: Holds,
    /// What a certificate and its key have in common.
    pub(super) pair: Option<String>,
    /// The field of the kubeconfig at this path that is meant.
    pub(super) field: Option<&'static str>,
}

impl Named {
    pub(super) fn new(by: impl Into<String>, path: impl Into<String>, holds: Holds) -> Self {
        Self { by: by.into(), path: path.into(), holds, pair: None, field: None }
    }

    pub(super) fn paired(mut self, pair: impl Into<String>) -> Self {
        self.pair = Some(pair.into());
        self
    }

    /// `the key in /x (--tls-private-key-file)`, without what it is.
    pub(super) fn place(&self) -> String {
        match self.field {
            Some(field) => format!("{} ({}, {field})", self.path, self.by),
            None => format!("{} ({})", self.path, self.by),
        }
    }

    /// What is wrong with it.
    pub(super) fn broken(&self, why: &str) -> String {
        let Self { by, path, .. } = self;
        match self.field {
            Some(field) => format!("{by} names {path}: its {field}: {why}"),
            None => format!("{by} names {path}: {why}"),
        }
    }
}

/// A flag of pairs: certificate and key, and the names they are for.
const SNI: &str = "tls-sni-cert-key";

/// Every file that the settings of a container name; or what is written so that nobody can read it.
pub(super) fn named(settings: &Settings) -> (Vec<Named>, Vec<String>) {
    let args = settings.args();
    let mut found = Vec::new();
    for (flag, holds) in known::FILES {
        let mut values: Vec<String> =
            flags::occurrences(args, flag).into_iter().map(|given| given.value).collect();
        if holds != Holds::PublicKeys {
            // The last one wins.
            values = values.pop().into_iter().collect();
        }
        let pair =
            known::PAIRS.iter().find(|(certificate, key)| *certificate == flag || *key == flag);
        for path in values {
            let mut file = Named::new(settings.by(flag), path, holds);
            file.pair = pair.map(|(certificate, _)| (*certificate).to_owned());
            found.push(file);
        }
    }
    let mut wrong = Vec::new();
    for (index, given) in flags::occurrences(args, SNI).into_iter().enumerate() {
        let pair = given.value.split(':').next().unwrap_or_default();
        let [certificate, key] = pair.split(',').map(str::trim).collect::<Vec<_>>()[..] else {
            wrong.push(format!(
                "--{SNI} is '{}': write certificate,key or certificate,key:names",
                given.value
            ));
            continue;
        };
        let of = |path: &str, holds| {
            Named::new(format!("--{SNI}"), path, holds).paired(format!("{SNI}/{index}"))
        };
        found.extend([of(certificate, Holds::Certificate), of(key, Holds::PrivateKey)]);
    }
    let mut files: Vec<Named> = Vec::new();
    for file in found.into_iter().filter(|file| file.path.starts_with('/')) {
        let same = |known: &&mut Named| {
            (&known.path, known.holds, &known.pair) == (&file.path, file.holds, &file.pair)
        };
        match files.iter_mut().find(same) {
            Some(known) => known.by = format!("{}, {}", known.by, file.by),
            None => files.push(file),
        }
    }
    (files, wrong)
}
