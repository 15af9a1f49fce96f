//! Files by what they are for, and the modes and owners wanted of them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `user:group`, by name; resolved in the node's own `/etc/passwd` and `/etc/group`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^[a-z_][a-z0-9_-]*:[a-z_][a-z0-9_-]*$"))]
pub struct Owner {
    /// User name.
    pub user: String,
    /// Group name.
    pub group: String,
}

impl TryFrom<String> for Owner {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once(':') {
            Some((user, group)) if !user.is_empty() && !group.is_empty() => {
                Ok(Self { user: user.to_owned(), group: group.to_owned() })
            }
            _ => Err(format!("'{text}' is not user:group")),
        }
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        format!("{}:{}", owner.user, owner.group)
    }
}

/// Permission bits, written in octal: `'0600'`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^0[0-7]{3}$"))]
pub struct Mode(pub u32);

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match u32::from_str_radix(&text, 8) {
            Ok(bits) if text.len() == 4 && bits <= 0o777 => Ok(Self(bits)),
            _ => Err(format!("'{text}' is not a mode: write four octal digits such as '0600'")),
        }
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.to_string()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

/// A place this node keeps something; which paths it stands for is settled by discovery.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PathVar {
    /// API server static pod manifest.
    ApiserverManifest,
    /// Controller-manager static pod manifest.
    ControllerManagerManifest,
    /// Scheduler static pod manifest.
    SchedulerManifest,
    /// etcd static pod manifest, else its unit or config file.
    EtcdManifest,
    /// etcd data directory (the directory itself).
    EtcdDataDir,
    /// admin.conf and super-admin.conf, those that exist.
    AdminKubeconfigs,
    /// Scheduler kubeconfig.
    SchedulerKubeconfig,
    /// Controller-manager kubeconfig.
    ControllerManagerKubeconfig,
    /// The PKI directory and everything below it.
    PkiTree,
    /// `**/*.crt` below the PKI directory.
    PkiCertificates,
    /// `**/*.key` below the PKI directory.
    PkiKeys,
    /// Regular files below the CNI configuration directory and the host-local IPAM state.
    CniFiles,
    /// Kubelet unit file and all its drop-ins.
    KubeletServiceFiles,
    /// The kubelet's own configuration file.
    KubeletConfig,
    /// The kubelet's kubeconfig.
    KubeletKubeconfig,
    /// CA bundle the kubelet verifies its clients with (effective value).
    KubeletClientCa,
    /// kube-proxy's kubeconfig, when it is a file on the host.
    ProxyKubeconfig,
    /// Directory of kubelet configuration drop-ins.
    KubeletDropInDir,
    /// `*.conf` files in that directory.
    KubeletDropInFiles,
}
