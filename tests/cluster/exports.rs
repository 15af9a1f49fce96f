//! What `export` writes: an API server takes every document of it, in a strict dry run.

use std::collections::BTreeMap;

use kube::{Client, Config, config::Kubeconfig};
use serde::Deserialize as _;
use serde_json::Value;

use super::{
    RECORDED, dry_run,
    program::Elsewhere,
    server::{Answer, ApiServer, Request},
};

/// The documents of an export as they stand there, each with its object.
fn documents(export: &str) -> Vec<(&str, Value)> {
    let texts = export.split("---\n").filter(|text| !text.is_empty());
    let object = |text: &'_ str| {
        let mut all = serde_yaml::Deserializer::from_str(text);
        let object = Value::deserialize(all.next().unwrap()).unwrap();
        assert!(all.next().is_none(), "{text}");
        object
    };
    texts.map(|text| (text, object(text))).collect()
}

/// `kind/namespace/name`.
fn name(object: &Value) -> String {
    let part = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or("");
    format!("{}/{}/{}", part("/kind"), part("/metadata/namespace"), part("/metadata/name"))
}

/// What a server answers to `kubectl apply --server-side --dry-run=server --validate=strict`.
fn applied(server: &ApiServer, address: &str, document: &str) -> (u16, Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let kubeconfig = Kubeconfig::from_yaml(&server.trusted()).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
        let client = Client::try_from(config).unwrap();
        let query = "dryRun=All&fieldValidation=Strict&fieldManager=test";
        let request = http::Request::patch(format!("{address}?{query}"))
            .header("Content-Type", "application/apply-patch+yaml")
            .body(document.as_bytes().to_vec().into())
            .unwrap();
        let response = client.send(request).await.unwrap();
        let status = response.status().as_u16();
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap();
        (status, serde_json::from_slice(&body.to_bytes()).unwrap())
    })
}

/// Every document of an export is taken as it stands; what is in them, by name.
fn taken(server: &ApiServer, export: &str) -> BTreeMap<String, Value> {
    let mut objects = BTreeMap::new();
    for (text, object) in documents(export) {
        let address = dry_run::address(&object).unwrap();
        let (status, answer) = applied(server, &address, text);
        assert_eq!((status, &answer), (200, &object), "{text}");
        objects.insert(name(&object), object);
    }
    objects
}

#[test]
fn an_api_server_takes_all_that_is_exported_for_the_namespaces_that_need_it() {
    let (code, out, err) = Elsewhere::new().run(&["export"]);
    assert_eq!(code, Some(0), "{err}");
    let objects = taken(&ApiServer::start(dry_run::answer), &out);
    assert_eq!(
        objects.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "Namespace//default",
            "Namespace//legacy",
            "Namespace//shop",
            "NetworkPolicy/default/default-deny",
            "NetworkPolicy/legacy/default-deny",
            "NetworkPolicy/shop/default-deny",
            "ServiceAccount/locked/default",
        ]
    );
    insta::with_settings!({
        snapshot_path => "../../snapshots/reports",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("export-1.36.2", out);
    });
}

#[test]
fn kube_proxys_configuration_is_exported_whole_with_one_field_changed() {
    const MAP: &str = "/api/v1/namespaces/kube-system/configmaps/kube-proxy";
    let open = |request: &Request| {
        if request.path != MAP || request.method != "GET" {
            return dry_run::answer(request);
        }
        let mut map = RECORDED.get(MAP).unwrap();
        let config = map["data"]["config.conf"].as_str().unwrap();
        assert!(config.contains("metricsBindAddress: \"\""));
        let text = config.replace("metricsBindAddress: \"\"", "metricsBindAddress: 0.0.0.0:10249");
        map["data"]["config.conf"] = text.into();
        Answer::Json(200, map)
    };
    let elsewhere = Elsewhere::of(ApiServer::start(open));
    let (_, scan, _) = elsewhere.run(&["scan", "--check", "4.3.1", "--ascii"]);
    assert!(
        scan.contains("metricsBindAddress: 0.0.0.0:10249, wanted a loopback address"),
        "{scan}"
    );
    let (code, out, err) = elsewhere.run(&["export", "--check", "4.3.1"]);
    assert_eq!(code, Some(0), "{err}");
    let object = &taken(&elsewhere.server, &out)["ConfigMap/kube-system/kube-proxy"];
    let before = RECORDED.get(MAP).unwrap()["data"]["config.conf"].clone();
    let (before, after) =
        (before.as_str().unwrap(), object["data"]["config.conf"].as_str().unwrap());
    let changed: Vec<(&str, &str)> =
        before.lines().zip(after.lines()).filter(|(before, after)| before != after).collect();
    assert_eq!(changed, [("metricsBindAddress: \"\"", "metricsBindAddress: 127.0.0.1:10249")]);
}

