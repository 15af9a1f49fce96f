//! Single things that only show on a whole session.

use kube_temper::{
    model::{Component, Outcome},
    tui::{Action, key_table},
};

use crate::{
    harness::Session,
    journey::{Journey, MANAGER, SCHEDULER},
};

fn flags(journey: &Journey, path: &str) -> usize {
    journey.node.text(path).unwrap().matches("- --profiling=false").count()
}

#[test]
fn from_the_findings_to_a_commit_and_back() {
    let mut journey = Journey::begin();
    journey.shows(&["[1 Findings]", "DEMO", "cis-2.0", "1.3.2", "1.4.1", "x FAIL"]);

    journey.mark("1.3.2");
    journey.mark("1.4.1");
    journey.does(&[Action::Apply]);
    journey.shows(&[
        "2 fixes, 2 files, 2 restarts, risk R1",
        "kube-scheduler restarts (R1)",
        "1.4.1 +     - --profiling=false",
    ]);
    journey.node_has(&[]);

    journey.does(&[Action::Apply]);
    journey.shows(&["Apply?", "yes, do it"]);
    journey.does(&[Action::Back]);
    journey.shows(&["cancelled: nothing was written"]);
    journey.node_has(&[]);

    journey.does(&[Action::Apply, Action::Confirm]);
    journey.shows(&["COMMITTED", "1.3.2 is PASS now", "1.4.1 is PASS now", "backed up"]);
    assert_eq!((flags(&journey, SCHEDULER), flags(&journey, MANAGER)), (1, 1));

    journey.does(&[Action::Back]);
    assert!(!journey.session.shows("x FAIL     The scheduler"), "{}", journey.session.text());
    journey.does(&[Action::History]);
    journey.shows(&["History 1/1", "+ COMMITTED", "apply 1.3.2 1.4.1"]);
    journey.does(&[Action::Open]);
    journey.shows(&["Journal"]);
    journey.does(&[Action::Bottom]);
    journey.shows(&["committed: done and proved"]);

    journey.does(&[Action::Undo]);
    journey.shows(&["Undoes ", "Diff, 2 files"]);
    journey.does(&[Action::Undo, Action::Confirm]);
    journey.shows(&["COMMITTED", "1.3.2 is FAIL now", "1.4.1 is FAIL now", "roll back "]);
    journey.node_has(&[]);

    journey.does(&[Action::History]);
    journey.shows(&["History 1/2", "< UNDONE"]);

    journey.does(&[Action::QuitWithSummary]);
    let summary = journey.session.app().finish();
    let outcomes: Vec<&Outcome> = summary.transactions.iter().map(|(_, o)| o).collect();
    assert_eq!(outcomes, [&Outcome::Committed, &Outcome::Committed]);
    assert_eq!(summary.problems, [""; 0]);
}

#[test]
fn a_change_that_does_not_prove_itself_is_put_back_before_ones_eyes() {
    let mut journey = Journey::begin();
    journey.node.crash_on(Component::KubeScheduler, "--profiling=false");
    journey.mark("1.4.1");
    journey.does(&[Action::Apply, Action::Apply, Action::Confirm]);
    journey.shows(&["ROLLED BACK: the node is as before and healthy", "putting it back"]);
    journey.node_has(&[]);
    journey.does(&[Action::Back]);
    journey.shows(&["1 marked"]);
}

#[test]
fn a_plan_of_yesterday_is_refused_and_made_again() {
    let mut journey = Journey::begin();
    journey.mark("1.4.1");
    journey.does(&[Action::Apply]);
    let text = journey.node.text(SCHEDULER).unwrap();
    journey.node.replace(SCHEDULER, &format!("# a colleague was here\n{text}")).unwrap();
    journey.does(&[Action::Apply, Action::Confirm]);
    journey.shows(&["REFUSED: nothing was written", SCHEDULER]);
    assert_eq!(flags(&journey, SCHEDULER), 0);
    assert!(journey.node.text(SCHEDULER).unwrap().starts_with("# a colleague was here"));
}

