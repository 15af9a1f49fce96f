//! A node built by hand: facts, controls and verdicts, as little as a plan needs.

use std::collections::BTreeMap;

use kube_temper::{
    catalog::Numbered,
    model::{
        Assessment, BenchmarkId, Check, Component, Control, ControlId, Digest, Distribution,
        FileFact, FileKind, Finding, Fix, FixAction, FixOffer, Level, NodeFacts, NodeProfile,
        PathVar, Plan, Process, ProcessFact, Report, Reversibility, Role, Slug, Status, Tier,
        facts::{
            Accounts, Arg, KubeletFacts, KubeletLayer, ManifestFact, Parsed, TextFile, VersionFact,
        },
    },
    plan, text,
};

pub(crate) const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
/// What every layer of the kubelet's configuration begins with.
pub(crate) const HEADER: &str =
    "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
pub(crate) const FLAGS_ENV: &str = "/var/lib/kubelet/kubeadm-flags.env";
pub(crate) const UNIT_DROP_IN: &str = "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf";

/// Everything `plan::build` is given.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) facts: NodeFacts,
    pub(crate) controls: Vec<Numbered>,
    pub(crate) report: Report,
}

pub(crate) fn id(text: &str) -> ControlId {
    text.parse().unwrap()
}

pub(crate) fn manifest_path(component: Component) -> String {
    format!("/etc/kubernetes/manifests/{component}.yaml")
}

/// A manifest as kubeadm writes it, as short as can be.
pub(crate) fn manifest_text(component: Component, flags: &[&str]) -> String {
    let flags: String = flags.iter().flat_map(|flag| ["    - --", *flag, "\n"]).collect();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {component}\n  namespace: kube-system\n\
         spec:\n  containers:\n  - command:\n    - {component}\n{flags}    \
         image: registry.k8s.io/{component}:v1.36.2\n    name: {component}\n  hostNetwork: true\n"
    )
}

fn file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.into(), text: text.into(), digest: Digest::of(text.as_bytes()) }
}

impl Node {
    /// A kubeadm node of 1.36 with nothing on it but a kubelet that reads `config.yaml`.
    pub(crate) fn new() -> Self {
        let at = "2026-11-24T05:00:00Z".parse().unwrap();
        let mut node = Self {
            facts: NodeFacts {
                at,
                live: true,
                profile: NodeProfile {
                    name: "cp1".into(),
                    role: Role::ControlPlane,
                    distribution: Distribution::Kubeadm,
                    version: None,
                    manifest_dir: Some("/etc/kubernetes/manifests".into()),
                    paths: BTreeMap::new(),
                },
                processes: BTreeMap::new(),
                manifests: Vec::new(),
                unit_args: BTreeMap::new(),
                unit_variables: kube_temper::model::facts::Variables::default(),
                kubelet: KubeletFacts { start_args: Some(Vec::new()), ..KubeletFacts::default() },
                files: BTreeMap::new(),
                documents: BTreeMap::new(),
                encryption: BTreeMap::new(),
                certificates: BTreeMap::new(),
                logins: BTreeMap::new(),
                accounts: Accounts {
                    users: BTreeMap::from([("root".into(), 0)]),
                    groups: BTreeMap::from([("root".into(), 0)]),
                },
                problems: Vec::new(),
            },
            controls: Vec::new(),
            report: Report {
                at,
                node: "cp1".into(),
                role: Role::ControlPlane,
                distribution: Distribution::Kubeadm,
                kubernetes: None,
                benchmark: BenchmarkId::Cis2_0,
                notices: Vec::new(),
                findings: Vec::new(),
            },
        };
        node.version("1.36.2");
        node.kubelet_config("");
        node
    }

    pub(crate) fn version(&mut self, text: &str) {
        self.facts.profile.version = Some(VersionFact {
            text: text.into(),
            minor: text.parse().unwrap(),
            source: "test".into(),
        });
    }

    /// A path that was looked at.
    pub(crate) fn stat(&mut self, path: &str, resolved: &str, mode: u32, owner: (u32, u32)) {
        let fact = FileFact::Present {
            resolved: resolved.into(),
            kind: FileKind::File,
            mode,
            uid: owner.0,
            gid: owner.1,
            size: 1,
            links: 1,
        };
        self.facts.files.insert(path.into(), fact);
    }

    /// Gives a file that was looked at a second name.
    pub(crate) fn hard_link(&mut self, path: &str) {
        let Some(FileFact::Present { links, .. }) = self.facts.files.get_mut(path) else {
            panic!("{path} was not looked at");
        };
        *links = 2;
    }

    /// A file that stands for a place.
    pub(crate) fn place(&mut self, place: PathVar, path: &str, mode: u32, owner: (u32, u32)) {
        self.stat(path, path, mode, owner);
        self.facts.profile.paths.entry(place).or_default().push(path.into());
    }

    pub(crate) fn manifest(&mut self, component: Component, flags: &[&str]) {
        let path = manifest_path(component);
        self.manifest_at(&path, &path, &manifest_text(component, flags));
    }

