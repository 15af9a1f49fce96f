//! The kubelet that runs, and the settings it was given: what a transaction asks it by.

use serde_json::Value;

use super::{kubelet, processes, reader::Reader};
use crate::{
    model::{Component, Process},
    node::Files,
    text::{flags, yaml},
};

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
