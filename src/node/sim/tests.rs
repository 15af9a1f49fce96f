use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    node::{
        fault::Fault,
        recording::{ALL, KUBEADM_1_34_2, KUBEADM_1_36_2, KUBEADM_1_36_2_WORKER},
    },
    text,
};

use Component::{Etcd, KubeApiserver, KubeControllerManager, KubeScheduler, Kubelet};

const CONFIG: &str = "/var/lib/kubelet/config.yaml";

struct Lab {
    node: SimNode,
    clock: VirtualClock,
}

impl Lab {
    fn of(recording: &Recording) -> Self {
        let clock = VirtualClock::default();
        let node = SimNode::new(recording, Arc::new(clock.clone()), 3).unwrap();
        Self { node, clock }
    }

    fn new() -> Self {
        Self::of(&KUBEADM_1_36_2)
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn edit(&self, component: Component, from: &str, to: &str) {
        let path = manifest(component);
        let text = self.node.text(&path).unwrap();
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "nothing to replace");
        self.node.replace(&path, &edited).unwrap();
    }

    fn add_flag(&self, component: Component, flag: &str) {
        let command = format!("    - {component}\n");
        self.edit(component, &command, &format!("{command}    - {flag}\n"));
    }

    fn process(&self, component: Component) -> Option<(u32, Vec<String>)> {
        let world = self.node.shared.world();
        world.process(component).map(|running| (running.pid, running.argv.clone()))
    }

    fn has_flag(&self, component: Component, flag: &str) -> bool {
        self.process(component).is_some_and(|(_, argv)| argv.iter().any(|arg| arg == flag))
    }

    fn status(&self, component: Component) -> Option<PodStatus> {
        self.node.mirror_pod(component)
    }

    fn ready(&self, component: Component) -> bool {
        self.status(component).is_some_and(|status| status.started && status.ready)
    }

    fn healthy(&self) -> bool {
        self.node.kubelet().unwrap().healthy()
    }

    fn restart_kubelet(&self) {
        self.node.kubelet().unwrap().restart().unwrap();
    }

    /// How a component's own startup probe is answered.
    fn probe(&self, component: Component) -> ProbeAnswer {
        let path = manifest(component);
        let pod = text::manifest::parse(&path, &self.node.text(&path).unwrap()).unwrap();
        let probe = pod.container(component).unwrap().startup.clone().unwrap();
        self.node.kubelet().unwrap().probe(&probe)
    }

    /// Why the component's processes are gone, with whole seconds.
    fn stops(&self, component: Component) -> Vec<(u64, Cause)> {
        let events = self.node.events();
        let stops = events.iter().filter_map(|event| {
            let (stopped, cause) = event.stopped()?;
            (stopped == component).then(|| (event.at.as_secs(), cause.clone()))
        });
        stops.collect()
    }
}

fn manifest(component: Component) -> String {
    format!("/etc/kubernetes/manifests/{component}.yaml")
}

#[test]
fn a_recorded_node_is_calm() {
    for recording in ALL {
        let lab = Lab::of(&recording);
        let before = lab.node.tree().snapshot();
        lab.pass(900);
        assert_eq!(lab.node.events(), [], "{}", recording.name);
        assert_eq!(before.without("/proc").without(logs::FOLDER), lab.node.snapshot());
        assert!(lab.healthy());
        for component in Component::STATIC_PODS {
            let worker = recording == KUBEADM_1_36_2_WORKER;
            assert_eq!(lab.ready(component), !worker, "{} {component}", recording.name);
        }
    }
}

#[test]
fn a_calm_node_shows_the_recorded_pod_hash() {
    let status = Lab::new().status(KubeScheduler).unwrap();
    assert_eq!(status.pod, "ec8e77695191d9f7fecf5089141de1cd");
    assert_eq!(status.restarts, 0);
}

#[test]
fn every_recorded_component_starts_again_with_its_own_arguments() {
    for recording in ALL.into_iter().filter(|r| *r != KUBEADM_1_36_2_WORKER) {
        let lab = Lab::of(&recording);
        for component in Component::STATIC_PODS {
            let (old, argv) = lab.process(component).unwrap();
            lab.node.kill(component);
            lab.pass(120);
            let (new, again) = lab.process(component).unwrap();
            assert!(new > old && argv == again, "{} {component}", recording.name);
            assert!(lab.ready(component), "{} {component}", recording.name);
        }
    }
}

