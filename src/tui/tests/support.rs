//! A node made by hand, and a stage that plays it: enough of everything to fill each screen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use jiff::Timestamp;

use super::{
    harness::{PLAIN, Session},
    well::health,
};
use crate::{
    catalog::Numbered,
    engine::{EngineError, Health, RollbackPlan, Scan, Summary, Transaction},
    model::{
        Assessment, AttributedEdit, BenchmarkId, Change, ChangeKind, Component, ControlId, Digest,
        Distribution, Edit, Evidence, FileImage, FileMeta, Finding, FixOffer, Left, LeftOut, Level,
        Mark, Minor, NodeFacts, NodeProfile, Observation, Outcome, Phase, Plan, Reason, Record,
        RecordKind, Report, Reversibility, Role, Slug, Source, Status, Step, StepTarget, Tier,
        TransactionId,
        change::{PlanSchema, PlannedControl},
        facts::{Accounts, KubeletFacts, VersionFact},
        journal::{JournalSchema, Purpose},
    },
    node::NodeKind,
    text::diff,
    tui::{Backstage, Begun, Effect, JobMsg, Options, Planned, Polled, Standing},
};

pub(crate) fn id(text: &str) -> ControlId {
    text.parse().unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_500_000 + seconds).unwrap()
}

pub(crate) fn transaction_id(text: &str) -> TransactionId {
    TransactionId(text.to_owned())
}

fn finding(number: &str, status: Status, title: &str, reason: &str, offer: FixOffer) -> Finding {
    Finding {
        control: id(number),
        slug: Slug(format!("control-{}", number.to_lowercase().replace('.', "-"))),
        title: title.to_owned(),
        level: Level::L1,
        assessment: Assessment::Automated,
        status,
        reason: reason.to_owned(),
        expected: "--profiling=false".to_owned(),
        evidence: vec![Evidence {
            value: "--profiling not set (default true)".to_owned(),
            source: Source::Process { component: Component::KubeApiserver, pid: 8123 },
            good: status == Status::Pass,
        }],
        objects: Vec::new(),
        drift: None,
        mark: None,
        offer,
    }
}

fn offered(tier: Tier) -> FixOffer {
    FixOffer::Offered { tier, reversible: Reversibility::Bytes }
}

fn none() -> FixOffer {
    FixOffer::None { reason: "nothing to fix".to_owned() }
}

pub(crate) fn findings() -> Vec<Finding> {
    use Status::{Error, Fail, Manual, NotApplicable, Pass};
    let mut cni = finding(
        "1.1.9",
        Fail,
        "CNI configuration files are 0600 or stricter",
        "one of 2 files is wider than 0600",
        offered(Tier::R0),
    );
    cni.expected = "mode 0600 or stricter".to_owned();
    cni.evidence = vec![
        Evidence {
            value: "mode 0644".to_owned(),
            source: Source::Stat { path: "/etc/cni/net.d/10-flannel.conflist".to_owned() },
            good: false,
        },
        Evidence {
            value: "mode 0600".to_owned(),
            source: Source::Stat { path: "/etc/cni/net.d/99-loopback.conf".to_owned() },
            good: true,
        },
    ];
    let mut etcd = finding(
        "1.1.12",
        Fail,
        "The etcd data directory belongs to etcd:etcd",
        "/var/lib/etcd belongs to root:root",
        none(),
    );
    etcd.mark = Some(Mark::Accepted {
        reason: "etcd runs as root in a container, as kubeadm sets it up".to_owned(),
    });
    let mut drifting = finding(
        "1.2.15",
        Fail,
        "The API server's profiling is off",
        "profiling is on by default",
        offered(Tier::R2),
    );
    drifting.drift =
        Some("the manifest says --profiling=false, the process runs without it".to_owned());
    vec![
        cni,
        etcd,
        finding(
            "1.2.1",
            Fail,
            "Anonymous requests reach only health endpoints",
            "--anonymous-auth is not set: anonymous requests are accepted",
            FixOffer::Later { reason: "the probes must change in the same write".to_owned() },
        ),
        finding(
            "1.2.9",
            Fail,
            "Requests are limited per event source",
            "EventRateLimit is off",
            offered(Tier::R3),
        ),
        drifting,
        finding("1.2.2", Pass, "No token file", "not set", none()),
        finding(
            "1.3.2",
            Fail,
            "The controller-manager's profiling is off",
            "profiling is on by default",
            offered(Tier::R1),
        ),
        finding(
            "1.4.1",
            Fail,
            "The scheduler's profiling is off",
            "profiling is on by default",
            offered(Tier::R1),
        ),
        finding("2.1", Fail, "etcd serves with a certificate", "no --cert-file", offered(Tier::R4)),
        finding(
            "3.1.1",
            Manual,
            "People do not use client certificates",
            "a person must judge who holds certificates",
            none(),
        ),
        finding(
            "4.1.3",
            NotApplicable,
            "kube-proxy's kubeconfig is 0600",
            "kube-proxy has no kubeconfig on this host",
            none(),
        ),
        finding(
            "4.2.1",
            Error,
            "Anonymous requests to the kubelet are off",
            "/var/lib/kubelet/config.yaml is not YAML (line 12)",
            none(),
        ),
        finding("4.2.4", Pass, "The read-only port is closed", "readOnlyPort is 0", none()),
    ]
}

