//! Whoever stops the program, and whatever it does when it fails, the terminal is given back.

use nix::sys::signal::Signal;

use crate::program::{ENTER, LEAVE, Program, size, some};

/// The shell has the terminal: it says so and waits.
fn suspended(job: &mut Program) {
    job.wait_for_bytes("suspended: 147");
}

/// The shell calls the program back, which draws everything again.
fn called_back(job: &mut Program) {
    job.press("\n");
    job.wait_for("the whole screen", |screen| {
        let text = screen.contents();
        screen.alternate_screen() && text.contains("x FAIL") && !text.contains("suspended")
    });
    job.press("j");
    job.wait_for_text("Findings 2/");
}

#[test]
fn it_can_be_suspended_and_called_back() {
    for from_outside in [false, true] {
        let mut job = Program::job(&["demo"]);
        job.wait_for_text("x FAIL");
        if from_outside {
            job.signal(Signal::SIGTSTP);
        } else {
            job.press("\x1a");
        }
        suspended(&mut job);
        job.has_the_terminal_back();
        called_back(&mut job);
        job.press("q");
        job.ends();
        assert!(String::from_utf8_lossy(&job.raw).ends_with("ended: 0\r\n"));
        assert_eq!((job.times(ENTER), job.times(LEAVE)), (2, 2));
    }
}

#[test]
fn stopped_without_being_asked_it_takes_the_terminal_again() {
    let mut job = Program::job(&["demo"]);
    job.wait_for_text("x FAIL");
    job.signal(Signal::SIGSTOP);
    suspended(&mut job);
    called_back(&mut job);
    job.press("q");
    job.ends();
}

#[test]
fn without_a_shell_there_is_nobody_to_call_it_back() {
    let mut demo = Program::demo(&[], &[]);
    demo.wait_for_text("x FAIL");
    demo.press("\x1a");
    demo.wait_for_text("there is no shell here to go back to");
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

#[test]
fn a_storm_of_sizes_ends_in_the_last_one() {
    let mut demo = Program::demo(&[], &[]);
    demo.wait_for_text("x FAIL");
    for step in 0..300_u16 {
        demo.master.resize(size(20 + step * 37 % 180, 5 + step * 11 % 60)).unwrap();
    }
    demo.parser.screen_mut().set_size(some(30), some(110));
    demo.master.resize(size(110, 30)).unwrap();
    demo.wait_for("the keys on the last row", |screen| {
        screen.rows(0, 110).nth(29).unwrap().contains("q quit")
    });
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}

#[test]
fn a_terminal_that_is_gone_ends_it() {
    let mut demo = Program::demo(&[], &[]);
    demo.wait_for_text("x FAIL");
    assert!(demo.hangs_up(), "it goes on without a terminal");
}