/// The labels of namespace legacy, the controls asked for, and the level it is then to warn and audit at.
const LEVELS: &[(&str, &str, Option<&str>)] = &[
    ("", "5.2.1", Some("baseline")),
    ("", "5.2.2", Some("baseline")),
    ("", "5.2.2,5.2.6", Some("restricted")),
    ("", "5.2.10", None),
    ("warn", "5.2.2", Some("restricted")),
    ("warn audit", "5.2.2,5.2.6", None),
    ("enforce", "5.2.6", None),
];

#[test]
fn labels_of_pod_security_answer_all_that_was_found_and_never_lower_what_is_there() {
    for (labels, checks, level) in LEVELS {
        let elsewhere = Elsewhere::of(ApiServer::start(move |request| {
            let mut answer = super::recorded(request);
            if let ("/api/v1/namespaces", Answer::Json(_, list)) =
                (request.path.as_str(), &mut answer)
            {
                let all = list["items"].as_array_mut().unwrap();
                let legacy = all.iter_mut().find(|it| it["metadata"]["name"] == "legacy").unwrap();
                for label in labels.split_whitespace() {
                    let label = format!("pod-security.kubernetes.io/{label}");
                    legacy["metadata"]["labels"][label] = "restricted".into();
                }
            }
            answer
        }));
        let (code, out, err) = elsewhere.run(&["export", "--check", checks]);
        assert_eq!(code, Some(0), "{err}");
        let documents = documents(&out);
        let legacy = documents.iter().find(|(_, object)| name(object) == "Namespace//legacy");
        let Some(level) = level else {
            assert_eq!(legacy, None, "{labels} {checks}");
            continue;
        };
        let (text, object) = legacy.unwrap_or_else(|| panic!("{labels} {checks}: {out}"));
        let heading = format!("# {}: ", checks.replace(',', ", "));
        assert!(text.starts_with(&heading), "{text}");
        for mode in ["warn", "audit"] {
            let label = format!("pod-security.kubernetes.io/{mode}");
            assert_eq!(object["metadata"]["labels"][label], *level, "{labels} {checks}");
        }
    }
}

/// Address, document with one mistake, and what is said of it.
const MISTAKES: &[(&str, &str, u16, &str)] = &[
    (
        "/api/v1/namespaces/shop",
        "{apiVersion: v1, kind: Namespace, metadata: {name: shop, label: {}}}",
        400,
        "strict decoding error",
    ),
    (
        "/api/v1/namespaces/shop",
        "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {a: [b]}}}",
        400,
        "invalid type: sequence",
    ),
    (
        "/api/v1/namespaces/shop",
        "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {a b: c}}}",
        422,
        "metadata.labels: a b: c",
    ),
    (
        "/api/v1/namespaces/shop",
        "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {pod-security.kubernetes.io/warn: base}}}",
        422,
        "no level of Pod Security",
    ),
    (
        "/api/v1/namespaces/Shop",
        "{apiVersion: v1, kind: Namespace, metadata: {name: Shop}}",
        422,
        "metadata.name",
    ),
    (
        "/api/v1/namespaces/nowhere/serviceaccounts/default",
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: nowhere}}",
        404,
        "not found",
    ),
    (
        "/api/v1/namespaces/shop/serviceaccounts/default",
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: shop}, automountServiceAccountToken: 'false'}",
        400,
        "expected a boolean",
    ),
    (
        "/api/v1/namespaces/shop/serviceaccounts/default",
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: other, namespace: shop}}",
        400,
        "belongs to",
    ),
    (
        "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/d",
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: d, namespace: shop}, spec: {podSelector: {}, policyType: [Ingress]}}",
        400,
        "strict decoding error",
    ),
    (
        "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/d",
        "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: d, namespace: shop}, spec: {podSelector: {}, policyTypes: [ingress]}}",
        422,
        "spec.policyTypes",
    ),
    (
        "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/d",
        "{apiVersion: extensions/v1beta1, kind: NetworkPolicy, metadata: {name: d, namespace: shop}}",
        400,
        "no such kind",
    ),
    (
        "/api/v1/namespaces/kube-system/configmaps/c",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: kube-system}, data: {a/b: c}}",
        422,
        "is no key",
    ),
    ("/api/v1/namespaces/shop", "{apiVersion: v1, kind", 400, ""),
];

#[test]
fn the_server_that_takes_the_exports_refuses_what_a_real_one_would() {
    let server = ApiServer::start(dry_run::answer);
    for (address, document, code, why) in MISTAKES {
        let (status, answer) = applied(&server, address, document);
        let message = answer["message"].as_str().unwrap();
        assert_eq!((status, &answer["kind"]), (*code, &"Status".into()), "{document}: {message}");
        assert!(message.contains(why), "{document}: {message}");
    }
}
