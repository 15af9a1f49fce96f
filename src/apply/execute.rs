//! The way forward: intent, backups, then step by step replace and verify, then commit.
//!
//! Each phase writes its journal record before the next one begins. The first thing that goes wrong
//! ends the way forward, and [`restore`](super::restore) takes over; nothing here undoes anything.

use jiff::Timestamp;

use super::{
    Site, Transaction,
    before::{self, Standing},
    file,
    keep::{self, NotKept},
    others, refuse,
    restore::Undo,
    verify::{self, Proof, Unhealthy},
    watchdog,
};
use crate::{
    model::{
        Component, Observation, Order, Outcome, Phase, Plan, Reason, RecordKind, Step, StepTarget,
        journal::{FileIntent, JournalSchema},
    },
    node::{Node, NodeError, failpoint},
    store::{StoreError, Writer, backup, snapshot},
};

/// Why the way forward ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unhealthy(#[from] Unhealthy),
    #[error("{path} was changed by somebody else meanwhile: {what}")]
    Foreign { path: String, what: String },
    #[error("{0}")]
    Unproved(String),
    #[error(transparent)]
    NotKept(#[from] NotKept),
    /// Before the first write.
    #[error(transparent)]
    Standing(#[from] Standing),
}

impl Failure {
    const fn reason(&self) -> Reason {
        match self {
            Self::NotKept(NotKept::Decided { reason, .. }) => *reason,
            _ => Reason::Unproved,
        }
    }
}

/// The first record of a journal.
pub(super) fn begun(plan: &Plan, order: &Order) -> RecordKind {
    RecordKind::Begun {
        schema: JournalSchema::V1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: plan.node.clone(),
        purpose: order.purpose.clone(),
    }
}

impl Transaction {
    /// Runs to its end. The lock is held until then.
    pub fn run(mut self) -> Outcome {
        let (node, cluster) = (self.node.clone(), self.cluster.clone());
        let node = node.as_ref();
        let site = Site { node, cluster: cluster.as_deref() };
        let mut begun = Vec::new();
        let holder = others::holder(&self.plan, &self.id);
        let outcome = match self.forward(site, &holder, &mut begun) {
            Ok(()) => Outcome::Committed,
            Err(Failure::Standing(standing)) => self.refused(node, standing),
            Err(Failure::NotKept(NotKept::Alarm(cause))) => {
                keep::stays(node, &self.id, &mut self.journal, &cause)
            }
            Err(failure) => Undo {
                node,
                cluster: site.cluster,
                plan: Some(&self.plan),
                id: &self.id,
                files: &self.files,
                journal: &mut self.journal,
                begun,
                rolling_back: false,
                wrote_back: false,
            }
            .roll_back(failure.to_string(), failure.reason()),
        };
        if let Some(cluster) = site.cluster.filter(|_| self.holds) {
            // Where it cannot be given back it ends by itself.
            let _ = cluster.release(&holder);
        }
        watchdog::disarm(node, &self.id);
        drop(self.lock);
        outcome
    }

    fn refused(&mut self, node: &dyn Node, standing: Standing) -> Outcome {
        let Standing(cause) = standing;
        if snapshot::discard(node, &self.id).unwrap_or(false) {
            let text = "nothing was changed: the snapshot of etcd is removed again".to_owned();
            let observation = Observation { component: Some(Component::Etcd), text, proves: false };
            let gone = RecordKind::Checked { phase: Phase::Preflight, observation };
            let _ = self.journal.append(node, gone);
        }
        // Nothing was written to the node; without this record a recovery finds just that.
        let _ = self.journal.append(node, RecordKind::Refused { cause: cause.clone() });
        Outcome::Refused { cause }
    }

    fn forward(
        &mut self,
        site: Site<'_>,
        holder: &str,
        begun: &mut Vec<Begun>,
    ) -> Result<(), Failure> {
        let node = site.node;
        self.journal.append(node, self::begun(&self.plan, &self.order))?;
        failpoint::reached("after-begun");
        let (plan, order) = (&self.plan, &self.order);
        self.holds = before::check(site, plan, order, &self.id, holder, &mut self.journal)?;
        watchdog::arm(node, &self.id, &mut self.journal)?;
        // That took its time: nothing may have changed meanwhile.
        self.files = refuse::files(node, &self.plan).map_err(|why| Standing(why.to_string()))?;
        self.journal.append(node, RecordKind::Intent { files: self.files.clone() })?;
        failpoint::reached("after-intent");
        self.back_up(node)?;
        failpoint::reached("after-backup");
        let mut files = self.files.iter();
        for (index, step) in self.plan.steps.iter().enumerate() {
            let files: Vec<&FileIntent> = files.by_ref().take(step.changes.len()).collect();
            let proof = run_step(site, &mut self.journal, index, step, &files, begun)?;
            self.journal.append(node, proof.record(index))?;
        }
        self.prove(node)?;
        self.keep(site)?;
        commit(node, &mut self.journal)
    }

    /// Waits for a person, where the order says so.
    fn keep(&mut self, site: Site<'_>) -> Result<(), Failure> {
        let Some(within) = self.order.keep.within() else { return Ok(()) };
        let mut held = verify::Held::take(
            site.node,
            &self.files,
            self.plan.steps.iter().map(|step| step.target),
        )?;
        let mut still = || held.still(site);
        let watch = keep::Watch {
            within,
            step: self.plan.steps.len().saturating_sub(1),
            plan: &self.plan,
            still: &mut still,
        };
        Ok(keep::ask(site, &self.id, &mut self.journal, watch)?)
    }

    /// The judgement on the whole, recorded with the last step.
    fn prove(&mut self, node: &dyn Node) -> Result<(), Failure> {
        let Some(prove) = &self.prove else { return Ok(()) };
        let step = self.plan.steps.len().saturating_sub(1);
        for observation in prove(node).map_err(Failure::Unproved)? {
            self.journal.append(node, RecordKind::Observed { step, observation })?;
        }
        Ok(())
    }

    fn back_up(&mut self, node: &dyn Node) -> Result<(), Failure> {
        let entries: Vec<backup::Entry> = self
            .files
            .iter()
            .enumerate()
            .map(|(place, file)| backup::Entry {
                path: file.path.clone(),
                meta: file.before.clone(),
                content: backup::Content::of(place, file),
            })
            .collect();
        backup::create(node, &self.id, &entries)?;
        for entry in &entries {
            if let Some(content) = &entry.content {
                // The bytes on the disk, not those of the plan: what is kept is what was there.
                let bytes = node.files().read(&entry.path, backup::LIMIT)?;
                backup::save(node, &self.id, content, &bytes)?;
            }
            self.journal.append(node, RecordKind::BackedUp { path: entry.path.clone() })?;
        }
        Ok(())
    }
}

/// A step whose files may have changed: what rolling back has to put right again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Begun {
    /// What it is about.
    pub(super) target: StepTarget,
    /// Files whose replacement was begun.
    pub(super) touched: Vec<String>,
    /// When.
    pub(super) at: Timestamp,
    /// The pod that ran its component before, where that is known.
    pub(super) old_pod: Option<String>,
}

