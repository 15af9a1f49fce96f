//! What pods ask for: one table of dangerous traits, over init and ephemeral containers too.

use std::collections::BTreeSet;

use crate::model::{
    Danger::{self, High, Low, Medium},
    cluster::{Container, Pod, PodSpec, SecurityContext},
    control::{KnownCluster, PodTrait},
};

use super::{Found, Sight, admission, count, found};

/// Something in a pod: where, what, and how bad.
type Offence = (String, String, Danger);

/// Workloads with a trait.
pub(super) fn with(sight: &Sight<'_>, has: PodTrait) -> Found {
    let mut own = BTreeSet::new();
    let mut objects = Vec::new();
    for workload in &sight.workloads {
        let offences = offences(has, workload.pod, sight.known);
        if workload.own {
            own.extend((!offences.is_empty()).then_some(workload.object.as_str()));
            continue;
        }
        objects.extend(offences.into_iter().map(|(path, value, danger)| {
            // How complete a security context must be, a person decides.
            let wrong = has != PodTrait::NoSecurityContext || danger != Low;
            found(danger, wrong, workload.object.clone(), path, value)
        }));
    }
    let what = phrase(has);
    let pods = count(sight.workloads.iter().filter(|it| it.runs).count(), "pod");
    let mut none = format!("{what} no workload of users ({pods} looked at)");
    let open = has.refused_by().map_or(0, |level| admission::below(sight, level));
    if open > 0 {
        none = format!("{none}, though {} would admit one (5.2.1)", count(open, "namespace"));
    }
    let beside = if own.is_empty() || objects.is_empty() {
        Vec::new()
    } else {
        vec![format!("{} of the system not counted", count(own.len(), "workload"))]
    };
    Found { objects, what, noun: "workload", none, beside }
}

/// What such workloads have.
fn phrase(has: PodTrait) -> &'static str {
    match has {
        PodTrait::Privileged => "privileged containers in",
        PodTrait::HostPid => "the host's processes are seen by",
        PodTrait::HostIpc => "the host's IPC is shared by",
        PodTrait::HostNetwork => "the host's network is used by",
        PodTrait::PrivilegeEscalation => "privilege escalation is possible in",
        PodTrait::Root => "root is possible in",
        PodTrait::NetRaw => "NET_RAW is kept in",
        PodTrait::AddedCapabilities => "capabilities are added in",
        PodTrait::Capabilities => "capabilities are kept in",
        PodTrait::HostProcess => "HostProcess containers in",
        PodTrait::HostPath => "hostPath volumes in",
        PodTrait::HostPort => "host ports in",
        PodTrait::ProcMount => "an unmasked /proc in",
        PodTrait::NoSeccomp => "no seccomp profile in",
        PodTrait::NoSecurityContext => "an incomplete security context in",
        PodTrait::SecretVariables => "Secrets as variables in",
    }
}

fn offences(has: PodTrait, pod: &Pod, known: &KnownCluster) -> Vec<Offence> {
    let spec = &pod.spec;
    let flag = |on: bool, field: &str| {
        if on { vec![(format!("spec.{field}"), "true".to_owned(), High)] } else { Vec::new() }
    };
    match has {
        PodTrait::HostPid => flag(spec.host_pid, "hostPID"),
        PodTrait::HostIpc => flag(spec.host_ipc, "hostIPC"),
        PodTrait::HostNetwork => flag(spec.host_network, "hostNetwork"),
        PodTrait::HostPath => host_paths(spec, known),
        PodTrait::HostProcess => host_process(spec),
        // What Linux means by these, a Windows pod has not got.
        _ if spec.is_windows() && has != PodTrait::SecretVariables && has != PodTrait::HostPort => {
            Vec::new()
        }
        _ => each(spec, |container| in_container(has, spec, container, known)),
    }
}

