//! A machine for transaction tests: two trees in memory that survive the process, and plans written by hand.
#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod disk;
pub(crate) mod sim;

use std::{collections::BTreeMap, sync::Arc};

use kube_temper::{
    apply::{
        self, Refusal,
        rollback::{self, RollbackPlan, Which},
    },
    model::{
        AttributedEdit, BenchmarkId, Change, ChangeKind, ControlId, Edit, FileImage, FileMeta,
        Item, Outcome, Plan, Reversibility, Step, StepTarget, Tier, TransactionId,
        change::{PlanSchema, PlannedControl},
        journal::Purpose,
    },
    node::{
        Files as _, Node,
        fault::{Fault, Faults, FaultyFiles},
        memory::{FixedNode, MemoryFiles, Snapshot},
        recording,
    },
};

pub(crate) const SCHEDULER: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml";
pub(crate) const MANAGER: &str = "/etc/kubernetes/manifests/kube-controller-manager.yaml";
/// A folder that is not there.
pub(crate) const HARDENING: &str = "/etc/kubernetes/hardening";
pub(crate) const KEY: &str = "/etc/kubernetes/pki/ca.key";

/// What a private key looks like: no byte of it may appear in the store.
pub(crate) const PEM: &str = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";

/// The disks of a machine. Every [`Machine::boot`] is a new process on them.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) files: Arc<MemoryFiles>,
    pub(crate) state: Arc<MemoryFiles>,
}

impl Machine {
    /// A recorded control plane; its CA key belongs to another user and is open to all.
    pub(crate) fn new() -> Self {
        let files = recording::KUBEADM_1_36_2.files().unwrap();
        for unused in ["/proc", "/var/lib/etcd", "/usr"] {
            files.remove_tree(unused);
        }
        files.put_file(KEY, 0o644, PEM);
        let files = files.with_owner(KEY, 1000, 1000).with_xattr(
            SCHEDULER,
            "security.selinux",
            b"system_u:object_r:etc_t:s0",
        );
        Self { files: Arc::new(files), state: Arc::new(MemoryFiles::new()) }
    }

    /// The same disks, independent of these.
    pub(crate) fn copy(&self) -> Self {
        Self { files: Arc::new(self.files.copy()), state: Arc::new(self.state.copy()) }
    }

    /// A process on these disks.
    pub(crate) fn boot(&self) -> Arc<dyn Node> {
        Arc::new(FixedNode::with_state(self.files.clone(), self.state.clone()))
    }

    /// A process on these disks that meets these faults.
    pub(crate) fn boot_faulty(&self, fault: Fault) -> (Arc<dyn Node>, Faults) {
        let faults = Faults::new(fault);
        let files = FaultyFiles::new("files", self.files.clone(), &faults);
        let state = FaultyFiles::new("state", self.state.clone(), &faults);
        (Arc::new(FixedNode::with_state(Arc::new(files), Arc::new(state))), faults)
    }

    /// A process that meets one fault and, counted by itself, another.
    pub(crate) fn boot_twice_faulty(&self, inner: Fault, outer: Fault) -> (Arc<dyn Node>, Faults) {
        let [inner, outer] = [Faults::new(inner), Faults::new(outer)];
        let wrap = |name: &'static str, disk: Arc<MemoryFiles>| {
            let inside = FaultyFiles::new(name, disk, &inner);
            Arc::new(FaultyFiles::new(name, Arc::new(inside), &outer))
        };
        let files = wrap("files", self.files.clone());
        let state = wrap("state", self.state.clone());
        (Arc::new(FixedNode::with_state(files, state)), outer)
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.files.read(path, 1 << 20).unwrap()).unwrap()
    }

    pub(crate) fn meta(&self, path: &str) -> FileMeta {
        let stat = self.files.lstat(path).unwrap().unwrap();
        FileMeta { mode: stat.mode, uid: stat.uid, gid: stat.gid, xattrs: BTreeMap::new() }
    }

    pub(crate) fn image(&self, path: &str) -> FileImage {
        FileImage { text: self.text(path), meta: self.meta(path) }
    }

    /// Somebody else writes a file in place.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let meta = self.meta(path);
        self.files.remove(path).unwrap();
        self.files.create(path, text.as_bytes(), &meta).unwrap();
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.files.snapshot()
    }

    /// Every byte of the state directory.
    pub(crate) fn stored(&self) -> Vec<u8> {
        self.state.snapshot().entries.into_values().flat_map(|entry| entry.bytes).collect()
    }

    /// Names of the node's tree that no run may leave behind.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        self.snapshot().entries.into_keys().filter(|path| path.contains(".kube-temper")).collect()
    }
}

