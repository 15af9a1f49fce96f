//! What the components' own programs say of a change on the simulated node.
//!
//! They refuse what they would refuse at their start ([`super::crashes`]), never what a test asks to go wrong
//! later: no rehearsal shows everything.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Shared, SimNode, crashes, service};
use crate::{
    model::{
        Component,
        facts::{Container, Mount, Probe},
    },
    node::{
        ProbeAnswer, Programs, Trial,
        host::programs::{arguments, rehearsal},
        memory::MemoryFiles,
    },
    text,
};

/// How long a program takes to read its arguments.
const READS: Duration = Duration::from_millis(100);

/// How long an API server takes to refuse, and to become ready (measured).
const REFUSES: Duration = Duration::from_millis(400);
const READY: Duration = Duration::from_millis(2700);

/// A node has more memory than a rehearsal needs.
const MEMINFO: &str = "MemAvailable: 4194304 kB\n";

/// The programs of a simulated node.
#[derive(Debug, Clone)]
pub(super) struct SimPrograms {
    shared: Arc<Shared>,
    tree: Arc<MemoryFiles>,
    messages: Arc<Mutex<Vec<String>>>,
}

impl SimPrograms {
    pub(super) fn new(shared: Arc<Shared>, tree: Arc<MemoryFiles>) -> Self {
        Self { shared, tree, messages: Arc::default() }
    }

    /// Arguments and mounts of a component's process.
    fn running(&self, component: Component) -> Result<(Vec<String>, Vec<Mount>), String> {
        let world = self.shared.world();
        if component == Component::Kubelet && world.service.pid.is_some() {
            return Ok((Vec::new(), Vec::new()));
        }
        let found = world.processes().find(|(other, ..)| *other == component);
        let Some((_, manifest, running)) = found else {
            return Err(format!("{component} does not run here, or several of them do"));
        };
        let container = manifest.pod.container(component);
        let mounts = container.map(|container| container.mounts.clone()).unwrap_or_default();
        Ok((running.argv.clone(), mounts))
    }

    fn takes(&self, duration: Duration) {
        self.shared.clock.sleep(duration);
    }

    fn parsed(&self, component: Component, args: &[String]) -> Result<Trial, String> {
        arguments::fit(component, args)?;
        self.running(component)?;
        self.takes(READS);
        Ok(match crashes::unread(component, args) {
            Some(why) => Trial::rejected(format!("Error: {why}")),
            None => Trial::accepted(),
        })
    }

    fn kubelet_tried(
        &self,
        args: &[String],
        files: &BTreeMap<String, String>,
    ) -> Result<Trial, String> {
        arguments::fit(Component::Kubelet, args)?;
        self.running(Component::Kubelet)?;
        self.takes(READS);
        let tree = self.tree.copy();
        for (path, text) in files {
            tree.put_file(path, 0o600, text);
        }
        let why =
            crashes::unread(Component::Kubelet, args).or_else(|| service::unusable(&tree, args));
        Ok(why.map_or_else(Trial::accepted, Trial::rejected))
    }

    fn rehearsed(&self, planned: &Container, written: &[String]) -> Result<Trial, String> {
        const COMPONENT: Component = Component::KubeApiserver;
        let args: Vec<String> = planned.args.iter().map(|arg| arg.text.clone()).collect();
        arguments::fit(COMPONENT, &args)?;
        let (running, mounted) = self.running(COMPONENT)?;
        let mountinfo = mounted
            .iter()
            .map(|mount| mount.container.trim_end_matches('/'))
            .map(|place| format!("1 1 0:1 / {place} rw - ext4 d rw"))
            .collect::<Vec<_>>()
            .join("\n");
        let has = |mount: &&Mount| {
            mounted.iter().any(|one| (&one.container, &one.host) == (&mount.container, &mount.host))
        };
        let differing: Vec<&Mount> = planned.mounts.iter().filter(|mount| !has(mount)).collect();
        let situation = rehearsal::Situation {
            args: &args,
            mounts: &planned.mounts,
            differing: &differing,
            written,
            running: &running,
            mountinfo: &mountinfo,
            resident: 0,
            meminfo: MEMINFO,
        };
        if let Some(obstacle) = situation.obstacle() {
            return Err(obstacle);
        }
        let why = self.shared.world().rules.refusal(&self.tree, COMPONENT, planned, &args);
        if let Some(why) = why {
            self.takes(REFUSES);
            return Ok(Trial::rejected(why));
        }
        let Some(probe) = rehearsal::probes(planned, 0).into_iter().next() else {
            return Err("its manifest has no probe to ask it by".to_owned());
        };
        self.takes(READY);
        let stalled = {
            let world = self.shared.world();
            world.stalled_until.saturating_sub(world.now)
        };
        let patience = rehearsal::READY.saturating_sub(READY);
        self.takes(stalled.min(patience));
        if stalled >= patience {
            return Ok(rehearsal::slow(&rehearsal::told(&probe, ProbeAnswer::TimedOut)));
        }
        if serves_anonymous(&args) {
            let seconds = READY.as_secs_f32();
            return Ok(Trial::Accepted { note: Some(format!("ready after {seconds:.1} s")) });
        }
        self.takes(rehearsal::UNKNOWN);
        let told = |probe: &Probe| rehearsal::told(probe, ProbeAnswer::Status(401));
        Ok(Trial::rejected(rehearsal::refused(&told(&probe))))
    }
}

/// Whether an API server answers its probes without credentials.
fn serves_anonymous(args: &[String]) -> bool {
    let flag = |name: &str| text::flags::value(args, name);
    let off = flag("anonymous-auth").and_then(|value| text::values::go_bool(&value));
    off != Some(false) && flag("authorization-mode").as_deref() != Some("AlwaysAllow")
}

