//! The files that settings name: there, as the container will see them; readable; certificates that are valid
//! and have their keys.
//!
//! Of a private key nothing is told but whether it is one and whose.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    eye::{Eye, Got},
    named::Named,
};
use crate::{
    node::{NodeError, recording},
    text::{
        known::Holds,
        kubeconfig::{self, Content, Part},
        pem::{self, Certificate, PrivateKey},
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
    /// Files of whose bytes some are not part of this recording.
    pub(super) withheld: BTreeSet<String>,
    /// The first end of any certificate.
    pub(super) until: Option<Timestamp>,
}

/// A look at files, while it lasts.
struct Look<'l> {
    eye: &'l Eye<'l>,
    now: Timestamp,
    found: Found,
    certificates: BTreeMap<String, (Named, Certificate)>,
    keys: Vec<(String, Named, PrivateKey)>,
}

/// Looks at all of them.
pub(super) fn look(eye: &Eye<'_>, named: &[Named], now: Timestamp) -> Result<Found, NodeError> {
    let mut look =
        Look { eye, now, found: Found::default(), certificates: BTreeMap::new(), keys: Vec::new() };
    for file in named {
        look.open(file)?;
    }
    Ok(look.pairs())
}

impl Look<'_> {
    fn open(&mut self, file: &Named) -> Result<(), NodeError> {
        self.found.files.insert(file.path.clone());
        match self.eye.read(file)? {
            Got::Bytes(bytes) => return self.judge(file, &bytes),
            Got::Withheld => self.withheld(file),
            Got::Wrong(why) => self.found.wrong.push(why),
        }
        Ok(())
    }

    fn withheld(&mut self, file: &Named) {
        self.found.withheld.insert(file.path.clone());
    }

    fn judge(&mut self, file: &Named, bytes: &[u8]) -> Result<(), NodeError> {
        if file.holds == Holds::PrivateKey && bytes.trim_ascii_end().ends_with(recording::LEFT_OUT)
        {
            self.withheld(file);
            return Ok(());
        }
        let Self { found, now, .. } = self;
        let judged = match file.holds {
            Holds::Document => Ok(()),
            Holds::Kubeconfig | Holds::Webhook => return self.kubeconfig(file, bytes),
            Holds::Authorities => {
                pem::certificates(bytes).map(|all| found.authorities(file, &all, *now))
            }
            Holds::Certificate => pem::certificates(bytes).map(|chain| {
                found.leaf(file, &chain, *now);
                if let Some((pair, leaf)) = file.pair.clone().zip(chain.into_iter().next()) {
                    self.certificates.insert(pair, (file.clone(), leaf));
                }
            }),
            Holds::PrivateKey => pem::private_key(bytes).map(|key| {
                self.keys.extend(file.pair.clone().map(|pair| (pair, file.clone(), key)));
            }),
            Holds::PublicKeys if pem::has_public_keys(bytes) => Ok(()),
            Holds::PublicKeys => {
                found.wrong.push(file.broken("it holds no public key"));
                Ok(())
            }
        };
        if let Err(problem) = judged {
            self.found.wrong.push(file.broken(&problem.to_string()));
        }
        Ok(())
    }

    fn kubeconfig(&mut self, file: &Named, bytes: &[u8]) -> Result<(), NodeError> {
        let parts = match kubeconfig::parts(bytes, file.holds == Holds::Webhook) {
            Ok(parts) => parts,
            Err(why) => {
                self.found.wrong.push(file.broken(&why));
                return Ok(());
            }
        };
        let at = &file.path;
        for Part { field, holds, content } in parts {
            let pair = Some(format!("in {at}"));
            match content {
                Content::Data(bytes) => {
                    let part = Named { holds, pair, field: Some(field), ..file.clone() };
                    self.judge(&part, &bytes)?;
                }
                Content::File(path) => {
                    let named = Named::new(format!("{field} in {at}"), beside(at, &path), holds);
                    self.open(&Named { pair, ..named })?;
                }
            }
        }
        Ok(())
    }

    /// Brings keys and certificates together.
    fn pairs(self) -> Found {
        let Self { mut found, certificates, keys, .. } = self;
        for (pair, key_file, key) in &keys {
            let Some((file, leaf)) = certificates.get(pair) else { continue };
            let (key_at, at) = (key_file.place(), file.place());
            match pem::belongs(key, leaf) {
                Some(true) => found.keys += 1,
                Some(false) => found.wrong.push(format!(
                    "the key in {key_at} does not belong to the certificate in {at}: put the two that belong together in place"
                )),
                None => found.notes.push(format!(
                    "whether the key in {key_at} belongs to the certificate in {at} cannot be told: its kind is not known here"
                )),
            }
        }
        found
    }
}

impl Found {
    /// The certificate itself must be valid now.
    fn leaf(&mut self, file: &Named, chain: &[Certificate], now: Timestamp) {
        let Some(leaf) = chain.first() else { return };
        let which = format!("the certificate '{}' in {}", leaf.subject, file.place());
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
        let which = format!("every authority in {}", file.place());
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

/// A path as client-go reads it in a kubeconfig: a relative one begins in the kubeconfig's folder.
fn beside(kubeconfig: &str, path: &str) -> String {
    match kubeconfig.rsplit_once('/') {
        Some((folder, _)) if !path.starts_with('/') => format!("{folder}/{path}"),
        _ => path.to_owned(),
    }
}

/// The day of a moment, in UTC.
pub(super) fn day(moment: Timestamp) -> String {
    moment.to_string().split('T').next().unwrap_or_default().to_owned()
}