#[test]
fn proc_shows_the_new_process_as_it_showed_the_old() {
    let lab = Lab::new();
    let files = lab.node.files();
    let text = |path: String| String::from_utf8(files.read(&path, 1 << 16).unwrap()).unwrap();
    let (old, _) = lab.process(KubeScheduler).unwrap();
    let recorded = text(format!("/proc/{old}/cgroup"));
    lab.add_flag(KubeScheduler, "--profiling=false");
    lab.pass(60);
    assert_eq!(files.stat(&format!("/proc/{old}")).unwrap(), None);
    let (pid, _) = lab.process(KubeScheduler).unwrap();
    assert!(pid > 2111);
    let pod = lab.status(KubeScheduler).unwrap().pod;
    let cgroup = text(format!("/proc/{pid}/cgroup"));
    assert_eq!(text::cgroup::membership(&cgroup).pod.as_deref(), Some(pod.as_str()));
    let shape = |text: &str| text.replace(|c: char| c.is_ascii_hexdigit(), "x");
    assert_eq!(shape(&cgroup), shape(&recorded));
    assert!(
        text(format!("/proc/{pid}/cmdline")).starts_with("kube-scheduler\0--profiling=false\0")
    );
    let start = text::cgroup::start_time(&text(format!("/proc/{pid}/stat"))).unwrap();
    assert!((8_641_000..8_641_600).contains(&start), "{start}");
    assert_eq!(
        files.read_link(&format!("/proc/{pid}/exe")).unwrap(),
        "/usr/local/bin/kube-scheduler"
    );
    assert!(text("/proc/uptime".to_owned()).starts_with("86460.00 "));
}

#[test]
fn what_means_the_same_restarts_nothing() {
    let lab = Lab::new();
    let path = manifest(KubeScheduler);
    let text = lab.node.text(&path).unwrap();
    lab.node.replace(&path, &format!("# why\n{text}")).unwrap();
    let labels = "    component: kube-scheduler\n    tier: control-plane\n";
    let swapped = "    tier: control-plane\n    component: kube-scheduler\n";
    lab.edit(KubeScheduler, labels, swapped);
    lab.node.files().create("/etc/kubernetes/manifests/.hidden", b"x", &meta()).unwrap();
    lab.node.files().set_mode(&path, 0o644).unwrap();
    lab.node.files().set_owner(&path, 0, 5).unwrap();
    lab.pass(120);
    assert_eq!(lab.node.events(), []);
    assert!(lab.ready(KubeScheduler));
}

fn meta() -> FileMeta {
    FileMeta { mode: 0o600, uid: 0, gid: 0, xattrs: BTreeMap::new() }
}

#[test]
fn a_good_edit_is_undone_by_an_older_copy_at_the_next_reading() {
    let lab = Lab::new();
    let path = manifest(KubeScheduler);
    let original = lab.node.text(&path).unwrap();
    lab.node.replace(&format!("{path}.bak"), &original).unwrap();
    lab.pass(60);
    assert_eq!(lab.node.starts(KubeScheduler, &Cause::Manifest), 1);
    lab.add_flag(KubeScheduler, "--profiling=false");
    lab.pass(120);
    assert!(!lab.has_flag(KubeScheduler, "--profiling=false"));
    lab.node.files().remove(&format!("{path}.bak")).unwrap();
    lab.pass(60);
    assert!(lab.has_flag(KubeScheduler, "--profiling=false"));
    assert!(lab.ready(KubeScheduler));
}

