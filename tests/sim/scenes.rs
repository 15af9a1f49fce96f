//! What was done in each recorded trace.

use kube_temper::{
    model::Component::{self, KubeApiserver, KubeScheduler},
    node::{
        Node as _,
        sim::{Event, What},
    },
};

use crate::{
    lab::Lab,
    story::Seen::{self, NewPod, NewProcess, NoPod, NoProcess, OldPod, Refused},
};

/// One trace: what was done before it, the action, how long it was watched, and when its changes may
/// come, in the real world and in the simulated one.
pub(crate) struct Scene {
    pub(crate) trace: &'static str,
    pub(crate) component: Component,
    pub(crate) before: fn(&Lab),
    pub(crate) action: fn(&Lab),
    pub(crate) seconds: u64,
    pub(crate) spread: &'static [(Seen, usize, f64, f64)],
}

pub(crate) const BAK: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml.bak";
pub(crate) const NOTHING: fn(&Lab) = |_| {};
pub(crate) const PLUGIN: &str = "--enable-admission-plugins=NodeRestriction,Nope";

/// The API server with `--profiling=false`, in its place and ready.
pub(crate) fn with_profiling_off(lab: &Lab) {
    lab.put(&lab.with_flag("--profiling=false"));
    lab.pass(120);
}

/// Waits until the kubelet's last reading of the whole folder was some seconds ago: it trips over a
/// file that appeared behind its back.
pub(crate) fn between_two_readings(lab: &Lab) {
    let stray = "/etc/kubernetes/manifests/stray";
    let rejected =
        |event: &Event| matches!(&event.what, What::Rejected { path, .. } if path == stray);
    lab.node.tree().put_file(stray, 0o600, "no manifest");
    while !lab.node.events().iter().any(rejected) {
        lab.pass(1);
    }
    lab.node.tree().remove_tree(stray);
    lab.pass(lab.seed);
}

pub(crate) fn with_unknown_plugin(lab: &Lab) {
    let text = lab.with_flag("--profiling=false");
    lab.put(&text.replace("--enable-admission-plugins=NodeRestriction", PLUGIN));
}

const READY: Seen = NewPod { ready: true };
const STARTING: Seen = NewPod { ready: false };

/// Every trace.
pub(crate) fn scenes() -> Vec<Scene> {
    let mut scenes = changes_of_the_scheduler();
    scenes.extend(what_the_scheduler_does_not_survive());
    scenes.extend(changes_of_the_api_server());
    scenes
}

fn changes_of_the_scheduler() -> Vec<Scene> {
    vec![
        Scene {
            trace: "kube-scheduler--flag-added",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| lab.put(&lab.with_flag("--profiling=false")),
            seconds: 40,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (Refused, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (STARTING, 1, 10.0, 16.5),
                (READY, 1, 28.0, 37.5),
            ],
        },
        Scene {
            trace: "kube-scheduler--same-bytes-put-back",
            component: KubeScheduler,
            before: with_profiling_off,
            action: |lab| lab.put(&lab.original),
            seconds: 40,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (READY, 1, 28.0, 37.5),
            ],
        },
        Scene {
            trace: "kube-scheduler--comment-and-mode-only",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| {
                lab.put(&format!("# a comment\n{}", lab.original));
                lab.node.files().set_mode(&lab.path(), 0o640).unwrap();
            },
            seconds: 60,
            spread: &[],
        },
        Scene {
            trace: "kube-scheduler--older-copy-appears-as-bak",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| lab.node.replace(BAK, &lab.with_flag("--profiling=true")).unwrap(),
            seconds: 45,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (READY, 1, 28.0, 37.5),
            ],
        },
        Scene {
            trace: "kube-scheduler--bak-is-removed",
            component: KubeScheduler,
            before: |lab| {
                lab.node.replace(BAK, &lab.with_flag("--profiling=true")).unwrap();
                lab.pass(120);
                between_two_readings(lab);
            },
            action: |lab| lab.node.files().remove(BAK).unwrap(),
            seconds: 45,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (NoPod, 1, 0.2, 2.5),
                (NewProcess, 1, 2.0, 21.4),
                (READY, 1, 10.0, 42.5),
            ],
        },
    ]
}

