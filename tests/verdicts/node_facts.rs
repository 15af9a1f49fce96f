//! Node facts for tests, built from manifests and configuration files as people write them.
#![allow(dead_code, reason = "each test program uses its own part of this builder")]

use std::{collections::BTreeMap, sync::LazyLock};

use kube_temper::{
    catalog::Catalog,
    check::check,
    model::{
        BenchmarkId, Component, Digest, Distribution, FileFact, FileKind, Finding, NodeFacts,
        NodeProfile, PathVar, Process, ProcessFact, Report, Role,
        facts::{
            Accounts, Arg, CertificateBundle, EncryptionRule, KubeletFacts, KubeletLayer,
            ManifestFact, Parsed, TextFile,
        },
    },
    text,
};

pub const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// A node under construction.
#[derive(Debug, Clone)]
pub struct Node {
    pub facts: NodeFacts,
}

/// A running kubeadm control plane node with nothing on it yet.
pub fn node() -> Node {
    let named = |names: &[(&str, u32)]| -> BTreeMap<String, u32> {
        names.iter().map(|(name, id)| ((*name).to_owned(), *id)).collect()
    };
    Node {
        facts: NodeFacts {
            at: "2026-11-24T05:00:00Z".parse().unwrap(),
            live: true,
            profile: NodeProfile {
                name: "cp1".to_owned(),
                role: Role::ControlPlane,
                distribution: Distribution::Kubeadm,
                version: None,
                manifest_dir: Some("/etc/kubernetes/manifests".to_owned()),
                paths: BTreeMap::new(),
            },
            processes: BTreeMap::new(),
            manifests: Vec::new(),
            unit_args: BTreeMap::new(),
            unit_variables: kube_temper::model::facts::Variables::default(),
            kubelet: KubeletFacts::default(),
            files: BTreeMap::new(),
            documents: BTreeMap::new(),
            encryption: BTreeMap::new(),
            certificates: BTreeMap::new(),
            logins: BTreeMap::new(),
            accounts: Accounts {
                users: named(&[("root", 0), ("daemon", 1)]),
                groups: named(&[("root", 0), ("daemon", 1)]),
            },
            problems: Vec::new(),
        },
    }
}

pub fn text_file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.to_owned(), text: text.to_owned(), digest: Digest::of(text.as_bytes()) }
}

/// A static pod manifest in kubeadm's shape; the API server, its PKI and `/etc/kubernetes/conf` are mounted.
fn manifest_text(component: Component, args: &[&str]) -> String {
    let args: String = args.iter().map(|arg| format!("    - {arg:?}\n")).collect();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {component}\n  namespace: kube-system\nspec:\n  containers:\n  - name: {component}\n    image: registry.k8s.io/{component}:v1.36.2\n    command:\n    - {component}\n{args}    volumeMounts:\n    - name: pki\n      mountPath: /etc/kubernetes/pki\n    - name: conf\n      mountPath: /conf\n    - name: scratch\n      mountPath: /scratch\n  hostNetwork: true\n  volumes:\n  - name: pki\n    hostPath:\n      path: /etc/kubernetes/pki\n  - name: conf\n    hostPath:\n      path: /etc/kubernetes/conf\n  - name: scratch\n    emptyDir: {{}}\n"
    )
}

pub fn manifest_path(component: Component) -> String {
    format!("/etc/kubernetes/manifests/{component}.yaml")
}

impl Node {
    /// Any other change.
    pub fn with(mut self, change: impl FnOnce(&mut NodeFacts)) -> Self {
        change(&mut self.facts);
        self
    }

    /// An image or a recording: files decide.
    pub fn not_running(self) -> Self {
        self.with(|facts| facts.live = false)
    }

    pub fn worker(self) -> Self {
        self.with(|facts| facts.profile.role = Role::Worker)
    }

    /// A process in a pod.
    pub fn process(self, component: Component, args: &[&str]) -> Self {
        let argv = [component.as_str()].iter().chain(args).map(|a| (*a).to_owned()).collect();
        let pid = 1000 + Component::ALL.iter().position(|c| *c == component).unwrap() as u32;
        self.with(|facts| {
            let process = Process {
                pid,
                start: 7,
                binary: component.as_str().to_owned(),
                argv,
                uid: 0,
                pod: Some("0123456789abcdef0123456789abcdef".to_owned()),
                unit: None,
                env: BTreeMap::new(),
                env_unread: None,
            };
            facts.processes.insert(component, ProcessFact::Running(process));
        })
    }

    pub fn manifest(self, component: Component, args: &[&str]) -> Self {
        self.manifest_at(&manifest_path(component), &manifest_text(component, args))
    }

    /// A manifest with this text.
    pub fn manifest_at(self, path: &str, text: &str) -> Self {
        let pod = match text::manifest::parse(path, text) {
            Ok(value) => Parsed::Ok { value },
            Err(problem) => Parsed::Broken { why: problem.to_string() },
        };
        let fact = ManifestFact { path: path.to_owned(), file: Some(text_file(path, text)), pod };
        self.with(|facts| facts.manifests.push(fact))
    }

    /// A static pod that runs as its manifest says.
    pub fn pod(self, component: Component, args: &[&str]) -> Self {
        self.process(component, args).manifest(component, args)
    }

    pub fn apiserver(self, args: &[&str]) -> Self {
        self.pod(Component::KubeApiserver, args)
    }

