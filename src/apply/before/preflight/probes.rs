//! Whether the kubelet's probes can be answered as planned: it asks without credentials, at an address and
//! port of the manifest, and kills what does not answer.

use serde_json::Value;

use super::settings::Settings;
use crate::{
    model::{
        Component,
        facts::{Container, Probe},
    },
    text::{flags, values},
};

/// What of the planned settings the container's own probes would not survive. `authentication` is the
/// file of `--authentication-config`, where it can be read.
pub(super) fn unanswered(
    component: Component,
    container: &Container,
    settings: &Settings,
    authentication: Option<&Value>,
) -> Vec<String> {
    let args = settings.args();
    let probes: Vec<(&str, &Probe)> = [
        ("livenessProbe", container.liveness.as_ref()),
        ("readinessProbe", container.readiness.as_ref()),
        ("startupProbe", container.startup.as_ref()),
    ]
    .into_iter()
    .filter_map(|(name, probe)| Some((name, probe?)))
    .collect();
    let mut wrong = Vec::new();
    match component {
        Component::KubeApiserver => {
            wrong.extend(refused_credentials(&probes, args, authentication));
            wrong.extend(elsewhere(&probes, args, 6443));
        }
        Component::KubeControllerManager => wrong.extend(elsewhere(&probes, args, 10257)),
        Component::KubeScheduler => wrong.extend(elsewhere(&probes, args, 10259)),
        Component::Etcd => wrong.extend(away_from_metrics(&probes, settings)),
        Component::Kubelet | Component::KubeProxy => {}
    }
    wrong
}

/// Requests without credentials are answered with 401.
fn refused_credentials(
    probes: &[(&str, &Probe)],
    args: &[String],
    authentication: Option<&Value>,
) -> Option<String> {
    let bare = |probe: &Probe| {
        probe.path.is_some()
            && !probe.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
    };
    let asked = |answered: &dyn Fn(&str) -> bool| {
        probes.iter().find(|(_, probe)| {
            bare(probe) && !probe.path.as_deref().is_some_and(|path| answered(path_of(path)))
        })
    };
    let fatal = |what: &str, name: &str| {
        format!(
            "{what}: the kubelet's {name} has no credentials, would be answered with 401, and the kubelet would kill the container again and again; \
             let --authentication-config name the paths that need none, or give the probes other means"
        )
    };
    let block = authentication.and_then(|file| file.get("anonymous")).filter(|b| !b.is_null());
    let flag = flags::value(args, "anonymous-auth");
    if block.is_some() && flag.is_some() {
        return Some(
            "--anonymous-auth is given, and so is 'anonymous' in --authentication-config: the API server takes only one of them"
                .to_owned(),
        );
    }
    if let Some(block) = block {
        if block.get("enabled").and_then(Value::as_bool) != Some(true) {
            let (name, _) = asked(&|_| false)?;
            return Some(fatal("--authentication-config switches anonymous requests off", name));
        }
        let paths: Vec<&str> = block
            .get("conditions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|condition| condition.get("path")?.as_str())
            .collect();
        let (name, probe) = asked(&|path| paths.is_empty() || paths.contains(&path))?;
        let path = probe.path.as_deref().unwrap_or_default();
        return Some(fatal(
            &format!("--authentication-config allows no anonymous requests of {path}"),
            name,
        ));
    }
    if flag.is_some_and(|value| values::go_bool(&value) == Some(false)) {
        let (name, _) = asked(&|_| false)?;
        return Some(fatal("--anonymous-auth=false", name));
    }
    // Beside AlwaysAllow the API server switches them off by itself.
    let modes = flags::list(args, "authorization-mode").unwrap_or_default();
    if modes.iter().any(|mode| mode == "AlwaysAllow") {
        let (name, _) = asked(&|_| false)?;
        return Some(fatal("--authorization-mode=AlwaysAllow", name));
    }
    None
}

/// A path without its query.
fn path_of(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// The server listens where no probe asks.
fn elsewhere(probes: &[(&str, &Probe)], args: &[String], default: u16) -> Option<String> {
    let port = match flags::value(args, "secure-port") {
        Some(port) => port.parse::<u16>().ok()?,
        None => default,
    };
    // A probe of another port asks another server: no matter of this flag when none asks this one.
    if let Some((name, probe)) = probes.first()
        && probes.iter().all(|(_, probe)| probe.port != port)
    {
        return Some(format!(
            "--secure-port is {port}, and {name} asks port {}: let both name one port",
            probe.port
        ));
    }
    let bind = flags::value(args, "bind-address").filter(|address| !address.is_empty())?;
    let (name, probe) = probes
        .iter()
        .filter(|(_, probe)| probe.port == port)
        .find(|(_, probe)| !reaches(probe.host.as_deref(), &bind))?;
    let asked = probe
        .host
        .as_deref()
        .map_or_else(|| "the address of the pod".to_owned(), ToOwned::to_owned);
    Some(format!(
        "--bind-address is {bind}, and {name} asks {asked}: the kubelet would kill the container; set the probe's host to {bind} too"
    ))
}

/// Whether what listens at `bind` can be reached by asking `host` (the pod's own address when `None`).
fn reaches(host: Option<&str>, bind: &str) -> bool {
    if matches!(bind, "0.0.0.0" | "::") {
        return true;
    }
    let local = |address: &str| values::is_loopback(address) == Some(true);
    match host {
        Some(host) if host == bind => true,
        Some(host) => local(host) && local(bind),
        // On the host's network any address that is not local may be the pod's.
        None => !local(bind),
    }
}

/// etcd answers health checks without certificates only where `--listen-metrics-urls` says.
fn away_from_metrics(probes: &[(&str, &Probe)], settings: &Settings) -> Option<String> {
    const FLAG: &str = "listen-metrics-urls";
    // The last one wins.
    let urls = flags::value(settings.args(), FLAG).filter(|urls| !urls.is_empty())?;
    let listens = |probe: &Probe| {
        urls.split(',').any(|url| {
            let Some((scheme, rest)) = url.split_once("://") else { return false };
            let Some((host, port)) = rest.trim_end_matches('/').rsplit_once(':') else {
                return false;
            };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            port.parse() == Ok(probe.port)
                && (scheme == "https") == probe.tls
                && reaches(probe.host.as_deref(), host)
        })
    };
    let (name, probe) = probes.iter().find(|(_, probe)| !listens(probe))?;
    Some(format!(
        "{} is {urls}, and {name} asks {}:{}: let both name one address",
        settings.by(FLAG),
        probe.host.as_deref().unwrap_or("the address of the pod"),
        probe.port
    ))
}

#[cfg(test)]
mod tests {
    use super::reaches;

    #[test]
    fn who_can_be_reached() {
        for (host, bind, wanted) in [
            (None, "0.0.0.0", true),
            (None, "::", true),
            (None, "127.0.0.1", false),
            (None, "10.0.0.1", true),
            (Some("127.0.0.1"), "127.0.0.1", true),
            (Some("localhost"), "127.0.0.1", true),
            (Some("10.0.0.1"), "127.0.0.1", false),
            (Some("10.0.0.1"), "10.0.0.2", false),
        ] {
            assert_eq!(reaches(host, bind), wanted, "{host:?} {bind}");
        }
    }
}
