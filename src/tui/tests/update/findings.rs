//! The list: what is shown, what can be marked.

use std::sync::Arc;

use super::super::{
    harness::PLAIN,
    support::{id, scan},
};
use super::{character, marked, note, press, ready, type_text};
use crate::{
    model::{FixOffer, Status},
    node::NodeKind,
    tui::{
        Action, Effect, JobMsg, Msg,
        model::{Filter, Model, Narrow, Row, Screen},
        update::{self, update},
    },
};

#[test]
fn the_first_things_wanted_are_a_scan_and_the_history() {
    let mut model = Model::new(PLAIN, NodeKind::Live, None, (80, 24));
    let effects = update::start(&mut model);
    assert!(matches!(effects.as_slice(), [Effect::Scan, Effect::History]));
    assert_eq!(model.jobs, 2);
}

#[test]
fn findings_open_on_what_is_wrong_worst_and_easiest_first() {
    let model = ready();
    let scan = scan();
    let shown: Vec<&str> =
        model.findings.visible(&scan).into_iter().map(|f| f.control.as_str()).collect();
    // Within 1.2: R2 before R3 before what has no fix; the accepted 1.1.12 is not wrong here.
    assert_eq!(shown, ["1.1.9", "1.2.15", "1.2.9", "1.2.1", "1.3.2", "1.4.1", "2.1", "4.2.1"]);
}

#[test]
fn each_filter_shows_its_own() {
    let cases: [(Filter, &[&str]); 8] = [
        (Filter::Fixable, &["1.1.9", "1.2.15", "1.2.9", "1.3.2", "1.4.1", "2.1"]),
        (
            Filter::Only(Status::Fail),
            &["1.1.9", "1.1.12", "1.2.15", "1.2.9", "1.2.1", "1.3.2", "1.4.1", "2.1"],
        ),
        (Filter::Only(Status::Error), &["4.2.1"]),
        (Filter::Only(Status::Manual), &["3.1.1"]),
        (Filter::Only(Status::Pass), &["1.2.2", "4.2.4"]),
        (Filter::Only(Status::NotApplicable), &["4.1.3"]),
        (Filter::Accepted, &["1.1.12"]),
        (
            Filter::All,
            &[
                "1.1.9", "1.1.12", "1.2.15", "1.2.9", "1.2.1", "1.2.2", "1.3.2", "1.4.1", "2.1",
                "3.1.1", "4.1.3", "4.2.1", "4.2.4",
            ],
        ),
    ];
    for (filter, want) in cases {
        let mut model = ready();
        let letter = Filter::ALL.iter().find(|(_, f, _)| *f == filter).unwrap().0;
        press(&mut model, Action::Filter);
        character(&mut model, letter);
        let scan = scan();
        let shown: Vec<&str> =
            model.findings.visible(&scan).into_iter().map(|f| f.control.as_str()).collect();
        assert_eq!(shown, want, "{filter:?}");
        assert!(model.overlays.is_empty());
    }
}

fn shown(model: &Model) -> Vec<String> {
    let scan = model.scan.clone().unwrap();
    model.findings.visible(&scan).into_iter().map(|f| f.control.to_string()).collect()
}

#[test]
fn each_line_of_the_menu_goes_through_what_the_scan_has_and_back_to_all() {
    let everything = shown(&ready());
    let cases: [(char, &[&[&str]]); 4] = [
        ('r', &[&["1.1.9"], &["1.3.2", "1.4.1"], &["1.2.15"], &["1.2.9"], &["2.1"]]),
        ('t', &[&["1.2.15"]]),
        ('l', &[&["1.1.9", "1.2.15", "1.2.9", "1.2.1", "1.3.2", "1.4.1", "2.1", "4.2.1"], &[]]),
        ('s', &[&["1.1.9"], &["1.2.15", "1.2.9", "1.2.1"], &["1.3.2"], &["1.4.1"], &["2.1"]]),
    ];
    for (key, steps) in cases {
        let mut model = ready();
        press(&mut model, Action::Filter);
        for wanted in steps {
            character(&mut model, key);
            assert_eq!(shown(&model), *wanted, "{key}");
            assert!(!model.overlays.is_empty(), "the menu stays open");
        }
        for _ in 0..20 {
            character(&mut model, key);
            if model.findings.narrow == Narrow::default() {
                break;
            }
        }
        assert_eq!(shown(&model), everything, "{key}");
    }
}

#[test]
fn enter_turns_the_line_under_the_cursor_and_esc_on_the_list_clears_them_all() {
    let mut model = ready();
    press(&mut model, Action::Filter);
    press(&mut model, Action::Bottom);
    press(&mut model, Action::Up);
    press(&mut model, Action::Open);
    assert_eq!(shown(&model), ["1.1.9"], "the first section");
    character(&mut model, 'r');
    press(&mut model, Action::Back);
    assert!(model.overlays.is_empty());
    assert_eq!(model.findings.narrow.names(), ["R0", "section 1.1"]);
    press(&mut model, Action::Back);
    assert_eq!(model.findings.narrow, Narrow::default());
}

