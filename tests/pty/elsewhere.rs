//! What the program gives to others: the clipboard of the terminal, and the terminal itself to a pager.

use nix::sys::signal::Signal;

use crate::program::{ENTER, LEAVE, Program};

#[test]
fn what_is_copied_goes_to_the_clipboard_of_the_terminal() {
    let mut demo = Program::demo(&[], &[]);
    demo.wait_for_text("x FAIL");
    demo.press("y");
    demo.wait_for_text("lines to the terminal's clipboard");
    let raw = String::from_utf8_lossy(&demo.raw).into_owned();
    let (_, after) = raw.split_once("\x1b]52;c;").expect("nothing for the clipboard");
    let (payload, _) = after.split_once("\x1b\\").unwrap();
    let mut decoder = std::process::Command::new("base64");
    decoder.arg("-d").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = decoder.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), payload.as_bytes()).unwrap();
    let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let id = text.lines().next().unwrap();
    assert!(demo.parser.screen().contents().contains(&format!("{id} ")), "{text}");
    assert!(text.contains("x FAIL") && text.contains("Wanted"), "{text}");
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

/// A pager that says what it got, runs these commands, and waits for a line of its own.
fn pager(folder: &tempfile::TempDir, commands: &str) -> String {
    let script = folder.path().join("pager");
    let text = format!(
        "echo pager has it; grep -c 'Why it matters'; {commands}; read -r line </dev/tty; echo \"typed $line\"\n"
    );
    std::fs::write(&script, text).unwrap();
    format!("/bin/sh {}", script.display())
}

#[test]
fn a_pager_has_the_terminal_and_its_keys_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let talk = "echo ready; for n in 1 2 3; do read -r line </dev/tty; echo \"heard $line\"; done";
    let pager = pager(&folder, talk);
    let mut demo = Program::demo(&[], &[("PAGER", &pager), ("PATH", "/usr/bin:/bin")]);
    demo.wait_for_text("x FAIL");
    demo.press("eo");
    demo.wait_for_bytes("pager has it\r\n1\r\nready\r\n");
    demo.has_the_terminal_back();
    // Meant for the pager, as Ctrl-C at the keyboard is.
    demo.signal(Signal::SIGINT);
    for said in ["one", "two", "three"] {
        demo.press(&format!("{said}\n"));
        demo.wait_for_bytes(&format!("heard {said}\r\n"));
    }
    demo.press("qqq\n");
    demo.wait_for_bytes("typed qqq\r\n");
    demo.wait_for("the page again", |screen| {
        screen.alternate_screen() && screen.contents().contains("Why it matters")
    });
    // Closes the page, and moves on the list.
    demo.press("qj");
    demo.wait_for_text("Findings 2/");
    demo.press("q");
    demo.ends();
    assert_eq!((demo.times(ENTER), demo.times(LEAVE)), (2, 2));
}

#[test]
fn a_pager_that_is_suspended_takes_the_program_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let pager = pager(&folder, "kill -STOP $$; echo goes on");
    let environment = [("PAGER", pager.as_str()), ("PATH", "/usr/bin:/bin")];
    let mut job = Program::job_in(&["demo"], &environment);
    job.wait_for_text("x FAIL");
    job.press("eo");
    job.wait_for_bytes("suspended: 147");
    job.press("\n");
    job.wait_for_bytes("goes on\r\n");
    job.press("enough\n");
    job.wait_for("the page again", |screen| {
        screen.alternate_screen() && screen.contents().contains("Why it matters")
    });
    job.press("qq");
    job.ends();
}

#[test]
fn a_pager_that_fails_is_said_and_nothing_is_lost() {
    for (pager, said) in [
        ("false", "the pager 'false' ended with 1"),
        ("no-such-pager", "the pager 'no-such-pager' of $PAGER is not to be found"),
    ] {
        let mut demo = Program::demo(&[], &[("PAGER", pager), ("PATH", "/usr/bin:/bin")]);
        demo.wait_for_text("x FAIL");
        demo.press("o");
        demo.wait_for_text(said);
        demo.press("j");
        demo.wait_for_text("Findings 2/");
        demo.press("q");
        demo.ends();
    }
}

#[test]
fn who_is_told_to_leave_ends_the_pager_too() {
    let folder = tempfile::tempdir().unwrap();
    let pager = pager(&folder, "echo ready");
    let mut demo = Program::demo(&[], &[("PAGER", &pager), ("PATH", "/usr/bin:/bin")]);
    demo.wait_for_text("x FAIL");
    demo.press("eo");
    demo.wait_for_bytes("ready\r\n");
    demo.signal(Signal::SIGTERM);
    demo.ends();
    assert_eq!((demo.times(ENTER), demo.times(LEAVE)), (2, 2));
}