fn run_step(
    site: Site<'_>,
    journal: &mut Writer,
    index: usize,
    step: &Step,
    files: &[&FileIntent],
    begun: &mut Vec<Begun>,
) -> Result<Proof, Failure> {
    let node = site.node;
    if step.target == StepTarget::Kubelet {
        // It was there before; what was looked at since took its time.
        before::has_api(site).map_err(|why| {
            if begun.is_empty() {
                Failure::Standing(why)
            } else {
                Failure::Unproved(why.to_string())
            }
        })?;
    }
    journal.append(node, RecordKind::StepBegun { step: index, target: step.target })?;
    let baseline = verify::Baseline::take(node);
    let old = step.target.restarts().and_then(|component| baseline.process(component));
    begun.push(Begun {
        target: step.target,
        touched: Vec::new(),
        at: node.clock().now(),
        old_pod: old.and_then(|process| process.pod.clone()),
    });
    for (file, change) in files.iter().zip(&step.changes) {
        if let file::Side::Foreign(what) = file::side(node, file)? {
            return Err(Failure::Foreign { path: file.path.clone(), what });
        }
        if let Some(current) = begun.last_mut() {
            current.touched.push(file.path.clone());
        }
        let bytes = change.kind.after().map(|after| after.text.as_bytes());
        file::put(node, file, file.after.as_ref(), bytes)?;
        failpoint::reached("after-rename-before-record");
        journal.append(node, RecordKind::Applied { path: file.path.clone() })?;
    }
    if step.target == StepTarget::Kubelet
        && let Some(kubelet) = node.kubelet()
    {
        kubelet.restart()?;
    }
    let mut emit = |observation: Observation| {
        failpoint::reached("during-verify");
        journal.append(node, RecordKind::Observed { step: index, observation })
    };
    Ok(verify::step(site, step, files, &baseline, &mut emit)?)
}

/// A commit whose record is written counts even when the last flush fails: every step is proved, and
/// recovery comes to the same end from the records before it.
fn commit(node: &dyn Node, journal: &mut Writer) -> Result<(), Failure> {
    failpoint::reached("before-commit-record");
    journal.write(node, RecordKind::Committed)?;
    let _ = journal.sync(node);
    Ok(())
}