#[test]
fn findings_can_stand_in_other_orders() {
    let mut model = ready();
    press(&mut model, Action::Filter);
    character(&mut model, 'b');
    let by_number = ["1.1.9", "1.2.1", "1.2.9", "1.2.15", "1.3.2", "1.4.1", "2.1", "4.2.1"];
    assert_eq!(shown(&model), by_number);
    character(&mut model, 'b');
    assert_eq!(
        shown(&model),
        ["1.1.9", "1.3.2", "1.4.1", "1.2.15", "1.2.9", "2.1", "1.2.1", "4.2.1"]
    );
    let scan = scan();
    let headings = model.findings.rows(&scan).iter().any(|row| matches!(row, Row::Section(..)));
    assert!(!headings, "sections are mixed here");
    character(&mut model, 'b');
    assert_eq!(shown(&model), shown(&ready()));
}

#[test]
fn search_narrows_as_one_types_and_esc_takes_it_back() {
    let mut model = ready();
    press(&mut model, Action::Search);
    type_text(&mut model, "SCHEDULER");
    let shown = |model: &Model| model.findings.visible(&scan()).len();
    assert_eq!(shown(&model), 1);
    // What is typed is text: the letters of actions do nothing here.
    type_text(&mut model, "qAzX");
    assert_eq!(shown(&model), 0);
    assert!(model.leaving.is_none() && model.screen == Screen::Findings);
    press(&mut model, Action::Back);
    assert_eq!(model.findings.search, "");
    assert_eq!(shown(&model), 8);
}

#[test]
fn a_search_that_was_taken_is_cleared_by_esc_on_the_list() {
    let mut model = ready();
    press(&mut model, Action::Search);
    type_text(&mut model, "profiling");
    press(&mut model, Action::Open);
    assert!(model.overlays.is_empty());
    assert_eq!(model.findings.search, "profiling");
    press(&mut model, Action::Back);
    assert_eq!(model.findings.search, "");
}

#[test]
fn the_cursor_stays_on_its_finding_when_the_list_changes() {
    let mut model = ready();
    let on = |model: &Model| model.findings.current(&scan()).unwrap().control.clone();
    for _ in 0..4 {
        press(&mut model, Action::Down);
    }
    assert_eq!(on(&model), id("1.3.2"));
    press(&mut model, Action::Filter);
    character(&mut model, 'a');
    assert_eq!(on(&model), id("1.3.2"));
    update(&mut model, Msg::Resize(120, 40));
    assert_eq!(on(&model), id("1.3.2"));
    press(&mut model, Action::Rescan);
    update(&mut model, Msg::Job(JobMsg::Scanned(Ok(Arc::new(scan())))));
    assert_eq!(on(&model), id("1.3.2"));
}

#[test]
fn moving_stays_within_the_list() {
    let mut model = ready();
    for action in [Action::Up, Action::PageUp, Action::Top] {
        press(&mut model, action);
        assert_eq!(model.findings.list.cursor, 0);
    }
    for action in [Action::Bottom, Action::Down, Action::PageDown, Action::HalfDown] {
        press(&mut model, action);
        assert_eq!(model.findings.list.cursor, 7);
    }
}

#[test]
fn only_a_fix_on_offer_can_be_marked() {
    let cases = [
        ("1.4.1", ""),
        ("1.2.1", "this version does not fix it: the probes must change in the same write"),
        ("1.2.2", "1.2.2 is PASS: there is nothing to fix"),
        ("4.2.1", "4.2.1 is ERROR: there is nothing to fix"),
        ("1.1.12", "there is no fix: nothing to fix"),
    ];
    for (number, reason) in cases {
        let mut model = ready();
        model.findings.filter = Filter::All;
        model.findings.stay_on(Some(&id(number)), &scan());
        press(&mut model, Action::Mark);
        assert_eq!(note(&model), reason, "{number}");
        assert_eq!(model.findings.marked.contains(&id(number)), reason.is_empty(), "{number}");
    }
}

#[test]
fn all_of_r0_and_r1_are_marked_and_nothing_above() {
    let mut model = ready();
    press(&mut model, Action::MarkSafe);
    let want = ["1.1.9", "1.3.2", "1.4.1"].map(id);
    assert_eq!(model.findings.marked, want.into());
    press(&mut model, Action::Unmark);
    assert!(model.findings.marked.is_empty());
}

#[test]
fn a_rescan_forgets_marks_of_what_passes_now() {
    let mut model = marked(&["1.3.2", "1.4.1"]);
    let mut better = scan();
    for finding in &mut better.report.findings {
        if finding.control == id("1.4.1") {
            finding.status = Status::Pass;
        }
    }
    press(&mut model, Action::Rescan);
    update(&mut model, Msg::Job(JobMsg::Scanned(Ok(Arc::new(better)))));
    assert_eq!(model.findings.marked, [id("1.3.2")].into());
}

#[test]
fn offers_of_passing_controls_are_no_offers() {
    let mut scan = scan();
    let finding = &mut scan.report.findings[0];
    assert!(matches!(finding.offer, FixOffer::Offered { .. }));
    finding.status = Status::Pass;
    assert_eq!(crate::tui::model::findings_offered(finding), None);
}
