//! How a node looks that is well.

use std::collections::BTreeMap;

use super::support::at;
use crate::{
    cluster::{ApiServer, NodeStatus},
    engine::{Asked, ClusterHealth, ComponentHealth, Health},
    model::{Component, Process, ProcessFact},
    node::{PodStatus, ServiceState},
};

/// A control plane that is well.
pub(crate) fn health() -> Health {
    let component = |component, pid, paths: &[&str]| ComponentHealth {
        component,
        process: ProcessFact::Running(Process {
            pid,
            start: 0,
            binary: String::new(),
            argv: Vec::new(),
            uid: 0,
            pod: None,
            unit: None,
            env: BTreeMap::new(),
            env_unread: None,
        }),
        since: Some(at(-3_700)),
        pod: Some(PodStatus { pod: String::new(), started: true, ready: true, restarts: 1 }),
        service: None,
        probes: paths
            .iter()
            .map(|path| Asked {
                what: format!("https://10.0.0.1:6443/{path}"),
                answer: "200".to_owned(),
                good: true,
            })
            .collect(),
    };
    let mut kubelet = component(Component::Kubelet, 700, &[]);
    kubelet.pod = None;
    kubelet.since = Some(at(-90_000));
    kubelet.service = Some(ServiceState {
        active: "active".to_owned(),
        sub: "running".to_owned(),
        restarts: 0,
        pid: Some(700),
    });
    let what = "its own health check".to_owned();
    kubelet.probes = vec![Asked { what, answer: "ok".to_owned(), good: true }];
    let server = |address: &str, own| ApiServer { address: address.to_owned(), own, ready: true };
    Health {
        at: at(0),
        components: vec![
            component(Component::KubeApiserver, 8123, &["readyz", "livez"]),
            component(Component::KubeScheduler, 900, &["healthz"]),
            kubelet,
        ],
        cluster: Some(Ok(ClusterHealth {
            node: NodeStatus { ready: true, renewed: Some(at(-4)) },
            servers: vec![server("10.0.0.1:6443", true), server("10.0.0.2:6443", false)],
        })),
        open: Vec::new(),
        holder: None,
    }
}
