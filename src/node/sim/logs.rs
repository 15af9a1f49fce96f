//! What containers say: `/var/log/pods/<namespace>_<pod>-<node>_<uid>/<container>/<attempt>.log`, one line in
//! the form of the container runtime each, until the kubelet collects it.

use super::{super::Files as _, clock::wall, events::Cause, store::Manifest, world::World};
use crate::model::Component;

/// Where they are.
pub(super) const FOLDER: &str = "/var/log/pods";

/// How an unknown flag is called by the others.
const UNKNOWN: &str = "unknown flag: --";

impl World {
    fn log_folder(&self, pod: &str, uid: &str) -> String {
        format!("{FOLDER}/{}-{}_{uid}", pod.replace('/', "_"), self.hostname)
    }

    fn log_file(&self, pod: &str, component: Component) -> Option<String> {
        let slot = self.slots.get(pod)?.pod.as_ref()?;
        let folder = self.log_folder(pod, &slot.manifest.uid);
        Some(format!("{folder}/{component}/{}.log", slot.restarts))
    }

    /// A container began.
    pub(super) fn log_start(&mut self, pod: &str, component: Component, manifest: &Manifest) {
        let flags = manifest.argv.len().saturating_sub(1);
        self.log(
            pod,
            component,
            &format!("I1124 server.go] {component} starts with {flags} flags"),
        );
    }

    /// A container ended: its last words.
    pub(super) fn log_end(&mut self, pod: &str, component: Component, cause: &Cause) {
        let last = match cause {
            Cause::Crash(why) if why.starts_with(UNKNOWN) && component == Component::Etcd => {
                let flag = why.trim_start_matches(UNKNOWN);
                format!(
                    "error verifying flags, flag provided but not defined: -{flag}. See 'etcd --help'."
                )
            }
            Cause::Crash(why) if why.contains("flag") => format!("Error: {why}"),
            Cause::Crash(why) => format!("E1124 run.go] \"command failed\" err={why:?}"),
            Cause::LeaderElectionLost => "E1124 server.go] \"leaderelection lost\"".to_owned(),
            _ => "I1124 server.go] received signal, shutting down".to_owned(),
        };
        self.log(pod, component, &last);
    }

    fn log(&mut self, pod: &str, component: Component, message: &str) {
        let Some(path) = self.log_file(pod, component) else { return };
        let line = format!("{} stderr F {message}\n", wall(self.now));
        let mut text = self.tree.read(&path, 1 << 20).unwrap_or_default();
        text.extend_from_slice(line.as_bytes());
        self.tree.put_file(&path, 0o640, &text);
    }

    /// The logs of a pod that does not come back are removed, by a kubelet that knows all its pods.
    pub(super) fn collect_logs(&mut self, pod: &str, uid: &str) {
        let lives = self.slots.get(pod).and_then(|slot| slot.pod.as_ref());
        if lives.is_none_or(|pod| pod.manifest.uid != uid) && self.service.connected {
            self.tree.remove_tree(&self.log_folder(pod, uid));
        }
    }
}
