//! Tests of hunks, causes and undo.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{ChangeKind, FieldValue};

const MANIFEST: &str = "\
spec:
  containers:
  - command:
    - kube-apiserver
    - --advertise-address=10.0.0.1
    - --authorization-mode=AlwaysAllow
    - --secure-port=6443
    image: registry.k8s.io/kube-apiserver:v1.36.2
    livenessProbe:
      failureThreshold: 8
";

fn meta(mode: u32, uid: u32, gid: u32) -> FileMeta {
    FileMeta { mode, uid, gid, xattrs: BTreeMap::new() }
}

fn id(text: &str) -> ControlId {
    text.parse().unwrap()
}

fn edit(control: &str, edit: Edit) -> AttributedEdit {
    AttributedEdit { control: id(control), edit }
}

fn flag(control: &str, flag: &str) -> AttributedEdit {
    edit(control, Edit::SetFlag { flag: flag.into(), value: String::new() })
}

fn field(control: &str, field: &str) -> AttributedEdit {
    edit(control, Edit::SetField { field: field.into(), value: FieldValue::Bool(false) })
}

fn content(before: &str, after: &str, edits: Vec<AttributedEdit>) -> Change {
    let image = |text: &str| FileImage { text: text.into(), meta: meta(0o600, 0, 0) };
    Change {
        path: "/etc/file".into(),
        named: None,
        edits,
        kind: ChangeKind::Content { before: image(before), after: image(after) },
    }
}

/// Sign, text and controls of every changed line.
fn changed(diff: &FileDiff) -> Vec<String> {
    diff.hunks
        .iter()
        .flat_map(|hunk| &hunk.lines)
        .filter(|line| line.sign != ' ')
        .map(|line| {
            let ids: Vec<&str> = line.controls.iter().map(ControlId::as_str).collect();
            format!("{}{} [{}]", line.sign, line.text().trim(), ids.join(" "))
        })
        .collect()
}

#[test]
fn a_metadata_change_has_headers_and_no_hunk() {
    let change = Change {
        path: "/var/lib/kubelet/config.yaml".into(),
        named: None,
        edits: vec![edit("4.1.9", Edit::Mode { mode: 0o600 })],
        kind: ChangeKind::Metadata { before: meta(0o644, 1000, 1000), after: meta(0o600, 0, 0) },
    };
    assert_eq!(
        of_change(&change, 3).to_string(),
        "--- /var/lib/kubelet/config.yaml\n+++ /var/lib/kubelet/config.yaml\n\
         mode 0644 -> 0600\nowner 1000:1000 -> 0:0\n"
    );
}

#[test]
fn a_content_change_is_a_classic_unified_diff() {
    let after = MANIFEST.replace("AlwaysAllow", "Node,RBAC");
    let diff = of_change(&content(MANIFEST, &after, vec![flag("1.2.6", "authorization-mode")]), 1);
    assert_eq!(
        diff.to_string(),
        "--- /etc/file\n+++ /etc/file\n@@ -5,3 +5,3 @@\n     - --advertise-address=10.0.0.1\n\
         -    - --authorization-mode=AlwaysAllow\n+    - --authorization-mode=Node,RBAC\n\
         \x20    - --secure-port=6443\n"
    );
    let marked: String = diff.hunks[0].lines[2]
        .pieces
        .iter()
        .filter(|(marked, _)| *marked)
        .map(|(_, piece)| piece.as_str())
        .collect();
    assert_eq!(marked, "Node,RBAC");
}

#[test]
fn any_amount_of_context_is_fine() {
    let after = MANIFEST.replace("old: 8", "old: 9");
    let change = content(MANIFEST, &after, vec![]);
    for (context, lines) in [(0, 2), (1, 3), (usize::MAX, MANIFEST.lines().count() + 1)] {
        let diff = of_change(&change, context);
        assert_eq!(diff.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>(), lines);
    }
    assert!(of_change(&content(MANIFEST, MANIFEST, vec![]), 3).hunks.is_empty());
}