#[test]
fn an_api_server_without_anonymous_requests_is_killed_by_its_startup_probe_again_and_again() {
    let lab = Lab::new();
    lab.add_flag(KubeApiserver, "--anonymous-auth=false");
    lab.pass(60);
    assert_eq!(lab.probe(KubeApiserver), ProbeAnswer::Status(401));
    let status = lab.status(KubeApiserver).unwrap();
    assert!(!status.started && !status.ready);
    lab.pass(240);
    assert!(lab.status(KubeApiserver).is_none(), "killed, draining");
    lab.pass(540);
    let stops = lab.stops(KubeApiserver);
    let causes: Vec<&Cause> = stops.iter().map(|(_, cause)| cause).collect();
    assert_eq!(causes, [&Cause::Manifest, &Cause::StartupProbe, &Cause::StartupProbe]);
    // 250 s until it is killed, 30 s of draining, and for the second time 10 s of back-off.
    let between = stops[2].0 - stops[1].0;
    assert!((279..=295).contains(&between), "{stops:?}");
    assert!((310..=330).contains(&stops[1].0), "{stops:?}");
}

#[test]
fn an_outage_of_the_api_server_ends_the_leaders_once() {
    let lab = Lab::new();
    lab.add_flag(KubeApiserver, "--profiling=false");
    lab.pass(120);
    for component in [KubeScheduler, KubeControllerManager] {
        assert_eq!(lab.stops(component), [(11, Cause::LeaderElectionLost)]);
        let status = lab.status(component).unwrap();
        assert!(status.started && status.ready && status.restarts == 1, "{status:?}");
        assert_eq!(lab.node.starts(component, &Cause::Manifest), 0);
    }
    assert_eq!(lab.stops(Etcd), []);
    assert_eq!(lab.status(KubeScheduler).unwrap().pod, "ec8e77695191d9f7fecf5089141de1cd");
}

#[test]
fn components_refuse_what_the_real_ones_refuse() {
    let cases = [
        (KubeScheduler, "--no-such-flag=1", "unknown flag: --no-such-flag"),
        (KubeScheduler, "--profiling=maybe", "invalid argument \"maybe\" for \"--profiling\" flag"),
        (Etcd, "--no-such-flag", "unknown flag: --no-such-flag"),
        (KubeControllerManager, "--root-ca-file=/etc/none.crt", "open /etc/none.crt: no such file"),
        (KubeControllerManager, "--tls-cipher-suites=TLS_NONE", "Cipher suite TLS_NONE"),
        (KubeScheduler, "--leader-elect-lease-duration=1s", "asked to crash on 'lease-duration'"),
    ];
    for (component, flag, reason) in cases {
        let lab = Lab::new();
        lab.node.crash_on(KubeScheduler, "lease-duration");
        let name = flag.split('=').next().unwrap();
        let own = lab.node.text(&manifest(component)).unwrap();
        let own = own.lines().find(|line| line.contains(&format!("- {name}="))).map(str::to_owned);
        match own {
            Some(line) => lab.edit(component, &line, &format!("    - {flag}")),
            None => lab.add_flag(component, flag),
        }
        lab.pass(100);
        let stops = lab.stops(component);
        let crash = stops
            .iter()
            .any(|(_, cause)| matches!(cause, Cause::Crash(why) if why.contains(reason)));
        assert!(crash, "{flag}: {stops:?}");
        assert!(!lab.ready(component), "{flag}");
    }
    let plugins =
        [("Nope", "plugin \"Nope\" is unknown"), ("EventRateLimit", "limits: must not be empty")];
    for (plugin, reason) in plugins {
        let lab = Lab::new();
        lab.edit(KubeApiserver, "=NodeRestriction", &format!("=NodeRestriction,{plugin}"));
        lab.pass(60);
        let crash = lab.stops(KubeApiserver).pop().unwrap().1.to_string();
        assert!(crash.contains(reason), "{crash}");
    }
}

#[test]
fn a_crash_loop_backs_off() {
    let lab = Lab::new();
    lab.add_flag(KubeScheduler, "--no-such-flag=1");
    lab.pass(400);
    let starts: Vec<f64> = lab
        .node
        .events()
        .iter()
        .filter(|event| event.started().is_some_and(|(component, _)| component == KubeScheduler))
        .map(|event| event.at.as_secs_f64())
        .collect();
    let waits: Vec<f64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let want = [0.0, 10.0, 20.0, 40.0, 80.0, 160.0];
    assert_eq!(waits.len(), want.len(), "{waits:?}");
    for (wait, want) in waits.iter().zip(want) {
        assert!((want..want + 3.0).contains(wait), "{waits:?}");
    }
    let restarts = lab.status(KubeScheduler).unwrap().restarts;
    assert_eq!(restarts, 6);
}

