//! The folders of `src/` are floors: a module uses only modules of a smaller number, and no file is
//! longer than one idea.

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

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Module and floor, as the table in `src/lib.rs` has them.
const FLOORS: [(&str, u8); 13] = [
    ("model", 0),
    ("text", 1),
    ("node", 2),
    ("cluster", 3),
    ("catalog", 3),
    ("check", 4),
    ("plan", 4),
    ("store", 4),
    ("apply", 5),
    ("engine", 6),
    ("report", 7),
    ("cli", 8),
    ("tui", 8),
];

const LONGEST_FILE: usize = 600;

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == module).map(|(_, floor)| *floor)
}

/// Why `from` must not use `to`.
fn wrong_arrow(from: &str, to: &str) -> Option<String> {
    let (mine, theirs) = (floor(from)?, floor(to)?);
    if from == to || theirs < mine {
        return None;
    }
    let way = if theirs == mine { "sideways" } else { "up" };
    Some(format!("{from} ({mine}) uses {to} ({theirs}): {way}"))
}

/// Identifiers and punctuation of a source, without comments, strings and characters.
fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                while i < chars.len() {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            'r' if at(i + 1) == '"' || (at(i + 1) == '#' && matches!(at(i + 2), '#' | '"')) => {
                let hashes = (i + 1..chars.len()).take_while(|&j| at(j) == '#').count();
                let end = format!("\"{}", "#".repeat(hashes));
                i += hashes + 2;
                while i < chars.len() && !(0..end.len()).all(|k| end[k..].starts_with(at(i + k))) {
                    i += 1;
                }
                i += end.len();
            }
            '"' => {
                i += 1;
                while i < chars.len() && at(i) != '"' {
                    i += if at(i) == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            // A character, not a lifetime.
            '\'' if at(i + 1) == '\\' => {
                i += 3;
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            }
            '\'' if at(i + 2) == '\'' => i += 3,
            ':' if at(i + 1) == ':' => {
                tokens.push("::".to_owned());
                i += 2;
            }
            c if c.is_alphanumeric() || c == '_' => {
                let start = i;
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                tokens.push(chars[start..i].iter().collect());
            }
            c if c.is_whitespace() => i += 1,
            c => {
                tokens.push(c.to_string());
                i += 1;
            }
        }
    }
    tokens
}

/// The modules of the crate's root that a source refers to. `depth` is how many modules its file lies
/// below the root.
fn references(source: &str, depth: usize) -> BTreeSet<String> {
    let tokens = tokens(source);
    let at = |i: usize| tokens.get(i).map_or("", String::as_str);
    let mut found = BTreeSet::new();
    // Inline modules that are open, by the brace depth of their body.
    let (mut braces, mut inline) = (0, Vec::new());
    for i in 0..tokens.len() {
        match at(i) {
            "{" => {
                braces += 1;
                if i >= 2 && at(i - 2) == "mod" {
                    inline.push(braces);
                }
            }
            "}" => {
                if inline.last() == Some(&braces) {
                    inline.pop();
                }
                braces -= 1;
            }
            "crate" if at(i + 1) == "::" => found.extend(heads(&tokens, i + 2)),
            "super" if at(i + 1) == "::" && (i < 2 || at(i - 2) != "super") => {
                let ups = (i..tokens.len()).step_by(2).take_while(|&j| at(j) == "super").count();
                if ups == depth + inline.len() {
                    found.extend(heads(&tokens, i + 2 * ups));
                }
            }
            _ => {}
        }
    }
    found
}

/// The first names of a path or of a group of paths: `a` of `a::b`, `a` and `c` of `{a::b, c}`.
fn heads(tokens: &[String], start: usize) -> Vec<String> {
    let at = |i: usize| tokens.get(i).map_or("", String::as_str);
    if at(start) != "{" {
        return vec![at(start).to_owned()];
    }
    let (mut names, mut depth, mut i) = (Vec::new(), 1, start + 1);
    while depth > 0 && i < tokens.len() {
        match at(i) {
            "{" => depth += 1,
            "}" => depth -= 1,
            name if depth == 1 && matches!(at(i - 1), "{" | ",") => names.push(name.to_owned()),
            _ => {}
        }
        i += 1;
    }
    names
}

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn all_sources(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    }
    found.sort();
    found
}

