//! Whole journeys through the terminal interface: the production loop, driven by actions, with the
//! real engine on the simulated node, on a virtual clock and a terminal in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::pedantic,
    unreachable_pub,
    reason = "a test stops where it cannot go on, reads its own data, and tells one story"
)]

use std::sync::Arc;

use harness::{PLAIN, Session};
use kube_temper::{
    catalog::Catalog,
    cluster::simulated::SimCluster,
    engine::{Engine, Settings},
    model::{Component, Outcome},
    node::{
        memory::Snapshot,
        recording,
        sim::{SimNode, VirtualClock},
    },
    tui::{Action, EngineJobs, Standing},
};

/// What the harness calls `crate::tui`; it is shared with the tests of the module.
mod tui {
    pub(crate) use kube_temper::tui::*;
}

#[path = "../src/tui/tests/harness.rs"]
#[allow(dead_code, reason = "shared with the tests of the module")]
mod harness;

const SCHEDULER: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml";
const MANAGER: &str = "/etc/kubernetes/manifests/kube-controller-manager.yaml";

/// The node, and a session on it.
struct Journey {
    node: Arc<SimNode>,
    session: Session,
}

impl Journey {
    fn begin() -> Self {
        let clock = Arc::new(VirtualClock::default());
        let node = Arc::new(SimNode::new(&recording::KUBEADM_1_36_2, clock, 1).unwrap());
        let catalog = Arc::new(Catalog::embedded().unwrap());
        let cluster = Arc::new(SimCluster::new(node.clone()));
        let engine = Engine::new(node.clone(), catalog, Settings::default()).reading(Some(cluster));
        let standing = Standing { kind: engine.kind(), read_only: engine.read_only_reason() };
        let session = Session::start(EngineJobs::new(engine), standing, (120, 40), PLAIN);
        Self { node, session }
    }

    fn press(&mut self, actions: &[Action]) {
        // The transaction's thread works as fast as this machine lets it: looked at until it ends.
        self.session.watch_for(usize::MAX).press(actions);
    }

    fn expect(&self, texts: &[&str]) {
        for text in texts {
            assert!(self.session.shows(text), "no \"{text}\" on\n{}", self.session.text());
        }
    }

    fn nothing_differs(&self, before: &Snapshot, why: &str) {
        let differences = before.differences(&self.node.snapshot());
        assert!(differences.is_empty(), "{why}, but: {differences:?}");
    }

    fn flags(&self, path: &str) -> usize {
        self.node.text(path).unwrap().matches("- --profiling=false").count()
    }

    /// Puts the cursor on one control and marks it.
    fn mark(&mut self, control: &str) {
        self.press(&[Action::Search]);
        self.session.type_text(control);
        self.press(&[Action::Open, Action::Mark, Action::Back]);
    }
}

#[test]
fn from_the_findings_to_a_commit_and_back() {
    let mut journey = Journey::begin();
    let before = journey.node.snapshot();
    journey.expect(&["[1 Findings]", "DEMO", "cis-2.0", "1.3.2", "1.4.1", "x FAIL"]);

    journey.mark("1.3.2");
    journey.mark("1.4.1");
    journey.press(&[Action::Apply]);
    journey.expect(&[
        "2 fixes, 2 files, 2 restarts, risk R1",
        "kube-scheduler restarts (R1)",
        "1.4.1 +     - --profiling=false",
    ]);
    journey.nothing_differs(&before, "looking at a plan writes nothing");

    journey.press(&[Action::Apply]);
    journey.expect(&["Apply?", "yes, do it"]);
    journey.press(&[Action::Back]);
    journey.expect(&["cancelled: nothing was written"]);
    journey.nothing_differs(&before, "a cancelled question writes nothing");

    journey.press(&[Action::Apply, Action::Confirm]);
    journey.expect(&["COMMITTED", "1.3.2 is PASS now", "1.4.1 is PASS now", "backed up"]);
    assert_eq!((journey.flags(SCHEDULER), journey.flags(MANAGER)), (1, 1));

    journey.press(&[Action::Back]);
    assert!(!journey.session.shows("x FAIL     The scheduler"), "{}", journey.session.text());
    journey.press(&[Action::History]);
    journey.expect(&["History 1/1", "+ COMMITTED", "apply 1.3.2 1.4.1"]);
    journey.press(&[Action::Open]);
    journey.expect(&["Journal"]);
    journey.press(&[Action::Bottom]);
    journey.expect(&["committed: done and proved"]);

    journey.press(&[Action::Undo]);
    journey.expect(&["Undoes ", "Diff, 2 files"]);
    journey.press(&[Action::Undo, Action::Confirm]);
    journey.expect(&["COMMITTED", "roll back "]);
    journey.nothing_differs(&before, "every byte is back");

    journey.press(&[Action::History]);
    journey.expect(&["History 1/2", "< UNDONE"]);

    journey.press(&[Action::QuitWithSummary]);
    let summary = journey.session.app().finish();
    let outcomes: Vec<&Outcome> = summary.transactions.iter().map(|(_, o)| o).collect();
    assert_eq!(outcomes, [&Outcome::Committed, &Outcome::Committed]);
    assert_eq!(summary.problems, [""; 0]);
}

