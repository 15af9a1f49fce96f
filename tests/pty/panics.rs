//! A panic, on whatever thread, gives the terminal back and is told afterwards.

use nix::sys::signal::Signal;

use crate::program::Program;

/// Runs the demo until it comes to the point.
fn demo(point: &str) -> Program {
    Program::demo(&[], &[("KUBE_TEMPER_FAILPOINT", &format!("panic@{point}"))])
}

fn told(demo: &Program, point: &str) {
    let said = String::from_utf8_lossy(&demo.raw);
    let after = said.rsplit("\x1b[?1049l").next().unwrap();
    assert!(after.contains(&format!("told to panic at {point}")), "{after:?}");
}

#[test]
fn of_the_thread_that_draws() {
    let mut demo = demo("screen-drawn:2");
    assert_eq!(demo.ended().exit_code(), 1);
    demo.has_the_terminal_back();
    told(&demo, "screen-drawn");
}

#[test]
fn of_the_threads_that_listen() {
    let mut pressed = demo("key-read");
    pressed.wait_for_text("x FAIL");
    pressed.press("j");
    pressed.ends_and_gives_the_terminal_back();
    told(&pressed, "key-read");

    let mut signalled = demo("signal-taken");
    signalled.wait_for_text("x FAIL");
    signalled.signal(Signal::SIGCONT);
    signalled.ends_and_gives_the_terminal_back();
    told(&signalled, "signal-taken");
}

#[test]
fn of_the_job_thread_leaves_a_session_that_says_so() {
    let mut demo = demo("job-begun");
    demo.wait_for_text("told to panic at job-begun");
    demo.press("q");
    demo.ends_and_gives_the_terminal_back();
}
