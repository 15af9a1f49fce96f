//! What a component's program says of its arguments: `<program> <arguments> --version`.
//!
//! Kubernetes programs parse all flags before they look at `--version`: an unknown flag or a value of a wrong
//! type ends them with 1, otherwise they print their version and end with 0 (`facts`, measured for API
//! server, controller-manager, scheduler and kubelet). So does a feature gate that is not known: gates are set
//! before `--version` is looked at (`PersistentPreRunE`; up to 1.31 while flags are parsed). The kubelet sets its
//! gates once it has read its configuration: there its dry run tells. etcd parses with Go's flag package and ends with 2.

use crate::{
    model::Component,
    node::{Trial, host::run::last_line},
    text::flags,
};

/// Whether these arguments can be tried at all.
pub(in crate::node) fn fit(component: Component, args: &[String]) -> Result<(), String> {
    let program = args.first().map_or("", |first| first.rsplit('/').next().unwrap_or_default());
    if program != component.as_str() {
        return Err(format!("its command begins with '{program}' and not with {component}"));
    }
    if let Some(arg) = args.iter().find(|arg| arg.contains("$(")) {
        return Err(format!("only the kubelet can fill in '{arg}'"));
    }
    // What is added comes last, and must be read as a flag.
    if args.iter().any(|arg| arg == "--") {
        return Err("its flags end with '--'".to_owned());
    }
    match flags::unclear(args).first().and_then(|index| args.get(*index)) {
        Some(arg) => Err(format!("it is not known whether '{arg}' takes a value")),
        None => Ok(()),
    }
}

/// The arguments with which the program ends after it has read them.
pub(super) fn with_version(args: &[String]) -> Vec<String> {
    args.iter().cloned().chain(["--version".to_owned()]).collect()
}

/// What exit code and output mean.
pub(super) fn judge(component: Component, code: Option<i32>, output: &str) -> Trial {
    let refused = match (component, code) {
        (_, Some(0)) => return Trial::Accepted { note: unknown_gate(output) },
        (Component::Etcd, Some(2)) => etcd_refusal(output),
        (Component::Etcd, _) => None,
        (_, Some(1)) => Some(reason(output)),
        _ => None,
    };
    match (refused, code) {
        (Some(why), _) if !why.is_empty() => Trial::rejected(why),
        (_, Some(code)) => {
            Trial::untried(format!("{component} ended with {code}: {}", last_line(output)))
        }
        (_, None) => Trial::untried(format!("{component} was ended by a signal")),
    }
}

/// Some distributions' builds only warn of a gate they do not know, and start without it.
fn unknown_gate(output: &str) -> Option<String> {
    output.lines().find(|line| line.contains("unrecognized feature gate")).map(last_line)
}

/// Go's flag package says it first and prints its usage after it.
fn etcd_refusal(output: &str) -> Option<String> {
    let telling =
        ["flag provided but not defined", "invalid value", "invalid boolean", "flag needs"];
    output.lines().find(|line| telling.iter().any(|words| line.contains(words))).map(last_line)
}

/// The telling line: the one that says `Error:`, else the last.
pub(super) fn reason(output: &str) -> String {
    let error = output.lines().rev().find(|line| {
        let line = line.trim_start();
        line.starts_with("Error:") || line.starts_with("error:") || line.contains("err=\"")
    });
    last_line(error.unwrap_or(output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_the_programs_say_is_understood() {
        use Component::{Etcd, KubeApiserver, KubeScheduler, Kubelet};
        let rejected = |why: &str| Trial::rejected(why);
        for (component, code, output, want) in [
            (KubeApiserver, Some(0), "Kubernetes v1.36.2\n", Trial::accepted()),
            (
                KubeApiserver,
                Some(0),
                "W1124 feature_gate.go:9] unrecognized feature gate: X\nKubernetes v1.36.2\n",
                Trial::Accepted {
                    note: Some("W1124 feature_gate.go:9] unrecognized feature gate: X".to_owned()),
                },
            ),
            (
                KubeScheduler,
                Some(1),
                "E1124 run.go:72] \"command failed\" err=\"unrecognized feature gate: X\"\n",
                rejected(
                    "E1124 run.go:72] \"command failed\" err=\"unrecognized feature gate: X\"",
                ),
            ),
            (
                KubeApiserver,
                Some(1),
                "Error: unknown flag: --profilin\n",
                rejected("Error: unknown flag: --profilin"),
            ),
            (
                KubeScheduler,
                Some(1),
                "Error: invalid argument \"maybe\" for \"--profiling\" flag: strconv.ParseBool\nUsage:\n  kube-scheduler [flags]\n",
                rejected(
                    "Error: invalid argument \"maybe\" for \"--profiling\" flag: strconv.ParseBool",
                ),
            ),
            (
                Kubelet,
                Some(1),
                "E1124 run.go:72] \"command failed\" err=\"failed to parse kubelet flag: unknown flag: --x\"\n",
                rejected(
                    "E1124 run.go:72] \"command failed\" err=\"failed to parse kubelet flag: unknown flag: --x\"",
                ),
            ),
            (KubeApiserver, Some(1), "only this\n", rejected("only this")),
            (Etcd, Some(0), "etcd Version: 3.6.8\n", Trial::accepted()),
            (
                Etcd,
                Some(2),
                "flag provided but not defined: -experimental-x\nUsage:\n\n  etcd [flags]\n",
                rejected("flag provided but not defined: -experimental-x"),
            ),
            (
                Etcd,
                Some(2),
                "invalid boolean value \"maybe\" for -client-cert-auth: parse error\nUsage:\n",
                rejected("invalid boolean value \"maybe\" for -client-cert-auth: parse error"),
            ),
            (
                Etcd,
                Some(2),
                "goroutine 1 [running]:\n",
                Trial::untried("etcd ended with 2: goroutine 1 [running]:"),
            ),
            (Etcd, Some(1), "x", Trial::untried("etcd ended with 1: x")),
            (KubeApiserver, Some(1), "\n", Trial::untried("kube-apiserver ended with 1: ")),
            (
                KubeApiserver,
                Some(2),
                "panic: x\n",
                Trial::untried("kube-apiserver ended with 2: panic: x"),
            ),
            (KubeApiserver, None, "", Trial::untried("kube-apiserver was ended by a signal")),
        ] {
            assert_eq!(judge(component, code, output), want, "{component} {output}");
        }
    }

    #[test]
    fn only_a_components_own_command_is_tried() {
        let fits = |text: &str| fit(Component::KubeScheduler, &words(text));
        assert_eq!(fits("kube-scheduler --v=2"), Ok(()));
        assert_eq!(fits("/usr/local/bin/kube-scheduler"), Ok(()));
        let other = "its command begins with 'sh' and not with kube-scheduler";
        assert_eq!(fits("/bin/sh -c kube-scheduler"), Err(other.to_owned()));
        let filled = "only the kubelet can fill in '--bind-address=$(IP)'";
        assert_eq!(fits("kube-scheduler --bind-address=$(IP)"), Err(filled.to_owned()));
        let ended = "its flags end with '--'";
        assert_eq!(fits("kube-scheduler -- --v=2"), Err(ended.to_owned()));
        let unclear = "it is not known whether '--of-tomorrow' takes a value";
        assert_eq!(fits("kube-scheduler --of-tomorrow --v=2"), Err(unclear.to_owned()));
        assert!(fit(Component::Etcd, &[]).is_err());
        assert_eq!(with_version(&words("a --b")), words("a --b --version"));
    }
}
