//! The files that flags name: there, as the container will see them; readable; certificates that are valid
//! and have their keys.
//!
//! Of a private key nothing is told but whether it is one and whose.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::sight::{self, Sight};
use crate::{
    model::{
        FileKind,
        change::LARGEST_TEXT,
        facts::{Container, Mount},
    },
    node::{Files, Node, NodeError, NodeErrorKind},
    text::{
        flags,
        known::{self, Holds},
        pem::{self, Certificate},
        yaml,
    },
};

/// A certificate that ends sooner is worth a word.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What stands in the way.
    pub(super) wrong: Vec<String>,
    /// What a person should know all the same.
    pub(super) notes: Vec<String>,
    /// Files that were looked at.
    pub(super) files: BTreeSet<String>,
    /// Keys that match their certificates.
    pub(super) keys: usize,
    /// Files whose bytes are not part of this recording.
    pub(super) withheld: usize,
    /// The first end of any certificate.
    pub(super) until: Option<Timestamp>,
}

/// Who looks, and at what.
pub(super) struct Eye<'e> {
    pub(super) node: &'e dyn Node,
    /// The node's files as they will be.
    pub(super) files: &'e dyn Files,
    /// Volumes of the container; `None` for a program that sees the host's own files.
    pub(super) mounts: Option<&'e [Mount]>,
    /// User that must be able to read them, when it is not root.
    pub(super) user: Option<u32>,
    /// A process that runs from the same image: what its image holds, the new one finds too.
    pub(super) same_image: Option<u32>,
}

/// A file that a flag or field names.
pub(super) struct Named {
    /// `--client-ca-file`, `tlsCertFile`.
    pub(super) by: String,
    pub(super) path: String,
    pub(super) holds: Holds,
}

/// What an eye got of a file.
enum Got {
    Bytes(Vec<u8>),
    /// It is there, and its bytes are not for this program (a recording without its keys).
    Withheld,
    Wrong(String),
}

/// Every file that the arguments of a container name.
pub(super) fn named(container: &Container) -> Vec<Named> {
    let args: Vec<&str> = container.args.iter().map(|arg| arg.text.as_str()).collect();
    let mut found = Vec::new();
    for (flag, holds) in known::FILES {
        let mut values: Vec<String> =
            flags::occurrences(&args, flag).into_iter().map(|given| given.value).collect();
        if holds != Holds::PublicKeys {
            // The last one wins.
            values = values.pop().into_iter().collect();
        }
        let paths = values.into_iter().filter(|path| path.starts_with('/'));
        found.extend(paths.map(|path| Named { by: format!("--{flag}"), path, holds }));
    }
    found
}

/// Looks at all of them. `pairs` are those of certificates and keys, by what names them.
pub(super) fn look(
    eye: &Eye<'_>,
    named: &[Named],
    pairs: &[(String, String)],
    now: Timestamp,
) -> Result<Found, NodeError> {
    let mut found = Found::default();
    let mut certificates: Vec<(&str, Certificate)> = Vec::new();
    let mut keys = Vec::new();
    for file in named {
        found.files.insert(file.path.clone());
        let bytes = match eye.read(file)? {
            Got::Bytes(bytes) => bytes,
            Got::Withheld => {
                found.withheld += 1;
                continue;
            }
            Got::Wrong(why) => {
                found.wrong.push(why);
                continue;
            }
        };
        let broken = |why: String| format!("{} names {}: {why}", file.by, file.path);
        match file.holds {
            Holds::Document => {}
            Holds::Kubeconfig => match kubeconfig(eye, &bytes)? {
                Ok(chain) => found.leaf(file, &chain, now),
                Err(why) => found.wrong.push(broken(why)),
            },
            Holds::Authorities => match pem::certificates(&bytes) {
                Ok(all) => found.authorities(file, &all, now),
                Err(problem) => found.wrong.push(broken(problem.to_string())),
            },
            Holds::Certificate => match pem::certificates(&bytes) {
                Ok(chain) => {
                    found.leaf(file, &chain, now);
                    certificates
                        .extend(chain.into_iter().next().map(|leaf| (file.by.as_str(), leaf)));
                }
                Err(problem) => found.wrong.push(broken(problem.to_string())),
            },
            Holds::PrivateKey => match pem::private_key(&bytes) {
                Ok(key) => keys.push((file, key)),
                Err(problem) => found.wrong.push(broken(problem.to_string())),
            },
            Holds::PublicKeys if pem::has_public_keys(&bytes) => {}
            Holds::PublicKeys => found.wrong.push(broken("it holds no public key".to_owned())),
        }
    }
    for (certificate, key) in pairs {
        let leaf = certificates.iter().find(|(by, _)| by == certificate);
        let pair = leaf.zip(keys.iter().find(|(file, _)| file.by == *key));
        let Some(((_, leaf), (file, key))) = pair else { continue };
        match pem::belongs(key, leaf) {
            Some(true) => found.keys += 1,
            Some(false) => found.wrong.push(format!(
                "the key in {} ({}) does not belong to the certificate of {certificate}: put the two that belong together in place",
                file.path, file.by
            )),
            None => found.notes.push(format!(
                "whether the key in {} belongs to the certificate of {certificate} cannot be told: its kind is not known here",
                file.path
            )),
        }
    }
    Ok(found)
}

impl Found {
    /// The certificate itself must be valid now.
    fn leaf(&mut self, file: &Named, chain: &[Certificate], now: Timestamp) {
        let Some(leaf) = chain.first() else { return };
        let which = format!("the certificate '{}' in {} ({})", leaf.subject, file.path, file.by);
        if now > leaf.until {
            self.wrong.push(format!(
                "{which} expired on {}: renew it first (kubeadm certs renew)",
                day(leaf.until)
            ));
        } else if now < leaf.from {
            self.wrong.push(format!(
                "{which} is valid only from {}: set the clock of this node right",
                leaf.from
            ));
        } else if leaf.until.duration_since(now) < SOON {
            self.notes.push(format!("{which} expires on {}: renew it soon", day(leaf.until)));
        }
        self.ends(leaf.until);
    }