const CONTROL: &str = "
slug: apiserver-profiling-off
id: 1.2.15
title: The API server's profiling is off
level: 1
assessment: automated
why: Profiles tell a reader of /debug/pprof how the server works inside, and taking one costs it time.
change: Sets --profiling=false in the static pod manifest; the API server restarts once.
breaks: [Tools that read /debug/pprof of the API server stop working.]
undo: Putting the old manifest back; one more restart.
references: ['https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/']
check:
  kind: flag
  component: kube-apiserver
  flags: [profiling]
  expect: {op: eq, value: false}
  absent: {means: 'true: profiles are served', passes: false}
fix:
  actions:
    - {kind: set-flag, component: kube-apiserver, flag: profiling, value: 'false'}
tier: R2
reversible: bytes
";

pub(crate) fn scan() -> Scan {
    let profile = NodeProfile {
        name: "cp-1".to_owned(),
        role: Role::ControlPlane,
        distribution: Distribution::Kubeadm,
        version: Some(VersionFact {
            text: "v1.36.2".to_owned(),
            minor: "1.36".parse::<Minor>().unwrap(),
            source: "image tag".to_owned(),
        }),
        manifest_dir: Some("/etc/kubernetes/manifests".to_owned()),
        paths: BTreeMap::new(),
    };
    let facts = NodeFacts {
        at: at(0),
        live: true,
        profile,
        processes: BTreeMap::new(),
        manifests: Vec::new(),
        unit_args: BTreeMap::new(),
        unit_variables: crate::model::facts::Variables::default(),
        kubelet: KubeletFacts::default(),
        files: BTreeMap::new(),
        documents: BTreeMap::new(),
        encryption: BTreeMap::new(),
        certificates: BTreeMap::new(),
        logins: BTreeMap::new(),
        accounts: Accounts::default(),
        problems: Vec::new(),
    };
    let report = Report {
        at: at(0),
        node: "cp-1".to_owned(),
        role: Role::ControlPlane,
        distribution: Distribution::Kubeadm,
        kubernetes: Some("1.36.2 (image tag in kube-apiserver.yaml)".to_owned()),
        benchmark: BenchmarkId::Cis2_0,
        notices: Vec::new(),
        findings: findings(),
    };
    let controls =
        vec![Numbered { id: id("1.2.15"), control: serde_yaml::from_str(CONTROL).unwrap() }];
    Scan {
        facts: Arc::new(facts),
        report,
        controls: Arc::new(controls),
        unfinished: Vec::new(),
        busy: false,
    }
}

const fn meta(mode: u32) -> FileMeta {
    FileMeta { mode, uid: 0, gid: 0, xattrs: BTreeMap::new() }
}

