use super::*;
use crate::node::{Node as _, NodeKind};
use std::sync::Arc;

fn tree() -> MemoryFiles {
    MemoryFiles::new()
        .with_dir("/etc/kubernetes/manifests", 0o700)
        .with_file("/etc/kubernetes/manifests/a.yaml", 0o600, "a: 1\n")
        .with_file("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\n")
        .with_link("/lib", "usr/lib")
        .with_file("/usr/lib/systemd/kubelet.service", 0o644, "[Service]\n")
        .with_link("/etc/absolute", "/etc/passwd")
        .with_link("/etc/outward", "../../../../../etc/passwd")
        .with_link("/etc/chain", "absolute")
        .with_link("/etc/loop", "pool")
        .with_link("/etc/pool", "loop")
        .with_link("/etc/dangling", "nowhere")
}

#[test]
fn links_resolve_inside_the_root() {
    let files = tree();
    for (path, want) in [
        ("/etc/passwd", "/etc/passwd"),
        ("/etc//./kubernetes/../passwd", "/etc/passwd"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("/etc/absolute", "/etc/passwd"),
        ("/etc/chain", "/etc/passwd"),
        ("/etc/outward", "/etc/passwd"),
        ("/lib/systemd/kubelet.service", "/usr/lib/systemd/kubelet.service"),
        ("/lib/../lib/systemd", "/usr/lib/systemd"),
        ("/", "/"),
    ] {
        assert_eq!(files.resolve(path).unwrap(), want, "{path}");
    }
    for (path, want) in [
        ("/etc/loop", NodeErrorKind::Escapes),
        ("/etc/dangling", NodeErrorKind::NotFound),
        ("/etc/passwd/x", NodeErrorKind::NotFound),
        ("/none/x", NodeErrorKind::NotFound),
    ] {
        assert_eq!(files.resolve(path).unwrap_err().kind, want, "{path}");
    }
    assert_eq!(files.stat("/etc/dangling").unwrap(), None);
    assert_eq!(files.stat("/etc/passwd/x").unwrap(), None);
    assert_eq!(files.lstat("/etc/loop").unwrap().unwrap().kind, FileKind::Symlink);
    assert_eq!(files.read_link("/etc/outward").unwrap(), "../../../../../etc/passwd");
    assert!(files.stat("/etc/loop").is_err());
}

#[test]
fn reading_is_limited_to_regular_files_and_sizes() {
    let files = tree();
    assert_eq!(files.read("/etc/kubernetes/manifests/a.yaml", 5).unwrap(), b"a: 1\n");
    let error = files.read("/etc/kubernetes/manifests/a.yaml", 4).unwrap_err();
    assert_eq!(error.kind, NodeErrorKind::TooLarge { limit: 4 });
    assert_eq!(files.read("/etc", 9).unwrap_err().kind, NodeErrorKind::NotAFile);
    assert_eq!(
        files.read("/none", 9).unwrap_err().to_string(),
        "cannot read /none: no such file or directory"
    );
}

#[test]
fn a_folder_lists_its_own_names_in_order() {
    let files = MemoryFiles::new()
        .with_file("/d/b/x", 0o600, "")
        .with_file("/d/b-c", 0o600, "")
        .with_file("/d/.hidden", 0o600, "")
        .with_file("/d0", 0o600, "")
        .with_link("/d/l", "b");
    let names: Vec<_> = files.list("/d").unwrap().into_iter().map(|e| (e.name, e.kind)).collect();
    assert_eq!(
        names,
        [
            (".hidden".to_owned(), FileKind::File),
            ("b".to_owned(), FileKind::Directory),
            ("b-c".to_owned(), FileKind::File),
            ("l".to_owned(), FileKind::Symlink),
        ]
    );
    let roots: Vec<_> = files.list("/").unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(roots, ["d", "d0"]);
    assert!(files.list("/d0").is_err());
}

#[test]
fn a_replaced_file_is_a_new_file() {
    let files = tree();
    let path = "/etc/kubernetes/manifests/a.yaml";
    let temporary = "/etc/kubernetes/manifests/.a";
    let before = files.stat(path).unwrap().unwrap();
    files.set_mode(path, 0o640).unwrap();
    assert_eq!(files.stat(path).unwrap().unwrap().id, before.id);
    files.create(temporary, b"a: 2\n", &meta(0o600)).unwrap();
    let new = files.stat(temporary).unwrap().unwrap();
    files.rename(temporary, path).unwrap();
    let after = files.stat(path).unwrap().unwrap();
    assert_eq!(after.id, new.id);
    assert_ne!(after.id, before.id);
    assert_eq!(files.read(path, 100).unwrap(), b"a: 2\n");
    assert_eq!(files.stat(temporary).unwrap(), None);
}

#[test]
fn writing_operations_refuse_what_linux_refuses() {
    let files = tree();
    let kind = |result: Result<(), NodeError>| result.unwrap_err().kind;
    assert_eq!(kind(files.create("/etc/passwd", b"", &meta(0))), NodeErrorKind::Exists);
    assert_eq!(kind(files.create("/none/x", b"", &meta(0))), NodeErrorKind::NotFound);
    assert_eq!(kind(files.make_dir("/etc", 0o700)), NodeErrorKind::Exists);
    assert_eq!(kind(files.remove("/etc")), NodeErrorKind::NotAFile);
    assert_eq!(kind(files.remove("/none")), NodeErrorKind::NotFound);
    assert_eq!(kind(files.set_mode("/etc/absolute", 0o600)), NodeErrorKind::NotAFile);
    assert_eq!(kind(files.sync_file("/none")), NodeErrorKind::NotFound);
    assert_eq!(kind(files.rename("/etc/passwd", "/etc/kubernetes")), NodeErrorKind::Exists);
    assert_eq!(
        files.rename("/etc/passwd", "/passwd").unwrap_err().to_string(),
        "cannot rename /etc/passwd: /passwd is in another folder"
    );
}

#[test]
fn journals_grow_and_are_cut() {
    let files = MemoryFiles::new();
    files.append("/journal", b"one\n").unwrap();
    files.append("/journal", b"tw").unwrap();
    assert_eq!(files.stat("/journal").unwrap().unwrap().mode, 0o600);
    files.truncate("/journal", 4).unwrap();
    files.sync_file("/journal").unwrap();
    files.sync_dir("/").unwrap();
    assert_eq!(files.read("/journal", 100).unwrap(), b"one\n");
    assert_eq!(files.sync_count(), SyncCount { files: 1, dirs: 1 });
}

#[test]
fn a_snapshot_tells_every_difference() {
    let files = tree().with_xattr("/etc/passwd", "security.selinux", b"etc_t");
    let before = files.snapshot();
    assert_eq!(before, files.copy().snapshot());
    files.set_owner("/etc/passwd", 7, 8).unwrap();
    files.put_file("/new", 0o600, "x");
    files.remove("/etc/dangling").unwrap();
    files.put_file("/proc/1/stat", 0o444, "");
    let later = files.snapshot().without("/proc");
    let lines = before.differences(&later);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].starts_with("/etc/dangling: gone"));
    assert!(lines[1].contains("0:0") && lines[1].contains("7:8"), "{}", lines[1]);
    assert!(lines[2].starts_with("/new: new, File 0600 0:0 1 bytes"));
    assert_eq!(later.entries["/etc/passwd"].meta.xattrs["security.selinux"], b"etc_t");
}

#[test]
fn a_second_holder_of_the_lock_is_refused_until_the_first_lets_go() {
    let node = FixedNode::new(Arc::new(tree()));
    assert_eq!(node.kind(), NodeKind::Offline);
    let held = node.lock().unwrap();
    let error = node.clone().lock().unwrap_err();
    assert!(matches!(error.kind, NodeErrorKind::Locked { .. }), "{error}");
    drop(held);
    assert!(node.lock().is_ok());
}
