//! A recorded node in memory that is broken, planned, fixed and put back.

use kube_temper::{
    catalog::{Catalog, Numbered},
    check,
    model::{
        BenchmarkId, Change, Component, ControlId, FileImage, FileMeta, NodeFacts, Plan, Report,
    },
    node::{
        Files as _, NodeKind,
        collect::collect,
        memory::{FixedNode, MemoryFiles},
        recording,
    },
    plan,
};
use std::sync::Arc;

pub(crate) const FLAGS_ENV: &str = "/var/lib/kubelet/kubeadm-flags.env";
pub(crate) const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
pub(crate) const DROP_IN_DIR: &str = "/etc/kubernetes/kubelet.conf.d";
const LIMIT: u64 = 1 << 20;

/// A node whose files decide: what its processes were started with is only a note.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) files: Arc<MemoryFiles>,
}

/// One look at it.
pub(crate) struct Look {
    pub(crate) facts: NodeFacts,
    pub(crate) report: Report,
}

impl Node {
    /// The recorded control plane of 1.36.2, etcd's account added.
    pub(crate) fn recorded() -> Self {
        let files = Arc::new(recording::KUBEADM_1_36_2.files().unwrap());
        let node = Self { files };
        node.edit("/etc/passwd", |text| format!("{text}etcd:x:117:125::/:/usr/sbin/nologin\n"));
        node.edit("/etc/group", |text| format!("{text}etcd:x:125:\n"));
        node
    }

    pub(crate) fn copy(&self) -> Self {
        Self { files: Arc::new(self.files.copy()) }
    }

    pub(crate) fn look(
        &self,
        catalog: &Catalog,
        benchmark: BenchmarkId,
        controls: &[Numbered],
    ) -> Look {
        let node = FixedNode::new(self.files.clone()).of_kind(NodeKind::Offline);
        let facts = collect(&node, catalog.path_candidates()).unwrap();
        let report = check::check(benchmark, Vec::new(), controls, &facts);
        Look { facts, report }
    }

    pub(crate) fn read(&self, path: &str) -> String {
        String::from_utf8(self.files.read(path, LIMIT).unwrap()).unwrap()
    }

    pub(crate) fn meta(&self, path: &str) -> FileMeta {
        let stat = self.files.lstat(path).unwrap().unwrap_or_else(|| panic!("no {path}"));
        FileMeta {
            mode: stat.mode,
            uid: stat.uid,
            gid: stat.gid,
            xattrs: std::collections::BTreeMap::new(),
        }
    }

    fn set_meta(&self, path: &str, meta: &FileMeta) {
        self.files.set_owner(path, meta.uid, meta.gid).unwrap();
        self.files.set_mode(path, meta.mode).unwrap();
    }

    fn write(&self, path: &str, text: &str, meta: &FileMeta) {
        self.files.put_file(path, meta.mode, text);
        self.set_meta(path, meta);
    }

    /// Changes a file's text and nothing else of it.
    pub(crate) fn edit(&self, path: &str, edit: impl FnOnce(&str) -> String) {
        let meta = self.meta(path);
        self.write(path, &edit(&self.read(path)), &meta);
    }

    pub(crate) fn resolve(&self, path: &str) -> String {
        self.files.resolve(path).unwrap()
    }

    pub(crate) fn chmod(&self, path: &str, mode: u32) {
        self.files.set_mode(path, mode).unwrap();
    }

    pub(crate) fn chown(&self, path: &str, uid: u32, gid: u32) {
        self.files.set_owner(path, uid, gid).unwrap();
    }

    /// A kube-proxy that runs on the host with one flag, instead of the one in a pod.
    pub(crate) fn host_proxy(&self, flag: &str) {
        let proc = "/proc/4242";
        self.files.put_file(&format!("{proc}/cmdline"), 0o444, format!("kube-proxy\0{flag}\0"));
        self.files.put_file(&format!("{proc}/comm"), 0o444, "kube-proxy\n");
        let stat = format!("4242 (kube-proxy) S 1 4242 {}", "0 ".repeat(46));
        self.files.put_file(&format!("{proc}/stat"), 0o444, stat);
        self.files.put_file(&format!("{proc}/status"), 0o444, "Uid:\t0\t0\t0\t0\n");
        let cgroup = "0::/system.slice/kube-proxy.service\n";
        self.files.put_file(&format!("{proc}/cgroup"), 0o444, cgroup);
        self.files.put_link(&format!("{proc}/exe"), "/usr/bin/kube-proxy");
    }

