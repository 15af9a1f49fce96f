//! Modes and owners of files.
use crate::model::{
    Component, Evidence, FileFact, NodeFacts, Owner, PathVar, Source, Status, control::Mode,
};

use super::{sides, verdict::Verdict};

/// One existing file.
#[derive(Debug, Clone, Copy)]
struct Looked<'f> {
    path: &'f str,
    mode: u32,
    uid: u32,
    gid: u32,
}

/// How many good files are listed one by one.
const LISTED: usize = 4;

/// The files a name stands for; or why there is nothing to judge.
fn look(facts: &NodeFacts, var: PathVar) -> Result<(Vec<Looked<'_>>, Vec<Evidence>), Verdict> {
    let etcd = matches!(var, PathVar::EtcdManifest | PathVar::EtcdDataDir);
    if etcd && !sides::is_here(facts, Component::Etcd) {
        return Err(Verdict::not_applicable("etcd does not run on this node"));
    }
    let paths = facts.profile.paths.get(&var).map(Vec::as_slice).unwrap_or_default();
    let mut present = Vec::new();
    let mut unreadable = Vec::new();
    for path in paths {
        match facts.files.get(path) {
            Some(FileFact::Present { mode, uid, gid, .. }) => {
                present.push(Looked { path, mode: *mode, uid: *uid, gid: *gid });
            }
            Some(FileFact::Unreadable { why }) => unreadable.push(unread(path, why)),
            None => unreadable.push(unread(path, "it was not looked at")),
            Some(FileFact::Missing) => {}
        }
    }
    if present.is_empty() && unreadable.is_empty() {
        return Err(Verdict::not_applicable(nothing(var)));
    }
    present.sort_by_key(|file| file.path);
    Ok((present, unreadable))
}

fn unread(path: &str, why: &str) -> Evidence {
    Evidence {
        value: format!("cannot be looked at: {why}"),
        source: Source::Stat { path: path.to_owned() },
        good: false,
    }
}

/// Why there is nothing to judge, when a name stands for no file here.
fn nothing(var: PathVar) -> &'static str {
    match var {
        PathVar::ApiserverManifest => "no kube-apiserver manifest on this node",
        PathVar::ControllerManagerManifest => "no kube-controller-manager manifest on this node",
        PathVar::SchedulerManifest => "no kube-scheduler manifest on this node",
        PathVar::EtcdManifest => "no etcd manifest, unit or configuration file on this node",
        PathVar::EtcdDataDir => "no etcd data directory on this node",
        PathVar::AdminKubeconfigs => {
            "nothing to protect: neither admin.conf nor super-admin.conf is on this node"
        }
        PathVar::SchedulerKubeconfig => "no scheduler kubeconfig on this node",
        PathVar::ControllerManagerKubeconfig => "no controller-manager kubeconfig on this node",
        PathVar::PkiTree => "no PKI directory on this node",
        PathVar::PkiCertificates => "no certificate files in the PKI directory",
        PathVar::PkiKeys => "no private keys in the PKI directory",
        PathVar::CniFiles => "no CNI configuration files on this node",
        PathVar::KubeletServiceFiles => "no kubelet unit files on this node",
        PathVar::KubeletConfig => "the kubelet has no configuration file",
        PathVar::KubeletKubeconfig => "the kubelet has no kubeconfig file",
        PathVar::KubeletClientCa => "no client CA is configured for the kubelet (see 4.2.3)",
        PathVar::ProxyKubeconfig => "kube-proxy uses no kubeconfig file on this host",
        PathVar::KubeletDropInDir | PathVar::KubeletDropInFiles => {
            "the kubelet has no directory of configuration drop-ins (--config-dir)"
        }
    }
}

/// A file that is not as wanted.
struct Offence {
    path: String,
    found: String,
}

/// One verdict out of everything that was looked at.
fn join(
    offences: Vec<Offence>,
    wanted: &str,
    good: Vec<Evidence>,
    summary: impl FnOnce(usize) -> String,
    unreadable: Vec<Evidence>,
) -> Verdict {
    let looked_at = offences.len() + good.len();
    if let [first, rest @ ..] = offences.as_slice() {
        let more = match rest.len() {
            0 => String::new(),
            more => format!(" (and {more} more of {looked_at} files)"),
        };
        let reason = format!("{} has {}{more}, wanted {wanted}", first.path, first.found);
        let evidence = offences.into_iter().map(|offence| Evidence {
            value: offence.found,
            source: Source::Stat { path: offence.path },
            good: false,
        });
        return Verdict::new(Status::Fail, reason, evidence.chain(unreadable).collect());
    }
    if let Some(Evidence { value, source, .. }) = unreadable.first() {
        return Verdict::error(format!("{source} {value}"), unreadable);
    }
    let reason = summary(looked_at);
    if good.len() > LISTED {
        let evidence = vec![Evidence { value: reason.clone(), source: Source::Note, good: true }];
        return Verdict::new(Status::Pass, reason, evidence);
    }
    Verdict::new(Status::Pass, reason, good)
}

