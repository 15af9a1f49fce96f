//! What a container's program is told: by its arguments, and etcd by variables of its environment too.

use std::collections::BTreeMap;

use crate::{
    model::{Component, facts::Container},
    text::flags::{self, names, variables},
};

/// The settings of one container.
#[derive(Debug)]
pub(super) struct Settings {
    args: Vec<String>,
    /// Names of variables, by the flags they stand for.
    by_variable: BTreeMap<&'static str, String>,
    /// Variables whose values come from elsewhere.
    unread: Vec<String>,
}

impl Settings {
    /// A variable counts where its flag is not given (etcd's `SetFlagsFromEnv`).
    pub(super) fn of(component: Component, container: &Container) -> Self {
        let given: Vec<String> = container.args.iter().map(|arg| arg.text.clone()).collect();
        let mut settings =
            Self { args: given.clone(), by_variable: BTreeMap::new(), unread: Vec::new() };
        if component != Component::Etcd {
            return settings;
        }
        for flag in names::of(component) {
            let name = variables::of_flag(flag);
            let Some(variable) = container.variables.set.get(&name) else { continue };
            if flags::value(&given, flag).is_some() {
                continue;
            }
            match &variable.value {
                Some(value) => {
                    settings.args.push(format!("--{flag}={value}"));
                    settings.by_variable.insert(flag, name);
                }
                None => settings.unread.push(name),
            }
        }
        settings.unread.extend(container.variables.more.clone());
        settings
    }

    /// As arguments, the program first.
    pub(super) fn args(&self) -> &[String] {
        &self.args
    }

    /// What sets a flag, as a person finds it in the manifest.
    pub(super) fn by(&self, flag: &str) -> String {
        self.by_variable.get(flag).cloned().unwrap_or_else(|| format!("--{flag}"))
    }

    /// What nobody looked at.
    pub(super) fn unread(&self) -> impl Iterator<Item = String> {
        self.unread
            .iter()
            .map(|name| format!("what {name} gives it comes from elsewhere, and was not looked at"))
    }
}