#[test]
fn a_missing_final_newline_is_marked() {
    let diff = of_change(&content("a\nb", "a\nb\n", vec![]), 3);
    assert_eq!(
        diff.to_string(),
        "--- /etc/file\n+++ /etc/file\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"
    );
}

#[test]
fn characters_that_would_not_be_seen_are_announced_where_they_are_shown() {
    let text = |comment: &str| format!("{comment}\na\nb\nc\nd\n");
    let announced = |comment: &str, context| {
        let before = text(comment);
        let after = before.replace("b\n", "x\n");
        !of_change(&content(&before, &after, vec![]), context).headers.is_empty()
    };
    assert!(announced("# \u{202e}", 3));
    assert!(announced("# \u{1b}[2J", 3));
    assert!(!announced("# \u{202e}", 1), "the line is not shown");
    assert!(!announced("# größer\t→\r", 3));
}

#[test]
fn carriage_returns_are_not_shown() {
    let diff = of_change(&content("a\r\nb\r\n", "a\r\nc\r\n", vec![]), 3);
    assert_eq!(changed(&diff), ["-b []", "+c []"]);
    assert!(diff.hunks[0].lines.iter().all(|line| !line.text().contains('\r')));
}

#[test]
fn every_flag_line_names_its_control() {
    let before = "- kube-apiserver\n- --audit-log-path=/x\n- --secure-port=6443\n";
    let after = "- kube-apiserver\n- --audit-log-path=/y\n- --profiling=false\n\
                 - --secure-port=6443\n- --audit-log-maxage=30\n";
    let edits = vec![
        flag("1.2.16", "audit-log-path"),
        flag("1.2.17", "audit-log-maxage"),
        flag("1.2.15", "profiling"),
    ];
    assert_eq!(
        changed(&of_change(&content(before, after, edits), 3)),
        [
            "---audit-log-path=/x [1.2.16]".replace("---", "-- --"),
            "+- --audit-log-path=/y [1.2.16]".into(),
            "+- --profiling=false [1.2.15]".into(),
            "+- --audit-log-maxage=30 [1.2.17]".into(),
        ]
    );
}

#[test]
fn fields_of_one_name_are_told_apart_by_their_parents() {
    let before = "authentication:\n  anonymous:\n    enabled: true\n  webhook:\n    cacheTTL: 0s\n    enabled: off\n";
    let after = "authentication:\n  anonymous:\n    enabled: false\n  webhook:\n    cacheTTL: 0s\n    enabled: true\n\
                 tlsCipherSuites:\n- A\nlogging:\n  verbosity: 0\n";
    let edits = vec![
        field("4.2.1", "authentication.anonymous.enabled"),
        field("4.2.2", "authentication.webhook.enabled"),
        field("4.2.12", "tlsCipherSuites"),
        field("4.2.9", "logging.verbosity"),
        edit("4.1.9", Edit::Mode { mode: 0o600 }),
    ];
    assert_eq!(
        changed(&of_change(&content(before, after, edits), 3)),
        [
            "-enabled: true [4.2.1]",
            "+enabled: false [4.2.1]",
            "-enabled: off [4.2.2]",
            "+enabled: true [4.2.2]",
            "+tlsCipherSuites: [4.2.12]",
            "+- A [4.2.12]",
            "+logging: [4.2.9]",
            "+verbosity: 0 [4.2.9]",
        ]
    );
}

#[test]
fn a_line_nobody_claims_belongs_to_all() {
    let edits = vec![flag("1.2.16", "audit-log-path"), flag("1.2.15", "profiling")];
    let diff = of_change(&content("a\n", "b\n", edits), 3);
    assert_eq!(changed(&diff), ["-a [1.2.15 1.2.16]", "+b [1.2.15 1.2.16]"]);
}

