//! Nodes on which a control should pass, and nodes on which it should fail, made from what the
//! control's check says.

use kube_temper::model::{
    Check, Component, Control, Expect, FieldValue, NodeFacts, PathVar,
    control::{AuditRule, Mode, Owner},
};
use serde_json::{Value, json};

use super::node::{DROP_IN_DIR, KUBELET_CONFIG, Node};

/// A node with a name that says what was done to it.
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) node: Node,
}

/// Folders that are mounted into the API server's container, where a test file is seen by it.
const MOUNTED: &str = "/etc/kubernetes/pki";

struct Maker<'b> {
    base: &'b Node,
    facts: &'b NodeFacts,
    made: Vec<Variant>,
}

/// Variants of a node for one control; empty when only a person or the API can judge it.
pub(crate) fn of(control: &Control, base: &Node, facts: &NodeFacts) -> Vec<Variant> {
    let mut maker = Maker { base, facts, made: Vec::new() };
    maker.add("as recorded", |_| {});
    maker.make(&control.check);
    maker.made
}

impl Maker<'_> {
    fn add(&mut self, name: impl Into<String>, change: impl FnOnce(&Node)) {
        let node = self.base.copy();
        change(&node);
        self.made.push(Variant { name: name.into(), node });
    }

    fn make(&mut self, check: &Check) {
        match check {
            Check::FileMode { path, at_most } => self.modes(*path, *at_most),
            Check::FileOwner { path, owner } => self.owners(*path, owner),
            Check::Directory { .. } => self.directory(),
            Check::Flag { component, flags, expect, requires, ignored_with, .. } => {
                self.flags(*component, flags, expect, requires, ignored_with);
            }
            Check::AdmissionPlugin { plugin, .. } => self.admission(plugin),
            Check::AuthorizationMode { mode, .. } => self.authorization(mode),
            Check::AnonymousRequests {} => {
                for value in ["true", "false"] {
                    self.add(format!("--anonymous-auth={value}"), |node| {
                        node.flag(Component::KubeApiserver, "anonymous-auth", Some(value));
                    });
                }
            }
            Check::FeatureGate { component, gate, .. } => self.gate(*component, gate),
            Check::KubeletField { fields, flags, expect, .. } => {
                self.kubelet(fields, flags, expect);
            }
            Check::EncryptionProviders { allowed } => self.encryption(allowed),
            Check::AuditPolicy { cover } => self.audit(cover),
            Check::EtcdOwnCa {} => {
                self.add("the API server accepts etcd's CA", |node| {
                    let ca = "/etc/kubernetes/pki/etcd/ca.crt";
                    node.flag(Component::KubeApiserver, "client-ca-file", Some(ca));
                });
            }
            Check::KubeProxyField { flag, .. } => self.proxy(flag),
            Check::Api { .. } | Check::Review { .. } => self.made.clear(),
        }
    }

    /// The files of a place; those that a kubeadm node does not have are added first.
    fn files(&mut self, place: PathVar) -> Vec<String> {
        let paths = self.facts.profile.paths.get(&place).cloned().unwrap_or_default();
        assert!(!paths.is_empty(), "the recorded node has no file for {place:?}");
        paths
    }

    fn modes(&mut self, place: PathVar, at_most: Mode) {
        if place == PathVar::ProxyKubeconfig {
            return self.proxy_kubeconfig();
        }
        let paths = self.files(place);
        self.add("tight", |node| {
            for path in &paths {
                let path = node.resolve(path);
                node.chmod(&path, node.meta(&path).mode & at_most.0);
            }
        });
        for mode in [at_most.0 | 0o022, at_most.0 | 0o4000, 0o777] {
            self.add(format!("one file {mode:04o}"), |node| {
                node.chmod(&node.resolve(&paths[0]), mode);
            });
        }
        self.add("all files 0777", |node| {
            for path in &paths {
                node.chmod(&node.resolve(path), 0o777);
            }
        });
    }

    fn owners(&mut self, place: PathVar, owner: &Owner) {
        if place == PathVar::ProxyKubeconfig {
            return self.proxy_kubeconfig();
        }
        let paths = self.files(place);
        let (user, group) = if owner.user == "etcd" { (117, 125) } else { (0, 0) };
        self.add("as wanted", |node| {
            for path in &paths {
                node.chown(&node.resolve(path), user, group);
            }
        });
        for (uid, gid) in [(4711, group), (user, 4711), (4711, 4711)] {
            self.add(format!("the last file {uid}:{gid}"), |node| {
                node.chown(&node.resolve(&paths[paths.len() - 1]), uid, gid);
            });
        }
    }

    /// kube-proxy of kubeadm has its kubeconfig in a `ConfigMap`: here it is a process with a file.
    fn proxy_kubeconfig(&mut self) {
        for (mode, uid) in [(0o600, 0), (0o666, 0), (0o600, 4711)] {
            self.add(format!("kube-proxy's kubeconfig {mode:04o} of {uid}"), |node| {
                let path = "/etc/kubernetes/proxy.conf";
                node.files.put_file(path, mode, "kind: Config\n");
                node.chown(path, uid, 0);
                node.host_proxy(&format!("--kubeconfig={path}"));
            });
        }
    }

    fn proxy(&mut self, flag: &str) {
        for value in ["127.0.0.1:10249", "0.0.0.0:10249"] {
            self.add(format!("kube-proxy --{flag}={value}"), |node| {
                node.host_proxy(&format!("--{flag}={value}"));
            });
        }
    }

    fn directory(&mut self) {
        for (dir, file, uid) in [(0o755, 0o644, 0), (0o777, 0o644, 0), (0o755, 0o666, 4711)] {
            self.add(format!("folder {dir:04o}, file {file:04o} of {uid}"), |node| {
                let path = node.drop_in();
                node.chmod(DROP_IN_DIR, dir);
                node.chmod(&path, file);
                node.chown(&path, uid, uid);
            });
        }
    }

    fn flags(
        &mut self,
        component: Component,
        flags: &[String],
        expect: &Expect,
        requires: &[String],
        ignored_with: &[String],
    ) {
        let prepare = |node: &Node| {
            for other in requires {
                node.flag(component, other, Some("/etc/kubernetes/pki/ca.crt"));
            }
            for other in ignored_with {
                node.flag(component, other, None);
            }
        };
        for flag in flags {
            self.add(format!("without --{flag}"), |node| {
                prepare(node);
                node.flag(component, flag, None);
            });
        }
        for value in values(expect) {
            self.add(format!("{flags:?} = {value}"), |node| {
                prepare(node);
                for flag in flags {
                    node.flag(component, flag, Some(&text(&value)));
                }
            });
        }
    }

    fn admission(&mut self, plugin: &str) {
        for (name, flag, value) in [
            ("enabled", "enable-admission-plugins", plugin.to_owned()),
            (
                "enabled among others",
                "enable-admission-plugins",
                format!("NodeRestriction,{plugin}"),
            ),
            ("not mentioned", "enable-admission-plugins", "PodSecurity".to_owned()),
            ("disabled", "disable-admission-plugins", plugin.to_owned()),
            ("disabled among others", "disable-admission-plugins", format!("{plugin},PodSecurity")),
        ] {
            self.add(format!("{plugin} {name}"), |node| {
                node.flag(Component::KubeApiserver, flag, Some(&value));
            });
        }
    }

    fn authorization(&mut self, mode: &str) {
        for value in ["Node,RBAC", "AlwaysAllow", "RBAC", "Node", "AlwaysAllow,RBAC", "Webhook"] {
            self.add(format!("{mode}: --authorization-mode={value}"), |node| {
                node.flag(Component::KubeApiserver, "authorization-mode", Some(value));
            });
        }
        self.add("without --authorization-mode", |node| {
            node.flag(Component::KubeApiserver, "authorization-mode", None);
        });
    }

    fn gate(&mut self, component: Component, gate: &str) {
        for on in [true, false] {
            for value in [format!("{gate}={on}"), format!("Other=true,{gate}={on}")] {
                self.add(format!("--feature-gates={value}"), |node| {
                    node.flag(component, "feature-gates", Some(&value));
                });
            }
            if component == Component::Kubelet {
                self.add(format!("featureGates.{gate}: {on}"), |node| {
                    node.field(KUBELET_CONFIG, &format!("featureGates.{gate}"), Some(json!(on)));
                });
            }
        }
    }

    /// Every value in every place: the main file, a drop-in that overrides it, a flag that overrides
    /// both.
    fn kubelet(&mut self, fields: &[String], flags: &[String], expect: &Expect) {
        for field in fields {
            self.add(format!("without {field}"), |node| node.field(KUBELET_CONFIG, field, None));
        }
        for value in values(expect) {
            let in_file = |node: &Node, path: &str| {
                for field in fields {
                    node.field(path, field, Some(value.clone()));
                }
            };
            self.add(format!("{fields:?}: {value}"), |node| in_file(node, KUBELET_CONFIG));
            self.add(format!("{fields:?}: {value} in a drop-in"), |node| {
                let drop_in = node.drop_in();
                in_file(node, &drop_in);
            });
            self.add(format!("--{flags:?}={value}"), |node| {
                for flag in flags {
                    node.flag(Component::Kubelet, flag, Some(&text(&value)));
                }
            });
        }
    }

    fn encryption(&mut self, allowed: &[String]) {
        for (first, second) in
            [(allowed[0].as_str(), "identity"), ("identity", allowed[0].as_str())]
        {
            self.add(format!("{first} first"), |node| {
                let path = format!("{MOUNTED}/encryption.yaml");
                let provider = |name: &str| match name {
                    "identity" => json!({"identity": {}}),
                    name => json!({name: {"keys": [{"name": "k", "secret": "AAAA"}]}}),
                };
                let config = json!({
                    "apiVersion": "apiserver.config.k8s.io/v1",
                    "kind": "EncryptionConfiguration",
                    "resources": [{
                        "resources": ["secrets"],
                        "providers": [provider(first), provider(second)],
                    }],
                });
                node.files.put_file(&path, 0o600, serde_yaml::to_string(&config).unwrap());
                node.flag(Component::KubeApiserver, "encryption-provider-config", Some(&path));
            });
        }
    }

    fn audit(&mut self, cover: &[AuditRule]) {
        let wanted: Vec<Value> = cover
            .iter()
            .map(|rule| {
                let mut policy = json!({
                    "level": serde_json::to_value(rule.at_most.unwrap_or(rule.at_least))
                        .unwrap(),
                    "resources": [{"group": rule.group, "resources": rule.resources}],
                });
                let level = match policy["level"].as_str().unwrap() {
                    "metadata" => "Metadata",
                    "request" => "Request",
                    _ => "RequestResponse",
                };
                policy["level"] = json!(level);
                if !rule.verbs.is_empty() {
                    policy["verbs"] = json!(rule.verbs);
                }
                policy
            })
            .collect();
        for (name, rules) in
            [("logs what matters", wanted), ("logs nothing", vec![json!({"level": "None"})])]
        {
            self.add(name, |node| {
                let path = format!("{MOUNTED}/audit.yaml");
                let policy =
                    json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules});
                node.files.put_file(&path, 0o600, serde_yaml::to_string(&policy).unwrap());
                node.flag(Component::KubeApiserver, "audit-policy-file", Some(&path));
            });
        }
    }
}

