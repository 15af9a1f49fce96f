#![allow(clippy::disallowed_methods, reason = "tests look at the real files from outside")]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
};

use super::*;
use crate::node::atomic;

/// A root with a file outside it that no path may reach.
struct Tree {
    top: tempfile::TempDir,
    files: DirFiles,
}

impl Tree {
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("secret"), "outside").unwrap();
        let root = top.path().join("root");
        fs::create_dir_all(root.join("etc/kubernetes")).unwrap();
        fs::write(root.join("secret"), "inside").unwrap();
        fs::write(root.join("etc/kubernetes/a.yaml"), "a: 1\n").unwrap();
        let files = DirFiles::open(&root).unwrap();
        Self { top, files }
    }

    fn host(&self, path: &str) -> PathBuf {
        self.top.path().join("root").join(path.trim_start_matches('/'))
    }

    fn link(&self, target: &str, path: &str) {
        symlink(target, self.host(path)).unwrap();
    }

    fn read(&self, path: &str) -> Result<String, NodeErrorKind> {
        self.files
            .read(path, 100)
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .map_err(|error| error.kind)
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Metadata that any user may give a file of their own.
fn own(mode: u32) -> FileMeta {
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    FileMeta { mode, uid, gid, xattrs: BTreeMap::new() }
}

#[test]
fn no_path_and_no_link_leaves_the_root() {
    let tree = Tree::new();
    let outside = tree.top.path().join("secret");
    tree.link(outside.to_str().unwrap(), "absolute");
    tree.link("../secret", "relative");
    tree.link("../../../../../../../../secret", "etc/kubernetes/deep");
    tree.link("/secret", "etc/kubernetes/to-root");
    tree.link("/..", "up");
    let cases = [
        ("/secret", Ok("inside")),
        ("/../secret", Ok("inside")),
        ("/etc/../../../secret", Ok("inside")),
        ("/relative", Ok("inside")),
        ("/etc/kubernetes/deep", Ok("inside")),
        ("/etc/kubernetes/to-root", Ok("inside")),
        ("/up/secret", Ok("inside")),
        ("/absolute", Err(NodeErrorKind::NotFound)),
    ];
    for (path, expected) in cases {
        assert_eq!(tree.read(path), expected.map(str::to_owned), "{path}");
    }
    assert_eq!(tree.files.resolve("/etc/kubernetes/deep").unwrap(), "/secret");
    assert_eq!(tree.files.resolve("/up/etc/../secret").unwrap(), "/secret");
    assert_eq!(tree.files.resolve("/absolute").unwrap_err().kind, NodeErrorKind::NotFound);
    assert_eq!(tree.files.resolve("/").unwrap(), "/");
}

#[test]
fn links_in_circles_escape() {
    let tree = Tree::new();
    tree.link("b", "a");
    tree.link("a", "b");
    assert_eq!(tree.read("/a"), Err(NodeErrorKind::Escapes));
    assert_eq!(tree.files.stat("/a").unwrap_err().kind, NodeErrorKind::Escapes);
    assert_eq!(tree.files.resolve("/a/x").unwrap_err().kind, NodeErrorKind::Escapes);
    assert_eq!(tree.files.lstat("/a").unwrap().unwrap().kind, FileKind::Symlink);
    assert_eq!(tree.files.read_link("/a").unwrap(), "b");
}

#[test]
fn links_that_only_the_kernel_makes_are_not_followed() {
    let files = DirFiles::read_only(Path::new("/")).unwrap();
    let own_root = format!("/proc/{}/root/etc", std::process::id());
    assert_eq!(files.stat(&own_root).unwrap_err().kind, NodeErrorKind::Escapes);
    let exe = files.read_link(&format!("/proc/{}/exe", std::process::id())).unwrap();
    assert_eq!(Path::new(&exe), std::env::current_exe().unwrap());
}

#[test]
fn resolve_follows_links_to_folders_and_files() {
    let tree = Tree::new();
    fs::create_dir_all(tree.host("usr/lib")).unwrap();
    fs::write(tree.host("usr/lib/unit"), "u").unwrap();
    tree.link("usr/lib", "lib");
    tree.link("../lib/unit", "etc/unit");
    assert_eq!(tree.files.resolve("/lib/unit").unwrap(), "/usr/lib/unit");
    assert_eq!(tree.files.resolve("/etc/unit").unwrap(), "/usr/lib/unit");
    assert_eq!(tree.files.resolve("/etc/kubernetes/./a.yaml").unwrap(), "/etc/kubernetes/a.yaml");
    assert_eq!(tree.files.resolve("/nowhere").unwrap_err().kind, NodeErrorKind::NotFound);
}

#[test]
fn only_regular_files_are_read_and_only_up_to_the_limit() {
    let tree = Tree::new();
    nix::unistd::mkfifo(&tree.host("fifo"), Mode::S_IRWXU).unwrap();
    fs::write(tree.host("big"), "x".repeat(101)).unwrap();
    fs::write(tree.host("full"), "x".repeat(100)).unwrap();
    tree.link("/missing", "dangling");
    assert_eq!(tree.read("/fifo"), Err(NodeErrorKind::NotAFile));
    assert_eq!(tree.read("/etc"), Err(NodeErrorKind::NotAFile));
    assert_eq!(tree.read("/big"), Err(NodeErrorKind::TooLarge { limit: 100 }));
    assert_eq!(tree.read("/full").unwrap().len(), 100);
    assert_eq!(tree.read("/dangling"), Err(NodeErrorKind::NotFound));
    assert_eq!(tree.read("/secret/below"), Err(NodeErrorKind::NotFound));
    assert_eq!(tree.files.stat("/dangling").unwrap(), None);
    assert_eq!(tree.files.lstat("/dangling").unwrap().unwrap().kind, FileKind::Symlink);
    let fifo = tree.files.append("/fifo", b"x").unwrap_err();
    assert_eq!(fifo.kind, NodeErrorKind::NotAFile);
}

#[test]
fn files_of_proc_are_read_although_their_size_is_zero() {
    let files = DirFiles::read_only(Path::new("/")).unwrap();
    let text = files.read("/proc/self/status", 1 << 20);
    assert!(String::from_utf8(text.unwrap()).unwrap().starts_with("Name:"));
    assert_eq!(
        files.read("/proc/self/status", 10).unwrap_err().kind,
        NodeErrorKind::TooLarge { limit: 10 }
    );
}

#[test]
fn names_are_listed_bytewise_with_what_they_are() {
    let tree = Tree::new();
    for name in ["b", "B", "a.yaml.bak", ".hidden"] {
        fs::write(tree.host("etc/kubernetes").join(name), "").unwrap();
    }
    tree.link("b", "etc/kubernetes/c");
    fs::create_dir(tree.host("etc/kubernetes/d")).unwrap();
    let entries = tree.files.list("/etc/kubernetes").unwrap();
    let seen: Vec<(&str, FileKind)> = entries.iter().map(|e| (e.name.as_str(), e.kind)).collect();
    assert_eq!(
        seen,
        [
            (".hidden", FileKind::File),
            ("B", FileKind::File),
            ("a.yaml", FileKind::File),
            ("a.yaml.bak", FileKind::File),
            ("b", FileKind::File),
            ("c", FileKind::Symlink),
            ("d", FileKind::Directory),
        ]
    );
    assert!(tree.files.list("/none").unwrap_err().is_not_found());
    assert!(tree.files.list("/secret").unwrap_err().is_not_found());
}

#[test]
fn a_file_is_created_with_its_whole_mode_whatever_the_umask() {
    let tree = Tree::new();
    for mode in [0o600, 0o666, 0o000, 0o4755, 0o2640, 0o1777] {
        let path = format!("/file-{mode:o}");
        tree.files.create(&path, b"text", &own(mode)).unwrap();
        let stat = tree.files.lstat(&path).unwrap().unwrap();
        assert_eq!((stat.mode, stat.size), (mode, 4), "{mode:o}");
        assert_eq!(fs::symlink_metadata(tree.host(&path)).unwrap().mode() & 0o7777, mode);
    }
    tree.files.make_dir("/dir", 0o1777).unwrap();
    assert_eq!(tree.files.stat("/dir").unwrap().unwrap().mode, 0o1777);
}

#[test]
fn a_folder_goes_when_nothing_is_in_it_and_no_link_is_followed() {
    let tree = Tree::new();
    tree.files.make_dir("/new", 0o700).unwrap();
    tree.files.create("/new/file", b"x", &own(0o600)).unwrap();
    tree.link("/new", "link");
    let kind = |path: &str| tree.files.remove_dir(path).unwrap_err().kind;
    assert_eq!(kind("/new"), NodeErrorKind::NotEmpty);
    for path in ["/link", "/secret", "/none"] {
        assert_eq!(kind(path), NodeErrorKind::NotFound, "{path}");
    }
    tree.files.remove("/new/file").unwrap();
    tree.files.remove_dir("/new").unwrap();
    assert!(!tree.host("new").exists() && tree.host("secret").exists());
}

#[test]
fn creating_never_replaces_and_never_follows() {
    let tree = Tree::new();
    tree.link("/new-target", "link");
    for path in ["/secret", "/link", "/etc"] {
        let error = tree.files.create(path, b"x", &own(0o600)).unwrap_err();
        assert_eq!(error.kind, NodeErrorKind::Exists, "{path}");
    }
    assert!(!tree.host("new-target").exists());
    assert_eq!(tree.files.make_dir("/etc", 0o700).unwrap_err().kind, NodeErrorKind::Exists);
    assert!(tree.files.create("/none/x", b"x", &own(0o600)).unwrap_err().is_not_found());
    for path in ["/", "/etc/..", "/."] {
        assert!(matches!(
            tree.files.create(path, b"x", &own(0o600)).unwrap_err().kind,
            NodeErrorKind::Other(_)
        ));
    }
}

#[test]
fn metadata_of_closed_files_can_be_changed() {
    let tree = Tree::new();
    tree.files.create("/closed", b"text", &own(0o000)).unwrap();
    let meta = own(0o600);
    tree.files.set_owner("/closed", meta.uid, meta.gid).unwrap();
    tree.files.set_mode("/closed", 0o640).unwrap();
    assert_eq!(tree.files.stat("/closed").unwrap().unwrap().mode, 0o640);
    tree.files.set_mode("/etc", 0o700).unwrap();
    assert_eq!(tree.files.stat("/etc").unwrap().unwrap().mode, 0o700);
    tree.files.set_mode("/", 0o750).unwrap();
    assert_eq!(tree.files.stat("/").unwrap().unwrap().mode, 0o750);
}

#[test]
fn metadata_is_never_changed_through_a_link() {
    let tree = Tree::new();
    fs::set_permissions(tree.host("secret"), fs::Permissions::from_mode(0o644)).unwrap();
    tree.link("secret", "link");
    let meta = own(0);
    let files = &tree.files;
    let refusals = [
        files.set_mode("/link", 0o600),
        files.set_owner("/link", meta.uid, meta.gid),
        files.append("/link", b"x"),
        files.truncate("/link", 0),
        files.sync_file("/link"),
        files.xattrs("/link").map(drop),
    ];
    for refusal in refusals {
        assert_eq!(refusal.unwrap_err().kind, NodeErrorKind::NotAFile);
    }
    assert_eq!(tree.files.stat("/secret").unwrap().unwrap().mode, 0o644);
    assert_eq!(tree.read("/secret").unwrap(), "inside");
    tree.files.remove("/link").unwrap();
    assert_eq!(tree.read("/secret").unwrap(), "inside");
}

#[test]
fn another_owner_needs_root() {
    let tree = Tree::new();
    let meta = FileMeta { uid: 4242, gid: 4343, ..own(0o640) };
    let created = tree.files.create("/theirs", b"x", &meta);
    let given = tree.files.set_owner("/secret", 4242, 4343);
    if is_root() {
        created.unwrap();
        given.unwrap();
        for path in ["/theirs", "/secret"] {
            let stat = tree.files.stat(path).unwrap().unwrap();
            assert_eq!((stat.uid, stat.gid), (4242, 4343), "{path}");
        }
    } else {
        assert_eq!(created.unwrap_err().kind, NodeErrorKind::Denied);
        assert_eq!(given.unwrap_err().kind, NodeErrorKind::Denied);
        assert_eq!(tree.files.lstat("/theirs").unwrap(), None, "a failed creation leaves nothing");
    }
}

#[test]
fn extended_attributes_go_along_where_the_file_system_has_them() {
    let tree = Tree::new();
    let mut meta = own(0o640);
    meta.xattrs.insert("user.note".to_owned(), b"kept".to_vec());
    tree.files.create("/labelled", b"x", &meta).unwrap();
    let supported = xattr::set(tree.host("secret"), "user.probe", b"1").is_ok();
    let expected = if supported { Some(b"kept".to_vec()) } else { None };
    assert_eq!(tree.files.xattrs("/labelled").unwrap().get("user.note").cloned(), expected);
    assert_eq!(xattr::get(tree.host("labelled"), "user.note").ok().flatten(), expected);
}

#[test]
fn appending_creates_privately_and_cutting_cuts() {
    let tree = Tree::new();
    tree.files.append("/journal", b"one\n").unwrap();
    tree.files.append("/journal", b"tw").unwrap();
    assert_eq!(tree.read("/journal").unwrap(), "one\ntw");
    assert_eq!(tree.files.stat("/journal").unwrap().unwrap().mode, 0o600);
    tree.files.truncate("/journal", 4).unwrap();
    tree.files.sync_file("/journal").unwrap();
    tree.files.sync_dir("/").unwrap();
    assert_eq!(tree.read("/journal").unwrap(), "one\n");
    assert!(tree.files.truncate("/none", 0).unwrap_err().is_not_found());
    assert!(tree.files.free_space("/journal").unwrap() > 0);
}

#[test]
fn renaming_stays_in_one_directory() {
    let tree = Tree::new();
    tree.files.create("/etc/kubernetes/.tmp", b"new", &own(0o600)).unwrap();
    let error = tree.files.rename("/etc/kubernetes/.tmp", "/secret").unwrap_err();
    assert!(error.to_string().contains("one directory"), "{error}");
    tree.files.rename("/etc/kubernetes/.tmp", "/etc/kubernetes/a.yaml").unwrap();
    assert_eq!(tree.read("/etc/kubernetes/a.yaml").unwrap(), "new");
    assert_eq!(tree.files.lstat("/etc/kubernetes/.tmp").unwrap(), None);
}

#[test]
fn a_file_is_replaced_with_its_metadata() {
    let tree = Tree::new();
    let inode = fs::metadata(tree.host("secret")).unwrap().ino();
    atomic::replace(&tree.files, "/secret", b"replaced", &own(0o640)).unwrap();
    let after = fs::metadata(tree.host("secret")).unwrap();
    assert_ne!(after.ino(), inode);
    assert_eq!(after.mode() & 0o7777, 0o640);
    assert_eq!(tree.read("/secret").unwrap(), "replaced");
    let names: Vec<String> = tree.files.list("/").unwrap().into_iter().map(|e| e.name).collect();
    assert_eq!(names, ["etc", "secret"]);
}

#[test]
fn a_read_only_tree_refuses_every_operation_that_writes() {
    let tree = Tree::new();
    let files = DirFiles::read_only(tree.files.path()).unwrap();
    let meta = own(0o600);
    let refusals = [
        files.create("/x", b"", &meta),
        files.append("/x", b""),
        files.truncate("/secret", 0),
        files.sync_file("/secret"),
        files.sync_dir("/"),
        files.rename("/secret", "/x"),
        files.set_mode("/secret", 0o600),
        files.set_owner("/secret", meta.uid, meta.gid),
        files.make_dir("/x", 0o700),
        files.remove("/secret"),
        files.remove_dir("/etc"),
    ];
    for refusal in refusals {
        assert_eq!(refusal.unwrap_err().kind, NodeErrorKind::ReadOnly);
    }
    assert_eq!(files.read("/secret", 100).unwrap(), b"inside");
}

#[test]
fn a_root_must_be_a_directory() {
    let tree = Tree::new();
    let missing = DirFiles::open(&tree.host("missing")).unwrap_err();
    assert!(missing.is_not_found());
    let file = DirFiles::open(&tree.host("secret")).unwrap_err();
    assert!(file.to_string().ends_with("it is not a directory"), "{file}");
    tree.link("/etc", "link");
    assert!(tree.files.sub_tree("/link").unwrap_err().to_string().contains("not a directory"));
    let below = tree.files.sub_tree("/etc/kubernetes").unwrap();
    assert_eq!(below.read("/../a.yaml", 10).unwrap(), b"a: 1\n");
}
