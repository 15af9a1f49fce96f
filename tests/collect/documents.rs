//! Files that flags name.

use kube_temper::node::{Clock, Files, KubeletView, Lock, Node, NodeError, NodeErrorKind};

use super::*;

fn with_apiserver_flags(files: &MemoryFiles, flags: &[&str]) {
    let path = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    let lines: String = flags.iter().map(|flag| format!("    - {flag}\n")).collect();
    let text = files_text(files, path)
        .replace("    - kube-apiserver\n", &format!("    - kube-apiserver\n{lines}"));
    files.put_file(path, 0o600, text);
}

#[test]
fn files_that_flags_name_are_read_under_their_host_path() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let pki = "/etc/kubernetes/pki";
    with_apiserver_flags(
        &files,
        &[
            "--audit-policy-file=/etc/kubernetes/pki/policy.yaml",
            "--encryption-provider-config=/etc/kubernetes/pki/enc.yaml",
            "--authentication-config=/etc/kubernetes/pki/authn.yaml",
            "--authorization-config=/etc/kubernetes/pki/none.yaml",
            "--admission-control-config-file=/not/mounted.yaml",
        ],
    );
    files.put_file(
        &format!("{pki}/policy.yaml"),
        0o600,
        "kind: Policy\nrules: [{level: Metadata}]\n",
    );
    files.put_file(&format!("{pki}/authn.yaml"), 0o600, "a: [1\n");
    files.put_file(
        &format!("{pki}/enc.yaml"),
        0o600,
        "kind: EncryptionConfiguration\nresources: [{resources: [secrets], providers: [{aescbc: {keys: [{secret: TOP-SECRET}]}}]}]\n",
    );
    let facts = facts(files, NodeKind::Offline);
    assert_eq!(
        texts(facts.documents.keys()),
        [
            "/etc/kubernetes/pki/authn.yaml",
            "/etc/kubernetes/pki/none.yaml",
            "/etc/kubernetes/pki/policy.yaml"
        ]
    );
    assert_eq!(facts.documents[&format!("{pki}/policy.yaml")].ok().unwrap()["kind"], "Policy");
    assert!(facts.documents[&format!("{pki}/authn.yaml")].ok().is_none());
    assert_eq!(
        facts.documents[&format!("{pki}/none.yaml")],
        Parsed::Broken { why: "no such file or directory".to_owned() }
    );
    let rules = facts.encryption[&format!("{pki}/enc.yaml")].ok().unwrap();
    assert_eq!(rules[0].providers, ["aescbc"]);
    assert!(!serde_json::to_string(&facts).unwrap().contains("TOP-SECRET"));
    assert_eq!(mode(&facts, &format!("{pki}/policy.yaml")), 0o600);
    assert!(!facts.files.contains_key("/not/mounted.yaml"), "in no host volume: not this file");
}

#[test]
fn a_path_in_a_container_is_another_on_the_host() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let path = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    let text = files_text(&files, path)
        .replace(
            "    volumeMounts:\n",
            "    volumeMounts:\n    - mountPath: /audit\n      name: audit\n",
        )
        .replace(
            "  volumes:\n",
            "  volumes:\n  - hostPath:\n      path: /srv/audit/\n    name: audit\n",
        );
    files.put_file(path, 0o600, text);
    with_apiserver_flags(&files, &["--audit-policy-file=/audit/policy.yaml"]);
    files.put_file("/srv/audit/policy.yaml", 0o640, "kind: Policy\n");
    files.put_file("/audit/policy.yaml", 0o644, "kind: Decoy\n");
    let facts = facts(files, NodeKind::Offline);
    assert_eq!(texts(facts.documents.keys()), ["/srv/audit/policy.yaml"]);
    assert_eq!(mode(&facts, "/srv/audit/policy.yaml"), 0o640);
    assert!(!facts.files.contains_key("/audit/policy.yaml"));
}

