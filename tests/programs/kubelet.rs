//! A kubelet that reads its configuration and ends.

use std::{collections::BTreeMap, fs};

use kube_temper::node::Trial;

use super::{Test, machine::Machine};

pub(crate) const TESTS: &[Test] = &[
    ("kubelet::it_says_what_it_thinks_of_a_configuration", it_says_what_it_thinks),
    ("kubelet::feature_gates_are_known_to_it_now_and_as_planned", gates),
    ("kubelet::without_a_kubelet_nothing_is_tried", without_a_kubelet),
];

fn it_says_what_it_thinks() {
    let machine = Machine::new();
    let _running = machine.run("kubelet", &[]);
    let config = machine.folder.path().join("config.yaml");
    fs::write(&config, "good").unwrap();
    let config = config.display().to_string();
    let args = ["kubelet".to_owned(), format!("--config={config}"), "--kubeconfig=/x".to_owned()];
    let with = |files: &BTreeMap<String, String>| machine.programs().try_kubelet(&args, files);
    let planned = |text: &str| with(&BTreeMap::from([(config.clone(), text.to_owned())]));
    assert_eq!(with(&BTreeMap::new()), Trial::Accepted { note: None });
    assert_eq!(planned("good"), Trial::Accepted { note: None });
    let lenient = planned("lenient");
    let Trial::Accepted { note: Some(note) } = lenient else { panic!("{lenient:?}") };
    assert!(note.starts_with("the kubelet does not know all of it"), "{note}");
    let bad = planned("cannot unmarshal");
    let Trial::Rejected { why } = bad else { panic!("{bad:?}") };
    assert!(why.ends_with("config.yaml: cannot unmarshal"), "{why}");
    // The file itself was never touched, and nothing is left behind.
    assert_eq!(fs::read_to_string(&config).unwrap(), "good");
    let state = machine.folder.path().join("state");
    assert_eq!(fs::read_dir(state).unwrap().count(), 0);
}

fn gates() {
    let machine = Machine::new();
    let _running = machine.run("kubelet", &[]);
    let config = machine.folder.path().join("config.yaml");
    let path = config.display().to_string();
    let args = |gates: &[&str]| {
        let fixed = ["kubelet".to_owned(), format!("--config={path}")];
        let gates = gates.iter().map(|gates| format!("--feature-gates={gates}"));
        fixed.into_iter().chain(gates).collect::<Vec<_>>()
    };
    let tried = |now: &str, planned: Option<&str>, gates: &[&str]| {
        fs::write(&config, now).unwrap();
        let files = planned.map(|text| (path.clone(), text.to_owned()));
        machine.programs().try_kubelet(&args(gates), &files.into_iter().collect())
    };
    let good = "gates: RotateKubeletServerCertificate";
    let bad = "gates: RotateKubeletServerCertificat";
    assert_eq!(tried(good, None, &["AllBeta=true"]), Trial::Accepted { note: None });
    for (now, planned, gates) in [
        (bad, None, &[][..]),
        (good, Some(bad), &[]),
        (good, None, &["RotateKubeletServerCertificat=true"]),
    ] {
        let Trial::Rejected { why } = tried(now, planned, gates) else { panic!("{planned:?}") };
        assert!(why.ends_with("unrecognized feature gate: RotateKubeletServerCertificat"), "{why}");
    }
}

fn without_a_kubelet() {
    let machine = Machine::new();
    let tried = machine.programs().try_kubelet(&["kubelet".to_owned()], &BTreeMap::new());
    let why = "kubelet does not run here, or several of them do".to_owned();
    assert_eq!(tried, Trial::Untried { why });
}
