//! The kubelet's configuration as it would be read at its next start.

use serde_json::Value;

use super::{
    Checked,
    files::{self, Eye, Named},
    names,
};
use crate::{
    model::{Component, NodeFacts, facts::Parsed},
    node::{Files, Node, NodeError},
    text::{flags, known::Holds, kubelet::effective, yaml},
};

/// Flag, field and content of a file the kubelet needs at its start.
const FILES: [(&str, &str, Holds); 4] = [
    ("client-ca-file", "authentication.x509.clientCAFile", Holds::Authorities),
    ("tls-cert-file", "tlsCertFile", Holds::Certificate),
    ("tls-private-key-file", "tlsPrivateKeyFile", Holds::PrivateKey),
    ("kubeconfig", "", Holds::Kubeconfig),
];

/// The arguments of the kubelet's next start; those of its process where its unit is not understood.
pub(in crate::apply::before) fn arguments(facts: &NodeFacts) -> Vec<String> {
    match (&facts.kubelet.start_args, facts.process(Component::Kubelet)) {
        (Some(args), _) => args.iter().map(|arg| arg.text.clone()).collect(),
        (None, Some(process)) => process.argv.clone(),
        (None, None) => Vec::new(),
    }
}

/// What is wrong with names and layers.
pub(super) fn wrong(facts: &NodeFacts) -> Vec<String> {
    let args = arguments(facts);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let layers = || facts.kubelet.config.iter().chain(&facts.kubelet.drop_ins);
    let mut wrong: Vec<String> = layers()
        .filter_map(|layer| match &layer.fields {
            Parsed::Broken { why } => Some(format!("{} cannot be read: {why}", layer.path)),
            Parsed::Ok { .. } => None,
        })
        .collect();
    wrong.extend(names::of_kubelet(&effective(layers()), &args));
    wrong
}

/// The files it names.
pub(super) fn look(
    node: &dyn Node,
    files: &dyn Files,
    facts: &NodeFacts,
) -> Result<Checked, NodeError> {
    let merged = effective(facts.kubelet.config.iter().chain(&facts.kubelet.drop_ins));
    let args = arguments(facts);
    let folder = facts.kubelet.config.as_ref().and_then(|layer| layer.path.rsplit_once('/'));
    let mut named = Vec::new();
    for (flag, field, holds) in FILES {
        let by_flag = flags::value(&args, flag).map(|path| (format!("--{flag}"), path));
        let by_field = || {
            let path = yaml::at(&merged, field).and_then(Value::as_str)?;
            // A relative one lies beside the file.
            let path = match folder {
                Some((folder, _)) if !path.starts_with('/') && !path.is_empty() => {
                    format!("{folder}/{path}")
                }
                _ => path.to_owned(),
            };
            Some((field.to_owned(), path))
        };
        if let Some((by, path)) =
            by_flag.or_else(by_field).filter(|(_, path)| path.starts_with('/'))
        {
            named.push(Named { by, path, holds });
        }
    }
    let by = |holds| named.iter().find(|file| file.holds == holds).map(|file| file.by.clone());
    let pairs: Vec<_> = by(Holds::Certificate).zip(by(Holds::PrivateKey)).into_iter().collect();
    if let Some(bootstrap) = flags::value(&args, "bootstrap-kubeconfig")
        && files.stat(&bootstrap)?.is_some()
    {
        // A kubelet that still has to get its certificate has no kubeconfig yet.
        let mut kept = Vec::new();
        for file in named {
            if file.holds != Holds::Kubeconfig || files.stat(&file.path)?.is_some() {
                kept.push(file);
            }
        }
        named = kept;
    }
    let eye = Eye { node, files, mounts: None, user: None, same_image: None };
    let found = files::look(&eye, &named, &pairs, node.clock().now())?;
    Ok(Checked::of(Component::Kubelet, found))
}