/// A running node with one container whose files only its process sees.
#[derive(Debug)]
struct WithContainer {
    node: FixedNode,
    pid: u32,
    path: &'static str,
    text: &'static str,
}

impl Node for WithContainer {
    fn kind(&self) -> NodeKind {
        self.node.kind()
    }
    fn files(&self) -> &dyn Files {
        self.node.files()
    }
    fn state(&self) -> &dyn Files {
        self.node.state()
    }
    fn state_dir(&self) -> String {
        self.node.state_dir()
    }
    fn clock(&self) -> &dyn Clock {
        self.node.clock()
    }
    fn uid(&self) -> u32 {
        self.node.uid()
    }
    fn lock(&self) -> Result<Box<dyn Lock>, NodeError> {
        self.node.lock()
    }
    fn kubelet(&self) -> Option<&dyn KubeletView> {
        None
    }
    fn kubelet_version(&self, _pid: u32) -> Result<Option<String>, NodeError> {
        Err(NodeError { operation: "run", path: "/proc".to_owned(), kind: NodeErrorKind::Denied })
    }
    fn process_file(
        &self,
        pid: u32,
        path: &str,
        _limit: u64,
    ) -> Result<Option<Vec<u8>>, NodeError> {
        assert_eq!((pid, path), (self.pid, self.path));
        Ok(Some(self.text.as_bytes().to_vec()))
    }
}

#[test]
fn kube_proxys_configuration_is_read_in_its_container() {
    let path = "/var/lib/kube-proxy/config.conf";
    let files = recorded(recording::KUBEADM_1_36_2_WORKER);
    // The host's own file of that name is another one.
    files.put_file(path, 0o644, "metricsBindAddress: 0.0.0.0\n");
    let pid = facts(files.copy(), NodeKind::Live).process(Component::KubeProxy).unwrap().pid;
    let node = WithContainer {
        node: FixedNode::new(Arc::new(files)).of_kind(NodeKind::Live),
        pid,
        path,
        text: "kind: KubeProxyConfiguration\nmetricsBindAddress: 127.0.0.1:10249\n",
    };
    let facts = collect(&node, &BTreeMap::new()).unwrap();
    assert_eq!(texts(facts.documents.keys()), [path]);
    assert_eq!(facts.documents[path].ok().unwrap()["metricsBindAddress"], "127.0.0.1:10249");
    assert!(!facts.files.contains_key(path));
    assert_eq!(facts.profile.version, None);
    assert_eq!(facts.problems, [format!("cannot run /proc: {}", super::closed::told())]);
}

#[test]
fn of_a_kubeconfig_only_the_subject_of_its_certificate_is_kept() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let scheduler = "/etc/kubernetes/scheduler.conf";
    let with_token = files_text(&files, scheduler)
        .lines()
        .filter(|line| !line.contains("client-"))
        .map(|line| format!("{line}\n").replace("  user:\n", "  user:\n    token: TOP-SECRET\n"))
        .collect::<String>();
    files.put_file(scheduler, 0o600, with_token);
    files.put_file("/etc/kubernetes/controller-manager.conf", 0o600, "users: TOP-SECRET\n");
    let facts = facts(files, NodeKind::Offline);
    let groups: Vec<(&str, Option<Vec<&str>>)> = facts
        .logins
        .iter()
        .map(|(path, login)| (path.as_str(), login.ok().map(|login| texts(&login.groups))))
        .collect();
    assert_eq!(
        groups,
        [
            ("/etc/kubernetes/admin.conf", Some(vec!["kubeadm:cluster-admins"])),
            ("/etc/kubernetes/controller-manager.conf", None),
            ("/etc/kubernetes/kubelet.conf", Some(vec!["system:nodes"])),
            ("/etc/kubernetes/super-admin.conf", Some(vec!["system:masters"])),
        ]
    );
    let text = serde_json::to_string(&facts).unwrap();
    assert!(text.contains("CN=kubernetes-admin,O=kubeadm:cluster-admins"));
    assert!(!text.contains("TOP-SECRET"));
}