fn manifest(component: &str, profiling: bool) -> FileImage {
    let extra = if profiling { "" } else { "    - --profiling=false\n" };
    FileImage {
        text: format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {component}\nspec:\n  containers:\n  - command:\n    - {component}\n    - --bind-address=127.0.0.1\n{extra}    image: registry.k8s.io/{component}:v1.36.2\n    name: {component}\n"
        ),
        meta: meta(0o600),
    }
}

fn step_of(number: &str) -> (StepTarget, Tier) {
    let scan = scan();
    let tier = super::super::model::findings_offered(scan.report.finding(&id(number)).unwrap());
    let target = match number {
        "1.1.9" => StepTarget::Metadata,
        "1.4.1" => StepTarget::KubeScheduler,
        "1.3.2" => StepTarget::KubeControllerManager,
        "2.1" => StepTarget::Etcd,
        _ => StepTarget::KubeApiserver,
    };
    (target, tier.unwrap())
}

/// A plan for these controls, as the engine would make it.
pub(crate) fn plan(controls: &[&str]) -> Plan {
    let mut steps: BTreeMap<StepTarget, Step> = BTreeMap::new();
    let mut planned = Vec::new();
    for number in controls {
        let (target, tier) = step_of(number);
        planned.push(PlannedControl {
            control: id(number),
            title: scan().report.finding(&id(number)).unwrap().title.clone(),
            tier,
            reversible: Reversibility::Bytes,
        });
        let (path, edit, kind) = match target.restarts() {
            None => (
                "/etc/cni/net.d/10-flannel.conflist".to_owned(),
                Edit::Mode { mode: 0o600 },
                ChangeKind::Metadata { before: meta(0o644), after: meta(0o600) },
            ),
            Some(component) => (
                format!("/etc/kubernetes/manifests/{component}.yaml"),
                Edit::SetFlag { flag: "profiling".to_owned(), value: "false".to_owned() },
                ChangeKind::Content {
                    before: manifest(component.as_str(), true),
                    after: manifest(component.as_str(), false),
                },
            ),
        };
        let edit = AttributedEdit { control: id(number), edit };
        let step =
            steps.entry(target).or_insert_with(|| Step { target, tier, changes: Vec::new() });
        step.tier = step.tier.max(tier);
        match step.changes.iter_mut().find(|change| change.path == path) {
            Some(change) => change.edits.push(edit),
            None => step.changes.push(Change { path, named: None, edits: vec![edit], kind }),
        }
    }
    Plan {
        schema: PlanSchema::V1,
        created: at(1),
        node: "cp-1".to_owned(),
        benchmark: BenchmarkId::Cis2_0,
        controls: planned,
        steps: steps.into_values().collect(),
        left: Vec::new(),
    }
}

/// A journal: what happened, a second apart.
pub(crate) fn journal(kinds: Vec<RecordKind>) -> Vec<Record> {
    kinds
        .into_iter()
        .zip(0..)
        .map(|(kind, seq): (RecordKind, u64)| Record {
            seq,
            at: at(10 + i64::try_from(seq).unwrap()),
            kind,
        })
        .collect()
}

/// The journal of a change of etcd up to its snapshot.
pub(crate) fn journal_of_etcd() -> Vec<RecordKind> {
    let folder = "/var/lib/kube-temper/transactions/20261124T060000Z-aaaa";
    let mut journal = journal_of_scheduler();
    journal.truncate(1);
    let text = "asking etcd 3.6.8 for a snapshot of 25165824 bytes".to_owned();
    let observation = Observation { component: Some(Component::Etcd), text, proves: false };
    journal.push(RecordKind::Checked { phase: Phase::Preflight, observation });
    journal.push(RecordKind::EtcdSnapshot {
        path: format!("{folder}/etcd-snapshot.db"),
        size: 25_165_856,
        digest: Digest::of(b""),
        restore: Vec::new(),
    });
    journal
}

