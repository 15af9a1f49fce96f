//! The program with a named kubeconfig: beside an image, and from anywhere.

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

use super::{recorded, server::ApiServer};

fn kube_temper(kubeconfig: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::cargo_bin("kube-temper")
        .unwrap()
        .args(args)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// An empty root: a machine that is no node.
pub struct Elsewhere {
    folder: tempfile::TempDir,
    pub server: ApiServer,
}

impl Elsewhere {
    pub fn new() -> Self {
        Self::of(ApiServer::start(recorded))
    }

    /// With the kubeconfig of this server.
    pub fn of(server: ApiServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config"), server.trusted()).unwrap();
        Self { folder, server }
    }

    pub fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let root = self.folder.path().to_str().unwrap();
        let args = [args, &["--root", root, "--offline"]].concat();
        kube_temper(&self.folder.path().join("config"), &args)
    }
}

#[test]
fn a_cluster_is_judged_from_a_machine_that_is_no_node() {
    let elsewhere = Elsewhere::new();
    let (code, out, err) =
        elsewhere.run(&["scan", "--section", "5.2", "--format", "json", "--fail-on", "any"]);
    assert_eq!(code, Some(10), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["kubernetes"], "1.36.2 (the API server)");
    assert_eq!(report["benchmark"], "cis-2.0", "the API server tells the version");
    let findings = report["findings"].as_array().unwrap();
    let privileged = findings.iter().find(|finding| finding["control"] == "5.2.2").unwrap();
    assert_eq!(
        privileged["objects"],
        serde_json::json!([{
            "danger": "high",
            "object": "pod/legacy/privileged",
            "path": "spec.containers[c].securityContext.privileged",
            "value": "true",
            "wrong": true,
        }])
    );
}

#[test]
fn only_what_the_chosen_controls_need_is_asked_for() {
    let elsewhere = Elsewhere::new();
    elsewhere.run(&["scan", "--check", "5.1.3"]);
    let mut asked: Vec<String> =
        elsewhere.server.requests().into_iter().map(|request| request.path).collect();
    asked.sort();
    asked.dedup();
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let kinds = ["clusterrolebindings", "clusterroles", "rolebindings", "roles"];
    let mut wanted: Vec<String> = kinds.map(|kind| format!("{rbac}/{kind}")).to_vec();
    wanted.push("/version".to_owned());
    assert_eq!(asked, wanted);
    let before = elsewhere.server.requests().len();
    elsewhere.run(&["scan", "--check", "1.2.15", "--benchmark", "cis-2.0"]);
    assert_eq!(elsewhere.server.requests().len(), before, "the node alone decides that one");
}

#[test]
fn an_explanation_says_who_has_the_right_and_through_what() {
    let (code, out, _) = Elsewhere::new().run(&["explain", "5.1.2", "--ascii"]);
    assert_eq!(code, Some(0));
    let chain = "serviceaccount shop/api -> rolebinding/shop/shop-reads-secrets -> clusterrole/secret-reader -> rules[0]: get, list, watch secrets";
    assert!(out.contains("What there is in this cluster"), "{out}");
    assert!(out.contains(chain), "{out}");
}

#[test]
fn a_kubeconfig_that_is_not_there_is_a_mistake_of_the_command_line() {
    let (code, _, err) = kube_temper(Path::new("/nowhere/config"), &["scan"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("--kubeconfig: ") && err.contains("/nowhere/config"), "{err}");
}

#[test]
fn without_a_cluster_nothing_is_exported_and_the_reason_told() {
    let folder = tempfile::tempdir().unwrap();
    let server = ApiServer::start(|_| super::server::refused(401, "Unauthorized"));
    fs::write(folder.path().join("config"), server.trusted()).unwrap();
    let root = folder.path().to_str().unwrap();
    let args = ["export", "--benchmark", "cis-2.0", "--root", root, "--offline"];
    let (code, out, err) = kube_temper(&folder.path().join("config"), &args);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(err.contains("the API server does not accept these credentials"), "{err}");
}
