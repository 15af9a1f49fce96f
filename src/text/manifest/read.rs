//! From the text of a manifest to the pod the kubelet runs.

use serde_json::Value;

use crate::{
    model::facts::{Arg, Container, Mount, Probe, StaticPod, Variable, Variables},
    text::{
        ParseProblem, flags,
        yaml::{self, Node},
    },
};

/// Reads a manifest; `path` is written into every argument as its source.
///
/// Of several documents the kubelet runs the first; so does this (editing such a file is refused).
///
/// # Errors
/// What the kubelet refuses too: no YAML, not a `Pod`, no name, no containers, an argument that is
/// not text, a probe of a port nobody named.
pub fn parse(path: &str, text: &str) -> Result<StaticPod, ParseProblem> {
    let (document, tree) = yaml::read(text)?;
    let pod = &document.value;
    let kind = text_at(pod, "kind").unwrap_or_default();
    if kind != "Pod" {
        let what =
            if kind.is_empty() { "it has no kind".into() } else { format!("it is a {kind}") };
        return Err(problem(format!("this is no Pod manifest: {what}")));
    }
    let name = text_at(pod, "metadata.name")
        .ok_or_else(|| problem("the pod has no metadata.name".to_owned()))?;
    let written = tree.root.lookup("spec").and_then(|spec| spec.lookup("containers"));
    let containers = list(pod, "spec.containers")
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let node = written.and_then(|list| list.resolved().items().get(index));
            let source = Written { path, node: node.map(AsRef::as_ref) };
            container(pod, value, &source)
        })
        .collect::<Result<Vec<_>, _>>()?;
    if containers.is_empty() {
        return Err(problem("the pod has no containers".to_owned()));
    }
    Ok(StaticPod {
        name,
        namespace: text_at(pod, "metadata.namespace").unwrap_or_else(|| "default".to_owned()),
        uid: text_at(pod, "metadata.uid").filter(|uid| !uid.is_empty()),
        host_network: yaml::at(pod, "spec.hostNetwork") == Some(&Value::Bool(true)),
        containers,
        duplicate_keys: document.duplicate_keys,
    })
}

/// Where a container is written.
struct Written<'w> {
    path: &'w str,
    node: Option<&'w Node>,
}

fn container(pod: &Value, value: &Value, source: &Written<'_>) -> Result<Container, ParseProblem> {
    let name = text_at(value, "name").unwrap_or_default();
    let mut args = arguments(&name, value, source, "command")?;
    args.extend(arguments(&name, value, source, "args")?);
    let user = |of, at| yaml::at(of, at).and_then(Value::as_i64);
    Ok(Container {
        image: text_at(value, "image").unwrap_or_default(),
        variables: variables(value, source),
        args,
        mounts: mounts(pod, value),
        run_as_user: user(value, "securityContext.runAsUser")
            .or_else(|| user(pod, "spec.securityContext.runAsUser")),
        groups: groups(pod, value),
        liveness: probe(&name, value, "livenessProbe")?,
        readiness: probe(&name, value, "readinessProbe")?,
        startup: probe(&name, value, "startupProbe")?,
        name,
    })
}

fn groups(pod: &Value, container: &Value) -> Vec<u32> {
    let number = |value: Option<&Value>| value?.as_u64().and_then(|group| group.try_into().ok());
    let of_pod = |field: &str| yaml::at(pod, &format!("spec.securityContext.{field}"));
    let own = number(yaml::at(container, "securityContext.runAsGroup"));
    let own = own.or_else(|| number(of_pod("runAsGroup"))).unwrap_or(0);
    let more = list(pod, "spec.securityContext.supplementalGroups");
    let more = more.iter().map(Some).chain([of_pod("fsGroup")]);
    [own].into_iter().chain(more.filter_map(number)).collect()
}

fn arguments(
    container: &str,
    value: &Value,
    source: &Written<'_>,
    key: &str,
) -> Result<Vec<Arg>, ParseProblem> {
    let node = source.node.and_then(|node| node.lookup(key)).map(|node| node.resolved());
    let own_line = node.map_or(1, |node| node.line);
    let items = match value.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => {
            let message = format!("{key} of container '{container}' is not a list");
            return Err(ParseProblem { line: Some(own_line), message });
        }
    };
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let line =
                node.and_then(|node| node.items().get(index)).map_or(own_line, |item| item.line);
            let text = match item {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => {
                    let message = format!(
                        "{key} of container '{container}' holds {other}, which is not text: put it in quotes"
                    );
                    return Err(ParseProblem { line: Some(line), message });
                }
            };
            Ok(Arg { text, path: source.path.to_owned(), line })
        })
        .collect()
}

