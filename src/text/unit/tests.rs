//! What a service would be started with, case by case.

use super::*;
use crate::model::Digest;

fn file(path: &str, text: &str) -> TextFile {
    TextFile { path: path.into(), text: text.into(), digest: Digest::of(text.as_bytes()) }
}

fn started(units: &[&str], env: &[&str]) -> Option<Vec<(String, String, usize)>> {
    let files = |letter: char, texts: &[&str]| -> Vec<TextFile> {
        texts.iter().enumerate().map(|(i, text)| file(&format!("{letter}{i}"), text)).collect()
    };
    let known = specifiers("kubelet.service", "cp1.example.org");
    let args = start_args(&files('u', units), &files('e', env), &known).unwrap()?;
    Some(args.into_iter().map(|arg| (arg.text, arg.path, arg.line)).collect())
}

fn texts(units: &[&str], env: &[&str]) -> Vec<String> {
    started(units, env).unwrap().into_iter().map(|(text, _, _)| text).collect()
}

const UNIT: &str = "[Unit]\nDescription=kubelet\nExecStart=/not/this\n\n[Service]\nExecStart=/usr/bin/kubelet\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n";
const DROP_IN: &str = "# kubeadm\n[Service]\nEnvironment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml --v=2\"\nEnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nEnvironmentFile=/etc/default/kubelet\nExecStart=\nExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS \\\n  $KUBELET_EXTRA_ARGS --last\n";

#[test]
fn the_command_of_a_kubeadm_node() {
    let env = "KUBELET_KUBEADM_ARGS=\"--hostname-override=cp1 --node-labels='a b'\"\n";
    let got = started(&[UNIT, DROP_IN], &[env]).unwrap();
    let want = [
        ("/usr/bin/kubelet", "u1", 7),
        ("--config=/var/lib/kubelet/config.yaml", "u1", 3),
        ("--v=2", "u1", 3),
        ("--hostname-override=cp1", "e0", 1),
        ("--node-labels=a b", "e0", 1),
        ("--last", "u1", 8),
    ];
    let want: Vec<_> =
        want.iter().map(|(t, p, l)| ((*t).to_owned(), (*p).to_owned(), *l)).collect();
    assert_eq!(got, want);
    let units = [file("u0", UNIT), file("u1", DROP_IN)];
    assert_eq!(
        environment_files(&units, &Specifiers::new()),
        [
            ("/var/lib/kubelet/kubeadm-flags.env".to_owned(), true),
            ("/etc/default/kubelet".to_owned(), false)
        ]
    );
}

#[test]
fn variables_expand_as_systemd_expands_them() {
    let unit = |environment: &str, command: &str| {
        format!("[Service]\n{environment}\nExecStart=/k {command}\n")
    };
    for (environment, command, want) in [
        ("Environment=A='b c'", "$A", vec!["b", "c"]),
        ("Environment=\"A=b c\"", "${A}", vec!["b c"]),
        ("Environment=\"A=b c\" B=d", "x${A}y$B $B", vec!["xb cy$B", "d"]),
        ("Environment=A=b", "$NONE ${NONE} x${NONE}", vec!["", "x"]),
        ("Environment=A=b\nEnvironment=", "$A end", vec!["end"]),
        ("Environment=A=b\nEnvironment=A=c", "$A", vec!["c"]),
        ("", "$$A a$$b 'one word' \"two\\\"\"", vec!["$A", "a$b", "one word", "two\""]),
        ("Environment=A=b", "--x=$A", vec!["--x=$A"]),
    ] {
        let text = unit(environment, command);
        let got = texts(&[&text], &[]);
        assert_eq!(got.get(1..).unwrap(), want, "{text}");
    }
    let text = unit("Environment=A=unit", "$A");
    assert_eq!(texts(&[&text], &["A=one\n", "A=two\n"]), ["/k", "two"]);
}

#[test]
fn the_last_command_counts_and_empty_resets() {
    let a = "[Service]\nExecStart=/a\n";
    assert_eq!(texts(&[a, "[Service]\nExecStart=\nExecStart=-/b --x\n"], &[]), ["/b", "--x"]);
    assert_eq!(started(&[a, "[Service]\nExecStart=\n"], &[]), None);
    assert_eq!(started(&["[Unit]\nExecStart=/a\n"], &[]), None);
    assert_eq!(texts(&["[Service]\nExecStart=@/a name --x\n"], &[]), ["/a", "--x"]);
    let verbatim = "[Service]\nEnvironment=A=b\nExecStart=:/a $A ${A}\n";
    assert_eq!(texts(&[verbatim], &[]), ["/a", "$A", "${A}"]);
    let commented = "[Service]\nExecStart=/a \\\n# no\n  --x \\\n  --y\n";
    let got = started(&[commented], &[]).unwrap();
    let lines: Vec<usize> = got.iter().map(|(_, _, line)| *line).collect();
    assert_eq!(lines, [2, 4, 5]);
}

