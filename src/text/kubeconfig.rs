//! What the current context of a kubeconfig holds and names.
//!
//! No word of the text goes into a message: it holds keys.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use serde_json::Value;

use super::{known::Holds, yaml};

/// A certificate, a key, or a file with one.
pub struct Part {
    /// The field it stands in: `client-key-data`.
    pub field: &'static str,
    /// What it is.
    pub holds: Holds,
    /// The thing itself, or where it is.
    pub content: Content,
}

impl fmt::Debug for Part {
    /// What it holds stays out of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("field", &self.field).finish_non_exhaustive()
    }
}

/// Where it is.
#[allow(missing_debug_implementations, reason = "it may be a key")]
pub enum Content {
    /// In the kubeconfig itself.
    Data(Vec<u8>),
    /// A path, relative to the folder of the kubeconfig.
    File(String),
}

/// What client-go reads of a kubeconfig (`validateClusterInfo`, `validateAuthInfo` in `clientcmd`). Without a user it
/// is anonymous, which only some servers take.
///
/// # Errors
/// What it could not be used with.
pub fn parts(bytes: &[u8], anonymous: bool) -> Result<Vec<Part>, String> {
    let parsed = std::str::from_utf8(bytes).ok().and_then(|text| yaml::parse(text).ok());
    let config = parsed.ok_or("it cannot be read as a kubeconfig")?.value;
    let context = config.get("current-context").and_then(Value::as_str);
    let context = context.and_then(|name| entry(&config, "contexts", "context", name));
    let of = |key: &str, list: &str| {
        let name = context?.get(key)?.as_str()?;
        entry(&config, list, key, name)
    };
    let nobody = Value::Null;
    let named = context.and_then(|context| text(context, "user"));
    let user = match of("user", "users") {
        Some(user) => user,
        None if anonymous && context.is_some() && named.is_none() => &nobody,
        None => return Err("its current context leads to no user".to_owned()),
    };
    let cluster = of("cluster", "clusters").ok_or("its current context leads to no cluster")?;
    if text(cluster, "server").is_none() {
        return Err("the cluster of its current context has no server address".to_owned());
    }
    let certificate =
        either(user, "client-certificate-data", "client-certificate", Holds::Certificate)?;
    // Without a certificate a key is not looked at.
    let key = match certificate {
        Some(_) => either(user, "client-key-data", "client-key", Holds::PrivateKey)?,
        None => None,
    };
    if certificate.is_some() && key.is_none() {
        return Err("its user has a client certificate without its key".to_owned());
    }
    let authority =
        either(cluster, "certificate-authority-data", "certificate-authority", Holds::Authorities)?;
    if authority.is_some() && cluster.get("insecure-skip-tls-verify") == Some(&Value::Bool(true)) {
        return Err(
            "its cluster has an authority and insecure-skip-tls-verify: client-go takes one of them"
                .to_owned(),
        );
    }
    let token = text(user, "tokenFile").map(|path| Part {
        field: "tokenFile",
        holds: Holds::Document,
        content: Content::File(path.to_owned()),
    });
    Ok([certificate, key, authority, token].into_iter().flatten().collect())
}

/// What an entry of a list of names holds.
fn entry<'v>(config: &'v Value, list: &str, key: &str, name: &str) -> Option<&'v Value> {
    let entries = config.get(list)?.as_array()?;
    entries.iter().find(|entry| text(entry, "name") == Some(name))?.get(key)
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn either(
    of: &Value,
    data: &'static str,
    file: &'static str,
    holds: Holds,
) -> Result<Option<Part>, String> {
    if text(of, data).is_some() && text(of, file).is_some() {
        return Err(format!("it has both {data} and {file}: client-go takes one of them"));
    }
    if let Some(encoded) = text(of, data) {
        let bytes = Base64::decode_vec(encoded).map_err(|_| format!("its {data} is no base64"))?;
        return Ok(Some(Part { field: data, holds, content: Content::Data(bytes) }));
    }
    let part = |path: &str| Part { field: file, holds, content: Content::File(path.to_owned()) };
    Ok(text(of, file).map(part))
}
