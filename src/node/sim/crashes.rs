//! Why a component would not start with these arguments.
//!
//! What the real programs refuse at start: unknown flags, unknown admission plugins and cipher names,
//! files that are missing or not mounted, and whatever a test asks for.

use super::{
    super::{Files as _, memory::MemoryFiles},
    store::Manifest,
};
use crate::{
    model::{
        Component, Minor,
        facts::{Container, Mount},
    },
    text::{
        self,
        known::{self, Plugin},
    },
};

/// Flags that are true or false.
const BOOLEANS: [&str; 8] = [
    "allow-privileged",
    "anonymous-auth",
    "client-cert-auth",
    "encryption-provider-config-automatic-reload",
    "leader-elect",
    "peer-client-cert-auth",
    "profiling",
    "use-service-account-credentials",
];

/// Crashes a test asks for.
#[derive(Debug)]
pub(super) struct Rules {
    crashes: Vec<(Component, String)>,
    /// An API server with one of these texts in an argument knows nobody without credentials.
    locks: Vec<String>,
    version: Option<Minor>,
}

impl Rules {
    /// For components of this version.
    pub(super) fn of(version: Option<Minor>) -> Self {
        Self { crashes: Vec::new(), locks: Vec::new(), version }
    }

    /// This component crashes when an argument (or, for the kubelet, its configuration) holds this text.
    pub(super) fn add(&mut self, component: Component, text: &str) {
        self.crashes.push((component, text.to_owned()));
    }

    /// An API server answers 401 to whoever has no credentials when an argument holds this text.
    pub(super) fn add_lock(&mut self, text: &str) {
        self.locks.push(text.to_owned());
    }

    /// An API server with these arguments does.
    pub(super) fn lock_out(&self, argv: &[String]) -> bool {
        argv.iter().any(|argument| self.locks.iter().any(|text| argument.contains(text.as_str())))
    }

    fn asked<'t>(
        &self,
        component: Component,
        mut texts: impl Iterator<Item = &'t str>,
    ) -> Option<String> {
        let rules = || self.crashes.iter().filter(|(other, _)| *other == component);
        texts
            .find_map(|argument| rules().find(|(_, text)| argument.contains(text.as_str())))
            .map(|(_, text)| format!("asked to crash on '{text}'"))
    }

    /// Why a component of a static pod ends at once; `None` when it runs.
    pub(super) fn why_it_ends(
        &self,
        tree: &MemoryFiles,
        component: Component,
        manifest: &Manifest,
    ) -> Option<String> {
        let argv = &manifest.argv;
        let container = manifest.pod.container(component)?;
        self.asked(component, argv.iter().map(String::as_str))
            .or_else(|| self.refusal(tree, component, container, argv))
    }

    /// What a component says once it starts with these arguments in this container.
    pub(super) fn refusal(
        &self,
        tree: &MemoryFiles,
        component: Component,
        container: &Container,
        argv: &[String],
    ) -> Option<String> {
        unread(component, argv)
            .or_else(|| bad_plugin(argv, self.version))
            .or_else(|| bad_cipher(argv))
            .or_else(|| missing_file(tree, container, argv))
    }

    /// Why a kubelet with these arguments and this configuration text exits.
    pub(super) fn why_kubelet_ends(&self, argv: &[String], config: &str) -> Option<String> {
        let texts = argv.iter().map(String::as_str).chain(config.lines());
        self.asked(Component::Kubelet, texts).or_else(|| unknown_flag(Component::Kubelet, argv))
    }
}

/// What a component says of its arguments alone.
pub(super) fn unread(component: Component, argv: &[String]) -> Option<String> {
    unknown_flag(component, argv).or_else(|| not_boolean(argv))
}

fn unknown_flag(component: Component, argv: &[String]) -> Option<String> {
    argv.iter().skip(1).find_map(|argument| {
        let name = argument.trim_start_matches('-').split('=').next().unwrap_or_default();
        let is_flag = argument.starts_with('-') && !name.is_empty();
        (is_flag && !text::flags::names::of(component).any(|other| other == name))
            .then(|| format!("unknown flag: --{name}"))
    })
}

fn not_boolean(argv: &[String]) -> Option<String> {
    BOOLEANS.iter().find_map(|name| {
        let value = text::flags::value(argv, name)?;
        text::values::go_bool(&value)
            .is_none()
            .then(|| format!("invalid argument \"{value}\" for \"--{name}\" flag"))
    })
}

fn bad_plugin(argv: &[String], version: Option<Minor>) -> Option<String> {
    let list = |name| text::flags::list(argv, name).unwrap_or_default();
    let enabled = list("enable-admission-plugins");
    let all = enabled.iter().chain(&list("disable-admission-plugins")).cloned().collect::<Vec<_>>();
    let unknown = all.iter().find(|plugin| {
        !plugin.is_empty()
            && !matches!(known::admission_plugin(plugin, version), Plugin::Known | Plugin::Unjudged)
    });
    if let Some(plugin) = unknown {
        return Some(format!("admission-control plugin \"{plugin}\" is unknown"));
    }
    let unset = text::flags::value(argv, "admission-control-config-file").is_none();
    (unset && enabled.iter().any(|plugin| plugin == "EventRateLimit"))
        .then(|| "EventRateLimit: limits: must not be empty".to_owned())
}

fn bad_cipher(argv: &[String]) -> Option<String> {
    let suites = text::flags::list(argv, "tls-cipher-suites")?;
    suites
        .iter()
        .find(|suite| !known::is_cipher_suite(suite))
        .map(|suite| format!("Cipher suite {suite} not supported or doesn't exist"))
}

/// A file that a flag names and the container cannot see.
fn missing_file(tree: &MemoryFiles, container: &Container, argv: &[String]) -> Option<String> {
    known::FILES.iter().find_map(|(name, _)| {
        let path = text::flags::value(argv, name).filter(|path| path.starts_with('/'))?;
        let seen = Mount::host_path(&container.mounts, &path)
            .is_some_and(|host| tree.stat(&host).ok().flatten().is_some());
        (!seen).then(|| format!("--{name}: open {path}: no such file or directory"))
    })
}
