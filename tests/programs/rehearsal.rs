//! A second API server beside the running one.

use std::{fs, net::TcpListener, path::Path};

use kube_temper::{
    model::facts::{Arg, Container, Mount, Probe, Variables},
    node::Trial,
};

use super::{
    Test,
    machine::{Machine, Process, Volume},
};

pub(crate) const TESTS: &[Test] = &[
    ("rehearsal::a_good_one_becomes_ready_and_is_ended", a_good_one),
    ("rehearsal::a_bad_one_says_why", a_bad_one),
    ("rehearsal::probes_that_are_refused_for_good", refused_for_good),
    ("rehearsal::another_volume_at_the_same_place", another_volume),
    ("rehearsal::what_is_not_there_yet_is_not_rehearsed", what_is_not_there_yet),
];

/// An API server runs, with a mount that only it sees.
struct Running {
    machine: Machine,
    volume: Volume,
    _process: Process,
}

fn running() -> Running {
    let machine = Machine::new();
    let volume = machine.volume();
    let process = machine.run("kube-apiserver", &[&volume.flag()]);
    Running { machine, volume, _process: process }
}

fn planned(running: &Running, arguments: &[&str]) -> Container {
    let probe = |path: &str| Probe {
        path: Some(path.to_owned()),
        host: Some("192.0.2.1".to_owned()),
        port: 6443,
        tls: true,
        headers: Vec::new(),
        initial_delay: 10,
        period: 10,
        timeout: 15,
        failure_threshold: 8,
    };
    let policy = format!("--audit-policy-file={}/only-here", running.volume.seen);
    let fixed = ["kube-apiserver", "--secure-port=6443", "--audit-log-path=/never", &policy];
    let args = fixed.iter().chain(arguments).map(|text| Arg {
        text: (*text).to_owned(),
        path: String::new(),
        line: 1,
    });
    Container {
        name: "kube-apiserver".to_owned(),
        image: String::new(),
        args: args.collect(),
        variables: Variables::default(),
        mounts: vec![Mount {
            container: running.volume.seen.clone(),
            host: Some(running.volume.host.clone()),
            read_only: true,
        }],
        run_as_user: None,
        groups: Vec::new(),
        liveness: Some(probe("/livez")),
        readiness: Some(probe("/readyz")),
        startup: Some(probe("/livez")),
    }
}

fn rehearse(running: &Running, arguments: &[&str]) -> Trial {
    running.machine.programs().rehearse(&planned(running, arguments), &[])
}

/// Processes of this machine that still are a rehearsal.
fn rehearsals() -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains("reconciler-type=none")).count()
}

fn a_good_one() {
    let running = running();
    let trial = rehearse(&running, &["--profiling=false"]);
    let Trial::Accepted { note: Some(note) } = trial else { panic!("{trial:?}") };
    assert!(note.starts_with("ready after "), "{note}");
    assert_eq!(rehearsals(), 0);
}

fn a_bad_one() {
    let running = running();
    let rejected = |why: &str| Trial::Rejected { why: why.to_owned() };
    let plugin = rehearse(&running, &["--enable-admission-plugins=Nonsense"]);
    assert_eq!(plugin, rejected("Error: admission-control plugin \"Nonsense\" is unknown"));
    let flag = rehearse(&running, &["--profilin=false"]);
    assert_eq!(flag, rejected("Error: unknown flag: --profilin"));
    let file = rehearse(&running, &["--audit-policy-file=/none"]);
    let Trial::Rejected { why } = file else { panic!("{file:?}") };
    assert!(
        why.starts_with("Error: failed to read audit policy file /none: No such file"),
        "{why}"
    );
    assert_eq!(rehearsals(), 0);
}

fn refused_for_good() {
    let running = running();
    let trial = rehearse(&running, &["--anonymous-auth=false"]);
    let why = "/livez answers 401 without credentials, and the kubelet has none: it would end the API server again and again";
    assert_eq!(trial, Trial::Rejected { why: why.to_owned() });
    assert_eq!(rehearsals(), 0);
}

fn another_volume() {
    let running = running();
    let mut planned = planned(&running, &[]);
    let Volume { host, seen } = &running.volume;
    let elsewhere = |host: &str| Trial::Untried {
        why: format!(
            "the running container has something else at {seen} than {host}, as is planned"
        ),
    };
    let other = format!("{host}-of-tomorrow");
    for _ in 0..2 {
        planned.mounts[0].host = Some(other.clone());
        assert_eq!(running.machine.programs().rehearse(&planned, &[]), elsewhere(&other));
        // Whether it is there or not.
        fs::create_dir_all(Path::new(&other)).unwrap();
    }
    // The same folder by another name.
    let link = format!("{host}-linked");
    std::os::unix::fs::symlink(host, &link).unwrap();
    planned.mounts[0].host = Some(link);
    let trial = running.machine.programs().rehearse(&planned, &[]);
    assert!(matches!(trial, Trial::Accepted { .. }), "{trial:?}");
}

fn what_is_not_there_yet() {
    let running = running();
    let untried = |why: &str| Trial::Untried { why: why.to_owned() };
    let mut planned = planned(&running, &[]);
    let policy = format!("{}/policy.yaml", running.volume.host);
    assert_eq!(
        running.machine.programs().rehearse(&planned, std::slice::from_ref(&policy)),
        untried(&format!("{policy} is part of the change and not written yet"))
    );
    planned.mounts[0].container = "/etc/new".to_owned();
    assert_eq!(
        running.machine.programs().rehearse(&planned, &[]),
        untried("the running container has no mount at /etc/new yet")
    );
    // The real one's port was never asked for.
    drop(TcpListener::bind("127.0.0.1:6443").unwrap());
}
