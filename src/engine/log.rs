//! What this program does outside, noted line by line for whoever wants to watch it.

use std::sync::Arc;

use super::Engine;
use crate::{
    cluster::{
        Cluster, Reader,
        logged::{LoggedCluster, LoggedReader},
    },
    model::{Record, RecordKind},
    node::log::{End, Kind, LoggedNode, Noted, Who},
};

pub use crate::node::log::{End as LogEnd, Kind as LogKind, Log, LogLine, Who as LogWho};

impl Engine {
    /// Notes from now on whatever is done outside.
    #[must_use]
    pub fn logged(mut self) -> (Self, Log) {
        let log = Log::default();
        self.node = Arc::new(LoggedNode::new(self.node, &log));
        self.log = Some(log.clone());
        (self, log)
    }

    pub(super) fn noted_cluster(&self, cluster: Arc<dyn Cluster>) -> Arc<dyn Cluster> {
        match &self.log {
            Some(log) => Arc::new(LoggedCluster::new(cluster, &self.node, log)),
            None => cluster,
        }
    }

    pub(super) fn noted_reader(&self, reader: Arc<dyn Reader>) -> Arc<dyn Reader> {
        match &self.log {
            Some(log) => Arc::new(LoggedReader::new(reader, &self.node, log)),
            None => reader,
        }
    }
}

/// What another process has written, as its journal tells: this one did not see it.
pub fn note_of_guard(log: &Log, records: &[Record]) {
    for record in records {
        let (verb, what, size) = match &record.kind {
            RecordKind::BackedUp { path } => ("back up", path, None),
            RecordKind::Applied { path } => ("write", path, None),
            RecordKind::Restored { path } => ("restore", path, None),
            RecordKind::EtcdSnapshot { path, size, .. } => ("create", path, Some(*size)),
            RecordKind::Kept { path, .. } => ("create", path, None),
            _ => continue,
        };
        let (who, kind, end) = (Who::Guard, Kind::Written, End::Done);
        log.note(Noted { who, kind, verb, before: "", what, size, end }, record.at);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::{Component, Digest};

    #[test]
    fn the_journal_tells_what_the_guard_wrote_and_nothing_it_heard() {
        let path = || "/etc/kubernetes/manifests/etcd.yaml".to_owned();
        let kinds = [
            RecordKind::Committed,
            RecordKind::BackedUp { path: path() },
            RecordKind::Applied { path: path() },
            RecordKind::Kept {
                component: Component::Etcd,
                path: "/var/lib/kube-temper/last-words".to_owned(),
                telling: "a token=S3CRET".to_owned(),
            },
            RecordKind::EtcdSnapshot {
                path: "/var/lib/kube-temper/etcd-snapshot.db".to_owned(),
                size: 4_096,
                digest: Digest::of(b""),
                restore: Vec::new(),
            },
        ];
        let record = |(seq, kind)| Record { seq, at: Timestamp::UNIX_EPOCH, kind };
        let records: Vec<Record> = (0..).zip(kinds).map(record).collect();
        let log = Log::default();
        note_of_guard(&log, &records);
        let lines = log.news(&mut 0).unwrap();
        assert!(lines.iter().all(|line| line.who == Who::Guard && line.kind == Kind::Written));
        let told: Vec<_> = lines.iter().map(|l| (l.verb, l.what.as_str(), l.size)).collect();
        assert_eq!(
            told,
            [
                ("back up", "/etc/kubernetes/manifests/etcd.yaml", None),
                ("write", "/etc/kubernetes/manifests/etcd.yaml", None),
                ("create", "/var/lib/kube-temper/last-words", None),
                ("create", "/var/lib/kube-temper/etcd-snapshot.db", Some(4_096)),
            ]
        );
    }
}