#[test]
fn manifests_that_api_validation_refuses_end_the_pod_at_the_next_reading() {
    for (from, to) in [
        ("kind: Pod", "kind: Deployment"),
        ("      name: kubeconfig\n      readOnly", "      name: other\n      readOnly"),
        ("  name: kube-scheduler\n  namespace", "  namespace"),
    ] {
        let lab = Lab::new();
        lab.edit(KubeScheduler, from, to);
        lab.pass(25);
        let stops = lab.stops(KubeScheduler);
        assert!(matches!(stops[..], [(0..=20, Cause::ManifestGone)]), "{to}: {stops:?}");
        assert_eq!(lab.status(KubeScheduler), None);
        assert_eq!(lab.probe_of_recorded_scheduler(), ProbeAnswer::Refused);
        let rejected = |event: &Event| matches!(&event.what, What::Rejected { path, .. } if *path == manifest(KubeScheduler));
        assert!(lab.node.events().iter().any(rejected));
    }
}

impl Lab {
    fn probe_of_recorded_scheduler(&self) -> ProbeAnswer {
        let probe = Probe {
            path: Some("/livez".to_owned()),
            host: Some("127.0.0.1".to_owned()),
            port: 10_259,
            tls: true,
            headers: Vec::new(),
            initial_delay: 10,
            period: 10,
            timeout: 15,
            failure_threshold: 24,
        };
        self.node.kubelet().unwrap().probe(&probe)
    }
}

#[test]
fn a_pod_whose_host_path_is_missing_gets_no_container_until_it_is_there() {
    let lab = Lab::new();
    let mount = "    - mountPath: /etc/kubernetes/scheduler.conf\n";
    lab.edit(
        KubeScheduler,
        mount,
        &format!("    - mountPath: /etc/kubernetes/more\n      name: more\n{mount}"),
    );
    lab.edit(
        KubeScheduler,
        "  volumes:\n",
        "  volumes:\n  - hostPath:\n      path: /etc/kubernetes/more\n      type: Directory\n    name: more\n",
    );
    lab.pass(60);
    assert!(lab.process(KubeScheduler).is_none());
    assert!(!lab.ready(KubeScheduler));
    lab.node.files().make_dir("/etc/kubernetes/more", 0o700).unwrap();
    lab.pass(90);
    assert!(lab.ready(KubeScheduler));
}

#[test]
fn a_component_on_the_loopback_is_not_reached_by_probes_of_the_pod_address() {
    let lab = Lab::new();
    lab.edit(
        KubeScheduler,
        "        host: 127.0.0.1\n        path: /livez",
        "        path: /livez",
    );
    lab.edit(
        KubeScheduler,
        "        host: 127.0.0.1\n        path: /livez",
        "        path: /livez",
    );
    lab.pass(400);
    assert_eq!(lab.probe(KubeScheduler), ProbeAnswer::Refused);
    assert!(!lab.ready(KubeScheduler));
    assert!(lab.stops(KubeScheduler).iter().any(|(_, cause)| *cause == Cause::StartupProbe));
}

#[test]
fn with_a_written_uid_new_flags_wait_for_the_next_container() {
    let lab = Lab::new();
    lab.edit(KubeScheduler, "metadata:\n", "metadata:\n  uid: fixed\n");
    lab.pass(60);
    assert_eq!(lab.status(KubeScheduler).unwrap().pod, "fixed");
    lab.add_flag(KubeScheduler, "--profiling=false");
    lab.pass(120);
    assert!(!lab.has_flag(KubeScheduler, "--profiling=false"));
    lab.node.kill(KubeScheduler);
    lab.pass(60);
    assert!(lab.has_flag(KubeScheduler, "--profiling=false"));
}

