//! What a control wants, in words.
use crate::model::{Check, Expect};

/// What a value must be: `false`, `30 or more`.
pub(super) fn value(expect: &Expect) -> String {
    match expect {
        Expect::Eq { value } => value.to_string(),
        Expect::NotEq { value } => format!("anything but {value}"),
        Expect::Gt { value } => format!("more than {value}"),
        Expect::Gte { value } => format!("{value} or more"),
        Expect::Present {} => "a value".to_owned(),
        Expect::File {} => "a file that exists".to_owned(),
        Expect::Absent {} => "it not to be set".to_owned(),
        Expect::Subset { values } => format!("only {}", values.join(", ")),
        Expect::Loopback {} => "a loopback address".to_owned(),
        Expect::NonZeroDuration {} => "a duration other than zero".to_owned(),
    }
}

/// A setting and what it must be: `--profiling is false`.
fn setting(names: &[String], expect: &Expect) -> String {
    let (names, is, are) = match names {
        [only] => (only.clone(), "is", "is"),
        _ => (names.join(" and "), "are", "are each"),
    };
    match expect {
        Expect::Absent {} => format!("{names} {is} not set"),
        Expect::Present {} => format!("{names} {is} set"),
        Expect::File {} => format!("{names} {is} set, and what it names exists"),
        _ => format!("{names} {are} {}", value(expect)),
    }
}

fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// What is wanted, in one line.
pub(super) fn expected(check: &Check) -> String {
    match check {
        Check::FileMode { at_most, .. } => format!("mode {at_most} or tighter"),
        Check::FileOwner { owner, .. } => format!("owner {}", String::from(owner.clone())),
        Check::Directory { dir_mode, file_mode, owner, .. } => format!(
            "directory {dir_mode} or tighter, files {file_mode} or tighter, owner {}",
            String::from(owner.clone())
        ),
        Check::Flag { flags, expect, requires, .. } => {
            let dashed: Vec<String> = flags.iter().map(|flag| format!("--{flag}")).collect();
            let wanted = setting(&dashed, expect);
            if requires.is_empty() {
                return wanted;
            }
            let others: Vec<String> = requires.iter().map(|flag| format!("--{flag}")).collect();
            format!("{wanted}, beside {}", others.join(" and "))
        }
        Check::AdmissionPlugin { plugin, enabled, .. } => {
            format!("admission plugin {plugin} is {}", on_or_off(*enabled))
        }
        Check::AuthorizationMode { mode, enabled: true } => {
            format!("{mode} is among the authorization modes")
        }
        Check::AuthorizationMode { mode, enabled: false } => {
            format!("{mode} is not among the authorization modes")
        }
        Check::AnonymousRequests {} => {
            "anonymous requests are off, or limited to exact paths".to_owned()
        }
        Check::FeatureGate { gate, enabled, .. } => {
            format!("feature gate {gate} is {}", on_or_off(*enabled))
        }
        Check::KubeletField { fields, expect, .. } => setting(fields, expect),
        Check::KubeProxyField { field, expect, .. } => setting(std::slice::from_ref(field), expect),
        Check::EncryptionProviders { allowed } => {
            format!("Secrets are written with {} first", allowed.join(", "))
        }
        Check::AuditPolicy { .. } => "the audit policy logs the key security events".to_owned(),
        Check::EtcdOwnCa {} => {
            "etcd trusts no certificate authority that API clients may use".to_owned()
        }
        Check::Api { look_at, .. } | Check::Review { look_at, .. } => look_at.clone(),
    }
}