pub(crate) fn id(text: &str) -> ControlId {
    text.parse().unwrap()
}

pub(crate) fn edit(control: &str, edit: Edit) -> AttributedEdit {
    AttributedEdit { control: id(control), edit }
}

pub(crate) fn set_flag(control: &str, flag: &str, value: &str) -> AttributedEdit {
    edit(control, Edit::SetFlag { flag: flag.to_owned(), value: value.to_owned() })
}

/// Text of a manifest with one more flag at the end of the command.
pub(crate) fn with_flag(text: &str, component: &str, flag: &str, value: &str) -> String {
    let first = format!("    - {component}\n");
    assert!(text.contains(&first), "{component} is not in the manifest");
    text.replace(&first, &format!("{first}    - --{flag}={value}\n"))
}

pub(crate) fn content(
    machine: &Machine,
    path: &str,
    after: &str,
    edits: Vec<AttributedEdit>,
) -> Change {
    let before = machine.image(path);
    let after = FileImage { text: after.to_owned(), meta: before.meta.clone() };
    let kind = ChangeKind::Content { before, after };
    Change { path: path.to_owned(), named: None, edits, kind }
}

/// `--profiling=false` for one component.
pub(crate) fn profiling(machine: &Machine, control: &str, path: &str, component: &str) -> Change {
    let after = with_flag(&machine.text(path), component, "profiling", "false");
    content(machine, path, &after, vec![set_flag(control, "profiling", "false")])
}

/// Mode and owner of the CA key.
pub(crate) fn key_change(machine: &Machine, control: &str) -> Change {
    let before = machine.meta(KEY);
    let after = FileMeta { mode: 0o600, uid: 0, gid: 0, xattrs: BTreeMap::new() };
    let edits = vec![
        edit(control, Edit::Mode { mode: 0o600 }),
        edit(control, Edit::Owner { uid: 0, gid: 0 }),
    ];
    let kind = ChangeKind::Metadata { before, after };
    Change { path: KEY.to_owned(), named: None, edits, kind }
}

pub(crate) fn step(target: StepTarget, changes: Vec<Change>) -> Step {
    let tier = match target {
        StepTarget::Metadata => Tier::R0,
        StepTarget::KubeScheduler | StepTarget::KubeControllerManager => Tier::R1,
        _ => Tier::R2,
    };
    Step { target, tier, changes }
}

pub(crate) fn plan(steps: Vec<Step>) -> Plan {
    let mut ids: Vec<(ControlId, Tier)> = steps
        .iter()
        .flat_map(|step| step.changes.iter().flat_map(Change::controls).map(|id| (id, step.tier)))
        .collect();
    ids.sort();
    ids.dedup();
    let controls = ids
        .into_iter()
        .map(|(control, tier)| PlannedControl {
            title: format!("control {control}"),
            control,
            tier,
            reversible: Reversibility::Bytes,
        })
        .collect();
    Plan {
        schema: PlanSchema::V1,
        created: "2026-11-24T05:26:01Z".parse().unwrap(),
        node: "cp1".to_owned(),
        benchmark: BenchmarkId::Cis2_0,
        controls,
        steps,
        left: Vec::new(),
    }
}

pub(crate) fn purpose(plan: &Plan) -> Purpose {
    Purpose::Apply { controls: plan.controls.iter().map(|c| c.control.clone()).collect() }
}

