//! Floor 4: (controls, facts) → findings. Pure: no I/O, no clock.
//!
//! Owns every verdict. A control that fails is a finding, a control that cannot be judged is a finding too; nothing
//! here returns an error. It reads only [`NodeFacts`], so all verdicts of a report speak of one moment.

mod admission;
mod audit;
pub mod cluster;
mod content;
mod deviation;
mod expect;
mod files;
mod flags;
mod gates;
mod kubelet;
mod lines;
mod offer;
mod own;
mod proxy;
mod sides;
mod verdict;
mod words;

use crate::{
    catalog::Numbered,
    model::{
        BenchmarkId, Check, Component, Control, ControlId, Finding, NodeFacts, Report, Role,
        Status, Target, control::ApiCheck,
    },
};
use cluster::{Cluster, View};
use verdict::Verdict;

/// Judges every given control by the node alone, and adds our own findings (`KT-…`).
///
/// One finding per control, ordered by number; ours follow, and are there only when something was found.
pub fn check(
    benchmark: BenchmarkId,
    notices: Vec<String>,
    controls: &[Numbered],
    facts: &NodeFacts,
) -> Report {
    check_with(benchmark, notices, controls, facts, None)
}

/// The same by the node and its cluster.
pub fn check_with(
    benchmark: BenchmarkId,
    notices: Vec<String>,
    controls: &[Numbered],
    facts: &NodeFacts,
    cluster: Option<Cluster<'_>>,
) -> Report {
    let view = View::of(cluster, facts);
    let mut findings: Vec<Finding> = controls
        .iter()
        .map(|numbered| finding(&numbered.id, &numbered.control, facts, &view))
        .collect();
    findings.extend(own::findings(facts));
    findings.sort_by(|a, b| a.control.cmp(&b.control));
    Report {
        at: facts.at,
        node: facts.profile.name.clone(),
        role: facts.profile.role,
        distribution: facts.profile.distribution,
        kubernetes: facts.profile.version.as_ref().map(|version| {
            format!(
                "{} ({})",
                version.text.strip_prefix('v').unwrap_or(&version.text),
                version.source
            )
        }),
        benchmark,
        notices: notices.into_iter().chain(own_notices(facts)).collect(),
        findings,
    }
}

fn own_notices(facts: &NodeFacts) -> impl Iterator<Item = String> + '_ {
    let files_decide = (!facts.live).then(|| {
        "this is not a running node: its files decide, and recorded processes are only notes"
            .to_owned()
    });
    let stopped = Component::ALL.into_iter().filter(|component| {
        facts.live
            && facts.process(*component).is_none()
            && !facts.manifests_of(*component).is_empty()
    });
    let stopped = stopped.map(|component| {
        format!("{component} has a manifest and no process: its manifest decides alone")
    });
    files_decide.into_iter().chain(stopped).chain(facts.problems.iter().cloned())
}

fn finding(id: &ControlId, control: &Control, facts: &NodeFacts, view: &View<'_>) -> Finding {
    let verdict = applicable(id, facts).unwrap_or_else(|| judge(control, facts, view));
    Finding {
        control: id.clone(),
        slug: control.slug.clone(),
        title: control.title.clone(),
        level: control.level,
        assessment: control.assessment,
        status: verdict.status,
        reason: verdict.reason,
        expected: words::expected(&control.check),
        evidence: verdict.evidence,
        objects: verdict.objects,
        drift: verdict.drift,
        mark: (verdict.status == Status::Fail).then(|| deviation::mark(control, facts)).flatten(),
        offer: offer::of(control, facts),
    }
}

/// The verdict on a control that this node cannot have: a control plane section on a worker.
fn applicable(id: &ControlId, facts: &NodeFacts) -> Option<Verdict> {
    let control_plane = matches!(
        Target::of_section(id.section()),
        Some(Target::Master | Target::Etcd | Target::Controlplane)
    );
    (control_plane && facts.profile.role == Role::Worker).then(|| {
        Verdict::not_applicable("this is a worker: the control plane is judged on its own nodes")
    })
}

fn judge(control: &Control, facts: &NodeFacts, view: &View<'_>) -> Verdict {
    match &control.check {
        Check::FileMode { path, at_most } => files::mode(facts, *path, *at_most),
        Check::FileOwner { path, owner } => files::owner(facts, *path, owner),
        Check::Directory { dir, dir_mode, files, file_mode, owner } => {
            files::directory(facts, (*dir, *dir_mode), (*files, *file_mode), owner)
        }
        Check::Flag { component, flags, expect, absent, requires, ignored_with, accept } => {
            flags::judge(
                facts,
                *component,
                &flags::Wanted { flags, expect, absent, requires, ignored_with, accept },
            )
        }
        Check::AdmissionPlugin { plugin, enabled, on_by_default, shows } => {
            let verdict = admission::plugin(facts, plugin, *enabled, *on_by_default);
            beside(verdict, shows.as_ref(), view)
        }
        Check::AuthorizationMode { mode, enabled } => {
            admission::authorization_mode(facts, mode, *enabled)
        }
        Check::AnonymousRequests {} => admission::anonymous_requests(facts),
        Check::FeatureGate { component, gate, enabled, on_by_default, stage } => gates::judge(
            facts,
            *component,
            &gates::Wanted {
                gate,
                enabled: *enabled,
                on_by_default: *on_by_default,
                stage: *stage,
            },
        ),
        Check::KubeletField {
            fields,
            flags,
            expect,
            absent,
            absent_legacy,
            zero_means_default,
            accept,
        } => kubelet::judge(
            facts,
            &kubelet::Wanted {
                fields,
                flags,
                expect,
                absent,
                absent_legacy: absent_legacy.as_ref(),
                zero_means_default: *zero_means_default,
                accept,
            },
        ),
        Check::KubeProxyField { field, flag, expect, absent } => {
            proxy::judge(facts, view.kube_proxy(), &proxy::Wanted { field, flag, expect, absent })
        }
        Check::EncryptionProviders { allowed } => content::encryption(facts, allowed),
        Check::AuditPolicy { cover } => content::audit_policy(facts, cover),
        Check::EtcdOwnCa {} => content::etcd_own_ca(facts),
        Check::Api { look_at, judge } => view.judge(judge, look_at),
        Check::Review { look_at, shows } => {
            beside(Verdict::manual(look_at.clone()), shows.as_ref(), view)
        }
    }
}

/// A verdict, with objects of the cluster it matters to.
fn beside(verdict: Verdict, shows: Option<&ApiCheck>, view: &View<'_>) -> Verdict {
    let Some((objects, said)) = shows.and_then(|shows| view.show(shows)) else { return verdict };
    let reason = if verdict.status == Status::Manual {
        format!("{said}. {}", verdict.reason)
    } else {
        format!("{}; {said}", verdict.reason)
    };
    Verdict { reason, objects, ..verdict }
}
