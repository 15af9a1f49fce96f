//! Colours, signs and locales: what they are chosen by, and that nothing is told by colour alone.

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

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use common::{Unpacked, program};

/// What the demo prints on a pipe in this environment.
fn demo(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = program();
    command.arg("demo").args(arguments);
    for (name, value) in environment {
        command.env(name, value);
    }
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}

/// The numbers of every colour and weight that was set.
fn looks(text: &str) -> BTreeSet<&str> {
    text.split("\x1b[").skip(1).map(|rest| rest.split_once('m').unwrap().0).collect()
}

fn without_looks(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap().to_owned();
    first + &parts.map(|rest| rest.split_once('m').unwrap().1).collect::<String>()
}

#[test]
fn colours_are_sixteen_and_only_where_they_are_wanted() {
    let plain = demo(&[], &[]);
    assert!(!plain.contains('\x1b'), "a pipe gets none by itself");
    assert_eq!(demo(&["--color", "never"], &[]), plain);
    let coloured = demo(&["--color", "always"], &[("NO_COLOR", "1")]);
    assert!(looks(&coloured).is_superset(&["31", "32", "36"].into()), "{:?}", looks(&coloured));
    assert!(looks(&coloured).iter().all(|look| look.len() <= 2), "{:?}", looks(&coloured));
    assert_eq!(without_looks(&coloured), plain, "the words are the same without");
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn a_theme_keeps_red_and_green_apart_for_every_eye() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let plan = ["plan", "--check", "4.1.1,1.3.2,1.2.15", "--color", "always"];
    let default = common::stdout(&node.run(&plan));
    let other = common::stdout(&node.run(&[&plan[..], &["--theme", "colorblind"]].concat()));
    assert!(default.contains("\x1b[32m+\x1b[0m"), "added lines are green: {default:?}");
    assert!(other.contains("\x1b[94m+\x1b[0m"), "added lines are blue: {other:?}");
    assert_eq!(looks(&other).intersection(&["31", "32"].into()).count(), 0, "{:?}", looks(&other));
    assert_eq!(without_looks(&other), without_looks(&default));
}

#[test]
fn without_utf_8_everything_is_ascii() {
    let utf8 = demo(&["-v"], &[]);
    assert!(!utf8.is_ascii(), "otherwise this shows nothing");
    for (arguments, environment) in [
        (&["-v", "--ascii"][..], &[][..]),
        (&["-v"], &[("LANG", "C")]),
        (&["-v"], &[("LC_ALL", "POSIX")]),
        (&["-v"], &[("LC_CTYPE", "de_DE.ISO-8859-1")]),
        (&["-v"], &[("TERM", "linux")]),
        (&["-v"], &[("TERM", "vt220")]),
    ] {
        let text = demo(arguments, environment);
        assert!(text.is_ascii(), "{environment:?}: {text}");
        assert_eq!(text.lines().count(), utf8.lines().count());
    }
}

#[test]
#[cfg_attr(not(root), ignore = "needs root: it changes owners")]
fn json_is_utf_8_everywhere() {
    let node = Unpacked::new("kubeadm-1.36.2");
    let output = node.command(&["scan", "--format", "json"]).env("LANG", "C").output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!json.to_string().is_ascii());
}

/// The colours in the name of a look, without weights.
fn colours(look: &str) -> Vec<&str> {
    let weights = ["bold", "dim", "underlined", "reversed"];
    look.split(' ').filter(|word| !weights.contains(word)).collect()
}

#[test]
fn no_approved_screen_tells_a_state_by_its_colour_alone() {
    // Text → the colours it comes in, each with a row where it does.
    let mut seen: BTreeMap<String, BTreeMap<Vec<String>, String>> = BTreeMap::new();
    let mut screens = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/screens");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let (_, screen) = text.split_once("---\n").unwrap().1.split_once("---\n").unwrap();
        let Some((rows, looks)) = screen.split_once("--- looks\n") else {
            panic!("{} has no legend", path.display())
        };
        let rows: Vec<&str> = rows.lines().collect();
        screens += 1;
        for line in looks.lines() {
            let (number, rest) = line.split_once(": [").unwrap();
            let (look, piece) = rest.split_once("] ").unwrap();
            let colours: Vec<String> = colours(look).into_iter().map(str::to_owned).collect();
            let row = rows[number.parse::<usize>().unwrap()].trim_matches(['│', '|', ' ']);
            // Pieces of a changed line stand behind its sign.
            let sign = match row.chars().next() {
                Some(sign @ ('+' | '-')) => sign.to_string(),
                _ => String::new(),
            };
            let piece = sign + piece.trim_matches(['│', '|', ' ']);
            let place = format!("{}:{number}: {row}", path.file_name().unwrap().display());
            seen.entry(piece).or_default().entry(colours).or_insert(place);
        }
    }
    assert!(screens > 40, "{screens}");
    assert!(seen["x FAIL"].contains_key(&vec!["red".to_owned()]), "otherwise nothing was read");
    for (text, colours) in seen {
        let coloured: Vec<_> = colours.iter().filter(|(colour, _)| !colour.is_empty()).collect();
        assert!(coloured.len() <= 1, "{text:?} means different things by colour: {coloured:#?}");
    }
}
