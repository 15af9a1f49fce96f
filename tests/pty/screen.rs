//! The interface on its terminal: keys, colours, sizes, signals.

use nix::sys::signal::Signal;
use vt100::{Color, Screen};

use crate::program::{Program, settings, size, some};

#[test]
fn quitting_gives_the_terminal_back() {
    let mut demo = Program::demo(&[], &[]);
    demo.wait_for_text("[1 Findings]");
    demo.wait_for_text("x FAIL");
    assert!(demo.parser.screen().alternate_screen());
    assert_ne!(settings(demo.master.as_ref()), demo.settings, "it never was raw");
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let mut demo = Program::demo(&[], &[]);
        demo.wait_for_text("x FAIL");
        demo.signal(signal);
        demo.ends_and_gives_the_terminal_back();
    }
}

#[test]
fn a_resized_terminal_is_filled_again() {
    let mut demo = Program::demo(&[], &[]);
    demo.wait_for_text("x FAIL");
    for (columns, rows) in [(120, 40), (60, 15), (80, 24)] {
        demo.parser.screen_mut().set_size(some(rows), some(columns));
        demo.master.resize(size(columns, rows)).unwrap();
        demo.wait_for("the keys on the last row", |screen| {
            let last = screen.rows(0, columns).nth(usize::from(rows) - 1).unwrap();
            last.contains("? help") && last.contains("q quit")
        });
        // Beside each other on a wide terminal, else below each other.
        demo.wait_for("the panes", |screen| {
            let corners = screen.rows(0, columns).nth(2).unwrap().matches('┌').count();
            corners == if columns >= 100 { 2 } else { 1 }
        });
    }
    demo.master.resize(size(40, 10)).unwrap();
    demo.parser.screen_mut().set_size(some(10), some(40));
    demo.wait_for_text("needs 60x15");
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

/// The row of the cursor: the first cell is `>` in reverse video.
fn cursor_row(screen: &Screen) -> Option<u16> {
    let (rows, _) = screen.size();
    (0..rows.get()).find(|row| {
        screen.cell(*row, 1).is_some_and(|cell| cell.contents() == ">" && cell.inverse())
    })
}

#[test]
fn without_colours_the_cursor_is_seen_and_nothing_is_coloured() {
    for (arguments, environment) in
        [(&[][..], &[("NO_COLOR", "1")][..]), (&["--color", "never"], &[])]
    {
        let mut demo = Program::demo(arguments, environment);
        demo.wait_for("the cursor row", |screen| cursor_row(screen).is_some());
        let first = cursor_row(demo.parser.screen()).unwrap();
        demo.press("j");
        demo.wait_for("the cursor below", |screen| cursor_row(screen).is_some_and(|r| r > first));
        let screen = demo.parser.screen();
        let row = cursor_row(screen).unwrap();
        for column in 1..79 {
            assert!(screen.cell(row, column).unwrap().inverse(), "column {column} is not reversed");
        }
        for row in 0..24 {
            for column in 0..80 {
                let cell = screen.cell(row, column).unwrap();
                let colours = (cell.fgcolor(), cell.bgcolor());
                assert_eq!(colours, (Color::Default, Color::Default), "{row}:{column}");
            }
        }
        demo.press("q");
        demo.ends_and_gives_the_terminal_back();
    }
}

#[test]
fn pasted_keys_are_no_keys() {
    let mut demo = Program::demo(&[], &[]);
    demo.wait_for_text("x FAIL");
    demo.press("\x1b[200~aAAyq\x1b[201~");
    demo.wait_for_text("pasted text was ignored");
    assert!(!demo.parser.screen().contents().contains("marked"));
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

#[test]
fn a_console_without_utf_8_gets_plain_characters() {
    let mut demo = Program::demo(&[], &[("LANG", "C"), ("TERM", "linux")]);
    demo.wait_for_text("x FAIL");
    demo.wait_for_text("+ Findings 1/");
    assert!(demo.raw.is_ascii());
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

#[test]
fn a_parser_that_gives_up_leaves_no_word_on_the_screen_nor_after_it() {
    let root = tempfile::tempdir().unwrap();
    let manifests = root.path().join("etc/kubernetes/manifests");
    std::fs::create_dir_all(&manifests).unwrap();
    std::fs::write(manifests.join("kube-scheduler.yaml"), "kind: Pod\nspec: [!!str, a]\n").unwrap();
    let root = root.path().to_str().unwrap();
    let arguments = ["--root", root, "--offline", "--benchmark", "cis-2.0"];
    let mut session = Program::of(&arguments, &[]);
    session.wait_for_text("E ERROR");
    session.press("q");
    session.ends_and_gives_the_terminal_back();
    let said = String::from_utf8_lossy(&session.raw);
    assert!(!said.contains("panicked"), "{said}");
}
