//! Reading a cluster for its verdicts: every list page by page, all at once, each within its time.
//!
//! What cannot be read is told by resource and stops nothing else. Nothing is repeated but a list that expired
//! between two pages, and a request the server asked to send later.

use std::{cell::RefCell, collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use http::{
    Request, Response, StatusCode,
    header::{ACCEPT, RETRY_AFTER},
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::{Client, client::Body};
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{ClusterError, client::deepest, lists};
use crate::model::cluster::{ClusterFacts, Resource, Unread};

/// As the API asks for lists of metadata alone.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// How often a list may expire, or a server ask to come back.
const AGAIN: usize = 3;

/// How much is waited for, and how much is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until one answer is there.
    pub answer: Duration,
    /// Until all of them are.
    pub whole: Duration,
    /// Objects of a page.
    pub page: usize,
    /// Bytes of an answer.
    pub bytes: usize,
}

impl Limits {
    /// For the node's own API server: a scan of the node must not wait long for it.
    pub const OWN: Self = Self {
        answer: Duration::from_secs(5),
        whole: Duration::from_secs(10),
        page: 500,
        bytes: 64 << 20,
    };

    /// For one that was named, which may be far away.
    pub const NAMED: Self =
        Self { answer: Duration::from_secs(10), whole: Duration::from_secs(30), ..Self::OWN };
}

/// Why an answer is of no use.
enum Trouble {
    Unauthorized,
    Forbidden,
    /// The list this page belongs to is gone.
    Expired,
    /// This server has no such thing.
    NotServed,
    /// Later, it says.
    Busy(Duration),
    Unreachable(String),
    Broken(String),
}

/// Reads what is wanted. An error when nobody answers at all.
pub(super) async fn read(
    client: &Client,
    wanted: &BTreeSet<Resource>,
    limits: Limits,
) -> Result<ClusterFacts, ClusterError> {
    let reader = Reader { client, limits, deadline: Instant::now() + limits.whole };
    let facts =
        RefCell::new(ClusterFacts { version: reader.version().await?, ..ClusterFacts::default() });
    let all = wanted.iter().map(|resource| reader.resource(*resource, &facts));
    let unread = join_all(all).await.into_iter().flatten().collect();
    let mut facts = facts.into_inner();
    facts.unread = unread;
    Ok(facts)
}

struct Reader<'c> {
    client: &'c Client,
    limits: Limits,
    deadline: Instant,
}