/// What we did in the table below: a flag added at the end of the command, another one changed.
fn ours() -> String {
    MANIFEST
        .replace("AlwaysAllow", "Node,RBAC")
        .replace("    image:", "    - --profiling=false\n    image:")
}

#[test]
fn undo_takes_ours_out_and_keeps_theirs() {
    let upgrade = |text: &str| text.replace("v1.36.2", "v1.36.4").replace("old: 8", "old: 12");
    let cases: [(&str, String, String); 8] = [
        ("nothing happened since", ours(), MANIFEST.into()),
        ("it was undone by hand", MANIFEST.into(), MANIFEST.into()),
        ("an upgrade kept our flags", upgrade(&ours()), upgrade(MANIFEST)),
        ("an upgrade wrote the file anew", upgrade(MANIFEST), upgrade(MANIFEST)),
        (
            "a flag of theirs right above and right below ours",
            ours()
                .replace("    - --profiling", "    - --v=2\n    - --profiling")
                .replace("    image:", "    - --z=1\n    image:"),
            MANIFEST.replace("    image:", "    - --v=2\n    - --z=1\n    image:"),
        ),
        (
            "one of our lines is gone",
            ours().replace("    - --profiling=false\n", ""),
            MANIFEST.into(),
        ),
        (
            "our changed line is gone",
            ours().replace("    - --authorization-mode=Node,RBAC\n", ""),
            MANIFEST.replace("    - --authorization-mode=AlwaysAllow\n", ""),
        ),
        (
            "converted to CRLF, final newline dropped",
            ours().replace('\n', "\r\n").trim_end().to_owned(),
            MANIFEST.replace('\n', "\r\n").trim_end().to_owned(),
        ),
    ];
    for (name, now, want) in cases {
        assert_eq!(undo(MANIFEST, &ours(), &now), Ok(want), "{name}");
    }
}

#[test]
fn undo_brings_removed_lines_back_between_their_neighbours() {
    let after = MANIFEST.replace("    - --secure-port=6443\n", "");
    let upgrade = |text: &str| text.replace("v1.36.2", "v1.36.4");
    assert_eq!(undo(MANIFEST, &after, &upgrade(&after)), Ok(upgrade(MANIFEST)));
    let back = upgrade(MANIFEST);
    assert_eq!(undo(MANIFEST, &after, &back), Ok(back.clone()), "they put it back themselves");
}

#[test]
fn undo_refuses_where_somebody_changed_our_lines() {
    let conflict = |now: &str| undo(MANIFEST, &ours(), now).unwrap_err();
    assert_eq!(
        conflict(&ours().replace("Node,RBAC", "Node,RBAC,Webhook")),
        ["'- --authorization-mode=AlwaysAllow' was changed to '- --authorization-mode=Node,RBAC' \
             by us and changed again since"]
    );
    assert_eq!(
        conflict(&ours().replace("profiling=false", "profiling=true")),
        ["'- --profiling=false' was added by us and changed since"]
    );
    let removed = MANIFEST.replace("    - --secure-port=6443\n", "");
    let again =
        removed.replace("- kube-apiserver\n", "- kube-apiserver\n    - --secure-port=443\n");
    assert_eq!(
        undo(MANIFEST, &removed, &again).unwrap_err(),
        ["'- --secure-port=6443' was removed by us, and its place was changed since"]
    );
}

/// What one side does to one line of the base.
#[derive(Debug, Clone)]
enum Touch {
    Keep,
    Drop,
    Change,
    AddBelow,
}

fn touched(index: usize, touch: &Touch, who: &str) -> Vec<String> {
    let line = format!("key-{index}: base");
    match touch {
        Touch::Keep => vec![line],
        Touch::Drop => vec![],
        Touch::Change => vec![format!("key-{index}: {who}")],
        Touch::AddBelow => vec![line, format!("{who}-{index}: new")],
    }
}

fn text(lines: &[String], ending: &str, final_newline: bool) -> String {
    let mut text = lines.join(ending);
    if final_newline && !text.is_empty() {
        text.push_str(ending);
    }
    text
}

