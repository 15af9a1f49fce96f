//! What a node is besides its files, noted: the kubelet, programs, etcd, and who keeps a transaction going.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{End, Kind, Log, Noted, Who, failed};
use crate::{
    model::{
        Component, TransactionId,
        facts::{Container, Probe},
    },
    node::{
        Etcd, EtcdError, Keeper, KubeletView, Node, NodeError, NodeErrorKind, PodStatus,
        ProbeAnswer, Programs, ServiceState, Trial,
        etcd::{EtcdMember, Keep, Limits, MemberStatus},
    },
};

const RUN: (Kind, &str) = (Kind::Run, "run");
const GET: (Kind, &str) = (Kind::Sent, "get");

/// What stands behind each part of a node is asked of the node itself.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) node: Arc<dyn Node>,
    log: Log,
}

impl Outside {
    pub(super) fn new(node: Arc<dyn Node>, log: &Log) -> Self {
        Self { node, log: log.clone() }
    }

    pub(super) fn note(
        &self,
        (kind, verb): (Kind, &'static str),
        what: &str,
        size: Option<usize>,
        end: End,
    ) {
        let size = size.map(|size| size as u64);
        let line = Noted { who: Who::Us, kind, verb, before: "", what, size, end };
        self.log.note(line, self.node.clock().now());
    }

    pub(super) fn done<T>(
        &self,
        verb: (Kind, &'static str),
        what: &str,
        result: Result<T, NodeError>,
    ) -> Result<T, NodeError> {
        self.note(verb, what, None, end(&result));
        result
    }

    fn tried(&self, what: &str, trial: Trial) -> Trial {
        let end = match &trial {
            Trial::Accepted { .. } => End::Done,
            Trial::Rejected { .. } => End::Failed("rejected"),
            Trial::Untried { .. } => End::Failed("not tried"),
            Trial::Unclear { .. } => End::Failed("unclear"),
        };
        self.note(RUN, what, None, end);
        trial
    }

    fn asked<T>(&self, what: &str, result: Result<T, EtcdError>) -> Result<T, EtcdError> {
        let end = match &result {
            Ok(_) => End::Done,
            Err(EtcdError::NoGateway(_)) => End::Failed("no gateway"),
            Err(EtcdError::Silent(_)) => End::Failed("no answer"),
            Err(EtcdError::Refused(_)) => End::Failed("refused"),
            Err(EtcdError::Broken(_)) => End::Failed("not whole"),
            Err(EtcdError::NotKept(error)) => failed(&error.kind),
        };
        self.note((Kind::Sent, "post"), what, None, end);
        result
    }
}

pub(super) fn end<T>(result: &Result<T, NodeError>) -> End {
    match result {
        Ok(_) => End::Done,
        Err(error) => failed(&error.kind),
    }
}

/// A part that was handed out is there; were it not, it could be asked nothing.
fn gone(operation: &'static str) -> NodeError {
    NodeError { operation, path: "/".to_owned(), kind: NodeErrorKind::NotFound }
}

/// Without its query, which may hold what only the two ends are to know.
fn address(probe: &Probe) -> String {
    let host = probe.host.as_deref().unwrap_or("127.0.0.1");
    let Some(path) = &probe.path else { return format!("tcp://{host}:{}", probe.port) };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let scheme = if probe.tls { "https" } else { "http" };
    format!("{scheme}://{host}:{}{path}", probe.port)
}

impl KubeletView for Outside {
    fn pod_status(&self, component: Component) -> Result<Option<PodStatus>, NodeError> {
        let kubelet = self.node.kubelet().ok_or_else(|| gone("ask"))?;
        let what = format!("kubelet: the pod of {component}");
        self.done(GET, &what, kubelet.pod_status(component))
    }

    fn probe(&self, probe: &Probe) -> ProbeAnswer {
        let Some(kubelet) = self.node.kubelet() else { return ProbeAnswer::Broken };
        let answer = kubelet.probe(probe);
        let end = match answer {
            ProbeAnswer::Status(status) => End::Status(status),
            ProbeAnswer::Refused => End::Failed("refused"),
            ProbeAnswer::TimedOut => End::Failed("no answer"),
            ProbeAnswer::Broken => End::Failed("broken"),
        };
        self.note(GET, &address(probe), None, end);
        answer
    }

    fn restart(&self) -> Result<(), NodeError> {
        let kubelet = self.node.kubelet().ok_or_else(|| gone("restart"))?;
        self.done(RUN, "restart of the kubelet", kubelet.restart())
    }

    fn can_restart(&self) -> Result<(), NodeError> {
        let kubelet = self.node.kubelet().ok_or_else(|| gone("restart"))?;
        self.done(RUN, "service manager: can the kubelet restart", kubelet.can_restart())
    }

    fn healthy(&self) -> bool {
        let healthy = self.node.kubelet().is_some_and(KubeletView::healthy);
        let end = if healthy { End::Done } else { End::Failed("not well") };
        self.note(GET, "kubelet: /healthz", None, end);
        healthy
    }

    fn log(&self, since: Timestamp) -> Result<Option<String>, NodeError> {
        let kubelet = self.node.kubelet().ok_or_else(|| gone("read the log of"))?;
        let result = kubelet.log(since);
        let size = result.as_ref().ok().and_then(Option::as_ref).map(String::len);
        self.note(RUN, "service manager: log of the kubelet", size, end(&result));
        result
    }

    fn service(&self) -> Result<Option<ServiceState>, NodeError> {
        let kubelet = self.node.kubelet().ok_or_else(|| gone("ask"))?;
        self.done(RUN, "service manager: state of the kubelet", kubelet.service())
    }
}

impl Programs for Outside {
    fn parse(&self, component: Component, args: &[String]) -> Trial {
        let Some(programs) = self.node.programs() else { return Trial::untried("it is gone") };
        let what = format!("{component}, to read planned arguments");
        self.tried(&what, programs.parse(component, args))
    }

    fn try_kubelet(&self, args: &[String], files: &BTreeMap<String, String>) -> Trial {
        let Some(programs) = self.node.programs() else { return Trial::untried("it is gone") };
        let what = if files.is_empty() {
            "kubelet, to read its configuration"
        } else {
            "kubelet, to read its planned configuration"
        };
        self.tried(what, programs.try_kubelet(args, files))
    }

    fn rehearse(&self, planned: &Container, written: &[String]) -> Trial {
        let Some(programs) = self.node.programs() else { return Trial::untried("it is gone") };
        let trial = programs.rehearse(planned, written);
        self.tried("kube-apiserver, beside the real one", trial)
    }

    fn message(&self, text: &str) {
        if let Some(programs) = self.node.programs() {
            programs.message(text);
            self.note(RUN, "wall, to everybody who is logged in", None, End::Done);
        }
    }
}

impl Etcd for Outside {
    fn status(&self) -> Result<MemberStatus, EtcdError> {
        let etcd = self.node.etcd().ok_or_else(|| gone("ask"))?;
        self.asked("etcd: /v3/maintenance/status", etcd.status())
    }

    fn members(&self) -> Result<Vec<EtcdMember>, EtcdError> {
        let etcd = self.node.etcd().ok_or_else(|| gone("ask"))?;
        self.asked("etcd: /v3/cluster/member/list, and each member", etcd.members())
    }

    fn snapshot(&self, limits: Limits, keep: &mut Keep<'_>) -> Result<(), EtcdError> {
        let etcd = self.node.etcd().ok_or_else(|| gone("ask"))?;
        self.asked("etcd: /v3/maintenance/snapshot", etcd.snapshot(limits, keep))
    }
}

impl Keeper for Outside {
    fn start_guard(&self, id: &TransactionId, between: bool) -> Result<String, NodeError> {
        let keeper = self.node.keeper().ok_or_else(|| gone("start"))?;
        let what = format!("kube-temper guard {id}, in a process of its own");
        self.done(RUN, &what, keeper.start_guard(id, between))
    }

    fn shield(&self) {
        if let Some(keeper) = self.node.keeper() {
            keeper.shield();
        }
    }

    fn arm(&self, id: &TransactionId, pause: Duration) -> Result<Option<String>, NodeError> {
        let keeper = self.node.keeper().ok_or_else(|| gone("arm"))?;
        let what = format!("service manager: timer of kube-temper recover {id}");
        self.done(RUN, &what, keeper.arm(id, pause))
    }

    fn disarm(&self, id: &TransactionId) -> Result<(), NodeError> {
        let keeper = self.node.keeper().ok_or_else(|| gone("disarm"))?;
        let what = format!("service manager: no timer of kube-temper recover {id}");
        self.done(RUN, &what, keeper.disarm(id))
    }
}
