//! Whole talks on the simulated node, on a clock that waits for the person.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, Weak},
    time::Duration,
};

use super::Session;
use crate::{
    catalog::Catalog,
    cli::{
        console::{Console, Gone, Wrong},
        fold::{COLUMNS, Folded},
    },
    engine::{Engine, Settings},
    model::{Component, Outcome},
    node::{
        Clock, Node as _, recording,
        sim::{SimNode, VirtualClock},
    },
    report::Look,
    store::{Journal, Store},
};

const SCHEDULER: &str = "/etc/kubernetes/manifests/kube-scheduler.yaml";

/// What the person does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Answers what is asked.
    Says(&'static str),
    /// While it counts: lets so many seconds pass.
    Waits(u64),
    /// While it counts: types a line.
    Types(&'static str),
    /// Presses Ctrl-C.
    Interrupts,
}
use Deed::{Interrupts, Says, Types, Waits};

/// A virtual clock; during a countdown time passes only as far as the person lets it.
#[derive(Debug, Default)]
struct Patient {
    clock: VirtualClock,
    node: Mutex<Weak<SimNode>>,
    granted: Mutex<Granted>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Granted {
    time: Duration,
    /// The countdown has used it up and waits for more.
    used: bool,
    /// Nobody holds it any more.
    free: bool,
}

impl Patient {
    fn counts(&self) -> bool {
        let Some(node) = self.node.lock().unwrap().upgrade() else { return false };
        let Some(id) = Store::new(node.as_ref()).list().unwrap().pop() else { return false };
        let journal = Journal::read(node.as_ref(), &id).unwrap();
        journal.outcome.is_none() && journal.waiting_until().is_some()
    }

    fn grant(&self, time: Duration) {
        let mut granted = self.granted.lock().unwrap();
        granted.time += time;
        granted.used = false;
        self.changed.notify_all();
        drop(self.changed.wait_while(granted, |granted| !granted.used).unwrap());
    }

    fn hold(&self, held: bool) {
        self.granted.lock().unwrap().free = !held;
        self.changed.notify_all();
    }
}

impl Clock for Patient {
    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn sleep(&self, duration: Duration) {
        if self.counts() {
            let mut granted = self.granted.lock().unwrap();
            while !granted.free && granted.time < duration {
                granted.used = true;
                self.changed.notify_all();
                granted = self.changed.wait(granted).unwrap();
            }
            granted.time = granted.time.saturating_sub(duration);
        }
        self.clock.sleep(duration);
    }
}

/// Plays the deeds, and writes everything down.
struct Script {
    clock: Arc<Patient>,
    deeds: VecDeque<Deed>,
    out: Folded<Vec<u8>>,
    interrupted: bool,
}

impl Console for Script {
    fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    fn verbatim(&mut self, line: &str) -> io::Result<()> {
        self.out.verbatim(line)
    }

    fn ask(&mut self, prompt: &str, wrong: Wrong<'_>) -> Result<String, Gone> {
        loop {
            match self.deeds.pop_front() {
                Some(Says(line)) => {
                    writeln!(self.out, "{prompt}: {line}")?;
                    match wrong(line) {
                        Some(why) => writeln!(self.out, "{why}")?,
                        None => return Ok(line.to_owned()),
                    }
                }
                Some(Interrupts) => {
                    self.interrupted = true;
                    writeln!(self.out, "{prompt}: ^C")?;
                    return Err(Gone::Interrupted);
                }
                None => return Err(Gone::Ended),
                Some(deed) => panic!("asked '{prompt}', did not {deed:?}"),
            }
        }
    }

    fn forget(&mut self) {
        self.clock.hold(true);
    }

    fn heard(&mut self) -> Result<Option<String>, Gone> {
        match self.deeds.front().copied() {
            Some(Waits(seconds)) => {
                self.deeds.pop_front();
                self.clock.grant(Duration::from_secs(seconds));
                Ok(None)
            }
            Some(Types(line)) => {
                self.deeds.pop_front();
                writeln!(self.out, "{line}")?;
                self.clock.hold(line != "keep" && line != "revert");
                Ok(Some(line.to_owned()))
            }
            Some(Interrupts) => {
                self.deeds.pop_front();
                self.interrupted = true;
                self.clock.hold(false);
                Err(Gone::Interrupted)
            }
            // Nobody is there any more: time passes by itself.
            _ => {
                self.clock.hold(false);
                Ok(None)
            }
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupted
    }
}

/// What was written, and how the latest transaction ended.
struct Told {
    node: Arc<SimNode>,
    text: String,
    outcome: Option<Outcome>,
}

fn talk(prepare: impl Fn(&SimNode), deeds: &[Deed]) -> Told {
    let clock = Arc::new(Patient::default());
    let node = Arc::new(SimNode::new(&recording::KUBEADM_1_36_2, clock.clone(), 1).unwrap());
    *clock.node.lock().unwrap() = Arc::downgrade(&node);
    prepare(&node);
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let engine = Engine::new(node.clone(), catalog, Settings::default());
    let mut script = Script {
        clock,
        deeds: deeds.iter().copied().collect(),
        out: Folded::new(Vec::new(), COLUMNS),
        interrupted: false,
    };
    let look = Look { ascii: true, ..Look::default() };
    let outcome = Session::new(&engine, &mut script, look, "ops").run().unwrap();
    assert!(script.deeds.is_empty(), "never came to {:?}", script.deeds);
    let text = String::from_utf8(script.out.inner().clone()).unwrap();
    let text = anstream::adapter::strip_str(&text).to_string();
    Told { node, text, outcome }
}

fn has(told: &Told, texts: &[&str]) {
    for text in texts {
        assert!(told.text.contains(text), "no '{text}' in\n{}", told.text);
    }
}

#[test]
fn the_whole_journey() {
    let told = talk(
        |_| {},
        &[
            Says("help"),
            Says(""),
            Says("list R1"),
            Says("pick 1 2"),
            Says("show 1"),
            Says("apply"),
            Says(""),
            Says("apply"),
            Says("y"),
            Says("pick 1.2.15"),
            Says("apply"),
            Says("y"),
            Waits(65),
            Types("what"),
            Types("more"),
            Waits(1),
            Waits(240),
            Types("keep"),
            Says("history"),
            Says("rollback 2"),
            Says("y"),
            Says("health"),
            Says("quit"),
        ],
    );
    assert_eq!(told.outcome, Some(Outcome::Committed));
    let text = told.node.text(SCHEDULER).unwrap();
    assert!(!text.contains("--profiling=false"), "the middle one went back");
    for line in told.text.lines() {
        assert!(line.len() < 80, "{line}");
    }
    insta::with_settings!({
        snapshot_path => "../../../snapshots/cli",
        prepend_module_to_snapshot => false,
        omit_expression => true,
        filters => vec![(r"\d{8}T\d{6}Z-[0-9a-f]{4}", "TXN"), (r"pid \d+", "pid PID"), (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME")],
    }, {
        insta::assert_snapshot!("line", told.text);
    });
}

#[test]
fn nobody_answers_and_it_goes_back() {
    let told = talk(
        |_| {},
        &[Says("pick 1.2.15"), Says("apply"), Says("y"), Waits(130), Waits(150), Says("quit")],
    );
    has(&told, &["2 minutes 50 seconds left", "20 seconds left", "nobody confirmed it"]);
    assert!(matches!(told.outcome, Some(Outcome::RolledBack { .. })));
}

#[test]
fn a_higher_risk_wants_its_control_typed() {
    for (answer, written) in [("y", false), ("", false), ("1.2.11", true)] {
        let told = talk(|_| {}, &[Says("pick 1.2.11"), Says("apply"), Says(answer), Interrupts]);
        has(&told, &["Type '1.2.11' to go on"]);
        assert_eq!(told.text.contains("Transaction 2"), written, "{}", told.text);
        assert_eq!(told.text.contains("Nothing was written."), !written, "{}", told.text);
    }
}

#[test]
fn a_change_that_does_not_prove_itself_is_told_and_stays_picked() {
    let told = talk(
        |node| node.crash_on(Component::KubeScheduler, "--profiling=false"),
        &[Says("pick 1.4.1"), Says("apply"), Says("y"), Says("quit")],
    );
    has(&told, &["Rolled back; the node is as before.", "1 picked. What next?"]);
}

#[test]
fn what_a_refusal_names_is_asked_for_by_itself() {
    let others = |node: &SimNode| {
        let config = "/var/lib/kubelet/config.yaml";
        node.replace(config, &(node.text(config).unwrap() + "maxPods: 50\n")).unwrap();
        node.clock().sleep(Duration::from_secs(60));
    };
    let told = talk(
        others,
        &[
            Says("pick 4.2.14"),
            Says("apply"),
            Says(""),
            Says("apply"),
            Says("y"),
            Says("n"),
            Says("quit"),
        ],
    );
    has(
        &told,
        &[
            "As it is: refused, nothing was written: changes of others wait for the next",
            "You may allow it: changes of others that wait may start too",
            "Not done: it was not allowed; nothing was written",
            "Apply this? Type '4.2.14' to go on: n",
        ],
    );
    assert!(!told.text.contains("Transaction 2"), "{}", told.text);
}

#[test]
fn leaving_says_what_it_means() {
    let told = talk(|_| {}, &[Says("pick 1.4.1"), Says("apply"), Interrupts]);
    has(&told, &["Left. No change is under way, and nothing more is written."]);
    assert_eq!(told.outcome, None);
    let told = talk(|_| {}, &[Says("pick 1.2.15"), Says("apply"), Says("y"), Interrupts]);
    has(&told, &["Keep it?", "The simulated node ends with this program"]);
}

#[test]
fn what_cannot_be_done_says_why_and_the_talk_goes_on() {
    let told = talk(
        |_| {},
        &[
            Says("apply"),
            Says("pick 1.2.16"),
            Says("pick 99"),
            Says("sing"),
            Says("rollback"),
            Says("explain 1.4.1"),
            Says("q"),
        ],
    );
    has(
        &told,
        &[
            "Not done: nothing is picked",
            "1.2.16 has no fix here",
            "Not done: the list has no 99",
            "'sing' is not among the words; say help.",
            "Why it matters",
        ],
    );
}
