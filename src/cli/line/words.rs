//! What can be said: a verb and what it is about.

use std::collections::BTreeSet;

use crate::model::ControlId;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    List,
    Pick,
    Drop,
    Show,
    Explain,
    Plan,
    Apply,
    History,
    Rollback,
    Recover,
    Health,
    Scan,
    Help,
    Quit,
}

/// Every verb: how it is said and what it does. The order is that of the help; of two that begin alike the
/// first is meant.
pub(super) const VERBS: &[(Verb, &str, &str)] = &[
    (Verb::List, "list [WORDS]", "what fails; or all, manual, pass, R1, 1.2, or any text"),
    (Verb::Pick, "pick NUMBERS", "choose fixes by number or control id; or safe: R0 and R1"),
    (Verb::Drop, "drop [NUMBERS]", "choose them no longer; alone: none of them"),
    (Verb::Show, "show NUMBER", "what was found, what is wanted, what can be done"),
    (Verb::Explain, "explain NUMBER", "why it matters, what a fix may break, how it is undone"),
    (Verb::Plan, "plan", "the exact diff of what is picked; nothing is written"),
    (Verb::Apply, "apply", "the diff, a question, the change, its proof"),
    (Verb::History, "history [NUMBER]", "every change made here; with a number, one in full"),
    (
        Verb::Rollback,
        "rollback [NUMBER]",
        "put a change back, by its number in the history; or all",
    ),
    (Verb::Recover, "recover", "finish or undo what was interrupted"),
    (Verb::Health, "health", "components, their answers, what did not end"),
    (Verb::Scan, "scan", "read the node again"),
    (Verb::Help, "help", "this list"),
    (Verb::Quit, "quit", "leave"),
];

/// The verb of a line and the words after it.
pub(super) fn parse(line: &str) -> Result<(Verb, Vec<String>), String> {
    let mut words = line.split_whitespace().map(str::to_owned);
    let Some(first) = words.next() else {
        return Err("Say help for what you can say, quit to leave.".to_owned());
    };
    let said = first.to_lowercase();
    let said = if said == "?" { "help".to_owned() } else { said };
    let found = VERBS.iter().find(|(_, name, _)| {
        name.split(' ').next().is_some_and(|name| name.starts_with(said.as_str()))
    });
    match found {
        Some((verb, ..)) => Ok((*verb, words.collect())),
        None => Err(format!("'{first}' is not among the words; say help.")),
    }
}

/// The things that numbers of a list, ranges of them, and control ids name.
pub(super) fn chosen(
    words: &[String],
    listed: &[ControlId],
) -> Result<BTreeSet<ControlId>, String> {
    let mut ids = BTreeSet::new();
    for word in words.iter().flat_map(|word| word.split(',')).filter(|word| !word.is_empty()) {
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        if let (Ok(from), Ok(to)) = (from.parse::<usize>(), to.parse::<usize>()) {
            let range = from.checked_sub(1).and_then(|from| listed.get(from..to));
            let Some(range) = range.filter(|range| !range.is_empty()) else {
                return Err(format!("the list has no {word}: it ends with {}", listed.len()));
            };
            ids.extend(range.iter().cloned());
        } else {
            ids.insert(word.parse::<ControlId>().map_err(|error| error.to_string())?);
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_letters_are_enough() {
        for (line, verb) in [
            ("list", Verb::List),
            ("L", Verb::List),
            ("p 1", Verb::Pick),
            ("pl", Verb::Plan),
            ("a", Verb::Apply),
            ("r", Verb::Rollback),
            ("rec", Verb::Recover),
            ("h", Verb::History),
            ("hea", Verb::Health),
            ("help", Verb::Help),
            ("?", Verb::Help),
            ("q", Verb::Quit),
        ] {
            assert_eq!(parse(line).unwrap().0, verb, "{line}");
        }
        for line in ["", "   ", "apply!", "yes", "y"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn numbers_ranges_and_ids_are_understood_and_nothing_else() {
        let listed: Vec<ControlId> =
            ["1.1.1", "1.1.2", "1.1.3"].map(|id| id.parse().unwrap()).into();
        let ids = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            chosen(&words, &listed)
                .map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(ids("1 3").unwrap(), ["1.1.1", "1.1.3"]);
        assert_eq!(ids("2-3,4.1.1").unwrap(), ["1.1.2", "1.1.3", "4.1.1"]);
        for wrong in ["0", "4", "2-9", "3-2", "no"] {
            assert!(ids(wrong).is_err(), "{wrong}");
        }
    }
}