#[test]
fn a_diff_writes_out_what_would_not_be_seen_and_says_so() {
    let mut journey = Journey::begin();
    let first = "    - --leader-elect";
    let text = journey.node.text(SCHEDULER).unwrap();
    let hostile = text.replace(first, &format!("    # \u{202e}eurt=\u{202c}\u{200b}\n{first}"));
    journey.node.replace(SCHEDULER, &hostile).unwrap();
    journey.does(&[Action::Rescan]);
    journey.mark("1.4.1");
    journey.does(&[Action::Plan]);
    journey.shows(&[r"# \u{202e}eurt=\u{202c}\u{200b}", r"\u{...}, and written unchanged"]);
}

/// Writes down the screen in both sizes.
fn approve(session: &mut Session, name: &str) {
    for (columns, rows) in [(80, 24), (130, 40)] {
        session.resize(columns, rows);
        insta::with_settings!({
            snapshot_path => "../../snapshots/screens",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(format!("{name}__{columns}x{rows}"), session.screen());
        });
    }
}

#[test]
fn the_objects_of_a_cluster_are_a_table_with_search_and_say_who_through_what() {
    let mut journey = Journey::begin();
    journey.does(&[Action::Filter]);
    journey.session.type_text("a");
    journey.does(&[Action::Search]);
    journey.session.type_text("clusterrolebinding/ops-wild");
    journey.does(&[Action::Open]);
    approve(&mut journey.session, "cluster-finding");
    journey.does(&[Action::Back, Action::Search]);
    journey.session.type_text("5.1.2");
    journey.does(&[Action::Open, Action::Objects, Action::Down]);
    approve(&mut journey.session, "objects");
    journey.does(&[Action::Search]);
    journey.session.type_text("secret-reader");
    journey.shows(&[
        "5.1.2 objects 1/1",
        "rolebinding/shop/shop-reads-secrets",
        "serviceaccount shop/api → rolebinding/shop/shop-reads-secrets →",
        "→ clusterrole/secret-reader → rules[0]: get, list, watch",
    ]);
    approve(&mut journey.session, "objects-search");
    journey.does(&[Action::Open, Action::Back, Action::Back]);
    journey.shows(&["t objects, e explain"]);
}

/// The README with this after its mark, up to the next end of such a part.
fn with_part(readme: &str, name: &str, part: &str) -> String {
    let mark = format!("<!-- {name} -->\n");
    let (before, rest) = readme.split_once(&mark).unwrap_or_else(|| panic!("no {mark}"));
    let (_, after) = rest.split_once("<!-- end -->\n").unwrap();
    format!("{before}{mark}{part}<!-- end -->\n{after}")
}

#[test]
fn the_screens_in_the_readme_are_those_of_the_demo_and_its_keys_are_the_table() {
    let mut journey = Journey::begin();
    journey.session.resize(92, 30);
    let picture =
        |journey: &Journey| format!("```text\n{}\n```\n", journey.session.text().trim_end());
    journey.mark("1.2.15");
    journey.does(&[Action::Down]);
    insta::with_settings!({
        snapshot_path => "../../snapshots/screens",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("readme__92x30", journey.session.screen());
    });
    let findings = picture(&journey);
    journey.session.resize(92, 24);
    journey.does(&[Action::Plan]);
    let plan = picture(&journey);
    journey.does(&[Action::Apply, Action::Confirm]).shows(&["NOT YET PERMANENT"]);
    let countdown = picture(&journey);
    journey.does(&[Action::Keep]).goes_on();
    let row = |(keys, about): (Vec<String>, &str)| {
        let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
        format!("| {} | {about} |\n", keys.join(" "))
    };
    let rows: String = key_table().map(row).collect();
    let keys = format!("| Key | What it does |\n| --- | --- |\n{}", rows.replace("`|`", "`\\|`"));

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let parts = [
        ("screen: findings", findings),
        ("screen: plan", plan),
        ("screen: countdown", countdown),
        ("keys", keys),
    ];
    let fresh = parts.iter().fold(readme, |text, (name, part)| with_part(&text, name, part));
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == fresh,
        "README.md is stale: run `UPDATE_README=1 cargo test --test tui readme` and commit it"
    );
}

#[test]
fn a_change_of_the_api_server_waits_to_be_kept_and_goes_back_when_nobody_answers() {
    let mut journey = Journey::begin();
    journey.mark("1.2.15");
    journey.does(&[Action::Apply, Action::Apply, Action::Confirm]);
    journey.shows(&["NOT YET PERMANENT"]).goes_on();
    journey.shows(&["ROLLED BACK: the node is as before and healthy", "nobody confirmed it"]);
    journey.node_has(&[]);
}
