//! Every way an API server can fail to answer ends in its documented state, in time, and stops nothing else.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use kube_temper::{
    cluster::{ClusterError, Reader as _, client::ApiClient, read::Limits},
    model::cluster::{ClusterFacts, Resource, Unread},
};
use serde_json::json;

use super::{
    large, recorded,
    server::{Answer, ApiServer, Certificate, Request, kubeconfig, refused},
};

const PODS: &str = "/api/v1/pods";

/// Short enough for a test, long enough for a busy machine.
const LIMITS: Limits = Limits {
    answer: Duration::from_secs(2),
    whole: Duration::from_secs(4),
    page: 5,
    bytes: 4 << 20,
};

fn all() -> BTreeSet<Resource> {
    Resource::ALL.into()
}

fn read(server: &ApiServer) -> Result<ClusterFacts, ClusterError> {
    let client = ApiClient::within("/c.conf", server.trusted().as_bytes(), LIMITS).unwrap();
    client.read(&all())
}

#[test]
fn a_recorded_cluster_is_read_whole_whatever_the_size_of_its_pages() {
    let server = ApiServer::start(recorded);
    let facts = read(&server).unwrap();
    assert_eq!(facts, super::RECORDED.read(&all()).unwrap());
    let counts = (facts.pods.len(), facts.cluster_roles.len(), facts.secrets.len());
    assert_eq!(counts, (13, 75, 3));
    assert_eq!(facts.version.as_deref(), Some("v1.36.2"));
    assert!(facts.kube_proxy.unwrap().contains("KubeProxyConfiguration"));
    let requests = server.requests();
    let of = |path: &str| requests.iter().filter(|r| r.path == path).count();
    assert_eq!((of(PODS), of("/apis/rbac.authorization.k8s.io/v1/clusterroles")), (3, 15));
}

#[test]
fn a_cluster_takes_as_many_requests_as_it_has_pages() {
    let size = |pods, namespaces, bindings| large::Size { pods, namespaces, bindings };
    // Further pages of 500: of the pods, the namespaces, the bindings, and the ReplicaSets of ten pods each.
    let cases = [
        (size(10, 2, 4), 0),
        (size(500, 500, 500), 0),
        (size(501, 501, 501), 3),
        (large::LARGE, 9 + 3),
        (size(5_010, 500, 2_000), 10 + 3 + 1),
    ];
    for (size, further) in cases {
        let server = ApiServer::start(move |request| size.answer(request));
        let client = ApiClient::of_kubeconfig("/c.conf", server.trusted().as_bytes()).unwrap();
        let facts = client.read(&all()).unwrap();
        assert!(facts.unread.is_empty(), "{:?}", facts.unread);
        let counts = (facts.pods.len(), facts.namespaces.len(), facts.role_bindings.len());
        assert_eq!(counts, (size.pods, size.namespaces, size.bindings));
        // The version, and 22 resources.
        assert_eq!(server.requests().len(), 1 + 22 + further, "{size:?}");
    }
}

#[test]
fn of_secrets_only_the_metadata_is_asked_for() {
    let server = ApiServer::start(recorded);
    read(&server).unwrap();
    let requests = server.requests();
    let secrets: Vec<&Request> =
        requests.iter().filter(|request| request.path.contains("secrets")).collect();
    assert_eq!(secrets.len(), 1);
    assert!(secrets[0].accept.starts_with("application/json;as=PartialObjectMetadataList"));
    assert!(!secrets[0].accept.contains(','), "nothing else will do");
}

#[test]
fn what_an_annotation_repeats_of_a_secret_is_not_kept() {
    let server = ApiServer::start(|request| {
        if request.path != "/api/v1/secrets" {
            return recorded(request);
        }
        let annotations = json!({ "kubectl.kubernetes.io/last-applied-configuration": "hunter2" });
        let metadata = json!({ "name": "s", "namespace": "n", "annotations": annotations });
        Answer::Json(200, json!({ "metadata": {}, "items": [{ "metadata": metadata }] }))
    });
    let facts = read(&server).unwrap();
    assert_eq!(facts.secrets.len(), 1);
    assert!(!serde_json::to_string(&facts).unwrap().contains("hunter2"));
}

/// What became of the pods, when only they are answered so.
fn pods_answered(
    answer: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
) -> (ClusterFacts, usize) {
    let asked = AtomicUsize::new(0);
    let server = ApiServer::start(move |request| {
        if request.path == PODS {
            answer(request, asked.fetch_add(1, Ordering::Relaxed))
        } else {
            recorded(request)
        }
    });
    let began = Instant::now();
    let facts = read(&server).unwrap();
    assert!(began.elapsed() < LIMITS.whole + Duration::from_secs(2), "{:?}", began.elapsed());
    let asked = server.requests().iter().filter(|request| request.path == PODS).count();
    (facts, asked)
}