/// The journal of one step on the scheduler up to its proof.
pub(crate) fn journal_of_scheduler() -> Vec<RecordKind> {
    let path = || "/etc/kubernetes/manifests/kube-scheduler.yaml".to_owned();
    let seen = |text: &str, proves| RecordKind::Observed {
        step: 0,
        observation: Observation {
            component: Some(Component::KubeScheduler),
            text: text.to_owned(),
            proves,
        },
    };
    vec![
        RecordKind::Begun {
            schema: JournalSchema::V1,
            version: "0.1.0".to_owned(),
            node: "cp-1".to_owned(),
            purpose: Purpose::Apply { controls: vec![id("1.4.1")] },
        },
        RecordKind::Intent { files: Vec::new() },
        RecordKind::BackedUp { path: path() },
        RecordKind::StepBegun { step: 0, target: StepTarget::KubeScheduler },
        RecordKind::Applied { path: path() },
        seen("the old process is gone", false),
        seen("new process 9477 runs with --profiling=false", true),
    ]
}

pub(crate) fn summary(name: &str, outcome: Option<Outcome>) -> Summary {
    Summary {
        id: transaction_id(name),
        purpose: Purpose::Apply { controls: vec![id("1.4.1")] },
        outcome,
        files: vec!["/etc/kubernetes/manifests/kube-scheduler.yaml".to_owned()],
        undone_by: None,
        partly_undone_by: None,
        damage: None,
    }
}

/// A change that stayed although nobody confirmed it.
pub(crate) fn kept(name: &str) -> Outcome {
    Outcome::Stuck {
        cause: "nobody confirmed it within 300 s, and the API server of 10.0.0.12:6443 is not ready. The change was not put back: it is healthy, and stays until a person decides".to_owned(),
        by_hand: ["confirm", "revert"].map(|word| format!("kube-temper {word} {name}")).into(),
        left: Left::New,
    }
}

/// Plays a node: every answer is prepared.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) scan: Result<Scan, String>,
    pub(crate) left: Vec<LeftOut>,
    pub(crate) refuses: Option<String>,
    /// Waits for the next restart, and is no obstacle when that is allowed.
    pub(crate) stands_in_the_way: Option<&'static str>,
    /// What is said of whoever carries a transaction out.
    pub(crate) notice: Option<String>,
    /// An undo finds nothing left to put back.
    pub(crate) nothing_left: bool,
    /// A process of its own carries transactions out.
    pub(crate) guarded: bool,
    pub(crate) journal: Vec<RecordKind>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) history: Vec<Summary>,
    pub(crate) conflicts: Vec<String>,
    pub(crate) health: Result<Health, String>,
    pub(crate) panics_on: Option<&'static str>,
    /// What it was asked to do, in order.
    pub(crate) asked: Arc<Mutex<Vec<Effect>>>,
    pub(crate) polled: usize,
}

impl Default for Stage {
    fn default() -> Self {
        let mut journal = journal_of_scheduler();
        journal.extend([RecordKind::Verified { step: 0 }, RecordKind::Committed]);
        Self {
            scan: Ok(scan()),
            left: Vec::new(),
            refuses: None,
            stands_in_the_way: None,
            notice: None,
            nothing_left: false,
            guarded: false,
            journal,
            outcome: Some(Outcome::Committed),
            history: vec![summary("20261124T052601Z-3f9a", Some(Outcome::Committed))],
            conflicts: Vec::new(),
            health: Ok(health()),
            panics_on: None,
            asked: Arc::default(),
            polled: 0,
        }
    }
}

impl Stage {
    fn started(&mut self) -> JobMsg {
        self.polled = 0;
        JobMsg::Started(match &self.refuses {
            Some(why) => Err(EngineError::Refused(why.clone())),
            None => {
                Ok(Begun { id: transaction_id("20261124T060000Z-aaaa"), outlives_us: self.guarded })
            }
        })
    }

    fn plan(&self, controls: &BTreeSet<ControlId>) -> Plan {
        let left: Vec<&ControlId> = self.left.iter().map(|left| &left.control).collect();
        let numbers: Vec<&str> =
            controls.iter().filter(|c| !left.contains(c)).map(ControlId::as_str).collect();
        Plan { left: self.left.clone(), ..plan(&numbers) }
    }

    fn diffs(plan: &Plan, context: usize) -> Vec<diff::FileDiff> {
        plan.changes().map(|change| diff::of_change(change, context)).collect()
    }

