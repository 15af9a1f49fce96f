//! Plans for a simulated node.

use kube_temper::{
    model::{Change, ChangeKind, Component, FileImage, FileMeta, Plan, StepTarget},
    node::{Node as _, sim::SimNode},
};

use super::{plan, set_flag, step, with_flag};

/// A file as it is now.
pub(crate) fn image(node: &SimNode, path: &str) -> FileImage {
    let stat = node.files().lstat(path).unwrap().unwrap();
    let meta =
        FileMeta { mode: stat.mode, uid: stat.uid, gid: stat.gid, xattrs: Default::default() };
    FileImage { text: node.text(path).unwrap(), meta }
}

/// One file with another text.
pub(crate) fn rewritten(node: &SimNode, path: &str, control: &str, text: String) -> Change {
    let before = image(node, path);
    let after = FileImage { text, meta: before.meta.clone() };
    let edits = vec![set_flag(control, "profiling", "false")];
    Change {
        path: path.to_owned(),
        named: None,
        edits,
        kind: ChangeKind::Content { before, after },
    }
}

/// One more flag for one component.
pub(crate) fn flag(node: &SimNode, component: Component, flag: &str, value: &str) -> Plan {
    let path = format!("/etc/kubernetes/manifests/{component}.yaml");
    let text = with_flag(&node.text(&path).unwrap(), component.as_str(), flag, value);
    let target = StepTarget::of(component).unwrap();
    plan(vec![step(target, vec![rewritten(node, &path, "1.4.1", text)])])
}