impl Reader<'_> {
    /// Its version, and with it whether it answers these credentials at all.
    async fn version(&self) -> Result<Option<String>, ClusterError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
        }
        match self.get("/version", "application/json").await {
            Ok(answer) => Ok(serde_json::from_slice(&answer).ok().map(|v: Version| v.git_version)),
            Err(Trouble::Unreachable(why)) => Err(ClusterError::Unreachable(why)),
            Err(Trouble::Unauthorized) => Err(ClusterError::Other(
                "the API server does not accept these credentials".to_owned(),
            )),
            Err(_) => Ok(None),
        }
    }

    /// Reads one resource into the facts; what was in the way when that was not possible.
    async fn resource(
        &self,
        resource: Resource,
        facts: &RefCell<ClusterFacts>,
    ) -> Option<(Resource, Unread)> {
        let right = resource.right();
        let in_time = timeout_at(self.deadline, self.pages(resource, facts)).await;
        let trouble = match in_time {
            Ok(read) => read.err()?,
            Err(_) => Trouble::Broken(format!("not done within {} s", self.limits.whole.as_secs())),
        };
        let no_access = |why: String| Unread::NoAccess { why };
        let unread = match trouble {
            // Kinds that an older API server does not know are kinds of which there are none.
            Trouble::NotServed => return None,
            Trouble::Unauthorized => {
                no_access(format!("the API server does not accept these credentials ({right})"))
            }
            Trouble::Forbidden => no_access(format!("these credentials may not {right}")),
            Trouble::Unreachable(why) => {
                no_access(format!("the API server does not answer: {why} ({right})"))
            }
            Trouble::Expired => {
                Unread::Broken { why: format!("{right}: it changed faster than it could be read") }
            }
            Trouble::Busy(_) => {
                Unread::Broken { why: format!("{right}: the API server is too busy (429)") }
            }
            Trouble::Broken(why) => Unread::Broken { why: format!("{right}: {why}") },
        };
        Some((resource, unread))
    }

    async fn pages(
        &self,
        resource: Resource,
        facts: &RefCell<ClusterFacts>,
    ) -> Result<(), Trouble> {
        let accept = if metadata_only(resource) { METADATA } else { "application/json" };
        let (mut token, mut again) = (String::new(), 0);
        loop {
            let answer = match self.get(&self.address(resource, &token), accept).await {
                Err(Trouble::Expired) if !token.is_empty() && again < AGAIN => {
                    (token, again) = (String::new(), again + 1);
                    continue;
                }
                Err(Trouble::Busy(wait)) if again < AGAIN => {
                    again += 1;
                    sleep(wait).await;
                    continue;
                }
                other => other?,
            };
            let first = token.is_empty();
            let next = lists::take(&mut facts.borrow_mut(), resource, &answer, first)
                .map_err(|error| Trouble::Broken(not_understood(&error)))?;
            if next.is_empty() {
                return Ok(());
            }
            if next == token {
                return Err(Trouble::Broken("its list does not go on".to_owned()));
            }
            token = next;
        }
    }

    fn address(&self, resource: Resource, token: &str) -> String {
        let path = lists::path(resource);
        if !is_list(resource) {
            return path.to_owned();
        }
        let page = format!("{path}?limit={}", self.limits.page);
        if token.is_empty() { page } else { format!("{page}&continue={}", escaped(token)) }
    }

    /// One answer, whole.
    async fn get(&self, address: &str, accept: &str) -> Result<Vec<u8>, Trouble> {
        let request = Request::get(address)
            .header(ACCEPT, accept)
            .body(Body::empty())
            .map_err(|error| Trouble::Broken(error.to_string()))?;
        let answer = async {
            let response = self.client.send(request).await.map_err(|error| unreachable(&error))?;
            if let Some(trouble) = refusal(&response) {
                return Err(trouble);
            }
            let body = Limited::new(response.into_body(), self.limits.bytes).collect().await;
            body.map(|body| body.to_bytes().to_vec()).map_err(|error| {
                if error.is::<LengthLimitError>() {
                    let most = self.limits.bytes >> 20;
                    Trouble::Broken(format!("its answer is larger than {most} MiB"))
                } else {
                    Trouble::Broken("its answer breaks off".to_owned())
                }
            })
        };
        let seconds = self.limits.answer.as_secs();
        timeout(self.limits.answer, answer)
            .await
            .unwrap_or_else(|_| Err(Trouble::Broken(format!("no answer within {seconds} s"))))
    }
}

/// Of these only names, labels and owners are asked for; of Secrets never more.
const fn metadata_only(resource: Resource) -> bool {
    matches!(
        resource,
        Resource::Namespaces | Resource::ReplicaSets | Resource::Jobs | Resource::Secrets
    )
}

/// It is read page by page.
const fn is_list(resource: Resource) -> bool {
    !matches!(resource, Resource::ApiGroups | Resource::KubeProxyConfig)
}

fn unreachable(error: &kube::Error) -> Trouble {
    Trouble::Unreachable(match error {
        kube::Error::Service(error) => deepest(error.as_ref()),
        other => deepest(other),
    })
}

fn refusal<B>(response: &Response<B>) -> Option<Trouble> {
    let status = response.status();
    Some(match status {
        _ if status.is_success() => return None,
        StatusCode::UNAUTHORIZED => Trouble::Unauthorized,
        StatusCode::FORBIDDEN => Trouble::Forbidden,
        StatusCode::NOT_FOUND => Trouble::NotServed,
        StatusCode::GONE => Trouble::Expired,
        StatusCode::TOO_MANY_REQUESTS => {
            let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = seconds.and_then(|value| value.parse().ok()).unwrap_or(1);
            Trouble::Busy(Duration::from_secs(seconds))
        }
        other => Trouble::Broken(format!("the API server answers {}", other.as_u16())),
    })
}

/// Where it stops to be JSON as expected. The parser's own words may repeat what it read.
fn not_understood(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let what = if error.is_eof() { "ends too early" } else { "is not what this API answers" };
    format!("its answer {what} (line {line}, column {column})")
}

/// A continue token within a query.
fn escaped(token: &str) -> String {
    use std::fmt::Write as _;
    token.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte.into());
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}
