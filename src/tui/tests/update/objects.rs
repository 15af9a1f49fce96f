//! The table of objects: thousands of them, with search.

use super::super::support::scan;
use super::{note, press, ready, type_text};
use crate::{
    model::{Danger, FoundObject},
    tui::{
        Action,
        model::{Model, Overlay, Pane},
        view,
    },
};

const MANY: usize = 5_000;

fn object(number: usize) -> FoundObject {
    FoundObject {
        danger: if number == 0 { Danger::High } else { Danger::Low },
        object: format!("rolebinding/team-{}/binding-{number}", number % 7),
        path: "subjects[0]".to_owned(),
        value: format!("user user-{number} may get secrets"),
        wrong: number == 0,
        who: vec![format!("group Group-{number}"), "clusterrole/reader".to_owned()],
    }
}

/// The cursor on the first finding, which speaks of thousands of objects.
fn model() -> Model {
    let mut model = ready();
    let mut scan = scan();
    let first = model.finding().unwrap().control.clone();
    let finding = scan.report.findings.iter_mut().find(|f| f.control == first).unwrap();
    finding.objects = (0..MANY).map(object).collect();
    model.scan = Some(scan.into());
    model
}

fn shown(model: &Model) -> Vec<&str> {
    let (objects, finding) = (model.objects().unwrap(), model.finding().unwrap());
    objects.shown(finding).into_iter().map(|object| object.object.as_str()).collect()
}

fn under_cursor(model: &Model) -> &str {
    shown(model)[model.objects().unwrap().list.cursor]
}

#[test]
fn a_finding_without_objects_has_no_table() {
    let mut model = ready();
    press(&mut model, Action::Objects);
    assert!(model.overlays.is_empty());
    assert!(note(&model).ends_with("speaks of no object of the cluster"), "{}", note(&model));
}

#[test]
fn one_moves_through_thousands_and_the_cursor_stays_in_sight() {
    let mut model = model();
    press(&mut model, Action::Objects);
    assert_eq!(under_cursor(&model), "rolebinding/team-0/binding-0");
    let height = view::objects_height(&model);
    for (action, at) in [
        (Action::Down, 1),
        (Action::PageDown, 1 + height),
        (Action::Bottom, MANY - 1),
        (Action::Down, MANY - 1),
        (Action::Up, MANY - 2),
        (Action::Top, 0),
        (Action::Up, 0),
    ] {
        press(&mut model, action);
        let list = model.objects().unwrap().list;
        assert_eq!(list.cursor, at, "{action:?}");
        assert!(list.offset <= at && at < list.offset + height, "{action:?}: {list:?}");
    }
    assert_eq!(model.findings.list.cursor, 0, "the list below stands still");
}

#[test]
fn a_search_looks_into_everything_that_is_said_of_an_object() {
    for (text, count) in [
        ("binding-4711", 1),
        ("TEAM-3/", MANY / 7),
        ("user-12 may", 1),
        ("group-4999", 1),
        ("subjects[0]", MANY),
        ("nobody", 0),
    ] {
        let mut model = model();
        press(&mut model, Action::Objects);
        press(&mut model, Action::Bottom);
        press(&mut model, Action::Search);
        type_text(&mut model, text);
        assert!(shown(&model).len().abs_diff(count) <= 1, "{text}: {}", shown(&model).len());
        assert_eq!(model.objects().unwrap().list.cursor, 0, "{text}");
        assert_eq!(model.findings.search, "", "the findings are not searched");
        press(&mut model, Action::Open);
        assert!(matches!(model.overlays.as_slice(), [Overlay::Objects(_)]));
    }
}

#[test]
fn the_way_back_is_out_of_the_typing_then_the_search_then_the_table() {
    let mut model = model();
    press(&mut model, Action::Objects);
    press(&mut model, Action::Search);
    type_text(&mut model, "binding-4711");
    press(&mut model, Action::Open);
    press(&mut model, Action::Search);
    type_text(&mut model, "x");
    assert!(shown(&model).is_empty());
    press(&mut model, Action::Back);
    assert_eq!(shown(&model), ["rolebinding/team-0/binding-4711"], "what was typed is forgotten");
    press(&mut model, Action::Back);
    assert_eq!(shown(&model).len(), MANY);
    press(&mut model, Action::Back);
    assert!(model.overlays.is_empty());
    assert_eq!(model.focus, Pane::First);
}

#[test]
fn findings_are_found_by_the_objects_they_speak_of() {
    let mut model = model();
    let first = model.finding().unwrap().control.clone();
    press(&mut model, Action::Search);
    type_text(&mut model, "binding-4711");
    let scan = model.scan.clone().unwrap();
    let found: Vec<_> = model.findings.visible(&scan).iter().map(|f| &f.control).collect();
    assert_eq!(found, [&first]);
}