    pub(crate) fn manifest_at(&mut self, path: &str, resolved: &str, text: &str) {
        self.stat(path, resolved, 0o600, (0, 0));
        let pod = match text::manifest::parse(path, text) {
            Ok(value) => Parsed::Ok { value },
            Err(problem) => Parsed::Broken { why: problem.to_string() },
        };
        let file = Some(file(resolved, text));
        self.facts.manifests.push(ManifestFact { path: path.into(), file, pod });
    }

    fn layer(&mut self, path: &str, fields: &str) -> KubeletLayer {
        let text = &format!("{HEADER}{fields}");
        self.stat(path, path, 0o644, (0, 0));
        let (fields, duplicate_keys) = match text::kubelet::parse(text) {
            Ok((value, duplicates)) => (Parsed::Ok { value }, duplicates),
            Err(problem) => (Parsed::Broken { why: problem.to_string() }, Vec::new()),
        };
        KubeletLayer { path: path.into(), file: Some(file(path, text)), fields, duplicate_keys }
    }

    /// The main file: these fields below [`HEADER`].
    pub(crate) fn kubelet_config(&mut self, text: &str) {
        let layer = self.layer(KUBELET_CONFIG, text);
        self.facts.kubelet.config = Some(layer);
    }

    pub(crate) fn drop_in(&mut self, path: &str, text: &str) {
        let layer = self.layer(path, text);
        self.facts.kubelet.drop_ins.push(layer);
    }

    /// A unit that takes its flags from `kubeadm-flags.env`.
    pub(crate) fn kubelet_unit(&mut self, unit: &str, env: &str) {
        self.stat(UNIT_DROP_IN, UNIT_DROP_IN, 0o644, (0, 0));
        self.stat(FLAGS_ENV, FLAGS_ENV, 0o644, (0, 0));
        self.facts.kubelet.unit_files = vec![file(UNIT_DROP_IN, unit)];
        self.facts.kubelet.env_files = vec![file(FLAGS_ENV, env)];
        self.facts.kubelet.start_args = text::unit::start_args(
            &self.facts.kubelet.unit_files,
            &self.facts.kubelet.env_files,
            &self.facts.kubelet.specifiers,
        )
        .ok()
        .flatten();
    }

    pub(crate) fn start_args(&mut self, args: &[(&str, &str)]) {
        let arg = |(text, path): &(&str, &str)| Arg {
            text: (*text).into(),
            path: (*path).into(),
            line: 1,
        };
        self.facts.kubelet.start_args = Some(args.iter().map(arg).collect());
    }

    pub(crate) fn process(&mut self, component: Component, argv: &[&str], uid: u32) {
        let process = Process {
            pid: 7,
            start: 7,
            binary: component.as_str().into(),
            argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
            uid,
            pod: None,
            unit: None,
            env: BTreeMap::new(),
            env_unread: None,
        };
        self.facts.processes.insert(component, ProcessFact::Running(process));
    }

    /// A failing control with an offered fix.
    pub(crate) fn fails(
        &mut self,
        number: &str,
        tier: Tier,
        check: Check,
        actions: Vec<FixAction>,
    ) {
        let control = Control {
            slug: Slug(number.replace('.', "-")),
            id: Some(id(number)),
            title: format!("title of {number}"),
            level: Level::L1,
            assessment: Assessment::Automated,
            why: String::new(),
            change: String::new(),
            breaks: Vec::new(),
            undo: String::new(),
            references: Vec::new(),
            check,
            fix: Fix { actions, ..Fix::default() },
            tier: Some(tier),
            reversible: Some(Reversibility::Bytes),
            accepted: None,
        };
        self.report.findings.push(Finding {
            control: id(number),
            slug: control.slug.clone(),
            title: control.title.clone(),
            level: control.level,
            assessment: control.assessment,
            status: Status::Fail,
            reason: format!("reason of {number}"),
            expected: String::new(),
            evidence: Vec::new(),
            objects: Vec::new(),
            drift: None,
            mark: None,
            offer: FixOffer::Offered { tier, reversible: Reversibility::Bytes },
        });
        self.controls.push(Numbered { id: id(number), control });
    }

    /// A failing flag of a static pod, to be set.
    pub(crate) fn flag(
        &mut self,
        number: &str,
        tier: Tier,
        component: Component,
        flag: &str,
        value: &str,
    ) {
        let action = FixAction::SetFlag { component, flag: flag.into(), value: value.into() };
        self.fails(number, tier, review(), vec![action]);
    }

    pub(crate) fn finding(&mut self, number: &str) -> &mut Finding {
        self.report.findings.iter_mut().find(|f| f.control == id(number)).unwrap()
    }

    pub(crate) fn all(&self) -> Vec<ControlId> {
        self.controls.iter().map(|control| control.id.clone()).collect()
    }

    /// The plan of every control that was added.
    pub(crate) fn plan(&self) -> Plan {
        plan::build(&self.controls, &self.report, &self.facts, &self.all())
    }

    pub(crate) fn restrict(&self, policy: plan::Policy) -> Plan {
        plan::restrict(&self.controls, &self.report, &self.facts, &self.plan(), policy)
    }
}

/// A check a plan does not look into.
pub(crate) fn review() -> Check {
    Check::Review { look_at: String::new(), shows: None }
}
