//! Signs of people who log in as programs do. Whether it is people, only people can tell.

use crate::model::Danger;

use super::{Found, Sight, found, object};

/// Requests for client certificates of the API server, as long as it keeps them.
pub(super) fn client_certificates(sight: &Sight<'_>) -> Found {
    let requests = sight.facts.signing_requests.iter();
    let objects = requests
        .filter(|request| request.spec.signer_name == "kubernetes.io/kube-apiserver-client")
        .map(|request| {
            let name = object("certificatesigningrequest", &request.metadata);
            let value = format!("asked for by {}", request.spec.username);
            found(Danger::Medium, false, name, "spec.username", value)
        })
        .collect();
    Found {
        objects,
        what: "client certificates asked for in",
        noun: "request",
        none: "no request for a client certificate is kept (they vanish within hours)".to_owned(),
        beside: Vec::new(),
    }
}

/// Secrets with a token of a `ServiceAccount`, which never ends.
pub(super) fn token_secrets(sight: &Sight<'_>) -> Found {
    let objects = sight
        .facts
        .secrets
        .iter()
        .filter_map(|secret| {
            let account = secret.metadata.annotations.service_account.as_ref()?;
            let name = object("secret", &secret.metadata);
            let value = format!("a token of ServiceAccount {account} without an end");
            Some(found(Danger::Medium, false, name, "metadata.annotations", value))
        })
        .collect();
    Found {
        objects,
        what: "long-lived tokens in",
        noun: "Secret",
        none: "no Secret holds a long-lived token of a ServiceAccount".to_owned(),
        beside: Vec::new(),
    }
}

/// Secrets with a bootstrap token; their name is what makes them one.
pub(super) fn bootstrap_tokens(sight: &Sight<'_>) -> Found {
    let tokens = sight.facts.secrets.iter().map(|secret| &secret.metadata).filter(|secret| {
        secret.namespace == "kube-system" && secret.name.starts_with("bootstrap-token-")
    });
    let objects = tokens
        .map(|secret| {
            let value = "a bootstrap token: does a node still need it?";
            found(Danger::Medium, false, object("secret", secret), "metadata.name", value)
        })
        .collect();
    Found {
        objects,
        what: "bootstrap tokens in",
        noun: "Secret",
        none: "there is no bootstrap token".to_owned(),
        beside: Vec::new(),
    }
}