/// The offences of every container, with the path of the container in front.
fn each(
    spec: &PodSpec,
    of: impl Fn(&Container) -> Vec<(&'static str, String, Danger)>,
) -> Vec<Offence> {
    let containers = spec.all_containers();
    let all = containers.flat_map(|(list, container)| {
        let path = format!("spec.{list}[{}]", container.name);
        of(container)
            .into_iter()
            .map(move |(field, value, danger)| (format!("{path}.{field}"), value, danger))
    });
    all.collect()
}

fn in_container(
    has: PodTrait,
    spec: &PodSpec,
    container: &Container,
    known: &KnownCluster,
) -> Vec<(&'static str, String, Danger)> {
    let empty = SecurityContext::default();
    let context = container.security_context.as_ref().unwrap_or(&empty);
    let one = |field, value: Option<(String, Danger)>| {
        value.map(|(value, danger)| vec![(field, value, danger)]).unwrap_or_default()
    };
    match has {
        PodTrait::Privileged => one(
            "securityContext.privileged",
            (context.privileged == Some(true)).then(|| ("true".to_owned(), High)),
        ),
        PodTrait::PrivilegeEscalation => one(
            "securityContext.allowPrivilegeEscalation",
            match context.allow_privilege_escalation {
                Some(false) => None,
                Some(true) => Some(("true".to_owned(), High)),
                None => Some(("not set, which means true".to_owned(), Medium)),
            },
        ),
        PodTrait::Root => root(&spec.security_context, context)
            .map(|(field, value, danger)| vec![(field, value, danger)])
            .unwrap_or_default(),
        PodTrait::NetRaw => one("securityContext.capabilities", keeps_net_raw(context)),
        PodTrait::Capabilities => one("securityContext.capabilities", keeps(context)),
        PodTrait::AddedCapabilities => {
            let added: Vec<String> = added(context)
                .filter(|name| !known.baseline_capabilities.iter().any(|base| base == name))
                .map(str::to_owned)
                .collect();
            one(
                "securityContext.capabilities.add",
                (!added.is_empty()).then(|| (added.join(", "), High)),
            )
        }
        PodTrait::ProcMount => one(
            "securityContext.procMount",
            context.proc_mount.as_ref().filter(|it| *it != "Default").map(|it| (it.clone(), High)),
        ),
        PodTrait::NoSeccomp => {
            one("securityContext.seccompProfile", seccomp(&spec.security_context, context))
        }
        PodTrait::NoSecurityContext => one("securityContext", lacks(spec, container)),
        PodTrait::HostPort => {
            let open = container.ports.iter().filter(|port| port.host_port != 0);
            open.map(|port| ("ports.hostPort", port.host_port.to_string(), Medium)).collect()
        }
        PodTrait::SecretVariables => secret_variables(container),
        PodTrait::HostPid
        | PodTrait::HostIpc
        | PodTrait::HostNetwork
        | PodTrait::HostProcess
        | PodTrait::HostPath => Vec::new(),
    }
}

fn host_paths(spec: &PodSpec, known: &KnownCluster) -> Vec<Offence> {
    let below = |path: &str, folder: &str| {
        path.strip_prefix(folder.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let danger = |path: &str| {
        let dangerous =
            |known: &String| below(path, known) || below(known, path.trim_end_matches('/'));
        if known.dangerous_host_paths.iter().any(dangerous) { High } else { Medium }
    };
    spec.volumes
        .iter()
        .filter_map(|volume| {
            let path = &volume.host_path.as_ref()?.path;
            let place = format!("spec.volumes[{}].hostPath.path", volume.name);
            Some((place, path.clone(), danger(path)))
        })
        .collect()
}

fn host_process(spec: &PodSpec) -> Vec<Offence> {
    const FIELD: &str = "securityContext.windowsOptions.hostProcess";
    let set = |context: &SecurityContext| {
        context.windows_options.as_ref().is_some_and(|options| options.host_process == Some(true))
    };
    let pod =
        set(&spec.security_context).then(|| (format!("spec.{FIELD}"), "true".to_owned(), High));
    let containers = each(spec, |container| {
        let on = container.security_context.as_ref().is_some_and(set);
        if on { vec![(FIELD, "true".to_owned(), High)] } else { Vec::new() }
    });
    pod.into_iter().chain(containers).collect()
}

/// What a container says goes before what its pod says. A user other than 0 is not root, whatever else is said.
fn root(
    pod: &SecurityContext,
    context: &SecurityContext,
) -> Option<(&'static str, String, Danger)> {
    let user = context.run_as_user.or(pod.run_as_user);
    let not_root = context.run_as_non_root.or(pod.run_as_non_root) == Some(true);
    match (user, not_root) {
        (Some(0), _) => Some(("securityContext.runAsUser", "0".to_owned(), High)),
        (Some(_), _) | (None, true) => None,
        (None, false) => {
            Some(("securityContext.runAsNonRoot", "not true: the image decides".to_owned(), Medium))
        }
    }
}

/// Capabilities a container adds, without `CAP_`.
fn added(context: &SecurityContext) -> impl Iterator<Item = &str> {
    let add = context.capabilities.iter().flat_map(|capabilities| &capabilities.add);
    add.map(|name| name.strip_prefix("CAP_").unwrap_or(name))
}

fn drops(context: &SecurityContext, wanted: &str) -> bool {
    let mut drop = context.capabilities.iter().flat_map(|capabilities| &capabilities.drop);
    drop.any(|name| {
        let name = name.strip_prefix("CAP_").unwrap_or(name);
        name.eq_ignore_ascii_case("ALL") || name == wanted
    })
}

fn keeps_net_raw(context: &SecurityContext) -> Option<(String, Danger)> {
    if added(context).any(|name| name == "NET_RAW" || name == "ALL") {
        return Some(("NET_RAW is added".to_owned(), High));
    }
    (!drops(context, "NET_RAW")).then(|| ("neither ALL nor NET_RAW is dropped".to_owned(), Medium))
}

fn keeps(context: &SecurityContext) -> Option<(String, Danger)> {
    let more: Vec<&str> = added(context).filter(|name| *name != "NET_BIND_SERVICE").collect();
    if !more.is_empty() {
        return Some((format!("{} added", more.join(", ")), High));
    }
    (!drops(context, "ALL")).then(|| ("ALL is not dropped".to_owned(), Medium))
}

fn seccomp(pod: &SecurityContext, context: &SecurityContext) -> Option<(String, Danger)> {
    let profile = context.seccomp_profile.as_ref().or(pod.seccomp_profile.as_ref());
    match profile.map(|profile| profile.kind.as_str()) {
        Some("RuntimeDefault" | "Localhost") => None,
        Some(other) => Some((other.to_owned(), High)),
        None => Some(("not set".to_owned(), Medium)),
    }
}

/// What a container lacks of a whole security context.
fn lacks(spec: &PodSpec, container: &Container) -> Option<(String, Danger)> {
    let pod = &spec.security_context;
    let empty = SecurityContext::default();
    let context = container.security_context.as_ref().unwrap_or(&empty);
    let lacking: Vec<&str> = [
        ("runAsNonRoot", context.run_as_non_root.or(pod.run_as_non_root) == Some(true)),
        ("readOnlyRootFilesystem", context.read_only_root_filesystem == Some(true)),
        ("allowPrivilegeEscalation: false", context.allow_privilege_escalation == Some(false)),
        ("capabilities.drop", drops(context, "ALL")),
        ("seccompProfile", seccomp(pod, context).is_none()),
    ]
    .into_iter()
    .filter(|(_, there)| !there)
    .map(|(name, _)| name)
    .collect();
    let nothing = *pod == SecurityContext::default() && *context == SecurityContext::default();
    match lacking.as_slice() {
        [] => None,
        _ if nothing => Some(("none at all".to_owned(), Medium)),
        some => Some((format!("without {}", some.join(", ")), Low)),
    }
}

fn secret_variables(container: &Container) -> Vec<(&'static str, String, Danger)> {
    let single = container.env.iter().filter_map(|variable| {
        let secret = variable.value_from.as_ref()?.secret_key_ref.as_ref()?;
        Some(("env", format!("{} from Secret {}", variable.name, secret.name), Medium))
    });
    let whole = container.env_from.iter().filter_map(|source| {
        let secret = source.secret_ref.as_ref()?;
        Some(("envFrom", format!("everything in Secret {}", secret.name), Medium))
    });
    single.chain(whole).collect()
}

/// Images that may be another one tomorrow.
pub(super) fn images(sight: &Sight<'_>) -> Found {
    let users = sight.workloads.iter().filter(|workload| !workload.own);
    let objects = users.flat_map(|workload| {
        let by_tag = each(&workload.pod.spec, |container| {
            if container.image.contains('@') {
                Vec::new()
            } else {
                vec![("image", container.image.clone(), Low)]
            }
        });
        by_tag
            .into_iter()
            .map(|(path, value, danger)| found(danger, false, workload.object.clone(), path, value))
    });
    Found {
        objects: objects.collect(),
        what: "images named by a tag, which can be moved, in",
        noun: "workload",
        none: "every workload of users names its images by digest".to_owned(),
        beside: Vec::new(),
    }
}
