//! `--apply-safe` on the whole node.

use super::{API_SERVER, CONTROLLER_MANAGER, SCHEDULER};
use crate::{
    Test,
    common::{expect_code, stdout, with_status},
    machine::{Machine, Manager},
};

pub(crate) const TESTS: &[Test] = &[
    ("safe::the_whole_node", the_whole_node),
    ("safe::never_the_only_api_server", never_the_only_api_server),
];

fn the_whole_node() {
    let machine = Machine::control_plane(Manager::Systemd);
    let failed =
        |machine: &Machine| with_status(&machine.run(&["scan", "--format", "json"]), "FAIL");
    let before = failed(&machine);
    let output = machine.run(&["--apply-safe", "--allow-single"]);
    expect_code(&output, 0);
    let after = failed(&machine);
    let mut closed: Vec<&String> = before.iter().filter(|id| !after.contains(id)).collect();
    closed.sort();
    assert_eq!(closed, ["1.1.9", "1.2.15", "1.3.2", "1.4.1", "4.1.1", "4.1.9"]);
    machine.is_changed(&[
        "etc/cni/net.d/10-bridge.conflist",
        API_SERVER,
        CONTROLLER_MANAGER,
        SCHEDULER,
        "usr/lib/systemd/system/kubelet.service",
        "usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
        "var/lib/kubelet/config.yaml",
    ]);
    let again = machine.run(&["--apply-safe", "--allow-single"]);
    expect_code(&again, 0);
    expect_code(&machine.run(&["rollback", "--all", "--yes"]), 0);
    machine.is_as_before();
}

fn never_the_only_api_server() {
    let machine = Machine::control_plane(Manager::Nobody);
    let output = machine.run(&["--apply-safe"]);
    expect_code(&output, 0);
    assert!(stdout(&output).contains("--allow-single"), "{}", stdout(&output));
    assert!(!machine.changed().contains(&API_SERVER.to_owned()));
}
