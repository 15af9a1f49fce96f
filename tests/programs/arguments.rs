//! `<program> <arguments> --version`, by the program that runs.

use kube_temper::{
    model::Component::{self, Etcd, KubeApiserver, KubeControllerManager, KubeScheduler, Kubelet},
    node::{Node as _, Trial, host::HostNode},
};

use super::{
    Test, copies,
    machine::{Machine, words},
};

pub(crate) const TESTS: &[Test] = &[
    ("arguments::the_running_program_says_what_it_takes", the_running_program_says_what_it_takes),
    ("arguments::feature_gates_are_known_to_the_program", gates),
    ("arguments::what_is_confined", what_is_confined),
    ("arguments::a_program_that_hangs_or_floods", a_program_that_hangs_or_floods),
    ("arguments::what_cannot_be_tried_says_why", what_cannot_be_tried_says_why),
    ("arguments::a_replaced_kubelet_is_tried_as_it_would_start", a_replaced_kubelet),
];

fn accepted() -> Trial {
    Trial::Accepted { note: None }
}

fn rejected(why: &str) -> Trial {
    Trial::Rejected { why: why.to_owned() }
}

fn gates() {
    let machine = Machine::new();
    let components = [KubeApiserver, KubeControllerManager, KubeScheduler];
    let _running = components.map(|component| machine.run(component.as_str(), &[]));
    for component in components {
        let with = |gates: &str| {
            parse(&machine, component, &format!("{component} --feature-gates={gates}"))
        };
        assert_eq!(with("AllBeta=false,RotateKubeletServerCertificate=true"), accepted());
        let unknown = rejected("Error: unrecognized feature gate: RotateKubeletServerCertificat");
        assert_eq!(with("AllBeta=false,RotateKubeletServerCertificat=true"), unknown);
    }
}

fn parse(machine: &Machine, component: Component, arguments: &str) -> Trial {
    machine.programs().parse(component, &words(arguments))
}

fn the_running_program_says_what_it_takes() {
    let machine = Machine::new();
    let _running = [machine.run("kube-scheduler", &[]), machine.run("etcd", &[])];
    let schedules = |arguments: &str| parse(&machine, KubeScheduler, arguments);
    assert_eq!(schedules("kube-scheduler --profiling=false --v=2"), accepted());
    let unknown = rejected("Error: unknown flag: --profilin");
    assert_eq!(schedules("kube-scheduler --profilin=false"), unknown);
    let wrong = rejected("Error: invalid argument \"maybe\" for \"--profiling\" flag");
    assert_eq!(schedules("kube-scheduler --profiling=maybe"), wrong);
    assert_eq!(parse(&machine, Etcd, "etcd --v=2"), accepted());
    let unknown = rejected("flag provided but not defined: -experimental-x");
    assert_eq!(parse(&machine, Etcd, "etcd --experimental-x=1"), unknown);
}

fn what_is_confined() {
    let machine = Machine::new();
    let _running = machine.run("kube-scheduler", &[]);
    let told = parse(&machine, KubeScheduler, "kube-scheduler --tell=confinement");
    let nobody = "65534,65534,65534,65534";
    let want = format!(
        "Error: uid={nobody} gid={nobody} groups=[] caps=00000 nnp=1 core=0 file=0 open=256 cpu=10 devices=1 sends=false env=0 in=/dev/null fds=3 leads=true umask=0077 oom=1000"
    );
    assert_eq!(told, rejected(&want));
}

fn a_program_that_hangs_or_floods() {
    let machine = Machine::new();
    let _running = machine.run("kube-scheduler", &[]);
    assert_eq!(parse(&machine, KubeScheduler, "kube-scheduler --tell=flood"), accepted());
    let hangs = parse(&machine, KubeScheduler, "kube-scheduler --hang");
    assert_eq!(hangs, Trial::Untried { why: "it did not end within 10 s".to_owned() });
}

fn what_cannot_be_tried_says_why() {
    let machine = Machine::new();
    let why = |component, arguments: &str| match parse(&machine, component, arguments) {
        Trial::Untried { why } => why,
        other => panic!("{arguments}: {other:?}"),
    };
    let absent = why(KubeApiserver, "kube-apiserver");
    assert_eq!(absent, "kube-apiserver does not run here, or several of them do");
    let _one = machine.run("kube-scheduler", &[]);
    let shell = why(KubeScheduler, "/bin/sh -c true");
    assert_eq!(shell, "its command begins with 'sh' and not with kube-scheduler");
    let ourselves = HostNode::open(Some(&machine.folder.path().join("state"))).unwrap();
    let library = ourselves.programs().unwrap().parse(KubeScheduler, &words("kube-scheduler"));
    let Trial::Untried { why: library } = library else { panic!("{library:?}") };
    assert!(library.ends_with("and not kube-temper"), "{library}");
    let _two = machine.run("kube-scheduler", &["--v=3"]);
    let two = why(KubeScheduler, "kube-scheduler");
    assert_eq!(two, "kube-scheduler does not run here, or several of them do");
}

fn a_replaced_kubelet() {
    let machine = Machine::new();
    let _running = machine.run("kubelet", &[]);
    assert_eq!(parse(&machine, Kubelet, "kubelet --v=2"), accepted());
    let path = machine.program("kubelet");
    std::fs::remove_file(&path).unwrap();
    let gone = parse(&machine, Kubelet, "kubelet --v=2");
    let Trial::Untried { why } = gone else { panic!("{gone:?}") };
    assert!(why.contains("cannot be opened: No such file"), "{why}");
    copies::program("/bin/sleep", &path);
    assert_eq!(parse(&machine, Kubelet, "kubelet --v=2").clone(), {
        rejected("Try 'kubelet --help' for more information.")
    });
}
