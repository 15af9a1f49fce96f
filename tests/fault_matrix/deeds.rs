//! What somebody does to a node, by name.

use std::{sync::Arc, time::Duration};

use kube_temper::{
    model::Component,
    node::{EtcdError, Node as _, sim::EtcdFault},
    store::requests::{self, Request},
};

use crate::lab::{Deed, Lab};

/// What others write at the end of a file.
pub(crate) const THEIRS: &str = "# theirs\n";

pub(crate) fn manifest(component: Component) -> String {
    format!("/etc/kubernetes/manifests/{component}.yaml")
}

/// The file a change of this component is made in.
pub(crate) fn file_of(component: Component) -> String {
    match component {
        Component::Kubelet => "/var/lib/kubelet/config.yaml".to_owned(),
        other => manifest(other),
    }
}

fn component(name: &str) -> Component {
    Component::from_binary(name).unwrap_or_else(|| panic!("no component is called {name}"))
}

/// The deed of this name: a verb and its object.
pub(crate) fn deed(text: &str) -> Deed {
    let (verb, object) = text.split_once(' ').unwrap_or((text, ""));
    let object = object.to_owned();
    match verb {
        "ends" => act(move |lab| lab.node.kill(component(&object))),
        // From now on it does not start any more.
        "breaks" => act(move |lab| {
            lab.node.crash_on(component(&object), "--");
            lab.node.kill(component(&object));
        }),
        // It lives, and is not ready.
        "sickens" => act(move |lab| lab.node.sicken(component(&object))),
        "stalls" => {
            let seconds = object.parse().unwrap();
            act(move |lab| lab.node.stall(Duration::from_secs(seconds)))
        }
        "crashes-on" => act(move |lab| {
            let (name, text) = object.split_once(' ').unwrap();
            lab.node.crash_on(component(name), text);
        }),
        "kubelet-dies" => act(|lab| lab.node.stop_kubelet()),
        "kubelet-restarts" => act(|lab| lab.node.kubelet().unwrap().restart().unwrap()),
        "edits" => act(move |lab| {
            let path = file_of(component(&object));
            let text = lab.node.text(&path).unwrap() + THEIRS;
            lab.node.replace(&path, &text).unwrap();
        }),
        "chmods" => act(move |lab| {
            lab.node.files().set_mode(&file_of(component(&object)), 0o640).unwrap();
        }),
        "removes" => act(move |lab| lab.node.files().remove(&file_of(component(&object))).unwrap()),
        // An older copy appears beside the manifest.
        "bak" => act(move |lab| {
            let path = manifest(component(&object));
            let text =
                lab.node.text(&path).unwrap().replace("--profiling=false", "--profiling=true");
            lab.node.replace(&format!("{path}.bak"), &text).unwrap();
        }),
        "leads-elsewhere" => act(move |lab| lab.node.lead_elsewhere(component(&object))),
        "cni-rewrites" => act(|lab| {
            let path = "/etc/cni/net.d/10-bridge.conflist";
            let text = lab.node.text(path).unwrap();
            lab.node.replace(path, &text).unwrap();
        }),
        "api-away" => act(|lab| lab.node.set_remote_api(false)),
        "api-back" => act(|lab| lab.node.set_remote_api(true)),
        "other-api-down" => act(|lab| lab.cluster.set_api_server("10.0.0.12:6443", false)),
        "other-api-up" => act(|lab| lab.cluster.set_api_server("10.0.0.12:6443", true)),
        "lease-taken" => act(|lab| {
            let now = lab.node.clock().now();
            lab.cluster.give_lease("cp2", Duration::from_secs(3600), now);
        }),
        "spoils-backup" => act(spoil),
        "tenant" => act(tenant),
        // Its certificate is renewed for so many seconds only; negative: it has expired.
        "certificate-lasts" => {
            let seconds: i64 = object.parse().unwrap();
            act(move |lab| certificate(lab, seconds))
        }
        "locks-out" => act(move |lab| lab.node.lock_out_on(&object)),
        "loses" => act(move |lab| lab.node.files().remove(&object).unwrap()),
        // What goes wrong when etcd is asked for a snapshot.
        "etcd" => act(move |lab| {
            lab.node.set_etcd_fault(Some(match object.as_str() {
                "has-no-gateway" => EtcdFault::NoGateway,
                "complains" => EtcdFault::Alarm,
                "is-huge" => EtcdFault::Huge,
                "breaks-off" => EtcdFault::Truncated,
                "sends-a-wrong-digest" => EtcdFault::WrongDigest,
                "sends-garbage" => EtcdFault::Garbage,
                "sends-another" => EtcdFault::Other,
                "stands-still" => EtcdFault::Silent,
                other => panic!("etcd does not know how to '{other}'"),
            }));
        }),
        // The other members of etcd; one after which something stands does not answer so.
        "members" => act(move |lab| {
            let named = |one: &'_ str| {
                let (name, why) = one.split_once(": ").unwrap_or((one, ""));
                let silent = EtcdError::Silent(why.to_owned());
                (name.to_owned(), (!why.is_empty()).then_some(silent))
            };
            let others: Vec<_> = object.split(", ").map(named).collect();
            let others: Vec<_> =
                others.iter().map(|(name, why)| (name.as_str(), why.clone())).collect();
            lab.node.set_etcd_others(&others);
        }),
        "full" => act(|lab| lab.node.tree().set_free_space(1000)),
        "confirms" => act(|lab| leave(lab, &Request::Confirm { by: "anna".to_owned() })),
        "reverts" => act(|lab| {
            leave(lab, &Request::Revert { by: "anna".to_owned(), allow_single: false });
        }),
        "extends" => {
            act(|lab| leave(lab, &Request::Extend { by: "anna".to_owned(), seconds: 120 }))
        }
        other => panic!("nobody knows how to '{other}'"),
    }
}