/// Values on both sides of an expectation.
fn values(expect: &Expect) -> Vec<Value> {
    match expect {
        Expect::Eq { value } | Expect::NotEq { value } => vec![plain(value), other(value)],
        Expect::Gt { value } => vec![json!(value + 1), json!(*value)],
        Expect::Gte { value } => vec![json!(*value), json!(value - 1)],
        Expect::Present {} => vec![json!("/etc/kubernetes/pki/ca.crt")],
        Expect::File {} => vec![json!("/etc/kubernetes/pki/ca.crt"), json!("/nowhere/ca.crt")],
        Expect::Absent {} => vec![json!("something")],
        Expect::Subset { values } => vec![json!([values[0]]), json!([values[0], "TLS_WEAK"])],
        Expect::Loopback {} => vec![json!("127.0.0.1"), json!("0.0.0.0")],
        Expect::NonZeroDuration {} => vec![json!("1h0m0s"), json!("0s")],
    }
}

fn plain(value: &FieldValue) -> Value {
    serde_json::to_value(value).unwrap()
}

fn other(value: &FieldValue) -> Value {
    match value {
        FieldValue::Bool(value) => json!(!value),
        FieldValue::Int(value) => json!(value + 1),
        FieldValue::Text(value) => match value.as_str() {
            "true" => json!("false"),
            "false" => json!("true"),
            "AlwaysAllow" => json!("Webhook"),
            value => json!(format!("{value}x")),
        },
        FieldValue::List(values) => json!([values.as_slice(), &["x".to_owned()]].concat()),
    }
}

/// The value as a flag takes it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