pub(crate) fn begin(node: &Arc<dyn Node>, plan: &Plan) -> Result<apply::Transaction, Refusal> {
    apply::begin(node, plan, purpose(plan))
}

/// Applies a plan that must go through.
pub(crate) fn commit(machine: &Machine, plan: &Plan) -> TransactionId {
    let transaction = begin(&machine.boot(), plan).unwrap();
    let id = transaction.id().clone();
    assert_eq!(transaction.run(), Outcome::Committed);
    id
}

pub(crate) fn plan_undo(machine: &Machine, which: &Which) -> RollbackPlan {
    rollback::plan(machine.boot().as_ref(), which).unwrap()
}

/// Plans an undo that must have no conflict, and runs it.
pub(crate) fn undo(machine: &Machine, which: &Which) -> TransactionId {
    let undo = plan_undo(machine, which);
    assert_eq!(undo.conflicts, Vec::<String>::new());
    let transaction = apply::begin(&machine.boot(), &undo.plan, undo.purpose()).unwrap();
    let id = transaction.id().clone();
    assert_eq!(transaction.run(), Outcome::Committed);
    id
}

pub(crate) fn only(id: &TransactionId) -> Which {
    Which::Transactions(vec![id.clone()])
}

/// A flag more for the scheduler.
pub(crate) fn scheduler_flag(machine: &Machine, control: &str, flag: &str, value: &str) -> Plan {
    let after = with_flag(&machine.text(SCHEDULER), "kube-scheduler", flag, value);
    let change = content(machine, SCHEDULER, &after, vec![set_flag(control, flag, value)]);
    plan(vec![step(StepTarget::KubeScheduler, vec![change])])
}

/// `kubeadm upgrade` writes every manifest again: another image, and without what it does not know.
pub(crate) fn upgraded(text: &str) -> String {
    assert!(text.contains(":v1.36.2"), "{text}");
    text.replace(":v1.36.2", ":v1.37.0")
}

/// The CA key, the scheduler and the controller-manager.
pub(crate) fn three_files(machine: &Machine) -> Plan {
    plan(vec![
        step(StepTarget::Metadata, vec![key_change(machine, "1.1.21")]),
        step(
            StepTarget::KubeScheduler,
            vec![profiling(machine, "1.4.1", SCHEDULER, "kube-scheduler")],
        ),
        step(
            StepTarget::KubeControllerManager,
            vec![profiling(machine, "1.3.2", MANAGER, "kube-controller-manager")],
        ),
    ])
}

/// A folder, two files in it, and the scheduler that is to read one of them.
pub(crate) fn with_new_files(machine: &Machine) -> Plan {
    let meta = |mode| FileMeta { mode, uid: 0, gid: 0, xattrs: BTreeMap::new() };
    let comes = |path: &str, after: Item| Change {
        path: path.to_owned(),
        named: None,
        edits: vec![edit("1.4.1", Edit::Create)],
        kind: ChangeKind::Create { after },
    };
    let file = |text: &str| Item::File(FileImage { text: text.to_owned(), meta: meta(0o600) });
    let path = format!("{HARDENING}/config.yaml");
    let manifest = with_flag(&machine.text(SCHEDULER), "kube-scheduler", "config", &path);
    let mut step = step(
        StepTarget::KubeScheduler,
        vec![
            content(machine, SCHEDULER, &manifest, vec![set_flag("1.4.1", "config", &path)]),
            comes(HARDENING, Item::Folder { meta: meta(0o750) }),
            comes(&path, file("kind: KubeSchedulerConfiguration\n")),
            comes(&format!("{HARDENING}/other.yaml"), file("kind: Other\n")),
        ],
    );
    step.sort();
    plan(vec![step])
}

/// What a file was before a plan.
pub(crate) fn before_text(plan: &Plan, path: &str) -> String {
    let change = plan.changes().find(|change| change.path == path).unwrap();
    let ChangeKind::Content { before, .. } = &change.kind else { panic!("{path}") };
    before.text.clone()
}