proptest! {
    /// Either side touches lines of its own, with at least one line of nobody between them.
    #[test]
    fn undo_is_the_identity_on_our_part_and_keeps_theirs(
        touches in prop::collection::vec(
            (prop_oneof![
                Just(Touch::Keep), Just(Touch::Drop), Just(Touch::Change), Just(Touch::AddBelow)
            ], any::<bool>()),
            1..12,
        ),
        crlf in any::<bool>(),
        final_newline in any::<bool>(),
    ) {
        let ending = if crlf { "\r\n" } else { "\n" };
        let side = |we: bool, they: bool| {
            let mut lines = vec!["first: base".to_owned()];
            for (index, (touch, ours)) in touches.iter().enumerate() {
                let active = if *ours { we } else { they };
                let who = if *ours { "ours" } else { "theirs" };
                lines.extend(touched(index, if active { touch } else { &Touch::Keep }, who));
                lines.push(format!("between-{index}: base"));
            }
            text(&lines, ending, final_newline)
        };
        let [before, after] = [side(false, false), side(true, false)];
        prop_assert_eq!(undo(&before, &after, &after).unwrap(), before.clone());
        prop_assert_eq!(undo(&before, &after, &side(true, true)).unwrap(), side(false, true));
        prop_assert_eq!(undo(&before, &after, &side(false, true)).unwrap(), side(false, true));
    }

    /// A line of ours that somebody moved is taken out where it stands now, and nothing else is.
    #[test]
    fn undo_follows_a_line_that_was_moved(
        theirs in 1..9_usize, at in 0..9_usize, to in 0..9_usize, replaced in any::<bool>(),
    ) {
        let base: Vec<String> = (0..theirs).map(|n| format!("- --flag-{n}=x")).collect();
        let at = at.min(theirs - 1);
        let ours = if replaced { format!("- --flag-{at}=ours") } else { "- --ours=x".to_owned() };
        let mut after = base.clone();
        if replaced {
            after[at] = ours.clone();
        } else {
            after.insert(at, ours.clone());
        }
        let mut now: Vec<String> = after.iter().filter(|line| **line != ours).cloned().collect();
        let to = to.min(now.len());
        now.insert(to, ours.clone());
        let mut wanted = now.clone();
        if replaced {
            wanted[to] = format!("- --flag-{at}=x");
        } else {
            wanted.remove(to);
        }
        let [base, after, now, wanted] = [base, after, now, wanted].map(|l| text(&l, "\n", true));
        prop_assert_eq!(undo(&base, &after, &now), Ok(wanted));
    }

    /// Whatever the three texts are, there is an answer, and it is stable.
    #[test]
    fn undo_never_fails_otherwise_than_by_conflict(
        before in "[abc\n]{0,12}", after in "[abc\n]{0,12}", now in "[abc\r\n]{0,12}",
    ) {
        match undo(&before, &after, &now) {
            Ok(undone) => prop_assert!(undo(&before, &after, &after).is_ok(), "{undone}"),
            Err(places) => prop_assert!(!places.is_empty()),
        }
    }

    /// A diff shown as text holds both texts completely.
    #[test]
    fn with_all_context_a_diff_holds_both_texts(
        before in "[ab\r\n]{0,16}", after in "[ab\r\n]{0,16}",
    ) {
        prop_assume!(before != after);
        let diff = of_change(&content(&before, &after, vec![]), usize::MAX);
        let side = |sign: char| -> String {
            diff.hunks.iter().flat_map(|hunk| &hunk.lines)
                .filter(|line| line.sign == ' ' || line.sign == sign)
                .map(|line| line.text() + if line.no_newline { "" } else { "\n" })
                .collect()
        };
        prop_assert_eq!(side('-'), before.replace("\r\n", "\n"));
        prop_assert_eq!(side('+'), after.replace("\r\n", "\n"));
    }
}