impl Programs for SimPrograms {
    fn parse(&self, component: Component, args: &[String]) -> Trial {
        self.parsed(component, args).unwrap_or_else(Trial::untried)
    }

    fn try_kubelet(&self, args: &[String], files: &BTreeMap<String, String>) -> Trial {
        self.kubelet_tried(args, files).unwrap_or_else(Trial::untried)
    }

    fn rehearse(&self, planned: &Container, written: &[String]) -> Trial {
        self.rehearsed(planned, written).unwrap_or_else(Trial::untried)
    }

    fn message(&self, text: &str) {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    }
}

impl SimNode {
    /// What everybody who is logged in was told.
    pub fn messages(&self) -> Vec<String> {
        self.programs.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        node::{Node as _, recording, sim::VirtualClock},
        text::manifest,
    };

    const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

    fn node() -> SimNode {
        let clock = Arc::new(VirtualClock::default());
        SimNode::new(&recording::KUBEADM_1_36_2, clock, 1).unwrap()
    }

    /// The API server's container with these arguments more.
    fn planned(node: &SimNode, more: &[&str]) -> Container {
        let pod = manifest::parse(MANIFEST, &node.text(MANIFEST).unwrap()).unwrap();
        let mut container = pod.container(Component::KubeApiserver).unwrap().clone();
        let arg = container.args[0].clone();
        let more = more
            .iter()
            .map(|text| crate::model::facts::Arg { text: (*text).to_owned(), ..arg.clone() });
        container.args.extend(more);
        container
    }

    fn args(container: &Container) -> Vec<String> {
        container.args.iter().map(|arg| arg.text.clone()).collect()
    }

    fn why(trial: Trial) -> String {
        match trial {
            Trial::Rejected { why } => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn programs_refuse_what_they_cannot_read() {
        let node = node();
        let programs = node.programs().unwrap();
        let parse =
            |more: &[&str]| programs.parse(Component::KubeApiserver, &args(&planned(&node, more)));
        assert_eq!(parse(&["--profiling=false"]), Trial::accepted());
        assert_eq!(why(parse(&["--profilin=false"])), "Error: unknown flag: --profilin");
        assert!(why(parse(&["--profiling=maybe"])).starts_with("Error: invalid argument"));
        // Reading arguments shows no more than that.
        assert_eq!(parse(&["--enable-admission-plugins=Nonsense"]), Trial::accepted());
        let absent = programs.parse(Component::KubeProxy, &["kube-proxy".to_owned()]);
        assert!(matches!(absent, Trial::Untried { .. }), "{absent:?}");
    }

    #[test]
    fn a_rehearsal_shows_what_reading_does_not() {
        let node = node();
        let programs = node.programs().unwrap();
        let rehearse = |more: &[&str]| programs.rehearse(&planned(&node, more), &[]);
        let before = node.clock().monotonic();
        let ready = Trial::Accepted { note: Some("ready after 2.7 s".to_owned()) };
        assert_eq!(rehearse(&["--profiling=false"]), ready);
        assert_eq!(node.clock().monotonic(), before + READY);
        assert!(why(rehearse(&["--enable-admission-plugins=Nonsense"])).contains("is unknown"));
        assert!(why(rehearse(&["--audit-policy-file=/none"])).contains("no such file"));
        let anonymous = why(rehearse(&["--anonymous-auth=false"]));
        assert!(anonymous.starts_with("/livez answers 401 without credentials"), "{anonymous}");
        let encrypted = rehearse(&["--encryption-provider-config=/etc/kubernetes/pki/ca.crt"]);
        assert!(matches!(encrypted, Trial::Untried { .. }), "{encrypted:?}");
        let mut mounts = planned(&node, &[]);
        mounts.mounts[0].container = "/etc/new".to_owned();
        let new = programs.rehearse(&mounts, &[]);
        assert!(matches!(&new, Trial::Untried { why } if why.contains("/etc/new")), "{new:?}");
        // What a test lets go wrong is not seen before it happens.
        node.crash_on(Component::KubeApiserver, "--profiling=false");
        assert_eq!(rehearse(&["--profiling=false"]), ready);
    }

    #[test]
    fn a_kubelet_says_whether_it_can_use_a_configuration() {
        const CONFIG: &str = "/var/lib/kubelet/config.yaml";
        let node = node();
        let programs = node.programs().unwrap();
        let args = ["kubelet".to_owned(), format!("--config={CONFIG}")];
        let with = |text: &str| {
            let files = BTreeMap::from([(CONFIG.to_owned(), text.to_owned())]);
            programs.try_kubelet(&args, &files)
        };
        let text = node.text(CONFIG).unwrap();
        assert_eq!(programs.try_kubelet(&args, &BTreeMap::new()), Trial::accepted());
        assert_eq!(with(&format!("{text}podPidsLimit: 4096\n")), Trial::accepted());
        assert!(why(with(&format!("{text}podPidsLimit: many\n"))).contains("podPidsLimit"));
        assert!(why(with("kind: Pod\n")).starts_with("failed to load"));
        assert_eq!(node.text(CONFIG).unwrap(), text);
        let flag = [args[0].clone(), "--nonsense=1".to_owned()];
        assert_eq!(why(programs.try_kubelet(&flag, &BTreeMap::new())), "unknown flag: --nonsense");
    }

    #[test]
    fn messages_are_kept_for_who_looks() {
        let node = node();
        node.programs().unwrap().message("keep or revert");
        assert_eq!(node.another_process().messages(), ["keep or revert"]);
    }
}
