use super::*;
use crate::model::{
    Level,
    control::{Assessment, AuditLevel, Expect},
};

const CONTROLS: &str = "\
controls:
  - slug: first
    id: 1.2.1
    title: First
    level: 1
    assessment: automated
    why: Because.
    change: A flag.
    undo: The old bytes.
    check:
      kind: flag
      component: kube-apiserver
      flags: [profiling]
      expect: { op: eq, value: false }
      absent: { means: 'true', passes: false }
    fix:
      actions:
        - { kind: set-flag, component: kube-apiserver, flag: profiling, value: 'false' }
    tier: R2
    reversible: bytes

  - slug: second
    id: 1.2.2
    title: Second
    level: 1
    assessment: manual
    why: Because.
    change: The mode.
    undo: The old mode.
    check: { kind: file-mode, path: kubelet-config, at_most: '0600' }
    fix:
      actions:
        - { kind: mode }
    tier: R0
    reversible: bytes

  - slug: third
    id: 3.2.2
    title: Third
    level: 2
    assessment: manual
    why: Because.
    change: Nothing.
    undo: Nothing to undo.
    check:
      kind: audit-policy
      cover:
        - { resources: [secrets], at_least: metadata }
    fix:
      none: Rule order decides.
";

const BENCHMARKS: &str = "\
benchmarks:
  - id: cis-1.7
    title: Old
    kubernetes: ['1.25']
    without: [first]
    numbers:
      second: 1.2.9
    assessment:
      second: automated
    level:
      second: 2
    at_most:
      second: '0644'
    title_of:
      second: Zweite
  - id: cis-1.8
    title: Old
    expect:
      first: { op: present }
  - id: cis-1.9
    title: Old
  - id: cis-1.10
    title: Old
  - id: cis-1.11
    title: Old
  - id: cis-1.12
    title: Base
    kubernetes: ['1.32']
  - id: cis-2.0
    title: New
    kubernetes: ['1.34', '1.35']
    cover_also:
      third:
        - { resources: [pods], verbs: [create], at_least: request }
  - id: cis-2.1
    title: Newer
    provisional: true
";

const PATHS: &str = "\
paths:
  kubelet-config:
    - /var/lib/kubelet/config.yaml
";

const CONTROLS_FILE: &str = "1.2-small.yaml";
const BENCHMARKS_FILE: &str = "benchmarks.yaml";
const PATHS_FILE: &str = "paths.yaml";
const CLUSTER: (&str, &str) = ("cluster.yaml", include_str!("../../remediations/cluster.yaml"));

/// The small set above, with one passage of one file replaced.
fn load(file: &str, old: &str, new: &str) -> Result<Catalog, CatalogError> {
    let small = [(CONTROLS_FILE, CONTROLS), (BENCHMARKS_FILE, BENCHMARKS), (PATHS_FILE, PATHS)];
    let set = [small[0], small[1], small[2], CLUSTER];
    let texts = set.map(|(name, text)| {
        if name == file {
            assert_eq!(text.matches(old).count(), 1, "'{old}' names one passage of {file}");
            (name, text.replace(old, new))
        } else {
            (name, text.to_owned())
        }
    });
    Catalog::parse(texts.iter().map(|(name, text)| (*name, text.as_str())))
}

fn small() -> Catalog {
    load("", "", "").unwrap()
}