fn act(deed: impl Fn(&Lab) + Send + Sync + 'static) -> Deed {
    Arc::new(deed)
}

fn leave(lab: &Lab, request: &Request) {
    requests::leave(lab.node.as_ref(), &lab.id(), request).unwrap();
}

/// The copies of the old files are not what was kept any more.
fn spoil(lab: &Lab) {
    let folder = format!("/transactions/{}/backup", lab.id());
    let state = lab.node.state();
    for entry in state.list(&folder).unwrap() {
        if entry.name != "manifest.json" {
            state.append(&format!("{folder}/{}", entry.name), b"spoilt").unwrap();
        }
    }
}

/// The API server's certificate ends so many seconds from now.
fn certificate(lab: &Lab, seconds: i64) {
    let ends = lab.node.clock().now().as_second() + seconds;
    let at = |second: i64| std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(second as u64);
    let mut wanted = rcgen::CertificateParams::new(vec!["cp1".to_owned()]).unwrap();
    wanted.not_before = at(ends - 86_400).into();
    wanted.not_after = at(ends).into();
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let text = wanted.self_signed(&key).unwrap().pem();
    lab.node.replace("/etc/kubernetes/pki/apiserver.crt", &text).unwrap();
}

/// A pod of somebody else runs an API server too.
fn tenant(lab: &Lab) {
    let tree = lab.node.tree();
    let put = |file: &str, text: &str| tree.put_file(&format!("/proc/3999/{file}"), 0o444, text);
    put("comm", "kube-apiserver\n");
    put("cmdline", "kube-apiserver\0--anonymous-auth=true\0--profiling=true\0");
    put("environ", "");
    put(
        "cgroup",
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0c6a9c4e_51a5_4d4e_9b7c_0a3cf1f8a001.slice/cri-containerd-00aa.scope\n",
    );
    put(
        "stat",
        "3999 (kube-apiserver) S 1 3999 3999 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 9 0 12345 0 0\n",
    );
    put("status", "Name:\tkube-apiserver\nUid:\t1000\t1000\t1000\t1000\n");
    tree.put_link("/proc/3999/exe", "/usr/local/bin/kube-apiserver");
}
