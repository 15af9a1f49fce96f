//! The key table keeps its rules.

use std::collections::HashSet;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::tui::{
    Action,
    keys::{self, BINDINGS, Context, Key},
};

#[test]
fn every_action_has_a_key() {
    for action in Action::ALL {
        assert!(action.key().is_some(), "{action:?} has no key");
    }
    let listed: HashSet<Action> = Action::ALL.into_iter().collect();
    assert_eq!(listed.len(), Action::ALL.len());
    for binding in BINDINGS {
        assert!(listed.contains(&binding.action), "{binding:?} is not in Action::ALL");
    }
}

#[test]
fn a_key_means_one_thing_in_one_place() {
    for context in Context::ALL {
        let mut seen = HashSet::new();
        for binding in keys::of(context) {
            for key in binding.keys {
                assert!(seen.insert(key.to_string()), "{key} twice in {context:?}");
            }
        }
    }
}

#[test]
fn every_binding_says_what_it_does() {
    for binding in BINDINGS {
        assert!(!binding.about.is_empty(), "{binding:?}");
        assert!(!binding.keys.is_empty(), "{binding:?}");
        assert!(!binding.contexts.is_empty(), "{binding:?}");
    }
}

/// The actions from which a write can follow.
const TOWARDS_A_WRITE: [Action; 6] = [
    Action::Apply,
    Action::Undo,
    Action::UndoLast,
    Action::Recover,
    Action::KeepChange,
    Action::Confirm,
];

#[test]
fn no_control_chord_and_no_enter_leads_to_a_write() {
    for binding in BINDINGS.iter().filter(|b| TOWARDS_A_WRITE.contains(&b.action)) {
        for key in binding.keys {
            let Key::Char(c) = key else { panic!("{key} must not lead to a write") };
            // `z` opens a plan to look at; `y` answers a question and asks none.
            assert!(c.is_ascii_uppercase() || "zy".contains(*c), "{key} is too easy to press");
        }
    }
}

#[test]
fn the_answer_is_not_the_question() {
    let answers: Vec<&Key> = BINDINGS
        .iter()
        .filter(|b| b.action == Action::Confirm)
        .flat_map(|b| {
            assert_eq!(b.contexts, [Context::Confirm]);
            b.keys
        })
        .collect();
    // Copying has the same key, where no question is open: it asks nothing.
    for binding in BINDINGS.iter().filter(|b| b.action != Action::Confirm) {
        for key in binding.keys {
            let asks = binding.action != Action::Copy;
            assert!(!(asks && answers.contains(&key)), "{binding:?} shares a key with the answer");
        }
    }
}

#[test]
fn one_can_go_back_or_leave_from_everywhere() {
    let esc = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    for context in Context::ALL {
        let quits = keys::lookup(context, interrupt).map(|b| b.action);
        assert_eq!(quits, Some(Action::Quit), "{context:?}");
        // While a transaction is under way there is nothing to go back to.
        if !matches!(context, Context::Progress | Context::Countdown | Context::TooSmall) {
            let back = keys::lookup(context, esc).map(|b| b.action);
            assert_eq!(back, Some(Action::Back), "{context:?}");
        }
    }
}

#[test]
fn shift_is_part_of_the_letter() {
    for modifiers in [KeyModifiers::NONE, KeyModifiers::SHIFT] {
        let key = KeyEvent::new(KeyCode::Char('A'), modifiers);
        assert_eq!(keys::lookup(Context::Plan, key).map(|b| b.action), Some(Action::Apply));
    }
    for modifiers in [KeyModifiers::CONTROL, KeyModifiers::ALT] {
        let key = KeyEvent::new(KeyCode::Char('A'), modifiers);
        assert!(keys::lookup(Context::Plan, key).is_none());
    }
}
