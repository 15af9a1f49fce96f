//! A user without rights: what cannot be seen is a fact, and never the same as what is not there.

use kube_temper::{
    model::FileMeta,
    node::{DirEntry, NodeError, NodeErrorKind, Stat},
};

use super::*;

/// A tree in which some folders are closed to this user (mode 0700 of root), and some files.
#[derive(Debug)]
struct Closed {
    files: MemoryFiles,
    closed: Vec<&'static str>,
}

impl Closed {
    /// Below a closed folder nothing can be looked at; the folder and a closed file themselves can.
    fn enter(&self, path: &str) -> Result<(), NodeError> {
        let hidden = self.closed.iter().any(|closed| {
            path.strip_prefix(closed).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
        });
        if hidden { denied("look at", path) } else { Ok(()) }
    }

    fn open(&self, path: &str) -> Result<(), NodeError> {
        self.enter(path)?;
        if self.closed.contains(&path) { denied("read", path) } else { Ok(()) }
    }
}

fn denied<T>(operation: &'static str, path: &str) -> Result<T, NodeError> {
    Err(NodeError { operation, path: path.to_owned(), kind: NodeErrorKind::Denied })
}

impl kube_temper::node::Files for Closed {
    fn stat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.enter(path)?;
        self.files.stat(path)
    }
    fn lstat(&self, path: &str) -> Result<Option<Stat>, NodeError> {
        self.enter(path)?;
        self.files.lstat(path)
    }
    fn resolve(&self, path: &str) -> Result<String, NodeError> {
        self.enter(path)?;
        self.files.resolve(path)
    }
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, NodeError> {
        self.open(path)?;
        self.files.read(path, limit)
    }
    fn list(&self, path: &str) -> Result<Vec<DirEntry>, NodeError> {
        self.open(path)?;
        self.files.list(path)
    }
    fn read_link(&self, path: &str) -> Result<String, NodeError> {
        self.enter(path)?;
        self.files.read_link(path)
    }
    fn xattrs(&self, path: &str) -> Result<BTreeMap<String, Vec<u8>>, NodeError> {
        self.open(path)?;
        self.files.xattrs(path)
    }
    fn free_space(&self, path: &str) -> Result<u64, NodeError> {
        self.files.free_space(path)
    }
    fn create(&self, path: &str, _bytes: &[u8], _meta: &FileMeta) -> Result<(), NodeError> {
        denied("create", path)
    }
    fn append(&self, path: &str, _bytes: &[u8]) -> Result<(), NodeError> {
        denied("append to", path)
    }
    fn truncate(&self, path: &str, _length: u64) -> Result<(), NodeError> {
        denied("cut", path)
    }
    fn sync_file(&self, path: &str) -> Result<(), NodeError> {
        denied("flush", path)
    }
    fn sync_dir(&self, path: &str) -> Result<(), NodeError> {
        denied("flush", path)
    }
    fn rename(&self, _from: &str, to: &str) -> Result<(), NodeError> {
        denied("rename", to)
    }
    fn set_mode(&self, path: &str, _mode: u32) -> Result<(), NodeError> {
        denied("change the mode of", path)
    }
    fn set_owner(&self, path: &str, _uid: u32, _gid: u32) -> Result<(), NodeError> {
        denied("change the owner of", path)
    }
    fn make_dir(&self, path: &str, _mode: u32) -> Result<(), NodeError> {
        denied("create the directory", path)
    }
    fn remove(&self, path: &str) -> Result<(), NodeError> {
        denied("remove", path)
    }
    fn remove_dir(&self, path: &str) -> Result<(), NodeError> {
        denied("remove", path)
    }
}

