//! The kubelet's configuration as it would be read at its next start.

use serde_json::Value;

use super::{Checked, eye::Eye, files, named::Named, names};
use crate::{
    model::{Component, NodeFacts, facts::Parsed},
    node::{Files, Node, NodeError},
    text::{flags, known::Holds, kubelet::effective, yaml},
};

/// Flag, field and content of a file the kubelet needs at its start; its kubeconfig is another matter.
const FILES: [(&str, &str, Holds); 4] = [
    ("client-ca-file", "authentication.x509.clientCAFile", Holds::Authorities),
    ("tls-cert-file", "tlsCertFile", Holds::Certificate),
    ("tls-private-key-file", "tlsPrivateKeyFile", Holds::PrivateKey),
    ("image-credential-provider-config", "", Holds::Document),
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
            named.push(Named::new(by, path, holds).paired("serving"));
        }
    }
    named.extend(kubeconfig(files, &args)?);
    let eye = Eye { node, files, mounts: None, reader: None, same_image: None };
    let found = files::look(&eye, &named, node.clock().now())?;
    Ok(Checked::of(Component::Kubelet, found))
}

/// The kubeconfig it will use: one that still has to get its certificate begins with another.
fn kubeconfig(files: &dyn Files, args: &[String]) -> Result<Option<Named>, NodeError> {
    let given = |flag: &str| flags::value(args, flag).filter(|path| path.starts_with('/'));
    let named = |flag: &str, path| Named::new(format!("--{flag}"), path, Holds::Kubeconfig);
    let Some(own) = given("kubeconfig") else { return Ok(None) };
    if let Some(bootstrap) = given("bootstrap-kubeconfig")
        && files.stat(&own)?.is_none()
        && files.stat(&bootstrap)?.is_some()
    {
        return Ok(Some(named("bootstrap-kubeconfig", bootstrap)));
    }
    Ok(Some(named("kubeconfig", own)))
}
