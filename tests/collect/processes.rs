//! Which process is which component.

use super::*;

fn processes(add: impl FnOnce(&MemoryFiles)) -> BTreeMap<Component, ProcessFact> {
    let files = bare();
    add(&files);
    facts(files, NodeKind::Live).processes
}

#[test]
fn the_apiserver_of_this_host_is_found_among_its_doubles() {
    let api: &[&str] = &["kube-apiserver", "--profiling=false"];
    let docker = format!("0::/system.slice/docker-{}.scope", "cd".repeat(32));
    let user = "0::/user.slice/user-0.slice/session-1.scope";
    let unit = "0::/system.slice/kube-apiserver.service";
    let kind_in_pod =
        format!("{}/kubepods.slice/kubepods-pod{HASH}.slice", pod_cgroup(TENANT).trim());
    let cases: [(&str, Vec<Proc<'_>>, &[u32]); 12] = [
        ("static pod", vec![Proc::new(10, api, pod_cgroup(HASH))], &[10]),
        ("a tenant's pod alone", vec![Proc::new(10, api, pod_cgroup(TENANT))], &[]),
        (
            "a tenant's pod first",
            vec![Proc::new(10, api, pod_cgroup(TENANT)), Proc::new(11, api, pod_cgroup(HASH))],
            &[11],
        ),
        ("a cluster in a tenant's pod", vec![Proc::new(10, api, kind_in_pod)], &[]),
        (
            "a cluster in Docker",
            vec![Proc::new(10, api, format!("{docker}/kubepods/pod{HASH}/x"))],
            &[],
        ),
        (
            "two static pods",
            vec![Proc::new(10, api, pod_cgroup(HASH)), Proc::new(11, api, pod_cgroup(OTHER_HASH))],
            &[10, 11],
        ),
        ("a unit", vec![Proc::new(10, api, unit)], &[10]),
        (
            "a static pod beside one by hand",
            vec![
                Proc::new(9, api, user),
                Proc::new(10, api, pod_cgroup(HASH)),
                Proc::new(11, api, unit),
            ],
            &[10],
        ),
        (
            "an editor and an exec",
            vec![
                Proc::new(10, &["vim", "kube-apiserver", "--profiling=false"], user),
                Proc::new(11, &["kubectl", "exec", "x", "--", "kube-apiserver"], user),
                Proc::new(
                    12,
                    &["/bin/sh", "-c", "kube-apiserver --profiling=false"],
                    pod_cgroup(HASH),
                ),
            ],
            &[],
        ),
        (
            "a first argument that lies",
            vec![Proc { exe: Some("/usr/bin/python3"), ..Proc::new(10, api, pod_cgroup(HASH)) }],
            &[],
        ),
        (
            "a replaced program",
            vec![Proc {
                exe: Some("/usr/local/bin/kube-apiserver (deleted)"),
                ..Proc::new(10, api, pod_cgroup(HASH))
            }],
            &[10],
        ),
        (
            "a child before its exec",
            vec![
                Proc::new(10, api, pod_cgroup(HASH)),
                Proc { parent: 10, ..Proc::new(11, api, pod_cgroup(HASH)) },
            ],
            &[10],
        ),
    ];
    for (name, found, expected) in cases {
        let facts = processes(|files| found.iter().for_each(|process| process.put(files)));
        let fact = &facts[&Component::KubeApiserver];
        assert_eq!(pids(fact), expected, "{name}");
        assert_eq!(matches!(fact, ProcessFact::Ambiguous { .. }), expected.len() > 1, "{name}");
    }
}

#[test]
fn a_deleted_program_and_a_long_name_are_seen() {
    let found = processes(|files| {
        Proc {
            exe: Some("/usr/local/bin/kube-controller-manager"),
            ..Proc::new(20, &["kube-controller-manager", "--a=1", ""], pod_cgroup(HASH))
        }
        .put(files);
    });
    let ProcessFact::Running(process) = &found[&Component::KubeControllerManager] else { panic!() };
    assert_eq!(process.argv, ["kube-controller-manager", "--a=1", ""], "an empty argument is one");
    assert_eq!(process.start, 2000);
}

#[test]
fn the_kubelet_is_the_one_of_its_unit() {
    let unit = "0::/system.slice/kubelet.service";
    let argv: &[&str] = &["/usr/bin/kubelet", "--config=/a"];
    let cases: [(&str, Vec<Proc<'_>>, &[u32]); 5] = [
        (
            "one by hand",
            vec![Proc::new(9, argv, "0::/init.scope"), Proc::new(10, argv, unit)],
            &[10],
        ),
        ("in a pod", vec![Proc::new(9, argv, pod_cgroup(TENANT))], &[]),
        (
            "in Docker",
            vec![Proc::new(9, argv, format!("0::/docker/{}/kubelet.service", "ef".repeat(32)))],
            &[],
        ),
        ("only by hand", vec![Proc::new(9, argv, "0::/init.scope")], &[9]),
        ("of RKE2", vec![Proc::new(9, argv, "0::/system.slice/rke2-server.service")], &[9]),
    ];
    for (name, found, expected) in cases {
        let facts = processes(|files| found.iter().for_each(|process| process.put(files)));
        assert_eq!(pids(&facts[&Component::Kubelet]), expected, "{name}");
    }
}

#[test]
fn inside_a_container_that_is_the_node_its_own_processes_count() {
    let prefix = format!("/docker/{}", "cd".repeat(32));
    let found = processes(|files| {
        Proc::new(1, &["/sbin/init"], format!("0::{prefix}/init.scope")).put(files);
        Proc::new(10, &["kube-apiserver"], format!("0::{prefix}/kubepods/pod{HASH}/x")).put(files);
    });
    assert_eq!(pids(&found[&Component::KubeApiserver]), [10]);
}

#[test]
fn only_etcd_variables_of_etcd_are_kept() {
    let environ =
        "PATH=/bin\0ETCD_CLIENT_CERT_AUTH=true\0ETCD_ROOT_PASSWORD=hunter2\0ETCD_NAME=a=b\0";
    let found = processes(|files| {
        Proc { environ, uid: 998, ..Proc::new(10, &["etcd"], pod_cgroup(HASH)) }.put(files);
        Proc { environ, ..Proc::new(11, &["kube-apiserver"], pod_cgroup(OTHER_HASH)) }.put(files);
    });
    let process = |component: Component| -> &Process { found[&component].running().unwrap() };
    let env: Vec<String> = process(Component::Etcd)
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(env, ["ETCD_CLIENT_CERT_AUTH=true", "ETCD_NAME=a=b"]);
    assert_eq!(process(Component::Etcd).uid, 998, "the effective user");
    assert!(process(Component::KubeApiserver).env.is_empty());
}

#[test]
fn a_proc_that_hides_processes_is_no_proof_of_absence() {
    let files = bare();
    files.remove_tree("/proc/1");
    Proc::new(77, &["sh"], "").put(&files);
    for component in Component::ALL {
        let facts = facts(files.copy(), NodeKind::Live);
        let ProcessFact::Unreadable { why } = &facts.processes[&component] else { panic!() };
        assert!(why.contains("run as root"), "{why}");
    }
    files.remove_tree("/proc");
    let image = facts(files.copy(), NodeKind::Offline);
    assert_eq!(image.processes[&Component::Kubelet], ProcessFact::Absent);
    let live = facts(files, NodeKind::Live);
    assert!(matches!(live.processes[&Component::Kubelet], ProcessFact::Unreadable { .. }));
}