/// File, passage, what it becomes, and the error that says so.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    // What the types refuse: unknown keys, kinds, operators, names and values.
    (
        CONTROLS_FILE,
        "title: First",
        "titel: First",
        "1.2-small.yaml:4: controls[0]: unknown field `titel`, expected one of `slug`, `id`, `title`, `level`, `assessment`, `why`, `change`, `breaks`, `undo`, `references`, `check`, `fix`, `tier`, `reversible`, `accepted`",
    ),
    (
        CONTROLS_FILE,
        "id: 1.2.1",
        "id: one",
        "1.2-small.yaml:2: controls[0]: 'one' is not a control id: write a number such as 1.2.15",
    ),
    (
        CONTROLS_FILE,
        "title: First\n    level: 1",
        "title: First\n    level: 3",
        "1.2-small.yaml:2: controls[0]: level 3: a CIS level is 1 or 2",
    ),
    (
        CONTROLS_FILE,
        "op: eq",
        "op: equals",
        "1.2-small.yaml:2: controls[0]: unknown variant `equals`, expected one of `eq`, `not-eq`, `gt`, `gte`, `present`, `file`, `absent`, `subset`, `loopback`, `non-zero-duration`",
    ),
    (
        CONTROLS_FILE,
        "kind: set-flag",
        "kind: run-script",
        "1.2-small.yaml:18: controls[0].fix.actions[0].kind: unknown variant `run-script`, expected one of `mode`, `owner`, `set-flag`, `remove-flag`, `add-to-list`, `remove-from-list`, `probe-host`, `kubelet-field`, `remove-kubelet-field`, `cluster-object`",
    ),
    (
        CONTROLS_FILE,
        "kind: file-mode, path: kubelet-config",
        "kind: file-mode, path: kubelet-konfig",
        "1.2-small.yaml:22: controls[1]: unknown variant `kubelet-konfig`, expected one of `apiserver-manifest`, `controller-manager-manifest`, `scheduler-manifest`, `etcd-manifest`, `etcd-data-dir`, `admin-kubeconfigs`, `scheduler-kubeconfig`, `controller-manager-kubeconfig`, `pki-tree`, `pki-certificates`, `pki-keys`, `cni-files`, `kubelet-service-files`, `kubelet-config`, `kubelet-kubeconfig`, `kubelet-client-ca`, `proxy-kubeconfig`, `kubelet-drop-in-dir`, `kubelet-drop-in-files`",
    ),
    (
        CONTROLS_FILE,
        "kind: file-mode, path",
        "kind: file-modes, path",
        "1.2-small.yaml:30: controls[1].check.kind: unknown variant `file-modes`, expected one of `file-mode`, `file-owner`, `directory`, `flag`, `admission-plugin`, `authorization-mode`, `anonymous-requests`, `feature-gate`, `kubelet-field`, `kube-proxy-field`, `encryption-providers`, `audit-policy`, `etcd-own-ca`, `api`, `review`",
    ),
    (
        CONTROLS_FILE,
        "at_most: '0600'",
        "at_most: '600'",
        "1.2-small.yaml:22: controls[1]: '600' is not a mode: write four octal digits such as '0600'",
    ),
    (
        CONTROLS_FILE,
        "component: kube-apiserver\n",
        "component: apiserver\n",
        "1.2-small.yaml:2: controls[0]: unknown variant `apiserver`, expected one of `kube-apiserver`, `kube-controller-manager`, `kube-scheduler`, `etcd`, `kubelet`, `kube-proxy`",
    ),
    (
        CONTROLS_FILE,
        "tier: R2",
        "tier: R9",
        "1.2-small.yaml:19: controls[0].tier: unknown variant `R9`, expected one of `R0`, `R1`, `R2`, `R3`, `R4`",
    ),
    (
        CONTROLS_FILE,
        "    title: Second\n",
        "",
        "1.2-small.yaml:22: controls[1]: missing field `title`",
    ),
    (
        CONTROLS_FILE,
        "- { kind: mode }",
        "- { kind: mode",
        "1.2-small.yaml:33: controls[1].fix.actions[0].kind: unknown variant `mode tier`, expected one of `mode`, `owner`, `set-flag`, `remove-flag`, `add-to-list`, `remove-from-list`, `probe-host`, `kubelet-field`, `remove-kubelet-field`, `cluster-object`",
    ),
    (
        BENCHMARKS_FILE,
        "id: cis-1.9",
        "id: cis-9.9",
        "benchmarks.yaml:20: benchmarks[2].id: unknown variant `cis-9.9`, expected one of `cis-1.7`, `cis-1.8`, `cis-1.9`, `cis-1.10`, `cis-1.11`, `cis-1.12`, `cis-2.0`, `cis-2.1`",
    ),
    (
        BENCHMARKS_FILE,
        "kubernetes: ['1.25']",
        "kubernetes: [latest]",
        "benchmarks.yaml:4: benchmarks[0].kubernetes: 'latest' is not a Kubernetes version such as 1.36 or v1.36.2",
    ),
    (
        PATHS_FILE,
        "kubelet-config",
        "kubelet-konfig",
        "paths.yaml:2: paths: unknown variant `kubelet-konfig`, expected one of `apiserver-manifest`, `controller-manager-manifest`, `scheduler-manifest`, `etcd-manifest`, `etcd-data-dir`, `admin-kubeconfigs`, `scheduler-kubeconfig`, `controller-manager-kubeconfig`, `pki-tree`, `pki-certificates`, `pki-keys`, `cni-files`, `kubelet-service-files`, `kubelet-config`, `kubelet-kubeconfig`, `kubelet-client-ca`, `proxy-kubeconfig`, `kubelet-drop-in-dir`, `kubelet-drop-in-files`",
    ),
    // What the rules refuse, in the controls.
    (
        CONTROLS_FILE,
        "slug: second",
        "slug: first",
        "1.2-small.yaml:22: the slug 'first' is used twice, also in 1.2-small.yaml",
    ),
    (
        CONTROLS_FILE,
        "id: 1.2.2",
        "id: 1.2.1",
        "1.2-small.yaml:22: second: 1.2.1 is already the number of 'first'",
    ),
    (
        CONTROLS_FILE,
        "title: Second",
        "title: ' '",
        "1.2-small.yaml:22: second: 'title' is empty: say it in a sentence or two",
    ),
    (
        CONTROLS_FILE,
        "title: Second",
        "title: Second\n    references: [see the manual]",
        "1.2-small.yaml:22: second: the reference 'see the manual' is not an https:// address",
    ),
    (
        CONTROLS_FILE,
        "flags: [profiling]",
        "flags: [--profiling]",
        "1.2-small.yaml:2: first: '--profiling' is not a flag name: write it without dashes and without a value",
    ),
    (CONTROLS_FILE, "flags: [profiling]", "flags: []", "1.2-small.yaml:2: first: 'flags' is empty"),
    (
        CONTROLS_FILE,
        "flag: profiling,",
        "flag: profiling=false,",
        "1.2-small.yaml:2: first: 'profiling=false' is not a flag name: write it without dashes and without a value",
    ),
    (
        CONTROLS_FILE,
        "check: { kind: file-mode, path: kubelet-config, at_most: '0600' }",
        "check: { kind: kubelet-field, fields: [a.b], flags: [], expect: { op: present }, absent: { means: x, passes: true } }",
        "1.2-small.yaml:22: second: 1 fields and 0 flags: name the flag that overrides each field, in the same order",
    ),
    (
        CONTROLS_FILE,
        "check: { kind: file-mode, path: kubelet-config, at_most: '0600' }",
        "check: { kind: etcd-own-ca }",
        "1.2-small.yaml:22: second: the action 'mode' needs a check of kind 'file-mode' or 'directory'",
    ),
    (
        CONTROLS_FILE,
        "- { kind: mode }",
        "- { kind: owner }",
        "1.2-small.yaml:22: second: the action 'owner' needs a check of kind 'file-owner' or 'directory'",
    ),
    (
        CONTROLS_FILE,
        "      none: Rule order decides.",
        "      needs: []",
        "1.2-small.yaml:37: third: the fix has neither 'actions' nor 'none': say why there is no fix",
    ),
    (
        CONTROLS_FILE,
        "      none: Rule order decides.",
        "      none: ''",
        "1.2-small.yaml:37: third: 'none' is empty: say why there is no fix and what a person does instead",
    ),
    (
        CONTROLS_FILE,
        "      none: Rule order decides.",
        "      none: Never.\n      needs: [{ kind: bundle, name: audit }]",
        "1.2-small.yaml:37: third: 'needs' and 'conflicts' belong to a fix with actions",
    ),
    (
        CONTROLS_FILE,
        "        - { kind: mode }",
        "        - { kind: mode }\n      none: No.",
        "1.2-small.yaml:22: second: the fix has both 'actions' and 'none': keep one",
    ),
    (
        CONTROLS_FILE,
        "    tier: R2\n    reversible: bytes\n",
        "",
        "1.2-small.yaml:2: first: there are actions but no 'tier' (R0 to R4) and no 'reversible' (bytes, procedure, one-way)",
    ),
    (
        CONTROLS_FILE,
        "    tier: R2\n",
        "",
        "1.2-small.yaml:2: first: 'reversible' without 'tier': write R0 to R4",
    ),
    (
        CONTROLS_FILE,
        "    tier: R2\n    reversible: bytes\n",
        "    tier: R2\n",
        "1.2-small.yaml:2: first: 'tier' without 'reversible': write bytes, procedure or one-way",
    ),
    (
        CONTROLS_FILE,
        "      none: Rule order decides.\n",
        "      none: Rule order decides.\n    tier: R3\n    reversible: bytes\n",
        "1.2-small.yaml:37: third: 'tier' and 'reversible' belong to a fix with actions",
    ),
    (
        CONTROLS_FILE,
        "    id: 3.2.2\n",
        "",
        "benchmarks.yaml:33: cis-2.0, cover_also, third: this benchmark does not have that control",
    ),
    (
        CONTROLS_FILE,
        "      none: Rule order decides.\n",
        "      none: Rule order decides.\n  - { slug: lost, title: Lost, level: 1, assessment: manual, why: W., change: C., undo: U., check: { kind: etcd-own-ca }, fix: { none: No. } }\n",
        "1.2-small.yaml:51: lost: no benchmark has it: give it an 'id', or a number in benchmarks.yaml",
    ),
    // What the rules refuse, in the benchmarks and paths.
    (
        BENCHMARKS_FILE,
        "  - id: cis-1.9\n    title: Old\n",
        "",
        "benchmarks.yaml: each of cis-1.7, cis-1.8, cis-1.9, cis-1.10, cis-1.11, cis-1.12, cis-2.0, cis-2.1 must be there exactly once; found cis-1.7, cis-1.8, cis-1.10, cis-1.11, cis-1.12, cis-2.0, cis-2.1",
    ),
    (
        BENCHMARKS_FILE,
        "id: cis-1.9",
        "id: cis-1.8",
        "benchmarks.yaml: each of cis-1.7, cis-1.8, cis-1.9, cis-1.10, cis-1.11, cis-1.12, cis-2.0, cis-2.1 must be there exactly once; found cis-1.7, cis-1.8, cis-1.8, cis-1.10, cis-1.11, cis-1.12, cis-2.0, cis-2.1",
    ),
    (
        BENCHMARKS_FILE,
        "without: [first]",
        "without: [nobody]",
        "benchmarks.yaml:5: cis-1.7, without, nobody: no control has this slug",
    ),
    (
        BENCHMARKS_FILE,
        "second: 1.2.9",
        "nobody: 1.2.9",
        "benchmarks.yaml:7: cis-1.7, numbers, nobody: no control has this slug",
    ),
    (
        BENCHMARKS_FILE,
        "second: 1.2.9",
        "second: 3.2.2",
        "benchmarks.yaml:7: cis-1.7: 3.2.2 is the number of both 'second' and 'third'",
    ),
    (
        BENCHMARKS_FILE,
        "second: automated",
        "first: automated",
        "benchmarks.yaml:9: cis-1.7, assessment, first: this benchmark does not have that control",
    ),
    (
        BENCHMARKS_FILE,
        "first: { op: present }",
        "second: { op: present }",
        "benchmarks.yaml:19: cis-1.8, expect, second: its check has no 'expect'",
    ),
    (
        BENCHMARKS_FILE,
        "second: '0644'",
        "third: '0644'",
        "benchmarks.yaml:13: cis-1.7, at_most, third: its check is not of kind 'file-mode'",
    ),
    (
        BENCHMARKS_FILE,
        "      third:\n",
        "      second:\n",
        "benchmarks.yaml:33: cis-2.0, cover_also, second: its check is not of kind 'audit-policy'",
    ),
    (
        BENCHMARKS_FILE,
        "kubernetes: ['1.34', '1.35']",
        "kubernetes: ['1.34', '1.32']",
        "benchmarks.yaml:31: Kubernetes 1.32 is claimed by both cis-1.12 and cis-2.0",
    ),
    (
        PATHS_FILE,
        "/var/lib/kubelet/config.yaml",
        "var/lib/kubelet/config.yaml",
        "paths.yaml:3: kubelet-config: 'var/lib/kubelet/config.yaml' is not an absolute path",
    ),
    (
        PATHS_FILE,
        "  kubelet-config:\n    - /var/lib/kubelet/config.yaml\n",
        "  etcd-manifest: []\n",
        "1.2-small.yaml:22: second: paths.yaml has no candidates for 'kubelet-config'",
    ),
];

