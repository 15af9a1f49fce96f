//! Modes and owners of files; what is not on a node.
use kube_temper::model::{Component, FileFact, Mark, PathVar, ProcessFact, Status};

use super::node_facts::{KUBELET_CONFIG, Node, node};
use super::{comes_out, kubelet, rests_on};

#[test]
fn modes_are_compared_as_bits_and_every_offender_is_named() {
    let keys = |modes: &[u32]| {
        modes.iter().enumerate().fold(node(), |node, (index, mode)| {
            node.file(Some(PathVar::PkiKeys), &format!("/etc/kubernetes/pki/{index}.key"), *mode)
        })
    };
    for (mode, right) in [
        (0o600, true),
        (0o400, true),
        (0o000, true),
        (0o640, false),
        (0o601, false),
        (0o4600, false),
        (0o1600, false),
    ] {
        let wanted = if right { Status::Pass } else { Status::Fail };
        assert_eq!(keys(&[mode]).judge("1.1.21").status, wanted, "{mode:o}");
    }
    let finding = keys(&[0o644, 0o600, 0o666]).judge("1.1.21");
    comes_out(
        &finding,
        Status::Fail,
        "/etc/kubernetes/pki/0.key has mode 0644 (and 1 more of 3 files), wanted 0600 or tighter",
    );
    assert_eq!(finding.evidence.len(), 2);
    rests_on(&finding, "mode 0666", "/etc/kubernetes/pki/2.key");
    let finding = keys(&[0o600; 9]).judge("1.1.21");
    comes_out(&finding, Status::Pass, "all 9 files have mode 0600 or tighter");
    assert_eq!(finding.evidence.len(), 1);
}

#[test]
fn what_cannot_be_looked_at_is_an_error_unless_something_else_is_wrong() {
    let denied = || FileFact::Unreadable { why: "permission denied".to_owned() };
    let var = Some(PathVar::PkiKeys);
    let node = node().file(var, "/pki/a.key", 0o600).file_fact(var, "/pki/b.key", denied());
    comes_out(&node.judge("1.1.21"), Status::Error, "/pki/b.key cannot be looked at");
    let wrong = node.file(var, "/pki/c.key", 0o644);
    comes_out(&wrong.judge("1.1.21"), Status::Fail, "/pki/c.key has mode 0644");
}

#[test]
fn owners_are_names_of_this_node() {
    let config = |ids| node().owned_file(Some(PathVar::KubeletConfig), KUBELET_CONFIG, 0o600, ids);
    comes_out(&config((0, 0)).judge("4.1.10"), Status::Pass, "owner root:root");
    comes_out(&config((1, 0)).judge("4.1.10"), Status::Fail, "owner daemon:root, wanted root:root");
    comes_out(&config((0, 1000)).judge("4.1.10"), Status::Fail, "owner root:1000");
}

fn etcd_data(ids: (u32, u32)) -> Node {
    node().etcd(&[]).owned_file(Some(PathVar::EtcdDataDir), "/var/lib/etcd", 0o700, ids)
}

#[test]
fn an_etcd_that_runs_as_root_may_own_its_data_as_root() {
    let finding = etcd_data((0, 0)).judge("1.1.12");
    comes_out(&finding, Status::Fail, "there is no user etcd on this node");
    assert!(matches!(finding.mark, Some(Mark::Accepted { .. })), "{finding:#?}");
    assert!(!finding.counts_as_failure());

    let rootless = etcd_data((0, 0)).with(|facts| {
        if let Some(ProcessFact::Running(process)) = facts.processes.get_mut(&Component::Etcd) {
            process.uid = 977;
        }
    });
    assert_eq!(rootless.judge("1.1.12").mark, None);

    let account = etcd_data((977, 977)).with(|facts| {
        facts.accounts.users.insert("etcd".to_owned(), 977);
        facts.accounts.groups.insert("etcd".to_owned(), 977);
    });
    comes_out(&account.judge("1.1.12"), Status::Pass, "owner etcd:etcd");
    assert_eq!(account.judge("1.1.12").mark, None);
}

#[test]
fn a_node_without_etcd_has_no_etcd_files_to_judge() {
    let node = node().apiserver(&["--etcd-servers=https://10.0.0.9:2379"]).file(
        Some(PathVar::EtcdDataDir),
        "/var/lib/etcd",
        0o755,
    );
    for id in ["1.1.7", "1.1.8", "1.1.11", "1.1.12"] {
        comes_out(&node.judge(id), Status::NotApplicable, "etcd does not run on this node");
    }
    comes_out(&node.judge("2.1"), Status::NotApplicable, "etcd is not on this node");
}

#[test]
fn a_worker_has_no_control_plane_to_judge() {
    let node =
        kubelet("", &[]).worker().file(Some(PathVar::PkiTree), "/etc/kubernetes/pki/ca.crt", 0o644);
    for finding in node.report().findings {
        let section = finding.control.section().to_owned();
        if section.starts_with(['1', '2', '3']) {
            comes_out(&finding, Status::NotApplicable, "this is a worker");
        }
    }
    comes_out(&node.judge("4.2.1"), Status::Pass, "anonymous");
}