#[test]
fn a_fault_of_one_list_is_told_and_stops_no_other() {
    let no_access = |why: &str| Unread::NoAccess { why: why.to_owned() };
    let broken = |why: &str| Unread::Broken { why: why.to_owned() };
    type Fault = (fn(&Request, usize) -> Answer, Unread, usize);
    let faults: [Fault; 9] = [
        (|_, _| refused(403, "Forbidden"), no_access("these credentials may not list pods"), 1),
        (
            |_, _| refused(401, "Unauthorized"),
            no_access("the API server does not accept these credentials (list pods)"),
            1,
        ),
        (|_, _| refused(500, "Internal"), broken("list pods: the API server answers 500"), 1),
        (|_, _| Answer::Later(0), broken("list pods: the API server is too busy (429)"), 4),
        (|_, _| Answer::Later(3600), broken("list pods: not done within 4 s"), 1),
        (
            |_, _| Answer::Cut("{\"items\": [".to_owned()),
            broken("list pods: its answer breaks off"),
            1,
        ),
        (
            |_, _| Answer::Json(200, json!({ "items": [{ "spec": "hunter2" }] })),
            broken("list pods: its answer is not what this API answers (line 1, column 27)"),
            1,
        ),
        (|_, _| Answer::Endless, broken("list pods: its answer is larger than 4 MiB"), 1),
        (|_, _| Answer::Silence, broken("list pods: no answer within 2 s"), 1),
    ];
    for (answer, unread, requests) in faults {
        let (facts, asked) = pods_answered(answer);
        assert_eq!(facts.unread.get(&Resource::Pods), Some(&unread));
        assert_eq!(facts.unread.len(), 1, "{:?}", facts.unread);
        assert_eq!((facts.namespaces.len(), asked), (7, requests), "{unread:?}");
    }
}

#[test]
fn a_server_that_asks_for_patience_is_asked_again() {
    let (facts, asked) =
        pods_answered(
            |request, before| {
                if before < 2 { Answer::Later(0) } else { recorded(request) }
            },
        );
    assert_eq!((facts.pods.len(), facts.unread.len(), asked), (13, 0, 5));
}

#[test]
fn a_list_that_expires_between_two_pages_is_read_from_its_beginning() {
    let (facts, asked) =
        pods_answered(
            |request, before| {
                if before == 2 { refused(410, "Expired") } else { recorded(request) }
            },
        );
    assert_eq!((facts.pods.len(), facts.unread.len(), asked), (13, 0, 6));
}

#[test]
fn a_list_that_always_expires_or_never_ends_is_given_up() {
    let (facts, asked) = pods_answered(|request, _| match request.query.get("continue") {
        Some(_) => refused(410, "Expired"),
        None => recorded(request),
    });
    let why = "list pods: it changed faster than it could be read".to_owned();
    assert_eq!(facts.unread.get(&Resource::Pods), Some(&Unread::Broken { why }));
    assert_eq!(asked, 8);
    let (facts, asked) = pods_answered(|_, _| {
        Answer::Json(200, json!({ "metadata": { "continue": "on" }, "items": [] }))
    });
    let why = "list pods: its list does not go on".to_owned();
    assert_eq!(facts.unread.get(&Resource::Pods), Some(&Unread::Broken { why }));
    assert_eq!(asked, 2);
}

#[test]
fn kinds_that_a_server_does_not_know_are_kinds_of_which_there_are_none() {
    let server = ApiServer::start(|request| {
        if request.path.contains("validatingadmissionpolicies") {
            refused(404, "NotFound")
        } else {
            recorded(request)
        }
    });
    let facts = read(&server).unwrap();
    assert!(facts.unread.is_empty() && facts.validating_policies.is_empty());
}

#[test]
fn where_nobody_answers_the_reason_is_told_once() {
    let refusing = ApiServer::start(|_| refused(401, "Unauthorized"));
    let error = read(&refusing).unwrap_err();
    assert_eq!(error.to_string(), "the API server does not accept these credentials");

    for (certificate, words) in
        [(Certificate::OfAnotherName, "not valid for name"), (Certificate::Expired, "expired")]
    {
        let server = ApiServer::with_certificate(certificate, recorded);
        let error = read(&server).unwrap_err().to_string();
        assert!(error.starts_with("the API server does not answer: "), "{error}");
        assert!(error.contains(words), "{error}");
        assert!(server.requests().is_empty(), "nothing is said before the certificate is right");
    }

    let (port, authority) = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        (gone.local_addr().unwrap().port(), ApiServer::start(recorded).authority)
    };
    let text = kubeconfig(&format!("https://127.0.0.1:{port}"), &authority, "token: t");
    let client = ApiClient::within("/c.conf", text.as_bytes(), LIMITS).unwrap();
    let error = client.read(&all()).unwrap_err().to_string();
    assert!(error.contains("efused"), "{error}");
}

#[test]
fn an_authority_that_is_not_the_servers_is_not_believed() {
    let (server, other) = (ApiServer::start(recorded), ApiServer::start(recorded));
    let address = format!("https://127.0.0.1:{}", server.port);
    let text = kubeconfig(&address, &other.authority, "token: t");
    let client = ApiClient::within("/c.conf", text.as_bytes(), LIMITS).unwrap();
    assert!(client.read(&all()).is_err());
    assert!(server.requests().is_empty());
}