    /// Writes every `after` of a plan; each `before` must be what is there.
    pub(crate) fn apply(&self, plan: &Plan) {
        for change in plan.changes() {
            self.must_be(change, false);
            self.put(change, true);
        }
    }

    /// Writes every `before` of a plan.
    pub(crate) fn undo(&self, plan: &Plan) {
        for change in plan.changes() {
            self.must_be(change, true);
            self.put(change, false);
        }
    }

    fn put(&self, change: &Change, after: bool) {
        let (image, meta) = side(change, after);
        match image {
            Some(image) => self.write(&change.path, &image.text, &image.meta),
            None => self.set_meta(&change.path, meta),
        }
    }

    fn must_be(&self, change: &Change, after: bool) {
        let (image, meta) = side(change, after);
        assert_eq!(&self.meta(&change.path), meta, "{}", change.path);
        if let Some(image) = image {
            assert_eq!(self.read(&change.path), image.text, "{}", change.path);
        }
    }

    /// Gives a component a flag, or takes it away: in its manifest, or in the kubelet's environment
    /// file.
    pub(crate) fn flag(&self, component: Component, flag: &str, value: Option<&str>) {
        if component == Component::Kubelet {
            self.edit(FLAGS_ENV, |text| env_flag(text, flag, value));
        } else {
            let path = format!("/etc/kubernetes/manifests/{component}.yaml");
            self.edit(&path, |text| manifest_flag(text, component, flag, value));
        }
    }

    /// Sets or removes a field of the kubelet's configuration, in a file of its own making.
    pub(crate) fn field(&self, path: &str, field: &str, value: Option<serde_json::Value>) {
        self.edit(path, |text| {
            let mut document: serde_json::Value = serde_yaml::from_str(text).unwrap();
            let (parents, key) = field.rsplit_once('.').unwrap_or(("", field));
            let parent =
                parents.split('.').filter(|key| !key.is_empty()).fold(&mut document, |map, key| {
                    map.as_object_mut()
                        .unwrap()
                        .entry(key)
                        .or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()))
                });
            match value {
                Some(value) => parent.as_object_mut().unwrap().insert(key.to_owned(), value),
                None => parent.as_object_mut().unwrap().remove(key),
            };
            serde_yaml::to_string(&document).unwrap()
        });
    }

    /// A drop-in of the kubelet's configuration that holds nothing yet.
    pub(crate) fn drop_in(&self) -> String {
        self.flag(Component::Kubelet, "config-dir", Some(DROP_IN_DIR));
        let path = format!("{DROP_IN_DIR}/20-site.conf");
        let header = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
        self.files.put_file(&path, 0o644, header);
        path
    }
}

/// The plan of one control.
pub(crate) fn plan_of(controls: &[Numbered], look: &Look, id: &ControlId) -> Plan {
    plan::build(controls, &look.report, &look.facts, std::slice::from_ref(id))
}

fn manifest_flag(text: &str, component: Component, flag: &str, value: Option<&str>) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let argument = line.trim().strip_prefix("- --").unwrap_or_default();
        if argument.split('=').next() == Some(flag) {
            continue;
        }
        out.push_str(line);
        if line.trim() == format!("- {component}")
            && let Some(value) = value
        {
            let indent = line.len() - line.trim_start().len();
            out.extend([" ".repeat(indent), format!("- --{flag}={value}\n")]);
        }
    }
    out
}

fn env_flag(text: &str, flag: &str, value: Option<&str>) -> String {
    let inner = text.trim().strip_prefix("KUBELET_KUBEADM_ARGS=\"").unwrap();
    let mut flags: Vec<String> = inner
        .trim_end_matches('"')
        .split_whitespace()
        .filter(|word| word.trim_start_matches("--").split('=').next() != Some(flag))
        .map(str::to_owned)
        .collect();
    flags.extend(value.map(|value| format!("--{flag}={value}")));
    format!("KUBELET_KUBEADM_ARGS=\"{}\"\n", flags.join(" "))
}

/// A change before or after; these fixes create nothing.
fn side(change: &Change, after: bool) -> (Option<&FileImage>, &FileMeta) {
    let kind = &change.kind;
    let (image, meta) =
        if after { (kind.after(), kind.meta_after()) } else { (kind.before(), kind.meta_before()) };
    (image, meta.unwrap())
}