fn files_of(count: usize) -> String {
    if count == 1 { "the file".to_owned() } else { format!("all {count} files") }
}

/// Splits what was looked at into offences and good evidence.
fn sort_out<'f>(
    looked: impl IntoIterator<Item = Looked<'f>>,
    found: impl Fn(&Looked<'f>) -> (String, bool),
) -> (Vec<Offence>, Vec<Evidence>) {
    let mut offences = Vec::new();
    let mut good = Vec::new();
    for file in looked {
        let (value, right) = found(&file);
        if right {
            let source = Source::Stat { path: file.path.to_owned() };
            good.push(Evidence { value, source, good: true });
        } else {
            offences.push(Offence { path: file.path.to_owned(), found: value });
        }
    }
    (offences, good)
}

/// Whether a mode has no bit outside `limit`; set-uid, set-gid and sticky bits are outside every limit.
fn within(mode: u32, limit: Mode) -> bool {
    mode & !limit.0 == 0
}

/// Every file has no permission bit outside `at_most`.
pub(super) fn mode(facts: &NodeFacts, var: PathVar, at_most: Mode) -> Verdict {
    let (present, unreadable) = match look(facts, var) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let (offences, good) =
        sort_out(present, |file| (format!("mode {}", Mode(file.mode)), within(file.mode, at_most)));
    let wanted = format!("{at_most} or tighter");
    let summary = |count| match good.as_slice() {
        [only] => only.value.clone(),
        _ => format!("{} have mode {at_most} or tighter", files_of(count)),
    };
    join(offences, &wanted, good.clone(), summary, unreadable)
}

/// The wanted owner in numbers, or which name this node does not know.
fn resolve(facts: &NodeFacts, owner: &Owner) -> Result<(u32, u32), String> {
    let id = |names: &std::collections::BTreeMap<String, u32>, name: &str| match name {
        "root" => Some(0),
        _ => names.get(name).copied(),
    };
    let user = id(&facts.accounts.users, &owner.user)
        .ok_or_else(|| format!("there is no user {} on this node", owner.user))?;
    let group = id(&facts.accounts.groups, &owner.group)
        .ok_or_else(|| format!("there is no group {} on this node", owner.group))?;
    Ok((user, group))
}

/// Numeric ids as names where the node has them.
fn named(facts: &NodeFacts, uid: u32, gid: u32) -> String {
    let name = |names: &std::collections::BTreeMap<String, u32>, id: u32| {
        if id == 0 {
            return "root".to_owned();
        }
        let found = names.iter().find(|(_, known)| **known == id);
        found.map_or_else(|| id.to_string(), |(name, _)| name.clone())
    };
    format!("owner {}:{}", name(&facts.accounts.users, uid), name(&facts.accounts.groups, gid))
}

/// Every file belongs to `owner`.
pub(super) fn owner(facts: &NodeFacts, var: PathVar, owner: &Owner) -> Verdict {
    let (present, unreadable) = match look(facts, var) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let wanted = String::from(owner.clone());
    let ids = resolve(facts, owner);
    let (offences, good) = sort_out(present, |file| {
        (named(facts, file.uid, file.gid), ids.as_ref() == Ok(&(file.uid, file.gid)))
    });
    let summary = |count| match good.as_slice() {
        [only] => only.value.clone(),
        _ => format!("{} belong to {wanted}", files_of(count)),
    };
    let mut verdict = join(offences, &wanted, good.clone(), summary, unreadable);
    if let (Status::Fail, Err(unknown)) = (verdict.status, &ids) {
        verdict.reason = format!("{}: {unknown}", verdict.reason);
    }
    verdict
}

/// Modes and owner of a directory and of the files in it.
pub(super) fn directory(
    facts: &NodeFacts,
    (dir, dir_mode): (PathVar, Mode),
    (files, file_mode): (PathVar, Mode),
    owner: &Owner,
) -> Verdict {
    let (dirs, mut unreadable) = match look(facts, dir) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let (inside, more) = look(facts, files).unwrap_or_default();
    unreadable.extend(more);
    let ids = resolve(facts, owner);
    let found = |limit: Mode| {
        let ids = ids.clone();
        move |file: &Looked<'_>| {
            (
                format!("mode {}, {}", Mode(file.mode), named(facts, file.uid, file.gid)),
                within(file.mode, limit) && ids.as_ref() == Ok(&(file.uid, file.gid)),
            )
        }
    };
    let (mut offences, mut good) = sort_out(dirs, found(dir_mode));
    let (more_offences, more_good) = sort_out(inside, found(file_mode));
    offences.extend(more_offences);
    good.extend(more_good);
    let wanted = format!(
        "{dir_mode} or tighter for the directory, {file_mode} for its files, owner {}",
        String::from(owner.clone())
    );
    let summary = |_| "the directory and its files are protected".to_owned();
    join(offences, &wanted, good, summary, unreadable)
}
