//! Line mode on a real terminal: only appended lines, and the terminal never in another mode.

use nix::sys::signal::Signal;

use crate::program::{ENTER, Program, settings};

const PROMPT: &str = "What next? (help): ";

/// Answers, and waits for what is said to it and for the next question: what is typed before that is dropped.
fn says(program: &mut Program, answer: &str, then: &str) {
    let before = program.raw.len();
    program.press(&format!("{answer}\r"));
    program.wait_until(then, |program| {
        let said = String::from_utf8_lossy(&program.raw[before..]);
        said.contains(then) && said.ends_with(": ")
    });
}

/// Nothing but text and line ends was written, and no line too wide.
fn only_appends(program: &Program) {
    let text = String::from_utf8(program.raw.clone()).unwrap();
    assert!(text.is_ascii(), "{text:?}");
    for line in text.lines() {
        let hidden = line.trim_end_matches('\r').chars().any(|c| c.is_control());
        assert!(!hidden && line.trim_end_matches('\r').len() < 80, "{line:?}");
    }
}

#[test]
fn a_dumb_terminal_gets_a_talk_that_only_appends() {
    for term in ["dumb", ""] {
        let mut talk = Program::demo(&[], &[("TERM", term), ("LANG", "C")]);
        talk.wait_for_bytes(PROMPT);
        assert_eq!(settings(talk.master.as_ref()), talk.settings, "the mode is the terminal's own");
        says(&mut talk, "list R1", "2 findings listed");
        says(&mut talk, "pick 1.4.1", "risk R1");
        says(&mut talk, "apply", "Type y to go on: ");
        says(&mut talk, "y", "1.4.1 is PASS now.");
        says(&mut talk, "history", "rollback 1");
        talk.press("quit\r");
        talk.ends();
        only_appends(&talk);
    }
}

#[test]
fn without_colours_line_mode_writes_no_sequence_and_with_them_none_that_moves() {
    let mut talk = Program::demo(&["--line"], &[]);
    talk.wait_for_bytes(PROMPT);
    says(&mut talk, "list", "findings listed");
    talk.press("quit\r");
    talk.ends();
    let text = String::from_utf8_lossy(&talk.raw).into_owned();
    let moves =
        |rest: &str| rest.trim_start_matches(|c: char| "0123456789;".contains(c)).chars().next();
    assert!(text.contains("\x1b["), "it is coloured");
    assert!(text.split("\x1b[").skip(1).all(|rest| moves(rest) == Some('m')), "{text:?}");
}

#[test]
fn without_colours_it_is_text_alone() {
    for (arguments, environment) in
        [(&["--line"][..], &[("NO_COLOR", "1")][..]), (&["--line", "--color", "never"], &[])]
    {
        let mut talk = Program::demo(arguments, environment);
        talk.wait_for_bytes(PROMPT);
        says(&mut talk, "list", "findings listed");
        says(&mut talk, "show 1", "wanted");
        talk.press("quit\r");
        talk.ends();
        let text = String::from_utf8(talk.raw.clone()).unwrap();
        assert!(!text.contains(|c: char| c.is_control() && !"\r\n".contains(c)), "{text:?}");
    }
}

#[test]
fn a_terminal_without_a_size_gets_a_talk_and_is_told_why() {
    let mut talk = Program::demo_without_a_size(&[]);
    talk.wait_for_bytes(PROMPT);
    assert_eq!(talk.times("this terminal does not say how large it is"), 1);
    assert_eq!(talk.times(ENTER), 0, "no screen was drawn");
    says(&mut talk, "list R1", "2 findings listed");
    talk.press("quit\r");
    talk.ends();
}

#[test]
fn suspended_at_a_question_it_asks_again_when_it_is_called_back() {
    let mut job = Program::job(&["demo", "--line", "--color", "never"]);
    job.wait_for_bytes(PROMPT);
    job.press("\x1a");
    job.wait_for_bytes("suspended: 148");
    let before = job.raw.len();
    job.press("\n");
    job.wait_until("the question again", |job| {
        String::from_utf8_lossy(&job.raw[before..]).ends_with(PROMPT)
    });
    says(&mut job, "list R1", "2 findings listed");
    job.press("quit\r");
    job.ends();
    assert!(String::from_utf8_lossy(&job.raw).ends_with("ended: 0\r\n"));
}

#[test]
fn what_is_typed_before_a_question_does_not_answer_it() {
    let mut talk = Program::demo(&["--line"], &[("TERM", "dumb")]);
    talk.wait_for_bytes(PROMPT);
    says(&mut talk, "pick 1.4.1\rapply\ry", "1 picked. What next? (help): ");
    says(&mut talk, "apply", "Type y to go on: ");
    says(&mut talk, "", "Nothing was written.");
    talk.press("quit\r");
    talk.ends();
    assert_eq!(talk.times("Transaction 2"), 0);
}

#[test]
fn whatever_ends_it_the_terminal_is_its_own() {
    for (keys, signal) in
        [("\x03", None), ("\x04", None), ("", Some(Signal::SIGTERM)), ("", Some(Signal::SIGHUP))]
    {
        let mut talk = Program::demo(&["--line"], &[("TERM", "dumb")]);
        talk.wait_for_bytes(PROMPT);
        talk.press(keys);
        if let Some(signal) = signal {
            talk.signal(signal);
        } else {
            talk.wait_for_bytes("No change is under way");
        }
        talk.ended();
        talk.has_the_terminal_back();
    }
}