fn closed_facts(recording: Recording, closed: &[&'static str]) -> NodeFacts {
    let files = Closed { files: recorded(recording), closed: closed.to_vec() };
    facts_of(&FixedNode::new(Arc::new(files)).of_kind(NodeKind::Live).run_by(1000))
}

/// How a denied permission is told; root is told something else.
pub(super) fn told() -> String {
    NodeErrorKind::Denied.to_string()
}

#[test]
fn a_closed_manifest_directory_hides_the_manifests_of_what_runs() {
    let facts = closed_facts(recording::KUBEADM_1_36_2, &["/etc/kubernetes/manifests"]);
    assert_eq!(
        base_names(&facts.manifests),
        ["kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml", "etcd.yaml"]
    );
    for manifest in &facts.manifests {
        assert!(broken(&facts, &manifest.path).ends_with(&told()));
        assert!(matches!(facts.files[&manifest.path], FileFact::Unreadable { .. }));
    }
    assert_eq!(paths(&facts, PathVar::ApiserverManifest).len(), 1);
    assert_eq!(facts.profile.role, Role::ControlPlane);
    assert!(facts.problems[0].starts_with("/etc/kubernetes/manifests cannot be read"));
}

#[test]
fn closed_folders_and_files_are_listed_as_unreadable() {
    let closed = [
        "/etc/kubernetes/pki",
        "/etc/cni/net.d",
        "/var/lib/kubelet",
        "/etc/kubernetes/kubelet.conf",
    ];
    let facts = closed_facts(recording::KUBEADM_1_36_2, &closed);
    for (var, expected) in [
        (PathVar::PkiTree, "/etc/kubernetes/pki"),
        (PathVar::CniFiles, "/etc/cni/net.d"),
        (PathVar::KubeletConfig, "/var/lib/kubelet/config.yaml"),
        // The field that names the client CA is in the configuration nobody may read.
        (PathVar::KubeletClientCa, "clientCAFile in /var/lib/kubelet/config.yaml"),
    ] {
        assert_eq!(paths(&facts, var), [expected], "{var:?}");
        let FileFact::Unreadable { why } = &facts.files[expected] else { panic!("{expected}") };
        assert!(why.ends_with(&told()), "{why}");
    }
    assert_eq!(facts.profile.distribution, Distribution::Kubeadm, "by its unit's drop-in");
    assert_eq!(mode(&facts, "/etc/kubernetes/kubelet.conf"), 0o600, "looked at, never read");
    let config = facts.kubelet.config.as_ref().unwrap();
    assert_eq!(config.fields, Parsed::Broken { why: told() });
    let bundle = &facts.certificates["/etc/kubernetes/pki/ca.crt"];
    assert_eq!(*bundle, Parsed::Broken { why: told() });
}

#[test]
fn hidden_processes_are_no_absent_processes() {
    let facts = closed_facts(recording::KUBEADM_1_36_2, &["/proc/2037"]);
    for component in Component::ALL {
        let ProcessFact::Unreadable { why } = &facts.processes[&component] else { panic!() };
        assert!(why.ends_with("run as root"), "{why}");
    }
}

#[test]
fn closed_drop_in_folders_leave_nothing_to_be_told() {
    let files = recorded(recording::KUBEADM_1_36_2);
    let argv: &[&str] =
        &["/usr/bin/kubelet", "--config=/var/lib/kubelet/config.yaml", "--config-dir=/srv/d"];
    Proc::new(980, argv, "0::/system.slice/kubelet.service").put(&files);
    files.put_file("/srv/d/10-a.conf", 0o600, "kind: KubeletConfiguration\n");
    files.put_file("/srv/d/closed/20-b.conf", 0o600, "kind: KubeletConfiguration\n");
    let units = "/usr/lib/systemd/system/kubelet.service.d";
    let files = Closed { files, closed: vec!["/srv/d/closed", units] };
    let facts = facts_of(&FixedNode::new(Arc::new(files)).of_kind(NodeKind::Live));
    let layers: Vec<(&str, bool)> = facts
        .kubelet
        .drop_ins
        .iter()
        .map(|layer| (layer.path.as_str(), layer.fields.ok().is_some()))
        .collect();
    assert_eq!(layers, [("/srv/d/10-a.conf", true), ("/srv/d/closed", false)]);
    assert_eq!(facts.kubelet.start_args, None, "a drop-in that was not seen may change them");
    assert!(facts.problems.iter().any(|problem| problem.contains(units)), "{:?}", facts.problems);
}

#[test]
fn a_manifest_directory_in_circles_cannot_be_read() {
    let files = recorded(recording::KUBEADM_1_36_2);
    files.remove_tree("/etc/kubernetes/manifests");
    files.put_link("/etc/kubernetes/manifests", "manifests");
    let facts = facts(files, NodeKind::Offline);
    assert_eq!(facts.manifests.len(), 4);
    assert!(facts.problems[0].contains("in circles"), "{:?}", facts.problems);
}
