//! What a fix does on this node: every action of the catalogue as edits of files.

use std::collections::BTreeMap;

use super::{
    Reason, kubelet, manifest,
    select::Candidate,
    work::{NOTHING_TO_CHANGE, Work, meta},
};
use crate::model::{
    AttributedEdit, Check, ControlId, Edit, FileFact, FixAction, Needs, NodeFacts, Owner, PathVar,
};

/// Every edit a control asks for, never none.
pub(super) fn works(facts: &NodeFacts, candidate: &Candidate<'_>) -> Result<Vec<Work>, Reason> {
    let fix = &candidate.control.fix;
    if let Some(needs) = fix.needs.first() {
        return Err(format!("its fix comes later: {}", describe(needs)));
    }
    let mut works = Vec::new();
    for action in &fix.actions {
        works.extend(of_action(facts, candidate, action)?);
    }
    if works.is_empty() {
        return Err(NOTHING_TO_CHANGE.to_owned());
    }
    Ok(works)
}

fn describe(needs: &Needs) -> String {
    match needs {
        Needs::Value { name, why, .. } => format!("it needs a value for {name} ({why})"),
        Needs::Bundle { name } => format!("it needs the files of bundle {name}"),
        Needs::Api { why } => format!("it needs the API server ({why})"),
    }
}

fn of_action(
    facts: &NodeFacts,
    candidate: &Candidate<'_>,
    action: &FixAction,
) -> Result<Vec<Work>, Reason> {
    let id = candidate.id;
    match action {
        FixAction::Mode {} => Ok(modes(facts, id, &candidate.control.check)),
        FixAction::Owner {} => owners(facts, id, &candidate.control.check),
        FixAction::SetFlag { component, flag, value } => manifest::works(
            facts,
            *component,
            id,
            Edit::SetFlag { flag: flag.clone(), value: value.clone() },
        ),
        FixAction::RemoveFlag { component, flag } => {
            manifest::works(facts, *component, id, Edit::RemoveFlag { flag: flag.clone() })
        }
        FixAction::AddToList { component, flag, value, first } => manifest::works(
            facts,
            *component,
            id,
            Edit::AddToList { flag: flag.clone(), value: value.clone(), first: *first },
        ),
        FixAction::RemoveFromList { component, flag, value, otherwise } => {
            manifest::remove_from_list(facts, *component, id, flag, value, otherwise.as_deref())
        }
        FixAction::ProbeHost { component, host } => {
            let edit = Edit::ProbeHost { host: Some(host.clone()) };
            manifest::works(facts, *component, id, edit)
        }
        FixAction::KubeletField { field, value, flags } => {
            kubelet::set(facts, id, field, value, flags)
        }
        FixAction::RemoveKubeletField { field, flags, element } => {
            kubelet::remove(facts, id, field, flags, element.as_deref())
        }
        FixAction::ClusterObject { what } => {
            Err(format!("it is a change in the cluster, which is shown and never applied: {what}"))
        }
    }
}

/// Files of one check with the widest mode and the owner it allows.
struct Judged {
    path: PathVar,
    at_most: Option<u32>,
    owner: Option<Owner>,
}

fn judged(check: &Check) -> Vec<Judged> {
    match check {
        Check::FileMode { path, at_most } => {
            vec![Judged { path: *path, at_most: Some(at_most.0), owner: None }]
        }
        Check::FileOwner { path, owner } => {
            vec![Judged { path: *path, at_most: None, owner: Some(owner.clone()) }]
        }
        Check::Directory { dir, dir_mode, files, file_mode, owner } => {
            [(*dir, dir_mode.0), (*files, file_mode.0)]
                .into_iter()
                .map(|(path, mode)| Judged {
                    path,
                    at_most: Some(mode),
                    owner: Some(owner.clone()),
                })
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The places whose modes or owners a check judges.
pub(super) fn places(check: &Check) -> Vec<PathVar> {
    judged(check).into_iter().map(|judged| judged.path).collect()
}

/// Every present file of a place, with its path as named.
fn present(facts: &NodeFacts, place: PathVar) -> impl Iterator<Item = (&String, &FileFact)> {
    facts
        .profile
        .paths
        .get(&place)
        .into_iter()
        .flatten()
        .filter_map(|path| facts.files.get(path).map(|fact| (path, fact)))
}

/// Drops the bits a check does not allow; adds none.
fn modes(facts: &NodeFacts, id: &ControlId, check: &Check) -> Vec<Work> {
    let mut works = Vec::new();
    for Judged { path, at_most, .. } in judged(check) {
        let Some(limit) = at_most else { continue };
        for (named, fact) in present(facts, path) {
            if let FileFact::Present { mode, .. } = fact
                && mode & !limit != 0
            {
                works.extend(on_metadata(named, fact, id, Edit::Mode { mode: mode & limit }));
            }
        }
    }
    works
}

fn owners(facts: &NodeFacts, id: &ControlId, check: &Check) -> Result<Vec<Work>, Reason> {
    let mut works = Vec::new();
    for Judged { path, owner, .. } in judged(check) {
        let Some(owner) = owner else { continue };
        let number = |names: &BTreeMap<String, u32>, name: &str, kind: &str, file: &str| {
            // root is 0 on every Linux, also on one without these files.
            let known = if name == "root" { Some(0) } else { names.get(name).copied() };
            known.ok_or_else(|| {
                format!("this node has no {kind} '{name}' in {file}: create it first")
            })
        };
        let uid = number(&facts.accounts.users, &owner.user, "user", "/etc/passwd")?;
        let gid = number(&facts.accounts.groups, &owner.group, "group", "/etc/group")?;
        for (named, fact) in present(facts, path) {
            if let FileFact::Present { uid: now_uid, gid: now_gid, .. } = fact
                && (*now_uid, *now_gid) != (uid, gid)
            {
                works.extend(on_metadata(named, fact, id, Edit::Owner { uid, gid }));
            }
        }
    }
    Ok(works)
}

fn on_metadata(named: &str, fact: &FileFact, control: &ControlId, edit: Edit) -> Option<Work> {
    let FileFact::Present { resolved, mode, uid, gid, .. } = fact else { return None };
    Some(Work {
        path: resolved.clone(),
        named: (named != resolved).then(|| named.to_owned()),
        meta: meta(*mode, *uid, *gid),
        content: None,
        edit: AttributedEdit { control: control.clone(), edit },
    })
}