/// Of `env` the variables of etcd; a later one of the same name wins.
fn variables(container: &Value, source: &Written<'_>) -> Variables {
    let node = source.node.and_then(|node| node.lookup("env")).map(|node| node.resolved());
    let own_line = node.map_or(1, |node| node.line);
    let set = list(container, "env").iter().enumerate().filter_map(|(index, item)| {
        let name = text_at(item, "name").filter(|name| flags::variables::is_ours(name))?;
        // A value without text is empty, unless it comes from elsewhere or refers to another variable.
        let elsewhere = item.get("valueFrom").is_some_and(|from| !from.is_null());
        let value = if elsewhere { None } else { Some(text_at(item, "value").unwrap_or_default()) };
        let item = node.and_then(|node| node.items().get(index));
        let variable = Variable {
            value: value.filter(|value| !value.contains("$(")),
            path: source.path.to_owned(),
            line: item.map_or(own_line, |item| item.line),
        };
        Some((name, variable))
    });
    let more = !list(container, "envFrom").is_empty();
    Variables { set: set.collect(), more: more.then(|| "envFrom".to_owned()) }
}

fn mounts(pod: &Value, container: &Value) -> Vec<Mount> {
    let volumes = list(pod, "spec.volumes");
    list(container, "volumeMounts")
        .iter()
        .map(|mount| {
            let volume = volumes
                .iter()
                .find(|volume| volume.get("name").is_some_and(|n| Some(n) == mount.get("name")));
            let host =
                volume.and_then(|volume| text_at(volume, "hostPath.path")).map(
                    |host| match text_at(mount, "subPath").filter(|sub| !sub.is_empty()) {
                        Some(sub) => format!("{}/{sub}", host.trim_end_matches('/')),
                        None => host,
                    },
                );
            Mount {
                container: text_at(mount, "mountPath").unwrap_or_default(),
                host,
                read_only: mount.get("readOnly") == Some(&Value::Bool(true)),
            }
        })
        .collect()
}

/// An HTTP or TCP probe with the defaults of `pkg/apis/core/v1/defaults.go`; others are `None`.
fn probe(container: &str, value: &Value, key: &str) -> Result<Option<Probe>, ParseProblem> {
    let Some(probe) = value.get(key) else { return Ok(None) };
    let (action, http) = match (probe.get("httpGet"), probe.get("tcpSocket")) {
        (Some(action), _) => (action, true),
        (None, Some(action)) => (action, false),
        (None, None) => return Ok(None),
    };
    let port = port(value, action.get("port")).ok_or_else(|| {
        let port = action.get("port").unwrap_or(&Value::Null);
        problem(format!("{key} of container '{container}' asks port {port}, which nothing names"))
    })?;
    let seconds = |field: &str, default: u32| {
        let set = probe.get(field).and_then(Value::as_u64).unwrap_or(0);
        if set == 0 { default } else { u32::try_from(set).unwrap_or(u32::MAX) }
    };
    let path = || text_at(action, "path").filter(|p| !p.is_empty()).unwrap_or_else(|| "/".into());
    Ok(Some(Probe {
        path: http.then(path),
        host: text_at(action, "host").filter(|host| !host.is_empty()),
        port,
        tls: text_at(action, "scheme").is_some_and(|scheme| scheme == "HTTPS"),
        headers: list(action, "httpHeaders")
            .iter()
            .filter_map(|header| Some((text_at(header, "name")?, text_at(header, "value")?)))
            .collect(),
        initial_delay: seconds("initialDelaySeconds", 0),
        period: seconds("periodSeconds", 10),
        timeout: seconds("timeoutSeconds", 1),
        failure_threshold: seconds("failureThreshold", 3),
    }))
}

/// A port number, or the number of a port the container names; a number in quotes is one too.
fn port(container: &Value, port: Option<&Value>) -> Option<u16> {
    let number = |value: &Value| value.as_u64().and_then(|port| u16::try_from(port).ok());
    match port? {
        Value::String(name) => list(container, "ports")
            .iter()
            .find(|port| port.get("name").and_then(Value::as_str) == Some(name))
            .and_then(|port| number(port.get("containerPort")?))
            .or_else(|| name.parse().ok()),
        value => number(value),
    }
}

fn text_at(value: &Value, path: &str) -> Option<String> {
    yaml::at(value, path).and_then(Value::as_str).map(str::to_owned)
}

fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    yaml::at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn problem(message: String) -> ParseProblem {
    ParseProblem { line: None, message }
}
