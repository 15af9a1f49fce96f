//! The files a fix brings along, put in place by hand as their headers say: each closes its control.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::pedantic,
    unreachable_pub,
    reason = "a test stops where it cannot go on, reads its own data, and tells one story"
)]

mod common;

use std::{fs, path::Path};

use common::{Unpacked, code, statuses};

/// The controls the bundles are for.
const CONTROLS: [&str; 10] = [
    "1.2.1", "1.2.9", "1.2.16", "1.2.17", "1.2.18", "1.2.19", "1.2.27", "1.2.28", "3.2.1", "3.2.2",
];

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

/// What the headers of the bundles ask for, as arguments in the manifest.
const FLAGS: &str = "    - kube-apiserver
    - --admission-control-config-file=/etc/kubernetes/hardening/admission.yaml
    - --audit-log-maxage=30
    - --audit-log-maxbackup=10
    - --audit-log-maxsize=100
    - --audit-log-path=/var/log/kubernetes/audit/audit.log
    - --audit-policy-file=/etc/kubernetes/hardening/audit-policy.yaml
    - --authentication-config=/etc/kubernetes/hardening/authentication.yaml
    - --encryption-provider-config=/etc/kubernetes/hardening/encryption.yaml
";

const MOUNT: &str = "    volumeMounts:
    - mountPath: /etc/kubernetes/hardening
      name: hardening-conf
      readOnly: true
";

const VOLUME: &str = "  volumes:
  - hostPath:
      path: /etc/kubernetes/hardening
      type: Directory
    name: hardening-conf
";

/// Every file of every bundle, in the directory their headers name.
fn copy_bundles(node: &Unpacked) {
    let target = node.path("/etc/kubernetes/hardening");
    fs::create_dir(&target).unwrap();
    let bundles = Path::new(env!("CARGO_MANIFEST_DIR")).join("remediations/bundles");
    for bundle in fs::read_dir(bundles).unwrap() {
        for file in fs::read_dir(bundle.unwrap().path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), target.join(file.file_name())).unwrap();
        }
    }
}

/// Replaces a passage that is there exactly once.
fn replace(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "{old}");
    text.replace(old, new)
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn each_bundle_closes_its_controls() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let scan = |node: &Unpacked| {
        let output = node.run(&["scan", "--format", "json", "--check", &CONTROLS.join(",")]);
        assert!([0, 10].contains(&code(&output)), "{output:?}");
        statuses(&output)
    };
    let all =
        |status: &str| CONTROLS.iter().map(|id| ((*id).to_owned(), status.to_owned())).collect();
    assert_eq!(scan(&node), all("FAIL"));

    copy_bundles(&node);
    let text = node.text(MANIFEST);
    let text = replace(&text, "    - kube-apiserver\n", FLAGS);
    let text = replace(&text, "    volumeMounts:\n", MOUNT);
    let text = replace(&text, "  volumes:\n", VOLUME);
    let plugins = "--enable-admission-plugins=NodeRestriction";
    let text = replace(&text, plugins, &format!("{plugins},EventRateLimit"));
    node.write(MANIFEST, text);
    assert_eq!(scan(&node), all("PASS"));
}
