//! A simulated node under the same watch as the real one was.

use std::{sync::Arc, time::Duration};

use kube_temper::{
    model::{Component, facts::Probe},
    node::{
        Node as _, recording,
        sim::{SimNode, VirtualClock},
    },
    text,
};

use crate::story::Sample;

/// Time between two samples.
const SAMPLE: Duration = Duration::from_millis(200);

/// A simulated node that is looked at as the real one was.
pub(crate) struct Lab {
    pub(crate) node: SimNode,
    pub(crate) clock: VirtualClock,
    pub(crate) component: Component,
    pub(crate) probe: Probe,
    pub(crate) original: String,
    pub(crate) seed: u64,
}

impl Lab {
    pub(crate) fn new(component: Component, seed: u64) -> Self {
        let clock = VirtualClock::default();
        let node = SimNode::new(&recording::KUBEADM_1_36_2, Arc::new(clock.clone()), seed).unwrap();
        let path = format!("/etc/kubernetes/manifests/{component}.yaml");
        let original = node.text(&path).unwrap();
        let pod = text::manifest::parse(&path, &original).unwrap();
        let container = pod.container(component).unwrap();
        let probe = container.readiness.clone().or(container.liveness.clone()).unwrap();
        Self { node, clock, component, probe, original, seed }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn path(&self) -> String {
        format!("/etc/kubernetes/manifests/{}.yaml", self.component)
    }

    pub(crate) fn put(&self, text: &str) {
        self.node.replace(&self.path(), text).unwrap();
    }

    /// The original manifest with one more argument.
    pub(crate) fn with_flag(&self, flag: &str) -> String {
        let command = format!("    - {}\n", self.component);
        let text = self.original.replacen(&command, &format!("{command}    - {flag}\n"), 1);
        assert_ne!(text, self.original);
        text
    }

    /// The pod of the component's process, from `/proc` as anybody would read it.
    pub(crate) fn process(&self) -> Option<String> {
        let files = self.node.files();
        files.list("/proc").unwrap().into_iter().find_map(|entry| {
            let pid: u32 = entry.name.parse().ok()?;
            let read = |name: &str| {
                let bytes = files.read(&format!("/proc/{pid}/{name}"), 1 << 16).unwrap();
                String::from_utf8(bytes).unwrap()
            };
            let is_it = read("cmdline").split('\0').next() == Some(self.component.as_str());
            is_it.then(|| text::cgroup::membership(&read("cgroup")).pod.unwrap())
        })
    }

    pub(crate) fn samples(&self, at: f64) -> [(f64, Sample); 3] {
        let kubelet = self.node.kubelet().unwrap();
        let status = kubelet.pod_status(self.component).unwrap();
        let pod = status.map(|status| (status.pod, status.started && status.ready));
        [
            (at, Sample::Process(self.process())),
            (at, Sample::Probe(kubelet.probe(&self.probe))),
            (at, Sample::Pod(pod)),
        ]
    }

    /// Samples before and for some seconds after an action.
    pub(crate) fn play(&self, seconds: u64, action: impl FnOnce(&Self)) -> Vec<(f64, Sample)> {
        let mut samples = self.samples(-1.0).to_vec();
        action(self);
        let mut passed = Duration::ZERO;
        while passed <= Duration::from_secs(seconds) {
            samples.extend(self.samples(passed.as_secs_f64()));
            self.clock.advance(SAMPLE);
            passed += SAMPLE;
        }
        samples
    }
}
