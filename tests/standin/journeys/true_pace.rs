//! One whole change at the pace of every day: no clock but the machine's, and no build for tests.

use super::SCHEDULER;
use crate::{
    Test,
    common::{expect_code, stderr, stdout},
    machine::Machine,
};

pub(crate) const TESTS: &[Test] = &[("true_pace::a_fix_of_the_scheduler", a_fix_of_the_scheduler)];

fn a_fix_of_the_scheduler() {
    let machine = Machine::true_pace();
    let output = machine.run(&["apply", "--check", "1.4.1", "--yes"]);
    expect_code(&output, 0);
    assert!(stdout(&output).ends_with("Committed.\n"), "{}", stdout(&output));
    assert!(stderr(&output).contains("no restart for 60 s"), "{}", stderr(&output));
    machine.is_changed(&[SCHEDULER]);
    let (_, argv) = machine.process("kube-scheduler").unwrap();
    assert!(argv.iter().any(|argument| argument == "--profiling=false"), "{argv:?}");
}