#[test]
fn an_etcd_that_restarts_takes_the_api_server_along_for_a_while() {
    let lab = Lab::new();
    lab.add_flag(Etcd, "--log-level=info");
    lab.pass(5);
    assert_eq!(lab.probe(KubeApiserver), ProbeAnswer::Status(500));
    assert_eq!(lab.status(KubeApiserver), None);
    lab.pass(20);
    assert!(lab.process(Etcd).is_some_and(|(pid, _)| pid == 2000), "needs 27 s to end");
    lab.pass(180);
    assert!(lab.has_flag(Etcd, "--log-level=info"));
    for component in Component::STATIC_PODS {
        assert!(lab.ready(component), "{component}");
    }
    let up = lab.node.events().iter().position(|event| event.what == What::ApiUp).unwrap();
    let at = lab.node.events()[up].at.as_secs();
    assert!((40..=80).contains(&at), "{at}");
    assert_eq!(lab.stops(KubeScheduler), [(11, Cause::LeaderElectionLost)]);
}

#[test]
fn a_restarted_kubelet_reads_its_configuration_again() {
    let lab = Lab::new();
    let extra = "KUBELET_EXTRA_ARGS=--event-qps=7\n";
    lab.node.tree().put_file("/etc/default/kubelet", 0o644, extra);
    let old = lab.node.shared.world().service.pid.unwrap();
    lab.restart_kubelet();
    assert!(!lab.healthy());
    lab.pass(10);
    assert!(lab.healthy());
    let new = lab.node.shared.world().service.pid.unwrap();
    assert!(new > old);
    let cmdline = lab.node.text(&format!("/proc/{new}/cmdline")).unwrap();
    assert!(cmdline.ends_with("--hostname-override=cp1\0--event-qps=7\0"), "{cmdline}");
    assert_eq!(lab.node.kubelet_version(new).unwrap().unwrap(), "Kubernetes v1.36.2");
    assert_eq!(lab.node.kubelet_version(old).unwrap(), None);
    lab.pass(600);
    for component in Component::STATIC_PODS {
        assert_eq!(lab.stops(component), [], "{component}");
        assert!(lab.ready(component));
    }
}

#[test]
fn up_to_1_34_a_kubelet_restart_turns_every_pod_not_ready_for_a_moment() {
    for (recording, forgets) in [(KUBEADM_1_34_2, true), (KUBEADM_1_36_2, false)] {
        let lab = Lab::of(&recording);
        lab.restart_kubelet();
        let mut seen = Vec::new();
        for _ in 0..100 {
            lab.clock.advance(Duration::from_millis(100));
            seen.push(lab.ready(KubeScheduler));
        }
        assert_eq!(seen.contains(&false), forgets, "{}", recording.name);
        assert_eq!(seen.last(), Some(&true));
    }
}

#[test]
fn a_kubelet_that_cannot_use_its_configuration_is_started_every_ten_seconds() {
    let cases = [
        (CONFIG, "readOnlyPort: none\n", "readOnlyPort is \"none\""),
        (CONFIG, "a: [\n", "failed to load"),
        (CONFIG, "seccompDefault: true\n", "asked to crash on 'seccompDefault: true'"),
        ("/etc/default/kubelet", "KUBELET_EXTRA_ARGS=--nope\n", "unknown flag: --nope"),
        ("/etc/default/kubelet", "KUBELET_EXTRA_ARGS=--config=/none\n", "path: /none"),
    ];
    for (path, text, reason) in cases {
        let lab = Lab::new();
        lab.node.crash_on(Kubelet, "seccompDefault: true");
        lab.node.tree().put_dir("/etc/default", 0o755);
        let before = lab.node.text(path).unwrap_or_default();
        lab.node.replace(path, &format!("{before}{text}")).unwrap();
        lab.restart_kubelet();
        lab.pass(35);
        assert!(!lab.healthy(), "{text}");
        let stops = lab.stops(Kubelet);
        assert!(matches!(&stops[1].1, Cause::Crash(why) if why.contains(reason)), "{stops:?}");
        assert_eq!(stops.len(), 5, "one restart and a crash every 11 s: {stops:?}");
        // Containers keep running.
        assert_eq!(lab.probe(KubeApiserver), ProbeAnswer::Status(200));
        lab.node.replace(path, &before).unwrap();
        lab.pass(15);
        assert!(lab.healthy(), "{text}");
    }
}

