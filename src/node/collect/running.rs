//! The kubelet that runs, and the settings it was given: what a transaction asks it by.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{kubelet, processes, reader::Reader};
use crate::{
    model::{Component, Process},
    node::{Files, Node},
    text::{flags, yaml},
};

/// Clock ticks per second in `/proc/PID/stat`: the same on every Linux.
const TICKS: u64 = 100;

/// When a process began; `None` where `/proc` does not tell.
pub fn began(node: &dyn Node, process: &Process) -> Option<Timestamp> {
    let text = node.files().read("/proc/uptime", 4096).ok()?;
    let seconds: f64 = std::str::from_utf8(&text).ok()?.split_whitespace().next()?.parse().ok()?;
    let uptime = Duration::try_from_secs_f64(seconds).ok()?;
    let start = Duration::from_millis(process.start.saturating_mul(1000 / TICKS));
    node.clock().ago(uptime.saturating_sub(start))
}

/// A running kubelet with its configuration, read now.
#[derive(Debug)]
pub struct RunningKubelet {
    /// Its process.
    pub process: Process,
    config: Value,
}

impl RunningKubelet {
    /// Finds it; `None` when none runs, or none that is surely this node's.
    pub fn find(files: &dyn Files) -> Option<Self> {
        let mut reader = Reader::new(files);
        let processes = processes::scan(&mut reader, true);
        let process = processes.running(Component::Kubelet)?.clone();
        let config = kubelet::configured(&mut reader, &process.argv);
        Some(Self { process, config })
    }

    /// A setting in force: the flag, else the field of the configuration. Empty is not set.
    pub fn setting(&self, flag: &str, field: &str) -> Option<String> {
        let given = flags::value(&self.process.argv, flag);
        given.or_else(|| self.field(field)).filter(|value| !value.is_empty())
    }

    fn field(&self, field: &str) -> Option<String> {
        match yaml::at(&self.config, field)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}