    pub fn etcd(self, args: &[&str]) -> Self {
        self.pod(Component::Etcd, args)
    }

    /// The kubelet as a service, running with what its unit and environment files give.
    pub fn kubelet(self, args: &[&str]) -> Self {
        let directory = text::flags::value(args, "config-dir");
        self.kubelet_process(args)
            .kubelet_start(args)
            .with(|facts| facts.kubelet.drop_in_dir = directory)
    }

    pub fn kubelet_process(self, args: &[&str]) -> Self {
        self.process(Component::Kubelet, args).with(|facts| {
            if let Some(ProcessFact::Running(process)) =
                facts.processes.get_mut(&Component::Kubelet)
            {
                process.pod = None;
                process.unit = Some("kubelet.service".to_owned());
            }
        })
    }

    pub fn kubelet_start(self, args: &[&str]) -> Self {
        let path = "/var/lib/kubelet/kubeadm-flags.env";
        let args = ["/usr/bin/kubelet"].iter().chain(args).enumerate();
        let args = args
            .map(|(index, text)| Arg {
                text: (*text).to_owned(),
                path: path.to_owned(),
                line: index + 1,
            })
            .collect();
        self.with(|facts| facts.kubelet.start_args = Some(args))
    }

    fn layer(path: &str, text: &str) -> KubeletLayer {
        let (fields, duplicate_keys) = match text::kubelet::parse(text) {
            Ok((value, duplicates)) => (Parsed::Ok { value }, duplicates),
            Err(problem) => (Parsed::Broken { why: problem.to_string() }, Vec::new()),
        };
        KubeletLayer {
            path: path.to_owned(),
            file: Some(text_file(path, text)),
            fields,
            duplicate_keys,
        }
    }

    /// A kubelet started with `--config` and this file, and further flags.
    pub fn kubelet_with(self, config: &str, args: &[&str]) -> Self {
        let flag = format!("--config={KUBELET_CONFIG}");
        let args: Vec<&str> = [flag.as_str()].into_iter().chain(args.iter().copied()).collect();
        let layer = Self::layer(KUBELET_CONFIG, config);
        self.kubelet(&args).with(|facts| facts.kubelet.config = Some(layer))
    }

    /// A drop-in of the kubelet's configuration, in `/etc/kubernetes/kubelet.conf.d`.
    pub fn drop_in(self, name: &str, text: &str) -> Self {
        let directory = "/etc/kubernetes/kubelet.conf.d";
        let layer = Self::layer(&format!("{directory}/{name}"), text);
        self.with(|facts| facts.kubelet.drop_ins.push(layer))
    }

    /// An existing file of root; named in `var` when given.
    pub fn file(self, var: Option<PathVar>, path: &str, mode: u32) -> Self {
        self.owned_file(var, path, mode, (0, 0))
    }

    pub fn owned_file(
        self,
        var: Option<PathVar>,
        path: &str,
        mode: u32,
        (uid, gid): (u32, u32),
    ) -> Self {
        let fact = FileFact::Present {
            resolved: path.to_owned(),
            kind: FileKind::File,
            mode,
            uid,
            gid,
            size: 1,
            links: 1,
        };
        self.file_fact(var, path, fact)
    }

    pub fn file_fact(self, var: Option<PathVar>, path: &str, fact: FileFact) -> Self {
        self.with(|facts| {
            facts.files.insert(path.to_owned(), fact);
            if let Some(var) = var {
                facts.profile.paths.entry(var).or_default().push(path.to_owned());
            }
        })
    }

    /// A configuration file that a flag names, by its host path.
    pub fn document(self, path: &str, text: &str) -> Self {
        let parsed = match text::yaml::parse(text) {
            Ok(document) => Parsed::Ok { value: document.value },
            Err(problem) => Parsed::Broken { why: problem.to_string() },
        };
        self.with(|facts| {
            facts.documents.insert(path.to_owned(), parsed);
        })
    }

    /// An encryption configuration: blocks of resources and providers.
    pub fn encryption(self, path: &str, blocks: &[(&[&str], &[&str])]) -> Self {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let value = blocks
            .iter()
            .map(|(resources, providers)| EncryptionRule {
                resources: own(resources),
                providers: own(providers),
            })
            .collect();
        self.with(|facts| {
            facts.encryption.insert(path.to_owned(), Parsed::Ok { value });
        })
    }

    /// A CA bundle with these keys.
    pub fn ca(self, path: &str, keys: &[&str]) -> Self {
        let public_keys = keys.iter().map(|key| Digest::of(key.as_bytes())).collect();
        self.with(|facts| {
            let value = CertificateBundle { public_keys };
            facts.certificates.insert(path.to_owned(), Parsed::Ok { value });
        })
    }

    /// Every control of cis-1.12 judged on this node.
    pub fn report(&self) -> Report {
        self.report_of(BenchmarkId::Cis1_12)
    }

    pub fn report_of(&self, benchmark: BenchmarkId) -> Report {
        static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().unwrap());
        check(benchmark, Vec::new(), &CATALOG.controls(benchmark), &self.facts)
    }

    /// One finding, by its number in cis-1.12 or by its `KT-` name.
    pub fn judge(&self, id: &str) -> Finding {
        self.find(id).unwrap_or_else(|| panic!("no finding {id}"))
    }

    pub fn find(&self, id: &str) -> Option<Finding> {
        self.report().finding(&id.parse().unwrap()).cloned()
    }
}