    /// One authority that is valid is enough.
    fn authorities(&mut self, file: &Named, all: &[Certificate], now: Timestamp) {
        let Some(last) = all.iter().map(|certificate| certificate.until).max() else { return };
        let which = format!("every authority in {} ({})", file.path, file.by);
        if now > last {
            self.wrong
                .push(format!("{which} has expired, the last on {}: renew them first", day(last)));
        } else if last.duration_since(now) < SOON {
            self.notes.push(format!("{which} expires by {}: renew them soon", day(last)));
        }
        self.ends(last);
    }

    fn ends(&mut self, until: Timestamp) {
        self.until = Some(self.until.map_or(until, |known| known.min(until)));
    }
}

/// The day of a moment, in UTC.
pub(super) fn day(moment: Timestamp) -> String {
    moment.to_string().split('T').next().unwrap_or_default().to_owned()
}

impl Eye<'_> {
    fn sight(&self, path: &str) -> Result<Sight, NodeError> {
        match self.mounts {
            Some(mounts) => sight::of(self.files, mounts, path),
            None => Ok(match self.files.stat(path)? {
                Some(_) => Sight::Host(path.to_owned()),
                None => Sight::Nothing(path.to_owned()),
            }),
        }
    }

    /// What the running process sees there: the new one of the same image will see it too.
    fn in_image(&self, path: &str) -> Result<Option<Vec<u8>>, NodeError> {
        let Some(pid) = self.same_image else { return Ok(None) };
        match self.node.process_file(pid, path, LARGEST_TEXT as u64) {
            Err(error) if error.is_not_found() => Ok(None),
            seen => seen,
        }
    }

    fn read(&self, file: &Named) -> Result<Got, NodeError> {
        let Named { by, path, .. } = file;
        let host = match self.sight(path)? {
            Sight::Host(host) => host,
            Sight::Nothing(host) => {
                let place =
                    if host == *path { String::new() } else { format!(" ({host} on the host)") };
                return Ok(Got::Wrong(format!(
                    "{by} names {path}{place}, and there is no such file: create it first, or leave the flag out"
                )));
            }
            Sight::Image | Sight::Volatile => {
                if let Some(bytes) = self.in_image(path)? {
                    return Ok(Got::Bytes(bytes));
                }
                return Ok(Got::Wrong(format!(
                    "{by} names {path}, which the container will not see: no volume of the host holds it; mount its folder, or name a file below a path that is mounted"
                )));
            }
        };
        let Some(stat) = self.files.stat(&host)?.filter(|stat| stat.kind == FileKind::File) else {
            return Ok(Got::Wrong(format!("{by} names {path}, which is no file")));
        };
        if let Some(user) = self.user
            && stat.uid != user
            && stat.mode & 0o044 == 0
        {
            return Ok(Got::Wrong(format!(
                "{by} names {path}, which user {user}, as whom the container runs, may not read ({:04o} {}:{}): change its owner first",
                stat.mode, stat.uid, stat.gid
            )));
        }
        match self.files.read(&host, LARGEST_TEXT as u64) {
            Ok(bytes) => Ok(Got::Bytes(bytes)),
            Err(NodeError { kind: NodeErrorKind::LeftOut, .. }) => Ok(Got::Withheld),
            Err(error) => Ok(Got::Wrong(format!("{by}: {error}"))),
        }
    }
}

/// The client certificates of a kubeconfig's current user; empty where it uses other means.
///
/// No word of the text goes into a message: it holds a key.
fn kubeconfig(eye: &Eye<'_>, bytes: &[u8]) -> Result<Result<Vec<Certificate>, String>, NodeError> {
    let parsed = std::str::from_utf8(bytes).ok().and_then(|text| yaml::parse(text).ok());
    let Some(config) = parsed.map(|document| document.value) else {
        return Ok(Err("it cannot be read as a kubeconfig".to_owned()));
    };
    let entry = |list: &str, name: &str| {
        let entries = config.get(list).and_then(Value::as_array)?;
        entries
            .iter()
            .find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
            .cloned()
    };
    let user = config
        .get("current-context")
        .and_then(Value::as_str)
        .and_then(|context| entry("contexts", context))
        .and_then(|context| yaml::at(&context, "context.user")?.as_str().map(str::to_owned))
        .and_then(|user| entry("users", &user))
        .and_then(|user| user.get("user").cloned());
    let Some(user) = user else {
        return Ok(Err("its current context leads to no user".to_owned()));
    };
    let field = |name: &str| user.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let unreadable = || "its client certificate cannot be read".to_owned();
    if let Some(data) = field("client-certificate-data") {
        let chain = Base64::decode_vec(data).ok().and_then(|pem| pem::certificates(&pem).ok());
        return Ok(chain.ok_or_else(unreadable));
    }
    let Some(path) = field("client-certificate").filter(|path| path.starts_with('/')) else {
        return Ok(Ok(Vec::new()));
    };
    let named = Named {
        by: "its client-certificate".to_owned(),
        path: path.to_owned(),
        holds: Holds::Certificate,
    };
    Ok(match eye.read(&named)? {
        Got::Bytes(bytes) => {
            pem::certificates(&bytes).map_err(|problem| format!("{path}: {problem}"))
        }
        Got::Withheld => Ok(Vec::new()),
        Got::Wrong(why) => Err(why),
    })
}
