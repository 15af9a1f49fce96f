//! The hidden command that becomes another program, asked for directly.

use std::{
    fs::{self, File},
    io::Read as _,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use kube_temper::node::host::CONFINED;

use super::{
    Test,
    machine::{Machine, PROGRAM, Process},
};

pub(crate) const TESTS: &[Test] = &[
    ("confinement::root_without_power", root_without_power),
    ("confinement::the_container_of_another_process", the_container_of_another_process),
    ("confinement::an_order_that_is_not_understood", an_order_that_is_not_understood),
    ("confinement::it_ends_when_its_parent_is_killed", it_ends_when_its_parent_is_killed),
    ("confinement::it_never_begins_without_its_parent", it_never_begins_without_its_parent),
];

fn order(arguments: &[&str], uid: u32, network: bool, inside: &str, parent: &str) -> String {
    let words = serde_json::to_string(arguments).unwrap();
    format!(
        r#"{{"args":{words},"env":["A=b"],"user":{{"uid":{uid},"gid":{uid},"groups":[]}},"network":{network},"inside":{inside},"parent":{parent},"limits":{{"cpu":10,"data":1073741824,"file":0,"files":64}}}}"#
    )
}

fn confined(program: &str, order: &str) -> Output {
    Command::new(PROGRAM)
        .args([CONFINED, order])
        .stdin(File::open(program).unwrap())
        .output()
        .unwrap()
}

fn me() -> String {
    std::process::id().to_string()
}

fn root_without_power() {
    let script = "id -u; /usr/bin/env; grep Cap /proc/self/status; cat /etc/shadow > /dev/null && echo reads; chown 1 /tmp; echo $?";
    let run = confined("/bin/sh", &order(&["sh", "-c", script], 0, true, "null", &me()));
    let said = String::from_utf8(run.stdout).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("PWD=")).collect();
    let none = "0000000000000000";
    let caps: Vec<String> = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
        .iter()
        .map(|set| format!("{set}:\t{none}"))
        .collect();
    assert_eq!(lines[..2], ["0", "A=b"], "{said}");
    assert_eq!(lines[2..7], caps.iter().map(String::as_str).collect::<Vec<_>>(), "{said}");
    // It owns what root owns; what needs a capability it cannot do.
    assert_eq!(lines[7..], ["reads", "1"], "{said}");
}

fn the_container_of_another_process() {
    let machine = Machine::new();
    let volume = machine.volume();
    let running = machine.run("kube-controller-manager", &[&volume.flag()]);
    let file = format!("{}/only-here", volume.seen);
    assert!(!fs::exists(&file).unwrap());
    let pid = running.0.id().to_string();
    let script = format!("--tell=file:{file}");
    let order = |inside: &str| order(&["kube-scheduler", &script], 65_534, true, inside, &me());
    let program = machine.program("kube-controller-manager");
    let program = program.to_str().unwrap();
    let said = |run: Output| String::from_utf8(run.stderr).unwrap();
    assert_eq!(said(confined(program, &order(&pid))), "Error: it is there\n");
    assert_eq!(said(confined(program, &order("null"))), "Error: it is not there\n");
    // The process must run the program that is to be run.
    let other = said(confined("/bin/true", &order(&pid)));
    assert!(other.contains("enter the container's files: process"), "{other}");
    assert!(other.contains("runs another program now"), "{other}");
}

fn an_order_that_is_not_understood() {
    let run = confined("/bin/true", "{}");
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(
        said.contains("kube-temper cannot confine a program: read the order: missing field"),
        "{said}"
    );
    let more =
        order(&["true"], 0, true, "null", &me()).replace("{\"args\"", "{\"more\":1,\"args\"");
    assert_eq!(confined("/bin/true", &more).status.code(), Some(1));
    let help = Command::new(PROGRAM).arg("--help").output().unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains(CONFINED));
}

/// A shell that starts a confined program which says its process id and stays.
fn shell_with_child(script: &str, parent: &str) -> Process {
    let order = order(&["sh", "-c", script], 65_534, false, "null", "PARENT");
    let (before, after) = order.split_once("PARENT").unwrap();
    let line = format!("{PROGRAM} {CONFINED} '{before}'{parent}'{after}' < /bin/sh & wait");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &line]).stdin(Stdio::null()).stdout(Stdio::piped());
    Process(command.stderr(Stdio::piped()).spawn().unwrap())
}

fn it_ends_when_its_parent_is_killed() {
    let mut shell = shell_with_child("echo $$; exec sleep 1000", "$$");
    let mut out = shell.0.stdout.take().unwrap();
    let mut pid = Vec::new();
    let mut byte = [0];
    while byte != [b'\n'] {
        assert_eq!(out.read(&mut byte).unwrap(), 1, "it said nothing");
        pid.extend(byte);
    }
    let pid = String::from_utf8(pid).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    assert!(fs::read_to_string(&stat).is_ok());
    shell.0.kill().unwrap();
    // The pipe closes when the last process that holds it has ended.
    out.read_to_end(&mut Vec::new()).unwrap();
    ended(&stat);
}

/// Waits until a process has ended; an orphan is a zombie until init collects it.
fn ended(stat: &str) {
    let began = Instant::now();
    while let Ok(now) = fs::read_to_string(stat)
        && !now.contains(") Z ")
    {
        assert!(began.elapsed() < Duration::from_secs(60), "{now}");
        thread::yield_now();
    }
}

fn it_never_begins_without_its_parent() {
    let mut shell = shell_with_child("echo begun", "1");
    let (mut said, mut complaint) = (String::new(), String::new());
    shell.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    shell.0.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!(said, "");
    assert!(complaint.contains("be ended with its parent: the parent is gone"), "{complaint}");
}