#[test]
fn every_broken_entry_is_named_with_file_and_line() {
    for (file, old, new, want) in BROKEN {
        let error = load(file, old, new).map(|_| ()).unwrap_err().to_string();
        assert_eq!(&error, want, "{old} -> {new}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = Catalog::parse([(CONTROLS_FILE, CONTROLS), (PATHS_FILE, PATHS)]).unwrap_err();
    let want = "benchmarks.yaml: this file is missing: it holds the numbers of the controls in each benchmark";
    assert_eq!(error.to_string(), want);
    let error =
        Catalog::parse([(CONTROLS_FILE, CONTROLS), (BENCHMARKS_FILE, BENCHMARKS)]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "paths.yaml: this file is missing: it holds where to look for files"
    );
}

#[test]
fn a_benchmark_changes_what_it_says_it_changes() {
    let catalog = small();
    let old = catalog.controls(BenchmarkId::Cis1_7);
    let ids: Vec<&str> = old.iter().map(|control| control.id.as_str()).collect();
    assert_eq!(ids, ["1.2.9", "3.2.2"]);
    let second = &old[0].control;
    assert_eq!(second.title, "Zweite");
    assert_eq!(second.assessment, Assessment::Automated);
    assert_eq!(second.level, Level::L2);
    assert!(matches!(second.check, Check::FileMode { at_most, .. } if at_most.0 == 0o644));

    let base = catalog.controls(BenchmarkId::Cis1_12);
    let ids: Vec<&str> = base.iter().map(|control| control.id.as_str()).collect();
    assert_eq!(ids, ["1.2.1", "1.2.2", "3.2.2"]);
    let second = &base[1].control;
    assert_eq!(second.title, "Second");
    assert_eq!(second.assessment, Assessment::Manual);
    assert_eq!(second.level, Level::L1);
    assert!(matches!(second.check, Check::FileMode { at_most, .. } if at_most.0 == 0o600));

    let expect = |id| match &catalog.controls(id)[0].control.check {
        Check::Flag { expect, .. } => expect.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(expect(BenchmarkId::Cis1_8), Expect::Present {});
    assert_ne!(expect(BenchmarkId::Cis1_9), Expect::Present {});

    let levels = |id| match &catalog.controls(id)[2].control.check {
        Check::AuditPolicy { cover } => cover.iter().map(|rule| rule.at_least).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(levels(BenchmarkId::Cis1_12), [AuditLevel::Metadata]);
    assert_eq!(levels(BenchmarkId::Cis2_0), [AuditLevel::Metadata, AuditLevel::Request]);
}

#[test]
fn a_newer_kubernetes_gets_the_newest_benchmark_that_is_not_provisional() {
    let catalog = small();
    let table = [
        ("1.24", None),
        ("1.25", Some(BenchmarkId::Cis1_7)),
        // A gap between two benchmarks is no reason to guess.
        ("1.33", None),
        ("1.35", Some(BenchmarkId::Cis2_0)),
        ("1.36", Some(BenchmarkId::Cis2_0)),
        ("2.1", Some(BenchmarkId::Cis2_0)),
    ];
    for (version, want) in table {
        assert_eq!(catalog.for_version(version.parse().unwrap()), want, "{version}");
    }
}

#[test]
fn the_controls_that_are_compiled_in_are_those_of_the_files() {
    let texts = files::EMBEDDED.map(|source| (source.name, source.text));
    let of_texts = Catalog::parse(texts).unwrap();
    assert_eq!(format!("{:?}", Catalog::embedded().unwrap()), format!("{of_texts:?}"));

    let json_alone = files::EMBEDDED.map(|source| Source { text: "no text", ..source });
    assert_eq!(format!("{:?}", Catalog::of(json_alone).unwrap()), format!("{of_texts:?}"));
}