#[test]
fn a_change_that_does_not_prove_itself_is_put_back_before_ones_eyes() {
    let mut journey = Journey::begin();
    let before = journey.node.snapshot();
    journey.node.crash_on(Component::KubeScheduler, "--profiling=false");
    journey.mark("1.4.1");
    journey.press(&[Action::Apply, Action::Apply, Action::Confirm]);
    journey.expect(&["ROLLED BACK: the node is as before and healthy", "putting it back"]);
    journey.nothing_differs(&before, "every byte is as it was");
    journey.press(&[Action::Back]);
    journey.expect(&["1 marked"]);
}

#[test]
fn a_plan_of_yesterday_is_refused_and_made_again() {
    let mut journey = Journey::begin();
    journey.mark("1.4.1");
    journey.press(&[Action::Apply]);
    let text = journey.node.text(SCHEDULER).unwrap();
    journey.node.replace(SCHEDULER, &format!("# a colleague was here\n{text}")).unwrap();
    journey.press(&[Action::Apply, Action::Confirm]);
    journey.expect(&["REFUSED: nothing was written", SCHEDULER]);
    assert_eq!(journey.flags(SCHEDULER), 0);
    assert!(journey.node.text(SCHEDULER).unwrap().starts_with("# a colleague was here"));
}

#[test]
fn a_diff_writes_out_what_would_not_be_seen_and_says_so() {
    let mut journey = Journey::begin();
    let first = "    - --leader-elect";
    let text = journey.node.text(SCHEDULER).unwrap();
    let hostile = text.replace(first, &format!("    # \u{202e}eurt=\u{202c}\u{200b}\n{first}"));
    journey.node.replace(SCHEDULER, &hostile).unwrap();
    journey.press(&[Action::Rescan]);
    journey.mark("1.4.1");
    journey.press(&[Action::Plan]);
    journey.expect(&[r"# \u{202e}eurt=\u{202c}\u{200b}", r"\u{...}, and written unchanged"]);
}

/// Writes down the screen in both sizes.
fn approve(session: &mut Session, name: &str) {
    for (columns, rows) in [(80, 24), (130, 40)] {
        session.resize(columns, rows);
        insta::with_settings!({
            snapshot_path => "../snapshots/screens",
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
    journey.press(&[Action::Filter]);
    journey.session.type_text("a");
    journey.press(&[Action::Search]);
    journey.session.type_text("clusterrolebinding/ops-wild");
    journey.press(&[Action::Open]);
    approve(&mut journey.session, "cluster-finding");
    journey.press(&[Action::Back, Action::Search]);
    journey.session.type_text("5.1.2");
    journey.press(&[Action::Open, Action::Objects, Action::Down]);
    approve(&mut journey.session, "objects");
    journey.press(&[Action::Search]);
    journey.session.type_text("secret-reader");
    journey.expect(&[
        "5.1.2 objects 1/1",
        "rolebinding/shop/shop-reads-secrets",
        "serviceaccount shop/api → rolebinding/shop/shop-reads-secrets →",
        "→ clusterrole/secret-reader → rules[0]: get, list, watch",
    ]);
    approve(&mut journey.session, "objects-search");
    journey.press(&[Action::Open, Action::Back, Action::Back]);
    journey.expect(&["t objects, e explain"]);
}

#[test]
fn the_screen_in_the_readme_is_that_of_the_demo() {
    let mut journey = Journey::begin();
    journey.session.resize(92, 30);
    journey.mark("1.2.15");
    journey.press(&[Action::Down]);
    insta::with_settings!({
        snapshot_path => "../snapshots/screens",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("readme__92x30", journey.session.screen());
    });

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once("```text\n").unwrap();
    let (_, after) = rest.split_once("```\n").unwrap();
    let fresh = format!("{before}```text\n{}\n```\n{after}", journey.session.text().trim_end());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == fresh,
        "the screen in README.md is stale: run `UPDATE_README=1 cargo test --test tui` and commit it"
    );
}

#[test]
fn a_change_of_the_api_server_waits_to_be_kept_and_goes_back_when_nobody_answers() {
    let mut journey = Journey::begin();
    let before = journey.node.snapshot();
    journey.mark("1.2.15");
    journey.press(&[Action::Apply, Action::Apply, Action::Confirm]);
    // On a virtual clock five minutes are over before anybody could press a key.
    journey.expect(&["ROLLED BACK: the node is as before and healthy", "nobody confirmed it"]);
    journey.nothing_differs(&before, "every byte is as it was");
}
