//! Whole talks on the simulated node, on a clock that waits for the person.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use patient::Patient;

use super::Session;
use crate::{
    catalog::Catalog,
    cli::{
        console::{Console, Gone, Wrong},
        fold::{COLUMNS, Folded},
    },
    engine::{Engine, Filter, Selection, Settings, Terms},
    model::{Component, FileMeta, Outcome},
    node::{Node as _, atomic, recording, sim::SimNode},
    report::Look,
};

#[allow(dead_code, reason = "shared with `tests/tui`")]
mod patient;

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

fn talk(prepare: impl Fn(&Arc<SimNode>), deeds: &[Deed]) -> Told {
    talk_with(Settings::default(), prepare, deeds)
}

fn talk_with(settings: Settings, prepare: impl Fn(&Arc<SimNode>), deeds: &[Deed]) -> Told {
    let (clock, node) = Patient::on(&recording::KUBEADM_1_36_2);
    prepare(&node);
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let engine = Engine::new(node.clone(), catalog, settings);
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
        snapshot_path => "../../../../snapshots/cli",
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

/// Three fixes, of which the node does not take the second.
const ONE_OF_THREE: [Deed; 3] = [Says("pick 1.1.9 1.3.2 1.4.1"), Says("apply"), Says("y")];

fn refuses_the_second(node: &Arc<SimNode>) {
    node.crash_on(Component::KubeControllerManager, "--profiling=false");
}

fn profiling_is_off(told: &Told, component: &str) -> bool {
    let path = format!("/etc/kubernetes/manifests/{component}.yaml");
    told.node.text(&path).unwrap().contains("--profiling=false")
}

#[test]
fn what_failed_is_left_out_and_the_others_are_done_without_it() {
    let deeds =
        [&ONE_OF_THREE[..], &[Says("y"), Says("y"), Says("history"), Says("quit")]].concat();
    let told = talk(refuses_the_second, &deeds);
    has(
        &told,
        &[
            "Rolled back; the node is as before.",
            "Likely it was 1.3.2.",
            "Plan 1.1.9, 1.4.1 without 1.3.2? Type y to go on: y",
            "1.1.9 is PASS now.",
            "1.4.1 is PASS now.",
        ],
    );
    assert!(!told.text.contains("1.3.2 is PASS now."), "{}", told.text);
    assert_eq!(told.outcome, Some(Outcome::Committed));
    assert!(profiling_is_off(&told, "kube-scheduler"));
    assert!(!profiling_is_off(&told, "kube-controller-manager"));
}

#[test]
fn nobody_has_to_go_on_without_what_failed() {
    let deeds = [&ONE_OF_THREE[..], &[Says(""), Says("quit")]].concat();
    let told = talk(refuses_the_second, &deeds);
    has(&told, &["Everything stays picked: drop 1.3.2 does without.", "3 picked. What next?"]);
    assert!(matches!(told.outcome, Some(Outcome::RolledBack { .. })));
    assert!(!profiling_is_off(&told, "kube-scheduler"));
}

#[test]
fn where_nothing_can_be_written_everything_is_shown_and_the_reason_is_told() {
    let settings = Settings { read_only: true, ..Settings::default() };
    let deeds = [
        Says("list"),
        Says("pick 1.4.1"),
        Says("plan"),
        Says("apply"),
        Says("rollback"),
        Says("recover"),
        Says("history"),
        Says("quit"),
    ];
    let told = talk_with(settings, |_| {}, &deeds);
    has(
        &told,
        &[
            "Read-only: --read-only was given.",
            "+    - --profiling=false",
            "Not done: read-only: --read-only was given",
            "Nothing was changed here yet.",
        ],
    );
    assert!(!told.text.contains("Type y"), "nothing is asked that cannot be done: {}", told.text);
    assert!(!profiling_is_off(&told, "kube-scheduler"));
}

/// A change of the scheduler whose process died before it was proved.
fn interrupted(node: &Arc<SimNode>) {
    let catalog = Arc::new(Catalog::embedded().unwrap());
    let engine = Engine::new(node.clone(), catalog, Settings::default());
    let scan = engine.scan(&Filter::default()).unwrap();
    let plan = engine.plan(&scan, &Selection::Controls(vec!["1.4.1".parse().unwrap()])).unwrap();
    let running = engine.apply(&plan, &Terms::default()).unwrap();
    let path = format!("/transactions/{}/journal.jsonl", running.id());
    assert_eq!(running.wait(&mut |_| {}).unwrap(), Outcome::Committed);
    let journal = String::from_utf8(node.state().read(&path, 1 << 20).unwrap()).unwrap();
    let before: String =
        journal.split_inclusive('\n').take_while(|line| !line.contains("\"verified\"")).collect();
    assert!(before.contains("\"applied\"") && before.len() < journal.len(), "{journal}");
    let meta = FileMeta { mode: 0o600, uid: 0, gid: 0, xattrs: BTreeMap::new() };
    atomic::replace(node.state(), &path, before.as_bytes(), &meta).unwrap();
}

#[test]
fn what_was_interrupted_is_recovered_before_anything_else() {
    let deeds = [
        Says("pick 1.3.2"),
        Says("apply"),
        Says("recover"),
        Says(""),
        Says("recover"),
        Says("y"),
        Says("recover"),
        Says("apply"),
        Says("y"),
        Says("quit"),
    ];
    let told = talk(interrupted, &deeds);
    has(
        &told,
        &[
            "did not end: say recover before anything\n    else.",
            "Not done: refused, nothing was written: ",
            "Recovering finishes or undoes it. Recover? Type y to go on: \nNothing was written.",
            "Rolled back; the node is as before. Cause: it was interrupted",
            "Nothing was interrupted, and nothing is stuck.",
            "1.3.2 is PASS now.",
        ],
    );
    assert!(!profiling_is_off(&told, "kube-scheduler"));
    assert!(profiling_is_off(&told, "kube-controller-manager"));
}

#[test]
fn what_a_refusal_names_is_asked_for_by_itself() {
    let others = |node: &Arc<SimNode>| {
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
