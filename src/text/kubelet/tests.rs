//! Reading and merging layers.

use serde_json::json;

use super::*;
use crate::model::facts::Parsed;

#[test]
fn only_a_kubelet_configuration_is_read() {
    for (text, message) in [
        ("- a\n", "not a mapping"),
        ("kind: Pod\n", "it is a Pod"),
        ("readOnlyPort: 0\n", "no kind"),
        ("", "empty"),
        ("kind: [\n", ""),
    ] {
        assert!(parse(text).unwrap_err().message.contains(message), "{text:?}");
    }
    let text = "kind: KubeletConfiguration\nauthentication:\n  anonymous:\n    enabled: off\nkind: KubeletConfiguration\n";
    let (value, duplicates) = parse(text).unwrap();
    assert_eq!(yaml::at(&value, "authentication.anonymous.enabled"), Some(&json!(false)));
    assert_eq!(duplicates, ["kind"]);
}

fn layer(fields: Value) -> KubeletLayer {
    KubeletLayer {
        path: "/etc/kubernetes/kubelet.conf.d/10.conf".into(),
        file: None,
        fields: Parsed::Ok { value: fields },
        duplicate_keys: Vec::new(),
    }
}

#[test]
fn later_layers_win_and_lists_are_replaced() {
    let mut layers = vec![
        layer(json!({"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": 1, "kind": "K"})),
        layer(json!({"a": {"b": 9}, "list": [3], "gone": null, "new": {"x": null, "y": 1}})),
        layer(json!({"a": {"d": {"e": true}}})),
    ];
    layers.insert(
        1,
        KubeletLayer { fields: Parsed::Broken { why: "no".into() }, ..layer(Value::Null) },
    );
    assert_eq!(
        effective(&layers),
        json!({"a": {"b": 9, "c": 2, "d": {"e": true}}, "list": [3], "kind": "K", "new": {"y": 1}})
    );
    assert_eq!(effective(&[]), json!({}));
}

#[test]
fn values_of_another_type_are_what_the_kubelet_cannot_decode() {
    let config = |fields: &str| format!("kind: KubeletConfiguration\n{fields}\n");
    for (fields, says) in [
        (
            "authentication: {anonymous: {enabled: \"false\"}}",
            "authentication.anonymous.enabled is \"false\"",
        ),
        ("authentication: {anonymous: {enabled: 0}}", "is 0, and the kubelet does not start"),
        ("authentication: {anonymous: off}", "authentication.anonymous is false"),
        ("authentication: none", "authentication is \"none\""),
        ("readOnlyPort: '0'", "a whole number without quotes"),
        ("readOnlyPort: 0.5", "readOnlyPort is 0.5"),
        ("readOnlyPort: off", "readOnlyPort is false"),
        ("streamingConnectionIdleTimeout: 0", "a duration as text"),
        ("streamingConnectionIdleTimeout: never", "a duration as text"),
        ("clusterDomain: 5", "put it in quotes"),
        ("tlsCipherSuites: TLS_AES_128_GCM_SHA256", "a list of texts"),
        ("featureGates: {A: 'true'}", "featureGates is"),
        ("kubeReserved: {cpu: 1}", "kubeReserved is"),
    ] {
        let message = parse(&config(fields)).unwrap_err().message;
        assert!(message.contains(says), "{fields}: {message}");
    }
    for fields in [
        "authentication: {anonymous: {enabled: off}, webhook: {enabled: y}}",
        "authentication: {anonymous: {enabled: null}}\nreadOnlyPort: ~\nfeatureGates:",
        "readOnlyPort: 0x0\npodPidsLimit: -1\nstreamingConnectionIdleTimeout: 0s\nmaxPods: 0600",
        "featureGates: {A: no}\nevictionHard: {memory.available: 100Mi}\nclusterDNS: [10.96.0.10]",
        "nobodyKnows: {a: '1'}",
    ] {
        assert!(parse(&config(fields)).is_ok(), "{fields}: {:?}", parse(&config(fields)));
    }
}
