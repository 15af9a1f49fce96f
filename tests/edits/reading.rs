//! No text makes the readers fall over, and what they cannot read they name.

use kube_temper::{
    model::{Component, Edit, FieldValue},
    text::{env_file, kubelet, manifest, unit, yaml},
};
use proptest::prelude::*;

use super::{asked, set_flag};

/// Pieces that mean something to YAML.
const PIECES: [&str; 44] = [
    "a",
    "b: ",
    "- ",
    "  ",
    "    ",
    "\n",
    "\r\n",
    "\t",
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    ": ",
    ":",
    "? ",
    "&x ",
    "*x",
    "!",
    "!!str ",
    "!<",
    "|",
    ">",
    "|-\n",
    ">+2\n",
    "#",
    " # c\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "<<: ",
    "\\",
    "\\u",
    "\\x41",
    "~",
    "yes",
    "0600",
    "é",
    "\u{2028}",
    "\u{feff}",
    "@",
    "`",
];

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p # é\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n    - \"--a=1\"\n    - '--b=2'\n    args: [--c=3, \"--d\"]\n    name: c\n";

fn try_all(text: &str) {
    match yaml::parse(text) {
        Ok(document) => assert!(document.documents > 0, "{text:?}"),
        Err(problem) => assert!(
            !problem.message.contains("not understood") || text.contains('!'),
            "{text:?}: {problem}"
        ),
    }
    let field = Edit::SetField { field: "a.b".into(), value: FieldValue::Text("x: #".into()) };
    if let Ok(after) = kubelet::edit(text, &asked(&[field])) {
        let read = yaml::parse(&after).unwrap().value;
        assert_eq!(yaml::at(&read, "a.b").unwrap(), "x: #", "{text:?}");
    }
    if let Ok(after) = manifest::edit(text, Component::KubeApiserver, &asked(&[set_flag("c", "4")]))
    {
        let pod = manifest::parse("/m", &after);
        if let Ok(pod) = pod {
            let args = &pod.container(Component::KubeApiserver).unwrap().args;
            assert!(
                args.iter().any(|arg| matches!(arg.text.as_str(), "--c=4" | "-c=4" | "4")),
                "{text:?}"
            );
        }
    }
    for assignment in env_file::parse(text) {
        assert!(!assignment.name.is_empty());
    }
    let _ = env_file::remove_flag(text, "a", None);
    let _ = unit::remove_flag(text, "a", Some("b"));
}

proptest! {
    #![proptest_config(super::cases(5_000))]

    #[test]
    fn any_text_is_read_or_refused(
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..24),
    ) {
        try_all(&pieces.concat());
    }

    #[test]
    fn a_damaged_manifest_is_edited_right_or_refused(
        at in 0..POD.len(),
        length in 0..6usize,
        piece in proptest::sample::select(&PIECES[..]),
    ) {
        let end = (at + length).min(POD.len());
        prop_assume!(POD.is_char_boundary(at) && POD.is_char_boundary(end));
        try_all(&[&POD[..at], piece, &POD[end..]].concat());
        try_all(&POD[..at]);
    }

    #[test]
    fn environment_files_and_units_survive_any_text(text in "[A-C=\"' \\\\\n$#;-]{0,40}") {
        try_all(&text);
        try_all(&format!("[Service]\nExecStart=/k {text}\nEnvironment={text}\n"));
    }
}