fn what_the_scheduler_does_not_survive() -> Vec<Scene> {
    vec![
        Scene {
            trace: "kube-scheduler--manifest-is-not-yaml",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| lab.put("not: [a manifest\n"),
            seconds: 45,
            spread: &[(NoProcess, 1, 0.2, 20.4), (Refused, 1, 0.2, 20.4), (NoPod, 1, 0.4, 23.0)],
        },
        Scene {
            trace: "kube-scheduler--good-bytes-back-after-bad-yaml",
            component: KubeScheduler,
            before: |lab| {
                lab.put("not: [a manifest\n");
                lab.pass(60);
            },
            action: |lab| lab.put(&lab.original),
            seconds: 40,
            spread: &[(NewProcess, 1, 0.2, 1.2), (STARTING, 1, 0.0, 1.5), (READY, 1, 18.0, 22.5)],
        },
        Scene {
            trace: "kube-scheduler--unknown-flag",
            component: KubeScheduler,
            before: NOTHING,
            action: |lab| lab.put(&lab.with_flag("--no-such-flag=1")),
            seconds: 44,
            spread: &[
                (NoProcess, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (STARTING, 1, 10.0, 16.5),
                (NewProcess, 2, 20.5, 29.0),
            ],
        },
        Scene {
            trace: "kube-scheduler--good-bytes-back-after-unknown-flag",
            component: KubeScheduler,
            before: |lab| {
                lab.put(&lab.with_flag("--no-such-flag=1"));
                lab.pass(55);
            },
            action: |lab| lab.put(&lab.original),
            seconds: 40,
            spread: &[(NewProcess, 1, 10.0, 16.5), (READY, 1, 28.0, 37.5)],
        },
    ]
}

fn changes_of_the_api_server() -> Vec<Scene> {
    vec![
        Scene {
            trace: "kube-apiserver--flag-added",
            component: KubeApiserver,
            before: NOTHING,
            action: |lab| lab.put(&lab.with_flag("--profiling=false")),
            seconds: 75,
            spread: &[
                (NoPod, 1, 0.0, 0.4),
                (Refused, 1, 0.0, 0.4),
                (NoProcess, 1, 30.0, 30.6),
                (NewProcess, 1, 30.2, 46.0),
                (Seen::Ok, 2, 32.5, 49.0),
                (OldPod { ready: true }, 2, 31.0, 47.5),
                (STARTING, 1, 31.0, 57.0),
                (READY, 1, 50.0, 67.5),
            ],
        },
        Scene {
            trace: "kube-apiserver--unknown-admission-plugin",
            component: KubeApiserver,
            before: with_profiling_off,
            action: with_unknown_plugin,
            seconds: 54,
            spread: &[
                (NoPod, 1, 0.0, 0.4),
                (Refused, 1, 0.0, 0.4),
                (NoProcess, 1, 30.0, 30.6),
                (NewProcess, 1, 30.2, 46.0),
            ],
        },
        Scene {
            trace: "kube-apiserver--good-bytes-back-after-unknown-plugin",
            component: KubeApiserver,
            before: |lab| {
                with_profiling_off(lab);
                with_unknown_plugin(lab);
                lab.pass(70);
            },
            action: |lab| lab.put(&lab.original),
            seconds: 55,
            spread: &[
                (NewProcess, 1, 10.0, 16.5),
                (OldPod { ready: true }, 1, 11.0, 18.0),
                (Seen::Ok, 1, 12.0, 19.5),
                (STARTING, 1, 11.0, 27.0),
                (READY, 1, 28.0, 38.0),
            ],
        },
    ]
}
