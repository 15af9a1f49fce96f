//! As whom the kubeconfigs of this node log in. Of each only the subject of its client certificate is kept.

use std::collections::BTreeMap;

use super::reader::{LIMIT, Reader, join, parent, why};
use crate::{
    model::{
        PathVar,
        facts::{Login, Parsed},
    },
    text::{
        known::Holds,
        kubeconfig::{self, Content},
        pem,
    },
};

const KUBECONFIGS: [PathVar; 5] = [
    PathVar::AdminKubeconfigs,
    PathVar::ControllerManagerKubeconfig,
    PathVar::SchedulerKubeconfig,
    PathVar::KubeletKubeconfig,
    PathVar::ProxyKubeconfig,
];

/// Every kubeconfig that is here and logs in with a client certificate.
pub(super) fn read(
    reader: &Reader<'_>,
    paths: &BTreeMap<PathVar, Vec<String>>,
) -> BTreeMap<String, Parsed<Login>> {
    let named = KUBECONFIGS.iter().filter_map(|var| paths.get(var)).flatten();
    let login = |path: &String| {
        let login = match of(reader, path).transpose()? {
            Ok(value) => Parsed::Ok { value },
            Err(why) => Parsed::Broken { why },
        };
        Some((path.clone(), login))
    };
    named.filter(|path| reader.may_have(path)).filter_map(login).collect()
}

fn of(reader: &Reader<'_>, path: &str) -> Result<Option<Login>, String> {
    let read = |path: &str| reader.files.read(path, LIMIT).map_err(|error| why(&error));
    let parts = kubeconfig::parts(&read(path)?, false)?;
    let certificate = parts.into_iter().find(|part| part.holds == Holds::Certificate);
    let Some(certificate) = certificate else { return Ok(None) };
    let bytes = match certificate.content {
        Content::Data(bytes) => bytes,
        Content::File(file) if file.starts_with('/') => read(&file)?,
        Content::File(file) => read(&join(parent(path).unwrap_or("/"), &file))?,
    };
    let certificates = pem::certificates(&bytes).map_err(|problem| problem.to_string())?;
    // The first is the client's own, as TLS sends them.
    Ok(certificates.into_iter().next().map(|own| Login {
        subject: own.subject,
        groups: own.organizations,
        until: own.until,
    }))
}