#[test]
fn a_flag_leaves_the_unit_and_every_other_byte_stays() {
    for (text, element, want) in [
        (
            "[Service]\nEnvironment=\"A=--x=1 --y\" B=--x\nExecStart=/k --x 2 $A\n",
            None,
            "[Service]\nEnvironment=\"A=--y\" B=\nExecStart=/k $A\n",
        ),
        (
            "[Service]\r\nExecStart=/k \\\r\n  --x=a,b \\\r\n  --y\r\n",
            Some("a"),
            "[Service]\r\nExecStart=/k \\\r\n  --x=b \\\r\n  --y\r\n",
        ),
        ("[Service]\nExecStart=/k --y \\\n  --x=a,b", None, "[Service]\nExecStart=/k --y"),
        ("[Service]\n#ExecStart=/k --x\n", None, "[Service]\n#ExecStart=/k --x\n"),
        ("[Unit]\nExecStart=/k --x\n", None, "[Unit]\nExecStart=/k --x\n"),
    ] {
        assert_eq!(remove_flag(text, "x", element).as_deref(), Ok(want), "{text:?}");
    }
    let reason = remove_flag("[Service]\nExecStart=/k --x $A\n", "x", None).unwrap_err().reason;
    assert!(reason.contains("variable") && reason.contains("by hand"), "{reason}");
}

#[test]
fn specifiers_are_filled_in_after_the_words_are_split() {
    let unit = "[Service]\nEnvironment=\"A=--x=%p b\" B=100%%\nEnvironmentFile=-/etc/%N/*.env\nExecStart=/opt/%p/kubelet --host=%H '--y=%n' $A ${B} 5%% 7%- %\n";
    let got = texts(&[unit], &[]);
    let want = [
        "/opt/kubelet/kubelet",
        "--host=cp1.example.org",
        "--y=kubelet.service",
        "--x=kubelet",
        "b",
        "100%",
        "5%",
        "7%-",
        "%",
    ];
    assert_eq!(got, want);
    let known = specifiers("kubelet.service", "");
    let units = [file("u0", unit)];
    assert_eq!(environment_files(&units, &known), [("/etc/kubelet/*.env".to_owned(), true)]);
    let untold = start_args(&units, &[], &known).unwrap_err();
    assert_eq!(untold, "%H in its ExecStart= is not known");
    let boot = [file("u0", "[Service]\nEnvironment=A=%b\nExecStart=/k $A\n")];
    assert_eq!(start_args(&boot, &[], &known).unwrap_err(), "%b in its Environment= is not known");
}

#[test]
fn a_variable_that_only_the_service_manager_has_is_not_told() {
    let unit = |settings: &str, command: &str| {
        let text = format!("[Service]\n{settings}\nExecStart=/k {command}\n");
        let env = [file("e0", "E=--e\n")];
        let args = start_args(&[file("u0", &text)], &env, &specifiers("k.service", ""));
        args.map(|args| args.unwrap().into_iter().skip(1).map(|arg| arg.text).collect::<Vec<_>>())
    };
    let untold =
        "$P in its ExecStart= is the service manager's own (PassEnvironment=), which no file tells";
    for (settings, command, want) in [
        ("PassEnvironment=O P", "$P", Err(untold)),
        ("PassEnvironment=O\nPassEnvironment=P", "--x=${P}", Err(untold)),
        ("PassEnvironment=P", "${P}", Err(untold)),
        ("PassEnvironment=P", "$E $NONE", Ok(vec!["--e"])),
        ("PassEnvironment=P\nPassEnvironment=", "$P --x", Ok(vec!["--x"])),
        ("PassEnvironment=P E\nEnvironment=P=--p", "$P $E", Ok(vec!["--p", "--e"])),
        ("PassEnvironment=P", "$$P --x=$P", Ok(vec!["$P", "--x=$P"])),
    ] {
        let want = want
            .map(|want| want.into_iter().map(str::to_owned).collect::<Vec<_>>())
            .map_err(str::to_owned);
        assert_eq!(unit(settings, command), want, "{settings} {command}");
    }
}
