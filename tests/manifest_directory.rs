//! No file without a leading dot ever appears in the manifest directory: the kubelet loads every such
//! file. Watched with inotify through a whole apply and rollback of the real program.

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

use common::{Unpacked, expect_code};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn only_dot_files_and_the_four_manifests_are_ever_seen() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let inotify = Inotify::init(InitFlags::IN_NONBLOCK).unwrap();
    inotify
        .add_watch(
            &node.path("/etc/kubernetes/manifests"),
            AddWatchFlags::IN_CREATE
                | AddWatchFlags::IN_MOVED_TO
                | AddWatchFlags::IN_MOVED_FROM
                | AddWatchFlags::IN_DELETE
                | AddWatchFlags::IN_MODIFY,
        )
        .unwrap();

    expect_code(&node.run(&["--apply-safe", "--allow-single"]), 0);
    expect_code(&node.run(&["rollback", "--all", "--yes"]), 0);

    let mut replaced = 0;
    let mut wrong = Vec::new();
    while let Ok(events) = inotify.read_events() {
        for event in events {
            let name = event.name.clone().unwrap().into_string().unwrap();
            if name.starts_with('.') {
                continue;
            }
            // A manifest may only ever be moved over as a whole.
            if event.mask.contains(AddWatchFlags::IN_MOVED_TO) {
                replaced += 1;
            } else {
                wrong.push((name, event.mask));
            }
        }
    }
    assert_eq!(wrong, []);
    assert_eq!(replaced, 6, "three manifests changed and came back");
}
