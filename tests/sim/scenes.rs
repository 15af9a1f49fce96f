//! What was done in each recorded trace.

use kube_temper::{
    model::Component,
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
    pub(crate) before: fn(&Lab),
    pub(crate) action: fn(&Lab),
    pub(crate) seconds: u64,
    pub(crate) spread: Spread,
}

/// What is seen, for which time, and between which seconds after the action.
type Spread = &'static [(Seen, usize, f64, f64)];

fn scene(trace: &'static str, seconds: u64, action: fn(&Lab), spread: Spread) -> Scene {
    Scene { trace, before: |_| {}, action, seconds, spread }
}

impl Scene {
    fn after(self, before: fn(&Lab)) -> Self {
        Self { before, ..self }
    }

    /// The component whose manifest changes: the trace is named after it.
    pub(crate) fn component(&self) -> Component {
        let is_it = |component: &Component| self.trace.starts_with(&format!("{component}--"));
        Component::STATIC_PODS.into_iter().find(is_it).unwrap()
    }
}

pub(crate) const BAK: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml.bak";
const PLUGIN: &str = "--enable-admission-plugins=NodeRestriction,Nope";

fn restored(lab: &Lab) {
    lab.put(&lab.original);
}

fn profiling_off(lab: &Lab) {
    lab.put(&lab.with_flag("--profiling=false"));
}

/// The component with `--profiling=false`, in its place and ready.
fn with_profiling_off(lab: &Lab) {
    profiling_off(lab);
    lab.pass(120);
}

/// Waits until the kubelet's last reading of the whole folder was some seconds ago: it trips over a
/// file that appeared behind its back.
fn between_two_readings(lab: &Lab) {
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
const RESTARTED: Spread =
    &[(NoProcess, 1, 0.0, 0.4), (NewProcess, 1, 10.0, 16.0), (READY, 1, 28.0, 37.5)];

/// Every trace.
pub(crate) fn scenes() -> Vec<Scene> {
    let mut scenes = changes_of_the_scheduler();
    scenes.extend(what_the_scheduler_does_not_survive());
    scenes.extend(changes_of_the_api_server());
    scenes
}

fn changes_of_the_scheduler() -> Vec<Scene> {
    vec![
        scene(
            "kube-scheduler--flag-added",
            40,
            profiling_off,
            &[
                (NoProcess, 1, 0.0, 0.4),
                (Refused, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (STARTING, 1, 10.0, 16.5),
                (READY, 1, 28.0, 37.5),
            ],
        ),
        scene("kube-scheduler--same-bytes-put-back", 40, restored, RESTARTED)
            .after(with_profiling_off),
        scene(
            "kube-scheduler--comment-and-mode-only",
            60,
            |lab| {
                lab.put(&format!("# a comment\n{}", lab.original));
                lab.node.files().set_mode(&lab.path(), 0o640).unwrap();
            },
            &[],
        ),
        scene(
            "kube-scheduler--older-copy-appears-as-bak",
            45,
            |lab| lab.node.replace(BAK, &lab.with_flag("--profiling=true")).unwrap(),
            RESTARTED,
        ),
        scene(
            "kube-scheduler--bak-is-removed",
            45,
            |lab| lab.node.files().remove(BAK).unwrap(),
            &[
                (NoProcess, 1, 0.0, 0.4),
                (NoPod, 1, 0.2, 2.5),
                (NewProcess, 1, 2.0, 21.4),
                (READY, 1, 10.0, 42.5),
            ],
        )
        .after(|lab| {
            lab.node.replace(BAK, &lab.with_flag("--profiling=true")).unwrap();
            lab.pass(120);
            between_two_readings(lab);
        }),
    ]
}

fn what_the_scheduler_does_not_survive() -> Vec<Scene> {
    vec![
        scene(
            "kube-scheduler--manifest-is-not-yaml",
            45,
            |lab| lab.put("not: [a manifest\n"),
            &[(NoProcess, 1, 0.2, 20.4), (Refused, 1, 0.2, 20.4), (NoPod, 1, 0.4, 23.0)],
        ),
        scene(
            "kube-scheduler--good-bytes-back-after-bad-yaml",
            40,
            restored,
            &[(NewProcess, 1, 0.2, 1.2), (STARTING, 1, 0.0, 1.5), (READY, 1, 18.0, 22.5)],
        )
        .after(|lab| {
            lab.put("not: [a manifest\n");
            lab.pass(60);
        }),
        scene(
            "kube-scheduler--unknown-flag",
            44,
            |lab| lab.put(&lab.with_flag("--no-such-flag=1")),
            &[
                (NoProcess, 1, 0.0, 0.4),
                (NewProcess, 1, 10.0, 16.0),
                (STARTING, 1, 10.0, 16.5),
                (NewProcess, 2, 20.5, 29.0),
            ],
        ),
        scene(
            "kube-scheduler--good-bytes-back-after-unknown-flag",
            40,
            restored,
            &[(NewProcess, 1, 10.0, 16.5), (READY, 1, 28.0, 37.5)],
        )
        .after(|lab| {
            lab.put(&lab.with_flag("--no-such-flag=1"));
            lab.pass(55);
        }),
    ]
}

fn changes_of_the_api_server() -> Vec<Scene> {
    vec![
        scene(
            "kube-apiserver--flag-added",
            75,
            profiling_off,
            &[
                (NoPod, 1, 0.0, 0.4),
                (Refused, 1, 0.0, 0.4),
                (NoProcess, 1, 30.0, 30.6),
                (NewProcess, 1, 30.2, 46.0),
                (Seen::Ok, 2, 32.5, 49.0),
                (OldPod { ready: true }, 2, 31.0, 47.5),
                (STARTING, 1, 31.0, 57.0),
                (READY, 1, 50.0, 67.5),
            ],
        ),
        scene(
            "kube-apiserver--unknown-admission-plugin",
            54,
            with_unknown_plugin,
            &[
                (NoPod, 1, 0.0, 0.4),
                (Refused, 1, 0.0, 0.4),
                (NoProcess, 1, 30.0, 30.6),
                (NewProcess, 1, 30.2, 46.0),
            ],
        )
        .after(with_profiling_off),
        scene(
            "kube-apiserver--good-bytes-back-after-unknown-plugin",
            55,
            restored,
            &[
                (NewProcess, 1, 10.0, 16.5),
                (OldPod { ready: true }, 1, 11.0, 18.0),
                (Seen::Ok, 1, 12.0, 19.5),
                (STARTING, 1, 11.0, 27.0),
                (READY, 1, 28.0, 38.0),
            ],
        )
        .after(|lab| {
            with_profiling_off(lab);
            with_unknown_plugin(lab);
            lab.pass(70);
        }),
    ]
}