/// The modules a file of `src/` lies in: `[text, diff]` for `src/text/diff/mod.rs`.
fn module_path(file: &Path) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inner = file.strip_prefix(root).unwrap().with_extension("");
    let mut path: Vec<String> =
        inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        path.pop();
    }
    path
}

#[test]
fn no_module_uses_a_higher_floor_or_a_neighbour() {
    let mut wrong = Vec::new();
    let mut arrows = 0;
    for file in all_sources(&["src"]) {
        let path = module_path(&file);
        let Some(module) = path.first() else { continue };
        assert!(floor(module).is_some(), "{} has no floor", file.display());
        for used in references(&fs::read_to_string(&file).unwrap(), path.len()) {
            arrows += usize::from(floor(&used).is_some());
            wrong
                .extend(wrong_arrow(module, &used).map(|why| format!("{}: {why}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(arrows > 20, "only {arrows} uses were seen: this test reads the sources wrongly");
}

#[test]
fn the_floors_are_those_of_the_library() {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs"));
    let source = source.unwrap();
    let declared: BTreeSet<String> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let known: BTreeSet<String> = FLOORS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(declared, known);
    for (name, floor) in FLOORS {
        let row = source
            .lines()
            .find(|line| line.starts_with("//! | ") && line.contains(&format!("[`{name}`]")))
            .unwrap_or_else(|| panic!("{name} is not in the table of src/lib.rs"));
        assert!(row.starts_with(&format!("//! | {floor} |")), "{row}");
    }
}

#[test]
fn no_file_is_too_long() {
    let long: Vec<String> = all_sources(&["src", "tests", "benches"])
        .into_iter()
        .map(|file| (fs::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, file)| format!("{}: {lines} lines, split it", file.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// As another user they are listed as left out (`build.rs`), and do not fail.
#[test]
fn tests_that_unpack_a_node_say_that_they_need_root() {
    let mut silent = Vec::new();
    let mut marked = 0;
    for file in all_sources(&["tests"]) {
        let source = fs::read_to_string(&file).unwrap();
        for test in source.split("\n#[test]\n").skip(1) {
            let says_so = test.starts_with("#[cfg_attr(not(root), ignore = \"needs root");
            marked += usize::from(says_so);
            if test.contains(concat!("Unpacked", "::new(")) && !says_so {
                let name = test.lines().next().unwrap_or_default();
                silent.push(format!("{}: {name}", file.display()));
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    assert!(marked > 40, "only {marked} were seen: this test reads the sources wrongly");
}

#[test]
fn arrows_up_and_sideways_are_wrong() {
    assert_eq!(wrong_arrow("plan", "text"), None);
    assert_eq!(wrong_arrow("plan", "plan"), None);
    assert_eq!(wrong_arrow("plan", "check").unwrap(), "plan (4) uses check (4): sideways");
    assert_eq!(wrong_arrow("text", "node").unwrap(), "text (1) uses node (2): up");
}

#[test]
fn every_way_to_refer_to_a_module_is_seen() {
    let cases: [(&str, usize, &[&str]); 9] = [
        ("use crate::model::Tier;", 1, &["model"]),
        (
            "use crate::{catalog::Numbered, model::{a, node}, text};",
            1,
            &["catalog", "model", "text"],
        ),
        ("fn f() { crate::node::x(); let y: crate::tui::T; }", 1, &["node", "tui"]),
        ("// use crate::tui;\n/* crate::cli::x /* */ */ use crate::text;", 1, &["text"]),
        (
            "let a = \"crate::tui::x\"; let b = r#\"crate::cli\"#; let c = '\"'; crate::text::x",
            1,
            &["text"],
        ),
        ("fn f<'a>(x: &'a str) { crate::text::x }", 1, &["text"]),
        ("use super::model::Tier;", 1, &["model"]),
        ("use super::work::Work; use super::super::check::x;", 2, &["check"]),
        (
            "mod tests { use super::store; mod more { use super::super::super::check; } }",
            1,
            &["check"],
        ),
    ];
    for (source, depth, want) in cases {
        let found = references(source, depth);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, want, "{source}");
    }
}