    /// A session with this node on the stage.
    pub(crate) fn play(self, size: (u16, u16), options: Options) -> Session {
        let standing = Standing { kind: NodeKind::Live, read_only: None };
        Session::start(self, standing, size, options)
    }

    /// The same, on a terminal of the usual size.
    pub(crate) fn on_80x24(self) -> Session {
        self.play((80, 24), PLAIN)
    }
}

impl Backstage for Stage {
    fn run(&mut self, effect: Effect) -> JobMsg {
        self.asked.lock().unwrap().push(effect.clone());
        assert_ne!(self.panics_on, Some(effect.doing()), "the stage collapses");
        match effect {
            Effect::Scan => JobMsg::Scanned(
                self.scan.clone().map(Arc::new).map_err(EngineError::NothingToJudge),
            ),
            Effect::Plan { controls, context, .. } => {
                let plan = self.plan(&controls);
                let diffs = Self::diffs(&plan, context);
                JobMsg::Planned { controls, result: Ok(Planned { plan: Arc::new(plan), diffs }) }
            }
            Effect::Diff { plan, context } => {
                let diffs = Self::diffs(&plan, context);
                JobMsg::Diffed { plan, context, diffs }
            }
            Effect::PlanRollback { undo, context } => {
                let plan = plan(if self.nothing_left { &[] } else { &["1.4.1"] });
                let diffs = Self::diffs(&plan, context);
                let of = vec![transaction_id("20261124T052601Z-3f9a")];
                let rollback = RollbackPlan {
                    of,
                    plan,
                    conflicts: self.conflicts.clone(),
                    rest: Vec::new(),
                    notes: Vec::new(),
                };
                JobMsg::RollbackPlanned { undo, result: Ok((Arc::new(rollback), diffs)) }
            }
            Effect::Check(intent, terms) => {
                let refusal = self.stands_in_the_way.filter(|_| !terms.include_pending);
                let result =
                    refusal.map_or(Ok(()), |why| Err(EngineError::Refused(why.to_owned())));
                JobMsg::Checked { question: (intent, terms), result }
            }
            Effect::Apply(..) | Effect::Rollback(..) | Effect::Decide(..) => self.started(),
            Effect::NoteRollback(_) => JobMsg::Noted(Ok(transaction_id("20261124T060000Z-aaaa"))),
            Effect::Answer(..) => JobMsg::Answered(Ok(())),
            Effect::Recover => {
                if let Ok(scan) = &mut self.scan {
                    scan.unfinished.clear();
                }
                let id = transaction_id("20261124T052601Z-3f9a");
                let cause = "it was interrupted".to_owned();
                JobMsg::Recovered(Ok(vec![(
                    id,
                    Outcome::RolledBack { cause, reason: Reason::Unproved },
                )]))
            }
            Effect::Poll => {
                // Two records at a time, then the end.
                let all = journal(self.journal.clone());
                let records: Vec<Record> = all.iter().skip(self.polled).take(2).cloned().collect();
                self.polled += records.len();
                let over = self.polled == all.len();
                let outcome = if over { self.outcome.clone() } else { None };
                let now = all.get(self.polled.saturating_sub(1)).unwrap_or(&all[0]).at;
                JobMsg::Polled(Ok(Polled { now, records, notice: self.notice.take(), outcome }))
            }
            Effect::History => JobMsg::History(Ok(self.history.clone())),
            Effect::Health => {
                JobMsg::Health(self.health.clone().map(Box::new).map_err(EngineError::NotAllowed))
            }
            Effect::Transaction(id) => {
                let summary = self.history.iter().find(|entry| entry.id == id).unwrap().clone();
                JobMsg::Transaction(Ok(Box::new(Transaction {
                    summary,
                    plan: Some(plan(&["1.4.1"])),
                    records: journal(self.journal.clone()),
                })))
            }
        }
    }

    fn finish(&mut self) -> Option<(TransactionId, Result<Outcome, EngineError>)> {
        let id = transaction_id("20261124T060000Z-aaaa");
        self.outcome.clone().map(|outcome| (id, Ok(outcome)))
    }
}