#[test]
fn a_kubelet_that_has_not_reached_the_api_server_ends_no_pod() {
    let lab = Lab::new();
    lab.node.crash_on(KubeApiserver, "--profiling=false");
    lab.add_flag(KubeApiserver, "--profiling=false");
    lab.pass(60);
    assert!(lab.status(KubeApiserver).is_none());
    lab.restart_kubelet();
    lab.pass(30);
    lab.edit(KubeApiserver, "    - --profiling=false\n", "");
    lab.pass(600);
    assert!(lab.status(KubeApiserver).is_none(), "the wedge of a single control plane");
}

#[test]
fn manifests_written_while_the_kubelet_is_away_are_read_when_it_is_back() {
    let lab = Lab::new();
    lab.restart_kubelet();
    lab.add_flag(KubeScheduler, "--profiling=false");
    lab.pass(60);
    assert!(lab.has_flag(KubeScheduler, "--profiling=false"));
    assert_eq!(lab.node.starts(KubeScheduler, &Cause::Manifest), 1);
}

#[test]
fn a_link_in_the_folder_is_noticed_at_the_next_reading_only() {
    let lab = Lab::new();
    let path = manifest(KubeScheduler);
    let text = lab.node.text(&path).unwrap();
    let flagged = text.replacen("    - kube-scheduler\n", "    - kube-scheduler\n    - --v=2\n", 1);
    lab.node.tree().put_file("/etc/kubernetes/elsewhere.yaml", 0o600, &text);
    lab.node.tree().put_link(&path, "../elsewhere.yaml");
    lab.pass(60);
    assert_eq!(lab.stops(KubeScheduler), []);
    let mut waited = 0;
    lab.node.replace("/etc/kubernetes/elsewhere.yaml", &flagged).unwrap();
    while lab.stops(KubeScheduler).is_empty() {
        lab.clock.advance(Duration::from_millis(100));
        waited += 1;
    }
    assert!((2..=205).contains(&waited), "{waited}");
    lab.pass(60);
    assert!(lab.has_flag(KubeScheduler, "--v=2"));
}

#[test]
fn faults_meet_one_process_and_the_next_sees_the_same_machine() {
    let lab = Lab::new();
    let faults = Faults::new(Fault::DiesAfter { at: 2 });
    let dying = lab.node.with_faults(&faults);
    let held = dying.lock().unwrap();
    dying.state().make_dir("/transactions", 0o700).unwrap();
    let error = dying.files().set_mode(CONFIG, 0o600).unwrap_err();
    assert_eq!(error.kind, NodeErrorKind::Died);
    let log: Vec<_> = faults.log().into_iter().map(|o| (o.tree, o.name)).collect();
    assert_eq!(log, [("state", "make_dir"), ("files", "set_mode")]);
    let next = dying.another_process();
    assert!(next.lock().is_ok());
    assert_eq!(next.files().stat(CONFIG).unwrap().unwrap().mode, 0o600);
    assert!(next.state().stat("/transactions").unwrap().is_some());
    drop(held);
}

#[test]
fn a_worker_has_a_kubelet_and_no_pods() {
    let lab = Lab::of(&KUBEADM_1_36_2_WORKER);
    lab.restart_kubelet();
    lab.pass(10);
    assert!(lab.healthy());
    assert_eq!(lab.status(KubeApiserver), None);
}

#[test]
fn time_on_the_demo_node_passes_by_itself() {
    let node = SimNode::demo(&KUBEADM_1_36_2, 1000).unwrap();
    let path = manifest(KubeScheduler);
    let text = node.text(&path).unwrap();
    node.replace(&path, &text.replace("--leader-elect=true", "--leader-elect=false")).unwrap();
    while node.starts(KubeScheduler, &Cause::Manifest) == 0 {
        node.clock().sleep(Duration::from_secs(5));
    }
    let events = node.events();
    let stopping = events.iter().find(|event| matches!(event.what, What::Stopping { .. }));
    let started = events.iter().find(|event| event.started().is_some());
    let waited = started.unwrap().at.checked_sub(stopping.unwrap().at).unwrap();
    assert!((10..=16).contains(&waited.as_secs()), "{waited:?}");
}
